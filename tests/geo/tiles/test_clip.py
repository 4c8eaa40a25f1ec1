"""Clipping to a tile: nothing lost, nothing outside, whatever the geometry."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.snapshot.flat import from_shapely
from geo.tiles.clip import clip, join
from geo.tiles.grid import BUFFER, EXTENT, tile
from tests.geo.tiles.mvt_decoder import area

pytestmark = pytest.mark.unit

HERE = tile(12, 3446, 1468)
WEST, SOUTH, EAST, NORTH = HERE.lonlat(0)
LOW, HIGH = -BUFFER, EXTENT + BUFFER
BOX = shapely.box(LOW, LOW, HIGH, HIGH)


def on_grid(shape, here=HERE):
    """A lon/lat shape in the tile's grid units (floats)."""
    flat = from_shapely(np.array([shape]), kind_of(shape))
    plane = here.plane(flat)
    grid = np.column_stack(
        ((plane[:, 0] - here.bounds[0]) / here.step, (here.bounds[3] - plane[:, 1]) / here.step)
    )
    return shapely.set_coordinates(shapely.from_wkb(shapely.to_wkb(shape)), grid)


def kind_of(shape):
    return {
        "Point": "Point",
        "LineString": "MultiLineString",
        "MultiLineString": "MultiLineString",
        "Polygon": "MultiPolygon",
        "MultiPolygon": "MultiPolygon",
    }[shape.geom_type]


def cut(*shapes, here=HERE, buffer=BUFFER):
    flat = from_shapely(np.array(shapes, dtype=object), kind_of(shapes[0]))
    return clip(here, flat, np.arange(len(shapes)), buffer)


def polygons(pieces):
    """Net area of each kept row, with the rules of tiles checked on the way."""
    areas = []
    for i in range(len(pieces)):
        total = 0.0
        for p in range(pieces.row[i], pieces.row[i + 1]):
            for k in range(pieces.part[p], pieces.part[p + 1]):
                ring = [tuple(v) for v in pieces.xy[pieces.ring[k] : pieces.ring[k + 1]].tolist()]
                size = area(ring)
                assert len(ring) >= 3
                assert (size > 0) == (k == pieces.part[p])
                for a, b, c in zip(ring, ring[1:] + ring[:1], ring[2:] + ring[:2], strict=True):
                    assert a != b
                    turn = (b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0])
                    assert turn != 0, "a point on a straight line, or a spike"
                total += size
        assert total > 0
        areas.append(total)
    assert ((pieces.xy >= LOW) & (pieces.xy <= HIGH)).all()
    return areas


lon = st.floats(WEST - 0.15, EAST + 0.15)
lat = st.floats(SOUTH - 0.1, NORTH + 0.1)


@st.composite
def stars(draw):
    """A valid polygon of any size around the tile, sometimes with a hole."""
    x, y = draw(lon), draw(lat)
    size = draw(st.floats(1e-5, 0.2))
    radii = np.array(draw(st.lists(st.floats(0.2, 1), min_size=3, max_size=30)))
    angle = 2 * np.pi * np.arange(len(radii)) / len(radii)
    ring = np.column_stack((np.cos(angle), np.sin(angle))) * radii[:, None] * size
    holes = [ring[::-1] * draw(st.floats(0.1, 0.9)) + (x, y)] if draw(st.booleans()) else []
    shape = shapely.Polygon(ring + np.array([x, y]), holes)
    return shapely.reverse(shape) if draw(st.booleans()) else shape


@settings(max_examples=200, deadline=None)
@given(stars())
def test_polygon_keeps_its_area(shape):
    pieces = cut(shape)
    exact = on_grid(shape).intersection(BOX)
    (got,) = polygons(pieces) or [0.0]
    # Rounding moves the boundary by at most half a step (diagonal: 0.71).
    assert got == pytest.approx(exact.area, abs=0.75 * exact.length + 4)


@settings(max_examples=100, deadline=None)
@given(st.lists(stars(), min_size=1, max_size=6), st.data())
def test_rows_are_independent(shapes, data):
    flat = from_shapely(np.array([*shapes, None], dtype=object)[:-1], "MultiPolygon")
    rows = np.array(data.draw(st.permutations(range(len(shapes)))))
    together = clip(HERE, flat, rows)
    alone = join([clip(HERE, flat, rows[i : i + 1]) for i in range(len(rows))], [1] * len(rows))
    for name in ("kept", "xy", "ring", "part", "row"):
        np.testing.assert_array_equal(getattr(together, name), getattr(alone, name))


def test_tile_inside_a_large_polygon_is_filled():
    assert polygons(cut(shapely.box(120, 40, 125, 50))) == [(EXTENT + 2 * BUFFER) ** 2]


def test_tile_inside_a_hole_is_empty():
    around = shapely.box(120, 40, 125, 50)
    hole = shapely.box(WEST - 0.05, SOUTH - 0.05, EAST + 0.05, NORTH + 0.05)
    pieces = cut(around.difference(hole), shapely.box(120, 40, 125, 50))
    assert pieces.kept.tolist() == [1]


def test_too_small_for_the_grid():
    speck = shapely.box(WEST + 0.01, SOUTH + 0.01, WEST + 0.01 + 1e-7, SOUTH + 0.01 + 1e-7)
    sliver = shapely.box(WEST + 0.01, SOUTH + 0.0100001, WEST + 0.05, SOUTH + 0.0100002)
    pieces = cut(speck, sliver, shapely.MultiPolygon([speck, sliver]))
    assert pieces.kept.tolist() == [0, 1, 2]
    assert polygons(pieces) == [1, 1, 1]


def test_spike_and_straight_points_go():
    def at(x, y):
        return (WEST + x * (EAST - WEST) / 40, SOUTH + y * (NORTH - SOUTH) / 40)

    ring = [at(1, 1), at(2, 1), at(3, 1), at(3, 3), at(9, 3), at(3, 3), at(1, 3)]
    pieces = cut(shapely.Polygon(ring))
    assert len(pieces.xy) == 4
    assert polygons(pieces)[0] == pytest.approx(on_grid(shapely.Polygon(ring)).area, rel=0.02)


@pytest.mark.parametrize("start", range(8))
def test_a_ring_may_start_anywhere(start):
    """Halfway along an edge as well: that point is on a straight line and goes."""
    x, y = WEST + 0.01, SOUTH + 0.01
    ring = [(x, y), (x + 0.01, y), (x + 0.02, y), (x + 0.02, y + 0.01), (x + 0.02, y + 0.02),
            (x + 0.01, y + 0.02), (x, y + 0.02), (x, y + 0.01)]  # fmt: skip
    pieces = cut(shapely.Polygon(ring[start:] + ring[:start]))
    assert len(pieces.xy) == 4
    polygons(pieces)


def test_neighbours_share_their_edge():
    middle = [(WEST + t * (EAST - WEST), SOUTH + 0.03 + 0.01 * np.sin(9 * t)) for t in
              np.linspace(-0.5, 1.5, 77)]  # fmt: skip
    upper = shapely.Polygon([*middle, (EAST + 1, NORTH + 1), (WEST - 1, NORTH + 1)])
    lower = shapely.Polygon([*middle, (EAST + 1, SOUTH - 1), (WEST - 1, SOUTH - 1)])
    areas = polygons(cut(upper, lower))
    # What one loses by rounding the other gains.
    assert sum(areas) == (EXTENT + 2 * BUFFER) ** 2


lines = st.lists(st.tuples(lon, lat), min_size=2, max_size=12).map(shapely.LineString)


@settings(max_examples=200, deadline=None)
@given(lines)
def test_line_keeps_its_length(line):
    pieces = cut(line)
    # Segment by segment: an intersection of the whole would count ways back only once.
    ends = shapely.get_coordinates(on_grid(line))
    segments = shapely.linestrings(np.stack((ends[:-1], ends[1:]), axis=1))
    exact = shapely.length(shapely.intersection(segments, BOX)).sum()
    assert ((pieces.xy >= LOW) & (pieces.xy <= HIGH)).all()
    length = 0.0
    for k in range(len(pieces.ring) - 1):
        path = pieces.xy[pieces.ring[k] : pieces.ring[k + 1]].astype(float)
        assert len(path) >= 2
        steps = np.hypot(*np.diff(path, axis=0).T)
        assert (steps > 0).all()
        length += steps.sum()
    assert length == pytest.approx(exact, abs=2.0 * len(segments))


def test_line_that_comes_back_is_two_lines():
    y = (SOUTH + NORTH) / 2
    there = shapely.LineString([(WEST + 0.01, y), (EAST + 0.1, y), (EAST + 0.1, y + 0.01),
                                (WEST + 0.01, y + 0.01)])  # fmt: skip
    pieces = cut(there, shapely.LineString([(WEST - 1, y), (WEST - 0.5, y)]), there)
    assert pieces.kept.tolist() == [0, 2]
    assert pieces.row.tolist() == [0, 2, 4]
    assert len(pieces.xy) == 8


@settings(deadline=None)
@given(st.lists(st.tuples(lon, lat), min_size=1, max_size=20))
def test_points(positions):
    shapes = [shapely.Point(p) for p in positions]
    pieces = cut(*shapes)
    grid = np.array([on_grid(p).coords[0] for p in shapes])
    inside = ((grid >= LOW) & (grid <= HIGH)).all(axis=1)
    near = (np.abs(grid - LOW) < 1e-6).any() or (np.abs(grid - HIGH) < 1e-6).any()
    if not near:
        assert pieces.kept.tolist() == np.flatnonzero(inside).tolist()
        np.testing.assert_array_equal(pieces.xy, np.floor(grid[inside] + 0.5))


def test_lonlat_tiles_use_degrees():
    here = tile(10, 1722, 252, "WorldCRS84Quad")
    west, south, east, north = here.bounds
    shape = shapely.box(west, south, (west + east) / 2, (south + north) / 2)
    assert polygons(cut(shape, here=here, buffer=0)) == [(EXTENT / 2) ** 2]


def test_nothing_and_null():
    flat = from_shapely(np.array([None, shapely.Polygon()], dtype=object), "MultiPolygon")
    assert len(clip(HERE, flat, np.arange(2))) == 0
    assert len(clip(HERE, flat, np.empty(0, dtype=np.int64))) == 0
    with pytest.raises(IndexError, match="row numbers"):
        clip(HERE, flat, np.array([2]))
    with pytest.raises(IndexError, match="row numbers"):
        clip(HERE, flat, np.array([-1]))


def test_read_only_arrays(tmp_path):
    """Snapshots are memory-mapped: the compiled loops take them as they are."""
    flat = from_shapely(np.array([shapely.box(WEST, SOUTH, EAST, NORTH)]), "MultiPolygon")
    for array in (flat.xy, flat.mercator, flat.ring, flat.part, flat.row):
        array.setflags(write=False)
    assert polygons(clip(HERE, flat, np.array([0], dtype=np.int32))) == [EXTENT**2]
