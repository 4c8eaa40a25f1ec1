"""A soil run whose process is killed goes on where it stopped, with the same digits."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from rasterio.transform import from_origin

from app.jobs import soil, sweep
from app.jobs.queue import Queue, put
from app.jobs.sandbox import Limits, SandboxError
from app.settings import Settings
from app.state import State
from geo import crs as ground
from geo.soil import blocks, raster, run
from geo.soil.grading import custom
from geo.soil.results import Results

GRADES = custom([0.1, 0.2, 0.3], ["a", "b", "c", "d"])


class Stop(Exception):
    pass


def test_a_killed_child_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(data=tmp_path)
    settings.raster_folder.mkdir(parents=True)
    pixels = np.random.default_rng(3).integers(1200, 5200, (3, 256, 256)).astype(np.uint16)
    with rasterio.open(
        settings.raster_folder / "a.tif", "w", driver="GTiff", crs="EPSG:32651", nodata=0, count=3,
        height=256, width=256, dtype="uint16", tiled=True, blockxsize=32, blockysize=32,
        transform=from_origin(570_000, 5_040_000, 10, 10),
    ) as file:  # fmt: skip
        file.write(pixels)
    stated = raster.Registration(
        "sentinel-2-l2a", ("G", "R", "N"), datetime(2026, 5, 3, tzinfo=UTC), offset_applied="no"
    )
    scene = raster.register(settings.raster_folder, "a.tif", stated)
    scene = scene.model_copy(update={"block": 32})
    place = shapely.Point(571_250, 5_038_750).buffer(1100)
    zones = ground.transform(np.array([place]), "EPSG:32651", ground.STORAGE)
    soil.write_zones(tmp_path / "zones.arrow", [7], zones)
    kept = tmp_path / "kept.npz"

    monkeypatch.setattr(blocks, "EVERY", 0.0)
    monkeypatch.setattr(blocks, "SPARING", 0)

    def stop(done: int, of: int) -> None:
        if done > of // 2:
            raise Stop

    question = {"spec": {"index": "si_gr"}, "grading": GRADES, "zones": zones, "zone_ids": [7]}
    with pytest.raises(Stop):
        run.areas(
            settings.raster_folder, scene, masks=("water",), progress=stop, checkpoint=kept,
            **question,
        )  # fmt: skip
    wanted = run.areas(settings.raster_folder, scene, masks=("water",), **question)

    real, calls = soil.sandboxed, []

    def killed_once(*arguments: object, **more: object) -> object:
        calls.append(arguments)
        if len(calls) == 1:
            raise SandboxError("E_MEMORY", "", "")
        return real(*arguments, **more)

    monkeypatch.setattr(soil, "sandboxed", killed_once)
    order = soil.Order((scene,), {"index": "si_gr"}, GRADES, ("water",), {}, kept)
    told: list[float] = []
    folder = tmp_path / "job"
    folder.mkdir()
    summary, output = soil.measure(
        settings, order, tmp_path / "zones.arrow", folder, Limits(),
        lambda _, part: told.append(part or 0.0),
    )  # fmt: skip
    assert len(calls) == 2
    assert told[0] > 0.4
    assert summary["zones"] == 1
    found = Results(output).zones()
    np.testing.assert_array_equal(found.after.grades, wanted.areas.grade_m2)

    # Without a checkpoint, or for another reason, nothing is tried again.
    calls.clear()
    with pytest.raises(SandboxError):
        soil.measure(
            settings, soil.Order((scene,), {"index": "si_gr"}, GRADES, ("water",)),
            tmp_path / "zones.arrow", folder, Limits(), lambda *_: None,
        )  # fmt: skip


def test_checkpoints_of_ended_runs_are_swept(tmp_path: Path) -> None:
    state = State(Settings(data=tmp_path, in_process_worker=False))
    try:
        with state.record.write() as connection:
            ids = [put(connection, "soil.run", {}, "nobody") for _ in range(2)]
        state.settings.work_folder.mkdir(parents=True, exist_ok=True)
        paths = [soil.checkpoint_of(state.settings, each) for each in ids]
        for path in [*paths, paths[0].with_name(f"{paths[0].name}.1.tmp")]:
            path.write_bytes(b"x")
        first = Queue(state.record).claim()
        assert first is not None
        with state.record.write() as connection:
            Queue(state.record).finish(connection, first, "done", result={})
        sweep.sweep(state)
        left = sorted(path.name for path in state.settings.work_folder.glob("soil-*"))
        assert left == [paths[1].name]
    finally:
        state.stop()
