"""A registered scene: one GeoTIFF with the meaning of its numbers written down.

Reflectance is ``DN * scale + offset``, always from the record, never guessed
from a date. Paths are relative to the raster root and may not leave it.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from pathlib import Path
from typing import Annotated

from affine import Affine
from pydantic import BaseModel, ConfigDict, model_validator
from pydantic import Field as Attr

from geo.errors import Rejected
from geo.layers import Text
from geo.soil.grid import Grid
from geo.soil.indices import BANDS
from geo.soil.scaling import OffsetApplied, Sensor

#: Keys of bands that hold classes or counts, not reflectance.
CLASS_BANDS = ("SCL", "QA_PIXEL", "QA_RADSAT", "N_OBS")


class Notice(BaseModel):
    """Something about a scene that a person should look at."""

    model_config = ConfigDict(frozen=True)

    code: str
    zh: str
    en: str

    @classmethod
    def of(cls, code: str, zh: str, en: str) -> Notice:
        return cls(code=code, zh=zh, en=en)


class Source(BaseModel):
    """A file that a scene was made from."""

    model_config = ConfigDict(frozen=True)

    name: str
    sha256: str
    size: int


class Composed(BaseModel):
    """How a composite was made: medians of clear observations."""

    model_config = ConfigDict(frozen=True)

    scenes: tuple[tuple[str, str], ...]  # (id, sha256), oldest first
    start: datetime
    end: datetime
    window: tuple[str, str] | None  # first and last day of each year, MM-DD
    masks: tuple[str, ...]
    persistence: int
    method: Text
    observations: dict[str, float]  # of pixels: least, median, most, share with none


class Scene(BaseModel):
    """Metadata of a scene, JSON-ready.

    ``path``: POSIX path below the raster root. ``bands``: band key (B G R RE1 N
    S1 S2, SCL, QA_PIXEL) -> band number from 1. ``transform``: a b c d e f of
    (column, row) -> (x, y) in ``crs``. ``footprint``: ring of (lon, lat),
    EPSG:4490. ``how_scaled`` says where scale and offset come from; ``dark_nir`` is
    the first percentile of near infrared reflectance, of water where SCL knows it.
    ``title``: its name as people wrote it. ``retired``: not for new work.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Attr(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$")]
    path: str
    sensor: Sensor
    bands: dict[str, Annotated[int, Attr(ge=1)]]
    scale: float
    offset: float
    how_scaled: str
    nodata: float | None
    dtype: str
    width: int
    height: int
    block: int
    transform: tuple[float, float, float, float, float, float]
    crs: str
    datetime: datetime
    footprint: tuple[tuple[float, float], ...]
    sha256: str
    size: int
    title: str = ""
    offset_applied: OffsetApplied | None = None
    baseline: str | None = None
    dark_nir: float | None = None
    warnings: tuple[Notice, ...] = ()
    sources: tuple[Source, ...] = ()
    composed: Composed | None = None
    retired: bool = False

    @model_validator(mode="after")
    def _check(self) -> Scene:
        unknown = set(self.bands) - set(BANDS) - set(CLASS_BANDS)
        if unknown:
            raise ValueError(f"unknown band keys: {', '.join(sorted(unknown))}")
        return self

    @property
    def grid(self) -> Grid:
        return Grid(self.width, self.height, Affine(*self.transform), self.crs, self.block)

    @property
    def bbox(self) -> tuple[float, float, float, float]:
        lon, lat = zip(*self.footprint, strict=True)
        return min(lon), min(lat), max(lon), max(lat)


def inside(root: Path, href: str) -> Path:
    """The file that ``href`` names below ``root``. E_PATH if it leaves it, E_RASTER_OPEN if absent.

    Symbolic links count as what they point to; URLs and GDAL's virtual paths are
    just names that do not exist.
    """
    base = root.resolve()
    outside = Rejected(
        "E_PATH",
        "影像必须位于影像根目录之内",
        "a scene must lie below the raster root",
        where=href[:200],
        fix=("请使用根目录下的相对路径", "use a path relative to the root"),
    )
    try:
        path = (base / href).resolve()
        found = path.is_file()
    except (OSError, ValueError, RuntimeError) as error:  # too long, NUL, a loop of links
        raise outside from error
    if not path.is_relative_to(base) or "\0" in href or "://" in href:
        raise outside
    if not found:
        raise Rejected(
            "E_RASTER_OPEN", "影像文件不存在", "there is no such raster file", where=href[:200]
        )
    return path


def digest(path: Path) -> str:
    """sha256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def identifier(name: str) -> str:
    """What of a name can stand in an address; "" if nothing."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:100]
