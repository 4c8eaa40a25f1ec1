"""A power cut, emulated: what the disk had seen when the power went holds every commit.

The record lives on an ext4 file system in a file. The writer is stopped, the file is
copied as it is (what only the page cache knew is not in it), and the copy is opened.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from geo.record.protocol import ChangeSet
from tests.environment import ROOT
from tests.geo.record.builders import AUTHOR, create, table

pytestmark = pytest.mark.faults

WRITER = """
import sys, time
from pathlib import Path
from tests.geo.record.builders import AUTHOR, create, table
from geo.record.protocol import ChangeSet
record = create(Path(sys.argv[1]))
record._writer.execute(f"PRAGMA synchronous = {sys.argv[2]}")
end = time.monotonic() + 30  # by itself, should nobody kill it
while time.monotonic() < end:
    record.commit([ChangeSet.inserts("treatments", table(1))], AUTHOR)
    print(record.head().revision, flush=True)
"""


@contextmanager
def mounted(image: Path, folder: Path) -> Iterator[Path]:
    folder.mkdir()
    subprocess.run(["mount", "-o", "loop", str(image), str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "disk.img"
    if not shutil.which("mkfs.ext4") or os.geteuid() != 0:
        pytest.skip("needs root and mkfs.ext4 for a file system in a file")
    with path.open("wb") as file:
        file.truncate(48 * 2**20)
    subprocess.run(["mkfs.ext4", "-q", str(path)], check=True)
    try:
        with mounted(path, tmp_path / "probe"):
            pass
    except subprocess.CalledProcessError:
        pytest.skip("needs loop devices")
    return path


def cut(image: Path, synchronous: str) -> tuple[int, int]:
    """(acknowledged, stored) commits."""
    folder = image.parent
    output = folder / f"acknowledged-{synchronous}"
    with mounted(image, folder / "before") as disk, output.open("wb") as file:
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(disk / "record.gpkg"), synchronous],
            cwd=ROOT,
            stdout=file,
        )
        deadline = time.monotonic() + 60
        while output.read_bytes().count(b"\n") < 60 and time.monotonic() < deadline:
            time.sleep(0.01)
        child.send_signal(signal.SIGSTOP)
        # Only now: what was acknowledged before the copy must be in it.
        acknowledged = int(output.read_bytes().split()[-1])
        shutil.copy(image, folder / "seen.img")
        child.kill()
        child.wait()
    with (
        mounted(folder / "seen.img", folder / "after") as disk,
        create(disk / "record.gpkg") as record,
    ):
        stored = record.head().revision
        assert record.verify(deep=True).ok
        record.commit([ChangeSet.inserts("treatments", table(1))], AUTHOR)
    return acknowledged, stored


def test_full_synchronisation_keeps_every_commit(image: Path) -> None:
    acknowledged, stored = cut(image, "FULL")
    assert acknowledged >= 60
    assert stored >= acknowledged


def test_negative_control(image: Path) -> None:
    """With less than FULL the same cut must lose commits, or this test is blind."""
    acknowledged, stored = cut(image, "NORMAL")
    assert acknowledged >= 60
    assert stored < acknowledged
