"""Jobs: what is running for whom, how far it is, and stopping it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

import orjson
from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from app.api.links import EVENTS, answer, produces
from app.auth import User, allow
from app.jobs.queue import Job, Queue
from app.problems import Problem, not_found
from app.state import State

router = APIRouter(tags=["任务 Jobs"])

JobId = Annotated[int, Path(ge=1, le=2**53)]
_ENDED = ("done", "failed", "cancelled")


def _mine(request: Request, job_id: int) -> Job:
    """The job, if it is the asker's own; another's does not exist for them."""
    user: User = request.state.user
    state: State = request.app.state.liangtian
    job = Queue(state.record).get(job_id)
    if job is None or not (user.may("manager") or job.person == user.name):
        raise not_found(f"没有任务 {job_id}", f"There is no job {job_id}")
    state.catch_up()
    return job


@router.get("/jobs", summary="Jobs, newest first")
@allow("field")
def jobs(request: Request, limit: Annotated[int, Query(ge=1, le=1000)] = 50) -> Response:
    user: User = request.state.user
    queue = Queue(request.app.state.liangtian.record)
    found = queue.latest(None if user.may("manager") else user.name, limit)
    return answer(request, {"jobs": [job.public() for job in found]})


@router.get("/jobs/{job_id}", summary="A job")
@allow("field")
def job(request: Request, job_id: JobId) -> Response:
    return answer(request, _mine(request, job_id).public())


@router.get("/jobs/{job_id}/events", summary="Progress as server-sent events")
@allow("field")
@produces(EVENTS)
def events(request: Request, job_id: JobId) -> Response:
    """One event whenever the job's state or progress changes; ends with the job."""
    _mine(request, job_id)
    state: State = request.app.state.liangtian
    queue = Queue(state.record)

    async def stream() -> AsyncIterator[bytes]:
        shown = b""
        while not await request.is_disconnected():
            found = await asyncio.to_thread(queue.get, job_id)
            if found is None:
                return
            if found.state in _ENDED:
                await asyncio.to_thread(state.catch_up)
            now = orjson.dumps(found.public())
            if now != shown:
                shown = now
                yield b"data: " + now + b"\n\n"
            if found.state in _ENDED:
                return
            await asyncio.sleep(0.3)

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream(), media_type="text/event-stream", headers=headers)


@router.delete("/jobs/{job_id}", summary="Stop a job", status_code=202)
@allow("field")
def cancel(request: Request, job_id: JobId) -> Response:
    found = _mine(request, job_id)
    if found.state in _ENDED:
        raise Problem("E_STATE", "任务已结束", "The job has ended already")
    queue = Queue(request.app.state.liangtian.record)
    queue.cancel(job_id)
    after = queue.get(job_id)
    assert after is not None
    return Response(orjson.dumps(after.public()), 202, media_type="application/json")
