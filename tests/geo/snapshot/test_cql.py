"""CQL2 filters: what is read, what is refused and where, and the limits."""

from __future__ import annotations

import json
import pickle
import time
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest

from geo.errors import Rejected
from geo.snapshot.cql import MAX_DEPTH, MAX_NODES, Filter, parse
from tests.geo.snapshot.cql_reference import LAYER, TableSource

pytestmark = pytest.mark.unit

SOURCE = TableSource(
    [
        {
            "code": "220882-001",
            "name": "大安市",
            "a": 1.5,
            "n": 3,
            "flag": True,
            "day": date(2024, 5, 1),
            "until": date(2024, 6, 1),
            "seen": datetime(2024, 4, 30, 16, 0, tzinfo=UTC),
            "area_m2": 2000.0,
        },
        {
            "code": "220881-002",
            "name": "École%",
            "a": -2.0,
            "n": 2**53 + 1,
            "flag": False,
            "day": date(2024, 5, 2),
            "until": date(2024, 5, 2),
            "seen": datetime(2024, 4, 30, 15, 59, tzinfo=UTC),
            "area_m2": 10.0,
        },
        {"code": None, "name": "Straße", "a": None, "flag": None, "area_m2": float("nan")},
    ]
)


def text(expression: str) -> Filter:
    return parse(expression, "cql2-text", LAYER)


def matches(expression: str) -> list[int]:
    return (np.flatnonzero(text(expression).mask(SOURCE)) + 1).tolist()


@pytest.mark.parametrize(
    ("expression", "rows"),
    [
        ("code = '220882-001'", [1]),
        ("code <> '220882-001'", [2]),
        ("code != '220882-001'", [2]),
        ("'220882-001' = code", [1]),
        ("NOT code = '220882-001'", [2]),
        ("code IS NULL", [3]),
        ("code IS NOT NULL AND a > 0", [1]),
        ("flag", [1]),
        ("NOT flag", [2]),
        ("flag = FALSE", [2]),
        ("a > 0 OR flag IS NULL", [1, 3]),
        ("code < '220882'", [2]),
        ("\"name\" = '大安市'", [1]),
        ("name LIKE '大_市'", [1]),
        ("name LIKE '%\\%'", [2]),
        ("name NOT LIKE '大%'", [2, 3]),
        ("CASEI(name) = CASEI('STRASSE')", [3]),
        ("CASEI(name) LIKE casei('éCOLE%')", [2]),
        ("ACCENTI(name) LIKE 'Ecole_'", [2]),
        ("ACCENTI(CASEI(name)) LIKE ACCENTI(CASEI('ÉCOLE%'))", [2]),
        ("CASEI(name) IN (CASEI('STRASSE'), CASEI('x'))", [3]),
        ("a BETWEEN 1 AND 2", [1]),
        ("a NOT BETWEEN 1 AND 2", [2]),
        ("a BETWEEN 1 AND 2 AND flag", [1]),
        ("n IN (3, 4)", [1]),
        ("n IN (3.0, 4.5)", [1]),
        ("a NOT IN (1.5)", [2]),
        ("n = 9007199254740993", [2]),
        ("id IN (1, 3)", [1, 3]),
        ("fid = 2", [2]),
        ("a * 2 - 1 = 2", [1]),
        ("-a = 2", [2]),
        ("2 ^ 3 ^ 2 = 512 AND a ^ 2 = 4", [2]),
        ("7 div 2 = 3 AND -7 div 2 = -3 AND -7 % 4 = -3", [1, 2, 3]),
        ("1 / 0 = 1 OR NOT 1 / 0 = 1", []),
        ("a / (a - 1.5) IS NULL", [1, 3]),
        ("area_m2 > 100", [1]),
        ("area_m2 IS NULL", [3]),
        ("a < n", [1, 2]),
        ("day = DATE('2024-05-01')", [1]),
        ("day < until", [1]),
        ("day IN (DATE('2024-05-02'), DATE('2024-05-09'))", [2]),
        ("day BETWEEN DATE('2024-05-01') AND DATE('2024-05-01')", [1]),
        ("seen >= TIMESTAMP('2024-04-30T16:00:00Z')", [1]),
        ("seen >= TIMESTAMP('2024-05-01T00:00:00+08:00')", [1]),
        # A date is a local day: 16:00 UTC on April 30 is May 1 in Baicheng.
        ("seen = DATE('2024-05-01')", [1]),
        ("seen < DATE('2024-05-01')", [2]),
        ("seen IN (DATE('2024-05-01'))", [1]),
        ("day = seen", [1]),
        ("T_AFTER(day, DATE('2024-05-01'))", [2]),
        ("T_DURING(day, INTERVAL('2024-04-01', '..'))", [1, 2]),
        ("T_INTERSECTS(INTERVAL(day, until), INTERVAL('2024-05-20', '2024-07-01'))", [1]),
        ("T_EQUALS(INTERVAL(day, until), DATE('2024-05-02'))", [2]),
        ("T_DISJOINT(day, INTERVAL('..', '2024-05-01'))", [2]),
        ("T_BEFORE(seen, TIMESTAMP('2024-04-30T15:59:30.5Z'))", [2]),
        ("TRUE", [1, 2, 3]),
        ("FALSE", []),
        ("(((a = 1.5)))", [1]),
        ("geom IS NULL", [1, 2, 3]),
    ],
)
def test_matching_rows(expression: str, rows: list[int]) -> None:
    assert matches(expression) == rows


@pytest.mark.parametrize(
    ("expression", "where", "word"),
    [
        ("", "character 1", "empty"),
        ("a = 1 AND aera_m2 > 3", "character 11", "aera_m2"),
        ("code = 1", "character 8", "a text"),
        ("a = '1'", "character 5", "a number"),
        ("a LIKE 'x'", "character 1", "a text"),
        ("code LIKE name", "character 11", "pattern"),
        (f"code LIKE '{'x' * 101}'", "character 11", "100"),
        (r"code LIKE 'x\'", "character 11", "escape"),
        ("flag > TRUE", "character 1", "found a truth value"),
        ("a", "character 1", "a truth value"),
        ("a = 1 extra", "character 7", "AND, OR"),
        ("a = ", "character 5", "missing"),
        ("(a = 1", "character 7", "')'"),
        ("a = 1)", "character 6", "found )"),
        ("a == 1", "character 4", "found ="),
        ("a = 1 ; DROP TABLE plots", "character 7", "unexpected ';'"),
        ("code = 'x", "character 8", "closing quote"),
        ("a = NULL", "character 5", "found NULL"),
        ("a = 1e999", "character 5", "too large"),
        ("day > '2024-05-01'", "character 7", "a date"),
        ("day > DATE('2024-13-01')", "character 7", "2024-13-01"),
        ("seen > TIMESTAMP('2024-05-01T00:00:00')", "character 8", "timestamp"),
        ("T_DURING(day, INTERVAL('2024-06-01','2024-05-01'))", "character 15", "after its end"),
        ("day = INTERVAL('..','..')", "character 7", "T_"),
        ("T_AFTER(a, DATE('2024-05-01'))", "character 9", "a date or a timestamp"),
        ("avg(a) = 1", "character 1", "avg"),
        ("A_CONTAINS(code, ('a', 'b'))", "character 1", "A_CONTAINS"),
        ("(a, b) = (1, 2)", "character 3", "arrays"),
        ("a IN ()", "character 7", "found )"),
        ("a IN (1, 'x')", "character 10", "a number"),
        ("CASEI(a) = 'x'", "character 7", "a text"),
        ("a NOT = 1", "character 7", "LIKE"),
        ("良田 = 1", "character 1", "良田"),
        ("geom = 1", "character 1", "geometry"),
    ],
)
def test_refusals_say_where(expression: str, where: str, word: str) -> None:
    with pytest.raises(Rejected) as refused:
        text(expression)
    assert refused.value.code == "E_FILTER"
    assert refused.value.where == where
    assert word in refused.value.detail[1]


@pytest.mark.parametrize(
    ("tree", "where"),
    [
        ({"op": "=", "args": [{"property": "cod"}, "x"]}, "$.args[0].property"),
        ({"op": "=", "args": [{"property": "code"}, 3]}, "$.args[1]"),
        ({"op": "=", "args": [{"property": "code"}, None]}, "$.args[1]"),
        ({"op": "=", "args": [{"property": "code"}]}, "$"),
        ({"op": "and", "args": [True]}, "$"),
        ({"op": "or", "args": [True, {"op": "nope", "args": []}]}, "$.args[1]"),
        ({"op": "=", "args": [{"property": "day"}, {"date": 3}]}, "$.args[1].date"),
        ({"op": "in", "args": [{"property": "code"}, []]}, "$.args[1]"),
        ({"op": "in", "args": [{"property": "code"}, "x"]}, "$.args[1]"),
        ({"op": "=", "args": [["x"], {"property": "code"}]}, "$.args[0]"),
        ({"op": "=", "args": [1, 1], "sql": "DROP"}, "$"),
        ({"op": "=", "args": [{"function": {"name": "avg", "args": []}}, 1]}, "$.args[0]"),
        ([], "$"),
        (None, "$"),
    ],
)
def test_json_refusals_say_where(tree: Any, where: str) -> None:
    with pytest.raises(Rejected) as refused:
        parse(json.dumps(tree), "cql2-json", LAYER)
    assert (refused.value.code, refused.value.where) == ("E_FILTER", where)


def test_a_wrong_name_gets_near_names_and_the_error_crosses_processes() -> None:
    with pytest.raises(Rejected) as refused:
        text("aera_mu > 3")
    assert refused.value.fix is not None
    assert "area_mu" in refused.value.fix[0]
    assert pickle.loads(pickle.dumps(refused.value)).where == "character 1"


@pytest.mark.parametrize(
    "expression",
    [
        "(" * 2000,
        "(" * 1000 + ")" * 1000,
        "(" * 990 + "a = 1" + ")" * 990,
        # Inside the limit of depth, yet exponential for a backtracking grammar.
        "(" * 31 + "a b" + ")" * 31,
        "(" * 31 + "a,b" + "),c" * 31,
        "NOT " * 499 + "flag",
        "NOT(" * 450 + "flag",
        "a=" + "-" * 1990 + "1",
        "a=" + "- " * 900,
        "a=" + "2^" * 900 + "2",
        "a=" + "2+" * 900 + "2",
        "casei(" * 300 + "code",
        "a in (" * 300,
        "S_INTERSECTS(geom, " + "GEOMETRYCOLLECTION(" * 100 + "POINT(1 1)" + ")" * 101,
        "S_INTERSECTS(geom, POLYGON(" + "(" * 1900,
        "'" * 1999,
        "'" + "\\'" * 900,
        "INTERVAL(" * 200,
        "BBOX(" * 300,
        " OR ".join(["flag"] * 280),
        "n IN (" + ",".join("1" * 1 for _ in range(900)) + ")",
        "a = " + "1" * 1990 + "e999",
        "x" * 2001,
        "\x00" * 2000,
    ],
)
def test_bombs_are_refused_at_once(expression: str) -> None:
    started = time.monotonic()
    with pytest.raises(Rejected) as refused:
        text(expression)
    assert refused.value.code == "E_FILTER"
    assert time.monotonic() - started < 1.0


@pytest.mark.parametrize(
    "expression",
    [
        '{"op":"not","args":[' * 380,
        '{"op":"not","args":[' * 360 + "true" + "]}" * 360,
        "[" * 8000,
        "[" * 3999 + "]" * 3999,
        '{"a":' * 1500,
        '{"op":"=","args":[' * 33 + "1" + ",1]}" * 33,
        '{"op":"and","args":[' + ",".join(["true"] * 300) + "]}",
        '"' + "x" * 8000 + '"',
        '{"type":"GeometryCollection","geometries":[' * 150,
        '{"op":"s_intersects","args":[{"property":"geom"},{"type":"Polygon","coordinates":'
        + "[" * 900
        + "]" * 900
        + "}]}",
        "1" * 7000,
        "NaN",
    ],
)
def test_json_bombs_are_refused_at_once(expression: str) -> None:
    started = time.monotonic()
    with pytest.raises(Rejected) as refused:
        parse(expression, "cql2-json", LAYER)
    assert refused.value.code == "E_FILTER"
    assert time.monotonic() - started < 1.0


def test_a_deep_object_is_refused() -> None:
    tree: Any = True
    for _ in range(2000):
        tree = {"op": "not", "args": [tree]}
    with pytest.raises(Rejected, match="E_FILTER"):
        parse(tree, "cql2-json", LAYER)


def test_what_fits_the_limits_is_read() -> None:
    assert text("(" * MAX_DEPTH + "flag" + ")" * MAX_DEPTH).mask(SOURCE).tolist()[0]
    assert text("NOT " * (MAX_DEPTH - 2) + "flag").mask(SOURCE).tolist()[0]
    many = ",".join(str(i) for i in range(MAX_NODES - 4))
    assert text(f"n IN ({many})").mask(SOURCE).tolist() == [True, False, False]


def test_text_and_json_have_one_canonical_form() -> None:
    tree = {"op": "and", "args": [{"op": "=", "args": [{"property": "code"}, "x'y"]}, True]}
    ours = text("code='x''y'   and TRUE")
    assert ours.canonical == parse(tree, "cql2-json", LAYER).canonical
    assert ours.canonical == parse(json.dumps(tree), "cql2-json", LAYER).canonical
    assert ours.properties == {"code"}
    assert text("id = 1").properties == {"fid"}


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(Rejected, match="filter-lang"):
        parse("flag", "cql-text", LAYER)  # type: ignore[arg-type]


def test_injection_is_only_ever_a_text() -> None:
    for hostile in ("x' OR 1=1 --", "'; DROP TABLE plots; --", "\\'; SELECT 1"):
        tree = {"op": "=", "args": [{"property": "code"}, hostile]}
        assert not parse(tree, "cql2-json", LAYER).mask(SOURCE).any()
