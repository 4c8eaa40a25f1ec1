"""Scale and offset: what is stated or written decides, in an order; never the date."""

from __future__ import annotations

import numpy as np
import pytest

from geo.errors import Rejected
from geo.soil import scaling
from geo.soil.scaling import Known

pytestmark = pytest.mark.unit


def decide(sensor="sentinel-2-l2a", dark=None, **known):
    found = scaling.decide(sensor, Known(**known), lambda: dark, "x.tif")
    return found.scale, found.offset, found.offset_applied


@pytest.mark.parametrize(
    ("known", "offset", "state"),
    [
        # Reprocessed images of 2018 carry the offset (baseline 05.00), those of then do not.
        ({"baseline": "05.00"}, -0.1, "no"),
        ({"baseline": "04.00"}, -0.1, "no"),
        ({"baseline": "N0509"}, -0.1, "no"),
        ({"baseline": "02.14"}, 0.0, "none"),
        ({"baseline": "03.01"}, 0.0, "none"),
        # A mirror that has taken it off, whatever the baseline and its band metadata say.
        (
            {"baseline": "05.09", "boa_offset_applied": True, "tags": (1e-4, -0.1)},
            0.0,
            "yes",
        ),
        ({"baseline": "05.09", "boa_offset_applied": False}, -0.1, "no"),
        # A person knows better than all of them (the mirror's flag is wrong for some items).
        ({"baseline": "05.09", "boa_offset_applied": True, "offset_applied": "no"}, -0.1, "no"),
        ({"baseline": "05.09", "offset_applied": "yes"}, 0.0, "yes"),
    ],
)
def test_sentinel_2(known, offset, state) -> None:
    assert decide(**known) == (0.0001, offset, state)


def test_what_else_decides() -> None:
    assert decide(tags=(2e-4, -0.05)) == (2e-4, -0.05, None)
    assert decide(dark=1150.0) == (0.0001, -0.1, "no")
    assert decide(dark=150.0) == (0.0001, 0.0, "yes")
    assert decide("landsat-c2-l2") == (0.0000275, -0.2, None)
    assert decide("custom", scale=1 / 255, offset=0.0) == (1 / 255, 0.0, None)
    for sensor, known in (
        ("custom", {}), ("custom", {"scale": 1e-4}), ("custom", {"scale": 0.0, "offset": 0.0}),
        ("custom", {"scale": float("nan"), "offset": 0.0}), ("sentinel-2-l2a", {}),
        ("sentinel-2-l2a", {"baseline": "latest"}), ("sentinel-2-l2a", {"dark": 700.0}),
        ("sentinel-2-l2a", {"dark": 2500.0}),
    ):  # fmt: skip
        with pytest.raises(Rejected) as caught:
            decide(sensor, **known)
        assert caught.value.code == "E_RASTER_SCALE"
        assert "scale" in caught.value.fix[1]


def test_names_of_products_tell_the_baseline() -> None:
    name = "S2B_MSIL2A_20190503T023549_N0211_R089_T51TXL_20190503T060118"
    assert scaling.baseline_of_name(name) == "02.11"
    assert scaling.baseline_of_name("T51TXL_20190503_B04.tif") is None
    assert scaling.parse_baseline("5.9") == (5, 9)
    assert scaling.parse_baseline(None) is None


def test_numbers_that_no_land_has() -> None:
    def refuse(values) -> str:
        with pytest.raises(Rejected) as caught:
            scaling.refuse_impossible({"R": np.float32(values)}, "x.tif")
        return caught.value.code

    for values in ([1500, 2500], [-0.4, -0.5], [-0.05, -0.01]):
        assert refuse(values) == "E_RASTER_SCALE"
    for values in ([0.0, 0.9, 1.3], [np.nan, np.nan], [-0.01, 0.02]):
        scaling.refuse_impossible({"R": np.float32(values)}, "x.tif")
