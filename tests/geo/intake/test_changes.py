"""Staged rows against what is stored: new, changed, unchanged, absent, and what a mode does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import Rejected
from geo.intake.changes import changes
from geo.intake.stage import Staged
from geo.layers import Catalog, Layer
from geo.record.geopackage import open_record
from geo.record.protocol import DELETE, INSERT, UPDATE, Author, ChangeSet, attribute_schema
from geo.snapshot.store import Snapshots

pytestmark = pytest.mark.unit

LAYER = Layer.model_validate(
    {
        "id": "things",
        "title": {"zh": "物", "en": "Things"},
        "description": {"zh": "测试", "en": "Test"},
        "geometry": "MultiPolygon",
        "key": ["code"],
        "fields": [
            {"name": "code", "title": {"zh": "编号", "en": "Code"}, "required": True},
            {"name": "note", "title": {"zh": "备注", "en": "Note"}},
            {"name": "count", "title": {"zh": "数", "en": "Count"}, "type": "integer"},
        ],
    }
)
KEYLESS = LAYER.model_copy(update={"id": "loose", "key": ()})
AUTHOR = Author("test", "test")


def square(place: int) -> shapely.Geometry:
    return shapely.box(122 + place * 0.01, 45, 122.005 + place * 0.01, 45.005)


def staged(
    rows: dict[str, tuple[str | None, int | None, int]],
    mode: str = "upsert",
    given: tuple[str, ...] = ("code", "note", "count"),
) -> Staged:
    """code -> (note, count, place)."""
    schema = attribute_schema(LAYER)
    values = list(rows.values())
    table = pa.table(
        {"code": list(rows), "note": [v[0] for v in values], "count": [v[1] for v in values]},
        schema=schema,
    )
    shapes = np.array([square(v[2]) for v in values] or [], dtype=object)
    return Staged("things", mode, True, given, np.arange(len(rows)), table, shapes,
                  np.zeros(len(rows)))  # fmt: skip


@pytest.fixture
def view(tmp_path: Path):
    record = open_record(tmp_path / "r.gpkg", Catalog({"things": LAYER, "loose": KEYLESS}, {}))
    first = staged({"甲": ("一", 1, 0), "乙": (None, 2, 1), "丙": ("三", None, 2)})
    change = ChangeSet.inserts("things", first.attributes, first.geometry)
    record.commit([change], AUTHOR)
    yield Snapshots(record, tmp_path / "s").view("things")
    record.close()


def numbers(difference) -> tuple[int, int, int, int]:
    return difference.new, difference.changed, difference.unchanged, difference.absent


def test_upsert_touches_what_differs_and_adds_the_rest(view):
    rows = {"甲": ("一", 1, 0), "乙": ("改", 2, 1), "丁": ("新", 4, 3)}
    change, difference = changes(LAYER, staged(rows), view)
    assert numbers(difference) == (1, 1, 1, 1)
    assert change.op.tolist() == [UPDATE, INSERT]
    assert change.fid.tolist() == [2, 0]
    assert change.attributes["note"].to_pylist() == ["改", "新"]


def test_fields_that_were_not_given_stay(view):
    rows = {"甲": (None, 5, 0)}
    change, difference = changes(LAYER, staged(rows, given=("code", "count")), view)
    assert numbers(difference)[1] == 1
    assert change.attributes.to_pylist() == [{"code": "甲", "note": "一", "count": 5}]


def test_null_to_value_and_back_are_changes(view):
    _, difference = changes(LAYER, staged({"乙": ("有", 2, 1), "丙": ("三", 3, 2)}), view)
    assert difference.changed == 2
    _, difference = changes(LAYER, staged({"甲": (None, 1, 0)}), view)
    assert difference.changed == 1


def test_a_moved_geometry_is_a_change(view):
    _, difference = changes(LAYER, staged({"甲": ("一", 1, 7)}), view)
    assert difference.changed == 1


@settings(max_examples=30, deadline=None)
@given(noise=st.floats(-4e-10, 4e-10), start=st.integers(0, 3), turn=st.booleans())
def test_last_digits_start_and_direction_are_no_change(noise, start, turn, tmp_path_factory):
    folder = tmp_path_factory.mktemp("c")
    record = open_record(folder / "r.gpkg", Catalog({"things": LAYER}, {}))
    shape = square(3)
    table = staged({"甲": ("一", 1, 0)}).attributes
    record.commit([ChangeSet.inserts("things", table, np.array([shape]))], AUTHOR)
    view = Snapshots(record, folder / "s").view("things")
    ring = np.array(shape.exterior.coords)[:-1] + noise
    ring = np.roll(ring, start, axis=0)
    again = shapely.Polygon(ring[::-1] if turn else ring)
    row = staged({"甲": ("一", 1, 0)})
    row.geometry[0] = again
    change, difference = changes(LAYER, row, view)
    assert numbers(difference) == (0, 0, 1, 0)
    assert len(change.op) == 0
    record.close()


def test_replace_deletes_what_is_absent(view):
    change, difference = changes(LAYER, staged({"甲": ("一", 1, 0)}, mode="replace"), view)
    assert numbers(difference) == (0, 0, 1, 2)
    assert change.op.tolist() == [DELETE, DELETE]
    assert sorted(change.fid.tolist()) == [2, 3]


def test_append_refuses_known_keys(view):
    with pytest.raises(Rejected, match="E_KEY_EXISTS"):
        changes(LAYER, staged({"甲": ("一", 1, 0)}, mode="append"), view)
    change, _ = changes(LAYER, staged({"戊": ("五", 5, 5)}, mode="append"), view)
    assert change.op.tolist() == [INSERT]


def test_without_a_key_rows_can_only_be_added(view):
    change, difference = changes(KEYLESS, staged({"甲": ("一", 1, 0)}, mode="append"), view)
    assert numbers(difference) == (1, 0, 0, 0)
    assert change.op.tolist() == [INSERT]
    with pytest.raises(Rejected, match="E_NO_KEY"):
        changes(KEYLESS, staged({"甲": ("一", 1, 0)}), view)
