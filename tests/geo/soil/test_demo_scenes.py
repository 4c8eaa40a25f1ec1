"""The demonstration scenes: real-looking files whose graded areas agree with their own truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely

from data.demo import landscape, scenes
from geo import crs as ground
from geo.soil import raster, run
from geo.soil.classify import Classifier
from geo.soil.grading import Gradings
from geo.soil.indices import get
from geo.soil.zonal import Tally, ZoneIndex

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[3]
SIZE = (1024, 768)
MASKS = ("scl", "water", "vegetation")


@pytest.fixture(scope="module")
def fields() -> scenes.Fields:
    """Rows of fields of some 400 m x 250 m over the scene, with gaps, a little askew."""
    t = scenes.frame(SIZE)
    x, y = np.meshgrid(np.arange(900, 9300, 411.0), np.arange(900, 6700, 263.0))
    boxes = shapely.box(x, y, x + 397, y + 251).ravel()
    askew = shapely.transform(boxes, lambda a: a @ np.array([[0.998, 0.06], [-0.06, 0.998]]))
    placed = shapely.transform(askew, lambda a: a + np.array([t.c, t.f - 7680.0]))
    rng = np.random.default_rng(2)
    return scenes.Fields(
        ground.transform(placed, scenes.CRS, ground.STORAGE),
        rng.choice(["rice", "rice", "maize", "forage"], len(placed)),
        rng.choice([0, 2022, 2024, 2025], len(placed)),
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory, fields) -> tuple[Path, list]:
    folder = tmp_path_factory.mktemp("scenes")
    return folder, scenes.write_scenes(folder, landscape, fields, SIZE)


def test_demonstration_grading_follows_from_the_model() -> None:
    grading = Gradings.load(ROOT / "data").resolve("demo-si-gr")
    assert grading.kind == "demonstration"
    assert "演示" in grading.title.zh
    model = scenes.soil(landscape.GRADE_CUTS)
    limits = get("si_gr").evaluate(dict(zip(scenes.BANDS, model, strict=True)))
    np.testing.assert_allclose(grading.axes[0].cuts, limits, atol=5e-5)
    assert tuple(grade.code for grade in grading.grades) == landscape.GRADES


@pytest.mark.parametrize("number", [0, 1])
def test_graded_areas_agree_with_the_truth(made, fields, number) -> None:
    """Each grade's area over all fields within 2 % of the observed area; 9 of 10 places right."""
    folder, records = made
    scene = records[number]
    grading = Gradings.load(ROOT / "data").resolve("demo-si-gr")
    result = run.areas(
        folder, scene, spec={"index": "si_gr"}, grading=grading, zones=fields.geometry,
        zone_ids=range(len(fields.geometry)), masks=MASKS,
    )  # fmt: skip
    parts = result.areas.grade_m2.sum(axis=1) + result.areas.masked_m2 + result.areas.outside_m2
    np.testing.assert_allclose(parts, result.areas.zone_m2, rtol=1e-9)

    # The truth of the same places: observed pixels only, by the same exact fractions.
    classifier = Classifier(scene, get("si_gr"), grading, MASKS)
    with raster.Reader.open(folder, scene) as reader:
        seen = classifier.codes(reader, (0, 0, scene.width, scene.height))
    with rasterio.open(folder / f"truth_{scene.path}") as file:
        truth = file.read(1)
    grades = len(grading.grades)
    observed = seen < grades
    assert (truth[observed] < grades).all()
    index = ZoneIndex.build(fields.geometry, scene.model_copy(update={"block": 1024}).grid)
    tally = Tally(index, 256)
    tally.add(0, np.where(observed, truth, 255).astype(np.uint8))
    true_m2 = tally.areas[:, :grades].sum(axis=0)
    graded_m2 = result.sum.areas.grade_m2[0]
    assert graded_m2.sum() == pytest.approx(true_m2.sum(), rel=1e-7)
    assert np.abs(graded_m2 - true_m2).max() < 0.02 * true_m2.sum()
    assert (true_m2 > 0.01 * true_m2.sum()).sum() >= 3  # not an empty agreement
    assert (seen[observed] == truth[observed]).mean() > 0.9


def test_treatment_shows_between_the_scenes(made, fields) -> None:
    """Treated fields improve more than untreated ones: the story of the demonstration."""
    folder, records = made
    mean = []
    for scene in records:
        with rasterio.open(folder / f"truth_{scene.path}") as file:
            truth = file.read(1)
        index = ZoneIndex.build(fields.geometry, scene.grid)
        tally = Tally(index, 256)
        for block in index.blocks:
            c, r, w, h = scene.grid.window(int(block))
            tally.add(int(block), truth[r : r + h, c : c + w])
        area = tally.areas[:, :5]
        mean.append((area @ np.arange(5)) / np.maximum(area.sum(axis=1), 1.0))
    better = mean[0] - mean[1]
    assert better[fields.treated > 0].mean() > 0.15
    assert abs(better[fields.treated == 0].mean()) < 1e-9


def test_files_are_what_the_product_is(made) -> None:
    folder, records = made
    assert [scene.datetime.year for scene in records] == [2025, 2026]
    for scene in records:
        with rasterio.open(folder / scene.path) as file:
            assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
            assert file.overviews(1)
            assert file.descriptions == ("B02", "B03", "B04", "B08", "B11", "B12", "SCL")
            classes = file.read(7)
            swir = file.read(5)
        assert {3, 5, 6, 9} <= set(np.unique(classes))
        assert ((classes == 0) == (swir == 0)).all()
        assert raster.sanity(folder, scene).verdict == "ok"
    # Nobody needs to say that the offset is still in the numbers where a lake shows it.
    first = records[0]
    stated = raster.Registration("sentinel-2-l2a", (*scenes.BANDS, "SCL"), first.datetime)
    assert raster.register(folder, first.path, stated).offset == -0.1
    with rasterio.open(folder / first.path) as file:
        assert (file.read(7) == 0).any()


def test_same_input_same_pixels(made, tmp_path, fields) -> None:
    _, records = made
    again = scenes.write_scenes(tmp_path, landscape, fields, SIZE)
    assert [scene.sha256 for scene in again] == [scene.sha256 for scene in records]
