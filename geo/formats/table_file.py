"""Tables from outside, CSV and XLSX: where their header is, and one text column a title.

A sheet in the field begins with titles over merged cells, has its header in one row or
two, and ends in remarks. The header is the first row, of those near the top, that names
as many columns as the table has; a table of numbers alone has none.
"""

from __future__ import annotations

import csv
import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geo.errors import Rejected
from geo.formats.columns import check_width
from geo.formats.content import MAX_RECORDS
from geo.formats.text import Encoding
from geo.formats.text_file import read_text

MAX_XLSX_BYTES = 100 << 20
MAX_CELLS = 40_000_000
_NEAR_TOP = 25
_DELIMITERS = ",\t;|"
_TOTALS = ("合计", "总计", "小计", "total")

Cell = Any  # str, int, float, bool, date, datetime or None


@dataclass
class Grid:
    """Rows under the header. ``rows``: numbers of the rows in the file, from 1."""

    names: list[str]
    cells: list[list[Cell]]
    rows: list[int]
    headless: bool
    encoding: Encoding | None = None


def read_csv(path: Path, *, encoding: str | None = None) -> Grid:
    """A delimited text. Raises `Rejected`: E_TOO_LARGE, E_ENCODING, E_TABLE, E_COLUMNS."""
    text, chosen = read_text(path, encoding)
    lines = text.splitlines(keepends=True)
    delimiter = _delimiter(lines[:_NEAR_TOP])
    rows: list[list[Cell]] = []
    numbers: list[int] = []
    reader = csv.reader(lines, delimiter=delimiter or " ", skipinitialspace=True, strict=False)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append([_plain(cell) for cell in row])
                numbers.append(reader.line_num)
            if len(rows) > MAX_RECORDS:
                raise _refused("行数太多", "it has too many rows")
    except csv.Error as error:
        raise _refused(
            f"第 {reader.line_num} 行有误", f"line {reader.line_num}: {error}"
        ) from error
    found = grid(rows, numbers)
    found.encoding = chosen
    return found


def sheets(path: Path) -> list[str]:
    """Names of the sheets that hold anything. Raises `Rejected` E_XLSX, E_TOO_LARGE."""
    book = _open(path)
    try:
        visible = [m.name for m in book.sheets_metadata if "Visible" in str(m.visible)]
        names = visible or list(book.sheet_names)
        return [name for name in names if _sheet(book, name).height] or names[:1]
    finally:
        book.close()


def read_sheet(path: Path, name: str) -> Grid:
    """One sheet: cached values of formulas, numbers, dates and texts as they are."""
    book = _open(path)
    try:
        sheet = _sheet(book, name)
        if sheet.height * max(sheet.width, 1) > MAX_CELLS or sheet.height > MAX_RECORDS:
            raise _refused("单元格太多", "it has too many cells", "E_XLSX")
        first = (sheet.start or (0, 0))[0]
        rows = sheet.to_python(skip_empty_area=True)
    finally:
        book.close()
    kept = [(i, [_cell(c) for c in row]) for i, row in enumerate(rows, first + 1)]
    kept = [(i, row) for i, row in kept if any(c is not None for c in row)]
    return grid([row for _, row in kept], [i for i, _ in kept])


def grid(rows: Sequence[list[Cell]], numbers: Sequence[int]) -> Grid:
    """Find the header and cut the table below it. Raises `Rejected` E_EMPTY, E_COLUMNS."""
    if not rows:
        raise Rejected(
            "E_EMPTY", "表格是空的", "the table is empty",
            fix=("请检查后重新导出", "check it and export it again"),
        )  # fmt: skip
    width = max(len(row) for row in rows)
    check_width(width)
    padded = [[*row, *[None] * (width - len(row))] for row in rows]
    at = _header(padded)
    if at is None:
        names, start = [f"列{i}" for i in range(1, width + 1)], 0
    else:
        names, start = _names(padded, at)
    body = padded[start:]
    used = [i for i in range(width) if names[i] or any(row[i] is not None for row in body)]
    picked = [[row[i] for i in used] for row in body]
    kept = [n for n, row in enumerate(picked) if not _is_total(row)]
    return Grid(
        names=_distinct([names[i] or f"列{i + 1}" for i in used]),
        cells=[picked[n] for n in kept],
        rows=[numbers[start + n] for n in kept],
        headless=at is None,
    )


def _header(rows: Sequence[list[Cell]]) -> int | None:
    """The row that names the columns; None where the first row is data already."""
    scores = [_titles(row) for row in rows[:_NEAR_TOP]]
    filled = max(sum(c is not None for c in row) for row in rows[: _NEAR_TOP * 2])
    best = max(scores, default=0)
    if best < min(2, filled):
        return None
    enough = max(min(2, filled), math.ceil(0.6 * min(best, filled)))
    for i, score in enumerate(scores):
        data = sum(_number(c) for c in rows[i])
        if data and i == 0 and score <= data:
            return None
        if score >= enough and data <= score // 4:
            return i
    return None


def _titles(row: Sequence[Cell]) -> int:
    """Distinct words in a row."""
    words = [c.strip() for c in row if isinstance(c, str) and c.strip() and not _number(c)]
    return len(set(words)) if all(len(word) <= 60 for word in words) else 0


def _names(rows: Sequence[list[Cell]], at: int) -> tuple[list[str], int]:
    """(titles, first row of data); a second row of titles goes below the groups of the first."""
    top = ["" if c is None else " ".join(str(c).split()) for c in rows[at]]
    if at + 1 < len(rows):
        below = rows[at + 1]
        blank = [i for i, text in enumerate(top) if not text and below[i] is not None]
        texts = [c for c in below if c is not None]
        if blank and len(texts) > 1 and all(isinstance(c, str) and not _number(c) for c in texts):
            names = []
            group = ""
            for i, text in enumerate(top):
                group = text or group
                under = below[i]
                names.append(" ".join(str(under).split()) if under is not None else text)
            return names, at + 2
    return top, at + 1


def _is_total(row: Sequence[Cell]) -> bool:
    """A closing line such as 合计: its first cell says so."""
    first = next((c for c in row if c is not None), None)
    plain = "".join(str(first).split()).casefold().rstrip(":：") if isinstance(first, str) else ""
    return plain in _TOTALS


def _delimiter(lines: Sequence[str]) -> str | None:
    """The sign that parts most of the first lines into the same number of cells."""
    given = [line for line in lines if line.strip()]
    best, found = 0, None
    for sign in _DELIMITERS:
        counts = [line.count(sign) for line in given]
        common = max(set(counts), key=counts.count, default=0)
        score = counts.count(common) * common
        if common and score > best:
            best, found = score, sign
    return found


def _plain(cell: str) -> Cell:
    text = cell.strip("\ufeff\0 \t\r\n\u3000")
    # What our own CSV and others put before a formula sign.
    return (text[1:] if text[:1] == "'" and text[1:2] in "=+-@" else text) or None


def _cell(value: Cell) -> Cell:
    if isinstance(value, str):
        return value.strip(" \t\r\n\u3000") or None
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, dt.time | dt.timedelta):
        return str(value)
    return value


def _number(cell: Cell) -> bool:
    if isinstance(cell, str):
        try:
            float(cell.replace(",", ""))
        except ValueError:
            return False
        return True
    return isinstance(cell, int | float | dt.date) and not isinstance(cell, bool)


def _distinct(names: Sequence[str]) -> list[str]:
    used: set[str] = set()
    result = []
    for name in names:
        unique, number = name, 1
        while unique.casefold() in used:
            number += 1
            unique = f"{name}_{number}"
        used.add(unique.casefold())
        result.append(unique)
    return result


def _open(path: Path) -> Any:
    import python_calamine  # noqa: PLC0415 (only for sheets)

    if path.stat().st_size > MAX_XLSX_BYTES:
        raise Rejected(
            "E_TOO_LARGE",
            f"表格超过 {MAX_XLSX_BYTES >> 20} MiB",
            f"the workbook is over {MAX_XLSX_BYTES >> 20} MiB",
            fix=("请拆分，或另存为 CSV", "split it, or save it as CSV"),
        )
    try:
        return python_calamine.CalamineWorkbook.from_path(str(path))
    except python_calamine.PasswordError as error:
        raise Rejected(
            "E_XLSX_ENCRYPTED", "工作簿有密码", "the workbook is encrypted",
            fix=("请去掉密码后重新保存", "save it again without a password"),
        ) from error  # fmt: skip
    except (python_calamine.CalamineError, OSError) as error:
        raise _refused(
            "工作簿无法读取", f"the workbook cannot be read: {error}", "E_XLSX"
        ) from error


def _sheet(book: Any, name: str) -> Any:
    import python_calamine  # noqa: PLC0415

    try:
        return book.get_sheet_by_name(name)
    except python_calamine.CalamineError as error:
        raise _refused(
            f"工作表“{name}”无法读取", f"sheet {name!r} cannot be read: {error}", "E_XLSX"
        ) from error


def _refused(zh: str, en: str, code: str = "E_TABLE") -> Rejected:
    return Rejected(
        code, f"表格无法读取：{zh}", f"the table cannot be read: {en}",
        fix=("请另存为 UTF-8 的 CSV 或 XLSX", "save it as CSV in UTF-8 or as XLSX"),
    )  # fmt: skip
