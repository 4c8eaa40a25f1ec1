"""The shipped definitions load, and no spelling in them means two things."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from geo.layers import Catalog

pytestmark = pytest.mark.unit

DATA = Path(__file__).resolve().parents[2] / "data"
CATALOG = Catalog.load(DATA)
LAYERS = {
    "plots", "parcels", "districts", "canals", "structures", "samples", "treatments",
    "inspections", "farmland", "restoration", "counties",
}  # fmt: skip


def test_layers_of_the_contract_are_defined() -> None:
    assert set(CATALOG.layers) == LAYERS
    without_geometry = {name for name, layer in CATALOG.layers.items() if layer.geometry is None}
    assert without_geometry == {"treatments", "inspections"}


@pytest.mark.parametrize("layer", CATALOG.layers.values(), ids=lambda layer: layer.id)
def test_column_names_are_unambiguous(layer) -> None:
    owner: dict[str, str] = {}
    for field in layer.fields:
        for spelling in (field.name, field.title.zh, field.title.en, *field.aliases):
            assert owner.setdefault(spelling.casefold(), field.name) == field.name, spelling


@pytest.mark.parametrize("codelist", CATALOG.codelists.values(), ids=lambda item: item.id)
def test_spellings_of_codes_are_unambiguous(codelist) -> None:
    owner: dict[str, str] = {}
    for code in codelist.codes:
        for spelling in (code.code, code.title.zh, code.title.en, *code.aliases):
            assert owner.setdefault(spelling.casefold(), code.code) == code.code, spelling
        assert code.color is None or re.fullmatch(r"#[0-9a-f]{6}", code.color)


@pytest.mark.parametrize("layer", CATALOG.layers.values(), ids=lambda layer: layer.id)
def test_keys_links_and_legends_can_be_used(layer) -> None:
    assert layer.key, "an upload needs a business key to be compared with the layer"
    for name in layer.key:
        assert layer.by_name[name].required
    for link in layer.links:
        assert len(CATALOG.layers[link.layer].key) == 1, "one field holds the key of the target"
    if layer.style.by:
        codelist = CATALOG.codelist_of(layer.by_name[layer.style.by])
        assert codelist is not None
        assert all(code.color for code in codelist.codes)


def test_every_code_list_is_used() -> None:
    used = {field.codelist for layer in CATALOG.layers.values() for field in layer.fields}
    assert set(CATALOG.codelists) <= used


@pytest.mark.parametrize(
    ("codelist", "spelling", "code"),
    [
        ("quality_status", "需要提质", "improve"),  # cut by a 10-byte DBF column
        ("land_class", "011", "0101"),  # second survey
        ("land_class", "水浇地", "0102"),
        ("remediation_mode", "五位一体", "daan"),
        ("construction_mode", "五位一体", "five_in_one"),
        ("county", "大安市", "220882"),
        ("soil_extract", "1：5", "1:5"),
    ],
)
def test_field_spellings_are_understood(codelist: str, spelling: str, code: str) -> None:
    assert CATALOG.codelists[codelist].by_spelling[spelling.casefold()] == code


def test_sodium_adsorption_ratio_is_not_capped_at_one_hundred() -> None:
    maximum = CATALOG.layers["samples"].by_name["sar"].maximum
    assert maximum is not None
    assert maximum > 1000
