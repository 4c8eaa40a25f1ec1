"""Damaged files of every own parser: refused with a code, or read; never another exception."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geo.errors import Rejected
from geo.intake.inspect import actual, inspect, unpack
from geo.intake.read import read
from tests.geo.intake.test_formats import CASES

pytestmark = pytest.mark.unit

PARSERS = ("landtxt", "kml", "ovkml", "ovjsn", "csv", "xlsx", "dxf", "geojsonl")
DATA = {case: CASES[case][1]() for case in PARSERS}
BITS = st.one_of(
    st.binary(max_size=12),
    st.sampled_from([b"\0", b"\xff\xfe", b",@", b"<", b"]]>", b"nan", b"1e999", b"-", b"\n\n",
                     b"\xef\xbc\x8c", b"J1,1,", b'"', b"{", b"  0\n", b"&#0;", b"<kml>"]),
)  # fmt: skip


@st.composite
def damage(draw: st.DrawFn, data: bytes) -> bytes:
    """Some places cut out, doubled or written over; sometimes the end is missing."""
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        size = draw(st.sampled_from([0, 1, 2, 7, 40]))
        data = data[:at] + draw(BITS) + data[at + size :]
    return data[: draw(st.integers(0, len(data)))] if draw(st.integers(0, 4)) == 0 else data


@pytest.mark.parametrize("kind", ["MultiPolygon", "Point", None])
@pytest.mark.parametrize("case", PARSERS)
@settings(max_examples=40, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(choice=st.data())
def test_only_refusals(tmp_path: Path, case: str, kind: Any, choice: st.DataObject) -> None:
    name = CASES[case][0]
    source = tmp_path / "blob"
    source.write_bytes(choice.draw(damage(DATA[case])))
    refusal: Rejected | None = None
    try:
        inspected = inspect(source, name, tmp_path)
        for layer in inspected.layers:
            files = unpack(layer, inspected, tmp_path)
            raw = read(actual(layer, files), layer.inner or layer.name, files, None, kind)
            assert len(raw.rows) == len(raw.geometry) == len(raw.broken)
            # A table without columns does not know how many rows it has.
            assert raw.attributes.num_rows == len(raw.rows) * bool(raw.attributes.num_columns)
    except Rejected as error:
        refusal = error
    assert refusal is None or refusal.fix is None or all(refusal.fix)
