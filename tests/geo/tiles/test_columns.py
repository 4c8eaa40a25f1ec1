"""Columns as the loops read them: rows of a segment are what Arrow would take."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from geo.tiles.columns import Plain, plain, rows_of

pytestmark = pytest.mark.unit

COUNT = 300
RNG = np.random.default_rng(11)
NUMBERS = RNG.integers(-1000, 1000, COUNT)


def values(column: Plain) -> list[object]:
    """What a loop would see: None, or the bits (the word for strings)."""
    out: list[object] = []
    for i, bits in enumerate(column.bits.tolist()):
        at = column.valid_from + i
        if len(column.valid) and not column.valid[at >> 3] >> (at & 7) & 1:
            out.append(None)
        elif len(column.offsets) > 1:
            out.append(column.data[column.offsets[bits] : column.offsets[bits + 1]].tobytes())
        else:
            out.append(bits)
    return out


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
def test_rows_of_a_segment(name: str, nulls: bool, start: int):
    column = COLUMNS[name]
    if nulls:
        places = [None if i % 3 == 0 else i for i in range(COUNT)]
        column = column.take(pa.array(places, pa.int64()))
    column = column.slice(start)
    segment = type("Segment", (), {"column": lambda _self, _name: column})()
    for rows in (np.arange(len(column)), np.array([7, 3, 3, 250]), np.empty(0, dtype=np.int64)):
        taken = plain(column.take(pa.array(rows)))
        got = rows_of(segment, name, rows)  # type: ignore[arg-type]
        assert got.kind == taken.kind
        assert values(got) == values(taken)
