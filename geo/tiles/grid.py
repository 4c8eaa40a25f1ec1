"""Tile matrix sets: which piece of the world a tile shows.

`WebMercatorQuad` for web maps, `WorldCRS84Quad` for clients that stay in
longitude and latitude (CGCS2000). The sets are morecantile's (`matrix_set`); the
bounds of a tile are computed here, because every request needs them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal, get_args

import morecantile
import numpy as np

from geo.crs.gcj02 import Offset, unshift
from geo.errors import Rejected
from geo.snapshot.flat import MERCATOR_RADIUS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.snapshot.flat import FlatGeometry

MatrixSet = Literal["WebMercatorQuad", "WorldCRS84Quad"]
MATRIX_SETS: tuple[MatrixSet, ...] = get_args(MatrixSet)

#: Steps of a tile's grid, and how far beyond its edge geometry is kept (in steps).
EXTENT = 4096
BUFFER = 64


@dataclass(frozen=True)
class Tile:
    """One tile. ``bounds``: left, bottom, right, top in the plane of its matrix set."""

    matrix_set: MatrixSet
    z: int
    x: int
    y: int
    bounds: tuple[float, float, float, float]

    @property
    def step(self) -> float:
        """Size of a grid step in the tile's plane (metres or degrees)."""
        return (self.bounds[2] - self.bounds[0]) / EXTENT

    @property
    def web_zoom(self) -> int:
        """The Web Mercator zoom with steps of this size: what `FlatGeometry.level` counts in."""
        return self.z if self.matrix_set == "WebMercatorQuad" else self.z + 1

    def plane(self, flat: FlatGeometry) -> NDArray[np.float64]:
        """The vertices [v, 2] of ``flat`` in the tile's plane."""
        return flat.mercator if self.matrix_set == "WebMercatorQuad" else flat.xy

    def lonlat(
        self, buffer: float = BUFFER, datum: Offset | None = None
    ) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees with ``buffer`` steps more on each side.

        With ``datum`` the tile is one of a web map in GCJ-02 or BD-09, and the answer
        is where its features truly lie (with 0.01 degrees to spare).
        """
        west, south, east, north = self.bounds
        more = buffer * self.step
        if datum is None:
            low, high = (
                self._corner(west - more, south - more),
                self._corner(east + more, north + more),
            )
            return (*low, *high)
        corners = np.array([[west - more, south - more], [east + more, north + more]])
        # The shift differs by some hundred metres at most over a large tile.
        corners = unshift(self.to_lonlat(corners), datum) + np.array([[-0.01], [0.01]])
        return tuple(corners.ravel().tolist())

    def _corner(self, x: float, y: float) -> tuple[float, float]:
        """`to_lonlat` of one point, without the arrays."""
        if self.matrix_set == "WorldCRS84Quad":
            return x, y
        return (
            math.degrees(x / MERCATOR_RADIUS),
            math.degrees(math.atan(math.sinh(y / MERCATOR_RADIUS))),
        )

    def to_lonlat(self, plane: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points [n, 2] of the tile's plane -> lon/lat degrees."""
        if self.matrix_set == "WorldCRS84Quad":
            return plane
        return np.degrees(
            np.column_stack(
                (plane[:, 0] / MERCATOR_RADIUS, np.arctan(np.sinh(plane[:, 1] / MERCATOR_RADIUS)))
            )
        )


@cache
def matrix_set(name: MatrixSet) -> morecantile.TileMatrixSet:
    """The morecantile definition of a tile matrix set."""
    return morecantile.tms.get(name)


def tile(z: int, x: int, y: int, name: MatrixSet = "WebMercatorQuad") -> Tile:
    """The tile at zoom ``z``, column ``x`` and row ``y`` (counted from the top).

    Raises `Rejected` E_TILE_RANGE when there is no such tile, E_TILE_SET for an
    unknown matrix set.
    """
    if name not in MATRIX_SETS:
        raise Rejected(
            "E_TILE_SET",
            f"没有名为“{name}”的切片方案",
            f"there is no tile matrix set {name!r}",
            fix=(f"可用：{'、'.join(MATRIX_SETS)}", f"use one of {', '.join(MATRIX_SETS)}"),
        )
    shape = _SHAPES[name]
    if not 0 <= z <= shape.most_zoom:
        raise out_of_range(z, x, y, f"z 0..{shape.most_zoom}")
    wide, high = shape.wide << z, shape.high << z
    if not (0 <= x < wide and 0 <= y < high):
        raise out_of_range(z, x, y, f"x 0..{wide - 1}, y 0..{high - 1}")
    size = shape.size / (1 << z)
    left, top = shape.left + x * size, shape.top - y * size
    return Tile(name, z, x, y, (left, top - size, left + size, top))


def tile_of(z: int, lon: float, lat: float, name: MatrixSet) -> tuple[int, int]:
    """Column and row of the tile with a place; of the nearest one outside the set's extent."""
    shape = _SHAPES[name]
    if name == "WebMercatorQuad":
        # Closer to a pole than the set reaches; the tangent must stay finite.
        lat = min(max(lat, -89.9), 89.9)
        x = math.radians(lon) * MERCATOR_RADIUS
        y = math.asinh(math.tan(math.radians(lat))) * MERCATOR_RADIUS
    else:
        x, y = lon, lat
    size = shape.size / (1 << z)
    col, row = math.floor((x - shape.left) / size), math.floor((shape.top - y) / size)
    return min(max(col, 0), (shape.wide << z) - 1), min(max(row, 0), (shape.high << z) - 1)


@dataclass(frozen=True)
class _Shape:
    """A matrix set whose tiles are halved from zoom to zoom, as both of ours are."""

    left: float
    top: float
    size: float  # of a tile at zoom 0
    wide: int  # tiles at zoom 0
    high: int
    most_zoom: int


_HALF = math.pi * MERCATOR_RADIUS
_SHAPES: dict[MatrixSet, _Shape] = {
    "WebMercatorQuad": _Shape(-_HALF, _HALF, 2 * _HALF, 1, 1, 24),
    "WorldCRS84Quad": _Shape(-180.0, 90.0, 180.0, 2, 1, 23),
}


def out_of_range(z: int, x: int, y: int, allowed: str) -> Rejected:
    """E_TILE_RANGE, saying what there is."""
    return Rejected(
        "E_TILE_RANGE",
        f"切片 {z}/{x}/{y} 超出范围",
        f"tile {z}/{x}/{y} is out of range",
        fix=(f"可用范围：{allowed}", f"allowed: {allowed}"),
    )
