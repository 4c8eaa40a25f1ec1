"""Scenes over HTTP and as jobs: registered from files, uploads, items and S3; retired; deleted."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from app import s3, scenes
from app.api import soil_composites, soil_scenes
from app.jobs import queue
from app.jobs.sweep import sweep
from app.jobs.worker import Worker
from app.settings import Settings
from app.state import State
from geo.errors import Rejected
from geo.soil import mask
from geo.soil.scene import Scene
from tests.conftest import Server, wait_job
from tests.environment import ROOT

TIFF = "image/tiff; application=geotiff"
WHEN = "2025-05-03T02:45:00Z"


def write(path: Path, bands: int = 4, **change) -> Path:
    """A small GeoTIFF of moderate soil, with dark water in one corner."""
    pixels = np.random.default_rng(5).integers(2200, 3800, (bands, 80, 100)).astype(np.uint16)
    pixels[:, :20, :20] = 1120
    profile = {
        "driver": "GTiff", "crs": "EPSG:32651", "nodata": 0, "count": bands, "height": 80,
        "width": 100, "dtype": "uint16", "transform": from_origin(570000, 5040000, 10, 10),
    } | change  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(path, "w", **profile) as file:
        file.write(pixels)
    return path


@pytest.fixture(scope="module")
def rasters(office: Server) -> Path:
    return office.data / "rasters"


def test_a_file_below_the_root(office: Server, rasters: Path) -> None:
    write(rasters / "2025" / "晚春 stack.tif")
    asked = {
        "href": "2025/晚春 stack.tif", "sensor": "sentinel-2-l2a", "bands": "B,G,R,N",
        "datetime": WHEN, "baseline": "05.09",
    }  # fmt: skip
    with office.client("agronomist") as client:
        started = client.post("/soil/scenes", json=asked, headers={"Idempotency-Key": "one"})
        assert started.status_code == 202, started.text
        told = started.json()
        assert told["id"] == "stack"
        job = wait_job(client, told["job"])
        assert job["state"] == "done", job
        assert job["result"]["scaling"].endswith("processing baseline 05.09")
        # The same again is one scene; another request for the same id is refused.
        again = client.post("/soil/scenes", json=asked, headers={"Idempotency-Key": "one"})
        assert again.json() == told
        refused = client.post("/soil/scenes", json=asked)
        assert (refused.status_code, refused.json()["code"]) == (409, "E_SCENE_EXISTS")
        item = client.get(f"/soil/scenes/{told['id']}").json()
        assert item["properties"]["title"] == "晚春 stack"
        assert item["properties"]["liangtian:offset_applied"] == "no"
        assert item["properties"]["liangtian:dark_nir"] == pytest.approx(0.012, abs=1e-3)
        assert item["properties"]["liangtian:warnings"] == []
        picture = client.get("/soil/scenes/stack/tiles.json?index=si_gr")
        assert picture.status_code == 200, picture.text
        assert client.delete("/soil/scenes/stack").status_code == 403
    with office.client("manager") as client:
        url = "/soil/scenes/stack"
        retired = client.patch(url, json={"retired": True}).json()
        assert retired["properties"]["liangtian:retired"] is True
        assert all(s["id"] != "stack" for s in client.get("/soil/scenes").json()["features"])
        hidden = client.get("/soil/scenes?retired=true").json()["features"]
        assert [s["id"] for s in hidden] == ["stack"]
        run = {"scene": "stack", "index": "si_gr", "grading": "x", "zones": {"layer": "plots"}}
        refused = client.post("/soil/runs", json=run)
        assert (refused.status_code, refused.json()["code"]) == (409, "E_SCENE_RETIRED")
        assert client.delete(url).status_code == 204
        assert client.delete(url).status_code == 404
        assert client.get(url).status_code == 404
    with office.client("boss") as client:
        actions = [row["action"] for row in client.get("/audit").json()["events"]]
    assert {"scene.register", "scene.retire", "scene.delete"} <= set(actions)
    # A file that is somebody's stays; what was made from it is gone.
    assert (rasters / "2025" / "晚春 stack.tif").exists()
    assert list((rasters / scenes.MADE).glob("stack-*")) == []


def test_an_upload_told_about_by_parameters(office: Server, tmp_path: Path) -> None:
    content = write(tmp_path / "x.tif").read_bytes()
    told = {
        "name": "田块 A1.tif", "sensor": "custom", "bands": "B,,R,N", "scale": "0.0001",
        "offset": "-0.1", "datetime": WHEN,
    }  # fmt: skip
    kind = {"Content-Type": "image/tiff"}
    with office.client("agronomist") as client:
        missing = client.post("/soil/scenes", params={"name": "a"}, content=content, headers=kind)
        assert (missing.status_code, missing.json()["where"]) == (400, "sensor")
        wrong = told | {"scale": "much"}
        assert client.post("/soil/scenes", params=wrong, content=content).status_code == 400
        started = client.post("/soil/scenes", params=told, content=content, headers=kind)
        assert started.status_code == 202, started.text
        job = wait_job(client, started.json()["job"])
        assert (job["state"], job["result"]["converted"]) == ("done", True)
        properties = client.get("/soil/scenes/A1").json()
        bands = properties["assets"]["data"]["bands"]
        assert [band["name"] for band in bands] == ["B", "R", "N"]
        assert properties["properties"]["liangtian:sources"][0]["name"] == "田块 A1.tif"
        # What is none ends as a failed job that says why; nothing is registered.
        for name, body, code in (
            ("text", b"hello", "E_RASTER_OPEN"), ("cut", content[:3000], "E_RASTER"),
        ):  # fmt: skip
            started = client.post(
                "/soil/scenes", params=told | {"name": name}, content=body, headers=kind
            )
            job = wait_job(client, started.json()["job"])
            assert job["state"] == "failed"
            assert job["problem"]["code"].startswith(code)
            assert job["problem"]["en"]["fix"]
            assert client.get(f"/soil/scenes/{name}").status_code == 404
        assert client.post("/soil/scenes", content=b"{" * 3_000_000).status_code == 413


def test_requests_that_are_refused_at_once(office: Server, rasters: Path) -> None:
    write(rasters / "a.tif")
    known = {"sensor": "custom", "datetime": WHEN, "scale": 1e-4, "offset": 0}
    with office.client("agronomist") as client:
        for body, code in (
            ({"href": "../record.gpkg"} | known, "E_PATH"),
            ({"href": "http://127.0.0.1/a.tif"} | known, "E_PATH"),
            ({"href": "/vsicurl/http://127.0.0.1/a.tif"} | known, "E_PATH"),
            ({"href": "s3://elsewhere/a.tif"} | known, "E_PATH"),
            ({"href": "none.tif"} | known, "E_RASTER_OPEN"),
            ({"href": "a.tif", "bands": "B,X"} | known, "E_RASTER_BANDS"),
            ({"bands": {"B": "a.tif", "R": "../../x.tif"}} | known, "E_PATH"),
            ({"href": "a.tif"}, "E_BODY"),
            (known, "E_BODY"),
            ({"href": "a.tif", "bands": {"B": "a.tif"}} | known, "E_BODY"),
            ({"href": "a.tif", "datetime": "2025-05-03T02:45:00", "sensor": "custom"}, "E_BODY"),
            ({"href": "a.tif", "id": "../x"} | known, "E_BODY"),
        ):
            answered = client.post("/soil/scenes", json=body)
            assert answered.json()["code"] == code, body
    with office.client("field") as client:
        assert client.post("/soil/scenes", json={"href": "a.tif"} | known).status_code == 403


def test_a_composite(office: Server, rasters: Path) -> None:
    write(rasters / "one.tif")
    write(rasters / "two.tif")
    write(rasters / "moved.tif", transform=from_origin(570500, 5040000, 10, 10))
    stated = {"sensor": "custom", "bands": "B,G,R,N", "scale": 1e-4, "offset": -0.1}
    with office.client("agronomist") as client:
        for day, name in enumerate(("one", "two", "moved"), start=3):
            body = stated | {"href": f"{name}.tif", "datetime": f"2025-05-0{day}T02:45:00Z"}
            job = wait_job(client, client.post("/soil/scenes", json=body).json()["job"])
            assert job["state"] == "done", job
        asked = {"id": "may", "scenes": ["one", "two"], "window": ["05-01", "05-25"]}
        started = client.post("/soil/composites", json=asked)
        assert started.status_code == 202, started.text
        job = wait_job(client, started.json()["job"])
        assert job["state"] == "done", job
        assert job["result"]["observations"]["median"] == 2
        item = client.get("/soil/scenes/may").json()
        assert [band["name"] for band in item["assets"]["data"]["bands"]][-1] == "N_OBS"
        made = item["properties"]["liangtian:composite"]
        assert [name for name, _ in made["scenes"]] == ["one", "two"]
        assert item["properties"]["start_datetime"] == "2025-05-03T02:45:00Z"
        shown = client.get("/soil/scenes/may/tiles.json?index=si_gr&mask=observations:2")
        assert shown.status_code == 200, shown.text
        for body, code in (
            ({"scenes": ["one", "moved"]}, "E_RASTER_GRID"),
            ({"from": "2025-05-03T00:00:00Z", "sensor": "landsat-c2-l2"}, "E_COMPOSITE"),
            ({"scenes": ["one", "nothing"]}, "E_NOT_FOUND"),
            ({"scenes": ["one"], "masks": ["scl"]}, "E_MASK"),
            ({"scenes": ["one"], "bands": ["RE1"]}, "E_RASTER_BANDS"),
            ({"scenes": ["one"], "window": ["5-1", "05-25"]}, "E_BODY"),
            ({"scenes": ["one"], "sensor": "custom"}, "E_BODY"),
            ({}, "E_BODY"),
        ):
            assert client.post("/soil/composites", json=body).json()["code"] == code, body
    with office.client("manager") as client:
        made = client.get("/soil/scenes/may").json()["assets"]["data"]["href"]
        assert (rasters / made).exists()
        for name in ("one", "may"):
            assert client.delete(f"/soil/scenes/{name}").status_code == 204
        assert not (rasters / made).exists()
        assert (rasters / "one.tif").exists()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    made = State(Settings(data=tmp_path / "data", in_process_worker=False))
    yield made
    made.stop()


def done(state: State, args: dict) -> tuple[queue.Job, Scene | None]:
    """Run one job of registering here and now."""
    with state.record.write() as connection:
        number = queue.put(connection, "soil.scene", args, "test")
    job = queue.Queue(state.record).claim("test")
    assert job is not None
    folder = state.settings.work_folder / f"job-{number}"
    folder.mkdir(parents=True)
    Worker(state, (), threading.Event()).do(job, folder)
    after = queue.Queue(state.record).get(number)
    assert after is not None
    found = scenes.get(state.record, args["id"]) if after.state == "done" else None
    return after, found


def item(folder: Path, properties: dict, hrefs: dict[str, str]) -> None:
    content = {
        "type": "Feature", "stac_version": "1.0.0", "id": "S2A_51TXL", "links": [],
        "geometry": {"type": "Point", "coordinates": [123, 45]}, "bbox": [123, 45, 123, 45],
        "properties": {"datetime": WHEN, "constellation": "sentinel-2"} | properties,
        "assets": {name: {"href": href, "type": TIFF} for name, href in hrefs.items()},
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "item.json").write_text(json.dumps(content))


def test_an_item_and_its_files(state: State) -> None:
    root = state.settings.raster_folder
    for name in ("B04", "B08"):
        write(root / "s2" / f"{name}.tif", bands=1)
    hrefs = {"B04": "./B04.tif", "B08": "B08.tif"}
    item(root / "s2", {"s2:processing_baseline": "05.09"}, hrefs)
    job, scene = done(state, {"id": "one", "title": "", "href": "s2/item.json", "stated": {}})
    assert scene is not None, job.problem
    assert (scene.bands, scene.baseline, scene.offset) == ({"R": 1, "N": 2}, "05.09", -0.1)
    assert scene.path.startswith("scenes/one-")
    assert scene.title == "S2A_51TXL"
    # The mirror says it has taken the offset off; the pixels say otherwise, and the scene tells.
    item(root / "s2", {"earthsearch:boa_offset_applied": True}, hrefs)
    _, scene = done(state, {"id": "two", "title": "", "href": "s2/item.json", "stated": {}})
    assert scene is not None
    assert (scene.offset_applied, scene.offset) == ("yes", 0.0)
    assert [notice.code for notice in scene.warnings] == ["W_OFFSET_MISSING"]
    for bad in ("http://127.0.0.1:9/B04.tif", "../../record.gpkg", "/etc/passwd", "s3://b/x.tif"):
        item(root / "s2", {"s2:processing_baseline": "05.09"}, hrefs | {"B04": bad})
        job, _ = done(state, {"id": "no", "title": "", "href": "s2/item.json", "stated": {}})
        assert job.problem is not None
        assert job.problem["code"] == "E_PATH", bad


def test_what_a_dead_job_left_is_swept(state: State) -> None:
    root = state.settings.raster_folder
    write(root / "a.tif")
    stated = {"sensor": "custom", "datetime": WHEN, "scale": 1e-4, "offset": -0.1}
    args = {"id": "kept", "title": "a", "href": "a.tif", "bands": ["B", "G", "R", "N"]}
    _, scene = done(state, args | {"stated": stated})
    assert scene is not None
    stray = root / scenes.MADE / "gone-0123456789ab.tif"
    stray.parent.mkdir(exist_ok=True)
    made = write(root / scenes.MADE / "kept-0123456789ab.tif")
    stray.write_bytes(b"x")
    kept = replace_path(state, scene, "scenes/kept-0123456789ab.tif")
    for path in (stray, made):
        os.utime(path, (1e9, 1e9))
    sweep(state)
    assert not stray.exists()
    assert (root / kept.path).exists()


def replace_path(state: State, scene: Scene, path: str) -> Scene:
    from geo.record.protocol import Author

    moved = scene.model_copy(update={"path": path})
    scenes.register(state.record, moved, Author("test", "test"))
    return moved


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Iterator[str]:
    """A small S3 on this machine with a scene, an item and a secret beside them."""
    boto3 = pytest.importorskip("boto3")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    client = boto3.client(
        "s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1", **keys
    )
    client.create_bucket(Bucket="office")
    folder = tmp_path_factory.mktemp("store")
    for name in ("B04", "B08"):
        client.upload_file(
            str(write(folder / f"{name}.tif", bands=1)), "office", f"2025/{name}.tif"
        )
    item(
        folder,
        {"processing:version": "05.09"},
        {"red": "B04.tif", "nir": "s3://office/2025/B08.tif"},
    )
    client.upload_file(str(folder / "item.json"), "office", "2025/item.json")
    client.put_object(Bucket="office", Key="secret.tif", Body=b"canary")
    yield f"http://{host}:{port}"
    server.stop()


def test_a_root_in_an_object_store(state: State, store: str, monkeypatch) -> None:
    state.settings = state.settings.model_copy(update={"raster_s3": "s3://office/2025"})
    for name, value in (
        ("AWS_ENDPOINT_URL", store), ("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "s"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    args = {"id": "far", "title": "", "href": "s3://office/2025/item.json", "stated": {}}
    job, scene = done(state, args)
    assert scene is not None, job.problem
    assert scene.bands == {"R": 1, "N": 2}
    assert [source.name for source in scene.sources] == ["B04.tif", "B08.tif"]
    assert (state.settings.raster_folder / scene.path).exists()
    job, _ = done(state, args | {"id": "none", "href": "s3://office/2025/none.json"})
    assert job.problem is not None
    assert job.problem["code"] == "E_RASTER_OPEN"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    job, _ = done(state, args | {"id": "down"})
    assert job.problem is not None
    assert job.problem["code"] == "E_RASTER_FETCH"
    assert "127.0.0.1" not in json.dumps(job.problem)


def test_addresses_stay_below_the_root() -> None:
    root = "s3://office/2025"
    assert s3.inside(root, "s3://office/2025/a/晚春.tif") == "office/2025/a/晚春.tif"
    for href in (
        "s3://office/secret.tif", "s3://office/2025/../secret.tif", "s3://office/2025", "s3://",
        "s3://office/20255/a.tif", "s3://office/2025//a.tif", "s3://office/2025/a\0.tif",
    ):  # fmt: skip
        with pytest.raises(Rejected) as caught:
            s3.inside(root, href)
        assert caught.value.code == "E_PATH", href
    with pytest.raises(Rejected):
        s3.inside("", "s3://office/a.tif")


def test_the_page_about_scenes_is_true() -> None:
    """Its examples are accepted, its names are in the answers."""
    text = (ROOT / "docs/soil/scenes.md").read_text(encoding="utf-8")
    examples = [json.loads(found) for found in re.findall(r"`(\{.*?\})`(?= \|)", text)]
    assert len(examples) >= 4
    for example in examples:
        if example.get("datetime") == "...":
            example["datetime"] = WHEN
        soil_scenes.NewScene.model_validate(example)
    blocks = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    assert soil_composites.NewComposite.model_validate_json(blocks[0]).window
    for name in re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", text, re.MULTILINE):
        assert set(re.findall(r"\w+", name)) <= set(mask.KINDS), name
    for name in mask.KINDS:
        assert f"`{name}`" in text, name
    told = (ROOT / "geo/soil/stac.py").read_text(encoding="utf-8")
    for name in re.findall(r"`(liangtian:\w+)`", text):
        assert f'"{name}"' in told, name
