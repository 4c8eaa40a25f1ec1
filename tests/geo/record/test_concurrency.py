"""Threads of one process and several processes write the same file; nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from geo.record.base import BaseRecord
from geo.record.geopackage import GeoPackageRecord, open_record
from geo.record.protocol import ChangeSet, VersionConflict
from tests.environment import ROOT
from tests.geo.record.builders import AUTHOR, catalog, create, plots, table

pytestmark = pytest.mark.unit


def test_threads_write_and_read_together(record: BaseRecord) -> None:
    record.commit([plots(10)], AUTHOR)

    def write(i: int) -> int:
        change = ChangeSet.updates("plots", [i % 10 + 1], table(1, start=i))
        return record.commit([change], AUTHOR)[0].revision

    def read(_: int) -> bool:
        rows = sum(len(e) for e in record.state("plots"))
        last = record.head()
        return (
            rows == 10 and last.seq >= 2 * last.revision - 1 and record.changed() in (True, False)
        )

    with ThreadPoolExecutor(8) as pool:
        revisions = list(pool.map(write, range(60)))
        assert all(pool.map(read, range(30)))
    assert sorted(revisions) == list(range(2, 62))
    assert record.verify(deep=True).ok


def test_one_of_many_editors_of_the_same_version_wins(record: BaseRecord) -> None:
    """1,000 races would say no more: the check and the write are one transaction."""
    record.commit([plots(1)], AUTHOR)
    barrier = threading.Barrier(8)

    def edit(round_: int) -> bool:
        change = ChangeSet.updates(
            "plots", [1], table(1, start=round_), None, np.array([round_], np.int64)
        )
        barrier.wait()
        try:
            record.commit([change], AUTHOR)
        except VersionConflict:
            return False
        return True

    for round_ in range(1, 16):
        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(edit, [round_] * 8))
        assert sum(won) == 1
    assert record.history("plots", 1)[-1].version == 16


def test_each_thread_is_told_of_a_change_once(record: BaseRecord) -> None:
    record.changed()
    record.commit([plots(1)], AUTHOR)

    def ask(_: int) -> tuple[bool, bool]:
        return record.changed(), record.changed()

    with ThreadPoolExecutor(1) as pool:
        assert list(pool.map(ask, [0])) == [(True, False)]
    assert (record.changed(), record.changed()) == (True, False)


def test_a_long_reader_sees_one_moment_and_blocks_nobody(record: BaseRecord) -> None:
    record.commit([plots(20)], AUTHOR)
    reading = record.entries("plots", batch=5)
    first = next(reading)
    for i in range(20):
        record.commit([plots(1, 20 + i)], AUTHOR)
    file = isinstance(record, GeoPackageRecord)
    assert not file or record.checkpoint() is False  # the reader still needs the log
    assert len(first) + sum(len(rest) for rest in reading) == 20
    if file:
        assert record.checkpoint() is True
        assert Path(f"{record.path}-wal").stat().st_size == 0


def test_nested_writes_are_refused_not_deadlocked(record: BaseRecord) -> None:
    with record.write() as connection:
        with pytest.raises(RuntimeError, match="inside"):
            record.commit([plots(1)], AUTHOR)
        record.commit([plots(1)], AUTHOR, connection=connection)
    assert record.head().revision == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_record_does_not_cross_a_fork(record: BaseRecord) -> None:
    code = 0
    pid = os.fork()
    if pid == 0:
        try:
            record.commit([plots(1)], AUTHOR)
            code = 1
        except RuntimeError:
            code = 7
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 7


def test_processes_that_create_the_file_at_once(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.geo.record.builders import *\n"
        "with create(Path(sys.argv[1])) as r: r.commit([plots(3)], AUTHOR); r.close()"
    )
    path = tmp_path / "record.gpkg"
    children = [
        subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=ROOT, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    for child in children:
        _, errors = child.communicate(timeout=120)
        assert child.returncode == 0, errors.decode()
    with create(path) as record:
        assert record.head().revision == 3
        assert record.verify(deep=True).ok


WRITER = """
import json, random, sys, time
from pathlib import Path
from geo.record.protocol import ChangeSet
from tests.geo.record.builders import AUTHOR, create, plots, table
path, ledger = Path(sys.argv[1]), open(sys.argv[2], "a")
record = create(path)
print("ready", flush=True)
mine = []
end = time.monotonic() + 30  # by itself, should nobody kill it
while time.monotonic() < end:
    n = random.choice([1, 1, 1, 40, 2500])
    changes = [plots(n, random.randrange(10**5))]
    commit, (fids,) = record.commit(changes, AUTHOR)
    mine += fids.tolist()
    if len(mine) > 5:
        gone = [mine.pop(0)]
        record.commit([ChangeSet.deletes("plots", gone)], AUTHOR)
    # What stands here was acknowledged: it must be there after any crash.
    ledger.write(json.dumps([commit.revision, commit.last_seq, n]) + "\\n")
    ledger.flush()
"""


def _lines(ledger: Path) -> int:
    return ledger.read_text().count("\n") if ledger.exists() else 0


@pytest.mark.faults
def test_killed_writers_lose_nothing(tmp_path: Path) -> None:
    """Two processes write, and are killed at any moment; several rounds."""
    path = tmp_path / "record.gpkg"
    acknowledged = 0
    for round_ in range(3):
        ledgers = [tmp_path / f"ledger-{round_}-{i}" for i in range(2)]
        children = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, str(path), str(ledger)],
                cwd=ROOT,
                stdout=subprocess.PIPE,
            )
            for ledger in ledgers
        ]
        for child in children:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
        deadline = time.monotonic() + 60
        while min(_lines(ledger) for ledger in ledgers) < 4 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.07 * round_)
        for child in children:
            child.send_signal(signal.SIGKILL)
            child.wait()
        with open_record(path, catalog()) as record:
            stored = {commit.revision: commit for commit in record.commits()}
            for ledger in ledgers:
                for line in ledger.read_text().split("\n")[:-1]:
                    revision, last_seq, n = json.loads(line)
                    assert stored[revision].last_seq == last_seq
                    assert stored[revision].counts["plots"]["insert"] == n
                    acknowledged += 1
            # Half a commit would break the chain or leave a table that differs.
            verification = record.verify(deep=True)
            assert verification.ok, verification.problems[:5]
    assert acknowledged >= 3 * 2 * 4
