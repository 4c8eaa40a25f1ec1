"""Resumable uploads: tus 1.0.0 with creation, creation-with-upload, termination, checksum and
expiration (https://tus.io/protocols/resumable-upload). A complete one is an upload as any other."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator
from datetime import datetime
from email.utils import format_datetime
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Path, Request, Response
from sqlalchemy import Connection, Row

from app import idempotency, incoming, params, resumables
from app.auth import PUBLIC, User, allow
from app.idempotency import Answer
from app.problems import Problem
from app.resumables import ChecksumMismatch, New
from app.state import State

router = APIRouter(tags=["续传 Resumable uploads"])

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,termination,checksum,expiration"
ALGORITHMS = ("sha1", "sha256")
_BYTES = "application/offset+octet-stream"

UploadName = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]


def _limit(state: State) -> int:
    return state.settings.max_upload_mib * 2**20


@router.options("/uploads/tus", summary="What of tus is spoken here", status_code=204)
@allow(PUBLIC)
def options(request: Request) -> Response:
    headers = {
        "Tus-Resumable": VERSION,
        "Tus-Version": VERSION,
        "Tus-Max-Size": str(_limit(request.app.state.liangtian)),
        "Tus-Extension": EXTENSIONS,
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
    }
    return Response(status_code=204, headers=headers)


@router.options("/uploads/tus/{name}", summary="What of tus is spoken here", status_code=204)
@allow(PUBLIC)
def options_of_one(request: Request, name: str) -> Response:
    return options(request)


@router.post("/uploads/tus", summary="Begin a resumable upload", status_code=201)
@allow("field")
async def create(request: Request) -> Response:
    """``Upload-Length`` and ``Upload-Metadata`` with ``filename``, ``layer`` and, if wanted,
    ``force``; the body may be the first bytes."""
    _speak_tus(request)
    state: State = request.app.state.liangtian
    length = _number(request, "Upload-Length")
    if length > _limit(state):
        raise _problem("E_TOO_LARGE", "文件超过上限", "The file is larger than allowed",
                       {"Tus-Max-Size": str(_limit(state))})  # fmt: skip
    if length == 0:
        raise _problem("E_EMPTY", "文件是空的", "The file is empty")
    sent = request.headers.get("upload-metadata", "")
    about = _metadata(sent)
    layer = params.find_layer(request, about.get("layer", b"").decode("utf-8", "replace"))
    name = incoming.clean(incoming.decoded(about.get("filename", b"")))
    user: User = request.state.user

    def effect(connection: Connection) -> Answer:
        upload = resumables.create(connection, state, user, New(layer.id, name, sent, length))
        return Answer(201, b"", {"Location": f"/uploads/tus/{upload}"})

    made = await anyio.to_thread.run_sync(idempotency.once, request, f"{length} {sent}", effect)
    row = await anyio.to_thread.run_sync(
        resumables.find, state, user, made.headers["location"].rpartition("/")[2]
    )
    headers = {"Location": made.headers["location"]}
    if request.headers.get("content-type") == _BYTES and row.durable == 0:
        return await _receive(request, row, 201, headers)
    return Response(status_code=201, headers=headers | _state(row, row.durable))


@router.get("/uploads/tus/{name}", summary="How much of a resumable upload is here")
@allow("field")
def head(request: Request, name: UploadName) -> Response:
    """In the headers, so that HEAD tells it: ``Upload-Offset`` is what is on the disk."""
    if "tus-resumable" in request.headers:
        _speak_tus(request)
    state: State = request.app.state.liangtian
    row = resumables.find(state, request.state.user, name)
    headers = _state(row, row.durable) | {"Upload-Length": str(row.length)}
    if row.metadata:
        headers["Upload-Metadata"] = row.metadata
    if row.durable == row.length:
        headers |= _begun(_complete(request, row))
    return Response(status_code=200, headers=headers | {"Cache-Control": "no-store"})


@router.patch("/uploads/tus/{name}", summary="More bytes of a resumable upload", status_code=204)
@allow("field")
async def patch(request: Request, name: UploadName) -> Response:
    """The body goes to ``Upload-Offset``, which must be where the upload is. The last bytes
    make it an upload: ``Upload-Id``, ``Upload-Job`` and ``Content-Location`` name it."""
    _speak_tus(request)
    if request.headers.get("content-type") != _BYTES:
        raise _problem("E_TYPE", f"内容类型应为 {_BYTES}", f"The content type must be {_BYTES}")
    state: State = request.app.state.liangtian
    row = await anyio.to_thread.run_sync(resumables.find, state, request.state.user, name)
    return await _receive(request, row, 204, {}, _number(request, "Upload-Offset"))


@router.delete("/uploads/tus/{name}", summary="Give up a resumable upload", status_code=204)
@allow("field")
def terminate(request: Request, name: UploadName) -> Response:
    _speak_tus(request)
    state: State = request.app.state.liangtian
    resumables.terminate(state, resumables.find(state, request.state.user, name))
    return Response(status_code=204, headers={"Tus-Resumable": VERSION})


@router.post("/uploads/tus/{name}", summary="PATCH or DELETE for clients that cannot")
@allow("field")
async def override(request: Request, name: UploadName) -> Response:
    """``X-HTTP-Method-Override`` says what is meant."""
    method = request.headers.get("x-http-method-override", "").upper()
    if method == "PATCH":
        return await patch(request, name)
    if method == "DELETE":
        return await anyio.to_thread.run_sync(terminate, request, name)
    if method == "HEAD":
        return await anyio.to_thread.run_sync(head, request, name)
    raise params.bad("X-HTTP-Method-Override", "应为 PATCH、DELETE 或 HEAD",
                     "It must be PATCH, DELETE or HEAD")  # fmt: skip


async def _nothing_here(_request: Request) -> Response:
    raise _problem("E_METHOD", "请用 POST 开始上传", "Begin an upload with POST",
                   {"Allow": "POST, OPTIONS"})  # fmt: skip


# Without it these would be taken for an upload of the name "tus".
router.add_route(
    "/uploads/tus", _nothing_here, methods=["GET", "PATCH", "DELETE"], include_in_schema=False
)


async def _receive(
    request: Request,
    row: Row[Any],
    status: int,
    headers: dict[str, str],
    offset: int = 0,
) -> Response:
    """Append the body; when that was all, begin the upload."""
    state: State = request.app.state.liangtian
    checksum = _checksum(request)
    with resumables.locked(state, row.id) as descriptor:
        # The row as it is now that nobody else writes.
        row = await anyio.to_thread.run_sync(resumables.find, state, request.state.user, row.id)
        if offset != row.durable:
            raise _problem("E_OFFSET", f"已收到 {row.durable} 字节，请从那里续传",
                           f"{row.durable} bytes are here; go on from there",
                           {"Upload-Offset": str(row.durable)})  # fmt: skip
        length = request.headers.get("content-length", "0")
        if int(length) > row.length - offset:
            raise _problem("E_TOO_LARGE", "数据超过了声明的长度",
                           "More would come than the length that was announced")  # fmt: skip
        if row.durable < row.length:
            try:
                offset = await resumables.append(state, row, descriptor, _stream(request), checksum)
            except ChecksumMismatch:
                raise _problem("E_CHECKSUM", "校验和不符，这一段未保存",
                               "The checksum does not fit; this part was not kept",
                               {"Upload-Offset": str(row.durable)}) from None  # fmt: skip
        row = await anyio.to_thread.run_sync(resumables.find, state, request.state.user, row.id)
        headers = headers | _state(row, offset)
        if offset == row.length:
            headers |= _begun(await anyio.to_thread.run_sync(_complete, request, row))
    return Response(status_code=status, headers=headers)


def _complete(request: Request, row: Row[Any]) -> Answer:
    state: State = request.app.state.liangtian
    force = _metadata(row.metadata or "").get("force", b"").lower() in (b"1", b"true")
    done = resumables.complete(state, request.state.user, row, force=force)
    state.wake_worker.set()
    return done


async def _stream(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        if chunk:
            yield chunk


def _begun(answer: Answer) -> dict[str, str]:
    told = answer.told()
    return {
        "Content-Location": f"/uploads/{told['id']}",
        "Upload-Id": str(told["id"]),
        "Upload-Job": str(told["job"]),
    }


def _state(row: Row[Any], offset: int) -> dict[str, str]:
    expires = datetime.fromisoformat(row.expires_at)
    headers = {"Tus-Resumable": VERSION, "Upload-Offset": str(offset)}
    if row.upload_id is None and offset < row.length:
        headers["Upload-Expires"] = format_datetime(expires, usegmt=True)
    return headers


def _speak_tus(request: Request) -> None:
    if request.headers.get("tus-resumable") != VERSION:
        raise _problem("E_TUS_VERSION", f"请用 tus {VERSION}", f"Speak tus {VERSION}",
                       {"Tus-Version": VERSION})  # fmt: skip


def _number(request: Request, name: str) -> int:
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise params.bad(name, f"{name} 应为整数", f"{name} must be a whole number")
    return int(text)


def _metadata(text: str) -> dict[str, bytes]:
    """``key base64, key base64, key``: a value may be left out."""
    found: dict[str, bytes] = {}
    for part in text.split(",") if text.strip() else ():
        key, _, value = part.strip().partition(" ")
        try:
            raw = base64.b64decode(value.strip(), validate=True)
        except binascii.Error:
            raw = None
        if not key or not key.isascii() or raw is None or key in found:
            raise params.bad("Upload-Metadata", "Upload-Metadata 不正确",
                             "Upload-Metadata is not key and base64 pairs")  # fmt: skip
        found[key] = raw
    return found


def _checksum(request: Request) -> tuple[str, bytes] | None:
    text = request.headers.get("upload-checksum")
    if text is None:
        return None
    algorithm, _, value = text.partition(" ")
    try:
        raw = base64.b64decode(value, validate=True)
    except binascii.Error:
        raw = b""
    if algorithm not in ALGORITHMS or not raw:
        raise params.bad("Upload-Checksum", f"校验和应为 {'、'.join(ALGORITHMS)}",
                         f"The checksum must be one of {', '.join(ALGORITHMS)}")  # fmt: skip
    return algorithm, raw


def _problem(code: str, zh: str, en: str, headers: dict[str, str] | None = None) -> Problem:
    return Problem(code, zh, en, headers={"Tus-Resumable": VERSION, **(headers or {})})
