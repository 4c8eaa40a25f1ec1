"""When a change of a plot can be told from the error of the model that measured it."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.layers import Text

Floats = NDArray[np.float64]
Verdict = Literal["improved", "worse", "not_distinguishable", "not_observed"]
METHOD = Text(
    zh="最小可检变化 MDC95 = 1.96·√2·RMSE/√n_eff，"
    "n_eff = 两期都看得见的面积 / 误差相关面积（至少为 1）；均值变化超过它"
    "才算改良或加重，否则为不可分辨；两期误差视为独立，整景共同的偏差未消除",
    en="minimum detectable change MDC95 = 1.96 √2 RMSE / √n_eff, n_eff = area seen on both dates / "
    "error correlation area (1 at least); only a larger change of the mean counts as improved or "
    "worse, else it is not distinguishable; errors of the dates are taken as independent, a bias "
    "shared by a whole scene is not removed",
)


def effective(area_m2: ArrayLike, correlation_m2: float | None) -> Floats:
    """Independent errors within areas, at least 1; 1 where the correlation is not known."""
    area = np.asarray(area_m2, dtype=np.float64)
    if correlation_m2 is None:
        return np.ones_like(area)
    return np.maximum(1.0, area / max(correlation_m2, 1e-9))


def mdc95(rmse: float, area_m2: ArrayLike, correlation_m2: float | None) -> Floats:
    """Least change of a plot's mean that is no error with 95 %, in the unit of ``rmse``.

    ``rmse``: of held-out samples. The number of pixels does not matter: neighbours
    share their error.
    """
    return 1.96 * np.sqrt(2.0) * rmse / np.sqrt(effective(area_m2, correlation_m2))


def verdicts(difference: ArrayLike, limit: ArrayLike) -> list[Verdict]:
    """What a change of the mean (after minus before) of a measure of salt says; NaN: not seen."""
    change, least = np.asarray(difference, dtype=np.float64), np.asarray(limit, dtype=np.float64)
    found = np.select(
        [np.isnan(change), change < -least, change > least],
        ["not_observed", "improved", "worse"],
        "not_distinguishable",
    )
    return list(found.tolist())
