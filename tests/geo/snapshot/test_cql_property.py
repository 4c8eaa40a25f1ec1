"""Random filters: the column evaluator equals a row-by-row one, and the parser equals `cql2`."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import cql2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import Rejected
from geo.snapshot.cql import parse
from tests.geo.snapshot.cql_reference import ALLEN, LAYER, TableSource, value_of

pytestmark = pytest.mark.unit

_TEXTS = ["", "大安", "大安市", "ABC", "abc", "École", "ecole", "straße", "a%b", "a_b", "x\ny", "'"]
_NUMBERS = [-2.5, -1.0, 0.0, 1.0, 1.5, 2.0, 3.0, 1e300]
_DAYS = [date(2024, 5, 1) + timedelta(days=i) for i in range(4)]
_MOMENTS = [
    datetime(2024, 4, 30, 15, 59, 59, 999999, tzinfo=UTC) + timedelta(hours=8 * i) for i in range(7)
]


def _maybe(values: list[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), st.sampled_from(values))


records = st.lists(
    st.fixed_dictionaries(
        {
            "code": _maybe(_TEXTS),
            "name": _maybe(_TEXTS),
            "a": _maybe(_NUMBERS),
            "b": _maybe(_NUMBERS),
            "n": _maybe([-3, 0, 1, 2, 7]),
            "flag": _maybe([True, False]),
            "day": _maybe(_DAYS),
            "until": _maybe(_DAYS),
            "seen": _maybe(_MOMENTS),
        }
    ),
    min_size=1,
    max_size=12,
)


def prop(name: str) -> dict[str, str]:
    return {"property": name}


def op(name: str, *args: Any) -> dict[str, Any]:
    return {"op": name, "args": list(args)}


comparison = st.sampled_from(["=", "<>", "<", ">", "<=", ">="])
texts = st.recursive(
    st.one_of(st.sampled_from([prop("code"), prop("name")]), st.sampled_from(_TEXTS)),
    lambda inner: st.builds(op, st.sampled_from(["casei", "accenti"]), inner),
    max_leaves=3,
)
numbers = st.recursive(
    st.one_of(
        st.sampled_from([prop("a"), prop("b"), prop("n"), prop("fid")]),
        st.sampled_from([*_NUMBERS, 1, 2, -3]),
    ),
    lambda inner: st.builds(
        op, st.sampled_from(["+", "-", "*", "/", "%", "div", "^"]), inner, inner
    ),
    max_leaves=4,
)
dates = st.one_of(
    st.sampled_from([prop("day"), prop("until")]),
    st.sampled_from(_DAYS).map(lambda d: {"date": d.isoformat()}),
)
moments = st.one_of(
    st.just(prop("seen")),
    st.sampled_from(_MOMENTS).map(lambda t: {"timestamp": t.isoformat().replace("+00:00", "Z")}),
)
instants = st.one_of(dates, moments)
patterns = st.sampled_from(
    ["%", "_", "大%", "%安_", "a\\%b", "a\\_b", "a_b", "%\n%", "", "A%C", "\\\\", "%cole", "x_y"]
)
intervals = st.tuples(
    st.one_of(st.just(".."), st.sampled_from([prop("day"), _DAYS[0].isoformat()])),
    st.one_of(st.just(".."), st.sampled_from([prop("until"), _DAYS[2].isoformat()])),
).map(lambda ends: {"interval": list(ends)})
spans = st.one_of(dates, intervals)
subject = st.one_of(st.sampled_from([prop("code"), op("casei", prop("name"))]), texts)
leaves = st.one_of(
    st.builds(op, comparison, texts, texts),
    st.builds(op, comparison, numbers, numbers),
    st.builds(op, comparison, instants, instants),
    st.builds(op, st.sampled_from(["=", "<>"]), st.just(prop("flag")), st.booleans()),
    st.just(prop("flag")),
    st.booleans(),
    st.builds(op, st.just("like"), subject, patterns),
    st.builds(op, st.just("between"), numbers, numbers, numbers),
    st.builds(op, st.just("between"), instants, instants, instants),
    st.builds(op, st.just("in"), numbers, st.lists(numbers, min_size=1, max_size=4)),
    st.builds(op, st.just("in"), texts, st.lists(texts, min_size=1, max_size=4)),
    st.builds(op, st.just("in"), instants, st.lists(instants, min_size=1, max_size=3)),
    st.builds(op, st.just("isNull"), st.one_of(texts, numbers, instants, st.just(prop("flag")))),
    st.builds(op, st.sampled_from(sorted(ALLEN)), spans, spans),
)
filters = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda name, args: op(name, *args), st.sampled_from(["and", "or"]),
                  st.lists(inner, min_size=2, max_size=3)),
        inner.map(lambda x: op("not", x)),
        inner.map(lambda x: op("isNull", x)),
    ),
    max_leaves=6,
)  # fmt: skip


@settings(max_examples=250, deadline=None)
@given(filters, records, st.data())
def test_columns_equal_rows(tree: Any, rows: list[dict[str, Any]], data: st.DataObject) -> None:
    source = TableSource(rows)
    found = parse(json.dumps(tree), "cql2-json", LAYER)
    expected = np.array([value_of(tree, record) is True for record in source.records])
    np.testing.assert_array_equal(found.mask(source), expected)
    some = np.array(data.draw(st.lists(st.integers(0, len(rows) - 1))), dtype=np.int64)
    np.testing.assert_array_equal(found.mask(source, some), expected[some])


# -- text ------------------------------------------------------------------------

_INFIX = {"=", "<>", "<", ">", "<=", ">=", "+", "-", "*", "/", "%", "div", "^", "and", "or"}


def to_text(node: Any) -> str:
    """CQL2 text of a CQL2-JSON tree, fully parenthesised."""
    if isinstance(node, bool):
        return str(node).upper()
    if isinstance(node, str):
        return "'" + node.replace("'", "''") + "'"
    if isinstance(node, (int, float)):
        return repr(node)
    if "property" in node:
        return f'"{node["property"]}"'
    if "date" in node:
        return f"DATE('{node['date']}')"
    if "timestamp" in node:
        return f"TIMESTAMP('{node['timestamp']}')"
    if "interval" in node:
        return f"INTERVAL({', '.join(to_text(end) for end in node['interval'])})"
    name, args = node["op"], node["args"]
    if name == "in":
        return f"({to_text(args[0])} IN ({', '.join(to_text(o) for o in args[1])}))"
    parts = [to_text(a) for a in args]
    if name in _INFIX:
        return "(" + f" {name} ".join(parts) + ")"
    if name == "not":
        return f"(NOT {parts[0]})"
    if name == "isNull":
        return f"({parts[0]} IS NULL)"
    if name == "like":
        return f"({parts[0]} LIKE {parts[1]})"
    if name == "between":
        return f"({parts[0]} BETWEEN {parts[1]} AND {parts[2]})"
    return f"{name.upper()}({', '.join(parts)})"


def normal(node: Any) -> Any:
    """Numbers as floats, nested AND and OR flattened: what two parsers may differ in."""
    if isinstance(node, dict):
        if node.get("op") in ("and", "or"):
            args = []
            for part in (normal(a) for a in node["args"]):
                same = isinstance(part, dict) and part.get("op") == node["op"]
                args += part["args"] if same else [part]
            return {"op": node["op"], "args": args}
        return {key.lower(): normal(value) for key, value in node.items()}
    if isinstance(node, list):
        return [normal(item) for item in node]
    return float(node) if isinstance(node, int) and not isinstance(node, bool) else node


def stable(node: Any) -> str:
    return json.dumps(normal(node), sort_keys=True).lower()


@settings(max_examples=200, deadline=None)
@given(filters)
def test_text_reads_as_the_json_it_was_written_from(tree: Any) -> None:
    text = to_text(tree)
    ours = json.loads(parse(text, "cql2-text", LAYER).canonical)["filter"]
    assert ours == json.loads(parse(json.dumps(tree), "cql2-json", LAYER).canonical)["filter"]
    # And the Rust library agrees (it writes camelCase names in lower case).
    theirs = cql2.parse_text(text).to_json()
    assert stable(ours) == stable(theirs)


def read_or_refused(text: str, language: Any) -> None:
    refused = None
    try:
        parse(text, language, LAYER)
    except Rejected as error:
        refused = error
    assert refused is None or (refused.code == "E_FILTER" and refused.where)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([
    "a", "'x'", "1", "(", ")", ",", "NOT", "AND", "OR", "=", "<", "IN", "LIKE", "BETWEEN", "IS",
    "NULL", "-", "+", "^", "casei", "POINT", "DATE", "INTERVAL", "S_INTERSECTS", "geom", "\\", "'",
    '"', "..", "1e9", "BBOX", "\x00", "良田", "EMPTY", "T_DURING", "/",
]), max_size=25))  # fmt: skip
def test_any_text_is_read_or_refused_with_a_place(words: list[str]) -> None:
    read_or_refused(" ".join(words), "cql2-text")


@settings(max_examples=150, deadline=None)
@given(st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(allow_nan=False), st.text(max_size=5),
              st.sampled_from(["=", "and", "s_within", "Point", "2024-01-01"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["op", "args", "property", "date", "interval", "bbox",
                                         "type", "coordinates", "timestamp"]), inner, max_size=3),
    ),
    max_leaves=10,
))  # fmt: skip
def test_any_json_is_read_or_refused_with_a_place(tree: Any) -> None:
    read_or_refused(json.dumps(tree), "cql2-json")
