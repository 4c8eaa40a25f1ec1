"""Requests made up from the OpenAPI document: whatever comes, never a 5xx, never a status that
the document does not know."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT, start_server, stop_server

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,unsupported_method,"
    "ignored_auth,use_after_free,ensure_resource_availability"
)


def test_no_request_breaks_the_service_and_nothing_is_open_to_strangers(
    demo_data: Path, tmp_path: Path
):
    """Each alone and in sequences along the document's links, as the administrator; protected ones
    also without a token and with a wrong one."""
    closed = start_server(
        Path(shutil.copytree(demo_data, tmp_path / "data")), workers=2,
        LIANGTIAN_RATE_PER_MINUTE="0", LIANGTIAN_RATE_WRITES_PER_MINUTE="0",
    )  # fmt: skip
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", f"{closed.url}/api",
        "--header", f"Authorization: Bearer {closed.tokens['admin']}",
        "--checks", CHECKS,
        "--phases", "examples,coverage,fuzzing,stateful",
        "--max-examples", "12",
        "--exclude-path-regex", "/events$",
        "--request-timeout", "30",
        "--seed", "7",
        "--generation-database", "none",
        "--no-color",
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=280
        )
    finally:
        stop_server(closed.process)
    said = done.stdout[-12_000:] + done.stderr[-2000:]
    assert done.returncode == 0, said
    covered = re.search(r"API Links: +(\d+) covered / \d+ selected", done.stdout)
    assert covered is not None, said
    assert int(covered[1]) >= 1, "no sequence went along a link"
