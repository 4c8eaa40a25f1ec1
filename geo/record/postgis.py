"""The record in PostgreSQL with PostGIS: for many nodes, each with snapshots of its own."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from psycopg import IsolationLevel, OperationalError
from sqlalchemy import Connection, Executable, create_engine

from geo.layers import Catalog
from geo.record import commit as committing
from geo.record import postgres, postgres_schema
from geo.record.base import BaseRecord
from geo.record.postgres_session import PostgresSession
from geo.record.protocol import Anchor, Head, StorageError

_POOL = 4
_MORE = 28
_LOOK_S = 5.0


class PostgisRecord(BaseRecord):
    """See `geo.record.protocol.Record`. Open with `geo.record.place.open_record`.

    Threads share it. Who writes holds the row of ``sys_head``: the chain has one end, whatever
    node writes. Readers see one moment (REPEATABLE READ). It must not cross a fork.
    """

    def __init__(self, url: str, catalog: Catalog) -> None:
        self.catalog = catalog
        self.url = url
        self.where = postgres.shown(url)
        self._pid = os.getpid()
        self._closed = False
        self._write_lock = threading.Lock()
        self._writing = threading.local()
        self._seen = threading.local()
        self._probe_lock = threading.Lock()
        postgres_schema.prepare(url, catalog)
        self._probe: Any = None
        engine = create_engine(
            "postgresql+psycopg://",
            creator=lambda: postgres.connect(url),
            pool_size=_POOL,
            max_overflow=_MORE,
            pool_pre_ping=True,
        )
        self._engine = engine
        self._reader = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._feed = postgres.Feed(url)
        self._feed.start()

    # -- writing

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that alone writes; commits when the block ends well."""
        self._check_usable()
        if getattr(self._writing, "on", False):
            raise RuntimeError("write() inside write() of the same thread")
        # Here one after the other: of each process one connection waits for the row.
        if not self._write_lock.acquire(timeout=postgres.LOCK_TIMEOUT_MS / 1000):
            raise StorageError("E_BUSY", self.where)
        self._writing.on = True
        try:
            with postgres.storage_errors(self.where), self._engine.begin() as connection:
                session = self.session(connection)
                session.execute("SELECT 1 FROM sys_head FOR UPDATE")
                yield connection
                session.execute(f"NOTIFY {postgres.CHANNEL}, '{self._feed.sender}'")
        finally:
            self._writing.on = False
            self._write_lock.release()
        self._feed.own()

    @property
    def faulty(self) -> bool:
        """Never: what the server could not write it did not acknowledge."""
        return False

    @property
    def shared(self) -> bool:
        """Whether other nodes, with data folders of their own, may write to it."""
        return True

    def touch(self, statement: Executable) -> None:
        """Run one statement on a row that no commit waits for: it does not wait for commits."""
        self._check_usable()
        with postgres.storage_errors(self.where), self._engine.begin() as connection:
            connection.execute(statement)

    # -- reading

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that cannot write; all its queries see one moment."""
        self._check_usable()
        with postgres.storage_errors(self.where), self._reader.connect() as connection:
            connection.begin()
            yield connection

    def head(self) -> Head:
        return self._probed(committing.head)

    def holds(self, anchor: Anchor) -> bool:
        """Whether the log still has that row with that hash; one look-up."""
        row = self._probed(
            lambda session: session.execute(
                "SELECT h FROM sys_log WHERE seq = ?", (anchor.seq,)
            ).fetchone()
        )
        return anchor.seq == 0 or (row is not None and row[0].hex() == anchor.h)

    def _probed(self, ask: Callable[[PostgresSession], Any]) -> Any:
        """Ask on a connection kept for small questions; once more where it was lost."""
        self._check_usable()
        with self._probe_lock, postgres.storage_errors(self.where):
            for again in (True, False):
                try:
                    if self._probe is None:
                        self._probe = postgres.connect(self.url, autocommit=True)
                    return ask(PostgresSession(self._probe))
                except OperationalError:
                    if self._probe is not None:
                        self._probe.close()
                        self._probe = None
                    if not again:
                        raise
        raise AssertionError("unreachable")

    def changed(self) -> bool:
        """Has anybody committed, on this or another node, since this thread last asked? True on
        the first call, after the connection that listens was lost, and every `_LOOK_S` seconds:
        who changes rows behind the service's back sends no notice."""
        moves, now = self._feed.moves, time.monotonic()
        before, looked = getattr(self._seen, "last", (None, now))
        if before == moves and now - looked < _LOOK_S:
            return False
        self._seen.last = (moves, now)
        return True

    def copy_to(self, path: Path) -> None:
        """A consistent copy as a GeoPackage: the same log, tables and accounts.

        A backup, not a download. ``path`` must not exist.
        """
        from geo.record.transfer import to_geopackage  # noqa: PLC0415 - it knows both homes

        self._check_usable()
        to_geopackage(self, path)

    # -- life

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._feed.stop()
        self._engine.dispose()
        with self._probe_lock:
            if self._probe is not None:
                self._probe.close()

    def __enter__(self) -> PostgisRecord:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def session(self, connection: Connection) -> PostgresSession:
        return PostgresSession(connection.connection.dbapi_connection)

    def _again(self) -> Callable[[], PostgresSession]:
        return partial(_reading, self.url)

    def _check_usable(self) -> None:
        if self._closed:
            raise RuntimeError("the record is closed")
        if self._pid != os.getpid():
            raise RuntimeError("a record must not cross a fork; open it in the child")


def _reading(url: str) -> PostgresSession:
    """A connection of its own, in another process, in a transaction that reads."""
    raw = postgres.connect(url)
    raw.isolation_level = IsolationLevel.REPEATABLE_READ
    raw.read_only = True
    return PostgresSession(raw)
