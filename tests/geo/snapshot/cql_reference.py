"""A small `Source` and a slow row-by-row evaluator of CQL2 JSON, to compare with."""

from __future__ import annotations

import math
import operator
import re
import unicodedata
from datetime import date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from geo.layers import Layer

_TYPES = {
    "code": "string",
    "name": "string",
    "a": "number",
    "b": "number",
    "n": "integer",
    "flag": "boolean",
    "day": "date",
    "until": "date",
    "seen": "datetime",
}
LAYER = Layer.model_validate(
    {
        "id": "plots",
        "title": {"zh": "地块", "en": "Plots"},
        "description": {"zh": "试验", "en": "Test"},
        "geometry": "MultiPolygon",
        "fields": [
            {"name": name, "title": {"zh": name, "en": name}, "type": kind}
            for name, kind in _TYPES.items()
        ],
    }
)
_ARROW = {
    "string": pa.string(),
    "number": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "datetime": pa.timestamp("us", "UTC"),
}


class TableSource:
    """Rows as dictionaries and shapely geometries behind the protocol of filters."""

    def __init__(self, records: list[dict[str, Any]], geometries: list[Any] | None = None) -> None:
        self.layer = LAYER
        self.length = len(records)
        self.records = [{"fid": i + 1, "version": 1, **r} for i, r in enumerate(records)]
        shapes = [None] * self.length if geometries is None else geometries
        self.shapes = np.array([*shapes, None], dtype=object)[:-1]
        types = {
            **{f.name: _ARROW[f.type] for f in LAYER.fields},
            "fid": pa.int64(),
            "version": pa.int64(),
            "area_m2": pa.float64(),
            "updated_at": pa.timestamp("us", "UTC"),
        }
        self.columns = {}
        for name, kind in types.items():
            column = pa.array([r.get(name) for r in self.records], kind)
            self.columns[name] = column.dictionary_encode() if kind == pa.string() else column

    def column(self, name: str, rows: np.ndarray | None = None) -> pa.Array:
        column = self.columns[name]
        return column if rows is None else column.take(pa.array(rows, pa.int64()))

    def bounds(self, rows: np.ndarray | None = None) -> np.ndarray:
        shapes = self.shapes if rows is None else self.shapes[rows]
        return shapely.bounds(shapes).reshape(-1, 4)

    def geometries(self, rows: np.ndarray) -> np.ndarray:
        return self.shapes[rows]

    def search(self, minx: float, miny: float, maxx: float, maxy: float) -> np.ndarray:
        x0, y0, x1, y1 = self.bounds().T
        hits = (x0 <= maxx) & (x1 >= minx) & (y0 <= maxy) & (y1 >= miny)
        return np.flatnonzero(hits)[::-1]


# -- reference -------------------------------------------------------------------

_LOCAL = timezone(timedelta(hours=8))
_COMPARE = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
ALLEN = {
    "t_after": lambda a, b: a[0] > b[1],
    "t_before": lambda a, b: a[1] < b[0],
    "t_contains": lambda a, b: a[0] < b[0] and a[1] > b[1],
    "t_disjoint": lambda a, b: a[0] > b[1] or a[1] < b[0],
    "t_during": lambda a, b: a[0] > b[0] and a[1] < b[1],
    "t_equals": lambda a, b: a[0] == b[0] and a[1] == b[1],
    "t_finishedBy": lambda a, b: a[0] < b[0] and a[1] == b[1],
    "t_finishes": lambda a, b: a[0] > b[0] and a[1] == b[1],
    "t_intersects": lambda a, b: a[0] <= b[1] and a[1] >= b[0],
    "t_meets": lambda a, b: a[1] == b[0],
    "t_metBy": lambda a, b: a[0] == b[1],
    "t_overlappedBy": lambda a, b: b[0] < a[0] < b[1] and a[1] > b[1],
    "t_overlaps": lambda a, b: a[0] < b[0] < a[1] and a[1] < b[1],
    "t_startedBy": lambda a, b: a[0] == b[0] and a[1] > b[1],
    "t_starts": lambda a, b: a[0] == b[0] and a[1] < b[1],
}


def value_of(node: Any, record: dict[str, Any]) -> Any:
    """The value of a CQL2-JSON node for one record; None is unknown."""
    if not isinstance(node, dict):
        return node
    if "property" in node:
        return record.get(node["property"])
    if "date" in node:
        return date.fromisoformat(node["date"])
    if "timestamp" in node:
        return datetime.fromisoformat(node["timestamp"].replace("Z", "+00:00"))
    op, args = node["op"], node["args"]
    if op in ("and", "or", "not"):
        return _logic(op, [value_of(a, record) for a in args])
    if op == "isNull":
        return value_of(args[0], record) is None
    if op == "in":
        return _logic("or", [value_of({"op": "=", "args": [args[0], o]}, record) for o in args[1]])
    if op == "between":
        pairs = ((">=", args[1]), ("<=", args[2]))
        return _logic("and", [value_of({"op": o, "args": [args[0], x]}, record) for o, x in pairs])
    if op in ALLEN:
        return _temporal(op, args, record)
    values = [value_of(a, record) for a in args]
    if None in values:
        return None
    if op in _COMPARE:
        return _COMPARE[op](*_same(*values))
    if op == "casei":
        return values[0].casefold()
    if op == "accenti":
        marks = unicodedata.normalize("NFD", values[0])
        kept = "".join(c for c in marks if not unicodedata.combining(c))
        return unicodedata.normalize("NFC", kept)
    if op == "like":
        return like(*values)
    return _arithmetic(op, float(values[0]), float(values[1]))


def like(text: str, pattern: str) -> bool:
    out, at = "", 0
    while at < len(pattern):
        if pattern[at] == "\\":
            at += 1
            out += re.escape(pattern[at])
        else:
            out += {"%": ".*", "_": "."}.get(pattern[at], re.escape(pattern[at]))
        at += 1
    return re.fullmatch(out, text, re.DOTALL) is not None


def _same(left: Any, right: Any) -> tuple[Any, Any]:
    """A date and a timestamp meet as local dates."""
    if isinstance(left, datetime) != isinstance(right, datetime) and isinstance(left, date):
        pair = [
            v.astimezone(_LOCAL).date() if isinstance(v, datetime) else v for v in (left, right)
        ]
        return pair[0], pair[1]
    return left, right


def _logic(op: str, values: list[bool | None]) -> bool | None:
    if op == "not":
        return None if values[0] is None else not values[0]
    decisive = op == "or"
    if decisive in values:
        return decisive
    return None if None in values else not decisive


def _arithmetic(op: str, a: float, b: float) -> float | None:
    try:
        result = {
            "+": lambda: a + b,
            "-": lambda: a - b,
            "*": lambda: a * b,
            "/": lambda: a / b,
            "%": lambda: math.fmod(a, b),
            "div": lambda: float(math.trunc(a / b)),
            "^": lambda: math.pow(a, b),
        }[op]()
    except (ZeroDivisionError, ValueError, OverflowError):
        return None
    return result if math.isfinite(result) else None


def _temporal(op: str, args: list[Any], record: dict[str, Any]) -> bool | None:
    ends = []
    for node in args:
        if isinstance(node, dict) and "interval" in node:
            start, end = node["interval"]
            ends.append((_end(start, date.min, record), _end(end, date.max, record)))
        else:
            instant = value_of(node, record)
            ends.append((instant, instant))
    if any(end is None for pair in ends for end in pair):
        return None
    return ALLEN[op](*ends)


def _end(node: Any, open_end: date, record: dict[str, Any]) -> Any:
    if node == "..":
        return open_end
    return date.fromisoformat(node) if isinstance(node, str) else value_of(node, record)
