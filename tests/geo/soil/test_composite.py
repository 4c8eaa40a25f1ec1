"""Composites: medians of clear observations, against numpy on the whole stack and by hand."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from geo.errors import Rejected
from geo.soil import composite, mask, raster
from geo.soil.raster import Registration
from tests.geo.soil.conftest import BANDS, WHEN

pytestmark = pytest.mark.unit


def quiet(_stage: str, _fraction: float | None) -> None: ...


@pytest.fixture
def series(tmp_path, write):
    """series([pixels, ...], **change) -> scenes five days apart."""

    def make(stacks, keys=BANDS, sensor="sentinel-2-l2a", **change):
        made = []
        for number, pixels in enumerate(stacks):
            name = write(f"s{number}.tif", pixels, **change)
            stated = Registration(
                sensor, keys, WHEN + timedelta(days=5 * number), id=f"s{number}",
                scale=1e-4, offset=-0.1,
            )  # fmt: skip
            made.append(raster.register(tmp_path, name, stated))
        return made

    return make


def composed(tmp_path, plan):
    scene = composite.compose(tmp_path, plan, tmp_path / "c.tif", quiet, scene_id="c")
    with rasterio.open(tmp_path / "c.tif") as file:
        return scene, file.read()


def code_of(call, *args, **kwargs) -> str:
    with pytest.raises(Rejected) as caught:
        call(*args, **kwargs)
    return caught.value.code


def test_medians_of_clear_observations(tmp_path, series) -> None:
    """Equal to numpy's nanmedian of the whole stack to half a stored step, over several blocks."""
    rng = np.random.default_rng(3)
    stacks = rng.integers(1200, 5200, (5, 5, 530, 600)).astype(np.uint16)
    stacks[:, 4] = rng.choice([0, 3, 4, 5, 6, 8, 9, 11], stacks[:, 4].shape)
    stacks[1, 2, :40] = 0  # one band is missing: no observation at all
    stacks[:, 4, 100:110, 100:110] = 9
    plan = composite.plan(series(stacks))
    assert plan.masks == ("scl",)
    assert plan.bands == ("B", "G", "R", "N")
    scene, made = composed(tmp_path, plan)
    clear = np.isin(stacks[:, 4], (4, 5, 6, 7)) & (stacks[:, :4] != 0).all(axis=1)
    values = np.where(clear[:, None], stacks[:, :4].astype(float), np.nan)
    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning, match="All-NaN"):
        expected = np.nanmedian(values, axis=0)
    seen = clear.sum(axis=0)
    np.testing.assert_array_equal(made[4], seen)
    np.testing.assert_array_equal(made[:4] == 0, np.broadcast_to(seen == 0, made[:4].shape))
    assert np.abs(made[:4] - expected)[:, seen > 0].max() <= 0.5
    about = scene.composed
    assert about is not None
    assert [name for name, _ in about.scenes] == ["s0", "s1", "s2", "s3", "s4"]
    assert (about.start, about.end) == (WHEN, WHEN + timedelta(days=20))
    assert about.observations["least"] == 0
    assert about.observations["most"] == seen.max()
    assert about.observations["median"] == np.median(seen)
    assert about.observations["none_share"] == pytest.approx((seen == 0).mean(), abs=1e-6)
    assert scene.bands == {"B": 1, "G": 2, "R": 3, "N": 4, "N_OBS": 5}
    assert (scene.scale, scene.offset, scene.nodata) == (1e-4, -0.1, 0)
    (rule,) = mask.resolve(["observations:3"], scene.bands)
    raw = {"N_OBS": made[4]}
    np.testing.assert_array_equal(rule.find(raw, {}), seen < 3)


def test_masks_and_windows(tmp_path, series, pixels) -> None:
    scenes = series([pixels, pixels, pixels])
    plan = composite.plan(scenes, masks=("scl", "vegetation:0.35"), bands=("R", "N"))
    _, made = composed(tmp_path, plan)
    red, nir = (pixels[k] * 1e-4 - 0.1 for k in (2, 3))
    plants = (nir - red) / (nir + red) >= 0.35
    sure = np.abs((nir - red) / (nir + red) - 0.35) > 1e-6
    np.testing.assert_array_equal((made[2] == 0)[sure], plants[sure])
    plan = composite.plan(scenes, window=("05-04", "05-25"))
    assert [scene.id for scene in plan.scenes] == ["s1", "s2"]
    assert composite.within(WHEN, ("05-03", "05-03"))
    assert not composite.within(WHEN, ("11-01", "03-31"))
    assert composite.within(WHEN.replace(month=1), ("11-01", "03-31"))
    for text in ("5-1", "13-01", "02-30", "0501"):
        with pytest.raises(ValueError, match=r"MM-DD|month|day|Invalid"):
            composite.check_window((text, "06-01"))
    assert composite.check_window(("02-29", "06-01"))
    assert code_of(composite.plan, scenes, window=("06-01", "07-01")) == "E_COMPOSITE"
    pixels[4] = 9
    plan = composite.plan(series([pixels]))
    assert code_of(composed, tmp_path, plan) == "E_RASTER_EMPTY"


def test_crust_that_is_classed_as_cloud(tmp_path, series, pixels) -> None:
    """As bright on three dates: soil. A cloud now and then, or a brighter one: still cloud."""
    shape = (4, 5, 8, 8)
    stacks = np.full(shape, 2500, np.uint16)  # 0.15: moderate soil, at the lower limit
    stacks[:, :3] = 2000
    stacks[:, 4] = 5
    stacks[:, :4, 0] = 3700  # row 0: crust of 0.27 each time, called cloud each time
    stacks[:, 4, 0] = 8
    stacks[0, :3, 1] = 3700  # row 1: bright once
    stacks[0, 4, 1] = 8
    stacks[:, :3, 2] = 7500  # row 2: thick cloud on every date
    stacks[:, 4, 2] = 9
    stacks[:, :4, 3] = 3700  # row 3: crust, and one thick cloud over it
    stacks[1, :4, 3] = 5600
    stacks[:, 4, 3] = 8
    stacks[:, :4, 4] = 3700  # row 4: crust in cloud shadow by class
    stacks[:, 4, 4] = 3
    scenes = series(stacks, blockxsize=16, blockysize=16)
    _, plain = composed(tmp_path, composite.plan(scenes))
    assert plain[4, :6, 0].tolist() == [0, 3, 0, 0, 0, 4]
    scene, made = composed(tmp_path, composite.plan(scenes, persistence=3))
    assert made[4, :6, 0].tolist() == [4, 3, 0, 3, 0, 4]
    assert made[0, 0, 0] == 3700
    assert made[0, 3, 0] == 3700
    assert scene.composed is not None
    assert scene.composed.persistence == 3
    assert "3" in scene.composed.method.en
    same_day = [s.model_copy(update={"datetime": WHEN}) for s in scenes]
    _, made = composed(tmp_path, composite.plan(same_day, persistence=3))
    assert made[4, 0, 0] == 0
    unseen = series(stacks, (None, None, None, "N", "SCL"))
    assert code_of(composite.plan, unseen, persistence=3) == "E_RASTER_BANDS"


def test_landsat_bits(tmp_path, series, pixels) -> None:
    """Cloud, shadow and snow of Collection 2, and crust among them."""
    stacks = np.stack([pixels[:, :16, :16]] * 3)
    stacks[:, :3] = 3700
    qa = [21824, 22280, 23888, 30048]  # clear, cloud, shadow, snow
    stacks[:, 4] = np.array(qa, np.uint16).repeat(4)[None, :, None]
    scenes = series(stacks, ("B", "G", "R", "N", "QA_PIXEL"), "landsat-c2-l2")
    _, made = composed(tmp_path, composite.plan(scenes))
    assert made[4, ::4, 0].tolist() == [3, 0, 0, 0]
    _, made = composed(tmp_path, composite.plan(scenes, persistence=3))
    assert made[4, ::4, 0].tolist() == [3, 3, 0, 3]


def test_what_does_not_go_together(series, pixels) -> None:
    scenes = series([pixels, pixels])
    moved = series([pixels], transform=from_origin(570010, 5040000, 10, 10))[0]
    assert code_of(composite.plan, [scenes[1], moved]) == "E_RASTER_GRID"
    other = scenes[0].model_copy(update={"sensor": "landsat-c2-l2"})
    assert code_of(composite.plan, [scenes[1], other]) == "E_COMPOSITE"
    red_edge = scenes[0].model_copy(update={"bands": {"R": 1, "N": 2, "RE1": 3, "SCL": 4}})
    assert composite.plan([scenes[1], red_edge]).bands == ("R", "N")
    assert code_of(composite.plan, [scenes[1], red_edge], bands=["RE1"]) == "E_RASTER_BANDS"
    assert code_of(composite.plan, scenes, bands=[]) == "E_RASTER_BANDS"
    assert code_of(composite.plan, scenes, bands=["SCL"]) == "E_RASTER_BANDS"
    assert code_of(composite.plan, scenes, masks=["qa_pixel"]) == "E_MASK"
    assert code_of(composite.plan, []) == "E_COMPOSITE"
    assert code_of(composite.plan, scenes * 21) == "E_COMPOSITE"
