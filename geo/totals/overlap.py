"""Land that several features claim, counted once.

A point covered by several features counts for the one with the lowest fid (the one
reported first); from the later ones it is removed. So groups add up to the whole exactly.
Which features overlap is found once for a layer and kept: after an edit only what the edit
touches is looked at again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.area import ellipsoidal_area
from geo.errors import Rejected
from geo.totals.kernels.pairs import APART, UNKNOWN, relate
from geo.totals.overlay import Overlay
from geo.totals.rows import PER_UNIT, Outline, Plane, Rows, whole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from geo.snapshot.view import View

#: Pairs of bounds that meet; pairs that really overlap; pairs that only an overlay can tell.
_MOST_PAIRS = 8_000_000
_MOST_OVERLAPS = 400_000
_MOST_UNKNOWN = 50_000
_CHUNK = 128
#: So many new rows are compared with all others one by one; more make a tree worth while.
_FEW = 200
_KEPT_CUTS = 200_000
#: Revisions of a layer whose overlaps are remembered: now, and what it is compared with.
_REVISIONS = 3


def sliver(units: NDArray[np.int64]) -> NDArray[np.float64]:
    """What is too small to be a part of something of this size (in units of `geo.totals.rows`).

    A hundredth of a m² (the last digit of a survey) but not more than a millionth, or what
    rounding of coordinates makes of very large features.
    """
    return np.maximum(1e-9 * units, np.minimum(0.01 * PER_UNIT, 1e-6 * units))


@dataclass(frozen=True)
class Cuts:
    """What is to be removed from rows: their places (ascending), shapes (plane), units."""

    row: NDArray[np.int64]
    shape: NDArray[np.object_]
    units: NDArray[np.int64]
    later: NDArray[np.int64]  # all pairs, as fids, in order
    earlier: NDArray[np.int64]


@dataclass(frozen=True)
class _Known:
    """The rows (by fid) that a set of pairs was found for."""

    fid: NDArray[np.int64]
    revision: NDArray[np.int64]
    later: NDArray[np.int64]
    earlier: NDArray[np.int64]


class Overlaps:
    """Overlaps of layers, found in one overlay and kept for their newest rows; thread-safe."""

    def __init__(self, overlay: Overlay | None = None) -> None:
        self.overlay = overlay or Overlay()
        #: Of each layer, what was found at the revisions that were asked for last.
        self._known: dict[str, OrderedDict[int, _Known]] = {}
        self._cuts: OrderedDict[tuple[object, ...], tuple[object, int] | None] = OrderedDict()
        self._lock = threading.Lock()

    def cuts(self, rows: Rows, view: View, plane: Plane) -> Cuts:
        """What lower fids among ``rows`` already cover of the others.

        ``view``: the layer of the rows at their revision. Raises `Rejected` E_TOO_COSTLY
        when there are far too many overlaps.
        """
        view = view.limited(None)  # pairs are kept for everybody
        if rows.layer.id not in self._known and len(rows) * 4 < view.count():
            later, earlier = self._fids(rows, *_pairs(rows, plane, self.overlay))
        else:
            with self._lock:
                known = self._follow(view, plane)
            later, earlier = known.later, known.earlier
            if len(rows) < len(known.fid):
                both = np.isin(later, rows.fid) & np.isin(earlier, rows.fid)
                later, earlier = later[both], earlier[both]
        return self._cut(rows, later, earlier, plane)

    @staticmethod
    def _fids(
        rows: Rows, later: NDArray[np.int64], earlier: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return rows.fid[later], rows.fid[earlier]

    def _follow(self, view: View, plane: Plane) -> _Known:
        """The pairs of all rows of a layer, from those of the rows that were known before."""
        past = self._known.setdefault(view.layer.id, OrderedDict())
        if view.touched in past:
            past.move_to_end(view.touched)
            return past[view.touched]
        rows = Rows(view.layer, view.match())
        order = np.argsort(rows.fid, kind="stable")
        fid, revision = rows.fid[order], rows.revision[order]
        if past:
            known = past[min(past, key=lambda touched: abs(touched - view.touched))]
            place = np.minimum(np.searchsorted(known.fid, fid), max(0, len(known.fid) - 1))
            same = np.zeros(len(fid), dtype=bool)
            if len(known.fid):
                same = (known.fid[place] == fid) & (known.revision[place] == revision)
            old = fid[same]
            kept = np.isin(known.later, old) & np.isin(known.earlier, old)
            more = self._fids(rows, *_pairs(rows, plane, self.overlay, fresh=order[~same]))
            later = np.concatenate((known.later[kept], more[0]))
            earlier = np.concatenate((known.earlier[kept], more[1]))
        else:
            later, earlier = self._fids(rows, *_pairs(rows, plane, self.overlay))
        past[view.touched] = _Known(fid, revision, later, earlier)
        while len(past) > _REVISIONS:
            past.popitem(last=False)
        return past[view.touched]

    def _cut(
        self, rows: Rows, later: NDArray[np.int64], earlier: NDArray[np.int64], plane: Plane
    ) -> Cuts:
        order = np.lexsort((earlier, later))
        later, earlier = later[order], earlier[order]
        place = np.flatnonzero(np.isin(rows.fid, np.concatenate((later, earlier))))
        place = place[np.argsort(rows.fid[place])]
        row = place[np.searchsorted(rows.fid[place], later)]
        other = place[np.searchsorted(rows.fid[place], earlier)]
        mine, starts = np.unique(later, return_index=True)
        mine = row[starts]
        keys = [
            (rows.layer.id, plane, *_names(rows, at), *_names(rows, others))
            for at, others in zip(mine[:, None], np.split(other, starts[1:]), strict=True)
        ] if len(mine) else []  # fmt: skip
        found = [self._cuts.get(key) for key in keys]
        gaps = np.array([each is None for each in found], dtype=bool)
        if gaps.any():
            groups = [g for g, m in zip(np.split(other, starts[1:]), gaps, strict=True) if m]
            begin = np.concatenate(([0], np.cumsum([len(g) for g in groups])[:-1]))
            members = plane.flat(rows.geometries(np.concatenate(groups)))
            covers = self.overlay.unions(members, begin)
            shapes = self.overlay.intersection(plane.flat(rows.geometries(mine[gaps])), covers)
            # A feature that is covered whole has nothing left, not some mm² less than nothing.
            areas = whole(ellipsoidal_area(plane.lonlat(shapes)))
            areas = np.minimum(areas, rows.units[mine[gaps]])
            for at, shape, area in zip(np.flatnonzero(gaps), shapes, areas.tolist(), strict=True):
                found[at] = (shape, area)
            self._keep(dict(zip(keys, found, strict=True)))
        shape = np.empty(len(found), dtype=object)
        shape[:] = [each[0] for each in found if each]
        units = np.array([each[1] for each in found if each], dtype=np.int64)
        by_row = np.argsort(mine)
        return Cuts(mine[by_row], shape[by_row], units[by_row], later, earlier)

    def _keep(self, fresh: dict[tuple[object, ...], tuple[object, int] | None]) -> None:
        with self._lock:
            self._cuts.update(fresh)
            while len(self._cuts) > _KEPT_CUTS:
                self._cuts.popitem(last=False)


def _names(rows: Rows, at: NDArray[np.int64]) -> Iterable[tuple[int, int]]:
    """Row versions: (fid, revision)."""
    return zip(rows.fid[at].tolist(), rows.revision[at].tolist(), strict=True)


def _pairs(
    rows: Rows, plane: Plane, overlay: Overlay, fresh: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of rows whose interiors meet: (later, earlier) by fid.

    ``fresh``: only pairs with one of these rows.
    """
    left, right = _near(rows.bounds, fresh)
    if not len(left):
        return left, right
    swap = rows.fid[left] < rows.fid[right]
    later, earlier = np.where(swap, right, left), np.where(swap, left, right)
    used = np.zeros(len(rows), dtype=bool)
    used[later] = used[earlier] = True
    few = int(used.sum()) * 2 < len(rows)
    a, b = later, earlier
    if few:
        place = np.cumsum(used) - 1
        a, b = place[later], place[earlier]
    outline = plane.outline((rows.some(np.flatnonzero(used)) if few else rows).outline())
    relation = related(outline, a, outline, b)
    meets = relation != APART
    open_ = np.flatnonzero(relation == UNKNOWN)
    if len(open_) > _MOST_UNKNOWN or int(meets.sum()) > _MOST_OVERLAPS:
        raise too_costly()
    if len(open_):
        first, second = (plane.flat(rows.geometries(x[open_])) for x in (later, earlier))
        shared = whole(ellipsoidal_area(plane.lonlat(overlay.intersection(first, second))))
        smaller = np.minimum(rows.units[later[open_]], rows.units[earlier[open_]])
        meets[open_] = shared > sliver(smaller)
    return later[meets], earlier[meets]


def related(
    a: Outline, left: NDArray[np.int64], b: Outline, right: NDArray[np.int64]
) -> NDArray[np.int8]:
    """How rows of two outlines (plane) lie to each other: `geo.totals.kernels.pairs.relate`."""
    found: NDArray[np.int8] = relate(
        a.xy, a.ring, a.outer, a.row, left, b.xy, b.ring, b.outer, b.row, right
    )
    return found


def _near(
    bounds: NDArray[np.float64], fresh: NDArray[np.int64] | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of rows whose bounds meet, each once."""
    there = np.flatnonzero(~np.isnan(bounds[:, 0]))
    asked = there if fresh is None else np.sort(fresh[~np.isnan(bounds[fresh, 0])])
    found: list[NDArray[np.int64]] = [np.empty((2, 0), dtype=np.int64)]
    if fresh is not None and len(asked) <= _FEW:
        for at in asked.tolist():
            x0, y0, x1, y1 = bounds[at]
            hits = np.flatnonzero(
                (bounds[:, 0] <= x1) & (bounds[:, 2] >= x0)
                & (bounds[:, 1] <= y1) & (bounds[:, 3] >= y0)
            )  # fmt: skip
            found.append(np.stack((np.full(len(hits), at), hits)))
    else:
        boxes = shapely.box(*bounds[there].T)
        first, second = meeting(boxes[np.searchsorted(there, asked)], boxes)
        found.append(np.stack((asked[first], there[second])))
    left, right = np.concatenate(found, axis=1)
    # Each pair once: of two asked rows the one with the higher place speaks.
    is_asked = np.zeros(len(bounds), dtype=bool)
    is_asked[asked] = True
    once = (left != right) & (~is_asked[right] | (left > right))
    return left[once], right[once]


def meeting(
    boxes: NDArray[np.object_], others: NDArray[np.object_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of boxes and others that meet. Raises `Rejected` E_TOO_COSTLY for far too many."""
    tree = shapely.STRtree(others)
    found: list[NDArray[np.int64]] = [np.empty((2, 0), dtype=np.int64)]
    count = 0
    for start in range(0, len(boxes), _CHUNK):
        pair = tree.query(boxes[start : start + _CHUNK])
        pair[0] += start
        found.append(pair)
        count += pair.shape[1]
        if count > 2 * _MOST_PAIRS:
            raise too_costly()
    first, second = np.concatenate(found, axis=1)
    return first, second


def too_costly() -> Rejected:
    return Rejected(
        "E_TOO_COSTLY",
        "图形过于复杂或重叠过多，超过计算限额",
        "The shapes are too complex, or overlap too often, for the limits of this service",
        fix=(
            "缩小范围、加过滤条件，或用 measure=sum；并检查有无异常复杂的图形",
            "Ask for a smaller area, add a filter or use measure=sum; look for odd shapes",
        ),
    )
