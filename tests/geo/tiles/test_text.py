"""Numbers and times as text: exact, and what other readers read back."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.tiles.kernels.number import put_number
from geo.tiles.kernels.text import put_date, put_integer, put_time

pytestmark = pytest.mark.unit

ROOM = np.zeros(64, dtype=np.uint8)


def text(put, value) -> str:
    start = ROOM.ctypes.data
    return ROOM[: put(start, value) - start].tobytes().decode()


@settings(max_examples=500)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_number_reads_back(value):
    got = text(put_number, value)
    assert float(got) == value
    assert float(json.loads(got)) == value
    assert len(got) <= 26


@settings(max_examples=500)
@given(st.integers(-(10**14), 10**14), st.integers(0, 7))
def test_short_decimals_stay_short(digits, decimals):
    value = digits / 10**decimals
    got = text(put_number, value)
    assert float(got) == value
    assert len(got.strip("-").replace(".", "").strip("0")) <= 15


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (0.0, "0"), (-0.0, "0"), (1.0, "1"), (-2.5, "-2.5"), (0.1, "0.1"), (100.0, "100"),
        (57499.78, "57499.78"), (1e-7, "0.0000001"), (1e15, "1e15"),
        (2.0**300, "2.0370359763344861e90"),
        (5e-324, "4.9406564584124654e-324"), (0.1 + 0.2, "0.30000000000000004"),
    ],
)  # fmt: skip
def test_known_numbers(value, wanted):
    assert text(put_number, value) == wanted


@given(st.integers(-(2**63), 2**63 - 1))
def test_integers(value):
    assert text(put_integer, value) == str(value)


@given(st.dates())
def test_dates(day):
    assert text(put_date, (day - dt.date(1970, 1, 1)).days) == day.isoformat()


@given(st.datetimes())
def test_times(when):
    micros = (when - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1)
    assert text(put_time, micros) == when.replace(microsecond=0).isoformat() + "Z"
