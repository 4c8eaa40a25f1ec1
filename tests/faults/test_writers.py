"""Eight processes write at once beside a long reader: nobody is refused, nothing is lost."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from tests.environment import ROOT
from tests.faults.scorecard import Tell, rounds
from tests.geo.record.builders import AUTHOR, create, plots
from tests.homes import file_only

WRITER = """
import json, sys, time
from pathlib import Path
from geo.record.protocol import ChangeSet, RecordError
from tests.geo.record.builders import AUTHOR, create, plots
record = create(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
end, took, refused = time.monotonic() + float(sys.argv[2]), [], []
while time.monotonic() < end:
    start = time.perf_counter()
    try:
        record.commit([plots(1, len(took))], AUTHOR)
    except RecordError as error:
        refused.append(error.code)
    took.append(time.perf_counter() - start)
print(json.dumps([took, refused]), flush=True)
"""

pytestmark = file_only


def test_eight_writers_and_a_long_reader(tmp_path: Path, tell: Tell) -> None:
    seconds = rounds(3, 120)
    path = tmp_path / "record.gpkg"
    with create(path) as record:
        record.commit([plots(200)], AUTHOR)
        writers = [
            subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(seconds)], cwd=ROOT,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(8)
        ]  # fmt: skip
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
        reading = record.entries("plots", batch=5)
        next(reading)
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.write("go\n")
            writer.stdin.flush()
        wal, deadline = 0, time.monotonic() + seconds
        while time.monotonic() < deadline:
            time.sleep(0.2)
            wal = max(wal, Path(f"{path}-wal").stat().st_size)
        reading.close()
        found = [json.loads(writer.communicate(timeout=60)[0]) for writer in writers]
        took = np.concatenate([np.array(each[0]) for each in found])
        refused = [code for each in found for code in each[1]]
        stored = record.head().revision - 1
        assert record.verify(deep=True).ok
    p99 = float(np.percentile(took, 99))
    tell("8 writer processes beside a long reader", len(took), acknowledged=len(took),
         lost=len(took) - stored,
         note=f"{len(took) / seconds:,.0f} commits/s, p99 {p99 * 1e3:.0f} ms, "
              f"slowest {took.max() * 1e3:.0f} ms, WAL {wal / 2**20:.0f} MiB")  # fmt: skip
    assert refused == []
    assert stored == len(took)
