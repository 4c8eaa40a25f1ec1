"""A registered scene: one GeoTIFF with the meaning of its numbers written down.

Reflectance is ``DN * scale + offset``, always from the record, never guessed
from a date. Paths are relative to the raster root and may not leave it.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from affine import Affine
from pydantic import BaseModel, ConfigDict, model_validator
from pydantic import Field as Attr

from geo.errors import Rejected
from geo.soil.grid import Grid
from geo.soil.indices import BANDS

Sensor = Literal["sentinel-2-l2a", "landsat-c2-l2", "custom"]
#: Keys of bands that hold classes or counts, not reflectance.
CLASS_BANDS = ("SCL", "QA_PIXEL", "QA_RADSAT", "N_OBS")
#: (scale, offset) of reflectance. Sentinel-2: processing baseline 04.00 and later.
PRESETS: dict[str, tuple[float, float]] = {
    "sentinel-2-l2a": (0.0001, -0.1),
    "landsat-c2-l2": (0.0000275, -0.2),
}
#: Centre wavelength of the band keys on Sentinel-2, µm, and STAC common names.
_EO = {
    "B": ("blue", 0.490), "G": ("green", 0.560), "R": ("red", 0.665), "RE1": ("rededge071", 0.704),
    "N": ("nir", 0.842), "S1": ("swir16", 1.610), "S2": ("swir22", 2.190),
}  # fmt: skip


class Scene(BaseModel):
    """Metadata of a scene, JSON-ready.

    ``path``: POSIX path below the raster root. ``bands``: band key (B G R RE1 N
    S1 S2, SCL, QA_PIXEL) -> band number from 1. ``transform``: a b c d e f of
    (column, row) -> (x, y) in ``crs``. ``footprint``: ring of (lon, lat),
    EPSG:4490. ``how_scaled`` says where scale and offset come from.
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

    def stac_item(self, href: str | None = None) -> dict[str, Any]:
        """The scene as a STAC 1.1 item (projection, raster and file extensions)."""
        bands = [
            {
                "name": key,
                **(
                    {
                        "eo:common_name": _EO[key][0],
                        "eo:center_wavelength": _EO[key][1],
                        "raster:scale": self.scale,
                        "raster:offset": self.offset,
                    }
                    if key in _EO
                    else {}
                ),
            }
            for key, _ in sorted(self.bands.items(), key=lambda item: item[1])
        ]
        return {
            "type": "Feature",
            "stac_version": "1.1.0",
            "stac_extensions": [
                "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
                "https://stac-extensions.github.io/eo/v2.0.0/schema.json",
                "https://stac-extensions.github.io/raster/v2.0.0/schema.json",
                "https://stac-extensions.github.io/file/v2.1.0/schema.json",
            ],
            "id": self.id,
            "geometry": {"type": "Polygon", "coordinates": [[list(p) for p in self.footprint]]},
            "bbox": list(self.bbox),
            "properties": {
                "datetime": self.datetime.astimezone(UTC).isoformat().replace("+00:00", "Z"),
                "constellation": self.sensor.rsplit("-", 1)[0] if self.sensor != "custom" else None,
                "proj:code": self.crs if self.crs.startswith("EPSG:") else None,
                "proj:shape": [self.height, self.width],
                "proj:transform": list(self.transform),
                "liangtian:sensor": self.sensor,
                "liangtian:scaling": self.how_scaled,
            },
            "links": [],
            "assets": {
                "data": {
                    "href": href or self.path,
                    "type": "image/tiff; application=geotiff",
                    "roles": ["data", "reflectance"],
                    "bands": bands,
                    "data_type": self.dtype,
                    "nodata": self.nodata,
                    # Multihash: 0x12 sha2-256, 0x20 bytes.
                    "file:checksum": f"1220{self.sha256}",
                    "file:size": self.size,
                }
            },
        }


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
