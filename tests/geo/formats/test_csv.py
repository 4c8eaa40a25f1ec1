"""CSV: formulas made harmless, numbers left alone, any text back as it was."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.formats.csv import BOM, csv_bytes, lonlat_columns, wkt_column

pytestmark = pytest.mark.unit


def read(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def write(columns: dict[str, pa.Array], titles: list[str] | None = None) -> bytes:
    return b"".join(csv_bytes(columns, titles or list(columns)))


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+8613800000000", "'+8613800000000"),
        ("-5", "'-5"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ('=HYPERLINK("http://x","y")', '\'=HYPERLINK("http://x","y")'),
        ("a=1", "a=1"),
        ("x\n=1", "x\n=1"),
        ("", ""),
        ("大安,市", "大安,市"),
    ],
)
@pytest.mark.parametrize("dictionary", [True, False])
def test_formulas_become_texts(text: str, cell: str, dictionary: bool) -> None:
    column = pa.array([text])
    data = write({"name": column.dictionary_encode() if dictionary else column}, [text])
    assert read(data) == [[cell], [cell]]


def test_values_of_every_type() -> None:
    data = write(
        {
            "code": pa.array(["001", None, "-x"]).dictionary_encode(),
            "a": pa.array([-1.5, None, float("nan")]),
            "n": pa.array([-3, 2**62, None]),
            "flag": pa.array([True, False, None]),
            "day": pa.array([date(2024, 5, 1), None, None]),
            "at": pa.array(
                [datetime(2024, 5, 1, 8, tzinfo=UTC), datetime(2024, 5, 1, 8, 0, 0, 5, UTC), None]
            ),
            "none": pa.nulls(3),
        },
        ["编号", "a", "n", "flag", "day", "at", "none"],
    )
    assert data.startswith(BOM)
    assert read(data) == [
        ["编号", "a", "n", "flag", "day", "at", "none"],
        ["001", "-1.5", "-3", "true", "2024-05-01", "2024-05-01T08:00:00Z", ""],
        ["", "", str(2**62), "false", "", "2024-05-01T08:00:00.000005Z", ""],
        ["'-x", "", "", "", "", "", ""],
    ]
    assert b"-1.5,-3," in data  # numbers are not quoted


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.text(), st.none() | st.text()), min_size=1, max_size=8))
def test_any_text_comes_back(rows: list[tuple[str, Any]]) -> None:
    first, second = (pa.array([r[i] for r in rows], pa.string()) for i in (0, 1))
    found = read(write({"a": first, "b": second.dictionary_encode()}))[1:]
    expected = [["'" + t if t and t[0] in "=+-@\t\r" else t for t in (a, b or "")] for a, b in rows]
    assert found == expected


def test_a_file_in_parts() -> None:
    columns = {"a": pa.array([1, 2])}
    parts = b"".join(csv_bytes(columns, ["a"], bom=True)) + b"".join(
        csv_bytes(columns, None, bom=False)
    )
    assert parts == BOM + b'"a"\n1\n2\n1\n2\n'
    assert list(csv_bytes({"a": pa.array([], pa.string())}, ["a"])) == [BOM + b'"a"\n']
    with pytest.raises(ValueError, match="titles"):
        list(csv_bytes(columns, ["a", "b"]))


def test_long_files_come_in_pieces() -> None:
    count = 120_001
    pieces = list(csv_bytes({"n": pa.array(range(count))}, ["n"]))
    assert len(pieces) == 4
    assert [int(row[0]) for row in read(b"".join(pieces))[1:]] == list(range(count))


def test_geometry_columns() -> None:
    shapes = np.array([shapely.box(122, 45, 123, 46), None, shapely.Point(1 / 3, 2)], dtype=object)
    assert wkt_column(shapes).to_pylist() == [
        "POLYGON ((123 45, 123 46, 122 46, 122 45, 123 45))",
        None,
        "POINT (0.333333333 2)",
    ]
    columns = lonlat_columns(shapes)
    assert columns["lon"].to_pylist() == [122.5, None, 0.333333333]
    assert columns["lat"].to_pylist() == [45.5, None, 2.0]
