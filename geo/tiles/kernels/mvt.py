# mypy: ignore-errors
"""Write a layer of a vector tile as bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import int32, int64, types, uint8, uint64

from geo.tiles.kernels import inner, loop
from geo.tiles.kernels.columns import LINES, line_of
from geo.tiles.kernels.machine import copy_bytes, int32_at, move_bytes, store_byte
from geo.tiles.kernels.values import most_bytes, most_values, number_values, put_varint

_U1 = types.Array(uint8, 1, "C", readonly=True)
_I4 = types.Array(int32, 1, "C", readonly=True)
_I8 = types.Array(int64, 1, "C", readonly=True)
_XY = types.Array(int32, 2, "C", readonly=True)


@inner(int64(uint64))
def _size(value: int) -> int:
    """Bytes of a varint."""
    size = 1
    while value > uint64(127):
        value >>= uint64(7)
        size += 1
    return size


@inner(int64(int64, int64))
def _put_delta(at: int, delta: int) -> int:
    """A zigzag varint of one or two bytes: `clip` lets no step be longer than 8191."""
    value = (delta << 1) ^ (delta >> 63)
    long = value > 127
    # Without a branch, which would be guessed wrong half the time.
    store_byte(at, (value & 127) | (long << 7))
    store_byte(at + 1, value >> 7)
    return at + 1 + long


@inner(int64(int64, int64, int64, int64, int64, int64))
def _put_path(at: int, xy: int, start: int, stop: int, px: int, py: int) -> int:
    """MoveTo the first of the points at ``xy``, seen from (px, py); LineTo the others."""
    store_byte(at, 9)
    at += 1
    for v in range(start, stop):
        x, y = int64(int32_at(xy, 2 * v)), int64(int32_at(xy, 2 * v + 1))
        at = _put_delta(at, x - px)
        at = _put_delta(at, y - py)
        px, py = x, y
        if v == start:
            at = put_varint(at, uint64((stop - start - 1) << 3 | 2))
    return at


@inner(int64(int64, int64, int64, _XY, _I4, _I4, _I4))
def _put_geometry(
    at: int, geometry_type: int, i: int, xy: Any, ring: Any, part: Any, row: Any
) -> int:
    """The commands of feature ``i``."""
    first, last = int64(row[i]), int64(row[i + 1])
    x, y = int64(0), int64(0)
    if geometry_type == 1:
        at = put_varint(at, uint64((last - first) << 3 | 1))
        for v in range(first, last):
            at = _put_delta(at, xy[v, 0] - x)
            at = _put_delta(at, xy[v, 1] - y)
            x, y = int64(xy[v, 0]), int64(xy[v, 1])
        return at
    if geometry_type == 3:
        first, last = int64(part[first]), int64(part[last])
    for k in range(first, last):
        stop = ring[k + 1]
        at = _put_path(at, xy.ctypes.data, ring[k], stop, x, y)
        x, y = int64(xy[stop - 1, 0]), int64(xy[stop - 1, 1])
        if geometry_type == 3:
            store_byte(at, 15)  # ClosePath
            at += 1
    return at


@inner(int64(int64, int64, int64))
def _put_length(at: int, room: int, end: int) -> int:
    """Write at ``at`` how long the bytes up to ``end`` are that begin ``room`` bytes later.

    They move where the length takes more or less than this room; returns their new end.
    """
    length = end - at - room
    size = _size(uint64(length))
    if size != room:
        move_bytes(at + size, at + room, length)
    put_varint(at, uint64(length))
    return at + size + length


@loop(int64[::1](int32[:, ::1]))
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


@inner(int64(int64, int64[::1], int32[:, ::1], int64))
def _put_tags(at: int, numbers: Any, tags: Any, i: int) -> int:
    """Feature.tags of feature ``i``."""
    end = at + 2  # room for a length of one byte: enough for 30 columns
    for c in range(numbers.shape[0]):
        if tags[i, c] >= 0:
            end = put_varint(end, uint64(numbers[c]))
            end = put_varint(end, uint64(tags[i, c]))
    if end == at + 2:
        return at
    store_byte(at, 0x12)
    return _put_length(at + 1, 1, end)


@loop(
    types.Tuple((uint8[::1], int64, int64))(
        _U1, _U1, _I8, LINES, _I8, _I8, _I8, int64, _XY, _I4, _I4, _I4
    )
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
            line, count = line_of(lines, s * columns + c), starts[s + 1] - starts[s]
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
    begin = out.ctypes.data + 16  # room for the layer's own tag and length
    copy_bytes(begin, head.ctypes.data, head.shape[0])
    end = begin + head.shape[0]
    room_of_feature, room_of_geometry = 1, 1  # the lengths of most features are alike
    for i in range(m):
        store_byte(end, 0x12)
        at = end + 1 + room_of_feature
        if ids.shape[0]:
            store_byte(at, 0x08)
            at = put_varint(at + 1, uint64(ids[i]))
        at = _put_tags(at, numbers, tags, i)
        store_byte(at, 0x18)
        store_byte(at + 1, geometry_type)
        store_byte(at + 2, 0x22)
        at += 3
        stop = _put_geometry(at + room_of_geometry, geometry_type, i, xy, ring, part, row)
        moved = _put_length(at, room_of_geometry, stop)
        room_of_geometry += moved - stop
        stop = _put_length(end + 1, room_of_feature, moved)
        room_of_feature += stop - moved
        end = stop
    for c in range(columns):
        if numbers[c] >= 0:
            length = key_ends[c + 1] - key_ends[c]
            copy_bytes(end, keys.ctypes.data + key_ends[c], length)
            end += length
    copy_bytes(end, values.ctypes.data, ends[count])
    end += ends[count]
    store_byte(end, 0x28)  # extent = 4096
    end = put_varint(end + 1, uint64(4096))
    length = end - begin
    begin -= 1 + _size(uint64(length))
    store_byte(begin, 0x1A)
    put_varint(begin + 1, uint64(length))
    return out, begin - out.ctypes.data, end - out.ctypes.data
