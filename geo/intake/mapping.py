"""Which column of the file is which field of the layer: by name, title, alias, or a cut title."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from geo.errors import Rejected
from geo.intake import area_units
from geo.intake.decide import Decisions
from geo.intake.issues import Issues
from geo.intake.report import MappedField, Mapping, UnmappedColumn
from geo.layers import SYSTEM_FIELDS, Field, Layer

_SAMPLES = 3
#: A name can only have been cut where it fills the ten bytes of a dbf name.
_CUT_LENGTH = {True: 8, False: 3}  # by whether it is ASCII


@dataclass(frozen=True)
class _Match:
    rank: int
    field: Field
    column: str
    decided_by: str


def match(
    table: pa.Table, layer: Layer, decisions: Decisions, issues: Issues
) -> tuple[dict[str, str], Mapping]:
    """({field: column}, what the report shows).

    Each field takes its best column and each column serves one field. A required field
    without column or constant is the error E_FIELD_REQUIRED (decision: mapping); a decision
    about unknown names raises `Rejected` E_MAPPING.
    """
    names = list(table.column_names)
    _check(names, layer, decisions)
    chosen: dict[str, _Match] = {}
    used = set(decisions.mapping)
    for column, target in decisions.mapping.items():
        if target is not None:
            chosen[target] = _Match(0, layer.by_name[target], column, "decision")
    for found in sorted(_matches(names, layer), key=lambda m: m.rank):
        taken = found.field.name in chosen or found.field.name in decisions.constants
        if found.column not in used and not taken:
            chosen[found.field.name] = found
            used.add(found.column)
    result = Mapping()
    for field in layer.fields:
        got = chosen.get(field.name)
        if field.name in decisions.constants:
            value = decisions.constants[field.name]
            result.fields.append(
                MappedField(field=field.name, column=None, decided_by="decision", samples=[value])
            )
        elif got is not None:
            result.fields.append(
                MappedField(
                    field=field.name, column=got.column, decided_by=got.decided_by,
                    samples=samples(table[got.column]),
                    unit=_unit(field, got.column, decisions),
                )
            )  # fmt: skip
        else:
            result.missing.append(field.name)
            if field.required:
                issues.add(
                    "E_FIELD_REQUIRED", "error",
                    f"文件中没有必填字段“{field.title.zh}”",
                    f"the file has no column for the required field {field.title.en!r}",
                    where=field.name, decision="mapping",
                    fix=("请指定对应的列或统一的值", "name its column or give one value for all"),
                )  # fmt: skip
    kept = {match.column for match in chosen.values()}
    spelled = {found.column for found in _matches(names, layer)}
    for column in names:
        if column not in kept:
            result.unmapped.append(_unmapped(column, table, spelled, decisions))
    return {name: found.column for name, found in chosen.items()}, result


def _unit(field: Field, column: str, decisions: Decisions) -> str | None:
    """The unit of a column of stated areas where it is said and is not the field's."""
    own = area_units.field_unit(field)
    said = decisions.units.get(column) or area_units.by_name(column)[1]
    return said if own is not None and said != own else None


def samples(column: pa.ChunkedArray) -> list[str]:
    """The first three values that are not blank, as text."""
    head = column.slice(0, 10_000).drop_null().slice(0, _SAMPLES)
    return [str(value)[:80] for value in head.to_pylist()]


def _check(names: list[str], layer: Layer, decisions: Decisions) -> None:
    targets = [t for t in decisions.mapping.values() if t is not None]
    unknown = [n for n in (*decisions.mapping, *decisions.units) if n not in names]
    unknown += [n for n in (*targets, *decisions.constants) if n not in layer.by_name]
    twice = {t for t in targets if targets.count(t) > 1} | (set(targets) & set(decisions.constants))
    if unknown or twice:
        wrong = "、".join([*unknown, *sorted(twice)])
        raise Rejected(
            "E_MAPPING",
            f"字段对应有误：{wrong}",
            f"the mapping names unknown or repeated names: {wrong}",
            fix=("请按报告中的列名与字段名填写", "use the columns and fields of the report"),
        )


def _matches(names: list[str], layer: Layer) -> Iterator[_Match]:
    cut: list[_Match] = []
    for column in names:
        key = _plain(column)
        if key in SYSTEM_FIELDS or not key:
            continue
        longer: list[Field] = []
        for field in layer.fields:
            spellings = [
                (field.name, "name"),
                (field.title.zh, "title"),
                (field.title.en, "title"),
                *((alias, "alias") for alias in field.aliases),
            ]
            for rank, (spelling, kind) in enumerate(spellings, 1):
                if _plain(spelling) == key:
                    yield _Match(rank, field, column, kind)
            if any(_plain(spelling).startswith(key) for spelling, _ in spellings):
                longer.append(field)
            if area_units.field_unit(field) and area_units.by_name(column)[0]:
                yield _Match(900, field, column, "area")
        if len(longer) == 1 and len(column) >= _CUT_LENGTH[column.isascii()]:
            cut.append(_Match(1000, longer[0], column, "cut"))
    yield from cut


def _plain(name: str) -> str:
    """Width, case, blanks and the dashes between words do not make another name."""
    text = unicodedata.normalize("NFKC", name).casefold()
    return "".join(character for character in text if character not in " -\t　")


def _unmapped(
    column: str, table: pa.Table, spelled: set[str], decisions: Decisions
) -> UnmappedColumn:
    if column in decisions.mapping:
        zh, en = "按要求不导入", "left out on request"
    elif _plain(column) in SYSTEM_FIELDS:
        zh, en = "由系统计算", "computed by the system"
    elif column in spelled:
        zh, en = "同一字段已有更合适的列", "another column suits the same field better"
    else:
        zh, en = "图层中没有对应字段", "the layer has no such field"
    return UnmappedColumn(column=column, zh=zh, en=en, samples=samples(table[column]))


def constant(value: str, count: int) -> pa.ChunkedArray:
    """One value for all rows."""
    return pa.chunked_array([pc.cast(pa.repeat(pa.scalar(value), count), pa.large_string())])
