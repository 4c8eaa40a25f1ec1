"""What the error of a model does to the figures of single plots: a Monte-Carlo of its residuals.

Each plot is represented by up to `MOST_POINTS` pixels on a regular grid. The model's
error is drawn as a Gaussian field with the RMSE and the correlation of held-out
residuals, the grades of the disturbed values are counted, and the shares are scaled
to the plot's graded area. Beside the percentiles stands the expected area, the sum of
each pixel's probability of a grade, which is less biased than counting near limits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.layers import Text
from geo.soil.grid import Grid

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Geometries = NDArray[np.object_]
MOST_POINTS = 200
DRAWS = 300
MOST_PLOTS = 20_000
PERCENTILES = (10, 50, 90)


@dataclass(frozen=True)
class Error:
    """A model's error: RMSE of held-out samples, range of its correlation (None: unknown, then
    a plot shares one error) and the share that neighbours do not share."""

    rmse: float
    range_m: float | None = None
    nugget: float = 0.0

    def correlation(self, metres: Floats) -> Floats:
        """Of errors at distances [m, m]; 1 on the diagonal."""
        if self.range_m is None:
            return np.ones_like(metres)
        shared: Floats = (1.0 - self.nugget) * np.exp(-metres / self.range_m)
        np.fill_diagonal(shared, 1.0)
        return shared


@dataclass(frozen=True)
class Intervals:
    """Of n plots and k grades. ``points``: seen pixels of each; NaN where none was.

    ``expected`` [n, k] and ``percentiles`` [n, 3, k] (10, 50, 90): shares of the graded area.
    """

    mean: Floats
    mean_se: Floats
    points: Ints
    expected: Floats
    percentiles: Floats


def method(error: Error, draws: int) -> Text:
    if error.range_m is None:
        zh, en = (
            "残差的空间相关不明，按整个地块共有一个误差处理（偏宽）",
            ("the correlation of residuals is not known, so each plot shares one error (wide)"),
        )
    else:
        zh, en = (
            f"残差相关：指数模型，变程 {error.range_m:.0f} 米，块金 {error.nugget:.2f}",
            f"residuals: exponential correlation, range {error.range_m:.0f} m, "
            f"nugget {error.nugget:.2f}",
        )
    return Text(
        zh=f"“模型假定”的区间：按留出样本的 RMSE {error.rmse:.3g} 模拟空间相关的残差场 {draws} 次；"
        f"{zh}；每个地块至多取 {MOST_POINTS} 个规则分布的像元；expected 为各像元属于该级的概率之和",
        en=f"“model-assumed” intervals: {draws} draws of a correlated residual field with the RMSE "
        f"{error.rmse:.3g} of held-out samples; {en}; up to {MOST_POINTS} pixels on a grid stand "
        "for a plot; expected is the sum of each pixel's probability of the grade",
    )


def points(zones: Geometries, grid: Grid) -> tuple[Floats, Ints]:
    """Pixel centres that stand for each zone: (column, row) [m, 2] and the zone of each.

    zones: valid polygons in the coordinates of the grid.
    """
    found, owner = [], []
    pixel = float(np.sqrt(abs(grid.transform.determinant)))
    boxes, area = shapely.bounds(zones), shapely.area(zones)
    for number in range(len(zones)):
        if not area[number] > 0:
            continue
        step = max(1, int(np.ceil(np.sqrt(area[number] / MOST_POINTS) / pixel)))
        low, high = np.sort(grid.to_pixels(boxes[number].reshape(2, 2)), axis=0)
        column = np.arange(np.floor(low[0]), np.ceil(high[0]), step) + 0.5
        row = np.arange(np.floor(low[1]), np.ceil(high[1]), step) + 0.5
        at = np.stack(np.meshgrid(column, row), axis=-1).reshape(-1, 2)
        t = grid.transform
        inside = shapely.contains_xy(
            zones[number],
            t.a * at[:, 0] + t.b * at[:, 1] + t.c,
            t.d * at[:, 0] + t.e * at[:, 1] + t.f,
        )
        found.append(at[inside])
        owner.append(np.full(int(inside.sum()), number))
    if not found:
        return np.empty((0, 2)), np.empty(0, dtype=np.int64)
    return np.concatenate(found), np.concatenate(owner).astype(np.int64)


def simulate(
    values: Floats,
    place: Floats,
    owner: Ints,
    plots: int,
    cuts: Sequence[float],
    error: Error,
    *,
    bounds: tuple[float, float] = (-np.inf, np.inf),
    draws: int = DRAWS,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Intervals:
    """values: predictions at points [m], NaN where masked; place: metres [m, 2]; owner: plot [m],
    ascending. A plot's draws depend on the seed and its number only."""
    from scipy.special import ndtr  # noqa: PLC0415 - loaded where it is used

    k, limits = len(cuts) + 1, np.asarray(cuts, dtype=np.float64)
    mean, mean_se = np.full(plots, np.nan), np.full(plots, np.nan)
    expected = np.full((plots, k), np.nan)
    percentiles = np.full((plots, len(PERCENTILES), k), np.nan)
    seen = np.isfinite(values)
    count = np.bincount(owner[seen], minlength=plots)
    values, place, owner = values[seen], place[seen], owner[seen]
    start = np.searchsorted(owner, np.arange(plots + 1))
    for plot in range(plots):
        rows = slice(start[plot], start[plot + 1])
        y, xy = values[rows], place[rows]
        if not len(y):
            continue
        correlation = error.correlation(np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1)))
        mean[plot] = y.mean()
        mean_se[plot] = error.rmse * np.sqrt(max(0.0, float(correlation.mean())))
        below = ndtr((limits[:, None] - y) / error.rmse) if error.rmse > 0 else y < limits[:, None]
        edges = np.concatenate([np.zeros((1, len(y))), below, np.ones((1, len(y)))])
        expected[plot] = np.diff(edges, axis=0).mean(axis=1)
        rng = np.random.default_rng((seed, plot))
        root = _root(correlation)
        drawn = y[:, None] + error.rmse * (root @ rng.standard_normal((root.shape[1], draws)))
        drawn = np.clip(drawn, *bounds)
        reached = np.stack([(drawn >= cut).mean(axis=0) for cut in limits]) if k > 1 else None
        above = np.concatenate([np.ones((1, draws)), reached, np.zeros((1, draws))])
        percentiles[plot] = np.percentile(above[:-1] - above[1:], PERCENTILES, axis=1)
        if progress is not None:
            progress((plot + 1) / plots)
    return Intervals(mean, mean_se, count.astype(np.int64), expected, percentiles)


def _root(correlation: Floats) -> Floats:
    """A square root of a correlation matrix; one column where all errors are one."""
    if (correlation == 1.0).all():
        return np.ones((len(correlation), 1))
    return np.asarray(np.linalg.cholesky(correlation + 1e-9 * np.eye(len(correlation))))
