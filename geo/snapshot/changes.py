"""Where a layer has changed: what lets one part of the map stay when another is edited.

Every row of a segment tells when its version began and ended, so the last changes can be
read from the segments themselves: every process that follows the log comes to the same
list, whatever base it started from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from geo.snapshot.segment import Rows, Segment

Box = tuple[float, float, float, float]
#: Beginnings and ends of versions that are remembered; before them all counts as changed.
MOST = 20_000
#: Boxes whose last change is remembered.
MOST_TOLD = 8192


@dataclass(frozen=True, eq=False)
class Changes:
    """All changes after the revision ``since``, ascending: ``revision`` [n] and ``boxes`` [n, 4].

    An edit is there twice: with the bounds (lon/lat) of the version that ended and of the
    one that began. Rows without a geometry have NaN bounds and meet nothing.
    """

    since: int
    revision: np.ndarray
    boxes: np.ndarray
    #: What `last` said of boxes: a map asks for the same tiles again and again.
    _told: dict[Box, int] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, segments: Iterable[Segment], most: int = MOST) -> Changes:
        """Read from segments that hold a layer's whole history."""
        parts = [part for s in segments for part in _versions(s)]
        since = _cut(np.concatenate([NONE.revision, *(r for r, _, _ in parts)]), most)
        late = [(segment, rows[r > since], r[r > since]) for r, segment, rows in parts]
        return cls(since, NONE.revision, NONE.boxes).plus(
            [(r, segment.bounds(rows)) for segment, rows, r in late if len(rows)], most
        )

    def plus(self, later: Sequence[tuple[np.ndarray, np.ndarray]], most: int = MOST) -> Changes:
        """With further changes (revisions, boxes); what is known already is not added again."""
        if not later:
            return self
        last = int(self.revision[-1]) if len(self.revision) else self.since
        revision = np.concatenate([r for r, _ in later])
        boxes = np.concatenate([b for _, b in later])
        order = np.argsort(revision, kind="stable")
        order = order[revision[order] > last]
        revision = np.concatenate((self.revision, revision[order]))
        boxes = np.concatenate((self.boxes, boxes[order]))
        since = max(self.since, _cut(revision, most))
        first = int(np.searchsorted(revision, since, side="right"))
        return Changes(since, revision[first:], boxes[first:])

    def last(self, box: Box) -> int:
        """The last revision that changed something in the box (lon/lat).

        It may be told too late, never too early: ``since`` when nothing later is known.
        """
        if not len(self.revision):
            return self.since
        told = self._told.get(box)
        if told is None:
            if len(self._told) >= MOST_TOLD:
                self._told.clear()
            told = self._told[box] = self._last(box)
        return told

    @cached_property
    def _sides(self) -> np.ndarray:
        return np.ascontiguousarray(self.boxes.T)

    def _last(self, box: Box) -> int:
        x0, y0, x1, y1 = self._sides
        meets = (x0 <= box[2]) & (x1 >= box[0]) & (y0 <= box[3]) & (y1 >= box[1])
        found = np.flatnonzero(meets)
        return int(self.revision[found[-1]]) if len(found) else self.since


NONE = Changes(0, np.empty(0, dtype=np.int64), np.empty((0, 4)))


def changed_rows(segment: Segment) -> list[tuple[np.ndarray, np.ndarray]]:
    """(revisions, boxes) of all versions in a segment, for `Changes.plus`."""
    return [(revision, s.bounds(rows)) for revision, s, rows in _versions(segment)]


def _versions(segment: Segment) -> list[tuple[np.ndarray, Segment, Rows]]:
    """Beginnings and ends of all versions: revisions and rows."""
    if "_minx" not in segment.batch.schema.names or not segment.length:
        return []
    ended = np.flatnonzero(segment.closed)
    return [
        (segment.revision, segment, np.arange(segment.length)),
        (segment.closed[ended], segment, ended),
    ]


def _cut(revisions: np.ndarray, most: int) -> int:
    """The least revision after which there are at most ``most`` changes; 0 keeps all."""
    if len(revisions) <= most:
        return 0
    place = len(revisions) - most - 1
    return int(np.partition(revisions, place)[place])
