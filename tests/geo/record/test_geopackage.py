"""The file is a GeoPackage that others read, and it follows the layer definitions."""

from __future__ import annotations

import json
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from pyproj import CRS

from geo.layers import Catalog
from geo.record import schema, sqlite
from geo.record.geopackage import GeoPackageRecord, open_record
from geo.record.protocol import ChangeSet, SchemaMismatch, StorageError
from tests.environment import ROOT, geopackage_validator
from tests.geo.record.builders import (
    AUTHOR,
    FIELDS,
    catalog,
    create,
    field,
    layer,
    plots,
    squares,
    table,
)

pytestmark = pytest.mark.unit

#: Rules of the validator that are the Dutch data office's policy, not the standard's.
NOT_THE_STANDARD = {
    "RQ22": "only Dutch and European coordinate systems are allowed; ours is EPSG:4490",
}
#: The validator runs on Debian's GDAL 3.6, which knows GeoPackage up to 1.3.
OLD_GDAL = "(10400, v1.4.0)"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of a record with features in all layers of the project, edited and deleted."""
    folder = tmp_path_factory.mktemp("copy")
    definitions = Catalog.load(ROOT / "data")
    shapes = {
        "MultiPolygon": squares(20),
        "MultiLineString": shapely.boundary(squares(20)),
        "Point": shapely.centroid(squares(20)),
        None: None,
    }
    with open_record(folder / "record.gpkg", definitions) as record:
        layers = definitions.layers.values()
        record.commit(
            [ChangeSet.inserts(x.id, table(20, x), shapes[x.geometry]) for x in layers], AUTHOR
        )
        record.commit([ChangeSet.deletes(x.id, np.array([3, 4])) for x in layers], AUTHOR)
        record.commit(
            [ChangeSet.updates(x.id, np.array([5]), table(1, x), None) for x in layers], AUTHOR
        )
        assert record.verify(deep=True).ok
        record.copy_to(folder / "copy.gpkg")
    return folder / "copy.gpkg"


def test_an_independent_validator_finds_nothing(copy: Path) -> None:
    command = geopackage_validator()
    if command is None:
        pytest.skip("pdok-geopackage-validator is not installed (scripts/test-tools)")
    run = subprocess.run(
        [command, "validate", "--gpkg-path", str(copy)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    answer = json.loads(run.stdout)
    assert len(answer["validations_executed"]) >= 20
    found = [
        (result["validation_code"], place)
        for result in answer["results"]
        if result["validation_code"] not in NOT_THE_STANDARD
        for place in result["locations"]
        if OLD_GDAL not in place
    ]
    assert found == []


def test_gdal_reads_what_was_committed(copy: Path) -> None:
    definitions = Catalog.load(ROOT / "data")
    kinds = dict(pyogrio.list_layers(copy).tolist())
    assert kinds == {x.id: x.geometry for x in definitions.layers.values()}
    for x in definitions.layers.values():
        info = pyogrio.read_info(copy, layer=x.id)
        frame = pyogrio.read_dataframe(copy, layer=x.id, fid_as_index=True)
        assert len(frame) == info["features"] == 18
        assert sorted(frame.index) == sorted(set(range(1, 21)) - {3, 4})
        names = [f.name for f in x.fields if f.type == "string"]
        assert frame.loc[2, names].tolist() == ['地块"1"\n'] * len(names)
        if x.geometry:
            assert CRS.from_user_input(info["crs"]).to_epsg() == 4490
            assert frame.geometry.is_valid.all()


def test_the_spatial_index_answers(copy: Path) -> None:
    box = squares(1, 6)[0]
    frame = pyogrio.read_dataframe(copy, layer="parcels", bbox=box.buffer(-1e-5).bounds)
    assert len(frame) == 1
    with closing(sqlite.connect(copy)) as connection:
        for name in ("rtree_parcels_geom", "rtree_samples_geom"):
            assert connection.execute(f"SELECT rtreecheck('{name}')").fetchone() == ("ok",)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA application_id").fetchone() == (0x47504B47,)


def test_reference_system_is_what_proj_says(copy: Path) -> None:
    with closing(sqlite.connect(copy)) as connection:
        rows = dict(connection.execute("SELECT srs_id, definition FROM gpkg_spatial_ref_sys"))
    for code in (4326, 4490):
        assert CRS.from_wkt(rows[code]) == CRS.from_epsg(code)
        assert f'AUTHORITY["EPSG","{code}"]' in rows[code]


def test_titles_travel_with_the_file(copy: Path) -> None:
    with closing(sqlite.connect(copy)) as connection:
        (title,) = connection.execute(
            "SELECT title FROM gpkg_data_columns WHERE table_name = 'parcels' "
            "AND column_name = 'code'"
        ).fetchone()
        (name,) = connection.execute(
            "SELECT identifier FROM gpkg_contents WHERE table_name = 'parcels'"
        ).fetchone()
    parcels = Catalog.load(ROOT / "data").layers["parcels"]
    assert name == f"{parcels.title.zh} (parcels)"
    assert title == f"{parcels.by_name['code'].title.zh} {parcels.by_name['code'].title.en}"


def test_a_copy_is_a_whole_record(record: GeoPackageRecord, tmp_path: Path) -> None:
    record.commit([plots(10)], AUTHOR)
    record.event("login", AUTHOR, {})
    record.copy_to(tmp_path / "copy.gpkg")
    with pytest.raises(FileExistsError):
        record.copy_to(tmp_path / "copy.gpkg")
    assert (tmp_path / "copy.gpkg").stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob("copy.gpkg?*"))
    with create(tmp_path / "copy.gpkg") as copied:
        assert copied.anchor().h == record.anchor().h
        assert copied.verify([record.anchor()], deep=True).ok
        _, (fids,) = copied.commit([plots(1)], AUTHOR)
        assert fids.tolist() == [11]


def test_new_layers_and_fields_appear_when_opened(tmp_path: Path) -> None:
    path = tmp_path / "record.gpkg"
    with create(path) as record:
        record.commit([plots(3)], AUTHOR)
    more = layer("plots", "MultiPolygon", (*FIELDS, field("grade", "integer")))
    grassland = layer("grassland", "MultiPolygon")
    with create(path, more, grassland) as record:
        assert record.verify(deep=True).ok
        (entries,) = record.entries("plots")
        assert entries.attributes["grade"].to_pylist() == [None] * 3
        record.commit([ChangeSet.updates("plots", [1], table(1, more))], AUTHOR)
        record.commit([ChangeSet.inserts("grassland", table(1), squares(1))], AUTHOR)
        assert record.verify(deep=True).ok
    with create(path) as record:  # and the older definitions still work
        assert record.verify(deep=True).ok
        record.commit([ChangeSet.updates("plots", [2], table(1))], AUTHOR)
        assert record.verify(deep=True).ok


def test_a_changed_title_reaches_the_file(tmp_path: Path) -> None:
    path = tmp_path / "record.gpkg"
    create(path).close()
    renamed = layer("plots", "MultiPolygon", (*FIELDS[1:], FIELDS[0].model_copy(
        update={"title": FIELDS[0].title.model_copy(update={"zh": "编号"})})))  # fmt: skip
    with create(path, renamed) as record, record.read() as connection:
        title = connection.exec_driver_sql(
            "SELECT title FROM gpkg_data_columns WHERE table_name = 'plots' "
            "AND column_name = 'code'"
        ).scalar()
    assert title == "编号 code"


@pytest.mark.parametrize(
    "changed",
    [
        layer("plots", "MultiPolygon", (field("ph", "string"),)),
        layer("plots", "Point"),
        layer("treatments", "Point"),
        layer("sys_log", None),
    ],
)
def test_a_type_that_changed_is_refused(tmp_path: Path, changed) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "record.gpkg"
    create(path).close()
    with pytest.raises(SchemaMismatch) as caught:
        create(path, changed)
    assert caught.value.where is not None
    create(path).close()  # nothing was changed


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.gpkg"
    text.write_text("not a database, but long enough to be read as one" * 20)
    other = tmp_path / "other.gpkg"
    with closing(sqlite.connect(other)) as connection:
        connection.execute("CREATE TABLE notes (n)")
    for path in (text, other):
        with pytest.raises(StorageError) as caught:
            create(path)
        assert caught.value.code == "E_NOT_A_RECORD"


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER sneak AFTER INSERT ON plots BEGIN UPDATE sys_people SET role='admin'; END",
        "CREATE VIEW sneak AS SELECT * FROM sys_tokens",
        "DROP TRIGGER sys_log_no_update; CREATE TRIGGER sys_log_no_update BEFORE UPDATE ON "
        "sys_log BEGIN SELECT 1; END",
    ],
)
def test_foreign_triggers_and_views_are_refused(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "record.gpkg"
    create(path).close()
    with closing(sqlite.connect(path)) as connection:
        connection.executescript(statement)
    with pytest.raises(SchemaMismatch, match=r"sneak|sys_log_no_update"):
        create(path)


def test_constraints_hold_below_our_code(record: GeoPackageRecord) -> None:
    record.commit([plots(1)], AUTHOR)
    for value in ("-1", "1e13", "9e999"):
        with (
            pytest.raises(Exception, match="CHECK constraint"),
            record.write() as connection,
        ):
            connection.exec_driver_sql(f"UPDATE plots SET area_m2 = {value}")


def test_opening_twice_changes_nothing(tmp_path: Path) -> None:
    path, before = tmp_path / "record.gpkg", tmp_path / "before"
    create(path).close()
    shutil.copy(path, before)
    create(path).close()
    assert path.read_bytes() == before.read_bytes()


def test_catalogue_of_the_project_has_tables(copy: Path) -> None:
    definitions = Catalog.load(ROOT / "data")
    with closing(sqlite.connect(copy)) as connection:
        assert schema.prepare(connection, definitions) == []
        assert schema.prepare(connection, catalog()) == []


def test_the_file_is_its_owners_alone(record: GeoPackageRecord) -> None:
    record.commit([plots(1)], AUTHOR)
    for suffix in ("", "-wal", "-shm"):
        assert Path(f"{record.path}{suffix}").stat().st_mode & 0o777 == 0o600
