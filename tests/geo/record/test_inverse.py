"""Undoing a commit brings back exactly what was, or says who edited since."""

from __future__ import annotations

import numpy as np
import pytest

from geo.record.base import BaseRecord
from geo.record.protocol import DELETE, INSERT, UPDATE, ChangeSet, VersionConflict
from tests.geo.record.builders import AUTHOR, plots, squares, table

pytestmark = pytest.mark.unit


def alive(record: BaseRecord) -> dict[int, tuple[object, ...]]:
    return {
        fid: (tuple(row.values()), wkb, measure)
        for entries in record.state("plots")
        for fid, row, wkb, measure in zip(
            entries.fid.tolist(),
            entries.attributes.to_pylist(),
            entries.geometry,
            entries.measure.tolist(),
            strict=True,
        )
    }


def mixed() -> ChangeSet:
    return ChangeSet(
        "plots",
        np.array([DELETE, INSERT, UPDATE, INSERT, UPDATE, DELETE], np.int8),
        np.array([4, 0, 2, 0, 1, 5]),
        table(6, start=40),
        squares(6, 40),
    )


def test_undo_and_undo_of_the_undo(record: BaseRecord) -> None:
    record.commit([plots(6)], AUTHOR)
    before = alive(record)
    notes = ChangeSet.inserts("treatments", table(2))
    record.commit([mixed(), notes], AUTHOR)
    after = alive(record)
    assert before != after
    record.commit(record.inverse(2), AUTHOR)
    assert alive(record) == before
    assert not list(record.state("treatments"))
    record.commit(record.inverse(3), AUTHOR)
    assert alive(record) == after
    assert [len(e) for e in record.state("treatments")] == [2]
    assert record.verify(deep=True).ok


def test_undoing_the_first_commit_empties_the_layer(record: BaseRecord) -> None:
    record.commit([plots(3)], AUTHOR)
    commit, _ = record.commit(record.inverse(1), AUTHOR)
    assert commit.counts["plots"]["delete"] == 3
    assert alive(record) == {}


@pytest.mark.parametrize("fid", [1, 4])
def test_later_edits_are_not_thrown_away(record: BaseRecord, fid: int) -> None:
    record.commit([plots(6)], AUTHOR)
    record.commit([mixed()], AUTHOR)
    if fid == 1:
        record.commit([ChangeSet.updates("plots", [1], table(1))], AUTHOR)
    else:  # someone brought the deleted feature back
        back = ChangeSet("plots", np.array([INSERT]), np.array([4]), table(1), squares(1))
        record.commit([back], AUTHOR)
    with pytest.raises(VersionConflict) as caught:
        record.commit(record.inverse(2), AUTHOR)
    assert [c.fid for c in caught.value.conflicts] == [fid]


def test_an_unknown_revision(record: BaseRecord) -> None:
    with pytest.raises(KeyError):
        record.inverse(1)
