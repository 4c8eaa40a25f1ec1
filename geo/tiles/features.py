"""What both encoders draw: clipped pieces with their ids and property columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from geo.crs.gcj02 import shift
from geo.snapshot.flat import take, web_mercator
from geo.tiles.clip import clip, join
from geo.tiles.columns import lines_of, segment_lines

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.crs.gcj02 import Offset
    from geo.snapshot.flat import FlatGeometry
    from geo.snapshot.segment import Segment
    from geo.tiles.clip import Pieces
    from geo.tiles.columns import Columns, Lines
    from geo.tiles.grid import Tile

_NO_IDS = np.zeros(0, dtype=np.int64)


@dataclass(eq=False, slots=True)
class Features:
    """Pieces of one or several sources (segments of a view), one source after another.

    Piece i of source s, ``starts[s] <= i < starts[s + 1]``, has the values of row ``rows[i]``
    in ``lines[s]`` and the id ``ids[i]`` (no ids at all: empty).
    """

    pieces: Pieces
    ids: NDArray[np.int64]  # [m] or [0]
    rows: NDArray[np.int64]  # [m]
    starts: NDArray[np.int64]  # [s + 1]
    lines: Sequence[Lines]  # [s]

    def __len__(self) -> int:
        return len(self.pieces)

    @property
    def table(self) -> NDArray[np.int64]:
        """All lines of all sources."""
        if len(self.lines) == 1:
            return self.lines[0].lines
        return np.concatenate([each.lines for each in self.lines])


def of_pieces(pieces: Pieces, ids: NDArray[np.integer] | None, columns: Columns) -> Features:
    """Pieces of one source; ``ids`` and ``columns`` have a row for each row that was clipped.

    Raises as `geo.tiles.columns.lines_of`.
    """
    rows = pieces.kept.astype(np.int64)
    chosen = _NO_IDS if ids is None else np.asarray(ids, dtype=np.int64)[rows]
    starts = np.array([0, len(rows)])
    return Features(pieces, chosen, rows, starts, [lines_of(columns)])


def of_segments(
    tile: Tile,
    matches: Sequence[tuple[Segment, NDArray[np.int64]]],
    names: Sequence[str],
    datum: Offset | None = None,
) -> Features | None:
    """Rows of segments clipped to the tile, with properties ``names``; None for no rows.

    With ``datum`` the tile and what it holds are shifted to GCJ-02 or BD-09 (approximate).
    """
    found = [(segment, rows) for segment, rows in matches if len(rows)]
    if not found:
        return None
    pieces = [_clip(tile, segment.flat, rows, datum) for segment, rows in found]
    rows = [rows[each.kept] for each, (_, rows) in zip(pieces, found, strict=True)]
    ids = [segment.fid[each] for each, (segment, _) in zip(rows, found, strict=True)]
    lines = [segment_lines(segment, names) for segment, _ in found]
    if len(found) == 1:
        return Features(pieces[0], ids[0], rows[0], np.array([0, len(rows[0])]), lines)
    starts = np.cumsum([0, *map(len, rows)])
    whole = join(pieces, [len(each) for _, each in found])
    return Features(whole, np.concatenate(ids), np.concatenate(rows), starts, lines)


def _clip(tile: Tile, flat: FlatGeometry, rows: NDArray[np.int64], datum: Offset | None) -> Pieces:
    if datum is None:
        return clip(tile, flat, rows)
    flat = take(flat, rows)
    xy = shift(flat.xy, datum)
    flat = replace(flat, xy=xy, mercator=web_mercator(xy))
    return clip(tile, flat, np.arange(len(flat)))
