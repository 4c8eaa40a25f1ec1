"""GeoJSON (RFC 7946) of a tile: the same clipped pieces as the vector tile, as text."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from geo.crs.gcj02 import shift
from geo.snapshot.flat import MERCATOR_RADIUS, take, web_mercator
from geo.tiles.clip import clip
from geo.tiles.features import of_pieces
from geo.tiles.grid import EXTENT
from geo.tiles.grid import tile as tile_at
from geo.tiles.kernels.geojson import FIRST_KNOT, KNOT, KNOTS, write_features

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.crs.gcj02 import Offset
    from geo.snapshot.flat import FlatGeometry
    from geo.tiles.clip import Pieces
    from geo.tiles.columns import Columns
    from geo.tiles.features import Features
    from geo.tiles.grid import MatrixSet, Tile

_GEOMETRY_TYPE = {"Point": 1, "MultiLineString": 2, "MultiPolygon": 3}
_DEGREES_A_METRE = 180 / math.pi / MERCATOR_RADIUS
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


def _degrees(tile: Tile) -> tuple[float, float, NDArray[np.float64], int]:
    """Where the tile's grid lies, as `write_features` takes it, and decimals."""
    decimals = _decimals(tile.matrix_set, tile.z, tile.y)
    left, _, right, _ = tile.bounds
    # Both planes have longitudes in equal steps around the world.
    scale = 10**decimals * (1 if tile.matrix_set == "WorldCRS84Quad" else _DEGREES_A_METRE)
    latitudes = _latitudes(tile.matrix_set, tile.z, tile.y)
    return left * scale, (right - left) / EXTENT * scale, latitudes, decimals


@lru_cache(maxsize=1024)
def _latitudes(name: MatrixSet, z: int, y: int) -> NDArray[np.float64]:
    """Coefficients of the latitudes of a row of tiles, [KNOTS * 4]."""
    row = tile_at(z, 0, y, name)
    plane = np.zeros((KNOTS + 3, 2))
    plane[:, 1] = row.bounds[3] - (FIRST_KNOT + KNOT * np.arange(-1.0, KNOTS + 2)) * row.step
    knots = row.to_lonlat(plane)[:, 1] * 10 ** _decimals(name, z, y)
    # The cubic through the two knots on each side is far closer to the latitude than a step.
    a, b, c, d = (knots[i : KNOTS + i] for i in range(4))
    slope = c - a / 3 - b / 2 - d / 6
    powers = (b, slope, (a + c) / 2 - b, (d - a) / 6 + (b - c) / 2)
    return (np.stack(powers, axis=1) / float(KNOT) ** np.arange(4)).ravel()


@lru_cache(maxsize=4096)
def _decimals(name: MatrixSet, z: int, y: int) -> int:
    """Decimals of a degree that tell neighbouring points of a tile's grid apart."""
    row = tile_at(z, 0, y, name)
    step = 360 / 2**row.web_zoom / EXTENT
    smallest = step / 4
    if name == "WebMercatorQuad":
        # Its latitudes lie closer together towards the poles.
        _, south, _, north = row.lonlat()
        smallest = min(smallest, step * math.cos(math.radians(max(-south, north))))
    return max(1, math.ceil(-math.log10(smallest)))
