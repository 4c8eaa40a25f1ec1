"""The weekly questions about areas, against shapes whose areas are known by construction."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from geo.errors import Rejected
from geo.totals.questions.districts import DISTRICT
from geo.totals.questions.hsf import NOT_MAPPED, PROGRESS
from geo.totals.questions.overlaps import OVERLAPS
from tests.geo.totals.questions.world import World, line, square

pytestmark = pytest.mark.unit

#: 1 km² is 1,500 mu; the plane of the zone is true to about 1e-5 here.
MU = 1500.0


def parcel(code: str, x: float, width: float = 1.0, **more: Any) -> dict[str, Any]:
    return {"code": code, "county": "220882", "stage": "accepted", "land_class": "0101",
            "year": 2024, "project_code": "P", "project_name": "项目", "geom": square(x, 0, width),
            **more}  # fmt: skip


def near(value: float) -> Any:
    return pytest.approx(value, rel=2e-4, abs=0.01)


def test_progress_by_definition_county_and_year(small: World) -> None:
    small.put(
        date(2026, 1, 1),
        parcels=[
            parcel("A", 0),
            parcel("B", 0.5),  # half of it lies on A
            parcel("C", 2, land_class="0301", year=2025),
            parcel("D", 4, stage="works", county="220802"),
            parcel("E", 6, stage="reserve"),
            parcel("F", 8, stage="damaged"),
        ],
    )
    small.put(date(2026, 5, 30), parcels=[parcel("G", 10, 0.4, mapped_in_database=True)])
    rows = {r["county"]: r for r in small.table(PROGRESS, "counties")}
    da_an = rows["220882"]
    assert da_an["hsf_gross"] == near(3.4 * MU)
    assert da_an["hsf_net"] == near(2.9 * MU)
    assert da_an["hsf_cropland"] == near(1.9 * MU)
    assert da_an["hsf_accepted"] == near(2.9 * MU)
    assert da_an["hsf_mapped"] == near(0.4 * MU)
    assert da_an["under_way"] == 0
    assert da_an["change"] == near(0.4 * MU)  # G came two days before
    assert rows["220802"]["under_way"] == near(MU)
    assert rows["220802"]["hsf_accepted"] == 0
    years = {r["year"]: r for r in small.table(PROGRESS, "years")}
    assert years[2025]["hsf_accepted"] == near(MU)
    [summary] = small.table(PROGRESS, "summary")
    assert summary["target"] == 761.0
    assert summary["current"] == near(2.9 * MU / 1e4)
    assert summary["gap"] == pytest.approx(761 - summary["current"])
    assert summary["change"] == near(0.4 * MU / 1e4)
    [earlier] = small.table(PROGRESS, "summary", since=date(2026, 5, 31))
    assert earlier["change"] == pytest.approx(0, abs=1e-9)
    only = small.table(PROGRESS, "counties", county="220802")
    assert [row["county"] for row in only] == ["220802"]


def test_accepted_but_not_mapped(small: World) -> None:
    small.put(
        counties=[
            {"code": "220882", "name": "大安市", "geom": square(0, 0, 10, 1)},
            {"code": "220802", "name": "洮北区", "geom": square(10, 0, 10, 1)},
        ],
        parcels=[
            parcel("A", 0, mapped_in_database=True, stated_area_mu=1500.0),
            parcel("B", 0.75, project_code="Q", project_name="重叠", mapped_in_database=True),
            parcel("C", 9.5, project_code="R", project_name="越界", mapped_in_database=True),
            parcel("D", 3, project_code="S", project_name="未上图", stated_area_mu=1700.0),
            parcel("E", 5, project_code="T", project_name="非耕地", land_class="1104",
                   mapped_in_database=True),
            parcel("F", 7, project_code="U", project_name="在建", stage="works"),
        ],
    )  # fmt: skip
    rows = {r["project_code"]: r for r in small.table(NOT_MAPPED, "projects")}
    assert set(rows) == {"Q", "R", "S", "T"}  # P is in order, U is not accepted
    assert rows["Q"]["overlap"] == 1
    assert rows["Q"]["overlap_mu"] == near(0.25 * MU)
    assert rows["R"]["outside_mu"] == near(0.5 * MU)
    assert (rows["S"]["not_mapped"], rows["S"]["area_differs"]) == (1, 1)
    assert rows["T"]["not_cropland"] == 1
    parcels = {r["code"]: r for r in small.table(NOT_MAPPED, "parcels")}
    assert set(parcels) == {"B", "D", "E"}
    assert small.table(NOT_MAPPED, "projects", tolerance=20)[1]["area_differs"] == 0
    assert small.table(NOT_MAPPED, "projects", year=2020) == []


def test_district(small: World) -> None:
    small.put(
        districts=[
            {"code": "DA2", "name": "大安二期", "design_area_mu": 9000.0,
             "effective_area_mu": 6000.0, "geom": square(0, 0, 4, 2)},
            {"code": "X", "geom": square(20, 0)},
        ],
        parcels=[
            parcel("A", 0),
            parcel("B", 3.5),  # half inside
            parcel("C", 1, land_class="0103", stage="works"),
        ],
        plots=[
            {"code": "P1", "county": "220882", "stage": "accepted", "geom": square(0, 1)},
            {"code": "P2", "county": "220882", "stage": "works", "geom": square(2.5, 1)},
            {"code": "P3", "county": "220882", "stage": "works", "geom": square(9, 1)},
        ],
        canals=[
            {"code": "C1", "canal_order": "branch", "kind": "irrigation",
             "geom": line((1.2, 1), (1.2, 2))},
            {"code": "C2", "canal_order": "field", "kind": "irrigation",
             "geom": line((3, 1), (3, 2))},
            {"code": "C3", "canal_order": "main", "kind": "drain", "geom": line((3, 1), (3, 2))},
        ],
    )  # fmt: skip
    areas = {r["item"]: r for r in small.table(DISTRICT, "areas", district="DA2")}
    assert areas["design"]["area_mu"] == 9000.0
    assert areas["actual"]["area_mu"] is None
    assert areas["command"]["area_mu"] == near(8 * MU)
    assert areas["paddy"]["area_mu"] == near(1.5 * MU)
    assert areas["hsf"]["area_mu"] == near(1.5 * MU)
    assert areas["saline"]["area_mu"] == near(2 * MU)
    assert areas["saline_done"]["area_mu"] == near(MU)
    # P1 is 200 m from the branch canal, P2 1,300 m; the ditch and the field canal do not count.
    far = small.table(DISTRICT, "far_plots", district="DA2")
    assert [(r["code"], round(r["distance_m"])) for r in far] == [("P2", 1300)]
    both = small.table(DISTRICT, "far_plots", district="DA2", distance=100)
    assert [r["code"] for r in both] == ["P2", "P1"]
    with pytest.raises(Rejected) as refused:
        small.ask(DISTRICT, district="nowhere")
    assert refused.value.code == "E_NOT_FOUND"


def test_who_reported_first(small: World) -> None:
    small.put(date(2025, 3, 1), parcels=[parcel("A", 0)])
    small.update(date(2025, 9, 1), "parcels", [1], [parcel("A", 0, project_code="改")])
    overlap = {"row": 7, "key": "N1", "fid": 1, "other_row": None, "m2": 1000.0, "mu": 1.5}
    small.reports[3] = {
        "layer": "parcels",
        "areas": {"computed_mu": 30.0},
        "overlaps": {
            "stored": {"pairs": 1, "rows": 1, "m2": 1000.0, "mu": 1.5, "largest": [overlap]},
            "inside": {"pairs": 0, "rows": 0, "m2": 0.0, "mu": 0.0, "largest": []},
            "duplicates": 0,
        },
    }
    small.reports[4] = {"layer": "parcels", "overlaps": None}
    [summary] = small.table(OVERLAPS, "summary", upload=3)
    assert (summary["area_mu"], summary["overlap_mu"]) == (30.0, 1.5)
    [pair] = small.table(OVERLAPS, "pairs", upload=3)
    assert (pair["row"], pair["code"], pair["project"], pair["mu"]) == (7, "A", "改", 1.5)
    # Its first version counts, not the edit of September.
    assert pair["reported_on"].date() == date(2025, 3, 1)
    assert pair["author"] == "王工"
    for upload, code in ((4, "E_STATE"), (5, "E_NOT_FOUND")):
        with pytest.raises(Rejected) as refused:
            small.ask(OVERLAPS, upload=upload)
        assert refused.value.code == code
