"""Tables as an XLSX workbook that a spreadsheet shows and never runs.

Text is written as text whatever it begins with (no formula, no link), numbers stay
numbers, dates are dates. https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import xlsxwriter

from geo.local import LOCAL_TIME

#: Most characters of a cell and of a sheet's name, and rows of a sheet (Excel's limits).
MOST_TEXT = 32_767
MOST_ROWS = 1_048_576
_MOST_NAME = 31
_NOT_IN_NAMES = re.compile(r"[\[\]:*?/\\']")


@dataclass(frozen=True)
class Sheet:
    """One table: ``title`` above, then ``notes`` line by line, ``headings``, and the rows.

    ``total``: a last row in bold. Values: str, int, float, bool, date, datetime, None.
    """

    name: str
    title: str
    headings: Sequence[str]
    rows: Iterable[Sequence[Any]]
    notes: Sequence[str] = ()
    total: Sequence[Any] | None = None


def workbook(sheets: Sequence[Sheet]) -> bytes:
    """The sheets as one XLSX file."""
    out = io.BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "nan_inf_to_errors": False,
        "remove_timezone": True,
    }
    with xlsxwriter.Workbook(out, options) as book:
        styles = _Styles(book)
        taken: set[str] = set()
        for sheet in sheets:
            _write(book.add_worksheet(_name(sheet.name, taken)), sheet, styles)
    return out.getvalue()


class _Styles:
    def __init__(self, book: Any) -> None:
        self.title = book.add_format({"bold": True, "font_size": 14})
        self.note = book.add_format({"font_color": "#555555"})
        self.heading = book.add_format(
            {"bold": True, "bottom": 1, "bg_color": "#eef2ec", "text_wrap": True, "valign": "top"}
        )
        self.date = book.add_format({"num_format": "yyyy-mm-dd"})
        self.time = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        self.bold = book.add_format({"bold": True, "top": 1})


def _name(wanted: str, taken: set[str]) -> str:
    """A sheet's name as Excel accepts it, different from those before (in any case)."""
    base = _NOT_IN_NAMES.sub(" ", wanted).strip()[:_MOST_NAME] or "Sheet"
    name, number = base, 1
    while name.casefold() in taken:
        number += 1
        tail = f" {number}"
        name = base[: _MOST_NAME - len(tail)] + tail
    taken.add(name.casefold())
    return name


def _write(page: Any, sheet: Sheet, styles: _Styles) -> None:
    page.write_string(0, 0, sheet.title[:MOST_TEXT], styles.title)
    line = 1
    for note in sheet.notes:
        page.write_string(line, 0, note[:MOST_TEXT], styles.note)
        line += 1
    line += 1
    widths = [_width(heading) for heading in sheet.headings]
    for column, heading in enumerate(sheet.headings):
        page.write_string(line, column, heading, styles.heading)
    page.freeze_panes(line + 1, 0)
    for row in sheet.rows:
        line += 1
        for column, value in enumerate(row):
            put(page, line, column, value, styles.date, styles.time)
            if isinstance(value, str):
                widths[column] = max(widths[column], _width(value))
    if sheet.total is not None:
        line += 1
        for column, value in enumerate(sheet.total):
            put(page, line, column, value, styles.date, styles.time, styles.bold)
    for column, width in enumerate(widths):
        page.set_column(column, column, min(max(width, 10), 48))


def put(
    page: Any, line: int, column: int, value: Any, day: Any, moment: Any, style: Any = None
) -> None:
    """Write one value by its type; NaN, infinity and None leave the cell empty."""
    if value is None:
        return
    if isinstance(value, bool):
        page.write_boolean(line, column, value, style)
    elif isinstance(value, (int, float)):
        if math.isfinite(value):
            page.write_number(line, column, value, style)
    elif isinstance(value, datetime):
        local = value.astimezone(LOCAL_TIME) if value.tzinfo else value
        page.write_datetime(line, column, local.replace(tzinfo=None), style or moment)
    elif isinstance(value, date):
        page.write_datetime(line, column, value, style or day)
    else:
        page.write_string(line, column, str(value)[:MOST_TEXT], style)


def _width(text: str) -> int:
    """Columns that a text takes: Chinese characters are twice as wide."""
    return sum(2 if ord(c) > 0x2E80 else 1 for c in text) + 2
