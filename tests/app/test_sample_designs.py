"""Sample designs over HTTP: strata of a run's map, repeatable, as files for field teams."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pyogrio
import pytest
import shapely

from tests.conftest import Server, wait_job


@pytest.fixture(scope="module")
def run(server: Server) -> int:
    with server.client("agronomist") as client:
        scene = client.get("/soil/scenes").json()["features"][-1]["id"]
        question = {
            "scene": scene, "index": "si_gr", "grading": "demo-si-gr",
            "zones": {"layer": "plots", "filter": "district = 'DA2'"},
        }  # fmt: skip
        started = client.post("/soil/runs", json=question).json()
        assert wait_job(client, started["job"])["state"] == "done"
    return started["id"]


def design(server: Server, **body: object) -> dict:
    with server.client("agronomist") as client:
        started = client.post("/soil/sample-designs", json=body)
        assert started.status_code == 202, started.text
        job = wait_job(client, started.json()["job"])
        assert job["state"] == "done", job["problem"]
        return client.get(f"/soil/sample-designs/{started.json()['id']}").json()


def test_points_in_the_grades_of_a_run(server: Server, run: int, tmp_path: Path) -> None:
    size = {"count": 60, "minimum": 6}
    first = design(server, run=run, size=size)
    assert isinstance(first["seed"], int)
    again = design(server, run=run, size=size, seed=first["seed"])
    assert [s["stratum"] for s in first["strata"]][-1] == "very_severe"
    assert sum(s["samples"] for s in first["strata"]) == first["points"] == 60
    with server.client() as client:
        areas = client.get(f"/soil/runs/{run}/areas").json()["union"]["grades"]
        points = client.get(f"/soil/sample-designs/{first['id']}/points").json()["features"]
        same = client.get(f"/soil/sample-designs/{again['id']}/points").json()["features"]
        kml = client.get(f"/soil/sample-designs/{first['id']}/points?f=kml")
        shp = client.get(f"/soil/sample-designs/{first['id']}/points?f=shp")
        csv = client.get(f"/soil/sample-designs/{first['id']}/points?f=csv")
        plots = client.get(
            "/collections/plots/items", params={"filter": "district = 'DA2'", "limit": 1000}
        )
    assert [p["geometry"] for p in points] == [p["geometry"] for p in same]
    for row in first["strata"]:
        if row["samples"]:
            assert row["samples"] >= min(6, row["pixels"])
            assert row["inclusion"] == pytest.approx(row["samples"] / row["pixels"])
        # Pixels whose centre is inside hold nearly the exact area of the grade.
        exact = areas[row["stratum"]]
        assert row["area_m2"] == pytest.approx(exact, rel=0.05, abs=0.01 * sum(areas.values()))
    shapes = shapely.from_geojson([str(f["geometry"]).replace("'", '"') for f in
                                   plots.json()["features"]])  # fmt: skip
    inside = shapely.union_all(shapes)
    codes = [p["properties"]["code"] for p in points]
    assert codes[0] == f"S{first['id']}-001"
    assert all(inside.contains(shapely.Point(p["geometry"]["coordinates"])) for p in points)
    assert kml.text.count("<Placemark>") == 60
    assert codes[7] in kml.text
    assert csv.text.count("\n") == 61
    (tmp_path / "points.zip").write_bytes(shp.content)
    with zipfile.ZipFile(tmp_path / "points.zip") as archive:
        [name] = [n for n in archive.namelist() if n.endswith(".shp")]
        archive.extractall(tmp_path)
    read = pyogrio.read_dataframe(tmp_path / name)
    assert read["点号"].tolist() == codes
    assert read.crs.is_geographic


def test_points_in_polygons_by_a_field_for_a_precision(server: Server) -> None:
    found = design(
        server, zones={"layer": "plots", "filter": "district = 'DA2'"}, by="county",
        size={"count": 25, "allocation": "equal"}, seed=3, distance_m=50,
    )  # fmt: skip
    assert found["seed"] == 3
    assert sum(row["asked"] for row in found["strata"]) == 25
    assert "近似" in found["warnings"][0]["zh"]
    assert all(row["pixels"] is None for row in found["strata"])


@pytest.mark.parametrize(
    ("body", "status", "code", "where"),
    [
        ({"size": {"count": 5}}, 422, "E_SAMPLE_DESIGN", "run"),
        ({"run": 99_999, "size": {"count": 5}}, 404, "E_NOT_FOUND", "run"),
        ({"zones": {"layer": "plots"}, "size": {}}, 422, "E_SAMPLE_DESIGN", "size"),
        ({"zones": {"layer": "samples"}, "size": {"count": 5}}, 422, "E_ZONE_TYPE", "zones.layer"),
        ({"zones": {"layer": "plots"}, "by": "x", "size": {"count": 5}}, 400, "E_PARAMETER", "by"),
        ({"zones": {"layer": "plots"}, "size": {"users": [0.5, 0.6]}}, 422, "E_SAMPLE_DESIGN",
         "size.users"),
        ({"zones": {"layer": "plots"}, "size": {"count": 10**6}}, 400, "E_BODY", "size.count"),
    ],
)  # fmt: skip
def test_refused_at_once(server: Server, body: dict, status: int, code: str, where: str) -> None:
    with server.client("agronomist") as client:
        answer = client.post("/soil/sample-designs", json=body)
    assert (answer.status_code, answer.json()["code"], answer.json()["where"]) == (
        status, code, where,
    )  # fmt: skip
