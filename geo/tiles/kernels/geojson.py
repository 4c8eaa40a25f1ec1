# mypy: ignore-errors
# ruff: noqa: PLR0912, PLR0915
"""Write the features of a GeoJSON tile as bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import float64, int32, int64, types, uint8, uint64

from geo.tiles.kernels import inner, loop
from geo.tiles.kernels.columns import (
    BOOLEAN,
    DATA,
    DATE,
    INTEGER,
    KIND,
    LINES,
    NUMBER,
    OFFSETS,
    PLAIN,
    STRING,
    has_value,
    line_of,
    value_at,
)
from geo.tiles.kernels.machine import (
    byte_at,
    copy_bytes,
    float_at,
    float_of,
    int32_at,
    int64_at,
    leading_zeros,
    store_byte,
    store_word,
)
from geo.tiles.kernels.number import put_number
from geo.tiles.kernels.text import ZEROS, eight_digits, put_date, put_integer, put_time

_U1 = types.Array(uint8, 1, "C", readonly=True)
_I4 = types.Array(int32, 1, "C", readonly=True)
_I8 = types.Array(int64, 1, "C", readonly=True)
_F8 = types.Array(float64, 1, "C", readonly=True)
_XY = types.Array(int32, 2, "C", readonly=True)

#: Latitudes are known by cubics, one for each `KNOT` steps of the grid from `FIRST_KNOT` on.
KNOT = 64
FIRST_KNOT = -2048
KNOTS = (4096 + 2 * 2048) // KNOT


def _text(text: bytes) -> np.ndarray:
    return np.frombuffer(text, dtype=np.uint8)


def _word(text: str) -> int:
    return int.from_bytes(text.encode(), "little")


_POWERS = np.array([10**k for k in range(17)], dtype=np.uint64)
_DEGREES = np.array([_word(f"{whole}.") for whole in range(181)], dtype=np.uint64)
_DEGREES_LENGTH = np.array([len(f"{whole}.") for whole in range(181)], dtype=np.int64)
_OPEN = _text(b'{"type":"FeatureCollection","features":[')
_FEATURE = _text(b'{"type":"Feature",')
_ID = _text(b'{"type":"Feature","id":')
_PROPERTIES = _text(b'},"properties":{')
_WORDS = _text(b"nulltruefalse")
_TYPES = ("Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon")
_HEADS = [f'"geometry":{{"type":"{name}","coordinates":'.encode() for name in _TYPES]
_GEOMETRY = _text(b"".join(_HEADS))
_GEOMETRY_AT = np.cumsum([0, *map(len, _HEADS)], dtype=np.int64)


@inner(int64(int64, _U1, int64, int64))
def _put(at: int, text: Any, start: int, stop: int) -> int:
    copy_bytes(at, text.ctypes.data + start, stop - start)
    return at + stop - start


@inner(int64(int64, int64, int64))
def _put_degrees(at: int, value: int, decimals: int) -> int:
    """``value`` / 10^decimals without trailing zeros; 8 bytes behind it are spoiled."""
    if value < 0:
        store_byte(at, 45)
        at += 1
        value = -value
    unit = _POWERS[decimals]
    whole = uint64(value) // unit
    rest = uint64(value) - whole * unit
    store_word(at, _DEGREES[whole])
    at += _DEGREES_LENGTH[whole]
    if rest == 0:
        return at - 1
    if decimals > 8:
        left = rest // _POWERS[decimals - 8]
        rest -= left * _POWERS[decimals - 8]
        word = eight_digits(int64(left))
        if rest:
            store_word(at, word | uint64(ZEROS))
            at += 8
            word = eight_digits(int64(rest * _POWERS[16 - decimals]))
    else:
        word = eight_digits(int64(rest * _POWERS[8 - decimals]))
    store_word(at, word | uint64(ZEROS))
    return at + 8 - (leading_zeros(word) >> 3)


@inner(int64(int64, int64, int64, float64, float64, int64, int64))
def _put_position(
    at: int, x: int, y: int, west: float, step: float, latitudes: int, decimals: int
) -> int:
    """A point of the grid as [lon, lat]."""
    store_byte(at, 91)
    at = _put_degrees(at + 1, int64(np.rint(west + x * step)), decimals)
    store_byte(at, 44)
    y -= FIRST_KNOT
    cubic = latitudes + 32 * (y // KNOT)
    t = float64(y % KNOT)
    lat = float_at(cubic, 0) + t * (
        float_at(cubic, 1) + t * (float_at(cubic, 2) + t * float_at(cubic, 3))
    )
    at = _put_degrees(at + 1, int64(np.rint(lat)), decimals)
    store_byte(at, 93)
    return at + 1


@inner(int64(int64, int64, int64))
def _put_escaped(at: int, start: int, count: int) -> int:
    """``count`` bytes of UTF-8 at an address, as JSON has them between quotes."""
    for i in range(count):
        c = byte_at(start, i)
        if c in (34, 92):
            store_byte(at, 92)
            store_byte(at + 1, c)
            at += 2
        elif c < 32:
            store_byte(at, 92)
            store_byte(at + 1, 117)
            store_byte(at + 2, 48)
            store_byte(at + 3, 48)
            store_byte(at + 4, 48 + (c >> 4))
            low = c & 15
            store_byte(at + 5, 48 + low if low < 10 else 87 + low)
            at += 6
        else:
            store_byte(at, c)
            at += 1
    return at


@inner(int64(int64, int64, int64))
def _put_property(at: int, line: int, row: int) -> int:
    """The value of a column as JSON."""
    if not has_value(line, row):
        return _put(at, _WORDS, 0, 4)
    value = value_at(line, row)
    kind = int64_at(line, KIND)
    if kind == NUMBER:
        return put_number(at, float_of(value))
    if kind == INTEGER:
        return put_integer(at, value)
    if kind == BOOLEAN:
        return _put(at, _WORDS, 4, 8) if value else _put(at, _WORDS, 8, 13)
    store_byte(at, 34)
    at += 1
    if kind == STRING:
        start = int64(int32_at(int64_at(line, OFFSETS), value))
        count = int64(int32_at(int64_at(line, OFFSETS), value + 1)) - start
        if int64_at(line, PLAIN):
            copy_bytes(at, int64_at(line, DATA) + start, count)
            at += count
        else:
            at = _put_escaped(at, int64_at(line, DATA) + start, count)
    elif kind == DATE:
        at = put_date(at, value)
    else:
        at = put_time(at, value)
    store_byte(at, 34)
    return at + 1


@inner(int64(LINES, _I8, _I8, int64))
def _room(lines, starts, rows, columns):
    """Bytes that all values can take."""
    room = int64(0)
    for s in range(starts.shape[0] - 1):
        for c in range(columns):
            line = line_of(lines, s * columns + c)
            room += 32 * (starts[s + 1] - starts[s])
            if int64_at(line, KIND) != STRING:
                continue
            for i in range(starts[s], starts[s + 1]):
                if has_value(line, rows[i]):
                    word = value_at(line, rows[i])
                    count = int32_at(int64_at(line, OFFSETS), word + 1) - int32_at(
                        int64_at(line, OFFSETS), word
                    )
                    room += count if int64_at(line, PLAIN) else 6 * count
    return room


@inner(int64(int64, int64, int64, int64, int64, float64, float64, int64, int64))
def _put_path(
    at: int, xy: int, first: int, last: int, by: int,
    west: float, step: float, latitudes: int, decimals: int,
) -> int:  # fmt: skip
    """The points at ``xy`` from the first to the last, ``by`` 1 or -1, each with a comma behind."""
    v = first
    while True:
        x, y = int32_at(xy, 2 * v), int32_at(xy, 2 * v + 1)
        at = _put_position(at, x, y, west, step, latitudes, decimals)
        store_byte(at, 44)
        at += 1
        if v == last:
            return at
        v += by


@loop(
    types.Tuple((uint8[::1], int64))(
        _XY, float64, float64, _F8, int64, _I4, _I4, _I4, int64, _U1, _I8, LINES, _I8, _I8, _I8
    )
)
def write_features(
    xy, west, step, latitudes, decimals, ring, part, row, kind,
    names, name_ends, lines, starts, rows, ids,
):  # fmt: skip
    """The whole FeatureCollection: bytes and how many of them are in use.

    In units of 10^-decimals degrees a point (x, y) of the grid is at longitude ``west + x * step``
    and at the latitude that ``latitudes`` says: coefficients of 1, t, t^2, t^3 for y = FIRST_KNOT +
    KNOT * k + t. ``names``: of the columns, with quotes and colon; the rest as in
    `geo.tiles.kernels.mvt.write_layer`.
    """
    m, columns = rows.shape[0], name_ends.shape[0] - 1
    # A position takes at most two numbers of sign, 3 digits, point and decimals, and 4 signs
    # around; a ring repeats its first point.
    position = 2 * (decimals + 5) + 4
    size = xy.shape[0] * position + _room(lines, starts, rows, columns) + 64
    size += m * (160 + names.shape[0] + columns) + ring.shape[0] * (position + 4)
    out = np.empty(size, np.uint8)
    grid = west, step, latitudes.ctypes.data, decimals
    points = xy.ctypes.data
    begin = out.ctypes.data
    at = _put(begin, _OPEN, 0, _OPEN.shape[0])
    source = 0
    for i in range(m):
        while i >= starts[source + 1]:
            source += 1
        if ids.shape[0]:
            at = put_integer(_put(at, _ID, 0, _ID.shape[0]), ids[i])
            store_byte(at, 44)
            at += 1
        else:
            at = _put(at, _FEATURE, 0, _FEATURE.shape[0])
        many = row[i + 1] - row[i] > 1
        head = kind - 1 + 3 * many
        at = _put(at, _GEOMETRY, _GEOMETRY_AT[head], _GEOMETRY_AT[head + 1])
        if many:
            store_byte(at, 91)
            at += 1
        for k in range(row[i], row[i + 1]):
            if kind == 1:
                at = _put_path(at, points, k, k, 1, *grid)
                continue
            store_byte(at, 91)
            at += 1
            if kind == 2:
                at = _put_path(at, points, ring[k], ring[k + 1] - 1, 1, *grid)
            else:
                for r in range(part[k], part[k + 1]):
                    # Backwards: RFC 7946 wants exterior rings counter-clockwise, tiles have
                    # them clockwise.
                    last = ring[r + 1] - 1
                    store_byte(at, 91)
                    at = _put_path(at + 1, points, last, ring[r], -1, *grid)
                    at = _put_path(at, points, last, last, 1, *grid)
                    store_byte(at - 1, 93)
                    store_byte(at, 44)
                    at += 1
            store_byte(at - 1, 93)
            store_byte(at, 44)
            at += 1
        at -= 1
        if many:
            store_byte(at, 93)
            at += 1
        at = _put(at, _PROPERTIES, 0, _PROPERTIES.shape[0])
        for c in range(columns):
            at = _put(at, names, name_ends[c], name_ends[c + 1])
            at = _put_property(at, line_of(lines, source * columns + c), rows[i])
            store_byte(at, 44)
            at += 1
        if columns:
            at -= 1
        store_byte(at, 125)
        store_byte(at + 1, 125)
        store_byte(at + 2, 44)
        at += 3
    store_byte(at - 1, 93)
    store_byte(at, 125)
    return out, at + 1 - begin
