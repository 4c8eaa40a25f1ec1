"""Exact coverage: against polygon intersection, and as a partition."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import example, given, settings
from hypothesis import strategies as st

from geo.soil.grid import Grid
from geo.soil.zonal import SLIVER, Tally, ZoneIndex, dissolved, polygons

pytestmark = pytest.mark.unit

COLUMNS, ROWS = 13, 11
X0, Y0, STEP = 571_000.0, 5_041_000.0, 10.0


def grid(block: int = 8) -> Grid:
    return Grid(COLUMNS, ROWS, Affine(STEP, 0, X0, 0, -STEP, Y0), "EPSG:32651", block)


def place(shapes: object) -> np.ndarray:
    """Shapes in pixel coordinates (column, row) -> the grid's CRS."""
    return shapely.transform(
        np.array(shapes, dtype=object), lambda a: a * [STEP, -STEP] + np.array([X0, Y0])
    )


def fractions(shapes: object, block: int = 8) -> np.ndarray:
    """Covered share of every pixel: float64[zones, rows, columns]."""
    g = grid(block)
    index = ZoneIndex.of_projected(place(shapes), g)
    number = np.arange(ROWS * COLUMNS, dtype=np.uint8).reshape(ROWS, COLUMNS)
    tally = Tally(index, ROWS * COLUMNS)
    for at in index.blocks:
        c, r, w, h = g.window(int(at))
        tally.add(int(at), number[r : r + h, c : c + w])
    column, row = np.meshgrid(np.arange(COLUMNS) + 0.5, np.arange(ROWS) + 0.5)
    pixel = g.pixel_area.at(column, row)
    return tally.areas.reshape(-1, ROWS, COLUMNS) / pixel


def overlay(shapes: object) -> np.ndarray:
    """The same by cutting polygons with pixel squares."""
    column, row = np.meshgrid(np.arange(COLUMNS), np.arange(ROWS))
    squares = shapely.box(column, row, column + 1, row + 1)
    return np.array([shapely.area(shapely.intersection(shape, squares)) for shape in shapes])


coordinate = st.floats(-4, 16, width=32) | st.integers(-3, 15).map(float)
ring = st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=9, unique=True)
#: Valid as it is, but a ring of it touches itself once the digits of projected numbers are cut.
TOUCHING = [(0.0, -6.3e-21), (2.0, 0.0), (0.0, 2.0), (1.0, 0.0), (0.0, 1.0), (1.0, 2.0)]


@settings(max_examples=150, deadline=None)
@given(st.lists(ring, min_size=1, max_size=4), st.sampled_from([4, 8, 16]))
@example([TOUCHING], 4)
def test_equals_polygon_intersection(rings: list, block: int) -> None:
    shapes, _ = polygons(np.array([shapely.Polygon(r) for r in rings], dtype=object))
    np.testing.assert_allclose(fractions(shapes, block), overlay(shapes), atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-2, 15), st.floats(-2, 13)), min_size=4, max_size=12, unique=True)
)
def test_a_partition_covers_every_pixel_once(points: list) -> None:
    """Triangles that fill a frame: their shares of each pixel add up to exactly 1."""
    frame = [(-3.0, -3.0), (17.0, -3.0), (17.0, 15.0), (-3.0, 15.0)]
    triangles = shapely.get_parts(shapely.delaunay_triangles(shapely.MultiPoint([*points, *frame])))
    total = fractions(triangles).sum(axis=0)
    np.testing.assert_allclose(total, 1.0, atol=1e-9)


def test_corner_cases() -> None:
    shapes = [
        shapely.box(3, 2, 5, 4),  # on pixel borders
        shapely.box(3.25, 2.5, 3.5, 2.75),  # inside one pixel
        shapely.box(-5, -5, 30, 30),  # around the raster
        shapely.box(20, 20, 30, 30),  # away from it
        shapely.box(7.9999999, 0, 8.0000001, 11),  # a sliver over a block border
        shapely.Polygon([(0, 0), (13, 0), (13, 11), (0, 11)], [[(4, 4), (9, 4), (9, 9), (4, 9)]]),
        shapely.MultiPolygon([shapely.box(0, 0, 1.5, 1.5), shapely.box(10.5, 9.5, 13, 11)]),
        shapely.box(0, 5, 13, 5.25).reverse(),  # turned the other way
        shapely.Polygon(),
    ]
    got = fractions(shapes)
    # Coordinates of the order of 5e6 m carry 1e-9 m, so pixels 1e-10.
    np.testing.assert_allclose(got, overlay(shapes), atol=1e-9)
    assert got[0].sum() == pytest.approx(4, abs=1e-9)
    assert got[8].sum() == 0


def test_rotated_and_mirrored_grids_measure_the_same() -> None:
    shape = shapely.Polygon([(571_020, 5_040_980), (571_110, 5_040_960), (571_060, 5_040_905)])
    sums = []
    for transform in (
        Affine(10, 0, X0, 0, -10, Y0),
        Affine(10, 0, X0, 0, 10, Y0 - 110),
        Affine(9, 3, X0 - 30, 3, -9, Y0),
    ):
        g = Grid(20, 20, transform, "EPSG:32651", 8)
        index = ZoneIndex.of_projected(np.array([shape]), g)
        assert index.inside.all()
        tally = Tally(index, 1)
        for at in index.blocks:
            _, _, w, h = g.window(int(at))
            tally.add(int(at), np.zeros((h, w), dtype=np.uint8))
        sums.append(tally.areas.sum())
    np.testing.assert_allclose(sums, sums[0], rtol=1e-9)


def test_a_tally_goes_on_where_it_stopped() -> None:
    """A run resumed from saved sums ends with the same bits."""
    rng = np.random.default_rng(1)
    index = ZoneIndex.of_projected(place([shapely.Point(6, 5).buffer(4.7)]), grid(4))
    codes = rng.integers(0, 3, (ROWS, COLUMNS)).astype(np.uint8)

    def add(tally: Tally, blocks: np.ndarray) -> Tally:
        for at in blocks:
            c, r, w, h = index.grid.window(int(at))
            tally.add(int(at), codes[r : r + h, c : c + w])
        return tally

    whole = add(Tally(index, 3), index.blocks)
    first = add(Tally(index, 3), index.blocks[:3])
    resumed = add(Tally(index, 3, first.units), index.blocks[3:])
    np.testing.assert_array_equal(resumed.units, whole.units)


def test_classes_and_blocks_that_do_not_fit_are_errors() -> None:
    index = ZoneIndex.of_projected(place([shapely.box(0, 0, 5, 5)]), grid())
    with pytest.raises(ValueError, match="class 3"):
        Tally(index, 3).add(0, np.full((8, 8), 3, dtype=np.uint8))
    with pytest.raises(ValueError, match="block 0"):
        Tally(index, 3).add(0, np.zeros((4, 4), dtype=np.uint8))


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 12)] * 2, *[st.integers(1, 6)] * 2), max_size=9))
def test_dissolved_is_the_union(boxes: list) -> None:
    zones = np.array([shapely.box(x, y, x + w, y + h) for x, y, w, h in boxes], dtype=object)
    pieces, alone = dissolved(zones)
    everything = [*pieces, *zones[alone]]
    assert sum(p.area for p in everything) == pytest.approx(shapely.union_all(zones).area)
    for k, piece in enumerate(everything):
        for other in everything[k + 1 :]:
            assert piece.intersection(other).area <= SLIVER * min(piece.area, other.area)


def test_shared_edges_need_no_dissolving() -> None:
    x, y = np.meshgrid(np.arange(20.0), np.arange(20.0))
    zones = shapely.box(x, y, x + 1, y + 1).ravel()
    # A neighbour whose corner lies on another's edge shares it all the same.
    zones = np.append(zones, shapely.box(20, 0.5, 21, 1.7))
    pieces, alone = dissolved(zones)
    assert len(pieces) == 0
    assert len(alone) == 401


def units(shapes: object, block: int, order: np.random.Generator | None = None) -> np.ndarray:
    """int64[zones, rows * columns]: units of every pixel, blocks in any order."""
    g = grid(block)
    index = ZoneIndex.of_projected(place(shapes), g)
    number = np.arange(ROWS * COLUMNS, dtype=np.uint16).reshape(ROWS, COLUMNS)
    tally = Tally(index, ROWS * COLUMNS)
    blocks = index.blocks if order is None else order.permutation(index.blocks)
    for at in blocks:
        c, r, w, h = g.window(int(at))
        tally.add(int(at), number[r : r + h, c : c + w])
    return tally.units


@settings(max_examples=50, deadline=None)
@given(st.lists(ring, min_size=1, max_size=3), st.sampled_from([1, 2, 3, 5, 8]))
@example([[(-4.0, -3.7), (16.0, 0.1), (15.3, 14.9), (-3.1, 9.3)]], 3)
def test_blocks_and_their_order_change_no_bit(rings: list, block: int) -> None:
    shapes, _ = polygons(np.array([shapely.Polygon(r) for r in rings], dtype=object))
    whole = units(shapes, 16)
    np.testing.assert_array_equal(units(shapes, block, np.random.default_rng(block)), whole)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-2, 15), st.floats(-2, 13)), min_size=4, max_size=12, unique=True)
)
def test_shared_edges_give_what_they_take(points: list) -> None:
    """Of a partition the shares of a pixel add up to it, but for the rounding of each share."""
    frame = [(-3.0, -3.0), (17.0, -3.0), (17.0, 15.0), (-3.0, 15.0)]
    triangles = shapely.get_parts(shapely.delaunay_triangles(shapely.MultiPoint([*points, *frame])))
    whole = units([shapely.box(-3, -3, 17, 15)], 16)[0]
    assert np.abs(units(triangles, 4).sum(axis=0) - whole).max() <= len(triangles)


def test_whole_pixels_are_whole() -> None:
    """A pixel inside has its own area to the last unit, whatever lies around it."""
    inner = units([shapely.box(3, 2, 5, 4)], 8)[0]
    around = units([shapely.Point(6, 5).buffer(5.3)], 5)[0]
    both = np.flatnonzero(inner)
    np.testing.assert_array_equal(inner[both], around[both])
