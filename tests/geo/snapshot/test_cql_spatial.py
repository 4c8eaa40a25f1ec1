"""Spatial filters: each predicate against shapely on every row, boxes, systems, limits."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import orjson
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import Rejected
from geo.snapshot.cql import parse
from geo.snapshot.cql.evaluate import Context
from geo.snapshot.cql.spatial import PREDICATES, relate
from tests.geo.snapshot.cql_reference import LAYER, TableSource

pytestmark = pytest.mark.unit


def fields(count: int, seed: int = 0) -> np.ndarray:
    """Rotated rectangles near Baicheng, some sharing edges with a lattice of 0.01 degrees."""
    random = np.random.default_rng(seed)
    x = 122 + random.integers(0, 100, count) * 0.01
    y = 45 + random.integers(0, 100, count) * 0.01
    shapes = shapely.box(x, y, x + 0.01, y + 0.01)
    turned = shapely.transform(shapes[: count // 2], lambda c: c @ [[1, 0.001], [-0.001, 1]])
    return np.concatenate([turned, shapes[count // 2 :]])


SHAPES: list[Any] = [*fields(400), None, shapely.MultiPolygon()]
SOURCE = TableSource([{"a": float(i)} for i in range(len(SHAPES))], SHAPES)
_angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
_star = shapely.Polygon(
    np.column_stack([np.cos(_angles), np.sin(_angles)]) * (0.2 + 0.2 * (np.arange(40) % 2))[:, None]
    + [122.5, 45.5]
)
LITERALS = {
    "box": shapely.box(122.2, 45.2, 122.6, 45.7),
    "star": _star,
    "ring": _star.difference(shapely.box(122.45, 45.45, 122.55, 45.55)),
    "line": shapely.LineString([(122.0, 45.0), (122.5, 45.5), (123.0, 45.5)]),
    "point": shapely.Point(122.5, 45.5),
    "points": shapely.MultiPoint([(122.5, 45.5), (122.305, 45.405)]),
    "lines": shapely.MultiLineString([[(122, 45), (122, 46)], [(122, 45.3), (123, 45.3)]]),
    "islands": shapely.MultiPolygon(
        [shapely.box(122.1, 45.1, 122.2, 45.2), shapely.box(122.8, 45.8, 122.9, 45.9)]
    ),
    "collection": shapely.GeometryCollection(
        [shapely.Point(122.005, 45.005), shapely.box(122.4, 45.1, 122.5, 45.2)]
    ),
    "same": SHAPES[300],
    "inside": shapely.box(122.502, 45.502, 122.503, 45.503),
}


@pytest.mark.parametrize("name", sorted(PREDICATES))
@pytest.mark.parametrize("literal", sorted(LITERALS))
def test_predicates_equal_shapely(name: str, literal: str) -> None:
    shape = LITERALS[literal]
    present = np.array([s is not None and not s.is_empty for s in SHAPES])
    for text, expected in (
        (f"{name.upper()}(geom, {shape.wkt})", PREDICATES[name](SOURCE.shapes, shape)),
        (f"{name}({shape.wkt}, geometry)", PREDICATES[name](shape, SOURCE.shapes)),
    ):
        found = parse(text, "cql2-text", LAYER)
        np.testing.assert_array_equal(found.mask(SOURCE), expected & present)
        some = np.array([401, 5, 300, 5, 400, 399])
        np.testing.assert_array_equal(found.mask(SOURCE, some), (expected & present)[some])
        # Unknown geometry stays unknown under NOT.
        outside = parse(f"NOT {text}", "cql2-text", LAYER)
        np.testing.assert_array_equal(outside.mask(SOURCE), ~expected & present)


def test_predicates_match_something() -> None:
    """The literals above exercise every predicate: none of them is empty everywhere."""
    for name, predicate in PREDICATES.items():
        assert any(predicate(SOURCE.shapes, shape).any() for shape in LITERALS.values()), name


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["s_intersects", "s_within", "s_disjoint"]))
def test_the_grid_settles_nothing_wrongly(seed: int, name: str) -> None:
    random = np.random.default_rng(seed)
    corners = 122 + random.random(6_000) * 0.4, 45 + random.random(6_000) * 0.4
    size = random.choice([1e-9, 0.001, 0.02, 0.2], 6_000)
    shapes = shapely.box(*corners, corners[0] + size, corners[1] + size)
    turns = np.sort(random.random(9)) * 2 * np.pi
    radius = 0.05 + random.random(9) * 0.2
    star = np.column_stack([np.cos(turns) * radius + 122.2, np.sin(turns) * radius + 45.2])
    literal = shapely.Polygon(star).buffer(0)
    if not isinstance(literal, shapely.Polygon) or literal.is_empty:
        literal = shapely.Polygon(star).convex_hull
    source = TableSource([{}] * len(shapes), list(shapes))
    found = relate(name, literal, Context(source, None))
    np.testing.assert_array_equal(found, PREDICATES[name](shapes, literal))


def test_few_geometries_are_read() -> None:
    class Counting(TableSource):
        read = 0

        def geometries(self, rows: np.ndarray) -> np.ndarray:
            self.read += len(rows)
            return super().geometries(rows)

    source = Counting([{"a": float(i)} for i in range(len(SHAPES))], SHAPES)
    box = parse("S_INTERSECTS(geom, BBOX(122.2, 45.2, 122.6, 45.7))", "cql2-text", LAYER)
    inside = int(box.mask(source).sum())
    assert 0 < source.read < inside  # only the fields on the edge of the box
    source.read = 0
    parse("a < 0 AND S_TOUCHES(geom, BBOX(122, 45, 123, 46))", "cql2-text", LAYER).mask(source)
    assert source.read == 0


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("S_INTERSECTS(geom, BBOX(1,2,3,4))", (1, 2, 3, 4)),
        ("S_WITHIN(geom, BBOX(1,2,3,4)) AND a > 1", (1, 2, 3, 4)),
        ("S_DISJOINT(geom, BBOX(1,2,3,4))", None),
        ("NOT S_INTERSECTS(geom, BBOX(1,2,3,4))", None),
        ("S_INTERSECTS(geom, BBOX(1,2,3,4)) OR a > 1", None),
        ("S_INTERSECTS(geom, BBOX(1,2,3,4)) OR S_EQUALS(geom, POINT(9 9))", (1, 2, 9, 9)),
        ("S_INTERSECTS(geom, BBOX(0,0,9,9)) AND S_TOUCHES(BBOX(1,2,3,4), geom)", (1, 2, 3, 4)),
        ("a > 1", None),
    ],
)
def test_the_box_of_a_filter(text: str, box: tuple[float, ...] | None) -> None:
    found = parse(text, "cql2-text", LAYER).bbox
    assert (found is None) == (box is None)
    if box is not None:
        assert found == pytest.approx(box, abs=1e-8)


def test_a_long_field_that_meets_two_apart_boxes_is_found() -> None:
    source = TableSource([{}], [shapely.box(122.0, 45.0, 122.9, 45.01)])
    text = (
        "S_INTERSECTS(geom,BBOX(122,45,122.1,45.1)) AND S_INTERSECTS(geom,BBOX(122.8,45,122.9,46))"
    )
    assert parse(text, "cql2-text", LAYER).mask(source).tolist() == [True]


def test_other_coordinate_systems() -> None:
    plain = parse("S_INTERSECTS(geom, BBOX(122.2, 45.2, 122.6, 45.7))", "cql2-text", LAYER)
    text = "S_INTERSECTS(geom, BBOX(45.2, 122.2, 45.7, 122.6))"
    swapped = parse(text, "cql2-text", LAYER, None, True)
    np.testing.assert_array_equal(swapped.mask(SOURCE), plain.mask(SOURCE))
    assert '"crs"' in swapped.canonical
    assert '"crs"' not in plain.canonical
    from geo.crs import transform

    local = transform(np.array([LITERALS["star"]]), "EPSG:4490", "EPSG:4529")[0]
    tree = {
        "op": "s_within",
        "args": [{"property": "geom"}, orjson.loads(shapely.to_geojson(local))],
    }
    star = f"S_WITHIN(geom, {LITERALS['star'].wkt})"
    expected = parse(star, "cql2-text", LAYER).mask(SOURCE)
    for system in (4529, "EPSG:4529"):
        found = parse(tree, "cql2-json", LAYER, system).mask(SOURCE)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("S_INTERSECTS(geom, POINT(45.5 122.5))", "outside longitude"),
        ("S_INTERSECTS(geom, POINT(nan 45))", "finite"),
        ("S_INTERSECTS(geom, POLYGON EMPTY)", "empty"),
        ("S_INTERSECTS(geom, POLYGON((0 0, 1 1, 1 0, 0 1, 0 0)))", "not valid"),
        ("S_INTERSECTS(geom, POLYGON((0 0, 1 1)))", "cannot be read"),
        ("S_INTERSECTS(geom, BBOX(1, 2, 3))", "4 or 6"),
        ("S_INTERSECTS(geom, BBOX(1, 4, 3, 2))", "south"),
        ("S_INTERSECTS(geom, BBOX(1, a, 3, 2))", "4 or 6"),
        ("S_INTERSECTS(geom, 'POINT(1 1)')", "expected a geometry"),
        ("S_INTERSECTS(a, POINT(1 1))", "expected a geometry"),
        ("S_INTERSECTS(geom)", "2 arguments"),
        ("S_BUFFER(geom, POINT(1 1))", "s_buffer"),
        ("POINT(1 1) IS NULL", "never null"),
    ],
)
def test_geometries_that_are_refused(text: str, word: str) -> None:
    with pytest.raises(Rejected) as refused:
        parse(text, "cql2-text", LAYER)
    assert refused.value.code == "E_FILTER"
    assert word in refused.value.detail[1]
    assert refused.value.where is not None


def test_swapped_axes_are_named() -> None:
    with pytest.raises(Rejected) as refused:
        parse("S_INTERSECTS(geom, POINT(45.5 122.5))", "cql2-text", LAYER)
    assert refused.value.fix is not None
    assert "longitude first" in refused.value.fix[1]


def test_a_box_over_the_antimeridian() -> None:
    source = TableSource([{}] * 3, [shapely.box(x, 0, x + 1, 1) for x in (178, -179.5, 0)])
    found = parse("S_INTERSECTS(geom, BBOX(178.5, 0, -179, 1))", "cql2-text", LAYER)
    assert found.mask(source).tolist() == [True, True, False]


def test_geometry_against_itself_and_between_literals() -> None:
    for name, predicate in PREDICATES.items():
        found = parse(f"{name}(geom, geometry)", "cql2-text", LAYER).mask(SOURCE)
        empty = shapely.is_empty(SOURCE.shapes)
        np.testing.assert_array_equal(found, predicate(SOURCE.shapes, SOURCE.shapes) & ~empty)
    text = "S_WITHIN(POINT(1 1), BBOX(0, 0, 2, 2)) AND geom IS NOT NULL"
    assert parse(text, "cql2-text", LAYER).mask(SOURCE).sum() == 400


def test_work_past_the_deadline_stops() -> None:
    found = parse("S_TOUCHES(geom, BBOX(122, 45, 123, 46))", "cql2-text", LAYER)
    with pytest.raises(Rejected, match="E_QUERY_TIME"):
        found.mask(SOURCE, deadline=time.monotonic() - 1)
