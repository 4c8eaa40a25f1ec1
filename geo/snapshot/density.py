"""How much the fullest tile of each zoom holds: what decides from which zoom on features show.

Known when a base is built and kept with it, so that no tile has to be drawn to
learn that it would be too large.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from geo.snapshot.flat import MERCATOR_RADIUS, vertex_offsets, web_mercator
from geo.snapshot.fullest import DEEPEST, fullest
from geo.snapshot.rows import public_names

if TYPE_CHECKING:
    from geo.snapshot.segment import Segment

_WORLD = 2 * np.pi * MERCATOR_RADIUS
#: Rows of a base that lie next to each other; the block with the longest texts counts.
_BLOCK = 1024


@dataclass(frozen=True)
class Density:
    """Figures of some rows of a layer.

    ``extent``: the median of the longer sides of their bounds, Web Mercator metres.
    ``fullest[z]``: features, vertices, and bytes of these as deltas on the tile's grid,
    the most that a tile of zoom z has of each; zooms at which nothing larger than two
    pixels is there are left out (`first` is the zoom of the first entry).
    ``words``: for each property the bytes of a value as JSON text, on average where the
    texts are longest, and how many values differ.
    """

    rows: int
    extent: float
    first: int
    fullest: list[list[int]]
    words: dict[str, tuple[float, int]]

    def at(self, z: int) -> list[int]:
        """Features, vertices and bytes of the fullest tile of a zoom."""
        if not self.fullest:
            return [0, 0, 0]
        return self.fullest[min(max(z - self.first, 0), len(self.fullest) - 1)]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Density:
        words = {name: (float(size), int(count)) for name, (size, count) in data["words"].items()}
        return cls(data["rows"], data["extent"], data["first"], data["fullest"], words)


def first_zoom(extent: float) -> int:
    """The smallest zoom at which so long a side has two pixels of a tile of 256 pixels."""
    if extent <= 0:
        return DEEPEST
    return int(np.clip(np.ceil(np.log2(2 * _WORLD / 256 / extent)), 0, DEEPEST))


def density(
    segment: Segment,
    rows: np.ndarray | None = None,
    *,
    first: int | None = None,
    names: Iterable[str] | None = None,
) -> Density:
    """Look at ``rows`` of a layer with geometry, from zoom ``first`` on, and at ``names``.

    None: all rows; the first zoom at which half of the polygons have two pixels; all
    properties.
    """
    if rows is None:
        rows = np.arange(segment.length)
    bounds = segment.bounds(rows)
    there = ~np.isnan(bounds[:, 0])
    rows, bounds = rows[there].astype(np.int64), bounds[there]
    corners = np.hstack((web_mercator(bounds[:, :2]), web_mercator(bounds[:, 2:])))
    flat = segment.flat
    extent = 0.0
    if len(rows):
        extent = float(np.median((corners[:, 2:] - corners[:, :2]).max(axis=1)))
    if first is None:
        first = first_zoom(extent) if flat.kind == "MultiPolygon" and len(rows) else 0
    most = fullest(
        rows,
        corners,
        vertex_offsets(flat),
        flat.mercator,
        np.zeros(0, dtype=np.uint8) if flat.level is None else flat.level,
        first,
    )
    if names is None:
        names = public_names(segment.layer)
    words = {name: words_of(segment.column(name, rows)) for name in names}
    return Density(len(rows), extent, first, most.tolist() if len(rows) else [], words)


def words_of(column: pa.Array) -> tuple[float, int]:
    """An entry of `Density.words`."""
    if not len(column):
        return 4.0, 0
    quoted = 0
    if pa.types.is_dictionary(column.type):
        words = pc.binary_length(column.dictionary.cast(pa.string()))
        lengths, distinct, quoted = words.take(column.indices), len(column.dictionary), 2
    elif pa.types.is_boolean(column.type):
        return 5.0, 2
    else:
        quoted = 2 if pa.types.is_temporal(column.type) else 0
        distinct = pc.count_distinct(column).as_py()
        lengths = pc.binary_length(column.cast(pa.string()))
    sizes = lengths.cast(pa.float64()).fill_null(4 - quoted).to_numpy() + quoted
    starts = np.arange(0, len(sizes), _BLOCK)
    counts = np.diff(np.append(starts, len(sizes)))
    # A short last block says little about a tile.
    means = np.add.reduceat(sizes, starts) / np.maximum(counts, min(_BLOCK, len(sizes)))
    return float(means.max()), int(distinct)
