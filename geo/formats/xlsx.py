"""Features as an XLSX sheet, row by row in constant memory; text never becomes a formula.

The first row has the titles (a note on each says name, both titles and unit), so that the
sheet comes back in as it went out. Codes are written as their labels, with the code itself
in a column beside. Shapes are left out but for points (lon, lat).
"""

from __future__ import annotations

from math import isnan
from pathlib import Path
from typing import Any

import pyarrow as pa
import shapely
import xlsxwriter

from geo.errors import Rejected
from geo.formats.source import GEOMETRY, Source, text_of
from geo.formats.workbook import MOST_ROWS, put

_WIDTH = {"string": 18, "number": 13, "integer": 9, "boolean": 6, "date": 12, "datetime": 17}


def write(path: Path, source: Source) -> None:
    """Write the sheet. Raises `Rejected` E_XLSX_ROWS past the rows of a sheet."""
    if source.rows >= MOST_ROWS:
        raise Rejected(
            "E_XLSX_ROWS",
            f"共 {source.rows} 行，XLSX 一张表最多 {MOST_ROWS - 1} 行",
            f"{source.rows} rows; a sheet of XLSX holds {MOST_ROWS - 1}",
            fix=("请缩小范围，或改用 CSV、GeoPackage", "ask for less, or use CSV or GeoPackage"),
        )
    points = source.has_geometry and source.layer.geometry == "Point"
    names = [name for name in source.names if name != "fid"]
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "nan_inf_to_errors": False,
    }
    with xlsxwriter.Workbook(path, {**options, "tmpdir": str(path.parent)}) as book:
        book.set_properties(
            {"title": source.layer.title.zh, "comments": "\n".join(zh for zh, _ in source.about)}
        )
        page = book.add_worksheet(source.layer.title.get(source.language)[:31])
        head = book.add_format({"bold": True, "bottom": 1, "bg_color": "#eef2ec"})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        page.freeze_panes(1, 0)
        columns = _columns(source, names, points)
        for i, (name, kind) in enumerate(columns):
            _head(page, source, i, name, kind, head)
        line = 0
        for batch in source.batches():
            values = [_values(source, batch, name, kind) for name, kind in columns]
            for row in zip(*values, strict=True):
                line += 1
                for i, value in enumerate(row):
                    if type(value) is str:
                        # The public way checks each value again, which doubles the time.
                        page._write_string(line, i, value)
                    elif value is not None:
                        put(page, line, i, value, day, moment)
        if line:
            page.autofilter(0, 0, line, len(columns) - 1)


def _columns(source: Source, names: list[str], points: bool) -> list[tuple[str, str]]:
    """(property, label | code | value | x | y)."""
    found: list[tuple[str, str]] = []
    for name in names:
        if source.labels(name):
            found += [(name, "label"), (name, "code")]
        else:
            found.append((name, "value"))
    return [*found, ("lon", "x"), ("lat", "y")] if points else found


def _head(page: Any, source: Source, at: int, name: str, kind: str, style: Any) -> None:
    field = source.layer.by_name.get(name)
    text = source.title(name) if kind in ("label", "value", "code") else name
    if kind == "code":
        text += "（代码）" if source.language == "zh" else " (code)"
    page.set_column(at, at, _WIDTH[field.type] if field else 13)
    page.write_string(0, at, text, style)
    if kind in ("label", "value"):
        note = [source.title(name, "zh"), source.title(name, "en"), name]
        note += [field.unit] if field and field.unit else []
        page.write_comment(0, at, "\n".join(note))


def _values(source: Source, batch: pa.RecordBatch, name: str, kind: str) -> list[Any]:
    if kind in ("x", "y"):
        shapes = shapely.from_wkb(batch.column(GEOMETRY).to_numpy(zero_copy_only=False))
        numbers = shapely.get_x(shapes) if kind == "x" else shapely.get_y(shapes)
        return [None if isnan(value) else round(float(value), 9) for value in numbers]
    column = text_of(batch, name)
    values = column.to_pylist()
    if kind == "label":
        labels = source.labels(name)
        return [labels.get(value, value) for value in values]
    return values
