"""Where a feature is counted: the centre of its bounds, as whole numbers of a tile plane.

Whole numbers, because a feature must be in exactly one tile of a zoom and in
exactly one cell of that tile, and halving them again and again never rounds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geo.snapshot.flat import MERCATOR_RADIUS

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: The tile of zoom 0 is 2^BITS wide, so that zoom 24 still has 32 x 32 cells.
BITS = 30
_WORLD = 2 * np.pi * MERCATOR_RADIUS


def anchor(mercator: NDArray[np.float64]) -> NDArray[np.int64]:
    """Web Mercator metres [n, 2] -> ``x << BITS | y`` from the top left; -1 for NaN.

    What lies beyond the square of the web maps counts at its edge.
    """
    return pack(mercator[:, 0] / _WORLD + 0.5, 0.5 - mercator[:, 1] / _WORLD)


def pack(x: NDArray[np.float64], y: NDArray[np.float64], width: int = 1) -> NDArray[np.int64]:
    """Positions in tiles of zoom 0 (``width`` of them side by side) -> anchors."""
    here = np.isfinite(x) & np.isfinite(y)
    side = 1 << BITS
    with np.errstate(invalid="ignore"):
        column = np.clip(np.floor(x * side), 0, width * side - 1).astype(np.int64)
        line = np.clip(np.floor(y * side), 0, side - 1).astype(np.int64)
    return np.where(here, column << BITS | line, -1)
