"""Soil samples graded by a scheme, with the indicators that decided and those that are missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.errors import Rejected
from geo.soil.grading import Grading
from geo.soil.target import TARGETS, Target

#: What the layer samples can say, by the name that gradings use.
INDICATORS: dict[str, Target] = {target.indicator: target for target in TARGETS.values()}


@dataclass(frozen=True)
class Graded:
    """Of n samples: ``grade`` (-1: not known); ``decided[axes, n]``: indicators that reach it;
    ``missing[axes, n]``: indicators without a value."""

    grade: NDArray[np.int16]
    decided: NDArray[np.bool_]
    missing: NDArray[np.bool_]


def fields(grading: Grading) -> list[str]:
    """Fields of the layer samples that a scheme needs. E_GRADING_INDICATOR if it is for others."""
    foreign = [axis.indicator for axis in grading.axes if axis.indicator not in INDICATORS]
    if foreign:
        raise Rejected(
            "E_GRADING_INDICATOR",
            f"分级方案 {grading.id} 针对 {'、'.join(foreign)}，不是土壤样品的指标",
            f"grading {grading.id} is for {', '.join(foreign)}, which samples have not",
            where=grading.id,
            fix=("、".join(INDICATORS), ", ".join(INDICATORS)),
        )
    targets = [INDICATORS[axis.indicator] for axis in grading.axes]
    named = [target.field for target in targets]
    named += [target.extract[0] for target in targets if target.extract]
    return list(dict.fromkeys(named))


def grade(grading: Grading, columns: Mapping[str, Sequence[object]]) -> Graded:
    """columns: [n] of each of `fields`. EC counts only where it was measured in the extract that
    the scheme is for: nothing is converted."""
    values = {}
    for axis in grading.axes:
        target = INDICATORS[axis.indicator]
        column = np.array(
            [np.nan if v is None else v for v in columns[target.field]], dtype=np.float64
        )
        if target.extract is not None:
            field, code = target.extract
            column[np.array([v != code for v in columns[field]], dtype=bool)] = np.nan
        values[axis.indicator] = column
    steps = grading.steps(values)
    found, _, _ = grading.grade(values)
    decided = (steps >= 0) & (found >= 0)
    if grading.combine == "worst":
        decided &= steps == found
    return Graded(found, decided, steps < 0)
