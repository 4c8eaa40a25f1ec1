"""Nothing but the record opens the live file (acknowledged commits get lost otherwise)."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from geo import live
from geo.live import LiveDatabaseError
from geo.record.geopackage import GeoPackageRecord
from tests.environment import ROOT
from tests.geo.record.builders import AUTHOR, create, plots

pytestmark = pytest.mark.unit

WAYS: dict[str, Callable[[Path], object]] = {
    "open": lambda path: open(path, "rb"),  # noqa: PTH123, SIM115
    "open bytes": lambda path: open(os.fsencode(path), "rb"),  # noqa: PTH123, SIM115
    "Path.open": lambda path: path.open("rb"),
    "read_bytes": lambda path: path.read_bytes(),
    "os.open": lambda path: os.open(path, os.O_RDONLY),
    "wal": lambda path: open(f"{path}-wal", "rb"),  # noqa: PTH123, SIM115
    "shm": lambda path: open(f"{path}-shm", "rb"),  # noqa: PTH123, SIM115
    "copy": lambda path: shutil.copy(path, path.with_name("other.gpkg")),
    "sqlite3": sqlite3.connect,
    "sqlite3 uri": lambda path: sqlite3.connect(f"file:{path}?mode=ro", uri=True),
    "helpers of GDAL": live.refuse_live,
    "helpers of GDAL, wal": lambda path: live.refuse_live(f"{path}-wal"),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_live_file_is_refused(record: GeoPackageRecord, way: str) -> None:
    record.commit([plots(1)], AUTHOR)
    with pytest.raises(LiveDatabaseError) as caught:
        WAYS[way](record.path)
    assert caught.value.code == "E_LIVE_DATABASE"


@pytest.mark.parametrize("way", ["open", "sqlite3", "helpers of GDAL"])
def test_links_and_other_spellings(record: GeoPackageRecord, tmp_path: Path, way: str) -> None:
    soft, hard = tmp_path / "soft.dat", tmp_path / "hard.dat"
    soft.symlink_to(record.path)
    os.link(record.path, hard)
    dotted = tmp_path / "sub" / ".." / record.path.name
    dotted.parent.parent.mkdir(exist_ok=True)
    for path in (soft, hard, dotted):
        with pytest.raises(LiveDatabaseError):
            WAYS[way](path)


def test_other_threads_too(record: GeoPackageRecord) -> None:
    caught: list[BaseException] = []

    def run() -> None:
        try:
            record.path.read_bytes()
        except LiveDatabaseError as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert len(caught) == 1


def test_other_files_and_closed_records_are_free(tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    with create(tmp_path / "a.gpkg") as first, create(tmp_path / "b.gpkg"):
        other.write_text("x")
        first.copy_to(tmp_path / "copy.gpkg")
        assert (tmp_path / "copy.gpkg").read_bytes()[:6] == b"SQLite"
    assert (tmp_path / "a.gpkg").read_bytes()[:6] == b"SQLite"


def test_two_records_of_one_file(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    one, two = create(path), create(path)
    one.close()
    with pytest.raises(LiveDatabaseError):
        path.read_bytes()
    two.close()
    assert path.read_bytes()[:6] == b"SQLite"


CHILD = """
import sys
from pathlib import Path
path, way = Path(sys.argv[1]), sys.argv[2]
from geo.record import sqlite
writer = sqlite.connect(path)
writer.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")
writer.execute("PRAGMA application_id = 1196444487")
writer.execute("INSERT INTO t VALUES (0)")
if way == "gdal":
    import pyogrio
    try:
        pyogrio.list_layers(path)
    except Exception as error:
        print("gdal:", type(error).__name__, file=sys.stderr)
elif way == "open":
    path.read_bytes()
    import sqlite3
    other = sqlite3.connect(path)   # believes that nobody else is there ...
    other.execute("SELECT * FROM t").fetchall()
    other.close()                   # ... and deletes the write-ahead log
for n in range(1, 21):
    writer.execute("INSERT INTO t VALUES (?)", (n,))
print("acknowledged", n, flush=True)
import os
os.kill(os.getpid(), 9)
"""


@pytest.mark.faults
@pytest.mark.parametrize(("way", "kept"), [("none", True), ("open", False), ("gdal", False)])
def test_what_the_guard_is_for(tmp_path: Path, way: str, kept: bool) -> None:
    """Negative control: the naive way loses commits that SQLite acknowledged.

    "none" shows that a kill alone loses nothing.
    """
    path = tmp_path / "naive.gpkg"
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(path), way],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "acknowledged 20" in child.stdout, child.stderr
    with sqlite3.connect(path) as connection:
        (stored,) = connection.execute("SELECT count(*) FROM t").fetchone()
    assert (stored == 21) == kept, f"{stored} of 21 rows; {child.stderr}"
