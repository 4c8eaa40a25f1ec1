"""The whole way through the real HTTP server: a file in, features, tile, totals, soil areas out."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

import httpx
import pytest

from tests.conftest import Server, wait_job
from tests.files import shapefile_zip, squares

PLOTS = {
    "DKBH": ["上传-1", "上传-2", "上传-3"],
    "DKMC": ["示范田一", "示范田二", "盐碱滩"],
    "XZQDM": ["220882", "220882", "220882"],
    "ZLJD": ["施工", "施工", "施工"],
}
PLACE = (121.75, 44.5)


def upload(client: httpx.Client, content: bytes, name: str, layer: str) -> dict:
    """Send a file and wait for its report."""
    answer = client.post(
        "/uploads",
        params={"layer": layer, "force": True},
        content=content,
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{name}"},
    )
    assert answer.status_code == 202, answer.text
    job = wait_job(client, answer.json()["job"])
    assert job["state"] == "done", job
    return client.get(f"/uploads/{answer.json()['id']}").json()


def tile_of(lon: float, lat: float, z: int) -> tuple[int, int]:
    x = (lon + 180) / 360 * 2**z
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**z
    return int(x), int(y)


@pytest.fixture(scope="module")
def stage_title(server: Server) -> str:
    """A stage as a field team writes it: its Chinese title."""
    with server.client() as client:
        schema = client.get("/collections/plots/schema").json()
    return schema["properties"]["stage"]["oneOf"][0]["title"]


def test_shapefile_to_features_tile_and_totals(server: Server, tmp_path: Path, stage_title: str):
    columns = PLOTS | {"ZLJD": [stage_title] * 3}
    shapes = squares(3, *PLACE)
    content = shapefile_zip(tmp_path, columns, shapes)
    with server.client("manager") as client:
        before = client.get("/totals", params={"layer": "plots"}).json()["total"]
        report = upload(client, content, "%E5%9C%B0%E5%9D%97.zip", "plots")
        assert report["state"] == "ready", report["report"]["issues"]
        assert report["file_name"] == "地块.zip"
        assert report["report"]["counts"]["records"] == 3
        diff = report["report"]["diff"]
        assert (diff["new"], diff["changed"], diff["unchanged"]) == (3, 0, 0)
        assert diff["scope"] == ["220882"]  # only this county's features can be absent
        assert 0 < diff["absent"] < before["count"]
        # Nothing is stored before somebody says so.
        assert client.get("/collections/plots/items?code=上传-1").json()["numberMatched"] == 0

        answer = client.post(f"/uploads/{report['id']}/commit")
        assert answer.status_code == 202, answer.text
        job = wait_job(client, answer.json()["job"])
        assert job["state"] == "done", job
        assert client.get(f"/uploads/{report['id']}").json()["state"] == "committed"

        found = client.get("/collections/plots/items", params={"q": "示范田", "limit": 50}).json()
        names = {f["properties"]["code"]: f["properties"]["name"] for f in found["features"]}
        assert names["上传-1"] == "示范田一"
        feature = client.get("/collections/plots/items?code=上传-3").json()["features"][0]
        assert feature["geometry"]["type"] == "MultiPolygon"

        x, y = tile_of(PLACE[0] + 0.001, PLACE[1] + 0.001, 14)
        tile = client.get(f"/tiles/plots/14/{x}/{y}.geojson").json()
        ids = {f["id"] for f in tile["features"]}
        assert feature["id"] in ids or len(ids) >= 2
        mvt = client.get(f"/tiles/plots/14/{x}/{y}.mvt")
        assert mvt.status_code == 200
        assert "上传-1".encode() in mvt.content

        after = client.get("/totals", params={"layer": "plots"}).json()["total"]
        assert after["count"] == before["count"] + 3
        own = client.get(
            "/totals", params={"layer": "plots", "filter": "code LIKE '上传-%'"}
        ).json()
        areas = [
            client.get(f"/collections/plots/items?code={c}").json()["features"][0]["properties"][
                "area_m2"
            ]
            for c in columns["DKBH"]
        ]
        assert own["total"]["count"] == 3
        assert own["total"]["area_m2"] == pytest.approx(sum(areas), rel=1e-9)
        assert after["area_m2"] == pytest.approx(before["area_m2"] + sum(areas), rel=1e-9)
        assert own["method"]["zh"]
        assert own["definition"]["zh"]
        assert own["revision"] == job["result"]["revision"]

        # The same file again changes nothing and makes no revision.
        again = upload(client, content, "again.zip", "plots")
        assert again["report"]["diff"]["unchanged"] == 3
        history = client.get(f"/collections/plots/items/{feature['id']}/history").json()
        assert history["versions"][0]["source"] == f"upload:{report['id']}"
        assert history["versions"][0]["author"] == "manager"


def test_a_broken_file_stores_nothing_and_says_why(server: Server, tmp_path: Path):
    content = shapefile_zip(tmp_path, PLOTS, squares(3, *PLACE), leave_out=(".shx",))
    with server.client("field") as client:
        revision = client.get("/health/ready").json()["record_revision"]
        answer = client.post("/uploads?layer=plots&force=true", content=content)
        job = wait_job(client, answer.json()["job"])
        assert job["state"] == "failed"
        found = client.get(f"/uploads/{answer.json()['id']}").json()
        assert found["state"] == "rejected"
        issue = found["report"]["issues"][0]
        assert issue["code"] == "E_SHP_PART"
        assert issue["zh"]
        assert issue["fix"][0]
        refused = client.post(f"/uploads/{answer.json()['id']}/commit")
        assert refused.status_code == 403  # plots are committed by managers
        assert client.get("/health/ready").json()["record_revision"] == revision


def test_without_prj_the_crs_is_asked_for(server: Server, tmp_path: Path, stage_title: str):
    columns = PLOTS | {"DKBH": ["无投影-1", "无投影-2", "无投影-3"], "ZLJD": [stage_title] * 3}
    content = shapefile_zip(tmp_path, columns, squares(3, 122.5, 45.2), leave_out=(".prj",))
    with server.client("manager") as client:
        report = upload(client, content, "noprj.zip", "plots")
        assert report["state"] == "needs_input"
        candidates = report["report"]["crs"]["candidates"]
        assert candidates[0]["crs"] == "EPSG:4529"
        assert "E_CRS_REQUIRED" in report["report"]["issue_counts"]
        assert client.post(f"/uploads/{report['id']}/commit").status_code == 409
        decided = client.patch(f"/uploads/{report['id']}", json={"crs": "EPSG:4529"})
        assert decided.status_code == 202
        wait_job(client, decided.json()["job"])
        after = client.get(f"/uploads/{report['id']}").json()
        assert after["state"] == "ready", after["report"]["issues"]
        assert client.delete(f"/uploads/{report['id']}").status_code == 204
        assert client.get(f"/uploads/{report['id']}").json()["state"] == "discarded"


def test_soil_run_closes_and_agrees_with_the_zones(server: Server):
    with server.client("agronomist") as client:
        scenes = client.get("/soil/scenes").json()["features"]
        assert len(scenes) >= 2
        gradings = client.get("/soil/gradings").json()["gradings"]
        demo = next(g for g in gradings if g["kind"] == "demonstration")
        index = demo["axes"][0]["indicator"].removeprefix("index:")
        question = {
            "scene": "s2-daan-20260508",
            "index": index if index != "*" else "si_br",
            "grading": demo["id"],
            "zones": {"layer": "plots", "filter": "district = 'DA2'"},
        }
        started = client.post("/soil/runs", json=question)
        assert started.status_code == 202, started.text
        job = wait_job(client, started.json()["job"])
        assert job["state"] == "done", job
        run = client.get(f"/soil/runs/{started.json()['id']}").json()
        assert run["state"] == "done"
        areas = client.get(f"/soil/runs/{run['id']}/areas").json()
        assert areas["rows"]
        graded = 0.0
        for row in areas["rows"]:
            parts = sum(row["grades"].values()) + row["masked_m2"] + row["outside_m2"]
            assert parts == pytest.approx(row["area_m2"], rel=1e-9)
            graded += sum(row["grades"].values())
        assert graded > 0
        stored = client.get(
            "/totals", params={"layer": "plots", "district": "DA2", "measure": "sum"}
        ).json()["total"]
        assert areas["sum"]["area_m2"] == pytest.approx(stored["area_m2"], rel=1e-9)
        by = client.get(f"/soil/runs/{run['id']}/areas?by=county").json()
        assert sum(r["area_m2"] for r in by["rows"]) == pytest.approx(stored["area_m2"], rel=1e-9)
        table = client.get(f"/soil/runs/{run['id']}/areas?f=csv")
        assert table.content.startswith(b"\xef\xbb\xbf")


def test_an_edit_shows_on_every_worker_at_once(server: Server, tmp_path: Path, stage_title: str):
    """Two workers; whichever answers next shows the commit within 200 ms of its end."""
    columns = {k: v[:1] for k, v in PLOTS.items()} | {"DKBH": ["跨进程"], "ZLJD": [stage_title]}
    content = shapefile_zip(tmp_path, columns, squares(1, 122.9, 44.6))
    with server.client("manager") as client:
        report = upload(client, content, "one.zip", "plots")
        answer = client.post(f"/uploads/{report['id']}/commit")
        job = wait_job(client, answer.json()["job"])
    assert job["state"] == "done"
    time.sleep(0.2)
    for _ in range(20):
        with server.client() as fresh:  # a new connection may reach either worker
            assert fresh.get("/collections/plots/items?code=跨进程").json()["numberMatched"] == 1


def test_the_same_key_has_one_effect(server: Server, tmp_path: Path):
    content = shapefile_zip(tmp_path, PLOTS, squares(3, *PLACE))
    with server.client("field", **{"Idempotency-Key": "abc-1"}) as client:
        first = client.post("/uploads?layer=plots&force=true", content=content)
        second = client.post("/uploads?layer=plots&force=true", content=content)
        assert first.json() == second.json()
        other = client.post("/uploads?layer=parcels", content=content)
        assert other.status_code == 422
        assert other.json()["code"] == "E_KEY_REUSED"


def test_a_form_upload_is_the_same(server: Server, tmp_path: Path):
    """What a browser's form sends: one file of a multipart body, its Chinese name kept."""
    content = shapefile_zip(tmp_path, PLOTS, squares(3, *PLACE))
    with server.client("field") as client:
        answer = client.post(
            "/uploads?layer=plots&force=true", files={"file": ("地块资料.zip", content)}
        )
        assert answer.status_code == 202, answer.text
        wait_job(client, answer.json()["job"])
        found = client.get(f"/uploads/{answer.json()['id']}").json()
        assert found["file_name"] == "地块资料.zip"
        assert found["report"]["counts"]["records"] == 3


def test_a_strangers_upload_does_not_exist(server: Server, tmp_path: Path):
    content = shapefile_zip(tmp_path, PLOTS, squares(3, *PLACE))
    with server.client("field") as client:
        mine = client.post("/uploads?layer=plots&force=true", content=content).json()
        wait_job(client, mine["job"])
    with server.client("agronomist") as other:
        assert other.get(f"/uploads/{mine['id']}").status_code == 404
        assert other.get(f"/jobs/{mine['job']}").status_code == 404


def test_progress_as_events(server: Server, tmp_path: Path):
    """The stream tells states as they come and ends with the job."""
    content = shapefile_zip(tmp_path, PLOTS, squares(3, *PLACE))
    with server.client("field") as client:
        sent = client.post("/uploads?layer=plots&filename=a.zip&force=true", content=content).json()
        with client.stream("GET", f"/jobs/{sent['job']}/events") as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = [line for line in answer.iter_lines() if line.startswith("data: ")]
    states = [json.loads(line[6:])["state"] for line in lines]
    assert states[-1] == "done"
    assert set(states) <= {"queued", "running", "done"}
