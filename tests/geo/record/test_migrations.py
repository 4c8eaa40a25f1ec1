"""Records of every older schema are copied and brought up to date, whole or not at all."""

from __future__ import annotations

import lzma
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from geo.record import migrate, sqlite, tables
from geo.record.protocol import SchemaTooNew
from tests.geo.record.builders import AUTHOR, create, plots

pytestmark = [pytest.mark.unit, pytest.mark.faults]

FILES = Path(__file__).parent / "files"
#: Ten plots, an update, a deletion, an event, one person with token, upload and job.
OLDER = sorted(FILES.glob("schema-*.gpkg.xz"))


def _old(tmp_path: Path, file: Path) -> Path:
    path = tmp_path / "record.gpkg"
    path.write_bytes(lzma.decompress(file.read_bytes()))
    return path


def _shape(path: Path) -> dict[str, Any]:
    """System tables with columns and indexes, whatever the order of columns."""
    found: dict[str, Any] = {}
    with closing(sqlite.connect(path)) as connection:
        names = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'sys%'"
        ).fetchall()
        for (name,) in names:
            columns = connection.execute(f"PRAGMA table_info({name})").fetchall()
            keys = connection.execute(f"PRAGMA foreign_key_list({name})").fetchall()
            indexes = connection.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? "
                "AND sql IS NOT NULL ORDER BY name",
                (name,),
            ).fetchall()
            found[name] = (
                sorted(row[1:] for row in columns),
                sorted(row[2:5] for row in keys),
                [(n, re.sub(r"\s+", " ", sql)) for n, sql in indexes],
            )
    return found


def test_every_version_has_its_step_and_every_older_one_its_file() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(migrate.FOLDER))
    steps = [s.revision for s in ScriptDirectory.from_config(config).walk_revisions()]
    wanted = [migrate.name_of(n) for n in range(tables.SCHEMA_VERSION, 0, -1)]
    assert steps == wanted
    assert len(OLDER) == tables.SCHEMA_VERSION - 1


@pytest.mark.parametrize("file", OLDER, ids=lambda f: f.name)
def test_an_older_record_becomes_one_of_today(tmp_path: Path, file: Path) -> None:
    create(tmp_path / "fresh.gpkg").close()
    path = _old(tmp_path, file)
    for _ in range(2):  # and the second opening finds nothing to do
        with create(path) as record:
            assert record.verify(deep=True).ok
            assert record.head().revision == 3
            with record.read() as connection:
                token = connection.execute(select(tables.tokens)).one()
                assert (token.label, token.layers) == ("phone", None)
                assert connection.execute(select(tables.uploads.c.sides)).one() == (None,)
    assert _shape(path) == _shape(tmp_path / "fresh.gpkg")
    with create(path) as record:
        record.commit([plots(1, start=50)], AUTHOR)
        assert record.verify(deep=True).ok
    (backup,) = (tmp_path / "backups").iterdir()
    assert backup.stat().st_mode & 0o777 == 0o600
    with closing(sqlite.connect(backup)) as connection:
        was = connection.execute("SELECT value FROM sys_meta WHERE key = 'schema_version'")
        assert was.fetchone()[0] == re.sub(r"\D", "", file.name)
        assert connection.execute("SELECT count(*) FROM plots").fetchone() == (9,)


def test_a_step_that_fails_leaves_the_old_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _old(tmp_path, OLDER[0])
    before = _shape(path)
    real = migrate.name_of
    # The last step is there, but the version that it is to lead to is not.
    last = tables.SCHEMA_VERSION
    monkeypatch.setattr(migrate, "name_of", lambda n: real(n) if n < last else "nowhere")
    with pytest.raises(Exception, match="nowhere"):
        create(path)
    assert _shape(path) == before
    monkeypatch.undo()
    with create(path) as record:
        assert record.verify(deep=True).ok


_KILLED = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import Table
from alembic import op
real = op.create_table
def create_table(*arguments, **named):
    done = real(*arguments, **named)
    os.kill(os.getpid(), signal.SIGKILL)
op.create_table = create_table
from tests.geo.record.builders import create
create(Path(sys.argv[1]))
"""


def test_a_process_killed_within_leaves_the_old_version(tmp_path: Path) -> None:
    path = _old(tmp_path, OLDER[0])
    before = _shape(path)
    done = subprocess.run([sys.executable, "-c", _KILLED, str(path)], check=False, timeout=60)
    assert done.returncode == -9
    assert _shape(path) == before
    with create(path) as record:
        assert record.verify(deep=True).ok
    assert len(list((tmp_path / "backups").glob("*.gpkg"))) == 1


def test_a_newer_record_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "record.gpkg"
    create(path).close()
    with closing(sqlite.connect(path)) as connection:
        newer = str(tables.SCHEMA_VERSION + 1)
        connection.execute("UPDATE sys_meta SET value = ? WHERE key = 'schema_version'", (newer,))
    with pytest.raises(SchemaTooNew):
        create(path)
    assert not (tmp_path / "backups").exists()
