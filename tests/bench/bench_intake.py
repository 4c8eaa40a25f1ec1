"""A zipped GBK shapefile of 100,000 parcels: from received to report, and to committed, over HTTP.

Beside it, in the same run, what everybody does: `pyogrio.read_dataframe` (encoding told by hand)
and `write_dataframe` of that file. That proves no counts, decides no encoding, maps no columns,
measures nothing, finds no overlap and keeps no history. Other requests are asked all the while.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from itertools import cycle
from pathlib import Path

import geopandas
import httpx
import numpy as np
import pyogrio
import shapely

from app.jobs import sandbox
from geo.intake.decide import Decisions
from geo.intake.run import arguments
from geo.layers import Catalog
from tests.conftest import ROOT, Server, start_server, stop_server

ASKED = (
    "/collections/parcels/items?limit=50",
    "/tiles/parcels/10/861/362.mvt",
    "/collections/plots/items?county=220882&limit=20",
    "/totals?layer=plots&by=county",
)
_QUIET = 10.0  # seconds of requests before the upload


def make(folder: Path, count: int) -> Path:
    """Parcels of 25 vertices in EPSG:4529 with ten columns, GBK, zipped."""
    rng = np.random.default_rng(1)
    angle = np.linspace(0, 2 * np.pi, 25, endpoint=False)
    places = np.arange(count)
    radius = 100 + 30 * rng.random((count, 25))
    x = 41_400_000 + (places % 500)[:, None] * 300.0 + radius * np.cos(angle)
    y = 4_950_000 + (places // 500)[:, None] * 300.0 + radius * np.sin(angle)
    shapes = shapely.polygons(np.stack([x, y], axis=-1))
    frame = geopandas.GeoDataFrame(
        {
            "TBBH": [f"P{i:07d}" for i in places],
            "地块名称": np.array(["东风村一组", "红旗村", "向阳镇"])[rng.integers(0, 3, count)],
            "XZQDM": np.array(["220802", "220821", "220882"])[rng.integers(0, 3, count)],
            "DLBM": np.array(["0101", "0102", "0103"])[rng.integers(0, 3, count)],
            "阶段": "验收",
            "年度": rng.integers(2015, 2025, count),
            "MJ_MU": shapely.area(shapes) * 3 / 2000,
            "YSRQ": "20230511",
            "ZLDJ": np.array(["符合", "基本符合", "需要提质改"])[rng.integers(0, 3, count)],
            "BZ": "盐碱地改良，土壤改良示范",
        },
        geometry=shapes,
        crs=4529,
    )
    frame.to_file(folder / "地块.shp", encoding="gbk", engine="pyogrio")
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in folder.glob("地块.*"):
            archive.write(path, path.name)
    return folder / "a.zip"


def usual(folder: Path) -> float:
    """Seconds of the best of two rounds of reading the file and writing it."""
    best = float("inf")
    for _ in range(2):
        started = time.perf_counter()
        frame = pyogrio.read_dataframe(folder / "地块.shp", encoding="gbk")
        pyogrio.write_dataframe(frame, folder / "copy.shp", encoding="gbk")
        best = min(best, time.perf_counter() - started)
    return best


class Asker(threading.Thread):
    """Asks the service one thing after the other and keeps how long each took."""

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self.server = server
        self.seconds: list[float] = []
        self.done = threading.Event()

    def run(self) -> None:
        with self.server.client("viewer") as client:
            for path in cycle(ASKED):
                if self.done.is_set():
                    return
                started = time.perf_counter()
                answer = client.get(path)
                self.seconds.append(time.perf_counter() - started)
                assert answer.status_code in (200, 204), (path, answer.text[:300])
                time.sleep(0.01)

    def p95(self, begin: int, end: int) -> float:
        return float(np.percentile(self.seconds[begin:end], 95)) * 1000


def wait(client: httpx.Client, upload: int, *states: str) -> dict:
    while True:
        found = client.get(f"/uploads/{upload}").json()
        if found["state"] in states:
            return found
        assert found["state"] in ("inspecting", "committing"), found["report"]["issues"][:3]
        time.sleep(0.05)


def take(server: Server, path: Path) -> tuple[float, float, dict]:
    """(seconds from received to report, from asked to committed, the report)."""
    with server.client("manager") as client:
        headers = {"Content-Disposition": "attachment; filename=a.zip"}
        sent = client.post("/uploads?layer=parcels", content=path.read_bytes(), headers=headers)
        started = time.perf_counter()
        upload = sent.json()["id"]
        ready = wait(client, upload, "ready", "needs_input", "rejected")
        reported = time.perf_counter() - started
        assert ready["state"] == "ready", ready["report"]["issues"][:3]
        started = time.perf_counter()
        client.post(f"/uploads/{upload}/commit")
        wait(client, upload, "committed", "ready")
        committed = time.perf_counter() - started
        return reported, committed, ready["report"]


def child(path: Path, folder: Path) -> sandbox.Finished:
    catalog = Catalog.load(ROOT / "data")
    target = arguments(path, "a.zip", catalog.layers["parcels"], catalog.codelists,
                       Decisions(), folder)  # fmt: skip
    return sandbox.execute("geo.intake.run:main", target, folder)


def main(count: int = 100_000, parcels: int = 2_000) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = make(folder, count)
        (folder / "out").mkdir()
        done = child(path, folder / "out")
        base = usual(folder)
        data = folder / "data"
        seed = ["demo", "--seed-only", "--data", str(data), "--parcels", str(parcels)]
        subprocess.run([sys.executable, "-m", "app.cli", *seed], cwd=ROOT, check=True,
                       stdout=subprocess.DEVNULL)  # fmt: skip
        server = start_server(data, workers=1, LIANGTIAN_RATE_PER_MINUTE="0",
                              LIANGTIAN_RATE_WRITES_PER_MINUTE="0")  # fmt: skip
        try:
            with server.client("viewer") as client:
                for address in ASKED:  # the first answers compile and fill caches
                    client.get(address, timeout=600)
            asker = Asker(server)
            asker.start()
            time.sleep(_QUIET)
            quiet = len(asker.seconds)
            reported, committed, report = take(server, path)
            busy = len(asker.seconds)
            asker.done.set()
            asker.join()
        finally:
            stop_server(server.process)
    before, during = asker.p95(quiet // 5, quiet), asker.p95(quiet, busy)
    assert report["counts"]["valid"] == count
    total = reported + committed
    print(f"{count:,} parcels, 25 vertices, 10 columns, GBK")
    print(f"pyogrio read and write:         {base:6.2f} s")
    print(f"received to report:             {reported:6.2f} s, {reported / base:.1f} times")
    print(f"received to committed, history: {total:6.2f} s, {total / base:.1f} times")
    print(f"child: {done.wall_s:.2f} s, {done.peak_bytes / 2**30:.2f} GiB at its peak")
    print(f"other requests, p95: {before:.1f} ms before, {during:.1f} ms meanwhile, "
          f"ratio {during / before:.2f} over {busy - quiet:,} requests")  # fmt: skip


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:]))
