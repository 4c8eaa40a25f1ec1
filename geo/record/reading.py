# ruff: noqa: S608 - names come from checked layer definitions
"""Reading the log: commits, events, columnar entries, history, state at a revision."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json as arrow_json

from geo.layers import Layer
from geo.record.commit import author_of, commit_of, head
from geo.record.log import format_time, parse_time
from geo.record.protocol import (
    OPERATIONS,
    Commit,
    Entries,
    Event,
    HistoryItem,
    attribute_schema,
)
from geo.record.session import Session

#: how Arrow's JSON reader meets a type before it is cast
_JSON_TYPES = {pa.date32(): pa.string(), pa.timestamp("us", tz="UTC"): pa.string()}


def columns(session: Session) -> str:
    """What `to_entries` takes; bodies as bytes: decoding them only to encode them again would
    cost a tenth."""
    return f"seq, revision, fid, {session.BODY}, geom"


def commits(session: Session, since: int = 0) -> list[Commit]:
    rows = session.execute(
        f"SELECT {session.BODY} FROM sys_log WHERE kind = 'commit' AND revision > ? "
        "ORDER BY revision",
        (since,),
    )
    return [commit_of(body) for (body,) in rows]


def events(
    session: Session,
    since_seq: int,
    limit: int,
    action: str | None = None,
    author: str | None = None,
    layer: str | None = None,
    since: int | datetime | None = None,
    until: int | datetime | None = None,
) -> list[Event]:
    """``since`` and ``until``: after and up to a revision or a time."""
    limits = []
    values: list[Any] = [since_seq]
    for path, value in (
        ("->> 'action'", action),
        ("->> 'author'", author),
        ("-> 'detail' ->> 'layer'", layer),
    ):
        if value is not None:
            limits.append(f" AND body {path} = ?")
            values.append(value)
    for sign, bound in ((">", since), ("<=", until)):
        if isinstance(bound, int):
            limits.append(f" AND revision {sign} ?")
            values.append(bound)
        elif bound is not None:
            limits.append(f" AND body ->> 'time' {sign} ?")
            values.append(format_time(bound))
    rows = session.execute(
        f"SELECT {session.BODY} FROM sys_log WHERE kind = 'event' AND seq > ?"
        f"{''.join(limits)} ORDER BY seq LIMIT ?",
        (*values, limit),
    )
    documents = [orjson.loads(body) for (body,) in rows]
    return [
        Event(
            seq=document["seq"],
            revision=document["revision"],
            time=parse_time(document["time"]),
            action=document["action"],
            author=author_of(document),
            detail=document["detail"],
        )
        for document in documents
    ]


def as_of_revision(session: Session, time: datetime) -> int:
    """Times of commits never run backwards, so a handful of look-ups is enough."""
    (last,) = session.execute(
        "SELECT coalesce(max(revision), 0) FROM sys_log WHERE kind = 'commit'"
    ).fetchone()

    return bisect_right(
        range(1, last + 1), format_time(time), key=lambda r: _times(session, r, r)[0]
    )


def last_seq(session: Session, revision: int | None) -> int:
    """The last row of the log at ``revision`` (default, and for later ones: now)."""
    end = head(session)
    if revision is None or revision >= end.revision:
        return end.seq
    row = session.execute(
        "SELECT body ->> 'last_seq' FROM sys_log WHERE kind = 'commit' AND revision = ?",
        (revision,),
    ).fetchone()
    return int(row[0]) if row else 0


def _times(session: Session, first: int, last: int) -> list[str]:
    rows = session.execute(
        "SELECT body ->> 'time' FROM sys_log WHERE kind = 'commit' "
        "AND revision BETWEEN ? AND ? ORDER BY revision",
        (first, last),
    )
    return [text for (text,) in rows]


def commit_times(session: Session, first: int, last: int) -> np.ndarray:
    """datetime64[us], UTC, of the revisions first..last."""
    return np.array([t.rstrip("Z") for t in _times(session, first, last)], "datetime64[us]")


def entries(
    session: Session, layer: Layer, since_seq: int, until_seq: int | None, batch: int
) -> Iterator[Entries]:
    """Rows with since_seq < seq <= until_seq, at most ``batch`` at a time."""
    for first, last in _ranges(session, layer.id, since_seq, until_seq):
        cursor = session.stream(
            f"SELECT {columns(session)} FROM sys_log WHERE seq BETWEEN ? AND ? AND layer = ? "
            "AND kind = 'feature' ORDER BY seq",
            (first, last, layer.id),
        )
        while rows := cursor.fetchmany(batch):
            yield to_entries(session, layer, rows)


def _ranges(
    session: Session, layer: str, since_seq: int, until_seq: int | None
) -> list[tuple[int, int]]:
    """Stretches of the log that hold the layer's rows, near ones joined."""
    ends = f"body -> 'ranges' -> '{layer}'"
    rows = session.execute(
        f"SELECT CAST({ends} ->> 0 AS BIGINT), CAST({ends} ->> 1 AS BIGINT) FROM sys_log "
        f"WHERE kind = 'commit' AND {ends} ->> 0 IS NOT NULL AND revision >= coalesce("
        "(SELECT revision FROM sys_log WHERE seq <= ? ORDER BY seq DESC LIMIT 1), 0) "
        "ORDER BY revision",
        (since_seq,),
    )
    joined: list[tuple[int, int]] = []
    for stored_first, stored_last in rows:
        first = max(stored_first, since_seq + 1)
        last = stored_last if until_seq is None else min(stored_last, until_seq)
        if first > last:
            continue
        if joined and first - joined[-1][1] <= 1000:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return joined


def state(session: Session, layer: Layer, last_seq: int, batch: int) -> Iterator[Entries]:
    """Features alive after ``last_seq``, from the log alone, in seq order."""
    found = session.execute(
        "SELECT max(seq) FROM sys_log WHERE layer = ? AND fid IS NOT NULL AND seq <= ? "
        "GROUP BY fid",
        (layer.id, last_seq),
    ).fetchall()
    seqs = np.sort(np.array(found, np.int64).reshape(-1))
    for start in range(0, len(seqs), batch):
        rows = session.execute(
            f"SELECT {columns(session)} FROM {session.KEYS} JOIN sys_log ON seq = j.value "
            "WHERE body ->> 'op' <> 'delete' ORDER BY seq",
            (session.keys(seqs[start : start + batch].tolist()),),
        ).fetchall()
        if rows:
            yield to_entries(session, layer, rows)


def to_entries(session: Session, layer: Layer, rows: Sequence[tuple[Any, ...]]) -> Entries:
    """Columns from log rows (seq, revision, fid, body, geom)."""
    seq, revision, fid, bodies, geom = zip(*rows, strict=True)
    table = _parse(layer, bodies)
    revisions = np.array(revision, np.int64)
    first = int(revisions.min())
    times = commit_times(session, first, int(revisions.max()))
    geometry = np.empty(len(rows), object)
    geometry[:] = geom
    codes = pc.index_in(table["op"].combine_chunks(), pa.array(list(OPERATIONS)))
    after = table["after"].combine_chunks()
    return Entries(
        layer=layer.id,
        seq=np.array(seq, np.int64),
        revision=revisions,
        fid=np.array(fid, np.int64),
        version=table["version"].to_numpy(),
        op=np.array(list(OPERATIONS.values()), np.int8)[codes.to_numpy()],
        time=times[revisions - first],
        measure=table["measure"].to_numpy(zero_copy_only=False).astype(np.float64),
        attributes=_attributes(layer, after),
        geometry=geometry,
    )


def _parse(layer: Layer, bodies: Sequence[bytes]) -> pa.Table:
    after = pa.struct(
        [pa.field(f.name, _JSON_TYPES.get(f.type, f.type)) for f in attribute_schema(layer)]
    )
    schema = pa.schema(
        [("op", pa.string()), ("version", pa.int64()), ("measure", pa.float64()), ("after", after)]
    )
    # One block may not end inside a row, so it must hold the longest of them.
    block = max(1 << 20, 4 * max(map(len, bodies)) + 64)
    return arrow_json.read_json(
        pa.BufferReader(b"\n".join(bodies)),
        read_options=arrow_json.ReadOptions(use_threads=False, block_size=block),
        parse_options=arrow_json.ParseOptions(
            explicit_schema=schema, unexpected_field_behavior="ignore"
        ),
    )


def _attributes(layer: Layer, after: pa.StructArray) -> pa.Table:
    schema = attribute_schema(layer)
    # flatten() applies the struct's own nulls: a delete has none of the values.
    columns = [
        _typed(column, field.type) for column, field in zip(after.flatten(), schema, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _typed(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(kind):
        # Without the zone letter Arrow needs no time zone database.
        bare = pc.utf8_rtrim(column, characters="Z")
        return pc.cast(pc.cast(bare, pa.timestamp("us")), kind)
    return column if column.type == kind else pc.cast(column, kind)


def history(session: Session, layer: Layer, fid: int) -> list[HistoryItem]:
    """All versions of a feature, oldest first."""
    body = session.BODY.replace("body", "f.body")
    rows = session.execute(
        f"SELECT f.seq, {body}, f.geom, {body.replace('f.', 'c.')} "
        "FROM sys_log f JOIN sys_log c ON c.kind = 'commit' AND c.revision = f.revision "
        "WHERE f.layer = ? AND f.fid = ? ORDER BY f.seq",
        (layer.id, fid),
    ).fetchall()
    items = []
    for seq, body, geom, commit_body in rows:
        document, commit = orjson.loads(body), commit_of(commit_body)
        items.append(
            HistoryItem(
                seq=seq,
                revision=commit.revision,
                version=document["version"],
                operation=document["op"],
                time=commit.time,
                author=commit.author,
                attributes=document["after"],
                measure=document["measure"],
                geometry=geom,
                before=document["before"],
            )
        )
    return items
