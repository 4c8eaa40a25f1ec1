# mypy: ignore-errors
# ruff: noqa: PLR0912
"""Number the property values of a vector tile layer: each value stands in it once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import boolean, int32, int64, types, uint8, uint64

from geo.tiles.kernels import inner, loop
from geo.tiles.kernels.columns import (
    BOOLEAN,
    BYTES,
    DATA,
    DATE,
    INTEGER,
    KIND,
    LINES,
    LONGEST,
    MARKS,
    NUMBER,
    OFFSETS,
    ONCE,
    STRING,
    WORDS,
    has_value,
    hash_bytes,
    line_of,
    value_at,
)
from geo.tiles.kernels.machine import (
    byte_at,
    copy_bytes,
    int32_at,
    int64_at,
    store_byte,
    store_word,
)
from geo.tiles.kernels.text import put_date, put_time

_I8 = types.Array(int64, 1, "C", readonly=True)
_TAGS, _ENDS, _SLOTS = int32[:, ::1], int64[::1], uint64[::1]


@inner(int64(int64, uint64))
def put_varint(at: int, value: int) -> int:
    while value > uint64(127):
        store_byte(at, (value & uint64(127)) | uint64(128))
        value >>= uint64(7)
        at += 1
    store_byte(at, value)
    return at + 1


@inner(int64(int64, int64))
def most_values(line: int, rows: int) -> int:
    """How many values ``rows`` rows of a column can have."""
    if int64_at(line, KIND) == STRING:
        return min(rows, int64_at(line, WORDS))
    return min(rows, 2) if int64_at(line, KIND) == BOOLEAN else rows


@inner(int64(int64, int64))
def most_bytes(line: int, rows: int) -> int:
    """How many bytes the values of ``rows`` rows of a column can take."""
    most = most_values(line, rows)
    if int64_at(line, KIND) == STRING:
        return min(most * int64_at(line, LONGEST), int64_at(line, BYTES)) + 16 * most
    return 32 * most


@inner(int64(int64, int64, int64))
def _put_value(at: int, line: int, bits: int) -> int:
    """One Layer.values entry (tag, length, Value)."""
    kind = int64_at(line, KIND)
    store_byte(at, 0x22)
    if kind == STRING:
        start = int64(int32_at(int64_at(line, OFFSETS), bits))
        n = int64(int32_at(int64_at(line, OFFSETS), bits + 1)) - start
        size = 2
        rest = n
        while rest > 127:
            size += 1
            rest >>= 7
        at = put_varint(at + 1, uint64(n + size))
        store_byte(at, 0x0A)
        at = put_varint(at + 1, uint64(n))
        copy_bytes(at, int64_at(line, DATA) + start, n)
        return at + n
    begin = at + 2  # all others are shorter than 128 bytes: their length takes one
    if kind == INTEGER:
        if bits >= 0:
            store_byte(begin, 0x28)  # uint_value
            end = put_varint(begin + 1, uint64(bits))
        else:
            store_byte(begin, 0x30)  # sint_value, zigzag
            end = put_varint(begin + 1, uint64((bits << 1) ^ (bits >> 63)))
    elif kind == NUMBER:
        store_byte(begin, 0x19)  # double_value
        store_word(begin + 1, uint64(bits))
        end = begin + 9
    elif kind == BOOLEAN:
        store_byte(begin, 0x38)
        store_byte(begin + 1, bits)
        end = begin + 2
    else:
        store_byte(begin, 0x0A)
        end = put_date(begin + 2, bits) if kind == DATE else put_time(begin + 2, bits)
        store_byte(begin + 1, end - begin - 2)
    store_byte(at + 1, end - begin)
    return end


@inner(boolean(int64, int64, int64))
def _equal(a: int, b: int, count: int) -> bool:
    at = int64(0)
    while at + 8 <= count:
        if int64_at(a + at, 0) != int64_at(b + at, 0):
            return False
        at += 8
    while at < count:
        if byte_at(a, at) != byte_at(b, at):
            return False
        at += 1
    return True


@inner(int64(int64, _ENDS, int64, _SLOTS, boolean))
def _same_before(values: int, ends: Any, count: int, slots: Any, remember: bool) -> int:
    """Number of an earlier value with the bytes of the last one (``count``), else ``count``.

    A slot is 0 or half of the hash above a value's number and one.
    """
    size = ends[count + 1] - ends[count]
    h = hash_bytes(values + ends[count], size)
    mask = uint64(slots.shape[0] - 1)
    mark = h & uint64(0xFFFFFFFF00000000)
    slot = h & mask
    while slots[slot]:
        if slots[slot] & uint64(0xFFFFFFFF00000000) == mark:
            other = int64(slots[slot] & uint64(0xFFFFFFFF)) - 1
            if ends[other + 1] - ends[other] == size and _equal(
                values + ends[other], values + ends[count], size
            ):
                return other
        slot = (slot + uint64(1)) & mask
    if remember:
        slots[slot] = mark | uint64(count + 1)
    return count


@loop(int64(int64, _I8, _TAGS, int64, int64, int64, _ENDS, int64, _SLOTS, boolean))
def _number_column(line, rows, tags, first, column, values, ends, count, slots, remember):
    """Number the values of ``rows`` in ``tags[first:, column]``; the new count of values."""
    m = rows.shape[0]
    kind, words = int64_at(line, KIND), int64_at(line, WORDS)
    once = int64_at(line, ONCE) != 0
    direct = (kind == STRING and words <= 4 * m) or kind == BOOLEAN
    size = 2
    if not once:
        while size < (words if direct else 2 * m):
            size *= 2
    numbers = np.full(size, -1, np.int32)  # slot -> number of the value
    there = np.empty(0 if direct else size, np.int64)  # slot -> the value
    mask = size - 1
    slot = 0
    for i in range(m):
        row = rows[i]
        if not has_value(line, row):
            tags[first + i, column] = -1
            continue
        value = value_at(line, row)
        if not once:
            if direct:
                slot = value
            else:
                slot = int64((uint64(value) * uint64(0x9E3779B97F4A7C15)) >> uint64(32)) & mask
                while numbers[slot] >= 0 and there[slot] != value:
                    slot = (slot + 1) & mask
            if numbers[slot] >= 0:
                tags[first + i, column] = numbers[slot]
                continue
        ends[count + 1] = _put_value(values + ends[count], line, value) - values
        number = count
        if slots.shape[0]:
            number = _same_before(values, ends, count, slots, remember)
        if number == count:
            count += 1
        if not once:
            numbers[slot] = number
            if not direct:
                there[slot] = value
        tags[first + i, column] = number
    return count


@inner(int64(int64))
def _wire(kind: int) -> int:
    """Only values of the same wire type can be equal: all texts, and each kind of number."""
    return kind if kind in (INTEGER, NUMBER, BOOLEAN) else STRING


@inner(boolean(LINES, int64, int64, int64, int64))
def _shares(lines: Any, sources: int, columns: int, column: int, wire: int) -> bool:
    """Whether a column of this wire type may have values that another source or column has."""
    if _wire(int64_at(line_of(lines, column), KIND)) != wire:
        return False
    if sources > 1:
        return True
    marks = int64_at(line_of(lines, column), MARKS)
    for c in range(columns):
        line = line_of(lines, c)
        if c != column and _wire(int64_at(line, KIND)) == wire and int64_at(line, MARKS) & marks:
            return True
    return False


@loop(int64(LINES, _I8, _I8, _TAGS, uint8[::1], _ENDS))
def number_values(lines, starts, rows, tags, values, ends):
    """Number the values of all columns of all sources; how many there are.

    ``lines`` holds the columns of one source after those of another; the rows of source s are
    ``rows[starts[s]:starts[s + 1]]``. ``tags[i, c]``: the number of a value, -1 where there
    is none. ``values[ends[v]:ends[v + 1]]``: an entry of Layer.values.
    """
    sources = starts.shape[0] - 1
    columns = tags.shape[1]
    count = 0
    ends[0] = 0
    for wire in (STRING, INTEGER, NUMBER, BOOLEAN):
        # Only columns that may have a value in common are looked up by its bytes. The one with
        # most values comes last: it looks the others up and need not be remembered itself.
        last, largest, room = -1, -1, 0
        for c in range(columns):
            if _shares(lines, sources, columns, c, wire):
                most = 0
                for s in range(sources):
                    most += most_values(line_of(lines, s * columns + c), starts[s + 1] - starts[s])
                room += most
                # Days repeat far more than a large dictionary's words.
                rank = 2 * most + (int64_at(line_of(lines, c), KIND) == STRING)
                if rank > largest:
                    last, largest = c, rank
        if sources == 1 and room:
            room -= largest // 2
        size = 2
        while size < 2 * room:
            size *= 2
        slots = np.zeros(size if room else 0, np.uint64)
        for turn in range(columns + 1):
            c = last if turn == columns else turn
            if c < 0 or (c == last) != (turn == columns):
                continue
            if _wire(int64_at(line_of(lines, c), KIND)) != wire:
                continue
            shares = _shares(lines, sources, columns, c, wire)
            for s in range(sources):
                count = _number_column(
                    line_of(lines, s * columns + c), rows[starts[s] : starts[s + 1]],
                    tags, starts[s], c, values.ctypes.data, ends, count,
                    slots if shares else slots[:0], c != last or sources > 1,
                )  # fmt: skip
    return count
