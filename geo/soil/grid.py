"""The pixel grid of a scene: where its pixels are and how large they are on the ellipsoid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from geo import crs as ground
from geo.area import E2, A

Floats = NDArray[np.float64]

#: Spacing of the nodes between which pixel areas are interpolated, metres. The
#: areal scale of a projection bends with the square of distance over the Earth's
#: radius, so 2 km leave a relative error near (2/6371)^2 / 8 = 1e-8.
NODE_METRES = 2000.0


@dataclass(frozen=True)
class PixelArea:
    """Ellipsoidal m² of a pixel: ``nodes[i, j]`` holds at row ``i * step``, column ``j * step``.

    Pixel positions count from the outer corner of the first pixel; between
    nodes the value is bilinear.
    """

    nodes: Floats
    step: float

    @property
    def segment(self) -> int:
        """Columns (a power of 2) over which the area of a pixel may be taken as linear."""
        return int(2 ** min(8, np.floor(np.log2(self.step))))

    def at(self, column: Floats, row: Floats) -> Floats:
        """m² of a pixel centred at fractional positions (arrays of one shape)."""
        x, y = np.asarray(column) / self.step, np.asarray(row) / self.step
        j = np.clip(x.astype(np.int64), 0, self.nodes.shape[1] - 2)
        i = np.clip(y.astype(np.int64), 0, self.nodes.shape[0] - 2)
        u, v = x - j, y - i
        n = self.nodes
        top = n[i, j] * (1 - u) + n[i, j + 1] * u
        low = n[i + 1, j] * (1 - u) + n[i + 1, j + 1] * u
        area: Floats = top * (1 - v) + low * v
        return area


@dataclass(frozen=True)
class Grid:
    """Size, place and block size of a raster. ``transform``: (column, row) -> (x, y) of ``crs``."""

    width: int
    height: int
    transform: Affine
    crs: str
    block: int = 1024

    @cached_property
    def blocks(self) -> tuple[int, int]:
        """Number of blocks (down, across)."""
        return -(-self.height // self.block), -(-self.width // self.block)

    def window(self, number: int) -> tuple[int, int, int, int]:
        """(column, row, width, height) of a block; blocks are numbered along rows."""
        down, across = divmod(number, self.blocks[1])
        column, row = across * self.block, down * self.block
        return (
            column,
            row,
            min(self.block, self.width - column),
            min(self.block, self.height - row),
        )

    def to_pixels(self, xy: Floats) -> Floats:
        """Coordinates float64[n, 2] in ``crs`` -> (column, row) float64[n, 2]."""
        inverse = ~self.transform
        return np.column_stack(
            [
                inverse.a * xy[:, 0] + inverse.b * xy[:, 1] + inverse.c,
                inverse.d * xy[:, 0] + inverse.e * xy[:, 1] + inverse.f,
            ]
        )

    def to_lonlat(self, column: Floats, row: Floats) -> Floats:
        """Pixel positions [n] -> (lon, lat) float64[n, 2], EPSG:4490."""
        t = self.transform
        x, y = t.a * column + t.b * row + t.c, t.d * column + t.e * row + t.f
        return ground.transform_points(np.column_stack([x, y]), self.crs)

    @cached_property
    def pixel_area(self) -> PixelArea:
        """Ellipsoidal area of pixels on CGCS2000, relative error below 1e-7.

        Around each node a square of 16 pixels a side is taken to longitude and
        latitude and from there to Lambert's cylindrical equal-area coordinates,
        where its plane area is its area on the ellipsoid (Snyder 1987, USGS PP
        1395, eq. 3-12 and 10-15).
        """
        step = float(np.clip(NODE_METRES / self.pixel_metres(), 16.0, 4096.0))
        columns = np.arange(max(2, int(np.ceil(self.width / step)) + 1)) * step
        rows = np.arange(max(2, int(np.ceil(self.height / step)) + 1)) * step
        x, y = np.meshgrid(columns, rows)
        half = 8.0
        (ax, ay), (bx, by), (cx, cy), (ex, ey) = (
            self._equal_area(x + dx, y + dy)
            for dx, dy in ((-half, -half), (half, -half), (half, half), (-half, half))
        )
        # Half the cross product of the diagonals.
        area = 0.5 * np.abs((cx - ax) * (ey - by) - (ex - bx) * (cy - ay))
        return PixelArea(nodes=area / (2 * half) ** 2, step=step)

    def _equal_area(self, column: Floats, row: Floats) -> tuple[Floats, Floats]:
        lonlat = self.to_lonlat(column.ravel(), row.ravel())
        east, north = equal_area(lonlat[:, 0], lonlat[:, 1])
        return east.reshape(column.shape), north.reshape(column.shape)

    @cached_property
    def exponent(self) -> int:
        """e: areas are summed in whole units of 2^-e m², as fine as the raster's whole area allows.

        The sum over all pixels stays below 2^62, so int64 never wraps.
        """
        most = float(self.pixel_area.nodes.max()) * self.width * self.height
        return 61 - int(np.ceil(np.log2(most)))

    def pixel_metres(self) -> float:
        """Longer side of the middle pixel, metres, roughly."""
        middle = np.array([self.width / 2, self.height / 2])
        corners = middle + np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        lon, lat = self.to_lonlat(corners[:, 0], corners[:, 1]).T
        dx = np.radians(lon[1:] - lon[0]) * np.cos(np.radians(lat[0]))
        return float(A * np.hypot(dx, np.radians(lat[1:] - lat[0])).max())


def equal_area(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Degrees on CGCS2000 -> Lambert cylindrical equal-area metres (Snyder 1987, eq. 3-12)."""
    e = np.sqrt(E2)
    s = np.sin(np.radians(lat))
    q = (1 - E2) * (s / (1 - E2 * s * s) - np.log((1 - e * s) / (1 + e * s)) / (2 * e))
    return A * np.radians(lon), A * q / 2
