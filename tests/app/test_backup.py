"""Backups are tried at once; damaged ones are refused; nothing is overwritten."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app import backup, blobs
from app.commands.opened import Opened, opened
from app.people import People
from app.watch import Watch
from geo.errors import Rejected
from geo.record import sqlite
from geo.record.protocol import Author, ChangeSet, SchemaTooNew
from tests.geo.record.builders import squares, table

pytestmark = [pytest.mark.unit, pytest.mark.faults]
WHO = Author("王工", "测试")


def _commit(place: Opened, start: int) -> None:
    layer = place.catalog.layers["plots"]
    rows = ChangeSet.inserts("plots", table(3, layer, start), squares(3, start))
    place.record.commit([rows], WHO)


def _settle(data: Path) -> None:
    with opened(data) as place:
        _commit(place, 0)
        People(place.record).put("王工", "manager", "secret", WHO)
        kept = place.settings.blobs.put(b"a survey")
        with place.record.write() as connection:
            blobs.note(connection, kept, "text/plain")
        (data / "rasters" / "s2").mkdir(parents=True)
        (data / "rasters" / "s2" / "scene.tif").write_bytes(b"raster")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> backup.Made:
    folder = tmp_path_factory.mktemp("backup")
    _settle(folder / "data")
    with opened(folder / "data") as place:
        return backup.make(place.settings, place.catalog, place.record, folder / "backups")


def _restore(source: Path, data: Path) -> None:
    with opened(data.parent / "any") as place:
        backup.restore(source, data, place.catalog)


def test_what_comes_back_is_what_was_there(made: backup.Made, tmp_path: Path) -> None:
    data = tmp_path / "new"
    _restore(made.path, data)
    assert (data / "record.gpkg").stat().st_mode & 0o777 == 0o600
    with opened(data) as place:
        assert Watch(place.record, place.settings.anchor_folder).verify(deep=True).ok
        assert place.record.head().revision == 1
        assert [p.name for p in People(place.record).listed()] == ["王工"]
        _commit(place, 10)  # and it is a record that goes on
        Watch(place.record, place.settings.anchor_folder).anchor()
        assert Watch(place.record, place.settings.anchor_folder).verify().ok
    assert (data / "rasters" / "s2" / "scene.tif").read_bytes() == b"raster"
    assert (data / "anchors" / "key.pem").stat().st_mode & 0o777 == 0o600
    left = [p.name for p in made.path.parent.iterdir()]
    assert left == [made.path.name], "trials and unfinished backups are gone"


def test_a_folder_that_is_not_empty_is_left_alone(made: backup.Made, tmp_path: Path) -> None:
    data = tmp_path / "busy"
    data.mkdir()
    (data / "record.gpkg-wal").write_bytes(b"of another record")
    with pytest.raises(Rejected) as caught:
        _restore(made.path, data)
    assert caught.value.code == "E_NOT_EMPTY"
    assert [p.name for p in data.iterdir()] == ["record.gpkg-wal"]


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _first(folder: Path) -> Path:
    return next(p for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize(
    "damage",
    [
        lambda b: _flip(b / "record.gpkg"),
        lambda b: _flip(_first(b / "blobs")),
        lambda b: _first(b / "blobs").unlink(),
        lambda b: _flip(b / "rasters" / "s2" / "scene.tif"),
        lambda b: (b / "anchors" / "anchors.jsonl").write_bytes(b""),
        lambda b: (b / "manifest.json").unlink(),
        lambda b: (b / "manifest.json").write_text("{}"),
        lambda b: (b / "manifest.json").write_text(
            (b / "manifest.json").read_text().replace('"rasters/s2', '"../rasters/s2')
        ),
    ],
    ids=["record", "blob", "blob-missing", "raster", "anchors", "no-manifest", "empty-manifest",
         "path-outside"],
)  # fmt: skip
def test_a_damaged_backup_is_refused_and_leaves_nothing(
    made: backup.Made, tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    copy = Path(shutil.copytree(made.path, tmp_path / "copy"))
    damage(copy)
    with pytest.raises(Rejected) as caught:
        _restore(copy, tmp_path / "new")
    assert caught.value.code == "E_BACKUP"
    assert list((tmp_path / "new").iterdir()) == []


def test_a_backup_of_a_newer_version_is_refused(made: backup.Made, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(made.path, tmp_path / "copy"))
    connection = sqlite.connect(copy / "record.gpkg")
    connection.execute("UPDATE sys_meta SET value = '99' WHERE key = 'schema_version'")
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    manifest = copy / "manifest.json"
    content = backup._manifest(copy)
    content["files"]["record.gpkg"] = backup._told(copy / "record.gpkg")
    manifest.write_bytes(backup.orjson.dumps(content))
    with pytest.raises(SchemaTooNew):
        _restore(copy, tmp_path / "new")


def test_what_is_damaged_is_not_backed_up(tmp_path: Path) -> None:
    _settle(tmp_path / "data")
    with opened(tmp_path / "data") as place:
        _first(place.settings.blob_folder).write_bytes(b"another")
        with pytest.raises(Rejected) as caught:
            backup.make(place.settings, place.catalog, place.record, tmp_path / "backups")
        assert caught.value.code == "E_BACKUP"
        assert list((tmp_path / "backups").iterdir()) == []
        _first(place.settings.blob_folder).write_bytes(b"a survey")
        with place.record.write() as connection:
            connection.exec_driver_sql("UPDATE plots SET area_m2 = 1 WHERE fid = 1")
        with pytest.raises(Rejected, match="verify"):
            backup.make(place.settings, place.catalog, place.record, tmp_path / "backups")
    assert list((tmp_path / "backups").iterdir()) == []


def test_commits_go_on_while_it_is_made(tmp_path: Path) -> None:
    _settle(tmp_path / "data")
    with opened(tmp_path / "data") as place:
        ending = threading.Event()
        written = [0]

        def write() -> None:
            while not ending.is_set() and written[0] < 200:
                written[0] += 1
                _commit(place, 10 * written[0])

        writer = threading.Thread(target=write)
        writer.start()
        try:
            found = backup.make(place.settings, place.catalog, place.record, tmp_path / "backups")
        finally:
            ending.set()
            writer.join()
        assert found.verified.ok
        assert 1 <= found.verified.head.revision <= place.record.head().revision
        assert found.verified.features == 3 * found.verified.head.revision
        events = place.record.events(action="backup")
        assert [e.detail["revision"] for e in events] == [found.verified.head.revision]
        assert np.all([e.detail["manifest"] for e in events])
