"""The revisions of the data, for whoever wants to look at a past state."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.api.links import answer
from app.auth import allow
from app.params import etag, find_layer
from app.state import State

router = APIRouter(tags=["要素 Features"])


@router.get("/revisions", summary="Revisions of the data: when, and in which layers")
@allow("viewer")
def revisions(
    request: Request,
    layer: Annotated[
        str | None, Query(max_length=40, description="Only those that changed this layer.")
    ] = None,
) -> Response:
    """Oldest first. Who made them and why is told by ``/audit`` and a feature's history."""
    state: State = request.app.state.liangtian
    if layer is not None:
        find_layer(request, layer)
    listed = [
        {"revision": c.revision, "time": c.time, "counts": c.counts}
        for c in state.snapshots.commits()
        if layer is None or layer in c.counts
    ]
    tag = etag("revisions", layer, state.snapshots.revision)
    return answer(request, {"revisions": listed}, tag)
