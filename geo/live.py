"""Keeps everything but the record away from the live database file.

Closing *any* file descriptor of the file cancels this process's POSIX locks on it, and
GDAL's own SQLite then deletes the write-ahead log: commits that were acknowledged are
gone. The audit hook refuses Python's own ways; GDAL opens below Python, so every helper
that hands a path to GDAL calls `refuse_live` first.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from geo.errors import Rejected


class LiveDatabaseError(Rejected):
    """Something other than the record tried to open the live database file."""


_SUFFIXES = ("-wal", "-shm", "-journal")
_live: Counter[tuple[int, int]] = Counter()
_lock = threading.Lock()
_permit = threading.local()
_installed = False


def register(path: Path) -> tuple[int, int]:
    """Guard ``path`` from now on; returns the key for `unregister`."""
    global _installed  # noqa: PLW0603 - an audit hook cannot be taken out again
    key = _identity(os.fspath(path))
    if key is None:
        raise FileNotFoundError(path)
    with _lock:
        _live[key] += 1
        if not _installed:
            sys.addaudithook(_hook)
            _installed = True
    return key


def unregister(key: tuple[int, int]) -> None:
    with _lock:
        _live[key] -= 1
        if _live[key] <= 0:
            del _live[key]


def refuse_live(path: str | os.PathLike[str]) -> None:
    """Raise `LiveDatabaseError` if ``path`` is a live database or one of its side files.

    Links and other spellings of the path are recognised.
    """
    if not _live:
        return
    name = os.fspath(path)
    key = _identity(name)
    if key is None or key not in _live:
        base = next((name[: -len(s)] for s in _SUFFIXES if name.endswith(s)), None)
        key = _identity(base) if base else None
    if key is not None and key in _live:
        raise LiveDatabaseError(
            "E_LIVE_DATABASE",
            "不能直接打开正在使用的数据库文件；请先用备份命令复制",
            "the live database file must not be opened; copy it with the record's copy_to first",
            where=name,
        )


@contextmanager
def allowed() -> Iterator[None]:
    """The record's own connections, on this thread only."""
    _permit.on = True
    try:
        yield
    finally:
        _permit.on = False


def _identity(name: str | bytes) -> tuple[int, int] | None:
    try:
        status = os.stat(name)  # noqa: PTH116 - must be cheap: runs at each open()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in ("open", "sqlite3.connect"):
        return
    name = arguments[0]
    if not _live or isinstance(name, int) or getattr(_permit, "on", False):
        return
    try:
        name = os.fsdecode(name)
    except TypeError:  # not a path
        return
    if name.startswith("file:"):
        name = name[5:].split("?", 1)[0]
    refuse_live(name)
