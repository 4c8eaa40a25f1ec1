# mypy: ignore-errors
"""Read property columns in compiled loops, straight from Arrow's buffers.

A column is one line of whole numbers (`geo.tiles.columns.Lines`): what kind it is
and the addresses of its buffers. So one compiled loop takes any number of columns
of any kinds, and a tile costs no call per column. ``line`` is the address of a line.
"""

from __future__ import annotations

from typing import Any

from numba import boolean, int64, types, uint8, uint64

from geo.tiles.kernels import inner
from geo.tiles.kernels.machine import bits_of, byte_at, float_of, int32_at, int64_at

STRING, INTEGER, NUMBER, BOOLEAN, DATE, DATETIME = range(6)

#: Places in a line. Addresses are of the first row; ``FIRST``: bits before it in bitmaps;
#: ``MARKS``: columns without a bit in common have no value in common.
KIND, VALUES, VALID, FIRST, OFFSETS, DATA, WORDS, BYTES, LONGEST, ONCE, PLAIN, FACTOR, MARKS = (
    range(13)
)
WIDTH = 13

LINES = types.Array(int64, 2, "C", readonly=True)


@inner(int64(LINES, int64))
def line_of(lines: Any, number: int) -> int:
    """The address of a column's line."""
    return lines.ctypes.data + 8 * WIDTH * number


@inner(boolean(int64, int64))
def has_value(line: int, row: int) -> bool:
    """Whether the row is not null, NaN or infinite (which no style and no JSON knows)."""
    if int64_at(line, VALID):
        bit = int64_at(line, FIRST) + row
        if not (byte_at(int64_at(line, VALID), bit >> 3) >> uint8(bit & 7)) & 1:
            return False
    if int64_at(line, KIND) == NUMBER:
        return (int64_at(int64_at(line, VALUES), row) & 0x7FF0000000000000) != 0x7FF0000000000000
    return True


@inner(int64(int64, int64))
def value_at(line: int, row: int) -> int:
    """A value as 64 bits; of a string its number in the dictionary, of a float its bits."""
    kind, values = int64_at(line, KIND), int64_at(line, VALUES)
    if kind in (STRING, DATE):
        return int64(int32_at(values, row))
    if kind == BOOLEAN:
        bit = int64_at(line, FIRST) + row
        return int64((byte_at(values, bit >> 3) >> uint8(bit & 7)) & 1)
    if kind == NUMBER and int64_at(line, FACTOR):
        return bits_of(
            float_of(int64_at(int64_at(line, VALUES), row)) * float_of(int64_at(line, FACTOR))
        )
    return int64_at(int64_at(line, VALUES), row)


@inner(uint64(int64, int64))
def hash_bytes(address: int, count: int) -> int:
    """A 64-bit hash of ``count`` bytes."""
    # Eight bytes a multiplication: a byte at a time would wait for each product.
    h = uint64(count)
    at = int64(0)
    while at + 8 <= count:
        h = (h ^ uint64(int64_at(address + at, 0))) * uint64(0x9E3779B97F4A7C15)
        h ^= h >> uint64(32)
        at += 8
    word = uint64(0)
    while at < count:
        word = (word << uint64(8)) | uint64(byte_at(address, at))
        at += 1
    h = (h ^ word) * uint64(0x9E3779B97F4A7C15)
    return h ^ (h >> uint64(32))
