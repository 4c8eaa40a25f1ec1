# mypy: ignore-errors
# ruff: noqa: PLR0912, PLR0915
"""Number the values of property columns and write the features of a vector tile layer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import boolean, int32, int64, njit, types, uint8, uint64

from geo.tiles.columns import BOOLEAN, DATE, INTEGER, NUMBER, STRING

_U1 = types.Array(uint8, 1, "C", readonly=True)
_I4 = types.Array(int32, 1, "C", readonly=True)
_I8 = types.Array(int64, 1, "C", readonly=True)
_OUT = uint8[::1]


@njit(int64(_OUT, int64, uint64), cache=True, nogil=True)
def _put_varint(out: Any, at: int, value: int) -> int:
    while value > uint64(127):
        out[at] = uint8(value & uint64(127)) | uint8(128)
        value >>= uint64(7)
        at += 1
    out[at] = uint8(value)
    return at + 1


@njit(int64(_OUT, int64, int64, int64), cache=True, nogil=True)
def _put_digits(out: Any, at: int, value: int, digits: int) -> int:
    for i in range(digits):
        out[at + digits - 1 - i] = uint8(48 + value % 10)
        value //= 10
    return at + digits


@njit(int64(_OUT, int64, int64), cache=True, nogil=True)
def _put_date(out: Any, at: int, days: int) -> int:
    """YYYY-MM-DD of days since 1970-01-01 (proleptic Gregorian, years 0 to 9999)."""
    z = days + 719468
    era = z // 146097
    day_of_era = z - era * 146097
    year_of_era = (
        day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_from_march = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month_from_march + 2) // 5 + 1
    month = month_from_march + 3 if month_from_march < 10 else month_from_march - 9
    year = year_of_era + era * 400 + (1 if month <= 2 else 0)
    at = _put_digits(out, at, year, 4)
    out[at] = 45
    at = _put_digits(out, at + 1, month, 2)
    out[at] = 45
    return _put_digits(out, at + 1, day, 2)


@njit(int64(_OUT, int64, int64), cache=True, nogil=True)
def _put_time(out: Any, at: int, microseconds: int) -> int:
    """YYYY-MM-DDThh:mm:ssZ; what is below a second is left out."""
    seconds = microseconds // 1000000
    days = seconds // 86400
    at = _put_date(out, at, days)
    seconds -= days * 86400
    out[at] = 84
    at = _put_digits(out, at + 1, seconds // 3600, 2)
    out[at] = 58
    at = _put_digits(out, at + 1, seconds // 60 % 60, 2)
    out[at] = 58
    at = _put_digits(out, at + 1, seconds % 60, 2)
    out[at] = 90
    return at + 1


@njit(int64(_OUT, int64, int64, int64, _I4, _U1), cache=True, nogil=True)
def _put_value(out: Any, at: int, kind: int, bits: int, offsets: Any, data: Any) -> int:
    """One Layer.values entry (tag, length, Value)."""
    out[at] = 0x22
    if kind == STRING:
        start, stop = offsets[bits], offsets[bits + 1]
        n = stop - start
        if n < 126:  # both lengths take one byte
            out[at + 1] = uint8(n + 2)
            out[at + 2] = 0x0A
            out[at + 3] = uint8(n)
            for i in range(n):
                out[at + 4 + i] = data[start + i]
            return at + 4 + n
        size = 2
        rest = n
        while rest > 127:
            size += 1
            rest >>= 7
        at = _put_varint(out, at + 1, n + size)
        out[at] = 0x0A
        at = _put_varint(out, at + 1, n)
        for i in range(n):
            out[at + i] = data[start + i]
        return at + n
    begin = at + 2  # all others are shorter than 128 bytes: their length takes one
    if kind == INTEGER:
        if bits >= 0:
            out[begin] = 0x28  # uint_value
            end = _put_varint(out, begin + 1, uint64(bits))
        else:
            out[begin] = 0x30  # sint_value, zigzag
            end = _put_varint(out, begin + 1, uint64((bits << 1) ^ (bits >> 63)))
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
        end = _put_date(out, begin + 2, bits) if kind == DATE else _put_time(out, begin + 2, bits)
        out[begin + 1] = uint8(end - begin - 2)
    out[at + 1] = uint8(end - begin)
    return end


@njit(int64(_OUT, int64[::1], int64, int32[::1], boolean), cache=True, nogil=True)
def _same_before(values: Any, ends: Any, count: int, table: Any, remember: bool) -> int:
    """Number of an earlier value with the bytes of the last one (``count``), else ``count``."""
    start, stop = ends[count], ends[count + 1]
    # Eight bytes a multiplication: a byte at a time would wait for each product.
    h = uint64(stop - start)
    at = start
    while at < stop:
        word = uint64(0)
        for i in range(at, min(at + 8, stop)):
            word = (word << uint64(8)) | uint64(values[i])
        h = (h ^ word) * uint64(0x9E3779B97F4A7C15)
        h ^= h >> uint64(32)
        at += 8
    mask = table.shape[0] - 1
    slot = int64(h & uint64(mask))
    while table[slot] >= 0:
        other = int64(table[slot])
        n = ends[other + 1] - ends[other]
        if n == stop - start:
            same = True
            for i in range(n):
                if values[ends[other] + i] != values[start + i]:
                    same = False
                    break
            if same:
                return other
        slot = (slot + 1) & mask
    if remember:
        table[slot] = count
    return count


@njit(
    types.Tuple((uint8[::1], int64, int64))(
        int64, _I8, _U1, int64, _I4, _U1, _I4,
        int32[::1], uint8[::1], int64[::1], int64, int32[::1], boolean,
    ),
    cache=True,
    nogil=True,
)  # fmt: skip
def number_column(
    kind, bits, valid, valid_from, offsets, data, kept, tags, values, ends, count, table, remember
):
    """Number the values of a column among the layer's; -1 where there is none.

    Each distinct value is encoded once at the end of ``values`` and its bytes are
    looked up among those of all columns, so no value stands twice in a layer.
    Returns the values, their count and how many features have this property.
    """
    m = kept.shape[0]
    # 1. Number the distinct values of this column.
    words = offsets.shape[0] - 1
    direct = (kind == STRING and words <= 4 * m) or kind == BOOLEAN
    size = 16
    while size < (words if direct else 2 * m):
        size *= 2
    mask = size - 1
    seen = np.full(size, -1, np.int32)  # slot -> number of the distinct value
    distinct = np.empty(m, np.int64)
    found, used, room = 0, 0, 0
    for i in range(m):
        at = kept[i]
        tags[i] = -1
        if valid.shape[0]:
            bit = valid_from + at
            if not (valid[bit >> 3] >> uint8(bit & 7)) & 1:
                continue
        word = bits[at]
        if kind == NUMBER and (word & 0x7FF0000000000000) == 0x7FF0000000000000:
            continue  # NaN and infinities have no place in a style or in JSON
        used += 1
        if direct:
            slot = word
        else:
            slot = int64((uint64(word) * uint64(0x9E3779B97F4A7C15)) >> uint64(32)) & mask
            while seen[slot] >= 0 and distinct[seen[slot]] != word:
                slot = (slot + 1) & mask
        if seen[slot] < 0:
            seen[slot] = found
            distinct[found] = word
            found += 1
            room += 40
            if kind == STRING:
                room += offsets[word + 1] - offsets[word]
        tags[i] = seen[slot]
    # 2. Encode each once, unless another column had it.
    if ends[count] + room > values.shape[0]:
        bigger = np.empty(max(ends[count] + room, 2 * values.shape[0]), np.uint8)
        for i in range(ends[count]):
            bigger[i] = values[i]
        values = bigger
    first = count
    for i in range(found):
        ends[count + 1] = _put_value(values, ends[count], kind, distinct[i], offsets, data)
        number = count
        if table.shape[0]:
            number = _same_before(values, ends, count, table, remember)
        distinct[i] = number
        if number == count:
            count += 1
    # 3. From the column's numbers to the layer's.
    if first > 0 or count - first < found:
        for i in range(m):
            if tags[i] >= 0:
                tags[i] = distinct[tags[i]]
    return values, count, used


@njit(int64(_OUT, int64, int64), cache=True, nogil=True)
def _put_delta(out: Any, at: int, delta: int) -> int:
    # zigzag of a 32-bit number
    return _put_varint(out, at, uint64((int64(delta) << 1) ^ (int64(delta) >> 63)))


@njit(int64(_OUT, int64, int32[:, ::1], int64, int64, int64, int64), cache=True, nogil=True)
def _put_path(out: Any, at: int, xy: Any, start: int, stop: int, cx: int, cy: int) -> int:
    """MoveTo the first point, LineTo the others."""
    out[at] = 9
    at = _put_delta(out, at + 1, xy[start, 0] - cx)
    at = _put_delta(out, at, xy[start, 1] - cy)
    at = _put_varint(out, at, uint64((stop - start - 1) << 3 | 2))
    for v in range(start + 1, stop):
        at = _put_delta(out, at, xy[v, 0] - xy[v - 1, 0])
        at = _put_delta(out, at, xy[v, 1] - xy[v - 1, 1])
    return at


@njit(
    types.Tuple((uint8[::1], int64))(int32[:, ::1], _I4, _I4, _I4, int64, _I4, _I8, int32[:, ::1]),
    cache=True,
    nogil=True,
)
def encode_features(xy, ring, part, row, geometry_type, kept, ids, tags):
    """All Layer.features: bytes and how many of them are in use."""
    m = kept.shape[0]
    columns = tags.shape[0]
    # A number of the grid takes at most 3 bytes; a ring's commands at most 8.
    longest, rings = 0, m
    for i in range(m):
        first, last = row[i], row[i + 1]
        if geometry_type == 3:
            first, last = part[first], part[last]
        points = last - first if geometry_type == 1 else ring[last] - ring[first]
        longest = max(longest, 6 * points + 8 * (last - first))
        rings += last - first
    out = np.empty(6 * xy.shape[0] + 8 * rings + (60 + 10 * columns) * m, np.uint8)
    geometry = np.empty(longest + 16, np.uint8)
    tagged = np.empty(10 * columns + 1, np.uint8)
    end = int64(0)
    for i in range(m):
        if geometry_type == 3:
            first, last = part[row[i]], part[row[i + 1]]
        else:
            first, last = row[i], row[i + 1]
        g = int64(0)
        cx, cy = int64(0), int64(0)
        if geometry_type == 1:
            g = _put_varint(geometry, g, uint64((last - first) << 3 | 1))
            for v in range(first, last):
                g = _put_delta(geometry, g, xy[v, 0] - cx)
                g = _put_delta(geometry, g, xy[v, 1] - cy)
                cx, cy = int64(xy[v, 0]), int64(xy[v, 1])
        else:
            for k in range(first, last):
                g = _put_path(geometry, g, xy, ring[k], ring[k + 1], cx, cy)
                cx, cy = int64(xy[ring[k + 1] - 1, 0]), int64(xy[ring[k + 1] - 1, 1])
                if geometry_type == 3:
                    geometry[g] = 15  # ClosePath
                    g += 1
        t = int64(0)
        for c in range(columns):
            if tags[c, i] >= 0:
                t = _put_varint(tagged, t, uint64(c))
                t = _put_varint(tagged, t, uint64(tags[c, i]))
        # The body is written after room for its own length, then moved next to it.
        body = end + 11
        at = body
        if ids.shape[0]:
            out[at] = 0x08
            at = _put_varint(out, at + 1, uint64(ids[kept[i]]))
        if t:
            out[at] = 0x12
            at = _put_varint(out, at + 1, uint64(t))
            for v in range(t):
                out[at + v] = tagged[v]
            at += t
        out[at] = 0x18
        out[at + 1] = uint8(geometry_type)
        out[at + 2] = 0x22
        at = _put_varint(out, at + 3, uint64(g))
        for v in range(g):
            out[at + v] = geometry[v]
        at += g
        out[end] = 0x12
        end = _put_varint(out, end + 1, uint64(at - body))
        for v in range(at - body):
            out[end + v] = out[body + v]
        end += at - body
    return out, end
