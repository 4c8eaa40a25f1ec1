"""The snapshot against a plain model: now, as of any revision, before and after compaction."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.area import ellipsoidal_area
from geo.layers import Catalog, Layer
from geo.record.geopackage import open_record
from geo.record.protocol import Author, ChangeSet, Record, attribute_schema
from geo.snapshot import base
from geo.snapshot.changes import Changes
from geo.snapshot.filters import FieldEquals, WordsIn
from geo.snapshot.store import Snapshots
from geo.snapshot.view import Order, View

pytestmark = pytest.mark.unit

LAYER = Layer.model_validate(
    {
        "id": "things",
        "title": {"zh": "物", "en": "Things"},
        "description": {"zh": "测试", "en": "Test"},
        "geometry": "MultiPolygon",
        "key": ["code"],
        "fields": [
            {"name": "code", "title": {"zh": "编号", "en": "Code"}, "search": True},
            {"name": "grade", "title": {"zh": "等级", "en": "Grade"}, "type": "integer"},
            {"name": "share", "title": {"zh": "比例", "en": "Share"}, "type": "number"},
            {"name": "day", "title": {"zh": "日期", "en": "Day"}, "type": "date"},
        ],
    }
)
CATALOG = Catalog({"things": LAYER}, {})
AUTHOR = Author("test", "test")
CODES = ["甲", "乙", "丙", "a", "B", ""]


def box(place: int) -> shapely.Geometry:
    x, y = 122 + (place % 10) * 0.01, 45 + (place // 10) * 0.01
    return shapely.box(x, y, x + 0.009, y + 0.009)


def rows_of(values: list[tuple]) -> tuple[pa.Table, np.ndarray]:
    """(code, grade, share, place) -> attributes and geometry; a place of None has no geometry."""
    schema = attribute_schema(LAYER)
    columns = {
        "code": [v[0] for v in values],
        "grade": [v[1] for v in values],
        "share": [v[2] for v in values],
        "day": [None] * len(values),
    }
    table = pa.table(columns, schema=schema)
    shapes = np.array([None if v[3] is None else box(v[3]) for v in values], dtype=object)
    return table, shapes


value = st.tuples(
    st.one_of(st.none(), st.sampled_from(CODES)),
    st.one_of(st.none(), st.integers(-3, 3)),
    st.one_of(st.none(), st.sampled_from([0.0, -1.5, 2.5])),
    st.one_of(st.none(), st.integers(0, 99)),
)
step = st.one_of(
    st.tuples(st.just("insert"), st.lists(value, min_size=1, max_size=5)),
    st.tuples(st.just("update"), st.lists(st.tuples(st.integers(0, 99), value), max_size=4)),
    st.tuples(st.just("delete"), st.lists(st.integers(0, 99), max_size=3)),
    st.tuples(st.just("compact"), st.just([])),
    st.tuples(st.just("reopen"), st.just([])),
)


def apply(record: Record, model: dict[int, tuple], kind: str, content: list) -> bool:
    """Do a step on the record and on the model; False when there is nothing to do."""
    if kind == "insert":
        table, shapes = rows_of(content)
        _, (fids,) = record.commit([ChangeSet.inserts("things", table, shapes)], AUTHOR)
        model.update(zip(fids.tolist(), content, strict=True))
        return True
    alive = sorted(model)
    if not alive:
        return False
    if kind == "update":
        chosen = {alive[at % len(alive)]: v for at, v in content}
        if not chosen:
            return False
        table, shapes = rows_of(list(chosen.values()))
        fids = np.array(list(chosen))
        record.commit([ChangeSet.updates("things", fids, table, shapes)], AUTHOR)
        model.update(chosen)
        return True
    chosen_fids = sorted({alive[at % len(alive)] for at in content})
    if not chosen_fids:
        return False
    record.commit([ChangeSet.deletes("things", np.array(chosen_fids))], AUTHOR)
    for fid in chosen_fids:
        del model[fid]
    return True


def content(view: View) -> dict[int, tuple]:
    found = {}
    for segment, rows in view.match():
        shapes = segment.geometries(rows)
        columns = [segment.column(n, rows).to_pylist() for n in ("code", "grade", "share")]
        for fid, code, grade, share, shape in zip(
            segment.fid[rows].tolist(), *columns, shapes, strict=True
        ):
            assert fid not in found, "a feature lives twice"
            found[fid] = (code, grade, share, shape)
    return found


def same(found: dict[int, tuple], model: dict[int, tuple]) -> None:
    assert sorted(found) == sorted(model)
    for fid, (code, grade, share, place) in model.items():
        assert found[fid][:3] == (code, grade, share)
        shape = found[fid][3]
        if place is None:
            assert shape is None or shape.is_empty
        else:
            assert shapely.equals(shape, box(place))


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(step, min_size=1, max_size=12))
def test_every_revision_is_what_was_committed(steps, tmp_path_factory):
    """Random edits, compactions and restarts; all revisions stay readable."""
    folder = tmp_path_factory.mktemp("s")
    record = open_record(folder / "r.gpkg", CATALOG)
    snapshots = Snapshots(record, folder / "snapshots")
    model: dict[int, tuple] = {}
    kept = {0: {}}
    changed: dict[int, int] = {}  # place -> last revision that changed something there
    for kind, content_ in steps:
        if kind == "compact":
            assert base.compact(record, LAYER, folder / "snapshots")
        elif kind == "reopen":
            snapshots = Snapshots(record, folder / "snapshots")
        elif apply(record, model, kind, content_):
            snapshots.refresh()
            revision = record.head().revision
            old = kept[max(kept)]
            touched = [fid for fid in old | model if old.get(fid) is not model.get(fid)]
            for version in [side[fid] for side in (old, model) for fid in touched if fid in side]:
                changed[version[3]] = revision
            kept[revision] = dict(model)
            _check_changes(snapshots, changed)
    _check_changes(Snapshots(record, folder / "snapshots"), changed)
    assert snapshots.revision == record.head().revision
    for revision, then in kept.items():
        same(content(snapshots.view("things", revision)), then)
    same(content(snapshots.view("things")), model)
    _check_pages(snapshots.view("things"), model)
    _check_box(snapshots.view("things"), model)
    record.close()


def _check_changes(snapshots: Snapshots, changed: dict[int, int]) -> None:
    """Each process knows of every place when it changed last, whatever base it holds."""
    view = snapshots.view("things")
    for place in range(100):
        assert view.touched_in(box(place).bounds) == changed.get(place, 0)


def test_only_late_changes_are_remembered(world):
    record, folder = world
    table, shapes = rows_of([("甲", 1, 1.0, 7)])
    for _ in range(5):
        record.commit([ChangeSet.updates("things", np.array([8]), table, shapes)], AUTHOR)
    view = Snapshots(record, folder).view("things")
    assert view.touched_in(box(7).bounds) == 6
    assert view.touched_in(box(3).bounds) == 1
    shorter = Changes.of(view.segments, most=5)
    # Two rows an edit: of revisions 5 and 6 all is known, before them everything counts.
    assert shorter.since == 4
    assert len(shorter.revision) == 4
    assert shorter.last(box(7).bounds) == 6
    assert shorter.last(box(3).bounds) == 4
    longer = shorter.plus([(np.array([6, 7]), np.array([box(3).bounds] * 2))], most=5)
    assert longer.last(box(3).bounds) == 7
    assert longer.since == 4
    assert shapely.box(*longer.boxes[-1]).equals(box(3))


def test_while_a_base_is_built_nothing_is_called_new(world):
    """A process without a base shows nothing yet, and must not say that this is the newest."""
    record, folder = world
    asked: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("geo.snapshot.store.MOST_DELTA_ROWS", 10)
        snapshots = Snapshots(record, folder, asked.append)
        view = snapshots.view("things")
        assert asked == ["things"]
        assert (view.count(), view.touched, view.revision) == (0, 0, 0)
        base.compact(record, LAYER, folder)
        snapshots.refresh()
        view = snapshots.view("things")
        assert (view.count(), view.touched, view.revision) == (60, 1, 1)


def _check_pages(view: View, model: dict[int, tuple]) -> None:
    """Keyset paging visits every row once, in order, whatever the sort."""
    for order in ([], [Order("code")], [Order("grade", True), Order("share")]):
        seen: list[int] = []
        after = None
        for _ in range(100):
            page = view.page(order=order, limit=3, after=after)
            assert page.matched == len(model)
            fids = np.zeros(page.length, dtype=np.int64)
            for segment, rows, places in page.parts:
                fids[places] = segment.fid[rows]
            seen += fids.tolist()
            after = page.next_key
            if after is None:
                break
        assert seen == sorted(model, key=lambda fid: _sort_key(fid, model[fid], order))


def _sort_key(fid: int, row: tuple, order: list[Order]) -> tuple:
    names = {"code": 0, "grade": 1, "share": 2}
    key: list = []
    for each in order:
        value_ = row[names[each.name]]
        if value_ is None:
            key.append((1, 0))
        elif isinstance(value_, str):
            key.append((0, value_.encode()))
        else:
            key.append((0, -value_ if each.descending else value_))
    return (*key, fid)


def _check_box(view: View, model: dict[int, tuple]) -> None:
    window = (122.025, 45.013, 122.062, 45.058)
    found = {int(fid) for s, rows in view.match(box=window) for fid in s.fid[rows]}
    shape = shapely.box(*window)
    assert found == {
        fid for fid, row in model.items() if row[3] is not None and shape.intersects(box(row[3]))
    }


@pytest.fixture
def world(tmp_path):
    record = open_record(tmp_path / "r.gpkg", CATALOG)
    table, shapes = rows_of([(CODES[i % 5], i % 4, 1.0, i) for i in range(60)])
    record.commit([ChangeSet.inserts("things", table, shapes)], AUTHOR)
    yield record, tmp_path / "snapshots"
    record.close()


def test_areas_are_the_ellipsoidal_ones(world):
    record, folder = world
    view = Snapshots(record, folder).view("things")
    for segment, rows in view.match():
        stored = segment.column("area_m2", rows).to_numpy()
        assert np.allclose(stored, ellipsoidal_area(segment.geometries(rows)), rtol=1e-12)
        mu = segment.column("area_mu", rows).to_numpy()
        assert np.allclose(mu * 2000 / 3, stored, rtol=1e-15)


def test_bases_are_mapped_not_copied(world):
    record, folder = world
    base.compact(record, LAYER, folder)
    found = base.latest(folder, LAYER)
    maps = Path("/proc/self/maps").read_text()
    assert "current.arrow" in maps
    assert "current.rtree" in maps
    assert not found.current.flat.xy.flags.owndata


def test_words_and_equality(world):
    record, folder = world
    view = Snapshots(record, folder).view("things")
    assert sum(len(r) for _, r in view.match([WordsIn.parse(LAYER, "甲")])) == 12
    assert sum(len(r) for _, r in view.match([WordsIn.parse(LAYER, "b")])) == 12
    assert sum(len(r) for _, r in view.match([WordsIn.parse(LAYER, "甲 乙")])) == 0
    equal = FieldEquals.parse(LAYER.by_name["grade"], ["1,2"])
    assert sum(len(r) for _, r in view.match([equal])) == 30


def test_two_processes_do_not_build_at_once(world):
    record, folder = world
    with base.lock(folder, LAYER) as mine:
        assert mine
        assert not base.compact(record, LAYER, folder)
    assert base.compact(record, LAYER, folder)


def test_another_definition_does_not_read_an_old_base(world):
    record, folder = world
    base.compact(record, LAYER, folder)
    wider = LAYER.model_copy(
        update={"fields": (*LAYER.fields, LAYER.fields[0].model_copy(update={"name": "more"}))}
    )
    assert base.latest(folder, LAYER) is not None
    assert base.latest(folder, wider) is None


_KILLED = """
import sys, time
from pathlib import Path
from geo.record.geopackage import open_record
from geo.snapshot import base
from geo.snapshot.changes import Changes
from tests.geo.snapshot.test_store import CATALOG, LAYER
folder = Path(sys.argv[1])
record = open_record(folder / "r.gpkg", CATALOG)
print("ready", flush=True)
end = time.monotonic() + 30  # by itself, should nobody kill it
while time.monotonic() < end:
    base.compact(record, LAYER, folder / "snapshots")
"""


@pytest.mark.faults
def test_a_killed_build_leaves_the_old_base_or_the_new_one(tmp_path):
    """kill -9 in the middle of building, many times: what is on disk always opens and is right."""
    record = open_record(tmp_path / "r.gpkg", CATALOG)
    model: dict[int, tuple] = {}
    rng = np.random.default_rng(4)
    for round_ in range(8):
        rows = [(CODES[i % 5], i % 4, 1.0, i % 100) for i in range(2000)]
        apply(record, model, "insert", rows)
        command = [sys.executable, "-c", _KILLED, str(tmp_path)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        try:
            child.wait(timeout=float(rng.uniform(0.01, 0.4)))
        except subprocess.TimeoutExpired:
            os.kill(child.pid, signal.SIGKILL)
        child.wait()
        snapshots = Snapshots(record, tmp_path / "snapshots")
        assert snapshots.revision == round_ + 1
        same(content(snapshots.view("things")), model)
    assert base.compact(record, LAYER, tmp_path / "snapshots")
    left = [p.name for p in (tmp_path / "snapshots" / "things").iterdir() if p.is_dir()]
    assert len(left) == 1, left
    record.close()
