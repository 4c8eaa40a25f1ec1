"""The pixel grid of a scene: where its pixels are and how large they are on the ellipsoid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from geo.errors import Rejected

Floats = NDArray[np.float64]

#: CGCS2000: semi-major axis in metres, first eccentricity squared.
A, E2 = 6378137.0, 0.006694380022900686
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

    @cached_property
    def pixel_area(self) -> PixelArea:
        """Ellipsoidal area of pixels on CGCS2000, relative error below 1e-7.

        Around each node a square of 16 pixels a side is taken to longitude and
        latitude and from there to Lambert's cylindrical equal-area coordinates,
        where its plane area is its area on the ellipsoid (Snyder 1987, USGS PP
        1395, eq. 3-12 and 10-15).
        """
        from pyproj import Transformer  # noqa: PLC0415 - a web worker that draws no soil needs it not

        to_degrees = Transformer.from_crs(self.crs, "EPSG:4490", always_xy=True)
        metres = self._pixel_metres(to_degrees)
        step = float(np.clip(NODE_METRES / metres, 16.0, 4096.0))
        columns = np.arange(max(2, int(np.ceil(self.width / step)) + 1)) * step
        rows = np.arange(max(2, int(np.ceil(self.height / step)) + 1)) * step
        x, y = np.meshgrid(columns, rows)
        half = 8.0
        corners = []
        for dx, dy in ((-half, -half), (half, -half), (half, half), (-half, half)):
            lon, lat = to_degrees.transform(*self.transform @ (x + dx, y + dy))
            corners.append(equal_area(lon, lat))
        if not all(np.isfinite(c).all() for pair in corners for c in pair):
            raise Rejected(
                "E_RASTER_CRS",
                "影像范围超出其坐标系的有效区域，无法计算椭球面积",
                "the raster reaches beyond where its coordinate system is valid",
                where=self.crs,
            )
        (ax, ay), (bx, by), (cx, cy), (ex, ey) = corners
        # Half the cross product of the diagonals.
        area = 0.5 * np.abs((cx - ax) * (ey - by) - (ex - bx) * (cy - ay))
        return PixelArea(nodes=area / (2 * half) ** 2, step=step)

    def _pixel_metres(self, to_degrees: object) -> float:
        middle = (self.width / 2, self.height / 2)
        lon, lat = to_degrees.transform(  # type: ignore[attr-defined]
            *np.array([self.transform @ (middle[0] + d, middle[1] + d) for d in (-0.5, 0.5)]).T
        )
        x, y = equal_area(np.asarray(lon), np.asarray(lat))
        area = abs(float((x[1] - x[0]) * (y[1] - y[0])))
        if not np.isfinite(area) or area == 0.0:
            # A diagonal along a meridian or parallel says nothing; take a fine grid.
            return NODE_METRES / 64
        return float(np.sqrt(area))


def equal_area(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Degrees on CGCS2000 -> Lambert cylindrical equal-area metres (Snyder 1987, eq. 3-12)."""
    e = np.sqrt(E2)
    s = np.sin(np.radians(lat))
    q = (1 - E2) * (s / (1 - E2 * s * s) - np.log((1 - e * s) / (1 + e * s)) / (2 * e))
    return A * np.radians(lon), A * q / 2
