"""Arcs and solids are named whatever format they come in."""

from __future__ import annotations

import struct

import pytest

from geo.errors import Rejected
from geo.formats.content import from_wkb
from geo.formats.curves import refuse_curves

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("kind", [8, 9, 10, 11, 12, 1010, 2010, 3010, 0x8000000A])
def test_every_curved_type(kind: int) -> None:
    with pytest.raises(Rejected, match="E_CURVE") as caught:
        refuse_curves([None, struct.pack("<BII", 1, 1, 0), struct.pack("<BII", 1, kind, 0)])
    assert caught.value.where == "3"
    with pytest.raises(Rejected, match="E_CURVE"):
        refuse_curves([struct.pack(">BII", 0, kind, 0)])


@pytest.mark.parametrize("kind", [1, 2, 3, 4, 5, 6, 7, 1003, 2006, 3001, 0x80000003, 0x20000006])
def test_plain_types_pass(kind: int) -> None:
    refuse_curves([struct.pack("<BII", 1, kind, 0)])


def test_readers_of_well_known_binary_refuse_them() -> None:
    with pytest.raises(Rejected, match="E_CURVE"):
        from_wkb([None, struct.pack("<BII", 1, 10, 0)])
