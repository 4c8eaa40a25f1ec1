"""Single plots: what changes can be told, synthetic areas, and Monte-Carlo intervals."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from affine import Affine

from geo.errors import Rejected
from geo.soil.change_limit import effective, mdc95, verdicts
from geo.soil.grid import Grid
from geo.soil.synthetic import synthetic
from geo.soil.uncertain import MOST_POINTS, Error, points, simulate

pytestmark = pytest.mark.unit


def test_minimum_detectable_change_of_the_best_regional_model() -> None:
    """RMSE .729 dS/m: 2.02 a pixel, .64 with ten independent errors, .20 with a hundred."""
    assert mdc95(0.729, [1.0, 10.0, 100.0]) == pytest.approx([2.02, 0.64, 0.20], abs=0.005)
    told = verdicts([-0.7, -0.6, 0.65, np.nan], [0.64] * 4)
    assert told == ["improved", "not_distinguishable", "worse", "not_observed"]


def test_independent_errors_within_a_plot() -> None:
    """The mean correlation of a square: simulated, its limits, and what a nugget averages out."""
    rng = np.random.default_rng(5)
    for side in (50.0, 500.0, 5000.0):
        a, b = rng.uniform(0, side, (2, 400_000, 2))
        mean = np.exp(-np.hypot(*(a - b).T) / 400).mean()
        assert effective([side**2], 400.0)[0] == pytest.approx(1 / mean, rel=0.01), side
    wide = 1e12
    assert effective([wide], 400.0)[0] == pytest.approx(wide / (2 * np.pi * 400**2), rel=0.01)
    assert effective([1.0, 1e4], None).tolist() == [1.0, 1.0]
    # Four fifths of the error are nobody else's: they vanish in the mean of many pixels.
    assert effective([1e5], 4000.0, 0.8)[0] == pytest.approx(5.0, rel=0.08)
    assert effective([100.0], 4000.0, 0.8)[0] == pytest.approx(1.0, rel=0.01)


def test_synthetic_areas_close_and_follow_the_matrix() -> None:
    """Mini case: a plot of 4 ha saline and 6 ha other: 4*.9 + 6*.2 = 4.8 ha."""
    matrix, mapped = [[45, 5], [10, 40]], np.array([[40_000.0, 60_000.0], [10_000.0, 0.0]])
    found = synthetic(matrix, mapped, [1300.0, 400.0], 10.0, 0.0)
    assert found.area[0] == pytest.approx([48_000, 52_000])
    assert found.area.sum(axis=1) == pytest.approx(mapped.sum(axis=1))
    se = np.sqrt(40_000**2 * 0.09 / 49 + 60_000**2 * 0.16 / 49)
    assert found.se[0] == pytest.approx([se, se])
    wide = synthetic(matrix, mapped, [1300.0, 400.0], 10.0, 5.0)
    boundary = 5 * np.sqrt(2 * 1300 * 10 * 0.48 * 0.52)
    assert wide.boundary_se[0] == pytest.approx([boundary, boundary])
    assert wide.se[0] == pytest.approx(np.hypot([se, se], boundary))
    with pytest.raises(Rejected) as few:
        synthetic([[1, 0], [10, 40]], mapped, [1, 1], 10, 5)
    assert few.value.code == "E_SAMPLE_FEW"
    with pytest.raises(Rejected) as unfit:
        synthetic(np.eye(3) * 9, mapped, [1, 1], 10, 5)
    assert unfit.value.code == "E_ACCURACY"


def test_points_of_plots() -> None:
    grid = Grid(400, 400, Affine(10, 0, 500_000, 0, -10, 5_000_000), "EPSG:32651")
    zones = np.array(
        [
            shapely.box(500_000, 4_999_000, 500_100, 4_999_100),  # 100 pixels
            shapely.box(501_000, 4_997_000, 503_000, 4_999_000),  # 40,000 pixels
            shapely.box(500_003, 4_999_003, 500_004, 4_999_004),  # no pixel's centre
        ],
        dtype=object,
    )
    at, owner = points(zones, grid)
    assert np.bincount(owner, minlength=3)[0] == 100
    assert 0.6 * MOST_POINTS < np.bincount(owner, minlength=3)[1] <= MOST_POINTS * 1.2
    assert np.bincount(owner, minlength=3)[2] == 0
    x, y = 500_000 + 10 * at[:, 0], 5_000_000 - 10 * at[:, 1]
    assert shapely.contains_xy(zones[owner], x, y).all()
    assert (at % 1 == 0.5).all()


def grid_of(n: int, step: float = 10.0) -> np.ndarray:
    return np.stack(np.meshgrid(np.arange(n), np.arange(n)), axis=-1).reshape(-1, 2) * step


def test_an_error_that_a_plot_shares_moves_it_as_a_whole() -> None:
    """All pixels at 8.6, limit 8.5, RMSE .5: P(grade 0) = P(e < -.1) = .4207 of all draws."""
    xy, values, owner = grid_of(10), np.full(100, 8.6), np.zeros(100, dtype=np.int64)
    whole = simulate(values, xy, owner, 1, [8.5], Error(0.5), draws=4000)
    assert whole.percentiles[0, :, 0].tolist() == [0.0, 0.0, 1.0]
    assert whole.expected[0] == pytest.approx([0.4207, 0.5793], abs=5e-5)
    assert whole.mean_se[0] == pytest.approx(0.5)
    # Errors that nobody shares leave nearly the same share in every draw.
    free = simulate(values, xy, owner, 1, [8.5], Error(0.5, 1.0, 0.0), draws=1000)
    assert free.percentiles[0, :, 0] == pytest.approx([0.358, 0.42, 0.485], abs=0.02)
    assert free.mean_se[0] == pytest.approx(0.05, rel=0.01)
    near = simulate(values, xy, owner, 1, [8.5], Error(0.5, 30.0, 0.0), draws=1000)
    width = np.diff(near.percentiles[0, [0, 2], 0])
    assert np.diff(free.percentiles[0, [0, 2], 0]) < width < 1


def test_expected_areas_are_less_biased_than_counting() -> None:
    """Truth 8.3 to 8.7 with a model that shrinks towards the mean: counting misses the tails."""
    rng = np.random.default_rng(2)
    truth = rng.normal(8.5, 0.6, 20_000)
    error = 0.4
    predicted = 8.5 + (1 - error**2 / 0.36) * (truth - 8.5)
    predicted += rng.normal(0, error * np.sqrt(1 - error**2 / 0.36), len(truth))
    owner = np.repeat(np.arange(100), 200)
    xy = np.tile(grid_of(15)[:200], (100, 1))
    found = simulate(predicted, xy, owner, 100, [9.1], Error(error, 1.0), draws=50)
    true = (truth >= 9.1).mean()
    assert abs(found.expected[:, 1].mean() - true) < 0.3 * abs((predicted >= 9.1).mean() - true)


def test_a_plot_depends_on_itself_alone_and_may_be_unseen() -> None:
    xy, values = grid_of(4), np.linspace(8, 9, 16)
    error = Error(0.3, 50.0, 0.2)
    owner = np.zeros(16, dtype=np.int64)
    one = simulate(values, xy, owner, 1, [8.5], error, seed=4)
    two = simulate(
        np.concatenate([values, np.full(16, np.nan)]), np.concatenate([xy, xy]),
        np.concatenate([owner, owner + 1]), 2, [8.5], error, seed=4,
    )  # fmt: skip
    assert np.array_equal(one.percentiles[0], two.percentiles[0])
    assert two.points.tolist() == [16, 0]
    assert np.isnan(two.mean[1])
    assert np.isnan(two.percentiles[1]).all()
