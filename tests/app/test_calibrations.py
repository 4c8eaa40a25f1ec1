"""Calibration over HTTP on the demonstration: honest errors, extracts kept apart, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conftest import Server, wait_job

PH = {"target": "ph", "features": ["si_gr"], "days": 240, "cv": {"size_km": 3}}


def calibrated(server: Server, **body: object) -> dict:
    with server.client("agronomist") as client:
        started = client.post("/soil/calibrations", json=PH | body)
        assert started.status_code == 202, started.text
        job = wait_job(client, started.json()["job"])
    return {"id": started.json()["id"], **job}


@pytest.fixture(scope="module")
def ph(server: Server) -> dict:
    job = calibrated(server)
    assert job["state"] == "done", job["problem"]
    return job


def test_a_model_of_ph_with_its_errors(server: Server, ph: dict) -> None:
    with server.client() as client:
        found = client.get(f"/soil/calibrations/{ph['id']}").json()
        points = client.get(f"/soil/calibrations/{ph['id']}?f=geojson").json()
        listed = client.get("/soil/calibrations").json()["calibrations"]
    assert found["formula"].startswith("ph = ")
    assert found["counts"]["used"] == found["overall"]["n"] == len(points["features"])
    counts = found["counts"]
    known = sum(
        counts[name]
        for name in ("clear", "outside", "nodata", "masked", "undefined", "no_scene_in_time")
    )
    assert known == counts["samples"]
    samples = found["samples"]
    error = np.subtract(samples["observed"], samples["predicted"])
    r2 = 1 - (error**2).sum() / np.var(samples["observed"]) / len(error)
    assert found["overall"]["r2"] == pytest.approx(r2)
    # The demonstration's soil is seen through noise, treatment and half a year: no wonder model.
    assert 0.2 < r2 < 0.9
    assert sum(row["n"] for row in found["per_fold"]) == len(error)
    assert points["features"][0]["properties"]["residual"] == pytest.approx(error[0])
    mine = next(row for row in listed if row["id"] == ph["id"])
    assert mine["overall"] == found["overall"]
    assert "samples" not in mine


def test_by_plots_and_by_dates(server: Server) -> None:
    job = calibrated(server, cv={"method": "field"}, dates="2026-01-01/..", window=3)
    assert job["state"] == "done", job["problem"]
    with server.client() as client:
        found = client.get(f"/soil/calibrations/{job['id']}").json()
    assert found["question"]["scenes"] == ["s2-daan-20260508"]
    assert set(found["samples"]["scene"]) == {"s2-daan-20260508"}
    assert found["groups"] > 10


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ({"target": "ece"}, "E_SAMPLE_FEW", "other_extract"),
        ({"days": 5}, "E_SAMPLE_FEW", "samples"),
        ({"cv": {"size_km": 200}}, "E_SAMPLE_FEW", "blocks"),
    ],
)
def test_too_few_samples_say_how_many_are_missing(
    server: Server, body: dict, code: str, words: str
) -> None:
    problem = calibrated(server, **body)["problem"]["en"]
    assert problem["code"] == code
    assert words in problem["title"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"target": "ec"}, 422, "E_EXTRACT"),
        ({"target": "happiness"}, 422, "E_TARGET"),
        ({"features": ["NDSI"]}, 400, "E_INDEX"),
        ({"features": ["ndre1"]}, 422, "E_INDEX_BANDS"),
        ({"features": ["si_gr", "si_gr"]}, 400, "E_PARAMETER"),
        ({"scenes": ["none"]}, 404, "E_NOT_FOUND"),
        ({"dates": "1999-01-01/1999-02-01"}, 404, "E_NOT_FOUND"),
        ({"masks": ["moon"]}, 400, "E_MASK"),
        ({"depth": {"top_cm": 20, "bottom_cm": 10}}, 400, "E_PARAMETER"),
        ({"samples": {"filter": "nothing = 1"}}, 400, "E_FILTER"),
        ({"model": "oracle"}, 400, "E_BODY"),
    ],
)
def test_refused_at_once(server: Server, body: dict, status: int, code: str) -> None:
    with server.client("agronomist") as client:
        answer = client.post("/soil/calibrations", json=PH | body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_means_need_a_random_sample(server: Server) -> None:
    asked = {
        "map_mean": 1.80, "design": "simple_random",
        "predicted": [0.4, 0.9, 1.3, 1.6, 2.0, 2.4, 2.9, 3.3],
        "observed": [0.5, 0.7, 1.6, 1.5, 2.4, 2.3, 3.3, 3.1],
    }  # fmt: skip
    with server.client() as client:
        found = client.post("/soil/means", json=asked).json()["estimates"]
        refused = client.post("/soil/means", json=asked | {"design": "purposive"})
        strata = asked | {"design": "stratified_random", "stratum": [0] * 8, "areas": [7]}
        same = client.post("/soil/means", json=strata).json()["estimates"]
        unfit = client.post("/soil/means", json=strata | {"stratum": [3] * 8})
    assert found["difference"]["mean"] == pytest.approx(1.875)
    assert found["difference"]["se"] == pytest.approx(0.0921, abs=5e-5)
    assert found["difference"]["ci95"] == pytest.approx(0.2178, abs=5e-5)
    assert found["regression"]["mean"] == pytest.approx(1.8747, abs=5e-5)
    assert same["difference"]["se"] == pytest.approx(found["difference"]["se"])
    assert (refused.status_code, refused.json()["code"]) == (422, "E_SAMPLE_DESIGN")
    assert unfit.json()["where"] == "stratum"
