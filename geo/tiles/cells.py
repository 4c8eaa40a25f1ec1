"""How the cells of an overview are drawn, and the two forms in which they are sent.

A cell's number counts from the top left of its tile, line by line.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa

from geo.area import sheet_area
from geo.tiles import mvt
from geo.tiles.clip import Pieces
from geo.tiles.grid import EXTENT, Tile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.layers import GeometryType

_KINDS: dict[int, tuple[GeometryType, str]] = {
    1: ("Point", "Point"),
    2: ("MultiLineString", "LineString"),
    4: ("MultiPolygon", "Polygon"),
}


def squares(
    tile: Tile, bits: int, cells: NDArray[np.int64], areas: NDArray[np.float64]
) -> NDArray[np.int32]:
    """int32[m, 4, 2]: squares in the middle of their cells, as large as the share of the land.

    ``areas`` in m². At least two grid steps wide, at most the cell.
    """
    share = np.minimum(1, areas / _ground(tile, bits)[cells >> bits])
    half = np.maximum(1, np.rint((EXTENT >> bits) / 2 * np.sqrt(share))).astype(np.int64)
    corner = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    middle = _middle(bits, cells)
    return (middle[:, None, :] + half[:, None, None] * corner).astype(np.int32)


def dashes(
    tile: Tile,
    bits: int,
    cells: NDArray[np.int64],
    lengths: NDArray[np.float64],
    turn: NDArray[np.float64],
) -> NDArray[np.int32]:
    """int32[m, 2, 2]: a line through the middle, as long as all lines together, at most a cell.

    ``turn`` [m, 2] is a vector at twice the angle in which most of them run.
    """
    side = np.sqrt(_ground(tile, bits)[cells >> bits])
    half = np.maximum(1, (EXTENT >> bits) / 2 * np.minimum(1, lengths / side))
    angle = np.arctan2(turn[:, 1], turn[:, 0]) / 2
    along = np.column_stack((np.cos(angle), np.sin(angle))) * half[:, None]
    along = np.rint(along).astype(np.int64)
    along[~along.any(axis=1), 0] = 1
    middle = _middle(bits, cells)
    return np.stack((middle - along, middle + along), axis=1).astype(np.int32)


def points(bits: int, cells: NDArray[np.int64], places: NDArray[np.float64]) -> NDArray[np.int32]:
    """int32[m, 1, 2]: mean places (0..1 of the tile) on the grid, inside their cells."""
    size = EXTENT >> bits
    low = _middle(bits, cells) - size // 2
    xy = np.clip(np.floor(places * EXTENT).astype(np.int64), low, low + size - 1)
    return xy[:, None, :].astype(np.int32)


def _middle(bits: int, cells: NDArray[np.int64]) -> NDArray[np.int64]:
    size = EXTENT >> bits
    column_line = np.column_stack((cells & ((1 << bits) - 1), cells >> bits))
    return column_line * size + size // 2


def _ground(tile: Tile, bits: int) -> NDArray[np.float64]:
    """True area of a cell in each line of cells, m²."""
    number = 1 << bits
    edges = np.zeros((number + 1, 2))
    edges[:, 1] = tile.bounds[3] - np.arange(number + 1) * (tile.step * (EXTENT >> bits))
    latitude = tile.to_lonlat(edges)[:, 1]
    turns = 2 if tile.matrix_set == "WorldCRS84Quad" else 1
    width = 360 / turns / 2**tile.z / number
    lines = zip(latitude[1:], latitude[:-1], strict=True)
    return np.array([sheet_area(south, north, width) for south, north in lines])


@dataclass(frozen=True, eq=False)
class Cells:
    """``m`` cells: ``xy`` [m, corners, 2] on the tile's grid; None: no such property."""

    xy: NDArray[np.int32]
    properties: dict[str, NDArray[Any]]

    def mvt(self, layer_name: str) -> bytes:
        """A vector tile with one layer, features without id; empty without any."""
        count, corners, _ = self.xy.shape
        if not count:
            return b""
        one = np.arange(count + 1, dtype=np.int32)
        kind, _ = _KINDS[corners]
        pieces = Pieces(
            kind,
            one[:-1],
            np.ascontiguousarray(self.xy.reshape(-1, 2)),
            None if corners == 1 else one * np.int32(corners),
            None if corners < 3 else one,
            one,
        )
        arrays = {name: pa.array(values) for name, values in self.properties.items()}
        columns = {name: each for name, each in arrays.items() if each.null_count < count}
        return mvt.encode(layer_name, pieces, None, columns)

    def geojson(self, tile: Tile) -> bytes:
        """A FeatureCollection, UTF-8. Row by row: there are never more than 1024."""
        _, corners, _ = self.xy.shape
        _, kind = _KINDS[corners]
        plane = np.array([tile.bounds[0], tile.bounds[3]])
        plane = plane + self.xy.reshape(-1, 2) * np.array([tile.step, -tile.step])
        decimals = math.ceil(-math.log10(360 / 2**tile.z / EXTENT / 8))
        lonlat = np.round(tile.to_lonlat(plane), decimals).reshape(self.xy.shape)
        if corners == 4:  # RFC 7946: closed, counter-clockwise
            lonlat = lonlat[:, [0, 3, 2, 1, 0]]
        places: list[Any] = (lonlat[:, 0] if corners == 1 else lonlat).tolist()
        columns = {name: values.tolist() for name, values in self.properties.items()}
        features = [
            {
                "type": "Feature",
                "geometry": {"type": kind, "coordinates": [place] if corners == 4 else place},
                "properties": {
                    name: values[i] for name, values in columns.items() if values[i] is not None
                },
            }
            for i, place in enumerate(places)
        ]
        return orjson.dumps({"type": "FeatureCollection", "features": features})
