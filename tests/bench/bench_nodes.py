"""One, two and four nodes on one PostGIS record: tiles a second, and how soon others see an edit.

Every node is a process of its own with snapshots of its own, asked directly by as many clients as
the machine can feed; more nodes than processors share these.

Run: python -m tests.bench.bench_nodes [parcels]
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep

import httpx
import numpy as np

from geo.layers import Catalog
from geo.record.place import open_record
from geo.record.protocol import ChangeSet, attribute_schema
from geo.tiles.grid import tile_of
from tests.bench.bench_scale import AUTHOR, LAYER, UNCACHED, attributes, compact
from tests.bench.load import Load, load
from tests.bench.servers import ours
from tests.bench.tile_world import MIDDLE, parcels
from tests.conftest import ROOT
from tests.postgres import postgres_server

PARCELS = 100_000
NODES = (1, 2, 4)
CLIENTS = 16
SECONDS = 15.0
EDITS = 40


def paths(count: int = 20_000) -> list[str]:
    rng = np.random.default_rng(5)
    found = []
    for z in rng.choice((12, 13, 14), count):
        lon, lat = MIDDLE + rng.uniform(-0.3, 0.3, 2)
        x, y = tile_of(int(z), lon, lat, "WebMercatorQuad")
        found.append(f"/tiles/{LAYER}/{z}/{x}/{y}.mvt")
    return found


def rate(urls: list[str]) -> tuple[float, float]:
    """Tiles a second of all nodes together, and the worst p95 in ms."""
    told: list[Load] = []

    def ask(url: str) -> None:
        told.append(load(url, paths(), max(1, CLIENTS // len(urls)), SECONDS))

    threads = [threading.Thread(target=ask, args=(url,)) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(set(one.statuses) <= {"200", "204"} for one in told)
    return sum(one.rate for one in told), max(one.p95 for one in told)


def noticed(url: str, urls: list[str], catalog: Catalog) -> np.ndarray:
    """Seconds from the end of a commit until the last of the nodes shows it."""
    waits = []
    with open_record(url, catalog) as record:
        schema = attribute_schema(catalog.layers[LAYER])
        for turn in range(EDITS):
            fid = np.array([turn + 1])
            record.commit([ChangeSet.updates(LAYER, fid, attributes(schema, fid))], AUTHOR)
            done = perf_counter()
            for node in urls:
                path = f"{node}/collections/{LAYER}/items/{fid[0]}"
                while httpx.get(path).json()["properties"]["version"] != 2:
                    sleep(0.002)
            waits.append(perf_counter() - done)
            sleep(0.05)
    return np.array(waits)


def main(count: int = PARCELS) -> None:
    catalog = Catalog.load(ROOT / "data")
    with TemporaryDirectory(prefix="bench-") as name, postgres_server({"fsync": "on"}) as server:
        folder = Path(name)
        server.create_database("record")
        url = server.url("record")
        with open_record(url, catalog) as record:
            schema = attribute_schema(catalog.layers[LAYER])
            change = ChangeSet.inserts(LAYER, attributes(schema, np.arange(count)), parcels(count))
            began = perf_counter()
            record.commit([change], AUTHOR)
            print(f"{count:,} parcels committed to PostGIS in {perf_counter() - began:.1f} s")
            found = record.verify()
            assert found.ok
            print(f"its audit: {found.rows / found.seconds:,.0f} rows a second")
        os.environ["LIANGTIAN_DATABASE"] = url
        first = 0.0
        with ExitStack() as stack:
            urls: list[str] = []
            for wanted in NODES:
                while len(urls) < wanted:
                    data = folder / f"node{len(urls)}"
                    data.mkdir()
                    seconds, _ = compact(data)
                    print(f"node {len(urls) + 1} caught up from nothing in {seconds:.1f} s")
                    urls.append(stack.enter_context(ours(data, data, **UNCACHED)))
                together, p95 = rate(urls)
                first = first or together
                waits = noticed(url, urls, catalog) * 1e3 if wanted == NODES[-1] else None
                print(
                    f"{wanted} nodes on {os.cpu_count()} processors: {together:,.0f} tiles a "
                    f"second ({together / first:.2f} times one node), p95 {p95:.1f} ms"
                )
            assert waits is not None
            print(f"an edit is on all {NODES[-1]} nodes after {np.median(waits):.0f} ms (median), "
                  f"{waits.max():.0f} ms at most (aim 300)")  # fmt: skip


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
