"""Rows of flat geometry clipped to a tile and put on its grid, in compiled loops.

What comes out (`Pieces`) is all that an encoder needs: whole numbers of the
tile's grid (x right, y down), no repeated points, no spikes, no rings without
area, exterior rings with positive area and holes with negative (MVT 2.1). What is
too small for the grid becomes the smallest square or line where it starts, so that
no feature vanishes. The loops read memory-mapped arrays as they are; they are
compiled once and kept in numba's cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from geo.tiles.grid import BUFFER, EXTENT, Tile
from geo.tiles.kernels.clip import clip_polygons
from geo.tiles.kernels.lines import clip_lines, clip_points

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.layers import GeometryType
    from geo.snapshot.flat import FlatGeometry


@dataclass(eq=False, slots=True)
class Pieces:
    """Clipped geometry of ``m`` rows on a tile's grid; the layout of `FlatGeometry`.

    ``kept``: positions in the rows that were asked for. ``part`` is None for
    lines, ``ring`` and ``part`` are None for points. Rings are open: the first
    point is not repeated.
    """

    kind: GeometryType
    kept: NDArray[np.int32]  # [m]
    xy: NDArray[np.int32]  # [k, 2]
    ring: NDArray[np.int32] | None
    part: NDArray[np.int32] | None
    row: NDArray[np.int32]  # [m + 1]

    def __len__(self) -> int:
        return len(self.kept)


#: The most that fits the steps of a tile's commands.
MOST_BUFFER = 2000
_ALL_NEEDED = np.zeros(0, dtype=np.uint8)
_ALL_NEEDED.flags.writeable = False


def clip(tile: Tile, flat: FlatGeometry, rows: NDArray[np.integer], buffer: int = BUFFER) -> Pieces:
    """Clip ``rows`` of ``flat`` to the tile with ``buffer`` grid steps around it.

    Vertices that the tile's zoom does not need (`FlatGeometry.level`) are left out. A row of
    which nothing shows, not even its first vertex, is left out. Raises `IndexError` for a row
    number out of range, `ValueError` for a buffer above `MOST_BUFFER`.
    """
    if not 0 <= buffer <= MOST_BUFFER:
        raise ValueError(f"a buffer of {buffer} steps; 0 to {MOST_BUFFER} can be drawn")
    rows = np.ascontiguousarray(rows, dtype=np.int64)
    left, _, right, top = tile.bounds
    box = left, top, EXTENT / (right - left), float(-buffer), float(EXTENT + buffer)
    plane = tile.plane(flat)
    if flat.kind == "Point":
        kept, xy, row = clip_points(plane, flat.row, rows, *box)
        return Pieces("Point", kept, xy, None, None, row)
    needed = (_ALL_NEEDED if flat.level is None else flat.level), tile.web_zoom
    if flat.kind == "MultiLineString":
        kept, xy, ring, row = clip_lines(plane, *needed, flat.ring, flat.row, rows, *box)
        return Pieces("MultiLineString", kept, xy, ring, None, row)
    kept, xy, ring, part, row = clip_polygons(
        plane, *needed, flat.ring, flat.part, flat.row, rows, *box
    )
    return Pieces("MultiPolygon", kept, xy, ring, part, row)


def join(pieces: Sequence[Pieces], counts: Sequence[int]) -> Pieces:
    """Pieces of several sources (segments of a view) as one.

    ``counts``: how many rows each source was asked for; ``kept`` then counts
    through the rows of all sources, one after another.
    """
    first = pieces[0]
    if len(pieces) == 1:
        return first
    starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    kept = np.concatenate([p.kept + s for p, s in zip(pieces, starts, strict=True)])
    return Pieces(
        first.kind,
        kept.astype(np.int32),
        np.concatenate([p.xy for p in pieces]),
        None if first.ring is None else _chain([p.ring for p in pieces]),
        None if first.part is None else _chain([p.part for p in pieces]),
        _chain([p.row for p in pieces]),
    )


def _chain(offsets: Sequence[Any]) -> NDArray[np.int32]:
    out, last = [offsets[0]], int(offsets[0][-1])
    for more in offsets[1:]:
        out.append(more[1:] + np.int32(last))
        last += int(more[-1])
    return np.concatenate(out)
