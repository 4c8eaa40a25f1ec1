"""From an older schema of the system tables to today's, with a copy of the file before.

The step is one transaction: whatever stops it, the file is of the old version or of the new
one. The copy lies in ``backups/`` beside the file and is never removed by us.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event, update
from sqlalchemy.pool import StaticPool

from geo.record import sqlite, tables

VERSION_TABLE = "sys_alembic"
FOLDER = Path(__file__).with_name("migrations")


def name_of(version: int) -> str:
    """Alembic's name of a schema version."""
    return f"{version:04d}"


def upgrade(raw: Any, version_of: Callable[[Any], int]) -> None:
    """Bring the open file to `tables.SCHEMA_VERSION`, copying it first.

    ``raw`` is a DBAPI connection in autocommit mode, ``version_of`` reads the file's version.
    """
    _copy(raw, version_of(raw))
    engine = create_engine(
        "sqlite://",
        module=sqlite.library(),
        creator=lambda: raw,
        poolclass=StaticPool,
        pool_reset_on_return=None,
    )
    event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
    with engine.begin() as connection:
        # Another process may have done it while this one waited for the lock.
        version = version_of(raw)
        if version < tables.SCHEMA_VERSION:
            stamp(raw, version)
            steps(connection)


def steps(connection: Connection) -> None:
    """All steps that the tables behind the connection still need, in its transaction."""
    # Only who migrates needs Alembic: no start waits for its import.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    command.upgrade(config, name_of(tables.SCHEMA_VERSION))
    statement = update(tables.meta).where(tables.meta.c.key == "schema_version")
    connection.execute(statement.values(value=str(tables.SCHEMA_VERSION)))


def stamp(raw: Any, version: int) -> None:
    """Say the version in Alembic's table, too; records older than it have no such table."""
    raw.execute(
        f"CREATE TABLE IF NOT EXISTS {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"
    )
    raw.execute(f"DELETE FROM {VERSION_TABLE}")  # noqa: S608
    raw.execute(f"INSERT INTO {VERSION_TABLE} VALUES ('{name_of(version)}')")  # noqa: S608


def _copy(raw: Any, version: int) -> None:
    """A whole copy of the file as it is before the step."""
    path = Path(raw.execute("PRAGMA database_list").fetchone()[2])
    (seq,) = raw.execute("SELECT coalesce(max(seq), 0) FROM sys_log").fetchone()
    folder = path.parent / "backups"
    folder.mkdir(mode=0o700, exist_ok=True)
    target = folder / f"{path.stem}-schema-{version}-seq-{seq}{path.suffix}"
    if target.exists():
        return
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    descriptor = os.open(part, os.O_CREAT | os.O_TRUNC | os.O_RDWR, 0o600)
    try:
        raw.execute("VACUUM INTO ?", (str(part),))
        os.fsync(descriptor)
        part.rename(target)
    finally:
        os.close(descriptor)
        with suppress(FileNotFoundError):
            part.unlink()
