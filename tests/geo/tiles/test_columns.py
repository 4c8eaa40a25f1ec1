"""Columns as the loops read them: rows of a segment are what Arrow would take."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from geo.snapshot.segment import DERIVED
from geo.tiles.columns import lines_of, segment_lines
from geo.tiles.kernels import columns as kernel

pytestmark = pytest.mark.unit

COUNT = 300
RNG = np.random.default_rng(11)
NUMBERS = RNG.integers(-1000, 1000, COUNT)


def values(line: np.ndarray, rows: np.ndarray, column: pa.Array) -> list[object]:
    """What a loop sees in these rows: None, the number of a word, or the bits."""
    got = [
        int(kernel.value_at(line.ctypes.data, r)) if kernel.has_value(line.ctypes.data, r) else None
        for r in rows
    ]
    if line[kernel.KIND] == kernel.STRING:
        return [None if g is None else column.dictionary[g].as_py() for g in got]
    return got


def expected(column: pa.Array, rows: np.ndarray) -> list[object]:
    column = column.take(pa.array(rows))
    if pa.types.is_date(column.type):
        column = column.cast(pa.int32())
    elif pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    elif pa.types.is_floating(column.type):
        bits = column.to_numpy(zero_copy_only=False).view(np.int64)
        return [b if v is not None else None for b, v in zip(bits, column.to_pylist(), strict=True)]
    return column.to_pylist()


COLUMNS = {
    "word": pa.array([f"第{n % 7}号" for n in NUMBERS.tolist()]).dictionary_encode(),
    "count": pa.array(NUMBERS),
    "area": pa.array(NUMBERS / 3),
    "done": pa.array((NUMBERS % 2 == 0).tolist()),
    "day": pa.array([dt.date(2020, 1, 1) + dt.timedelta(int(n)) for n in NUMBERS]),
    "time": pa.array(NUMBERS * 10**12).cast(pa.timestamp("us", tz="UTC")),
}


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("nulls", [False, True])
@pytest.mark.parametrize("start", [0, 5])
def test_a_loop_reads_what_arrow_takes(name: str, nulls: bool, start: int):
    column = COLUMNS[name]
    if nulls:
        places = [None if i % 3 == 0 else i for i in range(COUNT)]
        column = column.take(pa.array(places, pa.int64()))
    column = column.slice(start)
    lines = lines_of({name: column})
    for rows in (np.arange(len(column)), np.array([7, 3, 3, 250]), np.empty(0, dtype=np.int64)):
        assert values(lines.lines[0], rows, column) == expected(column, rows)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_no_number_is_no_value(bad):
    lines = lines_of({"a": pa.array([1.5, bad])})
    assert [kernel.has_value(lines.lines[0].ctypes.data, r) for r in (0, 1)] == [True, False]


def test_words_that_stand_once():
    def once(words: list[str | None], dictionary: list[str]) -> bool:
        codes = pa.array([None if w is None else dictionary.index(w) for w in words], pa.int32())
        column = pa.DictionaryArray.from_arrays(codes, pa.array(dictionary))
        return bool(lines_of({"a": column}).lines[0][kernel.ONCE])

    assert once(["b", "a", None], ["a", "b"])
    assert once(["b", "a"], ["a", "b", "unused"])
    assert not once(["b", "a", "b"], ["a", "b"])
    assert not once(["b", "b"], ["a", "b"])


def test_words_that_are_null_in_the_dictionary():
    column = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0], pa.int32()), pa.array(["a", None]))
    lines = lines_of({"a": column})
    assert [kernel.has_value(lines.lines[0].ctypes.data, r) for r in range(3)] == [
        True,
        False,
        True,
    ]


class Pretended:
    """A segment with one column, which counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def column(self, name: str) -> pa.Array:
        self.asked.append(name)
        return pa.array([1e4, None, 250.0])


def test_a_segment_is_asked_once():
    segment = Pretended()
    first = segment_lines(segment, ("area_m2", "area_mu"))  # type: ignore[arg-type]
    again = segment_lines(segment, ("area_mu",))  # type: ignore[arg-type]
    segment_lines(segment, ("area_m2", "area_mu"))  # type: ignore[arg-type]
    assert segment.asked == ["area_m2"]
    for line in (first.lines[1], again.lines[0]):
        bits = np.array([kernel.value_at(line.ctypes.data, row) for row in (0, 2)])
        np.testing.assert_array_equal(
            bits.view(np.float64), np.array([1e4, 250.0]) * DERIVED["area_mu"]
        )
        assert not kernel.has_value(line.ctypes.data, 1)
