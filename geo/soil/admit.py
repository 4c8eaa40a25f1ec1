"""From files as they come to a registered scene: checked by their headers, stacked, made a COG.

Runs in the limited child process. Band files on grids that divide each other (Sentinel-2's 10 and
20 m) are put on the finest by repeating pixels, never by mixing them, so classes stay classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.enums import MaskFlags
from rasterio.errors import RasterioError
from rasterio.transform import Affine
from rasterio.windows import Window

from geo.errors import Rejected
from geo.soil.header import DTYPES, MAX_BYTES, OPTIONS, open_kept
from geo.soil.raster import Registration, band_map, register
from geo.soil.scaling import decide
from geo.soil.scene import CLASS_BANDS, Scene, Source, digest
from geo.soil.stac import key_of

Progress = Callable[[str, float | None], None]
#: First bytes of JPEG 2000, as Sentinel-2's band files are published; read here and nowhere else.
JPEG_2000 = (b"\x00\x00\x00\x0cjP  ", b"\xff\x4f\xff\x51")
BLOCK = 512
#: Pixels of one band that are moved at once, across.
STRIDE = 16 * BLOCK
#: A file without overviews may be this large a side and still be drawn at once.
SMALL = 1024


@dataclass(frozen=True)
class Given:
    """A file: ``bands`` as `Registration.bands`; None: by the names in the file."""

    path: Path
    name: str
    bands: Sequence[str | None] | dict[str, int] | None


@dataclass(frozen=True)
class _Band:
    """A band of an open file; ``repeat``: how many pixels of the scene it covers a side."""

    key: str
    dataset: Any
    number: int
    name: str
    repeat: int = 1

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.dataset.dtypes[self.number - 1])

    @property
    def nodata(self) -> float | None:
        value = self.dataset.nodatavals[self.number - 1]
        return None if value is None else float(value)

    @property
    def masked(self) -> bool:
        """Whether a mask in the file, and no number, says where there is nothing."""
        return MaskFlags.per_dataset in self.dataset.mask_flag_enums[self.number - 1]

    def read(self, column: int, row: int, width: int, height: int) -> NDArray[Any]:
        """Numbers [h, w] of a window of the scene, pixels repeated."""
        k = self.repeat
        left, top = column // k, row // k
        window = Window(left, top, -(-(column + width) // k) - left, -(-(row + height) // k) - top)
        try:
            values = self.dataset.read(self.number, window=window)
            if self.masked:
                seen = self.dataset.read_masks(self.number, window=window) > 0
                values = np.where(seen, values, values.dtype.type(self.nodata or 0))
        except RasterioError as error:
            raise Rejected(
                "E_RASTER_READ",
                "影像数据损坏或不完整，读取失败",
                "the raster is damaged or cut short and cannot be read",
                where=f"{self.name}, {self.key}, column {column}, row {row}",
                fix=("请重新获取文件", "get the file again"),
            ) from error
        if k > 1:
            values = values.repeat(k, axis=0).repeat(k, axis=1)
        down, across = row - top * k, column - left * k
        part: NDArray[Any] = values[down : down + height, across : across + width]
        return part


def admit(
    given: Sequence[Given],
    stated: Registration,
    output: Path,
    progress: Progress,
    *,
    root: Path | None = None,
    href: str | None = None,
) -> tuple[Scene, bool]:
    """(scene, whether ``output`` was written). ``stated.bands`` is ignored: ``given`` says them.

    A single file at ``href`` below ``root`` that is tiled and has overviews is registered where it
    is; anything else becomes a COG at ``output``, and the scene's path is its name. Raises what
    `register` raises, and E_RASTER_GRID where band files do not fit each other.
    """
    progress("header", 0.0)
    with rasterio.Env(**OPTIONS), ExitStack() as stack:
        bands = [
            band
            for file in given
            for band in _bands(stack.enter_context(open_kept(file.path, _driver(file.path))), file)
        ]
        bands = _aligned(_each_once(bands))
        first = bands[0].dataset
        _foretell(bands, stated)
        if root is not None and href is not None and len(given) == 1 and _serves(first):
            _read_through(bands, progress)
            bands_here = {band.key: band.number for band in bands}
            return register(root, href, _with(stated, bands_here)), False
        nodata = _convert(bands, stated, output, progress)
    progress("check", None)
    numbers = {band.key: at for at, band in enumerate(bands, start=1)}
    scene = register(output.parent, output.name, _with(stated, numbers, nodata))
    sources = tuple(
        Source(name=file.name, sha256=digest(file.path), size=file.path.stat().st_size)
        for file in given
    )
    return scene.model_copy(update={"sources": sources}), True


def _driver(path: Path) -> str:
    with path.open("rb") as file:
        return "JP2OpenJPEG" if file.read(8).startswith(JPEG_2000) else "GTiff"


def _with(stated: Registration, bands: dict[str, int], nodata: float | None = None) -> Registration:
    nodata = stated.nodata if nodata is None else nodata
    return Registration(**{**vars(stated), "bands": bands, "nodata": nodata})


def _bands(dataset: Any, file: Given) -> list[_Band]:
    wanted = file.bands
    if wanted is None:
        wanted = [key_of(text) for text in dataset.descriptions]
        if not any(wanted):
            raise Rejected(
                "E_RASTER_BANDS",
                f"文件有 {dataset.count} 个波段，没有写明各是什么",
                f"the file has {dataset.count} bands and does not say what they are",
                where=file.name,
                fix=(
                    '请按顺序给出 bands，如 "B,G,R,N"（不用的留空）',
                    'state bands in order, e.g. "B,G,R,N" (empty for those not used)',
                ),
            )
    found = band_map(wanted, dataset.count, file.name, any_kind=True)
    return [_Band(key, dataset, number, file.name) for key, number in found.items()]


def _each_once(bands: list[_Band]) -> list[_Band]:
    """Bands of reflectance first. E_RASTER_BANDS when a key comes twice, or none is reflectance."""
    keys = [band.key for band in bands]
    if len(set(keys)) < len(keys) or not set(keys) - set(CLASS_BANDS):
        raise Rejected(
            "E_RASTER_BANDS",
            f"波段重复，或没有反射率波段：{'、'.join(keys)}",
            f"a band comes twice, or none is reflectance: {', '.join(keys)}",
            where="bands",
        )
    return sorted(bands, key=lambda band: band.key in CLASS_BANDS)


def _aligned(bands: list[_Band]) -> list[_Band]:
    """On the finest grid of reflectance. E_RASTER_GRID unless every grid is a multiple of it."""
    spectral = [band for band in bands if band.key not in CLASS_BANDS]
    finest = min(spectral, key=lambda band: abs(band.dataset.transform.determinant)).dataset
    placed = []
    for band in bands:
        data = band.dataset
        step: Affine = ~finest.transform @ data.transform
        k = max(1, round(step.a))
        spare = 1e-3 * k
        fits = (
            data.crs == finest.crs
            and max(abs(step.a - k), abs(step.e - k)) < 1e-6 * k
            and max(abs(step.b), abs(step.d)) < 1e-6
            and max(abs(step.c), abs(step.f)) < spare
            and 0 <= data.width * k - finest.width < k
            and 0 <= data.height * k - finest.height < k
        )
        if not fits:
            raise Rejected(
                "E_RASTER_GRID",
                f"{band.name} 与 {finest.name.rpartition('/')[2]} 的格网不一致：{_grid(data)}，"
                f"{_grid(finest)}",
                f"the grid of {band.name} does not fit: {_grid(data)} against {_grid(finest)}",
                where=band.key,
                fix=(
                    "请把各波段裁剪到同一范围和坐标系；像元大小须为整数倍，这里不做重采样",
                    "cut all bands to the same extent and CRS; pixel sizes must be whole "
                    "multiples, nothing is resampled here",
                ),
            )
        placed.append(_Band(band.key, data, band.number, band.name, k))
    # The dataset of the finest grid leads: the scene's size and place are its.
    return sorted(placed, key=lambda band: (band.key in CLASS_BANDS, band.repeat))


def _grid(dataset: Any) -> str:
    code = dataset.crs.to_epsg()
    t = dataset.transform
    return (
        f"{dataset.width} x {dataset.height} @ ({t.c:.6g}, {t.f:.6g}), pixel {t.a:.6g}, "
        f"{f'EPSG:{code}' if code else 'own CRS'}"
    )


def _foretell(bands: list[_Band], stated: Registration) -> None:
    """Refuse unknown scaling before any pixel is read; dark water can only be looked at later."""
    pairs = {
        (b.dataset.scales[b.number - 1], b.dataset.offsets[b.number - 1])
        for b in bands
        if b.key not in CLASS_BANDS
    }
    if len(pairs) > 1 and stated.tags is None and stated.scale is None:
        raise Rejected(
            "E_RASTER_SCALE",
            f"各波段文件写明的比例和偏移不一致：{sorted(pairs)}",
            f"the files state different scales and offsets: {sorted(pairs)}",
            where="bands",
            fix=("请给出通用的 scale 与 offset", "state one scale and offset for all"),
        )
    pair = next(iter(pairs))
    tags = None if pair == (1.0, 0.0) else (float(pair[0]), float(pair[1]))
    try:
        decide(stated.sensor, stated.known(tags), lambda: None, bands[0].name)
    except Rejected:
        if stated.sensor != "sentinel-2-l2a" or all(band.key != "N" for band in bands):
            raise
        if (stated.scale is None) != (stated.offset is None):
            raise


def _serves(dataset: Any) -> bool:
    """Whether tiles and runs can read the file as it is."""
    tall, wide = dataset.block_shapes[0]
    large = max(dataset.width, dataset.height) > SMALL
    return (
        dataset.driver == "GTiff"
        and max(tall, wide) <= 2 * BLOCK
        and not (large and not dataset.overviews(1))
        and MaskFlags.per_dataset not in dataset.mask_flag_enums[0]
    )


def _read_through(bands: list[_Band], progress: Progress) -> None:
    """Read every pixel once, so that a file that was cut short is refused now and not later."""
    windows = list(_windows(bands[0].dataset.width, bands[0].dataset.height))
    for done, window in enumerate(windows, start=1):
        for band in bands:
            band.read(*window)
        progress("read", 0.7 * done / len(windows))


def _convert(
    bands: list[_Band], stated: Registration, output: Path, progress: Progress
) -> float | None:
    """Write the bands as one COG; the nodata number it has."""
    first = bands[0].dataset
    dtype = np.result_type(*(band.dtype for band in bands))
    if dtype == np.float64:
        dtype = np.dtype(np.float32)
    if dtype.name not in DTYPES:
        raise Rejected(
            "E_RASTER_TYPE",
            f"各波段的像元类型不能合并：{sorted({str(b.dtype) for b in bands})}",
            f"the pixel types do not go together: {sorted({str(b.dtype) for b in bands})}",
            where=bands[0].name,
        )
    total = first.width * first.height * len(bands) * dtype.itemsize
    if total > MAX_BYTES:
        raise Rejected(
            "E_RASTER_SIZE",
            f"合并后影像过大：{total / 1e9:.1f} GB（上限 {MAX_BYTES / 1e9:.0f} GB）",
            f"the bands together are too large: {total / 1e9:.1f} GB "
            f"(limit {MAX_BYTES / 1e9:.0f} GB)",
            where=bands[0].name,
        )
    nodata = _nodata(bands, stated, dtype)
    rough = output.with_name(f"rough-{output.name}")
    profile = {
        "driver": "GTiff", "crs": first.crs, "transform": first.transform, "width": first.width,
        "height": first.height, "count": len(bands), "dtype": dtype.name, "nodata": nodata,
        "tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK, "interleave": "band",
        "compress": "zstd", "zstd_level": 1, "bigtiff": "if_safer",
    }  # fmt: skip
    with rasterio.open(rough, "w", **profile) as sink:
        windows = list(_windows(first.width, first.height))
        for done, window in enumerate(windows):
            for at, band in enumerate(bands, start=1):
                values = _common(band, band.read(*window), dtype, nodata)
                sink.write(values, at, window=Window(*window))
            progress("read", 0.7 * (done + 1) / len(windows))
        for at, band in enumerate(bands, start=1):
            sink.set_band_description(at, band.key)
    progress("overviews", None)
    finish(rough, output)
    return nodata


def finish(rough: Path, output: Path) -> None:
    """A plain GeoTIFF becomes a COG; its overviews are picked, never averaged, for the classes."""
    rasterio.shutil.copy(
        rough, output, driver="COG", compress="DEFLATE", predictor="YES", blocksize=BLOCK,
        overview_resampling="NEAREST", bigtiff="IF_SAFER",
    )  # fmt: skip
    rough.unlink()


def _windows(width: int, height: int) -> Iterator[tuple[int, int, int, int]]:
    for row in range(0, height, BLOCK):
        for column in range(0, width, STRIDE):
            yield column, row, min(STRIDE, width - column), min(BLOCK, height - row)


def _nodata(bands: list[_Band], stated: Registration, dtype: np.dtype[Any]) -> float | None:
    """The number for no data that all bands get, None if the files have none."""
    spectral = [band for band in bands if band.key not in CLASS_BANDS]
    wanted = [stated.nodata, *(band.nodata for band in spectral)]
    wanted += [0.0 for band in spectral if band.masked]
    if stated.sensor != "custom":
        wanted.append(0.0)
    floating = np.issubdtype(dtype, np.floating)
    fitting = [v for v in wanted if v is not None and (floating or _holds(dtype, v))]
    return fitting[0] if fitting else None


def _holds(dtype: np.dtype[Any], value: float) -> bool:
    limits = np.iinfo(dtype)
    return bool(np.isfinite(value) and value == int(value) and limits.min <= value <= limits.max)


def _common(
    band: _Band, values: NDArray[Any], dtype: np.dtype[Any], nodata: float | None
) -> NDArray[Any]:
    """Numbers in the common type; a band's own number for no data becomes the common one."""
    out = values.astype(dtype)
    own = band.nodata
    if own is not None and nodata is not None and own != nodata and band.key not in CLASS_BANDS:
        out[np.isnan(values) if np.isnan(own) else values == own] = nodata
    return out


def main(arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """``{given, stated, output, root, href}`` -> ``{scene, made}``, for the limited process."""
    stated = dict(arguments["stated"])
    stated["datetime"] = datetime.fromisoformat(stated["datetime"])
    if stated.get("tags") is not None:
        stated["tags"] = tuple(stated["tags"])
    given = [Given(Path(g["path"]), g["name"], g["bands"]) for g in arguments["given"]]
    root = arguments.get("root")
    scene, made = admit(
        given,
        Registration(**{**stated, "bands": ()}),
        Path(arguments["output"]),
        progress,
        root=Path(root) if root else None,
        href=arguments.get("href"),
    )
    return {"scene": scene.model_dump(mode="json"), "made": made}
