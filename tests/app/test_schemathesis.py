"""Requests made up from the OpenAPI document: whatever comes, never a 5xx, never a status that
the document does not know."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import ROOT, Server

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,unsupported_method"


def test_no_request_breaks_the_service(server: Server):
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/api",
        "--header", f"Authorization: Bearer {server.tokens['admin']}",
        "--checks", CHECKS,
        "--phases", "examples,coverage,fuzzing",
        "--max-examples", "15",
        "--exclude-path-regex", "/events$",
        "--request-timeout", "30",
        "--seed", "7",
        "--generation-database", "none",
        "--no-color",
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=280
    )
    assert done.returncode == 0, done.stdout[-12_000:] + done.stderr[-2000:]
    assert "Seed" in done.stdout or "passed" in done.stdout.lower()
