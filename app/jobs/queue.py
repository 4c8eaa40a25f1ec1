"""Jobs as rows of the record: put, claimed with a lease, reported on, finished once.

A finished job's effect and its row change in one transaction where the effect is
a change of the record; a worker that lost its lease can no longer write.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from app.times import now
from geo.record.protocol import Record
from geo.record.tables import jobs, people

MOST_ATTEMPTS = 3
_OPEN = ("queued", "running")


@dataclass(frozen=True)
class Job:
    id: int
    kind: str
    args: dict[str, Any]
    state: str
    person: str | None
    attempt: int
    lease: str | None
    cancel_requested: bool
    progress: dict[str, Any] | None
    result: dict[str, Any] | None
    problem: dict[str, Any] | None
    created_at: str
    started_at: str | None
    finished_at: str | None

    def public(self) -> dict[str, Any]:
        """What an answer shows."""
        return {
            "id": self.id,
            "kind": self.kind,
            "state": self.state,
            "attempt": self.attempt,
            "progress": self.progress,
            "result": self.result,
            "problem": self.problem,
            "created_at": self.created_at,
            "started_at": self.started_at,
            "finished_at": self.finished_at,
        }


class LostLease(Exception):
    """Another worker has taken the job over; whatever this one did must not count."""


def _load(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def _job(row: Row[Any]) -> Job:
    return Job(
        id=row.id,
        kind=row.kind,
        args=json.loads(row.args),
        state=row.state,
        person=row.person,
        attempt=row.attempt,
        lease=row.lease_token,
        cancel_requested=bool(row.cancel_requested),
        progress=_load(row.progress),
        result=_load(row.result),
        problem=_load(row.problem),
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


_COLUMNS = select(jobs, people.c.name.label("person")).join(
    people, people.c.id == jobs.c.person_id, isouter=True
)


def dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def put(connection: Connection, kind: str, args: dict[str, Any], person: str) -> int:
    """Queue a job inside the caller's transaction; returns its id."""
    who = select(people.c.id).where(people.c.name == person).scalar_subquery()
    done = connection.execute(
        jobs.insert().values(kind=kind, args=dump(args), person_id=who, created_at=now())
    )
    key = done.inserted_primary_key
    assert key is not None
    return int(key[0])


class Queue:
    """The jobs of a record."""

    def __init__(self, record: Record) -> None:
        self.record = record

    def get(self, job_id: int) -> Job | None:
        with self.record.read() as connection:
            row = connection.execute(_COLUMNS.where(jobs.c.id == job_id)).one_or_none()
        return _job(row) if row else None

    def latest(self, person: str | None, limit: int) -> list[Job]:
        """The newest jobs, of one person or (None) of all."""
        query = _COLUMNS.order_by(jobs.c.id.desc()).limit(limit)
        if person is not None:
            query = query.where(people.c.name == person)
        with self.record.read() as connection:
            return [_job(row) for row in connection.execute(query)]

    def release_dead(self) -> None:
        """Queue again what a dead worker was at; called by whoever holds the worker's lock."""
        with self.record.write() as connection:
            running = jobs.c.state == "running"
            connection.execute(
                jobs.update()
                .where(running, jobs.c.attempt < MOST_ATTEMPTS)
                .values(state="queued", lease_token=None)
            )
            problem = {
                "status": 500,
                "code": "E_CRASH",
                "title": "任务多次异常中止 / the job ended abnormally several times",
            }
            connection.execute(
                jobs.update()
                .where(running)
                .values(state="failed", lease_token=None, problem=dump(problem), finished_at=now())
            )

    def claim(self) -> Job | None:
        """Take the oldest queued job; the returned lease is needed for all that follows."""
        oldest = (
            select(jobs.c.id)
            .where(jobs.c.state == "queued")
            .order_by(jobs.c.priority.desc(), jobs.c.id)
            .limit(1)
        )
        with self.record.read() as connection:
            if connection.execute(oldest).one_or_none() is None:
                return None
        with self.record.write() as connection:
            found = connection.execute(oldest).scalar_one_or_none()
            if found is None:
                return None
            connection.execute(
                jobs.update()
                .where(jobs.c.id == found)
                .values(
                    state="running",
                    lease_token=secrets.token_hex(16),
                    attempt=jobs.c.attempt + 1,
                    started_at=now(),
                )
            )
            return _job(connection.execute(_COLUMNS.where(jobs.c.id == found)).one())

    def report(self, job: Job, stage: str, fraction: float | None) -> bool:
        """Store progress; True when somebody wants the job stopped."""
        with self.record.write() as connection:
            self._set(connection, job, progress=dump({"stage": stage, "fraction": fraction}))
            row = connection.execute(select(jobs.c.cancel_requested).where(jobs.c.id == job.id))
            return bool(row.scalar_one())

    def finish(
        self, connection: Connection, job: Job, state: str, **values: dict[str, Any] | None
    ) -> None:
        """End a job in the transaction of its effect. Raises `LostLease`."""
        texts = {name: dump(value) for name, value in values.items() if value is not None}
        self._set(connection, job, state=state, finished_at=now(), lease_token=None, **texts)

    def _set(self, connection: Connection, job: Job, **values: object) -> None:
        mine = (jobs.c.id == job.id, jobs.c.lease_token == job.lease)
        if connection.execute(jobs.update().where(*mine).values(**values)).rowcount == 0:
            raise LostLease(f"job {job.id}")

    def cancel(self, job_id: int) -> None:
        """Ask a running job to stop; a queued one ends at once."""
        with self.record.write() as connection:
            this = jobs.c.id == job_id
            connection.execute(
                jobs.update()
                .where(this, jobs.c.state == "queued")
                .values(state="cancelled", finished_at=now())
            )
            connection.execute(
                jobs.update().where(this, jobs.c.state.in_(_OPEN)).values(cancel_requested=1)
            )
