"""Colours on the map can be told apart by readers with any of the three colour-vision deficiencies.

Seen through the matrices of Machado, Oliveira & Fernandes 2009 (IEEE TVCG 15:1291, severity 1.0,
on linear light); told apart by CIEDE2000 (Sharma, Wu & Dalal 2005, whose pairs check the formula).
"""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from rio_tiler.colormap import cmap

from geo.errors import Rejected
from geo.soil import indices
from geo.soil.grading import Gradings, custom
from geo.soil.palette import STEPS, Palettes, rgba
from tests.environment import ROOT

pytestmark = pytest.mark.unit

SEEN = {
    "full": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
         [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
         [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
         [0.004733, 0.691367, 0.303900]]
    ),
}  # fmt: skip
#: Some four times what is just noticeable side by side: apart in a legend and far apart on a map.
LEAST = 10.0


def lab(colours: np.ndarray, seen: str = "full") -> np.ndarray:
    """CIELAB (D65) of sRGB colours uint8[n, 3] as a reader sees them."""
    share = colours[:, :3] / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ SEEN[seen].T, 0, 1)
    matrix = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
         [0.0193339, 0.1191920, 0.9503041]]
    )  # fmt: skip
    x = linear @ matrix.T / np.array([0.95047, 1.0, 1.08883])
    f = np.where(x > 216 / 24389, np.cbrt(x), (24389 / 27 * x + 16) / 116)
    return np.column_stack(
        [116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])]
    )


def ciede2000(one: np.ndarray, two: np.ndarray) -> float:
    (l1, a1, b1), (l2, a2, b2) = one, two
    mean = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    g = 0.5 * (1 - np.sqrt(mean**7 / (mean**7 + 25.0**7)))
    a1, a2 = a1 * (1 + g), a2 * (1 + g)
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    grey = c1 * c2 == 0
    turn = 0.0 if grey else (h2 - h1 + 180) % 360 - 180
    dl, dc, dh = l2 - l1, c2 - c1, 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))
    light, c = (l1 + l2) / 2, (c1 + c2) / 2
    h = h1 + h2 if grey else (h1 + turn / 2) % 360
    t = (
        1 - 0.17 * np.cos(np.radians(h - 30)) + 0.24 * np.cos(np.radians(2 * h))
        + 0.32 * np.cos(np.radians(3 * h + 6)) - 0.20 * np.cos(np.radians(4 * h - 63))
    )  # fmt: skip
    rc = 2 * np.sqrt(c**7 / (c**7 + 25.0**7))
    rt = -rc * np.sin(np.radians(60 * np.exp(-(((h - 275) / 25) ** 2))))
    sl = 1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2)
    sc, sh = 1 + 0.045 * c, 1 + 0.015 * c * t
    return float(np.sqrt((dl / sl) ** 2 + (dc / sc) ** 2 + (dh / sh) ** 2 + rt * dc / sc * dh / sh))


def nearest(colours: np.ndarray, seen: str) -> tuple[float, int, int]:
    """The two colours that are hardest to tell apart."""
    points = lab(colours, seen)
    return min(
        (ciede2000(points[i], points[j]), i, j) for i, j in combinations(range(len(points)), 2)
    )


@pytest.mark.parametrize(
    ("one", "two", "distance"),
    [  # rows 1, 7, 17 and 25 of Sharma's table
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ],
)
def test_the_measure_itself(one, two, distance) -> None:
    assert ciede2000(np.array(one), np.array(two)) == pytest.approx(distance, abs=1e-4)


def test_the_simulation_confuses_what_such_readers_confuse() -> None:
    """Red and green of one lightness: apart for most, nearly one for deuteranopes."""
    pair = np.array([rgba("#c86428"), rgba("#82821e")], dtype=np.uint8)
    assert nearest(pair, "full")[0] > 25
    assert nearest(pair, "deuteranopia")[0] < 10
    blues = np.array([rgba("#93c3c9"), rgba("#93c9a0")], dtype=np.uint8)
    assert nearest(blues, "tritanopia")[0] < nearest(blues, "full")[0]


@pytest.mark.parametrize("seen", SEEN)
def test_any_two_grades_of_a_scheme(seen: str) -> None:
    schemes = dict(Gradings.load(ROOT / "data").schemes)
    for count in range(2, 7):
        schemes[f"custom {count}"] = custom(list(range(count - 1)), [f"g{k}" for k in range(count)])
    for name, scheme in schemes.items():
        colours = np.array([rgba(grade.color) for grade in scheme.grades], dtype=np.uint8)
        distance, *pair = nearest(colours, seen)
        assert distance >= LEAST, (name, pair, distance)


def test_more_grades_than_the_ramp_has_colours_stay_different() -> None:
    scheme = custom(list(range(31)), [f"g{k}" for k in range(32)])
    assert len({grade.color for grade in scheme.grades}) == 32


@pytest.fixture(scope="module")
def palettes() -> Palettes:
    return Palettes.load(ROOT / "data")


@pytest.mark.parametrize("seen", SEEN)
@pytest.mark.parametrize("index_id", ["si_gr", "vssi", "ndvi", "ndwi"])
def test_a_scale_has_an_order_that_everybody_sees(palettes, index_id: str, seen: str) -> None:
    """Lightness goes one way (from the middle of a diverging scale: one way each side)."""
    ramp = palettes.ramp(indices.get(index_id))
    light = lab(ramp.colours[1:], seen)[:, 0]
    halves = [light]
    if ramp.name == "brbg":
        halves = [light[: STEPS // 2], light[: STEPS // 2 : -1]]
        ends = lab(ramp.colours[[1, STEPS]], seen)
        assert ciede2000(*ends) > LEAST
    for half in halves:
        steps = np.diff(half) * np.sign(half[-1] - half[0])
        assert (steps > -0.35).all()  # eight bits a colour round
        assert abs(half[-1] - half[0]) > 40


@pytest.mark.parametrize("seen", SEEN)
def test_steps_of_cividis_are_even(palettes, seen: str) -> None:
    points = lab(palettes.ramp(indices.get("si_gr")).colours[1::16], seen)
    steps = [ciede2000(a, b) for a, b in pairwise(points)]
    assert min(steps) > 2
    assert max(steps) < 3.5 * min(steps)


def test_every_index_has_its_own_fixed_range(palettes) -> None:
    for index in indices.registry().values():
        assert index.id in palettes._ranges, index.id
        low, high = palettes._ranges[index.id]
        assert low < high
        assert index.minimum is None or low >= index.minimum
        assert index.maximum is None or high <= index.maximum
    assert set(palettes._ranges) == set(indices.registry())


def test_values_become_the_colours_that_the_legend_tells(palettes) -> None:
    ramp = palettes.ramp(indices.get("si_gr"))
    values = np.array([np.nan, ramp.low - 1, ramp.low, ramp.high, ramp.high + 1], np.float32)
    assert ramp.codes(values).tolist() == [0, 1, 1, STEPS, STEPS]
    for stop in ramp.stops():
        colour = ramp.colours[ramp.codes(np.array([stop["value"]]))][0]
        assert "#" + colour[:3].tobytes().hex() == stop["color"]
    assert ramp.colours[0, 3] == 0
    assert (ramp.colours[1:, 3] == 255).all()
    first, last = cmap.get("cividis")[0], cmap.get("cividis")[255]
    assert tuple(ramp.colours[1]) == first
    assert tuple(ramp.colours[STEPS]) == last
    turned = palettes.ramp(indices.get("vssi"))  # lower is saltier: the same colour for salt
    assert (turned.name, tuple(turned.colours[1])) == ("cividis-r", last)


def test_an_unfit_range_is_refused(palettes) -> None:
    for span in ((1.0, 1.0), (2.0, 1.0), (0.0, np.inf), (np.nan, 1.0)):
        with pytest.raises(Rejected) as caught:
            palettes.ramp(indices.get("si_gr"), span)
        assert caught.value.code == "E_PARAMETER"


@pytest.mark.parametrize(
    "text",
    ["version = ", 'source = "x"\n[groups.soil]\nmap = "no-such"\n[ranges]\n',
     'source = "x"\n[groups.soil]\nmap = "cividis"\n[ranges]\nndvi = [1, 0]\n'],
)  # fmt: skip
def test_a_bad_file_is_named(tmp_path, text: str) -> None:
    (tmp_path / "palettes").mkdir()
    (tmp_path / "palettes" / "mine.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"mine\.toml"):
        Palettes.load(tmp_path)
