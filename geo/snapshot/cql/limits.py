"""Limits of a filter, checked while it is read, and the one way it is refused.

A filter is hostile input: parsers that recurse without bound die on nested
parentheses, and some grammars backtrack exponentially on them. Here the size is
checked before reading and depth and number of nodes while reading, so the work
is linear in the text.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import shapely

from geo.errors import Rejected

MAX_TEXT = 2_000  # characters of CQL2 text
MAX_JSON = 8_000  # bytes of CQL2 JSON
MAX_DEPTH = 32  # parentheses, NOT chains, nested functions, nested JSON
MAX_NODES = 256  # operators, properties and literals
MAX_PATTERN = 100  # characters of a LIKE pattern
MAX_SECONDS = 2.0
MAX_VERTICES = 10_000  # vertices of all geometry literals

Fix = tuple[str, str]


def refuse(zh: str, en: str, where: str | None = None, fix: Fix | None = None) -> Rejected:
    """The error of a filter; ``where`` is ``character 17`` (text) or ``$.args[0]`` (JSON)."""
    return Rejected(
        "E_FILTER", f"过滤条件有误：{zh}", f"The filter is refused: {en}", where=where, fix=fix
    )


def near(name: str, known: Iterable[str], zh: str = "属性", en: str = "properties") -> Fix:
    """Names like ``name``, or all known ones, as the text of a fix."""
    names = sorted(known)
    close = difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.5)
    listed = ", ".join(close or names[:40])
    if close:
        return (f"是否要写：{listed}", f"Did you mean: {listed}")
    return (f"可用的{zh}：{listed}", f"Known {en}: {listed}")


ARRAY_FUNCTIONS = frozenset({"a_contains", "a_containedby", "a_equals", "a_overlaps"})


def refuse_arrays(where: str, function: str | None = None) -> Rejected:
    zh = f"数组函数 {function}" if function else "数组"
    en = f"the array function {function} is" if function else "arrays are"
    return refuse(f"不支持{zh}", f"{en} not supported", where, ("请改用 IN 或 OR", "Use IN or OR"))


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the expression as written, before its types are known.

    ``op`` is the name of the CQL2-JSON operator, or one of ``property``,
    ``literal``, ``date``, ``timestamp``, ``interval``, ``list``, ``bbox`` and ``geometry``.
    """

    op: str
    where: str
    args: tuple[Node, ...] = ()
    value: Any = None
    depth: int = 1

    def walk(self) -> Iterator[Node]:
        yield self
        for argument in self.args:
            yield from argument.walk()

    def to_json(self) -> Any:
        """The CQL2-JSON of the expression: its canonical form."""
        match self.op:
            case "literal":
                return self.value
            case "geometry":
                return orjson.loads(shapely.to_geojson(self.value))
            case "property" | "date" | "timestamp" | "bbox":
                return {self.op: self.value}
            case "list":
                return [argument.to_json() for argument in self.args]
            case "interval":
                ends = [
                    a.value if a.op in ("date", "timestamp") else a.to_json() for a in self.args
                ]
                return {"interval": ends}
        return {"op": self.op, "args": [argument.to_json() for argument in self.args]}


@dataclass(slots=True)
class Builder:
    """Makes nodes and counts them; both readers use it."""

    nodes: int = 0
    vertices: int = 0
    open: int = 0

    def node(self, op: str, where: str, args: Iterable[Node] = (), value: Any = None) -> Node:
        children = tuple(args)
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise refuse(
                f"条件过多(上限 {MAX_NODES} 个节点)",
                f"more than {MAX_NODES} operators, properties and values",
                where,
                ("请拆分为多个请求或缩短 IN 列表", "Split the request or shorten IN lists"),
            )
        depth = 1 + max((child.depth for child in children), default=0)
        if depth > MAX_DEPTH:
            raise too_deep(where)
        return Node(op, where, children, value, depth)

    def enter(self, where: str) -> None:
        """One level of nesting more; `leave` ends it."""
        self.open += 1
        if self.open > MAX_DEPTH:
            raise too_deep(where)

    def leave(self) -> None:
        self.open -= 1

    def count_vertices(self, count: int, where: str) -> None:
        self.vertices += count
        if self.vertices > MAX_VERTICES:
            raise refuse(
                f"几何顶点过多(上限 {MAX_VERTICES})",
                f"more than {MAX_VERTICES} vertices in its geometries",
                where,
                ("请简化几何", "Simplify the geometry"),
            )


def too_deep(where: str) -> Rejected:
    return refuse(
        f"嵌套过深(上限 {MAX_DEPTH} 层)",
        f"nested deeper than {MAX_DEPTH} levels",
        where,
        ("请减少括号和 NOT 的层数", "Use fewer parentheses and NOTs"),
    )
