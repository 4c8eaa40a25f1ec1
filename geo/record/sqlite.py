"""The one place that picks and opens SQLite.

Exactly one SQLite library may have the live file open in a process: a second copy
(the standard library's beside pysqlite3, or the one inside GDAL) cancels the first
one's POSIX locks when it closes, and acknowledged commits are lost without an error.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import sqlite3 as standard
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import exc

from geo import live
from geo.record import blob
from geo.record.protocol import StorageError

#: 3.7.0 to 3.51.2 can corrupt a WAL database when two connections checkpoint at once.
MINIMUM = (3, 51, 3)
#: statfs f_type: NFS, SMB, SMB2, CIFS, AFS, CODA, NCP, 9P, CEPH, LUSTRE, GFS2, GPFS, FUSE
#: is left out on purpose: local disks (exfat, ntfs) are often mounted through it.
NETWORK = frozenset(
    {0x6969, 0x517B, 0xFE534D42, 0xFF534D42, 0x5346414F, 0x73757245, 0x564C}
    | {0x01021997, 0x00C36400, 0x0BD00BD0, 0x01161970, 0x47504653}
)
BUSY_TIMEOUT_MS = 5000
_OPENING_SECONDS = 30


@lru_cache(maxsize=1)
def library() -> ModuleType:
    """The DBAPI module used in this process. `StorageError` when all are too old."""
    for name in ("pysqlite3.dbapi2", None):
        try:
            module = standard if name is None else importlib.import_module(name)
        except ImportError:
            continue
        if module.sqlite_version_info >= MINIMUM:
            return module
    raise StorageError("E_SQLITE_TOO_OLD", f"sqlite {standard.sqlite_version}")


def connect(path: Path, *, read_only: bool = False) -> Any:
    """A DBAPI connection in autocommit mode with the record's pragmas."""
    module = library()
    with live.allowed():
        connection = module.connect(
            str(path),
            timeout=BUSY_TIMEOUT_MS / 1000,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        # The R-tree triggers of GeoPackage call ST_MinX and its kin, which SQLite lets only a
        # trusted schema do. `schema.prepare` refuses files with triggers or views not ours.
        f"trusted_schema={'OFF' if read_only else 'ON'}",
        "mmap_size=0",
        "journal_size_limit=67108864",
        "cell_size_check=ON",
        f"query_only={'ON' if read_only else 'OFF'}",
    ):
        _patiently(connection, f"PRAGMA {pragma}")
    for name, function in blob.FUNCTIONS.items():
        connection.create_function(name, 1, function, deterministic=True)
    return connection


def _patiently(connection: Any, statement: str) -> None:
    """Run a statement of the opening, again while another process recovers the file.

    After a crash the first to open it replays the write-ahead log under an exclusive
    lock, and SQLite tells the others at once, without its busy handler.
    """
    deadline = time.monotonic() + _OPENING_SECONDS
    while True:
        try:
            connection.execute(statement)
            return
        except library().DatabaseError as error:
            if storage_code(error) != "E_BUSY" or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def begin_writing(connection: Any) -> None:
    """BEGIN IMMEDIATE as soon as nobody else writes.

    SQLite's own busy handler sleeps longer the longer it has waited, so that of eight writers
    some starve; here each looks again after about a millisecond. Raises like SQLite after
    `BUSY_TIMEOUT_MS`.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
                return
            except library().DatabaseError as error:
                if storage_code(error) != "E_BUSY" or time.monotonic() > deadline:
                    raise
            time.sleep(0.001)
    finally:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")


def refuse_network(folder: Path) -> None:
    """WAL needs shared memory and locks that network file systems do not keep."""
    if file_system_type(folder) in NETWORK:
        raise StorageError("E_NETWORK_FILE_SYSTEM", str(folder))


def file_system_type(folder: Path) -> int | None:
    """``f_type`` of statfs(2); None where the system has no such call."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        buffer = ctypes.create_string_buffer(256)
        if libc.statfs(os.fsencode(folder), buffer) != 0:
            return None
    except (OSError, AttributeError):
        return None
    if os.uname().sysname != "Linux":
        return None
    return int(ctypes.c_long.from_buffer(buffer).value) & 0xFFFFFFFF


#: primary result code of SQLite -> our code
_CODES = {
    5: "E_BUSY",
    6: "E_BUSY",
    8: "E_READ_ONLY",
    10: "E_STORAGE_FAULT",
    11: "E_STORAGE_FAULT",
    13: "E_DISK_FULL",
    14: "E_CANNOT_OPEN",
    26: "E_NOT_A_RECORD",
}


def storage_code(error: BaseException) -> str | None:
    """Our code for an error of the DBAPI (or SQLAlchemy's wrapping); None if it is no
    failure of the disk."""
    original = error.orig if isinstance(error, exc.DBAPIError) else error
    return _CODES.get(getattr(original, "sqlite_errorcode", 0) & 0xFF)


@contextmanager
def storage_errors(where: str, fatal: Callable[[], None] | None = None) -> Iterator[None]:
    """Turn failures of the disk into `StorageError`; call ``fatal`` on an I/O error."""
    try:
        yield
    except (exc.DBAPIError, library().DatabaseError) as error:
        code = storage_code(error)
        if code is None:
            raise
        if code == "E_STORAGE_FAULT" and fatal is not None:
            fatal()
        raise StorageError(code, where) from error
