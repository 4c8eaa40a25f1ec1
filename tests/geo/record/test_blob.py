"""GeoPackage geometry blobs, and the SQL functions that read them."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.record import blob

pytestmark = pytest.mark.unit

NAMES = ("ST_MinX", "ST_MaxX", "ST_MinY", "ST_MaxY")
number = st.floats(-180, 180)


@given(st.lists(st.tuples(number, number), min_size=2, max_size=30))
def test_envelope_and_wkb(points: list[tuple[float, float]]) -> None:
    lines = shapely.linestrings([points])
    wkb = blob.to_wkb(lines)
    (stored,) = blob.with_headers(shapely.bounds(lines), wkb)
    assert stored is not None
    assert blob.wkb_of(stored) == wkb[0]
    low, left, high, right = lines[0].bounds
    assert [blob.FUNCTIONS[name](stored) for name in NAMES] == [low, high, left, right]
    assert blob.is_empty(stored) == 0


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("code", [0, 1, 2, 3, 4])
def test_blobs_of_other_writers(order: str, code: int) -> None:
    """Both byte orders, any kind of envelope or none."""
    geometry = shapely.box(1, 2, 3, 4)
    flags = int(order == "<") | code << 1
    envelope = struct.pack(f"{order}8d", 1, 3, 2, 4, 0, 0, 0, 0)[: (0, 32, 48, 48, 64)[code]]
    stored = b"GP\0" + bytes([flags]) + struct.pack(f"{order}i", 4490) + envelope + geometry.wkb
    assert [blob.FUNCTIONS[name](stored) for name in NAMES] == [1, 3, 2, 4]
    assert blob.wkb_of(stored) == geometry.wkb


def test_what_is_no_geometry_is_null() -> None:
    for value in (None, b"", b"GP", b"XX" + bytes(40), "text", 5):
        for function in blob.FUNCTIONS.values():
            assert function(value) is None
    empty = b"GP\0" + bytes([0b0001_0001]) + bytes(4) + shapely.Polygon().wkb
    assert blob.is_empty(empty) == 1
    assert blob.FUNCTIONS["ST_MinX"](empty) is None


def test_nulls_keep_their_place() -> None:
    shapes = np.array([None, shapely.Point(1, 2), None])
    wkb = blob.to_wkb(shapes)
    stored = blob.with_headers(shapely.bounds(shapes), wkb)
    assert [item is None for item in stored] == [True, False, True]


def test_z_is_left_out() -> None:
    (wkb,) = blob.to_wkb(np.array([shapely.Point(1, 2, 3)]))
    assert wkb == shapely.Point(1, 2).wkb
    assert not math.isnan(shapely.from_wkb(wkb).x)


@pytest.mark.parametrize("value", [b"", b"GP", b"XXXXXXXXXXXXXXXX", b"GP\0\x0e" + bytes(80)])
def test_broken_headers(value: bytes) -> None:
    with pytest.raises(ValueError, match="GeoPackage"):
        blob.wkb_of(value)
