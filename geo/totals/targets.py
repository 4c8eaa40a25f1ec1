"""The programme's targets: where it stands, what is missing, and how it got there."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from geo.layers import Layer, LayerError, Text
from geo.totals.question import Question
from geo.totals.total import Row, Total
from geo.units import SQUARE_METRES_PER_MU

Unit = Literal["wan_mu", "wan_m2", "km", "count"]
#: What one of a unit is in m², or in units of the field that is summed up.
_PER: dict[Unit, float] = {
    "wan_mu": float(10_000 * SQUARE_METRES_PER_MU),
    "wan_m2": 10_000.0,
    "km": 1.0,
    "count": 1.0,
}
UNITS: dict[Unit, Text] = {
    "wan_mu": Text(zh="万亩", en="10,000 mu"),
    "wan_m2": Text(zh="万平方米", en="10,000 m²"),
    "km": Text(zh="公里", en="km"),
    "count": Text(zh="个", en="number"),
}


class Target(BaseModel):
    """One target of the programme (``data/targets.toml``).

    ``value`` is in ``unit``; None where a state of the works is asked for, which the codes
    ``done`` of the field ``stages`` tell. Without ``layer`` there is no figure.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    title: Text
    unit: Unit
    definition: Text
    source: str
    scope: Text
    value: float | None = None
    due: date | None = None
    measure: Literal["area", "sum", "count"]
    layer: str | None = None
    filter: str | None = None
    field: str | None = None
    stages: str | None = None
    done: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Target:
        if self.layer is None and (self.filter or self.stages):
            raise ValueError(f"target {self.id!r} filters no layer")
        if (self.measure == "sum") != (self.field is not None):
            raise ValueError(f"target {self.id!r}: a sum, and only a sum, needs a field")
        return self

    def question(self, *by: str) -> Question:
        """The total that gives the current figure, by these fields."""
        assert self.layer is not None
        filters = {self.layer: self.filter} if self.filter else {}
        sums = (self.field,) if self.field else ()
        return Question(self.layer, by, filters=filters, sums=sums, meaning=self.definition)

    def figure(self, row: Row) -> float:
        """A row of that total in the target's unit."""
        if self.measure == "count":
            return float(row.count)
        amount = row.measure if self.measure == "area" else row.sums[0]
        return amount / _PER[self.unit]


def load(folders: Iterable[Path]) -> tuple[Target, ...]:
    """Read ``targets.toml`` of each folder that has one; the same id again wins.

    Raises `LayerError` that names the file.
    """
    found: dict[str, Target] = {}
    for path in (folder / "targets.toml" for folder in folders):
        if not path.exists():
            continue
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
            for each in content["targets"]:
                target = Target.model_validate({"scope": content["scope"], **each})
                found[target.id] = target
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, ValidationError) as error:
            raise LayerError(f"{path.name}: {error}") from error
    return tuple(found.values())


@dataclass(frozen=True)
class Share:
    """A part of the figure: a county, or a stage of the works."""

    code: str | None
    count: int
    figure: float


@dataclass(frozen=True)
class Point:
    """The figure as it was at a revision."""

    revision: int
    time: datetime
    figure: float


@dataclass(frozen=True)
class Standing:
    """Where a target stands. ``current`` is None where the system holds no data for it.

    ``current`` of a target with stages is what has reached one of the codes ``done``;
    ``total`` is all of it.
    """

    target: Target
    current: float | None
    total: Total | None = None
    counties: tuple[Share, ...] = ()
    stages: tuple[Share, ...] = ()

    @property
    def gap(self) -> float | None:
        """What is missing; negative when there is more than was asked for."""
        if self.current is None or self.target.value is None:
            return None
        return self.target.value - self.current

    @property
    def share(self) -> float | None:
        """Current figure / target."""
        if self.current is None or not self.target.value:
            return None
        return self.current / self.target.value


def standing(
    target: Target, layers: Mapping[str, Layer], ask: Callable[[Question], Total]
) -> Standing:
    """Where a target stands; ``ask`` answers totals at one revision."""
    if target.layer is None:
        return Standing(target, None)
    layer = layers[target.layer]
    by = [layer.county_field] if layer.county_field else []
    if target.stages:
        by.append(target.stages)
    found = ask(target.question(*by))
    counties = _shares(target, found, 0) if layer.county_field else ()
    if not target.stages:
        return Standing(target, target.figure(found.total), found, counties)
    stages = _shares(target, found, len(by) - 1)
    done = sum(share.figure for share in stages if share.code in target.done)
    return Standing(target, done, found, counties, stages)


def _shares(target: Target, found: Total, key: int) -> tuple[Share, ...]:
    """The figure by one of the groupings, in the order of its codes."""
    counts: dict[str | None, int] = {}
    figures: dict[str | None, float] = {}
    for row in found.rows:
        code = row.group[key]
        name = None if code is None else str(code)
        counts[name] = counts.get(name, 0) + row.count
        figures[name] = figures.get(name, 0.0) + target.figure(row)
    order = sorted(counts, key=lambda code: (code is None, code or ""))
    return tuple(Share(code, counts[code], figures[code]) for code in order)


def trend(
    target: Target,
    layers: Mapping[str, Layer],
    moments: Sequence[tuple[int, datetime]],
    ask: Callable[[Question, int], Total],
) -> tuple[Point, ...]:
    """The figure at each of these revisions and times; ``ask`` answers at a revision."""

    def at(revision: int) -> float | None:
        return standing(target, layers, lambda question: ask(question, revision)).current

    points = [(revision, time, at(revision)) for revision, time in moments]
    return tuple(Point(r, time, figure) for r, time, figure in points if figure is not None)


def moments(
    revisions: Sequence[tuple[int, datetime]], most: int
) -> tuple[tuple[int, datetime], ...]:
    """The last revision of each month, the newest ``most`` of them and always the very last.

    ``revisions``: those that touched a layer, oldest first.
    """
    last: dict[tuple[int, int], tuple[int, datetime]] = {}
    for revision, time in revisions:
        last[time.year, time.month] = (revision, time)
    return tuple(last.values())[-most:]
