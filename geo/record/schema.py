"""Tables of the GeoPackage: standard metadata, one table a layer, R-tree, log triggers.

Source: OGC GeoPackage 1.4 (12-128r19).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from geo.layers import Catalog, Field, Layer
from geo.record import migrate, rtree, tables
from geo.record.blob import SRS_ID
from geo.record.protocol import SchemaMismatch, SchemaTooNew, StorageError, measure_column
from geo.record.session import quote

APPLICATION_ID = 0x47504B47  # 'GPKG'
USER_VERSION = 10400  # GeoPackage 1.4.0

_TYPES = {
    "string": "TEXT",
    "integer": "INTEGER",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "datetime": "DATETIME",
}

_GPKG = (
    """CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY,
    organization TEXT NOT NULL, organization_coordsys_id INTEGER NOT NULL,
    definition TEXT NOT NULL, description TEXT)""",
    """CREATE TABLE gpkg_contents (table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL,
    identifier TEXT UNIQUE, description TEXT DEFAULT '',
    last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
    min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER,
    CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id))""",
    """CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL,
    geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL, z TINYINT NOT NULL,
    m TINYINT NOT NULL, CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name),
    CONSTRAINT uk_gc_table_name UNIQUE (table_name),
    CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name),
    CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys (srs_id))""",
    """CREATE TABLE gpkg_extensions (table_name TEXT, column_name TEXT,
    extension_name TEXT NOT NULL, definition TEXT NOT NULL, scope TEXT NOT NULL,
    CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name))""",
    """CREATE TABLE gpkg_data_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL,
    name TEXT, title TEXT, description TEXT, mime_type TEXT, constraint_name TEXT,
    CONSTRAINT pk_gdc PRIMARY KEY (table_name, column_name),
    CONSTRAINT gdc_tn UNIQUE (table_name, name))""",
    """CREATE TABLE gpkg_data_column_constraints (constraint_name TEXT NOT NULL,
    constraint_type TEXT NOT NULL, value TEXT, min NUMERIC, min_is_inclusive BOOLEAN,
    max NUMERIC, max_is_inclusive BOOLEAN, description TEXT,
    CONSTRAINT gdcc_ntv UNIQUE (constraint_name, constraint_type, value))""",
)

#: WKT 1 (OGC 01-009) as the base table asks for; EPSG's axis order is written out.
_WKT_4326 = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,'
    'AUTHORITY["EPSG","7030"]],AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0,'
    'AUTHORITY["EPSG","8901"]],UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],'
    'AXIS["Latitude",NORTH],AXIS["Longitude",EAST],AUTHORITY["EPSG","4326"]]'
)
_WKT_4490 = (
    'GEOGCS["China Geodetic Coordinate System 2000",DATUM["China_2000",'
    'SPHEROID["CGCS2000",6378137,298.257222101,AUTHORITY["EPSG","1024"]],'
    'AUTHORITY["EPSG","1043"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],'
    'UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],AXIS["Latitude",NORTH],'
    'AXIS["Longitude",EAST],AUTHORITY["EPSG","4490"]]'
)
_SRS: tuple[tuple[str, int, str, int, str, str | None], ...] = (
    ("Undefined Cartesian SRS", -1, "NONE", -1, "undefined", "undefined Cartesian"),
    ("Undefined geographic SRS", 0, "NONE", 0, "undefined", "undefined geographic"),
    ("WGS 84", 4326, "EPSG", 4326, _WKT_4326, "longitude/latitude in decimal degrees"),
    (
        "China Geodetic Coordinate System 2000",
        4490,
        "EPSG",
        4490,
        _WKT_4490,
        "CGCS2000, longitude/latitude in decimal degrees",
    ),
)

_LOG_TRIGGERS = {
    f"sys_log_no_{verb.lower()}": f"CREATE TRIGGER sys_log_no_{verb.lower()} BEFORE {verb} "
    "ON sys_log BEGIN SELECT RAISE(ABORT, 'sys_log is append-only'); END"
    for verb in ("UPDATE", "DELETE")
}


def prepare(connection: Any, catalog: Catalog) -> list[str]:
    """Create what is missing, in one transaction; refuse a newer or a foreign file.

    ``connection`` is a DBAPI connection in autocommit mode. New layers and new fields of
    the catalog become tables and columns; nothing is ever dropped. Returns the names of
    our triggers that someone had removed; they are back.
    """
    lost = _check_triggers(connection)
    if _names(connection, "table") and _check_version(connection) < tables.SCHEMA_VERSION:
        migrate.upgrade(connection, _check_version)
    if lost or not _is_current(connection, catalog):
        connection.execute("BEGIN IMMEDIATE")
        try:
            if not _names(connection, "table"):
                _create(connection)
            _check_version(connection)
            lost = _check_triggers(connection)
            for statement in lost.values():
                connection.execute(statement)
            for layer in catalog.layers.values():
                _prepare_layer(connection, layer)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    return sorted(lost)


def _check_triggers(connection: Any) -> dict[str, str]:
    """Views and triggers run with the record's rights: only ours may be there. Returns
    those of ours that are missing."""
    tables_ = _names(connection, "table")
    own = dict(_LOG_TRIGGERS) if "sys_log" in tables_ else {}
    if "gpkg_geometry_columns" in tables_:
        for (layer,) in connection.execute("SELECT table_name FROM gpkg_geometry_columns"):
            own |= rtree.triggers(layer)
    rows = connection.execute(
        "SELECT name, tbl_name, sql FROM sqlite_master WHERE type IN ('view', 'trigger')"
    ).fetchall()
    for name, table, sql in rows:
        if own.pop(name, None) != sql:
            raise SchemaMismatch(
                f"数据库中有外来的触发器或视图 {name}，拒绝打开",
                f"the file has a trigger or view that is not the record's: {name}",
                where=table,
            )
    return own


def _is_current(connection: Any, catalog: Catalog) -> bool:
    if not _names(connection, "table"):
        return False
    return all(
        {(name, _base(kind)) for name, kind in _columns(layer)}
        <= set(_declared(connection, layer).items())
        and _titles(connection, layer) == _expected_titles(layer)
        for layer in catalog.layers.values()
    )


def _check_version(connection: Any) -> int:
    if "sys_meta" not in _names(connection, "table"):
        raise StorageError("E_NOT_A_RECORD")
    row = connection.execute("SELECT value FROM sys_meta WHERE key = 'schema_version'").fetchone()
    version = int(row[0]) if row else 0
    if version > tables.SCHEMA_VERSION:
        raise SchemaTooNew(
            f"数据库版本 {version} 比本软件支持的 {tables.SCHEMA_VERSION} 新；请升级软件",
            f"the file has schema version {version}, this software knows "
            f"{tables.SCHEMA_VERSION}; upgrade the software",
        )
    return version


def _create(connection: Any) -> None:
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {USER_VERSION}")
    for statement in _GPKG:
        connection.execute(statement)
    connection.executemany("INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)", _SRS)
    connection.executemany(
        "INSERT INTO gpkg_extensions VALUES (?, NULL, 'gpkg_schema', "
        "'http://www.geopackage.org/spec140/#extension_schema', 'read-write')",
        [("gpkg_data_columns",), ("gpkg_data_column_constraints",)],
    )
    _create_system_tables(connection)
    for statement in _LOG_TRIGGERS.values():
        connection.execute(statement)
    connection.execute(
        "INSERT INTO sys_meta VALUES ('schema_version', ?)", (str(tables.SCHEMA_VERSION),)
    )
    migrate.stamp(connection, tables.SCHEMA_VERSION)


def _create_system_tables(connection: Any) -> None:
    dialect = sqlite.dialect()
    for table in tables.metadata.sorted_tables:
        connection.execute(str(CreateTable(table).compile(dialect=dialect)))
        for index in sorted(table.indexes, key=lambda item: str(item.name)):
            connection.execute(str(CreateIndex(index).compile(dialect=dialect)))


def _names(connection: Any, kind: str) -> set[str]:
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = ?", (kind,))
    return {row[0] for row in rows}


def _declared(connection: Any, layer: Layer) -> dict[str, str]:
    rows = connection.execute("SELECT name, type FROM pragma_table_info(?)", (layer.id,))
    return {name: _base(kind) for name, kind in rows}


def _base(kind: str) -> str:
    """The type without its length and constraints: a longer text is no other type."""
    return kind.partition(" ")[0].partition("(")[0]


def _field_type(field: Field) -> str:
    if field.type == "string" and field.max_length:
        return f"TEXT({field.max_length})"
    return _TYPES[field.type]


def _columns(layer: Layer) -> list[tuple[str, str]]:
    """Name and declaration of each column after ``fid``."""
    columns = [("geom", layer.geometry.upper())] if layer.geometry else []
    columns += [(field.name, _field_type(field)) for field in layer.fields]
    measure = measure_column(layer)
    if measure:
        limit = f"CHECK ({measure} >= 0 AND {measure} < 1e13)"
        columns.append((measure, f"DOUBLE {limit}"))
    return [
        *columns,
        ("version", "INTEGER NOT NULL"),
        ("revision", "INTEGER NOT NULL"),
        ("log_seq", "INTEGER NOT NULL"),
        ("updated_at", "DATETIME NOT NULL"),
    ]


def _prepare_layer(connection: Any, layer: Layer) -> None:
    if layer.id.startswith(("sys_", "gpkg_", "rtree_", "sqlite_")):
        raise _mismatch(layer, "*", "reserved name", "layer")
    declared = _declared(connection, layer)
    columns = _columns(layer)
    if not declared:
        body = ", ".join(f"{quote(name)} {kind}" for name, kind in columns)
        connection.execute(
            f"CREATE TABLE {quote(layer.id)} "
            f"(fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, {body})"
        )
        _register(connection, layer)
        if layer.geometry:
            rtree.create(connection, layer)
    else:
        for name, kind in columns:
            if name not in declared:
                if name == "geom":
                    raise _mismatch(layer, name, "none", kind)
                connection.execute(f"ALTER TABLE {quote(layer.id)} ADD COLUMN {quote(name)} {kind}")
            elif declared[name] != _base(kind):
                raise _mismatch(layer, name, declared[name], kind)
    # Identifiers are unique in a GeoPackage, titles need not be: the id comes along.
    connection.execute(
        "UPDATE gpkg_contents SET identifier = ?, description = ? WHERE table_name = ?",
        (
            f"{layer.title.zh} ({layer.id})",
            f"{layer.title.en}. {layer.description.zh}",
            layer.id,
        ),
    )
    connection.execute("DELETE FROM gpkg_data_columns WHERE table_name = ?", (layer.id,))
    connection.executemany(
        "INSERT INTO gpkg_data_columns (table_name, column_name, name, title, description) "
        "VALUES (?, ?, ?, ?, ?)",
        [(layer.id, *row) for row in _expected_titles(layer)],
    )


def _mismatch(layer: Layer, column: str, stored: str, wanted: str) -> SchemaMismatch:
    return SchemaMismatch(
        f"图层 {layer.id} 的字段 {column} 在数据库中为 {stored}，定义中为 {wanted}",
        f"layer {layer.id}: column {column} is {stored} in the file, {wanted} in the definition",
        where=f"{layer.id}.{column}",
    )


def _expected_titles(layer: Layer) -> list[tuple[str, str, str, str | None]]:
    return [
        (f.name, f.name, f"{f.title.zh} {f.title.en}", f.description.zh if f.description else None)
        for f in sorted(layer.fields, key=lambda f: f.name)
    ]


def _titles(connection: Any, layer: Layer) -> list[tuple[str, str, str, str | None]]:
    return connection.execute(
        "SELECT column_name, name, title, description FROM gpkg_data_columns "
        "WHERE table_name = ? ORDER BY column_name",
        (layer.id,),
    ).fetchall()


def _register(connection: Any, layer: Layer) -> None:
    connection.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) VALUES (?, ?, ?, ?)",
        (
            layer.id,
            "features" if layer.geometry else "attributes",
            layer.id,
            SRS_ID if layer.geometry else None,
        ),
    )
    if layer.geometry:
        connection.execute(
            "INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', ?, ?, 0, 0)",
            (layer.id, layer.geometry.upper(), SRS_ID),
        )
