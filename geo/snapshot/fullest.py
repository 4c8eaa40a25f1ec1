# mypy: ignore-errors
# ruff: noqa: PLR0912, PLR0915
"""Count what the tiles of each zoom hold, in one compiled loop over a hash table."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from geo.snapshot.flat import MERCATOR_RADIUS
from geo.snapshot.levels import FULL_DETAIL

DEEPEST = 22
_WORLD = 2 * np.pi * MERCATOR_RADIUS
#: So few that whatever properties a feature has, its tile is small: deeper zooms need no look.
_FEW = (256, 4096)


@njit(cache=True, nogil=True)
def _find(keys: Any, key: int) -> int:
    mask = np.uint64(keys.shape[0] - 1)
    h = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    slot = (h ^ (h >> np.uint64(32))) & mask
    while keys[slot] >= 0 and keys[slot] != key:
        slot = (slot + np.uint64(1)) & mask
    return np.int64(slot)


@njit(cache=True, nogil=True)
def fullest(rows: Any, corners: Any, start: Any, xy: Any, level: Any, first: int) -> Any:
    """int64[zooms, 3]: features, vertices and bytes of the fullest tile from zoom ``first`` on.

    ``rows`` [n] are looked at, ``corners`` [n, 4] are their bounds in metres, ``start``
    [all rows + 1] are offsets into ``xy`` (metres) and ``level``, which may be empty.
    """
    half = _WORLD / 2
    out = np.zeros((DEEPEST + 1 - first, 3), np.int64)
    room = 1024
    while room < 4 * rows.shape[0]:
        room *= 2
    keys = np.empty(room, np.int64)
    sums = np.empty((room, 3), np.int64)
    done = 0
    for z in range(first, DEEPEST + 1):
        side = 1 << z
        scale = side / _WORLD
        _clear(keys, sums)
        used, wide = 0, 0
        # Two passes: 0 counts features in every tile that they meet, 1 vertices where they lie.
        for i in range(rows.shape[0]):
            west = max(0, int(np.floor((corners[i, 0] + half) * scale - 1 / 64)))
            east = min(side - 1, int(np.floor((corners[i, 2] + half) * scale + 1 / 64)))
            north = max(0, int(np.floor((half - corners[i, 3]) * scale - 1 / 64)))
            south = min(side - 1, int(np.floor((half - corners[i, 1]) * scale + 1 / 64)))
            if (east - west + 1) * (south - north + 1) > 16:
                wide += 1
            else:
                for x in range(west, east + 1):
                    for y in range(north, south + 1):
                        key = np.int64(x) << 24 | y
                        slot = _find(keys, key)
                        if keys[slot] < 0:
                            keys[slot] = key
                            used += 1
                        sums[slot, 0] += 1
            r = rows[i]
            last, slot = np.int64(-1), 0
            px, py = np.int64(-1), np.int64(-1)
            grid = scale * 4096
            for v in range(start[r], start[r + 1]):
                if level.shape[0] and level[v] > z:
                    continue
                gx = np.int64(np.floor((xy[v, 0] + half) * grid))
                gy = np.int64(np.floor((half - xy[v, 1]) * grid))
                if gx == px and gy == py:
                    continue
                key = min(max(gx >> 12, 0), side - 1) << 24 | min(max(gy >> 12, 0), side - 1)
                if key != last:
                    last = key
                    slot = _find(keys, key)
                    if keys[slot] < 0:
                        keys[slot] = key
                        used += 1
                sums[slot, 1] += 1
                sums[slot, 2] += (
                    2 + (abs(gx - px) >= 64) + (abs(gy - py) >= 64)
                    + (abs(gx - px) >= 8192) + (abs(gy - py) >= 8192)
                )  # fmt: skip
                px, py = gx, gy
            if 2 * used > keys.shape[0]:
                keys, sums = _grown(keys, sums)
        for k in range(keys.shape[0]):
            for c in range(3):
                out[z - first, c] = max(out[z - first, c], sums[k, c])
        out[z - first, 0] += wide
        if done:
            # A tile never meets more than the one that it is a quarter of.
            out[z - first, 0] = min(out[z - first, 0], out[z - first - 1, 0])
        done += 1
        if z >= FULL_DETAIL and out[z - first, 0] <= _FEW[0] and out[z - first, 1] <= _FEW[1]:
            break
    return out[:done]


@njit(cache=True, nogil=True)
def _grown(keys: Any, sums: Any) -> Any:
    more = np.empty(2 * keys.shape[0], np.int64)
    moved = np.empty((more.shape[0], 3), np.int64)
    _clear(more, moved)
    for k in range(keys.shape[0]):
        if keys[k] >= 0:
            slot = _find(more, keys[k])
            more[slot] = keys[k]
            for c in range(3):
                moved[slot, c] = sums[k, c]
    return more, moved


@njit(cache=True, nogil=True)
def _clear(keys: Any, sums: Any) -> None:
    # Loops: assigning whole arrays takes seconds to compile.
    for k in range(keys.shape[0]):
        keys[k] = -1
        for c in range(3):
            sums[k, c] = 0
