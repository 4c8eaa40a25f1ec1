"""Units of area: m², ha, 亩 (mu), km². 1 亩 is exactly 2000/3 m²; 1 ha is 15 亩.

Two kinds of arithmetic. For arrays and floats, one correctly rounded
multiplication or division by a whole number. For reports, exact rational
arithmetic and one rounding, half up, at the very end (the rule of the official
area methods): `report` and `balanced`.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, TypeVar, get_args

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Unit = Literal["m2", "ha", "mu", "km2"]
UNITS: tuple[Unit, ...] = get_args(Unit)

SQUARE_METRES_PER_MU = Fraction(2000, 3)
SQUARE_METRES_PER_HECTARE = Fraction(10_000)
SQUARE_METRES_PER_KM2 = Fraction(1_000_000)
#: Exact size of one unit, m².
SIZE: dict[Unit, Fraction] = {
    "m2": Fraction(1),
    "ha": SQUARE_METRES_PER_HECTARE,
    "mu": SQUARE_METRES_PER_MU,
    "km2": SQUARE_METRES_PER_KM2,
}
#: Names in (zh, en).
TITLE: dict[Unit, tuple[str, str]] = {
    "m2": ("平方米", "m²"),
    "ha": ("公顷", "ha"),
    "mu": ("亩", "mu"),
    "km2": ("平方千米", "km²"),
}
#: Decimals that the trade writes: TBMJ 0.01 m², review sheets 0.0001 亩 and 0.0001 ha.
DECIMALS: dict[Unit, int] = {"m2": 2, "ha": 4, "mu": 4, "km2": 6}

Number = TypeVar("Number", float, "NDArray[np.float64]")
Exact = float | int | Decimal | Fraction


def to_unit(m2: Number, unit: Unit) -> Number:
    """Square metres -> ``unit``; floats or arrays of any shape, NaN stays NaN."""
    size = _size(unit)
    return m2 * size.denominator / size.numerator


def from_unit(value: Number, unit: Unit) -> Number:
    """``unit`` -> square metres; floats or arrays of any shape, NaN stays NaN."""
    size = _size(unit)
    return value * size.numerator / size.denominator


def mu(m2: Number) -> Number:
    """Square metres -> 亩."""
    return to_unit(m2, "mu")


def hectares(m2: Number) -> Number:
    """Square metres -> hectares."""
    return to_unit(m2, "ha")


def exact(value: Exact, source: Unit, target: Unit) -> Fraction:
    """``value`` in ``source`` -> ``target`` without rounding; a float counts as it is stored."""
    return Fraction(value) * _size(source) / _size(target)


def half_up(value: Exact, decimals: int) -> Decimal:
    """``value`` rounded half away from zero to ``decimals``, once.

    A float is rounded as the shortest decimal that a person reads (2.675 -> 2.68),
    not as its binary neighbour. Raises `ValueError` for NaN and infinity.
    """
    if isinstance(value, float):
        # float(): numpy's float64 is a float whose repr names its type.
        value = Decimal(repr(float(value)))
    if isinstance(value, Decimal) and not value.is_finite():
        raise ValueError(f"cannot round {value}")
    scaled = abs(Fraction(value)) * 10**decimals + Fraction(1, 2)
    whole = scaled.numerator // scaled.denominator
    with localcontext() as context:
        context.prec = max(28, len(str(whole)) + 2)
        rounded = Decimal(whole).scaleb(-decimals)
        return -rounded if value < 0 and whole else rounded


def report(m2: Exact, unit: Unit, decimals: int | None = None) -> Decimal:
    """An area for a report: exact in ``unit``, rounded once, half up.

    ``decimals`` defaults to what the trade writes (`DECIMALS`).
    """
    if isinstance(m2, float):
        m2 = Fraction(half_up(m2, 9))
    return half_up(exact(m2, "m2", unit), DECIMALS[unit] if decimals is None else decimals)


def balanced(
    m2: Sequence[Exact], unit: Unit, decimals: int | None = None
) -> tuple[list[Decimal], Decimal]:
    """Rounded parts that add up to their rounded total (面积调平), by largest remainder.

    Returns (parts, total): the total is rounded half up, each part is moved by
    less than one last digit. Parts are areas and may not be negative.
    """
    places = DECIMALS[unit] if decimals is None else decimals
    values = [exact(half_up(v, 9) if isinstance(v, float) else v, "m2", unit) for v in m2]
    if any(v < 0 for v in values):
        raise ValueError("areas to balance may not be negative")
    total = half_up(sum(values, Fraction(0)), places)
    scaled = [v * 10**places for v in values]
    floors = [v.numerator // v.denominator for v in scaled]
    short = int(total.scaleb(places)) - sum(floors)
    by_remainder = sorted(range(len(values)), key=lambda i: floors[i] - scaled[i])
    for i in by_remainder[:short]:
        floors[i] += 1
    return [Decimal(n).scaleb(-places) for n in floors], total


def _size(unit: Unit) -> Fraction:
    try:
        return SIZE[unit]
    except KeyError:
        raise ValueError(f"unknown unit {unit!r}; one of {', '.join(UNITS)}") from None
