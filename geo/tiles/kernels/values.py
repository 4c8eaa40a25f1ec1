# mypy: ignore-errors
# ruff: noqa: PLR0912
"""Number the property values of a vector tile layer: each value stands in it once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import boolean, int32, int64, njit, types, uint8, uint64

from geo.tiles.kernels.columns import (
    BOOLEAN,
    BYTES,
    DATA,
    DATE,
    INTEGER,
    KIND,
    LINE,
    LINES,
    LONGEST,
    NUMBER,
    OFFSETS,
    ONCE,
    STRING,
    WORDS,
    byte_at,
    copy_bytes,
    has_value,
    hash_bytes,
    int32_at,
    int64_at,
    value_at,
)
from geo.tiles.kernels.text import OUT, put_date, put_time

_I8 = types.Array(int64, 1, "C", readonly=True)
_TAGS, _ENDS, _SLOTS = int32[:, ::1], int64[::1], uint64[::1]


@njit(int64(OUT, int64, uint64), cache=True, nogil=True)
def put_varint(out: Any, at: int, value: int) -> int:
    while value > uint64(127):
        out[at] = uint8(value & uint64(127)) | uint8(128)
        value >>= uint64(7)
        at += 1
    out[at] = uint8(value)
    return at + 1


@njit(int64(LINE, int64), cache=True, nogil=True)
def most_values(line: Any, rows: int) -> int:
    """How many values ``rows`` rows of a column can have."""
    if line[KIND] == STRING:
        return min(rows, line[WORDS])
    return min(rows, 2) if line[KIND] == BOOLEAN else rows


@njit(int64(LINE, int64), cache=True, nogil=True)
def most_bytes(line: Any, rows: int) -> int:
    """How many bytes the values of ``rows`` rows of a column can take."""
    most = most_values(line, rows)
    if line[KIND] == STRING:
        return min(most * line[LONGEST], line[BYTES]) + 16 * most
    return 32 * most


@njit(int64(OUT, int64, LINE, int64), cache=True, nogil=True)
def _put_value(out: Any, at: int, line: Any, bits: int) -> int:
    """One Layer.values entry (tag, length, Value)."""
    kind = line[KIND]
    out[at] = 0x22
    if kind == STRING:
        start = int64(int32_at(line[OFFSETS], bits))
        n = int64(int32_at(line[OFFSETS], bits + 1)) - start
        size = 2
        rest = n
        while rest > 127:
            size += 1
            rest >>= 7
        at = put_varint(out, at + 1, uint64(n + size))
        out[at] = 0x0A
        at = put_varint(out, at + 1, uint64(n))
        copy_bytes(out.ctypes.data + at, line[DATA] + start, n)
        return at + n
    begin = at + 2  # all others are shorter than 128 bytes: their length takes one
    if kind == INTEGER:
        if bits >= 0:
            out[begin] = 0x28  # uint_value
            end = put_varint(out, begin + 1, uint64(bits))
        else:
            out[begin] = 0x30  # sint_value, zigzag
            end = put_varint(out, begin + 1, uint64((bits << 1) ^ (bits >> 63)))
    elif kind == NUMBER:
        out[begin] = 0x19  # double_value
        word = uint64(bits)
        for i in range(8):
            out[begin + 1 + i] = uint8(word & uint64(255))
            word >>= uint64(8)
        end = begin + 9
    elif kind == BOOLEAN:
        out[begin] = 0x38
        out[begin + 1] = uint8(bits)
        end = begin + 2
    else:
        out[begin] = 0x0A
        end = put_date(out, begin + 2, bits) if kind == DATE else put_time(out, begin + 2, bits)
        out[begin + 1] = uint8(end - begin - 2)
    out[at + 1] = uint8(end - begin)
    return end


@njit(boolean(int64, int64, int64), cache=True, nogil=True)
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


@njit(int64(OUT, _ENDS, int64, _SLOTS, boolean), cache=True, nogil=True)
def _same_before(values: Any, ends: Any, count: int, slots: Any, remember: bool) -> int:
    """Number of an earlier value with the bytes of the last one (``count``), else ``count``.

    A slot is 0 or half of the hash above a value's number and one.
    """
    base = values.ctypes.data
    size = ends[count + 1] - ends[count]
    h = hash_bytes(base + ends[count], size)
    mask = uint64(slots.shape[0] - 1)
    mark = h & uint64(0xFFFFFFFF00000000)
    slot = h & mask
    while slots[slot]:
        if slots[slot] & uint64(0xFFFFFFFF00000000) == mark:
            other = int64(slots[slot] & uint64(0xFFFFFFFF)) - 1
            if ends[other + 1] - ends[other] == size and _equal(
                base + ends[other], base + ends[count], size
            ):
                return other
        slot = (slot + uint64(1)) & mask
    if remember:
        slots[slot] = mark | uint64(count + 1)
    return count


@njit(
    int64(LINE, _I8, _TAGS, int64, int64, OUT, _ENDS, int64, _SLOTS, boolean),
    cache=True,
    nogil=True,
)
def _number_column(line, rows, tags, first, column, values, ends, count, slots, remember):
    """Number the values of ``rows`` in ``tags[first:, column]``; the new count of values."""
    m = rows.shape[0]
    kind, words = line[KIND], line[WORDS]
    once = line[ONCE] != 0
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
        ends[count + 1] = _put_value(values, ends[count], line, value)
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


@njit(int64(int64), cache=True, nogil=True)
def _wire(kind: int) -> int:
    """Only values of the same wire type can be equal: all texts, and each kind of number."""
    return kind if kind in (INTEGER, NUMBER, BOOLEAN) else STRING


@njit(int64(LINES, _I8, _I8, _TAGS, OUT, _ENDS), cache=True, nogil=True)
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
        # The column with most values comes last: it looks the others up and need not be
        # remembered itself.
        last, largest, room, alike = -1, -1, 0, 0
        for c in range(columns):
            if _wire(lines[c, KIND]) == wire:
                most = 0
                for s in range(sources):
                    most += most_values(lines[s * columns + c], starts[s + 1] - starts[s])
                room += most
                alike += 1
                # Days repeat far more than a large dictionary's words.
                rank = 2 * most + (lines[c, KIND] == STRING)
                if rank > largest:
                    last, largest = c, rank
        if alike == 0:
            continue
        if sources == 1:
            room -= largest // 2
        size = 2
        while size < 2 * room:
            size *= 2
        slots = np.zeros(size if room else 0, np.uint64)
        for turn in range(columns + 1):
            c = last if turn == columns else turn
            if _wire(lines[c, KIND]) != wire or (c == last) != (turn == columns):
                continue
            for s in range(sources):
                count = _number_column(
                    lines[s * columns + c], rows[starts[s] : starts[s + 1]], tags, starts[s], c,
                    values, ends, count, slots, c != last or sources > 1,
                )  # fmt: skip
    return count
