"""Folds of samples that keep neighbours together, and how far errors reach.

Samples of one place resemble each other: a random fold tests a model on what it has
all but seen. Here a whole block of land, or a whole plot, is left out at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.errors import Rejected

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
#: Fewest blocks (or plots), and most folds that they are put into.
FEWEST_GROUPS, MOST_FOLDS = 4, 10


def blocks(xy: Floats, size_m: float) -> Ints:
    """Number of the square block of each place; xy: float64[n, 2], metres."""
    cell = np.floor(xy / size_m).astype(np.int64)
    return numbers(cell)


def numbers(keys: NDArray[Any]) -> Ints:
    """Equal rows (or values) get equal numbers from 0."""
    found = np.unique(keys, axis=0, return_inverse=True)[1]
    return np.asarray(found, dtype=np.int64).reshape(-1)


def folds(groups: Ints, seed: int) -> Ints:
    """Fold of each sample: whole groups, spread at random into folds of like sizes.

    Up to `MOST_FOLDS` groups each is a fold of its own. Raises `Rejected`
    (E_SAMPLE_FEW) below `FEWEST_GROUPS` groups.
    """
    size = np.bincount(groups)
    if len(size) < FEWEST_GROUPS:
        raise Rejected(
            "E_SAMPLE_FEW",
            f"样本只分布在 {len(size)} 个空间块（或地块）中，交叉验证至少需要 {FEWEST_GROUPS} 个",
            f"the samples lie in {len(size)} blocks (or plots); cross-validation needs "
            f"{FEWEST_GROUPS} at least",
            where="cv",
            fix=("减小空间块边长，或补充其他地方的样本",
                 "make the blocks smaller, or add samples from other places"),
        )  # fmt: skip
    count = min(MOST_FOLDS, len(size))
    order = np.random.default_rng(seed).permutation(len(size))
    order = order[np.argsort(-size[order], kind="stable")]
    load, fold = np.zeros(count), np.empty(len(size), dtype=np.int64)
    for group in order.tolist():  # the largest first, each to the emptiest fold
        at = int(load.argmin())
        fold[group] = at
        load[at] += size[group]
    return fold[groups]


@dataclass(frozen=True)
class Correlation:
    """How errors resemble each other with distance: (1 - nugget) exp(-d / range).

    ``area_m2``: land that carries one independent error, the integral of the
    correlation over the plane, 2 pi range² (1 - nugget). None where the samples do not tell.
    """

    range_m: float | None
    nugget: float | None
    area_m2: float | None
    pairs: int


def correlation(
    xy: Floats, residual: Floats, *, apart: Ints | None = None, most: int = 3000
) -> Correlation:
    """Fit an exponential model to the variogram of residuals (Cressie 1985, weights).

    xy: metres [n, 2]. ``apart``: pairs of one number are left out (several samples of one
    place). With fewer than 60 pairs within half of the extent nothing is said.
    """
    nothing = Correlation(None, None, None, 0)
    if len(xy) > most:
        keep = np.random.default_rng(0).choice(len(xy), most, replace=False)
        xy, residual = xy[keep], residual[keep]
        apart = None if apart is None else apart[keep]
    i, j = np.triu_indices(len(xy), 1)
    if apart is not None:
        other = apart[i] != apart[j]
        i, j = i[other], j[other]
    if not len(i):
        return nothing
    distance = np.hypot(*(xy[i] - xy[j]).T)
    reach = float(np.quantile(distance, 0.98)) / 2
    near = (distance <= reach) & (distance > 0)
    if near.sum() < 60:
        return nothing
    distance = distance[near]
    half = 0.5 * (residual[i[near]] - residual[j[near]]) ** 2
    edges = np.unique(np.quantile(distance, np.linspace(0, 1, 16)))
    bin_ = np.clip(np.searchsorted(edges, distance, "right") - 1, 0, len(edges) - 2)
    count = np.bincount(bin_, minlength=len(edges) - 1)
    full = count >= 5
    lag = np.bincount(bin_, distance, len(count))[full] / count[full]
    gamma = np.bincount(bin_, half, len(count))[full] / count[full]
    # The sill is the variance of the residuals, so that what is fitted is their correlation.
    sill = max(float(np.var(residual)), 1e-300)
    best = (np.inf, 0.0, 1.0)
    for scale in np.geomspace(max(lag.min() / 3, 1.0), reach, 60):
        for nugget in np.linspace(0, 1, 21):
            shape = nugget + (1 - nugget) * (1 - np.exp(-lag / scale))
            cost = float((count[full] * (gamma / sill / shape - 1) ** 2).sum())
            if cost < best[0] - 1e-12:
                best = (cost, float(scale), float(nugget))
    _, scale, nugget = best
    area = 2 * np.pi * scale**2 * (1 - nugget)
    return Correlation(scale, nugget, float(area), int(near.sum()))
