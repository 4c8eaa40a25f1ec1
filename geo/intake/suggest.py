"""What the numbers of a file may mean: ranked coordinate systems, each shown as a place.

The ranking of `geo.crs.candidates` knows magnitudes only. Bare eastings of another zone land
inside the region all the same, so what rows say of their county counts too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo import crs
from geo.errors import Rejected
from geo.intake.region import Counties, agreement
from geo.intake.report import CrsCandidate

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CANDIDATES = 8
_RING = 60
_LOOKED_AT = 5000
#: What is left of a candidate's weight when no row lies in the county that it says.
_DOUBT = 0.2
#: Rows in their stated county: so few under the stated system, so many under another.
_WRONG, _RIGHT = 0.5, 0.8


def middles(geometry: NDArray[np.object_]) -> NDArray[np.float64]:
    """Middle of each shape's bounds, [n, 2]; NaN for none. Good for a pin on a map."""
    box = shapely.bounds(geometry)
    return np.column_stack(((box[:, 0] + box[:, 2]) / 2, (box[:, 1] + box[:, 3]) / 2))


def suggest(
    geometry: NDArray[np.object_], datum: crs.Datum | None, zone: int | None,
    said: NDArray[np.object_] | None, counties: Counties,
) -> list[CrsCandidate]:  # fmt: skip
    """Candidates for shapes in the file's own numbers, best first, each with its outline, its
    extent and the counties that it falls in."""
    bounds = [float(value) for value in shapely.total_bounds(geometry)]
    result = []
    sample, said = _sample(geometry, said)
    points, hull = middles(sample), _hull(geometry)
    for found in crs.candidates(bounds, datum=datum, zone=zone):
        try:
            ring = crs.as_lonlat(_turn(hull, found.swapped), found.crs)
            middle = crs.as_lonlat(_turn(points, found.swapped), found.crs)
        except Rejected:
            continue
        fits = agreement(said, counties, middle)
        weight = 1.0 if fits is None else _DOUBT + (1 - _DOUBT) * fits
        west, south = ring.min(axis=0)
        east, north = ring.max(axis=0)
        zh, en = found.reason
        if fits is not None:
            zh += f"；{fits:.0%} 的图形位于其填报的县区"
            en += f"; {fits:.0%} of the shapes lie in the county that they state"
        result.append(
            CrsCandidate(
                crs=found.crs, swapped=found.swapped, in_region=found.in_region, zh=zh, en=en,
                confidence=round(found.confidence * weight, 4),
                extent=(float(west), float(south), float(east), float(north)),
                outline=[(float(x), float(y)) for x, y in ring.round(6)],
                counties=counties.shares(middle),
            )
        )  # fmt: skip
    result.sort(key=lambda candidate: -candidate.confidence)
    return result[:_CANDIDATES]


def other_zone(
    geometry: NDArray[np.object_], value: str, said: NDArray[np.object_] | None, counties: Counties
) -> tuple[str, float, float] | None:
    """(system of another zone, share of rows in their stated county under ``value``, and there)
    when bare eastings fit another zone far better than the stated one."""
    sample, said = _sample(geometry, said)
    points = middles(sample)
    now = agreement(said, counties, crs.as_lonlat(points, value))
    if now is None or now >= _WRONG:
        return None
    best: tuple[str, float, float] | None = None
    for rival in crs.sister_zones(value):
        try:
            share = agreement(said, counties, crs.as_lonlat(points, rival))
        except Rejected:
            continue
        if share is not None and share >= _RIGHT and (best is None or share > best[2]):
            best = rival, now, share
    return best


def _sample(
    geometry: NDArray[np.object_], said: NDArray[np.object_] | None
) -> tuple[NDArray[np.object_], NDArray[np.object_] | None]:
    there = np.flatnonzero(~shapely.is_missing(geometry))
    there = there[:: max(1, len(there) // _LOOKED_AT)]
    return geometry[there], None if said is None else said[there]


def _hull(geometry: NDArray[np.object_]) -> NDArray[np.float64]:
    """A ring around all shapes, of not too many points, [n, 2]."""
    box = shapely.bounds(geometry)
    box = box[np.isfinite(box).all(axis=1)]
    corners = np.concatenate([box[:, [0, 1]], box[:, [0, 3]], box[:, [2, 1]], box[:, [2, 3]]])
    hull = shapely.get_coordinates(shapely.convex_hull(shapely.multipoints(corners)))
    step = -(-len(hull) // _RING)
    return hull if step <= 1 else np.concatenate([hull[:-1:step], hull[:1]])


def _turn(xy: NDArray[np.float64], swapped: bool) -> NDArray[np.float64]:
    return xy[:, ::-1] if swapped else xy
