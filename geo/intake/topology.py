"""How shapes lie to each other: duplicates, overlaps, slivers, gaps. Whole columns of polygons.

Everything is cut in the survey's plane, where edges are straight (`geo.area`), and measured on
the ellipsoid. Overlays of hostile polygons take minutes and gigabytes however few their
vertices: crossings are counted first, and `main` of `geo.intake.compare` runs in a limited child.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo import crs
from geo.area import ellipsoidal_area

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Interiors meet; shared edges and corners do not count.
_OVERLAPS = "T********"
#: An overlap that is smaller (m²) or thinner on average (m) is a sliver of drawing, not land.
LEAST_OVERLAP, LEAST_WIDTH = 1.0, 0.05
#: Thinner shapes and gaps than this (m, on average) are told.
THIN, GAP = 0.5, 0.5
#: Crossings of edges of one pair that no real neighbours have; two combs of 50 KB have millions.
MAX_CROSSINGS = 200_000
_LOOK_CLOSER = 250_000  # product of vertices from which crossings are counted
_GRID = 1e-3  # m
_NEAR = 1e-5  # degrees, more than `GAP` anywhere in China
_DEGREE = 111_700.0  # m, of latitude at the pole: no degree is longer
_MAX_GAP_VERTICES = 300_000
_CHUNK = 20_000
_SAME = 8  # decimals of a degree: 1 mm


@dataclass(frozen=True)
class Pairs:
    """Overlapping pairs: positions in either column, m² on the ellipsoid, a point of each (lon,
    lat), and which of them are slivers."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    m2: NDArray[np.float64]
    points: NDArray[np.float64]
    sliver: NDArray[np.bool_]

    def only(self, mask: NDArray[np.bool_]) -> Pairs:
        return Pairs(
            self.left[mask], self.right[mask], self.m2[mask], self.points[mask], self.sliver[mask]
        )


class Plane:
    """Polygons in EPSG:4490 and the Gauss-Krueger plane in which they are compared."""

    def __init__(self, west: float, east: float) -> None:
        self.crs = crs.gauss_kruger(
            min(max(crs.zone_of((west + east) / 2), crs.ZONES[3].start), crs.ZONES[3].stop - 1),
            prefix=False,
        )

    def flat(self, lonlat: NDArray[np.object_]) -> NDArray[np.object_]:
        return crs.transform(lonlat, crs.STORAGE, self.crs)

    def lonlat(self, flat: NDArray[np.object_]) -> NDArray[np.object_]:
        return crs.transform(flat, self.crs)


def near(
    left: NDArray[np.object_], right: NDArray[np.object_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which shapes of ``left`` (lon/lat) have bounds that meet, or nearly, those of another one
    or of one of ``right``; and which of ``right`` have. Only these need to be laid over."""
    boxes = [_grown(column) for column in (left, right)]
    close, met = np.zeros(len(left), np.bool_), np.zeros(len(right), np.bool_)
    first, second = shapely.STRtree(boxes[0]).query(boxes[0])
    close[first[first != second]] = True
    rows, others = shapely.STRtree(boxes[1]).query(boxes[0])
    close[rows], met[others] = True, True
    return close, met


def _grown(lonlat: NDArray[np.object_]) -> NDArray[np.object_]:
    box = shapely.bounds(lonlat) + np.array([-_NEAR, -_NEAR, _NEAR, _NEAR])
    result = np.full(len(lonlat), None, object)
    there = np.isfinite(box).all(axis=1)
    result[there] = shapely.box(*box[there].T)
    return result


def only(shapes: NDArray[np.object_], mask: NDArray[np.bool_]) -> NDArray[np.object_]:
    """The shapes under the mask; None elsewhere."""
    result = np.full(len(shapes), None, object)
    result[mask] = shapes[mask]
    return result


def maybe_thin(lonlat: NDArray[np.object_], m2: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Shapes that `thin` may find, by their area and the most that their border can measure."""
    with np.errstate(invalid="ignore"):
        result: NDArray[np.bool_] = 2 * m2 < THIN * shapely.length(lonlat) * _DEGREE
    return result


def same_shape(lonlat: NDArray[np.object_]) -> NDArray[np.object_]:
    """A value by which equal shapes are found, whatever their start, direction or last digits."""
    rounded = shapely.transform(lonlat, lambda xy: np.round(xy, _SAME) + 0.0)
    result: NDArray[np.object_] = shapely.to_wkb(shapely.normalize(rounded))
    return result


def first_of_same(values: NDArray[np.object_]) -> NDArray[np.int64]:
    """Position of the first equal value, -1 for null, the own position where nothing was before."""
    first: dict[bytes, int] = {}
    return np.array(
        [-1 if v is None else first.setdefault(v, i) for i, v in enumerate(values)], np.int64
    )


def candidates(
    left: NDArray[np.object_], right: NDArray[np.object_] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs whose bounds meet; of one column each pair once, the lower position first."""
    tree = shapely.STRtree(left if right is None else right)
    first, second = tree.query(left)
    if right is None:
        keep = first < second
        first, second = first[keep], second[keep]
    order = np.lexsort((second, first))
    return first[order], second[order]


def too_costly(
    left: NDArray[np.object_],
    right: NDArray[np.object_],
    pairs: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> NDArray[np.bool_]:
    """bool[pairs]: which have more crossings of edges than an overlay can bear."""
    counts = shapely.get_num_coordinates(left)[pairs[0]].astype(np.float64)
    counts *= shapely.get_num_coordinates(right)[pairs[1]]
    result = np.zeros(len(counts), np.bool_)
    for at in np.flatnonzero(counts > _LOOK_CLOSER):
        result[at] = crossings(left[pairs[0][at]], right[pairs[1][at]]) > MAX_CROSSINGS
    return result


def crossings(one: shapely.Geometry, other: shapely.Geometry) -> int:
    """Pairs of edges whose bounds meet; counting stops well past `MAX_CROSSINGS`."""
    mine, tree = _edges(one), shapely.STRtree(_edges(other))
    total = 0
    for start in range(0, len(mine), 256):
        total += tree.query(mine[start : start + 256]).shape[1]
        if total > 4 * MAX_CROSSINGS:
            break
    return total


def _edges(shape: shapely.Geometry) -> NDArray[np.object_]:
    rings = shapely.get_rings(shape)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    inside = ring[1:] == ring[:-1]
    ends = np.stack([xy[:-1][inside], xy[1:][inside]], axis=1)
    result: NDArray[np.object_] = shapely.linestrings(ends)
    return result


def overlaps(
    left: NDArray[np.object_],
    right: NDArray[np.object_],
    pairs: tuple[NDArray[np.int64], NDArray[np.int64]],
    plane: Plane,
) -> Pairs:
    """The overlapping ones of candidate pairs of shapes in the plane, measured."""
    first, second = pairs
    shapely.prepare(left)
    meets = shapely.relate_pattern(left[first], right[second], _OVERLAPS)
    first, second = first[meets], second[meets]
    m2, points = np.zeros(len(first)), np.zeros((len(first), 2))
    sliver = np.zeros(len(first), np.bool_)
    for start in range(0, len(first), _CHUNK):
        part = slice(start, start + _CHUNK)
        cut = shapely.intersection(left[first[part]], right[second[part]])
        area, border = shapely.area(cut), shapely.length(cut)
        inside = plane.lonlat(shapely.point_on_surface(cut))
        m2[part] = ellipsoidal_area(plane.lonlat(cut))
        points[part] = np.column_stack((shapely.get_x(inside), shapely.get_y(inside)))
        sliver[part] = (area < LEAST_OVERLAP) | (2 * area < LEAST_WIDTH * border)
    return Pairs(first, second, m2, points, sliver)


def thin(flat: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Which shapes are thinner on average than any parcel: 2 · area / perimeter."""
    with np.errstate(invalid="ignore"):
        result: NDArray[np.bool_] = 2 * shapely.area(flat) < THIN * shapely.length(flat)
    return result & ~shapely.is_missing(flat)


def gaps(
    flat: NDArray[np.object_], plane: Plane
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Narrow closed gaps between shapes: (m² [n], points lon, lat [n, 2]), the largest first.

    None where the shapes that do not share their edges are too many to be looked at.
    """
    there = flat[~shapely.is_missing(flat)]
    nothing = np.empty(0), np.empty((0, 2))
    if len(there) < 2:
        return nothing
    loose = there[~shapely.is_empty(shapely.coverage_invalid_edges(there, gap_width=GAP))]
    if len(loose) < 2:
        return nothing
    if int(shapely.get_num_coordinates(loose).sum()) > _MAX_GAP_VERTICES:
        return None
    union = shapely.union_all(loose, grid_size=_GRID)
    own = shapely.get_num_interior_rings(shapely.get_parts(union))
    if not own.any():
        return nothing
    rings = np.concatenate(
        [np.array(part.interiors, dtype=object) for part in shapely.get_parts(union)
         if len(part.interiors)]
    )  # fmt: skip
    holes = shapely.polygons(rings)
    narrow = 2 * shapely.area(holes) < GAP * shapely.length(holes)
    holes = holes[narrow]
    inside = plane.lonlat(shapely.point_on_surface(holes))
    m2 = ellipsoidal_area(plane.lonlat(holes))
    order = np.argsort(-m2)
    points = np.column_stack((shapely.get_x(inside), shapely.get_y(inside)))
    return m2[order], points[order]
