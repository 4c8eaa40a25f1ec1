# mypy: ignore-errors
# ruff: noqa: PLR0912, PLR0915
"""From which zoom on each vertex is needed, such that shared edges stay shared.

The lines of a whole layer are taken as one graph: equal coordinates are one
vertex, and between two nodes (where more than two edges meet) runs an arc that
all its neighbours share. Arcs are simplified from fine to coarse, each zoom from
the result of the one before it, by Visvalingam's rule: the vertex whose triangle
with its two neighbours is smallest goes first, while that triangle is smaller
than `STEPS` x `STEPS` of a tile's grid. A vertex stays where another vertex lies
in its triangle, so that lines which did not cross do not cross afterwards, and a
ring keeps at least three vertices. The rule is that of ``shapely.coverage_simplify``,
which takes some hundred times longer on a million parcels because it builds every
zoom anew; the tests hold the one against the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from geo.snapshot.flat import MERCATOR_RADIUS, FlatGeometry

#: From this zoom on all vertices are drawn.
FULL_DETAIL = 14
#: Half a pixel of a tile that is shown 512 pixels wide, in steps of its 4096 grid.
STEPS = 4
_GRID = 4096
_FAN = 8  # children of a node of the search tree


def vertex_levels(flat: FlatGeometry) -> np.ndarray | None:
    """Lowest Web Mercator zoom at which each vertex is needed, uint8[v]; None for points.

    0 for vertices that are always needed, at most `FULL_DETAIL`. Overlaps and
    other faults in the layer do no harm: what is not shared is simplified by itself.
    """
    if flat.ring is None:
        return None
    level = np.zeros(len(flat.xy), dtype=np.uint8)
    if not len(level):
        return level
    ids, place = _unique(flat.mercator)
    node = _nodes(ids, place, flat.ring)
    arcs, ends = _arcs(ids, node, flat.ring)
    step = 2 * np.pi * MERCATOR_RADIUS / _GRID
    limits = (STEPS * step * 0.5 ** np.arange(FULL_DETAIL)) ** 2
    boxes, first = _tree(place)
    return _simplify(place, arcs, ends, limits, boxes, first)[ids]


@njit(cache=True, nogil=True)
def _unique(xy: Any) -> Any:
    """A number for each distinct point [v], in order of appearance, and the points [u, 2]."""
    size = 16
    while size < 2 * xy.shape[0]:
        size *= 2
    mask = np.uint64(size - 1)
    table = np.full(size, -1, np.int32)
    ids = np.empty(xy.shape[0], np.int32)
    place = np.empty((xy.shape[0], 2))
    bits = np.empty(2)
    words = bits.view(np.uint64)
    found = 0
    for i in range(xy.shape[0]):
        bits[0], bits[1] = xy[i, 0] + 0.0, xy[i, 1] + 0.0  # no negative zero
        h = (words[0] * np.uint64(0x9E3779B97F4A7C15)) ^ words[1]
        h = (h ^ (h >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
        slot = (h ^ (h >> np.uint64(32))) & mask
        while True:
            other = table[slot]
            if other < 0:
                table[slot] = found
                place[found, 0], place[found, 1] = xy[i, 0], xy[i, 1]
                ids[i] = found
                found += 1
                break
            if place[other, 0] == xy[i, 0] and place[other, 1] == xy[i, 1]:
                ids[i] = other
                break
            slot = (slot + np.uint64(1)) & mask
    return ids, place[:found].copy()


@njit(cache=True, nogil=True)
def _nodes(ids: Any, place: Any, path: Any) -> Any:
    """bool[u]: vertices that always stay. Where lines end or branch, and three of each ring."""
    near = np.full((place.shape[0], 2), -1, np.int32)
    node = np.zeros(place.shape[0], np.bool_)
    for k in range(path.shape[0] - 1):
        start, stop = path[k], path[k + 1]
        if stop > start and ids[start] != ids[stop - 1]:
            node[ids[start]] = True
            node[ids[stop - 1]] = True
        for i in range(start + 1, stop):
            a, b = ids[i - 1], ids[i]
            if a == b:
                continue
            for _ in range(2):
                if near[a, 0] < 0:
                    near[a, 0] = b
                elif near[a, 0] != b:
                    if near[a, 1] < 0:
                        near[a, 1] = b
                    elif near[a, 1] != b:
                        node[a] = True
                a, b = b, a
    for k in range(path.shape[0] - 1):
        start, stop = path[k], path[k + 1] - 1  # a ring's last point repeats the first
        if stop > start and ids[start] == ids[stop]:
            _hold_ring(ids, place, start, stop, node)
    return node


@njit(cache=True, nogil=True)
def _hold_ring(ids: Any, place: Any, start: int, stop: int, node: Any) -> None:
    """Make nodes of the ring's vertices until it has three, those that span it widest."""
    a, b = -1, -1
    for i in range(start, stop):
        if node[ids[i]] and ids[i] != a and ids[i] != b:
            if a < 0:
                a = ids[i]
            elif b < 0:
                b = ids[i]
            else:
                return
    if a < 0:
        a = ids[start]
        for i in range(start + 1, stop):
            c = ids[i]
            if place[c, 0] < place[a, 0] or (
                place[c, 0] == place[a, 0] and place[c, 1] < place[a, 1]
            ):
                a = c
        node[a] = True
    if b < 0:
        most = -1.0
        for i in range(start, stop):
            c = ids[i]
            far = (place[c, 0] - place[a, 0]) ** 2 + (place[c, 1] - place[a, 1]) ** 2
            if far > most:
                most = far
                b = c
        node[b] = True
    most, third = -1.0, a
    for i in range(start, stop):
        wide = _area(place, a, ids[i], b)
        if wide > most:
            most = wide
            third = ids[i]
    node[third] = True


@njit(cache=True, nogil=True)
def _arcs(ids: Any, node: Any, path: Any) -> Any:
    """Vertices of the arcs that have any between their nodes, nodes included, and their ends."""
    out = np.empty(3 * node.shape[0] + 2, np.int32)
    ends = np.empty(node.shape[0] + 1, np.int64)
    seen = np.zeros(node.shape[0], np.bool_)
    ends[0] = 0
    count, at = 0, 0
    for k in range(path.shape[0] - 1):
        start, n = path[k], path[k + 1] - path[k]
        if n < 2:
            continue
        closed = ids[start] == ids[start + n - 1]
        shift = 0
        if closed:
            n -= 1
            while shift < n and not node[ids[start + shift]]:
                shift += 1
            n += 1  # back to the node at which we begin
        begin = -1
        for j in range(n):
            i = start + (j + shift) % (n - 1) if closed else start + j
            v = ids[i]
            if not node[v]:
                if begin < 0 or seen[v]:
                    begin = -1  # a neighbour has brought this arc
                    continue
                if out[at - 1] != v:
                    out[at] = v
                    at += 1
                continue
            if begin >= 0 and at - begin > 1:
                out[at] = v
                at += 1
                for w in range(begin + 1, at - 1):
                    seen[out[w]] = True
                count += 1
                ends[count] = at
            else:
                at = ends[count]
            begin = at
            out[at] = v
            at += 1
        at = ends[count]
    return out[:at].copy(), ends[: count + 1].copy()


@njit(cache=True, nogil=True)
def _area(place: Any, a: int, v: int, b: int) -> float:
    return 0.5 * abs(
        (place[v, 0] - place[a, 0]) * (place[b, 1] - place[a, 1])
        - (place[v, 1] - place[a, 1]) * (place[b, 0] - place[a, 0])
    )


# -- which vertices lie in a triangle: a packed tree over the vertices as they come, which is
# along the Hilbert curve in a base -----------------------------------------------------------


@njit(cache=True, nogil=True)
def _tree(place: Any) -> Any:
    """Boxes [t, 4] of all levels, leaves first, and where each level begins."""
    first = [0]
    count, total = place.shape[0], 0
    while True:
        count = (count + _FAN - 1) // _FAN
        total += count
        first.append(total)
        if count <= 1:
            break
    boxes = np.empty((total, 4))
    below = place.shape[0]
    for depth in range(len(first) - 1):
        for t in range(first[depth + 1] - first[depth]):
            minx, miny, maxx, maxy = np.inf, np.inf, -np.inf, -np.inf
            for c in range(t * _FAN, min((t + 1) * _FAN, below)):
                if depth == 0:
                    x, y = place[c, 0], place[c, 1]
                    minx, miny, maxx, maxy = min(minx, x), min(miny, y), max(maxx, x), max(maxy, y)
                else:
                    box = boxes[first[depth - 1] + c]
                    minx, miny = min(minx, box[0]), min(miny, box[1])
                    maxx, maxy = max(maxx, box[2]), max(maxy, box[3])
            box = boxes[first[depth] + t]
            box[0], box[1], box[2], box[3] = minx, miny, maxx, maxy
        below = first[depth + 1] - first[depth]
    return boxes, np.array(first)


@njit(cache=True, nogil=True)
def _blocked(
    place: Any, alive: Any, a: int, v: int, b: int, boxes: Any, first: Any, stack: Any
) -> bool:
    """Whether another living vertex lies in the triangle a-v-b or on its sides."""
    ax, ay, bx, by = place[a, 0], place[a, 1], place[b, 0], place[b, 1]
    vx, vy = place[v, 0], place[v, 1]
    if (vx - ax) * (by - ay) - (vy - ay) * (bx - ax) > 0:  # counter-clockwise a-b-v from here on
        ax, ay, bx, by = bx, by, ax, ay
    minx, maxx = min(ax, vx, bx), max(ax, vx, bx)
    miny, maxy = min(ay, vy, by), max(ay, vy, by)
    ux, uy, wx, wy = bx - ax, by - ay, vx - bx, vy - by
    tx, ty = ax - vx, ay - vy
    top = first.shape[0] - 2
    stack[0, 0], stack[0, 1] = 0, top
    size = 1
    while size:
        size -= 1
        t, depth = stack[size, 0], stack[size, 1]
        if depth == 0:
            for c in range(t * _FAN, min((t + 1) * _FAN, place.shape[0])):
                x, y = place[c, 0], place[c, 1]
                if (
                    minx <= x <= maxx and miny <= y <= maxy
                    and ux * (y - ay) - uy * (x - ax) >= 0
                    and wx * (y - by) - wy * (x - bx) >= 0
                    and tx * (y - vy) - ty * (x - vx) >= 0
                    and alive[c] and c not in (a, v, b)
                ):  # fmt: skip
                    return True
            continue
        base = first[depth - 1]
        for c in range(t * _FAN, min((t + 1) * _FAN, first[depth] - base)):
            k = base + c
            west, south, east, north = boxes[k, 0], boxes[k, 1], boxes[k, 2], boxes[k, 3]
            if west > maxx or east < minx or south > maxy or north < miny:
                continue
            # A box is off when its corner that lies furthest inwards is outside one side.
            if (
                ux * ((north if ux > 0 else south) - ay) - uy * ((west if uy > 0 else east) - ax)
                < 0
                or wx * ((north if wx > 0 else south) - by) - wy * ((west if wy > 0 else east) - bx)
                < 0
                or tx * ((north if tx > 0 else south) - vy) - ty * ((west if ty > 0 else east) - vx)
                < 0
            ):
                continue
            stack[size, 0], stack[size, 1] = c, depth - 1
            size += 1
    return False


# -- the simplification ------------------------------------------------------------------------


@njit(cache=True, nogil=True)
def _simplify(place: Any, arcs: Any, ends: Any, limits: Any, boxes: Any, first: Any) -> Any:
    """uint8[u]: from which zoom on each vertex is needed. ``limits[z]``: triangles in m²."""
    level = np.zeros(place.shape[0], np.uint8)
    alive = np.ones(place.shape[0], np.bool_)
    count = ends.shape[0] - 1
    stops = ends[1:].copy()  # arcs shrink in place
    starts = ends[:-1].copy()
    longest = 0
    for k in range(count):
        longest = max(longest, stops[k] - starts[k])
    before, after = np.empty(longest, np.int32), np.empty(longest, np.int32)
    area = np.empty(longest)
    heap, keys = np.empty(3 * longest + 1, np.int32), np.empty(3 * longest + 1)
    stack = np.empty((_FAN * first.shape[0], 2), np.int64)
    for z in range(limits.shape[0] - 1, -1, -1):
        left = 0
        for k in range(count):
            arc = arcs[starts[k] : stops[k]]
            n = arc.shape[0]
            size = 0
            for i in range(1, n - 1):
                before[i], after[i] = i - 1, i + 1
                area[i] = _area(place, arc[i - 1], arc[i], arc[i + 1])
                if area[i] < limits[z]:
                    size = _push(heap, keys, size, area[i], i)
            if size:
                while size:
                    key, i = keys[0], heap[0]
                    size = _pop(heap, keys, size)
                    v = arc[i]
                    if not alive[v] or area[i] != key:
                        continue
                    p, q = before[i], after[i]
                    if key > 0 and _blocked(place, alive, arc[p], v, arc[q], boxes, first, stack):
                        continue
                    alive[v] = False
                    level[v] = z + 1
                    if p > 0:
                        after[p] = q
                        area[p] = _area(place, arc[before[p]], arc[p], arc[q])
                        if area[p] < limits[z]:
                            size = _push(heap, keys, size, area[p], p)
                    if q < n - 1:
                        before[q] = p
                        area[q] = _area(place, arc[p], arc[q], arc[after[q]])
                        if area[q] < limits[z]:
                            size = _push(heap, keys, size, area[q], q)
                end = starts[k] + 1
                for i in range(1, n):
                    if i == n - 1 or alive[arc[i]]:
                        arcs[end] = arc[i]
                        end += 1
                stops[k] = end
            if stops[k] - starts[k] > 2:
                starts[left], stops[left] = starts[k], stops[k]
                left += 1
        count = left
    return level


@njit(cache=True, nogil=True)
def _push(heap: Any, keys: Any, size: int, key: float, item: int) -> int:
    i = size
    while i:
        up = (i - 1) // 2
        if keys[up] <= key:
            break
        keys[i], heap[i] = keys[up], heap[up]
        i = up
    keys[i], heap[i] = key, item
    return size + 1


@njit(cache=True, nogil=True)
def _pop(heap: Any, keys: Any, size: int) -> int:
    """Take the first away; the new size."""
    size -= 1
    key, item = keys[size], heap[size]
    i = 0
    while True:
        down = 2 * i + 1
        if down >= size:
            break
        if down + 1 < size and keys[down + 1] < keys[down]:
            down += 1
        if keys[down] >= key:
            break
        keys[i], heap[i] = keys[down], heap[down]
        i = down
    keys[i], heap[i] = key, item
    return size
