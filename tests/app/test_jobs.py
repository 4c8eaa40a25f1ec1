"""Jobs: claimed once, fenced, released after a crash; what dead processes left is swept."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app import blobs
from app.api import jobs as api
from app.commands.opened import opened
from app.jobs import control, slots
from app.jobs.queue import MOST_ATTEMPTS, LostLease, Queue, put
from app.jobs.sweep import sweep
from app.people import People
from app.problems import Problem
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


def lose(state: State) -> None:
    """What a worker does when it finds that the others are dead."""
    for job in Queue(state.record).running():
        control.release(state.record, job)


def queued(state: State, kind: str = "soil.run") -> int:
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
    lose(state)
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
        lose(state)
    assert queue.claim() is None
    found = queue.get(job)
    assert found is not None
    assert found.state == "failed"
    assert found.problem is not None
    assert found.problem["code"] == "E_LOST_WORKER"
    # Somebody may try it again, with all attempts before it.
    with state.record.write() as connection:
        control.retry(connection, job)
    again = queue.claim()
    assert again is not None
    assert (again.id, again.attempt, again.problem) == (job, 1, None)
    with pytest.raises(Problem), state.record.write() as connection:
        control.retry(connection, job)


def test_cancel_before_and_while_running(state: State):
    queue = Queue(state.record)
    waiting = queued(state)
    control.cancel(state.record, waiting)
    assert queue.get(waiting).state == "cancelled"  # type: ignore[union-attr]
    queued(state)
    running = queue.claim()
    assert running is not None
    assert queue.report(running, "half", 0.5) is False
    control.cancel(state.record, running.id)
    assert queue.report(running, "more", 0.6) is True
    # Whoever takes it from a dead worker need not run it again.
    lose(state)
    assert queue.get(running.id).state == "cancelled"  # type: ignore[union-attr]
    with pytest.raises(Problem):
        control.cancel(state.record, running.id)


def test_a_checkpoint_reaches_the_next_attempt(state: State):
    queue = Queue(state.record)
    queued(state)
    first = queue.claim()
    assert first is not None
    with state.record.write() as connection:
        queue.keep(connection, first, {"block": 41})
    lose(state)
    second = queue.claim()
    assert second is not None
    assert second.checkpoint == {"block": 41}
    with pytest.raises(LostLease), state.record.write() as connection:
        queue.keep(connection, first, {"block": 42})
    queue.give_back(second)  # a service that stops in good order costs no attempt
    third = queue.claim()
    assert third is not None
    assert third.attempt == 2


def test_uploads_go_first_and_have_a_slot_of_their_own(state: State):
    queue = Queue(state.record)
    slow, quick = queued(state, "soil.run"), queued(state, "upload.inspect")
    reserved = queue.claim(kind="upload")
    assert reserved is not None
    assert reserved.id == quick
    assert queue.claim(kind="upload") is None
    other = queue.claim()
    assert other is not None
    assert other.id == slow
    assert [job.id for job in queue.latest(None, 10, ["running"], "soil")] == [slow]
    assert [job.id for job in queue.latest(None, 10, kind="upload.inspect")] == [quick]
    assert queue.latest(None, 10, ["done"]) == []


def test_a_silent_stream_of_events_is_kept_alive(state: State, monkeypatch: pytest.MonkeyPatch):
    class Patient:
        async def is_disconnected(self) -> bool:
            return False

    async def listen() -> list[bytes]:
        heard: list[bytes] = []
        async for part in api._follow(Patient(), state, job, b""):  # type: ignore[arg-type]
            heard.append(part)
            if part.startswith(b":"):
                control.cancel(state.record, job)
                state.pulse += 1
        return heard

    monkeypatch.setattr(api, "HEARTBEAT", 0.3)
    job = queued(state)
    heard = asyncio.run(listen())
    assert heard[0].startswith(b"retry:")
    assert b'"state":"queued"' in heard[1]
    assert heard[2] == b": still here\n\n"
    assert b'"state":"cancelled"' in heard[-1]


def test_slots(tmp_path: Path):
    """Free again when the holder lets go; a successor in the slot is not the one before."""
    first = slots.take(tmp_path, ["a", "b"])
    second = slots.take(tmp_path, ["a", "b"])
    assert first is not None
    assert second is not None
    assert slots.take(tmp_path, ["a", "b"]) is None
    count = slots.count_of(tmp_path, first.holder)
    assert count is not None
    assert slots.count_of(tmp_path, second.holder) == count
    first.beat()
    assert slots.count_of(tmp_path, first.holder) != count
    first.free()
    first.beat()
    assert slots.count_of(tmp_path, first.holder) is None
    successor = slots.take(tmp_path, ["a", "b"])
    assert successor is not None
    assert slots.count_of(tmp_path, successor.holder) is not None
    assert slots.count_of(tmp_path, first.holder) is None
    assert slots.count_of(tmp_path, "nobody/1") is None
    for slot in (second, successor):
        slot.free()


def test_a_heartbeat_that_stands_still_is_seen_without_a_clock(monkeypatch: pytest.MonkeyPatch):
    time_ = [100.0]
    monkeypatch.setattr(slots.time, "monotonic", lambda: time_[0])
    watch = slots.Watch(6)
    assert watch.still({"a": b"1"}) == set()
    time_[0] += 3600  # we were asleep ourselves: that says nothing about the other
    assert watch.still({"a": b"1"}) == set()
    for _ in range(2):
        time_[0] += 1.5
        assert watch.still({"a": b"1"}) == set()
    for _ in range(4):
        time_[0] += 1.5
        assert watch.still({"a": b"2", "b": b"7"}) == set()
    time_[0] += 1.5
    assert watch.still({"a": b"2", "b": b"8"}) == {"a"}


def test_sweep(state: State, tmp_path: Path):
    """Leftovers go; what runs, what is young and what a row knows stays."""
    queued(state)
    job = Queue(state.record).claim()
    assert job is not None
    assert job.lease is not None
    running = f"job-{job.id}-{job.attempt}-{job.lease[-8:]}"
    work, incoming = tmp_path / "work", tmp_path / "blobs" / "incoming"
    for name in ("job-7", "job-1-1-00000000", running, "overlap-old", "overlap-new"):
        (work / name).mkdir(parents=True)
    incoming.mkdir(parents=True)
    for name in ("old", "new"):
        (incoming / name).write_bytes(b"x")
    store = state.settings.blobs
    kept, orphan, young = (
        store.keep(_file(incoming / name, name.encode())) for name in ("k", "o", "y")
    )
    with state.record.write() as connection:
        blobs.note(connection, kept, None)
    past = time.time() - 90_000
    for path in (work / "overlap-old", incoming / "old"):
        os.utime(path, (past, past))
    for blob in (kept, orphan):
        os.utime(store.path(blob.sha256), (past, past))
    sweep(state)
    assert {p.name for p in work.iterdir()} == {running, "overlap-new"}
    assert {p.name for p in incoming.iterdir()} == {"new"}
    assert store.path(kept.sha256).exists()
    assert store.path(young.sha256).exists()
    assert not store.path(orphan.sha256).exists()


def _file(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_a_blob_published_while_the_sweeper_has_it_in_hand_stays(
    state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """An old orphan is deleted just when the same bytes arrive again."""
    incoming, store = tmp_path / "blobs" / "incoming", state.settings.blobs
    incoming.mkdir(parents=True)
    orphan = store.keep(_file(incoming / "a", b"same"))
    place = store.path(orphan.sha256)
    past = time.time() - 90_000
    os.utime(place, (past, past))
    rename = Path.rename

    def late(self: Path, target: Path) -> Path:
        if self == place:  # the sweeper has decided; now the bytes come once more
            store.keep(_file(incoming / "b", b"same"))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", late)
    sweep(state)
    assert place.read_bytes() == b"same"
    assert list(incoming.iterdir()) == []


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
