"""Means of one place over scenes, against polygons cut with pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely

from geo import crs as ground
from geo.errors import Rejected
from geo.soil import raster
from geo.soil.indices import get
from geo.soil.series import series, usual_masks

pytestmark = pytest.mark.unit


def place(shape: shapely.Geometry) -> shapely.Geometry:
    moved = shapely.transform(shape, lambda xy: xy + np.array([570_000, 5_040_000]))
    return ground.transform(np.array([moved]), "EPSG:32651", ground.STORAGE)[0]


def test_means_are_weighted_by_area(tmp_path: Path, write, pixels, stated) -> None:
    pixels[4, 20:60, 30:50] = 9  # cloud
    pixels[:, 70:80] = 0
    scene = raster.register(tmp_path, write("a.tif", pixels), stated)
    shape = shapely.Polygon([(113, -57), (1101, -233), (903, -909), (301, -1007)])
    [seen] = series(tmp_path, [scene], get("si_gr"), place(shape), ("scl",))
    rows, columns = np.indices(pixels[0].shape)
    boxes = shapely.box(columns * 10, -rows * 10 - 10, columns * 10 + 10, -rows * 10)
    weight = shapely.area(shapely.intersection(boxes, shape))
    clear = (pixels[4] == 5) & (pixels[1] > 0)
    value = np.sqrt((pixels[1] * 1e-4 - 0.1) * (pixels[2] * 1e-4 - 0.1))
    wanted = (value * weight)[clear].sum() / weight[clear].sum()
    assert seen.mean == pytest.approx(wanted, rel=1e-6)
    assert seen.observed_share == pytest.approx(weight[clear].sum() / shape.area, rel=1e-6)
    assert seen.low < seen.mean < seen.high


def test_what_is_hidden_or_outside_has_no_mean(tmp_path: Path, write, pixels, stated) -> None:
    pixels[4, :20] = 9
    scene = raster.register(tmp_path, write("a.tif", pixels), stated)
    for shape in (shapely.box(0, -150, 90, -50), shapely.box(9000, 0, 9100, 90)):
        [seen] = series(tmp_path, [scene], get("si_gr"), place(shape), ("scl",))
        assert seen.mean is None
        assert seen.observed_share == 0.0
    assert series(tmp_path, [scene], get("mndwi"), place(shape)) == []
    with pytest.raises(Rejected, match="too large"):
        series(tmp_path, [scene], get("si_gr"), place(shapely.box(0, -9e4, 9e4, 0)))


def test_masks_fit_the_scene_and_the_index(tmp_path: Path, write, pixels, stated) -> None:
    scene = raster.register(tmp_path, write("a.tif", pixels), stated)
    assert usual_masks(scene, get("si_gr")) == ("scl", "water", "vegetation")
    assert usual_masks(scene, get("ndvi")) == ("scl",)
    without = scene.model_copy(update={"bands": {"G": 2, "R": 3}})
    assert usual_masks(without, get("si_gr")) == ()


def test_a_place_over_several_blocks(tmp_path: Path, write, stated) -> None:
    pixels = np.random.default_rng(1).integers(1200, 5200, (5, 300, 520)).astype(np.uint16)
    pixels[4] = 5
    scene = raster.register(tmp_path, write("wide.tif", pixels), stated)
    shape = shapely.box(0, -3000, 5200, 0)
    [seen] = series(tmp_path, [scene], get("si_gr"), place(shape), ("scl",))
    value = np.sqrt((pixels[1] * 1e-4 - 0.1) * (pixels[2] * 1e-4 - 0.1))
    # The scale of the plane changes by 1e-6 over five kilometres.
    assert seen.mean == pytest.approx(value.mean(), rel=1e-6)
    assert seen.observed_share == pytest.approx(1.0, abs=1e-6)
