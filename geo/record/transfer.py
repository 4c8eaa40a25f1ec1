# ruff: noqa: S608 - names come from checked layer definitions
"""A whole record from one home to another: the same log and chain, tables, people, history."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from sqlalchemy import Connection, insert, select

from geo.errors import Rejected
from geo.layers import Layer
from geo.record import tables
from geo.record.base import BaseRecord
from geo.record.geopackage import GeoPackageRecord
from geo.record.prepare import Prepared
from geo.record.protocol import INSERT, measure_column
from geo.record.session import Session, quote

_ROWS = 10_000
#: Told while rows are copied: (table, done, of all).
Report = Callable[[str, int, int], None]


def _quiet(_table: str, _done: int, _all: int) -> None:
    """For callers that show no progress."""


def copy(source: BaseRecord, target: BaseRecord, report: Report = _quiet) -> None:
    """Everything of ``source`` at one moment into the empty ``target``, in one transaction.

    Raises `Rejected` E_NOT_EMPTY, `StorageError`; then nothing is stored.
    """
    if target.head().seq:
        raise Rejected(
            "E_NOT_EMPTY",
            "目标数据库不是空的，不会覆盖其中的内容",
            "The target holds a record already; nothing in it is overwritten",
            fix=("请指定一个空数据库", "Name an empty database"),
        )
    with source.read() as old, target.write() as new:
        reading, writing = source.session(old), target.session(new)
        for table in tables.metadata.sorted_tables:
            if table not in (tables.log, tables.meta):
                _copy_rows(old, new, table)
        _copy_log(reading, writing, report)
        for layer in source.catalog.layers.values():
            _copy_layer(reading, writing, layer, report)
        writing.restart([t.name for t in tables.metadata.sorted_tables if "id" in t.c])


def to_geopackage(source: BaseRecord, path: Path) -> None:
    """``path`` must not exist; it is named only once it is whole."""
    if path.exists():
        raise FileExistsError(path)
    part = path.with_name(f"{path.name}.part")
    for old in path.parent.glob(f"{part.name}*"):
        old.unlink()
    try:
        with GeoPackageRecord(part, source.catalog) as target:
            copy(source, target)
            target.checkpoint()
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)


def _copy_rows(old: Connection, new: Connection, table: Any) -> None:
    rows = old.execute(select(table)).mappings()
    while part := rows.fetchmany(_ROWS):
        new.execute(insert(table), [dict(row) for row in part])


def _copy_log(reading: Session, writing: Session, report: Report) -> None:
    (last,) = reading.execute("SELECT coalesce(max(seq), 0) FROM sys_log").fetchone()
    cursor = reading.stream(
        f"SELECT seq, revision, kind, layer, fid, {reading.BODY}, geom, h FROM sys_log ORDER BY seq"
    )
    while rows := cursor.fetchmany(_ROWS):
        writing.insert_log([(*row[:5], row[5].decode(), *row[6:]) for row in rows])
        report("sys_log", rows[-1][0], last)


def _copy_layer(reading: Session, writing: Session, layer: Layer, report: Report) -> None:
    measure = measure_column(layer)
    names = [field.name for field in layer.fields] + ([measure] if measure else [])
    names += ["version", "revision", "log_seq", "updated_at"]
    chosen = [*reading.texts(layer), *([f"t.{measure}"] if measure else [])]
    chosen += ["t.version", "t.revision", "t.log_seq", reading.moment("updated_at")]
    table = quote(layer.id)
    (count,) = reading.execute(f"SELECT count(*) FROM {table}").fetchone()
    (latest,) = reading.execute(
        f"SELECT max({reading.moment('updated_at')}) FROM {table} t"
    ).fetchone()
    cursor = reading.stream(
        f"SELECT t.fid, {reading.geometry_of(layer)}, {', '.join(chosen)} FROM {table} t "
        "ORDER BY t.fid"
    )
    truths = [field.name for field in layer.fields if field.type == "boolean"]
    fids: list[np.ndarray] = []
    boxes: list[np.ndarray] = []
    done = 0
    with writing.bulk(layer, count):
        while rows := cursor.fetchmany(_ROWS):
            fid, shapes, *values = zip(*rows, strict=True)
            columns: dict[str, Any] = {"fid": fid}
            wkb = [None if shape is None else shape[reading.HEADER :] for shape in shapes]
            bounds = shapely.bounds(shapely.from_wkb(np.array(wkb, object)))
            if layer.geometry:
                columns["geom"] = writing.geometries(wkb, bounds)
            columns |= dict(zip(names, values, strict=True))
            for name in truths:
                columns[name] = [None if v is None else bool(v) for v in columns[name]]
            writing.insert(layer, columns)
            fids.append(np.array(fid, np.int64))
            boxes.append(bounds.reshape(-1, 4))
            done += len(rows)
            report(layer.id, done, count)
        if fids:
            all_fids, bounds = np.concatenate(fids), np.concatenate(boxes)
            writing.written(layer, _inserted(layer, all_fids, bounds), all_fids, latest)


def _inserted(layer: Layer, fids: np.ndarray, bounds: np.ndarray) -> Prepared:
    """What a home is told of rows that are all new."""
    n = len(fids)
    shapes = np.empty(n, object) if layer.geometry else None
    none = np.full(n, np.nan)
    return Prepared(
        layer, np.full(n, INSERT, np.int8), fids, np.zeros(n, np.int64), {}, shapes, bounds, none
    )
