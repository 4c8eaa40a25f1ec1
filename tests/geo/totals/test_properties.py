"""What holds for every world: parts add up, order is nothing, a union is at most the sum."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.area import ellipsoidal_area
from geo.totals.rows import PER_UNIT
from geo.totals.total import Question, Within
from tests.geo.totals.fields import array, ask, view_of
from tests.geo.totals.questions.world import square

pytestmark = pytest.mark.unit

STAGES = ("accepted", "works", "mapped")


@st.composite
def fields(draw: st.DrawFn, most: int = 8) -> list[shapely.Geometry]:
    """Rectangles on a lattice and stars anywhere: shared edges, holes, overlaps, parts."""
    shapes: list[Any] = []
    for _ in range(draw(st.integers(1, most))):
        kind = draw(st.sampled_from(("box", "star", "ring", "parts")))
        x, y = draw(st.integers(0, 6)), draw(st.integers(0, 6))
        width, height = draw(st.integers(1, 4)), draw(st.integers(1, 4))
        box = square(x, y, width, height)
        if kind == "star":
            radii = draw(st.lists(st.integers(300, 2900), min_size=3, max_size=9))
            angle = np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
            ring = np.column_stack((np.cos(angle), np.sin(angle))) * np.array(radii)[:, None]
            star = shapely.Polygon(ring + shapely.get_coordinates(shapely.centroid(box)))
            box = star if star.is_valid and star.area > 1 else box
        elif kind == "ring":
            box = box.difference(square(x + width / 4, y + height / 4, width / 2, height / 2))
        elif kind == "parts":
            box = shapely.union(box, square(x + 9, y + 0.5))
        shapes.append(box)
    return shapes


def stages(count: int) -> list[str]:
    return [STAGES[i % len(STAGES)] for i in range(count)]


@settings(max_examples=30, deadline=None)
@given(fields(), fields(4))
def test_parts_add_up_to_their_whole(parcels: list, districts: list):
    views = {"parcels": view_of("parcels", parcels, stage=stages(len(parcels))),
             "districts": view_of("districts", districts)}  # fmt: skip
    whole = ask(views, Question("parcels")).total
    for by in (("districts",), ("districts", "stage"), ("stage",)):
        found = ask(views, Question("parcels", by=by))
        assert sum(row.units for row in found.rows) == whole.units
        assert sum(row.removed_units for row in found.rows) == whole.removed_units
        assert found.total.count == len(parcels)
        assert all(row.units >= 0 for row in found.rows)
    inside = [
        ask(views, Question("parcels", within=Within("districts", (f"districts-{i}",)))).total
        for i in range(len(districts))
    ]
    covered = sum(row.units for row in ask(views, Question("parcels", by=("districts",))).rows
                  if row.group != (None,))  # fmt: skip
    assert sum(row.units for row in inside) >= covered - len(districts) * len(parcels) * 10**6


@settings(max_examples=30, deadline=None)
@given(fields(), fields(4))
def test_areas_are_those_of_the_drawn_shapes(parcels: list, districts: list):
    """Against one overlay of everything at once, measured by the closed form."""
    views = {"parcels": view_of("parcels", parcels), "districts": view_of("districts", districts)}
    union, zones = shapely.union_all(parcels), shapely.union_all(districts)

    def area(shape: Any) -> float:
        return float(ellipsoidal_area(array(shape))[0])

    found = ask(views, Question("parcels", by=("districts",)))
    assert found.total.measure == pytest.approx(area(union), rel=1e-8)
    inside = area(union.intersection(zones))
    assert found.total.measure - found.unassigned.measure == pytest.approx(
        inside, rel=1e-8, abs=0.02 * len(parcels) * len(districts)
    )
    double = ask(views, Question("parcels", measure="sum"))
    assert found.total.units <= double.total.units
    both = ask(views, Question("parcels", on=("districts",)))
    assert both.total.measure == pytest.approx(inside, rel=1e-8, abs=0.05 * len(parcels))


@settings(max_examples=20, deadline=None)
@given(fields(), fields(4), st.randoms(use_true_random=False))
def test_the_order_of_features_changes_no_digit(parcels: list, districts: list, random: Any):
    order = list(range(len(parcels)))
    random.shuffle(order)
    kinds = stages(len(parcels))
    zones = view_of("districts", districts)
    forward = {"parcels": view_of("parcels", parcels, stage=kinds), "districts": zones}
    shuffled = view_of("parcels", [parcels[i] for i in order], [i + 1 for i in order],
                       stage=[kinds[i] for i in order])  # fmt: skip
    for question in (
        Question("parcels", by=("districts", "stage")),
        Question("parcels", by=("stage",), on=("districts",)),
        Question("parcels", measure="sum", by=("districts",)),
    ):
        first = ask(forward, question)
        second = ask({"parcels": shuffled, "districts": zones}, question)
        assert first.rows == second.rows
        assert first.total == second.total
        assert first.claims == second.claims


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.lists(st.tuples(st.integers(0, 90), st.integers(0, 90)), min_size=2, max_size=5,
                      unique=True), min_size=1, max_size=5),
    fields(4),
)  # fmt: skip
def test_lines_close_too(lines: list, districts: list):
    shapes = [
        shapely.LineString([(480_000 + 100 * x, 5_030_000 + 100 * y) for x, y in points])
        for points in lines
    ]
    views = {"canals": view_of("canals", shapes), "districts": view_of("districts", districts)}
    whole = ask(views, Question("canals")).total
    found = ask(views, Question("canals", by=("districts",)))
    assert sum(row.units for row in found.rows) == whole.units
    zones = shapely.union_all(districts)
    # Lengths of the plane: its scale is within 1e-4 of 1 here.
    outside = sum(shapely.length(shapely.difference(s, zones.buffer(1e-3))) for s in shapes)
    assert found.unassigned.measure == pytest.approx(outside, rel=2e-4, abs=1.0)
    assert whole.units >= PER_UNIT
