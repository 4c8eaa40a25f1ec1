"""Typed expressions and their evaluation on whole columns, with three-valued logic.

An expression answers with an Arrow array of the context's length, or a scalar
when it is constant; null is "unknown" (Kleene). Texts stay dictionary-encoded:
a test runs once per distinct value. Arithmetic is done in float64; a result
that is no finite number (a division by zero, an overflow) is null.
"""

from __future__ import annotations

import math
import time
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from geo.errors import Rejected
from geo.snapshot.cql.local import local_dates

if TYPE_CHECKING:
    from geo.layers import Layer

Kind = Literal["boolean", "number", "string", "date", "timestamp", "geometry"]
Value = Any  # pa.Array | pa.Scalar | Texts
NULL = pa.scalar(None, pa.bool_())
_BLOCK = 50_000  # texts folded between two looks at the clock


class Source(Protocol):
    """Columns that a filter is evaluated on; `geo.snapshot.segment.Segment` is one."""

    layer: Layer
    length: int

    def column(self, name: str, rows: np.ndarray | None = None) -> pa.Array: ...
    def bounds(self, rows: np.ndarray | None = None) -> np.ndarray: ...
    def geometries(self, rows: np.ndarray) -> np.ndarray: ...
    def search(self, minx: float, miny: float, maxx: float, maxy: float) -> np.ndarray: ...


@dataclass
class Context:
    """One evaluation: the rows looked at, and what was read of them so far."""

    source: Source
    rows: np.ndarray | None
    deadline: float = math.inf
    _columns: dict[str, pa.Array] = field(default_factory=dict)
    _bounds: np.ndarray | None = None

    @property
    def length(self) -> int:
        return self.source.length if self.rows is None else len(self.rows)

    def column(self, name: str) -> pa.Array:
        if name not in self._columns:
            self._columns[name] = self.source.column(name, self.rows)
        return self._columns[name]

    def bounds(self) -> np.ndarray:
        if self._bounds is None:
            self._bounds = self.source.bounds(self.rows)
        return self._bounds

    def geometries(self, places: np.ndarray) -> np.ndarray:
        """Geometries at ``places`` of this context's rows."""
        return self.source.geometries(places if self.rows is None else self.rows[places])

    def check_time(self) -> None:
        if time.monotonic() > self.deadline:
            raise Rejected(
                "E_QUERY_TIME",
                "查询用时超过上限",
                "The query took longer than allowed",
                fix=("请缩小范围或简化几何", "Narrow the area or simplify the geometry"),
            )


class Expression(Protocol):
    @property
    def kind(self) -> Kind: ...
    def evaluate(self, context: Context) -> Value: ...


@dataclass(frozen=True)
class Texts:
    """Strings of rows: distinct ``values`` and per row its place among them (or None)."""

    values: pa.Array
    indices: pa.Array | None = None

    def decode(self) -> pa.Array:
        return self.values if self.indices is None else self.values.take(self.indices)

    def map(self, function: Callable[[pa.Array], pa.Array]) -> Texts:
        if self.indices is None or len(self.indices) < len(self.values):
            return Texts(function(self.decode()))
        return Texts(function(self.values), self.indices)

    def test(self, function: Callable[[pa.Array], pa.Array]) -> pa.Array:
        """A boolean per row from a test of each distinct value."""
        tested = self.map(function)
        if tested.indices is None:
            return tested.values
        # Bytes are looked up faster than Arrow's bits.
        words = np.append(tested.values.fill_null(False).to_numpy(zero_copy_only=False), False)
        known = np.append(np.asarray(tested.values.is_valid()), False)
        places = tested.indices.cast(pa.int32()).fill_null(len(words) - 1).to_numpy()
        if known[:-1].all() and not tested.indices.null_count:
            return pa.array(words[places])
        return pa.array(words[places], mask=~known[places])


@dataclass(frozen=True)
class Constant:
    """A literal."""

    kind: Kind
    scalar: pa.Scalar

    def evaluate(self, context: Context) -> Value:
        return self.scalar


@dataclass(frozen=True)
class Column:
    """A property."""

    kind: Kind
    name: str

    def evaluate(self, context: Context) -> Value:
        array = context.column(self.name)
        if isinstance(array, pa.ChunkedArray):
            array = array.combine_chunks()
        if self.kind == "string":
            if isinstance(array, pa.DictionaryArray):
                return Texts(array.dictionary, array.indices)
            return Texts(array)
        if pa.types.is_floating(array.type):
            return _finite_or_null(array, pc.is_nan)
        return array


def _finite_or_null(array: pa.Array, bad: Callable[[pa.Array], pa.Array]) -> pa.Array:
    wrong = bad(array)
    if not pc.any(wrong).as_py():
        return array
    return pc.if_else(wrong, pa.scalar(None, array.type), array)


@dataclass(frozen=True)
class Logic:
    """AND, OR (two arguments or more) and NOT."""

    op: str
    args: tuple[Expression, ...]
    kind: Kind = "boolean"

    def evaluate(self, context: Context) -> Value:
        values = (argument.evaluate(context) for argument in self.args)
        if self.op == "not":
            return pc.invert(next(values))
        return reduce(pc.and_kleene if self.op == "and" else pc.or_kleene, values)


_COMPARE: dict[str, Callable[[Value, Value], Value]] = {
    "=": pc.equal,
    "<>": pc.not_equal,
    "<": pc.less,
    ">": pc.greater,
    "<=": pc.less_equal,
    ">=": pc.greater_equal,
}
_MIRROR = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


@dataclass(frozen=True)
class Compare:
    """``=``, ``<>``, ``<``, ``>``, ``<=``, ``>=`` of two expressions of one kind.

    Texts compare by code points. A date and a timestamp compare by their dates.
    """

    op: str
    left: Expression
    right: Expression
    kind: Kind = "boolean"

    def evaluate(self, context: Context) -> Value:
        context.check_time()
        left, right = self.left.evaluate(context), self.right.evaluate(context)
        if self.left.kind == "string":
            return _compare_texts(self.op, left, right)
        if self.left.kind == "timestamp" and self.right.kind == "date":
            left = local_dates(left)
        elif self.left.kind == "date" and self.right.kind == "timestamp":
            right = local_dates(right)
        elif self.left.kind == "number" and left.type != right.type:
            # Arrow's own cast refuses integers beyond 2^53.
            left, right = (side.cast(pa.float64(), safe=False) for side in (left, right))
        return _COMPARE[self.op](left, right)


def _compare_texts(op: str, left: Value, right: Value) -> Value:
    function = _COMPARE[op]
    if isinstance(left, Texts) and isinstance(right, Texts):
        return function(left.decode(), right.decode())
    if isinstance(left, Texts):
        return left.test(lambda values: function(values, right))
    if isinstance(right, Texts):
        mirrored = _COMPARE[_MIRROR.get(op, op)]
        return right.test(lambda values: mirrored(values, left))
    return function(left, right)


@dataclass(frozen=True)
class Among:
    """``IN`` a list of literals of the expression's own kind."""

    value: Expression
    options: pa.Array
    kind: Kind = "boolean"

    def evaluate(self, context: Context) -> Value:
        context.check_time()
        value = self.value.evaluate(context)
        if isinstance(value, Texts):
            return value.test(self._test)
        return self._test(value)

    def _test(self, values: Value) -> Value:
        options = self.options
        if pa.types.is_integer(values.type) and pa.types.is_floating(options.type):
            values = values.cast(pa.float64(), safe=False)
        elif options.type != values.type:
            options = options.cast(values.type)
        return pc.if_else(pc.is_valid(values), pc.is_in(values, value_set=options), NULL)


@dataclass(frozen=True)
class Like:
    """SQL LIKE with ``%``, ``_`` and backslash; RE2 inside, so linear in the text."""

    value: Expression
    pattern: str
    kind: Kind = "boolean"

    def evaluate(self, context: Context) -> Value:
        context.check_time()
        value = self.value.evaluate(context)
        if isinstance(value, Texts):
            return value.test(lambda values: pc.match_like(values, self.pattern))
        return pc.match_like(value, self.pattern)


@dataclass(frozen=True)
class IsNull:
    value: Expression
    kind: Kind = "boolean"

    def evaluate(self, context: Context) -> Value:
        value = self.value.evaluate(context)
        if isinstance(value, Texts):
            value = value.decode() if value.indices is None else value.indices
        return pc.is_null(value)


def fold_case(text: str) -> str:
    """CASEI: Unicode full case folding."""
    return text.casefold()


def fold_accents(text: str) -> str:
    """ACCENTI: without combining marks (NFD, marks dropped, NFC)."""
    if text.isascii():
        return text
    marks = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(c for c in marks if not unicodedata.combining(c)))


FOLDS: dict[str, Callable[[str], str]] = {"casei": fold_case, "accenti": fold_accents}


@dataclass(frozen=True)
class Fold:
    """CASEI or ACCENTI of a text."""

    op: str
    value: Expression
    kind: Kind = "string"

    def evaluate(self, context: Context) -> Value:
        value = self.value.evaluate(context)
        assert isinstance(value, Texts)
        return value.map(lambda values: self._fold(values, context))

    def _fold(self, values: pa.Array, context: Context) -> pa.Array:
        if pc.all(pc.string_is_ascii(values)).as_py() is not False:
            return pc.ascii_lower(values) if self.op == "casei" else values
        fold = FOLDS[self.op]
        texts: list[str | None] = []
        for start in range(0, len(values), _BLOCK):
            context.check_time()
            block = values[start : start + _BLOCK].to_pylist()
            texts += [None if t is None else fold(t) for t in block]
        return pa.array(texts, pa.string())


@dataclass(frozen=True)
class Arithmetic:
    """``+ - * / % div ^``; ``div`` truncates and ``%`` has the dividend's sign, as in SQL."""

    op: str
    left: Expression
    right: Expression
    kind: Kind = "number"

    def evaluate(self, context: Context) -> Value:
        context.check_time()
        values, missing = [], np.zeros((), dtype=bool)
        for side in (self.left, self.right):
            value = side.evaluate(context)
            if isinstance(value, pa.Scalar):
                number = value.as_py()
                missing = missing | (number is None)
                values.append(np.float64(np.nan if number is None else number))
            else:
                # Nulls become NaN; NaN is null again at the end.
                values.append(value.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))
        with np.errstate(all="ignore"):
            result = _ARITHMETIC[self.op](*values)
        bad = missing | ~np.isfinite(result)
        if not np.any(bad):
            return pa.scalar(float(result)) if np.ndim(result) == 0 else pa.array(result)
        if np.ndim(result) == 0:
            return pa.scalar(None if bad else float(result), pa.float64())
        return pa.array(result, mask=np.broadcast_to(bad, result.shape))


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "div": lambda a, b: np.trunc(np.divide(a, b)),
    # NaN ** 0 is 1 in IEEE 754; unknown stays unknown here.
    "^": lambda a, b: np.where(np.isnan(a) | np.isnan(b), np.nan, np.power(a, b)),
}


def conjuncts(expression: Expression) -> Iterator[Expression]:
    """The parts that must all be true."""
    if isinstance(expression, Logic) and expression.op == "and":
        for argument in expression.args:
            yield from conjuncts(argument)
    else:
        yield expression
