"""Uploads: a file comes in, is looked at in a limited process, and is committed on request."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from email.message import Message
from pathlib import PurePosixPath
from typing import Annotated, Any

import anyio
import orjson
from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Row, select
from starlette.datastructures import UploadFile

from app import blobs, bodies, idempotency, params
from app.api.links import answer
from app.auth import User, allow, require
from app.jobs import queue
from app.problems import Problem, not_found
from app.state import State
from app.times import now
from geo.intake.decide import Decisions
from geo.record.tables import people, uploads

router = APIRouter(tags=["上传 Uploads"])


UploadId = Annotated[int, Path(ge=1, le=2**53)]
_CHUNK = 1 << 20


@router.post("/uploads", summary="Upload a file for a layer", status_code=202)
@allow("field")
async def upload(
    request: Request,
    layer: Annotated[str, Query(max_length=40, description="The layer it is meant for.")],
    filename: Annotated[
        str | None, Query(max_length=255, description="File name, when no header gives it.")
    ] = None,
) -> Response:
    """The raw body (or one multipart file). Answers at once; the report follows."""
    state: State = request.app.state.liangtian
    found = params.find_layer(request, layer)
    stream, name = await _incoming(request, filename)
    blob = await blobs.receive(state.settings.blob_folder, stream)
    if blob.size == 0:
        raise Problem(
            "E_EMPTY",
            "文件是空的",
            "The file is empty",
            where=name,
            fix=("请检查文件后重新选择", "Check the file and choose it again"),
        )

    def store() -> Response:
        question = idempotency.digest(request, blob.sha256)
        before = idempotency.earlier(request, question)
        if before is not None:
            return before
        user: User = request.state.user
        with state.record.write() as connection:
            blobs.note(connection, blob, request.headers.get("content-type"))
            done = connection.execute(
                uploads.insert().values(
                    layer=found.id,
                    file_name=name,
                    sha256=blob.sha256,
                    size=blob.size,
                    state="inspecting",
                    person_id=user.id,
                    decisions="{}",
                    created_at=now(),
                    updated_at=now(),
                )
            )
            assert done.inserted_primary_key is not None
            upload_id = int(done.inserted_primary_key[0])
            job = queue.put(connection, "upload.inspect", {"upload": upload_id}, user.name)
            connection.execute(uploads.update().where(uploads.c.id == upload_id).values(job_id=job))
            body = orjson.dumps({"id": upload_id, "job": job})
            idempotency.keep(connection, request, question, 202, body)
        state.wake_worker.set()
        headers = {"Location": f"/uploads/{upload_id}"}
        return Response(body, 202, headers, media_type="application/json")

    return await anyio.to_thread.run_sync(store)


async def _incoming(request: Request, filename: str | None) -> tuple[AsyncIterator[bytes], str]:
    kind = request.headers.get("content-type", "")
    if kind.startswith("multipart/form-data"):
        form = await request.form(max_files=1, max_fields=20)
        files = [value for value in form.values() if isinstance(value, UploadFile)]
        if not files:
            raise Problem("E_BODY", "请求中没有文件", "There is no file in the request")
        return _chunks(files[0]), _name(filename or files[0].filename or "")
    return request.stream(), _name(filename or _disposition(request))


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(_CHUNK):
        yield chunk


def _disposition(request: Request) -> str:
    """The file name in ``Content-Disposition`` (RFC 6266; bare UTF-8 or GBK bytes are read too)."""
    header = Message()
    header["Content-Disposition"] = request.headers.get("content-disposition", "attachment")
    name = header.get_filename("")
    try:
        raw = name.encode("latin-1")
    except UnicodeEncodeError:
        return name  # it came as filename*
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("gb18030", errors="replace")


def _name(text: str) -> str:
    name = PurePosixPath(text.replace("\\", "/")).name
    return "".join(c for c in name if c.isprintable())[:255] or "upload"


def _row(request: Request, upload_id: int) -> Row[Any]:
    """The upload, if it is the asker's own or they manage; another's does not exist."""
    state: State = request.app.state.liangtian
    user: User = request.state.user
    query = select(uploads, people.c.name.label("person")).join(
        people, people.c.id == uploads.c.person_id, isouter=True
    )
    with state.record.read() as connection:
        row = connection.execute(query.where(uploads.c.id == upload_id)).one_or_none()
    if row is None or not (user.may("manager") or row.person == user.name):
        raise not_found(f"没有上传 {upload_id}", f"There is no upload {upload_id}")
    state.catch_up()
    return row


def _public(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "layer": row.layer,
        "file_name": row.file_name,
        "sha256": row.sha256,
        "size": row.size,
        "state": row.state,
        "job": row.job_id,
        "person": row.person,
        "decisions": json.loads(row.decisions or "{}"),
        "report": json.loads(row.report) if row.report else None,
        "revision": row.revision,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


@router.get("/uploads", summary="Uploads, newest first")
@allow("field")
def listed(request: Request, limit: Annotated[int, Query(ge=1, le=500)] = 50) -> Response:
    state: State = request.app.state.liangtian
    user: User = request.state.user
    query = (
        select(uploads, people.c.name.label("person"))
        .join(people, people.c.id == uploads.c.person_id, isouter=True)
        .order_by(uploads.c.id.desc())
        .limit(limit)
    )
    if not user.may("manager"):
        query = query.where(people.c.name == user.name)
    with state.record.read() as connection:
        rows = connection.execute(query).all()
    found = [{k: v for k, v in _public(row).items() if k != "report"} for row in rows]
    return answer(request, {"uploads": found})


@router.get("/uploads/{upload_id}", summary="An upload and its report")
@allow("field")
def one(request: Request, upload_id: UploadId) -> Response:
    return answer(request, _public(_row(request, upload_id)))


@router.patch(
    "/uploads/{upload_id}",
    summary="Decide on encoding, CRS, mapping or mode and look again",
    status_code=202,
    openapi_extra=bodies.json_body(Decisions),
)
@allow("field")
async def decide(request: Request, upload_id: UploadId) -> Response:
    taken = (await bodies.read_json(request, Decisions)).model_dump(mode="json", exclude_unset=True)
    return await anyio.to_thread.run_sync(_decide, request, upload_id, taken)


def _decide(request: Request, upload_id: int, decisions: dict[str, Any]) -> Response:
    state: State = request.app.state.liangtian
    row = _row(request, upload_id)
    user: User = request.state.user
    _must_be(row, "needs_input", "ready", "rejected")
    taken = json.loads(row.decisions or "{}") | decisions
    with state.record.write() as connection:
        job = queue.put(connection, "upload.inspect", {"upload": upload_id}, user.name)
        _move(
            connection,
            row,
            state="inspecting",
            decisions=queue.dump(taken),
            job_id=job,
            report=None,
        )
    state.wake_worker.set()
    body = orjson.dumps({"id": upload_id, "job": job})
    return Response(body, 202, media_type="application/json")


def _must_be(row: Row[Any], *states: str) -> None:
    if row.state not in states:
        raise Problem(
            "E_STATE",
            f"上传当前状态为 {row.state}，不能执行此操作",
            f"The upload is {row.state}; this cannot be done now",
            where="state",
            extra={"state": row.state},
        )


def _move(connection: Any, row: Row[Any], **values: object) -> None:
    """Change an upload's row, if nobody has changed its state meanwhile."""
    same = (uploads.c.id == row.id, uploads.c.state == row.state)
    done = connection.execute(uploads.update().where(*same).values(updated_at=now(), **values))
    if done.rowcount == 0:
        raise Problem("E_STATE", "上传状态刚刚改变", "The upload's state has just changed")


@router.post("/uploads/{upload_id}/commit", summary="Store the checked features", status_code=202)
@allow("field")
def commit(request: Request, upload_id: UploadId) -> Response:
    """All features or none, as one revision; the layer says which role it takes."""
    state: State = request.app.state.liangtian
    question = idempotency.digest(request, "")
    before = idempotency.earlier(request, question)
    if before is not None:
        return before
    row = _row(request, upload_id)
    user: User = request.state.user
    require(user, state.catalog.layers[row.layer].commit_role)
    _must_be(row, "ready")
    with state.record.write() as connection:
        job = queue.put(connection, "upload.commit", {"upload": upload_id}, user.name)
        _move(connection, row, state="committing", job_id=job)
        body = orjson.dumps({"id": upload_id, "job": job})
        idempotency.keep(connection, request, question, 202, body)
    state.wake_worker.set()
    headers = {"Location": f"/jobs/{job}"}
    return Response(body, 202, headers, media_type="application/json")


@router.delete("/uploads/{upload_id}", summary="Discard an upload", status_code=204)
@allow("field")
def discard(request: Request, upload_id: UploadId) -> Response:
    state: State = request.app.state.liangtian
    row = _row(request, upload_id)
    _must_be(row, "needs_input", "ready", "rejected")
    with state.record.write() as connection:
        _move(connection, row, state="discarded", staged=None)
    return Response(status_code=204)
