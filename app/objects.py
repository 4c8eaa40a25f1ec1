"""Files that many nodes share, in an S3-compatible store; the data folder then holds copies.

A file is in the store before any row of the record speaks of it, under a name that never means
other bytes: ``blobs/<sha256>`` or ``rasters/<path>``.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app import s3
from app.problems import Problem

log = logging.getLogger("liangtian.objects")

_CHUNK = 4 << 20


@dataclass(frozen=True)
class Objects:
    """``root`` is ``s3://bucket/prefix``, or nothing: then all files are only here."""

    root: str

    def __bool__(self) -> bool:
        return bool(self.root)

    def put(self, key: str, path: Path) -> None:
        """Store a file unless it is there. Raises `Problem` E_OBJECT_STORE."""
        if not self:
            return
        with _told(key):
            store, place = s3.store(), self._place(key)
            size = path.stat().st_size
            if store.get_file_info(place).size == size:
                return
            with path.open("rb") as source, store.open_output_stream(place) as sink:
                while chunk := source.read(_CHUNK):
                    sink.write(chunk)

    def get(self, key: str, path: Path) -> bool:
        """Make sure that ``path`` is here; False when the store has no such object.

        Raises `Problem` E_OBJECT_STORE.
        """
        from pyarrow.fs import FileType  # noqa: PLC0415 - the S3 client loads with its first use

        if path.exists():
            return True
        if not self:
            return False
        with _told(key):
            store, place = s3.store(), self._place(key)
            if store.get_file_info(place).type != FileType.File:
                return False
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
            try:
                with store.open_input_stream(place) as source, part.open("wb") as sink:
                    while chunk := source.read(_CHUNK):
                        sink.write(chunk)
                    sink.flush()
                    os.fsync(sink.fileno())
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
        return True

    def delete(self, key: str) -> None:
        """Nothing happens where there is none. Raises `Problem` E_OBJECT_STORE."""
        if not self:
            return
        with _told(key):
            place = self._place(key)
            store = s3.store()
            if store.get_file_info(place).size is not None:
                store.delete_file(place)

    def _place(self, key: str) -> str:
        return f"{self.root.removeprefix(s3.SCHEME).strip('/')}/{key}"


@contextmanager
def _told(key: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # What the store says may hold its address and the key's name: for the log only.
        log.warning("%s: the object store failed: %s", key, error)
        raise Problem(
            "E_OBJECT_STORE",
            "对象存储没有应答，文件未保存或未取得",
            "The object store does not answer; the file was not stored or fetched",
            fix=("稍后重试；管理员请核对 AWS_* 与 LIANGTIAN_OBJECTS",
                 "Try again; an administrator checks AWS_* and LIANGTIAN_OBJECTS"),
            headers={"Retry-After": "5"},
        ) from error  # fmt: skip
