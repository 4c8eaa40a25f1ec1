"""A total as a page: which groups are bars, what the map shows, and what explains the number."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np

from geo.layers import Catalog, Text
from geo.local import LOCAL_TIME
from geo.snapshot.view import View
from geo.totals.question import zone_field
from geo.totals.report.page import Bar, Page, drawn, shortened
from geo.totals.table import BLANK, COUNT, OUTSIDE, TOTAL, titles
from geo.totals.total import Row, Total
from geo.units import TITLE, Unit, to_unit

_REST = Text(zh="其余", en="Others")
_WHOLE = Text(zh="全部", en="All")
_GROUP = Text(zh="分组", en="Group")
_REMOVED = Text(zh="已扣除重叠", en="Overlap removed")
_FACTS = {
    "definition": Text(zh="口径", en="Definition"),
    "method": Text(zh="方法", en="Method"),
    "within": Text(zh="范围", en="Within"),
    "filter": Text(zh="条件", en="Filter"),
    "revision": Text(zh="数据版本", en="Revision"),
}


def page_of(
    found: Total,
    catalog: Catalog,
    language: str,
    unit: Unit,
    time: datetime | None,
    title: str | None = None,
    conditions: Sequence[tuple[str, str]] = (),
    zones: tuple[Total, View] | None = None,
) -> Page:
    """The page of an answer.

    ``zones``: a total by one polygon layer and that layer's view, for the map.
    ``conditions``: further facts (keys of the list above) in words.
    """
    polygons = found.layer.geometry == "MultiPolygon"
    named = titles(found, catalog)
    bars = []
    for row in found.rows if found.question.by else ():
        bars.append(_bar(found, row, _title(found, row, named, language), unit))
    definition = catalog.layers[found.layer.id]
    words = " · ".join(_key_title(catalog, found, name).get(language) for name in found.question.by)
    day = time.astimezone(LOCAL_TIME).strftime("%Y-%m-%d") if time else ""
    facts = [
        (_FACTS["definition"].get(language), found.definition.get(language)),
        (_FACTS["method"].get(language), found.method.get(language)),
        *((_FACTS[name].get(language), text) for name, text in conditions),
        (
            _FACTS["revision"].get(language),
            f"{found.as_of} ({', '.join(f'{i.layer} {i.revision}' for i in found.inputs)})",
        ),
    ]
    told = _unit(found, unit).get(language)
    removed = f"{_REMOVED.get(language)} ({told})" if polygons else ""
    outlines, legend, scale = _map(*zones, unit) if zones else ((), (), None)
    return Page(
        title or definition.title.get(language),
        " · ".join(part for part in (day, words) if part),
        told,
        (words or _GROUP.get(language), COUNT.get(language), told, removed),
        shortened(bars, _REST.get(language)),
        _bar(found, found.total, TOTAL.get(language), unit),
        tuple(facts),
        outlines,
        legend,
        scale,
        language,
    )


def _unit(found: Total, unit: Unit) -> Text:
    if found.layer.geometry == "MultiPolygon":
        zh, en = TITLE[unit]
        return Text(zh=zh, en=en)
    if found.layer.geometry == "MultiLineString":
        return Text(zh="公里", en="km")
    return Text(zh="个", en="records")


def _value(found: Total, row: Row, unit: Unit) -> float:
    """What a bar shows: area in the unit, kilometres of lines, or how many."""
    if found.layer.geometry == "MultiPolygon":
        return to_unit(row.measure, unit)
    return row.measure / 1000 if found.layer.geometry == "MultiLineString" else float(row.count)


def _bar(found: Total, row: Row, title: str, unit: Unit) -> Bar:
    removed = None if found.removed is None else to_unit(row.removed, unit)
    return Bar(title, row.count, _value(found, row, unit), removed)


def _title(found: Total, row: Row, named: dict[str, dict[str, Text]], language: str) -> str:
    parts = []
    for name, value in zip(found.question.by, row.group, strict=True):
        if value is None:
            parts.append((OUTSIDE if name in found.titles else BLANK).get(language))
        else:
            title = named.get(name, {}).get(str(value))
            parts.append(title.get(language) if title else str(value))
    return " / ".join(parts) or _WHOLE.get(language)


def _key_title(catalog: Catalog, found: Total, name: str) -> Text:
    if name in found.layer.by_name:
        return found.layer.by_name[name].title
    owner, _, field = name.partition(".")
    layer = catalog.layers[owner]
    return layer.by_name[field].title if field else layer.title


def _map(found: Total, view: View, unit: Unit) -> tuple[Any, Any, Any]:
    """Zones coloured by their figure."""
    values = {str(row.group[0]): _value(found, row, unit) for row in found.rows}
    key, label = zone_field(view.layer), view.layer.label or zone_field(view.layer)
    shapes, names, figures = [], [], []
    for segment, rows in view.match():
        shapes += list(segment.geometries(rows))
        codes = segment.column(key, rows).to_pylist()
        names += [str(name) for name in segment.column(label, rows).to_pylist()]
        figures += [values.get(str(code)) for code in codes]
    drawing = np.empty(len(shapes), dtype=object)
    drawing[:] = shapes
    return drawn(drawing, names, figures)
