"""Registering and reading raster files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.windows import Window

from geo.errors import Rejected
from geo.soil.grid import Grid
from geo.soil.header import crs_text, footprint, open_checked
from geo.soil.indices import BANDS
from geo.soil.scaling import Known, Sanity, Sensor, decide, judge, refuse_impossible
from geo.soil.scene import CLASS_BANDS, Notice, Scene, digest, identifier, inside

BLOCK = 1024  # pixels a side of what is read at once, at most (or one tile of the file)
Reflectance = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Registration:
    """What a person or an item states about a scene; None or "auto": take it from the file.

    ``bands``: keys in the order of the file's bands (None or "" for bands not used).
    ``offset_applied``: whether the provider has already taken off Sentinel-2's
    offset of 1000 (some mirrors do, so neither date nor baseline decides).
    ``tags``: scale and offset of an item's metadata, ``tags_from`` which.
    """

    sensor: Sensor
    bands: Sequence[str | None] | Mapping[str, int]
    datetime: datetime
    id: str | None = None
    scale: float | None = None
    offset: float | None = None
    nodata: float | None = None
    offset_applied: Literal["auto", "yes", "no"] = "auto"
    baseline: str | None = None
    boa_offset_applied: bool | None = None
    tags: tuple[float, float] | None = None
    tags_from: str = ""
    title: str = ""

    def known(self, tags: tuple[float, float] | None = None) -> Known:
        """What decides the scaling, with the file's own tags where the item has none."""
        known = Known(
            self.scale, self.offset, self.offset_applied, self.baseline, self.boa_offset_applied
        )
        if self.tags is not None:
            return replace(known, tags=self.tags, tags_from=self.tags_from)
        return replace(known, tags=tags)


def register(root: Path, href: str, stated: Registration) -> Scene:
    """Check a file below ``root`` and write down what it is.

    Raises `Rejected`: E_PATH, E_RASTER_OPEN, E_RASTER_SIZE, E_RASTER_TYPE,
    E_RASTER_CRS, E_RASTER_BANDS, E_RASTER_SCALE (unknown scaling is never guessed),
    E_RASTER_DATETIME, E_RASTER_EMPTY.
    """
    path = inside(root, href)
    if stated.datetime.tzinfo is None:
        raise Rejected(
            "E_RASTER_DATETIME", "成像时间须带时区", "datetime needs a time zone", where=href
        )
    with open_checked(path) as dataset:
        bands = band_map(stated.bands, dataset.count, path.name)
        dtype = dataset.dtypes[min(bands.values()) - 1]
        nodata = stated.nodata if stated.nodata is not None else dataset.nodata
        if nodata is None and stated.sensor != "custom":
            nodata = 0.0
        crs = crs_text(dataset.crs)
        grid = Grid(dataset.width, dataset.height, dataset.transform, crs)
        outline = footprint(grid, path.name)
        scaling = decide(
            stated.sensor,
            stated.known(_tags(dataset, bands)),
            lambda: _dark_number(dataset, bands, nodata),
            path.name,
        )
        height, width = dataset.block_shapes[0]
        tile = max(height, width) if width < dataset.width else 256
        scene = Scene(
            id=stated.id or identifier(path.stem) or f"scene-{digest(path)[:12]}",
            title=stated.title or path.stem,
            path=path.relative_to(root.resolve()).as_posix(),
            sensor=stated.sensor,
            bands=bands,
            scale=scaling.scale,
            offset=scaling.offset,
            how_scaled=scaling.how,
            offset_applied=scaling.offset_applied,
            baseline=stated.baseline,
            nodata=None if nodata is None or np.isnan(nodata) else nodata,
            dtype=dtype,
            width=dataset.width,
            height=dataset.height,
            block=tile * max(1, BLOCK // tile),
            transform=tuple(dataset.transform)[:6],
            crs=crs,
            datetime=stated.datetime.astimezone(UTC),
            footprint=outline,
            sha256=digest(path),
            size=path.stat().st_size,
        )
        return _held_against_pixels(Reader(dataset, scene))


def _held_against_pixels(reader: Reader) -> Scene:
    """The scene with what its pixels say: E_RASTER_EMPTY, E_RASTER_SCALE, or a warning."""
    scene = reader.scene
    keys = [key for key in scene.bands if key not in CLASS_BANDS]
    seen = reader.reflectance(reader.sample(keys))
    if not any(np.isfinite(values).any() for values in seen.values()) and reader.empty(keys):
        raise Rejected(
            "E_RASTER_EMPTY",
            "影像全部为无数据",
            "the raster holds no data at all",
            where=scene.title,
            fix=("核对 nodata 值和裁剪范围", "check the nodata value and how it was cut"),
        )
    refuse_impossible(seen, scene.title)
    found = judge(_dark_nir(reader, scene.nodata))
    dark = None if np.isnan(found.dark_nir) else round(found.dark_nir, 4)
    warnings = () if found.warning is None else (Notice.of(*found.warning),)
    return scene.model_copy(update={"dark_nir": dark, "warnings": warnings})


def _dark_nir(reader: Reader, nodata: float | None) -> float | None:
    number = _dark_number(reader.dataset, reader.scene.bands, nodata)
    return None if number is None else number * reader.scene.scale + reader.scene.offset


def sanity(root: Path, scene: Scene) -> Sanity:
    """The dark-water test of a registered scene (see `Sanity`)."""
    with open_checked(inside(root, scene.path)) as dataset:
        return judge(_dark_nir(Reader(dataset, scene), scene.nodata))


def band_map(
    bands: Sequence[str | None] | Mapping[str, int],
    count: int,
    name: str,
    *,
    any_kind: bool = False,
) -> dict[str, int]:
    """Band keys -> numbers. E_RASTER_BANDS; ``any_kind``: classes alone will do."""
    if isinstance(bands, Mapping):
        found = dict(bands)
    else:
        used = [(key, number) for number, key in enumerate(bands, start=1) if key]
        found = dict(used)
        if len(found) < len(used):
            found = {}
    known = {*CLASS_BANDS, *BANDS}
    spectral = set(found) - set(CLASS_BANDS)
    places = found.values()
    if (
        not (spectral or (any_kind and found))
        or not set(found) <= known
        or not 1 <= min(places) <= max(places) <= count
    ):
        raise Rejected(
            "E_RASTER_BANDS",
            f"波段说明不符：文件有 {count} 个波段，可用名称为 {'、'.join(sorted(known))}，不得重复",
            f"bands do not fit: the file has {count}; names are {', '.join(sorted(known))}, "
            "each once, at least one of reflectance",
            where=name,
        )
    return found


def _tags(dataset: Any, bands: Mapping[str, int]) -> tuple[float, float] | None:
    """Scale and offset written in the file, where all bands of reflectance agree."""
    numbers = [n - 1 for key, n in bands.items() if key not in CLASS_BANDS]
    tags = {(float(dataset.scales[n]), float(dataset.offsets[n])) for n in numbers}
    return tags.pop() if len(tags) == 1 and tags != {(1.0, 0.0)} else None


def _dark_number(dataset: Any, bands: Mapping[str, int], nodata: float | None) -> float | None:
    """First percentile of NIR as stored, of water where SCL knows water; from an overview."""
    if "N" not in bands:
        return None
    nir = _thumbnail(dataset, bands["N"])
    keep = nir != nodata if nodata is not None else np.ones(nir.shape, dtype=bool)
    if "SCL" in bands:
        water = keep & (_thumbnail(dataset, bands["SCL"]) == 6)
        if np.count_nonzero(water) >= 50:
            keep = water
    values = nir[keep & np.isfinite(nir)]
    return float(np.percentile(values, 1)) if values.size else None


def _thumbnail(dataset: Any, band: int, size: int = 512) -> NDArray[np.float64]:
    factor = max(1.0, max(dataset.width, dataset.height) / size)
    shape = (max(1, round(dataset.height / factor)), max(1, round(dataset.width / factor)))
    thumbnail: NDArray[np.float64] = dataset.read(
        band, out_shape=shape, resampling=Resampling.nearest
    ).astype(np.float64)
    return thumbnail


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
        self.dataset = dataset
        #: reflectance of every raw number, where there are few enough
        self.table: NDArray[np.float32] | None = None
        if np.dtype(scene.dtype) in (np.uint8, np.uint16):
            numbers = np.arange(np.iinfo(scene.dtype).max + 1, dtype=np.float64)
            self.table = self._scaled(numbers)

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
        return dict(zip(keys, self.stack(keys, window), strict=True))

    def stack(self, keys: Sequence[str], window: tuple[int, int, int, int]) -> NDArray[Any]:
        """The same as one array [bands, h, w]."""
        numbers = [self.scene.bands[key] for key in keys]
        with damaged(self.scene, *window[:2]):
            found: NDArray[Any] = self.dataset.read(numbers, window=Window(*window))
        return found

    def reflectance(self, raw: Mapping[str, NDArray[Any]]) -> Reflectance:
        """Raw numbers -> reflectance float32, NaN where the file has no data."""
        table = self.table
        return {
            key: table[numbers] if table is not None else self._scaled(numbers)
            for key, numbers in raw.items()
            if key not in CLASS_BANDS
        }

    def sample(self, keys: Sequence[str], size: int = 512) -> dict[str, NDArray[Any]]:
        """Raw numbers of the whole scene at most ``size`` pixels a side (nearest, overviews)."""
        dtype = np.dtype(self.scene.dtype)
        with damaged(self.scene, 0, 0):
            return {
                key: _thumbnail(self.dataset, self.scene.bands[key], size).astype(dtype)
                for key in keys
            }

    def empty(self, keys: Sequence[str]) -> bool:
        """Whether no pixel of these bands holds a number; reads until one does."""
        grid = self.scene.grid
        for block in range(grid.blocks[0] * grid.blocks[1]):
            raw = self.read(keys, grid.window(block))
            if any(np.isfinite(values).any() for values in self.reflectance(raw).values()):
                return False
        return True
