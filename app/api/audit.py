"""The change log for readers: commits and events, and whether the chain holds."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from app import params
from app.api.links import JSON, answer, here
from app.auth import allow
from app.language import language_of
from app.state import State
from geo.record.protocol import Commit, Event, HistoryItem, Verification

router = APIRouter(tags=["审计 Audit"])


@router.get("/audit", summary="Commits and events, oldest first")
@allow("manager", whole=True)
def audit(
    request: Request,
    since: Annotated[
        str | None, Query(max_length=40, description="After this revision or time.")
    ] = None,
    until: Annotated[
        str | None, Query(max_length=40, description="Up to this revision or time.")
    ] = None,
    author: Annotated[str | None, Query(max_length=80, description="Of this person.")] = None,
    layer: Annotated[str | None, Query(max_length=40, description="Of this layer.")] = None,
    fid: Annotated[
        int | None, Query(ge=1, le=2**62, description="Changes of this feature (with layer).")
    ] = None,
    after: Annotated[int, Query(ge=0, le=2**62, description="After this seq: paging.")] = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
) -> Response:
    """A page of the log: `commits` and `events` together at most `limit`; `next` goes on."""
    state: State = request.app.state.liangtian
    first, last = _bound(since, "since"), _bound(until, "until")
    found: list[Commit | Event | HistoryItem]
    if layer is not None:
        params.find_layer(request, layer)
    if fid is not None:
        if layer is None:
            raise params.bad("layer", "fid 须与 layer 一起给出", "fid goes with layer")
        found = [
            version
            for version in state.record.history(layer, fid)
            if version.seq > after and _within(version.revision, version.time, first, last)
            if author in (None, version.author.name)
        ]
    else:
        commits = (
            commit
            for commit in state.snapshots.commits()
            if commit.first_seq > after and _within(commit.revision, commit.time, first, last)
            if author in (None, commit.author.name) and (layer is None or layer in commit.counts)
        )
        which: dict[str, Any] = {"author": author, "layer": layer, "since": first, "until": last}
        found = [*islice(commits, limit + 1), *state.record.events(after, limit + 1, **which)]
        found.sort(key=_place)
    more, found = len(found) > limit, found[:limit]
    content: dict[str, Any] = {
        "commits": [_commit(each) for each in found if isinstance(each, Commit)],
        "events": [_event(each) for each in found if isinstance(each, Event)],
    }
    if fid is not None:
        content["changes"] = [_change(each) for each in found if isinstance(each, HistoryItem)]
    if more:
        href = here(request, after=str(_place(found[-1])))
        content["links"] = [{"href": href, "rel": "next", "type": JSON}]
    return answer(request, content)


def _bound(text: str | None, where: str) -> int | datetime | None:
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) <= 15:
        return int(text)
    return params.instant(text, where, "E_DATETIME", end=where == "until")


def _within(
    revision: int, time: datetime, since: int | datetime | None, until: int | datetime | None
) -> bool:
    low = since is None or (revision > since if isinstance(since, int) else time > since)
    return low and (
        until is None or (revision <= until if isinstance(until, int) else time <= until)
    )


def _place(each: Commit | Event | HistoryItem) -> int:
    return each.first_seq if isinstance(each, Commit) else each.seq


def _commit(c: Commit) -> dict[str, Any]:
    return {
        "revision": c.revision,
        "time": c.time,
        "author": c.author.name,
        "reason": c.author.reason,
        "source": c.author.source,
        "counts": c.counts,
        "first_seq": c.first_seq,
        "last_seq": c.last_seq,
    }


def _event(e: Event) -> dict[str, Any]:
    return {
        "seq": e.seq,
        "revision": e.revision,
        "time": e.time,
        "action": e.action,
        "author": e.author.name,
        "detail": e.detail,
    }


def _change(v: HistoryItem) -> dict[str, Any]:
    return {
        "seq": v.seq,
        "revision": v.revision,
        "version": v.version,
        "operation": v.operation,
        "time": v.time,
        "author": v.author.name,
        "reason": v.author.reason,
        "source": v.author.source,
    }


@router.get("/audit/verify", summary="Recompute the whole chain")
@allow("manager", whole=True)
def verify(
    request: Request,
    deep: Annotated[bool, Query(description="Areas and the spatial index as well.")] = False,
) -> Response:
    """The chain, the signed anchors outside the database, and the tables against the log."""
    state: State = request.app.state.liangtian
    found = state.watch.verify(deep=deep)
    return answer(request, told(found, language_of(request)))


def told(found: Verification, language: str) -> dict[str, Any]:
    """What a verification found, as an object."""
    return {
        "ok": found.ok,
        "rows": found.rows,
        "features": found.features,
        "anchors": found.anchors,
        "revision": found.head.revision,
        "seq": found.head.seq,
        "h": found.h,
        "broken_seq": found.broken_seq,
        "problems": [
            {
                "kind": p.kind,
                "message": p.message[1 if language == "en" else 0],
                "seq": p.seq,
                "layer": p.layer,
                "fid": p.fid,
            }
            for p in found.problems
        ],
        "seconds": found.seconds,
    }
