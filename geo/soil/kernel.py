# ruff: noqa: PLR0912, PLR0915 - kernels: one flat loop over arrays is the point
"""Exact pixel coverage in one compiled loop, in whole numbers.

Each zone is drawn into a signed-area accumulation buffer, as font rasterisers
do (R. Levien, font-rs; D. Turner, FreeType): an edge adds to the cells that it
crosses the change of covered area, and a running sum along the row gives the
fraction of every cell that lies inside. Nothing is sampled.

The buffer counts in units of 2^-32 pixel and areas in units of 2^-e m²
(`geo.soil.grid.Grid.exponent`), both int64. What an edge adds to a cell is
computed from the edge and the cell alone, in coordinates of the whole grid, and
rounded once; sums of whole numbers do not depend on their order. So the answer
is the same to the last bit whatever the blocks, their order and the number of
workers, and an edge that two zones share gives to one exactly what it takes from
the other. Rounding is worth some 1e-10 of a pixel on cells that an edge crosses;
cells wholly inside are whole exactly.
"""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

#: One pixel in the units of the buffer.
FULL = 1 << 32


@intrinsic
def _lowest(_context, _word):  # type: ignore[no-untyped-def]
    """The number of the lowest bit that is set in an int64 other than 0."""

    def generate(_target, builder, _signature, arguments):  # type: ignore[no-untyped-def]
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), generate


@njit(cache=True, nogil=True)
def _put(buffer, touched, stride, words, row, cell, what):  # type: ignore[no-untyped-def]
    """Add to a cell of the window and note that something begins there."""
    buffer[row * stride + cell] += what
    touched[row * words + (cell >> 6)] |= 1 << (cell & 63)


@njit(cache=True, nogil=True)
def _edge(buffer, touched, stride, words, ax, ay, bx, by, c0, r0, width, height):  # type: ignore[no-untyped-def]
    """Add an edge, in pixels of the grid, to the window of ``width`` x ``height`` at (c0, r0)."""
    if ay < by:
        sign, x0, y0, x1, y1 = 1, ax, ay, bx, by
    else:
        sign, x0, y0, x1, y1 = -1, bx, by, ax, ay
    low, high = min(x0, x1), max(x0, x1)
    if y0 == y1 or y1 <= r0 or y0 >= r0 + height or low >= c0 + width:
        return
    slope = (x1 - x0) / (y1 - y0)
    top = max(math.floor(y0), r0)
    bottom = min(math.ceil(y1), r0 + height)
    # Where the edge enters a row: from its own end and the row's number, never from the row before.
    x, y = x0, y0
    if y0 < top:
        x, y = min(max(x0 + slope * (top - y0), low), high), float(top)
    for row in range(top, bottom):
        following, end = x1, y1
        if row + 1.0 < y1:
            end = row + 1.0
            following = min(max(x0 + slope * (end - y0), low), high)
        # y counts in 2^-32, so this is exact.
        delta = int((end - y) * FULL)
        left, right = min(x, following), max(x, following)
        x, y = following, end
        k = row - r0
        i = int(left)
        if left < i:
            i -= 1
        if right <= i + 1:
            if i >= c0 + width:
                continue
            if i < c0:
                _put(buffer, touched, stride, words, k, 0, sign * delta)
                continue
            part = int(delta * (1.0 - (0.5 * (left + right) - i)) + 0.5)
            _put(buffer, touched, stride, words, k, i - c0, sign * part)
            _put(buffer, touched, stride, words, k, i + 1 - c0, sign * (delta - part))
            continue
        n = math.ceil(right)
        s = 1.0 / (right - left)
        before = 0
        for c in range(max(i, c0), min(n, c0 + width)):
            if c == i:
                share = 0.5 * s * (c + 1 - left) * (c + 1 - left)
            elif c == n - 1:
                share = 1.0 - 0.5 * s * (right - c) * (right - c)
            else:
                share = s * (c + 0.5 - left)
            part = int(delta * share + 0.5)
            _put(buffer, touched, stride, words, k, c - c0, sign * (part - before))
            before = part
        # The last cell of a row is beyond the window: what is put there never counts.
        rest = min(max(n, c0), c0 + width) - c0
        _put(buffer, touched, stride, words, k, rest, sign * (delta - before))


@njit(cache=True, nogil=True)
def _pixel_areas(nodes, step, segment, unit, column, row, width, height, value, slope):  # type: ignore[no-untyped-def]
    """Areas of pixels in units, by segments of columns that start at multiples of ``segment``.

    value[r, j]: of the first pixel of the j-th segment in the r-th row of the
    window; slope[r, j]: what each further column adds.
    """
    count = (column + width - 1) // segment - column // segment + 1
    for r in range(height):
        y = (row + r + 0.5) / step
        i = min(int(y), nodes.shape[0] - 2)
        v = y - i
        before = 0.0
        for j in range(count + 1):
            x = ((column // segment + j) * segment + 0.5) / step
            m = min(int(x), nodes.shape[1] - 2)
            u = x - m
            a = nodes[i, m] * (1.0 - u) + nodes[i, m + 1] * u
            b = nodes[i + 1, m] * (1.0 - u) + nodes[i + 1, m + 1] * u
            area = (a * (1.0 - v) + b * v) * unit
            if j > 0:
                value[r, j - 1] = int(before + 0.5)
                slope[r, j - 1] = math.floor((area - before) / segment + 0.5)
            before = area


@njit(cache=True, nogil=True)
def add_block(  # type: ignore[no-untyped-def]
    x, y, ring, zone_ring, bounds, zones, column, row, codes, nodes, step, segment, unit, out
):
    """Add the exact areas of classes inside one block to ``out``.

    x, y: float64[v], vertices in pixel coordinates (column, row) of the grid, y a
    multiple of 2^-32. ring: int64[r + 1] offsets into x, y; zone_ring: int64[n + 1]
    offsets into ring; exteriors and holes turn opposite ways. bounds: float64[n, 4]
    minx, miny, maxx, maxy in pixels. zones: int64[m], the zones of this block.
    column, row: the block's first pixel; codes: uint8 or uint16[h, w], class of a
    pixel. nodes, step, segment: `geo.soil.grid.PixelArea`; unit: units in a m². out:
    int64[m, classes], units.
    """
    block_height, block_width = codes.shape
    buffer = np.zeros(block_height * (block_width + 1), dtype=np.int64)
    touched = np.zeros(block_height * ((block_width >> 6) + 1), dtype=np.int64)
    segments = block_width // segment + 2
    value = np.empty((block_height, segments), dtype=np.int64)
    slope = np.empty((block_height, segments), dtype=np.int64)
    _pixel_areas(nodes, step, segment, unit, column, row, block_width, block_height, value, slope)
    segment0 = column // segment
    # Four sums a class: neighbours are mostly of one class, and none waits for the one before it.
    classes = out.shape[1]
    sums = np.zeros((4, classes), dtype=np.int64)
    s0, s1, s2, s3 = sums[0], sums[1], sums[2], sums[3]
    for m in range(len(zones)):
        zone = zones[m]
        c0 = max(column, math.floor(bounds[zone, 0]))
        r0 = max(row, math.floor(bounds[zone, 1]))
        c1 = min(column + block_width, math.ceil(bounds[zone, 2]))
        r1 = min(row + block_height, math.ceil(bounds[zone, 3]))
        width, height = c1 - c0, r1 - r0
        if width <= 0 or height <= 0:
            continue
        stride, words = width + 1, (width >> 6) + 1
        for part in range(zone_ring[zone], zone_ring[zone + 1]):
            for v in range(ring[part], ring[part + 1] - 1):
                _edge(
                    buffer, touched, stride, words,
                    x[v], y[v], x[v + 1], y[v + 1], c0, r0, width, height,
                )  # fmt: skip
        sums[:] = 0
        for r in range(height):
            k = r0 - row + r
            line = codes[k, c0 - column : c1 - column]
            cells = buffer[r * stride : r * stride + stride]
            total = np.int64(0)
            c = 0
            for w in range(words):
                bits = touched[r * words + w]
                touched[r * words + w] = 0
                while True:
                    # From here on to the next cell that was touched all cells are alike.
                    following = width
                    if bits != 0:
                        following = w * 64 + _lowest(bits)  # type: ignore[call-arg]
                        bits &= bits - 1
                    elif w < words - 1:
                        break
                    inside = abs(total)
                    while inside != 0 and c < following:
                        # Along a segment of columns the area of a pixel is linear.
                        j = (c0 + c) // segment
                        stop = min(following, (j + 1) * segment - c0)
                        further = slope[k, j - segment0]
                        area = value[k, j - segment0] + further * (c0 + c - j * segment)
                        same = line[c:stop]
                        size = len(same)
                        if inside == FULL:
                            for p in range(size // 4):
                                s0[same[4 * p]] += area
                                s1[same[4 * p + 1]] += area + further
                                s2[same[4 * p + 2]] += area + 2 * further
                                s3[same[4 * p + 3]] += area + 3 * further
                                area += 4 * further
                            for p in range(size // 4 * 4, size):
                                s0[same[p]] += area
                                area += further
                        else:
                            share = inside * (1.0 / FULL)
                            for p in range(size):
                                s0[same[p]] += int(area * share + 0.5)
                                area += further
                        c = stop
                    c = following
                    if following == width:
                        cells[width] = 0
                        break
                    total += cells[c]
                    cells[c] = 0
        for k in range(classes):
            out[m, k] += s0[k] + s1[k] + s2[k] + s3[k]
