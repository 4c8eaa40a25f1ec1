"""Graded samples over HTTP."""

from __future__ import annotations

import io

import pytest
from python_calamine import load_workbook

from tests.conftest import Server


def test_samples_of_a_county_by_the_worst_of_ph_and_esp(server: Server) -> None:
    with server.client() as client:
        found = client.get("/soil/gradings/soda-jl/samples?county=220882&depth_top_cm=0").json()
        csv = client.get("/soil/gradings/soda-jl/samples?county=220882&depth_top_cm=0&f=csv")
        sheet = client.get("/soil/gradings/soda-jl/samples?county=220882&depth_top_cm=0&f=xlsx")
        short = client.get("/soil/gradings/soda-jl/samples?limit=3").json()
    counts = found["counts"]
    assert counts["samples"] == len(found["rows"]) > 20
    assert sum(counts["grades"].values()) + counts["not_graded"] == counts["samples"]
    order = [grade["code"] for grade in found["grading"]["grades"]]
    for row in found["rows"]:
        ph = sum(row["ph"] >= cut for cut in (8.5, 9.0, 9.5))
        esp = sum(row["esp_percent"] >= cut for cut in (5, 15, 30))
        assert order.index(row["grade"]) == max(ph, esp)
        assert row["decided_by"] == [
            name for name, step in (("ph", ph), ("esp_percent", esp)) if step == max(ph, esp)
        ]
    assert csv.text.count("\n") == counts["samples"] + 1
    lines = load_workbook(io.BytesIO(sheet.content)).get_sheet_by_index(0).to_python()
    assert any("decided_by" in line for line in lines)
    assert len(short["rows"]) == 3
    assert short["counts"]["samples"] > counts["samples"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("none", 422, "E_GRADING"),
        ("demo-si-gr", 422, "E_GRADING_INDICATOR"),
        ("ph-a/samples?colour=red", 400, "E_PARAMETER"),
    ],
)
def test_refusals(server: Server, path: str, status: int, code: str) -> None:
    with server.client() as client:
        address = path if "/" in path else f"{path}/samples"
        answer = client.get(f"/soil/gradings/{address}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
