# mypy: ignore-errors
"""Which cell of a tile a feature counts in, and sums by cell: one pass over whole columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from geo.snapshot.anchor import BITS


@njit(cache=True, nogil=True)
def cell_numbers(anchors: Any, at: Any, z: int, x: int, y: int, bits: int) -> Any:
    """int32[n]: the cell of ``anchors[at]`` in the tile, row by row; -1 outside of it.

    A tile has ``2^bits`` cells on each side.
    """
    out = np.empty(at.shape[0], np.int32)
    mask = (1 << BITS) - 1
    side = (1 << bits) - 1
    for i in range(at.shape[0]):
        anchor = anchors[at[i]]
        column, line = anchor >> BITS, anchor & mask
        if anchor < 0 or column >> (BITS - z) != x or line >> (BITS - z) != y:
            out[i] = -1
        else:
            shift = BITS - z - bits
            out[i] = ((line >> shift) & side) << bits | (column >> shift) & side
    return out


@njit(cache=True, nogil=True)
def sum_cells(
    cells: Any, rows: Any, measure: Any, group: Any, place: Any, count: Any, total: Any
) -> None:
    """Add rows to ``count`` [cells, groups] and their measures to ``total``.

    ``measure`` and ``group`` are columns of all rows and may be empty (0, the last group);
    ``place`` says where each number in ``group`` counts, the last one for -1.
    """
    last = count.shape[1] - 1
    for i in range(cells.shape[0]):
        if cells[i] < 0:
            continue
        k = place[group[rows[i]]] if group.shape[0] else last
        count[cells[i], k] += 1
        if measure.shape[0]:
            value = measure[rows[i]]
            if not np.isnan(value):  # a null measure
                total[cells[i], k] += value


@njit(cache=True, nogil=True)
def sum_places(cells: Any, anchors: Any, at: Any, z: int, total: Any) -> None:
    """Add positions in the tile (0..1 right and down) to ``total`` [cells, 2]."""
    mask = (1 << (BITS - z)) - 1
    for i in range(cells.shape[0]):
        if cells[i] >= 0:
            anchor = anchors[at[i]]
            total[cells[i], 0] += ((anchor >> BITS) & mask) / (mask + 1)
            total[cells[i], 1] += (anchor & mask) / (mask + 1)
