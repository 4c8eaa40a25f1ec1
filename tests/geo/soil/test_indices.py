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


def test_spyndex_computes_what_we_say_it_does() -> None:
    """Every index that names spyndex equals spyndex's own call, each with its own constants."""
    import spyndex

    used = [index for index in indices.registry().values() if index.library]
    assert len(used) >= 17
    for index in used:
        name = index.library.removeprefix("spyndex ")
        own = {key: CRUST[key] for key in index.bands} | dict(index.parameters)
        assert float(spyndex.computeIndex(name, own)) == pytest.approx(value(index.id, CRUST))
        assert spyndex.indices[name].application_domain == index.group or name == "NDMI"
    # One call for two indices shares L: EVI comes out with SAVI's.
    shared = {**CRUST, **indices.get("evi").parameters, "L": 0.5}
    assert float(spyndex.computeIndex("EVI", shared)) != pytest.approx(value("evi", CRUST), rel=0.1)
    moderate = {**MODERATE, "g": 2.5, "C1": 6.0, "C2": 7.5, "L": 0.5}
    assert float(spyndex.computeIndex("EVI", moderate)) == pytest.approx(0.1630, abs=5e-5)
    assert value("evi", MODERATE) == pytest.approx(0.1056, abs=5e-5)


def test_letters_that_mean_something_else_in_spyndex() -> None:
    """NDSI is snow, SI shadow and ENDVI another index there: why salinity has ids of its own."""
    import spyndex

    assert float(spyndex.computeIndex("NDSI", MODERATE)) == pytest.approx(-1 / 3)
    assert value("ndsi_rn", MODERATE) == pytest.approx(-1 / 7)
    assert spyndex.indices["SI"].application_domain != "soil"
    assert float(spyndex.computeIndex("ENDVI", CRUST)) == pytest.approx(0.1776, abs=5e-5)
    assert value("endvi_s2", CRUST) == pytest.approx(0.3800, abs=5e-5)
    # Landsat 8's near infrared is missing from its table of N; our keys do not go by that table.
    assert not hasattr(spyndex.bands.N, "landsat8")


def test_published_mistakes_are_not_ours() -> None:
    """Formulas found in public code that look right: each gives another number."""
    b, g, r, n, s1, s2 = (MODERATE[key] for key in ("B", "G", "R", "N", "S1", "S2"))
    wrong = {
        "ndsi_rn": [r - n / (r + n), (g - n) / (g + n), (s1 - s2) / (s1 + s2)],
        "crsi": [
            math.sqrt(abs((n * r - g * b) / (n * g + b * g))),  # another denominator
            math.sqrt(r * n / (g * b)),
            (n * r - g * b) / (n * r + g * b),  # the root is lost
        ],
        "sit_rn": [n / s1, 100 * r / n],
        "endvi_s2": [(n + g - 2 * b) / (n + g + 2 * b)],
        "savi": [2 * (n - r) / (n + r + 1)],  # the library's L
    }
    for index_id, values in wrong.items():
        for bad in values:
            assert value(index_id, MODERATE) != pytest.approx(bad, rel=0.02), index_id
    # Undefined over snow and water is no zero, which would mean the most salt.
    assert math.isnan(value("crsi", {"B": 0.8, "G": 0.8, "R": 0.7, "N": 0.6}))


def test_other_spectra_of_the_table() -> None:
    """Values over canopy, flooded paddy and dark soil that the pitfalls speak of."""
    assert value("si_grn", CANOPY) == pytest.approx(0.428, abs=5e-4)
    assert value("vssi", CANOPY) == pytest.approx(-2.16)
    assert value("vssi", DARK) == pytest.approx(-0.96)
    assert value("bsi", DARK) == pytest.approx(0.234, abs=5e-4)
    lswi, ndvi, evi = (value(i, PADDY) for i in ("lswi", "ndvi", "evi"))
    assert lswi + 0.05 >= min(ndvi, evi)
    assert value("bixs", CRUST) == pytest.approx(value("si_gr2", CRUST) / math.sqrt(2))
    assert value("awei_nsh", PADDY) > 0 > value("awei_nsh", DARK)


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
