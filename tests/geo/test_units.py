"""Units: exact sizes, arrays, and one rounding at the end."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo import units

pytestmark = pytest.mark.unit


def test_one_mu_is_exactly_two_thousand_thirds():
    assert Fraction(2000, 3) == units.SQUARE_METRES_PER_MU
    assert units.exact(15, "mu", "ha") == 1
    assert units.exact(1, "km2", "mu") == 1500
    assert units.exact(10_000, "mu", "ha") == Fraction(2_000_000, 3000)


def test_targets_of_the_programme():
    # 761 万亩 = 507,333.33 ha = 5,073.33 km2
    m2 = units.exact(7_610_000, "mu", "m2")
    assert units.report(m2, "ha", 2) == Decimal("507333.33")
    assert units.report(m2, "km2", 2) == Decimal("5073.33")


def test_worked_plot():
    assert units.report(57499.78, "mu") == Decimal("86.2497")
    assert units.report(57499.78, "ha") == Decimal("5.7500")
    assert units.mu(57499.78) == pytest.approx(86.24967, abs=1e-9)


def test_arrays_keep_shape_and_nan():
    m2 = np.array([[0.0, 2000.0], [np.nan, 1e12]])
    np.testing.assert_array_equal(units.mu(m2), [[0, 3], [np.nan, 1.5e9]])
    np.testing.assert_array_equal(units.hectares(m2), [[0, 0.2], [np.nan, 1e8]])
    np.testing.assert_array_equal(units.from_unit(units.to_unit(m2, "km2"), "km2"), m2)


@settings(deadline=None)
@given(st.floats(0, 1e12), st.sampled_from(units.UNITS))
def test_there_and_back(value, unit):
    there = units.to_unit(value, unit)
    assert units.from_unit(there, unit) == pytest.approx(value, rel=1e-15, abs=1e-300)


@pytest.mark.parametrize(
    ("value", "decimals", "expected"),
    [
        (2.675, 2, "2.68"),  # the binary float is below the half
        (0.125, 2, "0.13"),
        (-0.125, 2, "-0.13"),
        (-0.001, 2, "0.00"),
        (Decimal("1.00005"), 4, "1.0001"),
        (Fraction(1, 3), 4, "0.3333"),
        (10**30, 2, "1" + "0" * 30 + ".00"),
        (np.float64(2.5), 0, "3"),
    ],
)
def test_half_up(value, decimals, expected):
    assert str(units.half_up(value, decimals)) == expected


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN")])
def test_nothing_to_round(value):
    with pytest.raises(ValueError, match="cannot round"):
        units.half_up(value, 2)


def test_unknown_unit():
    with pytest.raises(ValueError, match="unknown unit 'acre'"):
        units.to_unit(1.0, "acre")


@settings(deadline=None)
@given(st.lists(st.decimals(0, 10**9, places=4), max_size=20), st.sampled_from(units.UNITS))
def test_balanced_parts_add_up(parts, unit):
    rounded, total = units.balanced(parts, unit, 2)
    assert sum(rounded, Decimal(0)) == total
    assert total == units.half_up(units.exact(sum(parts, Decimal(0)), "m2", unit), 2)
    for part, value in zip(parts, rounded, strict=True):
        assert abs(Fraction(value) - units.exact(part, "m2", unit)) < Fraction(1, 100)
