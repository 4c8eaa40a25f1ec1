"""CQL2 JSON (OGC 21-065r2, clause 8) to nodes. Places are JSON paths: ``$.args[0]``."""

from __future__ import annotations

import math
from typing import Any

import orjson

from geo.snapshot.cql.limits import MAX_JSON, Builder, Node, refuse, too_deep
from geo.snapshot.cql.literals import geometry_of_geojson
from geo.snapshot.cql.text import json_name


def read_json(expression: str | bytes | dict[str, Any]) -> Node:
    """Read CQL2 JSON. Raises `Rejected` E_FILTER with the place."""
    if not isinstance(expression, (str, bytes)):
        try:
            expression = orjson.dumps(expression)
        except (TypeError, orjson.JSONEncodeError) as error:
            if "ecursion" in str(error):
                raise too_deep("$") from None
            raise refuse("不是 JSON 值", "it is not a JSON value", "$") from None
    raw = expression.encode("utf-8", "replace") if isinstance(expression, str) else expression
    if len(raw) > MAX_JSON:
        raise refuse(
            f"JSON 超过 {MAX_JSON} 字节",
            f"its JSON is longer than {MAX_JSON} bytes",
            f"byte {MAX_JSON + 1}",
            ("请缩短条件或简化几何", "Shorten it or simplify its geometry"),
        )
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        if "ecursion" in str(error):
            raise too_deep("$") from None
        raise refuse(
            "不是有效的 JSON", f"it is not JSON: {error.msg}", f"character {error.pos + 1}"
        ) from None
    return _Reader().read(value, "$")


class _Reader:
    def __init__(self) -> None:
        self.build = Builder()

    def read(self, value: Any, where: str) -> Node:
        self.build.enter(where)
        try:
            return self._read(value, where)
        finally:
            self.build.leave()

    def _read(self, value: Any, where: str) -> Node:  # noqa: PLR0911 (one return a form)
        if isinstance(value, (bool, int, float, str)):
            return self.build.node("literal", where, (), value)
        if isinstance(value, list):
            return self._all("list", value, where)
        if not isinstance(value, dict):
            raise refuse(
                "不能与 null 比较",
                "null is not a value to compare with",
                where,
                ("请用 isNull", 'Use {"op": "isNull", "args": [...]}'),
            )
        match value:
            case {"op": str(name), "args": list(args), **rest} if not rest:
                return self._all(json_name(name), args, f"{where}.args")
            case {"property": str(name), **rest} if not rest:
                return self.build.node("property", f"{where}.property", (), name)
            case {"date": text, **rest} if not rest:
                return self.build.node("date", f"{where}.date", (), text)
            case {"timestamp": text, **rest} if not rest:
                return self.build.node("timestamp", f"{where}.timestamp", (), text)
            case {"interval": list(ends), **rest} if not rest:
                return self._all("interval", ends, f"{where}.interval")
            case {"bbox": list(numbers), **rest} if not rest:
                good = all(_is_number(n) for n in numbers)
                return self.build.node("bbox", f"{where}.bbox", (), numbers if good else None)
            case {"type": str()}:
                return geometry_of_geojson(value, where, self.build)
            case {"function": {"name": str(name)}}:
                return self.build.node(json_name(name), where)
        keys = ", ".join(sorted(str(key) for key in value))[:80]
        raise refuse(
            f"不认识的对象(键：{keys})",
            f"not a CQL2 expression (keys: {keys})",
            where,
            ('写成 {"op": "=", "args": [...]}', 'Write {"op": "=", "args": [...]}'),
        )

    def _all(self, op: str, values: list[Any], where: str) -> Node:
        args = [self.read(item, f"{where}[{i}]") for i, item in enumerate(values)]
        return self.build.node(op, where.removesuffix(".args"), args)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
