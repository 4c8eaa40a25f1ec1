"""The routes that serve the built page."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.testclient import TestClient

from app.api.pages import build_router, index_response, wants_html

pytestmark = pytest.mark.unit

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def request(accept: str | None, query: str = "") -> Request:
    headers = [] if accept is None else [(b"accept", accept.encode())]
    return Request(
        {"type": "http", "method": "GET", "path": "/", "query_string": query.encode(),
         "headers": headers}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("accept", "query", "html"),
    [
        (BROWSER, "", True),
        ("*/*", "", False),
        (None, "", False),
        ("application/json", "", False),
        ("application/json, text/html;q=0.5", "", False),
        ("text/html;q=0", "", False),
        ("text/html;q=abc", "", False),
        (BROWSER, "f=json", False),
        ("*/*", "f=html", True),
    ],
)
def test_who_gets_the_page(accept: str | None, query: str, html: bool) -> None:
    assert wants_html(request(accept, query)) is html


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>良田", encoding="utf-8")
    (tmp_path / "docs.html").write_text("<!doctype html>docs", encoding="utf-8")
    (tmp_path / "favicon.svg").write_text("<svg/>", encoding="utf-8")
    (tmp_path / "secret.js").write_text("outside", encoding="utf-8")
    asset = tmp_path / "assets" / "index-abc.mjs"
    asset.write_text("plain", encoding="utf-8")
    asset.with_name("index-abc.mjs.br").write_text("brotli", encoding="utf-8")
    asset.with_name("index-abc.mjs.gz").write_text("gzip", encoding="utf-8")
    return tmp_path


@pytest.fixture
def client(dist: Path) -> TestClient:
    app = FastAPI(docs_url=None)
    app.include_router(build_router(dist))
    app.add_api_route("/", lambda: index_response(dist))
    return TestClient(app)


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_are_checked_each_time_and_carry_the_policy(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-cache"
    assert "script-src 'self';" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]


def test_another_host_is_only_asked_where_the_operator_says_so(dist: Path) -> None:
    plain = index_response(dist).headers["content-security-policy"]
    wider = index_response(dist, tianditu=True).headers["content-security-policy"]
    assert "http" not in plain
    changed = set(wider.split("; ")) - set(plain.split("; "))
    assert changed == {
        "connect-src 'self' https://*.tianditu.gov.cn",
        "img-src 'self' data: blob: https://*.tianditu.gov.cn",
    }


@pytest.mark.parametrize(
    ("accept", "encoding", "body"),
    [("br, gzip", "br", b"brotli"), ("gzip;q=1, br;q=0", "gzip", b"gzip"), ("", None, b"plain")],
)
def test_assets_are_cached_for_ever_in_the_best_encoding(
    client: TestClient, accept: str, encoding: str | None, body: bytes
) -> None:
    with client.stream(
        "GET", "/assets/index-abc.mjs", headers={"Accept-Encoding": accept}
    ) as answer:
        assert b"".join(answer.iter_raw()) == body
    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "name",
    ["none.js", "..%2fsecret.js", "%2e%2e%2fsecret.js", "..%5csecret.js", "index-abc.mjs.br",
     "%00.js", ".", "index.html"],
)  # fmt: skip
def test_nothing_but_built_files_is_served(client: TestClient, name: str) -> None:
    answer = client.get(f"/assets/{name}")
    assert answer.status_code == 404
    assert b"outside" not in answer.content


def test_unbuilt_page_says_how_to_build_it(tmp_path: Path) -> None:
    answer = index_response(tmp_path)
    assert answer.status_code == 503
    assert answer.headers["cache-control"] == "no-store"
    text = bytes(answer.body).decode()
    assert "make page" in text
    assert "还没有构建" in text
