"""Tables of the record in PostgreSQL with PostGIS, and the rights of the service on them."""

from __future__ import annotations

import re
from typing import Any

from psycopg.errors import InsufficientPrivilege
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import StaticPool

from geo.layers import Catalog, Field, Layer
from geo.record import migrate, postgres, tables
from geo.record.postgres_session import SRS_ID
from geo.record.protocol import (
    SchemaMismatch,
    SchemaTooNew,
    StorageError,
    measure_column,
)
from geo.record.session import quote

_TYPES = {
    "string": "text",
    "integer": "bigint",
    "number": "double precision",
    "boolean": "boolean",
    "date": "date",
    "datetime": "timestamp with time zone",
}
#: Several nodes may start at once: one of them makes the tables.
_LOCK = 4490_2026
#: Who writes holds its only row, so that the chain has one end.
_HEAD = """CREATE TABLE sys_head (one boolean PRIMARY KEY DEFAULT true CHECK (one));
INSERT INTO sys_head DEFAULT VALUES"""
#: Against mistakes of whoever has more rights than the service.
_GUARD = """CREATE FUNCTION sys_log_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'sys_log is append-only'; END $$;
CREATE TRIGGER sys_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON sys_log
FOR EACH STATEMENT EXECUTE FUNCTION sys_log_refuse()"""
_RESERVED = ("sys_", "pg_", "spatial_ref_sys", "geometry_columns", "geography_columns")


def prepare(url: str, catalog: Catalog) -> None:
    """Create what is missing, in one transaction; refuse a newer or a foreign database.

    Needs the rights of an owner only where something is missing. New layers and new fields of
    the catalog become tables and columns; nothing is ever dropped. Raises `StorageError`,
    `SchemaTooNew`, `SchemaMismatch`.
    """
    with postgres.storage_errors(postgres.shown(url)):
        raw = postgres.connect(url, role=None)
    try:
        with postgres.storage_errors(postgres.shown(url)):
            if _is_current(raw, catalog):
                return
        raw.rollback()
        with postgres.storage_errors(postgres.shown(url)):
            try:
                _bring_up(raw, catalog)
            except (InsufficientPrivilege, ProgrammingError) as error:
                cause = getattr(error, "orig", error)
                if not isinstance(cause, InsufficientPrivilege):
                    raise
                raise _no_right(str(cause)) from error
            raw.commit()
    finally:
        raw.close()


def _bring_up(raw: Any, catalog: Catalog) -> None:
    raw.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    _check_server(raw)
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: raw, poolclass=StaticPool,
        pool_reset_on_return=None,
    )  # fmt: skip
    connection = engine.connect()
    if not _tables(raw):
        _create(raw, connection)
    elif _check_version(raw) < tables.SCHEMA_VERSION:
        migrate.steps(connection)
    _check_version(raw)
    for layer in catalog.layers.values():
        _prepare_layer(raw, layer)
    _grant(raw, catalog)


def _check_server(raw: Any) -> None:
    if raw.info.server_version < postgres.MINIMUM[0] * 10_000:
        raise StorageError("E_DATABASE_TOO_OLD", f"PostgreSQL {raw.info.server_version}")
    (encoding,) = raw.execute("SHOW server_encoding").fetchone()
    if encoding != "UTF8":
        raise StorageError("E_DATABASE_TOO_OLD", f"server_encoding {encoding}")
    raw.execute("CREATE EXTENSION IF NOT EXISTS postgis")
    (version,) = raw.execute("SELECT PostGIS_Lib_Version()").fetchone()
    found = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if found < postgres.POSTGIS_MINIMUM:
        raise StorageError("E_DATABASE_TOO_OLD", f"PostGIS {version}")


def _create(raw: Any, connection: Connection) -> None:
    tables.metadata.create_all(connection)
    for statement in (*_HEAD.split(";"), _GUARD):
        raw.execute(statement)
    version = tables.SCHEMA_VERSION
    raw.execute("INSERT INTO sys_meta VALUES ('schema_version', %s)", (str(version),))
    migrate.stamp(raw, version)


def _tables(raw: Any) -> set[str]:
    rows = raw.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
    )
    return {name for (name,) in rows} - {"spatial_ref_sys", "geometry_columns", "geography_columns"}


def _check_version(raw: Any) -> int:
    if "sys_meta" not in _tables(raw):
        raise StorageError("E_NOT_A_RECORD", raw.info.dbname)
    row = raw.execute("SELECT value FROM sys_meta WHERE key = 'schema_version'").fetchone()
    version = int(row[0]) if row else 0
    if version > tables.SCHEMA_VERSION:
        raise SchemaTooNew(
            f"数据库版本 {version} 比本软件支持的 {tables.SCHEMA_VERSION} 新；请升级软件",
            f"the database has schema version {version}, this software knows "
            f"{tables.SCHEMA_VERSION}; upgrade the software",
        )
    return version


def _is_current(raw: Any, catalog: Catalog) -> bool:
    if not _tables(raw) or _check_version(raw) < tables.SCHEMA_VERSION:
        return False
    if not raw.execute(
        "SELECT 1 FROM pg_roles WHERE rolname = %s", (postgres.APP_ROLE,)
    ).fetchone():
        return False
    rights = raw.execute(
        "SELECT has_table_privilege(%s, 'sys_log', 'UPDATE, DELETE, TRUNCATE'), "
        "has_table_privilege(%s, 'sys_log', 'INSERT')",
        (postgres.APP_ROLE, postgres.APP_ROLE),
    ).fetchone()
    return rights == (False, True) and all(
        kind.startswith(declared.get(name, "none"))
        for layer in catalog.layers.values()
        for declared in (_declared(raw, layer),)
        for name, kind in _columns(layer)
    )


def _declared(raw: Any, layer: Layer) -> dict[str, str]:
    rows = raw.execute(
        "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute "
        "WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped",
        (quote(layer.id),),
    )
    return dict(rows.fetchall())


def _columns(layer: Layer) -> list[tuple[str, str]]:
    """Name and declaration of each column after ``fid``."""
    shape = layer.geometry
    columns = [("geom", f"geometry({shape}, {SRS_ID})")] if shape else []
    columns += [(field.name, _TYPES[field.type]) for field in layer.fields]
    measure = measure_column(layer)
    if measure:
        limit = f"CHECK ({measure} >= 0 AND {measure} < 1e13)"
        columns.append((measure, f"double precision {limit}"))
    return [
        *columns,
        ("version", "bigint NOT NULL"),
        ("revision", "bigint NOT NULL"),
        ("log_seq", "bigint NOT NULL"),
        ("updated_at", "timestamp with time zone NOT NULL"),
    ]


def _prepare_layer(raw: Any, layer: Layer) -> None:
    if layer.id.startswith(_RESERVED):
        raise _mismatch(layer, "*", "reserved name", "layer")
    declared, columns, table = _declared(raw, layer), _columns(layer), quote(layer.id)
    if not declared:
        body = ", ".join(f"{quote(name)} {kind}" for name, kind in columns)
        raw.execute(f"CREATE TABLE {table} (fid bigint PRIMARY KEY, {body})")
        if layer.geometry:
            raw.execute(f"CREATE INDEX ON {table} USING gist (geom)")
    for name, kind in columns if declared else ():
        if name not in declared:
            if name == "geom":
                raise _mismatch(layer, name, "none", kind)
            raw.execute(f"ALTER TABLE {table} ADD COLUMN {quote(name)} {kind}")
        elif not kind.startswith(declared[name]):
            raise _mismatch(layer, name, declared[name], kind)
    raw.execute(f"COMMENT ON TABLE {table} IS {_text(f'{layer.title.zh} {layer.title.en}')}")
    for field in layer.fields:
        raw.execute(f"COMMENT ON COLUMN {table}.{quote(field.name)} IS {_text(_title(field))}")


def _title(field: Field) -> str:
    return f"{field.title.zh} {field.title.en}"


def _text(value: str) -> str:
    """A literal: COMMENT takes no parameters."""
    return "'" + value.replace("'", "''") + "'"


def _grant(raw: Any, catalog: Catalog) -> None:
    """The service reads and adds to the log, and works on all else; it makes no tables."""
    role = postgres.APP_ROLE
    if not raw.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone():
        raw.execute(f"CREATE ROLE {role} NOLOGIN")
    user = raw.execute("SELECT current_user").fetchone()[0]
    member = raw.execute("SELECT pg_has_role(%s, %s, 'MEMBER')", (user, role)).fetchone()[0]
    if not member:
        raw.execute(f"GRANT {role} TO {quote(user)}")
    (schema,) = raw.execute("SELECT current_schema()").fetchone()
    raw.execute(f"GRANT USAGE ON SCHEMA {quote(schema)} TO {role}")
    own = [table.name for table in tables.metadata.sorted_tables if table.name != "sys_log"]
    own += ["sys_head", migrate.VERSION_TABLE, *catalog.layers]
    for name in own:
        raw.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {quote(name)} TO {role}")
    raw.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON sys_log FROM {role}")
    raw.execute(f"GRANT SELECT, INSERT ON sys_log TO {role}")
    raw.execute(f"GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA {quote(schema)} TO {role}")


def _no_right(why: str) -> SchemaMismatch:
    error = SchemaMismatch(
        "数据库的表尚未就绪，当前用户无权建表",
        f"the tables are not up to date and this user may not make them: {why}",
    )
    error.fix = (
        "请用数据库所有者的账号运行一次 liangtian migrate",
        "Run `liangtian migrate` once with the address of the database's owner",
    )
    return error


def _mismatch(layer: Layer, column: str, stored: str, wanted: str) -> SchemaMismatch:
    return SchemaMismatch(
        f"图层 {layer.id} 的字段 {column} 在数据库中为 {stored}，定义中为 {wanted}",
        f"layer {layer.id}: column {column} is {stored} in the database, "
        f"{wanted} in the definition",
        where=f"{layer.id}.{column}",
    )
