"""Several layers of one delivery as one table: the same form filled in for several villages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from geo import crs
from geo.errors import Rejected
from geo.formats.text import Encoding
from geo.intake.read import Raw
from geo.intake.report import Part

#: The choice that means all layers.
ALL = "*"


def merge(names: Sequence[str], raws: Sequence[Raw]) -> tuple[Raw, list[Part]]:
    """All records one after the other, numbered on; and where each layer begins.

    Raises `Rejected` E_LAYERS_DIFFER when their coordinate systems are not the same.
    """
    systems = {_system(raw): name for name, raw in zip(names, raws, strict=True) if raw.records}
    if len(systems) > 1:
        (one, first), (other, second) = list(systems.items())[:2]
        raise Rejected(
            "E_LAYERS_DIFFER",
            f"图层“{first}”与“{second}”的坐标系不同（{one[:60]}，{other[:60]}），不能合并导入",
            f"the layers {first!r} and {second!r} have different systems ({one[:60]}, "
            f"{other[:60]}) and cannot be read as one",
            where="source_layer",
            fix=("请逐个选择图层导入", "choose one layer at a time"),
        )
    parts, rows, start = [], [], 0
    for name, raw in zip(names, raws, strict=True):
        parts.append(Part(layer=name, first_row=start + 1, records=raw.records))
        rows.append(raw.rows + start)
        start += max(raw.records, int(raw.rows.max(initial=0)))  # ids of a table may have gaps
    first_raw = next((raw for raw in raws if raw.records), raws[0])
    merged = replace(
        first_raw,
        records=sum(raw.records for raw in raws),
        rows=np.concatenate(rows),
        attributes=_table([raw.attributes for raw in raws]),
        geometry=np.concatenate([raw.geometry for raw in raws]),
        broken=np.concatenate([raw.broken for raw in raws]),
        deleted=sum(raw.deleted for raw in raws),
        encoding=_encoding(raws),
        unread=tuple(dict.fromkeys(column for raw in raws for column in raw.unread)),
        notes=[note for raw in raws for note in raw.notes],
    )
    return merged, parts


def _system(raw: Raw) -> str:
    if raw.prj is not None:
        try:
            return crs.from_prj(raw.prj).crs
        except Rejected:
            return raw.prj
    return raw.declared_crs or "-"


def _table(tables: Sequence[pa.Table]) -> pa.Table:
    """Columns by name; as text where the layers disagree on the type."""
    kinds: dict[str, set[pa.DataType]] = {}
    for table in tables:
        for field in table.schema:
            if not pa.types.is_null(field.type):
                kinds.setdefault(field.name, set()).add(field.type)
    mixed = {name for name, types in kinds.items() if len(types) > 1}
    plain = [
        table.cast(
            pa.schema(
                [pa.field(f.name, pa.large_string() if f.name in mixed else f.type)
                 for f in table.schema]
            )
        )
        if mixed & set(table.column_names)
        else table
        for table in tables
    ]  # fmt: skip
    return pa.concat_tables(plain, promote_options="default")


def _encoding(raws: Sequence[Raw]) -> Encoding | None:
    """What was decided for each; several decisions are shown side by side."""
    chosen = [raw.encoding for raw in raws if raw.encoding is not None]
    if not chosen:
        return None
    values = dict.fromkeys(e.value for e in chosen if e.decided_by != "ascii")
    cuts: list[tuple[str, int]] = []
    start = 0
    for raw in raws:
        if raw.encoding is not None:
            cuts += [(column, place + start) for column, place in raw.encoding.cuts]
        start += len(raw.rows)
    return Encoding(
        value=" / ".join(values) or chosen[0].value,
        decided_by=next((e.decided_by for e in chosen if e.decided_by != "ascii"), "ascii"),
        contradicted=next((e.contradicted for e in chosen if e.contradicted), None),
        cut=sum(e.cut for e in chosen),
        cuts=tuple(cuts),
        doubtful=any(e.doubtful for e in chosen),
    )
