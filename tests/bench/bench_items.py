"""Reading features: `items?bbox=...&limit=1000` of a 200,000-parcel layer, over HTTP.

Ours beside tipg on PostGIS and beside pygeoapi on the same GeoPackage. All three hold the same
features and get the same boxes from the same client, one request after the other on kept
connections; the first requests (connections, caches of the disk) are not counted, no conditional
requests, no compression.

Run: python -m tests.bench.bench_items [parcels]
"""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
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

Box = tuple[float, float, float, float]


class Peer:
    """One server, asked over a kept connection; remembers what it answered.

    The client is `http.client`, because httpx spends as long on a megabyte of answer as the fastest
    of the servers.
    """

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self.url = urlsplit(url)
        self.connection = HTTPConnection(self.url.netloc, timeout=300)
        self.milliseconds: list[float] = []
        self.keys: list[set[str]] = []
        self.bytes = 0

    def ask(self, box: Box, counted: bool = True) -> None:
        """Time one question; the answer counts when its last byte has arrived."""
        query = urlencode({"bbox": ",".join(map(str, box)), "limit": LIMIT}, safe=",")
        headers = {"Accept-Encoding": "identity"}
        start = perf_counter()
        self.connection.request("GET", f"{self.url.path}?{query}", headers=headers)
        answer = self.connection.getresponse()
        body = answer.read()
        elapsed = perf_counter() - start
        if answer.status != 200:
            raise RuntimeError(f"{self.name}: {answer.status} {body[:500]!r}")
        if counted:
            self.milliseconds.append(elapsed * 1000)
            features = json.loads(body)["features"]
            self.keys.append({feature["properties"][parcels.KEY] for feature in features})
            self.bytes += len(body)

    @property
    def median(self) -> float:
        return float(np.median(self.milliseconds))


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


def compare(title: str, urls: dict[str, str], questions: list[Box]) -> None:
    """Ask all servers every question, in turn, so that other work on the machine hits all alike."""
    print(f"\n{title}")
    peers = [Peer(name, url) for name, url in urls.items()]
    for number, box in enumerate(questions[:WARM] + questions):
        for peer in peers:
            peer.ask(box, counted=number >= WARM)
    ours = peers[0]
    for peer in peers:
        same = sum(
            a == b if min(len(a), len(b)) < LIMIT else len(a) == len(b)
            for a, b in zip(peer.keys, ours.keys, strict=True)
        )
        ratio = "" if peer is ours else f"   we are {peer.median / ours.median:6.1f} times faster"
        print(
            f"  {peer.name:<22} median {peer.median:8.2f} ms   "
            f"p95 {np.percentile(peer.milliseconds, 95):8.2f} ms   "
            f"{np.mean([len(keys) for keys in peer.keys]):5.0f} features, "
            f"{peer.bytes / len(questions) / 1024:5.0f} KiB, "
            f"same answer in {same}/{len(questions)}{ratio}"
        )


def main(count: int = PARCELS) -> None:
    layer = parcels.LAYER
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
            compare(title, urls, questions)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
