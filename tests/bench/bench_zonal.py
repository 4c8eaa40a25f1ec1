"""Exact class areas of 30,000 parcels on a 67-megapixel raster of grades, beside exactextract.

    python -m tests.bench.bench_zonal [parcels]

Both figures leave out reading a file: the raster is in memory. exactextract (bench group) runs
raster-sequential: every pixel once, all parcels in memory, as we do. It runs in one thread; ours
in one and in two.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

import numpy as np
import shapely
from affine import Affine

from geo import crs as ground
from geo.soil.grid import Grid, PixelArea
from geo.soil.zonal import Tally, ZoneIndex, dissolved, plane_of, polygons
from tests.environment import ROOT

SIZE, SIDE, PARCELS, CLASSES = 8192, 174, 30_000, 6
GRID = Grid(SIZE, SIZE, Affine(10, 0, 500_000, 0, -10, 5_100_000), "EPSG:32651", 1024)
ROUNDS = 5
#: The usual way, wherever exactextract is installed: an environment of its own, or this one.
USUAL = """
import sys, json, time
import numpy as np
from exactextract import exact_extract
from exactextract.feature import JSONFeatureSource
from exactextract.raster import NumPyRasterSource
folder, classes = sys.argv[1], int(sys.argv[2])
codes = np.load(folder + "/codes.npy")
features = json.load(open(folder + "/zones.json"))
size = codes.shape[0]
raster = NumPyRasterSource(
    codes, xmin=500000, ymin=5100000 - size * 10, xmax=500000 + size * 10, ymax=5100000
)
start = time.perf_counter()
rows = exact_extract(
    raster, JSONFeatureSource(features), ["unique", "frac", "count"],
    strategy="raster-sequential", max_cells_in_memory=10**9,
)
seconds = time.perf_counter() - start
covered = np.zeros((len(features), classes))
for number, row in enumerate(rows):
    found = row["properties"]
    covered[number, np.asarray(found["unique"], dtype=int)] = (
        np.asarray(found["frac"]) * found["count"]
    )
np.save(folder + "/covered.npy", covered)
print(seconds)
"""


def parcels(count: int = PARCELS) -> np.ndarray:
    """Parcels of about 22 ha with 25 vertices, slightly turned against the pixels."""
    step = SIZE * 10 / SIDE
    i, j = (a.ravel()[:count] for a in np.meshgrid(np.arange(SIDE), np.arange(SIDE)))
    x, y = 500_000 + i * step, 5_100_000 - SIZE * 10 + j * step
    boxes = shapely.segmentize(shapely.box(x + 3, y + 3, x + step - 3, y + step - 3), 80)
    turn = np.array([[np.cos(0.01), np.sin(0.01)], [-np.sin(0.01), np.cos(0.01)]])
    middle = np.array([540_960.0, 5_059_040.0])
    return shapely.transform(boxes, lambda a: (a - middle) @ turn + middle)


def tallied(
    index: ZoneIndex, codes: np.ndarray, pixel: PixelArea | None = None, threads: int = 1
) -> Tally:
    tally = Tally(index, CLASSES)
    tally.pixel_area = pixel or tally.pixel_area

    def one(block: int) -> tuple[np.ndarray, np.ndarray]:
        c, r, w, h = GRID.window(block)
        return tally.measured(block, codes[r : r + h, c : c + w])

    blocks = index.blocks.tolist()
    if threads == 1:
        for block in blocks:
            tally.merge(*one(block))
        return tally
    with ThreadPoolExecutor(threads) as pool:
        for found in pool.map(one, blocks):
            tally.merge(*found)
    return tally


def usual(zones: np.ndarray, codes: np.ndarray) -> tuple[float, np.ndarray] | None:
    """Seconds and covered pixels [zones, classes] by exactextract; None where it is missing."""
    python = ROOT / ".tools/bench/bin/python"
    here = importlib.util.find_spec("exactextract") is not None
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/codes.npy", codes)
        features = [
            {"type": "Feature", "properties": {}, "geometry": json.loads(text)}
            for text in shapely.to_geojson(zones)
        ]
        Path(folder, "zones.json").write_text(json.dumps(features))
        ran = subprocess.run(
            [sys.executable if here else str(python), "-c", USUAL, folder, str(CLASSES)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if ran.returncode:
            print(ran.stderr.strip().splitlines()[-1] if ran.stderr else "exactextract failed")
            return None
        return float(ran.stdout), np.load(f"{folder}/covered.npy")


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else PARCELS
    codes = np.random.default_rng(1).integers(0, CLASSES, (SIZE, SIZE)).astype(np.uint8)
    zones = parcels(count)
    lonlat = ground.transform(zones, GRID.crs, ground.STORAGE)
    tallied(ZoneIndex.of_projected(zones[:1], GRID), codes)  # compile

    start = perf_counter()
    valid, _ = polygons(lonlat)
    checked = perf_counter()
    index = ZoneIndex.build(valid, GRID)
    built = perf_counter()
    dissolved(valid, plane_of(valid, GRID))
    overlaps = perf_counter()
    print(f"{len(zones)} parcels, {len(index.x)} vertices, {SIZE * SIZE / 1e6:.0f} megapixels")
    print(f"once a layer: validity {checked - start:.3f} s, projection and index "
          f"{built - checked:.3f} s, overlaps {overlaps - built:.3f} s")  # fmt: skip
    ours = {}
    for threads in (1, 2):
        best = np.inf
        for _ in range(ROUNDS):
            start = perf_counter()
            tallied(index, codes, threads=threads)
            best = min(best, perf_counter() - start)
        ours[threads] = best
        print(f"zonal, {threads} thread{'s' * (threads > 1)}   {best:8.3f} s "
              f"{best / len(zones) * 1e6:8.1f} us a parcel")  # fmt: skip
    reference = usual(zones, codes)
    if reference is None:
        print("exactextract is not installed (bench group): no comparison")
        return
    seconds, covered = reference
    # exactextract knows no ellipsoid: compare with every pixel weighing 1.
    even = PixelArea(np.ones((2, 2)), float(SIZE))
    pixels = tallied(ZoneIndex.of_projected(zones, GRID), codes, even).areas
    gap = np.abs(pixels - covered).max()
    print(f"exactextract, raster-sequential {seconds:8.3f} s "
          f"{seconds / len(zones) * 1e6:8.1f} us a parcel")  # fmt: skip
    print(f"exactextract / zonal: {seconds / ours[1]:.1f} times in one thread, "
          f"{seconds / ours[2]:.1f} times in two (target 25)")  # fmt: skip
    print(f"largest difference {gap:.1e} pixel (target 1e-6)")


if __name__ == "__main__":
    main()
