"""Jobs as rows of the record: put, claimed with a lease, reported on, finished once.

A finished job's effect and its row change in one transaction where the effect is
a change of the record; a worker that lost its lease can no longer write.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from app.problems import Problem, not_found
from app.times import now
from geo.record.protocol import Record
from geo.record.tables import jobs, people

MOST_ATTEMPTS = 3
OPEN = ("queued", "running")
ENDED = ("done", "failed", "cancelled")
#: What people call a job of a kind that they ask for by its number.
_TITLES = {
    "soil.run": ("土壤计算", "soil run"),
    "soil.calibration": ("标定", "calibration"),
    "soil.samples": ("抽样方案", "sample design"),
}
#: What people wait for goes before what runs for minutes.
_PRIORITY = {"upload": 10}


@dataclass(frozen=True)
class Job:
    id: int
    kind: str
    args: dict[str, Any]
    state: str
    person: str | None
    attempt: int
    lease: str | None
    heartbeat: str | None
    cancel_requested: bool
    progress: dict[str, Any] | None
    checkpoint: dict[str, Any] | None
    result: dict[str, Any] | None
    problem: dict[str, Any] | None
    created_at: str
    started_at: str | None
    finished_at: str | None

    @property
    def holder(self) -> str:
        """Which worker has it; see `app.jobs.slots`."""
        return (self.lease or "").rpartition("/")[0]

    def outcome(self) -> dict[str, Any]:
        """What it found. Raises `Problem` E_STATE while there is nothing."""
        if self.state != "done" or self.result is None:
            zh, en = _TITLES[self.kind]
            raise Problem(
                "E_STATE",
                f"{zh}没有可用的结果({self.state})",
                f"The {en} has no result ({self.state})",
                extra={"state": self.state},
                fix=("请等待完成，或重新提交", "Wait for its end, or ask for it again"),
            )
        return self.result

    def public(self) -> dict[str, Any]:
        """What an answer shows."""
        return {
            "id": self.id,
            "kind": self.kind,
            "state": self.state,
            "person": self.person,
            "attempt": self.attempt,
            "cancel_requested": self.cancel_requested,
            "progress": self.progress,
            # What a picture is drawn from may be large and is of no use to people.
            "result": self.result and {k: v for k, v in self.result.items() if k != "inputs"},
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
        heartbeat=row.heartbeat_at,
        cancel_requested=bool(row.cancel_requested),
        progress=_load(row.progress),
        checkpoint=_load(row.checkpoint),
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


def put(
    connection: Connection,
    kind: str,
    args: dict[str, Any],
    person: str,
    counties: tuple[str, ...] = (),
) -> int:
    """Queue a job inside the caller's transaction; returns its id. ``counties``: what the one
    who asks is limited to, and so is the job."""
    if counties:
        args = {**args, "counties": list(counties)}
    who = select(people.c.id).where(people.c.name == person).scalar_subquery()
    done = connection.execute(
        jobs.insert().values(
            kind=kind,
            args=dump(args),
            person_id=who,
            priority=_PRIORITY.get(kind.partition(".")[0], 0),
            created_at=now(),
        )
    )
    key = done.inserted_primary_key
    assert key is not None
    return int(key[0])


def find(connection: Connection, job_id: int) -> Job | None:
    """A job as a transaction sees it."""
    row = connection.execute(_COLUMNS.where(jobs.c.id == job_id)).one_or_none()
    return _job(row) if row else None


def absent(job_id: int, kind: str, where: str | None = None) -> Problem:
    """There is no such job, or not for who asks; ``where`` names the parameter that asked."""
    zh, en = _TITLES[kind]
    return not_found(f"没有{zh} {job_id}", f"There is no {en} {job_id}", where)


class Queue:
    """The jobs of a record."""

    def __init__(self, record: Record) -> None:
        self.record = record

    def get(self, job_id: int) -> Job | None:
        with self.record.read() as connection:
            return find(connection, job_id)

    def of_kind(self, job_id: int, kind: str, where: str | None = None) -> Job:
        """Raises `Problem` E_NOT_FOUND."""
        job = self.get(job_id)
        if job is None or job.kind != kind:
            raise absent(job_id, kind, where)
        return job

    def latest(
        self,
        person: str | None,
        limit: int,
        states: Sequence[str] = (),
        kind: str | None = None,
    ) -> list[Job]:
        """The newest jobs, of one person or (None) of all; ``kind`` may be its first word."""
        query = _COLUMNS.order_by(jobs.c.id.desc()).limit(limit)
        if person is not None:
            query = query.where(people.c.name == person)
        if states:
            query = query.where(jobs.c.state.in_(states))
        if kind is not None:
            query = query.where((jobs.c.kind == kind) | jobs.c.kind.startswith(f"{kind}."))
        with self.record.read() as connection:
            return [_job(row) for row in connection.execute(query)]

    def running(self) -> list[Job]:
        with self.record.read() as connection:
            rows = connection.execute(_COLUMNS.where(jobs.c.state == "running"))
            return [_job(row) for row in rows]

    def claim(self, holder: str = "", kind: str | None = None) -> Job | None:
        """Take the first queued job; the returned lease is needed for all that follows.

        ``kind``: take only jobs whose kind begins with this word.
        """
        first = (
            select(jobs.c.id)
            .where(jobs.c.state == "queued")
            .order_by(jobs.c.priority.desc(), jobs.c.id)
            .limit(1)
        )
        if kind is not None:
            first = first.where(jobs.c.kind.startswith(f"{kind}."))
        with self.record.read() as connection:
            if connection.execute(first).one_or_none() is None:
                return None
        with self.record.write() as connection:
            found = connection.execute(first).scalar_one_or_none()
            if found is None:
                return None
            connection.execute(
                jobs.update()
                .where(jobs.c.id == found)
                .values(
                    state="running",
                    lease_token=f"{holder}/{secrets.token_hex(12)}",
                    attempt=jobs.c.attempt + 1,
                    started_at=now(),
                )
            )
            return find(connection, found)

    def report(self, job: Job, stage: str, fraction: float | None) -> bool:
        """Store progress; True when somebody wants the job stopped. Raises `LostLease`."""
        with self.record.write() as connection:
            self._set(connection, job, progress=dump({"stage": stage, "fraction": fraction}))
            row = connection.execute(select(jobs.c.cancel_requested).where(jobs.c.id == job.id))
            return bool(row.scalar_one())

    def beat(self, job: Job) -> None:
        """Show other nodes that the job's worker lives."""
        self.record.touch(
            jobs.update().where(jobs.c.lease_token == job.lease).values(heartbeat_at=now())
        )

    def keep(self, connection: Connection, job: Job, checkpoint: dict[str, Any]) -> None:
        """Remember how far a job is, for the attempt after this one. Raises `LostLease`."""
        self._set(connection, job, checkpoint=dump(checkpoint))

    def finish(
        self, connection: Connection, job: Job, state: str, **values: dict[str, Any] | None
    ) -> None:
        """End a job in the transaction of its effect. Raises `LostLease`."""
        texts = {name: dump(value) for name, value in values.items() if value is not None}
        self._set(connection, job, state=state, finished_at=now(), lease_token=None, **texts)

    def give_back(self, job: Job) -> None:
        """Queue a job again that its worker stops without a fault of the job."""
        with self.record.write() as connection:
            self._set(
                connection, job, state="queued", lease_token=None, attempt=max(0, job.attempt - 1)
            )

    def release(self, connection: Connection, job: Job) -> str | None:
        """Take a job from a worker that is lost: it is queued again, or ended after too many
        attempts or when somebody wanted it stopped. Returns its new state, None when the job
        has moved on meanwhile."""
        mine = (jobs.c.id == job.id, jobs.c.state == "running", jobs.c.lease_token == job.lease)
        row = connection.execute(select(jobs).where(*mine)).one_or_none()
        if row is None:
            return None
        values: dict[str, Any] = {"state": "queued", "lease_token": None}
        if row.cancel_requested:
            values |= {"state": "cancelled", "finished_at": now()}
        elif row.attempt >= MOST_ATTEMPTS:
            values |= {"state": "failed", "problem": dump(LOST), "finished_at": now()}
        connection.execute(jobs.update().where(*mine).values(**values))
        return str(values["state"])

    def _set(self, connection: Connection, job: Job, **values: object) -> None:
        mine = (jobs.c.id == job.id, jobs.c.lease_token == job.lease)
        if connection.execute(jobs.update().where(*mine).values(**values)).rowcount == 0:
            raise LostLease(f"job {job.id}")


#: The problem of a job whose workers died again and again.
LOST = {
    "type": "about:blank",
    "status": 500,
    "code": "E_LOST_WORKER",
    "title": "任务多次异常中止",
    "detail": f"执行任务的进程异常中止了 {MOST_ATTEMPTS} 次",
    "fix": "请重试；若仍失败，请查看服务日志和内存",
    "en": {
        "detail": f"the process that ran the job died {MOST_ATTEMPTS} times",
        "fix": "try again; if it fails again, look at the service's log and memory",
    },
}
