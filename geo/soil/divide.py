"""Zones cut at the edges of other polygons: districts, counties."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Geometries = NDArray[np.object_]
#: Pieces up to this share of their zone come from the rounding of shared edges.
SLIVER = 1e-9


@dataclass(frozen=True)
class Divided:
    """Pieces[k]: of ``zone``, in ``member`` (-1: in none), drawn by ``shapes[shape]``.

    ``shape`` -1: the piece is the whole zone.
    """

    zone: Ints
    member: Ints
    shape: Ints
    shapes: Geometries


def divided(zones: Geometries, members: Geometries) -> Divided:
    """zones[n], members[m]: valid polygons in one system. Most zones lie in one member whole.

    Pieces of a zone fill it; where members overlap, each has its piece.
    """
    tree = shapely.STRtree(members)
    zone, member = tree.query(zones, predicate="intersects")
    code = zone * max(1, len(members)) + member
    in_zone, in_member = tree.query(zones, predicate="within")
    whole = np.isin(code, in_zone * max(1, len(members)) + in_member)
    cut = np.flatnonzero(~whole)
    size = shapely.area(zones)
    pieces = polygonal(shapely.intersection(zones[zone[cut]], members[member[cut]]))
    real = shapely.area(pieces) > SLIVER * size[zone[cut]]
    cut, pieces = cut[real], pieces[real]
    # What is left of zones that no member holds whole.
    rest = np.setdiff1d(np.arange(len(zones)), zone[whole])
    rest = rest[~shapely.is_empty(zones[rest])]
    left = zones[rest].copy()
    order = np.argsort(zone[cut], kind="stable")
    covers = zone[cut][order]
    for number in np.unique(covers):
        at = int(np.searchsorted(rest, number))
        if at < len(rest) and rest[at] == number:
            mine = order[np.searchsorted(covers, number) : np.searchsorted(covers, number, "right")]
            cover = shapely.union_all(members[member[cut][mine]])
            left[at] = shapely.difference(left[at], cover)
    left = polygonal(left)
    real = shapely.area(left) > SLIVER * size[rest]
    rest, left = rest[real], left[real]
    shapes = np.concatenate([pieces, left])
    return Divided(
        zone=np.concatenate([zone[whole], zone[cut], rest]),
        member=np.concatenate([member[whole], member[cut], np.full(len(rest), -1)]),
        shape=np.concatenate([np.full(int(whole.sum()), -1), np.arange(len(shapes))]),
        shapes=shapes,
    )


def polygonal(shapes: Geometries) -> Geometries:
    """The polygons in any geometries[n], as polygons or multipolygons[n]; empty where none is."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    parts, inner = shapely.get_parts(parts, return_index=True)
    flat = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    out = np.full(len(shapes), shapely.MultiPolygon(), dtype=object)
    if flat.any():
        shapely.multipolygons(parts[flat], indices=owner[inner][flat], out=out)
    return out
