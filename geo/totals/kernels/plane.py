# mypy: ignore-errors
"""Gauss-Krueger on CGCS2000, forward, for whole columns of vertices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from geo.area import A, F

_N = F / (2 - F)
#: Radius of the rectifying sphere.
_RADIUS = A / (1 + _N) * (1 + _N**2 / 4 + _N**4 / 64 + _N**6 / 256)
# Krueger's alpha to n^6: errors below a nanometre within some degrees of the meridian.
_A1 = _N / 2 - 2 * _N**2 / 3 + 5 * _N**3 / 16 + 41 * _N**4 / 180 - 127 * _N**5 / 288
_A2 = 13 * _N**2 / 48 - 3 * _N**3 / 5 + 557 * _N**4 / 1440 + 281 * _N**5 / 630
_A3 = 61 * _N**3 / 240 - 103 * _N**4 / 140 + 15061 * _N**5 / 26880
_A4 = 49561 * _N**4 / 161280 - 179 * _N**5 / 168
_A5 = 34729 * _N**5 / 80640


# Conformal minus geodetic latitude, as a sine series.
_C1 = -2 * _N + 2 * _N**2 / 3 + 4 * _N**3 / 3 - 82 * _N**4 / 45 + 32 * _N**5 / 45
_C2 = 5 * _N**2 / 3 - 16 * _N**3 / 15 - 13 * _N**4 / 9 + 904 * _N**5 / 315
_C3 = -26 * _N**3 / 15 + 34 * _N**4 / 21 + 8 * _N**5 / 5
_C4 = 1237 * _N**4 / 630 - 12 * _N**5 / 5
_C5 = -734 * _N**5 / 315


@njit(cache=True, nogil=True)
def forward(xy: Any, meridian: float) -> Any:
    """Lon/lat degrees [v, 2] -> metres east (500 km at the meridian) and north [v, 2]."""
    out = np.empty((len(xy), 2))
    for i in range(len(xy)):
        lam = math.radians(xy[i, 0] - meridian)
        phi = math.radians(xy[i, 1])
        sin, cos = math.sin(phi), math.cos(phi)
        # Conformal latitude: a turn by a few thousandths, for which short series are exact.
        s, c = 2 * sin * cos, cos * cos - sin * sin
        turn = s * (_C1 + 2 * c * _C2 + (4 * c * c - 1) * _C3)
        turn += s * ((8 * c * c - 4) * c * _C4 + ((16 * c * c - 12) * c * c + 1) * _C5)
        square = turn * turn
        ds = turn * (1 - square / 6 * (1 - square / 20))
        dc = 1 - square / 2 * (1 - square / 12 * (1 - square / 30))
        up, flat = sin * dc + cos * ds, cos * dc - sin * ds
        # The sphere's transverse Mercator: xi, eta and their doubled sines by algebra.
        across, along = flat * math.sin(lam), flat * math.cos(lam)
        xi = math.atan2(up, along)
        q = 1 / (up * up + along * along)
        eta = math.atanh(across)
        s, c = 2 * up * along * q, (along * along - up * up) * q
        sh, ch = 2 * across * q, (1 + across * across) * q
        sj, cj, shj, chj = s, c, sh, ch
        x, y = eta, xi
        for alpha in (_A1, _A2, _A3, _A4, _A5):
            y += alpha * sj * chj
            x += alpha * cj * shj
            sj, cj = sj * c + cj * s, cj * c - sj * s
            shj, chj = shj * ch + chj * sh, chj * ch + shj * sh
        out[i, 0] = 500_000 + _RADIUS * x
        out[i, 1] = _RADIUS * y
    return out
