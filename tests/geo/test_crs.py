"""Coordinate systems: worked numbers, refusals, detection and web-map shifts."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Geod

from geo import crs as c
from geo.crs import gcj02
from geo.errors import Rejected

pytestmark = pytest.mark.unit


def one(x, y, source, target=c.STORAGE, **more):
    return c.transform_points(np.array([[x, y]]), source, target, **more)[0]


# --- tables -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("cgcs2000", 41, 3, True), 4529),
        (("cgcs2000", 41, 3, False), 4550),
        (("cgcs2000", 21, 6, True), 4499),
        (("cgcs2000", 21, 6, False), 4510),
        (("xian80", 21, 6, True), 2335),
        (("xian80", 21, 6, False), 2346),
        (("xian80", 41, 3, True), 2365),
        (("xian80", 41, 3, False), 2386),
        (("beijing54", 21, 6, True), 21421),
        (("beijing54", 21, 6, False), 21461),
        (("beijing54", 41, 3, True), 2417),
        (("beijing54", 41, 3, False), 2438),
    ],
)
def test_baicheng_codes(arguments, code):
    datum, zone, width, prefix = arguments
    assert c.gauss_kruger(zone, width, prefix=prefix, datum=datum) == f"EPSG:{code}"


@pytest.mark.parametrize("datum", ["cgcs2000", "xian80", "beijing54"])
@pytest.mark.parametrize("width", [3, 6])
@pytest.mark.parametrize("prefix", [True, False])
def test_every_formula_agrees_with_the_registry(datum, width, prefix):
    for zone in c.ZONES[width]:
        crs = CRS.from_user_input(c.gauss_kruger(zone, width, prefix=prefix, datum=datum))
        values = {p.name: p.value for p in crs.coordinate_operation.params}
        assert values["Longitude of natural origin"] == c.meridian_of(zone, width)
        assert values["False easting"] == 500_000 + (zone * 1_000_000 if prefix else 0)
        assert crs.geodetic_crs.to_epsg() == int(c.geographic(datum).split(":")[1])


def test_zones_of_baicheng():
    assert [c.zone_of(x) for x in (121.6, 123, 124.4, 124.6)] == [41, 41, 41, 42]
    assert c.zone_of(122.8, 6) == 21
    assert c.meridian_of(21, 6) == c.meridian_of(41) == 123
    with pytest.raises(ValueError, match="no 3-degree zone 60"):
        c.gauss_kruger(60)


# --- transformation ---------------------------------------------------------


@pytest.mark.parametrize(
    ("lonlat", "en"),
    [
        ((122.84, 45.62), (41487521.302, 5053862.289)),
        ((124.29, 45.51), (41600805.914, 5042433.736)),
        ((123.20, 45.85), (41515534.470, 5079432.902)),
        ((122.79, 45.34), (41483540.384, 5022751.767)),
        ((123.07, 44.82), (41505536.532, 4964943.358)),
        ((122.838446300, 45.619437379), (41487400.0, 5053800.0)),
        ((122.842297846, 45.617643291), (41487700.0, 5053600.0)),
    ],
)
def test_seats_and_corners(lonlat, en):
    np.testing.assert_allclose(one(*lonlat, c.STORAGE, "EPSG:4529"), en, atol=6e-4)
    np.testing.assert_allclose(one(*en, "EPSG:4529"), lonlat, atol=1e-8)
    np.testing.assert_allclose(one(en[0] - 41e6, en[1], "EPSG:4550"), lonlat, atol=1e-8)
    np.testing.assert_allclose(one(en[0] - 20e6, en[1], "EPSG:4499"), lonlat, atol=1e-8)


def test_vector_against_the_wrong_blog():
    got = one(120.159, 30.267, c.STORAGE, "EPSG:4528")
    np.testing.assert_allclose(got, (40515300.094, 3349722.302), atol=1e-3)


def test_wrong_zone_lands_inside_the_region_too():
    bare = one(121.40, 45.6, c.STORAGE, c.gauss_kruger(40, prefix=False))
    assert one(*bare, "EPSG:4550")[0] == pytest.approx(124.40, abs=1e-6)


def test_utm_lies_two_kilometres_off():
    utm = one(122.84, 45.62, c.STORAGE, "EPSG:32651")
    bare = one(122.84, 45.62, c.STORAGE, "EPSG:4550")
    assert bare[1] - utm[1] == pytest.approx(2021.5, abs=0.1)
    assert abs(bare[0] - utm[0]) == pytest.approx(5, abs=0.1)


def test_geometries_keep_null_and_lose_height():
    shapes = np.array(
        [shapely.Point(41487400, 5053800, 130), None, shapely.Polygon()], dtype=object
    )
    got = c.transform(shapes, "EPSG:4529")
    assert got[1] is None
    assert got[2].is_empty
    assert not got[0].has_z
    assert (got[0].x, got[0].y) == pytest.approx((122.8384463, 45.619437379), abs=1e-8)


def test_wgs84_is_taken_as_cgcs2000():
    np.testing.assert_array_equal(one(122.84, 45.62, "EPSG:4326"), (122.84, 45.62))
    np.testing.assert_array_equal(one(122.84, 45.62, "OGC:CRS84"), (122.84, 45.62))
    assert one(122.84, 45.62, "http://www.opengis.net/def/crs/EPSG/0/4490", "EPSG:3857")[
        0
    ] == pytest.approx(np.radians(122.84) * 6378137)


@pytest.mark.parametrize(
    "source", ["EPSG:4610", "EPSG:4214", "EPSG:2365", "EPSG:2438", "EPSG:4555"]
)
@pytest.mark.parametrize("target", ["EPSG:4490", "EPSG:4326", "EPSG:4529", "GCJ-02"])
def test_no_silent_shift_between_datums(source, target):
    for pair in ((source, target), (target, source)):
        with pytest.raises(Rejected) as caught:
            one(122, 45, *pair)
        assert caught.value.code == "E_CRS_DATUM"
        assert caught.value.fix is not None


def test_datum_inside_a_wkt_is_seen():
    esri = CRS.from_epsg(2365).to_wkt("WKT1_ESRI")
    with pytest.raises(Rejected, match="E_CRS_DATUM"):
        one(41487400, 5053800, esri)
    bound = "+proj=longlat +a=6378140 +rf=298.257 +towgs84=10,20,30 +type=crs"
    with pytest.raises(Rejected, match="E_CRS_DATUM"):
        one(122, 45, bound)


def test_given_parameters_are_used():
    zero = c.DatumShift(0, 0, 0)
    three = c.DatumShift(100, 0, 0)
    plain = one(122.84, 45.62, "EPSG:4610", shift=zero)
    moved = one(122.84, 45.62, "EPSG:4610", shift=three)
    # 100 m of geocentric X at 122.84E: its parts along the parallel and the meridian.
    lon, lat = np.radians([122.84, 45.62])
    expected = 100 * np.hypot(np.sin(lon), np.cos(lon) * np.sin(lat))
    moved_by = Geod(ellps="GRS80").inv(*plain, *moved)[2]
    assert moved_by == pytest.approx(expected, rel=1e-3)
    projected = one(
        *one(122.84, 45.62, "EPSG:4610", "EPSG:2365"), "EPSG:2365", "EPSG:4529", shift=three
    )
    np.testing.assert_allclose(one(*projected, "EPSG:4529"), moved, atol=1e-10)


def test_rotations_need_their_convention():
    with pytest.raises(Rejected, match="E_CRS_DATUM"):
        c.DatumShift(1, 2, 3, rx=0.5)
    frame = c.DatumShift(0, 0, 0, rz=3600, convention="coordinate_frame")
    vector = c.DatumShift(0, 0, 0, rz=3600, convention="position_vector")
    # A turn by one degree about the pole: the frame's turn lowers longitudes.
    assert one(122, 45, "EPSG:4610", shift=frame)[0] == pytest.approx(121, abs=2e-3)
    assert one(122, 45, "EPSG:4610", shift=vector)[0] == pytest.approx(123, abs=2e-3)


def test_impossible_coordinates_and_names():
    with pytest.raises(Rejected, match="E_CRS_RANGE"):
        one(122, 95, c.STORAGE, "EPSG:4529")
    with pytest.raises(Rejected, match="E_CRS_UNKNOWN"):
        one(122, 45, "白城独立坐标系")


# --- a .prj -----------------------------------------------------------------

GEOGCS = (
    'GEOGCS["GCS_China_Geodetic_Coordinate_System_2000",DATUM["D_China_2000",'
    'SPHEROID["CGCS2000",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],'
    'UNIT["Degree",0.0174532925199433]]'
)


def prj(
    name="CGCS2000_3_Degree_GK_Zone_41",
    base=GEOGCS,
    easting=41500000.0,
    meridian=123.0,
    scale=1.0,
    unit='UNIT["Meter",1.0]',
):
    return (
        f'PROJCS["{name}",{base},PROJECTION["Gauss_Kruger"],'
        f'PARAMETER["False_Easting",{easting}],PARAMETER["False_Northing",0.0],'
        f'PARAMETER["Central_Meridian",{meridian}],PARAMETER["Scale_Factor",{scale}],'
        f'PARAMETER["Latitude_Of_Origin",0.0],{unit}]'
    )


@pytest.mark.parametrize("datum", ["cgcs2000", "xian80", "beijing54"])
@pytest.mark.parametrize("version", ["WKT1_ESRI", "WKT1_GDAL", "WKT2_2019"])
def test_prj_of_every_zone_family(datum, version):
    for zone, width, prefix in ((41, 3, True), (41, 3, False), (40, 3, True), (21, 6, True)):
        code = c.gauss_kruger(zone, width, prefix=prefix, datum=datum)
        found = c.from_prj(CRS.from_user_input(code).to_wkt(version))
        assert (found.crs, found.datum, found.notes) == (code, datum, ())


@pytest.mark.parametrize("code", ["EPSG:4490", "EPSG:4326", "EPSG:32651", "EPSG:3857", "EPSG:4610"])
def test_prj_of_other_systems(code):
    assert c.from_prj(CRS.from_user_input(code).to_wkt("WKT1_ESRI")).crs == code


def test_the_name_of_a_prj_decides_nothing():
    renamed = c.from_prj(prj(name="我的坐标"))
    assert (renamed.crs, renamed.notes) == ("EPSG:4529", ())
    lying = c.from_prj(prj(name="CGCS2000_3_Degree_GK_Zone_40"))
    assert lying.crs == "EPSG:4529"
    assert [note.code for note in lying.notes] == ["W_CRS_NAME"]
    meridian = c.from_prj(prj(name="CGCS2000_3_Degree_GK_CM_120E", easting=500000.0))
    assert meridian.crs == "EPSG:4550"
    assert [note.code for note in meridian.notes] == ["W_CRS_NAME"]


def test_ellipsoid_under_an_odd_datum_name():
    base = GEOGCS.replace("D_China_2000", "D_Unknown").replace("CGCS2000", "GRS80")
    assert c.from_prj(prj(base=base)).crs == "EPSG:4529"
    xian = GEOGCS.replace("6378137.0,298.257222101", "6378140.0,298.257")
    assert c.from_prj(prj(base=xian)).crs == "EPSG:2365"


@pytest.mark.parametrize(
    "change", [{"meridian": 122.5}, {"scale": 0.9999}, {"easting": 41000000.0},
               {"unit": 'UNIT["Foot",0.3048]'}]
)  # fmt: skip
def test_local_parameters_are_used_as_they_are(change):
    found = c.from_prj(prj(**change))
    assert not found.crs.startswith("EPSG")
    assert "W_CRS_CUSTOM" in [note.code for note in found.notes]
    there = one(122.84, 45.62, c.STORAGE, found.crs)
    np.testing.assert_allclose(one(*there, found.crs), (122.84, 45.62), atol=1e-9)


def test_towgs84_of_a_prj_is_shown_not_used():
    base = GEOGCS.replace("298.257222101]", "298.257222101],TOWGS84[1,2,3,0,0,0,0]")
    found = c.from_prj(prj(base=base))
    assert found.crs == "EPSG:4529"
    assert found.towgs84 == (1, 2, 3, 0, 0, 0, 0)
    assert [note.code for note in found.notes] == ["W_CRS_TOWGS84"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('LOCAL_CS["未知",UNIT["metre",1]]', "E_CRS_LOCAL"),
        ("", "E_CRS_PRJ"),
        ("PROJCS[", "E_CRS_PRJ"),
    ],
)
def test_prj_without_a_system(text, code):
    with pytest.raises(Rejected) as caught:
        c.from_prj(text)
    assert caught.value.code == code


# --- numbers only -----------------------------------------------------------

BOX = (122.80, 45.60, 122.84, 45.62)


def box_in(code):
    xy = c.transform_points(np.array(BOX).reshape(2, 2), c.STORAGE, code)
    return tuple(xy.ravel())


@pytest.mark.parametrize("code", ["EPSG:4529", "EPSG:4499", "EPSG:4550", "EPSG:3857", "EPSG:4490"])
@pytest.mark.parametrize("swapped", [False, True])
def test_first_candidate_in_either_order(code, swapped):
    minx, miny, maxx, maxy = box_in(code)
    bounds = (miny, minx, maxy, maxx) if swapped else (minx, miny, maxx, maxy)
    found = c.candidates(bounds)
    assert (found[0].crs, found[0].swapped, found[0].in_region) == (code, swapped, True)
    assert not any(item.certain for item in found)  # the datum is not in the numbers
    assert all(item.reason[0] and item.reason[1] for item in found)


def test_certain_only_with_a_declared_datum_and_no_rival():
    assert [k.certain for k in c.candidates(box_in("EPSG:4529"), datum="cgcs2000")] == [True]
    bare = c.candidates(box_in("EPSG:4550"), datum="cgcs2000")
    assert not bare[0].certain  # no zone declared: zones 40 and 42 stay possible
    named = c.candidates(box_in("EPSG:4550"), datum="cgcs2000", zone=41)
    assert [(k.crs, k.certain) for k in named] == [("EPSG:4550", True)]
    six = c.candidates(box_in("EPSG:4550"), datum="cgcs2000", zone=21)
    assert [(k.crs, k.certain) for k in six] == [("EPSG:4510", True)]


def test_prefix_wins_over_a_declared_zone():
    found = c.candidates(box_in("EPSG:4529"), datum="cgcs2000", zone=40)
    assert (found[0].crs, found[0].codes) == ("EPSG:4529", ("ZONE_MISMATCH",))
    assert "40" in found[0].reason[0]


def test_declared_zone_that_lands_elsewhere():
    found = c.candidates(box_in("EPSG:4550"), datum="cgcs2000", zone=39)
    assert not any(k.certain for k in found)
    assert {k.crs for k in found} == {"EPSG:4548", "EPSG:4550"}


def test_utm_and_other_datums_are_named():
    codes = [k.crs for k in c.candidates(box_in("EPSG:4550"))]
    assert {"EPSG:32651", "EPSG:2386", "EPSG:2438"} <= set(codes)
    assert {"GCJ-02", "BD-09", "EPSG:4326"} <= {k.crs for k in c.candidates(BOX)}


@settings(deadline=None)
@given(st.lists(st.floats(-1e9, 1e9), min_size=4, max_size=4))
def test_any_numbers_give_an_answer(numbers):
    x, y = sorted(numbers[:2]), sorted(numbers[2:])
    for k in c.candidates((x[0], y[0], x[1], y[1])):
        assert not k.certain


def test_nothing_fits():
    assert c.candidates((1e8, 1e8, 1.1e8, 1.1e8)) == []


def test_extent():
    assert c.check_extent(BOX) == []
    assert c.check_extent(box_in("EPSG:4529"), "EPSG:4529") == []
    assert [n.code for n in c.check_extent((116, 39, 117, 40))] == ["W_OUTSIDE_REGION"]
    beijing = tuple(
        c.transform_points(np.array([[116, 39], [117, 40.0]]), c.STORAGE, "EPSG:4529").ravel()
    )
    codes = [n.code for n in c.check_extent(beijing, "EPSG:4529")]
    assert codes == ["W_OUTSIDE_REGION", "W_OUTSIDE_CRS_AREA"]
    with pytest.raises(Rejected, match="E_CRS_RANGE"):
        c.check_extent((41487400, 5053600, 41487700, 5053800))


# --- web maps ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("true", "shifted", "metres"),
    [
        ((122.84, 45.62), (122.84586953, 45.62190639), 504),
        ((124.29, 45.51), (124.29643314, 45.51210498), 555),
        ((123.07, 44.82), (123.07634373, 44.82211532), 554),
    ],
)
def test_gcj02(true, shifted, metres):
    got = one(*true, c.STORAGE, "GCJ-02")
    np.testing.assert_allclose(got, shifted, atol=6e-9)
    assert Geod(ellps="GRS80").inv(*true, *got)[2] == pytest.approx(metres, abs=1)
    np.testing.assert_allclose(one(*got, "GCJ-02"), true, atol=1e-11)


def test_bd09():
    got = one(122.84, 45.62, c.STORAGE, "BD-09")
    np.testing.assert_allclose(got, (122.85241599, 45.62783365), atol=6e-9)
    assert Geod(ellps="GRS80").inv(122.84, 45.62, *got)[2] == pytest.approx(1302, abs=1)


@settings(deadline=None)
@given(st.floats(120, 126), st.floats(43, 47), st.sampled_from(["gcj02", "bd09"]))
def test_unshift_is_the_inverse(lon, lat, offset):
    true = np.array([[lon, lat]])
    np.testing.assert_allclose(gcj02.unshift(gcj02.shift(true, offset), offset), true, atol=1e-10)


def test_no_shift_outside_china():
    np.testing.assert_array_equal(one(2.35, 48.85, c.STORAGE, "GCJ-02"), (2.35, 48.85))
