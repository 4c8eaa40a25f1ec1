"""Any workers in any order, stopped and gone on with: the same bits."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import rasterio
import shapely
from rasterio.transform import from_origin

from geo import crs as ground
from geo.errors import Rejected
from geo.soil import blocks, raster, run, season
from geo.soil.grading import custom
from geo.soil.raster import Registration

pytestmark = pytest.mark.unit

GRADES = custom([0.1, 0.2, 0.3], ["a", "b", "c", "d"])
WHEN = datetime(2025, 5, 3, 2, 45, tzinfo=UTC)
ZONES = 40


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Two scenes of 300 x 260 pixels in blocks of 32, the later one shifted by (7, -5) pixels."""
    folder = tmp_path_factory.mktemp("blocks")
    rng = np.random.default_rng(11)
    found = []
    for year, (dx, dy) in ((2025, (0, 0)), (2026, (7, -5))):
        pixels = rng.integers(1200, 5200, (5, 260, 300)).astype(np.uint16)
        pixels[4] = rng.choice([5, 5, 5, 9], (260, 300))
        pixels[:4, 100:104] = 0
        with rasterio.open(
            folder / f"{year}.tif", "w", driver="GTiff", crs="EPSG:32651", nodata=0, count=5,
            height=260, width=300, dtype="uint16", tiled=True, blockxsize=32, blockysize=32,
            transform=from_origin(570_000 + 10 * dx, 5_040_000 - 10 * dy, 10, 10),
        ) as file:  # fmt: skip
            file.write(pixels)
        stated = Registration(
            "sentinel-2-l2a", ("B", "G", "R", "N", "SCL"), WHEN.replace(year=year),
            offset_applied="no",
        )  # fmt: skip
        scene = raster.register(folder, f"{year}.tif", stated)
        found.append(scene.model_copy(update={"block": 32}))
    places = [
        shapely.Point(*rng.uniform((0, -2600), (3000, 0))).buffer(rng.uniform(3, 500))
        for _ in range(ZONES)
    ]
    moved = shapely.transform(np.array(places), lambda xy: xy + np.array([570_000, 5_040_000]))
    return folder, found, ground.transform(moved, "EPSG:32651", ground.STORAGE)


def computed(world, pair: bool = False, **more) -> run.RunResult:
    folder, scenes, zones = world
    return run.areas(
        folder, tuple(scenes) if pair else scenes[0], spec={"index": "si_gr"}, grading=GRADES,
        zones=zones, zone_ids=range(len(zones)), **more,
    )  # fmt: skip


def same(a: run.RunResult, b: run.RunResult) -> None:
    for one, other in ((a.own, b.own), (a.union, b.union), (a.sum, b.sum)):
        np.testing.assert_array_equal(one.areas.grade_m2, other.areas.grade_m2)
        np.testing.assert_array_equal(one.areas.masked_m2, other.areas.masked_m2)
        np.testing.assert_array_equal(one.areas.outside_m2, other.areas.outside_m2)
        if one.change_m2 is not None:
            np.testing.assert_array_equal(one.change_m2, other.change_m2)


class Backwards(ThreadPoolExecutor):
    """Gives results in a random order: a task waits a random while."""

    def submit(self, work, /, *args):  # type: ignore[override]
        wait = random.Random(id(args[0])).uniform(0, 0.02)

        def late():
            time.sleep(wait)
            return work(*args)

        return super().submit(late)


@pytest.mark.parametrize("pair", [False, True])
def test_workers_and_their_order_change_no_bit(world, pair: bool) -> None:
    alone = computed(world, pair)
    with ThreadPoolExecutor(3) as threads:
        same(computed(world, pair, executor=threads, at_once=3), alone)
    with Backwards(4) as threads:
        same(computed(world, pair, executor=threads, at_once=4), alone)


def test_processes_change_no_bit(world) -> None:
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as processes:
        same(computed(world, True, executor=processes), computed(world, True))


def test_block_size_changes_no_bit(world) -> None:
    folder, scenes, zones = world
    whole = folder, [scene.model_copy(update={"block": 1024}) for scene in scenes], zones
    same(computed(whole, True), computed(world, True))


class Stop(Exception):
    pass


def test_a_stopped_run_goes_on_with_the_same_bits(world, tmp_path, monkeypatch) -> None:
    wanted = computed(world, True)
    monkeypatch.setattr(blocks, "EVERY", 0.0)
    monkeypatch.setattr(blocks, "SPARING", 0)
    kept, seen = tmp_path / "kept.npz", []

    def stop(done: int, of: int) -> None:
        seen.append(done)
        if done > of // 2:
            raise Stop

    with pytest.raises(Stop), ThreadPoolExecutor(2) as threads:
        computed(world, True, executor=threads, progress=stop, checkpoint=kept)
    again: list[int] = []
    found = computed(world, True, progress=lambda done, _: again.append(done), checkpoint=kept)
    same(found, wanted)
    assert again[0] == seen[-1]

    # Of another question, damaged, or cut short: begun anew.
    for content in (b"", kept.read_bytes()[:200], b"PK\x03\x04" + b"x" * 500):
        kept.write_bytes(content)
        same(computed(world, True, checkpoint=kept), wanted)
    computed(world, True, checkpoint=kept)
    other = computed(world, True, checkpoint=kept, masks=())
    same(other, computed(world, True, masks=()))


KILLED = """
import os, pickle, signal, sys
from pathlib import Path
from geo.soil import blocks, run
blocks.EVERY, blocks.SPARING = 0.0, 0
arguments = pickle.loads(Path(sys.argv[1]).read_bytes())
def die(done, of):
    if done > of // 3:
        os.kill(os.getpid(), signal.SIGKILL)
run.areas(*arguments.pop("first"), **arguments, progress=die, checkpoint=Path(sys.argv[2]))
"""


def test_killed_and_gone_on_with(world, tmp_path) -> None:
    import pickle

    folder, scenes, zones = world
    arguments = {
        "first": (folder, scenes[0]), "spec": {"index": "si_gr"}, "grading": GRADES,
        "zones": zones, "zone_ids": list(range(len(zones))),
    }  # fmt: skip
    (tmp_path / "arguments").write_bytes(pickle.dumps(arguments))
    kept = tmp_path / "kept.npz"
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "arguments"), str(kept)],
        env=os.environ, check=False,
    )  # fmt: skip
    assert ended.returncode == -signal.SIGKILL
    again: list[int] = []
    found = computed(world, progress=lambda done, _: again.append(done), checkpoint=kept)
    assert again[0] > 20
    same(found, computed(world))


def test_a_failing_task_ends_the_run(world) -> None:
    folder, scenes, zones = world
    changed = folder, [scenes[0].model_copy(update={"size": 1})], zones
    with pytest.raises(Rejected) as caught, ThreadPoolExecutor(2) as threads:
        computed(changed, executor=threads)
    assert caught.value.code == "E_RASTER_CHANGED"


def test_change_is_the_joint_histogram(world) -> None:
    """Against pixels taken one by one: both grids cut to what they share."""
    folder, (first, second), _ = world
    found = computed(world, True)
    assert found.own.change_m2 is not None
    k = len(GRADES.grades)
    np.testing.assert_allclose(found.own.change_m2.sum(axis=(1, 2)), found.areas.zone_m2, rtol=1e-9)
    np.testing.assert_allclose(
        found.own.change_m2[:, :, :k].sum(axis=1), found.areas.grade_m2, rtol=1e-9, atol=1e-6
    )
    codes = []
    for scene in (first, second):
        with rasterio.open(folder / scene.path) as file:
            pixels = file.read().astype(float)
        value = np.sqrt(
            np.maximum(pixels[1] * 1e-4 - 0.1, 0) * np.maximum(pixels[2] * 1e-4 - 0.1, 0)
        )
        code = np.digitize(value.astype(np.float32), np.float32([0.1, 0.2, 0.3]))
        code[pixels[4] == 9] = k
        code[pixels[1] == 0] = k + 1
        codes.append(code)
    # The later scene begins 7 columns further right and 5 rows further up.
    before = np.full_like(codes[1], k + 1)
    before[5:, :293] = codes[0][:255, 7:]
    box = shapely.box(571_000, 5_038_500, 571_500, 5_039_000)
    lonlat = ground.transform(np.array([box]), "EPSG:32651", ground.STORAGE)
    one = computed((folder, (first, second), lonlat), True).own
    assert one.change_m2 is not None
    rows, columns = slice(105, 155), slice(93, 143)
    wanted = np.zeros((k + 2, k + 2))
    np.add.at(wanted, (before[rows, columns], codes[1][rows, columns]), 1)
    share = one.change_m2[0] / one.areas.zone_m2[0]
    np.testing.assert_allclose(share, wanted / 2500, atol=1e-6)


@pytest.mark.parametrize(
    "moved", [from_origin(570_004, 5_040_000, 10, 10), from_origin(570_000, 5_040_000, 20, 20)]
)
def test_other_grids_are_refused_with_the_reason(world, moved) -> None:
    folder, (first, second), zones = world
    other = first.model_copy(update={"transform": tuple(moved)[:6]})
    with pytest.raises(Rejected) as caught:
        computed((folder, (other, second), zones), True)
    assert caught.value.code == "E_GRIDS"
    assert caught.value.fix
    with pytest.raises(Rejected, match="do not lie"):
        computed((folder, (first.model_copy(update={"crs": "EPSG:32652"}), second), zones), True)


def test_zones_are_cut_at_the_edges_of_other_polygons(world) -> None:
    folder, scenes, zones = world
    west, south, east, north = shapely.total_bounds(zones)
    middle = (west + east) / 2
    parts = np.array(
        [
            shapely.box(west - 1, south - 1, middle, north + 1),
            shapely.box(middle, (south + north) / 2, east + 1, north + 1),
        ]
    )
    found = computed(world, splits={"halves": parts})
    cut = found.splits["halves"]
    assert set(cut.member.tolist()) == {-1, 0, 1}
    assert (np.bincount(cut.zone) > 1).any()
    for name in ("zone_m2", "grade_m2", "masked_m2", "outside_m2"):
        pieces = getattr(cut.measured.areas, name)
        together = np.zeros_like(getattr(found.areas, name))
        np.add.at(together, cut.zone, pieces)
        np.testing.assert_allclose(together, getattr(found.areas, name), rtol=1e-6, atol=1e-2)
    # Cut by hand: the same as zones of their own.
    piece = shapely.intersection(zones, parts[0])
    alone = computed((folder, scenes, piece))
    np.testing.assert_allclose(
        cut.measured.areas.grade_m2[cut.member == 0].sum(axis=0),
        alone.areas.grade_m2.sum(axis=0), rtol=1e-9,
    )  # fmt: skip


def test_too_many_numbers_are_refused(world, monkeypatch) -> None:
    monkeypatch.setattr(run, "MOST_NUMBERS", 100)
    with pytest.raises(Rejected) as caught:
        computed(world)
    assert caught.value.code == "E_ZONE_COUNT"


def test_seasons() -> None:
    spring = datetime(2025, 5, 3, tzinfo=UTC)
    assert season.compared(spring, datetime(2026, 5, 8, tzinfo=UTC)) is None
    assert "days of the year apart" in season.compared(spring, spring + timedelta(days=405)).en
    other = season.compared(spring, datetime(2026, 10, 8, tzinfo=UTC))
    assert "秋收" in other.zh
    # Evening in UTC is the next day here.
    assert season.window_of(datetime(2025, 2, 28, 20, tzinfo=UTC))[0] == "spring"
    for day in range(366):
        season.window_of(datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=day))
