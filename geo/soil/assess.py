"""A map's accuracy as an answer: areas with intervals where the design allows them.

Estimators hold for probability samples only. Without one the areas of the map are
given as they are, and intervals are refused with the reason: a sample that people
chose, or the hold-out of a training set, says nothing about the land it left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.errors import Rejected
from geo.layers import Text
from geo.soil.accuracy import Z95, Estimates, by_class, by_stratum
from geo.units import from_unit, hectares, mu

Design = Literal["stratified_random", "simple_random", "systematic", "purposive", "unknown"]
Unit = Literal["pixels", "m2", "ha", "mu"]
PROBABILITY = ("stratified_random", "simple_random", "systematic")
#: Below so many samples in a stratum the normal interval is narrower than it should be.
ENOUGH = 30

_OLOFSSON = Text(
    zh="分层估计（Olofsson 等 2014，式 4-10；式 7 第二项取各类自己的生产者精度，见勘误）",
    en="stratified estimation (Olofsson et al. 2014, eqs 4-10; the second term of eq. 7 with each "
    "class's own producer's accuracy, see the erratum)",
)
_STEHMAN = Text(
    zh="层与图上类别不同时的分层估计（Stehman 2014，式 2、3、25、28）",
    en="stratified estimation with strata other than the classes (Stehman 2014, eqs 2, 3, 25, 28)",
)
_DESIGNS = {
    "stratified_random": Text(zh="分层随机抽样", en="stratified random sample"),
    "simple_random": Text(
        zh="简单随机抽样：按图上类别事后分层，方差以各类样本数为条件",
        en="simple random sample: post-stratified by map class, variances conditional on the "
        "counts by class",
    ),
    "systematic": Text(
        zh="系统抽样：按图上类别事后分层，方差借用简单随机抽样公式，通常偏大（保守）",
        en="systematic sample: post-stratified by map class; variances are those of a simple "
        "random sample, usually too large (cautious)",
    ),
}
_REFUSED = {
    "purposive": Text(
        zh="样点是人为选定的（或是训练样本的留出部分），不是概率抽样：不能推断未抽到的土地，"
        "因此不给出校正面积、精度和置信区间，面积为图上面积",
        en="the samples were chosen by people, or held out of a training set: this is no "
        "probability sample and says nothing about land it left out, so no adjusted areas, "
        "accuracies or intervals are given; areas are those of the map",
    ),
    "unknown": Text(
        zh="没有说明抽样设计：无法判断是否为概率抽样，因此不给出校正面积、精度和置信区间，面积为图上面积",
        en="the sampling design is not stated, so adjusted areas, accuracies and intervals are "
        "not given; areas are those of the map",
    ),
}
_FIX = Text(
    zh="用 POST /soil/sample-designs 抽取分层随机样点，实地核查后重新计算",
    en="draw stratified random points with POST /soil/sample-designs, visit them and ask again",
)


@dataclass(frozen=True)
class Assessment:
    """``estimates`` is None where the design allows none; ``refused`` then says why.

    ``map_m2``: [k] area of each class on the map. ``counts``: sample counts [map,
    reference]. ``strata``: (name, samples) of each stratum.
    """

    classes: tuple[str, ...]
    design: Design
    map_m2: NDArray[np.float64]
    counts: NDArray[np.float64]
    estimates: Estimates | None
    method: Text
    strata: tuple[tuple[str, int], ...]
    refused: Text | None = None
    warnings: tuple[Text, ...] = ()

    @property
    def intervals(self) -> bool:
        found = self.estimates
        return found is not None and bool(np.isfinite(found.area_se).all())


def assess(
    classes: Sequence[str], matrix: ArrayLike, map_m2: ArrayLike, design: Design
) -> Assessment:
    """Strata are the classes. Raises `Rejected` as `geo.soil.accuracy.by_class`."""
    names, areas = tuple(classes), np.asarray(map_m2, dtype=np.float64)
    found = by_class(matrix, areas) if design in PROBABILITY else None
    counts = np.asarray(matrix, dtype=np.float64)
    strata = tuple(zip(names, counts.sum(axis=1).astype(int).tolist(), strict=True))
    return _told(names, design, areas, counts, found, _OLOFSSON, strata, counts)


def assess_strata(
    classes: Sequence[str],
    strata: Sequence[str],
    counts: ArrayLike,
    stratum_m2: ArrayLike,
    map_m2: ArrayLike | None,
    design: Design,
    pixel_m2: float | None = None,
) -> Assessment:
    """Strata are not the classes. counts: [h, k, k]; raises as `by_stratum`.

    Without ``map_m2`` the areas of the map are estimated from the sample, too.
    """
    names, n = tuple(classes), np.asarray(counts, dtype=np.float64)
    areas = np.asarray(stratum_m2, dtype=np.float64)
    found = None
    if design in PROBABILITY:
        found = by_stratum(n, areas, areas / pixel_m2 if pixel_m2 else None)
    on_map = np.full(len(names), np.nan) if map_m2 is None else np.asarray(map_m2, dtype=np.float64)
    if map_m2 is None and found is not None:
        on_map = found.cells.sum(axis=1) * found.total
    sizes = tuple(zip(strata, n.sum(axis=(1, 2)).astype(int).tolist(), strict=True))
    return _told(
        names, design, on_map, n.sum(axis=0), found, _STEHMAN, sizes, n.reshape(len(n), -1)
    )


def _told(
    names: tuple[str, ...],
    design: Design,
    map_m2: NDArray[np.float64],
    counts: NDArray[np.float64],
    found: Estimates | None,
    method: Text,
    strata: tuple[tuple[str, int], ...],
    rows: NDArray[np.float64],
) -> Assessment:
    if found is None:
        nothing = Text(zh="图上面积，未作估计", en="areas of the map, nothing is estimated")
        return Assessment(
            names, design, map_m2, counts, None, nothing, strata, _REFUSED[design], (_FIX,)
        )
    how = Text(
        zh=f"{_DESIGNS[design].zh}；{method.zh}；区间 = 估计值 ± {Z95} 标准误",
        en=f"{_DESIGNS[design].en}; {method.en}; intervals are the estimate ± {Z95} standard "
        "errors",
    )
    return Assessment(
        names, design, map_m2, counts, found, how, strata, None, tuple(_warnings(strata, rows))
    )


def _warnings(strata: tuple[tuple[str, int], ...], rows: NDArray[np.float64]) -> list[Text]:
    told = []
    single = [name for name, size in strata if size == 1]
    few = [name for name, size in strata if 2 <= size < ENOUGH]
    agreed = [
        name
        for (name, size), row in zip(strata, rows, strict=True)
        if size > 1 and np.count_nonzero(row) == 1
    ]
    if single:
        told.append(
            Text(
                zh=f"{'、'.join(single)} 只有 1 个样本，方差无法估计，区间为空：请补充样本或合并层",
                en=f"{', '.join(single)}: one sample gives no variance, so there are no intervals; "
                "add samples or merge strata",
            )
        )
    if few:
        told.append(
            Text(
                zh=f"{'、'.join(few)} 样本不足 {ENOUGH} 个，区间可能偏窄",
                en=f"{', '.join(few)}: fewer than {ENOUGH} samples, intervals may be too narrow",
            )
        )
    if agreed:
        told.append(
            Text(
                zh=f"{'、'.join(agreed)} 的样本全部一致，该层方差按 0 计，低估了不确定性",
                en=f"{', '.join(agreed)}: all samples agree, its variance counts as 0, which "
                "understates the uncertainty",
            )
        )
    return told


def table(found: Assessment) -> list[dict[str, Any]]:
    """A row a class: areas in m², ha and mu with standard errors and intervals, accuracies.

    ``ci95_*`` is half the width of the interval; None where nothing can be said.
    """
    rows = []
    for at, name in enumerate(found.classes):
        row: dict[str, Any] = {
            "class": name,
            "samples_map": int(found.counts[at].sum()),
            "samples_reference": int(found.counts[:, at].sum()),
        }
        row |= _areas("map_area", float(found.map_m2[at]))
        estimates = found.estimates
        area = float(found.map_m2[at]) if estimates is None else float(estimates.area[at])
        se = np.nan if estimates is None else float(estimates.area_se[at])
        row |= _areas("area", area) | _areas("se", se) | _areas("ci95", Z95 * se)
        low, high = max(0.0, area - Z95 * se) if np.isfinite(se) else np.nan, area + Z95 * se
        row["interval95_ha"] = [number(hectares(low)), number(hectares(high))]
        for kind in ("users", "producers"):
            value = np.nan if estimates is None else float(getattr(estimates, kind)[at])
            error = np.nan if estimates is None else float(getattr(estimates, f"{kind}_se")[at])
            row |= accuracy_of(kind, value, error)
        rows.append(row)
    return rows


def accuracy_of(kind: str, value: float, se: float) -> dict[str, float | None]:
    """An accuracy with its standard error and half the width of its interval."""
    return {
        kind: number(value),
        f"{kind}_se": number(se),
        f"{kind}_ci95": number(Z95 * se),
    }


def _areas(name: str, m2: float) -> dict[str, float | None]:
    return {
        f"{name}_m2": number(m2),
        f"{name}_ha": number(hectares(m2)),
        f"{name}_mu": number(mu(m2)),
    }


def square_metres(
    values: ArrayLike, unit: Unit, pixel_m2: float | None = None
) -> NDArray[np.float64]:
    """Areas as m². Raises `Rejected` (E_ACCURACY): pixels need the size of one."""
    array = np.asarray(values, dtype=np.float64)
    if unit != "pixels":
        return from_unit(array, unit)
    if pixel_m2 is None:
        raise Rejected(
            "E_ACCURACY",
            "面积以像元计时须给出 pixel_area_m2（如 10 米像元为 100，30 米为 900）",
            "areas in pixels need pixel_area_m2 (100 for pixels of 10 m, 900 for 30 m)",
            where="pixel_area_m2",
        )
    return array * pixel_m2


def number(value: float) -> float | None:
    """JSON has no NaN: None where nothing can be said."""
    return float(value) if np.isfinite(value) else None
