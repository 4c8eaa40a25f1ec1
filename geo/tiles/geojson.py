"""GeoJSON (RFC 7946) of a tile: the same clipped pieces as the vector tile, as text."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from geo.crs.gcj02 import shift
from geo.snapshot.flat import take, web_mercator
from geo.tiles.clip import clip
from geo.tiles.features import of_pieces
from geo.tiles.grid import EXTENT, Tile
from geo.tiles.kernels.geojson import FIRST_KNOT, KNOT, KNOTS, write_features

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.crs.gcj02 import Offset
    from geo.snapshot.flat import FlatGeometry
    from geo.tiles.clip import Pieces
    from geo.tiles.columns import Columns
    from geo.tiles.features import Features

_GEOMETRY_TYPE = {"Point": 1, "MultiLineString": 2, "MultiPolygon": 3}
_NO_I4 = np.zeros(1, dtype=np.int32)
_EMPTY = b'{"type":"FeatureCollection","features":[]}'


def encode_geojson(
    tile: Tile,
    flat: FlatGeometry,
    rows: NDArray[np.integer],
    ids: NDArray[np.integer] | None,
    columns: Columns,
    datum: Offset | None = None,
) -> bytes:
    """A FeatureCollection of ``rows`` of ``flat`` clipped to the tile, UTF-8.

    Arguments as in `geo.tiles.mvt.encode_mvt`. Coordinates are lon/lat of the
    tile's grid points with as many decimals as tell them apart; single parts become
    Point, LineString and Polygon; null, NaN and infinite values are null.
    With ``datum`` the tile and what it holds are shifted to GCJ-02 or BD-09
    (approximate); ``rows`` are then those that `Tile.lonlat` finds with it.
    """
    if datum is not None:
        flat = take(flat, rows)
        xy = shift(flat.xy, datum)
        flat = replace(flat, xy=xy, mercator=web_mercator(xy))
        rows = np.arange(len(flat))
    return encode(tile, clip(tile, flat, rows), ids, columns)


def encode(tile: Tile, pieces: Pieces, ids: NDArray[np.integer] | None, columns: Columns) -> bytes:
    """`encode_geojson` for pieces that are clipped already."""
    return encode_features(tile, of_pieces(pieces, ids, columns))


def encode_features(tile: Tile, features: Features) -> bytes:
    """A FeatureCollection of ``features``."""
    if not len(features):
        return _EMPTY
    pieces = features.pieces
    out, end = write_features(
        pieces.xy,
        *_degrees(tile),
        _NO_I4 if pieces.ring is None else pieces.ring,
        _NO_I4 if pieces.part is None else pieces.part,
        pieces.row,
        _GEOMETRY_TYPE[pieces.kind],
        features.lines[0].names,
        features.lines[0].name_ends,
        features.table,
        features.starts,
        features.rows,
        features.ids,
    )
    return out[:end].tobytes()


@lru_cache(maxsize=4096)
def _degrees(tile: Tile) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Where the tile's grid lies: longitude at x = 0 and of a step, latitudes at the knots of
    the kernel, both in units of 10^-decimals degrees, and decimals.
    """
    left, _, _, top = tile.bounds
    steps = FIRST_KNOT + KNOT * np.arange(-1.0, KNOTS)
    plane = np.zeros((len(steps), 2))
    plane[:2, 0] = left, left + tile.step
    plane[:, 1] = top - steps * tile.step
    lonlat = tile.to_lonlat(plane)
    decimals = _decimals(tile)
    west, next_to_it = lonlat[:2, 0]
    longitude = np.array([west, next_to_it - west]) * 10**decimals
    return longitude, lonlat[:, 1] * 10**decimals, decimals


def _decimals(tile: Tile) -> int:
    """Decimals of a degree that tell neighbouring points of the tile's grid apart."""
    step = 360 / 2**tile.web_zoom / EXTENT
    # A quarter of a step: Mercator latitudes are closer together (by cos 60 and more).
    return max(1, math.ceil(-math.log10(step / 4)))
