"""How many samples a map needs, and how they are shared out among its strata."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.errors import Rejected

Ints = NDArray[np.int64]
Allocation = Literal["proportional", "equal", "optimal"]
MOST_SAMPLES = 20_000


def sample_size(weights: ArrayLike, users: ArrayLike, overall_se: float) -> int:
    """Samples for a standard error of overall accuracy (Cochran 1977, eq. 5.25).

    n = (sum W_i S_i / S(O))^2 rounded up, S_i = sqrt(U_i (1 - U_i)), as Olofsson
    et al. 2014 (eq. 13) take it. weights: areas or shares [k]; users: expected
    user's accuracies [k]. Raises `Rejected` (E_SAMPLE_DESIGN).
    """
    w, spread = _weights(weights), deviation(users)
    if not (np.isfinite(overall_se) and 0 < overall_se < 1) or len(w) != len(spread):
        raise _refused(
            "overall_se 须在 0 与 1 之间，每层一个期望用户精度",
            "overall_se must lie between 0 and 1, with one expected accuracy a stratum",
        )
    size = float((w @ spread / overall_se) ** 2)
    if size > MOST_SAMPLES:
        raise _refused(
            f"需要 {size:,.0f} 个样本，超过 {MOST_SAMPLES:,}",
            f"{size:,.0f} samples would be needed, above {MOST_SAMPLES:,}",
        )
    # What is a whole number but for rounding stays one.
    return max(1, int(np.ceil(size - 1e-9)))


def deviation(users: ArrayLike) -> NDArray[np.float64]:
    """S = sqrt(U (1 - U)) of expected user's accuracies. E_SAMPLE_DESIGN outside 0..1."""
    u = np.asarray(users, dtype=np.float64)
    if not (np.isfinite(u).all() and (u >= 0).all() and (u <= 1).all()):
        raise _refused(
            "期望用户精度须在 0 与 1 之间", "expected user's accuracies must lie in 0..1"
        )
    return np.sqrt(u * (1 - u))


def allocate(
    size: int,
    weights: ArrayLike,
    how: Allocation = "proportional",
    *,
    users: ArrayLike | None = None,
    minimum: int = 2,
    available: ArrayLike | None = None,
) -> Ints:
    """Samples by stratum, int64[k], that add up to ``size`` (more where minima ask for more).

    "optimal" is Neyman's allocation n_i ~ W_i S_i and needs ``users``; "equal"
    serves user's accuracies, "proportional" the areas of the large classes. No
    stratum with area gets fewer than ``minimum`` (a variance needs 2), none more
    than ``available`` units. Remainders go to the largest fractions (Hamilton).
    Raises `Rejected` (E_SAMPLE_DESIGN).
    """
    w = _weights(weights)
    if how == "optimal":
        if users is None:
            raise _refused(
                "optimal 分配需要各层的期望用户精度", "optimal allocation needs expected accuracies"
            )
        pull = w * deviation(users)
    else:
        pull = w if how == "proportional" else (w > 0).astype(np.float64)
    if not pull.sum() > 0:
        pull = w
    if not 1 <= size <= MOST_SAMPLES or minimum < 0:
        raise _refused(
            f"样本数须为 1 到 {MOST_SAMPLES:,}", f"the sample must be 1 to {MOST_SAMPLES:,}"
        )
    most = np.where(w > 0, float(size + minimum * len(w)), 0.0)
    if available is not None:
        most = np.minimum(most, np.asarray(available, dtype=np.float64))
    least = np.minimum(np.where(w > 0, float(minimum), 0.0), most)
    wanted = int(np.clip(size, least.sum(), most.sum()))
    # One multiple of the pull, clipped to what each stratum must have and can give. What is a
    # billionth of the map has its minimum only.
    pull = np.where(pull < 1e-9 * pull.max(), 0.0, pull)
    low, high = 0.0, 2.0 * wanted / pull[pull > 0].min()
    for _ in range(200):
        middle = (low + high) / 2
        if np.clip(middle * pull, least, most).sum() < wanted:
            low = middle
        else:
            high = middle
    return _whole(np.clip(high * pull, least, most), least, most, wanted)


def _whole(ideal: NDArray[np.float64], least: NDArray[Any], most: NDArray[Any], size: int) -> Ints:
    """Whole numbers near ``ideal`` that add up to ``size``, by the largest remainders."""
    given = np.maximum(np.floor(ideal + 1e-9), least)
    while (missing := size - int(given.sum())) > 0:
        order = np.argsort(given - ideal, kind="stable")
        takes = order[given[order] < most[order]][:missing]
        if not len(takes):
            break
        given[takes] += 1
    return given.astype(np.int64)


def _weights(values: ArrayLike) -> NDArray[np.float64]:
    w = np.asarray(values, dtype=np.float64)
    if w.ndim != 1 or not np.isfinite(w).all() or (w < 0).any() or not w.sum() > 0:
        raise _refused("各层面积须为非负数，且不全为零", "areas of strata must be numbers from 0")
    return w / w.sum()


def _refused(zh: str, en: str) -> Rejected:
    return Rejected("E_SAMPLE_DESIGN", zh, en, where="sample")
