"""Files by content: bytes arrive in a temporary file, are made durable, then named by SHA-256.

The file is in place before any row of the record speaks of it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import anyio
from sqlalchemy import Connection, select

from app.times import now
from geo.record.tables import blobs


@dataclass(frozen=True)
class Blob:
    sha256: str
    size: int


def path_of(folder: Path, sha256: str) -> Path:
    return folder / sha256[:2] / sha256


async def receive(folder: Path, stream: AsyncIterator[bytes]) -> Blob:
    """Write a body to the store; nothing stays behind when it breaks off."""
    incoming = folder / "incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    temporary = incoming / secrets.token_hex(16)
    digest, size = hashlib.sha256(), 0
    try:
        async with await anyio.open_file(temporary, "wb") as sink:
            async for chunk in stream:
                digest.update(chunk)
                size += len(chunk)
                await sink.write(chunk)
            await sink.flush()
            await anyio.to_thread.run_sync(os.fsync, sink.wrapped.fileno())
        final = path_of(folder, digest.hexdigest())
        await anyio.to_thread.run_sync(_publish, temporary, final)
    finally:
        temporary.unlink(missing_ok=True)
    return Blob(digest.hexdigest(), size)


def _publish(temporary: Path, final: Path) -> None:
    final.parent.mkdir(parents=True, exist_ok=True)
    temporary.replace(final)
    for folder in (final.parent, final.parent.parent):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def keep(folder: Path, path: Path) -> Blob:
    """Move a finished file of ours into the store."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    blob = Blob(sha256, path.stat().st_size)
    _publish(path, path_of(folder, sha256))
    return blob


def note(connection: Connection, blob: Blob, media_type: str | None) -> None:
    """Write the blob's row, once."""
    there = select(blobs.c.sha256).where(blobs.c.sha256 == blob.sha256)
    if connection.execute(there).one_or_none() is None:
        connection.execute(
            blobs.insert().values(
                sha256=blob.sha256, size=blob.size, media_type=media_type, created_at=now()
            )
        )
