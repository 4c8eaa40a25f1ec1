"""Tile matrix sets: which piece of the world a tile shows.

`WebMercatorQuad` for web maps, `WorldCRS84Quad` for clients that stay in
longitude and latitude (CGCS2000). The sets themselves are morecantile's.
"""

from __future__ import annotations

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
        corners = np.array([[west - more, south - more], [east + more, north + more]])
        corners = self.to_lonlat(corners)
        if datum is not None:
            # The shift differs by some hundred metres at most over a large tile.
            corners = unshift(corners, datum) + np.array([[-0.01], [0.01]])
        low, high = corners
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])

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
    definition = matrix_set(name)
    if not definition.minzoom <= z <= definition.maxzoom:
        raise _out_of_range(z, x, y, f"z {definition.minzoom}..{definition.maxzoom}")
    matrix = definition.matrix(z)
    if not (0 <= x < matrix.matrixWidth and 0 <= y < matrix.matrixHeight):
        raise _out_of_range(
            z, x, y, f"x 0..{matrix.matrixWidth - 1}, y 0..{matrix.matrixHeight - 1}"
        )
    box = definition.xy_bounds(morecantile.Tile(x, y, z))
    return Tile(name, z, x, y, (box.left, box.bottom, box.right, box.top))


def _out_of_range(z: int, x: int, y: int, allowed: str) -> Rejected:
    return Rejected(
        "E_TILE_RANGE",
        f"切片 {z}/{x}/{y} 超出范围",
        f"tile {z}/{x}/{y} is out of range",
        fix=(f"可用范围：{allowed}", f"allowed: {allowed}"),
    )
