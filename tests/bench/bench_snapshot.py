"""The snapshot of a large layer: opening, first answer, memory of workers, edits that show.

One data folder with 1,000,000 parcels (another number as argument), a real service with several
workers. Beside it the usual way: a server that reads the GeoPackage for each question would have
to run the same query on SQLite; its time for one box is shown.

Run: python -m tests.bench.bench_snapshot [parcels]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from time import perf_counter, sleep

import httpx
import numpy as np
import pyarrow as pa
import pyogrio

from app.commands.opened import opened
from geo.record.protocol import Author, ChangeSet, attribute_schema
from tests.bench.parcels import LAYER, write
from tests.conftest import start_server, stop_server

PARCELS = 1_000_000
WORKERS = 3
EDITS = 30
AUTHOR = Author("bench", "an edit that must show")


def private_mib(pid: int) -> float:
    """Memory that only this process has, MiB."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    lines = dict(line.split(":", 1) for line in text.splitlines()[1:] if ":" in line)
    parts = ("Private_Clean", "Private_Dirty")
    return sum(int(lines[name].split()[0]) for name in parts) / 1024


def first_answer(data: Path) -> float:
    """Seconds from starting the program to the first page of features."""
    start = perf_counter()
    server = start_server(data, LIANGTIAN_PUBLIC_READ="true", LIANGTIAN_IN_PROCESS_WORKER="false")
    answer = httpx.get(f"{server.url}/collections/{LAYER}/items?limit=10")
    seconds = perf_counter() - start
    assert answer.json()["numberReturned"] == 10
    stop_server(server.process)
    return seconds


def workers_of(pid: int) -> list[int]:
    """Worker processes of a service: children that have the service's code loaded."""

    def children(parent: int) -> list[int]:
        return list(map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split()))

    # The service's child is the fork server; its children are the workers.
    return [worker for child in children(pid) for worker in children(child)]


def edits(data: Path, url: str, workers: int) -> np.ndarray:
    """Seconds from the end of a commit to an answer that shows it, over all workers."""
    waits = []
    with opened(data) as place:
        view = place.snapshots().view(LAYER)
        segment = view.segments[0]
        rows = np.arange(EDITS)
        table = segment.batch.select([f.name for f in view.layer.fields]).take(rows)
        fids = segment.fid[rows]
        shapes = segment.geometries(rows)
        versions = segment.column("version", rows).to_numpy() + 1
        for number in range(EDITS):
            one = pa.Table.from_batches([table.slice(number, 1)]).cast(attribute_schema(view.layer))
            fid = fids[number : number + 1]
            change = ChangeSet.updates(LAYER, fid, one, shapes[number : number + 1])
            place.record.commit([change], AUTHOR)
            done = perf_counter()
            seen = 0
            while seen < 2 * workers:  # fresh connections, so that every worker is asked
                answer = httpx.get(f"{url}/collections/{LAYER}/items/{fid[0]}").json()
                seen = seen + 1 if answer["properties"]["version"] == versions[number] else 0
                if seen == 1:
                    shown = perf_counter()
            waits.append(shown - done)
    return np.array(waits)


def main(parcels: int = PARCELS) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        data, copy = Path(name) / "data", Path(name) / "copy.gpkg"
        data.mkdir()
        start = perf_counter()
        write(data, copy, parcels)
        print(f"{parcels:,} parcels: written with log, history and snapshot in "
              f"{perf_counter() - start:.0f} s")  # fmt: skip
        first_answer(data)  # the compiled kernels are on disk after the first start
        seconds = first_answer(data)
        print(f"start to first answer: {seconds:.2f} s (aim: 3 s)")
        server = start_server(
            data, workers=WORKERS, LIANGTIAN_PUBLIC_READ="true", LIANGTIAN_RATE_PER_MINUTE="0"
        )
        try:
            for _ in range(60):
                with httpx.Client(base_url=server.url, timeout=60) as client:
                    items = client.get(f"/collections/{LAYER}/items?limit=1000&county=220882")
                    feature = items.json()["features"][0]
                    lon, lat = feature["geometry"]["coordinates"][0][0][0]
                    box = f"{lon - 0.02},{lat - 0.02},{lon + 0.02},{lat + 0.02}"
                    client.get(f"/collections/{LAYER}/items?limit=1000&bbox={box}")
            sleep(1)
            memory = [private_mib(pid) for pid in workers_of(server.process.pid)]
            print("memory that a worker has for itself: "
                  + ", ".join(f"{mib:.0f} MiB" for mib in memory)
                  + " (aim: 150 MiB)")  # fmt: skip
            waits = edits(data, server.url, WORKERS) * 1000
            print(
                f"an edit of another process shows after {np.median(waits):.0f} ms median, "
                f"{waits.max():.0f} ms at most, on all of {WORKERS} workers (aim: 200 ms)"
            )
            ours, usual = _box(server.url, copy, box)
            print(f"one box: {ours:.1f} ms over HTTP; {usual:.1f} ms by pyogrio from the file; "
                  f"ratio {usual / ours:.1f} x")  # fmt: skip
        finally:
            stop_server(server.process)


def _box(url: str, copy: Path, box: str) -> tuple[float, float]:
    times: list[list[float]] = [[], []]
    corners = tuple(map(float, box.split(",")))
    with httpx.Client(timeout=60) as client:
        for _ in range(20):
            start = perf_counter()
            client.get(f"{url}/collections/{LAYER}/items?limit=1000&bbox={box}")
            times[0].append(perf_counter() - start)
            start = perf_counter()
            frame = pyogrio.read_dataframe(copy, layer=LAYER, bbox=corners, max_features=1000)
            frame.to_json(default=str)
            times[1].append(perf_counter() - start)
    return float(np.median(times[0])) * 1000, float(np.median(times[1])) * 1000


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else PARCELS)
