from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from geo.record.base import BaseRecord
from geo.record.place import open_record
from tests.geo.record.builders import catalog, create

#: What both homes of the record promise is tested with both.
CONFORMANCE = ("test_commit", "test_concurrency", "test_inverse", "test_conformance")
HOMES = ("geopackage", pytest.param("postgis", marks=pytest.mark.postgis))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    module = metafunc.module.__name__.rpartition(".")[2]
    if module in CONFORMANCE and "record" in metafunc.fixturenames:
        metafunc.parametrize("record", HOMES, indirect=True)


@pytest.fixture
def record(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BaseRecord]:
    if getattr(request, "param", "geopackage") == "geopackage":
        with create(tmp_path / "record.gpkg") as opened:
            yield opened
        return
    database: Callable[[], str] = request.getfixturevalue("database")
    with open_record(database(), catalog()) as opened:
        yield opened
