"""Two made-up Sentinel-2 scenes of Da'an irrigation district, with the truth beside them.

A pixel's spectrum is a mixture of measured-like spectra (white crust, moderate
soda soil, dark soil, canopy, flooded paddy, water) by the severity of the
landscape, minus what treatment has achieved in the plots. Numbers are stored as
the real product stores them (DN = reflectance x 10000 + 1000, 0 no data), so
everything that reads them is used as it would be on real scenes. The true grade
of every pixel is kept in ``truth_<scene>.tif``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import rasterio
import shapely
from numpy.typing import ArrayLike, NDArray
from rasterio.features import rasterize
from rasterio.transform import Affine, from_origin

from data.demo import outlines
from geo import crs as ground
from geo.soil.raster import Registration, register
from geo.soil.scene import Scene

Reals = NDArray[np.float32]

CRS = "EPSG:32651"
PIXEL = 10.0
SIZE = (4096, 2560)  # columns, rows: the district and some kilometres around it
BANDS = ("B", "G", "R", "N", "S1", "S2")
#: Reflectance in B02 B03 B04 B08 B11 B12.
SPECTRA: dict[str, tuple[float, ...]] = {
    "dark": (0.05, 0.07, 0.09, 0.13, 0.20, 0.17),
    "moderate": (0.12, 0.15, 0.18, 0.24, 0.30, 0.26),
    "crust": (0.22, 0.27, 0.31, 0.36, 0.38, 0.33),
    "canopy": (0.03, 0.07, 0.04, 0.42, 0.18, 0.08),
    "paddy": (0.06, 0.08, 0.08, 0.07, 0.05, 0.03),
    "water": (0.05, 0.06, 0.04, 0.02, 0.01, 0.01),
    "cloud": (0.62, 0.64, 0.66, 0.70, 0.55, 0.45),
}
#: Severity at which the soil looks dark, moderate and like a crust.
SOIL_KNOTS = (0.0, 0.5, 1.0)
#: Crops that are green in early May.
GREEN = ("oat", "forage", "vegetable")
NO_TRUTH = 255
#: Stored numbers are multiples of this, which makes the files smaller; noise is larger.
STEP = 25
COARSE = 2  # soil varies in patches of so many pixels; fields and water have edges to the pixel
LEVELS = 1000  # severities are told apart to a thousandth


class Landscape(Protocol):
    """`data.demo.landscape`, or a stand-in with the same names."""

    @property
    def GRADE_CUTS(self) -> tuple[float, ...]: ...

    def salinity_severity(self, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.float64]: ...
    def rivers(self) -> NDArray[np.object_]: ...
    def lakes(self) -> NDArray[np.object_]: ...


@dataclass(frozen=True)
class Fields:
    """Cultivated polygons. ``treated``: year in which remediation began, 0 for none."""

    geometry: NDArray[np.object_]  # shapely, EPSG:4490
    crop: NDArray[np.str_]  # codes of the code list ``crop``, "" for none
    treated: NDArray[np.int64]


@dataclass(frozen=True)
class Pass:
    """One overflight: what differs between the scenes."""

    id: str
    when: datetime
    flooded: float  # share of rice fields under water already
    cloud: float  # share of the sky
    swath: int  # pixels that the swath edge cuts off the north-west corner
    seed: int


PASSES = (
    Pass("s2-daan-20250503", datetime(2025, 5, 3, 2, 45, 41, tzinfo=UTC), 0.10, 0.05, 420, 11),
    Pass("s2-daan-20260508", datetime(2026, 5, 8, 2, 45, 49, tzinfo=UTC), 0.16, 0.03, 0, 12),
)


def soil(severity: ArrayLike) -> NDArray[np.float64]:
    """Reflectance [bands, ...] of bare soil of a severity 0..1."""
    at = np.asarray(severity, dtype=np.float64)
    knots = np.array([SPECTRA[name] for name in ("dark", "moderate", "crust")])
    return np.stack([np.interp(at, SOIL_KNOTS, knots[:, band]) for band in range(len(BANDS))])


def severity_now(severity: ArrayLike, treated: ArrayLike, year: int) -> Reals:
    """Severity after treatment: 15 % less for each winter since it began, to 40 % at best."""
    winters = np.where(np.asarray(treated) > 0, np.maximum(year - np.asarray(treated), 0), 0)
    left: Reals = np.asarray(severity, dtype=np.float32) * np.maximum(
        0.4, 1.0 - 0.15 * winters
    ).astype(np.float32)
    return left


def frame(size: tuple[int, int] = SIZE) -> Affine:
    """Geotransform of scenes of (columns, rows): Da'an district in the middle, snapped to 10 m."""
    number = [district.code for district in outlines.DISTRICTS].index("DA2")
    moved = ground.transform(outlines.districts()[[number]], ground.STORAGE, CRS)
    west, south, east, north = shapely.total_bounds(moved)
    left = round(((west + east) / 2 - size[0] * PIXEL / 2) / PIXEL) * PIXEL
    top = round(((south + north) / 2 + size[1] * PIXEL / 2) / PIXEL) * PIXEL
    return from_origin(left, top, PIXEL, PIXEL)


def write_scenes(
    folder: Path, landscape: Landscape, fields: Fields, size: tuple[int, int] = SIZE
) -> list[Scene]:
    """Write both scenes and their truth into ``folder``; the scenes' records, oldest first.

    Where fields overlap the later one counts. Same input, same pixels. ``size``:
    columns and rows, multiples of 8. At full size some 7 s and 55 MB.
    """
    folder.mkdir(parents=True, exist_ok=True)
    transform = frame(size)
    severity = _severity(landscape, transform, size)
    water = _burn([*landscape.rivers(), *landscape.lakes()], transform, severity.shape) > 0
    field = _burn(list(fields.geometry), transform, severity.shape)
    treated = np.append(0, fields.treated)
    crop = np.append("", fields.crop)
    green = np.where(np.isin(crop, GREEN), np.float32(0.65), np.float32(0))
    scenes = []
    for overflight in PASSES:
        pixels = np.empty((len(BANDS) + 1, *severity.shape), dtype=np.uint16)
        truth = np.empty(severity.shape, dtype=np.uint8)
        sky = _clouds(severity.shape, overflight)
        flooded = _flooded(crop, overflight)
        for rows in _strips(severity.shape[0]):
            here = field[rows]
            now = severity_now(severity[rows], treated[here], overflight.when.year)
            cover = _Cover(
                water=water[rows],
                flooded=flooded[here],
                # Sparse grass on the better land between the fields.
                green=np.where(here > 0, green[here], np.maximum(0.25 - now, 0).astype(np.float32)),
                cloud=sky[0][rows],
                shadow=sky[1][rows],
            )
            seed = np.random.default_rng((overflight.seed, rows.start))
            pixels[:, rows] = _draw(now, cover, seed)
            truth[rows] = np.where(cover.water, NO_TRUTH, np.digitize(now, landscape.GRADE_CUTS))
        for row in range(overflight.swath):
            pixels[:, row, : overflight.swath - row] = 0
        name = f"{overflight.id}.tif"
        _write(folder / name, pixels, transform, nodata=0)
        _write(folder / f"truth_{name}", truth[None], transform, nodata=NO_TRUTH)
        stated = Registration(
            "sentinel-2-l2a",
            (*BANDS, "SCL"),
            overflight.when,
            id=overflight.id,
            offset_applied="no",
        )
        scenes.append(register(folder, name, stated))
    return scenes


@dataclass(frozen=True)
class _Cover:
    water: NDArray[np.bool_]
    flooded: NDArray[np.bool_]
    green: Reals
    cloud: Reals  # opacity 0..1
    shadow: NDArray[np.bool_]


def _draw(severity: Reals, cover: _Cover, rng: np.random.Generator) -> NDArray[np.uint16]:
    """DN of the bands and SCL, uint16[7, h, w]."""
    coarse = (severity.shape[0] // COARSE, severity.shape[1] // COARSE)
    # Cracks and clods: brightness that all bands share; and a little noise of each band.
    texture = _patches(1.0 + 0.03 * rng.standard_normal(coarse, dtype=np.float32))
    noise = 0.0008 * rng.standard_normal(coarse, dtype=np.float32)
    level = np.round(severity * LEVELS).astype(np.uint16)
    table = soil(np.arange(LEVELS + 1) / LEVELS).astype(np.float32)
    clear = np.float32(1) - cover.cloud
    out = np.empty((len(BANDS) + 1, *severity.shape), dtype=np.uint16)
    for band in range(len(BANDS)):
        canopy, paddy, water, cloud = (
            np.float32(SPECTRA[name][band]) for name in ("canopy", "paddy", "water", "cloud")
        )
        value = table[band][level]
        value += cover.green * (canopy - value)
        value *= texture
        value[cover.flooded] = paddy
        value[cover.water] = water
        value[cover.shadow] *= np.float32(0.35)
        value *= clear
        value += cloud * cover.cloud
        value += _patches(np.roll(noise, 7 * band, axis=1))
        np.maximum(value, 0, out=value)
        value *= np.float32(10_000 / STEP)
        value += np.float32(1000 / STEP + 0.5)
        out[band] = value.astype(np.uint16) * np.uint16(STEP)
    classes = np.where(cover.water | cover.flooded, 6, np.where(cover.green > 0.5, 4, 5))
    classes[cover.shadow] = 3
    classes[cover.cloud > 0.05] = 8
    classes[cover.cloud > 0.6] = 9
    out[-1] = classes
    return out


def _patches(values: Reals) -> Reals:
    return values.repeat(COARSE, axis=0).repeat(COARSE, axis=1)


def _severity(landscape: Landscape, transform: Affine, size: tuple[int, int]) -> Reals:
    """Severity of every pixel: the landscape, and patches of some tens of metres."""
    columns, rows = size
    every = 4 * COARSE
    x = transform.c + PIXEL * every * np.arange(columns // every + 1)
    y = transform.f - PIXEL * every * np.arange(rows // every + 1)
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    lon, lat = ground.transform_points(grid, CRS).T
    nodes = landscape.salinity_severity(lon, lat).reshape(len(y), len(x)).astype(np.float32)
    smooth = _finer(nodes, 4)
    rough = np.random.default_rng(10).standard_normal(smooth.shape, dtype=np.float32)
    smooth += np.float32(0.05) * rough * np.sqrt(smooth * (1 - smooth))
    return _patches(np.clip(smooth, 0, 1))


def _finer(nodes: Reals, times: int) -> Reals:
    """Bilinear values, ``times`` as many cells a side, at the cells' centres between nodes."""
    t = (np.arange(times, dtype=np.float32) + np.float32(0.5)) / np.float32(times)
    low, high = nodes[:-1, None, :], nodes[1:, None, :]
    tall = (low + (high - low) * t[:, None]).reshape(-1, nodes.shape[1])
    left, right = tall[:, :-1, None], tall[:, 1:, None]
    fine: Reals = (left + (right - left) * t).reshape(len(tall), -1)
    return fine


def _clouds(shape: tuple[int, ...], overflight: Pass) -> tuple[Reals, NDArray[np.bool_]]:
    """Opacity of clouds and where their shadows fall (north-west of them in the morning)."""
    rng = np.random.default_rng((overflight.seed, 99))
    step = 64
    nodes = (-(-shape[0] // step) + 1, -(-shape[1] // step) + 1)
    field = rng.standard_normal(nodes, dtype=np.float32)
    for axis in (0, 1):
        field = np.roll(field, -1, axis) + field + np.roll(field, 1, axis)
    depth = _finer(field, step)[: shape[0], : shape[1]]
    least = np.quantile(depth[::16, ::16], 1.0 - overflight.cloud)
    # Opacity in steps: a sky without noise packs well.
    opacity = np.clip(np.round((depth - least) * 25) / 20, 0, 1).astype(np.float32)
    shadow = np.zeros(shape, dtype=bool)
    shadow[:-70, :-50] = opacity[70:, 50:] > 0.3
    return opacity, shadow & (opacity <= 0.05)


def _flooded(crop: NDArray[np.str_], overflight: Pass) -> NDArray[np.bool_]:
    drawn = np.random.default_rng((overflight.seed, 7)).random(len(crop))
    return (crop == "rice") & (drawn < overflight.flooded)


def _burn(shapes: list[Any], transform: Affine, shape: tuple[int, ...]) -> NDArray[np.int32]:
    """Number from 1 of the polygon that holds each pixel's centre, 0 for none."""
    moved = ground.transform(np.array(shapes, dtype=object), ground.STORAGE, CRS)
    numbered = [(item, number) for number, item in enumerate(moved, start=1) if item is not None]
    if not numbered:
        return np.zeros(shape, dtype=np.int32)
    burnt: NDArray[np.int32] = rasterize(
        numbered, out_shape=shape, transform=transform, dtype="int32"
    )
    return burnt


def _strips(rows: int, height: int = 256) -> Iterator[slice]:
    for start in range(0, rows, height):
        yield slice(start, min(start + height, rows))


def _write(path: Path, pixels: NDArray[Any], transform: Affine, nodata: int) -> None:
    """A cloud-optimised GeoTIFF; nearest overviews, because SCL holds classes."""
    with rasterio.open(
        path, "w", driver="COG", crs=CRS, transform=transform, nodata=nodata,
        count=pixels.shape[0], height=pixels.shape[1], width=pixels.shape[2], dtype=pixels.dtype,
        compress="DEFLATE", predictor="YES", level=4, blocksize=512, num_threads=2,
        overview_resampling="NEAREST", bigtiff="NO",
    ) as file:  # fmt: skip
        file.write(pixels)
        if pixels.shape[0] > 1:
            for number, name in enumerate(("B02", "B03", "B04", "B08", "B11", "B12", "SCL"), 1):
                file.set_band_description(number, name)
