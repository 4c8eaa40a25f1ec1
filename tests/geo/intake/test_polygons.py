"""Any polygon through the whole of the intake: what is valid keeps its area, what is broken is
named, and nothing ends in another error."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geo.area import ellipsoidal_area
from geo.intake import stage
from geo.intake.decide import Decisions
from geo.intake.report import Report
from geo.intake.run import run
from tests.geo.formats import shapes
from tests.geo.intake.conftest import CODES, LAYER

pytestmark = pytest.mark.unit
Ring = list[tuple[float, float]]
LIMITS = settings(max_examples=40, deadline=None,
                  suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip


@st.composite
def stars(draw: st.DrawFn, x: float = 123.0, y: float = 45.0) -> Ring:
    """A ring around a middle: valid whatever its radii are. Clockwise, as shapefiles want it."""
    count = draw(st.integers(3, 24))
    radii = draw(st.lists(st.floats(0.2, 1.0), min_size=count, max_size=count))
    points = [
        (x + 0.004 * r * math.cos(-2 * math.pi * i / count),
         y + 0.004 * r * math.sin(-2 * math.pi * i / count))
        for i, r in enumerate(radii)
    ]  # fmt: skip
    return [*points, points[0]]


@st.composite
def holed(draw: st.DrawFn) -> list[Ring]:
    ring = draw(stars())
    if draw(st.booleans()):
        return [ring]
    return [ring, [(123 + (x - 123) * 0.1, 45 + (y - 45) * 0.1) for x, y in reversed(ring)]]


#: Ways to break a ring of at least three corners.
BREAKS = {
    "open": lambda ring: ring[:-1],
    "bow tie": lambda ring: [ring[0], ring[0], (ring[0][0] + 0.02, ring[0][1] + 0.02),
                             (ring[0][0] + 0.02, ring[0][1]), (ring[0][0], ring[0][1] + 0.02),
                             ring[0]],
    "NaN": lambda ring: [ring[0], (math.nan, ring[1][1]), *ring[2:]],
    "infinite": lambda ring: [ring[0], (ring[1][0], math.inf), *ring[2:]],
    "one point": lambda ring: [ring[0]] * len(ring),
    "two points": lambda ring: [ring[0], ring[1], ring[0]],
    "far away": lambda ring: [ring[0], (ring[1][0] + 1e5, ring[1][1]), *ring[2:]],
}  # fmt: skip


def take(folder: Path, out: Path, shapes_: list[list[Ring]], **decisions: str) -> Report:
    parts = shapes.write(
        folder / "parts",
        contents=[shapes.polygon(rings) for rings in shapes_],
        names=("DKBH", "MJ"),
        rows=[(f"A{i}", "1") for i in range(len(shapes_))],
    )
    archive = shapes.pack(parts, folder / "a.zip")
    return run(archive, LAYER, CODES, Decisions.model_validate(decisions), out, file_name="a.zip")


@given(rings=st.lists(holed(), min_size=1, max_size=4))
@LIMITS
def test_valid_polygons_keep_their_area_to_the_last_digit(
    tmp_path: Path, out: Path, rings: list[list[Ring]]
) -> None:
    report = take(tmp_path, out, rings)
    assert report.state == "ready", report.issues
    true = ellipsoidal_area(np.array([shapely.Polygon(r[0], r[1:]) for r in rings]))
    staged = stage.load(out / stage.FILE, LAYER)
    assert staged.measure == pytest.approx(true, rel=1e-12)
    assert report.areas.computed_m2 == pytest.approx(math.fsum(true), rel=1e-12)
    assert shapely.is_valid(staged.geometry).all()


@given(ring=stars(), good=stars(124.0, 45.5), how=st.sampled_from(sorted(BREAKS)))
@LIMITS
def test_a_broken_one_is_named_and_the_good_one_beside_it_is_not(
    tmp_path: Path, out: Path, ring: Ring, good: Ring, how: str
) -> None:
    report = take(tmp_path, out, [[good], [BREAKS[how](ring)]])
    assert report.state != "ready"
    assert report.counts.read == 2
    rows = {i.row for i in report.issues if i.severity == "error" and i.row is not None}
    if report.crs.extent is not None:
        assert rows == {2}
        assert (report.counts.valid, report.counts.rejected) == (1, 1)
        assert np.isfinite(report.areas.computed_m2)
    mended = take(tmp_path, out, [[good], [BREAKS[how](ring)]], repair="structure")
    if mended.state == "ready":
        assert how in ("bow tie", "open")
        assert shapely.is_valid(stage.load(out / stage.FILE, LAYER).geometry).all()
