"""A layer at a revision: which rows answer a question, in which order.

Everything is array work on segments; nothing here touches the database.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
import shapely

from geo.layers import Layer
from geo.snapshot.changes import Changes
from geo.snapshot.segment import Rows, Segment

Box = tuple[float, float, float, float]
Matches = list[tuple[Segment, Rows]]


class RowFilter(Protocol):
    """Anything that says which rows of a segment it lets through."""

    @property
    def bbox(self) -> Box | None:
        """A lon/lat box outside of which no row passes, if one is known."""

    def mask(self, source: Segment, rows: Rows | None = None) -> np.ndarray:
        """bool[n] for these rows (all of them for None)."""


@dataclass(frozen=True)
class Order:
    """A property to sort by; nulls come last either way."""

    name: str
    descending: bool = False


@dataclass(frozen=True)
class Page:
    """Rows of one page in order, how many match in all, and the key to go on from."""

    parts: list[tuple[Segment, Rows, np.ndarray]]  # rows and their places on the page
    length: int
    matched: int
    next_key: list[object] | None


class View:
    """Rows of ``segments`` that live at ``revision``; ``touched`` is the layer's own revision.

    ``changes`` says where the layer changed of late; None for a view of the past. ``only``: the
    view shows what passes this filter, and nothing else of the layer can be reached through it.
    """

    def __init__(
        self,
        layer: Layer,
        segments: tuple[Segment, ...],
        revision: int,
        touched: int,
        changes: Changes | None = None,
        only: RowFilter | None = None,
    ) -> None:
        self.layer = layer
        self.segments = segments
        self.revision = revision
        self.touched = touched
        self.changes = changes
        self.only = only

    def limited(self, only: RowFilter | None) -> View:
        """The same view, of what passes ``only`` (None: of all)."""
        return View(self.layer, self.segments, self.revision, self.touched, self.changes, only)

    def touched_in(self, box: Box) -> int:
        """The revision since which nothing changed in the box (lon/lat), as far as is known."""
        if self.changes is None:
            return self.touched
        return min(self.changes.last(box), self.touched)

    def find(self, fid: int) -> tuple[Segment, int] | None:
        """The row of a feature, None when there is none alive."""
        for segment in reversed(self.segments):
            rows = segment.rows_of(fid, self.revision)
            if len(rows) and (self.only is None or self.only.mask(segment, rows)[0]):
                return segment, int(rows[0])
        return None

    def match(
        self, filters: Sequence[RowFilter] = (), box: Box | None = None, *, exact: bool = True
    ) -> Matches:
        """Rows that live, meet the box (``exact``; else their bounds do) and pass all filters."""
        return [(s, self._rows(s, filters, box, exact)) for s in self.segments]

    def _rows(
        self, segment: Segment, filters: Sequence[RowFilter], box: Box | None, exact: bool
    ) -> Rows:
        if self.only is not None:
            filters = (self.only, *filters)
        limits = [f.bbox for f in filters if f.bbox is not None]
        if box is not None:
            limits.append(box)
        if limits and self.layer.geometry:
            rows = _within_all(segment, limits)
            rows = np.sort(rows[segment.alive(self.revision, rows)])
        else:
            rows = np.flatnonzero(segment.alive(self.revision))
        for each in filters:
            if len(rows) == 0:
                break
            whole = len(rows) == segment.length
            rows = rows[each.mask(segment, None if whole else rows)]
        return rows[meets(segment, rows, box)] if box is not None and exact else rows

    def count(self) -> int:
        if self.only is not None:
            return sum(len(rows) for _, rows in self.match())
        return sum(int(np.count_nonzero(s.alive(self.revision))) for s in self.segments)

    def page(
        self,
        *,
        filters: Sequence[RowFilter] = (),
        box: Box | None = None,
        order: Sequence[Order] = (),
        limit: int = 10,
        after: list[object] | None = None,
        offset: int = 0,
    ) -> Page:
        """One page in keyset order: by ``order``, then by fid.

        ``after`` is the ``next_key`` of the page before; ``offset`` skips rows.
        """
        wanted = limit + offset
        if not (filters or order or box is not None or self.only is not None):
            first = after[-1] if after else None
            matches = [(s, self._ahead(s, first, wanted + 1)) for s in self.segments]
            matched = self.count()
        else:
            matches = self.match(filters, box)
            matched = sum(len(rows) for _, rows in matches)
        kept: list[tuple[Segment, Rows, np.ndarray]] = []
        more = False
        for segment, rows in matches:
            ranks = _ranks(segment, rows, order)
            left = np.arange(len(rows))
            if after is not None:
                left = np.flatnonzero(_later(ranks, _cursor_ranks(segment, order, after)))
            chosen = left[_first(ranks[:, left], wanted)]
            more |= len(left) > len(chosen)
            if len(chosen):
                kept.append((segment, rows[chosen], ranks[:, chosen]))
        places, sequence = _interleave(kept, order)
        more |= len(sequence) > wanted
        sequence = sequence[offset:wanted]
        parts = []
        for number, (segment, rows, _) in enumerate(kept):
            at = np.flatnonzero(places[0, sequence] == number)
            parts.append((segment, rows[places[1, sequence[at]]], at))
        next_key = None
        if more and len(sequence):
            which, row = places[:, sequence[-1]]
            next_key = _key(kept[which][0], int(kept[which][1][row]), order)
        return Page(parts, len(sequence), matched, next_key)

    def _ahead(self, segment: Segment, after: object, wanted: int) -> Rows:
        """The first rows alive with a fid above ``after``: no need to look at all of them."""
        at = 0
        if after is not None:
            at = int(np.searchsorted(segment.fid, int(str(after)), "right", sorter=segment.by_fid))
        found = np.empty(0, dtype=np.int64)
        while at < segment.length and len(found) < wanted:
            rows = segment.by_fid[at : at + 2 * wanted].astype(np.int64)
            found = np.concatenate((found, rows[segment.alive(self.revision, rows)]))
            at += len(rows)
        return found[:wanted]

    def comparable(self, name: str, value: object) -> bool:
        """Whether a value from outside can be compared with a property when paging."""
        if value is None or not self.segments:
            return True
        kind = self.segments[0].column(name, np.empty(0, dtype=np.int64)).type
        if pa.types.is_dictionary(kind):
            return isinstance(value, str)
        if pa.types.is_temporal(kind):
            try:
                pa.scalar(value, pa.string()).cast(kind)
            except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError):
                return False
            return True
        if pa.types.is_boolean(kind):
            return isinstance(value, bool)
        return isinstance(value, (int, float)) and not isinstance(value, bool)

    def batches(
        self, filters: Sequence[RowFilter] = (), box: Box | None = None, size: int = 5000
    ) -> Iterator[tuple[Segment, Rows]]:
        """All matching rows by fid within each segment, in batches, for downloads."""
        for segment, rows in self.match(filters, box):
            ordered = rows[np.argsort(segment.fid[rows], kind="stable")]
            for start in range(0, len(ordered), size):
                yield segment, ordered[start : start + size]


def _within_all(segment: Segment, limits: list[Box]) -> Rows:
    """Rows whose bounds meet all boxes."""
    if len(limits) == 1:
        return segment.search(*limits[0])
    corners = np.array(limits)
    low, high = corners[:, :2].max(axis=0), corners[:, 2:].min(axis=0)
    if (low <= high).all():
        # Boxes that meet in pairs have a point in common.
        return segment.search(*low.tolist(), *high.tolist())
    # Boxes apart from each other: a long canal may still meet both.
    rows = segment.search(*limits[0])
    bounds = segment.bounds(rows)
    found = np.ones(len(rows), dtype=bool)
    for west, south, east, north in limits[1:]:
        found &= (bounds[:, 0] <= east) & (bounds[:, 2] >= west)
        found &= (bounds[:, 1] <= north) & (bounds[:, 3] >= south)
    return rows[found]


def meets(segment: Segment, rows: Rows, box: Box) -> np.ndarray:
    """bool[n]: geometries that meet the box; only those that straddle its edge are tested."""
    bounds = segment.bounds(rows)
    within = (
        (bounds[:, 0] >= box[0])
        & (bounds[:, 1] >= box[1])
        & (bounds[:, 2] <= box[2])
        & (bounds[:, 3] <= box[3])
    )
    edge = np.flatnonzero(~within)
    if len(edge):
        within[edge] = shapely.intersects(segment.geometries(rows[edge]), shapely.box(*box))
    return within


# -- order ---------------------------------------------------------------------
# Every sort key becomes a float64 rank that compares as the values do; nulls are +inf.


def _ranks(segment: Segment, rows: Rows, order: Sequence[Order]) -> np.ndarray:
    """float64[len(order) + 1, n]: ranks by each key, then the fid."""
    whole = len(rows) == segment.length
    ranks = [_rank(segment.column(o.name, None if whole else rows), o.descending) for o in order]
    return np.array([*ranks, segment.fid[rows].astype(np.float64)])


def _rank(array: pa.Array, descending: bool) -> np.ndarray:
    if isinstance(array, pa.DictionaryArray):
        array = array.indices
    if pa.types.is_date32(array.type):
        array = array.cast(pa.int32())
    elif pa.types.is_timestamp(array.type):
        array = array.cast(pa.int64())
    values = array.cast(pa.float64()).to_numpy(zero_copy_only=False)
    ranks = -values if descending else values.copy()
    ranks[np.isnan(ranks)] = np.inf
    return ranks


def _cursor_ranks(segment: Segment, order: Sequence[Order], after: list[object]) -> np.ndarray:
    ranks = []
    for key, value in zip(order, after, strict=False):
        if value is None:
            ranks.append(np.inf)
            continue
        array = segment.column(key.name, np.empty(0, dtype=np.int64))
        if isinstance(array, pa.DictionaryArray):
            rank = _code(array.dictionary, str(value))
        else:
            scalar = pa.scalar(value).cast(array.type) if _is_time(array.type) else value
            rank = float(_rank(pa.array([scalar], array.type), False)[0])
        ranks.append(-rank if key.descending else rank)
    return np.array([*ranks, float(str(after[-1]))])


def _is_time(kind: pa.DataType) -> bool:
    return pa.types.is_temporal(kind)


def _code(dictionary: pa.Array, value: str) -> float:
    """The code of a text in a sorted dictionary, a half between two when it is not there."""
    low, high = 0, len(dictionary)
    wanted = value.encode()
    while low < high:
        middle = (low + high) // 2
        if dictionary[middle].as_py().encode() < wanted:
            low = middle + 1
        else:
            high = middle
    there = low < len(dictionary) and dictionary[low].as_py() == value
    return float(low) if there else low - 0.5


def _later(ranks: np.ndarray, cursor: np.ndarray) -> np.ndarray:
    """Rows that come after the cursor in lexicographic order."""
    later = np.zeros(ranks.shape[1], dtype=bool)
    equal = np.ones(ranks.shape[1], dtype=bool)
    for rank, key in zip(ranks, cursor, strict=True):
        later |= equal & (rank > key)
        equal &= rank == key
    return later


def _first(ranks: np.ndarray, count: int) -> np.ndarray:
    """The first ``count`` rows in order."""
    total = ranks.shape[1]
    chosen = np.arange(total)
    if count < total // 4:
        # Only rows up to the count-th smallest first key can be among the first.
        border = np.partition(ranks[0], count)[count]
        chosen = np.flatnonzero(ranks[0] <= border)
    return chosen[np.lexsort(ranks[::-1, chosen])][:count]


def _interleave(
    kept: list[tuple[Segment, Rows, np.ndarray]], order: Sequence[Order]
) -> tuple[np.ndarray, np.ndarray]:
    """Merge the heads of several segments: (segment, index) pairs and their sequence."""
    lengths = [len(rows) for _, rows, _ in kept]
    places = np.array(
        [
            np.repeat(np.arange(len(kept)), lengths),
            [index for length in lengths for index in range(length)],
        ],
        dtype=np.int64,
    )
    if len(kept) < 2:
        return places, np.arange(places.shape[1])
    ranks = np.concatenate([r for _, _, r in kept], axis=1)
    for i, key in enumerate(order):
        arrays = [s.column(key.name, rows) for s, rows, _ in kept]
        if isinstance(arrays[0], pa.DictionaryArray):
            # Codes of different dictionaries do not compare: rank the texts themselves.
            texts = np.concatenate([a.to_numpy(zero_copy_only=False) for a in arrays])
            known = np.array([t is not None for t in texts], dtype=bool)
            codes = np.unique([t.encode() for t in texts[known]], return_inverse=True)[1]
            ranks[i] = np.inf
            ranks[i, known] = -codes if key.descending else codes
    return places, np.lexsort(ranks[::-1])


def _key(segment: Segment, row: int, order: Sequence[Order]) -> list[object]:
    at = np.array([row])
    values: list[object] = []
    for key in order:
        value = segment.column(key.name, at)[0].as_py()
        values.append(value.isoformat() if hasattr(value, "isoformat") else value)
    return [*values, int(segment.fid[row])]
