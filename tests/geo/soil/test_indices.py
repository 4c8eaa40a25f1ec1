"""Indices against hand-computed spectra, their own formula text, spyndex and their algebra."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import Rejected
from geo.soil import indices

pytestmark = pytest.mark.unit

CRUST = {"B": 0.22, "G": 0.27, "R": 0.31, "N": 0.36, "S1": 0.38, "S2": 0.33, "RE1": 0.33}
MODERATE = {"B": 0.12, "G": 0.15, "R": 0.18, "N": 0.24, "S1": 0.30, "S2": 0.26, "RE1": 0.20}
DARK = {"B": 0.05, "G": 0.07, "R": 0.09, "N": 0.13, "S1": 0.20, "S2": 0.17, "RE1": 0.10}
CANOPY = {"B": 0.03, "G": 0.07, "R": 0.04, "N": 0.42, "S1": 0.18, "S2": 0.08, "RE1": 0.10}
PADDY = {"B": 0.06, "G": 0.08, "R": 0.08, "N": 0.10, "S1": 0.05, "S2": 0.03, "RE1": 0.09}

CHECKS = {  # id: crust, moderate
    "ndsi_rn": (-0.0746, -0.1429), "si_br": (0.2612, 0.1470), "si_gr": (0.2893, 0.1643),
    "si_grn": (0.5464, 0.3354), "si_gr2": (0.4111, 0.2343), "s1_b_over_r": (0.7097, 0.6667),
    "s2_nd_br": (-0.1698, -0.2000), "s3_gr_over_b": (0.3805, 0.2250),
    "s5_br_over_g": (0.2526, 0.1440), "s6_rn_over_g": (0.4133, 0.2880), "sit_rn": (0.8611, 0.7500),
    "vssi": (-2.81, -1.80), "crsi": (0.5525, 0.6417), "cosri": (0.0546, 0.0918),
    "endvi_s2": (0.3800, 0.4706), "bsi": (0.0866, 0.1429), "pdi": (0.4670, 0.2905),
    "ndvi": (0.0746, 0.1429), "evi": (0.0796, 0.1056), "savi": (0.0641, 0.0978),
    "msavi": (0.0603, 0.0861), "ndwi": (-0.1429, -0.2308), "mndwi": (-0.1692, -0.3333),
    "lswi": (-0.0270, -0.1111), "ndre1": (0.0435, 0.0909),
}  # fmt: skip

reflectance = st.floats(0.001, 1.0)
spectrum = st.fixed_dictionaries(dict.fromkeys(indices.BANDS, reflectance))


def value(index_id: str, bands: dict[str, float]) -> float:
    return float(indices.get(index_id).evaluate(bands))


@pytest.mark.parametrize(("index_id", "expected"), CHECKS.items())
def test_hand_computed_spectra(index_id: str, expected: tuple[float, float]) -> None:
    assert value(index_id, CRUST) == pytest.approx(expected[0], abs=6e-5)
    assert value(index_id, MODERATE) == pytest.approx(expected[1], abs=6e-5)


def test_indices_without_a_printed_check() -> None:
    assert value("bi_rn", CRUST) == pytest.approx(math.hypot(0.31, 0.36))
    assert value("indp_s12", CRUST) == pytest.approx(0.05 / 0.71)
    assert value("nsi", CRUST) == pytest.approx(0.05 / 0.02)
    assert value("sssi1", CRUST) == pytest.approx(0.05)
    assert value("sssi2", CRUST) == pytest.approx((0.38 * 0.33 - 0.33**2) / 0.38)


@pytest.mark.parametrize("index_id", indices.registry())
@given(bands=spectrum)
def test_shown_formula_is_the_computed_one(index_id: str, bands: dict[str, float]) -> None:
    index = indices.get(index_id)
    names = {**bands, **index.parameters, "sqrt": lambda v: np.sqrt(np.float64(v))}
    got = float(index.evaluate(bands))
    if not math.isnan(got):
        shown = eval(index.formula, {"__builtins__": {}}, names)  # our own text, from the table
        assert got == pytest.approx(float(shown), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("index_id", indices.registry())
@given(bands=spectrum)
def test_values_stay_in_the_stated_range(index_id: str, bands: dict[str, float]) -> None:
    index = indices.get(index_id)
    got = float(index.evaluate(bands))
    if not math.isnan(got):
        assert index.minimum is None or got >= index.minimum - 1e-9
        assert index.maximum is None or got <= index.maximum + 1e-9


@pytest.mark.parametrize(
    "index_id", [i.id for i in indices.registry().values() if i.scale == "ratio" and i.id != "nsi"]
)
@given(bands=spectrum, k=st.floats(0.1, 10))
def test_ratios_do_not_see_the_scale(index_id: str, bands: dict[str, float], k: float) -> None:
    scaled = {key: v * k for key, v in bands.items()}
    assert value(index_id, scaled) == pytest.approx(
        value(index_id, bands), rel=1e-6, abs=1e-9, nan_ok=True
    )


@given(bands=spectrum)
def test_identities(bands: dict[str, float]) -> None:
    assert value("ndsi_rn", bands) == -value("ndvi", bands)
    s1 = value("s1_b_over_r", bands)
    assert value("s2_nd_br", bands) == pytest.approx((s1 - 1) / (s1 + 1), abs=1e-12)
    crsi = value("crsi", bands)
    if bands["N"] * bands["R"] < bands["G"] * bands["B"]:
        assert math.isnan(crsi)
    else:
        assert 0 <= crsi**2 < 1


def test_default_salinity_indices_order_the_spectra() -> None:
    for index_id in ("si_br", "si_gr", "si_gr2", "s5_br_over_g"):
        crust, moderate, dark = (value(index_id, s) for s in (CRUST, MODERATE, DARK))
        assert crust > moderate > dark
        assert max(value(index_id, CANOPY), value(index_id, PADDY)) < moderate


def test_undefined_is_nan_never_zero() -> None:
    zeros = dict.fromkeys(indices.BANDS, np.zeros(3, dtype=np.uint16))
    for index in indices.registry().values():
        result = index.evaluate(zeros)
        if index.scale == "ratio":
            assert np.isnan(result).all(), index.id
    assert math.isnan(value("nsi", {"N": 0.3, "S1": 0.3, "S2": 0.2}))
    # Snow-bright blue drives the denominator of EVI through 0.
    assert math.isnan(value("evi", {"B": 1.0, "R": 0.9, "N": 0.9}))
    assert np.isnan(indices.get("si_br").evaluate({"B": [np.nan], "R": [0.2]})).all()


def test_integers_do_not_wrap_and_floats_keep_their_width() -> None:
    red, nir = np.array([1900], dtype=np.uint16), np.array([2400], dtype=np.uint16)
    assert indices.get("ndsi_rn").evaluate({"R": red, "N": nir})[0] == pytest.approx(-500 / 4300)
    big = np.array([60000], dtype=np.uint16)
    assert indices.get("si_br").evaluate({"B": big, "R": big})[0] == pytest.approx(60000.0)
    single = indices.get("evi").evaluate({k: np.float32([v]) for k, v in CRUST.items()})
    assert single.dtype == np.float32


def test_missing_offset_is_a_different_answer() -> None:
    def nd(offset: float) -> float:
        return value("ndsi_rn", {"R": 1900 * 1e-4 + offset, "N": 2400 * 1e-4 + offset})

    assert nd(-0.1) == pytest.approx(-0.2174, abs=5e-5)
    assert nd(0.0) == pytest.approx(-0.1163, abs=5e-5)


def test_negative_reflectance_counts_as_zero() -> None:
    assert value("si_br", {"B": -0.01, "R": 0.2}) == 0.0
    assert value("ndvi", {"N": -0.02, "R": 0.02}) == -1.0


def test_spyndex_agrees_where_it_has_the_index() -> None:
    import spyndex

    same = {"ndvi": "NDVI", "msavi": "MSAVI", "ndwi": "NDWI", "mndwi": "MNDWI", "lswi": "LSWI",
            "ndre1": "NDREI", "bsi": "BI"}  # fmt: skip
    for ours, theirs in same.items():
        bands = spyndex.indices[theirs].bands
        given_bands = {
            b: CRUST[b if b in CRUST else "RE1"] for b in bands if b in CRUST or "RE" in b
        }
        assert float(spyndex.computeIndex(theirs, given_bands)) == pytest.approx(value(ours, CRUST))
    assert float(spyndex.computeIndex("SAVI", {**CRUST, "L": 0.5})) == pytest.approx(
        value("savi", CRUST)
    )
    evi = {**CRUST, "g": 2.5, "C1": 6.0, "C2": 7.5, "L": 1.0}
    assert float(spyndex.computeIndex("EVI", evi)) == pytest.approx(value("evi", CRUST))
    # The same letters, another index: why ids are ours.
    assert float(spyndex.computeIndex("NDSI", CRUST)) != pytest.approx(value("ndsi_rn", CRUST))


def test_literature_names_are_refused_with_their_meanings() -> None:
    with pytest.raises(Rejected, match="si_grn") as caught:
        indices.get("SI2")
    assert caught.value.code == "E_INDEX"
    assert "si_gr " in str(caught.value)
    assert {i.id for i, _ in indices.lookup("NDSI")} >= {"ndsi_rn", "mndwi", "indp_s12"}
    assert [i.id for i, _ in indices.lookup("SI2", source="Nguyen")] == ["si_gr"]
    with pytest.raises(Rejected, match="no index"):
        indices.get("nonsense")
    with pytest.raises(Rejected) as missing:
        indices.get("si_br").evaluate({"B": [0.1]})
    assert missing.value.code == "E_INDEX_BANDS"


def test_every_entry_describes_itself() -> None:
    for index in indices.registry().values():
        entry = index.describe()
        assert entry["citation"]
        assert entry["names"]
        assert entry["pitfall"]["zh"] != entry["pitfall"]["en"]
        assert set(entry["bands"]) <= set(indices.BANDS)
