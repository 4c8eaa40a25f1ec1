"""Masks: which pixels they take out, by the definitions of the products."""

from __future__ import annotations

import numpy as np
import pytest

from geo.errors import Rejected
from geo.soil import mask
from tests.geo.soil.test_indices import CANOPY, CRUST, DARK, MODERATE, PADDY

pytestmark = pytest.mark.unit

WATER = {"B": 0.05, "G": 0.06, "R": 0.04, "RE1": 0.03, "N": 0.02, "S1": 0.01, "S2": 0.01}


def found(name: str, **bands: object) -> list[bool]:
    arrays = {key: np.asarray(values) for key, values in bands.items()}
    (rule,) = mask.resolve([name], arrays)
    assert rule.id == name
    assert set(rule.bands) <= set(arrays)
    return rule.find(arrays, arrays).tolist()


def columns(*spectra: dict[str, float]) -> dict[str, np.ndarray]:
    return {key: np.float32([s[key] for s in spectra]) for key in spectra[0]}


def test_scene_classes_of_sentinel_2() -> None:
    masked = found("scl", SCL=np.arange(13, dtype=np.uint16))
    assert [k for k, hidden in enumerate(masked) if not hidden] == [4, 5, 6, 7]
    assert found("scl", SCL=np.array([4, 60000], dtype=np.uint16)) == [False, True]
    assert found("scl", SCL=np.float32([4.0, 9.0])) == [False, True]
    # Dark areas may be kept, and bright crust that is taken for snow.
    assert found("scl:0-1-3-8-9-10", SCL=np.array([2, 3, 11])) == [False, True, False]


def test_bits_of_landsat_collection_2() -> None:
    """Bit 5 is snow and bit 3 cloud; Collection 1 had cloud in 5 and shadow in 3."""
    fill, dilated, cirrus, cloud, shadow, snow, clear = (1 << bit for bit in range(7))
    water = 1 << 7 | clear
    qa = np.array([clear, water, fill, dilated, cirrus, cloud, shadow, snow], dtype=np.uint16)
    assert found("qa_pixel", QA_PIXEL=qa) == [False, False, *[True] * 6]
    # Real values of the product: 21824 clear, 21952 water, 22280 cloud, 23888 shadow, 30048 snow.
    real = np.array([21824, 21952, 22280, 23888, 30048], dtype=np.uint16)
    assert found("qa_pixel", QA_PIXEL=real) == [False, False, True, True, True]
    # Published code that took Collection 1's bits 3 and 5 let the shadow through.
    assert (real & (1 << 3 | 1 << 5) != 0).tolist() == [False, False, True, False, True]
    assert found("snow", QA_PIXEL=real) == [False, False, False, False, True]
    assert found("qa_radsat", QA_RADSAT=np.array([0, 1, 64], np.uint16)) == [False, True, True]


def test_water_by_the_bands_there_are() -> None:
    spectra = columns(CANOPY, PADDY | {"N": 0.07}, CRUST, DARK, WATER)
    no_swir = {key: spectra[key] for key in ("G", "N")}
    assert found("water", **no_swir) == [False, True, False, False, True]
    assert found("water", **spectra) == [False, True, False, False, True]  # MNDWI
    # Paddy with some leaves is dry for NDWI and wet for MNDWI.
    assert found("water", **columns(PADDY)) == [True]
    assert found("water", G=np.float32([0.08]), N=np.float32([0.10])) == [False]
    scl = np.array([4, 6, 5, 5, 5])
    assert found("water", SCL=scl) == [False, True, False, False, False]
    assert found("water", SCL=scl, **spectra) == [False, True, False, False, True]
    assert found("water:0.5", **spectra) == [False, False, False, False, True]


def test_plants_above_a_cover_that_can_be_chosen() -> None:
    spectra = columns(CANOPY, MODERATE, CRUST)
    assert found("vegetation", **spectra) == [True, False, False]
    assert found("vegetation:0.1", **spectra) == [True, True, False]
    assert found("vegetation:0.9", **spectra) == [False, False, False]


def test_flooded_paddy_and_snow() -> None:
    snow = {"B": 0.8, "G": 0.8, "R": 0.8, "RE1": 0.8, "N": 0.7, "S1": 0.1, "S2": 0.1}
    spectra = columns(CRUST, MODERATE, PADDY, CANOPY, snow)
    # Crust and moderate soil are dry (science table); the paddy is wet; full canopy is not.
    assert found("flooded", **spectra)[:4] == [False, False, True, False]
    assert found("flooded:0.2", **columns(CRUST)) == [True]
    assert found("snow", **spectra) == [False, False, False, False, True]
    # Water is as green as it is dark in SWIR, yet no snow.
    assert found("snow", **columns(WATER)) == [False]
    assert found("snow:0.8", **columns(snow)) == [False]
    assert found("snow", SCL=np.array([11, 5])) == [True, False]


def test_undefined_is_not_masked_by_a_limit() -> None:
    """0/0 has a reason of its own."""
    zero = np.zeros(1, np.float32)
    assert found("vegetation", R=zero, N=zero) == [False]
    assert found("water", G=zero, N=zero) == [False]


def test_names_parameters_and_bands_are_checked() -> None:
    have = {"SCL": 1, "G": 2, "N": 3, "R": 4}
    assert [r.id for r in mask.resolve(("water", "scl"), have)] == ["water", "scl"]
    for name in ("moon", "scl:", "scl:4-x", "scl:12", "vegetation:nan", "vegetation:1e9",
                 "vegetation:green", "flooded", "qa_pixel", ""):  # fmt: skip
        with pytest.raises(Rejected) as caught:
            mask.resolve([name], have)
        assert caught.value.code == "E_MASK", name
    with pytest.raises(Rejected, match="no parameter"):
        mask.resolve(["qa_pixel:3"], {"QA_PIXEL": 1})
    for kind in mask.KINDS.values():
        assert kind.describe()["bands"]


def test_bare_soil_takes_what_the_bands_of_every_scene_allow() -> None:
    sentinel = dict.fromkeys(("B", "G", "R", "N", "SCL"), 1)
    landsat = dict.fromkeys(("B", "G", "R", "N", "QA_PIXEL"), 1)
    plain = dict.fromkeys(("G", "R", "N"), 1)
    assert mask.bare_soil(sentinel) == ("scl", "water", "vegetation")
    assert mask.bare_soil(landsat) == ("qa_pixel", "water", "vegetation")
    assert mask.bare_soil(plain) == mask.bare_soil(sentinel, landsat) == ("water", "vegetation")
    assert mask.bare_soil({"B": 1, "G": 2}) == ()
