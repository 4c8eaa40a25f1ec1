"""Samples graded by the worst of several indicators, with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from geo.errors import Rejected
from geo.soil import graded
from geo.soil.grading import Gradings

pytestmark = pytest.mark.unit
SCHEMES = Gradings.load(Path(__file__).parents[3] / "data")


def names(grading: str, found: graded.Graded, at: int) -> tuple[str | None, list[str], list[str]]:
    scheme = SCHEMES.resolve(grading)
    axes = [axis.indicator for axis in scheme.axes]
    code = int(found.grade[at])
    return (
        scheme.grades[code].code if code >= 0 else None,
        [a for a, d in zip(axes, found.decided[:, at], strict=True) if d],
        [a for a, m in zip(axes, found.missing[:, at], strict=True) if m],
    )


def test_the_worst_indicator_decides_and_is_named() -> None:
    """A soda soil with little salt and a high pH: salt alone would call it sound."""
    columns = {
        "ph": [10.1, 8.2, 9.5, None, None, 9.5],
        "salt_g_kg": [0.8, 5.3, 3.0, 1.0, None, 5.0],
    }
    found = graded.grade(SCHEMES.resolve("soda-jl-salt"), columns)
    assert [names("soda-jl-salt", found, at) for at in range(6)] == [
        ("severe", ["ph"], []),
        ("severe", ["salt_g_kg"], []),
        ("severe", ["ph"], []),  # 9.5 reaches the limit 9.5
        ("light", ["salt_g_kg"], ["ph"]),
        (None, [], ["ph", "salt_g_kg"]),
        ("severe", ["ph", "salt_g_kg"], []),
    ]


def test_ec_of_another_extract_is_no_ece() -> None:
    columns = {
        "ec_ds_m": [5.0, 5.0, None],
        "extract": ["saturated_paste", "1:5", "saturated_paste"],
    }
    found = graded.grade(SCHEMES.resolve("ece-usda"), columns)
    assert [names("ece-usda", found, at)[0] for at in range(3)] == ["moderate", None, None]
    assert graded.fields(SCHEMES.resolve("ece-usda")) == ["ec_ds_m", "extract"]


def test_kinds_of_soil_need_every_indicator() -> None:
    columns = {"esp_percent": [30.0, 3.0, 30.0, 30.0], "salt_g_kg": [2.0, 7.0, 7.0, None]}
    found = graded.grade(SCHEMES.resolve("alk"), columns)
    told = [names("alk", found, at) for at in range(4)]
    assert [t[0] for t in told] == ["solonetz", "solonchak", "saline_solonetz", None]
    assert told[3][2] == ["salt_g_kg"]


def test_a_scheme_for_indices_is_refused() -> None:
    with pytest.raises(Rejected) as error:
        graded.fields(SCHEMES.resolve("demo-si-gr"))
    assert error.value.code == "E_GRADING_INDICATOR"


def test_every_scheme_of_measured_values_can_grade_samples() -> None:
    measured = [s for s in SCHEMES.schemes.values() if s.kind == "absolute"]
    assert len(measured) >= 10
    for scheme in measured:
        assert graded.fields(scheme), scheme.id
        assert scheme.source
