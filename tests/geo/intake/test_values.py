"""Values become what the layer says or are named as wrong, row by row."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.intake import values
from geo.intake.issues import Issues
from geo.intake.report import LISTED
from tests.geo.intake.conftest import CODES, LAYER

pytestmark = pytest.mark.unit


def convert(
    name: str, given_values: list[Any], kind: pa.DataType | None = None
) -> tuple[list, Issues]:
    issues = Issues(np.arange(1, len(given_values) + 1))
    field = LAYER.by_name[name]
    codes = CODES[field.codelist] if field.codelist else None
    column = pa.chunked_array([pa.array(given_values, kind or pa.large_string())])
    return values.convert(column, field, codes, issues).to_pylist(), issues


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("depth", "1.50", 1.5), ("depth", " 1,234.5", 1234.5), ("depth", "１２", 12.0),
        ("depth", "1.2e3", 1200.0), ("depth", "", None),
        ("grade", "3", 3), ("grade", "3.000", 3),
        ("pilot", "是", True), ("pilot", "F", False), ("pilot", "?", None), ("pilot", "1", True),
        ("day", "20240131", date(2024, 1, 31)), ("day", "2024-1-31", date(2024, 1, 31)),
        ("day", "2024年1月31日", date(2024, 1, 31)), ("day", "2024/01/31 00:00", date(2024, 1, 31)),
        ("day", "00000000", None),
        ("at", "2024-01-31 08:00", datetime(2024, 1, 31, tzinfo=UTC)),
        ("at", "2024-01-31T00:00:00Z", datetime(2024, 1, 31, tzinfo=UTC)),
        ("status", "符合", "good"), ("status", "GOOD", "good"), ("status", "合格", "good"),
        ("status", "1.0", "1"),
    ],
)  # fmt: skip
def test_readings(name: str, text: str, expected: object) -> None:
    result, issues = convert(name, [text or None])
    assert result == [expected]
    assert not issues.bad.any()


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("depth", "abc", "E_VALUE_TYPE"), ("depth", "****", "E_VALUE_TYPE"),
        ("depth", "nan", "E_VALUE_TYPE"), ("depth", "inf", "E_VALUE_TYPE"),
        ("depth", "1_0", "E_VALUE_TYPE"),
        ("grade", "2.5", "E_VALUE_TYPE"), ("grade", "11", "E_VALUE_RANGE"),
        ("grade", "0", "E_VALUE_RANGE"),
        ("pilot", "也许", "E_VALUE_TYPE"),
        ("day", "20241331", "E_VALUE_TYPE"), ("day", "yesterday", "E_VALUE_TYPE"),
        ("at", "noon", "E_VALUE_TYPE"),
        ("status", "很好", "E_VALUE_CODE"),
        ("code", "12345678901", "E_VALUE_LENGTH"), ("code", " ", "E_VALUE_REQUIRED"),
    ],
)  # fmt: skip
def test_wrong_values(name: str, text: str, code: str) -> None:
    good = "A" if name == "code" else None
    _, issues = convert(name, [good, text, good])
    assert issues.counts == {code: 1}
    assert [issue.row for issue in issues.listed] == [2]
    assert issues.bad.tolist() == [False, True, False]


@pytest.mark.parametrize("text", ["需要提质改", "需要提质", "需要"])
def test_cut_codes_are_known_again_and_told(text: str) -> None:
    result, issues = convert("status", [text])
    assert result == ["poor"]
    assert issues.counts == {"W_VALUE_CUT": 1}
    assert not issues.bad.any()


@pytest.mark.parametrize("text", ["需", "基", "g", "co"])
def test_too_little_is_no_code(text: str) -> None:
    assert convert("status", [text])[1].counts == {"E_VALUE_CODE": 1}


@pytest.mark.parametrize(
    ("name", "given_values", "kind", "expected"),
    [
        ("depth", [1, None], pa.int64(), [1.0, None]),
        ("grade", [3.0, None], pa.float64(), [3, None]),
        ("code", [220882.0, None], pa.float64(), ["220882", None]),
        ("code", [1.5], pa.float64(), ["1.5"]),
        ("day", [date(2024, 1, 31)], pa.date32(), [date(2024, 1, 31)]),
        ("pilot", [True], pa.bool_(), [True]),
        ("pilot", [1], pa.int64(), [True]),
        ("day", [datetime(2024, 1, 31, 9)], pa.timestamp("ms"), [date(2024, 1, 31)]),
    ],
)
def test_typed_columns(name: str, given_values: list, kind: pa.DataType, expected: list) -> None:
    assert convert(name, given_values, kind)[0] == expected


def test_empty_column() -> None:
    for field in LAYER.fields:
        assert convert(field.name, [])[0] == []


def test_issues_are_capped_and_counted() -> None:
    _, issues = convert("depth", ["x"] * (LISTED + 50))
    assert len(issues.listed) == LISTED
    assert issues.counts == {"E_VALUE_TYPE": LISTED + 50}
    assert issues.bad.all()


@given(st.lists(st.one_of(st.none(), st.text(max_size=12)), max_size=20))
@settings(deadline=None)
def test_nothing_is_lost_without_a_word(texts: list[str | None]) -> None:
    """Every text is kept, blank, or an error of its row; conversion never raises."""
    for name in LAYER.by_name:
        result, issues = convert(name, texts)
        for text, value, bad in zip(texts, result, issues.bad, strict=True):
            if value is None and not bad and text is not None:
                blank = (
                    not text.strip()
                    or not text.strip().strip("0")
                    or set(text.strip()) <= {"?", "*"}
                )
                assert blank or not text.strip().isprintable() or name in ("pilot", "day"), (
                    name,
                    text,
                )


def test_keys_that_repeat() -> None:
    issues = Issues(np.arange(1, 6))
    table = pa.table({"code": pa.array(["a", "b", "a", None, "a"])})
    values.check_key(table, LAYER, issues)
    assert [(i.row, "record 1" in i.en) for i in issues.listed] == [(3, True), (5, True)]
