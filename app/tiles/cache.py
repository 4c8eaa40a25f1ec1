"""A cache in memory: bounded by bytes, least recently used goes first, one maker a key."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import NamedTuple

from cachetools import LRUCache

from app.tiles.coding import Coding

#: What an entry weighs beside its body (key, objects, the order of use).
OVERHEAD = 512


@dataclass(frozen=True, slots=True)
class Entry:
    """A tile as it was made at revision ``made`` of the record, in one coding."""

    made: int
    coding: Coding
    body: bytes

    def holds(self, changed: int, revision: int) -> bool:
        """Whether it shows the tile at ``revision``, when the last change there was ``changed``."""
        return changed <= self.made <= revision


class Claim(NamedTuple):
    """A tile that is being made at a revision; ``mine``: by whoever holds this."""

    key: Hashable
    revision: int
    future: Future[Entry]
    mine: bool


@dataclass
class Counts:
    """What happened since the start, for the metrics."""

    hits: int = 0
    misses: int = 0
    joined: int = 0


class Cache:
    """Entries by key, at most ``most`` bytes of them; 0 keeps nothing.

    A maker that is at work is shared: whoever asks for the same key meanwhile waits for it.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.counts = Counts()
        self._kept: LRUCache[Hashable, Entry] = LRUCache(most, getsizeof=_weight)
        self._making: dict[Hashable, Future[Entry]] = {}
        self._lock = threading.Lock()

    @property
    def weight(self) -> int:
        """Bytes that are kept."""
        return int(self._kept.currsize)

    def peek(self, key: Hashable, changed: int, revision: int) -> Entry | None:
        """The entry if it is there and holds; asking does not count."""
        with self._lock:
            return self._find(key, changed, revision)

    def _find(self, key: Hashable, changed: int, revision: int) -> Entry | None:
        entry = self._kept.get(key)
        return entry if entry is not None and entry.holds(changed, revision) else None

    def _keep(self, key: Hashable, entry: Entry) -> None:
        older = self._kept.get(key)
        if older is not None and older.made > entry.made:
            return  # a thread with an older view came late
        if _weight(entry) <= self._kept.maxsize:
            self._kept[key] = entry

    def claim(self, key: Hashable, changed: int, revision: int) -> Entry | Claim:
        """The entry; else a claim, and where it is ``mine`` the caller must `settle` it."""
        with self._lock:
            entry = self._find(key, changed, revision)
            if entry is not None:
                self.counts.hits += 1
                return entry
            future = self._making.get((key, revision))
            if future is not None:
                self.counts.joined += 1
                return Claim(key, revision, future, False)
            future = self._making[key, revision] = Future()
            future.set_running_or_notify_cancel()  # nobody who waits can cancel it
            self.counts.misses += 1
            return Claim(key, revision, future, True)

    def settle(self, claim: Claim, make: Callable[[], Entry]) -> Entry:
        """Make the entry, keep it, hand it to all who wait; they get what ``make`` raises too."""
        place = claim.key, claim.revision
        try:
            entry = make()
        except BaseException as error:
            with self._lock:
                del self._making[place]
            claim.future.set_exception(error)
            raise
        with self._lock:
            self._keep(claim.key, entry)
            del self._making[place]
        claim.future.set_result(entry)
        return entry


def _weight(entry: Entry) -> int:
    return len(entry.body) + OVERHEAD
