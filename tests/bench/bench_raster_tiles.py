"""Raster tiles of a demonstration scene, beside rio-tiler's plain Reader path on the same file.

    python -m tests.bench.bench_raster_tiles

Ours: open files are kept, an overview is sampled, index, masks and grades are computed, and a PNG
with a palette is written. The usual way (what titiler does): rio-tiler opens the file, warps the
two bands of the index, and renders the index rescaled with a colour map; no masks, no grades.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import perf_counter

import morecantile
import numpy as np
import rasterio
from rasterio.transform import from_origin
from rio_tiler.colormap import cmap
from rio_tiler.io import Reader

from data.demo.scenes import BANDS, soil
from geo.soil import indices, tiles
from geo.soil.grading import Gradings
from geo.soil.header import OPTIONS
from geo.soil.palette import Palettes
from geo.soil.pictures import Composite, GradePicture, IndexPicture, stretched
from geo.soil.pyramid import Pyramids
from geo.soil.raster import Registration, register
from geo.soil.scene import Scene
from geo.tiles.grid import tile
from tests.environment import ROOT

SIZE = (2560, 4096)
ZOOMS = (7, 9, 11, 12, 13, 14, 16)
MASKS = ("scl", "water", "vegetation")
TMS = morecantile.tms.get("WebMercatorQuad")


def write_scene(path: Path) -> None:
    """Soil in patches with noise, uint16 with six bands and SCL; a COG as the demonstration has."""
    rng = np.random.default_rng(3)
    coarse = rng.random((SIZE[0] // 64, SIZE[1] // 64))
    severity = np.clip(np.kron(coarse, np.ones((64, 64))) + 0.05 * rng.standard_normal(SIZE), 0, 1)
    pixels = np.empty((7, *SIZE), dtype=np.uint16)
    pixels[:6] = np.round(soil(severity) * 400) * 25 + 1000
    pixels[6] = np.where(np.kron(rng.random(coarse.shape) < 0.05, np.ones((64, 64))), 9, 5)
    with rasterio.open(
        path, "w", driver="COG", crs="EPSG:32651", transform=from_origin(534060, 5045870, 10, 10),
        nodata=0, count=7, height=SIZE[0], width=SIZE[1], dtype="uint16", compress="DEFLATE",
        predictor="YES", blocksize=512, overview_resampling="NEAREST",
    ) as file:  # fmt: skip
        file.write(pixels)


def best(work: Callable[[], object], seconds: float = 1.0) -> float:
    """Shortest of the runs that fit ``seconds``, in ms."""
    work()
    shortest, stop = np.inf, perf_counter() + seconds
    while perf_counter() < stop:
        start = perf_counter()
        work()
        shortest = min(shortest, perf_counter() - start)
    return shortest * 1e3


def ours(pyramids: Pyramids, scene: Scene, picture: tiles.Picture, z: int, x: int, y: int) -> bytes:
    with pyramids.lend(scene) as one:
        return tiles.draw(one, picture, tile(z, x, y).bounds, 256)


def usual(path: Path, z: int, x: int, y: int) -> bytes:
    """sqrt(G*R) of 0..0.4 in cividis by rio-tiler alone."""
    with rasterio.Env(**OPTIONS), Reader(str(path)) as reader:
        image = reader.tile(x, y, z, tilesize=256, indexes=(2, 3))
        image = image.apply_expression("sqrt((b2*0.0001-0.1)*(b3*0.0001-0.1))")
        image.rescale(in_range=((0.0, 0.4),))
        return image.render(colormap=cmap.get("cividis"))


def main() -> None:
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_scene(root / "scene.tif")
        when = datetime(2026, 5, 8, tzinfo=UTC)
        stated = Registration("sentinel-2-l2a", (*BANDS, "SCL"), when, offset_applied="no")
        scene = register(root, "scene.tif", stated)
        index = indices.get("si_gr")
        ramp = Palettes.load(ROOT / "data").ramp(index)
        grading = Gradings.load(ROOT / "data").schemes["demo-si-gr"]
        pictures = (
            IndexPicture(scene, index, ramp, (), ""),
            GradePicture(scene, indices.get("si_gr"), grading, MASKS),
            Composite(scene, ("R", "G", "B"), stretched(root, scene, ("R", "G", "B"))),
        )
        pyramids = Pyramids(root)
        west, south, east, north = scene.bbox
        print(f"{SIZE[1]} x {SIZE[0]} pixels, 7 bands uint16, tiles of 256; best of runs, ms")
        print("zoom    index   grades    colour  rio-tiler index")
        for z in ZOOMS:
            where = TMS.tile((west + east) / 2, (south + north) / 2, z)
            place = (z, where.x, where.y)
            took = [best(partial(ours, pyramids, scene, picture, *place)) for picture in pictures]
            theirs = best(partial(usual, root / "scene.tif", *place))
            print(
                f"z{z:<3} {took[0]:8.2f} {took[1]:8.2f} {took[2]:9.2f} {theirs:10.1f}   "
                f"ours is {theirs / took[0]:.1f} times faster (index)"
            )
        fresh = best(lambda: ours(Pyramids(root), scene, pictures[0], *place))
        print(f"the first tile of a file, opened and verified: {fresh:.1f} ms")
        pyramids.close()


if __name__ == "__main__":
    main()
