"""Disks that are full, read-only or fail: no false yes, nothing half, reads go on."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests import environment
from tests.environment import ROOT
from tests.faults.office import sample, serving
from tests.faults.scorecard import Tell, rounds
from tests.geo.record.builders import create
from tests.homes import file_only

pytestmark = file_only

#: The system calls by which something reaches the disk.
CALLS = "write,pwrite64,fsync,fdatasync,rename,renameat2,ftruncate"


def reads(client: httpx.Client) -> None:
    for path in (
        "/collections/samples/items",
        "/collections/plots/items?limit=1",
        "/totals?layer=plots",
    ):
        assert client.get(path).status_code == 200, path


def test_a_disk_fills_under_edits(small_disk: Path, tell: Tell) -> None:  # fmt: skip
    """507 with what to do; reads go on; with space again the next write works without a restart."""
    ballast = small_disk / "ballast"
    points, confirmed, codes = rounds(4, 20), [], set()
    with serving(small_disk / "data") as server, server.client("manager") as client:
        confirmed.append(put(client, codes))
        for point in range(points):
            free = shutil.disk_usage(small_disk).free
            # From not a byte to some hundred KiB: another step fails each time.
            with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
                file.write(bytes(max(0, free - point * 300_000 // points)))
            confirmed += [code for code in (put(client, codes) for _ in range(3)) if code]
            reads(client)
            ballast.unlink()
            code = put(client, codes)
            assert code, "writing does not come back"
            confirmed.append(code)
        found = client.get("/collections/samples/items?limit=10000").json()["features"]
        stored = {each["properties"]["code"] for each in found}
        lost = [code for code in confirmed if code and code not in stored]
        audit = client.get("/audit/verify").json()
    assert lost == []
    assert audit["ok"] is True
    assert codes <= {201, 507}
    assert 507 in codes
    tell("disk full under edits", points,
         acknowledged=len([c for c in confirmed if c]), lost=0)  # fmt: skip


FORMATS = ("gpkg", "shp", "xlsx", "fgb", "parquet", "kml")


def test_files_come_and_go_on_a_full_disk(small_disk: Path, tell: Tell) -> None:
    """Uploads and exports are answered 507, nothing of them stays; with space again both work."""
    ballast = small_disk / "ballast"
    name = {"Content-Disposition": 'attachment; filename="a.zip"'}
    body = secrets.token_bytes(3 << 20)
    with serving(small_disk / "data") as server, server.client("manager") as client:
        assert put(client, set())
        reads(client)
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while file.write(bytes(1 << 16)):
                pass
        sent = client.post("/uploads?layer=plots", content=body, headers=name)
        assert sent.status_code == 507, sent.text
        assert sent.json()["code"] == "E_DISK_FULL"
        for kind in FORMATS:
            answer = client.get(f"/collections/samples/items?f={kind}")
            assert answer.status_code == 507, (kind, answer.text)
        reads(client)
        ballast.unlink()
        for kind in FORMATS:
            assert client.get(f"/collections/samples/items?f={kind}").status_code == 200, kind
        assert client.post("/uploads?layer=plots", content=body, headers=name).status_code == 202
    assert list((small_disk / "data/blobs/incoming").glob("*")) == []
    tell("uploads and exports on a full disk", 1 + len(FORMATS), acknowledged=0, lost=0)


def put(client: httpx.Client, codes: set[int]) -> str | None:
    """The code of a sample that was confirmed, None where it was refused."""
    code = f"D{secrets.token_hex(6)}"
    answer = client.post("/collections/samples/items", json=sample(code))
    codes.add(answer.status_code)
    assert answer.status_code in (201, 507), answer.text
    return code if answer.status_code == 201 else None


WRITER = """
import sys
from pathlib import Path
from geo.record.protocol import ChangeSet, RecordError
from tests.geo.record.builders import AUTHOR, create, plots

record = create(Path(sys.argv[1]))
print("ready", flush=True)
for number in range(4):
    try:
        commit, _ = record.commit([plots(3, number * 3)], AUTHOR)
    except RecordError as error:
        print(error.code, flush=True)
        continue
    print(commit.revision, flush=True)
print("done", flush=True)
"""


def fail(path: Path, number: int, calls: str = CALLS, error: str = "EIO") -> list[str]:
    """What a writer says whose N-th call to the disk fails."""
    child = subprocess.run(
        ["strace", "-f", "-o", "/dev/null", "-P", str(path), "-P", f"{path}-wal", "-e",
         f"inject={calls}:error={error}:when={number}", sys.executable, "-c", WRITER, str(path)],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return child.stdout.split()


def strace_works() -> bool:
    if shutil.which("strace") is None:
        return False
    done = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False)
    return done.returncode == 0


@pytest.mark.skipif(not strace_works(), reason="needs strace, and leave to trace")
@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_the_nth_call_to_the_disk_fails(tmp_path: Path, tell: Tell, error: str) -> None:
    """Whichever it is: what was confirmed is there, what was refused is not, the chain holds."""
    tried = confirmed = 0
    step = rounds(24, 1)
    number = 1
    while True:
        path = tmp_path / f"record-{number}.gpkg"
        with create(path):
            pass
        said = fail(path, number, error=error)
        tried += 1
        acknowledged = [int(word) for word in said if word.isdigit()]
        refused = [word for word in said if word.startswith("E_")]
        with create(path) as record:
            assert record.head().revision >= len(acknowledged), (number, said)
            stored = {commit.revision for commit in record.commits()}
            assert set(acknowledged) <= stored
            # A refusal is no promise, but nothing of it may be seen as a whole commit's half.
            assert record.verify(deep=True).ok, (number, said)
        confirmed += len(acknowledged)
        if "done" in said and not refused:
            break  # there is no N-th call any more
        number += step
        assert number < 400
    tell(f"the N-th call to the disk fails with {error} (write, fsync, rename, ...)", tried,
         acknowledged=confirmed, lost=0, note=f"N to {number}")  # fmt: skip


@pytest.mark.skipif(not strace_works(), reason="needs strace, and leave to trace")
def test_fsync_that_fails_is_no_yes(tmp_path: Path, tell: Tell) -> None:
    """From the N-th on every fsync fails: no commit after it is confirmed, none is lost."""
    tried = confirmed = 0
    for number in range(1, rounds(2, 12) + 1):
        path = tmp_path / f"record-{number}.gpkg"
        with create(path):
            pass
        said = fail(path, number, "fsync,fdatasync", "EIO")
        acknowledged = [int(word) for word in said if word.isdigit()]
        with create(path) as record:
            assert {c.revision for c in record.commits()} >= set(acknowledged)
            assert record.verify(deep=True).ok
        tried += 1
        confirmed += len(acknowledged)
    tell("fsync fails", tried, acknowledged=confirmed, lost=0)


def test_the_clock_jumps(tmp_path: Path, tell: Tell) -> None:
    """A day back and a year on: order is by number, the log stays whole, both times are kept."""
    library = environment.fault_tools()
    if library is None:
        pytest.skip("needs faketime: apt-get install -y faketime")
    path = tmp_path / "record.gpkg"
    confirmed = 0
    for shift in ("+0d", "-1d", "+365d", "-400d", "+0d"):
        shifted = {**os.environ, "LD_PRELOAD": str(library), "FAKETIME": shift}
        child = subprocess.run(
            [sys.executable, "-c", WRITER, str(path)],
            cwd=ROOT, text=True, capture_output=True, env=shifted, timeout=120, check=False,
        )  # fmt: skip
        assert child.stdout.split()[-1] == "done", child.stderr
        confirmed += 4
    with create(path) as record:
        commits = record.commits()
        assert [c.revision for c in commits] == list(range(1, confirmed + 1))
        assert [c.first_seq for c in commits] == sorted(c.first_seq for c in commits)
        assert len({json.dumps(str(c.time)) for c in commits}) > 5
        assert record.verify(deep=True).ok
    tell("the clock jumps a day back, a year on", 5, acknowledged=confirmed, lost=0)
