"""GeoJSON (RFC 7946) of a tile: the same clipped pieces as the vector tile, as text."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from geo.crs.gcj02 import shift
from geo.snapshot.flat import take, web_mercator
from geo.tiles.clip import clip
from geo.tiles.grid import EXTENT, Tile
from geo.tiles.kernels.geojson import write_features

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.crs.gcj02 import Offset
    from geo.snapshot.flat import FlatGeometry
    from geo.tiles.clip import Pieces
    from geo.tiles.columns import Columns

_NO_I4 = np.zeros(1, dtype=np.int32)
_NO_IDS = np.zeros(0, dtype=np.int64)
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
    if not len(pieces):
        return _EMPTY
    kept = pa.array(pieces.kept)
    texts = [_text(column, kept) for column in columns.values()]
    names = [orjson.dumps(name) + b":" for name in columns]
    decimals = _decimals(tile)
    scaled = _lonlat(tile, pieces.xy, decimals)
    out, end = write_features(
        scaled,
        decimals,
        _NO_I4 if pieces.ring is None else pieces.ring,
        _NO_I4 if pieces.part is None else pieces.part,
        pieces.row,
        {"Point": 1, "MultiLineString": 2, "MultiPolygon": 3}[pieces.kind],
        pieces.kept,
        _NO_IDS if ids is None else np.ascontiguousarray(ids, dtype=np.int64),
        _bytes(b"".join(names)),
        np.cumsum([0, *map(len, names)], dtype=np.int64),
        _bytes(b"".join(data for _, data, _, _ in texts)),
        _stack(texts, len(pieces)),
        np.array([valid for *_, valid in texts], dtype=bool).reshape(len(texts), len(pieces)),
        np.array([quoted for *_, quoted, _ in texts], dtype=bool),
    )
    return out[:end].tobytes()


_Text = tuple["NDArray[np.int64]", bytes, bool, "NDArray[np.bool_]"]


def _text(column: pa.Array | pa.ChunkedArray, kept: pa.Array) -> _Text:
    """A column of the kept rows as text: offsets, UTF-8, whether it needs quotes, not null."""
    if isinstance(column, pa.ChunkedArray):
        column = column.unify_dictionaries().combine_chunks()
    column = column.take(kept)
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
    quoted = not (
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    )
    if pa.types.is_floating(kind):
        column = pc.if_else(pc.is_finite(column), column, pa.scalar(None, kind))
    elif pa.types.is_timestamp(kind):
        # To naive UTC first: writing a zone's time would need its rules.
        column = pc.strftime(column.cast(pa.timestamp("s"), safe=False), "%Y-%m-%dT%H:%M:%SZ")
    column = column.cast(pa.string())
    _, offsets, data = column.buffers()
    starts = np.frombuffer(offsets, dtype=np.int32)[column.offset : column.offset + len(column) + 1]
    text = b"" if data is None else data.to_pybytes()[starts[0] : starts[-1]]
    valid = column.is_valid().to_numpy(zero_copy_only=False)
    return starts.astype(np.int64) - starts[0], text, quoted, valid


def _stack(texts: list[_Text], count: int) -> NDArray[np.int64]:
    """Offsets [c, m + 1] into the data of all columns, one after another."""
    out = np.empty((len(texts), count + 1), dtype=np.int64)
    start = 0
    for line, (offsets, data, _, _) in zip(out, texts, strict=True):
        line[:] = offsets + start
        start += len(data)
    return out


def _bytes(data: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(data, dtype=np.uint8)


def _decimals(tile: Tile) -> int:
    """Decimals of a degree that tell neighbouring points of the tile's grid apart."""
    step = 360 / 2**tile.z / EXTENT / (2 if tile.matrix_set == "WorldCRS84Quad" else 1)
    # A quarter of a step: Mercator latitudes are closer together (by cos 60 and more).
    return max(1, math.ceil(-math.log10(step / 4)))


def _lonlat(tile: Tile, xy: NDArray[np.int32], decimals: int) -> NDArray[np.int64]:
    """Points of the grid [k, 2] as whole numbers of 10^-decimals degrees."""
    # Longitude depends on x alone and latitude on y alone: one table for each.
    out = np.empty(xy.shape, dtype=np.int64)
    for axis in (0, 1):
        low = int(xy[:, axis].min())
        steps = np.arange(low, int(xy[:, axis].max()) + 1, dtype=np.float64) * tile.step
        plane = np.zeros((len(steps), 2))
        plane[:, axis] = tile.bounds[0] + steps if axis == 0 else tile.bounds[3] - steps
        table = np.rint(tile.to_lonlat(plane)[:, axis] * 10**decimals).astype(np.int64)
        out[:, axis] = table[xy[:, axis] - low]
    return out
