"""How well predictions meet observations, and means of a map corrected by samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.errors import Rejected

Floats = NDArray[np.float64]


def fit(observed: ArrayLike, predicted: ArrayLike) -> dict[str, float]:
    """Measures of agreement [n]; NaN where they are not defined.

    r2 = 1 - SSE/SST (not the squared correlation: it falls when predictions are
    biased, and below 0 when the mean would do better). bias: observed minus
    predicted. ccc: Lin's concordance (1989, Biometrics 45:255). rpd, rpiq: standard
    deviation (n - 1) and interquartile range (linear percentiles) of what was
    observed, over the RMSE (Bellon-Maurel et al. 2010).
    """
    y, p = np.asarray(observed, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    error = y - p
    n = len(y)
    if not n:
        return dict.fromkeys(("r2", "rmse", "mae", "bias", "ccc", "rpd", "rpiq"), np.nan) | {"n": 0}
    rmse = float(np.sqrt(np.mean(error**2)))
    spread = float(((y - y.mean()) ** 2).sum())
    q1, q3 = np.percentile(y, [25, 75])
    covariance = float(np.mean((y - y.mean()) * (p - p.mean())))
    below = float(y.var() + p.var() + (y.mean() - p.mean()) ** 2)
    return {
        "n": n,
        "r2": 1.0 - float((error**2).sum()) / spread if spread > 0 else np.nan,
        "rmse": rmse,
        "mae": float(np.abs(error).mean()),
        "bias": float(error.mean()),
        "ccc": 2.0 * covariance / below if below > 0 else np.nan,
        "rpd": float(np.std(y, ddof=1)) / rmse if rmse > 0 and n > 1 else np.nan,
        "rpiq": float(q3 - q1) / rmse if rmse > 0 else np.nan,
    }


@dataclass(frozen=True)
class Mean:
    """A mean with its standard error and the half width of its 95 % interval (Student's t)."""

    mean: float
    se: float
    ci95: float
    n: int


def difference(map_mean: float, predicted: ArrayLike, observed: ArrayLike) -> Mean:
    """The map's mean plus the mean error of a simple random sample (Särndal et al. 1992, 6.3).

    map_mean: of all pixels; predicted, observed: [n] at the samples. Raises
    `Rejected` (E_SAMPLE_FEW) below two samples.
    """
    e = _errors(predicted, observed)
    se = float(np.sqrt(e.var(ddof=1) / len(e)))
    return _mean(map_mean + float(e.mean()), se, len(e), len(e) - 1)


def stratified_difference(
    map_mean: float,
    predicted: ArrayLike,
    observed: ArrayLike,
    stratum: ArrayLike,
    areas: ArrayLike,
) -> Mean:
    """The same for a stratified random sample: stratum [n] numbers from 0, areas [h]."""
    e, where = _errors(predicted, observed), np.asarray(stratum, dtype=np.int64)
    weight = np.asarray(areas, dtype=np.float64)
    weight = weight / weight.sum()
    size = np.bincount(where, minlength=len(weight)).astype(np.float64)
    if ((size < 2) & (weight > 0)).any():
        raise _few("每层至少需要 2 个样本", "every stratum needs 2 samples at least")
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(where, e, len(weight)) / size
        square = np.bincount(where, (e - mean[where]) ** 2, len(weight)) / (size - 1)
    used = weight > 0
    se = float(np.sqrt((weight[used] ** 2 * square[used] / size[used]).sum()))
    corrected = map_mean + float((weight[used] * mean[used]).sum())
    return _mean(corrected, se, len(e), len(e) - int(used.sum()))


def regression(map_mean: float, predicted: ArrayLike, observed: ArrayLike) -> Mean:
    """The regression (GREG) estimator of a simple random sample (Cochran 1977, 7.3)."""
    p, y = np.asarray(predicted, dtype=np.float64), np.asarray(observed, dtype=np.float64)
    _errors(p, y)
    n = len(y)
    across = float(((p - p.mean()) ** 2).sum())
    if n < 3 or across <= 0:
        raise _few(
            "回归估计至少需要 3 个预测值不同的样本",
            "the regression estimator needs 3 samples with different predictions",
        )
    slope = float(((p - p.mean()) * (y - y.mean())).sum()) / across
    left = y - y.mean() - slope * (p - p.mean())
    se = float(np.sqrt((left**2).sum() / (n - 2) / n))
    return _mean(float(y.mean()) + slope * (map_mean - float(p.mean())), se, n, n - 2)


def sample_mean(observed: ArrayLike) -> Mean:
    """The samples alone, without the map."""
    y = _errors(0.0 * np.asarray(observed, dtype=np.float64), observed)
    return _mean(float(y.mean()), float(y.std(ddof=1) / np.sqrt(len(y))), len(y), len(y) - 1)


def _errors(predicted: ArrayLike, observed: ArrayLike) -> Floats:
    p, y = np.asarray(predicted, dtype=np.float64), np.asarray(observed, dtype=np.float64)
    if p.shape != y.shape or y.ndim != 1 or not np.isfinite(p + y).all():
        raise Rejected(
            "E_ACCURACY",
            "predicted 与 observed 须为等长的有限数",
            "predicted and observed must be finite numbers, as many of one as of the other",
            where="predicted",
        )
    if len(y) < 2:
        raise _few("至少需要 2 个样本", "2 samples are needed at least")
    return y - p


def _few(zh: str, en: str) -> Rejected:
    return Rejected("E_SAMPLE_FEW", zh, en, where="samples")


def _mean(mean: float, se: float, n: int, freedom: int) -> Mean:
    from scipy.special import stdtrit  # noqa: PLC0415 - heavy, and rarely asked for

    return Mean(mean, se, float(stdtrit(freedom, 0.975)) * se, n)
