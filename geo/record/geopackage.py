"""The record in one GeoPackage file on a local disk."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Executable, create_engine, event
from sqlalchemy.pool import QueuePool, StaticPool

from geo import live
from geo.layers import Catalog
from geo.record import commit as committing
from geo.record import schema, sqlite
from geo.record.base import BaseRecord
from geo.record.protocol import Anchor, Author, Head, StorageError
from geo.record.sqlite_session import SqliteSession

#: bytes of the write-ahead log from which a write is followed by a truncating checkpoint
_WAL_LIMIT = 16 * 2**20
_READERS = 4
_MORE_READERS = 28


class GeoPackageRecord(BaseRecord):
    """See `geo.record.protocol.Record`. Open with `open_record`; one object a process.

    Threads share it: one writing connection behind a lock, a pool of reading ones.
    It must not cross a fork: open it in the child.
    """

    def __init__(self, path: Path, catalog: Catalog) -> None:
        self.catalog = catalog
        self.path = path
        self._pid = os.getpid()
        self._write_lock = threading.Lock()
        self._writing = threading.local()
        self._faulty = False
        self._closed = False
        self._wal = path.with_name(f"{path.name}-wal")
        sqlite.library()
        sqlite.refuse_network(path.parent)
        _create_private(path)
        with sqlite.storage_errors(str(path)):
            self._writer = sqlite.connect(path)
            try:
                restored = schema.prepare(self._writer, catalog)
            except BaseException:
                self._writer.close()
                raise
            self._probe = sqlite.connect(path, read_only=True)
        self._probe_lock = threading.Lock()
        self._seen = threading.local()
        self._guarded = live.register(path)
        self._write_engine = _engine(lambda: self._writer, StaticPool, sqlite.begin_writing)
        self._read_engine = _engine(
            lambda: sqlite.connect(path, read_only=True),
            QueuePool,
            lambda raw: raw.execute("BEGIN"),
            pool_size=_READERS,
            max_overflow=_MORE_READERS,
        )
        if restored:
            self.event(
                "triggers.restored", Author("system", "missing at open"), {"names": restored}
            )

    # -- writing

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction begun with BEGIN IMMEDIATE; commits when the block ends well."""
        self._check_usable()
        if self._faulty:
            raise StorageError("E_STORAGE_FAULT", str(self.path))
        if getattr(self._writing, "on", False):
            raise RuntimeError("write() inside write() of the same thread")
        if not self._write_lock.acquire(timeout=sqlite.BUSY_TIMEOUT_MS / 1000):
            raise StorageError("E_BUSY", str(self.path))
        self._writing.on = True
        try:
            with (
                sqlite.storage_errors(str(self.path), fatal=self._stop_writing),
                self._write_engine.begin() as connection,
            ):
                yield connection
        finally:
            self._writing.on = False
            self._write_lock.release()
        # The commit stands; that its log could not be moved yet is no failure of it.
        with suppress(StorageError, FileNotFoundError):
            if self._wal.stat().st_size > _WAL_LIMIT:
                self.checkpoint()

    @property
    def faulty(self) -> bool:
        """Whether a write failed in a way that nobody knows what is on the disk: no more are
        taken until the file is opened again."""
        return self._faulty

    @property
    def shared(self) -> bool:
        """Whether other nodes, with data folders of their own, may write to it."""
        return False

    def touch(self, statement: Executable) -> None:
        """Run one statement on a row that no commit waits for, as soon as it can be."""
        with self.write() as connection:
            connection.execute(statement)

    def _stop_writing(self) -> None:
        # After a failed write or fsync nobody knows what is on the disk: do not retry.
        self._faulty = True

    def checkpoint(self) -> bool:
        """Move the write-ahead log into the file and cut it; False when readers prevent it."""
        with self._write_lock, sqlite.storage_errors(str(self.path), fatal=self._stop_writing):
            self._writer.execute("PRAGMA busy_timeout = 0")
            try:
                row = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                self._writer.execute(f"PRAGMA busy_timeout = {sqlite.BUSY_TIMEOUT_MS}")
        return bool(row[0] == 0)

    # -- reading

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that cannot write; all its queries see one moment."""
        self._check_usable()
        with sqlite.storage_errors(str(self.path)), self._read_engine.connect() as connection:
            connection.begin()
            yield connection

    def head(self) -> Head:
        with self._probe_lock:
            return committing.head(SqliteSession(self._probe))

    def changed(self) -> bool:
        """Has any connection, here or in another process, committed since this thread
        last asked? True on the first call."""
        with self._probe_lock:
            (version,) = self._probe.execute("PRAGMA data_version").fetchone()
        before = getattr(self._seen, "version", None)
        self._seen.version = version
        return before != version

    def holds(self, anchor: Anchor) -> bool:
        """Whether the log still has that row with that hash; one look-up."""
        with self._probe_lock:
            row = self._probe.execute(
                "SELECT h FROM sys_log WHERE seq = ?", (anchor.seq,)
            ).fetchone()
        return anchor.seq == 0 or (row is not None and row[0].hex() == anchor.h)

    def copy_to(self, path: Path) -> None:
        """A consistent, compact copy (VACUUM INTO), readable by GDAL and desktop GIS.

        It holds everything, accounts too: a backup, not a download. ``path`` must not exist.
        """
        self._check_usable()
        if path.exists():
            raise FileExistsError(path)
        part = path.with_name(f"{path.name}.part")
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        try:
            with (
                sqlite.storage_errors(str(path)),
                closing(sqlite.connect(self.path)) as connection,
            ):
                connection.execute("VACUUM INTO ?", (str(part),))
            os.fsync(descriptor)
            part.rename(path)
        finally:
            os.close(descriptor)
            part.unlink(missing_ok=True)
        _sync_folder(path.parent)

    # -- life

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._read_engine.dispose()
        self._write_engine.dispose()
        with self._probe_lock:
            self._probe.close()
        self._writer.close()
        live.unregister(self._guarded)

    def __enter__(self) -> GeoPackageRecord:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def session(self, connection: Connection) -> SqliteSession:
        return SqliteSession(connection.connection.dbapi_connection)

    def _again(self) -> Callable[[], SqliteSession]:
        return partial(_reading, self.path)

    def _check_usable(self) -> None:
        if self._closed:
            raise RuntimeError("the record is closed")
        if self._pid != os.getpid():
            raise RuntimeError("a record must not cross a fork; open it in the child")


def open_record(path: Path, catalog: Catalog) -> GeoPackageRecord:
    """Open or create the record at ``path``; its folder must exist on a local disk."""
    return GeoPackageRecord(Path(path).resolve(), catalog)


def _create_private(path: Path) -> None:
    """It holds password hashes: a new file is its owner's alone, and so are -wal and -shm."""
    # O_EXCL never opens a file that exists, so this touches no live one.
    with live.allowed(), suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _reading(path: Path) -> SqliteSession:
    """A connection of its own, in another process, in a transaction that reads."""
    raw = sqlite.connect(path, read_only=True)
    raw.execute("BEGIN")
    return SqliteSession(raw)


def _engine(
    creator: Callable[[], Any], pool: Any, begin: Callable[[Any], object], **options: Any
) -> Engine:
    engine = create_engine(
        "sqlite://", module=sqlite.library(), creator=creator, poolclass=pool, **options
    )

    def start(connection: Connection) -> None:
        begin(connection.connection.dbapi_connection)

    event.listen(engine, "begin", start)
    return engine
