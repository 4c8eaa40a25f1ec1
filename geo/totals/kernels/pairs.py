# mypy: ignore-errors
"""How polygons lie to each other, by the area that they share, without building anything.

Under every edge lies a trapezoid; a polygon is the signed sum of its trapezoids, so the
land that two polygons share is the sum over pairs of edges of the integral of the lower
edge. That holds for holes, parts, shared edges and touching corners alike, cannot fail, and
its work is bounded by the number of edges times those in its range.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

APART, INSIDE, CUT, UNKNOWN = 0, 1, 2, 3
#: Pairs of edges that are looked at for two polygons, and in all (some 20 s); what has more is
#: UNKNOWN.
_MOST = 200_000
_MOST_IN_ALL = 5_000_000_000


@njit(cache=True, nogil=True)
def sliver(area: float) -> float:
    """m² that are no part of something of this size: see `geo.totals.overlap.sliver`."""
    return max(1e-9 * area, min(0.01, 1e-6 * area))


@njit(cache=True, nogil=True)
def _signs(xy: Any, ring: Any, outer: Any, r0: int, r1: int) -> Any:
    """For each ring +1 or -1, so that its trapezoids add land (holes: take it off)."""
    out = np.empty(r1 - r0)
    for r in range(r0, r1):
        x, y = xy[ring[r], 0], xy[ring[r], 1]
        twice = 0.0
        for i in range(ring[r], ring[r + 1] - 1):
            twice += (xy[i, 0] - x) * (xy[i + 1, 1] - y) - (xy[i + 1, 0] - x) * (xy[i, 1] - y)
        out[r - r0] = 1.0 if (twice > 0) == outer[r] else -1.0
    return out


@njit(cache=True, nogil=True)
def _edges(
    xy: Any, ring: Any, outer: Any, r0: int, r1: int, x: float, y: float, west: float, east: float
) -> Any:
    """Edges that reach into a range of x: [k, 5] x0 < x1, y0, y1 (from (x, y)), sign."""
    signs = _signs(xy, ring, outer, r0, r1)
    out = np.empty((ring[r1] - ring[r0], 5))
    n = 0
    for r in range(r0, r1):
        for i in range(ring[r], ring[r + 1] - 1):
            x0, x1 = xy[i, 0] - x, xy[i + 1, 0] - x
            if x0 == x1 or max(x0, x1) < west or min(x0, x1) > east:
                continue
            y0, y1 = xy[i, 1] - y, xy[i + 1, 1] - y
            if x0 < x1:
                out[n, 0], out[n, 1], out[n, 2], out[n, 3] = x0, x1, y0, y1
                out[n, 4] = -signs[r - r0]
            else:
                out[n, 0], out[n, 1], out[n, 2], out[n, 3] = x1, x0, y1, y0
                out[n, 4] = signs[r - r0]
            n += 1
    return out[:n]


@njit(cache=True, nogil=True)
def _shared(a: Any, b: Any) -> float:
    """Area that two polygons share, from their edges."""
    total = 0.0
    for i in range(len(a)):
        for j in range(len(b)):
            low, high = max(a[i, 0], b[j, 0]), min(a[i, 1], b[j, 1])
            if low >= high:
                continue
            slope_a = (a[i, 3] - a[i, 2]) / (a[i, 1] - a[i, 0])
            slope_b = (b[j, 3] - b[j, 2]) / (b[j, 1] - b[j, 0])
            a0, a1 = a[i, 2] + slope_a * (low - a[i, 0]), a[i, 2] + slope_a * (high - a[i, 0])
            b0, b1 = b[j, 2] + slope_b * (low - b[j, 0]), b[j, 2] + slope_b * (high - b[j, 0])
            d0, d1 = a0 - b0, a1 - b1
            if d0 <= 0 and d1 <= 0:
                part = (a0 + a1) / 2
            elif d0 >= 0 and d1 >= 0:
                part = (b0 + b1) / 2
            else:
                t = d0 / (d0 - d1)
                middle = a0 + t * (a1 - a0)
                first, last = min(a0, b0), min(a1, b1)
                part = t * (first + middle) / 2 + (1 - t) * (middle + last) / 2
            total += a[i, 4] * b[j, 4] * part * (high - low)
    return total


@njit(cache=True, nogil=True)
def _area(a: Any) -> float:
    total = 0.0
    for i in range(len(a)):
        total += a[i, 4] * (a[i, 2] + a[i, 3]) / 2 * (a[i, 1] - a[i, 0])
    return total


@njit(cache=True, nogil=True)
def _bounds(xy: Any, v0: int, v1: int) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = np.inf, np.inf, -np.inf, -np.inf
    for i in range(v0, v1):
        x0, x1 = min(x0, xy[i, 0]), max(x1, xy[i, 0])
        y0, y1 = min(y0, xy[i, 1]), max(y1, xy[i, 1])
    return x0, y0, x1, y1


@njit(cache=True, nogil=True)
def relate(
    a: Any, a_ring: Any, a_outer: Any, a_row: Any, left: Any,
    b: Any, b_ring: Any, b_outer: Any, b_row: Any, right: Any,
) -> Any:  # fmt: skip
    """For pairs of rows: APART, INSIDE (left in right), CUT or UNKNOWN (too many edges)."""
    out = np.empty(len(left), dtype=np.int8)
    work = 0
    for k in range(len(left)):
        i, j = left[k], right[k]
        a0, a1 = a_ring[a_row[i]], a_ring[a_row[i + 1]]
        b0, b1 = b_ring[b_row[j]], b_ring[b_row[j + 1]]
        west, south, east, north = _bounds(a, a0, a1)
        x0, y0, x1, y1 = _bounds(b, b0, b1)
        low, high = max(west, x0), min(east, x1)
        common = (high - low) * (min(north, y1) - max(south, y0))
        if low >= high or min(north, y1) <= max(south, y0):
            out[k] = APART
            continue
        x, y = low, max(south, y0)
        first = _edges(a, a_ring, a_outer, a_row[i], a_row[i + 1], x, y, -np.inf, np.inf)
        second = _edges(b, b_ring, b_outer, b_row[j], b_row[j + 1], x, y, low - x, high - x)
        area = _area(first)
        if common <= sliver(area):
            out[k] = APART
        elif len(first) * len(second) > _MOST or work > _MOST_IN_ALL:
            out[k] = UNKNOWN
        else:
            work += len(first) * len(second)
            shared = _shared(first, second)
            if shared <= sliver(area):
                out[k] = APART
            else:
                out[k] = INSIDE if area - shared <= sliver(area) else CUT
    return out


@njit(cache=True, nogil=True)
def _within(xy: Any, ring: Any, r0: int, r1: int, box: Any, out: Any) -> int:
    """Numbers of the edges whose bounds meet a box."""
    n = 0
    for r in range(r0, r1):
        for i in range(ring[r], ring[r + 1] - 1):
            x0, x1 = xy[i, 0], xy[i + 1, 0]
            y0, y1 = xy[i, 1], xy[i + 1, 1]
            across = min(x0, x1) <= box[2] and max(x0, x1) >= box[0]
            if across and min(y0, y1) <= box[3] and max(y0, y1) >= box[1]:
                out[n] = i
                n += 1
    return n


@njit(cache=True, nogil=True)
def crossings(
    a: Any, a_ring: Any, a_row: Any, b: Any, b_ring: Any, b_row: Any, pair_limit: int, limit: int
) -> int:
    """Edges of row i of ``a`` whose bounds meet those of edges of row i of ``b``, all rows.

    No overlay finds more crossings than that. Stops at ``limit``, and answers it when a
    single row would take more than ``pair_limit`` comparisons.
    """
    total = 0
    for i in range(len(a_row) - 1):
        a0, a1 = a_ring[a_row[i]], a_ring[a_row[i + 1]]
        b0, b1 = b_ring[b_row[i]], b_ring[b_row[i + 1]]
        if a1 == a0 or b1 == b0:
            continue
        inside_a, inside_b = np.empty(a1 - a0, np.int64), np.empty(b1 - b0, np.int64)
        n = _within(a, a_ring, a_row[i], a_row[i + 1], _bounds(b, b0, b1), inside_a)
        m = _within(b, b_ring, b_row[i], b_row[i + 1], _bounds(a, a0, a1), inside_b)
        if n * m > pair_limit:
            return limit
        for p in inside_a[:n]:
            x0, x1 = min(a[p, 0], a[p + 1, 0]), max(a[p, 0], a[p + 1, 0])
            y0, y1 = min(a[p, 1], a[p + 1, 1]), max(a[p, 1], a[p + 1, 1])
            for q in inside_b[:m]:
                if max(b[q, 0], b[q + 1, 0]) < x0 or min(b[q, 0], b[q + 1, 0]) > x1:
                    continue
                if max(b[q, 1], b[q + 1, 1]) < y0 or min(b[q, 1], b[q + 1, 1]) > y1:
                    continue
                total += 1
        if total >= limit:
            return limit
    return total
