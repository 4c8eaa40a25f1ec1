"""``liangtian migrate``: a record from one home to another, proved by its audit on both sides."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from rich.table import Table

from app.settings import Settings
from geo.errors import Rejected
from geo.layers import Catalog
from geo.record import transfer
from geo.record.anchors import Anchors
from geo.record.base import BaseRecord
from geo.record.place import open_record
from geo.record.protocol import Anchor, Verification

#: Sums of areas and lengths may differ by this part of themselves: the order of adding.
_SAME = 1e-9


def up_to_date(place: str | None, settings: Settings) -> str:
    """Make the tables that are missing and take the steps of a newer version; where it was."""
    catalog = Catalog.load(*settings.definitions)
    with open_record(place or settings.record_place, catalog) as record:
        head = record.head()
    return f"版本 revision {head.revision}, seq {head.seq}"


def move(
    settings: Settings, source: str | None, target: str, report: transfer.Report
) -> tuple[Table, bool]:
    """Copy everything, then verify both; a table of what was compared, and whether all is equal.

    Raises `Rejected` E_NOT_EMPTY, E_ANCHORS; `StorageError`.
    """
    catalog = Catalog.load(*settings.definitions)
    anchors, problems = Anchors(settings.anchor_folder).check()
    if problems:
        raise Rejected("E_ANCHORS", *problems[0].message)
    with (
        open_record(source or settings.record_place, catalog) as old,
        open_record(_place(target), catalog) as new,
    ):
        transfer.copy(old, new, report)
        return _compared(old, new, anchors)


def switch(settings: Settings, target: str) -> Path | None:
    """From now on the data folder's record is at ``target``; where the old file lies now."""
    if settings.database:
        raise Rejected(
            "E_PARAMETER",
            "LIANGTIAN_DATABASE 已指定数据库，请改该变量",
            "LIANGTIAN_DATABASE names the database; change that variable",
        )
    note = settings.record_note
    if not target.startswith(("postgresql://", "postgres://")):
        note.unlink(missing_ok=True)
        Path(target).rename(settings.record_path)
        return None
    part = note.with_name(f"{note.name}.part")
    descriptor = os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(target + "\n")
        file.flush()
        os.fsync(file.fileno())
    part.rename(note)
    if not settings.record_path.exists():
        return None
    # Nobody shall go on with the old file by mistake.
    kept = settings.record_path.with_name(f"moved-{datetime.now(UTC):%Y%m%d-%H%M%S}.gpkg")
    return settings.record_path.rename(kept)


def _place(target: str) -> Path | str:
    return target if target.startswith(("postgresql://", "postgres://")) else Path(target)


def _compared(old: BaseRecord, new: BaseRecord, anchors: list[Anchor]) -> tuple[Table, bool]:
    told = [record.verify(anchors, deep=True) for record in (old, new)]
    table = Table("核对 check", "来源 source", "目标 target", "")
    whole = True

    def line(name: str, left: object, right: object, good: bool) -> None:
        nonlocal whole
        whole &= good
        mark = "[green]✓[/]" if good else "[bold red]✗[/]"
        table.add_row(name, str(left), str(right), mark)

    def both(name: str, of: str) -> None:
        left, right = (getattr(found, of) for found in told)
        line(name, left, right, left == right)

    line("审计 audit", _said(told[0]), _said(told[1]), told[0].ok and told[1].ok)
    both("日志行 log rows", "rows")
    both("链尾 chain", "h")
    both("要素 features", "features")
    for name, layer in old.catalog.layers.items():
        left, right = (_sum(record, name) for record in (old, new))
        if left or right:
            same = abs(left - right) <= _SAME * max(abs(left), abs(right))
            line(f"{layer.title.zh} {name}", f"{left:,.3f}", f"{right:,.3f}", same)
    return table, whole


def _said(found: Verification) -> str:
    return "完整 whole" if found.ok else found.problems[0].message[0]


def _sum(record: BaseRecord, layer: str) -> float:
    """Of all areas (m²) or lengths (m)."""
    return float(sum(np.nansum(part.measure) for part in record.state(layer)))
