"""Whether the service lives and whether it can do its work."""

from __future__ import annotations

import shutil

from fastapi import APIRouter, Request, Response

from app.auth import PUBLIC, allow
from app.state import State

router = APIRouter(tags=["健康 Health"])

_LEAST_FREE = 200 * 2**20


@router.get("/health/live", summary="The process answers")
@allow(PUBLIC)
def live() -> dict[str, str]:
    return {"status": "ok"}


@router.get("/health/ready", summary="The service can do its work")
@allow(PUBLIC)
def ready(request: Request, response: Response) -> dict[str, object]:
    """503 when the disk is nearly full or the snapshots do not follow the record."""
    state: State = request.app.state.liangtian
    free = shutil.disk_usage(state.settings.data).free
    revision, head = state.snapshots.revision, state.record.head().revision
    checks = {"disk": free > _LEAST_FREE, "follows": head - revision < 50}
    response.status_code = 200 if all(checks.values()) else 503
    return {
        "status": "ok" if all(checks.values()) else "degraded",
        "checks": checks,
        "revision": revision,
        "record_revision": head,
        "disk_free_mib": free // 2**20,
    }
