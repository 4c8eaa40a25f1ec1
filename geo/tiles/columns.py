"""Property columns (pyarrow) as plain arrays that a compiled loop can read.

No value is touched here: the buffers of the Arrow arrays are handed over as
they are, memory-mapped or not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

Columns = Mapping[str, "pa.Array | pa.ChunkedArray"]

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


def plain(column: pa.Array | pa.ChunkedArray) -> Plain:
    """An Arrow column as arrays. Raises `TypeError` for a type that tiles cannot carry."""
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
    first, last = column.offset, column.offset + len(column)
    if not len(column):
        bits = np.zeros(0, dtype=np.int64)
    elif kind in (STRING, DATE):
        bits = np.frombuffer(values, dtype=np.int32)[first:last].astype(np.int64)
    elif kind == BOOLEAN:
        # bitorder: Arrow counts bits from the least significant.
        packed = np.frombuffer(values, dtype=np.uint8)
        bits = np.unpackbits(packed, count=last, bitorder="little")[first:].astype(np.int64)
    else:
        bits = np.frombuffer(values, dtype=np.int64)[first:last]
    return Plain(kind, bits, valid, first, offsets, data)


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
