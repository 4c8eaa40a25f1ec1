"""Tiles over HTTP: every z12-z14 tile of 200,000 parcels once, 16 clients, one worker, no caches.

Beside tipg on PostGIS with the same rows, the same eight properties and the same client
(`tests.bench.load`). Then latency with 1,000,000 parcels beside 100,000 of the same density, and
what somebody waits for who asks the moment the service is started, with kernels compiled before
and with none (and whether others are answered while they are compiled).

Run: python -m tests.bench.bench_tiles_http [parcels] [many parcels]
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import numpy as np
import pyarrow as pa
import shapely

from app.commands.opened import opened
from geo.record.protocol import Author, ChangeSet, attribute_schema
from geo.snapshot.base import compact
from geo.tiles.grid import tile_of
from tests.bench import servers
from tests.bench.load import Load, load
from tests.bench.tile_world import parcels
from tests.environment import ROOT
from tests.postgres import free_port, postgres_server

PARCELS, FEW, MANY = 200_000, 100_000, 1_000_000
ZOOMS = (12, 13, 14)
CLIENTS = 16
SECONDS = 20.0
NAMES = "code,name,county,land_class,year,quality_grade,area_m2,accepted_on"
NO_CACHE = {"LIANGTIAN_TILE_CACHE_MIB": "0", "LIANGTIAN_IN_PROCESS_WORKER": "false"}
POSTGRES = {"shared_buffers": "1GB", "work_mem": "64MB", "random_page_cost": "1.1"}
LAYER = "parcels"

Place = tuple[int, int, int]


def write(folder: Path, count: int, copy: Path | None = None) -> list[Place]:
    """A record with a lattice of parcels and its base; gives the tiles that hold some."""
    shapes = parcels(count)
    rng = np.random.default_rng(1)
    with opened(folder) as place:
        schema = attribute_schema(place.layer(LAYER))
        values: dict[str, pa.Array] = {
            "code": pa.array([f"2208{i:08d}" for i in range(count)]),
            "name": pa.array([f"示范田{i}" for i in rng.integers(0, 3000, count)]),
            "county": pa.array(rng.choice(["220802", "220821", "220822", "220881"], count)),
            "land_class": pa.array(rng.choice(["0101", "0102", "0103"], count)),
            "year": pa.array(rng.integers(2011, 2026, count)),
            "quality_grade": pa.array(rng.integers(1, 11, count)),
            "accepted_on": pa.array(rng.integers(18000, 20000, count).astype(np.int32)).cast(
                pa.date32()
            ),
        }
        columns = [
            values[f.name].cast(f.type) if f.name in values else pa.nulls(count, f.type)
            for f in schema
        ]
        table = pa.Table.from_arrays(columns, schema=schema)
        changes = ChangeSet.inserts(LAYER, table, shapes)
        place.record.commit([changes], Author("bench", "parcels for a benchmark"))
        compact(place.record, place.layer(LAYER), place.settings.snapshot_folder)
        if copy is not None:
            place.record.copy_to(copy)
    centre = shapely.bounds(shapes).reshape(-1, 2, 2).mean(axis=1)
    tiles = set()
    for z in ZOOMS:
        # Every seventh parcel: a tile of these zooms holds dozens.
        tiles |= {(z, *tile_of(z, lon, lat, "WebMercatorQuad")) for lon, lat in centre[::7]}
    order = sorted(tiles)
    np.random.default_rng(3).shuffle(order)
    return [(int(z), int(x), int(y)) for z, x, y in order]


def addresses(tiles: Sequence[Place], template: str) -> list[str]:
    return [template.format(z=z, x=x, y=y) for z, x, y in tiles]


OURS = f"/tiles/{LAYER}/{{z}}/{{x}}/{{y}}.mvt?properties={NAMES}"
TIPG = f"/collections/public.{LAYER}/tiles/WebMercatorQuad/{{z}}/{{x}}/{{y}}?properties={NAMES}"


def throughput(folder: Path, count: int) -> None:
    tiles = write(folder / "data", count, folder / "copy.gpkg")
    print(f"\n{count:,} parcels: each of {len(tiles):,} tiles z12-z14 once, {CLIENTS} clients")
    warm, asked = tiles[:64], tiles[64:]
    with servers.ours(folder / "data", folder, **NO_CACHE) as url:
        load(url, addresses(warm, OURS), 4, SECONDS)
        ours = load(url, addresses(asked, OURS), CLIENTS, SECONDS)
        print(f"  liangtian              {ours}")
        coded = load(url, addresses(asked, OURS), CLIENTS, SECONDS, "Accept-Encoding: br")
        print(f"  liangtian, brotli      {coded}")
        for z in ZOOMS:
            some = [t for t in asked if t[0] == z]
            print(f"  liangtian, z{z}, alone  {load(url, addresses(some, OURS), 1, 3)}")
    with servers.ours(folder / "data", folder, LIANGTIAN_IN_PROCESS_WORKER="false") as url:
        load(url, addresses(asked, OURS), 4, SECONDS)
        kept = load(url, addresses(asked, OURS), CLIENTS, SECONDS)
        print(f"  liangtian, from cache  {kept}")
    if servers.missing():
        print(f"not compared with tipg: {servers.missing()}")
        return
    with postgres_server(POSTGRES) as postgres:
        postgres.create_database("bench")
        servers.load_postgis(postgres, "bench", folder / "copy.gpkg", LAYER)
        with servers.tipg(postgres, "bench", folder) as url:
            load(url, addresses(warm, TIPG), 4, SECONDS)
            theirs = load(url, addresses(asked, TIPG), CLIENTS, SECONDS)
    print(f"  tipg on PostGIS        {theirs}   we are {ours.rate / theirs.rate:.1f} times faster")


def growth(folder: Path, few: int, many: int) -> None:
    """The same tiles of a small and of a large layer, alone and with all clients."""
    found: dict[int, list[Load]] = {}
    tiles: list[Place] = []
    for count in (few, many):
        place = folder / str(count)
        all_of_it = write(place, count)
        # The lattice grows around its middle: tiles of the smaller one are full in both.
        tiles = tiles or all_of_it
        with servers.ours(place, folder, **NO_CACHE) as url:
            load(url, addresses(tiles[:200], OURS), 4, SECONDS)
            found[count] = [
                load(url, addresses(tiles[200:], OURS), clients, 5.0) for clients in (1, CLIENTS)
            ]
    print(f"\nthe same {len(tiles):,} tiles of {few:,} and of {many:,} parcels, like density")
    for i, clients in enumerate((1, CLIENTS)):
        small, large = found[few][i], found[many][i]
        for count, each in ((few, small), (many, large)):
            print(f"  {count:>9,} parcels, {clients:2} clients  {each}")
        print(f"  latency ratio, {clients:2} clients: {large.p50 / small.p50:.2f} (aim: <= 1.5)")


def start(data: Path, folder: Path, tile: Place, cache: Path | None) -> None:
    """Seconds from the start of the process to the first tile, and others' waits meanwhile."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    env = {"LIANGTIAN_DATA": str(data), "LIANGTIAN_PUBLIC_READ": "true", **NO_CACHE}
    env |= {"NUMBA_CACHE_DIR": str(cache)} if cache else {}
    command = [sys.executable, "-m", "tests.bench.first_tile", url, OURS.format_map(
        dict(zip("zxy", tile, strict=True)))]  # fmt: skip
    began = time.perf_counter()
    with servers.served(
        [sys.executable, "-m", *servers.uvicorn("app.served:create_app", port)], port,
        {"PYTHONPATH": str(ROOT), **env}, folder,
    ):  # fmt: skip
        answers = time.perf_counter() - began
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        first, *waits = map(float, done.stdout.split())
    kernels = "no kernel compiled yet" if cache else "kernels compiled before"
    print(
        f"  {kernels:<24} service answers after {answers:5.2f} s, first tile {first:6.2f} s later; "
        f"others {np.median(waits) * 1e3:.1f} ms meanwhile, at most {max(waits) * 1e3:.0f} ms"
    )


def main(count: int = PARCELS, many: int = MANY) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="liangtian-bench-")))
        throughput(folder, count)
        growth(folder, min(FEW, count), many)
        print("\nfrom the start to the first tile")
        tile = (13, *tile_of(13, 122.9, 45.3, "WebMercatorQuad"))
        httpx.Client()  # its imports are not what is measured
        for cache in (None, folder / "kernels"):
            start(folder / "data", folder, tile, cache)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
