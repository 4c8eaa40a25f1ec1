"""Masks: which pixels they take out, by the definitions of the products."""

from __future__ import annotations

import numpy as np
import pytest

from geo.errors import Rejected
from geo.soil import mask

pytestmark = pytest.mark.unit


def found(name: str, **bands: object) -> list[bool]:
    arrays = {key: np.asarray(values) for key, values in bands.items()}
    return mask.RULES[name].find(arrays, arrays).tolist()


def test_scene_classes_of_sentinel_2() -> None:
    masked = found("scl", SCL=np.arange(13, dtype=np.uint16))
    assert [k for k, hidden in enumerate(masked) if not hidden] == [4, 5, 6, 7]
    assert found("scl", SCL=np.array([4, 60000], dtype=np.uint16)) == [False, True]
    assert found("scl", SCL=np.float32([4.0, 9.0])) == [False, True]


def test_bits_of_landsat_collection_2() -> None:
    """Bit 5 is snow and bit 3 cloud; Collection 1 had cloud in 5 and shadow in 3."""
    clear, dilated, cirrus, cloud, shadow, snow = 1 << 6, 2, 4, 8, 16, 32
    water = 1 << 7 | clear
    qa = np.array([clear, water, dilated, cirrus, cloud, shadow, snow], dtype=np.uint16)
    assert found("qa_pixel", QA_PIXEL=qa) == [False, False, True, True, True, True, True]


def test_water_and_plants_by_spectrum() -> None:
    # canopy, flooded paddy, crust, dark soil
    green, red = np.float32([0.07, 0.08, 0.27, 0.07]), np.float32([0.04, 0.08, 0.31, 0.09])
    nir = np.float32([0.42, 0.07, 0.36, 0.13])
    assert found("water", G=green, N=nir) == [False, True, False, False]
    assert found("vegetation", R=red, N=nir) == [True, False, False, False]


def test_names_and_bands_are_checked() -> None:
    assert [r.id for r in mask.resolve(("water", "scl"), {"SCL": 1, "G": 2, "N": 3})] == [
        "water",
        "scl",
    ]
    for names, bands in ((("moon",), {}), (("scl",), {"G": 1})):
        with pytest.raises(Rejected) as caught:
            mask.resolve(names, bands)
        assert caught.value.code == "E_MASK"
