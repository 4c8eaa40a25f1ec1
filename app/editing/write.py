"""Writing edits: checked by the rules of the layer, on the version that was seen, at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from sqlalchemy import Connection

from app.editing.features import Stored
from app.editing.near import overlaps
from app.jobs.plan import refuse_foreign
from app.problems import Problem
from geo.intake import edit
from geo.layers import Layer
from geo.record.protocol import INSERT, Author, ChangeSet, Commit
from geo.snapshot.filters import FieldEquals
from geo.snapshot.view import View

if TYPE_CHECKING:
    from app.auth import User
    from app.state import State


@dataclass(frozen=True)
class Done:
    """A commit of one layer, the ids of its rows, and what is odd but allowed."""

    commit: Commit
    fids: tuple[int, ...]
    warnings: tuple[dict[str, Any], ...]


class Edits:
    """Changes of one layer by one person. Every method either commits whole or raises."""

    def __init__(self, state: State, layer: Layer, user: User, reason: str) -> None:
        self.state, self.layer, self.user = state, layer, user
        self.author = Author(user.name, reason, "edit")

    def view(self) -> View:
        """The layer as it is now, whoever changed it last; what of it the person sees."""
        self.state.catch_up()
        return self.state.snapshots.view(self.layer.id, None, self.user.counties)

    # -- what may be written -------------------------------------------------------

    def inserts(
        self, records: Sequence[dict[str, Any]], shapes: Sequence[shapely.Geometry | None]
    ) -> ChangeSet:
        """Raises `geo.intake.edit.Faulty`."""
        table, found = edit.checked(self.state.catalog, self.layer, records, shapes)
        return ChangeSet.inserts(self.layer.id, table, found)

    def update(
        self, wanted: Stored, *, moved: bool, changed: Collection[str] | None = None
    ) -> ChangeSet:
        """``wanted``: the state to store, with the version that it was made on; ``moved``: its
        shape is part of the edit; ``changed``: only these properties are (None: all).
        Raises `geo.intake.edit.Faulty`."""
        shapes = [wanted.shape] if moved else None
        table, found = edit.checked(
            self.state.catalog, self.layer, [wanted.properties], shapes, changed
        )
        versions = np.array([wanted.version])
        return ChangeSet.updates(self.layer.id, np.array([wanted.fid]), table, found, versions)

    def delete(self, fid: int, version: int) -> ChangeSet:
        return ChangeSet.deletes(self.layer.id, np.array([fid]), np.array([version]))

    def bring_back(self, wanted: Stored) -> ChangeSet:
        """A deleted feature again, under its old id. Raises `geo.intake.edit.Faulty`."""
        shapes = [wanted.shape] if self.layer.geometry else None
        table, found = edit.checked(self.state.catalog, self.layer, [wanted.properties], shapes)
        fids = np.array([wanted.fid])
        return ChangeSet(self.layer.id, np.full(1, INSERT, np.int8), fids, table, found)

    # -- writing -------------------------------------------------------------------

    def commit(
        self, change: ChangeSet, connection: Connection, changed: Collection[str] | None = None
    ) -> Done:
        """Inside a transaction of the record: nobody else writes until it ends.

        Raises `Problem` E_KEY_EXISTS, `Rejected` E_COUNTY, `VersionConflict`, `StorageError`.
        """
        view = self.view().limited(None)
        refuse_foreign(self.user.counties, self.layer, change, view)
        if changed is None or not set(changed).isdisjoint(self.layer.key):
            self._refuse_rivals(change, view)
        made, fids = self.state.record.commit([change], self.author, connection=connection)
        return Done(made, tuple(fids[0].tolist()), tuple(overlaps(view, change, fids[0])))

    def write(self, change: ChangeSet, changed: Collection[str] | None = None) -> Done:
        """`commit` in a transaction of its own; this worker shows it at once."""
        with self.state.record.write() as connection:
            done = self.commit(change, connection, changed)
        self.state.catch_up()
        return done

    def _refuse_rivals(self, change: ChangeSet, view: View) -> None:
        """Two features must not share a business key."""
        if not self.layer.key or change.attributes is None:
            return
        for row, fid in enumerate(change.fid.tolist()):
            key = [change.attributes[name][row].as_py() for name in self.layer.key]
            if None in key:
                continue
            wanted = [FieldEquals(self.layer.by_name[name], (value,))
                      for name, value in zip(self.layer.key, key, strict=True)]  # fmt: skip
            others = [
                other for segment, rows in view.match(wanted)
                for other in segment.fid[rows].tolist() if other != fid
            ]  # fmt: skip
            if others:
                told = " / ".join(map(str, key))
                raise Problem(
                    "E_KEY_EXISTS",
                    f"编号 {told} 已被要素 {others[0]} 使用",
                    f"The key {told} belongs to feature {others[0]} already",
                    where=", ".join(self.layer.key),
                    fix=("修改已有要素，或换一个编号", "Change that feature, or use another key"),
                    extra={"fid": others[0]},
                )
