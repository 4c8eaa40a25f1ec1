"""Opening, checking, registering and reading raster files (GeoTIFF only).

A file is refused from its header, before a pixel is read, when it is larger or
stranger than a scene can be. Nothing but the GTiff driver ever sees it, and no
file beside it is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.windows import Window

from geo.errors import Rejected
from geo.live import refuse_live
from geo.soil.grid import Grid
from geo.soil.indices import BANDS
from geo.soil.scene import CLASS_BANDS, PRESETS, Scene, Sensor, digest, inside

MAX_BYTES = 20 * 10**9  # pixels x bands x bytes, uncompressed
MAX_BLOCK_BYTES = 64 * 2**20
MAX_BANDS = 64
BLOCK = 1024  # pixels a side of what is read at once, at most (or one tile of the file)
DTYPES = ("uint8", "uint16", "int16", "uint32", "int32", "float32", "float64")
Reflectance = dict[str, NDArray[np.float32]]


#: No file beside the raster is looked at, and blocks that were read stay for the next reader (the
#: number is in bytes: what GDAL itself reads as MiB, rasterio does not).
OPTIONS = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_CACHEMAX": 256 * 2**20}


@contextmanager
def open_checked(path: Path) -> Iterator[Any]:
    """The rasterio dataset of a GeoTIFF that passes `_check_header`."""
    with rasterio.Env(**OPTIONS), open_kept(path) as dataset:
        yield dataset


def open_kept(path: Path, **options: Any) -> Any:
    """The same, for who keeps it open; ``options`` go to the driver. E_RASTER_OPEN and more."""
    refuse_live(path)
    with rasterio.Env(**OPTIONS):
        try:
            dataset = rasterio.open(path, driver="GTiff", **options)
        except RasterioError as error:
            raise Rejected(
                "E_RASTER_OPEN",
                "文件不是可读的 GeoTIFF",
                f"not a readable GeoTIFF: {str(error)[:200]}",
                where=path.name,
                fix=("请导出为 GeoTIFF（最好是 COG）", "export it as GeoTIFF, best as COG"),
            ) from error
        try:
            _check_header(dataset, path.name)
        except Rejected:
            dataset.close()
            raise
    return dataset


def _check_header(dataset: Any, name: str) -> None:
    def refuse(code: str, zh: str, en: str) -> Rejected:
        return Rejected(code, zh, en, where=name)

    sizes = [np.dtype(d).itemsize if d in DTYPES else 0 for d in dataset.dtypes]
    if not all(sizes):
        raise refuse(
            "E_RASTER_TYPE",
            f"不支持的像元类型：{dataset.dtypes[0]}",
            f"pixel type {dataset.dtypes[0]} is not supported",
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
    if dataset.crs is None:
        raise refuse("E_RASTER_CRS", "影像没有坐标系", "the raster has no coordinate system")
    if abs(dataset.transform.determinant) < 1e-18 or dataset.transform.is_identity:
        raise refuse("E_RASTER_CRS", "影像没有地理定位", "the raster is not georeferenced")


@dataclass(frozen=True)
class Registration:
    """What a person states about a scene; None or "auto": take it from the file.

    ``bands``: keys in the order of the file's bands (None or "" for bands not used).
    ``offset_applied``: whether the provider has already taken off Sentinel-2's
    offset of 1000 (some mirrors do, so neither date nor baseline decides).
    """

    sensor: Sensor
    bands: Sequence[str | None] | Mapping[str, int]
    datetime: datetime
    id: str | None = None
    scale: float | None = None
    offset: float | None = None
    nodata: float | None = None
    offset_applied: Literal["auto", "yes", "no"] = "auto"


def register(root: Path, href: str, stated: Registration) -> Scene:
    """Check a file below ``root`` and write down what it is.

    Raises `Rejected`: E_PATH, E_RASTER_OPEN, E_RASTER_SIZE, E_RASTER_TYPE,
    E_RASTER_CRS, E_RASTER_BANDS, E_RASTER_SCALE (unknown scaling is never guessed),
    E_RASTER_DATETIME.
    """
    path = inside(root, href)
    if stated.datetime.tzinfo is None:
        raise Rejected(
            "E_RASTER_DATETIME", "成像时间须带时区", "datetime needs a time zone", where=href
        )
    with open_checked(path) as dataset:
        bands = _band_map(stated.bands, dataset.count, path.name)
        dtype = dataset.dtypes[min(bands.values()) - 1]
        nodata = stated.nodata if stated.nodata is not None else dataset.nodata
        if nodata is None and stated.sensor != "custom":
            nodata = 0.0
        scale, offset, how = _scaling(dataset, stated, bands, nodata)
        crs = _crs_text(dataset.crs)
        height, width = dataset.block_shapes[0]
        tile = max(height, width) if width < dataset.width else 256
        block = tile * max(1, BLOCK // tile)
        return Scene(
            id=stated.id or _identifier(path),
            path=path.relative_to(root.resolve()).as_posix(),
            sensor=stated.sensor,
            bands=bands,
            scale=scale,
            offset=offset,
            how_scaled=how,
            nodata=nodata,
            dtype=dtype,
            width=dataset.width,
            height=dataset.height,
            block=block,
            transform=tuple(dataset.transform)[:6],
            crs=crs,
            datetime=stated.datetime.astimezone(UTC),
            footprint=_footprint(Grid(dataset.width, dataset.height, dataset.transform, crs)),
            sha256=digest(path),
            size=path.stat().st_size,
        )


def _band_map(
    bands: Sequence[str | None] | Mapping[str, int], count: int, name: str
) -> dict[str, int]:
    if isinstance(bands, Mapping):
        found = dict(bands)
    else:
        used = [(key, number) for number, key in enumerate(bands, start=1) if key]
        found = dict(used)
        if len(found) < len(used):
            found = {}
    known = {*CLASS_BANDS, *BANDS}
    if not set(found) - set(CLASS_BANDS) or not set(found) <= known or max(found.values()) > count:
        raise Rejected(
            "E_RASTER_BANDS",
            f"波段说明不符：文件有 {count} 个波段，可用名称为 {'、'.join(sorted(known))}，不得重复",
            f"bands do not fit: the file has {count}; names are {', '.join(sorted(known))}, "
            "each once, at least one of reflectance",
            where=name,
        )
    return found


def _scaling(
    dataset: Any, stated: Registration, bands: Mapping[str, int], nodata: float | None
) -> tuple[float, float, str]:
    """(scale, offset, where they come from), or E_RASTER_SCALE."""
    if stated.scale is not None and stated.offset is not None:
        if np.isfinite([stated.scale, stated.offset]).all() and stated.scale > 0:
            return stated.scale, stated.offset, "stated at registration"
    elif stated.scale is None and stated.offset is None:
        numbers = [n - 1 for key, n in bands.items() if key not in CLASS_BANDS]
        tags = {(float(dataset.scales[n]), float(dataset.offsets[n])) for n in numbers}
        if len(tags) == 1 and tags != {(1.0, 0.0)}:
            return *tags.pop(), "scale and offset tags of the file"
        scale, offset = PRESETS.get(stated.sensor, (0.0, 0.0))
        if stated.sensor == "landsat-c2-l2":
            return scale, offset, "Landsat Collection 2 Level 2"
        if stated.sensor == "sentinel-2-l2a":
            applied = stated.offset_applied
            how = "stated at registration"
            if applied == "auto":
                applied, how = _offset_applied(dataset, bands, nodata, scale), "dark-water test"
            if applied != "auto":
                state = "already taken off" if applied == "yes" else "to be taken off"
                return scale, 0.0 if applied == "yes" else offset, f"offset {state}: {how}"
    raise Rejected(
        "E_RASTER_SCALE",
        "无法确定反射率的比例与偏移",
        "the scale and offset of reflectance are unknown",
        where=Path(dataset.name).name,
        fix=(
            "请同时给出 scale 与 offset（反射率 = DN*scale+offset）；哨兵二号可给 offset_applied",
            "give scale and offset (reflectance = DN*scale+offset), or offset_applied for "
            "Sentinel-2",
        ),
    )


def _offset_applied(
    dataset: Any, bands: Mapping[str, int], nodata: float | None, scale: float
) -> Literal["auto", "yes", "no"]:
    """Dark water tells: its NIR is near 0, or near 0.1 while the offset is still in the numbers."""
    if "N" not in bands:
        return "auto"
    p1 = _dark(dataset, bands, nodata, scale, 0.0)
    if 0.08 <= p1 <= 0.14:
        return "no"
    return "yes" if 0.0 <= p1 < 0.06 else "auto"


def _dark(
    dataset: Any, bands: Mapping[str, int], nodata: float | None, scale: float, offset: float
) -> float:
    """First percentile of NIR reflectance, of water where SCL knows water; from an overview."""
    nir = _thumbnail(dataset, bands["N"])
    keep = nir != nodata if nodata is not None else np.ones(nir.shape, dtype=bool)
    if "SCL" in bands:
        water = keep & (_thumbnail(dataset, bands["SCL"]) == 6)
        if np.count_nonzero(water) >= 50:
            keep = water
    values = nir[keep & np.isfinite(nir)] * scale + offset
    return float(np.percentile(values, 1)) if values.size else float("nan")


def _thumbnail(dataset: Any, band: int, size: int = 512) -> NDArray[np.float64]:
    factor = max(1.0, max(dataset.width, dataset.height) / size)
    shape = (max(1, round(dataset.height / factor)), max(1, round(dataset.width / factor)))
    thumbnail: NDArray[np.float64] = dataset.read(
        band, out_shape=shape, resampling=Resampling.nearest
    ).astype(np.float64)
    return thumbnail


def _crs_text(crs: Any) -> str:
    code = crs.to_epsg()
    return f"EPSG:{code}" if code else str(crs.to_wkt())


def _footprint(grid: Grid) -> tuple[tuple[float, float], ...]:
    """Outline in lon/lat, EPSG:4490, 16 points a side, counter-clockwise on the ground."""
    t = np.linspace(0, 1, 16, endpoint=False)
    u = np.concatenate([t * 0, t, t * 0 + 1, 1 - t]) * grid.width
    v = np.concatenate([t, t * 0 + 1, 1 - t, t * 0]) * grid.height
    ring = grid.to_lonlat(u, v).round(8).tolist()
    return tuple((float(lon), float(lat)) for lon, lat in [*ring, ring[0]])


def _identifier(path: Path) -> str:
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-._")[:100]
    return name or f"scene-{digest(path)[:12]}"


@dataclass(frozen=True)
class Sanity:
    """Whether the registered offset agrees with the pixels: ``dark_nir`` is p1 of NIR."""

    dark_nir: float
    verdict: Literal["ok", "offset_missing", "offset_twice", "no_dark_surface"]


def sanity(root: Path, scene: Scene) -> Sanity:
    """The dark-water test of a registered scene (see `Sanity`)."""
    with open_checked(inside(root, scene.path)) as dataset:
        if "N" not in scene.bands:
            return Sanity(float("nan"), "no_dark_surface")
        dark = _dark(dataset, scene.bands, scene.nodata, scene.scale, scene.offset)
    if dark < -0.03:
        return Sanity(dark, "offset_twice")
    if dark < 0.07:
        return Sanity(dark, "ok")
    return Sanity(dark, "offset_missing" if 0.08 <= dark <= 0.14 else "no_dark_surface")


def check_same(dataset: Any, path: Path, scene: Scene, *, verify: bool) -> None:
    """E_RASTER_CHANGED unless the file is the one that was registered (see `Reader.open`)."""
    same = (dataset.width, dataset.height) == (scene.width, scene.height)
    same = same and path.stat().st_size == scene.size
    if not same or (verify and digest(path) != scene.sha256):
        raise Rejected(
            "E_RASTER_CHANGED",
            "影像文件登记后已被改动",
            "the raster file changed after it was registered",
            where=scene.id,
            fix=("请重新登记", "register it again"),
        )


@contextmanager
def damaged(scene: Scene, column: int, row: int) -> Iterator[None]:
    """A failure to read becomes E_RASTER_READ with its place."""
    try:
        yield
    except RasterioError as error:
        raise Rejected(
            "E_RASTER_READ",
            "影像数据损坏，读取失败",
            "the raster is damaged and cannot be read",
            where=f"{scene.id}, column {column}, row {row}",
        ) from error


class Reader:
    """Windowed reads of a scene. Not for several threads at once.

    with Reader.open(root, scene) as reader:
        bands = reader.reflectance(("B", "R"), reader.scene.grid.window(0))
    """

    def __init__(self, dataset: Any, scene: Scene) -> None:
        self.scene = scene
        self._dataset = dataset
        self._table: NDArray[np.float32] | None = None
        if np.dtype(scene.dtype) in (np.uint8, np.uint16):
            numbers = np.arange(np.iinfo(scene.dtype).max + 1, dtype=np.float64)
            self._table = self._scaled(numbers)

    @classmethod
    @contextmanager
    def open(cls, root: Path, scene: Scene, *, verify: bool = False) -> Iterator[Reader]:
        """E_RASTER_CHANGED if the file is no longer the one that was registered.

        ``verify``: compare the content's sha256 and not only the size. Damaged
        deflate data often decode to garbage without any error, so whatever ends
        as a figure verifies first.
        """
        path = inside(root, scene.path)
        with open_checked(path) as dataset:
            check_same(dataset, path, scene, verify=verify)
            yield cls(dataset, scene)

    def _scaled(self, numbers: NDArray[Any]) -> NDArray[np.float32]:
        values = numbers.astype(np.float64) * self.scene.scale + self.scene.offset
        if self.scene.nodata is not None:
            values[numbers == self.scene.nodata] = np.nan
        return values.astype(np.float32)

    def read(
        self, keys: Sequence[str], window: tuple[int, int, int, int]
    ) -> dict[str, NDArray[Any]]:
        """Raw numbers [h, w] by band key; window: (column, row, width, height)."""
        numbers = [self.scene.bands[key] for key in keys]
        with damaged(self.scene, *window[:2]):
            stack = self._dataset.read(numbers, window=Window(*window))
        return dict(zip(keys, stack, strict=True))

    def reflectance(self, raw: Mapping[str, NDArray[Any]]) -> Reflectance:
        """Raw numbers -> reflectance float32, NaN where the file has no data."""
        table = self._table
        return {
            key: table[numbers] if table is not None else self._scaled(numbers)
            for key, numbers in raw.items()
            if key not in CLASS_BANDS
        }

    def sample(self, keys: Sequence[str], size: int = 512) -> dict[str, NDArray[Any]]:
        """Raw numbers of the whole scene at most ``size`` pixels a side (nearest, overviews)."""
        dtype = np.dtype(self.scene.dtype)
        return {
            key: _thumbnail(self._dataset, self.scene.bands[key], size).astype(dtype)
            for key in keys
        }
