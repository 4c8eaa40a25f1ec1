# ruff: noqa: PLR0912, PLR0915 - kernels: one flat loop over arrays is the point
"""Exact pixel coverage in one compiled loop.

Each zone is drawn into a signed-area accumulation buffer, as font rasterisers
do (R. Levien, font-rs; D. Turner, FreeType): an edge adds to the cells that it
crosses the change of covered area, and a running sum along the row gives the
exact fraction of every cell that lies inside. Nothing is sampled: the fractions
of zones that share edges add up to 1.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _edge(buffer, stride, first, last, x0, y0, x1, y1, sign, height):  # type: ignore[no-untyped-def]
    """Add an edge with y0 < y1 and both x within the window to the buffer."""
    slope = (x1 - x0) / (y1 - y0)
    low, high = min(x0, x1), max(x0, x1)
    x = x0
    top = int(y0)
    bottom = min(height, math.ceil(y1))
    for row in range(top, bottom):
        end = min(float(row + 1), y1)
        following = x0 + slope * (end - y0)
        following = min(max(following, low), high)
        delta = sign * (end - max(float(row), y0))
        left, right = (x, following) if x < following else (following, x)
        i = int(left)
        n = math.ceil(right)
        base = row * stride
        first[row] = min(first[row], i)
        last[row] = max(last[row], n)
        if n <= i + 1:
            middle = 0.5 * (left + right) - i
            buffer[base + i] += delta - delta * middle
            buffer[base + i + 1] += delta * middle
        else:
            s = 1.0 / (right - left)
            into = left - i
            a0 = 0.5 * s * (1.0 - into) * (1.0 - into)
            over = right - n + 1.0
            am = 0.5 * s * over * over
            buffer[base + i] += delta * a0
            if n == i + 2:
                buffer[base + i + 1] += delta * (1.0 - a0 - am)
            else:
                a1 = s * (1.5 - into)
                buffer[base + i + 1] += delta * (a1 - a0)
                for c in range(i + 2, n - 1):
                    buffer[base + c] += delta * s
                a2 = a1 + (n - i - 3) * s
                buffer[base + n - 1] += delta * (1.0 - a2 - am)
            buffer[base + n] += delta * am
        x = following


@njit(cache=True, nogil=True)
def _clipped_edge(buffer, stride, first, last, ax, ay, bx, by, width, height):  # type: ignore[no-untyped-def]
    """Clip an edge to the window: what lies left of it still covers whole rows from column 0."""
    if ay == by:
        return
    if ay < by:
        sign, x0, y0, x1, y1 = 1.0, ax, ay, bx, by
    else:
        sign, x0, y0, x1, y1 = -1.0, bx, by, ax, ay
    if y1 <= 0.0 or y0 >= height:
        return
    slope = (x1 - x0) / (y1 - y0)
    if y0 < 0.0:
        x0 -= slope * y0
        y0 = 0.0
    if y1 > height:
        x1 = x0 + slope * (height - y0)
        y1 = float(height)
    if x0 >= width and x1 >= width:
        return
    if x0 >= 0.0 and x1 >= 0.0 and x0 <= width and x1 <= width:
        _edge(buffer, stride, first, last, x0, y0, x1, y1, sign, height)
        return
    # Cut where the edge meets the left and the right side of the window.
    at_left = y0 + (0.0 - x0) / slope if slope != 0.0 else y0
    at_right = y0 + (width - x0) / slope if slope != 0.0 else y0
    lower, upper = min(at_left, at_right), max(at_left, at_right)
    lower, upper = min(max(lower, y0), y1), min(max(upper, y0), y1)
    cuts = (y0, lower, upper, y1)
    for k in range(3):
        start, end = cuts[k], cuts[k + 1]
        if end <= start:
            continue
        middle = x0 + slope * (0.5 * (start + end) - y0)
        if middle >= width:
            continue
        if middle <= 0.0:
            _edge(buffer, stride, first, last, 0.0, start, 0.0, end, sign, height)
        else:
            p = min(max(x0 + slope * (start - y0), 0.0), float(width))
            q = min(max(x0 + slope * (end - y0), 0.0), float(width))
            _edge(buffer, stride, first, last, p, start, q, end, sign, height)


@njit(cache=True, nogil=True)
def add_block(  # type: ignore[no-untyped-def]
    x, y, ring, zone_ring, bounds, zones, column, row, codes, nodes, step, out
):
    """Add the exact areas of classes inside one block to ``out``.

    x, y: float64[v], vertices in pixel coordinates (column, row) of the grid.
    ring: int64[r + 1] offsets into x, y; zone_ring: int64[n + 1] offsets into
    ring; exteriors and holes turn opposite ways. bounds: float64[n, 4] minx,
    miny, maxx, maxy in pixels. zones: int64[m], the zones of this block.
    column, row: the block's first pixel; codes: uint8[h, w], class of a pixel.
    nodes, step: `geo.soil.grid.PixelArea`. out: float64[n, classes], m².
    """
    block_height, block_width = codes.shape
    buffer = np.zeros(block_height * (block_width + 2), dtype=np.float64)
    first = np.empty(block_height, dtype=np.int64)
    last = np.empty(block_height, dtype=np.int64)
    areas = np.zeros(out.shape[1], dtype=np.float64)
    line = np.empty(nodes.shape[1], dtype=np.float64)
    for zone in zones:
        c0 = max(column, math.floor(bounds[zone, 0]))
        r0 = max(row, math.floor(bounds[zone, 1]))
        c1 = min(column + block_width, math.ceil(bounds[zone, 2]))
        r1 = min(row + block_height, math.ceil(bounds[zone, 3]))
        width, height = c1 - c0, r1 - r0
        if width <= 0 or height <= 0:
            continue
        stride = width + 2
        first[:height] = width
        last[:height] = -1
        for part in range(zone_ring[zone], zone_ring[zone + 1]):
            for v in range(ring[part], ring[part + 1] - 1):
                _clipped_edge(
                    buffer, stride, first, last,
                    x[v] - c0, y[v] - r0, x[v + 1] - c0, y[v + 1] - r0, width, height,
                )  # fmt: skip
        areas[:] = 0.0
        for r in range(height):
            if last[r] < 0:
                continue
            # Pixel area along this row: linear between the nodes.
            i = min(int((r0 + r + 0.5) / step), nodes.shape[0] - 2)
            share = (r0 + r + 0.5) / step - i
            for j in range(int(c0 / step), min(int(c1 / step) + 2, nodes.shape[1])):
                line[j] = nodes[i, j] * (1.0 - share) + nodes[i + 1, j] * share
            base = r * stride
            # Past the last touched cell the sum only goes on if the zone
            # leaves the window on its right side.
            total = 0.0
            end = min(last[r] + 1, width)
            c = first[r]
            while c < width:
                u = (c0 + c + 0.5) / step
                j = min(int(u), nodes.shape[1] - 2)
                # Columns up to which this pair of nodes holds.
                limit = min(width, math.ceil((j + 1) * step - 0.5 - c0))
                if j == nodes.shape[1] - 2:
                    limit = width
                limit = max(limit, c + 1)
                slope = (line[j + 1] - line[j]) / step
                value = line[j] + (u - j) * step * slope
                stop = min(limit, end)
                while c < stop:
                    total += buffer[base + c]
                    buffer[base + c] = 0.0
                    areas[codes[r0 - row + r, c0 - column + c]] += abs(total) * value
                    value += slope
                    c += 1
                if c >= end:
                    if abs(total) < 1e-9:
                        break
                    while c < limit:
                        areas[codes[r0 - row + r, c0 - column + c]] += abs(total) * value
                        value += slope
                        c += 1
            for k in range(end, last[r] + 2):
                if k < stride:
                    buffer[base + k] = 0.0
            first[r] = width
        for k in range(out.shape[1]):
            out[zone, k] += areas[k]
