"""CQL2 text (OGC 21-065r2, annex B) to nodes: a precedence parser in linear time.

Beyond the grammar: unary minus before any number, ``!=`` for ``<>``, and
BETWEEN for dates and texts. Positions count characters from 1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import NamedTuple

from geo.errors import Rejected
from geo.snapshot.cql.limits import (
    ARRAY_FUNCTIONS,
    MAX_DEPTH,
    MAX_TEXT,
    Builder,
    Node,
    refuse,
    refuse_arrays,
    too_deep,
)
from geo.snapshot.cql.literals import geometry_of_wkt

_START = (
    ":_A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1ffe\u200c-\u200d"
    "\u2070-\u218f\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_NAME = f"[{_START}][{_START}.0-9\u0300-\u036f\u203f-\u2040]*"
_TOKEN = re.compile(
    rf"""\s*(?:
      (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<string>'(?:[^'\\]|''|\\\\|\\'|\\)*')
    | (?P<quoted>"(?:[^"]|"")+")
    | (?P<name>{_NAME})
    | (?P<mark><>|!=|<=|>=|[=<>+\-*/%^(),])
    | (?P<end>\Z)
    )""",
    re.VERBOSE,
)
_RESERVED = frozenset({"AND", "OR", "NOT", "LIKE", "BETWEEN", "IN", "IS", "NULL", "DIV"})
_COMPARISONS = frozenset({"=", "<>", "!=", "<", ">", "<=", ">="})
_WKT = frozenset(
    {"POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON",
     "GEOMETRYCOLLECTION"}
)  # fmt: skip
_CAMEL = {
    name.lower(): name
    for name in ("t_finishedBy", "t_metBy", "t_overlappedBy", "t_startedBy", "isNull")
}


class _Token(NamedTuple):
    kind: str
    text: str
    at: int

    @property
    def word(self) -> str:
        return self.text.upper() if self.kind == "name" else ""

    @property
    def where(self) -> str:
        return f"character {self.at + 1}"


def json_name(operator: str) -> str:
    """The name that CQL2-JSON gives to a function or operator."""
    lower = operator.lower()
    return _CAMEL.get(lower, lower)


def read_text(text: str) -> Node:
    """Read CQL2 text. Raises `Rejected` E_FILTER with the place."""
    if len(text) > MAX_TEXT:
        raise refuse(
            f"文本超过 {MAX_TEXT} 个字符",
            f"its text is longer than {MAX_TEXT} characters",
            f"character {MAX_TEXT + 1}",
            ("请改用 CQL2-JSON 或缩短条件", "Shorten it, or send CQL2-JSON"),
        )
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.build = Builder()
        self.token = self._scan(0)

    # -- tokens ------------------------------------------------------------------

    def _scan(self, at: int) -> _Token:
        found = _TOKEN.match(self.text, at)
        if found is None:
            at += len(self.text[at:]) - len(self.text[at:].lstrip())
            mark = self.text[at]
            if mark == "'":
                raise refuse(
                    "字符串缺少结束的单引号", "a text has no closing quote", f"character {at + 1}"
                )
            raise refuse(f"不认识的字符 {mark!r}", f"unexpected {mark!r}", f"character {at + 1}")
        kind = found.lastgroup or "end"
        return _Token(kind, found.group(kind), found.start(kind))

    def _next(self) -> _Token:
        token = self.token
        self.token = self._scan(token.at + len(token.text))
        return token

    def _is(self, mark: str) -> bool:
        return self.token.kind == "mark" and self.token.text == mark

    def _take(self, mark: str) -> bool:
        if self._is(mark):
            self._next()
            return True
        return False

    def _expect(self, mark: str) -> None:
        if not self._take(mark):
            raise self._unexpected(f"“{mark}”", repr(mark))

    def _unexpected(self, zh: str, en: str) -> Rejected:
        found = self.token.text[:40]
        if self.token.kind == "end":
            return refuse(
                f"此处应为{zh}，但已结束", f"{en} is missing at its end", self.token.where
            )
        return refuse(
            f"此处应为{zh}，却是 {found}", f"expected {en}, found {found}", self.token.where
        )

    # -- grammar -----------------------------------------------------------------

    def whole(self) -> Node:
        if self.token.kind == "end":
            raise refuse("内容为空", "it is empty", self.token.where)
        node = self._or()
        if self.token.kind != "end":
            raise self._unexpected("AND、OR 或结尾", "AND, OR or the end")
        return node

    def _chain(self, word: str, below: Callable[[], Node]) -> Node:
        where = self.token.where
        parts = [below()]
        while self.token.word == word:
            self._next()
            parts.append(below())
        return parts[0] if len(parts) == 1 else self.build.node(word.lower(), where, parts)

    def _or(self) -> Node:
        return self._chain("OR", self._and)

    def _and(self) -> Node:
        return self._chain("AND", self._not)

    def _not(self) -> Node:
        if self.token.word != "NOT":
            return self._predicate()
        where = self._next().where
        self.build.enter(where)
        node = self.build.node("not", where, [self._not()])
        self.build.leave()
        return node

    def _predicate(self) -> Node:
        left = self._sum()
        where = self.token.where
        if self.token.kind == "mark" and self.token.text in _COMPARISONS:
            operator = self._next().text.replace("!=", "<>")
            return self.build.node(operator, where, [left, self._sum()])
        if self.token.word == "IS":
            self._next()
            negated = self._word("NOT")
            if not self._word("NULL"):
                raise self._unexpected(" NULL", "NULL")
            return self._negate(negated, self.build.node("isNull", where, [left]))
        negated = self._word("NOT")
        if self._word("LIKE"):
            node = self.build.node("like", where, [left, self._sum()])
        elif self._word("BETWEEN"):
            low = self._sum()
            if not self._word("AND"):
                raise self._unexpected(" AND", "AND")
            node = self.build.node("between", where, [left, low, self._sum()])
        elif self._word("IN"):
            listed = self.token.where
            self._expect("(")
            node = self.build.node("in", where, [left, self._list(listed)])
        elif negated:
            raise self._unexpected(" LIKE、BETWEEN 或 IN", "LIKE, BETWEEN or IN")
        else:
            return left
        return self._negate(negated, node)

    def _negate(self, negated: bool, node: Node) -> Node:
        return self.build.node("not", node.where, [node]) if negated else node

    def _word(self, word: str) -> bool:
        if self.token.word == word:
            self._next()
            return True
        return False

    def _list(self, where: str) -> Node:
        """Expressions up to the closing parenthesis; the opening one is read."""
        self.build.enter(where)
        items = [self._or()]
        while self._take(","):
            items.append(self._or())
        self._expect(")")
        self.build.leave()
        return self.build.node("list", where, items)

    def _sum(self) -> Node:
        return self._binary({"+", "-"}, self._product)

    def _product(self) -> Node:
        return self._binary({"*", "/", "%", "DIV"}, self._power)

    def _binary(self, operators: set[str], below: Callable[[], Node]) -> Node:
        left = below()
        while (self.token.word or self.token.text) in operators and self.token.kind != "string":
            token = self._next()
            left = self.build.node(token.text.lower(), token.where, [left, below()])
        return left

    def _power(self) -> Node:
        base = self._unary()
        if not self._is("^"):
            return base
        where = self._next().where
        self.build.enter(where)
        node = self.build.node("^", where, [base, self._power()])
        self.build.leave()
        return node

    def _unary(self) -> Node:
        where = self.token.where
        if self._take("+"):
            if self.token.kind != "number":
                raise self._unexpected("数字", "a number")
            return self._operand()
        if not self._take("-"):
            return self._operand()
        self.build.enter(where)
        operand = self._unary()
        self.build.leave()
        if operand.op == "literal" and isinstance(operand.value, (int, float)):
            return Node("literal", where, (), -operand.value, 1)
        minus = self.build.node("literal", where, (), -1)
        return self.build.node("*", where, [minus, operand])

    def _operand(self) -> Node:  # noqa: PLR0911 (one return a form)
        token = self.token
        if token.kind == "number":
            self._next()
            return self.build.node("literal", token.where, (), number(token.text, token.where))
        if token.kind == "string":
            self._next()
            return self.build.node("literal", token.where, (), _unquote(token.text))
        if token.kind == "quoted":
            self._next()
            name = token.text[1:-1].replace('""', '"')
            return self.build.node("property", token.where, (), name)
        if self._is("("):
            self._next()
            self.build.enter(token.where)
            node = self._or()
            if self._is(","):
                raise refuse_arrays(self.token.where)
            self._expect(")")
            self.build.leave()
            return node
        if token.kind != "name" or token.word in _RESERVED:
            raise self._unexpected("属性、值或函数", "a property, value or function")
        self._next()
        if token.word in ("TRUE", "FALSE"):
            return self.build.node("literal", token.where, (), token.word == "TRUE")
        if token.word in _WKT and (self._is("(") or self.token.word in ("Z", "M", "ZM", "EMPTY")):
            return self._geometry(token)
        if self._take("("):
            return self._function(token)
        return self.build.node("property", token.where, (), token.text)

    def _function(self, token: _Token) -> Node:
        where = token.where
        if token.text.lower() in ARRAY_FUNCTIONS:
            raise refuse_arrays(where, token.text)
        if self._take(")"):
            return self.build.node(json_name(token.text), where)
        args = self._list(where).args
        if token.word in ("DATE", "TIMESTAMP"):
            if len(args) != 1 or not _is_string(args[0]):
                raise refuse(
                    f"{token.word} 需要一个带引号的日期",
                    f"{token.word} takes one quoted text",
                    where,
                    ("例：DATE('2024-05-01')", "For example: DATE('2024-05-01')"),
                )
            return self.build.node(token.word.lower(), where, (), args[0].value)
        if token.word == "INTERVAL":
            return self.build.node("interval", where, args)
        if token.word == "BBOX":
            numbers = [a.value for a in args if a.op == "literal"]
            return self.build.node(
                "bbox", where, (), numbers if len(numbers) == len(args) else None
            )
        return self.build.node(json_name(token.text), where, args)

    def _geometry(self, token: _Token) -> Node:
        """Cut the WKT out of the text by its parentheses; shapely reads it."""
        depth, closed = 0, len(self.text)
        for at in range(self.token.at, len(self.text)):
            if self.text[at] == "(":
                depth += 1
                if depth > MAX_DEPTH:
                    raise too_deep(f"character {at + 1}")
            elif self.text[at] == ")":
                depth -= 1
                if depth <= 0:  # below zero: the parenthesis closes what is around POINT EMPTY
                    closed = at + 1 if depth == 0 else at
                    break
        if depth > 0:
            raise refuse("几何缺少右括号", "a geometry has no closing )", token.where)
        self.token = self._scan(closed)
        return geometry_of_wkt(self.text[token.at : closed], token.where, self.build)


def number(text: str, where: str) -> int | float:
    """A number as written: exact integers, finite decimals."""
    if text.isascii() and text.isdigit() and len(text) < 19:
        return int(text)
    value = float(text)
    if not math.isfinite(value):
        raise refuse(f"数字过大：{text[:40]}", f"the number {text[:40]} is too large", where)
    return value


def _unquote(text: str) -> str:
    return re.sub(r"''|\\'", "'", text[1:-1])


def _is_string(node: Node) -> bool:
    return node.op == "literal" and isinstance(node.value, str)
