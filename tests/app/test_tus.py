"""Resumable uploads, by the letter of tus 1.0.0: what a server MUST answer to whom."""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import socket
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest

from app import resumables
from app.settings import Settings
from app.state import State
from tests.app.conftest import IMPATIENT, settle
from tests.app.test_uploads import plots
from tests.conftest import Server, start_server, stop_server, wait_job

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {"Content-Type": "application/offset+octet-stream"}


def metadata(**values: str) -> str:
    return ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in values.items())


ABOUT = metadata(filename="大安市地块.zip", layer="plots")


@pytest.fixture
def client(office: Server) -> Iterator[httpx.Client]:
    with office.client("field", **TUS) as made:
        yield made


def create(client: httpx.Client, length: int, about: str = ABOUT, **headers: str) -> httpx.Response:
    sent = {"Upload-Length": str(length), "Upload-Metadata": about, **headers}
    return client.post("/uploads/tus", headers=sent)


def patch(
    client: httpx.Client, where: str, offset: int, content: object, **headers: str
) -> httpx.Response:
    sent = {"Upload-Offset": str(offset), **BYTES, **headers}
    return client.patch(where, content=content, headers=sent)  # type: ignore[arg-type]


def offset(client: httpx.Client, where: str) -> int:
    answer = client.head(where)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["tus-resumable"] == "1.0.0"
    return int(answer.headers["upload-offset"])


def test_what_is_spoken(office: Server):
    with office.client() as nobody:
        answer = nobody.options("/uploads/tus")
        assert answer.status_code == 204
        assert answer.headers["tus-version"] == "1.0.0"
        assert answer.headers["tus-max-size"] == str(8 << 20)
        assert set(answer.headers["tus-extension"].split(",")) == {
            "creation", "creation-with-upload", "termination", "checksum", "expiration",
        }  # fmt: skip
        assert answer.headers["tus-checksum-algorithm"] == "sha1,sha256"
    with office.client("field") as client:  # no Tus-Resumable, or one of another time
        for headers in ({}, {"Tus-Resumable": "0.2.2"}):
            refused = client.post("/uploads/tus", headers={"Upload-Length": "5", **headers})
            assert refused.status_code == 412
            assert refused.headers["tus-version"] == "1.0.0"
    with office.client("viewer", **TUS) as viewer:
        assert create(viewer, 5).status_code == 403
    with office.client(**TUS) as nobody:
        assert create(nobody, 5).status_code == 401


def test_pieces_become_an_upload(client: httpx.Client, office: Server, tmp_path: Path):
    content = plots(tmp_path, ["续-1", "续-2"])
    made = create(client, len(content))
    assert made.status_code == 201
    where = made.headers["location"]
    assert made.headers["upload-offset"] == "0"
    expires = parsedate_to_datetime(made.headers["upload-expires"])
    assert expires.timestamp() > time.time() + 3600
    head = client.head(where)
    assert head.headers["upload-length"] == str(len(content))
    assert head.headers["upload-metadata"] == ABOUT
    assert head.content == b""
    third = len(content) // 3
    first = patch(client, where, 0, content[:third])
    assert (first.status_code, first.headers["upload-offset"]) == (204, str(third))
    assert "upload-expires" in first.headers
    # At any other place: 409, and nothing changes.
    for wrong in (0, third - 1, third + 1, len(content)):
        conflict = patch(client, where, wrong, content[third:])
        assert (conflict.status_code, conflict.json()["code"]) == (409, "E_OFFSET")
        assert offset(client, where) == third
    unfit = client.patch(where, content=b"x", headers={"Upload-Offset": str(third)})
    assert unfit.status_code == 415
    for missing in ("", "-1", "x", "1.5"):
        assert patch(client, where, missing, b"x").status_code == 400  # type: ignore[arg-type]
    too_much = patch(client, where, third, content[third:] + b"x")
    assert too_much.status_code == 413
    assert offset(client, where) == third
    last = patch(client, where, third, content[third:])
    assert (last.status_code, last.headers["upload-offset"]) == (204, str(len(content)))
    assert last.headers["content-location"] == f"/uploads/{last.headers['upload-id']}"
    wait_job(client, int(last.headers["upload-job"]))
    found = client.get(last.headers["content-location"]).json()
    assert found["file_name"] == "大安市地块.zip"
    assert found["sha256"] == hashlib.sha256(content).hexdigest()
    assert found["state"] == "ready", found["report"]["issues"]
    # It is over, and still says which upload it became.
    again = client.head(where)
    assert again.headers["upload-offset"] == str(len(content))
    assert again.headers["upload-id"] == last.headers["upload-id"]
    assert patch(client, where, len(content), b"").headers["upload-id"] == str(found["id"])
    assert not list((office.data / "resumable").glob(f"{where.rpartition('/')[2]}*"))
    # The same bytes once more are told the upload there is.
    second = create(client, len(content), **BYTES)
    with_body = client.post(
        "/uploads/tus",
        content=content,
        headers={"Upload-Length": str(len(content)), "Upload-Metadata": ABOUT, **BYTES},
    )
    assert (second.status_code, with_body.status_code) == (201, 201)
    assert with_body.headers["upload-offset"] == str(len(content))
    assert with_body.headers["upload-id"] == str(found["id"])
    client.delete(second.headers["location"])


def test_creation_is_refused_in_words(client: httpx.Client):
    assert create(client, (8 << 20) + 1).status_code == 413
    assert create(client, 0).json()["code"] == "E_EMPTY"
    for headers in ({"Upload-Length": "x"}, {"Upload-Length": "-4"}, {"Upload-Defer-Length": "1"}):
        assert client.post("/uploads/tus", headers=headers).status_code == 400
    assert create(client, 5, metadata(layer="nothing")).status_code == 404
    for about in ("filename", "layer cGxvdHM=,layer cGxvdHM=", "layer $$$"):
        assert create(client, 5, about).status_code in (400, 404)
    once = create(client, 5, **{"Idempotency-Key": "tus-1"})
    twice = create(client, 5, **{"Idempotency-Key": "tus-1"})
    assert once.headers["location"] == twice.headers["location"]
    assert create(client, 6, **{"Idempotency-Key": "tus-1"}).status_code == 422
    client.delete(once.headers["location"])


def test_checksums(client: httpx.Client):
    where = create(client, 8).headers["location"]
    for algorithm in ("sha1", "sha256"):
        good = base64.b64encode(hashlib.new(algorithm, b"abcd").digest()).decode()
        at = offset(client, where)
        wrong = patch(client, where, at, b"abcX", **{"Upload-Checksum": f"{algorithm} {good}"})
        assert (wrong.status_code, wrong.json()["code"]) == (460, "E_CHECKSUM")
        assert offset(client, where) == at
        if algorithm == "sha1":
            right = patch(client, where, at, b"abcd", **{"Upload-Checksum": f"sha1 {good}"})
            assert (right.status_code, right.headers["upload-offset"]) == (204, "4")
    for odd in ("md5 AAAA", "sha1", "sha1 ???"):
        assert patch(client, where, 4, b"x", **{"Upload-Checksum": odd}).status_code == 400
    client.delete(where)


def test_termination_and_strangers(client: httpx.Client, office: Server):
    where = create(client, 100).headers["location"]
    patch(client, where, 0, b"x" * 10)
    with office.client("manager", **TUS) as other:
        assert other.head(where).status_code == 404
        assert patch(other, where, 10, b"x").status_code == 404
        assert other.delete(where).status_code == 404
    gone = client.delete(where)
    assert (gone.status_code, gone.headers["tus-resumable"]) == (204, "1.0.0")
    assert client.head(where).status_code == 410
    assert patch(client, where, 10, b"x").status_code == 410
    assert client.head(f"/uploads/tus/{'0' * 32}").status_code == 404
    assert client.delete(f"/uploads/tus/{'0' * 32}").status_code == 404
    where = create(client, 4).headers["location"]
    sent = client.post(where, content=b"ab", headers={
        "X-HTTP-Method-Override": "PATCH", "Upload-Offset": "0", **BYTES})  # fmt: skip
    assert (sent.status_code, sent.headers["upload-offset"]) == (204, "2")
    assert client.post(where, headers={"X-HTTP-Method-Override": "DELETE"}).status_code == 204
    assert client.post(where).status_code == 400
    assert client.patch("/uploads/tus").status_code == 405


def slowly(server: Server, where: str, length: int, at: int, content: bytes) -> socket.socket:
    """A PATCH whose body has not ended."""
    url = httpx.URL(server.url)
    connection = socket.create_connection((url.host, url.port or 80), timeout=10)
    head = (
        f"PATCH {where} HTTP/1.1\r\nHost: {url.host}\r\nTus-Resumable: 1.0.0\r\n"
        f"Authorization: Bearer {server.tokens['field']}\r\nUpload-Offset: {at}\r\n"
        f"Content-Type: application/offset+octet-stream\r\nContent-Length: {length}\r\n\r\n"
    )
    connection.sendall(head.encode() + content)
    return connection


def test_one_writer_and_what_a_lost_one_leaves(client: httpx.Client, office: Server):
    where = create(client, 5000).headers["location"]
    first = slowly(office, where, 5000, 0, b"a" * 2000)
    time.sleep(0.3)
    busy = patch(client, where, 0, b"b" * 100)
    assert (busy.status_code, busy.json()["code"]) == (423, "E_LOCKED")
    assert client.delete(where).status_code == 423
    first.close()
    for _ in range(50):
        if offset(client, where) == 2000:
            break
        time.sleep(0.05)
    assert offset(client, where) == 2000  # what came before the client went away counts
    # With a checksum an unfinished part cannot be told, and does not.
    assert patch(client, where, 2000, b"c" * 1000).headers["upload-offset"] == "3000"
    assert client.delete(where).status_code == 204


def test_sweep(tmp_path: Path):
    """Expired ones are given up, strays deleted, young ones stay."""
    state = State(Settings(data=tmp_path, in_process_worker=False))
    try:
        from app.auth import User
        from tests.app.conftest import TEST

        state.people.put("one", "field", "secret", TEST)
        with state.record.write() as connection:
            user = User("one", "field", (), 1)
            new = resumables.New("plots", "a.zip", "", 10)
            names = [resumables.create(connection, state, user, new) for _ in range(2)]
            connection.execute(
                resumables.table.update()
                .where(resumables.table.c.id == names[0])
                .values(expires_at="2020-01-01T00:00:00.000Z")
            )
        stray = tmp_path / "resumable" / f"{'f' * 32}.part"
        stray.write_bytes(b"x")
        os.utime(stray, (0, 0))
        resumables.sweep(state)
        left = {p.stem for p in (tmp_path / "resumable").iterdir()}
        assert left == {names[1]}
        with state.record.write() as connection:
            for _ in range(resumables.MOST_OPEN - 1):
                resumables.create(connection, state, user, new)
            with pytest.raises(resumables.Problem, match="RATE"):
                resumables.create(connection, state, user, new)
    finally:
        state.stop()


@pytest.mark.faults
def test_kill_minus_nine_in_the_middle(tmp_path: Path):
    """The service dies while bytes come: what it had told is there, and the rest follows."""
    data = tmp_path / "data"
    settle(data)
    content = plots(tmp_path / "f", ["断-1", "断-2"]) + os.urandom(3_000_000)
    server = start_server(data, **IMPATIENT)
    with server.client("field", **TUS) as client:
        where = create(client, len(content)).headers["location"]
        told = int(patch(client, where, 0, content[:1_000_000]).headers["upload-offset"])
    connection = slowly(server, where, len(content) - told, told, content[told : told + 500_000])
    time.sleep(0.3)
    os.killpg(server.process.pid, signal.SIGKILL)
    server.process.wait()
    connection.close()
    server = start_server(data, **IMPATIENT)
    try:
        with server.client("field", **TUS) as client:
            at = offset(client, where)
            assert told <= at <= told + 500_000
            last = patch(client, where, at, content[at:])
            assert last.headers["upload-offset"] == str(len(content))
            found = client.get(last.headers["content-location"]).json()
            assert found["sha256"] == hashlib.sha256(content).hexdigest()
            wait_job(client, int(last.headers["upload-job"]))
            # Killed after the file moved and before the upload's row: the next request ends it.
            small = plots(tmp_path / "g", ["断-3"])
            other = create(client, len(small)).headers["location"]
            name = other.rpartition("/")[2]
    finally:
        stop_server(server.process)
    state = State(Settings(data=data, in_process_worker=False))
    try:
        sha256 = hashlib.sha256(small).hexdigest()
        place = state.settings.blob_folder / sha256[:2] / sha256
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(small)
        resumables.path_of(state, name).unlink()
        with state.record.write() as connection:
            connection.execute(
                resumables.table.update()
                .where(resumables.table.c.id == name)
                .values(durable=len(small), sha256=sha256)
            )
            user = state.people.by_token(server.tokens["field"])
            assert user is not None
        done = resumables.complete(state, user, resumables.find(state, user, name), force=False)
        assert done.status == 202
        again = resumables.complete(state, user, resumables.find(state, user, name), force=False)
        assert again.told()["id"] == done.told()["id"]
        assert place.read_bytes() == small
    finally:
        state.stop()
