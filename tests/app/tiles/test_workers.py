"""Two worker processes on one port: an edit reaches both at once and costs the others nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection

import numpy as np
import pytest

from app.settings import Settings
from geo.layers import Catalog
from geo.record.place import open_record
from geo.record.protocol import ChangeSet, Record
from tests.app.tiles.conftest import AUTHOR, SIDE, Service, attributes, square
from tests.conftest import ROOT, Server, start_server, stop_server
from tests.geo.tiles.mvt_decoder import decode

PLACES = (0, 19, 210, 380, 399)
ASKS = 24  # new connections: so many that both workers get some


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def ask(server: Server, url: str, **headers: str) -> Answer:
    """Ask over a connection of its own, which either worker may take."""
    connection = HTTPConnection(server.url.removeprefix("http://"), timeout=60)
    try:
        connection.request("GET", url, headers={"Accept-Encoding": "identity"} | headers)
        got = connection.getresponse()
        named = {name.lower(): value for name, value in got.getheaders()}
        return Answer(got.status, named, got.read())
    finally:
        connection.close()


def until_all_hit(server: Server, url: str) -> str:
    """Ask until both workers have the tile; its validator."""
    tags, hits = set(), 0
    for _ in range(200):
        answer = ask(server, url)
        tags.add(answer.headers["etag"])
        hits = hits + 1 if answer.headers["x-cache"] == "hit" else 0
        if hits >= ASKS:
            assert len(tags) == 1  # the same on all workers
            return tags.pop()
    raise AssertionError("the tile is not kept")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Record]]:
    """The service, and its record opened by this process as another worker would."""
    folder = tmp_path_factory.mktemp("workers")
    catalog = Catalog.load(ROOT / "data")
    record = open_record(Settings(data=folder).record_place, catalog)
    numbers = list(range(SIDE * SIDE))
    table = attributes(catalog.layers["plots"], numbers, [f"地块{n}" for n in numbers])
    shapes = np.array([square(n) for n in numbers])
    record.commit([ChangeSet.inserts("plots", table, shapes)], AUTHOR)
    server = start_server(
        folder,
        workers=2,
        LIANGTIAN_PUBLIC_READ="true",
        LIANGTIAN_RATE_PER_MINUTE="0",
        LIANGTIAN_IN_PROCESS_WORKER="false",
    )
    yield server, record
    stop_server(server.process)
    record.close()


def test_an_edit_in_another_process(world: tuple[Server, Record]):
    server, record = world
    layer = record.catalog.layers["plots"]
    place = Service(None, None)  # type: ignore[arg-type]
    urls = {n: place.url(n, 15) for n in PLACES}
    tags = {n: until_all_hit(server, url) for n, url in urls.items()}
    changes = ChangeSet.updates(
        "plots", np.array([211]), attributes(layer, [210], ["改名"]), np.array([square(210)])
    )
    record.commit([changes], AUTHOR)
    time.sleep(0.3)
    for _ in range(ASKS):
        answer = ask(server, urls[210])
        features = decode(answer.body)["plots"]["features"]
        names = {f["properties"].get("name") for f in features}
        assert "改名" in names
        assert "地块210" not in names
        assert answer.headers["etag"] != tags[210]
        assert ask(server, urls[210], **{"If-None-Match": tags[210]}).status == 200
    for number in set(PLACES) - {210}:
        for _ in range(ASKS):
            answer = ask(server, urls[number])
            assert answer.headers["x-cache"] == "hit"
            assert answer.headers["etag"] == tags[number]
        known = ask(server, urls[number], **{"If-None-Match": tags[number]})
        assert known.status == 304


#: GDAL opens addresses here, in a process of its own: never in one that holds a record.
_GDAL = """
import json, sys
import pyogrio
source = "OGCAPI:" + sys.argv[1]
options = {"API": "TILES", "layer": "Zoom level 14", "bbox": tuple(map(float, sys.argv[2:6]))}
print(json.dumps({"driver": pyogrio.read_info(source, API="TILES", layer="Zoom level 14")["driver"],
                  "names": pyogrio.read_dataframe(source, **options)["name"].tolist()}))
"""


def test_gdal_reads_the_tiles(world: tuple[Server, Record]):
    """GDAL's OGCAPI driver: collection, tilesets, limits, matrix set, tiles, by their links."""
    server, _ = world
    west, south, east, north = square(30).bounds
    box = [str(v) for v in (west + 0.002, south + 0.002, east - 0.002, north - 0.002)]
    command = [sys.executable, "-c", _GDAL, f"{server.url}/collections/plots", *box]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["driver"] == "OGCAPI"
    assert set(found["names"]) == {"地块30"}
