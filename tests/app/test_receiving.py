"""What happens to the bytes of an upload before anybody looks into them."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import io
import json
import os
import resource
import socket
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.app.conftest import IMPATIENT, settle
from tests.conftest import Server, start_server, stop_server, wait_job
from tests.files import shapefile_zip, squares

COLUMNS = {"DKBH": ["收-1", "收-2"], "XZQDM": ["220882", "220882"], "ZLJD": ["储备", "储备"]}


def plots(folder: Path, code: str, **more: object) -> bytes:
    folder = folder / code
    folder.mkdir(parents=True, exist_ok=True)
    columns = COLUMNS | {"DKBH": [f"{code}-1", f"{code}-2"]}
    return shapefile_zip(folder, columns, squares(2, 121.9, 44.6), **more)  # type: ignore[arg-type]


def leftovers(server: Server) -> list[Path]:
    """Files on their way, once a short while has passed for them to be cleaned up."""
    folder = server.data / "blobs" / "incoming"
    for _ in range(40):
        left = list(folder.iterdir()) if folder.exists() else []
        if not left:
            break
        time.sleep(0.05)
    return left


def raw(server: Server, head: str, who: str = "field") -> socket.socket:
    """A connection with the head of a POST /uploads sent."""
    address = httpx.URL(server.url)
    connection = socket.create_connection((address.host, address.port or 80), timeout=20)
    lines = f"POST /uploads?layer=plots&filename=a.zip HTTP/1.1\r\nHost: {address.host}\r\n"
    connection.sendall(
        (lines + f"Authorization: Bearer {server.tokens.get(who, who)}\r\n{head}\r\n").encode()
    )
    return connection


def reply(connection: socket.socket) -> tuple[int, dict, http.client.HTTPResponse]:
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return answer.status, json.loads(answer.read() or b"{}"), answer


def uploads(server: Server, who: str = "boss") -> int:
    with server.client(who) as client:
        return len(client.get("/uploads?limit=500").json()["uploads"])


def server_log(server: Server) -> str:
    return (server.data / "server.log").read_text()


def test_checksums_are_checked(office: Server, tmp_path: Path):
    content = plots(tmp_path, "校验")
    digest = hashlib.sha256(content)
    right = f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
    wrong = f"sha-256=:{base64.b64encode(hashlib.sha256(b'x').digest()).decode()}:"
    with office.client("field") as client:
        before = uploads(office)
        for headers in (
            {"Content-Digest": wrong},
            {"Repr-Digest": f"sha-512=:AAAA:, {wrong}"},
            {"X-Checksum-Sha256": "0" * 64},
        ):
            refused = client.post("/uploads?layer=plots", content=content, headers=headers)
            assert refused.status_code == 422, refused.text
            assert refused.json()["code"] == "E_SHA256"
        for headers in (
            {"Content-Digest": "sha-256=abc"},
            {"Repr-Digest": "sha-256=:AAAA:"},
            {"X-Checksum-Sha256": "xyz"},
        ):
            refused = client.post("/uploads?layer=plots", content=content, headers=headers)
            assert refused.status_code == 400, refused.text
        assert uploads(office) == before
        assert leftovers(office) == []
        taken = client.post(
            "/uploads?layer=plots&filename=a.zip",
            content=content,
            headers={"Content-Digest": right, "Repr-Digest": "md5=:AAAA:"},
        )
        assert taken.status_code == 202
        plain = client.post(
            "/uploads?layer=plots&force=true",
            files={"file": ("a.zip", content)},
            headers={"X-Checksum-Sha256": digest.hexdigest()},
        )
        assert plain.status_code == 202


def test_the_same_bytes_are_told_the_earlier_upload(office: Server, tmp_path: Path):
    content = plots(tmp_path, "重复")
    with office.client("field") as client:
        first = client.post("/uploads?layer=plots&filename=a.zip", content=content)
        assert first.status_code == 202
        again = client.post("/uploads?layer=plots&filename=b.zip", content=content)
        assert again.status_code == 200
        assert again.json()["id"] == first.json()["id"]
        assert again.json()["duplicate"] is True
        assert again.headers["location"] == f"/uploads/{first.json()['id']}"
        # Another layer, somebody else's eyes, or the wish to see it anew: an upload of its own.
        other = client.post("/uploads?layer=parcels&filename=a.zip", content=content)
        assert other.status_code == 202
        forced = client.post("/uploads?layer=plots&filename=a.zip&force=true", content=content)
        assert forced.status_code == 202
        for each in (first, other, forced):
            wait_job(client, each.json()["job"])
            client.delete(f"/uploads/{each.json()['id']}")
        fresh = client.post("/uploads?layer=plots&filename=a.zip", content=content)
        assert fresh.status_code == 202, "what was discarded does not count"
    with office.client("neighbour") as client:
        assert client.post("/uploads?layer=plots", content=content).status_code == 202
    assert leftovers(office) == []


def test_parts_of_a_shapefile_in_one_form(office: Server, tmp_path: Path):
    content = plots(tmp_path, "分件")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = [(name, archive.read(name)) for name in archive.namelist()]
    assert {name.rsplit(".", 1)[1] for name, _ in parts} >= {"shp", "shx", "dbf", "prj", "cpg"}
    files = [("files", (name, data)) for name, data in parts]
    with office.client("field") as client:
        sent = client.post("/uploads?layer=plots", files=files)
        assert sent.status_code == 202, sent.text
        wait_job(client, sent.json()["job"])
        found = client.get(f"/uploads/{sent.json()['id']}").json()
        assert found["state"] == "ready", found["report"]["issues"]
        assert found["file_name"].endswith(".zip")
        assert found["report"]["counts"]["records"] == 2
        again = client.post("/uploads?layer=plots", files=files[::-1])
        assert (again.status_code, again.json()["id"]) == (200, sent.json()["id"])
        # Without its index it is no shapefile; twice the same name is nothing at all.
        lame = [f for f in files if not f[1][0].endswith(".shx")]
        refused = client.post("/uploads?layer=plots", files=lame)
        wait_job(client, refused.json()["job"])
        report = client.get(f"/uploads/{refused.json()['id']}").json()["report"]
        assert "E_SHP_PART" in report["issue_counts"]
        twice = client.post("/uploads?layer=plots", files=[files[0], files[0]])
        assert (twice.status_code, twice.json()["code"]) == (400, "E_BODY")
        empty = {"Content-Type": "multipart/form-data; boundary=x"}
        nothing = client.post("/uploads?layer=plots", content=b"--x--\r\n", headers=empty)
        assert (nothing.status_code, nothing.json()["code"]) == (400, "E_BODY")
    assert leftovers(office) == []


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
@pytest.mark.faults
def test_a_client_that_goes_away_leaves_nothing(office: Server, share: float):
    before, size = uploads(office), 1_000_000
    for head, body in (
        (f"Content-Length: {size}\r\n", b"PK\x03\x04" + bytes(int(size * share))),
        ("Transfer-Encoding: chunked\r\n", b"4\r\nPK\x03\x04\r\n" + b"400\r\n" + bytes(100)),
    ):
        connection = raw(office, head)
        connection.sendall(body)
        time.sleep(0.05)
        connection.close()
    assert leftovers(office) == []
    assert uploads(office) == before
    log = server_log(office)
    assert "Traceback" not in log
    assert "status=500" not in log
    assert '"status": 500' not in log


@pytest.mark.faults
def test_a_slow_client_is_cut_whatever_it_drips(office: Server):
    """Nothing at all, or a byte now and then: after the idle time it is over."""
    for drip in (b"", b"x"):
        connection = raw(office, "Content-Length: 100000\r\n")
        connection.sendall(b"PK\x03\x04")
        started = time.monotonic()
        connection.settimeout(0.2)
        while time.monotonic() - started < 10:
            try:
                if drip:
                    connection.sendall(drip)
                if connection.recv(1, socket.MSG_PEEK):
                    break
            except TimeoutError:
                continue
        connection.settimeout(10)
        status, problem, answer = reply(connection)
        assert (status, problem["code"]) == (408, "E_IDLE")
        assert answer.headers["connection"] == "close"
        assert time.monotonic() - started < 8
        connection.close()
    assert leftovers(office) == []


def test_too_much_is_refused_while_it_comes(office: Server):
    """8 MiB are allowed; the answer comes long before the client is through, and is heard."""
    chunk = b"10000\r\n" + bytes(65_536) + b"\r\n"
    connection = raw(office, "Transfer-Encoding: chunked\r\n")
    sent = 0
    connection.settimeout(5)
    with contextlib.suppress(OSError):
        for _ in range(3000):  # 190 MiB, if anybody took them
            connection.sendall(chunk)
            sent += 65_536
    assert sent < 64 << 20
    status, problem, _ = reply(connection)
    assert (status, problem["code"]) == (413, "E_TOO_LARGE")
    connection.close()
    declared = raw(office, f"Content-Length: {9 << 20}\r\n")
    assert reply(declared)[0] == 413  # before a single byte of it
    declared.close()
    assert leftovers(office) == []


def test_strangers_are_refused_before_their_bytes(office: Server):
    for who, status in (("nobody", 401), ("viewer", 403)):
        connection = raw(office, f"Content-Length: {7 << 20}\r\n", who)
        assert reply(connection)[0] == status
        connection.close()
    connection = raw(office, f"Content-Length: {7 << 20}\r\nIdempotency-Key: \xe9\r\n")
    connection.close()
    assert leftovers(office) == []


def test_eight_at_once(office: Server, tmp_path: Path):
    contents = [plots(tmp_path, f"并行{i}") for i in range(8)]

    def send(content: bytes) -> dict:
        with office.client("field") as client:
            answer = client.post("/uploads?layer=plots&filename=p.zip", content=content)
            assert answer.status_code == 202, answer.text
            job = wait_job(client, answer.json()["job"])
            assert job["state"] == "done", job
            return client.get(f"/uploads/{answer.json()['id']}").json()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(send, contents))
    assert len({upload["id"] for upload in found}) == 8
    assert {upload["state"] for upload in found} == {"ready"}
    codes = {upload["sha256"] for upload in found}
    assert codes == {hashlib.sha256(content).hexdigest() for content in contents}


def test_one_key_at_the_same_time_has_one_effect(office: Server, tmp_path: Path):
    content = plots(tmp_path, "同键")
    headers = {"Idempotency-Key": "race-1"}

    def send(_: int) -> httpx.Response:
        with office.client("field") as client:
            return client.post("/uploads?layer=plots&force=1", content=content, headers=headers)

    before = uploads(office)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(send, range(6)))
    assert {a.status_code for a in answers} == {202}
    assert len({a.text for a in answers}) == 1
    assert len({a.headers["location"] for a in answers}) == 1
    assert uploads(office) == before + 1
    with office.client("field", **headers) as client:
        other = client.post("/uploads?layer=plots&force=1", content=content + b"x")
        assert (other.status_code, other.json()["code"]) == (422, "E_KEY_REUSED")
    assert leftovers(office) == []


@pytest.mark.faults
def test_a_full_disk(tmp_path: Path):
    """507, nothing kept, reads go on; with space again the next upload works."""
    data = tmp_path / "data"
    settle(data)
    server = start_server(data, **IMPATIENT)
    try:
        content = plots(tmp_path, "满") + os.urandom(4 << 20)
        pid = server.process.pid
        hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (3 << 20, hard))
        with server.client("field") as client:
            for kinds in ({"content": content}, {"files": {"file": ("a.zip", content)}}):
                full = client.post("/uploads?layer=plots&filename=a.zip", **kinds)  # type: ignore[arg-type]
                assert full.status_code == 507, full.text
                assert full.json()["code"] == "E_DISK_FULL"
                assert full.json()["fix"]
                assert leftovers(server) == []
            assert client.get("/uploads").json()["uploads"] == []
            assert client.get("/collections/plots/items").status_code == 200
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
            taken = client.post("/uploads?layer=plots&filename=a.zip", content=content)
            assert taken.status_code == 202
        files = [p for p in (data / "blobs").rglob("*") if p.is_file()]
        assert hashlib.sha256(content).hexdigest() in {p.name for p in files}
        assert "Traceback" not in server_log(server)
    finally:
        stop_server(server.process)
