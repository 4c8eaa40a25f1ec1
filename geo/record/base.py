"""What every home of the record does the same way, over a `Session` of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection

from geo.layers import Catalog
from geo.record import commit as committing
from geo.record import inverse as inverting
from geo.record import prepare, reading
from geo.record import verify as verifying
from geo.record.protocol import (
    Anchor,
    Author,
    ChangeSet,
    Commit,
    Entries,
    Event,
    Head,
    HistoryItem,
    Verification,
)
from geo.record.session import Session


class BaseRecord(ABC):
    """See `geo.record.protocol.Record`."""

    catalog: Catalog

    @abstractmethod
    def read(self) -> AbstractContextManager[Connection]: ...

    @abstractmethod
    def write(self) -> AbstractContextManager[Connection]: ...

    @abstractmethod
    def head(self) -> Head: ...

    @abstractmethod
    def session(self, connection: Connection) -> Session:
        """The SQL of this home on a connection of `read` or `write`."""

    @abstractmethod
    def _again(self) -> Callable[[], Session]:
        """Opens a connection that reads in a process of its own."""

    # -- writing

    def commit(
        self,
        changes: Sequence[ChangeSet],
        author: Author,
        *,
        time: datetime | None = None,
        connection: Connection | None = None,
    ) -> tuple[Commit, list[np.ndarray]]:
        """All change sets as one revision; returns it and the fids of each set's rows.

        ``connection``: one of `write`, to commit together with changes of sys_ tables.
        Raises `VersionConflict`, `geo.errors.Rejected`, `StorageError`; then nothing is
        stored.
        """
        prepared = [prepare.prepare(item, self.catalog) for item in changes]
        if connection is not None:
            return committing.write(self.session(connection), prepared, author, time)
        with self.write() as own:
            return committing.write(self.session(own), prepared, author, time)

    def event(
        self,
        action: str,
        author: Author,
        detail: dict[str, Any],
        *,
        connection: Connection | None = None,
    ) -> int:
        """Append a row that changes no feature; returns its seq. No secrets in ``detail``:
        it can never be removed."""
        if connection is not None:
            session = self.session(connection)
            return committing.append_event(session, action, author, detail, None)
        with self.write() as own:
            return committing.append_event(self.session(own), action, author, detail, None)

    # -- reading

    def commits(self, since: int = 0) -> list[Commit]:
        """Commits with a revision above ``since``."""
        with self.read() as connection:
            return reading.commits(self.session(connection), since)

    def events(
        self, since_seq: int = 0, limit: int = 1000, action: str | None = None, **which: Any
    ) -> list[Event]:
        """Events after a seq, oldest first; only those of one action if it is named.

        ``which``: author, layer, since, until; see `geo.record.reading.events`.
        """
        with self.read() as connection:
            return reading.events(self.session(connection), since_seq, limit, action, **which)

    def entries(
        self, layer: str, since_seq: int = 0, until_seq: int | None = None, batch: int = 50_000
    ) -> Iterator[Entries]:
        """Changes of a layer with since_seq < seq <= until_seq (default: now), in order."""
        definition = self.catalog.layers[layer]
        with self.read() as connection:
            session = self.session(connection)
            yield from reading.entries(session, definition, since_seq, until_seq, batch)

    def state(
        self, layer: str, revision: int | None = None, batch: int = 50_000
    ) -> Iterator[Entries]:
        """Features alive at ``revision`` (default: now), from the log alone."""
        definition = self.catalog.layers[layer]
        with self.read() as connection:
            session = self.session(connection)
            last = reading.last_seq(session, revision)
            yield from reading.state(session, definition, last, batch)

    def history(self, layer: str, fid: int) -> list[HistoryItem]:
        with self.read() as connection:
            return reading.history(self.session(connection), self.catalog.layers[layer], fid)

    def inverse(self, revision: int) -> list[ChangeSet]:
        """Change sets that undo a commit; see `geo.record.inverse`."""
        with self.read() as connection:
            return inverting.inverse(self.session(connection), self.catalog, revision)

    def as_of_revision(self, time: datetime) -> int:
        """The last revision committed at or before ``time``; 0 for none."""
        with self.read() as connection:
            return reading.as_of_revision(self.session(connection), time)

    def anchor(self) -> Anchor:
        """The end of the chain, to be kept outside the database."""
        with self.read() as connection:
            end = committing.tail(self.session(connection))
        return Anchor(end.seq, end.h.hex(), datetime.now(UTC))

    def verify(self, anchors: Sequence[Anchor] = (), *, deep: bool = False) -> Verification:
        """Recompute the chain, compare it with ``anchors`` and the tables with the log;
        ``deep`` recomputes envelopes, areas and lengths and looks into spatial indexes too."""
        with self.read() as connection:
            session = self.session(connection)
            return verifying.verify(session, self.catalog, anchors, deep, self._again())
