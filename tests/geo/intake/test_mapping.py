"""Columns find their fields by name, title, alias, or the beginning of a cut title."""

from __future__ import annotations

import pyarrow as pa
import pytest

from geo.errors import Rejected
from geo.intake.decide import Decisions
from geo.intake.issues import Issues
from geo.intake.mapping import match
from tests.geo.intake.conftest import LAYER

pytestmark = pytest.mark.unit


def matched(*columns: str, **decisions: object) -> dict[str, tuple[str | None, str]]:
    table = pa.table([["x"]] * len(columns), names=list(columns))
    _, shown = match(table, LAYER, Decisions.model_validate(decisions), Issues())
    return {m.field: (m.column, m.decided_by) for m in shown.fields}


@pytest.mark.parametrize(
    ("column", "decided_by"),
    [("code", "name"), ("CODE", "name"), ("地块编号", "title"), ("dkbh", "alias"),
     ("ＤＫＢＨ", "alias"), (" DKBH ", "alias")],
)  # fmt: skip
def test_spellings(column: str, decided_by: str) -> None:
    assert matched(column) == {"code": (column, decided_by)}


def test_name_beats_title_beats_alias() -> None:
    assert matched("DKBH", "地块编号", "code")["code"] == ("code", "name")
    assert matched("DKBH", "地块编号")["code"] == ("地块编号", "title")


def test_cut_title_is_known_when_only_one_field_fits() -> None:
    assert matched("质量等级评") == {"status": ("质量等级评", "cut")}
    assert matched("质量") == {}


def test_decisions_win_and_leave_out() -> None:
    assert matched("DKBH", "名", mapping={"名": "code"})["code"] == ("名", "decision")
    assert matched("DKBH", mapping={"DKBH": None}) == {}
    assert matched("DKBH", constants={"code": "A"})["code"] == (None, "decision")


@pytest.mark.parametrize(
    "decisions",
    [
        {"mapping": {"nowhere": "code"}},
        {"mapping": {"DKBH": "nothing"}},
        {"constants": {"nothing": "1"}},
        {"mapping": {"DKBH": "code", "XX": "code"}},
        {"mapping": {"DKBH": "code"}, "constants": {"code": "1"}},
    ],
)
def test_decisions_about_unknown_names(decisions: dict) -> None:
    with pytest.raises(Rejected, match="E_MAPPING"):
        matched("DKBH", "XX", **decisions)


def test_what_is_left_over_is_explained() -> None:
    table = pa.table([["x"]] * 4, names=["code", "DKBH", "area_m2", "ABC"])
    _, shown = match(table, LAYER, Decisions(), Issues())
    assert {u.column: u.en for u in shown.unmapped} == {
        "DKBH": "another column suits the same field better",
        "area_m2": "computed by the system",
        "ABC": "the layer has no such field",
    }
    assert "depth" in shown.missing
