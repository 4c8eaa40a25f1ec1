"""`liangtian migrate`: the record of a data folder to PostGIS and back, and who uses which."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import app
from app.commands.opened import opened
from geo.errors import Rejected
from geo.record.geopackage import GeoPackageRecord
from geo.record.postgis import PostgisRecord
from geo.record.protocol import Author, ChangeSet
from tests.geo.record.builders import squares, table
from tests.homes import file_only

pytestmark = [pytest.mark.unit, pytest.mark.postgis, file_only]


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["migrate", *arguments])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def commit(data: Path, start: int) -> None:
    with opened(data) as place:
        layer = place.layer("plots")
        rows = ChangeSet.inserts("plots", table(3, layer, start), squares(3, start))
        place.record.commit([rows], Author("王工", "测试"))


def test_there_and_back_and_who_uses_which(database: Callable[[], str], tmp_path: Path) -> None:
    data, url = tmp_path / "data", database()
    commit(data, 0)
    said = run("--data", str(data), "--to", url, "--switch")
    assert "✗" not in said
    assert "盐碱地治理地块" in said
    assert (data / "record.url").read_text().strip() == url
    assert (data / "record.url").stat().st_mode & 0o777 == 0o600
    assert not (data / "record.gpkg").exists()
    assert len(list(data.glob("moved-*.gpkg"))) == 1
    commit(data, 10)
    with opened(data) as place:
        assert isinstance(place.record, PostgisRecord)
        assert place.record.head().revision == 2
        assert place.snapshots().revision == 2
    assert "revision 2" in run("--data", str(data))
    said = run("--data", str(data), "--to", str(tmp_path / "back.gpkg"), "--switch")
    assert "✗" not in said
    commit(data, 20)
    with opened(data) as place:
        assert isinstance(place.record, GeoPackageRecord)
        assert place.record.head().revision == 3
        assert place.record.verify(deep=True).ok


def test_what_is_not_empty_is_left_alone(database: Callable[[], str], tmp_path: Path) -> None:
    url = database()
    for name in ("one", "two"):
        commit(tmp_path / name, 0)
    run("--data", str(tmp_path / "one"), "--to", url)
    with pytest.raises(Rejected) as caught:
        run("--data", str(tmp_path / "two"), "--to", url, "--switch")
    assert caught.value.code == "E_NOT_EMPTY"
    assert (tmp_path / "two/record.gpkg").exists()
    assert not (tmp_path / "two/record.url").exists()
