# mypy: ignore-errors
# ruff: noqa: PLR0912, PLR0915
"""Clip polygons to a box and put them on a tile's grid."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import boolean, float64, int32, int64, types, uint8

from geo.tiles.kernels import inner, loop
from geo.tiles.kernels.machine import byte_at, float_at

# Inputs may be read-only (memory maps); outputs never are.
XY = types.Array(float64, 2, "C", readonly=True)
U1 = types.Array(uint8, 1, "C", readonly=True)
I4 = types.Array(int32, 1, "C", readonly=True)
I8 = types.Array(int64, 1, "C", readonly=True)
OUT_XY, OUT = int32[:, ::1], int32[::1]
#: left, top, steps a unit of the plane; lowest and highest step that is kept
BOX = (float64, float64, float64, float64, float64)
_WORK = float64[:, :, ::1]


@inner(int64(_WORK, int64, int64, int64, float64, boolean))
def _cut(work: Any, source: int, n: int, axis: int, limit: float, upper: bool) -> int:
    """One side of Sutherland-Hodgman: the part of the open ring ``work[source, :n]`` on this side
    of ``limit``, in the other half of ``work``."""
    m = 0
    other, to = 1 - axis, 1 - source
    for i in range(n):
        j = i - 1 if i > 0 else n - 1
        a, b = work[source, j, axis], work[source, i, axis]
        inside_a = a <= limit if upper else a >= limit
        inside_b = b <= limit if upper else b >= limit
        if inside_a != inside_b:
            t = (limit - a) / (b - a)
            work[to, m, axis] = limit
            c = work[source, j, other]
            work[to, m, other] = c + t * (work[source, i, other] - c)
            m += 1
        if inside_b:
            work[to, m, 0] = work[source, i, 0]
            work[to, m, 1] = work[source, i, 1]
            m += 1
    return m


@inner(types.UniTuple(int64, 2)(XY, U1, int64, int64, int64, *BOX, _WORK))
def _clip_ring(xy, level, zoom, start, stop, left, top, scale, low, high, work):
    """Cut the open ring ``xy[start:stop]`` of the plane to the box.

    Which half of ``work`` it is in then, and how many points it has. A side makes a ring at
    most half as long again.
    """
    n, at = 0, 0
    minx, miny, maxx, maxy = np.inf, np.inf, -np.inf, -np.inf
    for v in range(start, stop):
        if level.shape[0] and level[v] > zoom:
            continue
        x, y = xy[v, 0], xy[v, 1]
        work[0, n, 0], work[0, n, 1] = x, y
        n += 1
        minx, maxx = min(minx, x), max(maxx, x)
        miny, maxy = min(miny, y), max(maxy, y)
    west, east = left + low / scale, left + high / scale
    south, north = top - high / scale, top - low / scale
    if n < 3 or maxx < west or minx > east or maxy < south or miny > north:
        return 0, 0
    if minx < west:
        n, at = _cut(work, at, n, 0, west, False), 1 - at
    if maxx > east:
        n, at = _cut(work, at, n, 0, east, True), 1 - at
    if miny < south:
        n, at = _cut(work, at, n, 1, south, False), 1 - at
    if maxy > north:
        n, at = _cut(work, at, n, 1, north, True), 1 - at
    return at, n


@inner(int64(int64, int64, int64, int64, int64, int64))
def turn(ax: int, ay: int, bx: int, by: int, cx: int, cy: int) -> int:
    """Twice the area of the triangle; 0 on a straight line."""
    return (bx - ax) * (cy - by) - (by - ay) * (cx - bx)


@inner(types.UniTuple(int64, 2)(int64, int64, int64, int64, int64, *BOX, OUT_XY, int64))
def _put_ring(xy, level, zoom, start, stop, left, top, scale, low, high, out, at):
    """Put the open ring of the plane from ``start`` to ``stop`` on the grid at ``out[at:]``.

    ``xy`` and ``level`` are addresses (level 0: all vertices are needed).
    Returns its length without repeated points, points on a straight line and spikes, and
    twice its area, which is 0 when nothing is left. The length is -1 when it leaves the box.
    """
    m = 0
    area = int64(0)
    px, py, qx, qy = int64(0), int64(0), int64(0), int64(0)  # the last two points
    x, y, first_x, first_y = int64(0), int64(0), int64(0), int64(0)
    begun = False
    for v in range(start, stop):
        if level and byte_at(level, v) > zoom:
            continue
        fx = np.floor((float_at(xy, 2 * v) - left) * scale + 0.5)
        fy = np.floor((top - float_at(xy, 2 * v + 1)) * scale + 0.5)
        if not (low <= fx <= high and low <= fy <= high):
            return -1, 0
        last_x, last_y = x, y
        x, y = int64(fx), int64(fy)
        if begun:
            area += last_x * y - x * last_y  # what is left out below has no area
        else:
            first_x, first_y, begun = x, y, True
        while True:
            if m >= 1 and qx == x and qy == y:
                break
            if m >= 2 and turn(px, py, qx, qy, x, y) == 0:
                # The middle point lies on the line, or is the tip of a spike.
                m -= 1
                qx, qy = px, py
                if m >= 2:
                    px, py = int64(out[at + m - 2, 0]), int64(out[at + m - 2, 1])
                continue
            out[at + m, 0] = x
            out[at + m, 1] = y
            m += 1
            px, py, qx, qy = qx, qy, x, y
            break
    area += x * first_y - first_x * y
    if area == 0:
        return 0, 0
    first = 0
    while True:  # the same where the end meets the start
        e, s = at + m, at + first
        qx, qy, x, y = out[e - 1, 0], out[e - 1, 1], out[s, 0], out[s, 1]
        if (qx == x and qy == y) or turn(out[e - 2, 0], out[e - 2, 1], qx, qy, x, y) == 0:
            m -= 1
        elif turn(qx, qy, x, y, out[s + 1, 0], out[s + 1, 1]) == 0:
            first += 1
        else:
            break
    m -= first
    if first:
        for i in range(at, at + m):
            out[i, 0] = out[i + first, 0]
            out[i, 1] = out[i + first, 1]
    return m, area


@inner(types.void(OUT_XY, int64, int64))
def _reverse(xy: Any, at: int, n: int) -> None:
    for i in range(n // 2):
        j = n - 1 - i
        x, y = xy[at + i, 0], xy[at + i, 1]
        xy[at + i, 0], xy[at + i, 1] = xy[at + j, 0], xy[at + j, 1]
        xy[at + j, 0], xy[at + j, 1] = x, y


@inner(int64(XY, int64, *BOX, OUT_XY, int64))
def _put_square(xy, v, left, top, scale, low, high, out, at):
    """The smallest polygon there is, at vertex ``v``: 4 points, or 0 when it is not in the box."""
    fx = np.floor((xy[v, 0] - left) * scale + 0.5)
    fy = np.floor((top - xy[v, 1]) * scale + 0.5)
    if not (low <= fx <= high and low <= fy <= high):
        return 0
    x, y = int32(min(fx, high - 1)), int32(min(fy, high - 1))
    for i in range(4):
        out[at + i, 0] = x + (i in (1, 2))
        out[at + i, 1] = y + (i >= 2)
    return 4


@loop(types.Tuple((OUT, OUT_XY, OUT, OUT, OUT))(XY, U1, int64, I4, I4, I4, I8, *BOX))
def clip_polygons(xy, level, zoom, ring, part, row, rows, left, top, scale, low, high):
    # Arrays are never exchanged inside the loops: that would cost reference counting.
    all_parts, all_rings, all_points, longest = 0, 0, 0, 0
    for r in rows:
        if not 0 <= r < row.shape[0] - 1:
            raise IndexError("row numbers out of range")
        all_parts += row[r + 1] - row[r]
        all_rings += part[row[r + 1]] - part[row[r]]
        points = ring[part[row[r + 1]]] - ring[part[row[r]]]
        all_points += points
        longest = max(longest, points)
    work = np.empty((2, 6 * longest + 8, 2))
    plane = xy.ctypes.data
    levels = level.ctypes.data if level.shape[0] else 0
    kept = np.empty(rows.shape[0], np.int32)
    out_row = np.empty(rows.shape[0] + 1, np.int32)
    out_part = np.empty(all_parts + 1, np.int32)
    out_ring = np.empty(all_rings + 1, np.int32)
    out = np.empty(
        (6 * all_points + 8 * all_rings, 2), np.int32
    )  # memory that is not used costs none
    m, parts, rings, points = 0, 0, 0, 0
    out_row[0], out_part[0], out_ring[0] = 0, 0, 0
    for i in range(rows.shape[0]):
        r = rows[i]
        begun = parts
        for p in range(row[r], row[r + 1]):
            part_rings, part_points = rings, points
            net = int64(0)
            for k in range(part[p], part[p + 1]):
                exterior = k == part[p]
                start, stop = int64(ring[k]), int64(ring[k + 1]) - 1  # the last repeats the first
                n, area = _put_ring(
                    plane, levels, zoom, start, stop, left, top, scale, low, high, out, points
                )
                if n < 0:
                    half, n = _clip_ring(
                        xy, level, zoom, start, stop, left, top, scale, low, high, work
                    )
                    cut = work.ctypes.data + 16 * half * work.shape[1]
                    n, area = _put_ring(cut, 0, 0, 0, n, left, top, scale, low, high, out, points)
                if area == 0:
                    if exterior:
                        break
                    continue
                if (area > 0) != exterior:
                    _reverse(out, points, n)
                net += abs(area) if exterior else -abs(area)
                points += n
                rings += 1
                out_ring[rings] = points
            if net > 0:
                parts += 1
                out_part[parts] = rings
            else:
                # Nothing of it shows: no exterior left, or the tile lies in a hole.
                rings, points = part_rings, part_points
        first = part[row[r]]
        if parts == begun and first < part[row[r + 1]] and ring[first] < ring[first + 1]:
            # Too small for the grid: no feature may vanish from the tile that it starts in.
            n = _put_square(xy, ring[first], left, top, scale, low, high, out, points)
            if n:
                points += n
                rings += 1
                parts += 1
                out_ring[rings] = points
                out_part[parts] = rings
        if parts > begun:
            kept[m] = i
            m += 1
            out_row[m] = parts
    return (
        kept[:m],
        out[:points],
        out_ring[: rings + 1],
        out_part[: parts + 1],
        out_row[: m + 1],
    )
