"""The snapshots of one process: a base mapped from disk, newer changes in memory.

A process follows the record's log by itself (`Snapshots.refresh`, called by a
thread when the record has changed) and builds small in-memory segments. When
they grow, one process folds them into a new base (`geo.snapshot.base.compact`)
and all others move over to it. Readers never wait: they take the last `Held`.
"""

from __future__ import annotations

import bisect
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from geo.errors import Rejected
from geo.layers import Layer
from geo.record.protocol import Commit, Record
from geo.snapshot import base as bases
from geo.snapshot import rows
from geo.snapshot.changes import NONE, Changes, changed_rows
from geo.snapshot.filters import FieldEquals
from geo.snapshot.segment import Segment, index
from geo.snapshot.view import View

#: A longer tail of changes is folded into a new base (rows, not commits).
MOST_DELTA_ROWS = 20_000


@dataclass(frozen=True)
class Held:
    """A layer's segments and how far they were followed; replaced as a whole.

    ``touched`` is the last revision that changed the layer, ``base_seq`` the log
    position of the base. ``changes`` tells where the layer changed of late.
    """

    revision: int = 0
    seq: int = 0
    touched: int = 0
    base_seq: int = 0
    current: Segment | None = None
    past: Segment | None = None
    deltas: tuple[Segment, ...] = ()
    changes: Changes = NONE

    @property
    def delta_rows(self) -> int:
        return sum(segment.length for segment in self.deltas)

    def segments(self, *, past: bool) -> tuple[Segment, ...]:
        held = (self.current, self.past if past else None, *self.deltas)
        return tuple(s for s in held if s is not None and s.length)


def _adopt(held: Held, folder: Path, layer: Layer) -> Held:
    """The newest base on disk in place of what is held, if it is newer than the held one."""
    base = bases.latest(folder, layer, newer_than=held.base_seq)
    if base is None:
        return held
    return replace(
        held, revision=base.revision, seq=base.seq, base_seq=base.seq,
        current=base.current, past=base.past, deltas=(),
        changes=Changes.of((base.current, base.past)),
    )  # fmt: skip


def _apply(held: Held, record: Record, layer: Layer, until_seq: int) -> Held:
    """Follow the log up to ``until_seq``: close what was replaced, add what is new.

    Rows are closed in place, at revisions that no reader of ``held`` asks for.
    """
    entries = list(record.entries(layer.id, held.seq, until_seq))
    fresh = index(layer, rows.batch_of(layer, entries))
    older = [s for s in (held.current, *held.deltas) if s is not None]
    ended = [pair for part in entries for pair in bases.close(older, part.fid, part.revision)]
    changes = held.changes.plus(
        [(s.closed[found], s.bounds(found)) for s, found in ended if layer.geometry]
        + changed_rows(fresh)
    )
    deltas = held.deltas
    if fresh.length:
        deltas = _tidy(layer, (*deltas, fresh))
    return replace(held, deltas=deltas, changes=changes)


def _tidy(layer: Layer, deltas: tuple[Segment, ...]) -> tuple[Segment, ...]:
    # Merging neighbours of like size keeps their number logarithmic.
    while len(deltas) > 1 and deltas[-2].length <= 2 * deltas[-1].length:
        *rest, left, right = deltas
        deltas = (*rest, bases.merge(layer, [(left, None), (right, None)]))
    return deltas


class Snapshots:
    """All layers' snapshots in this process.

    Parameters
    ----------
    record
        What is followed; only its log is read, and never while a question is answered.
    folder
        Where bases live (``DATA/snapshots``).
    compactor
        Called with a layer id when its changes have outgrown memory; it starts the
        building of a new base (in a child process) and returns at once.
    """

    def __init__(
        self, record: Record, folder: Path, compactor: Callable[[str], None] | None = None
    ) -> None:
        self.record = record
        self.folder = folder
        self._compactor = compactor
        self._following = threading.Condition()
        self._held: dict[str, Held] = {}
        self._commits: tuple[Commit, ...] = ()
        self._touched: dict[str, int] = {}
        self.revision = 0
        self.refresh()

    @property
    def outgrown(self) -> bool:
        """Whether a layer waits for a new base; then `refresh` should be called again."""
        return any(held.delta_rows > MOST_DELTA_ROWS for held in self._held.values())

    def refresh(self, wanted: int | None = None) -> int:
        """Follow the log to its head; returns the revision that every layer now shows.

        ``wanted``: nothing is done where another thread has meanwhile come as far as this.
        """
        with self._following:
            if wanted is not None and self.revision >= wanted:
                return self.revision
            head = self.record.head()
            fresh = self.record.commits(self._commits[-1].revision if self._commits else 0)
            fresh = [commit for commit in fresh if commit.revision <= head.revision]
            self._commits += tuple(fresh)
            self._touched |= {layer_id: c.revision for c in fresh for layer_id in c.layers}
            whole = True
            for layer in self.record.catalog.layers.values():
                held = self._held.get(layer.id)
                if held is None:
                    held = _adopt(Held(), self.folder, layer)
                followed = self._follow(layer, held, head.seq)
                if followed is None:
                    whole = False  # readers keep what they have until the new base is there
                    shown = self._touched_by(layer.id, held.revision)
                    self._held.setdefault(layer.id, replace(held, touched=shown))
                else:
                    touched = self._touched.get(layer.id, 0)
                    self._held[layer.id] = replace(
                        followed, seq=head.seq, revision=head.revision, touched=touched
                    )
            if whole:
                self.revision = head.revision
            self._following.notify_all()
            return self.revision

    def _follow(self, layer: Layer, held: Held, seq: int) -> Held | None:
        """``held`` at ``seq``; None when so much has come that a new base must be built first."""
        waiting = self._waiting(layer, held.seq)
        if self._compactor and waiting + held.delta_rows > MOST_DELTA_ROWS:
            held = _adopt(held, self.folder, layer)
            waiting = self._waiting(layer, held.seq)
            if waiting + held.delta_rows > MOST_DELTA_ROWS:
                self._compactor(layer.id)
            if waiting > MOST_DELTA_ROWS:
                return None
        return _apply(held, self.record, layer, seq) if waiting else held

    def _waiting(self, layer: Layer, seq: int) -> int:
        """Entries of the layer after ``seq``."""
        waiting = 0
        for commit in reversed(self._commits):
            if commit.last_seq <= seq:
                break
            waiting += sum(commit.counts.get(layer.id, {}).values())
        return waiting

    def wait_for(self, revision: int, timeout: float) -> bool:
        """Wait until every layer shows ``revision``; False when it takes longer."""
        with self._following:
            return self._following.wait_for(lambda: self.revision >= revision, timeout)

    def view(
        self,
        layer_id: str,
        as_of: int | datetime | None = None,
        counties: tuple[str, ...] = (),
    ) -> View:
        """A layer at its newest revision, or as it was at a revision or a time.

        ``counties``: of a layer that says its features' county, only those of these (none
        named: of all). Raises `Rejected` E_AS_OF for a revision that is not there.
        """
        held = self._held[layer_id]
        layer = self.record.catalog.layers[layer_id]
        only = None
        if counties and layer.county_field:
            only = FieldEquals(layer.by_name[layer.county_field], counties)
        if as_of is None:
            shown = held.segments(past=False)
            return View(layer, shown, held.revision, held.touched, held.changes, only)
        revision = _revision_of(self._commits, as_of, held.revision)
        touched = self._touched_by(layer_id, revision)
        shown = held.segments(past=revision < held.revision)
        return View(layer, shown, revision, touched, None, only)

    def _touched_by(self, layer_id: str, revision: int) -> int:
        """The last revision up to this one that changed the layer."""
        known = (c.revision for c in reversed(self._commits) if layer_id in c.layers)
        return next((r for r in known if r <= revision), 0)

    def revision_of(self, as_of: int | datetime | None) -> int:
        """The revision that an ``as_of`` means. Raises `Rejected` E_AS_OF."""
        return self.revision if as_of is None else _revision_of(self._commits, as_of, self.revision)

    def moment(self, revision: int) -> int:
        """When the commit of a revision was made, microseconds since 1970; 0 for none."""
        place = bisect.bisect_left(self._commits, revision, key=lambda commit: commit.revision)
        if place == len(self._commits) or self._commits[place].revision != revision:
            return 0
        return int(self._commits[place].time.timestamp() * 1e6)

    def commits(self) -> tuple[Commit, ...]:
        """All commits that this process has followed, oldest first."""
        return self._commits


def _revision_of(commits: tuple[Commit, ...], as_of: int | datetime, head: int) -> int:
    if isinstance(as_of, datetime):
        position = bisect.bisect_right(commits, as_of, key=lambda commit: commit.time)
        return min(commits[position - 1].revision, head) if position else 0
    if not 0 <= as_of <= head:
        raise Rejected(
            "E_AS_OF",
            f"版本 {as_of} 不存在，当前最新版本是 {head}",
            f"There is no revision {as_of}; the newest is {head}",
            where="as_of",
        )
    return as_of
