"""A whole soil run on 67 megapixels beside rasterio decoding the same blocks with two threads.

    python -m tests.bench.bench_soil [size]

The run: 4 bands of uint16 (G, R, N, SCL) as deflate with predictor in tiles of 512, checked by
sha256, decoded, masked (cloud classes, water, plants), indexed, graded; exact areas of 30,000
parcels with overlaps looked for and the union. The usual way does nothing but decode. Then the
peak of memory of a run on a raster four times as large.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import numpy as np
import rasterio
from affine import Affine
from rasterio.windows import Window

from geo import crs as ground
from geo.area import ellipsoidal_area
from geo.soil import run
from geo.soil.grading import custom
from geo.soil.grid import Grid
from geo.soil.header import OPTIONS
from geo.soil.raster import Registration, register
from geo.soil.scene import Scene
from geo.soil.zonal import ZoneIndex
from tests.bench.bench_zonal import PARCELS, SIZE, parcels
from tests.environment import ROOT

BANDS = ("G", "R", "N", "SCL")
MASKS = ("scl", "water", "vegetation")
GRADES = custom([0.12, 0.16, 0.2, 0.25], ["none", "light", "moderate", "severe", "crust"])
THREADS, ROUNDS = 2, 3
TRANSFORM = Affine(10, 0, 500_000, 0, -10, 5_100_000)


def write(path: Path, size: int) -> None:
    """Fields of some hundred metres with noise, packed to about 60 % as real scenes are."""
    rng = np.random.default_rng(4)
    profile = {
        "driver": "GTiff", "crs": "EPSG:32651", "transform": TRANSFORM, "width": size,
        "height": size, "count": 4, "dtype": "uint16", "nodata": 0, "tiled": True,
        "blockxsize": 512, "blockysize": 512, "compress": "DEFLATE", "predictor": 2,
        "zlevel": 4, "num_threads": 2, "interleave": "pixel", "BIGTIFF": "IF_SAFER",
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as file:
        for row in range(0, size, 512):
            for column in range(0, size, 512):
                fields = rng.uniform(0.04, 0.3, (16, 16)).repeat(32, 0).repeat(32, 1)
                plants = (rng.random((16, 16)) < 0.2).repeat(32, 0).repeat(32, 1)
                tile = np.empty((4, 512, 512), dtype=np.uint16)
                for band, factor in enumerate((1.0, 1.15, 1.5)):
                    value = fields * np.where(plants & (band == 2), 3.0, factor)
                    noise = rng.normal(0, 40, (512, 512))
                    tile[band] = np.clip(value * 1e4 + 1000 + noise, 1, 65535)
                tile[3] = np.where(rng.random((8, 8)) < 0.05, 9, 5).repeat(64, 0).repeat(64, 1)
                window = Window(column, row, min(512, size - column), min(512, size - row))
                file.write(tile[:, : window.height, : window.width], window=window)


def scene_of(folder: Path, size: int) -> Scene:
    name = f"scene-{size}.tif"
    if not (folder / name).exists():
        write(folder / name, size)
    stated = Registration(
        "sentinel-2-l2a", BANDS, datetime(2026, 5, 3, tzinfo=UTC), offset_applied="no"
    )
    return register(folder, name, stated)


def decode(folder: Path, scene: Scene, blocks: list[int]) -> float:
    """Seconds to decode the blocks and nothing else, a dataset a thread."""
    grid = scene.grid

    def some(mine: list[int]) -> int:
        with rasterio.Env(**OPTIONS), rasterio.open(folder / scene.path) as file:
            return sum(
                int(file.read([1, 2, 3, 4], window=Window(*grid.window(block)))[0, 0, 0])
                for block in mine
            )

    start = perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(some, [blocks[k::THREADS] for k in range(THREADS)]))
    return perf_counter() - start


def computed(folder: Path, scene: Scene, zones: np.ndarray, known: np.ndarray) -> run.RunResult:
    with ThreadPoolExecutor(THREADS) as pool:
        return run.areas(
            folder, scene, spec={"index": "si_gr"}, grading=GRADES, zones=zones, zone_m2=known,
            zone_ids=range(len(zones)), masks=MASKS, executor=pool, at_once=THREADS,
        )  # fmt: skip


def stored() -> tuple[np.ndarray, np.ndarray]:
    """Parcels and their areas, as a layer keeps them."""
    zones = ground.transform(parcels(), "EPSG:32651", ground.STORAGE)
    return zones, ellipsoidal_area(zones)


def memory(folder: Path, size: int) -> None:
    """Print the peak of a run in a process of its own."""
    zones, known = stored()
    scene = scene_of(folder, size)
    computed(folder, scene, zones, known)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{size * size / 1e6:.0f} megapixels: peak of memory {peak:.0f} MiB (limit 1024)")


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else SIZE
    with tempfile.TemporaryDirectory(dir=ROOT) as name:
        folder = Path(name)
        scene = scene_of(folder, size)
        zones, known = stored()
        grid = Grid(size, size, TRANSFORM, scene.crs, scene.block)
        blocks = ZoneIndex.build(zones, grid).blocks.tolist()
        computed(folder, scene, zones[:10], known[:10])  # compile
        decoded, whole = [], []
        for _ in range(ROUNDS):
            decoded.append(decode(folder, scene, blocks))
            start = perf_counter()
            found = computed(folder, scene, zones, known)
            whole.append(perf_counter() - start)
        megapixels = size * size / 1e6
        graded = found.sum.areas.grade_m2.sum() / found.sum.areas.zone_m2[0]
        print(f"{PARCELS} parcels, {megapixels:.0f} megapixels, 4 bands, "
              f"{scene.size / 1e6:.0f} MB, {len(blocks)} blocks; {graded:.0%} graded")  # fmt: skip
        print(f"decode alone {min(decoded):8.3f} s   {megapixels / min(decoded):6.1f} Mpx/s")
        print(f"whole run    {min(whole):8.3f} s   {megapixels / min(whole):6.1f} Mpx/s")
        print(f"whole run / decode: {min(whole) / min(decoded):.2f} times (target 1.6)")
        for each in (size, 2 * size):
            scene_of(folder, each)
            subprocess.run(
                [sys.executable, "-m", "tests.bench.bench_soil", "--memory", name, str(each)],
                cwd=ROOT, check=True,
            )  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["--memory"]:
        memory(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
