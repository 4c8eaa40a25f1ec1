"""Logs: one JSON object a line, and no secret in any of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.unit

_RUN = """
import logging, sys
from pathlib import Path
from starlette.testclient import TestClient
from app.main import create_app
from app.settings import Settings
from geo.record.protocol import Author

app = create_app(Settings(data=Path(sys.argv[1]), in_process_worker=False))
people = app.state.liangtian.people
people.put("boss", "admin", "secret-password", Author("t", "t"))
token = people.issue_token("boss", Author("t", "t"))
print(token)

@app.get("/broken")
def broken():
    hidden = "secret-local"
    raise RuntimeError("two\\nlines \\x1b[31m")
from app.auth import allow
allow("public")(broken)

here = {"Origin": "http://testserver"}
with TestClient(app, raise_server_exceptions=False) as client:
    client.post("/auth/login", json={"name": "boss", "password": "secret-password"}, headers=here)
    client.post("/auth/login", json={"name": "boss", "password": "secret-guess"}, headers=here)
    print(client.cookies["liangtian"])
    client.get("/collections")
    client.cookies.clear()
    client.get("/collections", headers={"Authorization": f"Bearer {token}"})
    client.get("/collections", headers={"Authorization": "Bearer secret-wrong"})
    client.get(f"/collections?token=secret-query&access_token={token}")
    client.get("/a%0A%7B%22event%22%3A%22forged%22%7D%1b[31m")
    client.post("/people", content=b'{"name": "secret-body"}',
                headers={"Authorization": f"Bearer {token}"})
    client.get("/broken")
"""


def test_no_secret_is_logged_and_every_line_is_one_entry(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _RUN, str(tmp_path / "data")],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, timeout=120,
        check=True,
    )  # fmt: skip
    token, session = done.stdout.decode().split()
    said = done.stderr.decode()
    for secret in (token, session, "secret-"):
        assert secret not in said.replace('hidden = \\"secret-local\\"', ""), secret
    entries = [json.loads(line) for line in said.splitlines()]
    assert {e["event"] for e in entries} == {"request", "unexpected error"}
    assert all("\x1b" not in line for line in said.splitlines())
    (broken,) = (e for e in entries if e["event"] == "unexpected error")
    assert broken["level"] == "error"
    assert "RuntimeError: two\nlines" in broken["exception"]
    paths = [e["path"] for e in entries if e["event"] == "request"]
    assert '/a\n{"event":"forged"}\x1b[31m' in paths
