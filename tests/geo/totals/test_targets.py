"""Targets: figures in the target's unit, gaps, counties, stages and trends."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from geo.layers import LayerError
from geo.totals.question import Question
from geo.totals.targets import Target, load, moments, standing, trend
from geo.totals.total import Total
from tests.geo.totals.questions.world import CATALOG, TARGETS, World, square, world

pytestmark = pytest.mark.unit

WAN_MU = 2e7 / 3  # m²


@pytest.fixture
def small(tmp_path: Path):
    with world(tmp_path) as made:
        yield made


def stand(small: World, name: str, moment: int | None = None):
    return standing(TARGETS[name], CATALOG.layers, lambda q: small.total(q, moment))


def parcel(code: str, x: float, **more: object) -> dict:
    return {"code": code, "county": "220882", "stage": "accepted", "land_class": "0101",
            "geom": square(x, 0), **more}  # fmt: skip


def test_area_targets_count_land_once(small: World) -> None:
    first = small.put(
        date(2025, 1, 5), parcels=[parcel("A", 0), parcel("B", 0.5), parcel("C", 5, stage="works")]
    )
    small.put(date(2025, 2, 5), parcels=[parcel("D", 8, county="220802", water_fertiliser=True)])
    found = stand(small, "hsf_total")
    assert found.current == pytest.approx(2.5e6 / WAN_MU, rel=2e-4)
    assert found.gap == pytest.approx(761 - found.current)
    assert found.share == pytest.approx(found.current / 761)
    assert found.total is not None
    assert found.total.removed == pytest.approx(0.5e6, rel=2e-4)
    assert [(s.code, s.count) for s in found.counties] == [("220802", 1), ("220882", 2)]
    assert sum(s.figure for s in found.counties) == pytest.approx(found.current, rel=1e-12)
    assert stand(small, "water_fertiliser").current == pytest.approx(1e6 / WAN_MU, rel=2e-4)
    assert stand(small, "hsf_total", first).current == pytest.approx(1.5e6 / WAN_MU, rel=2e-4)


def test_sums_lengths_and_things_that_are_not_in_the_system(small: World) -> None:
    row = {"county": "220882", "type": "corridor", "geom": square(0, 0)}
    small.put(
        restoration=[
            {"code": "1", **row, "status": "done", "length_km": 1.25},
            {"code": "2", **row, "status": "accepted", "length_km": 2.0},
            {"code": "3", **row, "status": "planned", "length_km": 50.0},
            {"code": "4", **row, "status": "done"},
        ]
    )
    found = stand(small, "green_corridor")
    assert found.current == 3.25
    assert found.gap == 396.75
    nothing = stand(small, "residential_green")
    assert (nothing.current, nothing.gap, nothing.share) == (None, None, None)


def test_works_are_told_by_stage(small: World) -> None:
    plot = {"county": "220882", "pilot": True}
    small.put(
        plots=[
            {"code": "1", **plot, "stage": "accepted", "geom": square(0, 0)},
            {"code": "2", **plot, "stage": "works", "geom": square(2, 0, 2)},
            {"code": "3", **plot, "stage": "works", "pilot": False, "geom": square(8, 0)},
        ],
        districts=[{"code": "TEH", "status": "operating", "geom": square(0, 5)}],
    )
    found = stand(small, "saline_pilot")
    assert [(s.code, s.count) for s in found.stages] == [("accepted", 1), ("works", 1)]
    assert found.current == pytest.approx(1e6 / WAN_MU, rel=2e-4)
    assert found.gap is None
    assert stand(small, "taoerhe").current == pytest.approx(1e6 / WAN_MU, rel=2e-4)
    assert stand(small, "daan_phase2").current == 0


def test_trend_has_the_last_state_of_each_month(small: World) -> None:
    for number, day in enumerate((date(2025, 1, 5), date(2025, 1, 20), date(2025, 3, 2))):
        small.put(day, parcels=[parcel(str(number), 3 * number)])
    revisions = [(c.revision, c.time) for c in small.snapshots.commits()]

    def ask(question: Question, as_of: int) -> Total:
        return small.total(question, as_of)

    points = trend(TARGETS["hsf_total"], CATALOG.layers, moments(revisions, 12), ask)
    assert [p.revision for p in points] == [2, 3]
    assert [round(p.figure * WAN_MU / 1e6) for p in points] == [2, 3]
    assert moments(revisions, 1) == ((3, revisions[-1][1]),)


def test_moments_of_nothing() -> None:
    assert moments([], 12) == ()
    one = (1, datetime(2025, 1, 1, tzinfo=UTC))
    assert moments([one], 12) == (one,)


def test_a_later_folder_replaces_a_target_and_faults_name_the_file(tmp_path: Path) -> None:
    words = '{ zh = "甲", en = "a" }'
    (tmp_path / "targets.toml").write_text(
        f'scope = {words}\n[[targets]]\nid = "hsf_total"\ntitle = {words}\nunit = "km"\n'
        f'measure = "count"\ndefinition = {words}\nsource = "s"\n',
        encoding="utf-8",
    )
    data = Path(__file__).resolve().parents[3] / "data"
    found = {target.id: target for target in load([data, tmp_path, tmp_path / "nowhere"])}
    assert found["hsf_total"].unit == "km"
    assert len(found) == len(load([data]))
    (tmp_path / "targets.toml").write_text("scope = 1")
    with pytest.raises(LayerError, match=r"targets\.toml"):
        load([tmp_path])
    with pytest.raises(ValueError, match="needs a field"):
        Target.model_validate({**found["hsf_total"].model_dump(), "measure": "sum"})
