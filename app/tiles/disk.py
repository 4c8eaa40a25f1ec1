"""An optional cache on disk, shared by all workers and by restarts.

One file a tile: a header with a checksum, then the body. A file is written under
another name and renamed, so readers see all of it or none; what a crash of the
machine leaves half-written fails its checksum and counts as absent. The oldest
files go when the folder outgrows its limit.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
import threading
import time
import zlib
from pathlib import Path
from typing import get_args

from app.tiles.cache import Entry
from app.tiles.coding import Coding

_CODINGS: tuple[Coding, ...] = get_args(Coding)
#: magic, made, time of that commit (µs), coding, CRC-32 of all that follows the magic
_HEAD = struct.Struct("<4sqqBI")
_MAGIC = b"LTT1"
_TOUCH_AFTER = 3600.0  # a file in use is marked as young again, at most this often (s)


class Disk:
    """Entries below ``folder``, about ``most`` bytes of them."""

    def __init__(self, folder: Path, most: int) -> None:
        self.folder = folder
        self.most = most
        self._unswept = most  # the first write looks what is there
        self._lock = threading.Lock()

    def _path(self, key: str) -> Path:
        name = hashlib.sha256(key.encode()).hexdigest()
        return self.folder / name[:2] / name[2:40]

    def find(self, key: str) -> tuple[Entry, int] | None:
        """The entry and the time (µs) of the commit that it was made at."""
        path = self._path(key)
        try:
            content = path.read_bytes()
        except OSError:
            return None
        if len(content) < _HEAD.size:
            return None
        magic, made, moment, coding, crc = _HEAD.unpack_from(content)
        body = content[_HEAD.size :]
        if magic != _MAGIC or crc != _crc(made, moment, coding, body):
            return None
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _TOUCH_AFTER:
                os.utime(path)
        return Entry(made, _CODINGS[coding], body), moment

    def keep(self, key: str, entry: Entry, moment: int) -> None:
        """A full or read-only disk is no error: the tile is only not kept.

        Nor is one that a worker which is further on has kept replaced by an older one.
        """
        path = self._path(key)
        coding = _CODINGS.index(entry.coding)
        crc = _crc(entry.made, moment, coding, entry.body)
        temporary = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if self._moment(path) > moment:
                return
            head = _HEAD.pack(_MAGIC, entry.made, moment, coding, crc)
            temporary.write_bytes(head + entry.body)
            temporary.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink()
            return
        with self._lock:
            self._unswept += len(entry.body) + 4096
            due = self._unswept >= self.most // 16
            if due:
                self._unswept = 0
        if due:
            self.sweep()

    def _moment(self, path: Path) -> int:
        """The time (µs) of the commit that a file was made at; 0 without one."""
        try:
            with path.open("rb") as file:
                head = file.read(_HEAD.size)
        except FileNotFoundError:
            return 0
        return int(_HEAD.unpack(head)[2]) if len(head) == _HEAD.size else 0

    def sweep(self) -> None:
        """Delete the oldest files until three quarters of the limit are left."""
        files = []
        for folder in self.folder.glob("[0-9a-f][0-9a-f]"):
            with contextlib.suppress(OSError), os.scandir(folder) as entries:
                for entry in entries:
                    with contextlib.suppress(OSError):
                        status = entry.stat()
                        files.append((status.st_mtime, status.st_blocks * 512, entry.path))
        total = sum(size for _, size, _ in files)
        if total <= self.most - self.most // 8:
            return
        for _, size, path in sorted(files):
            with contextlib.suppress(OSError):
                Path(path).unlink()
            total -= size
            if total <= self.most * 3 // 4:
                return


def _crc(made: int, moment: int, coding: int, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(struct.pack("<qqB", made, moment, coding)))
