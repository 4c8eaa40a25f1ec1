# mypy: ignore-errors
"""Write a layer of a vector tile as bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import int32, int64, njit, types, uint8, uint64

from geo.tiles.kernels.columns import LINES, copy_bytes, move_bytes
from geo.tiles.kernels.text import OUT
from geo.tiles.kernels.values import most_bytes, most_values, number_values, put_varint

_U1 = types.Array(uint8, 1, "C", readonly=True)
_I4 = types.Array(int32, 1, "C", readonly=True)
_I8 = types.Array(int64, 1, "C", readonly=True)
_XY = types.Array(int32, 2, "C", readonly=True)


@njit(int64(uint64), cache=True, nogil=True)
def _size(value: int) -> int:
    """Bytes of a varint."""
    size = 1
    while value > uint64(127):
        value >>= uint64(7)
        size += 1
    return size


@njit(int64(OUT, int64, int64), cache=True, nogil=True)
def _put_delta(out: Any, at: int, delta: int) -> int:
    """A zigzag varint of one or two bytes: `clip` lets no step be longer than 8191."""
    value = (delta << 1) ^ (delta >> 63)
    long = value > 127
    # Without a branch, which would be guessed wrong half the time.
    out[at] = uint8((value & 127) | (long << 7))
    out[at + 1] = uint8(value >> 7)
    return at + 1 + long


@njit(int64(OUT, int64, _XY, int64, int64, int64, int64), cache=True, nogil=True)
def _put_path(out: Any, at: int, xy: Any, start: int, stop: int, cx: int, cy: int) -> int:
    """MoveTo the first point, LineTo the others."""
    out[at] = 9
    x, y = int64(xy[start, 0]), int64(xy[start, 1])
    at = _put_delta(out, at + 1, x - cx)
    at = _put_delta(out, at, y - cy)
    at = put_varint(out, at, uint64((stop - start - 1) << 3 | 2))
    for v in range(start + 1, stop):
        px, py = x, y
        x, y = int64(xy[v, 0]), int64(xy[v, 1])
        at = _put_delta(out, at, x - px)
        at = _put_delta(out, at, y - py)
    return at


@njit(int64(OUT, int64, int64, int64, _XY, _I4, _I4, _I4), cache=True, nogil=True)
def _put_geometry(
    out: Any, at: int, geometry_type: int, i: int, xy: Any, ring: Any, part: Any, row: Any
) -> int:
    """The commands of feature ``i``."""
    first, last = int64(row[i]), int64(row[i + 1])
    cx, cy = int64(0), int64(0)
    if geometry_type == 1:
        at = put_varint(out, at, uint64((last - first) << 3 | 1))
        for v in range(first, last):
            at = _put_delta(out, at, xy[v, 0] - cx)
            at = _put_delta(out, at, xy[v, 1] - cy)
            cx, cy = int64(xy[v, 0]), int64(xy[v, 1])
        return at
    if geometry_type == 3:
        first, last = int64(part[first]), int64(part[last])
    for k in range(first, last):
        at = _put_path(out, at, xy, ring[k], ring[k + 1], cx, cy)
        cx, cy = int64(xy[ring[k + 1] - 1, 0]), int64(xy[ring[k + 1] - 1, 1])
        if geometry_type == 3:
            out[at] = 15  # ClosePath
            at += 1
    return at


@njit(int64(OUT, int64, int64, int64), cache=True, nogil=True)
def _put_length(out: Any, at: int, room: int, end: int) -> int:
    """Write at ``at`` how long the bytes up to ``end`` are that begin ``room`` bytes later.

    They move where the length takes more or less than this room; returns their new end.
    """
    length = end - at - room
    size = _size(uint64(length))
    if size != room:
        base = out.ctypes.data + at
        move_bytes(base + size, base + room, length)
    put_varint(out, at, uint64(length))
    return at + size + length


@njit(int64[::1](int32[:, ::1]), cache=True, nogil=True)
def _number_keys(tags: Any) -> Any:
    """Numbers of the columns that have a value at all, -1 for the others."""
    numbers = np.full(tags.shape[1], -1, np.int64)
    used = 0
    for c in range(tags.shape[1]):
        for i in range(tags.shape[0]):
            if tags[i, c] >= 0:
                numbers[c] = used
                used += 1
                break
    return numbers


@njit(int64(OUT, int64, int64[::1], int32[:, ::1], int64), cache=True, nogil=True)
def _put_tags(out: Any, at: int, numbers: Any, tags: Any, i: int) -> int:
    """Feature.tags of feature ``i``."""
    length = 0
    for c in range(numbers.shape[0]):
        if tags[i, c] >= 0:
            length += _size(uint64(numbers[c])) + _size(uint64(tags[i, c]))
    if length:
        out[at] = 0x12
        at = put_varint(out, at + 1, uint64(length))
        for c in range(numbers.shape[0]):
            if tags[i, c] >= 0:
                at = put_varint(out, at, uint64(numbers[c]))
                at = put_varint(out, at, uint64(tags[i, c]))
    return at


@njit(
    types.Tuple((OUT, int64, int64))(
        _U1, _U1, _I8, LINES, _I8, _I8, _I8, int64, _XY, _I4, _I4, _I4
    ),
    cache=True,
    nogil=True,
)
def write_layer(head, keys, key_ends, lines, starts, rows, ids, geometry_type, xy, ring, part, row):
    """Tile.layers with one layer: bytes, and from where to where they are in use.

    ``head`` comes first in the layer (version and name). ``keys[key_ends[c]:key_ends[c + 1]]``:
    column c's entry of Layer.keys. Feature i has the values of ``rows[i]`` in the columns of
    its source (see `number_values`) and the id ``ids[i]`` (no ids: empty).
    """
    m, columns = rows.shape[0], key_ends.shape[0] - 1
    room, most = int64(64), int64(2)
    for s in range(starts.shape[0] - 1):
        for c in range(columns):
            line, count = lines[s * columns + c], starts[s + 1] - starts[s]
            room += most_bytes(line, count)
            most += most_values(line, count)
    values, ends = np.empty(room, np.uint8), np.empty(most, np.int64)
    tags = np.empty((m, columns), np.int32)
    count = number_values(lines, starts, rows, tags, values, ends)
    numbers = _number_keys(tags)
    # A step takes at most 4 bytes, the commands of a ring 8.
    size = 4 * xy.shape[0] + 8 * ring.shape[0] + (60 + 10 * columns) * m
    size += head.shape[0] + keys.shape[0] + ends[count] + 64
    out = np.empty(size, np.uint8)
    base = out.ctypes.data
    start = int64(16)  # room for the layer's own tag and length
    copy_bytes(base + start, head.ctypes.data, head.shape[0])
    end = start + head.shape[0]
    room_of_feature, room_of_geometry = 1, 1  # the lengths of most features are alike
    for i in range(m):
        out[end] = 0x12
        at = end + 1 + room_of_feature
        if ids.shape[0]:
            out[at] = 0x08
            at = put_varint(out, at + 1, uint64(ids[i]))
        at = _put_tags(out, at, numbers, tags, i)
        out[at] = 0x18
        out[at + 1] = uint8(geometry_type)
        out[at + 2] = 0x22
        at += 3
        stop = _put_geometry(out, at + room_of_geometry, geometry_type, i, xy, ring, part, row)
        stop_moved = _put_length(out, at, room_of_geometry, stop)
        room_of_geometry += stop_moved - stop
        stop = _put_length(out, end + 1, room_of_feature, stop_moved)
        room_of_feature += stop - stop_moved
        end = stop
    for c in range(columns):
        if numbers[c] >= 0:
            length = key_ends[c + 1] - key_ends[c]
            copy_bytes(base + end, keys.ctypes.data + key_ends[c], length)
            end += length
    copy_bytes(base + end, values.ctypes.data, ends[count])
    end += ends[count]
    out[end] = 0x28  # extent = 4096
    end = put_varint(out, end + 1, uint64(4096))
    length = uint64(end - start)
    start -= 1 + _size(length)
    out[start] = 0x1A
    put_varint(out, start + 1, length)
    return out, start, end
