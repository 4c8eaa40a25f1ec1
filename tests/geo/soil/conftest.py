"""Small scenes on disk, written by the tests themselves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from geo.soil.raster import Registration

WHEN = datetime(2025, 5, 3, 2, 45, tzinfo=UTC)
BANDS = ("B", "G", "R", "N", "SCL")


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """write(name, array[bands, h, w], **profile) -> name, a GeoTIFF below tmp_path."""

    def make(name: str, pixels: np.ndarray, **profile: Any) -> str:
        options = {
            "driver": "GTiff", "crs": "EPSG:32651", "nodata": 0, "tiled": True,
            "transform": from_origin(570000, 5040000, 10, 10), "blockxsize": 64, "blockysize": 64,
            "count": pixels.shape[0], "height": pixels.shape[1], "width": pixels.shape[2],
            "dtype": pixels.dtype,
        } | profile  # fmt: skip
        with rasterio.open(tmp_path / name, "w", **options) as file:
            file.write(pixels)
        return name

    return make


@pytest.fixture
def stated() -> Registration:
    return Registration("sentinel-2-l2a", BANDS, WHEN, offset_applied="no")


@pytest.fixture
def pixels() -> np.ndarray:
    """Random reflectances 0.02-0.42 as DN with the offset; SCL 5. uint16[5, 150, 200]."""
    rng = np.random.default_rng(7)
    array = rng.integers(1200, 5200, (5, 150, 200)).astype(np.uint16)
    array[4] = 5
    return array
