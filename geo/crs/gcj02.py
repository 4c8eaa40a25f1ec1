"""GCJ-02 and BD-09, the shifted coordinates of Chinese web maps, as approximations.

The formula is the published reverse-engineered one (the "eviltransform" family;
its constants are those of every public implementation). Nothing shifted is ever
stored; every conversion is marked as approximate where it is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Offset = Literal["gcj02", "bd09"]

_A = 6378245.0
_EE = 0.00669342162296594323
_CHINA = (72.004, 0.8293, 137.8347, 55.8271)  # outside it the web maps do not shift
_XP = np.pi * 3000 / 180


def shift(lonlat: NDArray[np.float64], offset: Offset) -> NDArray[np.float64]:
    """True lon/lat degrees [n, 2] (WGS 84 or CGCS2000) -> GCJ-02 or BD-09."""
    lonlat = np.asarray(lonlat, dtype=np.float64)
    shifted = _gcj02(lonlat)
    return _bd09(shifted) if offset == "bd09" else shifted


def unshift(lonlat: NDArray[np.float64], offset: Offset) -> NDArray[np.float64]:
    """GCJ-02 or BD-09 degrees [n, 2] -> true lon/lat; inverse of `shift` to about 1e-12 degrees."""
    lonlat = np.asarray(lonlat, dtype=np.float64)
    guess = lonlat.copy()
    # The shift changes slowly, so the fixed point gains about two digits a round.
    for _ in range(12):
        guess += lonlat - shift(guess, offset)
    return guess


def _gcj02(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    lon, lat = lonlat[:, 0], lonlat[:, 1]
    x, y = lon - 105, lat - 35
    pi = np.pi
    root = np.sqrt(np.abs(x))
    common = 20 * np.sin(6 * pi * x) + 20 * np.sin(2 * pi * x)
    d_lat = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    d_lat += common * 2 / 3
    d_lat += (20 * np.sin(pi * y) + 40 * np.sin(pi * y / 3)) * 2 / 3
    d_lat += (160 * np.sin(pi * y / 12) + 320 * np.sin(pi * y / 30)) * 2 / 3
    d_lon = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    d_lon += common * 2 / 3
    d_lon += (20 * np.sin(pi * x) + 40 * np.sin(pi * x / 3)) * 2 / 3
    d_lon += (150 * np.sin(pi * x / 12) + 300 * np.sin(pi * x / 30)) * 2 / 3
    phi = np.radians(lat)
    magic = 1 - _EE * np.sin(phi) ** 2
    root = np.sqrt(magic)
    out = lonlat.copy()
    west, south, east, north = _CHINA
    inside = (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
    out[:, 0] += np.where(inside, np.degrees(d_lon * root / (_A * np.cos(phi))), 0)
    out[:, 1] += np.where(inside, np.degrees(d_lat * magic * root / (_A * (1 - _EE))), 0)
    return out


def _bd09(gcj02: NDArray[np.float64]) -> NDArray[np.float64]:
    lon, lat = gcj02[:, 0], gcj02[:, 1]
    z = np.hypot(lon, lat) + 2e-5 * np.sin(lat * _XP)
    theta = np.arctan2(lat, lon) + 3e-6 * np.cos(lon * _XP)
    return np.column_stack((z * np.cos(theta) + 0.0065, z * np.sin(theta) + 0.006))
