"""Edits that met a newer version: kept as they came, compared three ways, decided by somebody.

An edit made offline on version 3 of a feature that is at version 5 by now is worth a day in the
field. It is kept with what it was made on; nothing of it is applied before a person has looked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
import shapely
from sqlalchemy import Connection, Row, select

from app.editing.features import Stored, differences, geojson, of_history, same_shape, stored
from app.problems import not_found
from app.times import now
from geo.layers import Layer
from geo.record.tables import conflicts

if TYPE_CHECKING:
    from app.auth import User
    from app.state import State


@dataclass(frozen=True)
class Conflict:
    """``base``: what the edit was made on; ``mine``: what it would have stored (None: delete);
    ``theirs``: what is stored now (None: deleted)."""

    row: Row[Any]
    base: Stored | None
    mine: Stored | None
    theirs: Stored | None

    @property
    def clashes(self) -> tuple[str, ...]:
        """What both sides changed, and not to the same value: field names, ``geometry``."""
        if self.mine is None or self.theirs is None:
            return ("*",)
        ours = differences(self.base, self.mine)
        other = differences(self.base, self.theirs)
        found = [
            name for name, (_, value) in ours["properties"].items()
            if name in other["properties"] and other["properties"][name][1] != value
        ]  # fmt: skip
        if ours["geometry"] and other["geometry"] and not same_shape(self.mine, self.theirs):
            found.append("geometry")
        return tuple(found)

    def merged(self) -> Stored:
        """Theirs with what only mine changed; of what both changed, theirs."""
        assert self.mine is not None
        assert self.theirs is not None
        ours = differences(self.base, self.mine)
        clashes = self.clashes
        properties = dict(self.theirs.properties)
        for name, (_, value) in ours["properties"].items():
            if name not in clashes:
                properties[name] = value
        moved = ours["geometry"] and "geometry" not in clashes
        shape = self.mine.shape if moved else self.theirs.shape
        return Stored(self.theirs.fid, self.theirs.version, properties, shape)

    def describe(self) -> dict[str, Any]:
        row = self.row
        return {
            "id": row.id,
            "layer": row.layer,
            "fid": row.fid,
            "state": row.state,
            "operation": row.operation,
            "author": row.person,
            "reason": row.reason,
            "created_at": row.created_at,
            "resolved_by": row.resolved_by,
            "resolved_at": row.resolved_at,
            "revision": row.revision,
            "base_version": row.base_version,
            "current_version": self.theirs.version if self.theirs else None,
            "clashes": list(self.clashes) if row.state == "open" else [],
            "mine": differences(self.base, self.mine),
            "theirs": differences(self.base, self.theirs),
            "shapes": {
                name: geojson(each.shape) if each else None
                for name, each in (
                    ("base", self.base), ("mine", self.mine), ("theirs", self.theirs)
                )
            },
        }  # fmt: skip


def keep(
    connection: Connection, layer: Layer, base: int, fid: int, wanted: Stored | None, user: User,
    reason: str,
) -> int:  # fmt: skip
    """Store an edit that could not be applied; ``wanted`` None: a deletion. Returns its id."""
    body = None if wanted is None else {
        "properties": wanted.properties,
        "wkb": None if wanted.shape is None else wanted.shape.wkb_hex,
    }  # fmt: skip
    row = {
        "layer": layer.id,
        "fid": fid,
        "base_version": base,
        "operation": "delete" if wanted is None else "update",
        "body": orjson.dumps(body, default=str).decode(),
        "person_id": user.id,
        "person": user.name,
        "reason": reason,
        "created_at": now(),
    }
    done = connection.execute(conflicts.insert().values(**row).returning(conflicts.c.id))
    return int(done.scalar_one())


def every(state: State, user: User, layer: str | None, which: str | None) -> list[dict[str, Any]]:
    """Conflicts, newest first: all for managers, one's own for others."""
    query = select(conflicts).order_by(conflicts.c.id.desc()).limit(500)
    if layer is not None:
        query = query.where(conflicts.c.layer == layer)
    if which is not None:
        query = query.where(conflicts.c.state == which)
    if not user.oversees:
        query = query.where(conflicts.c.person_id == user.id)
    with state.record.read() as connection:
        rows = connection.execute(query).all()
    return [_open(state, row).describe() for row in rows if row.layer in state.catalog.layers]


def get(state: State, user: User, number: int) -> Conflict:
    """Raises `Problem` E_NOT_FOUND, for a conflict of somebody else, too."""
    query = select(conflicts).where(conflicts.c.id == number)
    with state.record.read() as connection:
        row = connection.execute(query).one_or_none()
    mine = row is not None and (user.oversees or row.person_id == user.id)
    if row is None or not mine or row.layer not in state.catalog.layers:
        raise not_found(f"没有冲突 {number}", f"There is no conflict {number}", where="conflict")
    return _open(state, row)


def close(
    connection: Connection, number: int, outcome: str, user: User, revision: int | None
) -> bool:
    """Mark as decided; False when somebody was faster."""
    done = connection.execute(
        conflicts.update()
        .where(conflicts.c.id == number, conflicts.c.state == "open")
        .values(state=outcome, resolved_by=user.name, resolved_at=now(), revision=revision)
    )
    return bool(done.rowcount)


def _open(state: State, row: Row[Any]) -> Conflict:
    state.catch_up()
    theirs = stored(state.snapshots.view(row.layer, None), row.fid)
    base = None
    for item in state.record.history(row.layer, row.fid):
        if item.version == row.base_version:
            base = of_history(row.fid, item)
    mine = None
    body = orjson.loads(row.body)
    if body is not None:
        shape = None if body["wkb"] is None else shapely.from_wkb(body["wkb"])
        mine = Stored(row.fid, row.base_version, body["properties"], shape)
    return Conflict(row, base, _typed(state, row.layer, mine), theirs)


def _typed(state: State, layer_id: str, kept: Stored | None) -> Stored | None:
    """Dates and times came as text: compared with stored ones they must be the same thing."""
    if kept is None:
        return None
    from geo.intake import edit  # noqa: PLC0415 - only where a conflict is looked at

    layer = state.catalog.layers[layer_id]
    try:
        table, _ = edit.checked(state.catalog, layer, [kept.properties], None)
    except edit.Faulty:
        return kept  # a definition has changed since; people see the texts
    return Stored(kept.fid, kept.version, table.to_pylist()[0], kept.shape)
