"""Formulas and masks written down as steps, by running them on symbols instead of arrays.

A formula is ordinary array code. Run on `Traced` values it leaves behind what it did, as
steps over float32 numbers that `geo.soil.fused` takes pixel by pixel in one compiled loop, with
the same roundings. What is more than arithmetic, roots and comparisons raises `Untraced`,
and the array code runs as it stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

ADD, SUB, MUL, DIV, SQRT, FINITE, GE, GT, EQ, OR, AND, CONST = range(12)
_UFUNCS = {
    np.add: ADD, np.subtract: SUB, np.multiply: MUL, np.divide: DIV, np.greater_equal: GE,
    np.greater: GT, np.equal: EQ, np.bitwise_or: OR, np.bitwise_and: AND,
}  # fmt: skip


class Untraced(Exception):
    """The code does something that steps cannot say."""


@dataclass
class Tape:
    """``loads``: what a register holds at first, (kind, band): "reflectance", "clipped" or "raw".

    ``steps``: (operation, first, second), whose result is the next register after the loads;
    operands are registers, of `CONST` a place in ``constants``.
    """

    loads: list[tuple[str, str]] = field(default_factory=list)
    steps: list[tuple[int, int, int]] = field(default_factory=list)
    constants: list[float] = field(default_factory=list)
    _known: dict[Any, Traced] = field(default_factory=dict)

    def load(self, kind: str, band: str) -> Traced:
        """All loads come before the first step."""
        key = (kind, band)
        if key not in self._known:
            if self.steps:
                raise Untraced(kind)
            self.loads.append(key)
            self._known[key] = Traced(self, len(self.loads) - 1, band)
        return self._known[key]

    def step(self, operation: int, first: Any, second: Any) -> Traced:
        a, b = self._number(first), self._number(second)
        return self._put(operation, a, b)

    def _number(self, value: Any) -> int:
        if isinstance(value, Traced):
            return value.number
        if isinstance(value, np.ndarray) and value.dtype == bool and value.size and not value.any():
            value = 0.0  # a mask begun with nothing
        if isinstance(value, bool | int | float | np.integer | np.floating):
            self.constants.append(float(value))
            return self._put(CONST, len(self.constants) - 1, 0).number
        raise Untraced(type(value).__name__)

    def _put(self, operation: int, a: int, b: int) -> Traced:
        key = (operation, a, b)
        if operation == CONST or key not in self._known:
            self.steps.append(key)
            self._known[key] = Traced(self, len(self.loads) + len(self.steps) - 1)
        return self._known[key]


class Traced:
    """A number of every pixel that is not there yet."""

    #: Asked for by masks that begin with an empty array.
    shape = (1,)

    def __init__(self, tape: Tape, number: int, band: str = "") -> None:
        self.tape, self.number, self.band = tape, number, band

    def clipped(self) -> Traced:
        """A reflectance with what lies below 0 as 0."""
        return self.tape.load("clipped", self.band)

    def finite(self) -> Traced:
        return self.tape.step(FINITE, self, self)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Traced:
        if method == "__call__" and ufunc is np.sqrt:
            return self.tape.step(SQRT, inputs[0], inputs[0])
        if method != "__call__" or ufunc not in _UFUNCS or set(options) - {"out"}:
            raise Untraced(str(ufunc))
        return self.tape.step(_UFUNCS[ufunc], *inputs)

    def __array_function__(self, function: Any, *_: Any) -> Any:
        raise Untraced(function.__name__)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise Untraced("array")

    def __index__(self) -> int:
        raise Untraced("index")

    def __bool__(self) -> bool:
        raise Untraced("truth")

    def __getattr__(self, name: str) -> Any:
        raise Untraced(name)

    def __add__(self, other: Any) -> Traced:
        return self.tape.step(ADD, self, other)

    def __radd__(self, other: Any) -> Traced:
        return self.tape.step(ADD, other, self)

    def __sub__(self, other: Any) -> Traced:
        return self.tape.step(SUB, self, other)

    def __rsub__(self, other: Any) -> Traced:
        return self.tape.step(SUB, other, self)

    def __mul__(self, other: Any) -> Traced:
        return self.tape.step(MUL, self, other)

    def __rmul__(self, other: Any) -> Traced:
        return self.tape.step(MUL, other, self)

    def __truediv__(self, other: Any) -> Traced:
        return self.tape.step(DIV, self, other)

    def __rtruediv__(self, other: Any) -> Traced:
        return self.tape.step(DIV, other, self)

    def __neg__(self) -> Traced:
        return self.tape.step(MUL, self, -1.0)

    def __pow__(self, power: Any) -> Traced:
        if power == 2:
            return self.tape.step(MUL, self, self)
        if power == 0.5:  # NumPy takes the root, too
            return self.tape.step(SQRT, self, self)
        raise Untraced("power")

    def __ge__(self, other: Any) -> Traced:
        return self.tape.step(GE, self, other)

    def __gt__(self, other: Any) -> Traced:
        return self.tape.step(GT, self, other)

    def __eq__(self, other: object) -> Traced:  # type: ignore[override]
        return self.tape.step(EQ, self, other)

    def __or__(self, other: Any) -> Traced:
        return self.tape.step(OR, self, other)

    def __and__(self, other: Any) -> Traced:
        return self.tape.step(AND, self, other)

    __ror__, __rand__ = __or__, __and__

    def __hash__(self) -> int:
        return self.number
