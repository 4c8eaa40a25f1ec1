"""The log over HTTP and the command line: pages, filters, verification, health."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from app.cli import app as commands
from app.main import create_app
from app.settings import Settings
from geo.layers import Catalog
from geo.record import sqlite
from geo.record.protocol import Author, ChangeSet
from tests import homes
from tests.conftest import ROOT
from tests.geo.record.builders import squares, table

pytestmark = pytest.mark.unit


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def client(data: Path) -> Iterator[TestClient]:
    app = create_app(Settings(data=data, in_process_worker=False, follow_ms=5))
    record = app.state.liangtian.record
    plots = Catalog.load(ROOT / "data").layers["plots"]
    for i, name in enumerate(("王工", "李工", "王工")):
        author = Author(name, f"第 {i} 次")
        record.commit(
            [ChangeSet.inserts("plots", table(2, plots, 2 * i), squares(2, 2 * i))], author
        )
        record.event("note", author, {"layer": "plots", "n": i})
    people = app.state.liangtian.people
    people.put("boss", "admin", "secret", Author("test", "test"))
    token = people.issue_token("boss", Author("test", "test"))
    app.state.liangtian.snapshots.refresh()
    with TestClient(app, headers={"Authorization": f"Bearer {token}"}) as made:
        yield made


def _pages(client: TestClient, path: str) -> tuple[list[Any], list[Any], int]:
    commits, events, pages = [], [], 0
    while path:
        answer = client.get(path)
        assert answer.status_code == 200, answer.text
        content = answer.json()
        commits += content["commits"]
        events += content["events"]
        pages += 1
        path = next((link["href"] for link in content.get("links", ())), "")
    return commits, events, pages


def test_pages_and_filters(client: TestClient) -> None:
    commits, events, pages = _pages(client, "/audit?limit=3")
    assert [c["revision"] for c in commits] == [1, 2, 3]
    assert [e["action"] for e in events] == ["note"] * 3 + ["person.put", "token.issue"]
    assert pages == 3
    mine, told, _ = _pages(client, "/audit?author=李工")
    assert ([c["revision"] for c in mine], [e["detail"]["n"] for e in told]) == ([2], [1])
    later, told, _ = _pages(client, "/audit?since=1&until=2&layer=plots")
    assert ([c["revision"] for c in later], [e["detail"]["n"] for e in told]) == ([2], [1])
    moment = commits[1]["time"]
    until, _, _ = _pages(client, f"/audit?until={moment}")
    since, _, _ = _pages(client, f"/audit?since={moment}")
    assert [c["revision"] for c in until] + [c["revision"] for c in since] == [1, 2, 3]
    assert _pages(client, "/audit?layer=parcels")[:2] == ([], [])
    changes = client.get("/audit?layer=plots&fid=3").json()["changes"]
    assert [(c["operation"], c["author"]) for c in changes] == [("insert", "李工")]
    for bad in ("since=x", "fid=1", "layer=nothing", "limit=0"):
        assert client.get(f"/audit?{bad}").status_code in (400, 404), bad


def _until(client: TestClient, good: bool) -> Any:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        answer = client.get("/health/ready")
        if answer.json()["checks"]["log"] is good:
            return answer
        time.sleep(0.02)
    raise AssertionError(answer.text)


def _tamper(data: Path) -> None:
    """As whoever has all rights on the file, or on the database server."""
    if homes.POSTGIS:
        with psycopg.connect((data / "record.url").read_text()) as server:
            server.execute("ALTER TABLE sys_log DISABLE TRIGGER ALL")
            server.execute("UPDATE sys_log SET h = '' WHERE seq = (SELECT max(seq) FROM sys_log)")
        return
    with sqlite.connect(data / "record.gpkg") as connection:
        connection.execute("DROP TRIGGER sys_log_no_update")
        connection.execute("UPDATE sys_log SET h = zeroblob(32) WHERE seq = (SELECT max(seq) "
                           "FROM sys_log)")  # fmt: skip
    connection.close()


def test_the_log_is_anchored_and_health_tells_when_it_was_changed(
    client: TestClient, data: Path
) -> None:
    assert _until(client, good=True).status_code == 200
    deadline = time.monotonic() + 10
    while not (found := client.get("/audit/verify").json())["anchors"]:
        assert time.monotonic() < deadline, "nothing is anchored"
    assert (found["ok"], found["anchors"]) == (True, 1)
    ready = client.get("/health/ready").json()
    assert ready["verified"]["ok"] is True
    assert ready["anchored"]["seq"] == found["seq"]
    anonymous = TestClient(client.app).get("/health/ready").json()
    assert "verified" not in anonymous
    _tamper(data)
    ready = _until(client, good=False)
    assert ready.status_code == 503
    assert f"row {found['seq']} of the log" in ready.json()["fault"]
    after = client.get("/audit/verify").json()
    assert after["ok"] is False
    assert {p["kind"] for p in after["problems"]} == {"chain", "anchor"}
    assert after["broken_seq"] == found["seq"]


def test_from_the_command_line(client: TestClient, data: Path) -> None:
    run = CliRunner().invoke
    _until(client, good=True)
    client.app.state.liangtian.watch.anchor()  # type: ignore[attr-defined]
    done = run(commands, ["audit", "verify", "--data", str(data), "--deep", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["ok"] is True
    public = data / "anchors" / "public.pem"
    made = json.loads(run(commands, ["audit", "anchor", "--data", str(data)]).stdout)
    assert made["seq"] == client.get("/audit/verify").json()["seq"]
    _tamper(data)
    done = run(commands, ["audit", "verify", "--data", str(data), "--public", str(public)])
    assert done.exit_code == 1
    assert "chain" in done.stdout
    assert run(commands, ["audit", "anchor", "--data", str(data)]).exit_code == 1
    # The last outcome is kept: the service is red after a restart, too.
    ready = client.get("/health/ready")
    assert ready.status_code == 503


def test_doctor_measures_against_least_versions(
    data: Path, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.commands import doctor

    monkeypatch.setattr(doctor, "_gdal", lambda: (3, 12, 4))  # asked in a process of its own
    table, healthy = doctor.check(data)
    assert healthy
    assert "starlette" in list(table.columns[0].cells)
    monkeypatch.setitem(doctor.LEAST_PACKAGES, "starlette", (999,))
    assert doctor.check(data)[1] is False
    monkeypatch.undo()
    monkeypatch.setattr(doctor, "_gdal", lambda: (3, 8, 9))
    assert doctor.check(data)[1] is False
    assert doctor._numbers("1.3.0rc1") == (1, 3, 0)
