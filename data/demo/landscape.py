"""The invented landscape that all demonstration data agrees on: water and soda salinity.

Rivers and lakes are hand-drawn around the places they are named after; they are
no survey and copied from no map. `salinity_severity` is a smooth deterministic
function of place, so plots, samples and satellite scenes tell the same story.
All geometries are shapely objects in EPSG:4490 (lon, lat in degrees).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

#: Centre of the local plane of this module, and kilometres a degree there.
ORIGIN = (123.0, 45.3)
KM_PER_DEGREE = (111.320 * float(np.cos(np.radians(ORIGIN[1]))), 111.132)

#: name -> (width in metres, meander amplitude in km, hand-drawn centre line).
RIVERS: dict[str, tuple[float, float, tuple[tuple[float, float], ...]]] = {
    "嫩江": (320.0, 1.1, (
        (123.78, 46.42), (123.86, 46.27), (123.97, 46.16), (124.03, 46.02), (124.08, 45.88),
        (124.07, 45.76), (124.16, 45.66), (124.27, 45.56), (124.35, 45.48), (124.46, 45.43),
        (124.62, 45.40),
    )),
    "洮儿河": (70.0, 0.7, (
        (122.05, 46.05), (122.22, 45.92), (122.38, 45.79), (122.50, 45.68), (122.62, 45.56),
        (122.74, 45.44), (122.88, 45.40), (123.02, 45.43), (123.18, 45.47), (123.34, 45.52),
        (123.50, 45.57), (123.68, 45.60), (123.82, 45.65), (123.95, 45.71), (124.07, 45.76),
    )),
    "蛟流河": (35.0, 0.5, (
        (121.70, 45.75), (121.95, 45.68), (122.20, 45.60), (122.45, 45.50), (122.62, 45.43),
        (122.74, 45.44),
    )),
    "霍林河": (30.0, 0.6, (
        (121.86, 45.03), (122.10, 45.08), (122.30, 45.02), (122.55, 44.98), (122.80, 45.02),
        (123.05, 45.08), (123.30, 45.15), (123.55, 45.18), (123.85, 45.22), (124.10, 45.25),
        (124.30, 45.28),
    )),
    "呼尔达河": (25.0, 0.5, (
        (122.86, 46.12), (123.10, 46.06), (123.38, 46.00), (123.62, 45.97), (123.85, 45.93),
        (124.07, 45.92),
    )),
}  # fmt: skip

#: name, lon, lat, half axes in km, rotation in degrees.
LAKES: tuple[tuple[str, float, float, float, float, float], ...] = (
    ("月亮湖", 123.94, 45.735, 8.0, 4.2, 25.0),
    ("向海水库", 122.33, 45.045, 5.6, 3.0, 10.0),
    ("哈尔挠水库", 123.72, 45.905, 4.8, 2.6, -20.0),
    ("莫莫格泡", 123.88, 45.84, 4.0, 2.0, 40.0),
    ("牛心套保泡", 123.27, 45.245, 4.6, 2.3, 15.0),
    ("新荒泡", 123.66, 45.235, 5.0, 2.4, -12.0),
    ("龙沼", 123.95, 45.355, 3.6, 2.0, 30.0),
    ("五间房水库", 124.02, 45.60, 3.4, 1.7, -35.0),
    ("查干湖西湾", 124.19, 45.255, 4.2, 2.6, -50.0),
    ("四海湖", 122.98, 45.505, 2.6, 1.5, 0.0),
    ("群昌水库", 122.47, 45.43, 3.0, 1.5, -30.0),
    ("胜利水库", 122.80, 44.94, 3.2, 1.6, 20.0),
    ("创业水库", 122.05, 45.46, 2.2, 1.2, -40.0),
    ("大肚泡", 122.62, 44.70, 2.8, 1.4, 60.0),
    ("十三泡", 123.16, 44.62, 2.4, 1.3, -15.0),
)

#: Low soda land (+) and leached piedmont or sand ridges (-): lon, lat, radii in km, weight.
BASINS: tuple[tuple[float, float, float, float, float], ...] = (
    (123.62, 45.36, 34.0, 17.0, 1.15),
    (123.98, 45.42, 17.0, 12.0, 0.70),
    (123.55, 45.75, 26.0, 13.0, 1.05),
    (123.20, 45.92, 18.0, 12.0, 0.55),
    (123.10, 45.22, 20.0, 14.0, 0.95),
    (122.75, 44.98, 30.0, 10.0, 0.85),
    (123.10, 44.78, 18.0, 16.0, 0.75),
    (122.45, 44.62, 20.0, 12.0, 0.45),
    (122.95, 45.55, 14.0, 10.0, 0.35),
    (122.55, 45.30, 14.0, 9.0, 0.30),
    (121.95, 45.72, 34.0, 24.0, -1.20),
    (122.45, 45.80, 22.0, 16.0, -0.70),
    (122.95, 46.12, 20.0, 12.0, -0.50),
    (122.70, 44.42, 34.0, 12.0, -0.55),
)

#: Severity at which each grade after the first begins.
GRADE_CUTS = (0.22, 0.45, 0.68, 0.88)
GRADES = ("none", "light", "moderate", "severe", "very_severe")


def to_plane(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Degrees to kilometres of this module's local plane (equirectangular)."""
    x = (np.asarray(lon, dtype=np.float64) - ORIGIN[0]) * KM_PER_DEGREE[0]
    y = (np.asarray(lat, dtype=np.float64) - ORIGIN[1]) * KM_PER_DEGREE[1]
    return x, y


def from_plane(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    """Kilometres of the local plane back to degrees."""
    lon = np.asarray(x, dtype=np.float64) / KM_PER_DEGREE[0] + ORIGIN[0]
    lat = np.asarray(y, dtype=np.float64) / KM_PER_DEGREE[1] + ORIGIN[1]
    return lon, lat


def noise(
    x: Floats, y: Floats, *, seed: int, longest: float, shortest: float, waves: int = 24
) -> Floats:
    """Smooth random field of unit variance: a sum of plane waves (spectral synthesis).

    ``longest`` and ``shortest`` are wavelengths in the unit of x and y; long
    waves carry more of the variance, as relief does.
    """
    rng = np.random.default_rng(seed)
    wavelength = np.geomspace(longest, shortest, waves)
    direction = rng.uniform(0.0, 2.0 * np.pi, waves)
    phase = rng.uniform(0.0, 2.0 * np.pi, waves)
    weight = wavelength**0.55
    weight *= np.sqrt(2.0 / np.sum(weight**2))
    kx = 2.0 * np.pi * np.cos(direction) / wavelength
    ky = 2.0 * np.pi * np.sin(direction) / wavelength
    total = np.zeros(np.broadcast(x, y).shape)
    for a, b, p, w in zip(kx, ky, phase, weight, strict=True):
        total += w * np.cos(a * x + b * y + p)
    return total


def salinity_severity(lon: ArrayLike, lat: ArrayLike) -> Floats:
    """Severity of soda salinity, 0 (none) .. 1 (severe), at places in degrees (EPSG:4490).

    Broadcasts like numpy. Basins of low soda land with patches from 40 km down
    to 0.5 km; 1 is about pH 10.4 and ESP 70 % in the demonstration samples.
    """
    x, y = to_plane(lon, lat)
    x, y = np.broadcast_arrays(x, y)
    level = np.full(x.shape, -0.35)
    for basin_lon, basin_lat, rx, ry, weight in BASINS:
        bx, by = to_plane(basin_lon, basin_lat)
        level += weight * np.exp(-0.5 * (((x - bx) / rx) ** 2 + ((y - by) / ry) ** 2))
    level += 0.42 * noise(x, y, seed=4101, longest=40.0, shortest=3.0, waves=22)
    level += 0.20 * noise(x, y, seed=4102, longest=3.0, shortest=0.5, waves=18)
    severity: Floats = 1.0 / (1.0 + np.exp(-3.4 * (level - 0.42)))
    return severity


def salinity_grade(severity: ArrayLike) -> NDArray[np.str_]:
    """Grade code of the code list ``salinity_grade`` for severities of `salinity_severity`."""
    return np.array(GRADES)[np.digitize(np.asarray(severity), GRADE_CUTS)]


def _curve(points: tuple[tuple[float, float], ...], meander: float, seed: int) -> Floats:
    """A Catmull-Rom curve through the points (plane km, step about 0.15 km) with meanders."""
    lonlat = np.array(points)
    knots = np.column_stack(to_plane(lonlat[:, 0], lonlat[:, 1]))
    padded = np.vstack([2 * knots[0] - knots[1], knots, 2 * knots[-1] - knots[-2]])
    pieces = []
    for p0, p1, p2, p3 in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        t = np.linspace(0.0, 1.0, max(4, int(np.hypot(*(p2 - p1)) / 0.15)), endpoint=False)[:, None]
        pieces.append(
            0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
                   + (3 * p1 - p0 - 3 * p2 + p3) * t**3)
        )  # fmt: skip
    line = np.vstack([*pieces, knots[-1:]])
    step = np.gradient(line, axis=0)
    normal = np.column_stack([-step[:, 1], step[:, 0]]) / np.hypot(*step.T)[:, None]
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    swing = noise(along, np.zeros_like(along), seed=seed, longest=18.0, shortest=2.2, waves=12)
    # No meander at the ends, so that confluences stay joined.
    fade = np.clip(np.minimum(along, along[-1] - along) / 4.0, 0.0, 1.0)
    bent: Floats = line + normal * (meander * fade * swing)[:, None]
    return bent


@lru_cache(maxsize=1)
def _rivers() -> tuple[tuple[str, ...], NDArray[np.object_], NDArray[np.object_]]:
    curves = [
        _curve(points, meander, seed=4200 + number)
        for number, (_, meander, points) in enumerate(RIVERS.values())
    ]
    planar = np.array([shapely.LineString(curve) for curve in curves], dtype=object)
    widths = np.array([width for width, _, _ in RIVERS.values()]) / 1000.0
    polygons = shapely.buffer(planar, widths / 2.0, quad_segs=4)
    return tuple(RIVERS), _to_lonlat(planar), _to_lonlat(polygons)


@lru_cache(maxsize=1)
def _lakes() -> tuple[tuple[str, ...], NDArray[np.object_]]:
    rng = np.random.default_rng(4300)
    named = [(*to_plane(lon, lat), rx, ry, turn) for _, lon, lat, rx, ry, turn in LAKES]
    # Soda ponds (泡子) collect in the lowest, most saline places.
    lon = rng.uniform(122.1, 124.2, 4000)
    lat = rng.uniform(44.4, 46.1, 4000)
    ponds = np.flatnonzero(salinity_severity(lon, lat) > 0.80)[:110]
    radius = np.minimum(rng.gamma(2.0, 0.20, len(ponds)) + 0.12, 0.75)
    stretch = rng.uniform(1.0, 2.2, len(ponds))
    turn = rng.uniform(0.0, 180.0, len(ponds))
    px, py = to_plane(lon[ponds], lat[ponds])
    shapes = [*named, *zip(px, py, radius * stretch, radius, turn, strict=True)]
    angle = np.linspace(0.0, 2.0 * np.pi, 72, endpoint=False)
    outlines = []
    for number, (x, y, rx, ry, degrees) in enumerate(shapes):
        wobble = 1.0 + 0.16 * noise(
            3.0 * np.cos(angle), 3.0 * np.sin(angle), seed=4310 + number, longest=9.0, shortest=1.4
        )
        u, v = rx * wobble * np.cos(angle), ry * wobble * np.sin(angle)
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        outlines.append(shapely.Polygon(np.column_stack([x + u * c - v * s, y + u * s + v * c])))
    shapes_array = shapely.make_valid(np.array(outlines, dtype=object))
    # Named lakes win over ponds that happen to lie in them.
    named_area = shapely.union_all(shapes_array[: len(LAKES)])
    keep = ~shapely.intersects(shapes_array, named_area)
    keep[: len(LAKES)] = True
    ponds_area = shapely.get_parts(shapely.union_all(shapes_array[keep][len(LAKES) :]))
    names = tuple(lake[0] for lake in LAKES) + ("碱泡",) * len(ponds_area)
    return names, _to_lonlat(np.concatenate([shapes_array[: len(LAKES)], ponds_area]))


def _to_lonlat(geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    moved = shapely.transform(
        geometries, lambda xy: np.column_stack(from_plane(xy[:, 0], xy[:, 1]))
    )
    result: NDArray[np.object_] = np.asarray(moved, dtype=object)
    return result


def river_names() -> tuple[str, ...]:
    """Names in the order of `rivers` and `river_lines`."""
    return _rivers()[0]


def river_lines() -> NDArray[np.object_]:
    """Centre lines of the rivers: shapely LineString[n], EPSG:4490, in flow direction."""
    return _rivers()[1].copy()


def rivers() -> NDArray[np.object_]:
    """Water surfaces of the rivers: shapely Polygon[n], EPSG:4490."""
    return _rivers()[2].copy()


def lake_names() -> tuple[str, ...]:
    """Names in the order of `lakes`."""
    return _lakes()[0]


def lakes() -> NDArray[np.object_]:
    """Lakes, reservoirs and soda ponds: shapely Polygon[n], EPSG:4490, disjoint."""
    return _lakes()[1].copy()
