"""Uploads: a file comes in, is looked at in a limited process, and is committed on request."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import anyio
import orjson
from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Connection

from app import bodies, idempotency, incoming, params, uploads
from app.api.links import answer
from app.auth import User, allow, require
from app.idempotency import Answer
from app.jobs import control, queue
from app.state import State
from geo.intake.decide import Decisions
from geo.record.tables import people
from geo.record.tables import uploads as table

router = APIRouter(tags=["上传 Uploads"])


#: Told instead of a job where nothing is left to do.
_DONE: dict[int | str, dict[str, Any]] = {200: {"description": "已经完成 Done already"}}
UploadId = Annotated[int, Path(ge=1, le=2**53)]
States = Literal[
    "inspecting",
    "needs_input",
    "ready",
    "committing",
    "committed",
    "rejected",
    "reverted",
    "discarded",
]


@router.post("/uploads", summary="Upload a file for a layer", status_code=202)
@allow("field")
async def upload(
    request: Request,
    layer: Annotated[str, Query(max_length=40, description="The layer it is meant for.")],
    filename: Annotated[
        str | None, Query(max_length=255, description="File name, when no header gives it.")
    ] = None,
    force: Annotated[
        bool, Query(description="Look at it anew, even if the same file is here already.")
    ] = False,
) -> Response:
    """The raw body, or a form: one file, or the parts of a shapefile. Answers at once; the
    report follows. The same bytes for the same layer are told the earlier upload with 200.
    ``Content-Digest``, ``Repr-Digest`` or ``X-Checksum-Sha256`` are checked."""
    state: State = request.app.state.liangtian
    found = params.find_layer(request, layer)
    received, name = await incoming.receive(request, state.settings.blobs, filename)
    media_type = request.headers.get("content-type")

    def effect(connection: Connection) -> Answer:
        user: User = request.state.user
        return uploads.begin(
            connection, state, user, received, found.id, name, media_type, force=force
        )

    return await incoming.once(request, received, effect)


@router.get("/uploads", summary="Uploads, newest first")
@allow("field")
def listed(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    state: Annotated[list[States] | None, Query(description="One or more states.")] = None,
    layer: Annotated[str | None, Query(max_length=40)] = None,
) -> Response:
    user: User = request.state.user
    query = uploads.query().order_by(table.c.id.desc()).limit(limit)
    if not user.oversees:
        query = query.where(people.c.name == user.name)
    if state:
        query = query.where(table.c.state.in_(state))
    if layer is not None:
        query = query.where(table.c.layer == params.find_layer(request, layer).id)
    with request.app.state.liangtian.record.read() as connection:
        rows = connection.execute(query).all()
    return answer(request, {"uploads": [uploads.public(row, report=False) for row in rows]})


@router.get("/uploads/{upload_id}", summary="An upload and its report")
@allow("field")
def one(request: Request, upload_id: UploadId) -> Response:
    return answer(request, uploads.public(uploads.of_request(request, upload_id)))


@router.patch(
    "/uploads/{upload_id}",
    summary="Decide on encoding, CRS, mapping or mode and look again",
    status_code=202,
    openapi_extra=bodies.json_body(Decisions),
)
@allow("field")
async def decide(request: Request, upload_id: UploadId) -> Response:
    """What is given replaces the decision of that name; the others stay."""
    taken = (await bodies.read_json(request, Decisions)).model_dump(mode="json", exclude_unset=True)
    return await anyio.to_thread.run_sync(_decide, request, upload_id, taken)


def _decide(request: Request, upload_id: int, decisions: dict[str, object]) -> Response:
    state: State = request.app.state.liangtian
    user: User = request.state.user
    with state.record.write() as connection:
        row = uploads.of_user(connection, user, upload_id)
        uploads.must_be(row, "needs_input", "ready", "rejected")
        taken = json.loads(row.decisions or "{}") | decisions
        job = queue.put(
            connection, "upload.inspect", {"upload": upload_id}, user.name, user.counties
        )
        uploads.move(
            connection,
            row,
            state="inspecting",
            decisions=queue.dump(taken),
            job_id=job,
            report=None,
        )
    state.wake_worker.set()
    return Answer(202, orjson.dumps({"id": upload_id, "job": job})).response()


@router.post(
    "/uploads/{upload_id}/commit",
    summary="Store the checked features",
    status_code=202,
    responses=_DONE,
)
@allow("field")
def commit(request: Request, upload_id: UploadId) -> Response:
    """All features or none, as one revision; the layer says which role it takes. What the
    report showed is what is stored: if the layer has changed meanwhile so that it would be
    something else, the job ends with E_DIFF_CHANGED and the report shows the new difference.
    Said twice it is done once."""
    return _start(request, upload_id, "commit", "ready", "committing", "committed")


@router.post(
    "/uploads/{upload_id}/revert",
    summary="Undo a committed upload",
    status_code=202,
    responses=_DONE,
)
@allow("field")
def revert(request: Request, upload_id: UploadId) -> Response:
    """Undoes exactly what the upload changed, as a new revision; for whoever might commit it.
    Where later edits build on it the job ends with E_REVERT and lists the features."""
    return _start(request, upload_id, "revert", "committed", "committed", "reverted")


def _start(
    request: Request, upload_id: int, what: str, before: str, during: str, after: str
) -> Response:
    """Queue a commit or a revert; one that runs or is done is told instead."""
    state: State = request.app.state.liangtian
    user: User = request.state.user

    def effect(connection: Connection) -> Answer:
        row = uploads.of_user(connection, user, upload_id)
        require(user, state.catalog.layers[row.layer].commit_role)
        told = {"id": upload_id, "job": row.job_id}
        if row.state == after:
            number = row.revision if what == "commit" else row.reverted_by
            return Answer(200, orjson.dumps(told | {"state": after, "revision": number}))
        uploads.must_be(row, before, during)
        running = queue.find(connection, row.job_id) if row.job_id else None
        if running and running.kind == f"upload.{what}" and running.state in queue.OPEN:
            return Answer(202, orjson.dumps(told), {"Location": f"/jobs/{row.job_id}"})
        job = queue.put(
            connection, f"upload.{what}", {"upload": upload_id}, user.name, user.counties
        )
        uploads.move(connection, row, state=during, job_id=job)
        body = orjson.dumps({"id": upload_id, "job": job})
        return Answer(202, body, {"Location": f"/jobs/{job}"})

    done = idempotency.once(request, "", effect)
    state.wake_worker.set()
    return done


@router.delete("/uploads/{upload_id}", summary="Discard an upload", status_code=204)
@allow("field")
def discard(request: Request, upload_id: UploadId) -> Response:
    """Nothing of it can be stored any more; what is looking at it stops. Said twice it is done
    once. What is committed is reverted instead."""
    state: State = request.app.state.liangtian
    with state.record.write() as connection:
        row = uploads.of_user(connection, request.state.user, upload_id)
        uploads.must_be(row, "inspecting", "needs_input", "ready", "rejected", "discarded")
        if row.state != "discarded":
            uploads.move(connection, row, state="discarded")
            if row.state == "inspecting":
                control.stop(connection, row.job_id)
    return Response(status_code=204)
