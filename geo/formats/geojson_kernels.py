"""Compiled loops of the GeoJSON writer. Each writes into ``out`` at ``at`` and answers the end.

All arrays that are only read are passed as read-only ones, so that each kernel has
one signature and is compiled (or loaded from the cache) once.
"""

# mypy: disable-error-code="no-untyped-def"
from __future__ import annotations

import numpy as np
from numba import njit

NULL = np.frombuffer(b"null", dtype=np.uint8)
NUMBER = 22  # bytes that a coordinate may need: sign, 19 digits, point, one spare
_FEATURE = np.frombuffer(b'{"type":"Feature","id":', dtype=np.uint8)
_GEOMETRY = np.frombuffer(b',"geometry":', dtype=np.uint8)
_PROPERTIES = np.frombuffer(b',"properties":', dtype=np.uint8)
#: Bytes of a feature around its geometry and properties, with a comma and its id.
FEATURE = len(_FEATURE) + len(_GEOMETRY) + len(_PROPERTIES) + 22
_TEN = np.uint64(10)


@njit(cache=True, nogil=True)
def _put(out, at, text, first, last):
    """Copy ``text[first:last]``. Unsigned places: no check for negative ones, so it vectorises."""
    to, source = np.uintp(at), np.uintp(first)
    for i in range(np.uintp(last - first)):
        out[to + i] = text[source + i]
    return at + last - first


@njit(cache=True, nogil=True)
def _digits(out, at, digits, length):
    """The last ``length`` digits of a number."""
    for place in range(at + length - 1, at - 1, -1):
        rest = digits // _TEN
        out[np.uintp(place)] = np.uint8(np.uint64(48) + digits - rest * _TEN)
        digits = rest
    return at + length


@njit(cache=True, nogil=True)
def _whole(out, at, number):
    length, limit = 1, _TEN
    while length < 19 and number >= limit:
        length += 1
        limit *= _TEN
    return _digits(out, at, number, length)


@njit(cache=True, nogil=True)
def _number(out, at, value, scale, decimals):
    """A decimal number without zeros at its end; -1 if it cannot be written."""
    size = abs(value)
    if not size * scale < 9.0e18:
        return -1
    # Whole and fraction apart: their product with the scale would not fit 53 bits.
    whole = np.uint64(size)
    fraction = np.uint64(np.rint((size - np.float64(whole)) * scale))
    if fraction >= np.uint64(scale):
        whole += np.uint64(1)
        fraction = np.uint64(0)
    if value < 0 and (whole > 0 or fraction > 0):
        out[np.uintp(at)] = 45
        at += 1
    at = _whole(out, at, whole)
    if fraction == 0:
        return at
    while True:
        rest = fraction // _TEN
        if rest * _TEN != fraction:
            break
        fraction = rest
        decimals -= 1
    out[np.uintp(at)] = 46
    return _digits(out, at + 1, fraction, decimals)


@njit(cache=True, nogil=True)
def room_for(levels, row, part, ring, rows, opening):
    """Bytes that are surely enough."""
    total = 8
    for i in range(len(rows)):
        first, last = row[rows[i]], row[rows[i] + 1]
        brackets = 2
        if levels == 2:
            brackets += 3 * (last - first)
            first, last = part[first], part[last]
        if levels >= 1:
            brackets += 3 * (last - first)
            first, last = ring[first], ring[last]
        total += opening + 8 + brackets + (last - first) * (2 * NUMBER + 4)
    return total


@njit(cache=True, nogil=True)
def _vertices(out, at, xy, first, last, scale, decimals):
    """``[x,y],[x,y]...``; -1 if a number cannot be written."""
    for v in range(first, last):
        if v > first:
            out[at] = 44
            at += 1
        out[at] = 91
        at = _number(out, at + 1, xy[v, 0], scale, decimals)
        if at < 0:
            return -1
        out[at] = 44
        at = _number(out, at + 1, xy[v, 1], scale, decimals)
        if at < 0:
            return -1
        out[at] = 93
        at += 1
    return at


@njit(cache=True, nogil=True)
def _lines(out, at, xy, ring, first, last, scale, decimals):
    """``[[x,y],...],[...]`` of rings or lines; -1 if a number cannot be written."""
    for r in range(first, last):
        if r > first:
            out[at] = 44
            at += 1
        out[at] = 91
        at = _vertices(out, at + 1, xy, ring[r], ring[r + 1], scale, decimals)
        if at < 0:
            return -1
        out[at] = 93
        at += 1
    return at


@njit(cache=True, nogil=True)
def write_geometries(levels, row, part, ring, xy, rows, opening, decimals, out, offsets):
    scale = 10.0**decimals
    at = 0
    offsets[0] = 0
    for i in range(len(rows)):
        first, last = row[rows[i]], row[rows[i] + 1]
        if first == last:
            at = _put(out, at, NULL, 0, len(NULL))
        else:
            at = _put(out, at, opening, 0, len(opening))
            if levels == 0:
                at = _vertices(out, at, xy, first, first + 1, scale, decimals)
            elif levels == 1:
                out[at] = 91
                at = _lines(out, at + 1, xy, ring, first, last, scale, decimals)
            else:
                out[at] = 91
                at += 1
                for p in range(first, last):
                    if p > first:
                        out[at] = 44
                        at += 1
                    out[at] = 91
                    at = _lines(out, at + 1, xy, ring, part[p], part[p + 1], scale, decimals)
                    if at < 0:
                        return False
                    out[at] = 93
                    at += 1
            if at < 0:
                return False
            if levels > 0:
                out[at] = 93
                at += 1
            out[at] = 125
            at += 1
        offsets[i + 1] = at
    return True


@njit(cache=True, nogil=True)
def measure(starts, ends, codes, quoted, sizes):
    for i in range(len(sizes)):
        code = i if len(codes) == 0 else codes[i]
        if code < 0 or ends[code] < starts[code]:
            sizes[i] += 4
        else:
            sizes[i] += ends[code] - starts[code] + (2 if quoted else 0)


@njit(cache=True, nogil=True)
def append(prefix, data, starts, ends, codes, quoted, first, last, cursor, out):
    for i in range(first, last):
        at = _put(out, cursor[i], prefix, 0, len(prefix))
        code = i if len(codes) == 0 else codes[i]
        if code < 0 or ends[code] < starts[code]:
            cursor[i] = _put(out, at, NULL, 0, len(NULL))
            continue
        if quoted:
            out[at] = 34
            at += 1
        at = _put(out, at, data, starts[code], ends[code])
        if quoted:
            out[at] = 34
            at += 1
        cursor[i] = at


@njit(cache=True, nogil=True)
def write_features(ids, shapes, shape_at, data, starts, rows, out):
    at = 0
    for i in range(len(ids)):
        if i > 0:
            out[at] = 44
            at += 1
        at = _put(out, at, _FEATURE, 0, len(_FEATURE))
        if ids[i] < 0:
            out[at] = 45
            at += 1
        at = _whole(out, at, np.uint64(abs(ids[i])))
        at = _put(out, at, _GEOMETRY, 0, len(_GEOMETRY))
        if len(shape_at) == 0:
            at = _put(out, at, shapes, 0, len(shapes))
        else:
            at = _put(out, at, shapes, shape_at[i], shape_at[i + 1])
        at = _put(out, at, _PROPERTIES, 0, len(_PROPERTIES))
        at = _put(out, at, data, starts[rows[i]], starts[rows[i] + 1])
        out[at] = 125
        at += 1
    return at
