"""What attackers send to web services, and what comes back."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from geo.record.protocol import Author
from tests.conftest import ROOT

pytestmark = pytest.mark.unit
ADMIN = Author("test", "test")


@dataclass
class Small:
    """A service in this process over an empty folder, behind the web server that users run."""

    url: str
    tokens: dict[str, str]

    def client(self, role: str | None = None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.tokens[role]}"} if role else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    settings = Settings(
        data=tmp_path_factory.mktemp("small"),
        in_process_worker=False,
        public_read=True,
        rate_per_minute=0,
        rate_writes_per_minute=0,
    )
    app = create_app(settings)
    people = app.state.liangtian.people
    people.put("field", "field", "secret", ADMIN)
    tokens = {"field": people.issue_token("field", ADMIN)}
    config = uvicorn.Config(app, port=0, log_level="error", server_header=False)
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not running.started and time.monotonic() < deadline:
        time.sleep(0.02)
    port = running.servers[0].sockets[0].getsockname()[1]
    yield Small(f"http://127.0.0.1:{port}", tokens)
    running.should_exit = True
    thread.join(timeout=10)


def _raw(server: Small, request: bytes) -> bytes:
    """What a server says to bytes that no library would send; until it closes or is silent."""
    url = httpx.URL(server.url)
    with socket.create_connection((url.host, url.port), timeout=5) as connection:
        connection.sendall(request)
        connection.settimeout(0.5)
        said = b""
        try:  # a refusal closes the connection; what waits for more is no answer
            while piece := connection.recv(65536):
                said += piece
        except TimeoutError:
            pass
        return said


def _statuses(said: bytes) -> list[int]:
    lines = said.split(b"\r\n")
    return [int(line.split()[1]) for line in lines if line.startswith(b"HTTP/1.1 ")]


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        b"POST /totals HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n",
        b"POST /totals HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: %d\r\n",
        b"POST /totals HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: %d\r\n",
        b"POST /totals HTTP/1.1\r\nHost: x\r\nContent-Length: +%d\r\n",
        b"POST /totals HTTP/1.1\r\nHost: x\r\nContent-Length : %d\r\n",
        b"POST /totals HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\nX: %d\r\n",
        b"POST /totals HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\nX: %d\r\n",
    ],
    ids=["cl-te", "te-cl", "two-lengths", "signed-length", "space", "unknown-coding", "not-last"],
)
def test_a_request_hides_no_other(server: Small, head: bytes) -> None:
    body = b"0\r\n\r\n" + SMUGGLED
    said = _raw(server, head % len(body) + b"Content-Type: application/json\r\n\r\n" + body)
    assert b"/smuggled" not in said
    assert all(400 <= status < 500 for status in _statuses(said)[:1])
    assert len(_statuses(said)) <= 1


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 200_000,
        b"GET /\x00 HTTP/1.1",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET http://169.254.169.254/latest HTTP/1.1",
        b"CONNECT 169.254.169.254:80 HTTP/1.1",
    ],
    ids=["long-path", "long-header", "nul", "tls", "absolute", "connect"],
)
def test_odd_requests_are_survived(server: Small, request_line: bytes) -> None:
    said = _raw(server, request_line + b"\r\nHost: x\r\n\r\n")
    assert all(status < 500 for status in _statuses(said))
    with server.client() as client:
        assert client.get("/health/live").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../../../etc/passwd", "/assets/..%2f..%2f..%2fetc%2fpasswd", "/assets/%2e%2e/x",
        "/assets/..%5c..%5cwin.ini", "/examples/assets/..%2f..%2findex.html", "/assets//etc/passwd",
        "/examples/..%2findex.html", "/assets/x%00.js", "//etc/passwd", "/uploads/../etc/passwd",
        "/soil/scenes/..%2f..%2fetc%2fpasswd", "/collections/..%2f..%2fetc/items",
        "/tiles/..%2f..%2fetc/0/0/0.mvt",
    ],
)  # fmt: skip
def test_paths_stay_where_they_belong(server: Small, path: str) -> None:
    said = _raw(server, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert _statuses(said)[0] in (400, 401, 403, 404, 405), said[:200]
    assert b"root:" not in said


def test_names_of_files_break_no_header(server: Small) -> None:
    name = "a\r\nSet-Cookie: stolen=1\r\n\r\n<b>.geojson"
    with server.client("field") as client:
        made = client.post("/uploads", params={"layer": "plots", "filename": name}, content=b"{} ")
        if made.status_code == 400:
            return
        answer = client.get(f"/uploads/{made.json()['id']}/file")
        assert answer.status_code == 200
        assert "stolen" not in answer.headers.get("set-cookie", "")
        assert "\n" not in answer.headers["content-disposition"]
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["content-type"] == "application/octet-stream"


def test_headers_of_every_answer(server: Small) -> None:
    with server.client() as client:
        for path in ("/", "/collections", "/no/such", "/collections/parcels/items?limit=x",
                     "/tiles/parcels/8/215/90.mvt", "/docs", "/collections/parcels/items?f=csv",
                     "/totals?layer=parcels&f=html"):  # fmt: skip
            for accept in ("text/html", "application/json"):
                headers = client.get(path, headers={"Accept": accept}).headers
                assert headers["x-content-type-options"] == "nosniff", path
                assert headers["x-frame-options"] == "DENY", path
                policy = headers["content-security-policy"]
                assert "default-src 'none'" in policy or "default-src 'self'" in policy, path
                assert "unsafe-eval" not in policy
                assert "server" not in headers
                assert "strict-transport-security" not in headers
                assert "access-control-allow-origin" not in headers


def test_other_sites_read_nothing_by_default(server: Small) -> None:
    with server.client() as client:
        evil = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
        for answer in (client.get("/collections", headers=evil),
                       client.options("/collections", headers=evil)):  # fmt: skip
            assert not any(name.startswith("access-control") for name in answer.headers)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Nobody may read without signing in; one host name, one other site."""
    settings = Settings(
        data=tmp_path_factory.mktemp("guarded"),
        in_process_worker=False,
        hosts=("gis.local",),
        cors_origins=("https://map.example",),
        rate_per_minute=0,
    )
    app = create_app(settings)
    app.state.liangtian.people.put("v", "viewer", "secret", ADMIN)
    token = app.state.liangtian.people.issue_token("v", ADMIN)
    headers = {"Authorization": f"Bearer {token}"}
    with TestClient(app, base_url="https://gis.local", headers=headers) as client:
        yield client


def test_host_names(guarded: TestClient) -> None:
    assert guarded.get("/collections").status_code == 200
    assert guarded.get("/collections", headers={"Host": "GIS.local:8443"}).status_code == 200
    for host in ("evil.example", "gis.local.evil.example", "", "gis.local@evil.example", "[::1"):
        answer = guarded.get("/collections", headers={"Host": host})
        assert answer.status_code == 400, host
        assert answer.json()["code"] == "E_HOST"
        assert "evil" not in answer.text


def test_the_site_that_is_named_reads_without_cookies(guarded: TestClient) -> None:
    answer = guarded.get("/collections", headers={"Origin": "https://map.example"})
    assert answer.headers["access-control-allow-origin"] == "https://map.example"
    assert "access-control-allow-credentials" not in answer.headers
    other = guarded.get("/collections", headers={"Origin": "https://map.example.evil.example"})
    assert "access-control-allow-origin" not in other.headers


def test_protected_answers_are_kept_by_no_shared_cache(guarded: TestClient) -> None:
    paths = ("/collections", "/collections/plots", "/collections/plots/items", "/tiles/plots.json",
             "/collections/plots/items?f=csv", "/tiles/plots/0/0/0.geojson",
             "/tiles/plots/0/0/0.mvt?v=0", "/totals?layer=plots", "/auth/me")  # fmt: skip
    for path in paths:
        answer = guarded.get(path)
        assert answer.status_code in (200, 204), path
        kept = answer.headers["cache-control"]
        assert "private" in kept or "no-store" in kept, path
        assert "public" not in kept
        if "private" in kept:
            vary = answer.headers["vary"].lower()
            assert "authorization" in vary, path
            assert "cookie" in vary, path
        # What somebody was told is no proof for nobody.
        tag = {"If-None-Match": answer.headers.get("etag", "*"), "Authorization": ""}
        if path != "/auth/me":
            anonymous = TestClient(guarded.app, base_url="https://gis.local")
            assert anonymous.get(path, headers=tag).status_code == 401, path
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


def test_no_address_redirects_elsewhere(guarded: TestClient) -> None:
    for path in ("//evil.example/%2e%2e", "/\\evil.example", "/collections/", "/docs/",
                 "//evil.example/collections/"):  # fmt: skip
        answer = guarded.get(path, follow_redirects=False)
        target = answer.headers.get("location", "")
        assert not target.startswith(("//", "/\\")), path
        assert "evil" not in httpx.URL(target).host


def test_nothing_of_ours_is_open_to_pickle_or_shell() -> None:
    """No code runs what comes from outside: pickle, eval, shells and unsafe YAML are not used."""
    words = ("import pickle", "pickle.load", "shell=True", "os.system(", "yaml.load(", "marshal.")
    found = [
        f"{path.relative_to(ROOT)}: {word}"
        for folder in ("app", "geo")
        for path in Path(ROOT / folder).rglob("*.py")
        for word in words
        if word in path.read_text(encoding="utf-8")
    ]
    assert found == []
