# mypy: ignore-errors
# ruff: noqa: PLR0912, PLR0915
"""Clip lines and points to a box and put them on a tile's grid."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import float64, int32, int64, types

from geo.tiles.kernels import inner, loop
from geo.tiles.kernels.clip import BOX, I4, I8, OUT, OUT_XY, U1, XY, turn


@inner(int64(OUT_XY, int64, int64, float64, float64))
def _put_point(out: Any, begin: int, points: int, fx: float, fy: float) -> int:
    """Append a point of a line to ``out`` unless it adds nothing; the new count of points."""
    x, y = int32(np.floor(fx + 0.5)), int32(np.floor(fy + 0.5))
    if points > begin and out[points - 1, 0] == x and out[points - 1, 1] == y:
        return points
    if points - begin >= 2:
        px, py = out[points - 2, 0], out[points - 2, 1]
        qx, qy = out[points - 1, 0], out[points - 1, 1]
        onward = (int64(qx) - px) * (int64(x) - qx) + (int64(qy) - py) * (int64(y) - qy)
        if onward > 0 and turn(px, py, qx, qy, x, y) == 0:
            points -= 1
    out[points, 0] = x
    out[points, 1] = y
    return points + 1


@loop(types.Tuple((OUT, OUT_XY, OUT, OUT))(XY, U1, int64, I4, I4, I8, *BOX))
def clip_lines(xy, level, zoom, ring, row, rows, left, top, scale, low, high):
    all_points = 0
    for r in rows:
        if not 0 <= r < row.shape[0] - 1:
            raise IndexError("row numbers out of range")
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
            start, stop = int64(ring[k]), int64(ring[k + 1])
            while stop > start and level.shape[0] and level[stop - 1] > zoom:
                stop -= 1
            started = False
            ax, ay = 0.0, 0.0
            for v in range(start, stop):
                if level.shape[0] and level[v] > zoom:
                    continue
                bx, by = (xy[v, 0] - left) * scale, (top - xy[v, 1]) * scale
                if not started:
                    ax, ay, started = bx, by, True
                    continue
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
                if points > begin and (v + 1 == stop or t0 > t1 or t1 < 1.0):
                    # The line leaves the tile or ends here.
                    if points - begin >= 2:
                        lines += 1
                        out_ring[lines] = points
                    else:
                        points = begin
                    begin = points
                ax, ay = bx, by
        first = row[r]
        if lines == begun and first < row[r + 1] and ring[first] < ring[first + 1]:
            # Shorter than a step: no feature may vanish from the tile that it starts in.
            v = ring[first]
            fx = np.floor((xy[v, 0] - left) * scale + 0.5)
            fy = np.floor((top - xy[v, 1]) * scale + 0.5)
            if low <= fx <= high and low <= fy <= high:
                out[points, 0] = min(fx, high - 1)
                out[points + 1, 0] = out[points, 0] + 1
                out[points, 1] = out[points + 1, 1] = fy
                points += 2
                lines += 1
                out_ring[lines] = points
        if lines > begun:
            kept[m] = i
            m += 1
            out_row[m] = lines
    return kept[:m], out[:points], out_ring[: lines + 1], out_row[: m + 1]


@loop(types.Tuple((OUT, OUT_XY, OUT))(XY, I4, I8, *BOX))
def clip_points(xy, row, rows, left, top, scale, low, high):
    kept = np.empty(rows.shape[0], np.int32)
    out_row = np.empty(rows.shape[0] + 1, np.int32)
    all_points = 0
    for r in rows:
        if not 0 <= r < row.shape[0] - 1:
            raise IndexError("row numbers out of range")
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
    return kept[:m], out[:points], out_row[: m + 1]
