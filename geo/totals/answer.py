"""What a total answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from geo.layers import Layer, Text
from geo.totals.question import Question
from geo.totals.rows import PER_UNIT


@dataclass(frozen=True)
class Row:
    """One group: values of ``by``, features with a part in it, and whole units.

    ``units`` is what counts (millionths of m² or m, overlap taken off), ``removed`` what was
    taken off; ``sums`` are the added-up fields.
    """

    group: tuple[object, ...]
    count: int
    units: int
    removed_units: int = 0
    sums: tuple[float, ...] = ()

    @property
    def measure(self) -> float:
        """m² (m for lines)."""
        return self.units / PER_UNIT

    @property
    def removed(self) -> float:
        """m² that were taken off as overlap."""
        return self.removed_units / PER_UNIT


@dataclass(frozen=True)
class Input:
    """A layer that the answer depends on, at its own revision."""

    layer: str
    revision: int
    features: int


@dataclass(frozen=True)
class Claim:
    """A feature with land that features of lower fids claim, too, and how much of it."""

    fid: int
    earlier: tuple[int, ...]
    units: int


@dataclass(frozen=True)
class Total:
    """An answer. ``unassigned`` adds up the rows in which a group is not known (None)."""

    question: Question
    layer: Layer
    rows: tuple[Row, ...]
    total: Row
    unassigned: Row
    without_measure: int
    claims: tuple[Claim, ...]
    revision: int
    as_of: int
    inputs: tuple[Input, ...]
    method: Text
    definition: Text
    titles: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def removed(self) -> float | None:
        """m² that were claimed more than once and counted once; None for a plain sum."""
        polygons = self.layer.geometry == "MultiPolygon"
        return self.total.removed if polygons and self.question.measure == "union" else None
