"""Fixtures that many tests share: definitions, demonstration data, a real server."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import settings

from geo.layers import Catalog
from tests import environment, homes
from tests.faults.scorecard import Scorecard
from tests.postgres import PostgresServer, emptied

# In CI the same examples each time: a new find belongs to a developer, not to a landing.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

ROOT = Path(__file__).resolve().parent.parent
#: Small, but with every layer, both scenes and three years of history.
DEMO_PARCELS = 1200


SCORES = Scorecard()
homes.install()


@pytest.fixture(autouse=True)
def _fault(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> None:
    """A fault test is named in the scorecard by its first line of words."""
    if request.node.get_closest_marker("faults"):
        words = (request.function.__doc__ or request.function.__name__.replace("_", " ")).strip()
        record_property("fault-what", words.splitlines()[0])


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    said = report.when == "call" or (report.when == "setup" and report.outcome != "passed")
    if said and "faults" in report.keywords:
        SCORES.add(report.nodeid, report.outcome, report.user_properties)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if SCORES.rows:
        terminalreporter.section("faults: what was tried and survived")
        terminalreporter.write_line(SCORES.markdown())
        (ROOT / "var").mkdir(exist_ok=True)
        (ROOT / "var/faults.md").write_text(SCORES.markdown() + "\n", encoding="utf-8")
    banner = environment.banner()
    if banner:
        terminalreporter.write_line(banner, yellow=True, bold=True)


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog.load(ROOT / "data")


@pytest.fixture(scope="session")
def demo_data(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder seeded by the command that users run; seeded once, and copied for each tester."""
    if worker_id == "master":
        return _seeded(tmp_path_factory.mktemp("demo") / "data")
    shared = tmp_path_factory.getbasetemp().parent
    with (shared / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "demo/done").exists():
            _seeded(shared / "demo/data")
            (shared / "demo/done").touch()
    folder = tmp_path_factory.mktemp("demo") / "data"
    return Path(shutil.copytree(shared / "demo/data", folder))


def _seeded(folder: Path) -> Path:
    command = [sys.executable, "-m", "app.cli", "demo", "--seed-only"]
    command += ["--data", str(folder), "--parcels", str(DEMO_PARCELS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return folder


@pytest.fixture(scope="session")
def postgres() -> PostgresServer:
    """A PostgreSQL server of this process."""
    if environment.postgres_bin() is None:
        pytest.skip("PostgreSQL with PostGIS is not installed")
    return homes.server()


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Callable[[], str]:
    """Makes empty databases: each call gives the address of a new one.

    LIANGTIAN_TEST_PG names an empty database of another server that the tests may use in place of
    their own; it is emptied before each use.
    """
    elsewhere = os.environ.get("LIANGTIAN_TEST_PG")
    if elsewhere:
        return lambda: emptied(elsewhere)
    request.getfixturevalue("postgres")
    return homes.new_database


@pytest.fixture(scope="session")
def object_store() -> Iterator[str]:
    """The address of an S3 server on this machine with an empty bucket, office."""
    boto3 = pytest.importorskip("boto3")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    client = boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys)
    client.create_bucket(Bucket="office")
    yield url
    server.stop()


def object_store_environment(url: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
    }


@dataclass
class Server:
    """A running service. ``client(role)`` speaks with that role's token (None: nobody's)."""

    url: str
    data: Path
    process: subprocess.Popen[bytes]
    tokens: dict[str, str]

    def client(self, role: str | None = None, **headers: str) -> httpx.Client:
        if role is not None:
            headers["Authorization"] = f"Bearer {self.tokens[role]}"
        return httpx.Client(base_url=self.url, headers=headers, timeout=60)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_server(data: Path, *, workers: int = 1, **environment_: str) -> Server:
    """Start ``liangtian serve`` on a free port and wait until it answers."""
    homes.at_home(data)
    port = free_port()
    command = [sys.executable, "-m", "app.cli", "serve", "--port", str(port)]
    command += ["--data", str(data), "--workers", str(workers)]
    log = (data / "server.log").open("wb")
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **environment_},
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/health/live", timeout=1).status_code == 200:
                break
        except httpx.TransportError:
            pass
        if process.poll() is not None:
            break
        time.sleep(0.1)
    else:
        stop_server(process)
        raise AssertionError((data / "server.log").read_text()[-4000:])
    if process.poll() is not None:
        raise AssertionError((data / "server.log").read_text()[-4000:])
    path = data / "credentials.json"
    credentials = json.loads(path.read_text()) if path.exists() else {}
    tokens = {role: entry["token"] for role, entry in credentials.items()}
    return Server(url, data, process, tokens)


def stop_server(process: subprocess.Popen[bytes]) -> None:
    """End a server that we started, and its workers."""
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)


@pytest.fixture(scope="session")
def server(demo_data: Path) -> Iterator[Server]:
    """The demonstration data behind two workers, readable by anybody, without rate limits."""
    running = start_server(
        demo_data,
        workers=2,
        LIANGTIAN_PUBLIC_READ="true",
        LIANGTIAN_RATE_PER_MINUTE="0",
        LIANGTIAN_RATE_WRITES_PER_MINUTE="0",
    )
    yield running
    stop_server(running.process)


def wait_job(client: httpx.Client, job: int, seconds: float = 240) -> dict[str, Any]:
    """Wait until a job has ended; returns it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = client.get(f"/jobs/{job}").json()
        if found["state"] in ("done", "failed", "cancelled"):
            return found
        time.sleep(0.1)
    raise AssertionError(f"job {job} did not end: {found}")
