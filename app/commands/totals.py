"""``liangtian totals``."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table as Printed

from app.asking import Ask
from app.commands.opened import opened
from app.params import read_as_of
from app.totals import Desk, reported
from geo.totals.table import table


def run(data: Path, ask: Ask, language: str = "zh") -> tuple[Printed, list[str]]:
    """The printed table of a total, and lines that explain it."""
    with opened(data) as folder:
        snapshots = folder.snapshots()
        desk = Desk(folder.settings, folder.catalog, snapshots)
        question = ask.question(desk.definitions, folder.catalog.layers)
        found = desk.total(question, read_as_of(ask.as_of))
        made = table(found, folder.catalog, language, reported(ask, found))
        title = found.layer.title
        printed = Printed(title=f"{title.zh} {title.en}", show_footer=True)
        for at, column in enumerate(made.columns):
            figures = at >= len(made.columns) - len([v for v in made.total if v is not None])
            number = figures and not isinstance(made.total[at], str)
            printed.add_column(
                column.title.get(language), _cell(column.name, made.total[at]),
                justify="right" if number else "left",
            )  # fmt: skip
        for row in made.rows:
            printed.add_row(
                *(_cell(c.name, value) for c, value in zip(made.columns, row, strict=True))
            )
        definition, method = found.definition, found.method
        notes = [
            f"口径 definition: {definition.zh}\n  {definition.en}",
            f"方法 method: {method.zh}\n  {method.en}",
            f"版本 revision: {found.as_of} "
            + ", ".join(f"{each.layer} {each.revision}" for each in found.inputs),
        ]
        if found.removed is not None:
            notes.append(f"已扣除重叠 overlap removed: {found.removed:,.2f} m²")
        return printed, notes


_PLACES = {"area_m2": 2, "area_ha": 4, "area_mu": 2, "removed_m2": 2, "length_m": 2}


def _cell(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.{_PLACES[name]}f}" if name in _PLACES else f"{value:,}"
    return f"{value:,}" if isinstance(value, int) and name == "count" else str(value)
