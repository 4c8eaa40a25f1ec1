"""Uploads that come in pieces: rows of the record and part files that grow, for days if need be.

The offset that a client is told is what is on the disk for certain: it is written into the row
after the bytes were synced, and whatever lies behind it in the file is cut off when more comes.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
from sqlalchemy import Connection, Row, func, select

from app import blobs, uploads
from app.auth import User
from app.idempotency import Answer
from app.problems import Problem, not_found
from app.state import State
from app.times import now, stamp
from geo.record.tables import resumables as table

#: How much may be lost when the power goes: bytes, seconds.
_SYNC_BYTES, _SYNC_S = 8 << 20, 5.0
#: Unfinished uploads of one person.
MOST_OPEN = 50
#: Rows of uploads that are over are kept this long, so that a client hears 410 and not 404.
_REMEMBER = timedelta(days=7)


class ChecksumMismatch(Exception):
    """The bytes of one request are not what their checksum says; they were not kept."""


@dataclass(frozen=True)
class New:
    layer: str
    file_name: str
    metadata: str
    length: int


def path_of(state: State, upload: str) -> Path:
    return state.settings.data / "resumable" / f"{upload}.part"


def expiry(state: State) -> str:
    hours = state.settings.resumable_hours
    return stamp(datetime.now(UTC) + timedelta(hours=hours))


def create(connection: Connection, state: State, user: User, new: New) -> str:
    """A row and an empty file; returns the id. Raises `Problem` E_RATE for too many open ones."""
    mine = (table.c.person_id == user.id, table.c.gone == 0, table.c.upload_id.is_(None))
    count = connection.execute(select(func.count()).select_from(table).where(*mine)).scalar_one()
    if count >= MOST_OPEN:
        raise Problem(
            "E_RATE",
            f"已有 {count} 个未完成的续传上传",
            f"There are {count} unfinished resumable uploads already",
            fix=("先完成或删除其中一些", "Finish or delete some of them first"),
            headers={"Retry-After": "60"},
        )
    name = secrets.token_hex(16)
    with blobs.disk_errors("resumable"):
        path = path_of(state, name)
        path.parent.mkdir(exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    connection.execute(
        table.insert().values(
            id=name,
            person_id=user.id,
            layer=new.layer,
            file_name=new.file_name,
            metadata=new.metadata,
            length=new.length,
            durable=0,
            created_at=now(),
            expires_at=expiry(state),
        )
    )
    return name


def find(state: State, user: User, upload: str) -> Row[Any]:
    """One's own upload. Raises `Problem` E_NOT_FOUND, and E_GONE once it is over."""
    with state.record.read() as connection:
        row = connection.execute(select(table).where(table.c.id == upload)).one_or_none()
    if row is None or row.person_id != user.id:
        raise not_found("没有这个续传上传", "There is no such resumable upload")
    if row.gone or (row.upload_id is None and row.expires_at < now()):
        raise Problem(
            "E_GONE",
            "这个续传上传已删除或已过期",
            "This resumable upload was deleted or has expired",
            fix=("重新开始上传", "Begin a new upload"),
        )
    return row


@contextmanager
def locked(state: State, upload: str) -> Iterator[int]:
    """The part file, for one writer of all processes. Raises `Problem` E_LOCKED."""
    with blobs.disk_errors("resumable"):
        try:
            descriptor = os.open(path_of(state, upload), os.O_RDWR)
        except FileNotFoundError:
            descriptor = -1  # complete: only the row is left
    try:
        if descriptor >= 0:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield descriptor
    except BlockingIOError as error:
        raise Problem(
            "E_LOCKED",
            "这个上传正在接收另一个请求的数据",
            "Another request is writing to this upload",
            headers={"Retry-After": "1"},
        ) from error
    finally:
        if descriptor >= 0:
            os.close(descriptor)


async def append(
    state: State,
    row: Row[Any],
    descriptor: int,
    stream: AsyncIterator[bytes],
    checksum: tuple[str, bytes] | None,
) -> int:
    """Write what comes behind the durable bytes; returns how many there are now.

    What arrived before a client went away is kept, unless the request has a ``checksum``
    (algorithm, digest) that can then not be told. Raises `ChecksumMismatch`, `Problem`
    E_TOO_LARGE, E_DISK_FULL, and whatever the stream raises.
    """
    offset = row.durable
    digest = hashlib.new(checksum[0], usedforsecurity=False) if checksum else None
    await anyio.to_thread.run_sync(os.ftruncate, descriptor, offset)
    written, synced, since = offset, offset, time.monotonic()
    try:
        async for chunk in stream:
            if written + len(chunk) > row.length:
                raise Problem(
                    "E_TOO_LARGE",
                    "数据超过了声明的长度",
                    "More came than the length that was announced",
                )
            if digest is not None:
                digest.update(chunk)
            with blobs.disk_errors("resumable"):
                await anyio.to_thread.run_sync(_write, descriptor, chunk, written)
            written += len(chunk)
            late = time.monotonic() - since > _SYNC_S or written - synced >= _SYNC_BYTES
            if digest is None and late:
                await anyio.to_thread.run_sync(_sync, state, row.id, descriptor, written)
                synced, since = written, time.monotonic()
        if checksum and digest and digest.digest() != checksum[1]:
            raise ChecksumMismatch
    except BaseException:
        if digest is not None:
            written = offset
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(_sync, state, row.id, descriptor, written)
        raise
    await anyio.to_thread.run_sync(_sync, state, row.id, descriptor, written)
    return written


def _write(descriptor: int, chunk: bytes, at: int) -> None:
    left = memoryview(chunk)
    while left:
        count = os.pwrite(descriptor, left, at)
        left, at = left[count:], at + count


def _sync(state: State, upload: str, descriptor: int, written: int) -> None:
    """Make the bytes durable, then say so; the upload lives on from now."""
    with blobs.disk_errors("resumable"):
        os.ftruncate(descriptor, written)
        os.fsync(descriptor)
    with state.record.write() as connection:
        connection.execute(
            table.update()
            .where(table.c.id == upload)
            .values(durable=written, expires_at=expiry(state))
        )


def complete(state: State, user: User, row: Row[Any], *, force: bool) -> Answer:
    """All bytes are here: the upload begins as if it had come in one piece.

    Killed in between, the next request goes on: the row knows the hash before the file moves.
    """
    part = path_of(state, row.id)
    if row.sha256 is None or part.exists():
        with part.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        with state.record.write() as connection:
            connection.execute(table.update().where(table.c.id == row.id).values(sha256=sha256))
    else:
        sha256 = row.sha256
    received = blobs.Received(blobs.Blob(sha256, row.length), part, state.settings.blobs)
    with state.record.write() as connection:
        begun = connection.execute(select(table).where(table.c.id == row.id)).one()
        if begun.upload_id is not None:
            return uploads.known(connection, begun.upload_id)
        answer = uploads.begin(
            connection, state, user, received, row.layer, row.file_name, None, force=force
        )
        upload_id = int(answer.headers["Location"].rpartition("/")[2])
        connection.execute(table.update().where(table.c.id == row.id).values(upload_id=upload_id))
    return answer


def terminate(state: State, row: Row[Any]) -> None:
    """Forget what came so far. An upload that has begun is not touched."""
    with locked(state, row.id):
        path_of(state, row.id).unlink(missing_ok=True)
        with state.record.write() as connection:
            connection.execute(table.update().where(table.c.id == row.id).values(gone=1))


def sweep(state: State) -> None:
    """Delete expired part files, old rows, and files that no row speaks of."""
    expired = (table.c.gone == 0, table.c.upload_id.is_(None), table.c.expires_at < now())
    with state.record.read() as connection:
        old = connection.execute(select(table).where(*expired)).all()
    for row in old:
        with suppress(Problem):  # somebody writes to it just now
            terminate(state, row)
    past = stamp(datetime.now(UTC) - _REMEMBER)
    over = (table.c.gone == 1) | table.c.upload_id.is_not(None)
    with state.record.read() as connection:
        stale = connection.execute(select(table.c.id).where(over, table.c.expires_at < past)).all()
    if stale:
        with state.record.write() as connection:
            connection.execute(table.delete().where(over, table.c.expires_at < past))
    with state.record.read() as connection:
        known = set(connection.execute(select(table.c.id)).scalars())
    for path in (state.settings.data / "resumable").glob("*.part"):
        with suppress(FileNotFoundError):
            if path.stem not in known and time.time() - path.stat().st_mtime > 3600:
                path.unlink()
