"""Polygons out of rings: by containment, never by the number or the direction of a ring.

Field formats number holes and separate parts alike. A ring that lies inside an odd
number of others is a hole of the smallest of these; every other ring is a part.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LEAST = 3  # points of a ring, its end not counted
#: Rings of one record whose nesting is looked for; a parcel has a few.
MAX_RINGS = 2_000


def close(points: NDArray[np.float64], tolerance: float = 0.0) -> NDArray[np.float64]:
    """Points [n, 2] as a closed ring: an end within ``tolerance`` of the start is the start."""
    if len(points) > 1 and np.abs(points[0] - points[-1]).max() <= tolerance:
        points = points[:-1]
    return np.concatenate((points, points[:1]))


def polygon(rings: Sequence[NDArray[np.float64]]) -> shapely.Geometry | None:
    """Polygon or MultiPolygon of closed rings; None when one has too few points.

    The result may be invalid, as the file is: nothing is mended.
    """
    if not rings or len(rings) > MAX_RINGS or any(len(ring) < _LEAST + 1 for ring in rings):
        return None
    if len(rings) == 1:
        return shapely.Polygon(rings[0])
    alone = np.array([shapely.Polygon(ring) for ring in rings], dtype=object)
    depth, owner = _nesting(alone)
    parts = [
        shapely.Polygon(
            rings[i],
            [rings[j] for j in np.flatnonzero((owner == i) & (depth % 2 == 1)).tolist()],
        )
        for i in np.flatnonzero(depth % 2 == 0).tolist()
    ]
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def polygons(
    xy: NDArray[np.float64], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.object_]:
    """One-ring polygons at once: points [v, 2] and where the (closed) rings begin and end."""
    result = np.full(len(starts), None, dtype=object)
    kept = np.flatnonzero(ends - starts > _LEAST)
    if len(kept):
        lengths = (ends - starts)[kept]
        offsets = np.concatenate(([0], np.cumsum(lengths)))
        index = np.repeat(starts[kept] - offsets[:-1], lengths) + np.arange(offsets[-1])
        rings = shapely.linearrings(xy[index], indices=np.repeat(np.arange(len(kept)), lengths))
        result[kept] = shapely.polygons(rings)
    return result


def _nesting(alone: NDArray[np.object_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(how many rings hold each, the smallest that does or -1)."""
    tree = shapely.STRtree(alone)
    inner, outer = tree.query(alone, predicate="covered_by")
    area = shapely.area(alone)
    # Equal rings cover each other; only the larger one, or the earlier of equals, is outside.
    outside = (area[outer] > area[inner]) | ((area[outer] == area[inner]) & (outer < inner))
    inner, outer = inner[outside], outer[outside]
    depth = np.bincount(inner, minlength=len(alone)).astype(np.int64)
    owner = np.full(len(alone), -1, dtype=np.int64)
    order = np.argsort(-area[outer], kind="stable")  # the smallest is written last
    owner[inner[order]] = outer[order]
    return depth, owner
