"""Property columns (pyarrow) as plain arrays that a compiled loop can read.

No value is touched here: the buffers of the Arrow arrays are handed over as
they are, memory-mapped or not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.snapshot.segment import Segment

Columns = Mapping[str, "pa.Array | pa.ChunkedArray | Plain"]

STRING, INTEGER, NUMBER, BOOLEAN, DATE, DATETIME = range(6)
_NO_I4 = np.zeros(1, dtype=np.int32)
_NO_U1 = np.zeros(0, dtype=np.uint8)


class Plain(NamedTuple):
    """A column of n rows. ``bits``: the values, or numbers into the dictionary for strings."""

    kind: int
    bits: NDArray[np.int64]  # [n]; float64 is seen as its bits
    valid: NDArray[np.uint8]  # Arrow bitmap; empty when nothing is null
    valid_from: int  # first bit of the bitmap
    offsets: NDArray[np.int32]  # of the dictionary's strings
    data: NDArray[np.uint8]  # UTF-8


class Buffers(NamedTuple):
    """An Arrow column as it lies in memory; nothing is copied."""

    kind: int
    values: NDArray[np.generic]  # int32 or int64 from the column's first row on, else a bitmap
    valid: NDArray[np.uint8]
    first: int  # first row, in bits of the bitmaps
    length: int
    offsets: NDArray[np.int32]
    data: NDArray[np.uint8]


def buffers(column: pa.Array | pa.ChunkedArray) -> Buffers:
    """Raises `TypeError` for a type that tiles cannot carry."""
    if isinstance(column, pa.ChunkedArray):
        column = column.unify_dictionaries().combine_chunks()
    kind, column = _normal(column)
    validity, values = (column.indices if kind == STRING else column).buffers()
    valid = _NO_U1 if validity is None else np.frombuffer(validity, dtype=np.uint8)
    offsets, data = _NO_I4, _NO_U1
    if kind == STRING:
        words = column.dictionary
        if len(words):
            _, starts, text = words.buffers()
            offsets = np.frombuffer(starts, dtype=np.int32)[words.offset :]
            data = _NO_U1 if text is None else np.frombuffer(text, dtype=np.uint8)
    first, length = column.offset, len(column)
    width = np.int32 if kind in (STRING, DATE) else np.int64
    numbers: NDArray[np.generic] = np.zeros(0, dtype=width)
    if length and kind == BOOLEAN:
        numbers = np.frombuffer(values, dtype=np.uint8)
    elif length:
        numbers = np.frombuffer(values, dtype=width)[first : first + length]
    return Buffers(kind, numbers, valid, first, length, offsets, data)


def plain(column: pa.Array | pa.ChunkedArray | Plain) -> Plain:
    """A column as arrays. Raises `TypeError` for a type that tiles cannot carry."""
    if isinstance(column, Plain):
        return column
    kind, values, valid, first, length, offsets, data = buffers(column)
    if kind == BOOLEAN and length:
        # bitorder: Arrow counts bits from the least significant.
        bitmap: Any = values
        bits = np.unpackbits(bitmap, count=first + length, bitorder="little")[first:]
        return Plain(kind, bits.astype(np.int64), valid, first, offsets, data)
    return Plain(kind, values.astype(np.int64, copy=False), valid, first, offsets, data)


_OF_SEGMENTS: WeakKeyDictionary[Segment, dict[str, Buffers]] = WeakKeyDictionary()


def rows_of(segment: Segment, name: str, rows: NDArray[np.int64]) -> Plain:
    """Some rows of a segment's column. Its buffers are looked up once, not once a tile."""
    known = _OF_SEGMENTS.setdefault(segment, {})
    found = known.get(name)
    if found is None:
        found = known[name] = buffers(segment.column(name))
    kind, values, valid, first, _, offsets, data = found
    at = rows + first if first else rows
    bits = _bits(values, at) if kind == BOOLEAN else values[rows]
    if len(valid):
        valid = np.packbits(_bits(valid, at), bitorder="little")
    return Plain(kind, bits.astype(np.int64, copy=False), valid, 0, offsets, data)


def _bits(bitmap: NDArray[np.generic], at: NDArray[np.int64]) -> NDArray[np.uint8]:
    return bitmap[at >> 3] >> (at & 7).astype(np.uint8) & 1


_KINDS: dict[pa.DataType, int] = {
    pa.dictionary(pa.int32(), pa.string()): STRING,
    pa.int64(): INTEGER,
    pa.float64(): NUMBER,
    pa.bool_(): BOOLEAN,
    pa.date32(): DATE,
    pa.timestamp("us", tz="UTC"): DATETIME,
}


_OTHERS: tuple[tuple[Callable[[pa.DataType], bool], int, pa.DataType], ...] = (
    (pa.types.is_dictionary, STRING, pa.string()),
    (pa.types.is_string, STRING, pa.string()),
    (pa.types.is_large_string, STRING, pa.string()),
    (pa.types.is_integer, INTEGER, pa.int64()),
    (pa.types.is_floating, NUMBER, pa.float64()),
    (pa.types.is_timestamp, DATETIME, pa.timestamp("us", tz="UTC")),
    (pa.types.is_date, DATE, pa.date32()),
)


def _normal(column: pa.Array) -> tuple[int, pa.Array]:
    """The column in one of the six types that the loops read."""
    kind = _KINDS.get(column.type)
    if kind is not None:
        return kind, column
    for fits, kind, wanted in _OTHERS:
        if fits(column.type):
            column = column.cast(wanted, safe=False)
            return kind, column.dictionary_encode() if kind == STRING else column
    raise TypeError(f"a tile cannot carry a column of type {column.type}")
