"""50 people at the map for five minutes, while 200,000 parcels are imported and soil runs compute.

Everybody looks at a place, waits, and goes on: tiles of the layers in view (those that the browser
would not have kept), the features of a box now and then, totals now and then. An answer that is
no 200 or 204 is an error. In the second half the memory of all processes of the service is watched
for its slope.

Run: python -m tests.bench.bench_users [minutes] [users] [parcels to import; 0 for none]
"""

from __future__ import annotations

import asyncio
import random
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import numpy as np

from geo.tiles.grid import tile_of
from tests.bench.bench_intake import make, wait
from tests.bench.bench_page import seed
from tests.conftest import Server, start_server, stop_server, wait_job

MINUTES, USERS, PARCELS = 5.0, 50, 200_000
STORED = 20_000
LAYERS = ("parcels", "plots", "canals", "farmland")
#: Where the demonstration's parcels are, degrees.
WEST, SOUTH, EAST, NORTH = 123.55, 45.33, 123.88, 45.56
TOTALS = (
    "/totals?layer=parcels&by=land_class",
    "/totals?layer=parcels&by=stage&county=220882",
    "/totals?layer=plots&by=county",
    "/totals?layer=parcels&by=districts",
)
RUN = {
    "scene": "s2-daan-20250503", "index": "si_gr", "grading": "demo-si-gr",
    "zones": {"layer": "plots"},
}  # fmt: skip
LOOK_S = (1.5, 4.0)
PARALLEL = 6  # as a browser asks

Times = dict[str, list[float]]


async def user(url: str, number: int, until: float, times: Times, errors: list[str]) -> None:
    """One person at the map."""
    rng = random.Random(number)
    limits = httpx.Limits(max_connections=PARALLEL)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as client:

        async def ask(kind: str, path: str) -> None:
            start = time.perf_counter()
            try:
                answer = await client.get(path)
            except httpx.TransportError as error:
                errors.append(f"{path}: {error!r}")
                return
            times[kind].append(time.perf_counter() - start)
            if answer.status_code not in (200, 204):
                errors.append(f"{path}: {answer.status_code} {answer.text[:200]}")

        known: set[str] = set()
        lon, lat, zoom = rng.uniform(WEST, EAST), rng.uniform(SOUTH, NORTH), rng.randint(10, 15)
        await asyncio.sleep(rng.uniform(0, LOOK_S[1]))
        while time.monotonic() < until:
            x, y = tile_of(zoom, lon, lat, "WebMercatorQuad")
            near = [(x + i, y + j) for i in (-1, 0, 1) for j in (0, 1)]
            paths = [f"/tiles/{layer}/{zoom}/{a}/{b}.mvt" for layer in LAYERS for a, b in near]
            fresh = [path for path in paths if path not in known]
            known.update(fresh)
            await asyncio.gather(*(ask("tiles", path) for path in fresh))
            if rng.random() < 0.3:
                side = 180 / 2**zoom
                box = f"{lon - side:.5f},{lat - side:.5f},{lon + side:.5f},{lat + side:.5f}"
                await ask("bbox", f"/collections/parcels/items?bbox={box}&limit=100")
            if rng.random() < 0.25:
                await ask("totals", rng.choice(TOTALS))
            await asyncio.sleep(rng.uniform(*LOOK_S))
            step = 360 / 2**zoom
            lon = min(max(lon + rng.uniform(-step, step), WEST), EAST)
            lat = min(max(lat + rng.uniform(-step, step) / 2, SOUTH), NORTH)
            if rng.random() < 0.3:
                zoom = min(max(zoom + rng.choice((-1, 1)), 9), 16)


async def crowd(url: str, users: int, until: float) -> tuple[Times, list[str]]:
    times: Times = defaultdict(list)
    errors: list[str] = []
    await asyncio.gather(*(user(url, number, until, times, errors) for number in range(users)))
    return times, errors


class Work(threading.Thread):
    """Imports the file, commits it, takes it back, again and again; beside it soil runs."""

    def __init__(self, server: Server, content: bytes, until: float) -> None:
        super().__init__()
        self.server, self.content, self.until = server, content, until
        self.imports = self.runs = 0
        self.failed: Exception | None = None

    def run(self) -> None:
        try:
            with self.server.client("manager") as client:
                client.timeout = httpx.Timeout(600)
                while time.monotonic() < self.until:
                    if self.content:
                        self._import(client)
                    if time.monotonic() < self.until:
                        self._soil(client)
        except Exception as error:
            self.failed = error

    def _import(self, client: httpx.Client) -> None:
        name = {"Content-Disposition": 'attachment; filename="a.zip"'}
        sent = client.post("/uploads?layer=parcels", content=self.content, headers=name)
        upload = sent.json()["id"]
        found = wait(client, upload, "ready", "needs_input", "rejected")
        assert found["state"] == "ready", found["report"]["issues"][:3]
        for step in ("commit", "revert"):
            answer = client.post(f"/uploads/{upload}/{step}")
            assert answer.status_code == 202, answer.text
            self._end(client, answer)
        self.imports += 1

    def _soil(self, client: httpx.Client) -> None:
        answer = client.post("/soil/runs", json=RUN)
        assert answer.status_code == 202, answer.text
        self._end(client, answer)
        self.runs += 1

    def _end(self, client: httpx.Client, answer: httpx.Response) -> None:
        job = wait_job(client, answer.json()["job"], 900)
        assert job["state"] == "done", job


def private(pid: int) -> float:
    """MiB that a process alone holds and has written: what it maps from files is the cache's."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    lines = [line.split() for line in text.splitlines()]
    return sum(int(line[1]) for line in lines if line[0] == "Private_Dirty:") / 1024


def family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in family(int(child)))]


class Memory(threading.Thread):
    """Memory of the processes that serve from the beginning (not of jobs' children), MiB."""

    def __init__(self, root: int, until: float) -> None:
        super().__init__(daemon=True)
        self.serving, self.until = family(root), until
        self.seen: list[tuple[float, float]] = []

    def run(self) -> None:
        start = time.monotonic()
        while time.monotonic() < self.until:
            self.seen.append((time.monotonic() - start, sum(map(private, self.serving))))
            time.sleep(5)

    def tell(self) -> str:
        """A figure a minute."""
        return " ".join(f"{mib:,.0f}" for _, mib in self.seen[:: max(1, len(self.seen) // 30)])

    def slope(self) -> float:
        """MiB a minute over the second half of the time."""
        half = np.array(self.seen[len(self.seen) // 2 :])
        return float(np.polyfit(half[:, 0] / 60, half[:, 1], 1)[0])


def main(minutes: float = MINUTES, users: float = USERS, parcels: float = PARCELS) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        seed(folder / "data", STORED)
        content = make(folder, int(parcels)).read_bytes() if parcels else b""
        server = start_server(
            folder / "data", workers=2, LIANGTIAN_PUBLIC_READ="true",
            LIANGTIAN_RATE_PER_MINUTE="0", LIANGTIAN_RATE_WRITES_PER_MINUTE="0",
        )  # fmt: skip
        try:
            measure(server, content, minutes, int(users))
        finally:
            stop_server(server.process)


def measure(server: Server, content: bytes, minutes: float, users: int) -> None:
    until = time.monotonic() + minutes * 60
    work, memory = Work(server, content, until), Memory(server.process.pid, until)
    memory.start()
    work.start()
    times, errors = asyncio.run(crowd(server.url, users, until))
    work.join()
    if work.failed:
        raise work.failed
    asked = sum(map(len, times.values()))
    print(f"{users} users, {minutes:g} minutes, {asked:,} answers, {len(errors)} errors;"
          f" meanwhile {work.imports} imports and reverts, {work.runs} soil runs")  # fmt: skip
    for aim, kind in ((300, "tiles"), (None, "bbox"), (500, "totals")):
        p50, p95, p99 = (float(x) * 1e3 for x in np.percentile(times[kind], (50, 95, 99)))
        told = f", {aim / p95:.1f} times as quick as the {aim} ms aimed at" if aim else ""
        print(f"  {kind:<7} {len(times[kind]):7,}   p50 {p50:6.1f} ms   p95 {p95:6.1f} ms"
              f"   p99 {p99:7.1f} ms{told}")  # fmt: skip
    print(f"  memory of the serving processes: {memory.seen[-1][1]:,.0f} MiB at the end,"
          f" slope {memory.slope():+.1f} MiB a minute in the second half")  # fmt: skip
    print(f"  MiB over the time: {memory.tell()}")
    for line in errors[:10]:
        print("  error:", line)


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
