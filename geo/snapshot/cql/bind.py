"""Nodes to typed expressions: names are looked up in the layer, types are checked here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import Any

import pyarrow as pa

from geo.errors import Rejected
from geo.layers import Layer
from geo.snapshot.cql.evaluate import (
    FOLDS,
    Among,
    Arithmetic,
    Column,
    Compare,
    Constant,
    Expression,
    Fold,
    IsNull,
    Kind,
    Like,
    Logic,
)
from geo.snapshot.cql.limits import (
    ARRAY_FUNCTIONS,
    MAX_PATTERN,
    Node,
    near,
    refuse,
    refuse_arrays,
)
from geo.snapshot.cql.literals import box, parse_date, parse_instant, parse_timestamp
from geo.snapshot.cql.spatial import (
    PREDICATES,
    GeometryColumn,
    GeometryLiteral,
    HasNoGeometry,
    Relation,
    refuse_costly,
)
from geo.snapshot.cql.temporal import RELATIONS, End, Interval, Temporal, Unbounded

#: Turns a geometry of a filter into EPSG:4490, lon/lat.
Locate = Callable[[Any, str], Any]

_KIND_OF_TYPE: dict[str, Kind] = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "date": "date",
    "datetime": "timestamp",
}
_TITLES: dict[Kind, tuple[str, str]] = {
    "boolean": ("真假值", "a truth value"),
    "number": ("数字", "a number"),
    "string": ("文本", "a text"),
    "date": ("日期", "a date"),
    "timestamp": ("时间戳", "a timestamp"),
    "geometry": ("几何", "a geometry"),
}
_INSTANTS: frozenset[Kind] = frozenset({"date", "timestamp"})
_ORDERED: frozenset[Kind] = frozenset({"number", "string", "date", "timestamp"})
_COMPARISONS = frozenset({"=", "<>", "<", ">", "<=", ">="})
_ARITHMETIC = frozenset({"+", "-", "*", "/", "%", "div", "^"})
GEOMETRY_NAMES = frozenset({"geom", "geometry"})


def properties_of(layer: Layer) -> dict[str, tuple[str, Kind]]:
    """What a filter on the layer may name: name -> (column, kind)."""
    known: dict[str, tuple[str, Kind]] = {
        "fid": ("fid", "number"),
        "id": ("fid", "number"),
        "version": ("version", "number"),
        "updated_at": ("updated_at", "timestamp"),
        **{name: (name, "number") for name in layer.measures},
        **{f.name: (f.name, _KIND_OF_TYPE[f.type]) for f in layer.fields},
    }
    if layer.geometry is not None:
        known.update({name: (name, "geometry") for name in GEOMETRY_NAMES - set(known)})
    return known


class Binder:
    """Binds the nodes of one filter to a layer; ``columns`` collects the names used."""

    def __init__(self, layer: Layer, locate: Locate) -> None:
        self.known = properties_of(layer)
        self.layer = layer
        self.locate = locate
        self.columns: set[str] = set()

    def filter(self, node: Node) -> Expression:
        """The whole filter: a truth value. Raises `Rejected` E_FILTER."""
        return self._of(node, "boolean")

    def bind(self, node: Node) -> Expression:
        handler = self._handlers.get(node.op)
        if handler is not None:
            return handler(node)
        if node.op in ARRAY_FUNCTIONS:
            raise refuse_arrays(node.where, node.op)
        functions = [*PREDICATES, *RELATIONS, *FOLDS, "date", "timestamp", "interval", "bbox"]
        raise refuse(
            f"不支持函数 {node.op[:40]}",
            f"the function {node.op[:40]} is not supported",
            node.where,
            near(node.op, functions, "函数", "functions"),
        )

    @cached_property
    def _handlers(self) -> dict[str, Callable[[Node], Expression]]:
        return {
            "property": self._property,
            "literal": lambda node: _literal(node.value, node.where),
            "date": lambda node: _instant(parse_date(node.value, node.where)),
            "timestamp": lambda node: _instant(parse_timestamp(node.value, node.where)),
            "geometry": lambda node: GeometryLiteral(self.locate(node.value, node.where)),
            "bbox": self._bbox,
            "list": self._misplaced,
            "interval": self._misplaced,
            "and": self._logic,
            "or": self._logic,
            "not": self._logic,
            "isNull": self._is_null,
            "like": self._like,
            "between": self._between,
            "in": self._in,
            **dict.fromkeys(_COMPARISONS, self._comparison),
            **dict.fromkeys(_ARITHMETIC, self._arithmetic),
            **dict.fromkeys(FOLDS, self._fold),
            **dict.fromkeys(PREDICATES, self._spatial),
            **dict.fromkeys(RELATIONS, self._temporal),
        }

    # -- parts -------------------------------------------------------------------

    def _property(self, node: Node) -> Expression:
        name = node.value
        if name not in self.known:
            raise refuse(
                f"图层“{self.layer.title.zh}”没有属性 {name[:60]}",
                f"the layer {self.layer.id} has no property {name[:60]}",
                node.where,
                near(name, self.known),
            )
        column, kind = self.known[name]
        if kind == "geometry":
            return GeometryColumn()
        self.columns.add(column)
        return Column(kind, column)

    def _of(self, node: Node, *kinds: Kind) -> Expression:
        bound = self.bind(node)
        if bound.kind not in kinds:
            wanted_zh = "或".join(_TITLES[kind][0] for kind in kinds)
            wanted_en = " or ".join(_TITLES[kind][1] for kind in kinds)
            found = _TITLES[bound.kind]
            raise refuse(
                f"此处应为{wanted_zh}，却是{found[0]}",
                f"expected {wanted_en}, found {found[1]}",
                node.where,
                _hint(node, kinds),
            )
        return bound

    def _args(self, node: Node, count: int) -> Sequence[Node]:
        if len(node.args) != count:
            raise _arity(node, str(count), str(count))
        return node.args

    def _compare(self, op: str, left: Node, right: Node) -> Compare:
        ordered = op not in ("=", "<>")
        kinds: frozenset[Kind] = _ORDERED if ordered else _ORDERED | {"boolean"}
        first = self._of(left, *sorted(kinds))
        wanted = _INSTANTS if first.kind in _INSTANTS else {first.kind}
        return Compare(op, first, self._of(right, *sorted(wanted)))

    def _misplaced(self, node: Node) -> Expression:
        if node.op == "interval":
            raise refuse(
                "INTERVAL 只能用在 T_ 函数中", "INTERVAL belongs into a T_ function", node.where
            )
        raise refuse_arrays(node.where)

    def _bbox(self, node: Node) -> Expression:
        return GeometryLiteral(self.locate(box(node.value, node.where), node.where))

    def _logic(self, node: Node) -> Expression:
        if node.op == "not":
            self._args(node, 1)
        elif len(node.args) < 2:
            raise _arity(node, "至少 2", "at least 2")
        return Logic(node.op, tuple(self._of(arg, "boolean") for arg in node.args))

    def _comparison(self, node: Node) -> Expression:
        return self._compare(node.op, *self._args(node, 2))

    def _between(self, node: Node) -> Expression:
        value, low, high = self._args(node, 3)
        return Logic("and", (self._compare(">=", value, low), self._compare("<=", value, high)))

    def _arithmetic(self, node: Node) -> Expression:
        left, right = (self._of(arg, "number") for arg in self._args(node, 2))
        return Arithmetic(node.op, left, right)

    def _temporal(self, node: Node) -> Expression:
        left, right = (self._interval(arg) for arg in self._args(node, 2))
        return Temporal(node.op, left, right)

    def _is_null(self, node: Node) -> Expression:
        value = self.bind(self._args(node, 1)[0])
        if isinstance(value, GeometryColumn):
            return HasNoGeometry()
        if value.kind == "geometry":
            raise refuse("几何字面量不会为空", "a geometry literal is never null", node.where)
        return IsNull(value)

    def _like(self, node: Node) -> Expression:
        value, pattern = self._args(node, 2)
        folds: list[Callable[[str], str]] = []
        while pattern.op in FOLDS and len(pattern.args) == 1:
            folds.append(FOLDS[pattern.op])
            pattern = pattern.args[0]
        text = pattern.value if pattern.op == "literal" else None
        if not isinstance(text, str):
            raise refuse(
                "LIKE 的模式必须是文本",
                "the pattern of LIKE is a quoted text",
                pattern.where,
                ("例：name LIKE '大安%'", "For example: name LIKE 'Da%'"),
            )
        if len(text) > MAX_PATTERN:
            raise refuse(
                f"LIKE 模式超过 {MAX_PATTERN} 个字符",
                f"the pattern is longer than {MAX_PATTERN} characters",
                pattern.where,
            )
        if (len(text) - len(text.rstrip("\\"))) % 2:
            raise refuse(
                "LIKE 模式以未配对的反斜杠结尾",
                "the pattern ends with an escape of nothing",
                pattern.where,
                (r"反斜杠写成 \\", r"Write \\ for a backslash"),
            )
        for fold in reversed(folds):
            text = fold(text)
        return Like(self._of(value, "string"), text)

    def _in(self, node: Node) -> Expression:
        value, options = self._args(node, 2)
        if options.op != "list" or not options.args:
            raise refuse("IN 需要一个非空列表", "IN takes a list that is not empty", options.where)
        tests = [self._compare("=", value, option) for option in options.args]
        first = tests[0].left
        constants = [t.right.scalar for t in tests if isinstance(t.right, Constant)]
        alike = {t.right.kind for t in tests} == {first.kind}
        if len(tests) == 1:
            return tests[0]
        if len(constants) == len(tests) and alike and not isinstance(first, Constant):
            return Among(
                first, pa.array([scalar.as_py() for scalar in constants], _common(constants))
            )
        return Logic("or", tuple(tests))

    def _fold(self, node: Node) -> Expression:
        value = self._of(self._args(node, 1)[0], "string")
        if isinstance(value, Constant):
            return Constant("string", pa.scalar(FOLDS[node.op](value.scalar.as_py())))
        return Fold(node.op, value)

    def _spatial(self, node: Node) -> Expression:
        left, right = (self._of(arg, "geometry") for arg in self._args(node, 2))
        refuse_costly(node.op, left, right, node.where)
        return Relation(node.op, left, right)

    def _interval(self, node: Node) -> Interval:
        if node.op != "interval":
            instant = self._of(node, "date", "timestamp")
            return Interval(instant, instant)
        start, end = self._args(node, 2)
        ends = self._end(start, -1), self._end(end, 1)
        fixed = [e.scalar.as_py() for e in ends if isinstance(e, Constant)]
        if len(fixed) == 2 and type(fixed[0]) is type(fixed[1]) and fixed[0] > fixed[1]:
            raise refuse("INTERVAL 的开始晚于结束", "an INTERVAL starts after its end", node.where)
        return Interval(*ends)

    def _end(self, node: Node, sign: int) -> End:
        if node.op == "literal":
            if node.value == "..":
                return Unbounded(sign)
            return _instant(parse_instant(node.value, node.where))
        return self._of(node, "date", "timestamp")


def _literal(value: Any, where: str) -> Constant:
    if isinstance(value, bool):
        return Constant("boolean", pa.scalar(value))
    if isinstance(value, str):
        try:
            return Constant("string", pa.scalar(value, pa.string()))
        except UnicodeEncodeError:
            raise refuse("文本不是有效的 Unicode", "a text is not valid Unicode", where) from None
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return Constant("number", pa.scalar(value, pa.int64()))
    return Constant("number", pa.scalar(float(value), pa.float64()))


def _instant(value: date | datetime) -> Constant:
    if isinstance(value, datetime):
        return Constant("timestamp", pa.scalar(value, pa.timestamp("us", "UTC")))
    return Constant("date", pa.scalar(value, pa.date32()))


def _common(scalars: Sequence[pa.Scalar]) -> pa.DataType:
    """The one type of an IN list: float64 where integers and decimals meet."""
    types = {scalar.type for scalar in scalars}
    return types.pop() if len(types) == 1 else pa.float64()


def _arity(node: Node, zh: str, en: str) -> Rejected:
    return refuse(
        f"{node.op} 需要 {zh} 个参数，得到 {len(node.args)} 个",
        f"{node.op} takes {en} arguments, not {len(node.args)}",
        node.where,
    )


def _hint(node: Node, kinds: Sequence[Kind]) -> tuple[str, str] | None:
    if node.op == "literal" and isinstance(node.value, str):
        if "timestamp" in kinds or "date" in kinds:
            return ("写成 DATE('2024-05-01')", "Write DATE('2024-05-01')")
        if "number" in kinds:
            return ("数字不加引号", "Write numbers without quotes")
    if "string" in kinds and node.op == "literal":
        return ("文本加单引号", "Put texts in single quotes")
    return None
