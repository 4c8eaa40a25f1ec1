"""The rows of a finished run in one Arrow file, and their sums by any group, as array work.

A row a zone, then the pieces of zones at the edges of other layers (`Split`).
Columns: ``split`` (-1: whole zones), ``zone`` (its number), ``member``, ``area_m2``, then
for each scene ``<date>grade_<k>``, ``<date>masked_<k>``, ``<date>outside``, where date is
"" for the last scene and "before_" for the earlier one, and ``change_<i>_<j>``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

if TYPE_CHECKING:
    from geo.soil.run import Areas, Measured, RunResult

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_FORMAT = b"soil-run-2"


@dataclass(frozen=True)
class Part:
    """m² of n groups on one date: grades[n, k], masked[n, reasons], outside[n]."""

    grades: Floats
    masked: Floats
    outside: Floats

    def some(self, rows: Ints) -> Part:
        return Part(self.grades[rows], self.masked[rows], self.outside[rows])


@dataclass(frozen=True)
class Summed:
    """n groups. ``count``: zones, or pieces of zones, of each. ``change``: [n, k + 2, k + 2]."""

    count: Ints
    area: Floats
    after: Part
    before: Part | None
    change: Floats | None

    def some(self, rows: Ints) -> Summed:
        """Some of the groups."""
        return Summed(
            self.count[rows],
            self.area[rows],
            self.after.some(rows),
            None if self.before is None else self.before.some(rows),
            None if self.change is None else self.change[rows],
        )


def write(path: Path, result: RunResult) -> None:
    """Zones with their ids; everything of the run that has a row a zone."""
    parts = [(-1, np.arange(len(result.zone_ids)), np.full(len(result.zone_ids), -1), result.own)]
    for number, split in enumerate(result.splits.values()):
        parts.append((number, split.zone, split.member, split.measured))
    columns: dict[str, NDArray[Any]] = {
        "split": np.concatenate([np.full(len(zone), k, np.int8) for k, zone, _, _ in parts]),
        "zone": np.concatenate([zone for _, zone, _, _ in parts]),
        "member": np.concatenate([member for _, _, member, _ in parts]),
    }
    found = [_columns(measured) for _, _, _, measured in parts]
    columns |= {name: np.concatenate([each[name] for each in found]) for name in found[0]}
    notes = {
        b"format": _FORMAT,
        b"zone_ids": json.dumps(list(result.zone_ids)).encode(),
        b"splits": json.dumps(list(result.splits)).encode(),
        b"totals": json.dumps(
            [{k: v[0] for k, v in _columns(m, float).items()} for m in (result.sum, result.union)]
        ).encode(),
    }
    table = pa.table(columns).replace_schema_metadata(notes)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def _columns(measured: Measured, kind: Any = None) -> dict[str, Any]:
    named = {"area_m2": measured.areas.zone_m2, **_of_date("", measured.areas)}
    if measured.before is not None and measured.change_m2 is not None:
        named |= _of_date("before_", measured.before)
        size = measured.change_m2.shape[1]
        named |= {
            f"change_{i}_{j}": measured.change_m2[:, i, j] for i in range(size) for j in range(size)
        }
    return named if kind is None else {k: v.tolist() for k, v in named.items()}


def _of_date(date: str, areas: Areas) -> dict[str, Floats]:
    return {
        **{f"{date}grade_{k}": m2 for k, m2 in enumerate(areas.grade_m2.T)},
        **{f"{date}masked_{k}": m2 for k, m2 in enumerate(areas.reasons.values())},
        f"{date}outside": areas.outside_m2,
    }


class Results:
    """A written file, mapped into memory."""

    def __init__(self, path: Path) -> None:
        with pa.memory_map(str(path)) as source:
            self._table = pa.ipc.open_file(source).read_all()
        notes = self._table.schema.metadata
        if notes.get(b"format") != _FORMAT:
            raise ValueError(f"{path.name} is no file of a soil run")
        self.zone_ids: list[Any] = json.loads(notes[b"zone_ids"])
        self.splits: list[str] = json.loads(notes[b"splits"])
        self._totals: list[dict[str, float]] = json.loads(notes[b"totals"])
        self._split = self._ints("split")

    def _ints(self, name: str) -> Ints:
        return np.asarray(self._table[name].to_numpy(), dtype=np.int64)

    def zones(self) -> Summed:
        """A row a zone, in the order of ``zone_ids``."""
        rows = np.arange(len(self.zone_ids))
        return self._summed(rows, rows, len(rows))

    def by_zone_group(self, group: Ints, groups: int) -> Summed:
        """Zones summed by their group number, int64[zones] below ``groups``."""
        return self._summed(np.arange(len(self.zone_ids)), group, groups)

    def by_member(self, split: str, members: int) -> Summed:
        """Pieces of zones summed by the member of a split; the last row: in no member."""
        rows = np.flatnonzero(self._split == self.splits.index(split))
        member = self._ints("member")[rows]
        return self._summed(rows, np.where(member < 0, members, member), members + 1)

    def total(self, which: str) -> Summed:
        """``sum`` or ``union`` as one row."""
        named = self._totals[("sum", "union").index(which)]
        return _shaped(
            {name: np.array([value]) for name, value in named.items()},
            np.array([len(self.zone_ids)]),
        )

    def _summed(self, rows: Ints, group: Ints, groups: int) -> Summed:
        named = {}
        for name in self._table.column_names[3:]:
            column = self._table[name].to_numpy()[rows]
            named[name] = np.bincount(group, weights=column, minlength=groups).astype(np.float64)
        return _shaped(named, np.bincount(group, minlength=groups))


def _shaped(named: dict[str, Floats], count: Ints) -> Summed:
    def stacked(prefix: str) -> Floats:
        found: list[Floats] = []
        while f"{prefix}{len(found)}" in named:
            found.append(named[f"{prefix}{len(found)}"])
        return np.stack(found, axis=1)

    def part(date: str) -> Part:
        return Part(stacked(f"{date}grade_"), stacked(f"{date}masked_"), named[f"{date}outside"])

    if "before_outside" not in named:
        return Summed(count, named["area_m2"], part(""), None, None)
    lines: list[Floats] = []
    while f"change_{len(lines)}_0" in named:
        lines.append(stacked(f"change_{len(lines)}_"))
    return Summed(count, named["area_m2"], part(""), part("before_"), np.stack(lines, axis=1))
