"""Workers that die, stand still or are told to stop: one effect, or none, and never a half one."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from app import uploads
from app.auth import User
from app.jobs import apart, control, queue, upload
from app.jobs.queue import Job, LostLease, Queue
from app.jobs.sandbox import Cancelled, Limits
from app.jobs.worker import Context, Worker
from app.problems import Problem
from app.settings import Settings
from app.state import State
from geo.record import tables
from tests.app.conftest import IMPATIENT, TEST, settle
from tests.app.test_uploads import plots
from tests.conftest import ROOT, Server, start_server, stop_server, wait_job
from tests.files import many


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    made = State(Settings(data=tmp_path / "data", in_process_worker=False))
    made.people.put("boss", "admin", "secret", TEST)
    yield made
    made.stop()


def worker(state: State) -> Worker:
    return Worker(state, ["x"], threading.Event())


def begin(state: State, content: bytes) -> int:
    """An upload as a request makes it."""

    async def body() -> AsyncIterator[bytes]:
        yield content

    received = asyncio.run(state.settings.blobs.receive(body()))
    with state.record.write() as connection:
        user = User("boss", "admin", (), 1)
        done = uploads.begin(connection, state, user, received, "plots", "a.zip", None)
    number: int = done.told()["id"]
    return number


def committing(state: State, number: int) -> None:
    with state.record.write() as connection:
        job = queue.put(connection, "upload.commit", {"upload": number}, "boss")
        row = connection.execute(uploads.query().where(tables.uploads.c.id == number)).one()
        assert row.state == "ready", row.report
        uploads.move(connection, row, state="committing", job_id=job)


def taken(state: State, holder: str, folder: Path) -> tuple[Job, Context]:
    job = Queue(state.record).claim(holder)
    assert job is not None
    folder.mkdir()

    def report(_stage: str, _part: float | None) -> None:
        pass

    return job, Context(state, job, folder, Limits(), report, lambda: False)


def found(state: State, number: int) -> str:
    with state.record.read() as connection:
        return str(
            connection.execute(uploads.query().where(tables.uploads.c.id == number)).one().state
        )


@pytest.fixture
def ready(state: State, tmp_path: Path) -> int:
    """An upload that is looked at and waits in state committing."""
    number = begin(state, plots(tmp_path / "file", ["死-1", "死-2"]))
    worker(state)._step("a/1", None)
    committing(state, number)
    return number


def test_a_woken_worker_cannot_publish(state: State, tmp_path: Path, ready: int):
    """It had everything ready to commit, slept, and another has done it meanwhile."""
    sleeper = worker(state)
    job, context = taken(state, "a/1", tmp_path / "work-a")
    result, effect = upload.commit(context)
    control.release(state.record, job)
    worker(state)._step("b/1", None)
    assert found(state, ready) == "committed"
    done = Queue(state.record).get(job.id)
    assert done is not None
    assert (done.state, done.attempt) == ("done", 2)
    with pytest.raises((LostLease, Problem)):
        sleeper._publish(job, result, effect)
    with pytest.raises(LostLease):  # nor can it tell that it failed
        sleeper._end(job, "failed", {"code": "E_X"})
    assert [c.author.source for c in state.record.commits()] == [f"upload:{ready}"]
    assert found(state, ready) == "committed"
    assert Queue(state.record).get(job.id) == done


def test_a_stop_before_the_last_transaction_stores_nothing(
    state: State, tmp_path: Path, ready: int
):
    mine = worker(state)
    job, context = taken(state, "a/1", tmp_path / "work-a")
    result, effect = upload.commit(context)
    assert control.cancel(state.record, job.id).cancel_requested
    with pytest.raises(Cancelled):
        mine._publish(job, result, effect)
    mine._end(job, "cancelled", None)
    assert state.record.commits() == []
    assert found(state, ready) == "ready"
    committing(state, ready)  # and it can be committed afterwards
    mine._step("a/1", None)
    assert found(state, ready) == "committed"
    with pytest.raises(Problem):
        control.cancel(state.record, job.id)


@pytest.mark.parametrize("fault", ["counts", "staged"])
def test_rows_that_do_not_add_up_are_not_stored(state: State, ready: int, fault: str):
    """Read and rejected rows must be the file's records; the staged file must be what it was."""
    with state.record.write() as connection:
        row = connection.execute(uploads.query().where(tables.uploads.c.id == ready)).one()
        report = json.loads(row.report)
        report["counts"]["records"] += fault == "counts"
        connection.execute(tables.uploads.update().values(report=json.dumps(report)))
    if fault == "staged":
        staged = state.settings.blobs.path(row.staged)
        staged.write_bytes(staged.read_bytes()[:-200])
    worker(state)._step("a/1", None)
    job = Queue(state.record).get(row.job_id)
    assert job is not None
    assert job.problem is not None
    assert job.problem["code"] == ("E_COUNTS" if fault == "counts" else "E_STAGED")
    assert job.problem["en"]["detail"]
    assert state.record.commits() == []
    assert found(state, ready) == "ready"


def test_a_worker_that_dies_again_and_again_ends_the_upload(state: State, tmp_path: Path):
    number = begin(state, plots(tmp_path / "file", ["死-3"]))
    for attempt in range(queue.MOST_ATTEMPTS):
        job, _ = taken(state, f"a/{attempt}", tmp_path / f"work-{attempt}")
        control.release(state.record, job)
    assert found(state, number) == "rejected"
    with state.record.write() as connection:
        control.retry(connection, job.id)
    assert found(state, number) == "inspecting"
    worker(state)._step("b/1", None)
    assert found(state, number) == "ready"
    # A queued job that is cancelled takes its upload along.
    other = begin(state, plots(tmp_path / "other", ["死-4"]))
    with state.record.read() as connection:
        row = connection.execute(uploads.query().where(tables.uploads.c.id == other)).one()
    assert control.cancel(state.record, row.job_id).state == "cancelled"
    assert found(state, other) == "discarded"


def test_a_heavy_job_runs_beside_the_service(
    state: State, tmp_path: Path, ready: int, monkeypatch: pytest.MonkeyPatch
):
    """In a process of its own, under the same lease; when that dies the job is taken up again."""
    monkeypatch.setattr(upload, "HEAVY_BYTES", 1)
    mine = worker(state)
    start, started = subprocess.Popen, []

    def doomed(*arguments: object, **more: object) -> subprocess.Popen[bytes]:
        process = start(*arguments, **more)  # type: ignore[call-overload]
        process.send_signal(signal.SIGKILL)
        started.append(process.pid)
        return process

    with monkeypatch.context() as context:
        context.setattr(apart.subprocess, "Popen", doomed)
        mine._step("x/1", None)
    assert len(started) == 1
    assert found(state, ready) == "committing"
    assert state.record.commits() == []
    mine._step("x/1", None)
    assert found(state, ready) == "committed"
    assert [c.author.source for c in state.record.commits()] == [f"upload:{ready}"]
    # Told to stop in good order it gives the job back, and that costs no attempt.
    number = begin(state, plots(tmp_path / "more", ["死-5"]))
    mine.stopping.set()
    mine._step("x/1", None)
    mine.stopping.clear()
    assert found(state, number) == "inspecting"
    mine._step("x/1", None)
    assert found(state, number) == "ready"
    with state.record.read() as connection:
        row = connection.execute(uploads.query().where(tables.uploads.c.id == number)).one()
    last = Queue(state.record).get(row.job_id)
    assert last is not None
    assert last.attempt == 1


def until(what: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def children_of(pid: int) -> list[str]:
    """Command lines of a process's children, of all its threads."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            try:
                line = Path(f"/proc/{child}/cmdline").read_bytes().decode("utf-8", "replace")
            except OSError:
                continue
            if "sandbox_child" in line:
                found.append(line)
    return found


def test_a_stop_ends_the_child(office: Server, tmp_path: Path):
    with office.client("field") as client:
        content = many(tmp_path / "file", "停")
        sent = client.post("/uploads?layer=plots&filename=a.zip", content=content).json()
        where = f"/jobs/{sent['job']}"
        until(lambda: bool(children_of(office.process.pid)))
        assert client.delete(where).status_code == 202
        started = time.monotonic()
        assert wait_job(client, sent["job"])["state"] == "cancelled"
        assert time.monotonic() - started < 15
        assert client.get(f"/uploads/{sent['id']}").json()["state"] == "discarded"
        until(lambda: not children_of(office.process.pid))
        until(lambda: not list((office.data / "work").glob(f"job-{sent['job']}-*")))


def start_worker(data: Path, name: str) -> subprocess.Popen[bytes]:
    with (data / f"{name}.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "app.cli", "worker", "--data", str(data)],
            cwd=ROOT,
            env={**os.environ, **IMPATIENT, "LIANGTIAN_JOB_LEASE_S": "1.5"},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


@pytest.mark.faults
def test_stopped_killed_and_woken_workers(tmp_path: Path):
    """Two workers beside a service that runs no jobs: one stands still, then one dies."""
    data = tmp_path / "data"
    settle(data)
    server = start_server(data, **IMPATIENT, LIANGTIAN_IN_PROCESS_WORKER="false")
    first = start_worker(data, "first")
    second = None
    try:
        with server.client("manager") as client:
            content = many(tmp_path / "file", "站")
            sent = client.post("/uploads?layer=plots&filename=a.zip", content=content).json()
            where = f"/jobs/{sent['job']}"
            until(lambda: client.get(where).json()["state"] == "running")
            os.kill(first.pid, signal.SIGSTOP)
            second = start_worker(data, "second")
            job = wait_job(client, sent["job"])
            assert (job["state"], job["attempt"]) == ("done", 2)
            os.kill(first.pid, signal.SIGCONT)
            until(lambda: "taken over" in (data / "first.log").read_text())
            assert client.get(where).json() == job
            report = client.get(f"/uploads/{sent['id']}").json()
            assert report["state"] == "ready", report["report"]["issues"]
            # Whoever commits dies by kill -9: the other, or the same again, ends it, once.
            committed = client.post(f"/uploads/{sent['id']}/commit").json()
            until(lambda: client.get(f"/jobs/{committed['job']}").json()["state"] != "queued")
            for each in (first, second):
                os.killpg(each.pid, signal.SIGKILL)
                each.wait()
            second = start_worker(data, "third")
            assert wait_job(client, committed["job"])["state"] == "done"
            sources = [c["source"] for c in client.get("/audit").json()["commits"]]
            assert sources == [f"upload:{sent['id']}"]
            hits = client.get("/collections/plots/items?resulttype=hits").json()
            assert hits["numberMatched"] == 6000
            assert client.get("/audit/verify").json()["ok"] is True
            until(lambda: not list((data / "work").glob("job-*")))
    finally:
        for each in (first, second):
            if each is not None and each.poll() is None:
                os.kill(each.pid, signal.SIGCONT)
                stop_server(each)
        stop_server(server.process)
