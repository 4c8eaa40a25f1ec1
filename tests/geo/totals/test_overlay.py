"""Costly overlays are seen before they start, and the child answers as this process does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely

from geo.errors import Rejected
from geo.totals import overlap
from geo.totals.overlay import MOST_CROSSINGS, Overlay, compute, main, read, write
from geo.totals.total import Overlaps, Question, Within
from tests.geo.totals.fields import array, ask, view_of
from tests.geo.totals.questions.world import square

pytestmark = pytest.mark.unit


def comb(teeth: int, *, turned: bool = False) -> shapely.Geometry:
    """A valid polygon of thin teeth; a turned one crosses every tooth of the other."""
    x = np.repeat(np.arange(teeth), 4) + np.tile([0.0, 0.0, 0.5, 0.5], teeth)
    y = np.tile([1.0, teeth + 1.0, teeth + 1.0, 1.0], teeth)
    ring = np.column_stack((x, y))
    ring = np.vstack((ring, [(x[-1], 0), (0, 0)]))
    ring = ring[:, ::-1] - (2, 2) if turned else ring
    return shapely.Polygon(ring * 2000 / teeth + (480_000, 5_030_000))


def shapes(*made: shapely.Geometry) -> np.ndarray:
    out = np.empty(len(made), dtype=object)
    out[:] = made
    return out


def test_hostile_combs_are_handed_over_and_parcels_are_not():
    asked = []

    def heavy(kind, left, right, grid):
        asked.append((kind, len(left)))
        return left  # what comes back is handed on as it is

    overlay = Overlay(heavy)
    small = shapes(*[square(i, 0) for i in range(500)])
    overlay.intersection(small, shapes(*[square(i + 0.5, 0.5) for i in range(500)]))
    assert asked == []
    combs = shapes(comb(200)), shapes(comb(200, turned=True))
    assert MOST_CROSSINGS < 200 * 200 * 4
    overlay.intersection(*combs)
    overlay.difference(*combs)
    overlay.unions(np.concatenate(combs), np.array([0]))
    assert asked == [("intersection", 1), ("difference", 1), ("union", 1)]


def test_every_group_has_its_own_union():
    found = Overlay().unions(shapes(square(0, 0), square(0, 0), square(1, 0), square(5, 5)),
                             np.array([0, 1, 3]))  # fmt: skip
    assert shapely.area(found).tolist() == [1e6, 2e6, 1e6]


def test_the_child_does_the_same(tmp_path: Path):
    left, right = shapes(square(0, 0), comb(9)), shapes(square(0.5, 0), comb(9, turned=True))
    for kind in ("intersection", "difference", "union"):
        second = None if kind == "union" else right
        write(tmp_path / "in", left, second)
        arguments = {"kind": kind, "grid": 0.0, "input": str(tmp_path / "in")}
        assert main(arguments | {"output": str(tmp_path / "out")}) == {"count": 2}
        found, nothing = read(tmp_path / "out")
        assert nothing is None
        assert shapely.equals_exact(found, compute(kind, left, second)).all()


def test_a_total_over_combs_goes_to_the_child_whole():
    """Also what is only found to overlap: both overlays of hostile parcels are heavy ones."""
    asked = []

    def heavy(kind, left, right, grid):
        asked.append(kind)
        raise overlap.too_costly()

    views = {"parcels": view_of("parcels", [comb(400), comb(400, turned=True)])}
    with pytest.raises(Rejected) as refused:
        ask(views, Question("parcels"), Overlaps(Overlay(heavy)))
    assert refused.value.code == "E_TOO_COSTLY"
    assert asked
    drawn = Within(shape=array(comb(400, turned=True))[0])
    with pytest.raises(Rejected, match="too complex"):
        ask({"parcels": view_of("parcels", [comb(400)])}, Question("parcels", within=drawn),
            Overlaps(Overlay(heavy)))  # fmt: skip
    plain = ask(views, Question("parcels", measure="sum"), Overlaps(Overlay(heavy)))
    assert plain.total.count == 2


@pytest.mark.parametrize(("limit", "most"), [("_MOST_PAIRS", 100), ("_MOST_OVERLAPS", 434)])
def test_too_many_overlaps_are_refused(monkeypatch: pytest.MonkeyPatch, limit: str, most: int):
    """Thirty times the same field: 435 pairs."""
    views = {"parcels": view_of("parcels", [square(0, 0)] * 30)}
    assert len(ask(views, Question("parcels")).claims) == 29
    monkeypatch.setattr(overlap, limit, most)
    with pytest.raises(Rejected) as refused:
        ask(views, Question("parcels"))
    assert refused.value.code == "E_TOO_COSTLY"
