"""Stated areas in 亩, hectares and square metres: by the column's name, by a person, by ratio."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely

from geo.area import ellipsoidal_area
from geo.intake import area_units, stage
from tests.geo.formats import shapes
from tests.geo.intake.conftest import LAYER, Upload

pytestmark = pytest.mark.unit
SIDES = [0.01, 0.008, 0.012]
TRUE = ellipsoidal_area(
    np.array([shapely.box(123 + 0.02 * i, 45, 123 + 0.02 * i + s, 45 + s)
              for i, s in enumerate(SIDES)])
).tolist()  # fmt: skip
PER = {"mu": 2000 / 3, "ha": 1e4, "m2": 1.0, "km2": 1e6}


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("面积（公顷）", (True, "ha")), ("面积(亩)", (True, "mu")), ("AREA_M2", (True, "m2")),
        ("MJ_HA", (True, "ha")), ("TBMJ", (True, "m2")), ("DKMJ", (True, "ha")),
        ("面积", (True, None)), ("MJ", (True, None)), ("Shape_Area", (True, "m2")),
        ("图斑面积_平方米", (True, "m2")), ("面积hm²", (True, "ha")), ("名称", (False, None)),
        ("ha", (False, "ha")), ("备注亩", (False, "mu")),
    ],
)  # fmt: skip
def test_units_in_names(column: str, expected: tuple[bool, str | None]) -> None:
    assert area_units.by_name(column) == expected


def take(upload: Upload, column: str, unit: str, **decisions: object):
    return upload(
        decisions,
        names=("DKBH", column),
        rows=[(f"A{i}", f"{area / PER[unit]:.6f}") for i, area in enumerate(TRUE)],
        contents=[
            shapes.polygon(shapes.square(123 + 0.02 * i, 45, side)) for i, side in enumerate(SIDES)
        ],
        widths=(10, 24),
    )


@pytest.mark.parametrize(
    ("column", "unit", "told"),
    [
        ("MJ", "mu", None), ("面积", "ha", "warning"), ("MJ", "m2", "warning"),
        ("MJ_HA", "ha", "note"), ("TBMJ", "m2", "note"), ("MJ_M2", "m2", "note"),
    ],
)  # fmt: skip
def test_values_are_stored_in_the_fields_unit(
    upload: Upload, out: Path, column: str, unit: str, told: str | None
) -> None:
    report = take(upload, column, unit)
    assert report.state == "ready", report.issues
    assert [i.severity for i in report.issues if i.code == "W_AREA_UNIT"] == (
        [told] if told else []
    )
    field = next(f for f in report.mapping.fields if f.field == "stated_area_mu")
    assert (field.column, field.unit) == (column, None if unit == "mu" else unit)
    assert report.areas.stated_m2 == pytest.approx(sum(TRUE), rel=1e-5)
    assert report.areas.stated_as == "ellipsoidal"
    staged = stage.load(out / stage.FILE, LAYER)
    assert staged.attributes["stated_area_mu"].to_pylist() == pytest.approx(
        [area * 3 / 2000 for area in TRUE], rel=1e-5
    )


def test_a_person_decides_the_unit(upload: Upload) -> None:
    report = take(upload, "MJ", "ha", units={"MJ": "ha"})
    assert [i.severity for i in report.issues if i.code == "W_AREA_UNIT"] == ["note"]
    assert report.areas.stated_m2 == pytest.approx(sum(TRUE), rel=1e-5)
    unknown = take(upload, "MJ", "ha", units={"XX": "ha"})
    assert "E_MAPPING" in unknown.issue_counts


def test_a_name_that_lies_is_told_and_not_changed(upload: Upload) -> None:
    report = take(upload, "MJ_HA", "mu")
    assert [i.severity for i in report.issues if i.code == "W_AREA_UNIT"] == ["note", "warning"]
    assert report.areas.stated_m2 == pytest.approx(15 * sum(TRUE), rel=1e-5)


def test_no_ratio_from_areas_that_are_merely_wrong(upload: Upload) -> None:
    report = upload(names=("DKBH", "MJ"), rows=[(f"A{i}", "1.5") for i in range(3)])
    assert "W_AREA_UNIT" not in report.issue_counts
    assert report.issue_counts["W_AREA_DIFFERS"] == 3
    assert report.areas.stated_as is None
