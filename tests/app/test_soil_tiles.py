"""Map tiles of scenes and runs over HTTP: addresses, caching, refusals, and areas that agree."""

from __future__ import annotations

from collections import Counter

import httpx
import morecantile
import numpy as np
import pytest
import shapely
from rasterio.io import MemoryFile

from app.rasters import LONGEST_WAIT, THREADS, Rasters
from app.settings import Settings
from tests.conftest import Server, wait_job

TMS = morecantile.tms.get("WebMercatorQuad")
pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def rgba_of(answer: httpx.Response) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    with MemoryFile(answer.content) as memory, memory.open() as file:
        if file.count == 1:
            table = np.zeros((256, 4), dtype=np.uint8)
            for code, colour in file.colormap(1).items():
                table[code] = colour
            return table[file.read(1)]
        return np.moveaxis(file.read(), 0, -1)


def address(template: str, lon: float, lat: float, zoom: int) -> str:
    found = TMS.tile(lon, lat, zoom)
    return (
        template.replace("{z}", str(zoom)).replace("{x}", str(found.x)).replace("{y}", str(found.y))
    )


@pytest.fixture(scope="module")
def scene(server: Server) -> str:
    with server.client() as client:
        return client.get("/soil/scenes").json()["features"][-1]["id"]


@pytest.fixture(scope="module")
def run(server: Server, scene: str) -> int:
    question = {
        "scene": scene, "index": "si_gr", "grading": "demo-si-gr",
        "zones": {"layer": "plots", "filter": "district = 'DA2'"},
    }  # fmt: skip
    with server.client("agronomist") as client:
        started = client.post("/soil/runs", json=question).json()
        assert wait_job(client, started["job"])["state"] == "done"
    return started["id"]


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("", "composite"),
        ("?bands=N,R,G", "composite"),
        ("?bands=S1", "composite"),
        ("?index=si_gr", "index"),
        ("?index=ndvi&mask=scl&size=512", "index"),
        ("?index=si_gr&range=0.05,0.3", "index"),
    ],
)
def test_a_scene_as_its_tilejson_says(server: Server, scene: str, query: str, kind: str):
    with server.client() as client:
        about = client.get(f"/soil/scenes/{scene}/tiles.json{query}").json()
        assert about["tilejson"] == "3.0.0"
        assert about["legend"]["kind"] == kind
        west, south, east, north = about["bounds"]
        assert 0 <= about["minzoom"] < 14 < about["maxzoom"] <= 22
        middle = ((west + east) / 2, (south + north) / 2)
        [template] = about["tiles"]
        first = client.get(address(template, *middle, 13))
        seen = rgba_of(first)
        assert seen.shape == (about["tileSize"], about["tileSize"], 4)
        assert (seen[..., 3] > 0).mean() > 0.2
        assert len(np.unique(seen.reshape(-1, 4), axis=0)) > 20
        assert first.headers["cache-control"] == "public, max-age=31536000, immutable"
        tag = first.headers["etag"]
        again = client.get(address(template, *middle, 13), headers={"If-None-Match": tag})
        assert again.status_code == 304
        unversioned = client.get(address(template, *middle, 13).partition("v=")[0].rstrip("?&"))
        assert unversioned.headers["cache-control"] == "no-cache"
        assert unversioned.content == first.content
        beside = rgba_of(client.get(address(template, west - 1, south, 13)))
        assert not beside.any()


def test_legend_of_an_index_names_values_and_colours(server: Server, scene: str):
    with server.client(**{"Accept-Language": "en"}) as client:
        about = client.get(f"/soil/scenes/{scene}/tiles.json?index=si_gr").json()
    legend = about["legend"]
    assert about["name"].startswith("Salinity index, green and red")
    assert (legend["formula"], legend["unit"], legend["direction"]) == ("sqrt(G*R)", "1", "higher")
    values = [stop["value"] for stop in legend["stops"]]
    assert values == sorted(values)
    assert [values[0], values[-1]] == legend["range"]
    assert legend["meaning"]["zh"]
    assert legend["source"]


def test_grades_on_the_map_agree_with_the_areas(server: Server, run: int):
    """Pixels of a plot counted on the map give the shares that the exact areas give."""
    with server.client() as client:
        about = client.get(f"/soil/runs/{run}/tiles.json").json()
        areas = client.get(f"/soil/runs/{run}/areas").json()
        row = max(areas["rows"], key=lambda r: sum(r["grades"].values()))
        feature = client.get(f"/collections/plots/items/{row['group']}").json()
        plot = shapely.from_geojson(httpx.Response(200, json=feature["geometry"]).content)
        zoom = 16
        counted: Counter[str] = Counter()
        inside = 0
        names = {g["color"]: g["code"] for g in about["legend"]["grades"]}
        for place in TMS.tiles(*plot.bounds, zooms=[zoom]):
            [template] = about["tiles"]
            url = template.format(z=zoom, x=place.x, y=place.y)
            seen = rgba_of(client.get(url))
            box = TMS.xy_bounds(place)
            at = (np.arange(256) + 0.5) * (box.right - box.left) / 256
            x, y = np.meshgrid(box.left + at, box.top - at)
            lon = np.degrees(x / 6378137)
            lat = np.degrees(np.arctan(np.sinh(y / 6378137)))
            within = shapely.contains_xy(plot, lon, lat)
            inside += int(within.sum())
            for colour in seen[within & (seen[..., 3] > 0)]:
                counted[names["#" + colour[:3].tobytes().hex()]] += 1
    assert inside > 2000
    for label, m2 in row["grades"].items():
        assert counted[label] / inside == pytest.approx(m2 / row["area_m2"], abs=0.02), label


def test_a_run_keeps_what_it_was_drawn_from(server: Server, run: int):
    with server.client() as client:
        legend = client.get(f"/soil/runs/{run}/tiles.json").json()["legend"]
        assert "inputs" not in client.get(f"/soil/runs/{run}").json()
    assert legend["grading"] == {"id": "demo-si-gr", "version": "1", "kind": "demonstration"}
    assert [mask["id"] for mask in legend["masks"]] == ["scl", "water", "vegetation"]
    assert legend["grades"][0]["from"] is None
    assert legend["grades"][0]["below"] == legend["grades"][1]["from"]
    assert "演示" in legend["note"]["zh"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/soil/scenes/none/tiles/9/1/1.png", 404, "E_NOT_FOUND"),
        ("/soil/scenes/{s}/tiles/9/512/1.png", 404, "E_TILE_RANGE"),
        ("/soil/scenes/{s}/tiles/99/0/0.png", 404, "E_TILE_RANGE"),
        ("/soil/scenes/{s}/tiles/-1/0/0.png", 404, "E_TILE_RANGE"),
        ("/soil/scenes/{s}/tiles/9/1/1.png?index=magic", 400, "E_INDEX"),
        ("/soil/scenes/{s}/tiles/9/1/1.png?index=NDSI", 400, "E_INDEX"),
        ("/soil/scenes/{s}/tiles/9/1/1.png?index=ndre1", 422, "E_INDEX_BANDS"),
        ("/soil/scenes/{s}/tiles/9/1/1.png?index=ndvi&mask=moon", 400, "E_MASK"),
        ("/soil/scenes/{s}/tiles/9/1/1.png?index=ndvi&mask=qa_pixel", 400, "E_MASK"),
        ("/soil/scenes/{s}/tiles/9/1/1.png?mask=scl", 400, "E_PARAMETER"),
        ("/soil/scenes/{s}/tiles/9/1/1.png?index=ndvi&range=1,0", 400, "E_PARAMETER"),
        ("/soil/scenes/{s}/tiles/9/1/1.png?index=ndvi&range=nan,1", 400, "E_PARAMETER"),
        ("/soil/scenes/{s}/tiles/9/1/1.png?index=ndvi&range=1", 400, "E_PARAMETER"),
        ("/soil/scenes/{s}/tiles/9/1/1.png?index=ndvi&bands=R", 400, "E_PARAMETER"),
        ("/soil/scenes/{s}/tiles/9/1/1.png?bands=R,G", 400, "E_PARAMETER"),
        ("/soil/scenes/{s}/tiles/9/1/1.png?bands=R,G,SCL", 400, "E_PARAMETER"),
        ("/soil/scenes/{s}/tiles/9/1/1.png?bands=RE1", 422, "E_INDEX_BANDS"),
        ("/soil/scenes/{s}/tiles/9/1/1.png?size=4096", 400, "E_PARAMETER"),
        ("/soil/scenes/{s}/tiles/9/1/1.png?href=/etc/passwd", 400, "E_PARAMETER"),
        ("/soil/runs/99999/tiles/9/1/1.png", 404, "E_NOT_FOUND"),
        ("/soil/runs/99999/tiles.json", 404, "E_NOT_FOUND"),
    ],
)
def test_refusals_say_what_is_wrong(server: Server, scene: str, path: str, status: int, code: str):
    with server.client() as client:
        answer = client.get(path.replace("{s}", scene))
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def _waits(monkeypatch, tmp_path) -> str:
    import anyio

    from app import rasters
    from app.problems import Problem

    monkeypatch.setattr(rasters, "LONGEST_WAIT", 0.05)
    one = Rasters(Settings(data=tmp_path), None)  # type: ignore[arg-type]
    go = anyio.Event()
    ready: list[int] = []

    def work() -> None:
        ready.append(1)
        anyio.from_thread.run(go.wait)

    async with anyio.create_task_group() as group:
        for _ in range(THREADS):
            group.start_soon(one.run, work)
        while len(ready) < THREADS:
            await anyio.sleep(0.01)
        try:
            await one.run(lambda: None)
        except Problem as problem:
            code = problem.code
        go.set()
    await one.run(lambda: None)  # and free again
    return code


def test_threads_are_bounded_and_a_long_queue_is_told(monkeypatch, tmp_path):
    import anyio

    assert THREADS <= 4
    assert LONGEST_WAIT <= 20
    assert anyio.run(_waits, monkeypatch, tmp_path) == "E_TILE_BUSY"
