"""Overlaps that are kept from revision to revision are those that would be found anew."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
import shapely

from geo.totals import overlap
from geo.totals.kernels.pairs import APART, CUT, INSIDE, UNKNOWN
from geo.totals.overlap import Overlaps, related
from geo.totals.rows import Outline, outline_of_shapes
from geo.totals.total import Question, Total, total
from geo.totals.views import At
from tests.geo.totals.questions.world import CATALOG, World, square
from tests.geo.totals.test_golden import parcel

pytestmark = pytest.mark.unit


def asked(small: World, kept: Overlaps, as_of: int | None = None, **more: Any) -> Total:
    question = Question("parcels", by=("code",), **more)
    return total(At(small.snapshots, as_of), question, CATALOG.layers, kept)


def test_kept_overlaps_follow_edits(small: World, monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(3)

    def somewhere() -> shapely.Geometry:
        return square(*rng.uniform(0, 8, 2), *rng.uniform(0.3, 2, 2))

    small.put(parcels=[parcel(f"p{i}", somewhere()) for i in range(60)])
    kept = Overlaps()
    looked: list[int | None] = []
    search = overlap._near

    def spy(bounds: np.ndarray, fresh: np.ndarray | None) -> Any:
        looked.append(None if fresh is None else len(fresh))
        return search(bounds, fresh)

    monkeypatch.setattr(overlap, "_near", spy)
    assert asked(small, kept) == asked(small, Overlaps())
    assert looked == [None, None]
    for step in range(6):
        looked.clear()
        fids = rng.choice(np.arange(1, 61), 3, replace=False).tolist()
        moved = [parcel(f"m{step}{i}", somewhere()) for i in range(3)]
        small.update(date(2025, 2, 2 * step + 1), "parcels", fids, moved)
        small.put(date(2025, 2, 2 * step + 2), parcels=[parcel(f"n{step}", somewhere())])
        found = asked(small, kept)
        assert looked == [4], "only what is new is looked at"
        assert found == asked(small, Overlaps())
        assert found.claims
    # Back in time, and a part of the layer only.
    assert asked(small, kept, as_of=3) == asked(small, Overlaps(), as_of=3)
    some = {"filters": {"parcels": "code LIKE 'p%'"}}
    assert asked(small, kept, **some) == asked(small, Overlaps(), **some)


def test_a_selection_counts_only_its_own_overlaps(small: World, ask):
    """b lies under a; without a, all of b counts."""
    small.put(parcels=[parcel("a", square(0, 0)), parcel("b", square(0, 0)),
                       parcel("c", square(0.5, 0))])  # fmt: skip
    without = ask("parcels", "code", filters={"parcels": "code <> 'a'"})
    assert [row.removed_units > 0 for row in without.rows] == [False, True]
    assert ask(filters={"parcels": "code = 'b'"}).total.removed_units == 0


def outline(*shapes: shapely.Geometry) -> Outline:
    out = np.empty(len(shapes), dtype=object)
    out[:] = shapes
    return outline_of_shapes(out)


@pytest.mark.parametrize(
    ("left", "right", "lie"),
    [
        (square(0, 0), square(1, 0), APART),
        (square(0, 0), square(1, 1), APART),
        (square(0, 0), square(5, 5), APART),
        (square(0, 0), square(0, 0), INSIDE),
        (square(0, 0), square(-1, -1, 3, 3), INSIDE),
        (square(-1, -1, 3, 3), square(0, 0), CUT),
        (square(0, 0), square(0.999999, 0), CUT),  # a millimetre
        (square(0, 0), square(1 - 1e-9, 0), APART),  # a micrometre
        (square(1, 1), square(0, 0, 3, 3).difference(square(1, 1)), APART),
        (square(1.2, 1.2, 0.1, 0.1), square(0, 0, 3, 3).difference(square(1, 1)), APART),
        (square(0.2, 0.2, 2, 2), square(0, 0, 3, 3).difference(square(1, 1)), CUT),
        (shapely.union(square(0, 0), square(4, 0)), square(0, 0, 5), INSIDE),
        (shapely.union(square(0, 0), square(4, 0)), square(0, 0, 3), CUT),
    ],
)
def test_how_polygons_lie(left, right, lie):
    zero = np.zeros(1, dtype=np.int64)
    for a in (left, shapely.reverse(left)):
        for b in (right, shapely.reverse(right)):
            assert related(outline(a), zero, outline(b), zero).tolist() == [lie]


def test_large_outlines_are_left_to_the_overlay():
    ring = shapely.Point(481_000, 5_031_000).buffer(900, quad_segs=150)
    zero = np.zeros(1, dtype=np.int64)
    found = related(outline(ring), zero, outline(shapely.segmentize(square(0, 0, 2, 2), 1)), zero)
    assert found.tolist() == [UNKNOWN]
