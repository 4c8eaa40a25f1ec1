"""Reading features: `items?bbox=...&limit=1000` of a 200,000-parcel layer, over HTTP.

Ours beside tipg on PostGIS and beside pygeoapi on the same GeoPackage. All three hold the same
features and get the same boxes from the same client, one request after the other on a kept
connection; the first requests (connections, caches of the disk) are not counted, no conditional
requests, no compression.

Run: python -m tests.bench.bench_items [parcels]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from urllib.parse import urlencode, urlsplit

import numpy as np
import pyogrio
import shapely

from tests.bench import parcels, servers
from tests.postgres import postgres_server

PARCELS = 200_000
LIMIT = 1000
REQUESTS = 60
WARM = 5
POSTGRES = {"shared_buffers": "1GB", "work_mem": "64MB", "random_page_cost": "1.1"}
SECONDS = 60.0  # a slow server is measured on fewer requests

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Answers:
    """What one server did with one set of boxes."""

    milliseconds: np.ndarray
    returned: list[int]
    keys: list[set[str]]
    size: int

    @property
    def median(self) -> float:
        return float(np.median(self.milliseconds))

    @property
    def p95(self) -> float:
        return float(np.percentile(self.milliseconds, 95))


def boxes(bounds: np.ndarray, around: int, count: int, seed_: int) -> list[Box]:
    """`count` boxes, each around a random parcel and about as large as holds `around` parcels."""
    centre = (bounds[:, :2] + bounds[:, 2:]) / 2
    scale = np.array([np.cos(np.radians(centre[:, 1].mean())), 1.0])
    picked = np.random.default_rng(seed_).choice(len(centre), count, replace=False)
    result = []
    for lon, lat in centre[picked]:
        distance = np.abs((centre - (lon, lat)) * scale).max(axis=1)
        half = np.partition(distance, around)[around] / scale
        corners = (lon - half[0], lat - half[1], lon + half[0], lat + half[1])
        result.append(tuple(round(float(value), 6) for value in corners))
    return result  # type: ignore[return-value]


def ask(url: str, questions: list[Box], key: str) -> Answers:
    """Time every question; the answer counts when its last byte has arrived.

    The client is `http.client`, because httpx spends as long on a megabyte of answer as the fastest
    of the servers.
    """
    milliseconds, returned, keys, size = [], [], [], 0
    address = urlsplit(url)
    connection = HTTPConnection(address.netloc, timeout=300)
    spent = perf_counter()
    for number, box in enumerate(questions[:WARM] + questions):
        query = urlencode({"bbox": ",".join(map(str, box)), "limit": LIMIT}, safe=",")
        start = perf_counter()
        connection.request(
            "GET", f"{address.path}?{query}", headers={"Accept-Encoding": "identity"}
        )
        answer = connection.getresponse()
        body = answer.read()
        elapsed = (perf_counter() - start) * 1000
        if answer.status != 200:
            raise RuntimeError(f"{url}: {answer.status} {body[:500]!r}")
        if number < WARM:
            continue
        milliseconds.append(elapsed)
        features = json.loads(body)["features"]
        returned.append(len(features))
        keys.append({feature["properties"][key] for feature in features})
        size += len(body)
        if perf_counter() - spent > SECONDS and len(keys) >= WARM:
            break
    connection.close()
    return Answers(np.array(milliseconds), returned, keys, size // len(keys))


def compare(title: str, asked: dict[str, Callable[[], Answers]]) -> None:
    """Ask the servers in turn and print one line for each."""
    print(f"\n{title}")
    first: Answers | None = None
    for name, run in asked.items():
        got = run()
        first = first or got
        common = min(len(got.keys), len(first.keys))
        same = sum(
            a == b if min(len(a), len(b)) < LIMIT else len(a) == len(b)
            for a, b in zip(got.keys[:common], first.keys[:common], strict=True)
        )
        ratio = "" if got is first else f"   we are {got.median / first.median:6.1f} times faster"
        print(
            f"  {name:<22} median {got.median:8.2f} ms   p95 {got.p95:8.2f} ms   "
            f"{np.mean(got.returned):6.0f} features, {got.size / 1024:6.0f} KiB, "
            f"same answer in {same}/{common}{ratio}"
        )


def main(count: int = PARCELS) -> None:
    layer, key = parcels.LAYER, parcels.KEY
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="liangtian-bench-")))
        copy = folder / "copy.gpkg"
        parcels.write(folder / "data", copy, count)
        geometry = pyogrio.read_dataframe(copy, layer=layer, columns=[]).geometry.to_numpy()
        bounds, vertices = shapely.bounds(geometry), shapely.get_num_coordinates(geometry)
        print(f"{len(geometry):,} parcels, {vertices.mean():.0f} vertices each on average")
        ours = stack.enter_context(servers.ours(folder / "data", folder))
        urls = {"liangtian": f"{ours}/collections/{layer}/items"}
        if servers.missing():
            print(f"not compared with tipg and pygeoapi: {servers.missing()}")
        else:
            postgres = stack.enter_context(postgres_server(POSTGRES))
            postgres.create_database("bench")
            servers.load_postgis(postgres, "bench", copy, layer)
            tipg = stack.enter_context(servers.tipg(postgres, "bench", folder))
            urls["tipg on PostGIS"] = f"{tipg}/collections/public.{layer}/items"
            pygeoapi = stack.enter_context(servers.pygeoapi(copy, layer, folder))
            urls["pygeoapi on GeoPackage"] = f"{pygeoapi}/collections/{layer}/items"
        for title, around in (
            (f"boxes with more than {LIMIT} parcels: a full page", LIMIT * 3 // 2),
            ("boxes with about 200 parcels", 200),
        ):
            questions = boxes(bounds, around, min(REQUESTS, count // 10), around)
            compare(title, {name: partial(ask, url, questions, key) for name, url in urls.items()})


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
