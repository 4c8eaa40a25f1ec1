"""Metrics: right over all workers, for those who may, and cheap."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from app.main import create_app
from app.metrics import Metrics
from app.settings import Settings
from geo.record.protocol import Author
from tests.conftest import Server


def _numbers(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def _requests(text: str, route: str, status: str = "200") -> float:
    labels = (("method", "GET"), ("route", route), ("status", status))
    return _numbers(text).get(("liangtian_request_seconds_count", labels), 0.0)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    app = create_app(Settings(data=tmp_path, in_process_worker=False, public_read=True))
    people = app.state.liangtian.people
    for role in ("manager", "admin"):
        people.put(role, role, "secret", Author("t", "t"))
    token = people.issue_token("admin", Author("t", "t"))
    with TestClient(app, headers={"Authorization": f"Bearer {token}"}) as made:
        yield made


@pytest.mark.unit
def test_what_is_counted(client: TestClient) -> None:
    for path in ("/collections/plots/items", "/collections/parcels/items", "/tiles/plots/3/6/2.mvt",
                 "/no/such", "/tiles/plots/3/6/2.mvt?properties=code&lang=zh"):  # fmt: skip
        client.get(path)
    client.request("BREW", "/collections")
    text = client.get("/metrics").text
    assert _requests(text, "/collections/{layer}/items") == 2
    assert _requests(text, "/tiles/{layer}/{z}/{x}/{y}.{kind}", "204") == 2
    assert _requests(text, "other", "404") == 1
    numbers = _numbers(text)
    assert numbers["liangtian_log_sound", ()] == 1
    assert numbers["liangtian_record_revision", ()] == 0
    assert numbers["liangtian_snapshot_lag", ()] == 0
    assert numbers["liangtian_jobs", (("state", "queued"),)] == 0
    misses = numbers["liangtian_tile_cache_requests", (("outcome", "misses"),)]
    assert misses >= 1
    assert "BREW" not in text


@pytest.mark.unit
def test_who_may_read_them(client: TestClient, tmp_path: Path) -> None:
    people = client.app.state.liangtian.people  # type: ignore[attr-defined]
    token = people.issue_token("manager", Author("t", "t"))
    manager = {"Authorization": f"Bearer {token}"}
    assert TestClient(client.app).get("/metrics").status_code == 401
    assert TestClient(client.app).get("/metrics", headers=manager).status_code == 403
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert answer.headers["cache-control"] == "no-store"
    open_ = create_app(
        Settings(data=tmp_path / "open", in_process_worker=False, metrics_public=True)
    )
    assert TestClient(open_).get("/metrics").status_code == 200


@pytest.mark.unit
def test_counting_takes_microseconds() -> None:
    metrics = Metrics()
    best = 1.0
    for _ in range(5):
        start = time.thread_time()
        for _ in range(1000):
            metrics.request("/tiles/{layer}/{z}/{x}/{y}.{kind}", "GET", 200, 0.002)
        best = min(best, (time.thread_time() - start) / 1000)
    assert best < 20e-6
    for i in range(5000):  # and what somebody makes up does not fill the memory
        metrics.request(f"/{i}", "GET", 404, 0.001)
    assert len(metrics._known) <= 2001


def test_workers_are_added_up(server: Server) -> None:
    """The server has two: whichever is asked, no request is missing and the number never falls."""
    seen: list[float] = []
    with server.client("admin") as admin:
        before = _requests(admin.get("/metrics").text, "/conformance")
        for i in range(1, 25):
            with server.client() as fresh:  # a new connection: any worker may take it
                assert fresh.get("/conformance").status_code == 200
            if i % 6 == 0:
                with server.client("admin") as other:
                    text = other.get("/metrics").text
                seen.append(_requests(text, "/conformance") - before)
    assert seen == [6, 12, 18, 24]
    assert re.search(r"^liangtian_snapshot_revision \d", text, re.M)
