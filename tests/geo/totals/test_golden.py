"""Totals of small worlds whose truth is drawn by hand, in the plane of the survey.

The truth of every figure is the official series (`geo.area.official_area`) over a shape
that a person can draw: not our overlay, and not our area.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
import shapely

from geo import crs
from geo.area import A, F, official_area
from geo.errors import Rejected
from geo.totals.total import Question, Row, Total, Within
from tests.geo.totals.questions.world import PLANE, World, line, square

pytestmark = pytest.mark.unit

#: Official series and closed form differ by rounding only.
CLOSE = 1e-8


def truth(*shapes: shapely.Geometry) -> float:
    """m² of shapes of the plane by the official series."""
    return sum(official_area(shape) for shape in lonlat(*shapes))


def lonlat(*shapes: shapely.Geometry) -> np.ndarray:
    out = np.empty(len(shapes), dtype=object)
    out[:] = shapes
    return crs.transform(out, PLANE)


def parcel(code: str, geom: Any, stage: str | None = "accepted", **more: Any) -> dict[str, Any]:
    return {"code": code, "geom": geom, "stage": stage, "county": "220882", "land_class": "0101",
            **more}  # fmt: skip


def district(code: str, geom: Any) -> dict[str, Any]:
    return {"code": code, "name": f"{code}灌区", "county": "220882", "status": "done", "geom": geom}


def protected(code: str, geom: Any, kind: str = "permanent") -> dict[str, Any]:
    return {"code": code, "type": kind, "permanent_basic": kind == "permanent",
            "county": "220882", "geom": geom}  # fmt: skip


def groups(found: Total) -> dict[Any, Row]:
    return {row.group[0] if len(row.group) == 1 else row.group: row for row in found.rows}


def closes(found: Total) -> None:
    assert sum(row.units for row in found.rows) == found.total.units
    assert sum(row.removed_units for row in found.rows) == found.total.removed_units


def test_a_hole_is_not_counted(small: World, ask):
    ring = square(0, 0, 3, 3).difference(square(1, 1))
    small.put(parcels=[parcel("a", ring)])
    assert ask().total.measure == pytest.approx(truth(square(0, 0, 3, 3)) - truth(square(1, 1)),
                                                rel=CLOSE)  # fmt: skip


def test_a_parcel_in_the_hole_of_another_overlaps_nothing(small: World, ask):
    ring = square(0, 0, 3, 3).difference(square(1, 1))
    small.put(parcels=[parcel("a", ring), parcel("b", square(1, 1))])
    found = ask()
    assert found.total.removed_units == 0
    assert found.total.measure == pytest.approx(truth(square(0, 0, 3, 3)), rel=CLOSE)


def test_parts_count_as_one_feature(small: World, ask):
    both = shapely.union(square(0, 0), square(5, 5))
    small.put(parcels=[parcel("a", both)], districts=[district("X", square(4, 4, 3, 3))])
    found = groups(ask("parcels", "districts"))
    assert found["X"].count == found[None].count == 1
    assert found["X"].measure == pytest.approx(truth(square(5, 5)), rel=CLOSE)
    assert found[None].measure == pytest.approx(truth(square(0, 0)), rel=CLOSE)
    assert ask("parcels", "districts").total.count == 1


def test_overlap_counts_once_for_the_earlier(small: World, ask):
    small.put(parcels=[parcel("a", square(0, 0)), parcel("b", square(0.5, 0), "works")])
    found = ask("parcels", "stage")
    closes(found)
    assert groups(found)["accepted"].measure == pytest.approx(truth(square(0, 0)), rel=CLOSE)
    assert groups(found)["works"].measure == pytest.approx(truth(square(1, 0, 0.5)), rel=CLOSE)
    assert found.removed == pytest.approx(truth(square(0.5, 0, 0.5)), rel=CLOSE)
    assert [(claim.fid, claim.earlier) for claim in found.claims] == [(2, (1,))]
    double = ask(measure="sum")
    assert double.removed is None
    assert double.total.measure == pytest.approx(2 * truth(square(0, 0)), rel=1e-5)


def test_three_over_one_place_count_it_once(small: World, ask):
    small.put(parcels=[parcel("a", square(0, 0, 2)), parcel("b", square(1, 0, 2)),
                       parcel("c", square(0.5, 0, 2))])  # fmt: skip
    found = ask()
    assert found.total.measure == pytest.approx(truth(square(0, 0, 3)), rel=CLOSE)
    assert {claim.fid: claim.earlier for claim in found.claims} == {2: (1,), 3: (1, 2)}


def test_equal_features_vanish_whole(small: World, ask):
    small.put(parcels=[parcel(c, square(0, 0)) for c in "abc"])
    found = ask("parcels", "code")
    assert [row.units for row in found.rows][1:] == [0, 0]
    assert found.total.count == 3
    assert found.total.measure == pytest.approx(truth(square(0, 0)), rel=CLOSE)


def test_shared_edges_and_corners_are_no_overlap(small: World, ask):
    """Also where a corner lies on the middle of another's edge (rounding puts it across)."""
    small.put(parcels=[parcel("a", square(0, 0, 3)), parcel("b", square(0, 1)),
                       parcel("c", square(1, 1)), parcel("d", square(2, 1)),
                       parcel("e", square(3, 1)), parcel("f", square(0.37, -1))])  # fmt: skip
    found = ask()
    assert found.total.removed_units == 0
    assert found.claims == ()


def test_a_parcel_cut_by_two_districts(small: World, ask):
    small.put(
        parcels=[parcel("a", square(0, 0, 4))],
        districts=[district("X", square(-1, -1, 2, 3)), district("Y", square(1, -1, 2, 3))],
    )
    found = ask("parcels", "districts")
    closes(found)
    rows = groups(found)
    assert rows["X"].measure == pytest.approx(truth(square(0, 0)), rel=CLOSE)
    assert rows["Y"].measure == pytest.approx(truth(square(1, 0, 2)), rel=CLOSE)
    assert rows[None].measure == pytest.approx(truth(square(3, 0)), rel=CLOSE)
    assert found.unassigned.units == rows[None].units
    assert found.total.count == 1
    assert found.total.measure == pytest.approx(truth(square(0, 0, 4)), rel=CLOSE)


def test_districts_that_share_a_cut_leave_nothing_between_them(small: World, ask):
    """A slanting common edge: what rounding leaves over goes to the largest part."""
    west = shapely.Polygon([(480_000, 5_030_000), (481_234.567, 5_030_000), (480_777.7, 5_033_000),
                            (480_000, 5_033_000)])  # fmt: skip
    east = square(0, 0, 3, 3).difference(west)
    small.put(parcels=[parcel(f"p{i}", square(0.5, i / 4, 1, 0.25)) for i in range(12)],
              districts=[district("W", west), district("E", east)])  # fmt: skip
    found = ask("parcels", "districts")
    closes(found)
    assert None not in groups(found)
    assert found.total.measure == pytest.approx(truth(square(0.5, 0, 1, 3)), rel=CLOSE)
    assert groups(found)["W"].measure == pytest.approx(
        truth(west.intersection(square(0.5, 0, 1, 3))), rel=CLOSE
    )


def test_a_parcel_that_only_touches_a_district_is_not_in_it(small: World, ask):
    small.put(parcels=[parcel("a", square(0, 0))],
              districts=[district("X", square(1, 0)), district("Y", square(-1, -1))])  # fmt: skip
    found = groups(ask("parcels", "districts"))
    assert found["X"].count == found["Y"].count == 0
    assert found[None].count == 1


def test_overlap_at_the_edge_of_a_district_is_removed_on_both_sides(small: World, ask):
    small.put(parcels=[parcel("a", square(0, 0, 2)), parcel("b", square(0, 0, 2, 0.5))],
              districts=[district("X", square(-1, -1, 2, 3))])  # fmt: skip
    found = groups(ask("parcels", "districts"))
    assert found["X"].removed == pytest.approx(truth(square(0, 0, 1, 0.5)), rel=CLOSE)
    assert found[None].removed == pytest.approx(truth(square(1, 0, 1, 0.5)), rel=CLOSE)
    assert found["X"].measure == pytest.approx(truth(square(0, 0)), rel=CLOSE)


def test_districts_that_overlap_share_no_land(small: World, ask):
    small.put(parcels=[parcel("a", square(0, 0, 3))],
              districts=[district("X", square(0, 0, 2)),
                         district("Y", square(1, 0, 2))])  # fmt: skip
    found = ask("parcels", "districts")
    closes(found)
    assert groups(found)["X"].measure == pytest.approx(truth(square(0, 0, 2)), rel=CLOSE)
    assert groups(found)["Y"].measure == pytest.approx(truth(square(2, 0)), rel=CLOSE)


def test_by_district_and_field(small: World, ask):
    small.put(parcels=[parcel("a", square(0, 0, 2)), parcel("b", square(0, 1, 2), "works")],
              districts=[district("X", square(1, 0, 5, 5))])  # fmt: skip
    found = ask("parcels", "districts", "stage")
    closes(found)
    assert list(groups(found)) == [("X", "accepted"), ("X", "works"), (None, "accepted"),
                                   (None, "works")]  # fmt: skip
    assert all(row.measure == pytest.approx(truth(square(0, 0)), rel=1e-5) for row in found.rows)


def test_within_a_district_or_a_polygon(small: World, ask):
    small.put(parcels=[parcel("a", square(0, 0, 2)), parcel("b", square(5, 5))],
              districts=[district("X", square(0, 0)), district("Y", square(1, 0))])  # fmt: skip
    inside = ask(within=Within("districts", ("X",)))
    assert inside.total.measure == pytest.approx(truth(square(0, 0)), rel=CLOSE)
    assert inside.total.count == 1
    both = ask(within=Within("districts", ("X", "Y")))
    assert both.total.units == ask(filters={"parcels": "code = 'a'"}).total.units
    drawn = ask(within=Within(shape=lonlat(square(1.5, 0.5, 9, 9))[0]))
    assert drawn.total.count == 2
    assert drawn.total.measure == pytest.approx(
        truth(square(1.5, 0.5, 0.5, 0.5), square(5, 5)), rel=CLOSE
    )
    with pytest.raises(Rejected, match="no Z"):
        ask(within=Within("districts", ("Z",)))


def test_overlay_of_two_layers(small: World, ask):
    small.put(
        parcels=[parcel("a", square(0, 0, 4)), parcel("b", square(3, 0, 2), "works")],
        farmland=[protected("f", square(1, -1, 1, 3)), protected("g", square(1.5, -1, 2.5, 3)),
                  protected("h", square(9, 9), "reserve")],
    )  # fmt: skip
    found = ask("parcels", on=("farmland",))
    assert found.total.measure == pytest.approx(truth(square(1, 0, 3)), rel=CLOSE)
    assert found.removed == pytest.approx(truth(square(3, 0)), rel=1e-5)
    by_stage = groups(ask("parcels", "stage", on=("farmland",)))
    assert by_stage["accepted"].units == found.total.units
    assert by_stage["works"].units == 0
    by_type = ask("parcels", "farmland.code", on=("farmland",))
    closes(by_type)
    assert groups(by_type)["f"].measure == pytest.approx(truth(square(1, 0)), rel=CLOSE)
    assert groups(by_type)["g"].measure == pytest.approx(truth(square(2, 0, 2)), rel=CLOSE)
    double = ask("parcels", on=("farmland",), measure="sum")
    assert double.total.measure == pytest.approx(
        truth(square(1, 0), square(1.5, 0, 2.5), square(3, 0)), rel=CLOSE
    )
    some = ask("parcels", on=("farmland",), filters={"farmland": "type = 'reserve'"})
    assert some.total == Row((), 0, 0)


def test_canals_are_split_at_the_edge_and_measured_by_geodesics(small: World, ask):
    from pyproj import Geod

    canal = {"code": "c1", "canal_order": "branch", "geom": line((0, 0.5), (2, 0.5), (4, 0.5))}
    along = {"code": "c2", "canal_order": "lateral", "geom": line((1, 0), (1, 1))}
    small.put(canals=[canal, along],
              districts=[district("X", square(-1, -1, 2, 3)),
                         district("Y", square(1, -1, 2, 3))])  # fmt: skip
    found = ask("canals", "districts", "canal_order")
    closes(found)
    rows = groups(found)
    geod = Geod(a=A, f=F)

    def metres(*points: tuple[float, float]) -> float:
        return geod.geometry_length(lonlat(line(*points))[0])

    assert rows["X", "branch"].measure == pytest.approx(metres((0, 0.5), (1, 0.5)), rel=1e-7)
    assert rows["Y", "branch"].measure == pytest.approx(metres((1, 0.5), (3, 0.5)), rel=1e-7)
    assert rows[None, "branch"].measure == pytest.approx(metres((3, 0.5), (4, 0.5)), rel=1e-7)
    # On the common edge of both districts: counted once, for the first.
    assert rows["X", "lateral"].measure == pytest.approx(metres((1, 0), (1, 1)), rel=1e-7)
    assert ("Y", "lateral") not in rows


def test_structures_are_counted_in_one_district_each(small: World, ask):
    def gate(code: str, x: float, y: float) -> dict[str, Any]:
        point = shapely.Point(480_000 + 1000 * x, 5_030_000 + 1000 * y)
        return {"code": code, "kind": "gate", "geom": point}

    small.put(structures=[gate("a", 0.5, 0.5), gate("b", 1.0, 0.5), gate("c", 1.5, 0.5),
                          gate("d", 7, 7)],
              districts=[district("X", square(0, 0)), district("Y", square(1, 0))])  # fmt: skip
    found = ask("structures", "districts")
    assert {k: row.count for k, row in groups(found).items()} == {"X": 2, "Y": 1, None: 1}
    assert found.total.count == 4
    assert ask("structures", within=Within("districts", ("Y",))).total.count == 2


def test_empty_groups_zero_features_and_nulls(small: World, ask):
    small.put(districts=[district("X", square(0, 0)), district("Y", square(1, 0))])
    assert ask().rows == ()
    assert ask().total == Row((), 0, 0)
    empty = ask("parcels", "districts")
    assert {k: (row.count, row.units) for k, row in groups(empty).items()} == {
        "X": (0, 0), "Y": (0, 0)
    }  # fmt: skip
    assert ask("parcels", "stage").rows == ()
    small.put(parcels=[parcel("a", square(0, 0), crop=None), parcel("b", square(1, 0), crop=None)])
    found = ask("parcels", "crop")
    assert [row.group for row in found.rows] == [(None,)]
    assert found.unassigned.units == found.total.units > 0
    assert ask("parcels", "districts", "crop").unassigned.units == found.total.units


def test_without_zones_everything_is_outside(small: World, ask):
    small.put(parcels=[parcel("a", square(0, 0))])
    found = ask("parcels", "districts")
    assert [row.group for row in found.rows] == [(None,)]
    assert found.unassigned.units == found.total.units


def test_stated_numbers_are_added_up_exactly(small: World, ask):
    small.put(parcels=[parcel(str(i), square(2 * i, 0), stated_area_mu=v)
                       for i, v in enumerate([0.1, 0.2, 0.3, None])])  # fmt: skip
    found = ask("parcels", "stage", sums=("stated_area_mu",))
    assert found.rows[0].sums == (0.6,)  # one after the other they make 0.6000000000000001
    assert found.total.sums == (0.6,)
    with pytest.raises(Rejected, match="shared out"):
        ask("parcels", "districts", sums=("stated_area_mu",))


def test_past_totals_stay(small: World, ask):
    small.put(parcels=[parcel("a", square(0, 0))], districts=[district("X", square(0, 0, 9, 9))])
    first = ask("parcels", "districts")
    small.put(date(2025, 3, 1), parcels=[parcel("b", square(0.5, 0))])
    small.update(date(2025, 4, 1), "districts", [1], [district("X", square(0, 0, 0.5, 1))])
    assert ask("parcels", "districts", as_of=1) == first
    now = ask("parcels", "districts")
    assert now.total.removed > 0
    assert [(each.layer, each.revision) for each in now.inputs] == [("parcels", 2),
                                                                   ("districts", 3)]  # fmt: skip
    assert groups(now)["X"].measure == pytest.approx(truth(square(0, 0, 0.5)), rel=CLOSE)


@pytest.mark.parametrize(
    ("question", "place"),
    [
        (Question("parcels", by=("nothing",)), "by"),
        (Question("parcels", by=("canals",)), "by"),
        (Question("parcels", by=("farmland.type",)), "by"),
        (Question("parcels", by=("stage", "stage")), "by"),
        (Question("parcels", on=("canals",)), "on"),
        (Question("canals", on=("parcels",)), "on"),
        (Question("treatments", by=("districts",)), "by"),
        (Question("parcels", within=Within("canals", ("1",))), "within"),
        (Question("parcels", filters={"farmland": "type = 'x'"}), "filter"),
        (Question("parcels", sums=("stage",)), "sums"),
        (Question("nowhere"), "layer"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_place(small: World, question, place):
    from geo.totals.question import plan
    from tests.geo.totals.questions.world import CATALOG

    with pytest.raises(Rejected) as refused:
        plan(question, CATALOG.layers)
    assert refused.value.where == place
