"""Mapbox Vector Tile 2.1 encoder: all of a layer in one compiled loop."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from geo.tiles.clip import clip
from geo.tiles.columns import text_field
from geo.tiles.features import of_pieces
from geo.tiles.kernels.mvt import write_layer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.snapshot.flat import FlatGeometry
    from geo.tiles.clip import Pieces
    from geo.tiles.columns import Columns
    from geo.tiles.features import Features
    from geo.tiles.grid import Tile

_GEOMETRY_TYPE = {"Point": 1, "MultiLineString": 2, "MultiPolygon": 3}
_NO_I4 = np.zeros(1, dtype=np.int32)


def encode_mvt(
    layer_name: str,
    tile: Tile,
    flat: FlatGeometry,
    rows: NDArray[np.integer],
    ids: NDArray[np.integer] | None,
    columns: Columns,
) -> bytes:
    """A vector tile with one layer of ``rows`` of ``flat``; empty when nothing is left to show.

    ``ids`` [n] (None: features without id) and each column (n rows) belong to
    ``rows``. Columns are dictionary<int32, string>, int64, float64, bool, date32
    or timestamp arrays; dates become ISO 8601 text, null and NaN are left out.
    """
    return encode(layer_name, clip(tile, flat, rows), ids, columns)


def encode(
    layer_name: str, pieces: Pieces, ids: NDArray[np.integer] | None, columns: Columns
) -> bytes:
    """`encode_mvt` for pieces that are clipped already.

    ``ids`` and columns have a row for each row that was asked for.
    """
    return encode_features(layer_name, of_pieces(pieces, ids, columns))


def encode_features(layer_name: str, features: Features) -> bytes:
    """A vector tile with one layer of ``features``; empty for none."""
    if not len(features):
        return b""
    pieces = features.pieces
    out, start, end = write_layer(
        _head(layer_name),
        features.lines[0].keys,
        features.lines[0].key_ends,
        features.table,
        features.starts,
        features.rows,
        features.ids,
        _GEOMETRY_TYPE[pieces.kind],
        pieces.xy,
        _NO_I4 if pieces.ring is None else pieces.ring,
        _NO_I4 if pieces.part is None else pieces.part,
        pieces.row,
    )
    return out[start:end].tobytes()


@lru_cache(maxsize=256)
def _head(name: str) -> NDArray[np.uint8]:
    """Layer.version (2) and Layer.name."""
    return np.frombuffer(b"\x78\x02" + text_field(1, name.encode()), dtype=np.uint8)
