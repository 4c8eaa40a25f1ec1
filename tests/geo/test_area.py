"""Ellipsoidal area: worked numbers, the reference series, geodesics, and parts that add up."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod, Transformer

from geo import area
from geo.area import ellipsoidal_area, length, official_area, sheet_area

pytestmark = pytest.mark.unit

ZONE_41 = Transformer.from_crs("EPSG:4529", "EPSG:4490", always_xy=True)


def from_zone(shape):
    """A shape drawn in zone 41 (easting, northing) -> EPSG:4490."""
    return shapely.transform(shape, lambda xy: np.column_stack(ZONE_41.transform(*xy.T)))


def square(northing, easting, side):
    return from_zone(shapely.box(easting, northing, easting + side, northing + side))


def ring(*northing_easting):
    return [(easting, northing) for northing, easting in northing_easting]


TRIANGLE = from_zone(
    shapely.Polygon(
        ring((5012345.678, 41456789.012), (5013456.789, 41457123.456), (5012800.123, 41458234.567))
    )
)
HOLED = from_zone(
    shapely.Polygon(
        ring((5053800, 41487400), (5053800, 41487700), (5053600, 41487700), (5053600, 41487400)),
        [ring((5053750, 41487500), (5053700, 41487500), (5053700, 41487550), (5053750, 41487550))],
    )
)


@pytest.mark.parametrize(
    ("south", "expected"), [(45.5, 22613113.89), (44.25, 23103314.67), (46.25, 22313670.99)]
)
def test_sheets_of_1_to_10000(south, expected):
    assert sheet_area(south, south + 2.5 / 60, 3.75 / 60) == pytest.approx(expected, abs=0.005)
    # The same sheet as a polygon whose edges are the graticule: no bow on its edges.
    sheet = shapely.box(122, south, 122 + 3.75 / 60, south + 2.5 / 60)
    assert ellipsoidal_area(np.array([sheet]), None)[0] == pytest.approx(expected, abs=0.005)


def test_sheet_against_the_authalic_closed_form():
    assert sheet_area(45.5, 45.5 + 2.5 / 60, 3.75 / 60) == pytest.approx(22613113.8875, abs=1e-3)


@pytest.mark.parametrize(
    ("shape", "expected", "tolerance"),
    [
        (square(5050000, 41500000, 1000), 999_999.99, 0.005),
        (square(5050000, 41400000, 1000), 999_756.705, 0.006),
        (square(5040000, 41600000, 1000), 999_751.78, 0.005),
        (square(5050000, 41487000, 100), 9_999.96, 0.005),
        (TRIANGLE, 727_060.315, 0.006),
        (HOLED, 57_499.78, 0.005),
    ],
)
def test_worked_numbers(shape, expected, tolerance):
    assert ellipsoidal_area(np.array([shape]))[0] == pytest.approx(expected, abs=tolerance)
    assert official_area(shape) == pytest.approx(expected, abs=tolerance)


def test_without_densification():
    assert ellipsoidal_area(np.array([TRIANGLE]), None)[0] == pytest.approx(727_058.785, abs=0.006)
    large = square(5050000, 41600000, 10_000)
    bow = ellipsoidal_area(np.array([large])) - ellipsoidal_area(np.array([large]), None)
    assert abs(bow[0]) == pytest.approx(41, abs=2)


def test_signatures_of_wrong_formulas_are_not_ours():
    planar = 727_092.83
    got = ellipsoidal_area(np.array([TRIANGLE]))[0]
    assert got / planar - 1 == pytest.approx(-4.472e-5, abs=2e-8)
    wrong = got * (1 + 4.61e-5)  # second eccentricity in the coefficients
    assert abs(got - official_area(TRIANGLE)) < abs(wrong - got) / 1000


@st.composite
def shapes_in_zone(draw):
    """A star-shaped polygon anywhere in Baicheng, 20 m to 20 km across, in zone 41."""
    # Whole in the zone: beyond 1.5 degrees an edge is straight in the plane of the next one.
    east = draw(st.floats(41_395_000, 41_605_000))
    north = draw(st.floats(4_895_000, 5_130_000))
    size = draw(st.floats(10, 10_000))
    radii = draw(st.lists(st.floats(0.3, 1), min_size=3, max_size=24))
    turn = draw(st.floats(0, 6))
    angle = turn + 2 * np.pi * np.arange(len(radii)) / len(radii)
    xy = np.array(radii)[:, None] * size * np.column_stack((np.cos(angle), np.sin(angle)))
    return shapely.Polygon(xy + np.array([east, north]))


@settings(max_examples=60, deadline=None)
@given(shapes_in_zone())
def test_equals_the_reference_series(plane):
    shape = from_zone(plane)
    reference = official_area(shape)
    tolerance = 0.05e-6 * max(reference, 1e4)  # 0.05 m2 per km2
    assert ellipsoidal_area(np.array([shape]))[0] == pytest.approx(reference, abs=tolerance)


@settings(max_examples=60, deadline=None)
@given(shapes_in_zone(), st.floats(0, np.pi), st.integers(0, 30))
def test_split_parts_add_up_to_the_whole(plane, turn, cuts):
    """Cut in the zone's plane, as a surveyor cuts; every point stays on its straight edge."""
    reach = 25_000 * np.array([np.cos(turn), np.sin(turn)])
    lines = [
        shapely.LineString([plane.centroid.coords[0] - reach + shift, plane.centroid.coords[0]
                            + reach + shift])
        for shift in np.linspace(-1, 1, cuts)[:, None] * (reach[::-1] * (1, -1)) / 5
    ]  # fmt: skip
    lines.append(plane.boundary)
    faces = np.array(shapely.polygonize([shapely.union_all(lines)]).geoms)
    inside = faces[shapely.contains(plane, shapely.point_on_surface(faces))]
    whole = ellipsoidal_area(np.array([from_zone(plane)]), 0)[0]
    parts = ellipsoidal_area(np.array([from_zone(face) for face in inside]), 0)
    # 10 mm2 of noise a part: coordinates in the zone have 7 nm steps.
    assert parts.sum() == pytest.approx(whole, rel=2e-9, abs=1e-4 * (1 + len(inside)))


def test_geodesic_check_of_a_dense_ring():
    dense = from_zone(shapely.segmentize(shapely.box(41402000, 5000000, 41403000, 5001000), 5))
    geodesic = abs(Geod(a=area.A, b=area.B).geometry_area_perimeter(dense)[0])
    assert ellipsoidal_area(np.array([dense]))[0] == pytest.approx(geodesic, rel=1e-8)


def test_winding_parts_and_collections():
    hole_wound_as_shell = shapely.Polygon(HOLED.exterior.coords[::-1], [HOLED.interiors[0].coords])
    both = shapely.MultiPolygon([HOLED, TRIANGLE])
    mixed = shapely.GeometryCollection(
        [both, shapely.Point(1, 1), shapely.LineString([(0, 0), (1, 1)])]
    )
    got = ellipsoidal_area(np.array([HOLED, TRIANGLE, hole_wound_as_shell, both, mixed]))
    assert got[2] == pytest.approx(got[0], rel=1e-12)
    assert got[3] == pytest.approx(got[0] + got[1], rel=1e-12)
    assert got[4] == got[3]


def test_null_points_lines_and_nothing():
    shapes = np.array(
        [None, shapely.Point(1, 1), shapely.LineString([(0, 0), (1, 1)]), shapely.Polygon()],
        dtype=object,
    )
    np.testing.assert_array_equal(ellipsoidal_area(shapes), [np.nan, 0, 0, 0])
    assert ellipsoidal_area(np.empty(0, dtype=object)).shape == (0,)
    assert length(np.empty(0, dtype=object)).shape == (0,)
    np.testing.assert_array_equal(length(np.array([None, shapely.Point(1, 1)])), [np.nan, 0])


def test_more_rows_than_one_chunk(monkeypatch):
    monkeypatch.setattr(area, "_CHUNK", 3)
    shapes = np.array([square(5050000, 41487000 + 200 * i, 100 + i) for i in range(8)])
    np.testing.assert_allclose(
        ellipsoidal_area(shapes), [official_area(s) for s in shapes], rtol=1e-9
    )


def test_length_is_geodesic():
    geod = Geod(a=area.A, b=area.B)
    line = shapely.LineString([(122, 45), (122.5, 45.2), (123, 45)])
    two = shapely.MultiLineString([line, [(124, 45), (124, 45.1)]])
    got = length(np.array([line, two, HOLED]))
    assert got[0] == pytest.approx(geod.geometry_length(line), rel=1e-12)
    assert got[1] == pytest.approx(got[0] + geod.inv(124, 45, 124, 45.1)[2], rel=1e-12)
    assert got[2] == pytest.approx(1000 + 200, rel=1e-4)


def test_method_is_stated_in_both_languages():
    assert "2008" in area.METHOD["zh"]
    assert "CGCS2000" in area.METHOD["en"]
