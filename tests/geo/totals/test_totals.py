"""Totals: land counted once, groups that add up, digits that do not depend on the order."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo import crs
from geo.area import ellipsoidal_area
from geo.record.geopackage import open_record
from geo.record.protocol import ChangeSet
from geo.snapshot.store import Snapshots
from geo.totals.overlap import main, removed_areas, write_input
from geo.totals.total import total
from tests.geo.snapshot.test_store import AUTHOR, CATALOG, rows_of

pytestmark = pytest.mark.unit


PLANE = "EPSG:4550"


def box(x: float, y: float, width: float = 1.0, height: float = 1.0) -> shapely.Geometry:
    """A box in kilometres of the survey's plane, where edges of fields are straight."""
    east, north = 480_000 + 1000 * x, 5_030_000 + 1000 * y
    return shapely.box(east, north, east + 1000 * width, north + 1000 * height)


def array(*shapes: object) -> np.ndarray:
    """Shapes of the plane as they are stored (EPSG:4490)."""
    out = np.empty(len(shapes), dtype=object)
    out[:] = shapes
    return crs.transform(out, PLANE)


def test_shared_edges_and_corners_are_no_overlap():
    shapes = array(box(0, 0), box(1, 0), box(1, 1), box(0, 1), None)
    assert removed_areas(shapes).tolist() == [0.0] * 5


def test_the_later_one_gives_way():
    shapes = array(box(0, 0), box(0.5, 0))
    removed = removed_areas(shapes)
    assert removed[0] == 0
    assert removed[1] == pytest.approx(ellipsoidal_area(array(box(0.5, 0, 0.5)))[0], rel=1e-9)


def test_equal_and_contained_features_vanish_whole():
    shapes = array(box(0, 0, 2, 2), box(0, 0, 2, 2), box(0.5, 0.5))
    areas = ellipsoidal_area(shapes)
    assert np.allclose(removed_areas(shapes), [0, areas[1], areas[2]], rtol=1e-9)


def test_three_over_one_place_count_it_once():
    shapes = array(box(0, 0, 2), box(1, 0, 2), box(0.5, 0, 2))
    union = ellipsoidal_area(array(box(0, 0, 3)))[0]
    left = ellipsoidal_area(shapes).sum() - removed_areas(shapes).sum()
    assert left == pytest.approx(union, rel=1e-8)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(1, 4), st.integers(1, 4)),
        min_size=1,
        max_size=9,
    )
)
def test_what_is_left_is_the_area_of_the_union(boxes):
    plane = [box(*each) for each in boxes]
    shapes = array(*plane)
    left = ellipsoidal_area(shapes) - removed_areas(shapes)
    assert (left >= 0).all()
    union = ellipsoidal_area(array(shapely.union_all(plane)))[0]
    # Edges of 70 m by the survey's rule fall elsewhere on a cut edge: mm² on a hectare.
    assert left.sum() == pytest.approx(union, rel=1e-8)


def test_the_child_answers_by_fid(tmp_path: Path):
    shapes = array(box(0.5, 0), box(0, 0))
    write_input(tmp_path / "in.arrow", np.array([9, 4]), shapes)
    answer = main({"input": str(tmp_path / "in.arrow")})
    json.dumps(answer)
    # 4 was reported before 9, whatever their order in the file.
    assert list(answer["removed"]) == ["9"]


@pytest.fixture
def view(tmp_path: Path):
    record = open_record(tmp_path / "r.gpkg", CATALOG)
    rows = [("甲", 1, 0.5, 0), ("乙", 1, 1.5, 1), ("丙", 2, None, 2), ("丁", None, 1.0, 3)]
    rows.append(("戊", 2, 1.0, None))
    table, shapes = rows_of(rows)
    record.commit([ChangeSet.inserts("things", table, shapes)], AUTHOR)
    yield Snapshots(record, tmp_path / "s").view("things")
    record.close()


def test_groups_add_up(view):
    found = total(view, view.match(), ["grade"])
    assert [row.group[0] for row in found.rows] == [1, 2, None]
    assert [row.count for row in found.rows] == [2, 2, 1]
    assert found.total.count == 5
    assert found.without_measure == 1
    assert found.unassigned.count == 1
    assert sum(row.measure for row in found.rows) == pytest.approx(found.total.measure, rel=1e-12)
    single = total(view, view.match(), [])
    assert single.total == found.total
    assert single.unassigned.count == 0


def test_the_order_of_rows_changes_no_digit(view):
    forward = view.match()
    backward = [(segment, rows[::-1]) for segment, rows in forward]
    assert total(view, forward, ["grade"]) == total(view, backward, ["grade"])


def test_removed_land_leaves_its_own_group(view):
    whole = total(view, view.match(), ["grade"])
    cut = total(view, view.match(), ["grade"], {1: 1000.25, 99: 5.0})
    assert cut.rows[0].measure == pytest.approx(whole.rows[0].measure - 1000.25, abs=1e-6)
    assert cut.rows[0].removed == pytest.approx(1000.25)
    assert cut.rows[1] == whole.rows[1]
    assert cut.total.removed == pytest.approx(1000.25)


def test_nothing_selected(view):
    found = total(view, [], ["grade"])
    assert found.rows == ()
    assert found.total.count == 0
