"""Body and rate limits, HEAD, and headers of every answer."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from app.main import create_app
from app.middleware import Buckets
from app.settings import Settings
from geo.record.protocol import Author
from tests.conftest import Server

pytestmark = pytest.mark.unit


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    settings = Settings(
        data=tmp_path,
        in_process_worker=False,
        public_read=True,
        max_upload_mib=1,
        max_body_kib=4,
        rate_per_minute=120,
        rate_writes_per_minute=0,
    )
    app = create_app(settings)
    people = app.state.liangtian.people
    people.put("boss", "admin", "secret", Author("test", "test"))
    token = people.issue_token("boss", Author("test", "test"))
    with TestClient(app, headers={"Authorization": f"Bearer {token}"}) as made:
        yield made


def test_too_large_by_its_length(client: TestClient):
    answer = client.post("/uploads?layer=plots", content=b"x" * (2**20 + 1))
    assert answer.status_code == 413
    assert answer.json()["code"] == "E_TOO_LARGE"
    assert answer.json()["fix"]
    assert client.post("/soil/runs", content=b"x" * 5000).status_code == 413


def test_too_large_without_a_length(client: TestClient):
    """A chunked body is counted while it comes; nothing of it stays on the disk."""

    def body() -> Iterator[bytes]:
        for _ in range(40):
            yield b"x" * 65_536

    answer = client.post("/uploads?layer=plots", content=body())
    assert answer.status_code == 413
    blobs = client.app.state.liangtian.settings.blob_folder  # type: ignore[attr-defined]
    assert [p for p in blobs.rglob("*") if p.is_file()] == []
    assert client.get("/uploads").json()["uploads"] == []


def test_an_empty_file_is_refused(client: TestClient):
    answer = client.post("/uploads?layer=plots&filename=a.zip", content=b"")
    assert answer.status_code == 422
    assert answer.json()["code"] == "E_EMPTY"


def test_rate_limit_says_when_to_come_back(client: TestClient):
    answers = [client.get("/conformance") for _ in range(30)]
    limited = [a for a in answers if a.status_code == 429]
    assert 0 < len(limited) < 30
    assert limited[0].json()["code"] == "E_RATE"
    assert int(limited[0].headers["retry-after"]) >= 1


def test_buckets_refill():
    buckets = Buckets(60)
    assert all(buckets.wait("a", 0.0) == 0 for _ in range(20))
    assert buckets.wait("a", 0.0) > 0
    assert buckets.wait("b", 0.0) == 0
    assert buckets.wait("a", 2.0) == 0


def test_a_body_that_lies_about_itself(client: TestClient):
    for content_length in ("-1", "abc", "9" * 30):
        answer = client.post(
            "/uploads?layer=plots", content=b"", headers={"Content-Length": content_length}
        )
        assert answer.status_code in (400, 413)


def test_head_is_get_without_a_body(server: Server):
    with server.client() as client:
        for path in ("/", "/collections", "/collections/parcels/items?limit=2"):
            whole = client.get(path)
            head = client.head(path)
            assert head.status_code == whole.status_code == 200
            assert head.content == b""
            assert head.headers["content-type"] == whole.headers["content-type"]
            assert head.headers.get("etag") == whole.headers.get("etag")


def test_every_answer_is_nosniff_and_has_an_id(server: Server):
    with server.client() as client:
        for path in ("/", "/collections", "/no/such", "/collections/parcels/items?limit=x"):
            answer = client.get(path)
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert len(answer.headers["x-request-id"]) == 16


def test_an_upload_that_breaks_off_leaves_nothing(server: Server):
    host, port = httpx.URL(server.url).host, httpx.URL(server.url).port
    connection = http.client.HTTPConnection(host, port, timeout=10)
    connection.putrequest("POST", "/uploads?layer=plots")
    connection.putheader("Authorization", f"Bearer {server.tokens['field']}")
    connection.putheader("Content-Length", "1000000")
    connection.endheaders()
    connection.send(b"PK\x03\x04" + b"x" * 1000)
    connection.close()
    with server.client("field") as client:
        assert client.get("/health/live").status_code == 200
    incoming = server.data / "blobs" / "incoming"
    for _ in range(50):
        left = list(incoming.iterdir()) if incoming.exists() else []
        if not left:
            break
        time.sleep(0.1)
    assert left == []
