"""Rows of a commit: log and layer table, chunk by chunk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
import orjson

from geo.layers import Layer
from geo.record import blob
from geo.record.log import Tail
from geo.record.prepare import Prepared
from geo.record.protocol import DELETE, INSERT, OPERATION_NAMES, UPDATE, measure_column
from geo.record.resolve import Target
from geo.record.session import Session

#: rows written at a time; bounds the memory of a large commit
CHUNK = 10_000


def write_layer(
    session: Session, item: Prepared, target: Target, end: Tail, updated_at: str
) -> None:
    """Write all rows of a change set; moves ``end`` on."""
    layer = item.layer
    with session.bulk(layer, len(item)):
        for start in range(0, len(item), CHUNK):
            chunk = _chunk(item, target, start)
            session.insert_log(_log_rows(layer, chunk, end))
            columns = _table_columns(session, layer, chunk, end, updated_at)
            _apply(session, item, chunk, columns)
        session.written(layer, item, target.fid, updated_at)


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
    session: Session, layer: Layer, chunk: _Chunk, end: Tail, updated_at: str
) -> dict[str, Sequence[Any]]:
    """Columns of the layer's table for rows whose log rows end at ``end``."""
    n = len(chunk.fid)
    columns: dict[str, Sequence[Any]] = {}
    if layer.geometry:
        columns["geom"] = session.geometries(chunk.wkb, chunk.bounds)
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
    session: Session, item: Prepared, chunk: _Chunk, columns: dict[str, Sequence[Any]]
) -> None:
    """Bring the layer's table to the state of the log rows just written."""
    op = chunk.op

    def rows(code: int, values: Sequence[Any]) -> Sequence[Any]:
        if (op == code).all():
            return values
        return [values[row] for row in np.flatnonzero(op == code).tolist()]

    if (op == INSERT).any():
        added = {"fid": chunk.fid, **columns}
        session.insert(item.layer, {name: rows(INSERT, part) for name, part in added.items()})
    if (op == UPDATE).any():
        # An update without geometries leaves the column, its measure and the R-tree alone.
        untouched = {"geom", measure_column(item.layer)} if item.geometry is None else set()
        kept = {n: rows(UPDATE, part) for n, part in columns.items() if n not in untouched}
        session.update(item.layer, rows(UPDATE, chunk.fid), kept)
    if (op == DELETE).any():
        session.delete(item.layer, rows(DELETE, chunk.fid))
