"""Any sequence of edits: the record agrees with a plain dictionary, at every revision."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from geo.record.protocol import (
    DELETE,
    INSERT,
    UPDATE,
    ChangeSet,
    Entries,
    VersionConflict,
    attribute_schema,
)
from tests.geo.record.builders import AUTHOR, FIELDS, catalog, create, layer

pytestmark = pytest.mark.unit

PLOTS = layer("plots", "MultiPolygon")
SCHEMA = attribute_schema(PLOTS)
#: no lone surrogates: Arrow's strings are UTF-8
strings = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = st.fixed_dictionaries(
    {
        "code": strings,
        "type": strings,
        "ph": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "count": st.none() | st.integers(-(2**63), 2**63 - 1),
        "saline": st.none() | st.booleans(),
        "day": st.none() | st.dates(),
        "seen": st.none() | st.datetimes().map(lambda t: t.replace(microsecond=0)),
    }
)
squares = st.none() | st.tuples(st.floats(121, 124), st.floats(44, 46)).map(
    lambda corner: shapely.box(*corner, corner[0] + 0.01, corner[1] + 0.01)
)
features = st.tuples(values, squares)
State = dict[int, tuple[dict[str, Any], Any]]


def table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=SCHEMA)


class Model(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.record = create(self.folder / "record.gpkg", PLOTS)
        self.state: State = {}
        self.versions: dict[int, int] = {}
        self.past: list[State] = [{}]

    def teardown(self) -> None:
        assert self.record.verify(deep=True).ok
        for revision, state in enumerate(self.past):
            self._agree(state, list(self.record.state("plots", revision, batch=3)))
        self._agree(self.state, self._table())
        self.record.close()
        shutil.rmtree(self.folder)

    @initialize(first=st.lists(features, min_size=1, max_size=4))
    def start(self, first: list[Any]) -> None:
        self._commit([(INSERT, 0, f) for f in first])

    @rule(new=st.lists(features, min_size=1, max_size=3), data=st.data())
    def edit(self, new: list[Any], data: st.DataObject) -> None:
        """Inserts, updates and deletes in one change set, in any order."""
        alive = sorted(self.state)
        touched = (
            data.draw(st.lists(st.sampled_from(alive), unique=True, max_size=3)) if alive else []
        )
        rows: list[tuple[int, int, Any]] = [(INSERT, 0, f) for f in new]
        rows += [(data.draw(st.sampled_from([UPDATE, DELETE])), f, new[0]) for f in touched]
        self._commit(data.draw(st.permutations(rows)))

    @precondition(lambda self: self.versions.keys() - self.state.keys())
    @rule(feature=features, data=st.data())
    def bring_back(self, feature: Any, data: st.DataObject) -> None:
        gone = sorted(self.versions.keys() - self.state.keys())
        self._commit([(INSERT, data.draw(st.sampled_from(gone)), feature)])

    @precondition(lambda self: self.state)
    @rule(feature=features, off=st.sampled_from([-1, 1, 5]), data=st.data())
    def stale_edit(self, feature: Any, off: int, data: st.DataObject) -> None:
        fid = data.draw(st.sampled_from(sorted(self.state)))
        wrong = self.versions[fid] + off
        if wrong < 1:
            return
        change = ChangeSet.updates(
            "plots", [fid], table([feature[0]]), None, np.array([wrong], np.int64)
        )
        with pytest.raises(VersionConflict):
            self.record.commit([change], AUTHOR)

    @rule()
    def reopen(self) -> None:
        self.record.close()
        self.record = create(self.folder / "record.gpkg", PLOTS)

    @invariant()
    def head_is_the_last_commit(self) -> None:
        assert self.record.head().revision == len(self.past) - 1

    def _commit(self, rows: list[tuple[int, int, Any]]) -> None:
        expected = [self.versions.get(fid, 0) if op != INSERT else 0 for op, fid, _ in rows]
        change = ChangeSet(
            "plots",
            np.array([op for op, _, _ in rows], np.int8),
            np.array([fid for _, fid, _ in rows], np.int64),
            table([feature[0] for _, _, feature in rows]),
            np.array([feature[1] for _, _, feature in rows] + [None], object)[:-1],
            np.array(expected, np.int64),
        )
        _, (fids,) = self.record.commit([change], AUTHOR)
        for fid, (op, _, feature) in zip(fids.tolist(), rows, strict=True):
            self.versions[fid] = self.versions.get(fid, 0) + 1
            if op == DELETE:
                del self.state[fid]
            else:
                self.state[fid] = feature
        self.past.append(dict(self.state))

    def _agree(self, state: State, found: list[Entries] | State) -> None:
        stored: State = {}
        if isinstance(found, dict):
            stored = found
        else:
            for entries in found:
                shapes = shapely.from_wkb(entries.geometry)
                rows = zip(
                    entries.fid.tolist(), entries.attributes.to_pylist(), shapes, strict=True
                )
                stored |= {fid: (row, shape) for fid, row, shape in rows}
        assert stored.keys() == state.keys()
        for fid, (row, shape) in state.items():
            assert table([stored[fid][0]]).equals(table([row]))
            assert (stored[fid][1] is None) == (shape is None)
            assert shape is None or stored[fid][1].equals(shape)

    def _table(self) -> State:
        """What GDAL and others would read."""
        from geo.record import blob

        names = [f.name for f in FIELDS]
        with self.record.read() as connection:
            rows = connection.exec_driver_sql(
                f"SELECT fid, geom, {', '.join(names)} FROM plots"
            ).all()
        result: State = {}
        for fid, geom, *row in rows:
            typed = dict(zip(names, row, strict=True))
            if typed["saline"] is not None:
                typed["saline"] = bool(typed["saline"])
            for name in ("day", "seen"):
                column = pa.array([typed[name] and typed[name].rstrip("Z")], pa.string())
                typed[name] = column.cast(pa.timestamp("us"))[0].as_py()
            typed["day"] = typed["day"] and typed["day"].date()
            shape = None if geom is None else shapely.from_wkb(blob.wkb_of(geom))
            result[fid] = (typed, shape)
        return result


Model.TestCase.settings = settings(
    max_examples=15,
    stateful_step_count=10,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestModel = Model.TestCase


def test_catalog_is_the_one_tested() -> None:
    assert catalog().layers["plots"] == PLOTS
