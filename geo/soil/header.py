"""Opening raster files: what a header may say before any pixel is read.

A file is refused when it is larger or stranger than a scene can be. Nothing but the drivers named
ever sees it (GTiff alone outside the limited process), and no file beside it is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from pyproj.exceptions import ProjError
from rasterio.errors import RasterioError

from geo.errors import Rejected
from geo.live import refuse_live
from geo.soil.grid import Grid

MAX_BYTES = 20 * 10**9  # pixels x bands x bytes, uncompressed
MAX_BLOCK_BYTES = 64 * 2**20
MAX_BANDS = 64
DTYPES = ("uint8", "uint16", "int16", "uint32", "int32", "float32", "float64")

#: No file beside the raster is looked at, and blocks that were read stay for the next reader (the
#: number is in bytes: what GDAL itself reads as MiB, rasterio does not).
OPTIONS = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_CACHEMAX": 256 * 2**20}


@contextmanager
def open_checked(path: Path) -> Iterator[Any]:
    """The rasterio dataset of a GeoTIFF that passes `check_header`."""
    with rasterio.Env(**OPTIONS), open_kept(path) as dataset:
        yield dataset


def open_kept(path: Path, driver: str = "GTiff", **options: Any) -> Any:
    """The same, for who keeps it open; ``options`` go to the driver. E_RASTER_OPEN and more."""
    refuse_live(path)
    with rasterio.Env(**OPTIONS):
        try:
            dataset = rasterio.open(path, driver=driver, **options)
        except RasterioError as error:
            raise Rejected(
                "E_RASTER_OPEN",
                "文件不是可读的 GeoTIFF",
                f"not a readable GeoTIFF: {str(error)[:200]}",
                where=path.name,
                fix=("请导出为 GeoTIFF（最好是 COG）", "export it as GeoTIFF, best as COG"),
            ) from error
        try:
            check_header(dataset, path.name)
        except Rejected:
            dataset.close()
            raise
    return dataset


def check_header(dataset: Any, name: str) -> None:
    def refuse(code: str, zh: str, en: str, fix: tuple[str, str] | None = None) -> Rejected:
        return Rejected(code, zh, en, where=name, fix=fix)

    sizes = [np.dtype(d).itemsize if d in DTYPES else 0 for d in dataset.dtypes]
    if not all(sizes):
        raise refuse(
            "E_RASTER_TYPE",
            f"不支持的像元类型：{dataset.dtypes[0]}",
            f"pixel type {dataset.dtypes[0]} is not supported",
            (f"请导出为 {'、'.join(DTYPES)} 之一", f"export it as one of {', '.join(DTYPES)}"),
        )
    total = dataset.width * dataset.height * sum(sizes)
    block = max(h * w * b for (h, w), b in zip(dataset.block_shapes, sizes, strict=True))
    if dataset.count > MAX_BANDS or total > MAX_BYTES or block > MAX_BLOCK_BYTES:
        raise refuse(
            "E_RASTER_SIZE",
            f"影像过大：{dataset.width} x {dataset.height} 像元、{dataset.count} 波段，"
            f"解压后 {total / 1e9:.1f} GB，分块 {block / 2**20:.0f} MB"
            f"（上限 {MAX_BYTES / 1e9:.0f} GB、{MAX_BLOCK_BYTES / 2**20:.0f} MB）",
            f"the raster is too large: {dataset.width} x {dataset.height} pixels, "
            f"{dataset.count} bands, {total / 1e9:.1f} GB unpacked, blocks of "
            f"{block / 2**20:.0f} MB (limits {MAX_BYTES / 1e9:.0f} GB, "
            f"{MAX_BLOCK_BYTES / 2**20:.0f} MB)",
        )
    define = (
        "在桌面软件中定义正确的坐标系和位置后重新导出；这里不猜测",
        "define the right CRS and place in desktop software and export again; nothing is guessed",
    )
    if dataset.crs is None:
        raise refuse(
            "E_RASTER_CRS", "影像没有坐标系", "the raster has no coordinate system", define
        )
    if not abs(dataset.transform.determinant) >= 1e-18 or dataset.transform.is_identity:
        raise refuse("E_RASTER_CRS", "影像没有地理定位", "the raster is not georeferenced", define)


def crs_text(crs: Any) -> str:
    code = crs.to_epsg()
    return f"EPSG:{code}" if code else str(crs.to_wkt())


def footprint(grid: Grid, name: str) -> tuple[tuple[float, float], ...]:
    """Outline in lon/lat, EPSG:4490, 16 points a side, counter-clockwise on the ground.

    E_RASTER_CRS where the place or the size of pixels cannot be: not on the Earth, or pixels below
    a centimetre or above 10 km.
    """
    t = np.linspace(0, 1, 16, endpoint=False)
    u = np.concatenate([t * 0, t, t * 0 + 1, 1 - t]) * grid.width
    v = np.concatenate([t, t * 0 + 1, 1 - t, t * 0]) * grid.height
    try:
        ring = grid.to_lonlat(u, v).round(8)
        metres = grid.pixel_metres()
    except (ProjError, Rejected, ValueError):
        ring, metres = np.full((1, 2), np.nan), np.nan
    lon, lat = np.abs(ring).T
    if not (np.isfinite(ring).all() and lon.max() <= 180 and lat.max() <= 90):
        where = "影像的位置不在地球上", "the raster does not lie on the Earth"
    elif not 0.01 <= metres <= 10_000:
        where = f"像元边长 {metres:.3g} 米", f"its pixels measure {metres:.3g} m"
    else:
        x, y = (ring - ring[0]).T
        if np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) < 0:
            ring = ring[::-1]  # a grid that is turned over
        return tuple((float(x), float(y)) for x, y in [*ring.tolist(), ring[0].tolist()])
    raise Rejected(
        "E_RASTER_CRS",
        f"地理定位不合理：{where[0]}",
        f"the georeferencing makes no sense: {where[1]}",
        where=name,
        fix=("核对坐标系与变换参数后重新导出", "check the CRS and the transform and export again"),
    )
