"""GeoPackages that lie about themselves."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import shapely

from geo.errors import Rejected
from geo.formats import gpkg_file

pytestmark = pytest.mark.unit


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    database = sqlite3.connect(path)
    try:
        yield database
        database.commit()
    finally:
        database.close()


def blob(geometry: shapely.Geometry, envelope: int = 1) -> bytes:
    sizes = (0, 4, 6, 6, 8)
    head = b"GP" + bytes([0, envelope << 1 | 1]) + struct.pack("<i", 4490)
    return head + bytes(8 * sizes[envelope]) + shapely.to_wkb(geometry)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """By SQL alone, so that the test does not depend on a writer."""
    path = tmp_path / "a.gpkg"
    with opened(path) as database:
        database.execute("PRAGMA application_id = 1196444487")
        database.executescript(
            """
            CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT, srs_id INTEGER PRIMARY KEY,
              organization TEXT, organization_coordsys_id INTEGER, definition TEXT);
            INSERT INTO gpkg_spatial_ref_sys VALUES ('c', 4490, 'EPSG', 4490, 'x'),
              ('u', -1, 'NONE', -1, 'undefined');
            CREATE TABLE gpkg_contents (table_name TEXT PRIMARY KEY, data_type TEXT);
            CREATE TABLE gpkg_geometry_columns (table_name TEXT, column_name TEXT, srs_id INTEGER);
            CREATE TABLE gpkg_ogr_contents (table_name TEXT, feature_count INTEGER);
            INSERT INTO gpkg_ogr_contents VALUES ('地块', 1);
            INSERT INTO gpkg_contents VALUES ('地块', 'features'), ('attrs', 'attributes');
            INSERT INTO gpkg_geometry_columns VALUES ('地块', 'geom', 4490);
            CREATE TABLE 地块 (fid INTEGER PRIMARY KEY, geom BLOB, "编""号" TEXT, n REAL, b BLOB);
            """
        )
        rows = [
            (3, blob(shapely.box(123, 45, 123.1, 45.1)), "A1", 1.5, b"x"),
            (7, None, "A2", None, None),
            (9, blob(shapely.box(124, 45, 124.1, 45.1), 0), None, 2, None),
            (11, b"GP\0\x01\0\0\0\0broken", "A4", 3, None),
        ]
        database.executemany("INSERT INTO 地块 VALUES (?, ?, ?, ?, ?)", rows)
    return path


def code(path: Path, layer: str = "地块") -> str:
    with pytest.raises(Rejected) as caught:
        gpkg_file.read(path, layer)
    return caught.value.code


def test_all_rows_are_read_whatever_the_counts_say(package: Path) -> None:
    assert gpkg_file.layers(package) == ["地块"]
    content = gpkg_file.read(package, "地块")
    assert content.rows.tolist() == [3, 7, 9, 11]
    assert content.attributes.to_pydict() == {
        '编"号': ["A1", "A2", None, "A4"],
        "n": [1.5, None, 2.0, 3.0],
    }
    assert shapely.area(content.geometry[[0, 2]]) == pytest.approx([0.01, 0.01])
    assert content.geometry[1] is None
    assert content.broken.tolist() == [False, False, False, True]
    assert content.crs == "EPSG:4490"
    assert content.unread == ("b",)
    assert not content.wal


def test_empty_table(package: Path) -> None:
    with opened(package) as database:
        database.execute("DELETE FROM 地块")
    content = gpkg_file.read(package, "地块")
    assert len(content.rows) == len(content.geometry) == content.attributes.num_rows == 0


def test_undefined_system_is_none(package: Path) -> None:
    with opened(package) as database:
        database.execute("UPDATE gpkg_geometry_columns SET srs_id = -1")
    assert gpkg_file.read(package, "地块").crs is None


@pytest.mark.parametrize("layer", ["nowhere", "gpkg_contents", '"; DROP TABLE x; --'])
def test_names_that_are_no_feature_table(package: Path, layer: str) -> None:
    assert code(package, layer) == "E_GPKG_SCHEMA"


def test_endless_view_registered_as_a_layer(package: Path) -> None:
    endless = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r"
    with opened(package) as database:
        database.execute("DROP TABLE 地块")
        database.execute(f"CREATE VIEW 地块 AS {endless}")
    assert code(package) == "E_GPKG_SCHEMA"
    with opened(package) as database:
        database.execute("DROP TABLE gpkg_contents")
        database.execute(f"CREATE VIEW gpkg_contents AS {endless}")
    with pytest.raises(Rejected, match="E_GPKG_SCHEMA"):
        gpkg_file.layers(package)


def test_work_without_end_is_stopped(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A generated column can burn time in a plain table."""
    monkeypatch.setattr(gpkg_file, "_SECONDS", 0.0)
    with opened(package) as database:
        database.executemany("INSERT INTO 地块 (n) VALUES (?)", [(i,) for i in range(200_000)])
    assert code(package) == "E_GPKG"


def test_damaged_files(package: Path) -> None:
    data = package.read_bytes()
    for bad in (data[:-4096], data + bytes(10), data[:68] + b"XXXX" + data[72:], data[:50], b""):
        package.write_bytes(bad)
        assert code(package) == "E_GPKG"
    page = np.frombuffer(data, np.uint8).copy()
    page[4096:] = 0xFF
    package.write_bytes(page.tobytes())
    assert code(package) == "E_GPKG"


def test_wal_mode_is_told(package: Path) -> None:
    with opened(package) as database:
        database.execute("PRAGMA journal_mode = WAL")
    assert gpkg_file.read(package, "地块").wal


def refusal(package: Path, statement: str) -> str:
    with opened(package) as database:
        database.executescript(statement)
    with pytest.raises(Rejected) as caught:
        gpkg_file.read(package, "地块")
    return f"{caught.value.code} {caught.value.where}"


def test_triggers_of_others_than_gdal(package: Path) -> None:
    with opened(package) as database:
        database.executescript(
            "CREATE TRIGGER rtree_地块_geom_insert AFTER INSERT ON 地块 BEGIN SELECT 1; END;"
        )
    assert len(gpkg_file.read(package, "地块").rows)
    trap = "CREATE TRIGGER trap AFTER UPDATE ON 地块 BEGIN DELETE FROM 地块; END;"
    assert refusal(package, trap) == "E_GPKG_SCHEMA trap"


def test_computed_columns(package: Path) -> None:
    trap = "ALTER TABLE 地块 ADD COLUMN bomb TEXT AS (printf('%.1000000c', 'x'));"
    assert refusal(package, trap) == "E_GPKG_SCHEMA bomb"


@pytest.mark.parametrize(
    ("kind", "code"), [(10, "E_CURVE"), (8, "E_CURVE"), (1012, "E_CURVE"), (15, "E_MULTIPATCH")]
)
def test_curves_and_solids_are_named(package: Path, kind: int, code: str) -> None:
    with opened(package) as database:
        data = b"GP\0\1" + struct.pack("<i", 4490) + b"\1" + struct.pack("<2i", kind, 0)
        database.execute("UPDATE 地块 SET geom = ? WHERE fid = 7", (data,))
    with pytest.raises(Rejected, match=code) as caught:
        gpkg_file.read(package, "地块")
    assert caught.value.where == "2"
