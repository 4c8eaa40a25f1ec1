"""What a client sends as an upload: a raw body or a form, its name, the checksum it promised."""

from __future__ import annotations

import base64
import binascii
import re
import zipfile
from collections.abc import AsyncIterator, Callable
from email.message import Message
from pathlib import PurePosixPath

import anyio
from fastapi import Request, Response
from sqlalchemy import Connection
from starlette.datastructures import UploadFile

from app import blobs, idempotency
from app.problems import Problem
from app.state import State

_CHUNK = 1 << 20
#: Files of one form: the parts of a few shapefiles.
MOST_FILES = 40


async def receive(
    request: Request, store: blobs.Store, filename: str | None
) -> tuple[blobs.Received, str]:
    """The bytes, durable beside the store, and their name.

    A form with several files (the parts of a shapefile) becomes one archive. Raises `Problem`
    E_BODY, E_EMPTY, E_SHA256, and as `blobs.Store.receive` does.
    """
    promised = _promised(request)
    kind = request.headers.get("content-type", "")
    if kind.startswith("multipart/form-data"):
        if promised is not None and "x-checksum-sha256" not in request.headers:
            raise Problem(
                "E_PARAMETER",
                "表单上传请用 X-Checksum-Sha256 给出文件的校验和",
                "With a form, give the file's checksum as X-Checksum-Sha256",
                where="Content-Digest",
            )
        received, name = await _form(request, store, filename)
    else:
        received = await store.receive(request.stream())
        name = clean(filename or _disposition(request))
    try:
        _check(received, promised, name)
    except Problem:
        received.drop()
        raise
    return received, name


async def once(
    request: Request,
    received: blobs.Received,
    effect: Callable[[Connection], idempotency.Answer],
) -> Response:
    """`idempotency.once` for bytes that came; what the effect did not publish is dropped."""
    state: State = request.app.state.liangtian
    try:
        done = await anyio.to_thread.run_sync(
            idempotency.once, request, received.blob.sha256, effect
        )
    finally:
        received.drop()
    state.wake_worker.set()
    return done


def _check(received: blobs.Received, promised: str | None, name: str) -> None:
    if received.blob.size == 0:
        raise Problem(
            "E_EMPTY",
            "文件是空的",
            "The file is empty",
            where=name,
            fix=("请检查文件后重新选择", "Check the file and choose it again"),
        )
    if promised not in (None, received.blob.sha256):
        raise Problem(
            "E_SHA256",
            f"收到的内容与所给的 SHA-256 不符（收到 {received.blob.sha256}）",
            f"What arrived has another SHA-256 than was promised ({received.blob.sha256})",
            where=name,
            fix=("网络可能损坏了文件，请重新上传", "Send the file again"),
        )


async def _form(
    request: Request, store: blobs.Store, filename: str | None
) -> tuple[blobs.Received, str]:
    with blobs.disk_errors("upload"):
        form = await request.form(max_files=MOST_FILES, max_fields=MOST_FILES)
    try:
        files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
        if not files:
            raise Problem("E_BODY", "请求中没有文件", "There is no file in the request")
        if len(files) == 1:
            received = await store.receive(_chunks(files[0]))
            return received, clean(filename or files[0].filename or "")
        name = clean(filename or f"{PurePosixPath(clean(files[0].filename or '')).stem}.zip")
        return await store.receive(_packed(files, store)), name
    finally:
        await form.close()


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(_CHUNK):
        yield chunk


async def _packed(files: list[UploadFile], store: blobs.Store) -> AsyncIterator[bytes]:
    """Several files as one archive; the same files give the same bytes."""
    named = {clean(file.filename or ""): file for file in files}
    if len({name.casefold() for name in named}) < len(files):
        raise Problem(
            "E_BODY",
            "表单中有同名文件",
            "Two files of the form have the same name",
            fix=("每个文件用不同的名称", "Give each file a name of its own"),
        )
    temporary = store.incoming()

    def pack() -> None:
        with blobs.disk_errors("upload"), zipfile.ZipFile(temporary, "w") as archive:
            for name in sorted(named):
                about = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
                source = named[name].file
                source.seek(0)
                with archive.open(about, "w", force_zip64=True) as sink:
                    while chunk := source.read(_CHUNK):
                        sink.write(chunk)

    try:
        await anyio.to_thread.run_sync(pack)
        async with await anyio.open_file(temporary, "rb") as archive:
            while chunk := await archive.read(_CHUNK):
                yield chunk
    finally:
        temporary.unlink(missing_ok=True)


def _disposition(request: Request) -> str:
    """The file name in ``Content-Disposition`` (RFC 6266; bare UTF-8 or GBK bytes are read too)."""
    header = Message()
    header["Content-Disposition"] = request.headers.get("content-disposition", "attachment")
    name = header.get_filename("")
    try:
        raw = name.encode("latin-1")
    except UnicodeEncodeError:
        return name  # it came as filename*
    return decoded(raw)


def decoded(raw: bytes) -> str:
    """A file name that came as bytes."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("gb18030", errors="replace")


def clean(text: str) -> str:
    """The last part of a path, printable; it is shown to people and never used on the disk."""
    name = PurePosixPath(text.replace("\\", "/")).name
    return "".join(c for c in name if c.isprintable())[:255] or "upload"


def _promised(request: Request) -> str | None:
    """The SHA-256 that the client states (RFC 9530, or our plain header), as hex."""
    plain = request.headers.get("x-checksum-sha256")
    if plain is not None:
        if not re.fullmatch(r"[0-9A-Fa-f]{64}", plain):
            raise _bad("X-Checksum-Sha256")
        return plain.lower()
    for header in ("repr-digest", "content-digest"):
        for part in request.headers.get(header, "").split(","):
            algorithm, _, value = part.strip().partition("=")
            if algorithm.lower() != "sha-256":
                continue  # RFC 9530: what is not known is ignored
            found = re.fullmatch(r":([A-Za-z0-9+/=]+):", value)
            try:
                raw = base64.b64decode(found[1], validate=True) if found else b""
            except binascii.Error:
                raw = b""
            if len(raw) != 32:
                raise _bad(header)
            return raw.hex()
    return None


def _bad(where: str) -> Problem:
    return Problem(
        "E_PARAMETER",
        f"{where} 不是 SHA-256 校验和",
        f"{where} is not a SHA-256 checksum",
        where=where,
    )
