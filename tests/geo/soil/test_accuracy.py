"""Area estimation: the published tables, the erratum, hand-worked cases and coverage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st

from data.demo import landscape, scenes
from geo.errors import Rejected
from geo.soil import raster
from geo.soil.accuracy import Z95, by_class, by_stratum
from geo.soil.allocation import allocate, sample_size
from geo.soil.classify import Classifier
from geo.soil.grading import Gradings
from geo.soil.indices import get

pytestmark = pytest.mark.unit

#: Olofsson et al. 2014, tables 8 and 9: deforestation, gain, stable forest, stable non-forest.
MATRIX = [[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]]
HECTARES = [18_000.0, 13_500.0, 288_000.0, 580_500.0]


def test_olofsson_2014() -> None:
    found = by_class(MATRIX, HECTARES)
    assert found.share == pytest.approx([0.023509, 0.012985, 0.317522, 0.645985], abs=5e-7)
    assert found.area == pytest.approx([21157.76, 11686.15, 285769.93, 581386.15], abs=0.006)
    assert found.area_se == pytest.approx([3141.65, 1916.24, 7913.18, 8306.97], abs=0.006)
    assert Z95 * found.area_se == pytest.approx([6157.63, 3755.83, 15509.84, 16281.66], abs=0.006)
    assert found.users == pytest.approx([0.88, 0.7333, 0.9273, 0.9631], abs=5e-5)
    assert Z95 * found.users_se == pytest.approx([0.0740, 0.1008, 0.0397, 0.0205], abs=5e-5)
    assert found.producers == pytest.approx([0.7487, 0.8472, 0.9345, 0.9616], abs=5e-5)
    assert found.overall == pytest.approx(0.94651, abs=5e-6)
    assert Z95 * found.overall_se == pytest.approx(0.01848, abs=5e-6)
    assert found.cells.sum() == pytest.approx(1.0)


def test_erratum_of_equation_7() -> None:
    """Each class has its own accuracy in the second term, unlike the paper's spreadsheet."""
    found = by_class(MATRIX, HECTARES)
    printed = Z95 * found.producers_se
    assert printed == pytest.approx([0.2133, 0.2544, 0.0343, 0.0184], abs=5e-5)

    # What the spreadsheet does: the accuracy of class 1 for all.
    n, w = np.array(MATRIX, dtype=float), np.array(HECTARES) / 900_000
    size = n.sum(axis=1)
    spread = (n / size[:, None]) * (1 - n / size[:, None]) / (size - 1)[:, None]
    own = np.diagonal(spread)
    others = (w[:, None] ** 2 * spread).sum(axis=0) - w**2 * own
    first = found.producers[0]
    wrong = w**2 * (1 - found.producers) ** 2 * own + first**2 * others
    wrong = Z95 * np.sqrt(wrong) / found.share
    assert wrong == pytest.approx([0.2133, 0.2250, 0.0275, 0.0143], abs=5e-5)
    assert (np.abs(printed - wrong)[1:] > 0.004).all()


def test_olofsson_2013() -> None:
    found = by_class([[97, 0, 3], [3, 279, 18], [2, 1, 97]], [22_353, 1_122_543, 610_228])
    assert found.area == pytest.approx([45112.40, 1050067.27, 659944.33], abs=0.006)
    assert found.area_se[0] == pytest.approx(10751.40, abs=0.006)
    assert Z95 * found.area_se == pytest.approx([21072.75, 34598.01, 36526.28], abs=0.006)
    assert (found.overall, Z95 * found.overall_se) == pytest.approx((0.94442, 0.02188), abs=6e-6)
    assert found.producers == pytest.approx([0.48063, 0.99419, 0.89693], abs=6e-6)
    assert Z95 * found.producers_se == pytest.approx([0.22453, 0.01133, 0.04121], abs=6e-6)


def test_mini_case_by_hand() -> None:
    """Saline 400 ha of 1,000: 400*.9 + 600*.2 = 480; variance .16*.09/49 + .36*.16/49."""
    found = by_class([[45, 5], [10, 40]], [400, 600])
    assert found.area == pytest.approx([480, 520])
    se = 1000 * np.sqrt(0.16 * 0.09 / 49 + 0.36 * 0.16 / 49)
    assert found.area_se == pytest.approx([se, se])
    assert (se, Z95 * se) == pytest.approx((38.33, 75.13), abs=0.005)
    assert float(found.overall) == pytest.approx(0.84)
    assert found.producers == pytest.approx([0.75, 480 / 520])


def test_stehman_2014() -> None:
    """The numerical example of the paper: 40 samples in four strata, four classes."""
    stratum = "A" * 10 + "B" * 10 + "C" * 10 + "D" * 10
    mapped = "A" * 7 + "B" * 3 + "A" + "B" * 11 + "C" * 6 + "BB" + "D" * 10
    reference = "AAAAACBABC" + "ABBBBBAABB" + "CCCCCDDBBA" + "DDDDDDDCCB"
    counts = np.zeros((4, 4, 4))
    for where in zip(stratum, mapped, reference, strict=True):
        counts[tuple("ABCD".index(c) for c in where)] += 1
    pixels = [40_000, 30_000, 20_000, 10_000]
    found = by_stratum(counts, pixels, pixels)
    assert (found.share[0], found.share_se[0]) == pytest.approx((0.35, 0.082), abs=5e-4)
    assert (found.share[2], found.share_se[2]) == pytest.approx((0.20, 0.064), abs=5e-4)
    assert (found.overall, found.overall_se) == pytest.approx((0.63, 0.085), abs=5e-4)
    assert (found.users[1], found.users_se[1]) == pytest.approx((0.574, 0.125), abs=5e-4)
    assert (found.producers[1], found.producers_se[1]) == pytest.approx((0.794, 0.116), abs=6e-4)
    assert found.cells[1, 2] == pytest.approx(0.08)


def test_both_estimators_agree_where_strata_are_the_classes() -> None:
    counts = np.zeros((4, 4, 4))
    counts[np.arange(4), np.arange(4)] = MATRIX
    one, other = by_class(MATRIX, HECTARES), by_stratum(counts, HECTARES)
    for name in ("share", "share_se", "users", "users_se", "producers", "producers_se", "overall",
                 "overall_se", "cells"):  # fmt: skip
        assert getattr(other, name) == pytest.approx(getattr(one, name), rel=1e-9), name


@given(
    st.lists(st.lists(st.integers(0, 60), min_size=3, max_size=3), min_size=3, max_size=3).filter(
        lambda rows: all(sum(row) >= 2 for row in rows)
    ),
    st.lists(st.floats(1e-3, 1e12), min_size=3, max_size=3),
)
@settings(max_examples=40, deadline=None)
def test_areas_close_and_do_not_depend_on_the_unit(rows: list, areas: list) -> None:
    found, twice = by_class(rows, areas), by_class(rows, np.array(areas) * 1e4)
    assert found.area.sum() == pytest.approx(sum(areas), rel=1e-9)
    assert twice.share_se == pytest.approx(found.share_se, rel=1e-9, abs=1e-12)
    known = ~np.isnan(found.producers)
    assert ((found.producers >= -1e-12) & (found.producers <= 1 + 1e-12))[known].all()


def test_counts_of_pixels_do_not_overflow() -> None:
    small = by_class(MATRIX, HECTARES)
    large = by_class(np.array(MATRIX, np.int32), np.array(HECTARES, np.int64) * 10**8)
    assert large.producers_se == pytest.approx(small.producers_se, rel=1e-12)
    assert large.area_se == pytest.approx(small.area_se * 1e8, rel=1e-12)


def test_strata_with_too_few_samples() -> None:
    one = by_class([[1, 0], [3, 7]], [10, 90])
    assert one.area == pytest.approx([37, 63])
    assert np.isnan(one.area_se).all()
    assert np.isnan(one.users_se[0])
    with pytest.raises(Rejected) as none:
        by_class([[0, 0], [3, 7]], [10, 90])
    assert none.value.code == "E_SAMPLE_FEW"
    assert "1" in none.value.detail[1]
    # A class that the map has not: nothing to sample, and its omissions still count.
    absent = by_class([[0, 0], [3, 7]], [0, 90])
    assert absent.area == pytest.approx([27, 63])
    assert np.isnan(absent.users[0])
    assert absent.producers[0] == 0.0


@pytest.mark.parametrize(
    ("matrix", "areas"),
    [
        ([[1, 2], [3, 4], [5, 6]], [1, 2]),
        ([[1, 2], [3]], [1, 2]),
        ([[1, -2], [3, 4]], [1, 2]),
        ([[1, 0.5], [3, 4]], [1, 2]),
        ([[1, float("nan")], [3, 4]], [1, 2]),
        ([[1, 2], [3, 4]], [0, 0]),
        ([[1, 2], [3, 4]], [-1, 2]),
        ([[1, 2], [3, 4]], [float("inf"), 2]),
    ],
)
def test_what_is_no_error_matrix(matrix: list, areas: list) -> None:
    with pytest.raises(Rejected) as error:
        by_class(matrix, areas)
    assert error.value.code == "E_ACCURACY"


def test_sample_size_and_allocation() -> None:
    """Olofsson et al. 2014, section 5.1: 640.54, so 641."""
    weights, users = [0.02, 0.015, 0.32, 0.645], [0.7, 0.6, 0.9, 0.95]
    assert sample_size(weights, users, 0.01) == 641
    assert allocate(641, weights, "proportional", minimum=0).tolist() == [13, 10, 205, 413]
    assert allocate(641, weights, "equal").tolist() == [161, 160, 160, 160]
    # The paper's choice: 75 or so for the rare classes, the rest by area.
    rare = allocate(641, weights, "proportional", minimum=75)
    assert rare.tolist() == [75, 75, 163, 328]
    neyman = allocate(641, weights, "optimal", users=users, minimum=0)
    pull = np.array(weights) * np.sqrt(np.array(users) * (1 - np.array(users)))
    assert np.abs(neyman - 641 * pull / pull.sum()).max() < 1
    assert neyman.sum() == 641
    assert allocate(50, [0.5, 0.5, 0.0], "equal", available=[5, 100, 0]).tolist() == [5, 45, 0]
    assert allocate(3, [0.2, 0.3, 0.5], minimum=5).tolist() == [5, 5, 5]


@given(
    st.integers(1, 3000),
    st.lists(st.just(0.0) | st.floats(1e-6, 1e6), min_size=1, max_size=8).filter(any),
    st.sampled_from(["proportional", "equal"]),
    st.integers(0, 40),
)
@settings(max_examples=50, deadline=None)
def test_allocations_add_up(size: int, weights: list, how: str, minimum: int) -> None:
    given_ = allocate(size, weights, how, minimum=minimum)  # type: ignore[arg-type]
    full = np.array(weights) > 0
    assert given_.sum() == max(size, minimum * full.sum())
    assert (given_[full] >= minimum).all()
    assert (given_[~full] == 0).all()


@pytest.fixture(scope="module")
def demo_population(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """Pixels of a demonstration scene by grade on the map and true grade, int64[5, 5]."""
    folder = tmp_path_factory.mktemp("scenes")
    nowhere = scenes.Fields(np.empty(0, object), np.empty(0, "U8"), np.empty(0, np.int64))
    scene = scenes.write_scenes(folder, landscape, nowhere, (768, 512))[0]
    grading = Gradings.load(Path(__file__).parents[3] / "data").resolve("demo-si-gr")
    classifier = Classifier(scene, get("si_gr"), grading, ("scl", "water", "vegetation"))
    with raster.Reader.open(folder, scene) as reader:
        seen = classifier.codes(reader, (0, 0, scene.width, scene.height))
    with rasterio.open(folder / f"truth_{scene.path}") as file:
        truth = file.read(1)
    graded = seen < 5
    both = seen[graded].astype(np.int64) * 5 + truth[graded]
    return np.bincount(both, minlength=25).reshape(5, 5)


def test_intervals_cover_the_truth_of_the_demonstration(demo_population: np.ndarray) -> None:
    """1,000 stratified random samples of the demonstration scene against its stored truth.

    The 95 % intervals of the areas of all grades together hold the truth in 93 to 97 %.
    """
    pixels = demo_population.astype(np.float64)  # [map, truth]
    mapped, truth = pixels.sum(axis=1), pixels.sum(axis=0)
    size = allocate(1500, mapped, "proportional", minimum=150)
    rng = np.random.default_rng(20260508)
    drawn = np.stack(
        [rng.multinomial(n, row / row.sum(), 1000) for n, row in zip(size, pixels, strict=True)],
        axis=1,
    )
    found = by_class(drawn, mapped)
    inside = np.abs(found.area - truth) <= Z95 * found.area_se
    assert 0.93 <= inside.mean() <= 0.97
    assert (inside.mean(axis=0) > 0.90).all()
    right = np.trace(pixels) / pixels.sum()
    assert 0.93 <= (np.abs(found.overall - right) <= Z95 * found.overall_se).mean() <= 0.97
    # The map alone is biased: this is what the estimate is for.
    assert (np.abs(mapped - truth) / truth).max() > 0.02
