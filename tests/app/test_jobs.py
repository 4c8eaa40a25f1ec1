"""Jobs: claimed once, fenced, released after a crash; what dead processes left is swept."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.auth import People
from app.commands.opened import opened
from app.jobs.queue import MOST_ATTEMPTS, LostLease, Queue, put
from app.jobs.sweep import sweep
from app.settings import Settings
from app.state import State
from geo.record.protocol import Author
from tests.conftest import Server, start_server, stop_server, wait_job
from tests.files import shapefile_zip, squares


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    made = State(Settings(data=tmp_path, in_process_worker=False))
    yield made
    made.stop()


def queued(state: State, kind: str = "upload.inspect") -> int:
    with state.record.write() as connection:
        return put(connection, kind, {"upload": 1}, "nobody")


def test_oldest_first_and_only_once(state: State):
    queue = Queue(state.record)
    first, second = queued(state), queued(state)
    one, two = queue.claim(), queue.claim()
    assert one is not None
    assert two is not None
    assert (one.id, two.id) == (first, second)
    assert queue.claim() is None
    assert queue.get(first).state == "running"  # type: ignore[union-attr]


def test_a_lost_lease_cannot_write(state: State):
    """A worker that slept while another took over must not publish."""
    queue = Queue(state.record)
    job = queued(state)
    sleeper = queue.claim()
    queue.release_dead()
    other = queue.claim()
    assert sleeper is not None
    assert other is not None
    assert other.id == job
    assert other.attempt == 2
    with pytest.raises(LostLease):
        queue.report(sleeper, "late", 0.5)
    with pytest.raises(LostLease), state.record.write() as connection:
        queue.finish(connection, sleeper, "done", result={"wrong": True})
    with state.record.write() as connection:
        queue.finish(connection, other, "done", result={"right": True})
    assert queue.get(job).result == {"right": True}  # type: ignore[union-attr]


def test_a_job_that_kills_its_worker_ends(state: State):
    queue = Queue(state.record)
    job = queued(state)
    for _ in range(MOST_ATTEMPTS):
        assert queue.claim() is not None
        queue.release_dead()
    assert queue.claim() is None
    found = queue.get(job)
    assert found is not None
    assert found.state == "failed"
    assert found.problem is not None


def test_cancel_before_and_while_running(state: State):
    queue = Queue(state.record)
    waiting = queued(state)
    queue.cancel(waiting)
    assert queue.get(waiting).state == "cancelled"  # type: ignore[union-attr]
    queued(state)
    running = queue.claim()
    assert running is not None
    assert queue.report(running, "half", 0.5) is False
    queue.cancel(running.id)
    assert queue.report(running, "more", 0.6) is True


def test_sweep(state: State, tmp_path: Path):
    work, incoming, staging = (
        tmp_path / "work",
        tmp_path / "blobs" / "incoming",
        tmp_path / "staging",
    )
    for folder in (work / "job-7", work / "overlap-old", work / "overlap-new", incoming, staging):
        folder.mkdir(parents=True)
    for file in (incoming / "old", incoming / "new", staging / "99.arrow"):
        file.write_bytes(b"x")
    past = time.time() - 90_000
    os.utime(work / "overlap-old", (past, past))
    os.utime(incoming / "old", (past, past))
    sweep(state)
    left = {p.relative_to(tmp_path).as_posix() for p in (*work.iterdir(), *incoming.iterdir())}
    assert left == {"work/overlap-new", "blobs/incoming/new"}
    assert list(staging.iterdir()) == []


@pytest.mark.faults
def test_kill_minus_nine_while_an_upload_is_looked_at(tmp_path: Path):
    """The whole service dies in the middle; after the restart the job runs to its end, once."""
    data = tmp_path / "data"
    with opened(data) as place:
        people = People(place.record)
        people.put("boss", "admin", "secret", Author("test", "test"))
        token = people.issue_token("boss", Author("test", "test"))
    count = 4000
    columns = {
        "DKBH": [f"断电{i}" for i in range(count)],
        "XZQDM": ["220882"] * count,
        "ZLJD": ["储备"] * count,
    }
    content = shapefile_zip(tmp_path, columns, squares(count, 121.7, 44.5, size=0.0004))
    headers = {"Authorization": f"Bearer {token}"}

    def client(server: Server) -> httpx.Client:
        return httpx.Client(base_url=server.url, headers=headers, timeout=60)

    server = start_server(data)
    with client(server) as http:
        sent = http.post("/uploads?layer=plots&filename=a.zip", content=content).json()
        while http.get(f"/jobs/{sent['job']}").json()["state"] == "queued":
            time.sleep(0.01)
    os.killpg(server.process.pid, signal.SIGKILL)
    server.process.wait()

    server = start_server(data)
    try:
        with client(server) as http:
            job = wait_job(http, sent["job"])
            assert job["state"] == "done"
            assert job["attempt"] == 2
            committed = http.post(f"/uploads/{sent['id']}/commit").json()
            while http.get(f"/jobs/{committed['job']}").json()["state"] == "queued":
                time.sleep(0.005)
        os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait()
        server = start_server(data)
        with client(server) as http:
            job = wait_job(http, committed["job"])
            assert job["state"] == "done", job
            assert http.get(f"/uploads/{sent['id']}").json()["state"] == "committed"
            hits = http.get("/collections/plots/items?resulttype=hits").json()["numberMatched"]
            assert hits == count
            audit = http.get("/audit").json()["commits"]
            assert [c["source"] for c in audit] == [f"upload:{sent['id']}"]
            assert http.get("/audit/verify").json()["ok"] is True
    finally:
        stop_server(server.process)
