"""Two worker processes on one port: an edit reaches both at once and costs the others nothing."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import numpy as np

from geo.layers import Catalog
from geo.record.geopackage import open_record
from geo.record.protocol import ChangeSet
from tests.app.tiles.conftest import AUTHOR, SIDE, Service, attributes, square
from tests.conftest import ROOT, Server, start_server, stop_server
from tests.geo.tiles.mvt_decoder import decode

PLACES = (0, 19, 210, 380, 399)
ASKS = 24  # new connections: so many that both workers get some


def ask(server: Server, url: str, **headers: str) -> httpx.Response:
    """Ask over a connection of its own, which either worker may take."""
    with server.client(**({"Accept-Encoding": "identity"} | headers)) as client:
        return client.get(url)


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


def test_an_edit_in_another_process(tmp_path: Path):
    catalog = Catalog.load(ROOT / "data")
    layer = catalog.layers["plots"]
    record = open_record(tmp_path / "record.gpkg", catalog)
    numbers = list(range(SIDE * SIDE))
    table = attributes(layer, numbers, [f"地块{n}" for n in numbers])
    shapes = np.array([square(n) for n in numbers])
    record.commit([ChangeSet.inserts("plots", table, shapes)], AUTHOR)
    server = start_server(
        tmp_path,
        workers=2,
        LIANGTIAN_PUBLIC_READ="true",
        LIANGTIAN_RATE_PER_MINUTE="0",
        LIANGTIAN_IN_PROCESS_WORKER="false",
    )
    try:
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
            names = {
                f["properties"].get("name") for f in decode(answer.content)["plots"]["features"]
            }
            assert "改名" in names
            assert "地块210" not in names
            assert answer.headers["etag"] != tags[210]
            assert ask(server, urls[210], **{"If-None-Match": tags[210]}).status_code == 200
        for number in set(PLACES) - {210}:
            for _ in range(ASKS):
                answer = ask(server, urls[number])
                assert answer.headers["x-cache"] == "hit"
                assert answer.headers["etag"] == tags[number]
            known = ask(server, urls[number], **{"If-None-Match": tags[number]})
            assert known.status_code == 304
    finally:
        stop_server(server.process)
        record.close()
