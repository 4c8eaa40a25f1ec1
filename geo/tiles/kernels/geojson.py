# mypy: ignore-errors
"""Write the features of a GeoJSON tile as bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import boolean, int32, int64, njit, types, uint8

_U1 = types.Array(uint8, 1, "C", readonly=True)
_I4 = types.Array(int32, 1, "C", readonly=True)
_I8 = types.Array(int64, 1, "C", readonly=True)
_OUT, _XY = uint8[::1], int64[:, ::1]


def _text(text: bytes) -> np.ndarray:
    return np.frombuffer(text, dtype=np.uint8)


@njit(int64(_OUT, int64, int64), cache=True, nogil=True)
def _put_integer(out: Any, at: int, value: int) -> int:
    if value < 0:
        out[at] = 45
        at += 1
        value = -value
    digits = 1
    rest = value
    while rest >= 10:
        digits += 1
        rest //= 10
    for i in range(digits):
        out[at + digits - 1 - i] = uint8(48 + value % 10)
        value //= 10
    return at + digits


@njit(int64(_OUT, int64, int64, int64, int64), cache=True, nogil=True)
def _put_degrees(out: Any, at: int, value: int, decimals: int, unit: int) -> int:
    """``value`` / 10^decimals without trailing zeros; ``unit`` is 10^decimals."""
    if value < 0:
        out[at] = 45
        at += 1
        value = -value
    whole = value // unit
    at = _put_integer(out, at, whole)
    rest = value - whole * unit
    if rest == 0:
        return at
    out[at] = 46
    for i in range(decimals, 0, -1):
        out[at + i] = uint8(48 + rest % 10)
        rest //= 10
    at += decimals
    while out[at] == 48:
        at -= 1
    return at + 1


@njit(int64(_OUT, int64, _XY, int64, int64, int64), cache=True, nogil=True)
def _put_position(out: Any, at: int, xy: Any, v: int, decimals: int, unit: int) -> int:
    out[at] = 91
    at = _put_degrees(out, at + 1, xy[v, 0], decimals, unit)
    out[at] = 44
    at = _put_degrees(out, at + 1, xy[v, 1], decimals, unit)
    out[at] = 93
    return at + 1


@njit(int64(_OUT, int64, _U1, int64, int64), cache=True, nogil=True)
def _put_bytes(out: Any, at: int, text: Any, start: int, stop: int) -> int:
    for i in range(start, stop):
        out[at] = text[i]
        at += 1
    return at


@njit(int64(_OUT, int64, _U1, int64, int64), cache=True, nogil=True)
def _put_quoted(out: Any, at: int, text: Any, start: int, stop: int) -> int:
    """A JSON string of UTF-8 bytes."""
    out[at] = 34
    at += 1
    for i in range(start, stop):
        c = text[i]
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
    out[at] = 34
    return at + 1


@njit(int64(_OUT, int64, int64, int64, _XY, _I4, _I4, int64, int64), cache=True, nogil=True)
def _put_part(
    out: Any, at: int, kind: int, k: int, xy: Any, ring: Any, part: Any, decimals: int, unit: int
) -> int:
    """Coordinates of one point, line or polygon."""
    if kind == 1:
        return _put_position(out, at, xy, k, decimals, unit)
    out[at] = 91
    at += 1
    if kind == 2:
        for v in range(ring[k], ring[k + 1]):
            at = _put_position(out, at, xy, v, decimals, unit)
            out[at] = 44
            at += 1
        out[at - 1] = 93
        return at
    for p in range(part[k], part[k + 1]):
        # Backwards: RFC 7946 wants exterior rings counter-clockwise, tiles have them clockwise.
        out[at] = 91
        at += 1
        for v in range(ring[p + 1] - 1, ring[p] - 1, -1):
            at = _put_position(out, at, xy, v, decimals, unit)
            out[at] = 44
            at += 1
        at = _put_position(out, at, xy, ring[p + 1] - 1, decimals, unit)
        out[at] = 93
        out[at + 1] = 44
        at += 2
    out[at - 1] = 93
    return at


_OPEN = _text(b'{"type":"FeatureCollection","features":[')
_FEATURE = _text(b'{"type":"Feature",')
_ID = _text(b'"id":')
_GEOMETRY = _text(b'"geometry":{"type":"')
_NAMES = _text(b"MultiPoint....MultiLineStringMultiPolygon...")
_NAME_AT = np.array([0, 0, 14, 29], dtype=np.int64)
_NAME_LENGTH = np.array([0, 10, 15, 12], dtype=np.int64)
_COORDINATES = _text(b'","coordinates":')
_PROPERTIES = _text(b'},"properties":{')
_NULL = _text(b"null")


@njit(
    types.Tuple((uint8[::1], int64))(
        int64[:, ::1], int64, _I4, _I4, _I4, int64, _I4, _I8,
        _U1, _I8, _U1, int64[:, ::1], boolean[:, ::1], boolean[::1],
    ),
    cache=True,
    nogil=True,
)  # fmt: skip
def write_features(
    xy, decimals, ring, part, row, kind, kept, ids, names, name_ends, data, ends, valid, quoted
):
    """The whole FeatureCollection: bytes and how many of them are in use."""
    m = kept.shape[0]
    columns = ends.shape[0]
    unit = 10**decimals
    # A position takes at most two numbers of sign, 3 digits, point and decimals, and 4 signs
    # around; a ring repeats its first point; an escaped byte takes 6.
    position = 2 * (decimals + 5) + 4
    size = xy.shape[0] * position + 6 * data.shape[0] + 64
    size += m * (160 + names.shape[0] + 8 * columns)
    if kind != 1:
        size += ring.shape[0] * (position + 4)
    out = np.empty(size, np.uint8)
    end = _put_bytes(out, 0, _OPEN, 0, _OPEN.shape[0])
    for i in range(m):
        end = _put_bytes(out, end, _FEATURE, 0, _FEATURE.shape[0])
        if ids.shape[0]:
            end = _put_bytes(out, end, _ID, 0, _ID.shape[0])
            end = _put_integer(out, end, ids[kept[i]])
            out[end] = 44
            end += 1
        end = _put_bytes(out, end, _GEOMETRY, 0, _GEOMETRY.shape[0])
        many = row[i + 1] - row[i] > 1
        begin = _NAME_AT[kind] + (0 if many else 5)
        end = _put_bytes(out, end, _NAMES, begin, _NAME_AT[kind] + _NAME_LENGTH[kind])
        end = _put_bytes(out, end, _COORDINATES, 0, _COORDINATES.shape[0])
        if many:
            out[end] = 91
            end += 1
        for k in range(row[i], row[i + 1]):
            end = _put_part(out, end, kind, k, xy, ring, part, decimals, unit)
            out[end] = 44
            end += 1
        end -= 1
        if many:
            out[end] = 93
            end += 1
        end = _put_bytes(out, end, _PROPERTIES, 0, _PROPERTIES.shape[0])
        for c in range(columns):
            end = _put_bytes(out, end, names, name_ends[c], name_ends[c + 1])
            if not valid[c, i]:
                end = _put_bytes(out, end, _NULL, 0, 4)
            elif quoted[c]:
                end = _put_quoted(out, end, data, ends[c, i], ends[c, i + 1])
            else:
                end = _put_bytes(out, end, data, ends[c, i], ends[c, i + 1])
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
