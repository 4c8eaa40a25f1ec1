# ruff: noqa: S608 - names come from checked layer definitions
"""What the rows of a change set meet in the layer's table: fids, versions, conflicts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geo.record.prepare import Prepared
from geo.record.protocol import INSERT, UPDATE, Conflict, VersionConflict, measure_column
from geo.record.session import Session, quote


@dataclass
class Target:
    """What the rows of a change set meet in the table; ``before`` is 0 for none.

    ``kept``: for updates that leave the geometry alone, row -> (WKB, measure).
    """

    fid: np.ndarray
    version: np.ndarray
    before: np.ndarray
    kept: dict[int, tuple[bytes | None, float | None]]


def resolve(session: Session, item: Prepared) -> Target:
    table = quote(item.layer.id)
    fid, version = item.fid.copy(), np.zeros(len(item), np.int64)
    before = np.zeros(len(item), np.int64)
    fresh = (item.op == INSERT) & (fid == 0)
    (highest,) = session.execute(
        "SELECT coalesce(max(fid), 0) FROM sys_log WHERE layer = ? AND fid IS NOT NULL",
        (item.layer.id,),
    ).fetchone()
    fid[fresh] = np.arange(highest + 1, highest + 1 + fresh.sum())

    known = np.flatnonzero(~fresh)
    kept: dict[int, tuple[bytes | None, float | None]] = {}
    if not len(known):
        return Target(fid, version, before, kept)
    wanted = session.keys(fid[known].tolist())
    current = _align(
        fid[known],
        session.execute(
            f"SELECT t.fid, t.version, t.log_seq FROM {session.KEYS} "
            f"JOIN {table} t ON t.fid = j.value",
            (wanted,),
        ).fetchall(),
    )
    back = item.op[known] == INSERT
    if back.any():
        current[back] = _deleted(session, item, fid[known][back], current[back])
    bad = current[:, 0] < 0
    bad |= (item.expected[known] > 0) & (item.expected[known] != current[:, 0])
    if bad.any():
        raise VersionConflict(
            item.layer.id,
            [
                Conflict(int(fid[row]), int(item.expected[row]) or None, now if now > 0 else None)
                for row, now in zip(known[bad], current[bad, 0].tolist(), strict=True)
            ],
        )
    version[known], before[known] = current[:, 0], current[:, 1]
    if item.layer.geometry and item.geometry is None and (item.op == UPDATE).any():
        kept = _keep_geometry(session, item, fid)
    return Target(fid, version, before, kept)


def _align(wanted: np.ndarray, rows: list[tuple[int, ...]]) -> np.ndarray:
    """Rows (fid, a, b) in the order of ``wanted``; (-1, -1) where there is none."""
    result = np.full((len(wanted), 2), -1, np.int64)
    if rows:
        found = np.array(rows, np.int64)
        found = found[np.argsort(found[:, 0])]
        at = np.minimum(np.searchsorted(found[:, 0], wanted), len(found) - 1)
        hit = found[at, 0] == wanted
        result[hit] = found[at[hit], 1:]
    return result


def _deleted(session: Session, item: Prepared, fid: np.ndarray, current: np.ndarray) -> np.ndarray:
    """Last version and seq of deleted features that an insert brings back."""
    rows = session.execute(
        "SELECT j.value, CAST(l.body ->> 'version' AS BIGINT), l.seq "
        f"FROM {session.KEYS} JOIN sys_log l "
        "ON l.seq = (SELECT max(seq) FROM sys_log WHERE layer = ? AND fid = j.value)",
        (session.keys(fid.tolist()), item.layer.id),
    ).fetchall()
    found = _align(fid, rows)
    found[current[:, 0] > 0] = -1  # still there: nothing to bring back
    return found


def _keep_geometry(
    session: Session, item: Prepared, fid: np.ndarray
) -> dict[int, tuple[bytes | None, float | None]]:
    rows = np.flatnonzero(item.op == UPDATE)
    row_of = dict(zip(fid[rows].tolist(), rows.tolist(), strict=True))
    measure = measure_column(item.layer) or "NULL"
    found = session.execute(
        f"SELECT t.fid, {session.geometry_of(item.layer)}, {measure} FROM {session.KEYS} "
        f"JOIN {quote(item.layer.id)} t ON t.fid = j.value",
        (session.keys(list(row_of)),),
    )
    return {
        row_of[key]: (None if value is None else value[session.HEADER :], number)
        for key, value, number in found
    }
