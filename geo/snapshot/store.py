"""The snapshots of one process: a base mapped from disk, newer changes in memory.

A process follows the record's log by itself (`Snapshots.refresh`, called by a
thread when the record has changed) and builds small in-memory segments. When
they grow, one process folds them into a new base (`geo.snapshot.base.compact`)
and all others move over to it.
"""

from __future__ import annotations

import bisect
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from geo.errors import Rejected
from geo.layers import Layer
from geo.record.protocol import Commit, Record
from geo.snapshot import base as bases
from geo.snapshot import rows
from geo.snapshot.segment import Segment, index
from geo.snapshot.view import View

#: A longer tail of changes is folded into a new base first (rows, not commits).
MOST_DELTA_ROWS = 20_000


class LayerStore:
    """The segments of one layer, at the revision up to which they were followed."""

    def __init__(self, layer: Layer, folder: Path) -> None:
        self.layer = layer
        self.folder = folder
        self.revision = 0
        self.seq = 0
        self.touched = 0
        self.current: Segment | None = None
        self.past: Segment | None = None
        self.deltas: tuple[Segment, ...] = ()
        self.open_base()

    def open_base(self) -> bool:
        """Take the newest base on disk when it is newer than what is held."""
        base = bases.latest(self.folder, self.layer)
        if base is None or base.seq <= self.seq:
            return False
        self.current, self.past, self.deltas = base.current, base.past, ()
        self.revision, self.seq = base.revision, base.seq
        return True

    @property
    def delta_rows(self) -> int:
        return sum(segment.length for segment in self.deltas)

    def apply(self, record: Record, until_seq: int) -> None:
        """Follow the log up to ``until_seq``: close what was replaced, add what is new."""
        entries = list(record.entries(self.layer.id, self.seq, until_seq))
        fresh = index(self.layer, rows.batch_of(self.layer, entries))
        older = [s for s in (self.current, *self.deltas) if s is not None]
        for part in entries:
            bases.close(older, part.fid, part.revision)
        if fresh.length:
            self.deltas = self._tidy((*self.deltas, fresh))
        self.seq = until_seq

    def _tidy(self, deltas: tuple[Segment, ...]) -> tuple[Segment, ...]:
        # Merging neighbours of like size keeps their number logarithmic.
        while len(deltas) > 1 and deltas[-2].length <= 2 * deltas[-1].length:
            *rest, left, right = deltas
            merged = bases.merge(self.layer, [(left, None), (right, None)])
            deltas = (*rest, merged)
        return deltas

    def segments(self, past: bool) -> tuple[Segment, ...]:
        held = (self.current, self.past if past else None, *self.deltas)
        return tuple(s for s in held if s is not None and s.length)


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
        self._lock = threading.RLock()
        self._moved = threading.Condition(self._lock)
        self._stores: dict[str, LayerStore] = {}
        self._commits: list[Commit] = []
        self.revision = 0
        self.refresh()

    def refresh(self) -> int:
        """Follow the log to its head; returns the revision that every layer now shows."""
        with self._moved:
            head = self.record.head()
            fresh = self.record.commits(self._commits[-1].revision if self._commits else 0)
            self._commits += [c for c in fresh if c.revision <= head.revision]
            touched = {layer_id: c.revision for c in fresh for layer_id in c.layers}
            behind = False
            for layer in self.record.catalog.layers.values():
                store = self._stores.get(layer.id)
                if store is None:
                    store = self._stores[layer.id] = LayerStore(layer, self.folder)
                if self._follow(store, head.revision, head.seq):
                    store.touched = touched.get(layer.id, store.touched)
                else:
                    behind = True
            if not behind:
                self.revision = head.revision
            self._moved.notify_all()
            return self.revision

    def _follow(self, store: LayerStore, revision: int, seq: int) -> bool:
        if store.seq >= seq:
            return True
        waiting = self._waiting(store)
        if self._compactor and waiting + store.delta_rows > MOST_DELTA_ROWS:
            store.open_base()
            waiting = self._waiting(store)
            if waiting > MOST_DELTA_ROWS:
                self._compactor(store.layer.id)
                return False
            if waiting + store.delta_rows > MOST_DELTA_ROWS:
                self._compactor(store.layer.id)
        if waiting:
            store.apply(self.record, seq)
        store.seq, store.revision = seq, revision
        return True

    def _waiting(self, store: LayerStore) -> int:
        """Entries of the layer that the store has not followed yet."""
        waiting = 0
        for commit in reversed(self._commits):
            if commit.last_seq <= store.seq:
                break
            waiting += sum(commit.counts.get(store.layer.id, {}).values())
        return waiting

    def wait_for(self, revision: int, timeout: float) -> bool:
        """Wait until every layer shows ``revision``; False when it takes longer."""
        with self._moved:
            return self._moved.wait_for(lambda: self.revision >= revision, timeout)

    def view(self, layer_id: str, as_of: int | datetime | None = None) -> View:
        """A layer at its newest revision, or as it was at a revision or a time."""
        with self._lock:
            store = self._stores[layer_id]
            head = store.revision
            revision = head if as_of is None else self._revision_of(as_of, head)
            past = revision < head
            touched = self._touched(layer_id, revision) if past else store.touched
            return View(store.layer, store.segments(past), revision, touched)

    def commits(self) -> list[Commit]:
        """All commits that this process has followed, oldest first."""
        with self._lock:
            return list(self._commits)

    def _revision_of(self, as_of: int | datetime, head: int) -> int:
        if isinstance(as_of, datetime):
            times = [commit.time for commit in self._commits if commit.revision <= head]
            position = bisect.bisect_right(times, as_of)
            return self._commits[position - 1].revision if position else 0
        if not 0 <= as_of <= head:
            raise Rejected(
                "E_AS_OF",
                f"版本 {as_of} 不存在，当前最新版本是 {head}",
                f"There is no revision {as_of}; the newest is {head}",
                where="as_of",
            )
        return as_of

    def _touched(self, layer_id: str, revision: int) -> int:
        known = (c.revision for c in reversed(self._commits) if layer_id in c.layers)
        return next((r for r in known if r <= revision), 0)
