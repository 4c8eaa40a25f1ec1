"""A tile of a layer as bytes: match rows, clip them once, encode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa

from geo.tiles import geojson, mvt
from geo.tiles.clip import clip, join
from geo.tiles.columns import rows_of

if TYPE_CHECKING:
    from geo.layers import Layer
    from geo.snapshot.view import RowFilter, View
    from geo.tiles.grid import Tile

Kind = Literal["mvt", "geojson"]
_EMPTY: dict[Kind, bytes] = {
    "mvt": b"",
    "geojson": b'{"type":"FeatureCollection","features":[]}',
}


def default_properties(layer: Layer) -> tuple[str, ...]:
    """What a map needs to draw, name and link a feature."""
    wanted = [layer.label, *layer.key, layer.class_field, layer.style.by, layer.county_field]
    names = [name for name in dict.fromkeys(wanted) if name is not None]
    return (*names, *layer.measures[:1])


def draw(
    view: View,
    tile: Tile,
    kind: Kind,
    names: Sequence[str],
    filters: Sequence[RowFilter] = (),
) -> bytes:
    """The features of ``view`` that pass ``filters``, clipped, with properties ``names``.

    Empty bytes for ``mvt`` when nothing is in the tile.
    """
    matches = view.match(filters, tile.lonlat(), exact=False)
    parts = [(s, rows) for s, rows in matches if len(rows)]
    if not parts:
        return _EMPTY[kind]
    pieces = join([clip(tile, s.flat, rows) for s, rows in parts], [len(r) for _, r in parts])
    ids = np.concatenate([s.fid[rows] for s, rows in parts])
    if kind == "mvt" and len(parts) == 1:
        ((segment, rows),) = parts
        return mvt.encode(
            view.layer.id, pieces, ids, {name: rows_of(segment, name, rows) for name in names}
        )
    columns = {name: _joined([s.column(name, rows) for s, rows in parts]) for name in names}
    if kind == "mvt":
        return mvt.encode(view.layer.id, pieces, ids, columns)
    return geojson.encode(tile, pieces, ids, columns)


def _joined(arrays: list[pa.Array]) -> pa.Array:
    if len(arrays) == 1:
        return arrays[0]
    return pa.chunked_array(arrays).unify_dictionaries().combine_chunks()
