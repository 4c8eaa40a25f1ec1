"""Runs of a calibrated model over HTTP: grades of pH, intervals of plots, changes told."""

from __future__ import annotations

import pytest

from tests.conftest import Server, wait_job

BEFORE, AFTER = "s2-daan-20250503", "s2-daan-20260508"
ZONES = {"layer": "plots", "filter": "district = 'DA2'"}


@pytest.fixture(scope="module")
def model(server: Server) -> int:
    asked = {"target": "ph", "features": ["si_gr"], "days": 240, "cv": {"size_km": 3}}
    with server.client("agronomist") as client:
        started = client.post("/soil/calibrations", json=asked).json()
        assert wait_job(client, started["job"])["state"] == "done"
    return started["id"]


@pytest.fixture(scope="module")
def pair(server: Server, model: int) -> int:
    asked = {"before": BEFORE, "after": AFTER, "model": model, "grading": "ph-a", "zones": ZONES}
    with server.client("agronomist") as client:
        started = client.post("/soil/runs", json=asked)
        assert started.status_code == 202, started.text
        job = wait_job(client, started.json()["job"])
        assert job["state"] == "done", job["problem"]
        assert "inputs" not in job["result"]
    return started.json()["id"]


def test_intervals_of_every_plot(server: Server, pair: int, model: int) -> None:
    with server.client() as client:
        run = client.get(f"/soil/runs/{pair}").json()
        areas = client.get(f"/soil/runs/{pair}/areas").json()
        found = client.get(f"/soil/runs/{pair}/intervals").json()
        csv = client.get(f"/soil/runs/{pair}/intervals?f=csv")
    assert run["measure"]["model"] == model
    assert run["measure"]["formula"].startswith("ph = ")
    assert found["label"] == "model-assumed"
    assert "模型假定" in found["method"]["zh"]
    assert csv.text.count("\n") == len(found["rows"]) + 1
    seen = 0
    for row, area in zip(found["rows"], areas["rows"], strict=True):
        assert row["zone"] == area["group"]
        if row["status"] == "not_observed":
            continue
        seen += 1
        whole = sum(area["grades"].values())
        grades = row["grades"]
        assert row["graded_m2"] == pytest.approx(whole)
        assert sum(g["expected_m2"] for g in grades.values()) == pytest.approx(whole)
        for label, grade in grades.items():
            assert grade["mapped_m2"] == pytest.approx(area["grades"][label])
            assert 0 <= grade["p10_m2"] <= grade["p50_m2"] <= grade["p90_m2"] <= whole * 1.0001
        assert 6 <= row["mean"] <= 11.5
        assert 0 < row["mean_se"] <= found["error"]["rmse"] * 1.0001
    assert seen > 10


def test_a_change_counts_only_beyond_what_can_be_told(server: Server, pair: int) -> None:
    with server.client() as client:
        found = client.get(f"/soil/runs/{pair}/change").json()
        grouped = client.get(f"/soil/runs/{pair}/change?by=county").json()
    told = found["detectable"]
    assert sum(told["verdicts"].values()) == len(found["rows"])
    assert grouped["detectable"]["verdicts"] == told["verdicts"]
    assert "verdict" not in grouped["rows"][0]
    for row in found["rows"]:
        change, least = row["difference"], row["mdc95"]
        assert 0 < least <= 1.96 * 2**0.5 * told["rmse"] * 1.0001
        expected = (
            "not_observed" if change is None
            else "improved" if change < -least
            else "worse" if change > least
            else "not_distinguishable"
        )  # fmt: skip
        assert row["verdict"] == expected
    assert told["verdicts"]["not_distinguishable"] > 0


def test_plots_corrected_by_an_error_matrix(server: Server, pair: int) -> None:
    matrix = [[30, 5, 0, 0], [4, 30, 3, 0], [0, 5, 30, 4], [0, 0, 3, 30]]
    with server.client() as client:
        found = client.post(f"/soil/runs/{pair}/adjusted", json={"matrix": matrix}).json()
        unfit = client.post(f"/soil/runs/{pair}/adjusted", json={"matrix": [[1]]})
    assert found["label"] == "model-assumed"
    for row in found["rows"]:
        area = sum(grade["area_m2"] for grade in row["grades"].values())
        assert area == pytest.approx(row["graded_m2"], abs=1e-6)
    largest = max(found["rows"], key=lambda row: row["graded_m2"])["grades"]["severe"]
    assert largest["se_m2"] >= largest["boundary_se_m2"] > 0
    assert unfit.json()["code"] == "E_ACCURACY"


def test_map_of_a_model(server: Server, pair: int) -> None:
    with server.client() as client:
        legend = client.get(f"/soil/runs/{pair}/tiles.json").json()["legend"]
    assert legend["grading"]["id"] == "ph-a"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"grading": "ece-usda"}, 422, "E_GRADING_INDICATOR"),
        ({"model": 99_999_999}, 404, "E_NOT_FOUND"),
        ({"index": "si_gr"}, 422, "E_MEASURE"),
    ],
)
def test_refused_at_once(server: Server, model: int, change: dict, status: int, code: str) -> None:
    asked = {"scene": AFTER, "model": model, "grading": "ph-a", "zones": ZONES} | change
    with server.client("agronomist") as client:
        answer = client.post("/soil/runs", json=asked)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_runs_of_an_index_have_no_model_error(server: Server) -> None:
    asked = {"scene": AFTER, "index": "si_gr", "grading": "demo-si-gr", "zones": ZONES}
    with server.client("agronomist") as client:
        started = client.post("/soil/runs", json=asked).json()
        assert wait_job(client, started["job"])["state"] == "done"
        answer = client.get(f"/soil/runs/{started['id']}/intervals")
    assert (answer.status_code, answer.json()["code"]) == (409, "E_STATE")
    assert "adjusted" in answer.json()["fix"]
