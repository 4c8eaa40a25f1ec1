"""Which content coding a client gets."""

from __future__ import annotations

import pytest

from app.tiles.coding import SMALL, accepted, decode, recode

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        ("", "identity"),
        ("gzip", "gzip"),
        ("x-gzip", "gzip"),
        ("br", "br"),
        ("gzip, deflate, br, zstd", "br"),
        ("GZIP;Q=1.0, BR;Q=0.5", "gzip"),
        ("br;q=0, gzip;q=0.1", "gzip"),
        ("br;q=0, gzip;q=0", "identity"),
        ("*", "br"),
        ("*;q=0", "identity"),
        ("br;q=0, *", "gzip"),
        ("identity;q=1, gzip;q=0.5", "identity"),
        ("gzip;q=0.5, identity;q=0.4", "gzip"),
        ("gzip;q=nonsense", "identity"),
        ("gzip;q=nan", "identity"),
        ("zstd, deflate", "identity"),
        (" , ;;=,", "identity"),
    ],
)
def test_what_is_accepted(header: str, coding: str):
    assert accepted(header) == coding


@pytest.mark.parametrize("now", ["identity", "gzip", "br"])
@pytest.mark.parametrize("wanted", ["identity", "gzip", "br"])
def test_bodies_survive_any_recoding(now, wanted):
    plain = "盐碱地".encode() * 500
    body, coding = recode(*recode(plain, "identity", now), wanted)
    assert coding == wanted
    assert decode(body, wanted) == plain
    assert (wanted == "identity") == (len(body) == len(plain))
    # The same bytes each time: the validator is a strong one.
    assert recode(plain, "identity", wanted)[0] == body


def test_small_bodies_stay_as_they_are():
    assert recode(b"x" * (SMALL - 1), "identity", "br") == (b"x" * (SMALL - 1), "identity")
    assert recode(b"x" * SMALL, "identity", "br")[1] == "br"
