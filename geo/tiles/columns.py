"""Property columns (pyarrow) as the compiled loops read them: see `geo.tiles.kernels.columns`.

No value is touched here: the loops read the buffers of the Arrow arrays where they
are, memory-mapped or not. What is found out about a segment's column is kept as
long as the segment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from geo.snapshot.segment import DERIVED
from geo.tiles.kernels import columns as kernel
from geo.tiles.kernels.columns import BOOLEAN, DATE, DATETIME, INTEGER, NUMBER, STRING

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.snapshot.segment import Segment

Columns = Mapping[str, "pa.Array | pa.ChunkedArray"]


@dataclass(frozen=True, eq=False)
class Lines:
    """Columns of one source: one line of `geo.tiles.kernels.columns` each.

    ``keys``: the names as fields of a vector tile, ``names``: as JSON with a colon;
    both one after another, with ``*_ends`` [c + 1]. ``held`` keeps the buffers alive
    that the lines point to.
    """

    lines: NDArray[np.int64]  # [c, WIDTH]
    keys: NDArray[np.uint8]
    key_ends: NDArray[np.int64]
    names: NDArray[np.uint8]
    name_ends: NDArray[np.int64]
    held: tuple[Any, ...]


def lines_of(columns: Columns) -> Lines:
    """Arrow columns in this order. Raises `TypeError` for a type that tiles cannot carry."""
    return _lines({name: _line(column) for name, column in columns.items()})


_KEPT: WeakKeyDictionary[Segment, dict[Any, Any]] = WeakKeyDictionary()
_MOST_KEPT = 64  # combinations of properties of one segment


def segment_lines(segment: Segment, names: Sequence[str]) -> Lines:
    """Columns of a segment by name, for all its rows."""
    kept = _KEPT.setdefault(segment, {})
    names = tuple(names)
    found = kept.get(names)
    if found is None:
        parts = {name: _segment_line(segment, name, kept) for name in names}
        found = _lines(parts)
        if len(kept) < _MOST_KEPT:
            kept[names] = found
    return found


_Line = tuple["NDArray[np.int64]", Any]


def _segment_line(segment: Segment, name: str, kept: dict[Any, Any]) -> _Line:
    if name not in kept:
        if name in DERIVED:
            line, held = _segment_line(segment, "area_m2", kept)
            line = line.copy()
            line[kernel.FACTOR] = np.float64(DERIVED[name]).view(np.int64)
            kept[name] = line, held
        else:
            kept[name] = _line(segment.column(name))
    return kept[name]


def _lines(parts: dict[str, _Line]) -> Lines:
    keys = [text_field(3, name.encode()) for name in parts]  # Layer.keys
    names = [orjson.dumps(name) + b":" for name in parts]
    return Lines(
        np.array([line for line, _ in parts.values()], np.int64).reshape(-1, kernel.WIDTH),
        np.frombuffer(b"".join(keys), np.uint8),
        np.cumsum([0, *map(len, keys)], dtype=np.int64),
        np.frombuffer(b"".join(names), np.uint8),
        np.cumsum([0, *map(len, names)], dtype=np.int64),
        tuple(held for _, held in parts.values()),
    )


def text_field(number: int, text: bytes) -> bytes:
    """A field of a protobuf message that holds bytes."""
    size, rest = b"", len(text)
    while rest > 127:
        size += bytes((rest & 127 | 128,))
        rest >>= 7
    return bytes((number << 3 | 2,)) + size + bytes((rest,)) + text


def _line(column: pa.Array | pa.ChunkedArray) -> _Line:
    """The line of an Arrow column and what must live as long as it."""
    if isinstance(column, pa.ChunkedArray):
        column = column.unify_dictionaries().combine_chunks()
    kind, column = _normal(column)
    line = np.zeros(kernel.WIDTH, dtype=np.int64)
    if kind == STRING and column.dictionary.null_count:
        column = column.cast(pa.string()).dictionary_encode()
    codes = column.indices if kind == STRING else column
    valid, values = codes.buffers()
    first = codes.offset
    if codes.null_count:
        line[kernel.VALID] = valid.address
    line[kernel.KIND], line[kernel.FIRST] = kind, first
    if values is not None:
        skipped = 0 if kind == BOOLEAN else first * (4 if kind in (STRING, DATE) else 8)
        line[kernel.VALUES] = values.address + skipped
    if kind == STRING:
        _words(line, column, codes)
    else:
        line[kernel.MARKS] = _marks(kind, column)
    return line, column


def _words(line: NDArray[np.int64], column: pa.DictionaryArray, codes: pa.Array) -> None:
    words = column.dictionary
    if not len(words):
        return
    _, offsets, data = words.buffers()
    ends = np.frombuffer(offsets, np.int32)[words.offset :][: len(words) + 1]
    text = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    text = text[ends[0] : ends[-1]]
    line[kernel.WORDS], line[kernel.BYTES] = len(words), len(text)
    line[kernel.LONGEST] = np.diff(ends).max()
    line[kernel.OFFSETS] = offsets.address + 4 * words.offset
    line[kernel.DATA] = 0 if data is None else data.address
    line[kernel.MARKS] = _word_marks(ends, text)
    line[kernel.PLAIN] = not ((text < 32) | (text == ord('"')) | (text == ord("\\"))).any()
    if len(words) >= len(codes) - codes.null_count > 1:
        used = codes.drop_null().to_numpy()
        line[kernel.ONCE] = np.bincount(used, minlength=1).max() == 1


_ALL = -1  # every bit


def _word_marks(ends: NDArray[np.int32], text: NDArray[np.uint8]) -> int:
    """A bit for each length and beginning that words have."""
    sizes, starts = np.diff(ends), ends[:-1] - ends[0]
    padded = np.concatenate((text, np.zeros(2, np.uint8))).astype(np.int64)
    first = np.where(sizes > 0, padded[starts], 0)
    second = np.where(sizes > 1, padded[starts + 1], 0)
    return _text_bits(sizes, first, second)


def _marks(kind: int, column: pa.Array) -> int:
    """The same for dates and times, which are sent as texts; for numbers a bit a size."""
    if kind in (NUMBER, BOOLEAN):
        return _ALL
    if kind != INTEGER:
        column = column.cast(pa.timestamp("s"), safe=False)
    low, high = pc.min_max(column).as_py().values()
    if low is None:
        return 0
    if kind == INTEGER:
        if low < 0:
            return _ALL
        return _bits(np.arange(low.bit_length(), high.bit_length() + 1))
    digits = np.arange(low.year // 100, high.year // 100 + 1)
    size = 10 if kind == DATE else 20
    return _text_bits(np.full(len(digits), size), 48 + digits // 10, 48 + digits % 10)


def _text_bits(
    sizes: NDArray[np.integer], first: NDArray[np.integer], second: NDArray[np.integer]
) -> int:
    mixed = (sizes.astype(np.int64) << 16 | first << 8 | second) * 0x9E3779B1
    return _bits((mixed & 0xFFFFFFFF) >> 26)


def _bits(numbers: NDArray[np.integer]) -> int:
    bits = np.uint64(1) << np.unique(numbers % 64).astype(np.uint64)
    return int(np.bitwise_or.reduce(bits).astype(np.uint64).view(np.int64))


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
