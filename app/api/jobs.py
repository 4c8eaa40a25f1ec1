"""Jobs: what is running for whom, how far it is, stopping it and trying it again."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from typing import Annotated, Literal

import orjson
from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import Connection, select

from app import idempotency
from app.api.links import EVENTS, answer, produces
from app.auth import User, allow, require
from app.jobs import control
from app.jobs.queue import ENDED, Job, Queue
from app.problems import not_found
from app.state import State
from geo.record.tables import uploads

router = APIRouter(tags=["任务 Jobs"])

JobId = Annotated[int, Path(ge=1, le=2**53)]
States = Literal["queued", "running", "done", "failed", "cancelled"]
#: Seconds between comments that keep proxies from closing a silent stream.
HEARTBEAT = 15.0
_LOOK = 0.1
_RECONNECT_MS = 2000


def _mine(request: Request, job_id: int) -> Job:
    """The job, if it is the asker's own; another's does not exist for them."""
    user: User = request.state.user
    state: State = request.app.state.liangtian
    job = Queue(state.record).get(job_id)
    if job is None or not (user.oversees or job.person == user.name):
        raise not_found(f"没有任务 {job_id}", f"There is no job {job_id}")
    state.catch_up()
    return job


@router.get("/jobs", summary="Jobs, newest first")
@allow("field")
def jobs(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    state: Annotated[list[States] | None, Query(description="One or more states.")] = None,
    kind: Annotated[
        str | None,
        Query(pattern=r"^[a-z]+(\.[a-z]+)?$", max_length=40, description="upload, soil.run, ..."),
    ] = None,
) -> Response:
    user: User = request.state.user
    queue = Queue(request.app.state.liangtian.record)
    person = None if user.oversees else user.name
    found = queue.latest(person, limit, state or (), kind)
    return answer(request, {"jobs": [job.public() for job in found]})


@router.get("/jobs/{job_id}", summary="A job")
@allow("field")
def job(request: Request, job_id: JobId) -> Response:
    return answer(request, _mine(request, job_id).public())


@router.get("/jobs/{job_id}/events", summary="Progress as server-sent events")
@allow("field")
@produces(EVENTS)
def events(request: Request, job_id: JobId) -> Response:
    """One event whenever the job's state or progress changes; ends with the job.

    An event's id is a hash of what it tells: whoever comes back with ``Last-Event-ID`` hears
    only what is new, and gets 204, which ends a browser's reconnecting, when that was the end.
    """
    found = _mine(request, job_id)
    state: State = request.app.state.liangtian
    known = request.headers.get("last-event-id", "").encode("latin-1", "replace")
    if found.state in ENDED and known == _event_id(_shown(found)):
        return Response(status_code=204, headers={"Cache-Control": "no-store"})
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(
        _follow(request, state, job_id, known), media_type=EVENTS, headers=headers
    )


def _shown(job: Job) -> bytes:
    return orjson.dumps(job.public())


def _event_id(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest()[:16].encode()


async def _follow(request: Request, state: State, job_id: int, told: bytes) -> AsyncIterator[bytes]:
    queue = Queue(state.record)
    yield b"retry: %d\n\n" % _RECONNECT_MS
    pulse, spoken = -1, time.monotonic()
    while not await request.is_disconnected():
        # Nothing in the record has moved: nothing to ask it for.
        if pulse != state.pulse:
            pulse = state.pulse
            found = await asyncio.to_thread(queue.get, job_id)
            if found is None:
                return
            if found.state in ENDED:
                await asyncio.to_thread(state.catch_up)
            content = _shown(found)
            name = _event_id(content)
            if name != told:
                told, spoken = name, time.monotonic()
                yield b"id: " + name + b"\ndata: " + content + b"\n\n"
            if found.state in ENDED:
                return
        if time.monotonic() - spoken > HEARTBEAT:
            spoken = time.monotonic()
            yield b": still here\n\n"
        await asyncio.sleep(_LOOK)


@router.delete("/jobs/{job_id}", summary="Stop a job", status_code=202)
@allow("field")
def cancel(request: Request, job_id: JobId) -> Response:
    """A queued job ends at once; of a running one the child process is ended. What it was
    about to store is not stored, unless its last transaction had begun."""
    _mine(request, job_id)
    after = control.cancel(request.app.state.liangtian.record, job_id)
    return Response(_shown(after), 202, media_type="application/json")


@router.post("/jobs/{job_id}/retry", summary="Try a failed job again", status_code=202)
@allow("field")
def retry(request: Request, job_id: JobId) -> Response:
    """Only what failed, and only by somebody who might start it anew."""
    state: State = request.app.state.liangtian
    found = _mine(request, job_id)
    require(request.state.user, _role(state, found))

    def effect(connection: Connection) -> idempotency.Answer:
        return idempotency.Answer(202, _shown(control.retry(connection, job_id)))

    done = idempotency.once(request, "", effect)
    state.wake_worker.set()
    return done


def _role(state: State, job: Job) -> str:
    """The least role for starting this kind of job."""
    if job.kind == "soil.run":
        return "agronomist"
    if job.kind in ("upload.commit", "upload.revert"):
        query = select(uploads.c.layer).where(uploads.c.id == job.args["upload"])
        with state.record.read() as connection:
            layer: str = connection.execute(query).scalar_one()
        return state.catalog.layers[layer].commit_role
    return "field"
