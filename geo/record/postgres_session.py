# ruff: noqa: S608 - names come from checked layer definitions
"""A connection of PostGIS: rows by COPY, geometry as EWKB, GiST indexes that keep themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from struct import pack
from typing import Any, ClassVar

import numpy as np

from geo.layers import Layer
from geo.record.prepare import Prepared
from geo.record.session import quote

SRS_ID = 4490
_SRID_FLAG = 0x20000000
#: from so many rows on COPY is quicker than one statement a row
_COPY = 20
_LOG = ("seq", "revision", "kind", "layer", "fid", "body", "geom", "h")
_numbers = count()


def ewkb(wkb: bytes | None) -> str | None:
    """Hexadecimal EWKB in EPSG:4490 of little-endian WKB, as PostGIS reads it."""
    if wkb is None:
        return None
    kind = int.from_bytes(wkb[1:5], "little") | _SRID_FLAG
    return (b"\x01" + pack("<II", kind, SRS_ID) + wkb[5:]).hex()


class PostgresSession:
    """See `geo.record.session.Session`; ``raw`` is a psycopg connection."""

    BODY: ClassVar[str] = "convert_to(body::text, 'UTF8')"
    KEYS: ClassVar[str] = "unnest(?::bigint[]) AS j(value)"
    HEADER: ClassVar[int] = 0

    def __init__(self, raw: Any) -> None:
        self.raw = raw

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> Any:
        return self.raw.execute(_marked(statement), parameters, binary=True)

    def stream(self, statement: str, parameters: Sequence[Any] = ()) -> Any:
        cursor = self.raw.cursor(name=f"liangtian_{next(_numbers)}")
        cursor.execute(_marked(statement), parameters, binary=True)
        return cursor

    def keys(self, numbers: Sequence[int]) -> list[int]:
        return list(numbers)

    def insert_log(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self._add("sys_log", _LOG, rows)

    @contextmanager
    def bulk(self, layer: Layer, rows: int) -> Iterator[None]:
        yield

    def geometries(self, wkb: Sequence[bytes | None], bounds: np.ndarray) -> Sequence[Any]:
        return [ewkb(item) for item in wkb]

    def geometry_of(self, layer: Layer) -> str:
        return "ST_AsBinary(t.geom, 'NDR')" if layer.geometry else "NULL::bytea"

    def enveloped(self, stored: Sequence[bytes], bounds: np.ndarray) -> Sequence[bool]:
        return [True] * len(stored)

    def texts(self, layer: Layer) -> list[str]:
        return [self._text(f.type, f.name) for f in layer.fields]

    def moment(self, name: str) -> str:
        return self._text("datetime", name)

    def _text(self, kind: str, name: str) -> str:
        column = f"t.{quote(name)}"
        if kind == "date":
            return f"to_char({column}, 'YYYY-MM-DD')"
        if kind == "datetime":
            return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""
        return column

    def restart(self, names: Sequence[str]) -> None:
        for name in names:
            (sequence,) = self.raw.execute(
                "SELECT pg_get_serial_sequence(%s, 'id')", (name,)
            ).fetchone()
            if sequence:
                self.raw.execute(
                    f"SELECT setval(%s, coalesce(max(id), 1), count(*) > 0) FROM {quote(name)}",
                    (sequence,),
                )

    def insert(self, layer: Layer, columns: dict[str, Sequence[Any]]) -> None:
        self._add(layer.id, tuple(columns), list(zip(*columns.values(), strict=True)))

    def update(self, layer: Layer, fids: Sequence[int], columns: dict[str, Sequence[Any]]) -> None:
        table = quote(layer.id)
        rows = list(zip(*columns.values(), fids, strict=True))
        if len(rows) < _COPY:
            names = ", ".join(f"{quote(name)} = %s" for name in columns)
            with self.raw.cursor() as cursor:
                cursor.executemany(f"UPDATE {table} SET {names} WHERE fid = %s", rows)
            return
        listed = ", ".join(quote(name) for name in (*columns, "fid"))
        self.raw.execute(
            f"CREATE TEMP TABLE sys_changed ON COMMIT DROP AS SELECT {listed} FROM {table} "
            "WITH NO DATA"
        )
        self._copy("sys_changed", (*columns, "fid"), rows)
        names = ", ".join(f"{quote(name)} = c.{quote(name)}" for name in columns)
        self.raw.execute(f"UPDATE {table} t SET {names} FROM sys_changed c WHERE c.fid = t.fid")
        self.raw.execute("DROP TABLE sys_changed")

    def delete(self, layer: Layer, fids: Sequence[int]) -> None:
        self.raw.execute(f"DELETE FROM {quote(layer.id)} WHERE fid = ANY(%s)", (list(fids),))

    def written(self, layer: Layer, item: Prepared, fids: np.ndarray, updated_at: str) -> None:
        """Indexes and extents are the server's own work."""

    def index_faults(
        self, layer: Layer, deep: bool
    ) -> Iterable[tuple[int | None, int | None, str | None]]:
        return ()

    def close(self) -> None:
        self.raw.close()

    def _add(self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        if len(rows) >= _COPY:
            return self._copy(table, columns, rows)
        names = ", ".join(quote(name) for name in columns)
        marks = ", ".join(["%s"] * len(columns))
        with self.raw.cursor() as cursor:
            cursor.executemany(f"INSERT INTO {quote(table)} ({names}) VALUES ({marks})", rows)

    def _copy(self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        names = ", ".join(quote(name) for name in columns)
        with (
            self.raw.cursor() as cursor,
            cursor.copy(f"COPY {quote(table)} ({names}) FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row(row)


def _marked(statement: str) -> str:
    """With the driver's marks; our statements hold no other question or per cent sign."""
    return statement.replace("?", "%s")
