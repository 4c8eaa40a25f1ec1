"""The right SQLite, on the right disk; failures of the disk become our errors."""

from __future__ import annotations

import importlib
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from geo.record import sqlite
from geo.record.geopackage import GeoPackageRecord
from geo.record.protocol import StorageError
from tests.environment import ROOT
from tests.geo.record.builders import AUTHOR, create, plots

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _forget() -> object:
    sqlite.library.cache_clear()
    yield
    sqlite.library.cache_clear()


def fake(monkeypatch: pytest.MonkeyPatch, installed: tuple[int, ...] | None) -> None:
    def load(name: str) -> object:
        if installed is None:
            raise ImportError(name)
        return SimpleNamespace(sqlite_version_info=installed)

    monkeypatch.setattr(importlib, "import_module", load)


@pytest.mark.parametrize("installed", [None, (3, 40, 1), (3, 51, 2)])
@pytest.mark.faults
def test_old_sqlite_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, installed: tuple[int, ...] | None
) -> None:
    fake(monkeypatch, installed)
    monkeypatch.setattr(sqlite, "standard", SimpleNamespace(
        sqlite_version_info=(3, 40, 1), sqlite_version="3.40.1"))  # fmt: skip
    with pytest.raises(StorageError, match=r"3\.51\.3") as caught:
        create(tmp_path / "record.gpkg")
    assert caught.value.code == "E_SQLITE_TOO_OLD"
    assert "3.40.1" in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_the_standard_library_is_used_where_it_is_new_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake(monkeypatch, None)
    new = SimpleNamespace(sqlite_version_info=(3, 51, 3))
    monkeypatch.setattr(sqlite, "standard", new)
    assert sqlite.library() is new


def test_this_process_has_a_safe_one() -> None:
    assert sqlite.library().sqlite_version_info >= sqlite.MINIMUM


def test_pragmas(tmp_path: Path) -> None:
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 5000,
        "mmap_size": 0,
    }
    for read_only in (False, True):
        with closing(sqlite.connect(tmp_path / "a.db", read_only=read_only)) as connection:
            found = {k: connection.execute(f"PRAGMA {k}").fetchone()[0] for k in wanted}
            assert found == wanted
            assert connection.execute("PRAGMA query_only").fetchone()[0] == int(read_only)
            # Only the writer runs the triggers of the R-tree.
            assert connection.execute("PRAGMA trusted_schema").fetchone()[0] == int(not read_only)


def test_readers_cannot_write(record: GeoPackageRecord) -> None:
    with pytest.raises(StorageError) as caught, record.read() as connection:
        connection.exec_driver_sql("DELETE FROM sys_people")
    assert caught.value.code == "E_READ_ONLY"


def test_network_file_systems_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sqlite, "file_system_type", lambda folder: 0x6969)
    with pytest.raises(StorageError) as caught:
        create(tmp_path / "record.gpkg")
    assert caught.value.code == "E_NETWORK_FILE_SYSTEM"


@pytest.mark.skipif(sys.platform != "linux", reason="statfs types are Linux's")
def test_file_system_types_are_real() -> None:
    assert sqlite.file_system_type(Path("/proc")) == 0x9FA0
    assert sqlite.file_system_type(Path("/nowhere")) is None


def test_busy_is_told_after_the_timeout(
    record: GeoPackageRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite.connect(record.path)) as other:
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 50)
        with pytest.raises(StorageError) as caught:
            record.commit([plots(1)], AUTHOR)
        assert caught.value.code == "E_BUSY"
        other.execute("ROLLBACK")
    record.commit([plots(1)], AUTHOR)
    assert record.verify().ok


FULL = """
import resource, signal, sys
from pathlib import Path
from geo.record.protocol import StorageError
from tests.geo.record.builders import AUTHOR, create, plots
record = create(Path(sys.argv[1]))
record.commit([plots(10)], AUTHOR)
record.checkpoint()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
try:
    record.commit([plots(3000)], AUTHOR)
except StorageError as error:
    print(error.code)
print(record.head().seq, sum(len(e) for e in record.entries("plots")))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
try:
    record.commit([plots(1)], AUTHOR)
except StorageError as error:
    print(error.code)
"""


@pytest.mark.faults
@pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_FSIZE")
def test_a_write_error_stops_writing_but_not_reading(tmp_path: Path) -> None:
    """After a failed write nobody knows what the disk holds: no retry until a restart."""
    path = tmp_path / "record.gpkg"
    child = subprocess.run(
        [sys.executable, "-c", FULL, str(path)],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert child.stdout.split() == ["E_STORAGE_FAULT", "11", "10", "E_STORAGE_FAULT"], child.stderr
    with create(path) as record:
        assert record.verify(deep=True).ok
        record.commit([plots(1)], AUTHOR)
        assert record.head().seq == 13


def test_no_other_error_is_hidden(record: GeoPackageRecord) -> None:
    with pytest.raises(Exception, match="no such table") as caught, record.read() as connection:
        connection.exec_driver_sql("SELECT * FROM elsewhere")
    assert not isinstance(caught.value, StorageError)
    assert sqlite.storage_code(sqlite3.OperationalError("x")) is None


def test_a_full_disk_changes_nothing_and_recovers(record: GeoPackageRecord) -> None:
    record.commit([plots(10)], AUTHOR)
    record.checkpoint()
    before, (pages,) = record.head(), record._writer.execute("PRAGMA page_count").fetchone()
    record._writer.execute(f"PRAGMA max_page_count = {pages + 3}")
    for n in (30, 3000):  # by row, and in bulk with the triggers taken off
        with pytest.raises(StorageError) as caught:
            record.commit([plots(n)], AUTHOR)
        assert caught.value.code == "E_DISK_FULL"
        assert record.head() == before
    record._writer.execute("PRAGMA max_page_count = 1000000")
    record.commit([plots(3000)], AUTHOR)
    assert record.verify(deep=True).ok


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if (
        not shutil.which("mount")
        or subprocess.run(mount, check=False, stderr=subprocess.DEVNULL).returncode
    ):
        pytest.skip("needs the right to mount a tmpfs")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.faults
def test_a_disk_that_is_really_full(small_disk: Path) -> None:
    """At any fill level: an answer, nothing half, and the next write works after cleaning up."""
    ballast = small_disk / "ballast"
    with create(small_disk / "record.gpkg") as record:
        stored, codes = 0, set()
        for free in range(0, 60_000, 7_000):
            record.checkpoint()
            ballast.write_bytes(b"")
            usage = shutil.disk_usage(small_disk)
            ballast.write_bytes(bytes(max(usage.free - free, 0)))
            for n in (1, 20, 2500):
                try:
                    record.commit([plots(n)], AUTHOR)
                    stored += n
                except StorageError as error:
                    codes.add(error.code)
            assert sum(len(e) for e in record.state("plots")) == stored
        ballast.unlink()
        assert codes == {"E_DISK_FULL"}
        record.commit([plots(1)], AUTHOR)
        assert record.verify(deep=True).features == stored + 1
        assert record.verify(deep=True).ok


def test_opening_waits_while_another_process_has_the_file_to_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a crash, when the first to come replays the log: longer than the busy timeout."""
    path = tmp_path / "record.gpkg"
    code = (
        "import sys, time\n"
        "from geo.record.sqlite import library\n"
        "c = library().connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('CREATE TABLE t (x)')\n"
        "c.execute('BEGIN EXCLUSIVE')\n"
        "print('held', flush=True)\n"
        "time.sleep(1)\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 50)
    try:
        connection = sqlite.connect(path)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        connection.close()
    finally:
        holder.wait(timeout=20)


def test_opening_gives_up_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "record.gpkg"
    holder = sqlite.library().connect(str(path), isolation_level=None)
    holder.execute("CREATE TABLE t (x)")
    holder.execute("BEGIN EXCLUSIVE")
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 10)
    monkeypatch.setattr(sqlite, "_OPENING_SECONDS", 0.2)
    with (
        pytest.raises(StorageError, match="E_BUSY"),
        sqlite.storage_errors(str(path)),
    ):
        sqlite.connect(path)
    holder.close()
