"""When a change of a plot can be told from the error of the model that measured it."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.layers import Text

Floats = NDArray[np.float64]
Verdict = Literal["improved", "worse", "not_distinguishable", "not_observed"]
METHOD = Text(
    zh="最小可检变化 MDC95 = 1.96·√2·RMSE/√n_eff；n_eff = 1 / 地块内误差的平均相关"
    "（大地块即面积 / 误差相关面积），相关不明时为 1；均值变化超过它才算改良或加重，"
    "否则为不可分辨；两期误差视为独立，整景共同的偏差未消除",
    en="minimum detectable change MDC95 = 1.96 √2 RMSE / √n_eff, n_eff = 1 / mean correlation of "
    "errors within the plot (of large plots its area / the error correlation area), 1 where the "
    "correlation is not known; only a larger change of the mean counts as improved or worse, else "
    "it is not distinguishable; errors of the dates are taken as independent, a bias shared by a "
    "whole scene is not removed",
)


def effective(
    area_m2: ArrayLike, range_m: float | None, nugget: float = 0.0, pixel_m2: float = 100.0
) -> Floats:
    """Independent errors within plots of so many m², at least 1.

    1 over the mean of the correlation (1 - nugget) exp(-d / range) over all pairs of
    places in a square of that area, which for plots much wider than the range is area /
    (2 pi range² (1 - nugget)). ``range_m`` None: not known, so one.
    """
    area = np.asarray(area_m2, dtype=np.float64)
    if range_m is None:
        return np.ones_like(area)
    width = np.sqrt(np.maximum(area, 1e-9)) / max(range_m, 1e-9)
    knots, mean = _square()
    shared = np.exp(np.interp(np.log(width), knots, mean))
    # Beyond the table the integral over the whole plane holds.
    shared = np.where(np.log(width) > knots[-1], 2 * np.pi / width**2, shared)
    pixels = np.maximum(area / pixel_m2, 1.0)
    within = nugget / pixels + (1.0 - nugget) * np.minimum(shared, 1.0)
    return np.maximum(1.0, 1.0 / np.maximum(within, 1e-12))


@lru_cache(maxsize=1)
def _square() -> tuple[Floats, Floats]:
    """ln(side / range), and ln of the mean of exp(-d / range) over pairs of places in a square.

    The distance of two random places in a unit square has differences of density
    2 (1 - u) each way.
    """
    u = (np.arange(2000) + 0.5) / 2000
    # Finer near 0, where the exponential of a wide square falls.
    u = u**3
    step = np.diff(np.concatenate([[0.0], (np.arange(1, 2001) / 2000) ** 3]))
    weight = 2 * (1 - u) * step
    weight /= weight.sum()
    distance = np.hypot(u[::4, None], u[None, ::4])
    pair = weight.reshape(-1, 4).sum(axis=1)
    both = pair[:, None] * pair
    knots = np.linspace(np.log(1e-3), np.log(100.0), 80)
    mean = [np.log((both * np.exp(-np.exp(knot) * distance)).sum()) for knot in knots]
    return knots, np.array(mean)


def mdc95(rmse: float, independent: ArrayLike) -> Floats:
    """Least change of a plot's mean that is no error with 95 %, in the unit of ``rmse``.

    ``rmse``: of held-out samples. ``independent``: see `effective`; the number of
    pixels does not matter, neighbours share their error.
    """
    return np.asarray(1.96 * np.sqrt(2.0) * rmse / np.sqrt(np.asarray(independent, np.float64)))


def verdicts(difference: ArrayLike, limit: ArrayLike) -> list[Verdict]:
    """What a change of the mean (after minus before) of a measure of salt says; NaN: not seen."""
    change, least = np.asarray(difference, dtype=np.float64), np.asarray(limit, dtype=np.float64)
    found = np.select(
        [np.isnan(change), change < -least, change > least],
        ["not_observed", "improved", "worse"],
        "not_distinguishable",
    )
    return list(found.tolist())
