"""The compiled loop gives the classes of the array code, to the pixel."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from geo.soil.classify import Classifier
from geo.soil.fused import Fused
from geo.soil.grading import custom
from geo.soil.indices import registry
from geo.soil.trace import Tape, Untraced

pytestmark = pytest.mark.unit

KEYS = ("B", "G", "R", "RE1", "N", "S1", "S2", "SCL")
SCENE = SimpleNamespace(
    id="x",
    bands={key: number for number, key in enumerate(KEYS)},
    scale=1e-4,
    offset=-0.1,
    nodata=0,
)
GRADES = custom([-0.2, 0.0, 0.1, 0.2, 0.3], list("abcdef"))
#: Of the array code alone: they choose by a condition inside the formula.
BY_ARRAYS = {"evi", "nsi"}


@pytest.fixture(scope="module")
def table() -> np.ndarray:
    found = (np.arange(65536) * 1e-4 - 0.1).astype(np.float32)
    found[0] = np.nan
    return found


@pytest.fixture(scope="module")
def raw() -> np.ndarray:
    """Ordinary, dark (below 0), equal and missing numbers, all mixed."""
    rng = np.random.default_rng(1)
    found = rng.integers(0, 6000, (8, 97, 61)).astype(np.uint16)
    found[rng.random(found.shape) < 0.05] = 1000
    found[rng.random(found.shape) < 0.02] = 0
    found[7] = rng.integers(0, 12, (97, 61))
    return found


@pytest.mark.parametrize("masks", [(), ("scl", "water", "vegetation"), ("scl:3-8", "water:0.1")])
def test_classes_are_those_of_the_array_code(raw, table, masks) -> None:
    fused = 0
    for index in registry().values():
        classifier = Classifier(SCENE, index, GRADES, masks)
        try:
            made = Fused(classifier, "uint16")
        except Untraced:
            assert index.id in BY_ARRAYS
            continue
        numbers = raw[[SCENE.bands[key] for key in classifier.bands]]
        named = dict(zip(classifier.bands, numbers, strict=True))
        reflectance = {key: table[each] for key, each in named.items() if key != "SCL"}
        np.testing.assert_array_equal(
            made.codes(numbers), classifier.classify(named, reflectance), index.id
        )
        fused += 1
    assert fused == len(registry()) - len(BY_ARRAYS)


def test_what_steps_cannot_say_is_refused() -> None:
    symbol = Tape().load("reflectance", "B")
    for code in (
        lambda b: np.where(b > 0, b, 0),
        lambda b: b**3,
        np.log,
        lambda b: np.zeros(5)[b],
        lambda b: b.astype(int),
        lambda b: b if b else 0,
        np.asarray,
    ):
        with pytest.raises(Untraced):
            code(symbol)


def test_a_run_by_arrays_has_the_same_digits(tmp_path, write, pixels, stated, monkeypatch) -> None:
    from geo.soil import raster

    scene = raster.register(tmp_path, write("a.tif", pixels), stated)
    classifier = Classifier(scene, registry()["si_gr"], GRADES, ("scl", "vegetation"))
    window = (3, 5, 150, 90)
    with raster.Reader.open(tmp_path, scene) as reader:
        np.testing.assert_array_equal(
            classifier.codes(reader, window), classifier.codes_by_arrays(reader, window)
        )
