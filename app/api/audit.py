"""The change log for readers: commits and events, and whether the chain holds."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.api.links import answer
from app.auth import allow
from app.state import State

router = APIRouter(tags=["审计 Audit"])


@router.get("/audit", summary="Commits and events, oldest first")
@allow("manager", whole=True)
def audit(
    request: Request,
    since: Annotated[int, Query(ge=0, le=2**62, description="After this revision.")] = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
) -> Response:
    state: State = request.app.state.liangtian
    commits = [c for c in state.snapshots.commits() if c.revision > since][:limit]
    listed = [
        {
            "revision": c.revision,
            "time": c.time,
            "author": c.author.name,
            "reason": c.author.reason,
            "source": c.author.source,
            "counts": c.counts,
            "first_seq": c.first_seq,
            "last_seq": c.last_seq,
        }
        for c in commits
    ]
    events = [
        {
            "seq": e.seq,
            "revision": e.revision,
            "time": e.time,
            "action": e.action,
            "author": e.author.name,
            "detail": e.detail,
        }
        for e in state.record.events(limit=limit)
        if e.revision >= since
    ]
    return answer(request, {"commits": listed, "events": events})


@router.get("/audit/verify", summary="Recompute the whole chain")
@allow("manager", whole=True)
def verify(request: Request) -> Response:
    state: State = request.app.state.liangtian
    found = state.record.verify()
    english = request.headers.get("accept-language", "").startswith("en")
    content = {
        "ok": found.ok,
        "rows": found.rows,
        "features": found.features,
        "revision": found.head.revision,
        "seq": found.head.seq,
        "h": found.h,
        "broken_seq": found.broken_seq,
        "problems": [
            {
                "kind": p.kind,
                "message": p.message[1 if english else 0],
                "seq": p.seq,
                "layer": p.layer,
                "fid": p.fid,
            }
            for p in found.problems
        ],
        "seconds": found.seconds,
    }
    return answer(request, content)
