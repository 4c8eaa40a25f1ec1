"""Accuracy over HTTP: the contract's answer, units, refusals of intervals, the spreadsheet."""

from __future__ import annotations

import io

import pytest
from python_calamine import load_workbook

from tests.conftest import Server

EXAMPLE = {
    "classes": ["deforestation", "gain", "stable forest", "stable non-forest"],
    "matrix": [[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]],
    "map_areas": [200_000, 150_000, 3_200_000, 6_450_000],
    "unit": "pixels",
    "pixel_area_m2": 900,
    "design": "stratified_random",
}


def test_the_published_example(server: Server) -> None:
    with server.client() as client:
        found = client.post("/soil/accuracy", json=EXAMPLE).json()
        hectares = EXAMPLE | {"map_areas": [18_000, 13_500, 288_000, 580_500], "unit": "ha"}
        same = client.post("/soil/accuracy", json=hectares).json()
    first = found["classes"][0]
    assert first["class"] == "deforestation"
    assert first["map_area_ha"] == pytest.approx(18_000)
    assert first["area_ha"] == pytest.approx(21157.76, abs=0.006)
    assert (first["se_ha"], first["ci95_ha"]) == pytest.approx((3141.65, 6157.63), abs=0.006)
    assert first["area_mu"] == pytest.approx(first["area_ha"] * 15)
    assert first["interval95_ha"] == pytest.approx([15000.13, 27315.39], abs=0.01)
    printed = [row["producers_ci95"] for row in found["classes"]]
    assert printed == pytest.approx([0.2133, 0.2544, 0.0343, 0.0184], abs=5e-5)
    assert found["overall"]["accuracy"] == pytest.approx(0.94651, abs=5e-6)
    assert found["intervals"] is True
    assert found["refused"] is None
    assert same["classes"][0]["area_m2"] == pytest.approx(first["area_m2"], rel=1e-12)


@pytest.mark.parametrize("design", ["purposive", "unknown", None])
def test_without_a_probability_sample_intervals_are_refused(
    server: Server, design: str | None
) -> None:
    asked = {k: v for k, v in EXAMPLE.items() if k != "design"}
    asked |= {"design": design} if design else {}
    with server.client() as client:
        answer = client.post("/soil/accuracy", json=asked)
    assert answer.status_code == 200
    found = answer.json()
    assert found["intervals"] is False
    assert found["overall"] is None
    assert "概率抽样" in found["refused"]["zh"]
    row = found["classes"][0]
    assert row["area_ha"] == row["map_area_ha"] == pytest.approx(18_000)
    assert row["se_ha"] is row["ci95_ha"] is row["users"] is None
    assert row["interval95_ha"] == [None, None]


def test_one_sample_in_a_stratum_gives_areas_without_intervals(server: Server) -> None:
    asked = {
        "classes": ["a", "b"], "matrix": [[1, 0], [3, 7]], "map_areas": [10, 90],
        "design": "stratified_random",
    }  # fmt: skip
    with server.client() as client:
        found = client.post("/soil/accuracy", json=asked).json()
    assert [row["area_ha"] for row in found["classes"]] == pytest.approx([37, 63])
    assert found["classes"][0]["ci95_ha"] is None
    assert found["intervals"] is False
    assert any("a 只有 1 个样本" in text["zh"] for text in found["warnings"])


def test_strata_that_are_not_the_classes(server: Server) -> None:
    rows = [("A", "A", "A", 5), ("A", "A", "C", 1), ("A", "A", "B", 1), ("A", "B", "A", 1),
            ("A", "B", "B", 1), ("A", "B", "C", 1), ("B", "A", "A", 1), ("B", "B", "B", 7),
            ("B", "B", "A", 2), ("C", "B", "B", 2), ("C", "B", "C", 2), ("C", "C", "C", 3),
            ("C", "C", "D", 2), ("C", "B", "A", 1), ("D", "D", "D", 7), ("D", "D", "C", 2),
            ("D", "D", "B", 1)]  # fmt: skip
    asked = {
        "classes": list("ABCD"), "unit": "pixels", "pixel_area_m2": 100,
        "design": "stratified_random",
        "strata": [
            {"name": name, "area": area}
            for name, area in zip("ABCD", (40_000, 30_000, 20_000, 10_000), strict=True)
        ],
        "samples": [
            {"stratum": s, "map": m, "reference": r, "count": n} for s, m, r, n in rows
        ],
    }  # fmt: skip
    with server.client() as client:
        found = client.post("/soil/accuracy", json=asked).json()
        asked["samples"].append({"stratum": "A", "map": "A", "reference": "Z"})
        wrong = client.post("/soil/accuracy", json=asked)
    assert "Stehman 2014" in found["method"]["zh"]
    assert sum(row["area_ha"] for row in found["classes"]) == pytest.approx(1000)
    assert found["intervals"] is True
    assert (wrong.status_code, wrong.json()["where"]) == (422, "samples.17")


def test_spreadsheet(server: Server) -> None:
    with server.client() as client:
        answer = client.post("/soil/accuracy?f=xlsx", json=EXAMPLE)
    assert answer.status_code == 200
    book = load_workbook(io.BytesIO(answer.content))
    rows = book.get_sheet_by_index(0).to_python()
    assert any("Olofsson" in str(row[0]) for row in rows)
    line = next(row for row in rows if row[0] == "deforestation")
    assert line[4] == pytest.approx(21157.76, abs=0.006)


@pytest.mark.parametrize(
    ("change", "status", "code", "where"),
    [
        ({"pixel_area_m2": None}, 422, "E_ACCURACY", "pixel_area_m2"),
        ({"map_areas": [1, 2]}, 422, "E_ACCURACY", "map_areas"),
        ({"matrix": [[1, 2]]}, 422, "E_ACCURACY", "matrix"),
        ({"matrix": None}, 422, "E_ACCURACY", "matrix"),
        ({"classes": ["a", "a", "b", "c"]}, 422, "E_ACCURACY", "classes"),
        ({"matrix": [[0] * 4, *EXAMPLE["matrix"][1:]]}, 422, "E_SAMPLE_FEW", "matrix"),
        ({"design": "magic"}, 400, "E_BODY", "design"),
    ],
)
def test_refusals(server: Server, change: dict, status: int, code: str, where: str) -> None:
    with server.client() as client:
        answer = client.post("/soil/accuracy", json=EXAMPLE | change)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["where"] == where


def test_sample_sizes(server: Server) -> None:
    asked = {
        "classes": list("abcd"), "map_areas": [0.02, 0.015, 0.32, 0.645],
        "users": [0.7, 0.6, 0.9, 0.95], "overall_se": 0.01, "minimum": 75,
    }  # fmt: skip
    with server.client() as client:
        found = client.post("/soil/sample-sizes", json=asked).json()
        wrong = client.post("/soil/sample-sizes", json=asked | {"users": [2, 0, 0, 0]})
    assert (found["size"], found["total"]) == (641, 641)
    assert [s["samples"] for s in found["strata"]] == [75, 75, 163, 328]
    assert wrong.json()["code"] == "E_SAMPLE_DESIGN"
