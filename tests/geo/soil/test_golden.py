"""Areas derived by hand: pixels of 10 m in a plane, so that a pixel is 100 m² of map.

Every case names the share of each class that geometry alone gives; the ellipsoid's areas
follow the same shares to 1e-6, because the areal scale hardly changes over a few hundred metres.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from rasterio.transform import from_origin

from geo import crs as ground
from geo.soil import raster, run
from geo.soil.grading import custom
from geo.soil.raster import Registration

pytestmark = pytest.mark.unit

GRADES = custom([0.1, 0.2, 0.3], ["a", "b", "c", "d"])
#: DN whose reflectance is 0.05, 0.15, 0.25, 0.35: grades a, b, c, d of si_gr = sqrt(G*R).
DN = np.array([1500, 2500, 3500, 4500])
SIZE = 40
STATED = Registration(
    "sentinel-2-l2a", ("B", "G", "R", "N", "SCL"), datetime(2025, 5, 3, tzinfo=UTC),
    offset_applied="no",
)  # fmt: skip
CORNER = np.array([570_000.0, 5_040_000.0])


@pytest.fixture
def scene(tmp_path: Path, write):
    """Quarters a | b over c | d, columns and rows 0-19 and 20-39; rows 30-31 without data."""
    grade = np.zeros((SIZE, SIZE), dtype=int)
    grade[:, 20:] += 1
    grade[20:] += 2
    pixels = np.broadcast_to(DN[grade], (5, SIZE, SIZE)).astype(np.uint16)
    pixels[:, 30:32] = 0
    pixels[4, :30], pixels[4, 32:] = 5, 5
    return raster.register(tmp_path, write("golden.tif", pixels), STATED)


def place(*shapes: shapely.Geometry) -> np.ndarray:
    """Shapes in metres right and down of the raster's corner -> EPSG:4490."""
    moved = shapely.transform(np.array(shapes), lambda xy: xy * [1, -1] + CORNER)
    return ground.transform(moved, "EPSG:32651", ground.STORAGE)


def shares(root: Path, scene, *shapes: shapely.Geometry) -> np.ndarray:
    """[zones, a b c d masked outside] / area of the zone."""
    found = found_in(root, scene, *shapes).areas
    parts = np.column_stack([found.grade_m2, found.masked_m2, found.outside_m2])
    np.testing.assert_allclose(parts.sum(axis=1), found.zone_m2, rtol=1e-9)
    return parts / found.zone_m2[:, None]


def found_in(root: Path, scene, *shapes: shapely.Geometry) -> run.RunResult:
    return run.areas(
        root, scene, spec={"index": "si_gr"}, grading=GRADES, zones=place(*shapes),
        zone_ids=range(len(shapes)),
    )  # fmt: skip


CASES = {
    # Legs 200 m right of x = 100, hypotenuse through (300, 0): x <= 200 holds 3/4 of it.
    "triangle": (shapely.Polygon([(100, 0), (300, 0), (100, 200)]), [0.75, 0.25, 0, 0, 0, 0]),
    "half outside": (shapely.box(-100, 50, 100, 150), [0.5, 0, 0, 0, 0, 0.5]),
    # Rows 30 and 31 (300-320 m) of 250-350 m have no data.
    "nodata stripe": (shapely.box(20, 250, 120, 350), [0, 0, 0.8, 0, 0, 0.2]),
    # 4 x 4 m over the corner of four pixels and four grades: 1, 3, 3, 9 of 16.
    "smaller than a pixel": (
        shapely.box(199, 199, 203, 203),
        [1 / 16, 3 / 16, 3 / 16, 9 / 16, 0, 0],
    ),
    "in one pixel": (shapely.box(203, 3, 205, 4), [0, 1, 0, 0, 0, 0]),
    # 10 m² of a, 30 of d and 60 away from the raster.
    "parts": (
        shapely.MultiPolygon(
            [shapely.box(1, 1, 3, 6), shapely.box(331, 331, 341, 334), shapely.box(-99, 0, -93, 10)]
        ),
        [0.1, 0, 0, 0.3, 0, 0.6],
    ),
}


@pytest.mark.parametrize("name", list(CASES))
def test_by_hand(tmp_path: Path, scene, name: str) -> None:
    shape, wanted = CASES[name]
    # 1e-6 where zones end in the stored lon/lat, whose last digit is some nm.
    np.testing.assert_allclose(shares(tmp_path, scene, shape)[0], wanted, atol=1e-6)


def test_a_hole_is_not_in_the_zone(tmp_path: Path, scene) -> None:
    hole = shapely.box(120, 120, 180, 180)  # 3,600 of a's 10,000
    shape = shapely.box(100, 100, 300, 300).difference(hole)
    got = shares(tmp_path, scene, shape)[0]
    np.testing.assert_allclose(got, np.array([64, 100, 100, 100, 0, 0]) / 364, atol=1e-6)


def test_a_shared_edge_is_shared_exactly(tmp_path: Path, scene) -> None:
    """The edge cuts pixels obliquely; both sides together are the whole.

    Pixels agree to the unit (tests/geo/soil/test_zonal.py); here each zone is also closed
    with its own geometry, which is worth some 1e-8.
    """
    left = shapely.Polygon([(0, 0), (203, 0), (157, 300), (0, 300)])
    right = shapely.Polygon([(203, 0), (400, 0), (400, 300), (157, 300)])
    whole = shapely.Polygon([(0, 0), (203, 0), (400, 0), (400, 300), (157, 300), (0, 300)])
    found = found_in(tmp_path, scene, left, right, whole).areas
    np.testing.assert_allclose(found.grade_m2[:2].sum(axis=0), found.grade_m2[2], rtol=1e-7)
    # Left of it: 200 rows to y = 200; the trapezoid 203 - 46/300 y against x = 200 from y = 19.57.
    over = 3 * (3 / (46 / 300)) / 2
    a = 200 * 200 - ((203 - 46 / 300 * 200 - 200) ** 2 / (2 * 46 / 300))
    assert found.grade_m2[0, 0] / found.zone_m2[0] == pytest.approx(a / 54_000, abs=1e-6)
    assert found.grade_m2[0, 1] / found.zone_m2[0] == pytest.approx(over / 54_000, abs=1e-6)


def test_overlaps_count_in_each_zone_and_once_in_the_union(tmp_path: Path, scene) -> None:
    a, b = shapely.box(0, 0, 100, 100), shapely.box(50, 0, 250, 100)
    found = found_in(tmp_path, scene, a, b)
    whole = found.areas.zone_m2
    assert whole[1] / whole[0] == pytest.approx(2.0, rel=1e-6)
    unit = whole[0] / 10_000
    np.testing.assert_allclose(found.sum.areas.grade_m2[0] / unit, [25_000, 5_000, 0, 0], atol=0.1)
    np.testing.assert_allclose(
        found.union.areas.grade_m2[0] / unit, [20_000, 5_000, 0, 0], atol=0.1
    )
    assert found.overlap_removed_m2 / unit == pytest.approx(5_000, abs=0.1)


def test_lon_lat_raster(tmp_path: Path, write) -> None:
    """Pixels of 0.0001 degree: areas are the ellipsoid's own trapezoids, not the plane's."""
    pixels = np.broadcast_to(DN[0], (5, 100, 100)).astype(np.uint16).copy()
    pixels[:, :, 50:] = DN[1]
    pixels[4] = 5
    name = write(
        "lonlat.tif", pixels, crs="EPSG:4490", transform=from_origin(122.0, 45.5, 1e-4, 1e-4)
    )
    scene = raster.register(tmp_path, name, STATED)
    zone = shapely.box(122.00205, 45.4921, 122.00685, 45.4983)
    found = run.areas(
        tmp_path, scene, spec={"index": "si_gr"}, grading=GRADES,
        zones=np.array([zone], dtype=object), zone_ids=[1],
    ).areas  # fmt: skip
    geod = Geod(a=6378137, rf=298.257222101)
    for grade, (west, east) in enumerate([(122.00205, 122.005), (122.005, 122.00685)]):
        part = shapely.segmentize(shapely.box(west, 45.4921, east, 45.4983), 1e-5)
        truth = abs(geod.geometry_area_perimeter(part)[0])
        assert found.grade_m2[0, grade] == pytest.approx(truth, rel=1e-6)


def test_what_nobody_saw_is_said_so(tmp_path: Path, scene) -> None:
    from geo.soil import results, tabled

    away, dark = shapely.box(900, 900, 950, 950), shapely.box(10, 301, 90, 319)
    seen = shapely.box(10, 10, 90, 90)
    results.write(tmp_path / "rows", found_in(tmp_path, scene, away, dark, seen))
    kept = results.Results(tmp_path / "rows")
    rows = tabled.area_rows(kept.zone_ids, kept.zones(), list("abcd"), ["scl", "undefined"])
    assert [row["status"] for row in rows] == ["not_observed", "not_observed", "observed"]
    assert [row["grades"] == {} for row in rows] == [True, True, False]
    for row in rows:
        parts = sum(row["grades"].values()) + row["masked_m2"] + row["outside_m2"]
        assert parts == pytest.approx(row["area_m2"], rel=1e-9)
    _, table = tabled.area_table(["x"] * 3, kept.zones(), list("abcd"), ["scl", "undefined"])
    assert table[0][1:5] == [None] * 4


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A scene of random pixels, a quarter of them cloud, for all examples."""
    folder = tmp_path_factory.mktemp("golden")
    rng = np.random.default_rng(2)
    pixels = rng.integers(1200, 5200, (5, SIZE, SIZE)).astype(np.uint16)
    pixels[4] = rng.choice([5, 5, 5, 9], (SIZE, SIZE))
    with rasterio.open(
        folder / "r.tif", "w", driver="GTiff", crs="EPSG:32651", nodata=0, count=5,
        height=SIZE, width=SIZE, dtype="uint16", transform=from_origin(*CORNER, 10, 10),
    ) as file:  # fmt: skip
        file.write(pixels)
    return folder, raster.register(folder, "r.tif", STATED)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 300), st.floats(0, 300), st.floats(5, 120), st.floats(5, 120)),
        min_size=1, max_size=5,
    )
)  # fmt: skip
def test_parts_are_the_whole_and_the_union_no_more_than_the_sum(shared, boxes: list) -> None:
    root, scene = shared
    shapes = [shapely.box(x, y, x + w, y + h) for x, y, w, h in boxes]
    found = found_in(root, scene, *shapes)
    assert found.union.areas.zone_m2[0] <= found.sum.areas.zone_m2[0] * (1 + 1e-9)
    assert (found.union.areas.grade_m2 <= found.sum.areas.grade_m2 * (1 + 1e-6) + 1e-3).all()
    for shape in shapes[:2]:
        middle = shape.centroid
        west, south, east, north = shape.bounds
        halves = (
            shapely.box(west, south, middle.x, north),
            shapely.box(middle.x, south, east, north),
        )
        parts = found_in(root, scene, *halves, shape).areas
        np.testing.assert_allclose(
            parts.grade_m2[:2].sum(axis=0), parts.grade_m2[2], rtol=2e-6, atol=1e-3
        )
