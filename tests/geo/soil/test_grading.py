"""Gradings: shipped schemes, limits, combination of indicators, custom and relative ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import Rejected
from geo.soil.grading import Grading, Gradings, custom, relative

pytestmark = pytest.mark.unit

DATA = Path(__file__).resolve().parents[3] / "data"
SHIPPED = Gradings.load(DATA)


def graded(scheme: str, **values: float) -> tuple[str | None, str | None, list[str]]:
    grading = SHIPPED.resolve(scheme)
    codes, drivers, missing = grading.grade({k: [v] for k, v in values.items()})
    code = grading.grades[codes[0]].code if codes[0] >= 0 else None
    return code, grading.axes[drivers[0]].indicator if drivers[0] >= 0 else None, missing


def test_every_shipped_scheme_is_cited_and_bilingual() -> None:
    assert len(SHIPPED.schemes) >= 12
    for scheme in SHIPPED.schemes.values():
        assert scheme.source
        assert scheme.version
        assert all(grade.title.zh != grade.title.en for grade in scheme.grades)
        assert len({grade.color for grade in scheme.grades}) == len(scheme.grades)


@pytest.mark.parametrize(
    ("scheme", "values", "grade"),
    [
        ("ph-a", {"ph": 8.49}, "none"),
        ("ph-a", {"ph": 8.5}, "light"),  # a limit belongs to the higher grade
        ("ph-a", {"ph": 9.5}, "severe"),
        ("salt-a", {"salt_g_kg": 1.0}, "light"),
        ("salt-a", {"salt_g_kg": 19.3}, "very_severe"),
        ("ece-usda", {"ece_ds_m": 26.0}, "very_severe"),
        ("ece-fao", {"ece_ds_m": 0.75}, "slight"),
        ("esp-a", {"esp_percent": 25.0}, "alkali_soil"),
        ("definition", {"salt_g_kg": 0.5, "esp_percent": 5.0}, "saline_alkali"),
        ("ussl-1954", {"ece_ds_m": 3.9, "esp_percent": 15.0}, "sodic"),
        ("ussl-1954", {"ece_ds_m": 4.0, "esp_percent": 14.9}, "saline"),
        ("ussl-1954", {"ece_ds_m": 26.0, "esp_percent": 60.0}, "saline_sodic"),
    ],
)
def test_limits(scheme: str, values: dict[str, float], grade: str) -> None:
    assert graded(scheme, **values)[0] == grade


def test_worst_indicator_counts_and_is_named() -> None:
    # Qian'an: little salt, high pH; salt alone would under-grade.
    assert graded("soda-jl-salt", ph=9.6, salt_g_kg=0.8) == ("severe", "ph", [])
    assert graded("soda-jl-salt", ph=8.2, salt_g_kg=5.3) == ("severe", "salt_g_kg", [])
    assert graded("soda-jl", ph=9.2) == ("moderate", "ph", ["esp_percent"])
    assert graded("soda-jl", ph=float("nan"), esp_percent=16.0) == ("moderate", "esp_percent", [])
    assert graded("soda-jl", ph=float("nan"), esp_percent=float("nan"))[0] is None
    # A type of two indicators needs both.
    assert graded("ussl-1954", ece_ds_m=5.0)[0] is None


def test_a_soil_grading_is_not_for_an_index() -> None:
    with pytest.raises(Rejected) as caught:
        SHIPPED.resolve("ph-a").axis_for("index:si_br")
    assert caught.value.code == "E_GRADING_INDICATOR"
    with pytest.raises(Rejected):
        SHIPPED.resolve("demo-si-gr").axis_for("index:si_br")
    with pytest.raises(Rejected, match="no grading"):
        SHIPPED.resolve("nonsense")


@given(
    st.lists(st.floats(-10, 10, width=32), min_size=1, max_size=8, unique=True),
    st.lists(st.floats(-20, 20, width=32), max_size=30),
)
def test_classify_counts_the_limits_reached(cuts: list[float], values: list[float]) -> None:
    grading = custom(sorted(cuts), [f"g{k}" for k in range(len(cuts) + 1)])
    got = grading.classify(np.array(values, dtype=np.float64), "index:ndvi")
    assert got.tolist() == [sum(v >= cut for cut in cuts) for v in values]
    single = grading.classify(np.array(values, dtype=np.float32), "index:ndvi")
    np.testing.assert_array_equal(single, got)


def test_classify_edges() -> None:
    grading = custom([0.7], ["下", "上"])
    assert grading.classify(np.float32([0.7, np.nan, 0.69999]), "index:x").tolist() == [1, -1, 0]
    assert grading.classify(np.array([1, 0], dtype=np.uint8), "index:x").tolist() == [1, 0]
    assert [g.label for g in grading.grades] == ["下", "上"]
    assert grading.kind == "custom"


@pytest.mark.parametrize(
    ("cuts", "labels"),
    [
        ([], ["a"]),
        ([0.2, 0.1], ["a", "b", "c"]),
        ([0.1, 0.1], ["a", "b", "c"]),
        ([float("nan")], ["a", "b"]),
        ([True], ["a", "b"]),
        (["0.1"], ["a", "b"]),
        ("0.1", ["a", "b"]),
        (None, None),
        ([0.1], ["a"]),
        ([0.1], ["a", "a"]),
        ([0.1], ["a", " "]),
        ([0.1], ["a", 2]),
        (list(range(40)), [str(k) for k in range(41)]),
        ([10**400], ["a", "b"]),
    ],
)
def test_custom_refuses_what_is_no_scheme(cuts: object, labels: object) -> None:
    with pytest.raises(Rejected) as caught:
        SHIPPED.resolve({"cuts": cuts, "labels": labels})
    assert caught.value.code == "E_GRADING"


def test_relative_grades_say_so() -> None:
    values = np.append(np.random.default_rng(1).random(10_000), np.nan)
    grading = relative(values, 5)
    assert grading.kind == "relative"
    assert all("相对" in grade.title.zh for grade in grading.grades)
    counts = np.bincount(grading.classify(values[:-1], "index:si_gr"))
    np.testing.assert_allclose(counts / 10_000, 0.2, atol=0.005)
    for useless in (np.zeros(100), np.array([np.nan]), np.array([])):
        with pytest.raises(Rejected):
            relative(useless)


def test_files_that_do_not_fit_are_named(tmp_path: Path) -> None:
    (tmp_path / "gradings").mkdir()
    text = (DATA / "gradings" / "ph-a.toml").read_text(encoding="utf-8")
    for bad in (
        text.replace("cuts = [8.5, 9.0, 9.5]", "cuts = [8.5, 9.0]"),
        text.replace("cuts = [8.5, 9.0, 9.5]", "cuts = [8.5, 8.0, 9.5]"),
        text.replace('code = "light"', 'code = "none"'),
        "= not toml",
    ):
        assert bad != text
        (tmp_path / "gradings" / "broken.toml").write_text(bad, encoding="utf-8")
        with pytest.raises(ValueError, match=r"broken\.toml"):
            Gradings.load(DATA, tmp_path)


def test_round_trip_through_json() -> None:
    for scheme in SHIPPED.schemes.values():
        assert Grading.model_validate_json(scheme.model_dump_json()) == scheme
