"""One layer of 100,000, 1 and 5 million parcels: writing, snapshot, questions, memory.

For each size: rows a second of commits (durable, chained, indexed); building the snapshot's base
and its peak memory; opening it; following an edit of 1,000 parcels; then one worker over HTTP
without caches: a box of features, tiles of four zooms, totals by county. What should not depend on
the size is compared with the smallest.

Run: python -m tests.bench.bench_scale [parcels ...]
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import httpx
import numpy as np
import pyarrow as pa

from app.commands.opened import opened
from geo.record.protocol import Author, ChangeSet, attribute_schema
from geo.tiles.grid import tile_of
from tests.bench.servers import ours
from tests.bench.tile_world import MIDDLE, parcels
from tests.conftest import ROOT

SIZES = (100_000, 1_000_000, 5_000_000)
LAYER = "parcels"
PART = 500_000
EDITED = 1_000
AUTHOR = Author("bench", "parcels for a benchmark")
COUNTIES = ("220802", "220821", "220822", "220881", "220882")
UNCACHED = {"LIANGTIAN_TILE_CACHE_MIB": "0", "LIANGTIAN_IN_PROCESS_WORKER": "false"}


def attributes(schema: pa.Schema, numbers: np.ndarray) -> pa.Table:
    n, rng = len(numbers), np.random.default_rng(1)
    values = {
        "code": pa.array([f"2208{i:08d}" for i in numbers]),
        "name": pa.array([f"示范田{i}" for i in numbers % 3000]),
        # As counties lie: stretches of the lattice, not scattered.
        "county": pa.array(np.array(COUNTIES)[numbers // 20_000 % len(COUNTIES)]),
        "land_class": pa.array(rng.choice(["0101", "0102", "0103"], n)),
        "year": pa.array(rng.integers(2011, 2026, n)),
        "quality_grade": pa.array(rng.integers(1, 11, n)),
    }
    columns = [
        values[f.name].cast(f.type) if f.name in values else pa.nulls(n, f.type) for f in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def write(data: Path, count: int) -> float:
    """Seconds of the commits alone."""
    shapes = parcels(count)
    spent = 0.0
    with opened(data) as place:
        schema = attribute_schema(place.layer(LAYER))
        for start in range(0, count, PART):
            part = np.arange(start, min(start + PART, count))
            change = ChangeSet.inserts(LAYER, attributes(schema, part), shapes[part])
            began = perf_counter()
            place.record.commit([change], AUTHOR)
            spent += perf_counter() - began
    return spent


def compact(data: Path) -> tuple[float, float]:
    """Seconds and peak MiB of the process that builds the base."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    began = perf_counter()
    command = [sys.executable, "-m", "app.compact", str(data), LAYER, str(ROOT / "data")]
    subprocess.run(command, check=True, cwd=ROOT)
    seconds = perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return seconds, max(before, after) / 1024


def follow(data: Path) -> tuple[float, float]:
    """Seconds to open the snapshots, and to follow an edit of `EDITED` parcels."""
    with opened(data) as place:
        began = perf_counter()
        snapshots = place.snapshots()
        opening = perf_counter() - began
        schema = attribute_schema(place.layer(LAYER))
        fids = np.arange(1, EDITED + 1)
        change = ChangeSet.updates(LAYER, fids, attributes(schema, fids))
        place.record.commit([change], AUTHOR)
        began = perf_counter()
        snapshots.refresh()
        return opening, perf_counter() - began


def asked(url: str) -> dict[str, float]:
    """Milliseconds, the median of several places or repetitions."""
    found: dict[str, float] = {}
    rng = np.random.default_rng(3)
    with httpx.Client(base_url=url, timeout=300) as client:

        def ask(what: str, path: Callable[[], str], times: int) -> None:
            spent = []
            client.get(path())
            for _ in range(times):
                place = path()
                began = perf_counter()
                answer = client.get(place)
                spent.append(perf_counter() - began)
                assert answer.status_code in (200, 204), answer.text[:300]
            found[what] = median(spent) * 1e3

        def box() -> str:
            lon, lat = MIDDLE + rng.uniform(-0.1, 0.1, 2)
            edge = f"{lon:.4f},{lat:.4f},{lon + 0.02:.4f},{lat + 0.02:.4f}"
            return f"/collections/{LAYER}/items?bbox={edge}&limit=100"

        def tile(z: int) -> Callable[[], str]:
            def path() -> str:
                lon, lat = MIDDLE + rng.uniform(-0.1, 0.1, 2)
                x, y = tile_of(z, lon, lat, "WebMercatorQuad")
                return f"/tiles/{LAYER}/{z}/{x}/{y}.mvt"

            return path

        ask("items in a box", box, 30)
        for z in (14, 12, 10, 7):
            ask(f"tile z{z}", tile(z), 15)
        client.get("/totals?layer=plots&by=county").raise_for_status()  # its kernels are loaded
        began = perf_counter()
        client.get(f"/totals?layer={LAYER}&by=county&measure=sum").raise_for_status()
        found["sums by county, first"] = (perf_counter() - began) * 1e3
        began = perf_counter()
        answer = client.get(f"/totals?layer={LAYER}&by=county")
        if answer.status_code == 200:
            found["union by county, first"] = (perf_counter() - began) * 1e3
            ask("union by county, again", lambda: f"/totals?layer={LAYER}&by=county", 5)
        else:
            print(f"  union by county: refused, {answer.json()['code']}")
    return found


def own_memory() -> float:
    """MiB that the newest process of ours has written and holds alone."""
    pids = [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit()]
    mine = [p for p in pids if parent(p) == os.getpid()]
    lines = Path(f"/proc/{max(mine)}/smaps_rollup").read_text().splitlines()
    return int(next(x for x in lines if x.startswith("Private_Dirty")).split()[1]) / 1024


def parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def main(sizes: list[int]) -> None:
    first: dict[str, float] = {}
    for count in sizes:
        with TemporaryDirectory(prefix="bench-") as name:
            folder = Path(name)
            data = folder / "data"
            data.mkdir()
            seconds = write(data, count)
            size = sum(p.stat().st_size for p in data.glob("record.gpkg*")) / 2**30
            print(f"{count:,} parcels: written at {count / seconds:,.0f} a second; {size:.1f} GiB")
            seconds, peak = compact(data)
            print(f"  base built in {seconds:.1f} s, peak {peak:,.0f} MiB")
            opening, following = follow(data)
            print(f"  opened in {opening:.2f} s; {EDITED:,} edits followed in "
                  f"{following * 1e3:.0f} ms")  # fmt: skip
            with ours(data, folder, **UNCACHED) as url:
                found = asked(url)
                memory = own_memory()
            for what, ms in found.items():
                first.setdefault(what, ms)
                print(f"  {what:<26} {ms:8.1f} ms   {ms / first[what]:5.2f} times {sizes[0]:,}")
            print(f"  memory of the worker {memory:8.0f} MiB", flush=True)


if __name__ == "__main__":
    main([int(one) for one in sys.argv[1:]] or list(SIZES))
