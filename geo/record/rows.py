# ruff: noqa: S608 - names come from checked layer definitions
"""Rows of a commit: log, layer table and R-tree, chunk by chunk."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
import orjson

from geo.layers import Layer
from geo.record import blob, rtree
from geo.record.log import Tail
from geo.record.prepare import Prepared
from geo.record.protocol import DELETE, INSERT, OPERATION_NAMES, UPDATE, measure_column
from geo.record.resolve import Target
from geo.record.rtree import quote

#: rows written at a time; bounds the memory of a large commit
CHUNK = 10_000
#: from here on dropping the R-tree triggers costs less than running them
BULK = 2_000
INSERT_LOG = "INSERT INTO sys_log VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


def write_layer(
    connection: Any, item: Prepared, target: Target, end: Tail, updated_at: str
) -> None:
    """Write all rows of a change set; moves ``end`` on."""
    layer = item.layer
    bulk = layer.geometry is not None and len(item) >= BULK
    with rtree.without_triggers(connection, layer) if bulk else nullcontext():
        for start in range(0, len(item), CHUNK):
            chunk = _chunk(item, target, start)
            connection.executemany(INSERT_LOG, _log_rows(layer, chunk, end))
            _apply(connection, item, chunk, _table_columns(layer, chunk, end, updated_at))
        if bulk:
            _write_rtree(connection, item, target)
    _grow_contents(connection, item, updated_at)


@dataclass
class _Chunk:
    """Some rows of a change set as plain columns; ``op`` int8[n]."""

    op: np.ndarray
    fid: list[int]
    version: list[int]
    before: list[int]
    measure: list[float | None]
    wkb: list[bytes | None]
    values: dict[str, list[Any]]
    bounds: np.ndarray


def _chunk(item: Prepared, target: Target, start: int) -> _Chunk:
    stop = min(start + CHUNK, len(item))
    part = slice(start, stop)
    measure = item.measure[part].astype(object)
    measure[np.isnan(item.measure[part])] = None
    wkb: list[bytes | None] = [None] * (stop - start)
    if item.geometry is not None:
        wkb = blob.to_wkb(item.geometry[part])
    elif target.kept:
        for row in range(start, stop):
            if row in target.kept:
                wkb[row - start], measure[row - start] = target.kept[row]
    return _Chunk(
        op=item.op[part],
        fid=target.fid[part].tolist(),
        version=(target.version[part] + 1).tolist(),
        before=target.before[part].tolist(),
        measure=measure.tolist(),
        wkb=wkb,
        values={name: values[part] for name, values in item.values.items()},
        bounds=item.bounds[part],
    )


def _log_rows(layer: Layer, chunk: _Chunk, end: Tail) -> list[tuple[Any, ...]]:
    """Log rows of one chunk; moves ``end`` on. Keys are written sorted: `canonical` form."""
    revision, names = end.revision, sorted(chunk.values)
    after = zip(*(chunk.values[name] for name in names), strict=True)
    previous, seq, dumps = end.h, end.seq, orjson.dumps
    rows: list[tuple[Any, ...]] = []
    for code, fid, version, before, measure, wkb, values in zip(
        chunk.op.tolist(), chunk.fid, chunk.version, chunk.before, chunk.measure, chunk.wkb,
        after, strict=True,
    ):  # fmt: skip
        seq += 1
        digest = None if wkb is None else sha256(wkb)
        body = dumps(
            {
                "after": None if code == DELETE else dict(zip(names, values, strict=True)),
                "before": before or None,
                "fid": fid,
                "geom": None if digest is None else digest.hexdigest(),
                "kind": "feature",
                "layer": layer.id,
                "measure": measure,
                "op": OPERATION_NAMES[code],
                "revision": revision,
                "seq": seq,
                "version": version,
            }
        )
        previous = sha256(
            previous + body if digest is None else previous + body + digest.digest()
        ).digest()
        rows.append((seq, revision, "feature", layer.id, fid, body.decode(), wkb, previous))
    end.h, end.seq = previous, seq
    return rows


def _table_columns(
    layer: Layer, chunk: _Chunk, end: Tail, updated_at: str
) -> dict[str, Sequence[Any]]:
    """Columns of the layer's table for rows whose log rows end at ``end``."""
    n = len(chunk.fid)
    columns: dict[str, Sequence[Any]] = {}
    if layer.geometry:
        columns["geom"] = blob.with_headers(chunk.bounds, chunk.wkb)
    columns |= chunk.values
    measure = measure_column(layer)
    if measure:
        columns[measure] = chunk.measure
    return columns | {
        "version": chunk.version,
        "revision": [end.revision] * n,
        "log_seq": range(end.seq - n + 1, end.seq + 1),
        "updated_at": [updated_at] * n,
    }


def _apply(
    connection: Any, item: Prepared, chunk: _Chunk, columns: dict[str, Sequence[Any]]
) -> None:
    """Bring the layer's table to the state of the log rows just written."""
    table, fids, op = quote(item.layer.id), chunk.fid, chunk.op

    def rows(code: int, *parts: Sequence[Any]) -> list[tuple[Any, ...]]:
        every = list(zip(*parts, strict=True))
        if (op == code).all():
            return every
        return [every[row] for row in np.flatnonzero(op == code).tolist()]

    if (op == INSERT).any():
        names = ", ".join(quote(name) for name in columns)
        marks = ", ".join("?" * (len(columns) + 1))
        connection.executemany(
            f"INSERT INTO {table} (fid, {names}) VALUES ({marks})",
            rows(INSERT, fids, *columns.values()),
        )
    if (op == UPDATE).any():
        # An update without geometries leaves the column, its measure and the R-tree alone.
        untouched = {"geom", measure_column(item.layer)} if item.geometry is None else set()
        kept = {name: values for name, values in columns.items() if name not in untouched}
        names = ", ".join(f"{quote(name)} = ?" for name in kept)
        connection.executemany(
            f"UPDATE {table} SET {names} WHERE fid = ?", rows(UPDATE, *kept.values(), fids)
        )
    if (op == DELETE).any():
        gone = [fids[row] for row in np.flatnonzero(op == DELETE).tolist()]
        connection.execute(
            f"DELETE FROM {table} WHERE fid IN (SELECT value FROM json_each(?))",
            (orjson.dumps(gone).decode(),),
        )


def _write_rtree(connection: Any, item: Prepared, target: Target) -> None:
    """R-tree of a bulk change, in the order of a coarse grid so that nodes stay warm."""
    name = quote(rtree.name_of(item.layer.id))
    touched = (item.op == DELETE) | ((item.op == UPDATE) & (item.geometry is not None))
    if touched.any():
        connection.execute(
            f"DELETE FROM {name} WHERE id IN (SELECT value FROM json_each(?))",
            (orjson.dumps(target.fid[touched].tolist()).decode(),),
        )
    present = np.flatnonzero(~np.isnan(item.bounds[:, 0]))
    cells = np.floor(item.bounds[present, :2] / 0.05)
    present = present[np.lexsort((cells[:, 0], cells[:, 1]))]
    columns = (target.fid[present], *item.bounds[present][:, [0, 2, 1, 3]].T)
    connection.executemany(
        f"INSERT INTO {name} VALUES (?, ?, ?, ?, ?)",
        zip(*(column.tolist() for column in columns), strict=True),
    )


def _grow_contents(connection: Any, item: Prepared, updated_at: str) -> None:
    """Keep gpkg_contents' extent around everything that was ever stored."""
    box: list[float | None] = [None] * 4
    if item.geometry is not None and not np.isnan(item.bounds).all():
        low, high = np.nanmin(item.bounds, axis=0), np.nanmax(item.bounds, axis=0)
        box = [*low[:2].tolist(), *high[2:].tolist()]
    connection.execute(
        "UPDATE gpkg_contents SET last_change = ?1, "
        "min_x = min(ifnull(min_x, ?2), ifnull(?2, min_x)), "
        "min_y = min(ifnull(min_y, ?3), ifnull(?3, min_y)), "
        "max_x = max(ifnull(max_x, ?4), ifnull(?4, max_x)), "
        "max_y = max(ifnull(max_y, ?5), ifnull(?5, max_y)) WHERE table_name = ?6",
        (updated_at, *box, item.layer.id),
    )
