"""Files that field teams send, made for the tests."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pyogrio.raw
import shapely

from geo import crs as ground


def shapefile_zip(
    folder: Path,
    columns: dict[str, list],
    lonlat: np.ndarray,
    *,
    crs: str = "EPSG:4529",
    encoding: str = "GBK",
    name: str = "地块",
    leave_out: tuple[str, ...] = (),
) -> bytes:
    """A zipped shapefile with these columns; ``lonlat`` are shapely geometries in EPSG:4490."""
    shapes = ground.transform(lonlat, ground.STORAGE, crs)
    path = folder / f"{name}.shp"
    data = [np.array(values, dtype=object if isinstance(values[0], str) else None)
            for values in columns.values()]  # fmt: skip
    pyogrio.raw.write(
        path,
        geometry=shapely.to_wkb(shapes),
        field_data=data,
        fields=np.array(list(columns), dtype=object),
        geometry_type="Polygon",
        crs=crs,
        driver="ESRI Shapefile",
        encoding=encoding,
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in sorted(folder.glob(f"{name}.*")):
            if part.suffix not in leave_out:
                archive.write(part, part.name)
    return out.getvalue()


def squares(count: int, lon: float, lat: float, size: float = 0.002) -> np.ndarray:
    """A row of squares that share edges, EPSG:4490."""
    x = lon + np.arange(count) * size
    return shapely.box(x, np.full(count, lat), x + size, np.full(count, lat + size))


def many(folder: Path, name: str, count: int = 6000) -> bytes:
    """A zipped shapefile of so many plots that pass every check."""
    folder.mkdir(parents=True)
    columns = {
        "DKBH": [f"{name}{i}" for i in range(count)],
        "XZQDM": ["220882"] * count,
        "ZLJD": ["储备"] * count,
    }
    return shapefile_zip(folder, columns, squares(count, 121.7, 44.5, size=0.0002))
