"""Requests made up from the OpenAPI document: whatever comes, never a 5xx, never a status that
the document does not know."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT, Server, start_server, stop_server

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,unsupported_method"
STATEFUL = "not_a_server_error,ignored_auth,use_after_free,ensure_resource_availability"


def run(server: Server, *options: str) -> str:
    """What it says of a service, asked as the administrator."""
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/api",
        "--header", f"Authorization: Bearer {server.tokens['admin']}",
        "--exclude-path-regex", "/events$",
        "--request-timeout", "30",
        "--seed", "7",
        "--generation-database", "none",
        "--no-color",
        *options,
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=280
    )
    assert done.returncode == 0, done.stdout[-12_000:] + done.stderr[-2000:]
    assert "Seed" in done.stdout or "passed" in done.stdout.lower()
    return done.stdout


def test_no_request_breaks_the_service(server: Server):
    options = ("--phases", "examples,coverage,fuzzing", "--max-examples", "15")
    run(server, "--checks", CHECKS, *options)


def test_what_is_made_is_used_and_nothing_is_open_to_strangers(demo_data: Path, tmp_path: Path):
    """Sequences of requests along the document's links, each protected one also without a token
    and with a wrong one."""
    closed = start_server(
        Path(shutil.copytree(demo_data, tmp_path / "data")), workers=2,
        LIANGTIAN_RATE_PER_MINUTE="0", LIANGTIAN_RATE_WRITES_PER_MINUTE="0",
    )  # fmt: skip
    try:
        said = run(closed, "--checks", STATEFUL, "--phases", "fuzzing,stateful",
                   "--max-examples", "6")  # fmt: skip
    finally:
        stop_server(closed.process)
    covered = re.search(r"API Links: +(\d+) covered / \d+ selected", said)
    assert covered is not None, said
    assert int(covered[1]) >= 1
