from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from geo.record.geopackage import GeoPackageRecord
from tests.geo.record.builders import create


@pytest.fixture
def record(tmp_path: Path) -> Iterator[GeoPackageRecord]:
    with create(tmp_path / "record.gpkg") as opened:
        yield opened
