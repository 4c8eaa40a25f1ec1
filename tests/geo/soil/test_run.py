"""The whole path, scene to areas that close, against a slow independent computation."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import shapely
from pyproj import Geod

from geo import crs as ground
from geo.area import ellipsoidal_area
from geo.errors import Rejected
from geo.soil import raster, run
from geo.soil.grading import custom
from geo.soil.raster import Registration

pytestmark = pytest.mark.unit

CUTS = custom([0.1, 0.2, 0.3], ["low", "mid", "high", "top"])


def lonlat(*shapes: shapely.Geometry) -> np.ndarray:
    """Shapes in metres from the raster's upper left corner (y up) -> EPSG:4490."""
    moved = shapely.transform(np.array(shapes), lambda xy: xy + np.array([570000, 5040000]))
    return ground.transform(moved, "EPSG:32651", ground.STORAGE)


def compute(root: Path, scene, zones, **more):
    options = {
        "spec": {"index": "si_gr"},
        "grading": CUTS,
        "zone_ids": list(range(len(zones))),
    } | more
    return run.areas(root, scene, zones=zones, **options)


def assert_closes(areas: run.Areas) -> None:
    parts = areas.grade_m2.sum(axis=1) + areas.masked_m2 + areas.outside_m2
    np.testing.assert_allclose(parts, areas.zone_m2, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(
        np.sum(list(areas.reasons.values()), axis=0), areas.masked_m2, rtol=1e-12, atol=1e-9
    )
    for part in (areas.grade_m2, areas.masked_m2, areas.outside_m2):
        assert (part >= 0).all()


def test_areas_equal_polygon_overlay(tmp_path, write, pixels, stated) -> None:
    pixels[:, 20:30, 30:60] = 0  # no data
    pixels[4, 60:90, 40:140] = 9  # cloud
    scene = raster.register(tmp_path, write("a.tif", pixels), stated)
    hole = shapely.Polygon(
        [(113, -57), (1501, -233), (1303, -1209), (301, -1007)],
        [[(700, -500), (900, -500), (801, -703)]],
    )
    sliver = shapely.Polygon([(55, -55), (1822, -1401), (1822.4, -1401)])
    two = shapely.MultiPolygon(
        [shapely.box(10.5, -44.5, 333, -12), shapely.box(905, -905, 906, -904)]
    )
    half = shapely.box(1500, -1700, 2600, -1000)
    away = shapely.box(5000, -6000, 5100, -5000)
    zones = lonlat(hole, sliver, two, half, away)
    result = compute(tmp_path, scene, zones)
    assert_closes(result.areas)
    assert_closes(result.union.areas)

    # Independently: every pixel a polygon, cut with the zones, measured on the ellipsoid.
    value = np.sqrt((pixels[1] * 1e-4 - 0.1) * (pixels[2] * 1e-4 - 0.1))
    code = np.digitize(value, [0.1, 0.2, 0.3])
    code[pixels[4] == 9] = 4
    code[pixels[1] == 0] = 5
    rows, columns = np.indices(code.shape)
    boxes = shapely.box(columns * 10, -rows * 10 - 10, columns * 10 + 10, -rows * 10).ravel()
    for number, zone in enumerate((hole, sliver, two, half, away)):
        near = np.flatnonzero(shapely.intersects(boxes, zone))
        # Cut in the raster's plane, then on the ellipsoid.
        cut = lonlat(*shapely.intersection(boxes[near], zone)) if len(near) else np.array([])
        geodesic = np.bincount(
            code.ravel()[near], weights=ellipsoidal_area(cut) if len(near) else None, minlength=6
        )
        got = np.append(result.areas.grade_m2[number], result.areas.masked_m2[number])
        np.testing.assert_allclose(got, geodesic[:5], rtol=2e-7, atol=2e-3)
    assert result.areas.outside_m2[4] == result.areas.zone_m2[4] > 90_000
    assert result.areas.outside_m2[3] == pytest.approx(
        result.areas.zone_m2[3] * (1 - 500 * 500 / (1100 * 700)), rel=1e-5
    )
    assert np.abs(result.areas.closure - 1).max() < 1e-6


def test_pixels_weigh_their_ellipsoidal_area(tmp_path, write, pixels, stated) -> None:
    """UTM areas are 0.05-0.08 % too small here; the parts must show the true size."""
    scene = raster.register(tmp_path, write("a.tif", pixels), stated)
    zone = shapely.box(100, -1400, 1900, -100)
    result = compute(tmp_path, scene, lonlat(zone))
    geod = Geod(a=6378137, rf=298.257222101)
    truth = abs(geod.geometry_area_perimeter(shapely.segmentize(lonlat(zone)[0], 1e-4))[0])
    assert result.sum.areas.zone_m2[0] == pytest.approx(truth, rel=2e-8)
    assert truth / zone.area == pytest.approx(1.00068, abs=1e-4)
    # Unscaled pixels say the same already: the closing factor hides nothing.
    assert abs(result.areas.closure[0] - 1) < 5e-8


def test_pixel_areas_in_any_projection(tmp_path) -> None:
    from affine import Affine

    from geo.soil.grid import Grid

    geod = Geod(a=6378137, rf=298.257222101)
    cases = [
        ("EPSG:32651", Affine(10, 0, 570000, 0, -10, 5040000), 4000),
        ("EPSG:4529", Affine(10, 0, 41587000, 0, -10, 5040000), 4000),
        ("EPSG:4326", Affine(1e-4, 0, 123.9, 0, -1e-4, 45.5), 4000),
        ("EPSG:3857", Affine(20, 3, 13790000, 3, -20, 5700000), 2000),  # turned as well
    ]
    rng = np.random.default_rng(3)
    for crs, transform, size in cases:
        grid = Grid(size, size, transform, crs)
        column, row = rng.uniform(5, size - 5, (2, 20))
        got = grid.pixel_area.at(column, row)
        for c, r, area in zip(column, row, got, strict=True):
            t = np.linspace(-2, 2, 9)
            edge = np.full(9, 2.0)
            dx = np.concatenate([t, edge, -t, -edge])
            dy = np.concatenate([-edge, t, edge, -t])
            ring = grid.to_lonlat(c + dx, r + dy)
            truth = abs(geod.polygon_area_perimeter(*ring.T)[0]) / 16
            assert area == pytest.approx(truth, rel=1e-7), crs


def test_union_counts_overlaps_once(tmp_path, write, pixels, stated) -> None:
    scene = raster.register(tmp_path, write("a.tif", pixels), stated)
    a, b = shapely.box(103, -503, 604, -101), shapely.box(401, -801, 905, -302)
    neighbour = shapely.box(604, -300, 800, -101)  # shares an edge, no overlap
    inner = shapely.box(700, -700, 720, -680)
    apart = shapely.box(1203, -1203, 1404, -1001)
    result = compute(tmp_path, scene, lonlat(a, b, neighbour, inner, apart, apart))
    whole = compute(tmp_path, scene, lonlat(shapely.union_all([a, b, neighbour, inner, apart])))
    # Corners where edges meet were computed in another plane: some mm on 500 m edges.
    np.testing.assert_allclose(result.union.areas.grade_m2, whole.sum.areas.grade_m2, rtol=1e-5)
    assert result.union.areas.zone_m2[0] == pytest.approx(whole.sum.areas.zone_m2[0], rel=1e-7)
    overlap = a.intersection(b).area + inner.area + apart.area
    assert result.overlap_removed_m2 == pytest.approx(overlap, rel=1e-3)
    np.testing.assert_allclose(result.sum.areas.grade_m2[0], result.areas.grade_m2.sum(axis=0))
    clean = compute(tmp_path, scene, lonlat(a, neighbour, apart))
    assert clean.overlap_removed_m2 == pytest.approx(0.0, abs=1e-3)


def test_blocks_do_not_change_the_answer(tmp_path, write, pixels, stated) -> None:
    scene = raster.register(tmp_path, write("a.tif", pixels), stated)
    rng = np.random.default_rng(5)
    zones = lonlat(
        *(shapely.Point(*rng.uniform((0, -1500), (2000, 0))).buffer(rng.uniform(3, 700))
          for _ in range(30))
    )  # fmt: skip
    seen: list[tuple[int, int]] = []
    whole = compute(tmp_path, scene, zones, progress=lambda d, n: seen.append((d, n)))
    assert seen == [(1, 1)]
    small = scene.model_copy(update={"block": 64})
    parts = compute(tmp_path, small, zones, progress=lambda d, n: seen.append((d, n)))
    assert seen[-1] == (12, 12)
    np.testing.assert_allclose(parts.areas.grade_m2, whole.areas.grade_m2, rtol=1e-9, atol=1e-6)
    again = compute(tmp_path, small, zones)
    np.testing.assert_array_equal(again.areas.grade_m2, parts.areas.grade_m2)


def test_blocks_without_zones_are_never_read(tmp_path, write, pixels, stated, monkeypatch) -> None:
    scene = raster.register(tmp_path, write("a.tif", pixels), stated)
    windows = []
    read = raster.Reader.stack

    def watched(self, keys, window):
        windows.append((tuple(keys), window))
        return read(self, keys, window)

    monkeypatch.setattr(raster.Reader, "stack", watched)
    small = scene.model_copy(update={"block": 64})
    compute(tmp_path, small, lonlat(shapely.box(10, -630, 630, -10)), masks=())
    assert windows == [(("G", "R"), (0, 0, 64, 64))]


def test_broken_zones_are_repaired_and_counted(tmp_path, write, pixels, stated) -> None:
    scene = raster.register(tmp_path, write("a.tif", pixels), stated)
    bow = shapely.Polygon([(100, -100), (300, -300), (300, -100), (100, -300)])
    twice = shapely.MultiPolygon(
        [shapely.box(500, -600, 600, -500), shapely.box(550, -600, 650, -500)]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        zones = np.append(lonlat(bow, twice), None)
        result = compute(tmp_path, scene, zones)
    assert result.repaired == 2
    np.testing.assert_allclose(result.areas.zone_m2, [20_000, 15_000, 0], rtol=1e-3)
    assert_closes(result.areas)


def test_refusals(tmp_path, write, pixels, stated) -> None:
    scene = raster.register(tmp_path, write("a.tif", pixels), stated)
    zone = lonlat(shapely.box(0, -10, 10, 0))
    for code, options in [
        ("E_ZONE_TYPE", {"zones": lonlat(shapely.Point(1, -1))}),
        ("E_ZONE_COUNT", {"zones": np.array([], dtype=object)}),
        ("E_INDEX", {"spec": {"index": "NDSI"}}),
        ("E_INDEX_BANDS", {"spec": {"index": "mndwi"}}),
        ("E_MASK", {"masks": ("moon",)}),
        ("E_MASK", {"masks": ("qa_pixel",)}),
    ]:
        with pytest.raises(Rejected) as caught:
            compute(tmp_path, scene, options.pop("zones", zone), **options)
        assert caught.value.code == code
        assert caught.value.detail[0]


def test_reasons_and_relative_grades(tmp_path, write, pixels, stated) -> None:
    pixels[4, :50] = 3
    pixels[3] = 5300
    pixels[3, 50:100] = 1001  # NIR near 0: water
    scene = raster.register(tmp_path, write("a.tif", pixels), stated)
    grading = run.relative_grading(tmp_path, scene, {"index": "si_gr"}, 4, ("scl", "water"))
    assert grading.kind == "relative"
    zone = lonlat(shapely.box(0, -1500, 2000, 0))
    result = compute(tmp_path, scene, zone, grading=grading, masks=("scl", "water"))
    share = {
        k: float(v[0] / result.sum.areas.zone_m2[0]) for k, v in result.sum.areas.reasons.items()
    }
    assert share == pytest.approx({"scl": 1 / 3, "water": 1 / 3, "undefined": 0.0}, abs=1e-4)
    np.testing.assert_allclose(
        result.sum.areas.grade_m2[0] / result.sum.areas.grade_m2.sum(), [0.25] * 4, atol=0.01
    )
    assert "相对" in result.definition.zh
    assert "sqrt(G*R)" in result.method.zh


def test_offset_not_applied_would_be_seen(tmp_path, write, pixels, stated) -> None:
    """The same numbers with and without the offset of baseline 04.00 differ by whole grades."""
    name = write("a.tif", pixels)
    right = raster.register(tmp_path, name, stated)
    wrong = raster.register(
        tmp_path,
        name,
        Registration("sentinel-2-l2a", stated.bands, stated.datetime, offset_applied="yes"),
    )
    zone = lonlat(shapely.box(0, -1500, 2000, 0))
    low = compute(tmp_path, right, zone).sum.areas.grade_m2[0, 0]
    none = compute(tmp_path, wrong, zone).sum.areas.grade_m2[0, 0]
    assert low > 0
    assert none == 0


def test_a_border_reached_by_rounding_is_not_outside(tmp_path, write, pixels, stated) -> None:
    scene = raster.register(tmp_path, write("a.tif", pixels), stated)
    edge = lonlat(shapely.box(-1e-6, -1500 - 1e-6, 2000 + 1e-6, 1e-6))
    result = compute(tmp_path, scene, edge)
    assert result.areas.outside_m2[0] == 0.0
    over = compute(tmp_path, scene, lonlat(shapely.box(-0.1, -1500, 2000, 0)))
    assert over.areas.outside_m2[0] == pytest.approx(150, rel=1e-2)
    assert_closes(result.areas)
    assert_closes(over.areas)


def test_figures_never_come_from_a_changed_file(tmp_path, write, pixels, stated) -> None:
    name = write("a.tif", pixels)
    scene = raster.register(tmp_path, name, stated)
    path = tmp_path / name
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)
    with pytest.raises(Rejected) as caught:
        compute(tmp_path, scene, lonlat(shapely.box(0, -10, 10, 0)))
    assert caught.value.code == "E_RASTER_CHANGED"
