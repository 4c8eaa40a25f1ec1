"""Dividing rows at the edges of zones, so that the parts add up to the rows exactly.

Most rows lie wholly in one zone or outside of all: a grid of cells tells so from their
bounds, and their stored area or length counts. Only rows at an edge are intersected, in the
plane of the survey where edges are straight. What the parts of a row miss of its stored
area lies outside of all zones; when it is too little to be land, the largest part takes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.area import ellipsoidal_area, length
from geo.totals.kernels.grid import MIXED, NONE, fill, look_up
from geo.totals.kernels.pairs import APART, INSIDE
from geo.totals.overlap import meeting, related, sliver
from geo.totals.rows import Outline, Plane, Rows, Shapes, outline_of_shapes, whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.layers import GeometryType
    from geo.totals.overlap import Cuts
    from geo.totals.overlay import Overlay

_MOST_SIDE = 1536
#: Lines and points that are as near to an edge (metres) are on it.
_GRID = 1e-3


@dataclass(frozen=True)
class Pieces:
    """Parts of rows: place of the row, units, shape (plane), a zone per division so far.

    ``shape`` is empty where nobody needs it.
    """

    row: NDArray[np.int64]
    units: NDArray[np.int64]
    shape: NDArray[np.object_]
    labels: tuple[NDArray[np.int64], ...] = ()

    def take(self, index: NDArray[np.int64]) -> Pieces:
        labels = tuple(label[index] for label in self.labels)
        shape = self.shape[index] if len(self.shape) else self.shape
        return Pieces(self.row[index], self.units[index], shape, labels)

    def under(self, label: NDArray[np.int64]) -> Pieces:
        return Pieces(self.row, self.units, self.shape, (*self.labels, label))

    @staticmethod
    def joined(parts: list[Pieces]) -> Pieces:
        labels = tuple(
            np.concatenate(each) for each in zip(*(p.labels for p in parts), strict=True)
        )
        return Pieces(
            np.concatenate([p.row for p in parts]),
            np.concatenate([p.units for p in parts]),
            np.concatenate([p.shape for p in parts]),
            labels,
        )


class Division:
    """Polygons that rows are divided by.

    ``keep``: parts outside of all zones are kept, under the label NONE. ``cuts``: what
    earlier zones cover of later ones (None: zones may overlap, and each gets its part).
    """

    def __init__(
        self, zones: Rows | Shapes, plane: Plane, overlay: Overlay, *, keep: bool, cuts: Cuts | None
    ) -> None:
        self.zones, self.keep, self.cuts = zones, keep, cuts
        self._plane, self._overlay = plane, overlay
        self._outline: Outline | None = None

    def locate(self, bounds: NDArray[np.float64]) -> NDArray[np.int32]:
        """int32[n]: the zone that holds each box (lon/lat) whole, NONE, or MIXED."""
        there = self.zones.bounds[~np.isnan(self.zones.bounds[:, 0])]
        if not len(there) or not len(bounds):
            return np.full(len(bounds), NONE, dtype=np.int32)
        west, south = there[:, :2].min(axis=0)
        east, north = there[:, 2:].max(axis=0)
        side = int(np.clip(2 * np.sqrt(len(bounds)), 16, _MOST_SIDE))
        # A cell more on each side, so that what lies beyond meets no edge.
        dx, dy = (east - west) / side + 1e-9, (north - south) / side + 1e-9
        where = (west - dx, south - dy, dx, dy)
        outline = self.zones.outline()
        cells = fill(outline.xy, outline.ring, outline.row, *where, side + 2, side + 2)
        found: NDArray[np.int32] = look_up(bounds, cells, *where)
        return found

    def shapes(self, index: NDArray[np.int64]) -> NDArray[np.object_]:
        """Zones (plane) at these places; with ``cuts`` they do not overlap."""
        shapes = self._plane.flat(self.zones.geometries(index))
        if self.cuts is None or not len(self.cuts.row):
            return shapes
        place = np.searchsorted(self.cuts.row, index)
        place = np.minimum(place, len(self.cuts.row) - 1)
        hit = self.cuts.row[place] == index
        shapes[hit] = self._overlay.difference(shapes[hit], self.cuts.shape[place[hit]])
        return shapes

    def divide(
        self, pieces: Pieces, where: NDArray[np.int32], bounds: NDArray[np.float64],
        kind: GeometryType, *, last: bool = False,
    ) -> Pieces:  # fmt: skip
        """Pieces with one more label. ``where`` and ``bounds`` are those of the rows.

        ``last``: nobody needs the shapes of the parts any more.
        """
        place = where[pieces.row]
        fixed = np.flatnonzero(place != MIXED)
        done = [pieces.take(fixed).under(place[fixed].astype(np.int64))]
        moving = pieces.take(np.flatnonzero(place == MIXED))
        if len(moving.row):
            candidates = self._candidates(moving, bounds)
            if kind == "Point":
                done += self._points(moving, *candidates)
            elif kind == "MultiLineString":
                done += self._lines(moving, *candidates)
            else:
                done += self._areas(moving, *candidates, last)
        found = Pieces.joined(done)
        return found if self.keep else found.take(np.flatnonzero(found.labels[-1] != NONE))

    def _candidates(
        self, pieces: Pieces, bounds: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(piece, zone) whose bounds meet, by piece and then in the order of the zones' fids."""
        there = np.flatnonzero(~np.isnan(self.zones.bounds[:, 0]))
        boxes = shapely.box(*bounds[pieces.row].T)
        piece, zone = meeting(boxes, shapely.box(*self.zones.bounds[there].T))
        zone = there[zone]
        order = np.lexsort((self.zones.fid[zone], piece))
        return piece[order], zone[order]

    def _areas(
        self, pieces: Pieces, piece: NDArray[np.int64], zone: NDArray[np.int64], last: bool
    ) -> list[Pieces]:
        piece, zone, inside = self._quick(pieces, piece, zone)
        used, at = np.unique(zone, return_inverse=True)
        shapes = self.shapes(used)
        part = pieces.shape[piece].copy()
        units = pieces.units[piece].copy()
        cut = np.flatnonzero(~inside)
        part[cut] = self._overlay.intersection(part[cut], shapes[at[cut]])
        areas = whole(ellipsoidal_area(self._plane.lonlat(part[cut])))
        units[cut] = np.minimum(areas, units[cut])
        kept = units > sliver(pieces.units[piece])
        piece, zone, part, units = piece[kept], zone[kept], part[kept], units[kept]
        left = pieces.units - _sums(piece, units, len(pieces.row))
        if self.cuts is not None:
            small = (np.abs(left) <= sliver(pieces.units)) | (left < 0)
            _to_largest(piece, units, np.where(small, left, 0))
            left[small & (_sums(piece, units, len(pieces.row)) > 0)] = 0
        parts = [Pieces(pieces.row[piece], units, part, _labels(pieces, piece)).under(zone)]
        if self.keep:
            index = np.flatnonzero(left > 0)
            none = np.full(len(index), NONE, dtype=np.int64)
            shape = pieces.shape[index] if last else self._outside(pieces, index, piece, part)
            rest = Pieces(pieces.row[index], left[index], shape, _labels(pieces, index))
            parts.append(rest.under(none))
        return parts

    def _quick(
        self, pieces: Pieces, piece: NDArray[np.int64], zone: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """Without pairs that are apart; and which of the others lie inside whole."""
        if self._outline is None:
            self._outline = self._plane.outline(self.zones.outline())
        relation = related(outline_of_shapes(pieces.shape), piece, self._outline, zone)
        inside = relation == INSIDE
        if self.cuts is not None and len(self.cuts.row):
            inside &= ~np.isin(zone, self.cuts.row)  # something is taken off these
        keep = relation != APART
        return piece[keep], zone[keep], inside[keep]

    def _outside(
        self, pieces: Pieces, index: NDArray[np.int64], piece: NDArray[np.int64],
        part: NDArray[np.object_],
    ) -> NDArray[np.object_]:  # fmt: skip
        """Shapes of what lies in no zone, of the pieces at ``index``."""
        shape = pieces.shape[index].copy()
        order = np.argsort(piece, kind="stable")
        begin = np.searchsorted(piece[order], index)
        end = np.searchsorted(piece[order], index, side="right")
        some = np.flatnonzero(end > begin)
        if len(some):
            members = np.concatenate([order[begin[k] : end[k]] for k in some])
            starts = np.concatenate(([0], np.cumsum((end - begin)[some])[:-1]))
            covers = self._overlay.unions(part[members], starts)
            shape[some] = self._overlay.difference(shape[some], covers)
        return shape

    def _lines(
        self, pieces: Pieces, piece: NDArray[np.int64], zone: NDArray[np.int64]
    ) -> list[Pieces]:
        """A line on the edge between two zones counts for the one with the lower fid."""
        used, at = np.unique(zone, return_inverse=True)
        shapes = self.shapes(used)
        rest, left = pieces.shape.copy(), pieces.units.copy()
        _, starts, counts = np.unique(piece, return_index=True, return_counts=True)
        turn = np.arange(len(piece)) - np.repeat(starts, counts)
        part = np.full(len(piece), None, dtype=object)
        units = np.zeros(len(piece), dtype=np.int64)
        for number in range(int(counts.max(initial=0))):
            now = np.flatnonzero(turn == number)
            part[now] = self._overlay.intersection(rest[piece[now]], shapes[at[now]], _GRID)
            metres = whole(length(self._plane.lonlat(part[now])))
            units[now] = np.minimum(metres, left[piece[now]])
            now = now[units[now] > sliver(pieces.units[piece[now]])]
            rest[piece[now]] = self._overlay.difference(rest[piece[now]], shapes[at[now]], _GRID)
            left[piece[now]] -= units[now]
        hit = np.flatnonzero(units > sliver(pieces.units[piece]))
        piece, zone, part, units = piece[hit], zone[hit], part[hit], units[hit]
        small = left <= sliver(pieces.units)
        _to_largest(piece, units, np.where(small, left, 0))
        left[small & (_sums(piece, units, len(left)) > 0)] = 0
        out = np.flatnonzero(left > 0)
        none = np.full(len(out), NONE, dtype=np.int64)
        return [
            Pieces(pieces.row[piece], units, part, _labels(pieces, piece)).under(zone),
            Pieces(pieces.row[out], left[out], rest[out], _labels(pieces, out)).under(none),
        ]

    def _points(
        self, pieces: Pieces, piece: NDArray[np.int64], zone: NDArray[np.int64]
    ) -> list[Pieces]:
        """A point on an edge counts for the zone with the lower fid."""
        used, at = np.unique(zone, return_inverse=True)
        shapes = self.shapes(used)
        shapely.prepare(shapes)
        held = shapely.dwithin(shapes[at], pieces.shape[piece], _GRID)
        label = np.full(len(pieces.row), NONE, dtype=np.int64)
        first, where = np.unique(piece[held], return_index=True)
        label[first] = zone[held][where]
        return [pieces.under(label)]


def _labels(pieces: Pieces, index: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    return tuple(label[index] for label in pieces.labels)


def _sums(owner: NDArray[np.int64], units: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    out = np.zeros(count, dtype=np.int64)
    np.add.at(out, owner, units)
    return out


def _to_largest(
    owner: NDArray[np.int64], units: NDArray[np.int64], more: NDArray[np.int64]
) -> None:
    """Give each owner's ``more`` to its largest part (the first of equals)."""
    order = np.lexsort((-units, owner))
    owners, first = np.unique(owner[order], return_index=True)
    units[order[first]] += more[owners]
