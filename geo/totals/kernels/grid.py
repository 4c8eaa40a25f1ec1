# mypy: ignore-errors
"""A grid of cells that says for most rows at once in which zone they lie.

A cell holds the number of the zone that covers it whole, NONE, or MIXED. Longitudes and
latitudes; edges are straight in the survey's plane, so that in degrees they are bowed by
up to `_BOW` times their length squared, and every test leaves that much room.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

NONE, MIXED = -1, -2
#: Degrees a square degree; the sagitta is L^2/8R tan B: 0.0022 at 45 degrees, 0.004 at 60.
_BOW = 0.005
_ROOM = 2e-8
_MOST_CELLS = 4096


@njit(cache=True, nogil=True)
def fill(
    xy: Any, ring: Any, row: Any, west: float, south: float, dx: float, dy: float, nx: int, ny: int
) -> Any:
    """int32[ny, nx] cells from the outlines of zones."""
    cells = np.full((ny, nx), NONE, dtype=np.int32)
    for z in range(len(row) - 1):
        v0, v1 = ring[row[z]], ring[row[z + 1]]
        if v1 == v0:
            continue
        low, high = xy[v0, 1], xy[v0, 1]
        for i in range(v0, v1):
            low, high = min(low, xy[i, 1]), max(high, xy[i, 1])
        j0, j1 = max(0, int((low - south) / dy) - 1), min(ny - 1, int((high - south) / dy) + 1)
        if j1 < j0:
            continue
        flips = np.zeros((j1 - j0 + 1, nx + 1), dtype=np.uint8)
        for r in range(row[z], row[z + 1]):
            for i in range(ring[r], ring[r + 1] - 1):
                _cross(xy, i, flips, j0, j1, west, south, dx, dy, nx)
        for j in range(j0, j1 + 1):
            inside = 0
            for i in range(nx):
                inside ^= flips[j - j0, i]
                if inside:
                    cells[j, i] = z if cells[j, i] == NONE else MIXED
    for r in range(len(ring) - 1):
        for i in range(ring[r], ring[r + 1] - 1):
            _mark(xy, i, cells, west, south, dx, dy)
    return cells


@njit(cache=True, nogil=True)
def _cross(
    xy: Any, i: int, flips: Any, j0: int, j1: int,
    west: float, south: float, dx: float, dy: float, nx: int,
) -> None:  # fmt: skip
    """Where an edge crosses the middle lines of cells, all cells east of it change sides."""
    xa, ya, xb, yb = xy[i, 0], xy[i, 1], xy[i + 1, 0], xy[i + 1, 1]
    if ya == yb:
        return
    low, high = min(ya, yb), max(ya, yb)
    first = max(j0, math.ceil((low - south) / dy - 0.5))
    last = min(j1, math.floor((high - south) / dy - 0.5))
    for j in range(first, last + 1):
        y = south + (j + 0.5) * dy
        if not low <= y < high:
            continue
        x = xa + (y - ya) / (yb - ya) * (xb - xa)
        column = math.ceil((x - west) / dx - 0.5)
        if column <= nx:
            flips[j - j0, max(0, int(column))] ^= 1


@njit(cache=True, nogil=True)
def _mark(xy: Any, i: int, cells: Any, west: float, south: float, dx: float, dy: float) -> None:
    """Cells that an edge may touch are MIXED."""
    ny, nx = cells.shape
    xa, ya, xb, yb = xy[i, 0], xy[i, 1], xy[i + 1, 0], xy[i + 1, 1]
    room = _BOW * ((xb - xa) ** 2 + (yb - ya) ** 2) + _ROOM
    c0 = max(0, math.floor((min(xa, xb) - room - west) / dx))
    c1 = min(nx - 1, math.floor((max(xa, xb) + room - west) / dx))
    slope = 0.0 if xa == xb else (yb - ya) / (xb - xa)
    low, high = min(ya, yb), max(ya, yb)
    for c in range(c0, c1 + 1):
        y0, y1 = low, high
        if xa != xb:
            # The edge over this column, and a little more to both sides.
            left, right = west + c * dx - room, west + (c + 1) * dx + room
            p, q = ya + (left - xa) * slope, ya + (right - xa) * slope
            y0, y1 = max(low, min(p, q)), min(high, max(p, q))
        r0 = max(0, math.floor((y0 - room - south) / dy))
        r1 = min(ny - 1, math.floor((y1 + room - south) / dy))
        for r in range(r0, r1 + 1):
            cells[r, c] = MIXED


@njit(cache=True, nogil=True)
def look_up(bounds: Any, cells: Any, west: float, south: float, dx: float, dy: float) -> Any:
    """int32[n]: the zone that holds each box, NONE outside of all, MIXED where it is not clear."""
    ny, nx = cells.shape
    out = np.full(len(bounds), MIXED, dtype=np.int32)
    for k in range(len(bounds)):
        x0, y0, x1, y1 = bounds[k, 0], bounds[k, 1], bounds[k, 2], bounds[k, 3]
        if not x0 <= x1:
            out[k] = NONE
            continue
        room = _BOW * ((x1 - x0) ** 2 + (y1 - y0) ** 2) + _ROOM
        c0, c1 = math.floor((x0 - room - west) / dx), math.floor((x1 + room - west) / dx)
        r0, r1 = math.floor((y0 - room - south) / dy), math.floor((y1 + room - south) / dy)
        if c1 < 0 or r1 < 0 or c0 >= nx or r0 >= ny:
            out[k] = NONE
            continue
        beyond = c0 < 0 or r0 < 0 or c1 >= nx or r1 >= ny
        a, b = max(0, int(c0)), min(nx - 1, int(c1))
        c, d = max(0, int(r0)), min(ny - 1, int(r1))
        if (b - a + 1) * (d - c + 1) > _MOST_CELLS:
            continue
        first = NONE if beyond else cells[c, a]
        same = first != MIXED
        for j in range(c, d + 1):
            for i in range(a, b + 1):
                if cells[j, i] != first:
                    same = False
                    break
            if not same:
                break
        if same:
            out[k] = first
    return out
