"""Figures for reports: rounding that closes, 面积平差, definitions, tables."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import Rejected
from geo.layers import LayerError
from geo.totals.adjust import adjusted, rounded
from geo.totals.definitions import Definitions
from geo.totals.table import Reported, table
from geo.totals.total import Question
from tests.geo.totals.questions.world import CATALOG, World, square
from tests.geo.totals.test_golden import district, parcel

pytestmark = pytest.mark.unit

DATA = Path(__file__).resolve().parents[3] / "data"
M2 = 10**6  # units


def test_parts_are_adjusted_to_the_control_area():
    made = adjusted([100 * M2, 200 * M2, 300 * M2], Decimal("601"), "m2", 2)
    assert made.parts == (Decimal("100.17"), Decimal("200.33"), Decimal("300.50"))
    assert sum(made.parts) == made.control == Decimal("601.00")
    assert made.difference == Decimal("1.00")
    assert made.coefficient == pytest.approx(601 / 600)


def test_three_thirds_by_the_largest_remainder():
    parts, total = rounded([M2, M2, M2], "mu", 4)
    assert total == Decimal("0.0045")
    assert sorted(parts) == [Decimal("0.0015")] * 3
    parts, total = rounded([M2 // 3 + 1, M2 // 3, M2 // 3], "m2", 1)
    assert (parts, total) == ([Decimal("0.4"), Decimal("0.3"), Decimal("0.3")], Decimal("1.0"))


@given(
    st.lists(st.integers(0, 10**15), min_size=1, max_size=20),
    st.decimals("0.01", 10**9, places=2),
    st.sampled_from(("m2", "ha", "mu")),
    st.integers(0, 6),
)
def test_adjusted_parts_always_close(units, control, unit, places):
    if not sum(units) or not round(control, places):
        return
    try:
        made = adjusted(units, control, unit, places)
    except Rejected:
        assert control < Decimal(1).scaleb(-places)
        return
    assert sum(made.parts) == made.control
    last = Decimal(1).scaleb(-places)
    for part, unit_count in zip(made.parts, units, strict=True):
        exact = Decimal(unit_count) / Decimal(sum(units)) * made.control
        assert abs(part - exact) <= last * Decimal("1.000001")


def test_nothing_cannot_be_adjusted():
    with pytest.raises(Rejected, match="no area"):
        adjusted([0, 0], Decimal(5), "mu")


def test_definitions_say_what_counts(small: World, ask):
    definitions = Definitions.load(CATALOG.layers, DATA)
    assert {"hsf_gross", "hsf_net", "hsf_cropland", "hsf_accepted", "hsf_mapped"} <= set(
        definitions.by_id
    )
    small.put(parcels=[
        parcel("a", square(0, 0), "works"),
        parcel("b", square(0, 0), "works", land_class="0301"),
        parcel("c", square(2, 0), "accepted", land_class="0301"),
        parcel("d", square(4, 0), "mapped", mapped_in_database=True),
        parcel("e", square(6, 0), "reserve"),
        parcel("f", square(8, 0), "damaged", mapped_in_database=True),
    ])  # fmt: skip
    from geo.totals.total import total
    from geo.totals.views import At

    def count(name: str) -> tuple[int, int]:
        question = definitions.get(name).question()
        found = total(At(small.snapshots), question, CATALOG.layers)
        assert found.definition == definitions.get(name).text
        assert found.definition.zh
        assert found.definition.en
        return found.total.count, round(found.total.measure / 1e6)

    assert count("hsf_gross") == (4, 4)
    assert count("hsf_net") == (4, 3)
    assert count("hsf_cropland") == (2, 2)
    assert count("hsf_accepted") == (2, 2)
    assert count("hsf_mapped") == (1, 1)
    with pytest.raises(Rejected, match="no definition"):
        definitions.get("nope")
    with pytest.raises(Rejected, match="for the layer"):
        definitions.get("hsf_net").apply(Question("farmland"))


def test_a_faulty_definition_is_named(tmp_path: Path):
    folder = tmp_path / "definitions"
    folder.mkdir()
    text = (DATA / "definitions/hsf_net.toml").read_text(encoding="utf-8")
    (folder / "own.toml").write_text(text.replace("stage IN", "stufe IN"), encoding="utf-8")
    with pytest.raises(LayerError, match=r"own\.toml"):
        Definitions.load(CATALOG.layers, tmp_path)


def test_a_table_tells_what_codes_mean(small: World, ask):
    small.put(parcels=[parcel("a", square(0, 0, 2)), parcel("b", square(5, 0), "works")],
              districts=[district("X", square(0, 0))])  # fmt: skip
    found = ask("parcels", "districts", "stage")
    parts, whole = rounded([row.units for row in found.rows], "mu", 2)
    made = table(found, CATALOG, "zh", Reported("mu", parts, whole))
    names = [column.name for column in made.columns]
    assert names == ["districts", "districts_title", "stage", "stage_title", "count", "area_m2",
                     "area_ha", "area_mu", "removed_m2", "reported"]  # fmt: skip
    assert made.rows[0][:4] == ("X", "X灌区", "accepted", "竣工验收")
    assert made.rows[-1][:4] == ("（范围以外）", None, "works", "施工")
    assert made.total[0] == "合计"
    assert sum(Decimal(str(row[-1])) for row in made.rows) == Decimal(str(made.total[-1]))
    english = table(found, CATALOG, "en", Reported("mu"))
    assert english.rows[0][3] == "Accepted"
    assert english.rows[-1][0] == "(outside)"
