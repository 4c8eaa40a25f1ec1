"""Coordinate systems that requests may name, with the axis order of the standard.

A URI of the EPSG register means the register's axis order (latitude first, or
northing first); CRS84 is longitude first. Storage is EPSG:4490 in lon/lat.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyproj
import shapely

from app.problems import Problem

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
_EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
#: CGCS2000 geographic; zone 41 with and without prefix, zone 21; WGS 84; Web Mercator.
_CODES = (4490, 4529, 4550, 4499, 4510, 4326, 3857)
SUPPORTED = (CRS84, *(f"{_EPSG}{code}" for code in _CODES))
STORAGE = f"{_EPSG}4490"


@dataclass(frozen=True)
class Crs:
    """``swapped``: the register's order is not (easting, northing) or (lon, lat)."""

    uri: str
    epsg: int
    swapped: bool
    geographic: bool

    @property
    def same_numbers(self) -> bool:
        """Whether stored numbers need no projection (the accepted null shift to WGS 84)."""
        return self.geographic

    def from_lonlat(self, xy: np.ndarray) -> np.ndarray:
        """float64[n, 2] lon/lat (EPSG:4490) -> this system in its own axis order."""
        out = xy if self.same_numbers else _project(self.epsg, xy, inverse=False)
        return out[:, ::-1] if self.swapped else out

    def shape_to_lonlat(self, shape: Any) -> Any:
        """A shapely geometry in this system's axis order -> EPSG:4490, lon/lat."""

        def turned(xy: np.ndarray) -> np.ndarray:
            xy = xy[:, ::-1] if self.swapped else xy
            return xy if self.same_numbers else _project(self.epsg, xy, inverse=True)

        return shapely.transform(shape, turned)

    def box_to_lonlat(self, box: tuple[float, ...]) -> tuple[float, float, float, float]:
        """A box in this system's axis order -> lon/lat bounds that contain it."""
        a, b, c, d = box
        minx, miny, maxx, maxy = (b, a, d, c) if self.swapped else (a, b, c, d)
        if self.same_numbers:
            return minx, miny, maxx, maxy
        transformer = _transformer(self.epsg)
        bounds = transformer.transform_bounds(minx, miny, maxx, maxy, direction="INVERSE")
        return tuple(bounds)  # type: ignore[return-value]


@lru_cache(maxsize=32)
def parse(text: str) -> Crs:
    """A supported CRS by its URI, URN-free short form ``EPSG:4529`` or ``CRS84``.

    Raises `Problem` E_CRS for anything else.
    """
    short = text.strip().strip("[]")
    uri = {"CRS84": CRS84, "OGC:CRS84": CRS84}.get(short, short)
    if uri.upper().startswith("EPSG:"):
        uri = _EPSG + uri[5:]
    if uri not in SUPPORTED:
        raise Problem(
            "E_CRS",
            f"不支持坐标系 {text}",
            f"The coordinate system {text} is not supported",
            where="crs",
            fix=("可用坐标系见 /collections 的 crs 列表", "See the crs list of /collections"),
        )
    if uri == CRS84:
        return Crs(CRS84, 4326, swapped=False, geographic=True)
    code = int(uri.rsplit("/", 1)[1])
    crs = pyproj.CRS.from_epsg(code)
    first = crs.axis_info[0].direction
    return Crs(uri, code, swapped=first == "north", geographic=crs.is_geographic)


@lru_cache(maxsize=32)
def _transformer(epsg: int) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(4490, epsg, always_xy=True)


def _project(epsg: int, xy: np.ndarray, *, inverse: bool) -> np.ndarray:
    direction = "INVERSE" if inverse else "FORWARD"
    x, y = _transformer(epsg).transform(xy[:, 0], xy[:, 1], direction=direction)
    return np.column_stack([x, y])
