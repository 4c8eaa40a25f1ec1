"""Areas of grades of a plot, corrected by the error matrix of the whole map.

A district's sample says nothing of one plot by itself. The synthetic estimator
carries the district's error rates over to the plot, A_k = sum_i A_i n_ik / n_i
(Rao & Molina 2015, Small Area Estimation, 3.2). It holds as far as the plot's
errors are like the district's: its intervals are "model-assumed".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.errors import Rejected
from geo.layers import Text
from geo.soil.accuracy import counts_of

Floats = NDArray[np.float64]
METHOD = Text(
    zh="合成估计 A_k = Σ A_i n_ik / n_i，把全图误差矩阵的比例用于每个地块"
    "（“模型假定”：地块的误差与全图相同）；"
    "标准误 = 抽样误差与边界项之和；边界项：影像配准误差使边界带内的面积进出，"
    "σ·√(2·周长·像元·q(1−q))",
    en="synthetic estimator A_k = sum of A_i n_ik / n_i: the error rates of the whole map are "
    "taken over to each plot (“model-assumed”: its errors are like the map's); standard errors add "
    "the sampling error and a boundary term, sigma * sqrt(2 * perimeter * pixel * q (1 - q)), for "
    "land that misregistration moves across the edge",
)


@dataclass(frozen=True)
class Plots:
    """``area``, ``se`` [n, k]: m²; ``boundary_se`` [n, k]: the part of the boundary alone."""

    area: Floats
    se: Floats
    boundary_se: Floats


def synthetic(
    matrix: ArrayLike,
    grade_m2: ArrayLike,
    perimeter_m: ArrayLike,
    pixel_m: float,
    registration_m: float,
) -> Plots:
    """matrix: counts [k, k] (map, reference); grade_m2: [n, k] of the plots on the map.

    perimeter_m: [n]. ``registration_m``: standard error of the image's position. Rows of a
    plot close: the areas add up to those on the map. Raises `Rejected` (E_ACCURACY,
    E_SAMPLE_FEW for a grade that plots have and no sample met).
    """
    counts = counts_of(matrix, 2)
    mapped = np.asarray(grade_m2, dtype=np.float64)
    k = mapped.shape[1]
    if counts.shape != (k, k):
        raise Rejected(
            "E_ACCURACY",
            f"matrix 须为 {k} 行 {k} 列，与等级一致",
            f"the matrix must be {k} by {k}, as there are grades",
            where="matrix",
        )
    size = counts.sum(axis=1)
    absent = (size < 2) & (mapped.sum(axis=0) > 0)
    if absent.any():
        listed = ", ".join(str(at + 1) for at in np.flatnonzero(absent))
        raise Rejected(
            "E_SAMPLE_FEW",
            f"第 {listed} 级在地块中存在，而样本不足 2 个",
            f"plots have grade {listed}, which fewer than 2 samples met",
            where="matrix",
        )
    with np.errstate(invalid="ignore", divide="ignore"):
        row = np.where(size[:, None] > 0, counts / size[:, None], np.eye(k))
        spread = np.where(size[:, None] > 1, row * (1 - row) / (size[:, None] - 1), 0.0)
    area = mapped @ row
    total = area.sum(axis=1, keepdims=True)
    share = np.divide(area, total, out=np.zeros_like(area), where=total > 0)
    around = 2.0 * np.asarray(perimeter_m, dtype=np.float64)[:, None] * pixel_m
    boundary = registration_m * np.sqrt(around * share * (1 - share))
    return Plots(area, np.sqrt(mapped**2 @ spread + boundary**2), boundary)
