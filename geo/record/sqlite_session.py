# ruff: noqa: S608 - names come from checked layer definitions
"""A connection of the GeoPackage: rows of layers with their R-tree and extents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
import orjson

from geo.layers import Layer
from geo.record import blob, rtree
from geo.record.prepare import Prepared
from geo.record.protocol import DELETE, UPDATE
from geo.record.session import quote

#: from here on dropping the R-tree triggers costs less than running them
BULK = 2_000
#: index faults that are told
_LIMIT = 1_000


class SqliteSession:
    """See `geo.record.session.Session`; ``raw`` is a DBAPI connection."""

    BODY: ClassVar[str] = "CAST(body AS BLOB)"
    KEYS: ClassVar[str] = "json_each(?) j"
    HEADER: ClassVar[int] = blob.HEADER_SIZE

    def __init__(self, raw: Any) -> None:
        self.raw = raw

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> Any:
        return self.raw.execute(statement, parameters)

    def stream(self, statement: str, parameters: Sequence[Any] = ()) -> Any:
        return self.raw.execute(statement, parameters)

    def keys(self, numbers: Sequence[int]) -> str:
        return orjson.dumps(list(numbers)).decode()

    def insert_log(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self.raw.executemany("INSERT INTO sys_log VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)

    @contextmanager
    def bulk(self, layer: Layer, rows: int) -> Iterator[None]:
        """A bulk change leaves the R-tree's triggers out; `written` then keeps it."""
        if layer.geometry is None or rows < BULK:
            yield
            return
        names = rtree.triggers(layer.id)
        for name in names:
            self.raw.execute(f"DROP TRIGGER {quote(name)}")
        yield
        for statement in names.values():
            self.raw.execute(statement)

    def geometries(self, wkb: Sequence[bytes | None], bounds: Any) -> Sequence[Any]:
        return blob.with_headers(bounds, wkb)

    def geometry_of(self, layer: Layer) -> str:
        return "t.geom" if layer.geometry else "NULL"

    def enveloped(self, stored: Sequence[bytes], bounds: Any) -> Sequence[bool]:
        heads, size = blob.headers(bounds), blob.HEADER_SIZE
        return [value[:size] == heads[i * size : (i + 1) * size] for i, value in enumerate(stored)]

    def texts(self, layer: Layer) -> list[str]:
        return [f"t.{quote(field.name)}" for field in layer.fields]

    def moment(self, name: str) -> str:
        return f"t.{name}"

    def restart(self, names: Sequence[str]) -> None:
        """SQLite takes the highest id by itself."""

    def insert(self, layer: Layer, columns: dict[str, Sequence[Any]]) -> None:
        names = ", ".join(quote(name) for name in columns)
        marks = ", ".join("?" * len(columns))
        self.raw.executemany(
            f"INSERT INTO {quote(layer.id)} ({names}) VALUES ({marks})",
            zip(*columns.values(), strict=True),
        )

    def update(self, layer: Layer, fids: Sequence[int], columns: dict[str, Sequence[Any]]) -> None:
        names = ", ".join(f"{quote(name)} = ?" for name in columns)
        self.raw.executemany(
            f"UPDATE {quote(layer.id)} SET {names} WHERE fid = ?",
            zip(*columns.values(), fids, strict=True),
        )

    def delete(self, layer: Layer, fids: Sequence[int]) -> None:
        self.raw.execute(
            f"DELETE FROM {quote(layer.id)} WHERE fid IN (SELECT value FROM json_each(?))",
            (self.keys(fids),),
        )

    def written(self, layer: Layer, item: Prepared, fids: np.ndarray, updated_at: str) -> None:
        if layer.geometry is not None and len(item) >= BULK:
            self._write_rtree(layer, item, fids)
        self._grow_contents(item, updated_at)

    def _write_rtree(self, layer: Layer, item: Prepared, fids: np.ndarray) -> None:
        """In the order of a coarse grid, so that nodes stay warm."""
        name = quote(rtree.name_of(layer.id))
        touched = (item.op == DELETE) | ((item.op == UPDATE) & (item.geometry is not None))
        if touched.any():
            self.raw.execute(
                f"DELETE FROM {name} WHERE id IN (SELECT value FROM json_each(?))",
                (self.keys(fids[touched].tolist()),),
            )
        present = np.flatnonzero(~np.isnan(item.bounds[:, 0]))
        cells = np.floor(item.bounds[present, :2] / 0.05)
        present = present[np.lexsort((cells[:, 0], cells[:, 1]))]
        columns = (fids[present], *item.bounds[present][:, [0, 2, 1, 3]].T)
        self.raw.executemany(
            f"INSERT INTO {name} VALUES (?, ?, ?, ?, ?)",
            zip(*(column.tolist() for column in columns), strict=True),
        )

    def _grow_contents(self, item: Prepared, updated_at: str) -> None:
        """Keep gpkg_contents' extent around everything that was ever stored."""
        box: list[float | None] = [None] * 4
        if item.geometry is not None and not np.isnan(item.bounds).all():
            low, high = np.nanmin(item.bounds, axis=0), np.nanmax(item.bounds, axis=0)
            box = [*low[:2].tolist(), *high[2:].tolist()]
        self.raw.execute(
            "UPDATE gpkg_contents SET last_change = ?1, "
            "min_x = min(ifnull(min_x, ?2), ifnull(?2, min_x)), "
            "min_y = min(ifnull(min_y, ?3), ifnull(?3, min_y)), "
            "max_x = max(ifnull(max_x, ?4), ifnull(?4, max_x)), "
            "max_y = max(ifnull(max_y, ?5), ifnull(?5, max_y)) WHERE table_name = ?6",
            (updated_at, *box, item.layer.id),
        )

    def index_faults(
        self, layer: Layer, deep: bool
    ) -> Iterable[tuple[int | None, int | None, str | None]]:
        """R-tree: one box for each geometry, and (deep) around its envelope."""
        table, boxes_of = quote(layer.id), quote(rtree.name_of(layer.id))
        shapes, boxes = self.raw.execute(
            f"SELECT (SELECT count(geom) FROM {table}), (SELECT count(*) FROM {boxes_of})"
        ).fetchone()
        if shapes != boxes:
            yield None, None, f"{boxes} boxes for {shapes} geometries"
        if deep:
            wrong = self.raw.execute(
                f"SELECT t.fid, t.log_seq FROM {table} t LEFT JOIN {boxes_of} r ON r.id = t.fid "
                "WHERE t.geom IS NOT NULL AND (r.id IS NULL OR "
                "r.minx > ST_MinX(t.geom) OR r.maxx < ST_MaxX(t.geom) OR "
                "r.miny > ST_MinY(t.geom) OR r.maxy < ST_MaxY(t.geom)) LIMIT ?",
                (_LIMIT,),
            )
            for fid, seq in wrong:
                yield seq, fid, None

    def close(self) -> None:
        self.raw.close()
