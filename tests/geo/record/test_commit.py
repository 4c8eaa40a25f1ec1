"""Commits: what goes in comes out; what does not fit leaves nothing behind."""

from __future__ import annotations

import contextlib
import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import shapely
from sqlalchemy import Text, cast, func, insert, select

from geo.area import ellipsoidal_area, length
from geo.errors import Rejected
from geo.record import commit as committing
from geo.record import rows, sqlite_session, tables
from geo.record.base import BaseRecord
from geo.record.geopackage import GeoPackageRecord
from geo.record.protocol import DELETE, INSERT, UPDATE, Author, ChangeSet, Head, VersionConflict
from tests.geo.record.builders import AUTHOR, create, plots, squares, table

pytestmark = pytest.mark.unit


def whole(record: BaseRecord, layer: str = "plots") -> pa.Table:
    return pa.concat_tables([entries.attributes for entries in record.entries(layer)])


def test_attributes_come_back_typed_and_equal(record: BaseRecord) -> None:
    commit, (fids,) = record.commit([plots(50)], AUTHOR)
    assert fids.tolist() == list(range(1, 51))
    assert (commit.revision, commit.first_seq, commit.last_seq) == (1, 1, 51)
    assert commit.counts == {"plots": {"insert": 50, "update": 0, "delete": 0}}
    assert commit.author == AUTHOR
    assert record.commits() == [commit]
    assert whole(record).equals(table(50))


def test_geometry_and_measures(record: BaseRecord) -> None:
    shapes = squares(3)
    lines = shapely.linestrings([[[122, 45], [122.01, 45.01]]])
    points = shapely.points([[122.5, 45.5]])
    record.commit(
        [
            ChangeSet.inserts("plots", table(3), np.array([shapes[0], None, shapes[2]])),
            ChangeSet.inserts("canals", table(1), lines),
            ChangeSet.inserts("samples", table(1), points),
            ChangeSet.inserts("treatments", table(1)),
        ],
        AUTHOR,
    )
    (entries,) = record.entries("plots")
    stored = shapely.from_wkb(entries.geometry)
    assert [g and g.geom_type for g in stored] == ["MultiPolygon", None, "MultiPolygon"]
    assert shapely.equals(stored[[0, 2]], shapes[[0, 2]]).all()
    np.testing.assert_array_equal(entries.measure[[0, 2]], ellipsoidal_area(shapes[[0, 2]]))
    assert np.isnan(entries.measure[1])
    (canals,) = record.entries("canals")
    np.testing.assert_array_equal(canals.measure, length(lines))
    (samples,) = record.entries("samples")
    assert shapely.equals(shapely.from_wkb(samples.geometry), points).all()
    assert np.isnan(samples.measure).all()
    (treatments,) = record.entries("treatments")
    assert treatments.geometry[0] is None


def test_shells_are_stored_counter_clockwise(record: BaseRecord) -> None:
    clockwise = shapely.box([122], [45], [122.1], [45.1], ccw=False)
    record.commit([ChangeSet.inserts("plots", table(1), clockwise)], AUTHOR)
    (entries,) = record.entries("plots")
    shell = shapely.from_wkb(entries.geometry[0]).geoms[0].exterior
    assert shapely.is_ccw(shell)


def test_update_delete_and_bring_back(record: BaseRecord) -> None:
    record.commit([plots(3)], AUTHOR)
    record.commit([ChangeSet.updates("plots", [2], table(1, start=9), squares(1, 9))], AUTHOR)
    record.commit([ChangeSet.deletes("plots", [2])], AUTHOR)
    with record.read() as connection:
        assert connection.exec_driver_sql("SELECT fid FROM plots").scalars().all() == [1, 3]
    back = ChangeSet("plots", np.array([INSERT]), np.array([2]), table(1, start=9), squares(1, 9))
    record.commit([back], AUTHOR)
    steps = record.history("plots", 2)
    assert [s.operation for s in steps] == ["insert", "update", "delete", "insert"]
    assert [s.version for s in steps] == [1, 2, 3, 4]
    assert [s.before for s in steps] == [None, steps[0].seq, steps[1].seq, steps[2].seq]
    assert steps[2].attributes is None
    assert steps[2].geometry is None
    assert steps[1].attributes == steps[3].attributes
    assert record.verify(deep=True).ok


def test_mixed_operations_keep_their_order(record: BaseRecord) -> None:
    record.commit([plots(4)], AUTHOR)
    change = ChangeSet(
        "plots",
        np.array([DELETE, INSERT, UPDATE, INSERT], np.int8),
        np.array([1, 0, 3, 0]),
        table(4, start=20),
        squares(4, 20),
    )
    _, (fids,) = record.commit([change], AUTHOR)
    assert fids.tolist() == [1, 5, 3, 6]
    (entries,) = record.entries("plots", since_seq=5)
    assert entries.fid.tolist() == [1, 5, 3, 6]
    assert entries.op.tolist() == [DELETE, INSERT, UPDATE, INSERT]
    assert entries.attributes.slice(1).equals(table(4, start=20).slice(1))
    assert entries.attributes.slice(0, 1).to_pylist() == [dict.fromkeys(table(1).column_names)]
    assert record.verify(deep=True).ok


def test_update_without_geometry_keeps_it(record: BaseRecord) -> None:
    record.commit([plots(2)], AUTHOR)
    record.commit([ChangeSet.updates("plots", [2], table(1, start=5))], AUTHOR)
    first, second = record.history("plots", 2)
    assert second.geometry == first.geometry
    assert second.measure == first.measure
    assert second.attributes != first.attributes
    assert record.verify(deep=True).ok


def test_fids_of_deleted_features_are_never_given_again(record: BaseRecord) -> None:
    _, (fids,) = record.commit([plots(3)], AUTHOR)
    record.commit([ChangeSet.deletes("plots", fids)], AUTHOR)
    _, (again,) = record.commit([plots(1)], AUTHOR)
    assert again.tolist() == [4]


@pytest.mark.parametrize("n", [sqlite_session.BULK - 1, sqlite_session.BULK, rows.CHUNK + 1])
def test_bulk_and_small_commits_leave_the_same(record: BaseRecord, n: int) -> None:
    """R-tree triggers run for small commits, and are replaced by one pass for large ones."""
    _, (fids,) = record.commit([plots(n)], AUTHOR)
    half = fids[: n // 2]
    record.commit([ChangeSet.updates("plots", half, table(len(half)), squares(len(half)))], AUTHOR)
    record.commit([ChangeSet.deletes("plots", fids[::3])], AUTHOR)
    verification = record.verify(deep=True)
    assert verification.ok
    assert verification.features == n - len(fids[::3])
    if not isinstance(record, GeoPackageRecord):
        return
    with record.read() as connection:
        triggers = connection.exec_driver_sql(
            "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'plots'"
        ).scalar()
    assert triggers == 7


def test_version_conflicts_name_every_row_and_store_nothing(record: BaseRecord) -> None:
    record.commit([plots(3)], AUTHOR)
    record.commit([ChangeSet.updates("plots", [1], table(1))], AUTHOR)
    before = record.head()
    stale = ChangeSet.updates(
        "plots", [1, 2, 99], table(3), expected_version=np.array([1, 1, 1], np.int64)
    )
    with pytest.raises(VersionConflict) as caught:
        record.commit([ChangeSet.inserts("treatments", table(1)), stale], AUTHOR)
    found = [(c.fid, c.expected, c.current) for c in caught.value.conflicts]
    assert found == [(1, 1, 2), (99, 1, None)]
    assert record.head() == before
    assert not list(record.entries("treatments"))


def test_inserting_over_a_living_feature_is_a_conflict(record: BaseRecord) -> None:
    record.commit([plots(1)], AUTHOR)
    for fid in (1, 7):
        change = ChangeSet("plots", np.array([INSERT]), np.array([fid]), table(1), squares(1))
        with pytest.raises(VersionConflict):
            record.commit([change], AUTHOR)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda: ChangeSet.inserts("plots", table(1), shapely.points([[1, 2]])), "E_GEOMETRY_TYPE"),
        (lambda: ChangeSet.inserts("plots", table(1), np.array([shapely.Polygon()])),
         "E_COORDINATES"),
        (lambda: ChangeSet.inserts("plots", table(1), shapely.box([5e5], [5e6], [5.1e5], [5.1e6])),
         "E_COORDINATES"),
        (lambda: ChangeSet.inserts("samples", table(1), shapely.points([[np.nan, 45]])),
         "E_COORDINATES"),
        (lambda: ChangeSet.inserts("plots", table(1), np.array([shapely.Polygon(
            [(122, 45), (123, 45), (122.5, np.nan), (122, 46)])])), "E_COORDINATES"),
        (lambda: ChangeSet.inserts("treatments", table(1).set_column(
            2, "ph", pa.array([np.inf]))), "E_NOT_FINITE"),
        (lambda: ChangeSet.inserts("treatments", table(1).set_column(
            3, "count", pa.array(["three"]))), "E_ATTRIBUTE_TYPE"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:invalid value")
def test_values_that_cannot_be_stored(record: BaseRecord, change, code: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(Rejected) as caught:
        record.commit([change()], AUTHOR)
    assert caught.value.code == code
    assert record.head() == Head(0, 0)


def test_nan_is_stored_as_null(record: BaseRecord) -> None:
    change = table(1).set_column(2, "ph", pa.array([np.nan]))
    record.commit([ChangeSet.inserts("treatments", change)], AUTHOR)
    assert whole(record, "treatments")["ph"].to_pylist() == [None]
    assert record.verify().ok


def test_wrong_calls_are_refused(record: BaseRecord) -> None:
    for changes in ([], [plots(1), plots(1)], [ChangeSet.updates("plots", [1, 1], table(2))]):
        with pytest.raises(ValueError, match=r"commit|named twice"):
            record.commit(changes, AUTHOR)


def test_an_empty_change_set_beside_another(record: BaseRecord) -> None:
    none = ChangeSet.inserts("treatments", table(0))
    commit, fids = record.commit([none, plots(1)], AUTHOR)
    assert commit.layers == ("plots",)
    assert [len(f) for f in fids] == [0, 1]


def test_times_of_the_log(record: BaseRecord) -> None:
    china = dt.timezone(dt.timedelta(hours=8))
    days = [dt.datetime(2023, 1, day, 8, tzinfo=china) for day in (1, 2, 3)]
    for i, day in enumerate(days):
        record.commit([plots(1, i)], AUTHOR, time=day)
    assert [c.time for c in record.commits()] == days
    with pytest.raises(ValueError, match="before the last commit"):
        record.commit([plots(1)], AUTHOR, time=days[0])
    assert record.as_of_revision(days[1]) == 2
    assert record.as_of_revision(days[1] - dt.timedelta(milliseconds=1)) == 1
    assert record.as_of_revision(days[0] - dt.timedelta(days=1)) == 0
    (entries,) = record.entries("plots")
    assert entries.time.tolist() == [d.astimezone(dt.UTC).replace(tzinfo=None) for d in days]


def test_a_clock_that_was_set_back_does_not_stop_commits(
    record: BaseRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    first, _ = record.commit([plots(1)], AUTHOR, time=ahead)
    second, _ = record.commit([plots(1)], AUTHOR)
    assert second.time == first.time
    assert second.revision == 2


def test_state_at_each_revision_is_the_model(record: BaseRecord) -> None:
    record.commit([plots(5)], AUTHOR)
    record.commit([ChangeSet.deletes("plots", [2, 4])], AUTHOR)
    record.commit([ChangeSet.inserts("treatments", table(1))], AUTHOR)
    record.commit([ChangeSet.updates("plots", [1], table(1, start=8))], AUTHOR)
    alive = {r: sorted(f for e in record.state("plots", r) for f in e.fid) for r in range(5)}
    assert alive == {0: [], 1: [1, 2, 3, 4, 5], 2: [1, 3, 5], 3: [1, 3, 5], 4: [1, 3, 5]}
    (now,) = record.state("plots")
    assert now.version[now.fid == 1].tolist() == [2]


def test_entries_between_seqs_and_in_batches(record: BaseRecord) -> None:
    record.commit([plots(10)], AUTHOR)
    record.commit([ChangeSet.inserts("treatments", table(5))], AUTHOR)
    record.commit([plots(10, 10)], AUTHOR)
    batches = list(record.entries("plots", batch=4))
    assert [len(b) for b in batches] == [4, 4, 4, 4, 4]
    assert np.concatenate([b.fid for b in batches]).tolist() == list(range(1, 21))
    seqs = [s for b in record.entries("plots", 5, 20) for s in b.seq.tolist()]
    assert seqs == [6, 7, 8, 9, 10, 11, 19, 20]
    assert not list(record.entries("plots", record.head().seq))


def test_events_are_rows_of_the_chain(record: BaseRecord) -> None:
    record.commit([plots(1)], AUTHOR)
    seq = record.event("upload.rejected", Author("李四", "CRS", "upload:7"), {"code": "E_CRS"})
    assert record.head() == Head(1, seq)
    (event,) = record.events()
    assert (event.action, event.author.name, event.detail) == (
        "upload.rejected", "李四", {"code": "E_CRS"},
    )  # fmt: skip
    assert record.verify().ok


def test_one_transaction_with_system_tables(record: BaseRecord) -> None:
    """A job's result and its features appear together or not at all."""
    row = {"key": "job", "value": "done"}
    with contextlib.suppress(RuntimeError), record.write() as connection:
        record.commit([plots(3)], AUTHOR, connection=connection)
        connection.execute(insert(tables.meta).values(**row))
        raise RuntimeError
    assert record.head() == Head(0, 0)
    with record.write() as connection:
        record.commit([plots(3)], AUTHOR, connection=connection)
        connection.execute(insert(tables.meta).values(**row))
    with record.read() as connection:
        count = connection.execute(select(func.count()).where(tables.meta.c.key == "job")).scalar()
    assert (count, record.head()) == (1, Head(1, 4))
    assert record.verify().ok


def test_head_and_changed_see_other_processes_commits(tmp_path: Path) -> None:
    path = tmp_path / "record.gpkg"
    with create(path) as one, create(path) as two:
        assert one.changed()
        assert not one.changed()
        two.commit([plots(1)], AUTHOR)
        assert one.changed()
        assert one.head() == two.head() == Head(1, 2)
        assert not one.changed()
        one.commit([plots(1)], AUTHOR)
        assert one.changed()


def test_log_bodies_are_canonical(record: BaseRecord) -> None:
    import orjson

    record.commit([plots(3)], AUTHOR)
    record.event("x", AUTHOR, {"b": 1, "a": [1, {"d": 1, "c": 2}]})
    with record.read() as connection:
        bodies = connection.execute(select(cast(tables.log.c.body, Text))).scalars().all()
    for body in bodies:
        assert committing.canonical(orjson.loads(body)).decode() == body
