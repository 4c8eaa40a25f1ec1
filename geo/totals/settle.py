"""Removed land and counted land of the same feature agree in every group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.totals.divide import Pieces


def settled(
    counted: Pieces, keys: NDArray[np.int64], removed: Pieces, cut: NDArray[np.int64],
    mixed: NDArray[np.bool_],
) -> list[tuple[int, int]]:  # fmt: skip
    """Changes of what is removed from groups, so that no feature loses more than it has there.

    Two cuts of one edge may differ by some mm²; the feature's other parts bear them.
    """
    edge = mixed[removed.row]
    if not edge.any():
        return []
    taken: dict[int, dict[int, int]] = {}
    for row, group, units in zip(
        removed.row[edge].tolist(), cut[edge].tolist(), removed.units[edge].tolist(), strict=True
    ):
        of_row = taken.setdefault(row, {})
        of_row[group] = of_row.get(group, 0) + units
    mine = np.isin(counted.row, removed.row[edge])
    room: dict[int, dict[int, int]] = {
        row: {g: -u for g, u in t.items()} for row, t in taken.items()
    }
    for row, group, units in zip(
        counted.row[mine].tolist(), keys[mine].tolist(), counted.units[mine].tolist(), strict=True
    ):
        room[row][group] = room[row].get(group, 0) + units
    changes = []
    for left in room.values():
        for group in [g for g, units in left.items() if units < 0]:
            excess, left[group] = -left[group], 0
            changes.append((group, -excess))
            widest = max(left, key=lambda g: left[g])
            borne = min(excess, left[widest])
            left[widest] -= borne
            changes.append((widest, borne))
    return changes
