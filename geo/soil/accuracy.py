"""Areas and accuracies of a map from a probability sample, with standard errors.

`by_class`: strata are the map's classes (Olofsson et al. 2014, Remote Sensing of
Environment 148:42-57, eqs 4-10). `by_stratum`: strata are something else, e.g. an
older map whose sample is used again (Stehman 2014, Int. J. Remote Sensing
35:4923-4939, eqs 2-3, 25, 28). Both take counts, and nothing is rounded on the way.

Erratum. The intervals of producer's accuracy printed with the example of Olofsson
et al. 2014 follow from a spreadsheet that puts the accuracy of the first class
into the second term of eq. 7 for every class. Here each class has its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.errors import Rejected

Floats = NDArray[np.float64]
#: The normal quantile of 95 % as the papers take it.
Z95 = 1.96
MOST_CLASSES = 64


@dataclass(frozen=True)
class Estimates:
    """Shares of the total area and accuracies; ``_se`` are standard errors.

    Arrays [..., k] by class (leading dimensions: several samples at once);
    ``cells`` [..., k, k]: share of the area by map class and reference class. NaN
    where nothing can be said: accuracy of a class that no sample met, standard
    errors with fewer than two samples in a stratum.
    """

    total: float
    share: Floats
    share_se: Floats
    users: Floats
    users_se: Floats
    producers: Floats
    producers_se: Floats
    overall: Floats
    overall_se: Floats
    cells: Floats

    @property
    def area(self) -> Floats:
        """In the unit of the areas that went in."""
        return self.share * self.total

    @property
    def area_se(self) -> Floats:
        return self.share_se * self.total


def by_class(matrix: ArrayLike, map_areas: ArrayLike) -> Estimates:
    """Olofsson et al. 2014. matrix: counts [..., k, k], rows map, columns reference.

    map_areas: [k], any unit. A simple random or systematic sample is
    post-stratified by the same formulas, conditional on the counts by class
    (section 4.3 there). Raises `Rejected` (E_ACCURACY, E_SAMPLE_FEW).
    """
    # Floats at once: squares of pixel counts overflow 64-bit integers.
    n, areas = counts_of(matrix, 2), _areas(map_areas)
    k = len(areas)
    if n.shape[-2:] != (k, k):
        raise _refused(
            f"matrix 须为 {k} 行 {k} 列（行为图上类别，列为参考类别）",
            f"the matrix must have {k} rows (map) and {k} columns (reference)",
            "matrix",
        )
    total = float(areas.sum())
    weight = areas / total
    size = n.sum(axis=-1)
    _sampled(size, weight)
    with np.errstate(invalid="ignore", divide="ignore"):
        row = np.where(size[..., None] > 0, n / size[..., None], 0.0)
        # Variance of each share of a row; rows without area add nothing, whatever they hold.
        spread = row * (1 - row) / (size[..., None] - 1)
        counted = np.where(weight[:, None] > 0, spread, 0.0)
        cells = weight[:, None] * row
        share = cells.sum(axis=-2)
        share_v = (weight[:, None] ** 2 * counted).sum(axis=-2)
        hit = np.diagonal(row, axis1=-2, axis2=-1)
        hit_v = np.diagonal(spread, axis1=-2, axis2=-1)
        agree_v = np.diagonal(counted, axis1=-2, axis2=-1)
        users = np.where(size > 0, hit, np.nan)
        producers = weight * hit / share
        others = share_v - weight**2 * agree_v
        producers_v = (
            weight**2 * (1 - producers) ** 2 * agree_v + producers**2 * others
        ) / share**2
    return Estimates(
        total=total,
        share=share,
        share_se=_root(share_v),
        users=users,
        users_se=_root(np.where(size > 0, hit_v, np.nan)),
        producers=producers,
        producers_se=_root(producers_v),
        overall=np.asarray((weight * hit).sum(axis=-1)),
        overall_se=_root((weight**2 * agree_v).sum(axis=-1)),
        cells=cells,
    )


def by_stratum(counts: ArrayLike, areas: ArrayLike, units: ArrayLike | None = None) -> Estimates:
    """Stehman 2014. counts: [h, k, k] by stratum, map class and reference class.

    areas: [h] of the strata, any unit. ``units``: how many sampling units (pixels)
    each stratum has, for the correction of finite populations; without it strata
    count as much larger than their samples. Raises `Rejected` (E_ACCURACY,
    E_SAMPLE_FEW).
    """
    n, size_of = counts_of(counts, 3), _areas(areas)
    if n.ndim != 3 or len(n) != len(size_of) or n.shape[1] != n.shape[2]:
        raise _refused(
            "每个层须有一个计数矩阵和一个面积",
            "each stratum needs one matrix of counts and one area",
            "strata",
        )
    total = float(size_of.sum())
    weight = size_of / total
    size = n.sum(axis=(1, 2))
    _sampled(size, weight)
    with np.errstate(invalid="ignore", divide="ignore"):
        cells = np.where(size[:, None, None] > 0, n / size[:, None, None], 0.0)
        finite = 1.0 if units is None else 1.0 - size / np.asarray(units, dtype=np.float64)
        # Variance of a stratum's mean is this factor times p (1 - p).
        factor = np.where(weight > 0, weight**2 * finite / (size - 1), 0.0)
        reference, mapped = cells.sum(axis=1), cells.sum(axis=2)
        both = np.diagonal(cells, axis1=1, axis2=2)
        agree = both.sum(axis=1)
        share = weight @ reference
        users, users_v = _ratio(both, mapped, weight, factor)
        producers, producers_v = _ratio(both, reference, weight, factor)
    return Estimates(
        total=total,
        share=share,
        share_se=_root(factor @ (reference * (1 - reference))),
        users=users,
        users_se=_root(users_v),
        producers=producers,
        producers_se=_root(producers_v),
        overall=np.asarray(weight @ agree),
        overall_se=_root(np.asarray(factor @ (agree * (1 - agree)))),
        cells=np.einsum("h,hij->ij", weight, cells),
    )


def _ratio(part: Floats, whole: Floats, weight: Floats, factor: Floats) -> tuple[Floats, Floats]:
    """Ratio of two means [h, k], one of them part of the other, and its variance (eq. 28)."""
    below = weight @ whole
    ratio = weight @ part / below
    # Of indicators, the covariance with the whole that holds the part is p_part (1 - p_whole).
    spread = (
        part * (1 - part)
        + ratio**2 * whole * (1 - whole)
        - 2 * ratio * part * (1 - whole)
    )  # fmt: skip
    return ratio, factor @ np.maximum(spread, 0.0) / below**2


def _root(variance: Floats) -> Floats:
    return np.sqrt(np.maximum(variance, 0.0))


def counts_of(values: ArrayLike, dimensions: int) -> Floats:
    try:
        counts = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:  # ragged rows
        raise _refused("各行长度须相同", "the rows must have one length", "matrix") from error
    fits = counts.ndim >= dimensions and 0 < counts.shape[-1] <= MOST_CLASSES
    if not fits or not np.isfinite(counts).all() or (counts < 0).any() or (counts % 1).any():
        raise _refused(
            f"样本数须为非负整数，类别不超过 {MOST_CLASSES} 个",
            f"counts of samples must be whole numbers from 0, of at most {MOST_CLASSES} classes",
            "matrix",
        )
    return counts


def _areas(values: ArrayLike) -> Floats:
    areas = np.asarray(values, dtype=np.float64)
    if areas.ndim != 1 or not np.isfinite(areas).all() or (areas < 0).any() or not areas.sum() > 0:
        raise _refused(
            "面积须为非负数，且不全为零",
            "areas must be numbers from 0, not all of them 0",
            "map_areas",
        )
    return areas


def _sampled(size: Floats, weight: Floats) -> None:
    empty = ((size == 0) & (weight > 0)).reshape(-1, size.shape[-1]).any(axis=0)
    if empty.any():
        listed = ", ".join(str(at + 1) for at in np.flatnonzero(empty))
        raise Rejected(
            "E_SAMPLE_FEW",
            f"第 {listed} 层有面积而没有样本，面积无法估计",
            f"stratum {listed} has area but no sample: its area cannot be estimated",
            where="matrix",
            fix=(
                "请在该层补充至少 2 个随机样本，或在抽样设计允许时与相近的层合并",
                "add at least 2 random samples there, or merge it with a like stratum",
            ),
        )


def _refused(zh: str, en: str, where: str) -> Rejected:
    return Rejected("E_ACCURACY", zh, en, where=where)
