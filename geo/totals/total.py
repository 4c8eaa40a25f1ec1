"""Totals of a layer by groups: counts, ellipsoidal areas, lengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from geo.snapshot.view import Matches, View

#: Areas and lengths are summed as whole mm² (mm): the order of rows cannot change a total.
_PER_UNIT = 1_000_000


@dataclass(frozen=True)
class Row:
    """One group: values of the ``by`` fields, features, m² (or m), m² removed as overlap."""

    group: tuple[object, ...]
    count: int
    measure: float
    removed: float


@dataclass(frozen=True)
class Totals:
    rows: tuple[Row, ...]
    total: Row
    without_measure: int
    unassigned: Row


def total(
    view: View, matches: Matches, by: Sequence[str], removed: Mapping[int, float] | None = None
) -> Totals:
    """Group matching rows by fields and add up their stored measures.

    ``removed`` says for which features how many m² are already counted elsewhere
    (`geo.totals.overlap`); None counts overlaps as often as they occur.
    """
    tables = []
    measure = view.layer.measures[0] if view.layer.measures else None
    missing = 0
    for segment, rows in matches:
        if not len(rows):
            continue
        columns = {f"k{i}": _key(segment.column(name, rows)) for i, name in enumerate(by)}
        values = np.zeros(len(rows))
        if measure:
            values = segment.column(measure, rows).to_numpy(zero_copy_only=False)
            missing += int(np.isnan(values).sum())
        cut = np.zeros(len(rows))
        if removed:
            cut = np.array([removed.get(fid, 0.0) for fid in segment.fid[rows].tolist()])
        columns["measure"] = pa.array(_whole(values) - _whole(cut))
        columns["removed"] = pa.array(_whole(cut))
        tables.append(pa.table(columns))
    keys = [f"k{i}" for i in range(len(by))]
    if not tables:
        nothing = Row((), 0, 0.0, 0.0)
        return Totals((), nothing, 0, nothing)
    table = pa.concat_tables(tables)
    sums = [("measure", "sum"), ("removed", "sum"), ("measure", "count")]
    grouped = table.group_by(keys, use_threads=False).aggregate(sums)
    groups = [
        Row(
            tuple(entry[key] for key in keys),
            entry["measure_count"],
            entry["measure_sum"] / _PER_UNIT,
            entry["removed_sum"] / _PER_UNIT,
        )
        for entry in grouped.to_pylist()
    ]
    groups.sort(key=lambda r: tuple((v is None, str(v)) for v in r.group))
    empty = [r for r in groups if by and any(v is None for v in r.group)]
    return Totals(tuple(groups), _sum(groups), missing, _sum(empty))


def _key(array: pa.Array) -> pa.Array:
    return array.cast(pa.string()) if isinstance(array, pa.DictionaryArray) else array


def _whole(values: np.ndarray) -> np.ndarray:
    return np.rint(np.nan_to_num(values) * _PER_UNIT).astype(np.int64)


def _sum(rows: Sequence[Row]) -> Row:
    measure = sum(round(r.measure * _PER_UNIT) for r in rows) / _PER_UNIT
    cut = sum(round(r.removed * _PER_UNIT) for r in rows) / _PER_UNIT
    return Row((), sum(r.count for r in rows), measure, cut)
