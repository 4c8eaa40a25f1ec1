"""A total as one table for people: CSV, spreadsheets, the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from geo.layers import Catalog, Text
from geo.totals.adjust import Adjusted
from geo.units import TITLE, Unit, to_unit

if TYPE_CHECKING:
    from geo.totals.total import Row, Total

TOTAL = Text(zh="合计", en="Total")
OUTSIDE = Text(zh="（范围以外）", en="(outside)")
BLANK = Text(zh="（未填）", en="(blank)")
COUNT = Text(zh="数量", en="Count")
_LENGTH = Text(zh="长度（米）", en="Length (m)")
_AREAS = {
    "area_m2": Text(zh="面积（平方米）", en="Area (m²)"),
    "area_ha": Text(zh="面积（公顷）", en="Area (ha)"),
    "area_mu": Text(zh="面积（亩）", en="Area (mu)"),
}
REMOVED = Text(zh="已扣除重叠（平方米）", en="Overlap removed (m²)")
_SUM = Text(zh="{}合计", en="Sum of {}")


@dataclass(frozen=True)
class Column:
    name: str
    title: Text


@dataclass(frozen=True)
class Table:
    """Rows of values, the total last and apart."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    total: tuple[Any, ...]


@dataclass(frozen=True)
class Reported:
    """Figures made ready for a report: ``unit`` and parts in the order of rows."""

    unit: Unit
    parts: Sequence[Decimal] | None = None
    total: Decimal | None = None
    adjusted: Adjusted | None = None


def numbers(answer: Total, row: Row) -> dict[str, Any]:
    """The figures of one row by name."""
    if answer.layer.geometry == "MultiPolygon":
        found: dict[str, Any] = {
            "count": row.count,
            "area_m2": row.measure,
            "area_ha": to_unit(row.measure, "ha"),
            "area_mu": to_unit(row.measure, "mu"),
        }
    elif answer.layer.geometry == "MultiLineString":
        found = {"count": row.count, "length_m": row.measure}
    else:
        found = {"count": row.count}
    if answer.question.sums:
        found["sums"] = dict(zip(answer.question.sums, row.sums, strict=True))
    return found


def titles(answer: Total, catalog: Catalog) -> dict[str, dict[str, Text]]:
    """What the values of groups are called, by the name of the grouping."""
    found = {}
    for name in answer.question.by:
        if name in answer.titles:
            found[name] = {k: Text(zh=t, en=t) for k, t in answer.titles[name].items()}
            continue
        layer, field = answer.layer, name
        if name not in layer.by_name and "." in name:
            owner, _, field = name.partition(".")
            layer = catalog.layers[owner]
        codelist = catalog.codelist_of(layer.by_name[field]) if field in layer.by_name else None
        if codelist is not None:
            found[name] = {code.code: code.title for code in codelist.codes}
    return found


def table(answer: Total, catalog: Catalog, language: str, reported: Reported) -> Table:
    """Columns: for every grouping its code and what that is called, then the figures."""
    named = titles(answer, catalog)
    columns: list[Column] = []
    for name in answer.question.by:
        title = _heading(answer, catalog, name)
        columns.append(Column(name, title))
        if name in named:
            columns.append(
                Column(f"{name}_title", Text(zh=f"{title.zh}名称", en=f"{title.en}, name"))
            )
    lead = len(columns)
    columns += _figures(answer, reported)
    rows = [
        (*_group(answer, row, named, language), *_values(answer, row, reported, at))
        for at, row in enumerate(answer.rows)
    ]
    whole = [None] * lead
    if lead:
        whole[0] = TOTAL.get(language)  # type: ignore[call-overload]
    total = (*whole, *_values(answer, answer.total, reported, None))
    return Table(tuple(columns), tuple(rows) if answer.question.by else (), total)


def _heading(answer: Total, catalog: Catalog, name: str) -> Text:
    if name in answer.layer.by_name:
        return answer.layer.by_name[name].title
    if "." in name:
        owner, _, field = name.partition(".")
        return catalog.layers[owner].by_name[field].title
    return catalog.layers[name].title


def _group(
    answer: Total, row: Row, named: Mapping[str, Mapping[str, Text]], language: str
) -> list[Any]:
    cells: list[Any] = []
    for name, value in zip(answer.question.by, row.group, strict=True):
        open_ = OUTSIDE if name in answer.titles else BLANK
        text = open_.get(language) if value is None else _plain(value)
        cells.append(text)
        if name in named:
            title = named[name].get(str(value))
            cells.append(title.get(language) if title else None)
    return cells


def _plain(value: object) -> object:
    return value if isinstance(value, (int, float, bool)) else str(value)


def _figures(answer: Total, reported: Reported) -> list[Column]:
    found = [Column("count", COUNT)]
    polygons = answer.layer.geometry == "MultiPolygon"
    if polygons:
        found += [Column(name, title) for name, title in _AREAS.items()]
        if answer.removed is not None:
            found.append(Column("removed_m2", REMOVED))
    elif answer.layer.geometry == "MultiLineString":
        found.append(Column("length_m", _LENGTH))
    for name in answer.question.sums:
        title = answer.layer.by_name[name].title
        found.append(
            Column(f"sum_{name}", Text(zh=_SUM.zh.format(title.zh), en=_SUM.en.format(title.en)))
        )
    zh, en = TITLE[reported.unit] if polygons else ("米", "m")
    if reported.parts is not None:
        found.append(Column("reported", Text(zh=f"上报数（{zh}）", en=f"Reported ({en})")))
    if reported.adjusted is not None:
        found.append(Column("adjusted", Text(zh=f"平差后（{zh}）", en=f"Adjusted ({en})")))
    return found


def _values(answer: Total, row: Row, reported: Reported, at: int | None) -> list[Any]:
    found = numbers(answer, row)
    sums = found.pop("sums", {})
    cells = list(found.values())
    if answer.removed is not None:
        cells.append(row.removed)
    cells += sums.values()
    if reported.parts is not None:
        figure = reported.total if at is None else reported.parts[at]
        cells.append(None if figure is None else float(figure))
    if reported.adjusted is not None:
        made = reported.adjusted
        cells.append(float(made.control if at is None else made.parts[at]))
    return cells
