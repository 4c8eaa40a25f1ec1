"""Calibration: worked measures, our models against scikit-learn's, and honest cross-validation."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.cross_decomposition import PLSRegression
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression

from geo.errors import Rejected
from geo.soil import calibrate, folds, metrics
from geo.soil import target as targets
from geo.soil.classify import Classifier
from geo.soil.grading import Gradings
from geo.soil.measure import measure_of, named
from geo.soil.model import Forest, Model
from geo.soil.raster import Reader, Registration, register

pytestmark = pytest.mark.unit

PREDICTED = [0.4, 0.9, 1.3, 1.6, 2.0, 2.4, 2.9, 3.3]
OBSERVED = [0.5, 0.7, 1.6, 1.5, 2.4, 2.3, 3.3, 3.1]
PH = targets.get("ph")


def test_measures_of_the_worked_example() -> None:
    found = metrics.fit(OBSERVED, PREDICTED)
    assert found["r2"] == pytest.approx(0.9302, abs=5e-5)
    assert found["rmse"] == pytest.approx(0.25495, abs=5e-6)
    assert (found["mae"], found["bias"]) == pytest.approx((0.225, 0.075))
    assert found["ccc"] == pytest.approx(0.9639, abs=5e-5)
    assert (found["rpd"], found["rpiq"]) == pytest.approx((4.048, 5.001), abs=5e-4)
    squared = np.corrcoef(OBSERVED, PREDICTED)[0, 1] ** 2
    assert squared == pytest.approx(0.9363, abs=5e-5)
    assert found["r2"] < squared
    # A prediction that is always too high has a perfect correlation and no skill at all.
    assert metrics.fit([1, 2, 3], [11, 12, 13])["r2"] < 0


def test_difference_and_regression_estimators() -> None:
    found = metrics.difference(1.80, PREDICTED, OBSERVED)
    assert (found.mean, found.se, found.ci95) == pytest.approx((1.875, 0.09210, 0.2178), abs=5e-5)
    greg = metrics.regression(1.80, PREDICTED, OBSERVED)
    assert (greg.mean, greg.se) == pytest.approx((1.8747, 0.0995), abs=5e-5)
    alone = metrics.sample_mean(OBSERVED)
    assert (alone.mean, alone.se) == pytest.approx((1.925, 0.3649), abs=5e-5)
    assert (alone.se / found.se) ** 2 == pytest.approx(15.7, abs=0.05)
    one = metrics.stratified_difference(1.80, PREDICTED, OBSERVED, np.zeros(8), [5.0])
    assert (one.mean, one.se) == pytest.approx((found.mean, found.se))
    # By hand: mean errors .025 and .125, squares .0492/.. of four samples each, weights 1/4, 3/4.
    two = metrics.stratified_difference(1.80, PREDICTED, OBSERVED, [0] * 4 + [1] * 4, [1, 3])
    e = np.subtract(OBSERVED, PREDICTED)
    assert two.mean == pytest.approx(1.8 + 0.25 * e[:4].mean() + 0.75 * e[4:].mean())
    variance = (e[:4].var(ddof=1) / 16 + 9 * e[4:].var(ddof=1) / 16) / 4
    assert two.se == pytest.approx(np.sqrt(variance))
    with pytest.raises(Rejected) as error:
        metrics.difference(1.8, [1.0], [1.0])
    assert error.value.code == "E_SAMPLE_FEW"


def field(n: int = 240, seed: int = 3) -> tuple[np.ndarray, ...]:
    """Clustered samples: pH of two features, with an error that places share."""
    rng = np.random.default_rng(seed)
    place = rng.uniform(0, 40_000, (n // 8, 2))
    own = np.repeat(np.arange(n // 8), 8)
    xy = place[own] + rng.normal(0, 150, (n, 2))
    x = (rng.uniform(0.05, 0.3, (n // 8, 3))[own] + rng.normal(0, 0.01, (n, 3))).astype(np.float32)
    y = 7.5 + 9 * x[:, 0] - 3 * x[:, 1] + rng.normal(0, 0.3, n // 8)[own] + rng.normal(0, 0.1, n)
    return x, y, xy, own


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("kind", ["linear", "plsr", "random_forest"])
def test_models_are_those_of_scikit_learn(kind: str, log: bool) -> None:
    """Evaluated by our own code from JSON, to the last digits."""
    x, y, xy, own = field()
    names = ("G", "R", "si_gr")
    found = calibrate.calibrate(
        x,
        y,
        xy,
        own,
        target=PH,
        kind=kind,
        names=names,
        log=log,
        seed=5,  # type: ignore[arg-type]
    )
    wanted = np.log(y) if log else y
    if kind == "linear":
        oracle = LinearRegression().fit(x.astype(float), wanted)
    elif kind == "plsr":
        oracle = PLSRegression(n_components=found.model.components).fit(x.astype(float), wanted)
    else:
        oracle = RandomForestRegressor(
            100, min_samples_leaf=3, max_features=1, random_state=5, n_jobs=1
        ).fit(x, wanted)
    again = np.random.default_rng(9).uniform(0.02, 0.4, (500, 3)).astype(np.float32)
    wide = again if kind == "random_forest" else again.astype(float)
    expected = np.asarray(oracle.predict(wide)).reshape(-1)
    expected = np.clip(np.exp(expected) if log else expected, *PH.bounds)
    model = Model.model_validate(json.loads(found.model.model_dump_json()))
    np.testing.assert_allclose(model.predict(again), expected, rtol=1e-9)
    gap = again.copy()
    gap[3, 1] = np.nan
    assert np.isnan(model.predict(gap)[3])
    assert np.isfinite(np.delete(model.predict(gap), 3)).all()
    assert found.overall["r2"] < 0.95  # the places' own error cannot be predicted
    assert len(found.per_fold) == 10


def test_blocks_are_stricter_than_random_folds() -> None:
    """Samples of one place share their error: a random fold would hide it."""
    x, y, xy, own = field()
    honest = calibrate.calibrate(
        x, y, xy, own, target=PH, kind="random_forest", names=("G", "R", "N"), seed=1
    )
    random = calibrate.calibrate(
        x, y, xy, np.arange(len(y)), target=PH, kind="random_forest", names=("G", "R", "N"), seed=1
    )
    assert honest.overall["r2"] < random.overall["r2"] - 0.1
    for number in range(10):
        assert not set(own[honest.fold == number]) & set(own[honest.fold != number])


def test_error_correlation_is_found() -> None:
    """An exponential field of range 2 km: area 2 pi range², within a factor of two."""
    rng = np.random.default_rng(11)
    xy = rng.uniform(0, 20_000, (500, 2))
    distance = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1))
    field_ = np.linalg.cholesky(np.exp(-distance / 2000) + 1e-9 * np.eye(500)) @ rng.normal(
        size=500
    )
    found = folds.correlation(xy, field_)
    assert found.area_m2 is not None
    assert 0.4 < found.area_m2 / (2 * np.pi * 2000**2) < 2.5
    white = folds.correlation(xy, rng.normal(size=500))
    assert white.area_m2 is not None
    assert white.area_m2 < 0.15 * found.area_m2
    assert folds.correlation(xy[:5], field_[:5]).area_m2 is None


def test_what_cannot_be_calibrated() -> None:
    x, y, xy, own = field()
    with pytest.raises(Rejected) as few:
        calibrate.calibrate(
            x[:15], y[:15], xy[:15], own[:15], target=PH, kind="linear", names=("G", "R", "N")
        )
    assert few.value.code == "E_SAMPLE_FEW"
    assert "40" in few.value.detail[1]
    assert "25" in few.value.fix[1]  # type: ignore[index]
    with pytest.raises(Rejected) as one:
        calibrate.calibrate(x, y, xy, own // 100, target=PH, kind="linear", names=("G", "R", "N"))
    assert one.value.where == "cv"
    with pytest.raises(Rejected) as same:
        calibrate.calibrate(
            x, np.full(len(y), 8.0), xy, own, target=PH, kind="linear", names=("G", "R", "N")
        )
    assert same.value.code == "E_SAMPLE_SAME"
    with pytest.raises(Rejected) as extract:
        targets.get("ec")
    assert extract.value.code == "E_EXTRACT"
    assert targets.get("ece").extract != targets.get("ec_1_5").extract
    assert targets.get("ece").indicator != targets.get("ec_1_5").indicator


def test_a_forest_that_does_not_end_is_refused() -> None:
    node = {"root": [0], "feature": [0], "threshold": [0.0], "value": [1.0]}
    for left, right in (([0], [0]), ([1], [1])):
        with pytest.raises(ValidationError):
            Forest(**node, left=left, right=right)
    whole = Forest(**node, left=[-1], right=[-1])
    common = {"target": "ph", "bounds": (6, 11), "seen": [(0, 1)], "features": ["G"]}
    assert Model(kind="random_forest", forest=whole, **common).predict([[0.1]]) == [6.0]
    with pytest.raises(ValidationError):
        Model(kind="linear", coefficients=(1.0, 2.0), **common)


def test_model_of_reflectances() -> None:
    model = Model(
        target="ec_1_5", kind="linear", features=("si_gr", "B"), intercept=-1.0,
        coefficients=(10.0, 2.0), bounds=(0.0, 15.0), seen=((0, 1), (0, 1)),
    )  # fmt: skip
    assert model.bands == ("G", "R", "B")
    assert model.formula == "ec_1_5 = -1 +10*si_gr +2*B"
    shape = {"G": [[0.27, 0.0]], "R": [[0.31, np.nan]], "B": [[0.22, 0.1]]}
    found = model.evaluate({k: np.array(v, np.float32) for k, v in shape.items()})
    assert found.shape == (1, 2)
    assert found[0, 0] == pytest.approx(-1 + 10 * np.sqrt(0.27 * 0.31) + 0.44, rel=1e-6)
    assert np.isnan(found[0, 1])
    with pytest.raises(Rejected):
        model.evaluate({"G": np.ones(2)})


@pytest.mark.parametrize("kind", ["linear", "random_forest"])
def test_pixels_are_graded_by_a_model(
    kind: str, tmp_path: Path, write: Callable[..., str], stated: Registration, pixels: np.ndarray
) -> None:
    """Clear pixels by the model's value, masked and missing ones by their reason."""
    pixels[4, :20] = 9  # cloud
    pixels[:, 100:110] = 0
    scene = register(tmp_path, write("scene.tif", pixels), stated)
    x, y, xy, own = field()
    fitted = calibrate.calibrate(
        x,
        y,
        xy,
        own,
        target=PH,
        kind=kind,
        names=("G", "R", "si_gr"),  # type: ignore[arg-type]
    ).model
    spec = {"model": fitted.model_dump(mode="json") | {"calibration": 7}}
    measure = measure_of(json.loads(json.dumps(spec)))
    assert (measure.id, measure.indicator, named(spec)) == ("model:7", "ph", {"model": 7})
    grading = Gradings.load(Path(__file__).parents[3] / "data").resolve("ph-a")
    classifier = Classifier(scene, measure, grading, ("scl",))
    with Reader.open(tmp_path, scene) as reader:
        window = (0, 0, scene.width, scene.height)
        codes = classifier.codes(reader, window)
        seen = reader.reflectance(reader.read(("G", "R"), window))
    assert (codes[:20] == 4).all()
    assert (codes[100:110] == classifier.nodata).all()
    clear = np.ones(codes.shape, dtype=bool)
    clear[:20] = clear[100:110] = False
    expected = np.searchsorted([8.5, 9.0, 9.5], fitted.evaluate(seen)[clear], "right")
    assert np.array_equal(codes[clear], expected)
    assert len(np.unique(expected)) >= 3
    salt = Gradings.load(Path(__file__).parents[3] / "data").resolve("ece-usda")
    with pytest.raises(Rejected) as error:
        Classifier(scene, measure, salt, ())
    assert error.value.code == "E_GRADING_INDICATOR"
