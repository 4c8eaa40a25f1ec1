"""How full the tiles are, against a plain count; what a base keeps of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.record.geopackage import open_record
from geo.record.protocol import ChangeSet
from geo.snapshot import base
from geo.snapshot.density import density, first_zoom
from geo.snapshot.flat import MERCATOR_RADIUS, from_shapely, vertex_offsets, web_mercator
from geo.snapshot.fullest import DEEPEST, fullest
from geo.snapshot.levels import vertex_levels
from geo.snapshot.store import Snapshots
from tests.geo.snapshot.test_store import AUTHOR, CATALOG, LAYER, rows_of

pytestmark = pytest.mark.unit

WORLD = 2 * np.pi * MERCATOR_RADIUS


def corners_of(shapes: np.ndarray) -> np.ndarray:
    bounds = shapely.bounds(shapes)
    return np.hstack((web_mercator(bounds[:, :2]), web_mercator(bounds[:, 2:])))


def plain_count(corners: np.ndarray, z: int) -> int:
    """Features of the tile that meets most, with its buffer."""
    side = 2**z
    count: Counter[tuple[int, int]] = Counter()
    more = 1 / 64
    for minx, miny, maxx, maxy in corners / WORLD:
        for x in range(side):
            for y in range(side):
                if (
                    (minx + 0.5) * side <= x + 1 + more and (maxx + 0.5) * side >= x - more
                    and (0.5 - maxy) * side <= y + 1 + more and (0.5 - miny) * side >= y - more
                ):  # fmt: skip
                    count[x, y] += 1
    return max(count.values())


@settings(deadline=None, max_examples=15)
@given(st.lists(st.tuples(st.floats(-170, 160), st.floats(-70, 70), st.floats(0.01, 9)),
                min_size=1, max_size=12))  # fmt: skip
def test_the_fullest_tile_is_found(places):
    shapes = np.array([shapely.box(x, y, x + w, y + w) for x, y, w in places])
    flat = from_shapely(shapes, "MultiPolygon")
    corners = corners_of(shapes)
    rows = np.arange(len(shapes))
    most = fullest(rows, corners, vertex_offsets(flat), flat.mercator, np.zeros(0, np.uint8), 0)
    for z in range(5):
        assert most[z, 0] == plain_count(corners, z)
    points = WORLD / 2 + flat.mercator * (1, -1)
    points = np.floor(points * (2**4 / WORLD * 4096)).astype(int)
    tiles: Counter[tuple[int, int]] = Counter()
    start = vertex_offsets(flat)
    for row in rows:
        last = None
        for point in map(tuple, points[start[row] : start[row + 1]]):
            if point != last:
                tiles[point[0] >> 12, point[1] >> 12] += 1
            last = point
    assert most[4, 1] == max(tiles.values())


def test_vertices_count_from_their_level_on():
    shapes = np.array([shapely.Point(122.9, 45.3).buffer(0.1, quad_segs=500)])
    flat = from_shapely(shapes, "MultiPolygon")
    flat = replace(flat, level=vertex_levels(flat))
    args = np.arange(1), corners_of(shapes), vertex_offsets(flat), flat.mercator
    with_levels, without = fullest(*args, flat.level, 0), fullest(*args, np.zeros(0, np.uint8), 0)
    assert (with_levels[:14, 1] <= without[:14, 1]).all()
    assert with_levels[8, 1] < 100 < without[8, 1]
    assert (with_levels[14:] == without[14:]).all()


def test_many_tiles_do_not_outgrow_the_table():
    rng = np.random.default_rng(0)
    middle = rng.uniform((-170, -80), (170, 80), (3000, 2))
    shapes = shapely.box(*middle.T, *(middle + 1e-5).T)
    shapes[:400] = shapely.box(122, 45, 122.00001, 45.00001)  # never fewer: looked at to the end
    flat = from_shapely(shapes, "MultiPolygon")
    most = fullest(np.arange(3000), corners_of(shapes), vertex_offsets(flat), flat.mercator,
                   np.zeros(0, np.uint8), 0)  # fmt: skip
    assert len(most) == DEEPEST + 1
    assert most[0, 0] == 3000
    assert most[-1, 0] >= 400


def test_two_pixels():
    for extent in (100.0, 300.0, 5000.0):
        z = first_zoom(extent)
        assert extent / (WORLD / 2**z / 256) >= 2 > extent / (WORLD / 2 ** (z - 1) / 256)
    assert first_zoom(WORLD) == 0


@pytest.fixture
def things(tmp_path):
    record = open_record(tmp_path / "r.gpkg", CATALOG)
    values = [("甲" * (1 + i % 3), i, 0.5 * i if i % 2 else None, i % 100) for i in range(200)]
    table, shapes = rows_of([*values, ("无", 1, 1.0, None)])
    record.commit([ChangeSet.inserts("things", table, shapes)], AUTHOR)
    record.commit([ChangeSet.deletes("things", np.arange(1, 51))], AUTHOR)
    changed, moved = rows_of([("乙", 1, 1.0, 5)])
    record.commit([ChangeSet.updates("things", np.array([60]), changed, moved)], AUTHOR)
    yield record, tmp_path / "snapshots"
    record.close()


def test_a_base_keeps_density_and_levels(things):
    record, folder = things
    base.compact(record, LAYER, folder)
    view = Snapshots(record, folder).view("things")
    (current,) = view.segments
    assert current.density == density(current)
    assert current.density.rows == 150
    assert current.density.words["code"][1] == len(set(current.column("code").to_pylist()))
    assert not current.flat.level.flags.owndata  # mapped like the rest
    assert len(current.flat.level) == len(current.flat.xy)
    then = Snapshots(record, folder).view("things", 1)
    _, past = then.segments
    assert past.density.rows == 50  # gone; the old version of 60 stands for nothing more
    assert past.flat.level is not None
    # A change in memory has no levels until it is folded in.
    record.commit([ChangeSet.deletes("things", np.array([61]))], AUTHOR)
    record.commit([ChangeSet.inserts("things", *rows_of([("丙", 1, 1.0, 7)]))], AUTHOR)
    assert Snapshots(record, folder).view("things").segments[-1].flat.level is None
    base.compact(record, LAYER, folder)
    (current,) = Snapshots(record, folder).view("things").segments
    assert current.density.rows == 150
    assert len(current.flat.level) == len(current.flat.xy)


def test_words_are_as_long_as_their_json(things):
    record, folder = things
    base.compact(record, LAYER, folder)
    (current,) = Snapshots(record, folder).view("things").segments
    shown = current.batch.column("_properties")
    whole = sum(len(text.as_py()) for text in shown) / len(shown)
    words = current.density.words
    guess = sum(words[name][0] + len(name) + 4 for name in words)
    assert whole <= guess + 2
    assert guess <= 1.2 * whole
    assert pa.types.is_dictionary(current.column("code").type)
