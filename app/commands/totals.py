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
        names = [column.name for column in made.columns]
        # People read titles; codes and what mu and hectares say again stay away.
        shown = [
            at for at, name in enumerate(names)
            if f"{name}_title" not in names and name not in ("area_m2", "removed_m2")
        ]  # fmt: skip
        lines = [_named(names, row) for row in (*made.rows, made.total)]
        for at in shown:
            number = isinstance(made.total[at], (int, float))
            printed.add_column(
                made.columns[at].title.get(language), _cell(names[at], lines[-1][at]),
                justify="right" if number else "left", overflow="fold",
            )  # fmt: skip
        for line in lines[:-1]:
            printed.add_row(*(_cell(names[at], line[at]) for at in shown))
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


def _named(names: list[str], row: tuple[object, ...]) -> list[object]:
    """A row in which a title has its code before it."""
    cells = list(row)
    for at, name in enumerate(names):
        if name.endswith("_title"):
            cells[at] = " ".join(str(c) for c in cells[at - 1 : at + 1] if c is not None)
    return cells


_PLACES = {"area_m2": 2, "area_ha": 4, "area_mu": 2, "removed_m2": 2, "length_m": 2}


def _cell(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.{_PLACES[name]}f}" if name in _PLACES else f"{value:,}"
    return f"{value:,}" if isinstance(value, int) and name == "count" else str(value)
