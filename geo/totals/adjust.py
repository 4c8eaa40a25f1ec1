"""Figures for reports: rounded parts that add up, and 面积平差 to a control area."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from geo.errors import Rejected
from geo.totals.rows import PER_UNIT
from geo.units import DECIMALS, SIZE, Unit, balanced, half_up

#: More would promise what no survey can hold.
MOST_DECIMALS = 6


@dataclass(frozen=True)
class Adjusted:
    """Parts that add up to ``control`` to the last digit, in ``unit``."""

    parts: tuple[Decimal, ...]
    control: Decimal
    coefficient: float
    difference: Decimal


def rounded(
    units: Sequence[int], unit: Unit, decimals: int | None = None
) -> tuple[list[Decimal], Decimal]:
    """Parts (whole units of `geo.totals.rows`) as they are reported: (parts, total).

    Rounded half up, then moved by at most one last digit so that they add up to the rounded
    total (强制调平, by largest remainder).
    """
    return balanced([Fraction(each, PER_UNIT) for each in units], unit, decimals)


def adjusted(
    units: Sequence[int], control: Decimal | float, unit: Unit, decimals: int | None = None
) -> Adjusted:
    """面积平差: every part times control / total, rounded by largest remainder.

    ``control`` is in ``unit`` and is rounded to ``decimals`` first. Raises `Rejected`
    E_PARAMETER when there is nothing that could be adjusted.
    """
    places = DECIMALS[unit] if decimals is None else decimals
    wanted = half_up(control, places)
    total = Fraction(sum(units), PER_UNIT)
    if total <= 0 or wanted <= 0:
        raise Rejected(
            "E_PARAMETER",
            "没有可以平差的面积，或控制面积不是正数",
            "There is no area to adjust, or the control area is not positive",
            where="adjust",
        )
    coefficient = Fraction(wanted) * SIZE[unit] / total
    parts, whole = balanced(
        [Fraction(each, PER_UNIT) * coefficient for each in units], unit, places
    )
    assert whole == wanted
    before = half_up(total / SIZE[unit], places)
    return Adjusted(tuple(parts), wanted, float(coefficient), wanted - before)
