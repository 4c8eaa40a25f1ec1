# mypy: ignore-errors
# ruff: noqa: PLR0912, PLR0915
"""Clip rows of flat geometry to a box and put them on a tile's grid."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import boolean, float64, int32, int64, njit, types

# Inputs may be read-only (memory maps); outputs never are.
_XY = types.Array(float64, 2, "C", readonly=True)
_I4 = types.Array(int32, 1, "C", readonly=True)
_I8 = types.Array(int64, 1, "C", readonly=True)
_WORK, _OUT_XY, _OUT = float64[:, ::1], int32[:, ::1], int32[::1]
_BOX = (float64, float64, float64, float64, float64)


@njit(int64(_WORK, int64, _WORK, int64, float64, boolean), cache=True, nogil=True)
def _cut(source: Any, n: int, out: Any, axis: int, limit: float, upper: bool) -> int:
    """One side of Sutherland-Hodgman: the part of an open ring on this side of ``limit``."""
    m = 0
    other = 1 - axis
    for i in range(n):
        j = i - 1 if i > 0 else n - 1
        a, b = source[j, axis], source[i, axis]
        inside_a = a <= limit if upper else a >= limit
        inside_b = b <= limit if upper else b >= limit
        if inside_a != inside_b:
            t = (limit - a) / (b - a)
            out[m, axis] = limit
            out[m, other] = source[j, other] + t * (source[i, other] - source[j, other])
            m += 1
        if inside_b:
            out[m, 0] = source[i, 0]
            out[m, 1] = source[i, 1]
            m += 1
    return m


@njit(_WORK(_XY, int64, int64, float64, float64, float64, float64), cache=True, nogil=True)
def _clipped(
    xy: Any, start: int, n: int, west: float, south: float, east: float, north: float
) -> Any:
    """The open ring ``xy[start:start + n]`` cut to a box of the plane; [k, 2]."""
    # A side makes a ring at most half as long again.
    a, b = np.empty((6 * n + 8, 2)), np.empty((6 * n + 8, 2))
    for i in range(n):
        a[i, 0] = xy[start + i, 0]
        a[i, 1] = xy[start + i, 1]
    n = _cut(a, n, b, 0, west, False)
    n = _cut(b, n, a, 1, south, False)
    n = _cut(a, n, b, 0, east, True)
    n = _cut(b, n, a, 1, north, True)
    return a[:n]


@njit(int64(int64, int64, int64, int64, int64, int64), cache=True, nogil=True)
def _turn(ax: int, ay: int, bx: int, by: int, cx: int, cy: int) -> int:
    return (bx - ax) * (cy - by) - (by - ay) * (cx - bx)


@njit(int64(_XY, int64, int64, float64, float64, float64, _OUT_XY, int64), cache=True, nogil=True)
def _put_ring(
    source: Any, start: int, n: int, left: float, top: float, scale: float, out: Any, at: int
) -> int:
    """Put the open ring ``source[start:start + n]`` of the plane on the grid at ``out[at:]``.

    Returns its length without repeated points, points on a straight line and
    spikes; less than 3: nothing is left.
    """
    m = 0
    px, py, qx, qy = int32(0), int32(0), int32(0), int32(0)  # the last two points
    for i in range(start, start + n):
        x = int32(np.floor((source[i, 0] - left) * scale + 0.5))
        y = int32(np.floor((top - source[i, 1]) * scale + 0.5))
        while True:
            if m >= 1 and qx == x and qy == y:
                break
            if m >= 2 and _turn(px, py, qx, qy, x, y) == 0:
                # The middle point lies on the line, or is the tip of a spike.
                m -= 1
                qx, qy = px, py
                if m >= 2:
                    px, py = out[at + m - 2, 0], out[at + m - 2, 1]
                continue
            out[at + m, 0] = x
            out[at + m, 1] = y
            m += 1
            px, py, qx, qy = qx, qy, x, y
            break
    first = 0
    while m - first >= 3:
        e, s = at + m, at + first
        qx, qy, x, y = out[e - 1, 0], out[e - 1, 1], out[s, 0], out[s, 1]
        if (qx == x and qy == y) or _turn(out[e - 2, 0], out[e - 2, 1], qx, qy, x, y) == 0:
            m -= 1
        elif _turn(qx, qy, x, y, out[s + 1, 0], out[s + 1, 1]) == 0:
            first += 1
        else:
            break
    m -= first
    if first and m >= 3:
        for i in range(at, at + m):
            out[i, 0] = out[i + first, 0]
            out[i, 1] = out[i + first, 1]
    return m


@njit(int64(_OUT_XY, int64, int64), cache=True, nogil=True)
def _double_area(xy: Any, at: int, n: int) -> int:
    total = int64(0)
    j = at + n - 1
    for i in range(at, at + n):
        total += int64(xy[j, 0]) * xy[i, 1] - int64(xy[i, 0]) * xy[j, 1]
        j = i
    return total


@njit(types.void(_OUT_XY, int64, int64), cache=True, nogil=True)
def _reverse(xy: Any, at: int, n: int) -> None:
    for i in range(n // 2):
        j = n - 1 - i
        x, y = xy[at + i, 0], xy[at + i, 1]
        xy[at + i, 0], xy[at + i, 1] = xy[at + j, 0], xy[at + j, 1]
        xy[at + j, 0], xy[at + j, 1] = x, y


@njit(
    types.Tuple((_OUT, _OUT_XY, _OUT, _OUT, _OUT))(_XY, _I4, _I4, _I4, _I8, *_BOX),
    cache=True,
    nogil=True,
)
def clip_polygons(xy, ring, part, row, rows, left, top, scale, low, high):
    # Arrays are never exchanged inside the loops: that would cost reference counting.
    all_parts, all_rings, all_points = 0, 0, 0
    for r in rows:
        all_parts += row[r + 1] - row[r]
        all_rings += part[row[r + 1]] - part[row[r]]
        all_points += ring[part[row[r + 1]]] - ring[part[row[r]]]
    kept = np.empty(rows.shape[0], np.int32)
    out_row = np.empty(rows.shape[0] + 1, np.int32)
    out_part = np.empty(all_parts + 1, np.int32)
    out_ring = np.empty(all_rings + 1, np.int32)
    out = np.empty((6 * all_points + 8 * all_rings, 2), np.int32)
    west, east = left + low / scale, left + high / scale
    south, north = top - high / scale, top - low / scale
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
                start = ring[k]
                n = ring[k + 1] - start - 1  # the last point repeats the first
                minx, miny = xy[start, 0], xy[start, 1]
                maxx, maxy = minx, miny
                for v in range(start + 1, start + n):
                    x, y = xy[v, 0], xy[v, 1]
                    minx = min(minx, x)
                    maxx = max(maxx, x)
                    miny = min(miny, y)
                    maxy = max(maxy, y)
                if n < 3 or maxx < west or minx > east or maxy < south or miny > north:
                    if exterior:
                        break
                    continue
                if minx >= west and maxx <= east and miny >= south and maxy <= north:
                    n = _put_ring(xy, start, n, left, top, scale, out, points)
                else:
                    cut = _clipped(xy, start, n, west, south, east, north)
                    n = _put_ring(cut, 0, cut.shape[0], left, top, scale, out, points)
                area = _double_area(out, points, n) if n >= 3 else int64(0)
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


@njit(int64(_OUT_XY, int64, int64, float64, float64), cache=True, nogil=True)
def _put_point(out: Any, begin: int, points: int, fx: float, fy: float) -> int:
    """Append a point of a line to ``out`` unless it adds nothing; the new count of points."""
    x, y = int32(np.floor(fx + 0.5)), int32(np.floor(fy + 0.5))
    if points > begin and out[points - 1, 0] == x and out[points - 1, 1] == y:
        return points
    if points - begin >= 2:
        px, py = out[points - 2, 0], out[points - 2, 1]
        qx, qy = out[points - 1, 0], out[points - 1, 1]
        onward = (int64(qx) - px) * (int64(x) - qx) + (int64(qy) - py) * (int64(y) - qy)
        if onward > 0 and _turn(px, py, qx, qy, x, y) == 0:
            points -= 1
    out[points, 0] = x
    out[points, 1] = y
    return points + 1


@njit(types.Tuple((_OUT, _OUT_XY, _OUT, _OUT))(_XY, _I4, _I4, _I8, *_BOX), cache=True, nogil=True)
def clip_lines(xy, ring, row, rows, left, top, scale, low, high):
    all_points = 0
    for r in rows:
        all_points += ring[row[r + 1]] - ring[row[r]]
    kept = np.empty(rows.shape[0], np.int32)
    out_row = np.empty(rows.shape[0] + 1, np.int32)
    # A segment adds its end, and its start where the line comes back into the tile.
    out_ring = np.empty(all_points + 1, np.int32)
    out = np.empty((2 * all_points, 2), np.int32)
    m, lines, points = 0, 0, 0
    out_row[0], out_ring[0] = 0, 0
    for i in range(rows.shape[0]):
        r = rows[i]
        begun = lines
        for k in range(row[r], row[r + 1]):
            begin = points
            for v in range(ring[k] + 1, ring[k + 1]):
                ax, ay = (xy[v - 1, 0] - left) * scale, (top - xy[v - 1, 1]) * scale
                bx, by = (xy[v, 0] - left) * scale, (top - xy[v, 1]) * scale
                # Liang-Barsky: the part of the segment from t0 to t1 is inside.
                dx, dy = bx - ax, by - ay
                t0, t1 = 0.0, 1.0
                for side in range(4):
                    if side == 0:
                        move, room = -dx, ax - low
                    elif side == 1:
                        move, room = dx, high - ax
                    elif side == 2:
                        move, room = -dy, ay - low
                    else:
                        move, room = dy, high - ay
                    if move == 0.0:
                        if room < 0.0:
                            t1 = -1.0
                    elif move < 0.0:
                        t0 = max(t0, room / move)
                    else:
                        t1 = min(t1, room / move)
                if t0 <= t1:
                    if points == begin:
                        points = _put_point(out, begin, points, ax + t0 * dx, ay + t0 * dy)
                    points = _put_point(
                        out, begin, points, bx if t1 == 1.0 else ax + t1 * dx,
                        by if t1 == 1.0 else ay + t1 * dy,
                    )  # fmt: skip
                last = v + 1 == ring[k + 1]
                if points > begin and (last or t0 > t1 or t1 < 1.0):
                    # The line leaves the tile or ends here.
                    if points - begin >= 2:
                        lines += 1
                        out_ring[lines] = points
                    else:
                        points = begin
                    begin = points
        if lines > begun:
            kept[m] = i
            m += 1
            out_row[m] = lines
    return kept[:m], out[:points], out_ring[: lines + 1], out_row[: m + 1]


@njit(
    types.Tuple((_OUT, _OUT_XY, types.none, types.none, _OUT))(_XY, _I4, _I8, *_BOX),
    cache=True,
    nogil=True,
)
def clip_points(xy, row, rows, left, top, scale, low, high):
    kept = np.empty(rows.shape[0], np.int32)
    out_row = np.empty(rows.shape[0] + 1, np.int32)
    all_points = 0
    for r in rows:
        all_points += row[r + 1] - row[r]
    out = np.empty((all_points, 2), np.int32)
    m, points = 0, 0
    out_row[0] = 0
    for i in range(rows.shape[0]):
        r = rows[i]
        begun = points
        for v in range(row[r], row[r + 1]):
            x, y = (xy[v, 0] - left) * scale, (top - xy[v, 1]) * scale
            if low <= x <= high and low <= y <= high:
                out[points, 0] = int32(np.floor(x + 0.5))
                out[points, 1] = int32(np.floor(y + 0.5))
                points += 1
        if points > begun:
            kept[m] = i
            m += 1
            out_row[m] = points
    return kept[:m], out[:points], None, None, out_row[: m + 1]
