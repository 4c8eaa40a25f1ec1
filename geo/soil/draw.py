"""Random sample points by strata: from the pixels of a grade map, or from polygons.

The same seed draws the same points. Every unit of a stratum has the same chance
n / N, which stays with the points, because estimates need it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize

from geo import crs as ground
from geo.errors import Rejected
from geo.soil.grid import Grid, equal_area
from geo.soil.zonal import ZoneIndex, plane_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
#: With a least distance, so many times the points are tried before a stratum counts as full.
TRIES = 6
_EARTH = 6_371_000.0


@dataclass(frozen=True)
class Drawn:
    """``lonlat`` [n, 2], EPSG:4490, ``stratum`` [n]: numbers, points in the order of a walk.

    ``found``: points by stratum, which a least distance can keep below what was asked.
    """

    lonlat: Floats
    stratum: Ints
    found: Ints


class Pixels:
    """The pixels of strata whose centre lies in any zone, counted block by block.

    ``codes(window)``: uint8[h, w], strata 0..k-1, others are left out.
    """

    def __init__(
        self,
        grid: Grid,
        zones: NDArray[np.object_],
        strata: int,
        codes: Callable[[tuple[int, int, int, int]], NDArray[np.uint8]],
    ) -> None:
        """zones: valid polygons, EPSG:4490."""
        self.grid, self.strata, self._codes = grid, strata, codes
        plane = plane_of(zones, grid)
        flat = shapely.segmentize(ground.transform(zones, ground.STORAGE, plane), 250.0)
        self._shapes = ground.transform(flat, plane, grid.crs)
        self._index = ZoneIndex.of_projected(self._shapes, grid)
        self.blocks: Ints = self._index.blocks
        #: Pixels by block and stratum, filled by `count`.
        self.counts = np.zeros((len(self.blocks), strata), dtype=np.int64)

    def count(self, progress: Callable[[float], None]) -> Ints:
        """Pixels of each stratum."""
        for at in range(len(self.blocks)):
            inside = self._inside(at)
            self.counts[at] = np.bincount(inside[inside < self.strata], minlength=self.strata)
            progress((at + 1) / len(self.blocks))
        total: Ints = self.counts.sum(axis=0)
        return total

    def places(self, stratum: Ints, rank: Ints) -> Floats:
        """Centres (lon, lat) of the pixels that are the rank-th of their stratum, [n, 2]."""
        before = np.cumsum(self.counts, axis=0) - self.counts
        pixel = np.empty((len(rank), 2))
        for at in range(len(self.blocks)):
            mine = rank - before[at, stratum]
            rows = np.flatnonzero((mine >= 0) & (mine < self.counts[at, stratum]))
            if not len(rows):
                continue
            inside = self._inside(at).reshape(-1)
            column, row, width, _ = self.grid.window(int(self.blocks[at]))
            for number in np.unique(stratum[rows]):
                these = rows[stratum[rows] == number]
                flat = np.flatnonzero(inside == number)[mine[these]]
                pixel[these] = np.column_stack([column + flat % width, row + flat // width]) + 0.5
        return self.grid.to_lonlat(pixel[:, 0], pixel[:, 1])

    def _inside(self, at: int) -> NDArray[np.uint8]:
        """Strata of one block's pixels; 255 outside the zones."""
        block = int(self.blocks[at])
        column, row, width, height = window = self.grid.window(block)
        codes = np.asarray(self._codes(window), dtype=np.uint8)
        shapes = self._shapes[self._index.zones_of(block)]
        moved = self.grid.transform @ self.grid.transform.translation(column, row)
        within = rasterize(
            shapes.tolist(), out_shape=(height, width), transform=moved, dtype="uint8"
        )
        return np.where(within > 0, codes, np.uint8(255))


def from_pixels(pixels: Pixels, sizes: Ints, seed: int, distance_m: float = 0.0) -> Drawn:
    """``sizes``: points by stratum. After `Pixels.count`."""
    rng = np.random.default_rng(seed)
    total = pixels.counts.sum(axis=0)
    tried = sizes if distance_m <= 0 else np.minimum(sizes * TRIES, total)
    ranks = [
        rng.choice(int(n), size=int(k), replace=False) if k else np.empty(0, np.int64)
        for n, k in zip(total, tried, strict=True)
    ]
    stratum = np.repeat(np.arange(len(sizes)), tried)
    lonlat = pixels.places(stratum, np.concatenate(ranks).astype(np.int64))
    return _finish(lonlat, stratum, sizes, distance_m, rng)


def from_polygons(
    zones: NDArray[np.object_], stratum: Ints, sizes: Ints, seed: int, distance_m: float = 0.0
) -> Drawn:
    """Points spread evenly over the area of polygons; ``stratum``: [n] number of each polygon.

    zones: valid polygons, EPSG:4490. Overlaps within a stratum are dissolved first,
    so that no place has two chances.
    """
    rng = np.random.default_rng(seed)
    found, owner = [], []
    for number, size in enumerate(sizes.tolist()):
        if not size:
            continue
        tried = size if distance_m <= 0 else size * TRIES
        found.append(_within(shapely.union_all(zones[stratum == number]), tried, rng))
        owner.append(np.full(tried, number))
    lonlat = np.concatenate(found) if found else np.empty((0, 2))
    where = np.concatenate(owner) if owner else np.empty(0, np.int64)
    return _finish(lonlat, where.astype(np.int64), sizes, distance_m, rng)


def _within(shape: shapely.Geometry, count: int, rng: np.random.Generator) -> Floats:
    """Points (lon, lat) that are uniform by area on the ellipsoid."""
    triangles = shapely.get_parts(shapely.constrained_delaunay_triangles(shape))
    corner = shapely.get_coordinates(triangles).reshape(-1, 4, 2)[:, :3]
    flat = np.stack(equal_area(corner[..., 0], corner[..., 1]), axis=-1)
    a, b, c = flat[:, 0], flat[:, 1], flat[:, 2]
    size = np.abs((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0])
    if not size.sum() > 0:
        raise Rejected("E_SAMPLE_DESIGN", "有一层没有面积", "a stratum has no area", where="zones")
    # Latitudes of equal-area northings, by a table that is exact to a millimetre.
    low, high = float(corner[..., 1].min()), float(corner[..., 1].max())
    lat = np.linspace(low, high, 20_001)
    north = equal_area(np.zeros(len(lat)), lat)[1]
    per_degree = equal_area(np.ones(1), np.zeros(1))[0][0]
    shapely.prepare(shape)
    found: list[Floats] = []
    missing = count
    while missing:
        at = rng.choice(len(size), size=missing, p=size / size.sum())
        u, v = rng.random((2, missing))
        over = u + v > 1
        u, v = np.where(over, 1 - u, u)[:, None], np.where(over, 1 - v, v)[:, None]
        point = a[at] + u * (b - a)[at] + v * (c - a)[at]
        lonlat = np.column_stack([point[:, 0] / per_degree, np.interp(point[:, 1], north, lat)])
        # Long edges bow between the two systems: the few that fall outside are drawn again.
        found.append(lonlat[shapely.intersects_xy(shape, lonlat[:, 0], lonlat[:, 1])])
        missing -= len(found[-1])
    return np.concatenate(found)


def _finish(
    lonlat: Floats, stratum: Ints, sizes: Ints, distance_m: float, rng: np.random.Generator
) -> Drawn:
    keep = np.arange(len(lonlat))
    if distance_m > 0:
        keep = _apart(lonlat, stratum, sizes, distance_m, rng)
    keep = keep[_walk(_metres(lonlat[keep]))]
    found = np.bincount(stratum[keep], minlength=len(sizes)).astype(np.int64)
    return Drawn(np.round(lonlat[keep], 7), stratum[keep], found)


def _apart(
    lonlat: Floats, stratum: Ints, sizes: Ints, distance_m: float, rng: np.random.Generator
) -> Ints:
    """Candidates that lie apart from all taken before them, in random order; at most ``sizes``."""
    xy = _metres(lonlat)
    cell = np.floor(xy / distance_m).astype(np.int64)
    left = sizes.copy()
    taken: dict[tuple[int, int], list[int]] = {}
    kept = []
    for at in rng.permutation(len(xy)).tolist():
        if left[stratum[at]] <= 0:
            continue
        i, j = cell[at].tolist()
        near = [
            n for di in (-1, 0, 1) for dj in (-1, 0, 1) for n in taken.get((i + di, j + dj), ())
        ]
        if near and np.hypot(*(xy[near] - xy[at]).T).min() < distance_m:
            continue
        taken.setdefault((i, j), []).append(at)
        left[stratum[at]] -= 1
        kept.append(at)
    return np.array(sorted(kept), dtype=np.int64)


def _metres(lonlat: Floats) -> Floats:
    """Plane metres good enough for distances between sample points."""
    if not len(lonlat):
        return np.empty((0, 2))
    radians = np.radians(lonlat)
    return _EARTH * np.column_stack([radians[:, 0] * np.cos(radians[:, 1].mean()), radians[:, 1]])


def _walk(xy: Floats) -> Ints:
    """Order in which a team may visit places: from the south-west, each time to the nearest."""
    n = len(xy)
    if n < 2:
        return np.arange(n)
    left = np.ones(n, dtype=bool)
    at = int((xy[:, 0] + xy[:, 1]).argmin())
    order = []
    for _ in range(n):
        order.append(at)
        left[at] = False
        away = ((xy - xy[at]) ** 2).sum(axis=1)
        away[~left] = np.inf
        at = int(away.argmin())
    return np.array(order, dtype=np.int64)
