"""Commit the demonstration to a record, step by step, with its history."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.demo.model import Change, Demo, column
from geo.record.protocol import Author, ChangeSet, Record

#: Called after each commit with (changes done, changes in all, reason of the commit).
Progress = Callable[[int, int, str], None]


def seed(record: Record, demo: Demo, progress: Progress | None = None) -> int:
    """Write all steps of ``demo`` into an empty record; returns the number of commits.

    Raises ValueError when the record already holds commits.
    """
    if record.head().revision:
        raise ValueError("the demonstration is written into an empty record only")
    state = {name: _State(rows.attributes) for name, rows in demo.layers.items()}
    finished, total = 0, demo.changes
    for step in demo.steps:
        sets = [_changeset(demo, state[change.layer], change) for change in step.changes]
        author = Author(step.author, step.reason, step.source)
        _, fids = record.commit(sets, author, time=step.time)
        for change, assigned in zip(step.changes, fids, strict=True):
            if change.op == "insert":
                state[change.layer].fid[change.rows] = assigned
            finished += len(change.rows)
        if progress is not None:
            progress(finished, total, step.reason)
    return len(demo.steps)


class _State:
    """The current attributes of a layer's rows and the fids that the record gave them."""

    def __init__(self, attributes: pa.Table) -> None:
        self.attributes = attributes.combine_chunks()
        self.fid = np.zeros(attributes.num_rows, dtype=np.int64)

    def change(self, change: Change) -> None:
        mask = np.zeros(self.attributes.num_rows, dtype=bool)
        mask[change.rows] = True
        for name, values in change.columns.items():
            place = self.attributes.schema.get_field_index(name)
            kind = self.attributes.schema.field(place)
            old = self.attributes.column(place).combine_chunks()
            new = pc.replace_with_mask(old, pa.array(mask), column(values, kind.type))
            self.attributes = self.attributes.set_column(place, kind, new)


def _changeset(demo: Demo, state: _State, change: Change) -> ChangeSet:
    rows = change.rows
    if change.op == "delete":
        return ChangeSet.deletes(change.layer, state.fid[rows])
    if change.op == "insert":
        geometry = demo.layers[change.layer].geometry
        return ChangeSet.inserts(
            change.layer,
            state.attributes.take(rows),
            None if geometry is None else geometry[rows],
        )
    state.change(change)
    return ChangeSet.updates(
        change.layer, state.fid[rows], state.attributes.take(rows), change.geometry
    )
