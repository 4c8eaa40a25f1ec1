"""Whether the service lives and whether it can do its work."""

from __future__ import annotations

import shutil
from typing import Any

from fastapi import APIRouter, Request, Response

from app.api.links import produces
from app.auth import PUBLIC, User, allow
from app.metrics import MEDIA_TYPE
from app.state import State

router = APIRouter(tags=["健康 Health"])

_LEAST_FREE = 200 * 2**20


@router.get("/metrics", summary="Numbers for Prometheus")
@allow("admin", whole=True, open_by="metrics_public")
@produces(MEDIA_TYPE.partition(";")[0])
def metrics(request: Request) -> Response:
    """Of all workers together: requests by route and status, the tile cache, jobs, the record."""
    state: State = request.app.state.liangtian
    headers = {"Cache-Control": "no-store"}
    return Response(state.metrics.text(state), headers=headers, media_type=MEDIA_TYPE)


@router.get("/health/live", summary="The process answers")
@allow(PUBLIC)
def live() -> dict[str, str]:
    return {"status": "ok"}


@router.get("/health/ready", summary="The service can do its work")
@allow(PUBLIC)
def ready(request: Request, response: Response) -> dict[str, object]:
    """503 when the disk is nearly full, the snapshots do not follow the record, writing has
    failed, or the log is not what it was (`log`: the last verification or a look at its end)."""
    state: State = request.app.state.liangtian
    free = shutil.disk_usage(state.settings.data).free
    revision, head = state.snapshots.revision, state.record.head().revision
    checks = {
        "disk": free > _LEAST_FREE,
        "follows": head - revision < 50,
        "writes": not state.record.faulty,
        "log": state.watch.sound,
        "anchors": state.watch.anchored,
    }
    response.status_code = 200 if all(checks.values()) else 503
    response.headers["Cache-Control"] = "no-store"
    told: dict[str, Any] = {
        "status": "ok" if all(checks.values()) else "degraded",
        "checks": checks,
        "revision": revision,
        "record_revision": head,
        "disk_free_mib": free // 2**20,
    }
    user: User = request.state.user
    if user.oversees:  # what an attacker would like to know, too
        told["fault"] = state.watch.fault or state.watch.trouble or None
        told["verified"] = state.watch.outcome()
        told["backup"] = state.watch.backup()
        last = state.watch.anchors.last()
        told["anchored"] = last and {"seq": last.seq, "time": last.time}
    return told
