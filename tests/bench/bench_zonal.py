"""Exact class areas of 29,136 parcels on a 67-megapixel grade raster.

    python tests/bench/bench_zonal.py [parcels of the usual way]

The usual way is exactextract, if it is installed (``pip install exactextract``
into an environment of your own; nothing else needs it), on the first parcels.
Both figures leave out reading a file: the raster is in memory.
"""

from __future__ import annotations

import sys
from time import perf_counter

import numpy as np
import shapely
from affine import Affine

from geo import crs as ground
from geo.soil.grid import Grid, PixelArea
from geo.soil.zonal import Tally, ZoneIndex, dissolved, polygons

SIZE, SIDE, PARCELS, CLASSES = 8192, 171, 29_136, 6
GRID = Grid(SIZE, SIZE, Affine(10, 0, 500_000, 0, -10, 5_100_000), "EPSG:32651", 1024)


def parcels() -> np.ndarray:
    """Parcels of about 22 ha with 25 vertices, slightly turned against the pixels."""
    step = SIZE * 10 / SIDE
    i, j = (a.ravel()[:PARCELS] for a in np.meshgrid(np.arange(SIDE), np.arange(SIDE)))
    x, y = 500_000 + i * step, 5_100_000 - SIZE * 10 + j * step
    boxes = shapely.segmentize(shapely.box(x + 3, y + 3, x + step - 3, y + step - 3), 80)
    turn = np.array([[np.cos(0.01), np.sin(0.01)], [-np.sin(0.01), np.cos(0.01)]])
    middle = np.array([540_960.0, 5_059_040.0])
    return shapely.transform(boxes, lambda a: (a - middle) @ turn + middle)


def tallied(index: ZoneIndex, codes: np.ndarray, pixel: PixelArea | None = None) -> Tally:
    tally = Tally(index, CLASSES)
    tally.pixel_area = pixel or tally.pixel_area
    for block in index.blocks:
        c, r, w, h = GRID.window(int(block))
        tally.add(int(block), codes[r : r + h, c : c + w])
    return tally


def usual(zones: np.ndarray, codes: np.ndarray) -> tuple[float, np.ndarray] | None:
    """Seconds and covered pixels [zones, classes] by exactextract."""
    try:
        from exactextract import exact_extract
        from exactextract.feature import JSONFeatureSource
        from exactextract.raster import NumPyRasterSource
    except ImportError:
        return None
    west, north = 500_000, 5_100_000
    raster = NumPyRasterSource(
        codes, xmin=west, ymin=north - SIZE * 10, xmax=west + SIZE * 10, ymax=north
    )
    features = JSONFeatureSource(
        [
            {"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(zone)}
            for zone in zones
        ]
    )
    start = perf_counter()
    rows = exact_extract(raster, features, ["unique", "frac", "count"])
    seconds = perf_counter() - start
    covered = np.zeros((len(zones), CLASSES))
    for number, row in enumerate(rows):
        found = row["properties"]
        covered[number, np.asarray(found["unique"], dtype=int)] = (
            np.asarray(found["frac"]) * found["count"]
        )
    return seconds, covered


def main() -> None:
    some = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    codes = np.random.default_rng(1).integers(0, CLASSES, (SIZE, SIZE)).astype(np.uint8)
    zones = parcels()
    lonlat = ground.transform(zones, GRID.crs, ground.STORAGE)
    tallied(ZoneIndex.of_projected(zones[:1], GRID), codes)  # compile

    start = perf_counter()
    valid, _ = polygons(lonlat)
    checked = perf_counter()
    index = ZoneIndex.build(valid, GRID)
    built = perf_counter()
    dissolved(valid)
    overlaps = perf_counter()
    print(f"{len(zones)} parcels, {len(index.x)} vertices, {SIZE * SIZE / 1e6:.0f} megapixels")
    print(f"once a layer: validity {checked - start:.3f} s, projection and index "
          f"{built - checked:.3f} s, overlaps {overlaps - built:.3f} s")  # fmt: skip
    best = np.inf
    for _ in range(3):
        start = perf_counter()
        tallied(index, codes)
        best = min(best, perf_counter() - start)
    ours = best / len(zones)
    print(f"zonal    {best:8.3f} s   {ours * 1e6:8.1f} us a parcel")

    reference = usual(zones[:some], codes)
    if reference is None:
        print("exactextract is not installed: no comparison")
        return
    seconds, covered = reference
    theirs = seconds / some
    # exactextract knows no ellipsoid: compare with every pixel weighing 1.
    even = PixelArea(np.ones((2, 2)), float(SIZE))
    pixels = tallied(ZoneIndex.of_projected(zones[:some], GRID), codes, even).areas
    gap = np.abs(pixels - covered).max()
    print(f"usual    {seconds:8.3f} s   {theirs * 1e6:8.1f} us a parcel ({some}, exactextract)")
    print(f"ratio    {theirs / ours:8.1f}   largest difference {gap:.1e} px")


if __name__ == "__main__":
    main()
