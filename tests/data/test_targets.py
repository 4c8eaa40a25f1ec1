"""The targets name layers, fields and codes that exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from geo.layers import Catalog

pytestmark = pytest.mark.unit

DATA = Path(__file__).resolve().parents[2] / "data"
CATALOG = Catalog.load(DATA)
FILE = tomllib.loads((DATA / "targets.toml").read_text(encoding="utf-8"))
TARGETS = FILE["targets"]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target["id"])
def test_target_is_complete_and_fits_the_layers(target: dict) -> None:
    # A figure, or a state of the works that counts as done, or words where no layer tells it.
    if "value" in target:
        assert target["value"] > 0
    else:
        assert "layer" not in target or target["done"]
    assert target["unit"] in {"wan_mu", "wan_m2", "km", "count"}
    assert target["source"]
    for text in (target["title"], target["definition"]):
        assert text["zh"]
        assert text["en"]
    if "layer" not in target:
        assert "filter" not in target
        return
    layer = CATALOG.layers[target["layer"]]
    if target["measure"] == "sum":
        assert layer.by_name[target["field"]].type == "number"
    codes = {
        code.code
        for field in layer.fields
        if field.codelist and field.name in target["filter"]
        for code in CATALOG.codelists[field.codelist].codes
    }
    if "stages" in target:
        stages = CATALOG.codelist_of(layer.by_name[target["stages"]])
        assert stages is not None
        assert set(target["done"]) <= {code.code for code in stages.codes}
    literals = set(re.findall(r"'([^']*)'", target["filter"]))
    # Keys of districts are data; everything else is a code of a list.
    assert literals <= codes or target["filter"].startswith("code = ")
    words = re.findall(r"\b[a-z_]+\b", re.sub(r"'[^']*'", "", target["filter"]))
    assert set(words) <= set(layer.by_name)


def test_the_scope_is_told_in_both_languages() -> None:
    assert FILE["scope"]["zh"]
    assert FILE["scope"]["en"]


def test_ids_are_unique() -> None:
    ids = [target["id"] for target in TARGETS]
    assert len(set(ids)) == len(ids)
