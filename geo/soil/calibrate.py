"""Fit a model of a soil property and judge it on land that it has not seen.

`calibrate` cross-validates by whole blocks of land (or plots), then fits the model
that is kept on all samples. What is reported is of held-out samples only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.errors import Rejected
from geo.soil import folds as spatial
from geo.soil import metrics
from geo.soil.folds import Correlation
from geo.soil.model import Forest, Kind, Model
from geo.soil.target import Target

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
TREES = 100
LEAF = 3  # fewest samples of a leaf


def needed(kind: Kind, features: int) -> int:
    """Fewest samples for a model of so many features."""
    return {
        "linear": max(20, 10 * (features + 1)),
        "plsr": max(30, 5 * features),
        "random_forest": 60,
    }[kind]


@dataclass(frozen=True)
class Calibration:
    """``predicted``: [n] of held-out samples, by ``fold``. ``per_fold``: a row a fold."""

    model: Model
    predicted: Floats
    fold: Ints
    overall: dict[str, float]
    per_fold: list[dict[str, float]]
    correlation: Correlation


def calibrate(
    x: NDArray[Any],
    y: Floats,
    xy: Floats,
    groups: Ints,
    *,
    target: Target,
    kind: Kind,
    names: tuple[str, ...],
    log: bool = False,
    seed: int = 0,
) -> Calibration:
    """x: features [n, p]; y: [n] in the target's unit; xy: metres; groups: [n] left out together.

    Raises `Rejected` (E_SAMPLE_FEW) when samples or groups are too few, E_SAMPLE_SAME
    when they do not vary.
    """
    enough(len(y), kind, len(names))
    _vary(x, y, names)
    if log and not (y > 0).all():
        raise Rejected(
            "E_SAMPLE_SAME",
            "有不大于 0 的值，不能取对数",
            "some values are not above 0 and have no logarithm",
            where="log",
        )
    fold = spatial.folds(groups, seed)
    predicted = np.empty(len(y))
    for number in range(int(fold.max()) + 1):
        out = fold == number
        held = _fit(x[~out], y[~out], groups[~out], target, kind, names, log, seed)
        predicted[out] = held.predict(x[out])
    return Calibration(
        model=_fit(x, y, groups, target, kind, names, log, seed),
        predicted=predicted,
        fold=fold,
        overall=metrics.fit(y, predicted),
        per_fold=[
            {"fold": number, **metrics.fit(y[fold == number], predicted[fold == number])}
            for number in range(int(fold.max()) + 1)
        ],
        correlation=spatial.correlation(xy, y - predicted),
    )


def enough(count: int, kind: Kind, features: int) -> None:
    """Raises `Rejected` (E_SAMPLE_FEW) that says how many are missing."""
    least = needed(kind, features)
    if count < least:
        raise Rejected(
            "E_SAMPLE_FEW",
            f"可用样本 {count} 个，{kind} 模型（{features} 个自变量）至少需要 {least} 个",
            f"{count} samples can be used; a {kind} model of {features} features needs {least}",
            where="samples",
            fix=(
                f"再补充至少 {least - count} 个样本，放宽 days，减少自变量或改用 linear",
                f"add {least - count} samples at least, widen days, or take fewer features or "
                "linear",
            ),
        )


def _vary(x: NDArray[Any], y: Floats, names: tuple[str, ...]) -> None:
    still = [name for name, column in zip(names, x.T, strict=True) if np.ptp(column) == 0]
    if np.ptp(y) == 0 or still:
        what = ", ".join(still) or "target"
        raise Rejected(
            "E_SAMPLE_SAME",
            f"样本的 {what} 没有变化，无法标定",
            f"{what} is the same in all samples: nothing can be calibrated",
            where="samples",
        )


def _fit(
    x: NDArray[Any],
    y: Floats,
    groups: Ints,
    target: Target,
    kind: Kind,
    names: tuple[str, ...],
    log: bool,
    seed: int,
) -> Model:
    wanted = np.log(y) if log else y
    common: dict[str, Any] = {
        "target": target.id,
        "kind": kind,
        "features": names,
        "log": log,
        "bounds": target.bounds,
        "seen": [(float(c.min()), float(c.max())) for c in x.T],
    }
    if kind == "random_forest":
        return Model(**common, forest=_forest(x, wanted, seed))
    wide = np.asarray(x, dtype=np.float64)
    if kind == "linear":
        return Model(**common, **_linear(wide, wanted))
    components = _components(wide, wanted, groups, seed)
    return Model(**common, **_plsr(wide, wanted, components), components=components)


def _linear(x: Floats, y: Floats) -> dict[str, Any]:
    from sklearn.linear_model import LinearRegression  # noqa: PLC0415 - seconds to load

    found = LinearRegression().fit(x, y)
    return {"intercept": float(found.intercept_), "coefficients": found.coef_.tolist()}


def _plsr(x: Floats, y: Floats, components: int) -> dict[str, Any]:
    """The latent components multiplied out: one coefficient a feature."""
    from sklearn.cross_decomposition import PLSRegression  # noqa: PLC0415

    found = PLSRegression(n_components=components, scale=True).fit(x, y)
    coefficients = np.asarray(found.coef_).reshape(-1)
    zero = float(np.asarray(found.predict(np.zeros((1, x.shape[1])))).reshape(-1)[0])
    return {"intercept": zero, "coefficients": coefficients.tolist()}


def _components(x: Floats, y: Floats, groups: Ints, seed: int) -> int:
    """Latent components with the least error on left-out groups of the training samples."""
    most = min(x.shape[1], 6, len(np.unique(groups)) - 1)
    inner = spatial.numbers(groups)
    if most < 2 or inner.max() + 1 < spatial.FEWEST_GROUPS:
        return 1
    fold = spatial.folds(inner, seed)
    cost = np.zeros(most)
    for number in range(int(fold.max()) + 1):
        out = fold == number
        for k in range(most):
            found = _plsr(x[~out], y[~out], k + 1)
            wrong = y[out] - found["intercept"] - x[out] @ np.array(found["coefficients"])
            cost[k] += float((wrong**2).sum())
    return int(cost.argmin()) + 1


def _forest(x: NDArray[Any], y: Floats, seed: int) -> Forest:
    from sklearn.ensemble import RandomForestRegressor  # noqa: PLC0415

    grown = RandomForestRegressor(
        n_estimators=TREES,
        min_samples_leaf=LEAF,
        max_features=max(1, round(x.shape[1] / 3)),
        random_state=seed,
        n_jobs=1,
    ).fit(x, y)
    return flat([tree.tree_ for tree in grown.estimators_])


def flat(trees: list[Any]) -> Forest:
    """scikit-learn's trees as arrays of nodes, children by their place among all nodes."""
    first = np.cumsum([0, *(tree.node_count for tree in trees)])
    left, right = (
        np.concatenate(
            [
                np.where(getattr(tree, side) < 0, -1, getattr(tree, side) + start)
                for tree, start in zip(trees, first, strict=False)
            ]
        )
        for side in ("children_left", "children_right")
    )
    leaf = left < 0
    return Forest(
        root=first[:-1].tolist(),
        feature=np.where(leaf, 0, np.concatenate([t.feature for t in trees])).tolist(),
        threshold=np.where(leaf, 0.0, np.concatenate([t.threshold for t in trees])).tolist(),
        left=left.tolist(),
        right=right.tolist(),
        value=np.concatenate([t.value.reshape(-1) for t in trees]).tolist(),
    )
