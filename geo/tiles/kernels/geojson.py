# mypy: ignore-errors
"""Write the features of a GeoJSON tile as bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import float64, int32, int64, njit, types, uint8, uint64

from geo.tiles.kernels.columns import (
    BOOLEAN,
    DATA,
    DATE,
    INTEGER,
    KIND,
    LINE,
    LINES,
    NUMBER,
    OFFSETS,
    PLAIN,
    STRING,
    byte_at,
    copy_bytes,
    float_of,
    has_value,
    int32_at,
    value_at,
)
from geo.tiles.kernels.number import put_number
from geo.tiles.kernels.text import OUT, put_date, put_integer, put_time

_U1 = types.Array(uint8, 1, "C", readonly=True)
_I4 = types.Array(int32, 1, "C", readonly=True)
_I8 = types.Array(int64, 1, "C", readonly=True)
_F8 = types.Array(float64, 1, "C", readonly=True)
_XY = types.Array(int32, 2, "C", readonly=True)

#: Latitudes are known at every `KNOT` steps of the grid, from `FIRST_KNOT` on.
KNOT_BITS = 6
KNOT = 1 << KNOT_BITS
FIRST_KNOT = -2048 - KNOT
KNOTS = (4096 + 2 * 2048) // KNOT + 4


def _text(text: bytes) -> np.ndarray:
    return np.frombuffer(text, dtype=np.uint8)


_PAIRS = _text("".join(f"{i:02d}" for i in range(100)).encode())
_OPEN = _text(b'{"type":"FeatureCollection","features":[')
_FEATURE = _text(b'{"type":"Feature",')
_ID = _text(b'"id":')
_GEOMETRY = _text(b'"geometry":{"type":"')
_NAMES = _text(b"MultiPointMultiLineStringMultiPolygon")
_NAME_AT = np.array([0, 0, 10, 25], dtype=np.int64)
_NAME_LENGTH = np.array([0, 10, 15, 12], dtype=np.int64)
_COORDINATES = _text(b'","coordinates":')
_PROPERTIES = _text(b'},"properties":{')
_WORDS = _text(b"nulltruefalse")


@njit(cache=True, nogil=True)
def _put(out: Any, at: int, text: Any, start: int, stop: int) -> int:
    copy_bytes(out.ctypes.data + at, text.ctypes.data + start, stop - start)
    return at + stop - start


@njit(int64(OUT, int64, int64, int64, int64), cache=True, nogil=True)
def _put_degrees(out: Any, at: int, value: int, decimals: int, unit: int) -> int:
    """``value`` / 10^decimals without trailing zeros; ``unit`` is 10^decimals."""
    if value < 0:
        out[at] = 45
        at += 1
        value = -value
    whole = uint64(value) // uint64(unit)
    rest = uint64(value) - whole * uint64(unit)
    if whole >= uint64(100):
        out[at] = 49  # longitudes end at 180
        at += 1
        whole -= uint64(100)
        pair = 2 * int64(whole)
        out[at] = _PAIRS[pair]
        at += 1
        out[at] = _PAIRS[pair + 1]
        at += 1
    elif whole >= uint64(10):
        pair = 2 * int64(whole)
        out[at] = _PAIRS[pair]
        at += 1
        out[at] = _PAIRS[pair + 1]
        at += 1
    else:
        out[at] = uint8(48 + whole)
        at += 1
    if rest == 0:
        return at
    out[at] = 46
    i = decimals
    while i > 1:
        left = rest // uint64(100)
        pair = 2 * int64(rest - left * uint64(100))
        out[at + i - 1] = _PAIRS[pair]
        out[at + i] = _PAIRS[pair + 1]
        rest = left
        i -= 2
    if i:
        out[at + 1] = uint8(48 + rest)
    at += decimals
    while out[at] == 48:
        at -= 1
    return at + 1


@njit(int64(OUT, int64, int64, int64, _F8, _F8, int64, int64), cache=True, nogil=True)
def _put_position(
    out: Any, at: int, x: int, y: int, longitude: Any, latitudes: Any, decimals: int, unit: int
) -> int:
    """A point of the grid as [lon, lat]."""
    out[at] = 91
    lon = np.rint(longitude[0] + x * longitude[1])
    at = _put_degrees(out, at + 1, int64(lon), decimals, unit)
    out[at] = 44
    # The cubic through the four knots around is far closer to the latitude than a step.
    k = 1 + ((y - FIRST_KNOT) >> KNOT_BITS)
    t = ((y - FIRST_KNOT) & (KNOT - 1)) / KNOT
    a, b, c, d = latitudes[k - 1], latitudes[k], latitudes[k + 1], latitudes[k + 2]
    lat = b + t * (
        (c - a / 3 - b / 2 - d / 6) + t * ((a + c) / 2 - b + t * ((d - a) / 6 + (b - c) / 2))
    )
    at = _put_degrees(out, at + 1, int64(np.rint(lat)), decimals, unit)
    out[at] = 93
    return at + 1


@njit(int64(OUT, int64, int64, int64), cache=True, nogil=True)
def _put_escaped(out: Any, at: int, start: int, count: int) -> int:
    """``count`` bytes of UTF-8 at an address, as JSON has them between quotes."""
    for i in range(count):
        c = byte_at(start, i)
        if c in (34, 92):
            out[at] = 92
            out[at + 1] = c
            at += 2
        elif c < 32:
            out[at] = 92
            out[at + 1] = 117
            out[at + 2] = 48
            out[at + 3] = 48
            out[at + 4] = 48 + (c >> 4)
            low = c & 15
            out[at + 5] = 48 + low if low < 10 else 87 + low
            at += 6
        else:
            out[at] = c
            at += 1
    return at


@njit(int64(OUT, int64, LINE, int64), cache=True, nogil=True)
def _put_property(out: Any, at: int, line: Any, row: int) -> int:
    """The value of a column as JSON."""
    if not has_value(line, row):
        return _put(out, at, _WORDS, 0, 4)
    value = value_at(line, row)
    kind = line[KIND]
    if kind == NUMBER:
        return put_number(out, at, float_of(value))
    if kind == INTEGER:
        return put_integer(out, at, value)
    if kind == BOOLEAN:
        return _put(out, at, _WORDS, 4, 8) if value else _put(out, at, _WORDS, 8, 13)
    out[at] = 34
    at += 1
    if kind == STRING:
        start = int64(int32_at(line[OFFSETS], value))
        count = int64(int32_at(line[OFFSETS], value + 1)) - start
        if line[PLAIN]:
            copy_bytes(out.ctypes.data + at, line[DATA] + start, count)
            at += count
        else:
            at = _put_escaped(out, at, line[DATA] + start, count)
    elif kind == DATE:
        at = put_date(out, at, value)
    else:
        at = put_time(out, at, value)
    out[at] = 34
    return at + 1


@njit(int64(LINES, _I8, _I8, int64), cache=True, nogil=True)
def _room(lines, starts, rows, columns):
    """Bytes that all values can take."""
    room = int64(0)
    for s in range(starts.shape[0] - 1):
        for c in range(columns):
            line = lines[s * columns + c]
            room += 32 * (starts[s + 1] - starts[s])
            if line[KIND] != STRING:
                continue
            for i in range(starts[s], starts[s + 1]):
                if has_value(line, rows[i]):
                    word = value_at(line, rows[i])
                    count = int32_at(line[OFFSETS], word + 1) - int32_at(line[OFFSETS], word)
                    room += count if line[PLAIN] else 6 * count
    return room


@njit(
    int64(OUT, int64, int64, int64, _XY, _I4, _I4, _F8, _F8, int64, int64), cache=True, nogil=True
)
def _put_part(out, at, kind, k, xy, ring, part, longitude, latitudes, decimals, unit):
    """Coordinates of one point, line or polygon."""
    if kind == 1:
        return _put_position(out, at, xy[k, 0], xy[k, 1], longitude, latitudes, decimals, unit)
    out[at] = 91
    at += 1
    if kind == 2:
        for v in range(ring[k], ring[k + 1]):
            at = _put_position(out, at, xy[v, 0], xy[v, 1], longitude, latitudes, decimals, unit)
            out[at] = 44
            at += 1
        out[at - 1] = 93
        return at
    for r in range(part[k], part[k + 1]):
        # Backwards: RFC 7946 wants exterior rings counter-clockwise, tiles have them clockwise.
        out[at] = 91
        at += 1
        begin = first = at
        for v in range(ring[r + 1] - 1, ring[r] - 1, -1):
            at = _put_position(out, at, xy[v, 0], xy[v, 1], longitude, latitudes, decimals, unit)
            if first == begin:
                first = at
            out[at] = 44
            at += 1
        at = _put(out, at, out, begin, first)
        out[at] = 93
        out[at + 1] = 44
        at += 2
    out[at - 1] = 93
    return at


@njit(
    types.Tuple((OUT, int64))(
        _XY, _F8, _F8, int64, _I4, _I4, _I4, int64, _U1, _I8, LINES, _I8, _I8, _I8
    ),
    cache=True,
    nogil=True,
)
def write_features(
    xy, longitude, latitudes, decimals, ring, part, row, kind,
    names, name_ends, lines, starts, rows, ids,
):  # fmt: skip
    """The whole FeatureCollection: bytes and how many of them are in use.

    A point (x, y) of the grid is at longitude ``longitude[0] + x * longitude[1]``, in units of
    10^-decimals degrees, and at the latitude between the knots ``latitudes``. ``names``: of the
    columns, with quotes and colon; the rest as in `geo.tiles.kernels.mvt.write_layer`.
    """
    m, columns = rows.shape[0], name_ends.shape[0] - 1
    unit = 10**decimals
    # A position takes at most two numbers of sign, 3 digits, point and decimals, and 4 signs
    # around; a ring repeats its first point.
    position = 2 * (decimals + 5) + 4
    size = xy.shape[0] * position + _room(lines, starts, rows, columns) + 64
    size += m * (160 + names.shape[0] + columns) + ring.shape[0] * (position + 4)
    out = np.empty(size, np.uint8)
    end = _put(out, 0, _OPEN, 0, _OPEN.shape[0])
    source = 0
    for i in range(m):
        while i >= starts[source + 1]:
            source += 1
        end = _put(out, end, _FEATURE, 0, _FEATURE.shape[0])
        if ids.shape[0]:
            end = _put(out, end, _ID, 0, _ID.shape[0])
            end = put_integer(out, end, ids[i])
            out[end] = 44
            end += 1
        end = _put(out, end, _GEOMETRY, 0, _GEOMETRY.shape[0])
        many = row[i + 1] - row[i] > 1
        begin = _NAME_AT[kind] + (0 if many else 5)
        end = _put(out, end, _NAMES, begin, _NAME_AT[kind] + _NAME_LENGTH[kind])
        end = _put(out, end, _COORDINATES, 0, _COORDINATES.shape[0])
        if many:
            out[end] = 91
            end += 1
        for k in range(row[i], row[i + 1]):
            end = _put_part(out, end, kind, k, xy, ring, part, longitude, latitudes, decimals, unit)
            out[end] = 44
            end += 1
        end -= 1
        if many:
            out[end] = 93
            end += 1
        end = _put(out, end, _PROPERTIES, 0, _PROPERTIES.shape[0])
        for c in range(columns):
            end = _put(out, end, names, name_ends[c], name_ends[c + 1])
            end = _put_property(out, end, lines[source * columns + c], rows[i])
            out[end] = 44
            end += 1
        if columns:
            end -= 1
        out[end] = 125
        out[end + 1] = 125
        out[end + 2] = 44
        end += 3
    out[end - 1] = 93
    out[end] = 125
    return out, end + 1
