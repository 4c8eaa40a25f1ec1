"""Cancel, retry and release: a job and what hangs on it change in one transaction."""

from __future__ import annotations

import logging
from typing import Any

from sqlalchemy import Connection, select

from app.jobs import upload
from app.jobs.queue import Job, Queue, find
from app.problems import Problem, not_found
from app.times import now
from geo.record.protocol import Record
from geo.record.tables import jobs

log = logging.getLogger("liangtian.jobs")


def ended(connection: Connection, job: Job, outcome: str, problem: dict[str, Any] | None) -> None:
    """What a job that failed or was cancelled leaves behind."""
    if job.kind.startswith("upload."):
        upload.ended(connection, job, outcome, problem)


def cancel(record: Record, job_id: int) -> Job:
    """A queued job ends at once, a running one when its worker sees it. Raises `Problem`."""
    with record.write() as connection:
        job = _find(connection, job_id)
        if job.state not in ("queued", "running"):
            raise _state("任务已结束", "The job has ended already", job)
        stop(connection, job_id)
        return _find(connection, job_id)


def stop(connection: Connection, job_id: int) -> None:
    """As `cancel`, in the caller's transaction; nothing happens to a job that has ended."""
    job = find(connection, job_id)
    if job is None or job.state not in ("queued", "running"):
        return
    values: dict[str, Any] = {"cancel_requested": 1}
    if job.state == "queued":
        values |= {"state": "cancelled", "finished_at": now()}
        ended(connection, job, "cancelled", None)
    connection.execute(jobs.update().where(jobs.c.id == job_id).values(**values))


def retry(connection: Connection, job_id: int) -> Job:
    """Queue a failed job again, with all its attempts before it. Raises `Problem`."""
    job = _find(connection, job_id)
    if job.state != "failed":
        raise _state("只有失败的任务可以重试", "Only a job that failed can be tried again", job)
    if job.kind.startswith("upload."):
        upload.again(connection, job)
    values = dict.fromkeys(("problem", "progress", "started_at", "finished_at"))
    connection.execute(
        jobs.update()
        .where(jobs.c.id == job_id)
        .values(state="queued", attempt=0, cancel_requested=0, **values)
    )
    return _find(connection, job_id)


def release(record: Record, job: Job) -> None:
    """Take a job from a lost worker."""
    with record.write() as connection:
        state = Queue(record).release(connection, job)
        if state in ("failed", "cancelled"):
            after = _find(connection, job.id)
            ended(connection, after, state, after.problem)
    if state is not None:
        log.warning("job %s: its worker is lost, now %s", job.id, state)


def stop_wanted(connection: Connection, job: Job) -> bool:
    """Whether somebody asked for the end, as the job's last transaction sees it."""
    query = select(jobs.c.cancel_requested).where(jobs.c.id == job.id)
    return bool(connection.execute(query).scalar_one())


def _find(connection: Connection, job_id: int) -> Job:
    job = find(connection, job_id)
    if job is None:
        raise not_found(f"没有任务 {job_id}", f"There is no job {job_id}")
    return job


def _state(zh: str, en: str, job: Job) -> Problem:
    return Problem("E_STATE", zh, en, where="state", extra={"state": job.state})
