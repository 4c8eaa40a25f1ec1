"""Files by content: bytes arrive in a temporary file, are made durable, then named by SHA-256.

The file is in place before any row of the record speaks of it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
from sqlalchemy import Connection, select

from app.objects import Objects
from app.problems import Problem
from app.times import now
from geo.record.tables import blobs


@dataclass(frozen=True)
class Blob:
    sha256: str
    size: int


@dataclass(frozen=True)
class Received:
    """Bytes that are on the disk but not yet in the store: `publish` or `drop` them."""

    blob: Blob
    temporary: Path
    store: Store

    def publish(self) -> None:
        """Give the bytes their name; nothing happens when they have it already."""
        final = path_of(self.store.folder, self.blob.sha256)
        if self.temporary.exists() or not final.exists():
            self.store.publish(self.temporary, self.blob.sha256)

    def drop(self) -> None:
        self.temporary.unlink(missing_ok=True)


def path_of(folder: Path, sha256: str) -> Path:
    return folder / sha256[:2] / sha256


@dataclass(frozen=True)
class Store:
    """Blobs in a folder; with many nodes in an object store, of which the folder holds copies."""

    folder: Path
    objects: Objects

    def path(self, sha256: str) -> Path:
        """The file of a blob, fetched if it is not here; it may not exist at all."""
        path = path_of(self.folder, sha256)
        self.objects.get(_key(sha256), path)
        return path

    def publish(self, temporary: Path, sha256: str) -> None:
        """Give a finished, durable file its name."""
        self.objects.put(_key(sha256), temporary)
        _publish(temporary, path_of(self.folder, sha256))

    def incoming(self) -> Path:
        """A name for bytes that are on their way; what stays behind there is swept."""
        place = self.folder / "incoming"
        place.mkdir(parents=True, exist_ok=True)
        return place / secrets.token_hex(16)

    def keep(self, path: Path) -> Blob:
        """Move a finished file of ours into the store."""
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        blob = Blob(sha256, path.stat().st_size)
        self.publish(path, sha256)
        return blob

    def put(self, content: bytes) -> Blob:
        """Keep bytes of ours in the store."""
        temporary = self.incoming()
        with disk_errors("blobs"), temporary.open("wb") as sink:
            sink.write(content)
        return self.keep(temporary)

    async def receive(self, stream: AsyncIterator[bytes]) -> Received:
        """Write a body beside the store and make it durable; nothing stays when it breaks off.

        Raises `Problem` E_DISK_FULL, E_READ_ONLY, and whatever the stream raises.
        """
        temporary: Path | None = None
        digest, size = hashlib.sha256(), 0
        try:
            with disk_errors("upload"):
                temporary = self.incoming()
                async with await anyio.open_file(temporary, "wb") as sink:
                    async for chunk in stream:
                        digest.update(chunk)
                        size += len(chunk)
                        await sink.write(chunk)
                    await sink.flush()
                    await anyio.to_thread.run_sync(os.fsync, sink.wrapped.fileno())
        except BaseException as error:
            if temporary is not None:
                temporary.unlink(missing_ok=True)
            if isinstance(error, Problem):
                # Who is still sending hears the answer only once all is sent.
                async for _ in stream:
                    pass
            raise
        return Received(Blob(digest.hexdigest(), size), temporary, self)


def _key(sha256: str) -> str:
    return f"blobs/{sha256}"


@contextmanager
def disk_errors(where: str) -> Iterator[None]:
    """Turn what the disk says while bytes are written into problems that say what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise Problem(
                "E_DISK_FULL",
                "磁盘空间不足，文件未保存",
                "the disk is full; the file was not kept",
                where=where,
                fix=(
                    "请管理员释放空间后重试",
                    "Ask an administrator to free space, then try again",
                ),
            ) from error
        if error.errno in (errno.EROFS, errno.EACCES):
            raise Problem(
                "E_READ_ONLY",
                "数据目录不可写，文件未保存",
                "the data folder cannot be written; the file was not kept",
                where=where,
            ) from error
        raise


def _publish(temporary: Path, final: Path) -> None:
    with disk_errors("blobs"):
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary.replace(final)
        for folder in (final.parent, final.parent.parent):
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def note(connection: Connection, blob: Blob, media_type: str | None) -> None:
    """Write the blob's row, once."""
    there = select(blobs.c.sha256).where(blobs.c.sha256 == blob.sha256)
    if connection.execute(there).one_or_none() is None:
        connection.execute(
            blobs.insert().values(
                sha256=blob.sha256, size=blob.size, media_type=media_type, created_at=now()
            )
        )
