"""The whole test suite on the record's other home: ``LIANGTIAN_TEST_HOME=postgis``.

Data folders are made as always; the first time one is opened, its record is moved into a database
of its own, and the folder says so (``record.url``).
"""

from __future__ import annotations

import atexit
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from app.settings import Settings
from geo.layers import Catalog
from geo.record import transfer
from geo.record.place import open_record
from tests.postgres import PostgresServer, postgres_server

POSTGIS = os.environ.get("LIANGTIAN_TEST_HOME") == "postgis"
#: For tests of what only the file has: its locks, its pages, its write-ahead log.
file_only = pytest.mark.skipif(POSTGIS, reason="about the GeoPackage file")


@cache
def server() -> PostgresServer:
    """One server for the process, with a template database that has PostGIS."""
    context = _server()
    running = context.__enter__()
    atexit.register(context.__exit__, None, None, None)
    return running


@contextmanager
def _server() -> Iterator[PostgresServer]:
    with postgres_server({"max_connections": "300"}) as running:
        running.create_database("template_postgis")
        yield running


def new_database() -> str:
    """The address of an empty database with PostGIS."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    server().sql(f'CREATE DATABASE "{name}" TEMPLATE template_postgis')
    return server().url(name)


def at_home(data: Path) -> None:
    """Move the record of a data folder to where this run's records are."""
    settings = Settings(data=data)
    note = settings.record_note
    if not POSTGIS or note.exists() or not data.is_dir():
        return
    url = new_database()
    if settings.record_path.exists():
        catalog = Catalog.load(*settings.definitions)
        with open_record(settings.record_path, catalog) as old, open_record(url, catalog) as new:
            transfer.copy(old, new)
        settings.record_path.rename(data / "moved-before-the-test.gpkg")
    note.write_text(url)


def install() -> None:
    """From now on every data folder that this process opens is at home."""
    if not POSTGIS:
        return
    place = Settings.record_place.fget
    assert place is not None

    def moved(settings: Settings) -> Path | str:
        at_home(settings.data)
        return place(settings)

    Settings.record_place = property(moved)  # type: ignore[assignment,method-assign]
