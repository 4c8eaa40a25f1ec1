"""Drawing sample points: chances, seeds, zones, least distances."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from affine import Affine

from geo import crs as ground
from geo.soil import draw
from geo.soil.grid import Grid, equal_area

pytestmark = pytest.mark.unit
GRID = Grid(200, 150, Affine(10, 0, 570_000, 0, -10, 5_040_000), "EPSG:32651", 64)
RASTER = np.random.default_rng(4).choice(4, (150, 200), p=[0.05, 0.25, 0.6, 0.1]).astype(np.uint8)
STRATA = 3  # the fourth code is masked


def codes(window: tuple[int, int, int, int]) -> np.ndarray:
    column, row, width, height = window
    return RASTER[row : row + height, column : column + width]


def place(*boxes: tuple[float, float, float, float]) -> np.ndarray:
    """Boxes of pixels (left, top, right, bottom) as polygons in degrees."""
    made = [
        shapely.box(570_000 + 10 * a, 5_040_000 - 10 * d, 570_000 + 10 * c, 5_040_000 - 10 * b)
        for a, b, c, d in boxes
    ]
    return ground.transform(np.array(made, dtype=object), GRID.crs, ground.STORAGE)


def drawn(zones: np.ndarray, sizes: list[int], seed: int, distance: float = 0.0) -> draw.Drawn:
    pixels = draw.Pixels(GRID, zones, STRATA, codes)
    pixels.count(lambda done: None)
    return draw.from_pixels(pixels, np.array(sizes), seed, distance)


def pixel_of(lonlat: np.ndarray) -> np.ndarray:
    at = GRID.to_pixels(ground.transform_points(lonlat, ground.STORAGE, GRID.crs))
    return np.floor(at).astype(int)


def test_points_are_pixels_of_their_stratum_inside_the_zones() -> None:
    zones = place((10, 20, 90, 140), (80, 20, 190, 60))  # they overlap: no pixel counts twice
    pixels = draw.Pixels(GRID, zones, STRATA, codes)
    total = pixels.count(lambda done: None)
    inside = np.zeros(RASTER.shape, dtype=bool)
    inside[20:140, 10:90] = True
    inside[20:60, 80:190] = True
    assert total.tolist() == [int((inside & (k == RASTER)).sum()) for k in range(STRATA)]
    found = drawn(zones, [20, 30, 40], 7)
    assert found.found.tolist() == [20, 30, 40]
    at = pixel_of(found.lonlat)
    assert (RASTER[at[:, 1], at[:, 0]] == found.stratum).all()
    assert inside[at[:, 1], at[:, 0]].all()
    assert len(np.unique(at, axis=0)) == 90


def test_the_seed_repeats_the_draw() -> None:
    zones = place((0, 0, 200, 150))
    one, again, other = (drawn(zones, [5, 5, 5], seed) for seed in (1, 1, 2))
    assert np.array_equal(one.lonlat, again.lonlat)
    assert not np.array_equal(one.lonlat, other.lonlat)
    polygons = [draw.from_polygons(zones, np.zeros(1, int), np.array([9]), s) for s in (3, 3, 4)]
    assert np.array_equal(polygons[0].lonlat, polygons[1].lonlat)
    assert not np.array_equal(polygons[0].lonlat, polygons[2].lonlat)


def test_every_pixel_of_a_stratum_has_the_same_chance() -> None:
    """Chi-square over the quarters of the map, 80 draws of 50 pixels."""
    zones = place((0, 0, 200, 150))
    pixels = draw.Pixels(GRID, zones, STRATA, codes)
    pixels.count(lambda done: None)
    seen = np.zeros(4)
    for seed in range(80):
        at = pixel_of(draw.from_pixels(pixels, np.array([0, 50, 0]), seed).lonlat)
        seen += np.bincount((at[:, 0] >= 100) + 2 * (at[:, 1] >= 75), minlength=4)
    quarter = [RASTER[r, c] == 1 for r in (slice(75), slice(75, 150))
               for c in (slice(100), slice(100, 200))]  # fmt: skip
    expected = np.array([q.sum() for q in quarter])
    expected = expected / expected.sum() * 4000
    assert ((seen - expected) ** 2 / expected).sum() < 16.3  # 0.1 % of draws would be beyond


def test_points_in_polygons_are_even_by_area() -> None:
    """A long strip from south to north: meridians converge, areas decide."""
    strip = np.array([shapely.box(122, 40, 123, 50), shapely.box(130, 45, 130.1, 45.1)])
    found = draw.from_polygons(strip, np.array([0, 1]), np.array([4000, 10]), 1)
    assert found.found.tolist() == [4000, 10]
    points = shapely.points(found.lonlat)
    assert shapely.covers(shapely.buffer(strip[found.stratum], 1e-6), points).all()
    _, north = equal_area(np.zeros(3), np.array([40.0, 45.0, 50.0]))
    share = (north[1] - north[0]) / (north[2] - north[0])
    south = (found.lonlat[found.stratum == 0, 1] < 45).mean()
    assert south == pytest.approx(share, abs=0.025)


def test_least_distance_is_kept_and_shortfalls_are_told() -> None:
    zones = place((0, 0, 200, 150))
    found = drawn(zones, [10, 20, 30], 5, 100.0)
    at = pixel_of(found.lonlat) * 10.0
    apart = np.hypot(*(at[:, None] - at[None]).transpose(2, 0, 1)) + 1e9 * np.eye(len(at))
    assert apart.min() >= 99
    crowded = drawn(zones, [100, 100, 100], 5, 500.0)
    assert 3 < crowded.found.sum() < 30


def test_the_walk_is_short() -> None:
    found = drawn(place((0, 0, 200, 150)), [0, 0, 200], 5)
    at = pixel_of(found.lonlat) * 10.0
    walk = np.hypot(*np.diff(at, axis=0).T).sum()
    chance = np.hypot(*np.diff(at[np.random.default_rng(1).permutation(200)], axis=0).T).sum()
    assert walk < 0.3 * chance
