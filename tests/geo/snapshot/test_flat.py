"""Flat geometry: what goes in comes out, as Multi types, in any order of rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from shapely.geometry import MultiPolygon, Point, Polygon

from geo.snapshot.flat import from_shapely, take, to_shapely, web_mercator

pytestmark = pytest.mark.unit

HOLED = Polygon([(0, 0), (4, 0), (4, 4), (0, 4)], [[(1, 1), (1, 2), (2, 2), (2, 1)]])
POLYGONS = [
    shapely.box(10, 10, 11, 12),
    None,
    MultiPolygon([HOLED, shapely.box(6, 6, 7, 7)]),
    Polygon(),
    HOLED,
]
LINES = [
    shapely.LineString([(0, 0), (1, 1), (2, 0)]),
    None,
    shapely.MultiLineString([[(0, 0), (1, 0)], [(5, 5), (6, 6), (7, 7)]]),
    shapely.LineString(),
]
POINTS = [Point(1, 2), None, Point(), Point(3, 4)]


def objects(items):
    return np.array([*items, None], dtype=object)[:-1]


@pytest.mark.parametrize(
    ("items", "kind"),
    [(POLYGONS, "MultiPolygon"), (LINES, "MultiLineString"), (POINTS, "Point")],
)
@settings(deadline=None)
@given(data=st.data())
def test_round_trip_in_any_order(items, kind, data):
    flat = from_shapely(objects(items), kind)
    assert len(flat) == len(items)
    rows = data.draw(st.lists(st.integers(0, len(items) - 1), max_size=8))
    back = to_shapely(flat, np.array(rows, dtype=np.int64))
    for row, shape in zip(rows, back, strict=True):
        if items[row] is None or items[row].is_empty:
            assert shape is None
        else:
            assert shape.geom_type == kind
            assert shapely.equals_exact(
                shapely.normalize(shape),
                shapely.normalize(shapely.multipolygons([items[row]])
                if items[row].geom_type == "Polygon"
                else shapely.multilinestrings([items[row]])
                if items[row].geom_type == "LineString"
                else items[row]),
            )  # fmt: skip


def test_levels_go_with_their_vertices():
    flat = from_shapely(objects(POLYGONS), "MultiPolygon")
    assert flat.level is None
    flat = replace(flat, level=np.arange(len(flat.xy), dtype=np.uint8))
    some = take(flat, np.array([4, 1, 0]))
    assert some.level.tolist() == [*range(20, 30), *range(5)]
    assert np.array_equal(some.xy, flat.xy[some.level])


def test_layout_of_polygons():
    flat = from_shapely(objects(POLYGONS), "MultiPolygon")
    assert flat.row.tolist() == [0, 1, 1, 3, 3, 4]
    assert flat.part.tolist() == [0, 1, 3, 4, 6]
    assert flat.ring.tolist() == [0, 5, 10, 15, 20, 25, 30]
    for array in (flat.row, flat.part, flat.ring):
        assert array.dtype == np.int32
        assert array.flags.c_contiguous
    assert flat.xy.flags.c_contiguous
    assert flat.mercator.flags.c_contiguous


@pytest.mark.parametrize("kind", ["Point", "MultiLineString", "MultiPolygon"])
@pytest.mark.parametrize("items", [[], [None], [None, None]])
def test_nothing_in_it(items, kind):
    flat = from_shapely(objects(items), kind)
    assert len(flat) == len(items)
    assert flat.row.tolist() == [0] * (len(items) + 1)
    assert to_shapely(flat).tolist() == items


def test_all_single_polygons_and_heights():
    shapes = objects([Polygon([(0, 0, 5), (1, 0, 5), (1, 1, 5)]), shapely.box(0, 0, 1, 1)])
    flat = from_shapely(shapes, "MultiPolygon")
    assert flat.xy.shape == (9, 2)
    assert flat.row.tolist() == [0, 1, 2]


def test_another_type_is_refused():
    with pytest.raises(ValueError, match="row 1: Point in a layer of MultiPolygon"):
        from_shapely(objects([None, Point(0, 0)]), "MultiPolygon")


def test_web_mercator_equals_proj():
    lonlat = np.array([[122.84, 45.62], [0.0, 0.0], [-179.9, -85.0]])
    expected = Transformer.from_crs(4326, 3857, always_xy=True).transform(*lonlat.T)
    np.testing.assert_allclose(web_mercator(lonlat), np.transpose(expected), atol=1e-6)
    assert np.isfinite(web_mercator(np.array([[0.0, 90.0], [0.0, -90.0]]))).all()


def test_take_is_a_compact_copy():
    flat = from_shapely(objects(POLYGONS), "MultiPolygon")
    some = take(flat, np.array([4, 1, 2]))
    assert len(some) == 3
    assert len(some.xy) == len(some.mercator) == 25
    assert to_shapely(some).tolist() == to_shapely(flat, np.array([4, 1, 2])).tolist()
