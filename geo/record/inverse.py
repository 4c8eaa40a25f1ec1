# ruff: noqa: S608 - what the session names is its home's own SQL
"""The change sets that undo a commit: from the log alone, refused where others edited since."""

from __future__ import annotations

import numpy as np
import orjson
import pyarrow as pa
import shapely

from geo.layers import Catalog, Layer
from geo.record.commit import commit_of
from geo.record.protocol import DELETE, INSERT, UPDATE, ChangeSet, attribute_schema
from geo.record.reading import columns, to_entries
from geo.record.session import Session

_UNDO = {INSERT: DELETE, UPDATE: UPDATE, DELETE: INSERT}


def inverse(session: Session, catalog: Catalog, revision: int) -> list[ChangeSet]:
    """One change set a layer; committing them brings back what was before ``revision``.

    Each row expects the version that the revision wrote, so a feature that was edited
    afterwards raises `VersionConflict` at commit. KeyError for an unknown revision.
    """
    row = session.execute(
        f"SELECT {session.BODY} FROM sys_log WHERE kind = 'commit' AND revision = ?", (revision,)
    ).fetchone()
    if row is None:
        raise KeyError(revision)
    return [
        _undo(session, catalog.layers[layer], *span)
        for layer, span in commit_of(row[0]).ranges.items()
    ]


def _undo(session: Session, layer: Layer, first: int, last: int) -> ChangeSet:
    rows = session.execute(
        f"SELECT {columns(session)} FROM sys_log WHERE seq BETWEEN ? AND ? ORDER BY seq",
        (first, last),
    ).fetchall()
    done = to_entries(session, layer, rows)
    before = [orjson.loads(body)["before"] for _, _, _, body, _ in rows]
    op = np.array([_UNDO[code] for code in done.op.tolist()], np.int8)
    expected = np.where(op == INSERT, 0, done.version)

    attributes = attribute_schema(layer).empty_table()
    geometry = np.full(len(rows), None, object)
    needed = np.flatnonzero(op != DELETE)
    if len(needed):
        wanted = [before[i] for i in needed.tolist()]
        old = to_entries(
            session,
            layer,
            session.execute(
                f"SELECT {columns(session)} FROM {session.KEYS} JOIN sys_log l ON l.seq = j.value",
                (session.keys(sorted(wanted)),),
            ).fetchall(),
        )
        place = np.searchsorted(old.seq, wanted)
        at: list[int | None] = [None] * len(rows)
        for i, where in zip(needed.tolist(), place.tolist(), strict=True):
            at[i] = where
        attributes = old.attributes.take(pa.array(at, pa.int64()))
        geometry[needed] = shapely.from_wkb(old.geometry[place])
    return ChangeSet(
        layer=layer.id,
        op=op,
        fid=done.fid,
        attributes=attributes if len(needed) else None,
        geometry=geometry if layer.geometry else None,
        expected_version=expected,
    )
