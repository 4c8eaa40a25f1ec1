"""CSV written by columns, safe to open in a spreadsheet.

A text cell that a spreadsheet would run as a formula gets a leading apostrophe
(CWE-1236); real numbers stay numbers. UTF-8, with a byte order mark so that Excel
in Chinese reads it; null is an empty cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

BOM = b"\xef\xbb\xbf"
_ROWS = 50_000  # rows a piece
#: First characters that make a cell a formula or carry one over a delimiter.
_FORMULA = r"\A([=+\-@\t\r])"
_OPTIONS = {"include_header": False, "quoting_style": "needed"}


def csv_bytes(
    columns: Mapping[str, pa.Array],
    titles: Sequence[str] | None,
    bom: bool = True,
) -> Iterator[bytes]:
    """CSV of columns of one length, in pieces.

    ``titles``: texts of the header in the order of ``columns``, None for no header (the
    rest of a file already begun). Texts, numbers, booleans, dates and timestamps (RFC 3339,
    ``Z``) are written. Raises `ValueError` when titles and columns differ in number.
    """
    head = BOM if bom else b""
    if titles is not None:
        if len(titles) != len(columns):
            raise ValueError(f"{len(titles)} titles for {len(columns)} columns")
        head += ",".join(_cell(title) for title in titles).encode() + b"\n"
    if head:
        yield head
    # Names may repeat and mean nothing here: numbers stand for them.
    written = [_written(column) for column in columns.values()]
    if not written or not len(written[0]):
        return
    table = pa.Table.from_arrays(written, names=[str(i) for i in range(len(written))])
    options = pyarrow.csv.WriteOptions(**_OPTIONS)
    for first in range(0, len(table), _ROWS):
        sink = pa.BufferOutputStream()
        pyarrow.csv.write_csv(_plain(table.slice(first, _ROWS)), sink, options)
        yield sink.getvalue().to_pybytes()


def wkt_column(geometries: NDArray[np.object_], decimals: int = 9) -> pa.Array:
    """Geometries [n] as well-known text with at most ``decimals`` decimals; null stays null."""
    return pa.array(shapely.to_wkt(geometries, rounding_precision=decimals), pa.string())


def lonlat_columns(geometries: NDArray[np.object_]) -> dict[str, pa.Array]:
    """``lon`` and ``lat`` of a point of each geometry [n]: the point itself or one inside."""
    points = shapely.point_on_surface(geometries)
    return {
        "lon": pa.array(np.round(shapely.get_x(points), 9), from_pandas=True),
        "lat": pa.array(np.round(shapely.get_y(points), 9), from_pandas=True),
    }


def _cell(title: str) -> str:
    safe = _safe(pa.array([title]))[0].as_py()
    return '"' + safe.replace('"', '""') + '"'


def _safe(texts: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(texts, pattern=_FORMULA, replacement=r"'\1")


def _written(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column as it is written; texts are made safe once per distinct value."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if isinstance(column, pa.DictionaryArray):
        return pa.DictionaryArray.from_arrays(column.indices, _written(column.dictionary))
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _safe(column)
    if pa.types.is_timestamp(kind):
        moments = column.cast(pa.timestamp("us", kind.tz or "UTC"), safe=False)
        texts = pc.strftime(moments.cast(pa.timestamp("us", "UTC")), format="%Y-%m-%dT%H:%M:%SZ")
        return pc.replace_substring_regex(texts, pattern=r"\.000000Z$", replacement="Z")
    if pa.types.is_floating(kind):
        return pc.if_else(pc.is_finite(column), column, pa.scalar(None, kind))
    if pa.types.is_null(kind):
        return column.cast(pa.string())
    return column


def _plain(table: pa.Table) -> pa.Table:
    """Without dictionaries, piece by piece: the writer takes plain columns."""
    columns = [
        column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        for column in table.columns
    ]
    return pa.Table.from_arrays(columns, names=table.column_names)
