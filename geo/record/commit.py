"""Writing a commit: log rows, table rows and R-tree of whole change sets at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson

from geo.record.log import GENESIS, Tail, canonical, format_time, link, milliseconds, parse_time
from geo.record.prepare import Prepared
from geo.record.protocol import OPERATIONS, Author, Commit, Head
from geo.record.resolve import resolve
from geo.record.rows import write_layer
from geo.record.session import Session


def tail(session: Session) -> Tail:
    row = session.execute(
        "SELECT seq, revision, h FROM sys_log ORDER BY seq DESC LIMIT 1"
    ).fetchone()
    return Tail(*row) if row else Tail(0, 0, GENESIS)


def append_event(
    session: Session, action: str, author: Author, detail: dict[str, Any], time: datetime | None
) -> int:
    """One row of kind ``event``; its revision is the current one."""
    end = tail(session)
    document = {
        "action": action,
        **_who(author),
        "detail": detail,
        "kind": "event",
        "revision": end.revision,
        "seq": end.seq + 1,
        "time": format_time(time or datetime.now(UTC)),
    }
    body = canonical(document)
    row = (end.seq + 1, end.revision, "event", None, None, body.decode(), None)
    session.insert_log([(*row, link(end.h, body, None))])
    return end.seq + 1


def write(
    session: Session, prepared: Sequence[Prepared], author: Author, time: datetime | None
) -> tuple[Commit, list[np.ndarray]]:
    """Write all of ``prepared`` as the next revision, inside the caller's transaction.

    Raises `VersionConflict` before anything is written when a row is not as expected.
    """
    names = [item.layer.id for item in prepared]
    if len(set(names)) != len(names):
        raise ValueError("a commit takes one change set a layer")
    if not any(map(len, prepared)):
        raise ValueError("nothing to commit")
    targets = [resolve(session, item) for item in prepared]
    end = tail(session)
    commit = _announce(session, end, [item for item in prepared if len(item)], author, time)
    for item, target in zip(prepared, targets, strict=True):
        if len(item):
            write_layer(session, item, target, end, format_time(commit.time))
    return commit, [target.fid for target in targets]


def _who(author: Author) -> dict[str, Any]:
    return {"author": author.name, "reason": author.reason, "source": author.source}


def _announce(
    session: Session,
    end: Tail,
    prepared: Sequence[Prepared],
    author: Author,
    time: datetime | None,
) -> Commit:
    """Write the commit's own row; moves ``end`` on to it."""
    previous = last_time(session)
    clock = milliseconds(datetime.now(UTC))
    if time is not None and previous is not None and milliseconds(time) < previous:
        raise ValueError(f"commit time {time} is before the last commit, {previous}")
    # A clock that was set back must not stop the service: order is seq's, not the clock's.
    when = milliseconds(time) if time is not None else max(clock, previous or clock)
    first = end.seq + 2
    counts: dict[str, dict[str, int]] = {}
    ranges: dict[str, tuple[int, int]] = {}
    for item in prepared:
        counts[item.layer.id] = {
            name: int((item.op == code).sum()) for name, code in OPERATIONS.items()
        }
        ranges[item.layer.id] = (first, first + len(item) - 1)
        first += len(item)
    commit = Commit(
        revision=end.revision + 1,
        time=when,
        author=author,
        layers=tuple(counts),
        first_seq=end.seq + 1,
        last_seq=first - 1,
        counts=counts,
        ranges=ranges,
    )
    document = {
        **_who(author),
        "clock": format_time(clock),
        "counts": counts,
        "first_seq": commit.first_seq,
        "kind": "commit",
        "last_seq": commit.last_seq,
        "layers": commit.layers,
        "ranges": ranges,
        "revision": commit.revision,
        "seq": commit.first_seq,
        "time": format_time(when),
    }
    body = canonical(document)
    end.h = link(end.h, body, None)
    end.seq, end.revision = commit.first_seq, commit.revision
    row = (end.seq, end.revision, "commit", None, None, body.decode(), None, end.h)
    session.insert_log([row])
    return commit


def commit_of(body: str | bytes) -> Commit:
    """The commit that a log row's body describes."""
    document = orjson.loads(body)
    return Commit(
        revision=document["revision"],
        time=parse_time(document["time"]),
        author=author_of(document),
        layers=tuple(document["layers"]),
        first_seq=document["first_seq"],
        last_seq=document["last_seq"],
        counts=document["counts"],
        ranges={layer: (first, last) for layer, (first, last) in document["ranges"].items()},
    )


def author_of(document: dict[str, Any]) -> Author:
    return Author(document["author"], document["reason"], document["source"])


def last_time(session: Session) -> datetime | None:
    row = session.execute(
        "SELECT body ->> 'time' FROM sys_log WHERE kind = 'commit' ORDER BY revision DESC LIMIT 1"
    ).fetchone()
    return parse_time(row[0]) if row else None


def head(session: Session) -> Head:
    row = session.execute("SELECT revision, seq FROM sys_log ORDER BY seq DESC LIMIT 1").fetchone()
    return Head(*row) if row else Head(0, 0)
