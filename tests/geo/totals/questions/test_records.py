"""The weekly questions that need no overlay, against data small enough to check by hand."""

from __future__ import annotations

from datetime import date

import pytest

from geo.errors import Rejected
from geo.totals.questions.care import OVERDUE
from geo.totals.questions.landuse import LAND_USE
from geo.totals.questions.soil import SOIL_MEANS, STILL_SALINE
from geo.totals.questions.works import INPUTS, WATER
from tests.geo.totals.questions.world import World, line, square

pytestmark = pytest.mark.unit


def plot(code: str, **more: object) -> dict:
    return {"code": code, "name": code, "county": "220882", "stage": "accepted",
            "geom": square(0, 0, 1, 1), **more}  # fmt: skip


def sample(code: str, plot_code: str, day: date, **more: object) -> dict:
    return {"code": code, "plot_code": plot_code, "county": "220882", "sampled_on": day,
            "depth_top_cm": 0.0, "depth_bottom_cm": 20.0, "extract": "1:5", "ph_extract": "1:2.5",
            **more}  # fmt: skip


def test_overdue_inspections(small: World) -> None:
    structure = {"kind": "pump_station", "county": "220882", "inspection_interval_days": 100}
    small.put(
        structures=[
            {"code": "S1", "manager": "管理站", **structure},
            {"code": "S2", "manager": "管理站", **structure},
            {"code": "S3", "manager": "管理站", **structure},
            {"code": "S4", **structure, "kind": "bridge"},
        ],
        inspections=[
            # S1: the newer visit names no next day: the interval counts, 100 days from 1 May.
            {"code": "I1", "structure_code": "S1", "inspected_on": date(2025, 1, 1),
             "next_due_on": date(2025, 2, 1), "responsible": "甲"},
            {"code": "I2", "structure_code": "S1", "inspected_on": date(2026, 5, 1)},
            # S2: due on 30 May by its visit, one day and a weekend late.
            {"code": "I3", "structure_code": "S2", "inspected_on": date(2026, 5, 1),
             "next_due_on": date(2026, 5, 30), "responsible": "乙", "result": "minor"},
            # A visit after the day that is asked for does not count.
            {"code": "I4", "structure_code": "S3", "inspected_on": date(2026, 7, 1)},
        ],
    )  # fmt: skip
    found = small.table(OVERDUE, "facilities")
    assert [(r["code"], r["days_overdue"], r["responsible"]) for r in found] == [
        ("S2", 2, "乙"),
        ("S3", None, "管理站"),
        ("S4", None, None),
    ]
    assert found[0]["due_on"] == date(2026, 5, 30)
    assert found[0]["result"] == "minor"
    late = small.table(OVERDUE, "facilities", on=date(2026, 8, 10), kind="pump_station")
    assert [(r["code"], r["days_overdue"]) for r in late] == [("S2", 72), ("S1", 1)]
    assert small.table(OVERDUE, "summary") == [
        {"county": "220882", "kind": "bridge", "facilities": 1, "overdue": 1, "never": 1},
        {"county": "220882", "kind": "pump_station", "facilities": 3, "overdue": 2, "never": 1},
    ]
    assert small.table(OVERDUE, "summary", county="220802") == []


def test_still_saline(small: World) -> None:
    start = date(2023, 5, 1)
    small.put(
        plots=[
            plot("P1", started_on=start, mode="daan"),
            plot("P2", started_on=start),
            plot("P3", started_on=start, stage="reserve"),
            plot("P4", started_on=start),
        ],
        samples=[
            sample("a", "P1", date(2023, 4, 1), ph=10.0, esp_percent=40.0),
            sample("b", "P1", date(2024, 9, 1), ph=9.9),  # too early
            sample("c", "P1", date(2025, 9, 1), ph=9.2, esp_percent=12.0),
            sample("d", "P1", date(2026, 1, 1), ph=12.0, qa="rejected"),
            sample("e", "P1", date(2026, 1, 1), ph=12.0, depth_top_cm=20.0, depth_bottom_cm=40.0),
            sample("f", "P2", date(2025, 9, 1), ph=8.0, esp_percent=15.0),
            sample("g", "P3", date(2025, 9, 1), ph=10.0),
            sample("h", "P4", date(2023, 4, 1), ph=9.5, ph_extract="1:5"),
            sample("i", "P4", date(2025, 9, 1), ph=8.4, esp_percent=3.0),
        ],
        treatments=[
            {"code": "T1", "plot_code": "P1", "type": "gypsum_fgd"},
            {"code": "T2", "plot_code": "P1", "type": "gypsum_fgd"},
            {"code": "T3", "plot_code": "P1", "type": "microbial"},
            {"code": "T4", "plot_code": "P4", "type": "microbial"},
        ],
    )
    found = small.table(STILL_SALINE, "plots")
    assert [row["code"] for row in found] == ["P1", "P2"]
    first = found[0]
    assert (first["ph_before"], first["ph_now"]) == (10.0, 9.2)
    assert first["ph_change"] == pytest.approx(-0.8)
    assert first["esp_percent_now"] == 12.0
    assert first["years"] == pytest.approx(2.34, abs=0.01)
    summary = small.table(STILL_SALINE, "summary")[0]
    assert (summary["remediated"], summary["tested"], summary["saline"]) == (3, 3, 2)
    assert summary["area_mu"] == pytest.approx(2 * 1500, rel=1e-3)
    treated = small.table(STILL_SALINE, "treatments")
    # P4's pH was taken in another extract before: no change is told for it.
    assert [(r["type"], r["plots"]) for r in treated] == [("gypsum_fgd", 1), ("microbial", 1)]
    assert treated[0]["ph_change"] == pytest.approx(-0.8)
    assert [r["code"] for r in small.table(STILL_SALINE, "plots", esp=20)] == ["P1"]
    assert small.table(STILL_SALINE, "plots", years=3) == []


def test_soil_means(small: World) -> None:
    town = {"township": "海坨乡"}
    small.put(
        plots=[plot("P1", **town), plot("P2", **town), plot("P3", township="乐胜乡")],
        samples=[
            sample("a", "P1", date(2025, 5, 1), ph=9.0, ec_ds_m=1.0, salt_g_kg=2.0, **town),
            sample("b", "P2", date(2025, 6, 1), ph=8.0, ec_ds_m=3.0, **town),
            sample("c", "P1", date(2025, 5, 1), ph=9.6, depth_top_cm=20.0, depth_bottom_cm=40.0,
                   **town),
            sample("d", "P1", date(2025, 5, 1), ph=7.0, extract="saturated_paste", **town),
            sample("e", "P1", date(2024, 5, 1), ph=9.4, **town),
            sample("f", "P1", date(2025, 5, 1), ph=1.0, qa="rejected", **town),
            sample("g", "P1", date(2025, 5, 1), ph=5.0, depth_bottom_cm=10.0, **town),
        ],
    )  # fmt: skip
    means = {(r["year"], r["depth"], r["extract"]): r for r in small.table(SOIL_MEANS, "means")}
    top = means[2025, "0-20", "1:5"]
    assert (top["samples"], top["ph"], top["ec"], top["salt"]) == (2, 8.5, 2.0, 2.0)
    assert means[2025, "20-40", "1:5"]["ph"] == 9.6
    assert means[2025, "0-20", "saturated_paste"]["ph"] == 7.0
    assert means[2024, "0-20", "1:5"]["samples"] == 1
    assert len(means) == 4
    shares = {r["township"]: (r["plots"], r["sampled"], r["share"])
              for r in small.table(SOIL_MEANS, "shares")}  # fmt: skip
    assert shares == {"海坨乡": (2, 2, 100.0), "乐胜乡": (1, 0, 0.0)}
    assert [r["code"] for r in small.table(SOIL_MEANS, "unsampled")] == ["P3"]
    assert [r["code"] for r in small.table(SOIL_MEANS, "unsampled", year=2024)] == ["P2", "P3"]


def test_water_on_a_plot(small: World) -> None:
    small.put(
        plots=[plot("P1"), plot("P2")],
        canals=[{"code": "C1", "name": "一支渠", "geom": line((0, 0), (1, 0))}],
        treatments=[
            {"code": "T1", "plot_code": "P1", "type": "leach_flush", "applied_on": date(2025, 5, 1),
             "year": 2025, "water_m3": 600.0, "rounds": 2, "canal_code": "C1",
             "treated_area_mu": 300.0},
            {"code": "T2", "plot_code": "P1", "type": "crop", "applied_on": date(2026, 5, 3),
             "year": 2026, "water_m3": 150.0},
            {"code": "T3", "plot_code": "P1", "type": "gypsum_fgd", "year": 2025},
            {"code": "T4", "plot_code": "P2", "type": "leach_flush", "year": 2025, "rounds": 9},
        ],
    )  # fmt: skip
    summary = small.table(WATER, "summary", plot="P1")[0]
    assert (summary["reached"], summary["times"]) == (True, 2)
    assert (summary["water_m3"], summary["rounds"]) == (750.0, 2)
    assert (summary["first"], summary["last"]) == (date(2025, 5, 1), date(2026, 5, 3))
    supplies = small.table(WATER, "supplies", plot="P1")
    assert [(r["canal_code"], r["name"]) for r in supplies] == [("C1", "一支渠"), (None, None)]
    assert supplies[0]["per_mu"] == 2.0
    assert supplies[1]["per_mu"] == pytest.approx(150 / 1500, rel=1e-3)  # the plot's own area
    assert small.table(WATER, "summary", plot="P1", year=2026)[0]["times"] == 1
    dry = small.table(WATER, "summary", plot="P2")[0]
    assert (dry["reached"], dry["rounds"]) == (False, 9)
    with pytest.raises(Rejected) as refused:
        small.ask(WATER, plot="P9")
    assert refused.value.code == "E_NOT_FOUND"


def test_inputs_yields_and_costs(small: World) -> None:
    done = {"mode": "daan", "county": "220882", "treated_area_mu": 1000.0}
    small.put(
        plots=[plot("P1", mode="daan"), plot("P2", mode="daan")],
        treatments=[
            {"code": "1", "plot_code": "P1", "type": "gypsum_fgd", "year": 2024, "dose": 2.0,
             "dose_unit": "t", "dose_basis": "mu", "cost_yuan": 3000.0, **done},
            {"code": "2", "plot_code": "P2", "type": "gypsum_fgd", "year": 2025, "dose": 30.0,
             "dose_unit": "t", "dose_basis": "ha", "cost_yuan": 1500.0, **done},
            {"code": "3", "plot_code": "P1", "type": "microbial", "year": 2025, "dose": 500.0,
             "dose_unit": "kg", "dose_basis": "plot", **done},
            {"code": "4", "plot_code": "P1", "type": "levelling", "year": 2025, "dose": 1.0,
             "dose_unit": "round", "dose_basis": "mu", **done},
            {"code": "5", "plot_code": "P1", "type": "crop", "year": 2024, "yield_kg_mu": 400.0,
             **done},
            {"code": "6", "plot_code": "P1", "type": "crop", "year": 2025, "yield_kg_mu": 520.0,
             **done},
            {"code": "7", "plot_code": "P2", "type": "crop", "year": 2025, "yield_kg_mu": 480.0,
             **done},
        ],
    )  # fmt: skip
    rows = {r["type"]: r for r in small.table(INPUTS, "materials")}
    # 2 t a mu on 1,000 mu, and 30 t a hectare (2 t a mu) on 1,000 mu.
    assert rows["gypsum_fgd"]["tonnes"] == pytest.approx(4000)
    assert rows["gypsum_fgd"]["plots"] == 2
    assert rows["gypsum_fgd"]["per_mu"] == pytest.approx(4500 / 2000)
    assert rows["microbial"]["tonnes"] == pytest.approx(0.5)
    assert rows["levelling"]["tonnes"] is None
    assert "crop" not in rows
    [response] = small.table(INPUTS, "response")
    assert (response["plots"], response["first"], response["latest"]) == (2, 440.0, 500.0)
    assert response["response"] == 120.0  # of the one plot with two years
    assert response["cost_per_mu"] == pytest.approx(4500 / 3000, rel=1e-3)
    [earlier] = small.table(INPUTS, "response", year=2024)
    assert (earlier["plots"], earlier["response"]) == (1, None)


def test_land_use_changes(small: World) -> None:
    kept = {"county": "220882", "stage": "mapped", "land_class": "0101", "crop": "rice",
            "geom": square(0, 0)}  # fmt: skip
    small.put(
        parcels=[
            {"code": "A", **kept},
            {"code": "B", **kept},
            {"code": "C", **kept, "stage": "reserve"},
            {"code": "D", **kept, "stage": "reserve", "permanent_basic": True},
            {"code": "E", **kept, "crop": "forage"},
        ],
        farmland=[{"code": "F", "county": "220882", "land_class": "0103", "geom": square(3, 3)}],
    )
    now = [
        {**kept, "code": "A", "crop": "vegetable"},
        {**kept, "code": "C", "stage": "reserve", "crop": "fallow"},
        {**kept, "code": "D", "stage": "reserve", "permanent_basic": True, "land_class": "1104"},
        {**kept, "code": "E", "crop": "vegetable"},
    ]
    day = date(2026, 3, 1)
    small.update(day, "parcels", [1, 3, 4, 5], now)
    pond = {"code": "F", "county": "220882", "land_class": "1202", "geom": square(3, 3)}
    small.update(day, "farmland", [1], [pond])
    rows = {row["code"]: row for row in small.table(LAND_USE, "changes")}
    # C is not protected, E was not under grain before; B did not change.
    assert set(rows) == {"A", "D", "F"}
    assert rows["A"]["change"] == "non_grain"
    assert (rows["A"]["crop_before"], rows["A"]["crop"]) == ("rice", "vegetable")
    assert rows["D"]["change"] == "non_farm"
    assert (rows["D"]["class_before"], rows["D"]["land_class"]) == ("0101", "1104")
    assert rows["F"]["layer"] == "farmland"
    counts = {r["change"]: r["features"] for r in small.table(LAND_USE, "summary")}
    assert counts == {"non_farm": 2, "non_grain": 1}
    assert small.table(LAND_USE, "changes", since=day) == []
