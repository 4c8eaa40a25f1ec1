"""Features as an XLSX sheet, in constant memory; text never becomes a formula.

The first row has the titles (a note on each says name, both titles and unit), so that the
sheet comes back in as it went out. Codes are written as their labels, with the code itself
in a column beside. Shapes are left out but for points (lon, lat).

xlsxwriter makes the workbook with its styles, notes and filter around two rows; the rows
are put into its sheet by columns here, each distinct value encoded once, which takes a
tenth of the time. Cells: ECMA-376 part 1, 18.3.1.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, datetime
from math import isfinite
from pathlib import Path
from typing import IO, Any
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.compute as pc
import shapely
import xlsxwriter
from xlsxwriter.utility import xl_col_to_name, xl_rowcol_to_cell

from geo.errors import Rejected
from geo.formats.source import GEOMETRY, Source, text_of
from geo.formats.workbook import MOST_ROWS
from geo.local import LOCAL_TIME

_WIDTH = {"string": 18, "number": 13, "integer": 9, "boolean": 6, "date": 12, "datetime": 17}
_SHEET = "xl/worksheets/sheet1.xml"
_SAMPLE = re.compile(r'<row r="2".*?</row>', re.S)
_STYLE = re.compile(r'<c r="[A-Z]+2" s="(\d+)"')
_DIMENSION = re.compile(r'<dimension ref="[^"]*"/>')
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_LIKE_ESCAPE = re.compile("(_x[0-9A-Fa-f]{4}_)")
_ROW = "\0"  # stands for the number of the row in a cell that is encoded once
_EPOCH = date(1899, 12, 30).toordinal()
_Columns = list[tuple[str, str]]


def write(path: Path, source: Source) -> None:
    """Write the sheet. Raises `Rejected` E_XLSX_ROWS past the rows of a sheet."""
    if source.rows >= MOST_ROWS:
        raise Rejected(
            "E_XLSX_ROWS",
            f"共 {source.rows} 行，XLSX 一张表最多 {MOST_ROWS - 1} 行",
            f"{source.rows} rows; a sheet of XLSX holds {MOST_ROWS - 1}",
            fix=("请缩小范围，或改用 CSV、GeoPackage", "ask for less, or use CSV or GeoPackage"),
        )
    columns = _columns(source)
    template = path.with_name("template.xlsx")
    try:
        _template(template, source, columns)
        with zipfile.ZipFile(template) as empty:
            sheet = empty.read(_SHEET).decode()
            day, moment = _STYLE.findall(_SAMPLE.findall(sheet)[0])
            last = xl_rowcol_to_cell(source.rows, len(columns) - 1)
            head, tail = _SAMPLE.split(_DIMENSION.sub(f'<dimension ref="A1:{last}"/>', sheet))
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out:
                for name in empty.namelist():
                    if name != _SHEET:
                        out.writestr(name, empty.read(name))
                with out.open(_SHEET, "w", force_zip64=True) as target:
                    target.write(head.encode())
                    _rows(target, source, columns, {"date": day, "datetime": moment})
                    target.write(tail.encode())
    finally:
        template.unlink(missing_ok=True)


def _columns(source: Source) -> _Columns:
    """(property, label | code | value | x | y)."""
    found: _Columns = []
    for name in source.names[1:] or ["fid"]:
        if source.labels(name):
            found += [(name, "label"), (name, "code")]
        else:
            found.append((name, "value"))
    points = source.has_geometry and source.layer.geometry == "Point"
    return [*found, ("lon", "x"), ("lat", "y")] if points else found


def _template(path: Path, source: Source, columns: _Columns) -> None:
    """A workbook with the titles, and a second row whose two cells have the styles of times."""
    with xlsxwriter.Workbook(
        path, {"strings_to_formulas": False, "strings_to_urls": False}
    ) as book:
        book.set_properties(
            {"title": source.layer.title.zh, "comments": "\n".join(zh for zh, _ in source.about)}
        )
        page = book.add_worksheet(source.layer.title.get(source.language)[:31])
        style = book.add_format({"bold": True, "bottom": 1, "bg_color": "#eef2ec"})
        page.freeze_panes(1, 0)
        page.autofilter(0, 0, max(source.rows, 1), len(columns) - 1)
        for i, (name, kind) in enumerate(columns):
            _head(page, source, i, name, kind, style)
        page.write_number(1, 0, 1, book.add_format({"num_format": "yyyy-mm-dd"}))
        page.write_number(1, 1, 1, book.add_format({"num_format": "yyyy-mm-dd hh:mm"}))


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


def _rows(out: IO[bytes], source: Source, columns: _Columns, styles: dict[str, str]) -> None:
    line = 1
    for batch in source.batches():
        cells = [
            list(_cells(source, batch, name, kind, xl_col_to_name(i), styles))
            for i, (name, kind) in enumerate(columns)
        ]
        text = []
        for row in zip(*cells, strict=True):
            line += 1
            number = str(line)
            text.append(f'<row r="{number}">{"".join(row).replace(_ROW, number)}</row>')
        out.write("".join(text).encode())


def _cells(
    source: Source, batch: pa.RecordBatch, name: str, kind: str, letter: str, styles: dict[str, str]
) -> Iterator[str]:
    """Cells of a column, '' for none; the number of the row is still to come."""
    if kind in ("x", "y"):
        shapes = shapely.from_wkb(batch.column(GEOMETRY).to_numpy(zero_copy_only=False))
        places = shapely.get_x(shapes) if kind == "x" else shapely.get_y(shapes)
        values = pc.round(pa.array(places, from_pandas=True), 9)
    else:
        values = text_of(batch, name)
    coded = values.dictionary_encode()
    labels = source.labels(name) if kind == "label" else {}
    encode = _encoder(values.type, f'<c r="{letter}{_ROW}"', styles)
    words = [encode(labels.get(word, word)) for word in coded.dictionary.to_pylist()]
    return ("" if i is None else words[i] for i in coded.indices.to_pylist())


def _encoder(kind: pa.DataType, cell: str, styles: dict[str, str]) -> Callable[[Any], str]:
    """How a value of a type is written as a cell."""
    if pa.types.is_boolean(kind):
        return lambda value: f'{cell} t="b"><v>{int(value)}</v></c>'
    if pa.types.is_timestamp(kind):
        return lambda value: f'{cell} s="{styles["datetime"]}"><v>{_serial(value)!r}</v></c>'
    if pa.types.is_date(kind):
        style = styles["date"]
        return lambda value: f'{cell} s="{style}"><v>{value.toordinal() - _EPOCH}</v></c>'
    if pa.types.is_string(kind):
        return lambda value: f'{cell} t="inlineStr"><is>{_text(value)}</is></c>'
    return lambda value: f"{cell}><v>{value!r}</v></c>" if isfinite(value) else ""


def _serial(value: datetime) -> float:
    """Days since the epoch of spreadsheets, in China's time."""
    local = value.astimezone(LOCAL_TIME).replace(tzinfo=None)
    rest = (local - datetime(local.year, local.month, local.day)).total_seconds()
    return local.toordinal() - _EPOCH + round(rest) / 86_400


def _text(value: str) -> str:
    plain = escape(_LIKE_ESCAPE.sub(r"_x005F\1", _ILLEGAL.sub("", value)))
    keep = ' xml:space="preserve"' if plain != plain.strip() or "\n" in plain else ""
    return f"<t{keep}>{plain}</t>"
