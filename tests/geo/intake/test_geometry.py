"""Shapes fit the layer or are named; nothing is bent in silence."""

from __future__ import annotations

import time

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.area import ellipsoidal_area
from geo.errors import Rejected
from geo.intake import geometry as checks
from geo.intake.issues import Issues

pytestmark = pytest.mark.unit
SQUARE = shapely.box(123, 45, 123.01, 45.01)
LINE = shapely.LineString([(123, 45), (123.01, 45)])
POINT = shapely.Point(123, 45)


def shapes(*geometries: object) -> np.ndarray:
    result = np.empty(len(geometries), dtype=object)
    result[:] = geometries
    return result


def prepared(kind, *geometries: object) -> tuple[np.ndarray, Issues]:
    issues = Issues(np.arange(1, len(geometries) + 1))
    column = shapes(*geometries)
    return checks.prepare(column, np.zeros(len(column), np.bool_), kind, issues), issues


@pytest.mark.parametrize(
    ("kind", "good", "stored"),
    [
        ("Point", [POINT, shapely.MultiPoint([POINT])], "Point"),
        ("MultiLineString", [LINE, shapely.MultiLineString([LINE])], "MultiLineString"),
        ("MultiPolygon", [SQUARE, shapely.MultiPolygon([SQUARE])], "MultiPolygon"),
    ],
)
def test_single_and_multiple_become_one_type(kind, good: list, stored: str) -> None:
    result, issues = prepared(kind, *good)
    assert [g.geom_type for g in result] == [stored, stored]
    assert shapely.equals(result, shapes(*good)).all()
    assert not issues.listed


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [("Point", LINE), ("Point", shapely.MultiPoint([(1, 2), (3, 4)])), ("MultiLineString", SQUARE),
     ("MultiPolygon", POINT), ("MultiPolygon", shapely.GeometryCollection([SQUARE]))],
)  # fmt: skip
def test_wrong_types(kind, wrong: shapely.Geometry) -> None:
    result, issues = prepared(kind, wrong)
    assert result[0] is None
    assert issues.counts == {"E_GEOMETRY_TYPE": 1}


def test_heights_are_dropped_and_told() -> None:
    high = shapely.Polygon([(123, 45, 7), (123.01, 45, 7), (123, 45.01, 7)])
    result, issues = prepared("MultiPolygon", SQUARE, high)
    assert not shapely.has_z(result).any()
    assert [(i.code, i.severity) for i in issues.listed] == [("W_HEIGHTS", "note")]


def test_null_empty_and_not_finite() -> None:
    infinite = shapely.Polygon([(0, 0), (1, 0), (np.inf, 1), (0, 0)])
    result, issues = prepared("MultiPolygon", None, shapely.Polygon(), SQUARE, infinite)
    assert shapely.is_missing(result).tolist() == [True, True, False, True]
    assert {i.code: i.row for i in issues.listed} == {"E_GEOMETRY_NULL": 2, "E_COORD": 4}
    assert issues.counts == {"E_GEOMETRY_NULL": 2, "E_COORD": 1}
    assert "vertex 3" in issues.listed[-1].en


def test_too_many_vertices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "MAX_VERTICES", 10)
    round_one = POINT.buffer(0.01)
    _, issues = prepared("MultiPolygon", SQUARE, round_one)
    assert issues.counts == {"E_VERTICES": 1}
    assert issues.bad.tolist() == [False, True]
    monkeypatch.setattr(checks, "MAX_VERTICES_LAYER", 20)
    with pytest.raises(Rejected, match="E_VERTICES"):
        prepared("MultiPolygon", SQUARE, round_one)


@pytest.mark.parametrize(
    ("bad", "zh"),
    [
        ("POLYGON ((0 0, 1 1, 1 0, 0 1, 0 0))", "自相交"),
        ("POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0), (5 5, 6 5, 6 6, 5 5))", "孔洞在外环之外"),
        ("MULTIPOLYGON (((0 0, 4 0, 4 4, 0 4, 0 0)), ((1 1, 2 1, 2 2, 1 1)))", "外环嵌套"),
        ("POLYGON ((0 0, 4 0, 4 4, 0 0, 2 -2, 0 0))", "自相交"),
    ],
)
def test_reasons_in_both_languages_with_a_place(bad: str, zh: str) -> None:
    chinese, english, place = checks.reason(shapely.from_wkt(bad))
    assert zh in chinese
    assert place is not None
    assert f" at {place[0]:.7f}, {place[1]:.7f}" in english


def test_zero_area_and_length_are_refused() -> None:
    issues = Issues(np.array([1]))
    flat = shapely.MultiLineString([[(123, 45), (123, 45)]])
    checks.check(shapes(flat), "MultiLineString", issues, repair=False)
    assert set(issues.counts) <= {"E_MEASURE_ZERO", "E_INVALID"}
    assert issues.bad.all()


rings = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=9, unique=True
)


@settings(max_examples=200, deadline=None)
@given(rings)
def test_what_passes_is_valid_and_has_an_area(ring: list[tuple[int, int]]) -> None:
    """Random rings, most of them broken: stored ones are valid, the others are errors."""
    polygon = shapely.Polygon([(123 + x / 100, 45 + y / 100) for x, y in ring])
    issues = Issues(np.array([1]))
    start = checks.prepare(shapes(polygon), np.zeros(1, np.bool_), "MultiPolygon", issues)
    for repair in (False, True):
        now = Issues(np.array([1]))
        result, area, repaired = checks.check(start, "MultiPolygon", now, repair=repair)
        if now.bad[0]:
            assert now.listed[-1].severity == "error"
            continue
        assert shapely.is_valid(result[0])
        assert area[0] > 0
        assert repaired[0] == (not shapely.is_valid(polygon))
        if repaired[0]:
            assert now.counts == {"W_REPAIRED": 1}


def test_a_self_crossing_bomb_is_mended_in_seconds_or_not_at_all() -> None:
    """500 random points: "linework" takes a minute and a half, buffer(0) halves the area."""
    rng = np.random.default_rng(1)
    ring = rng.random((500, 2)) * 0.01 + [123, 45]
    issues = Issues(np.array([1]))
    start = np.array([shapely.multipolygons([shapely.Polygon(ring)])])
    begun = time.monotonic()
    result, area, repaired = checks.check(start, "MultiPolygon", issues, repair=True)
    assert time.monotonic() - begun < 30
    assert repaired[0]
    assert shapely.is_valid(result[0])
    hull = ellipsoidal_area(shapely.convex_hull(start))[0]
    assert area[0] > 0.6 * hull
    assert issues.counts == {"W_REPAIRED": 1}
