"""Photos of features: taken in the field, shown beside the numbers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import anyio
import orjson
from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Connection, Row
from starlette.responses import FileResponse

from app import blobs, idempotency, incoming, sight
from app.api.links import answer, caching, produces
from app.auth import User, allow, require
from app.editing import photos
from app.editing.features import stored
from app.params import PathLayer, not_modified
from app.problems import not_found
from app.state import State
from geo.layers import Layer

router = APIRouter(tags=["编辑 Edits"])

Number = Annotated[int, Path(ge=1, le=2**53)]


def _find(request: Request, layer: Layer, fid: int) -> None:
    state: State = request.app.state.liangtian
    state.catch_up()
    if stored(sight.view(request, layer.id), fid) is None:
        raise not_found(f"没有要素 {fid}", f"There is no feature {fid}", where=layer.id)


def _photo(request: Request, number: int) -> Row[Any]:
    """A photo; of a feature that the asker does not see there is none."""
    state: State = request.app.state.liangtian
    row = photos.get(state, number)
    user: User = request.state.user
    if user.limited and (
        not user.sees(row.layer) or sight.view(request, row.layer).find(row.fid) is None
    ):
        raise not_found(f"没有照片 {number}", f"There is no photo {number}")
    return row


@router.get("/collections/{layer}/items/{fid}/photos", summary="Photos of a feature")
@allow("viewer")
def of_feature(request: Request, layer: PathLayer, fid: int) -> Response:
    state: State = request.app.state.liangtian
    _find(request, layer, fid)
    return answer(request, {"photos": photos.of_feature(state, layer.id, fid)})


@router.post(
    "/collections/{layer}/items/{fid}/photos",
    summary="Add a photo",
    status_code=201,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                kind: {"schema": {"type": "string", "format": "binary"}}
                for kind in ("image/jpeg", "image/png", "image/webp")
            },
        }
    },
)
@allow("field")
async def add(request: Request, layer: PathLayer, fid: int) -> Response:
    """A JPEG, PNG or WebP as the body. What a camera hides in it is taken out first."""
    state: State = request.app.state.liangtian
    user: User = request.state.user
    require(user, layer.commit_role)
    await anyio.to_thread.run_sync(_find, request, layer, fid)
    received, _ = await incoming.receive(request, state.settings.blobs, None)
    return await anyio.to_thread.run_sync(_add, request, layer, fid, received)


def _add(request: Request, layer: Layer, fid: int, received: blobs.Received) -> Response:
    state: State = request.app.state.liangtian
    user: User = request.state.user
    before = idempotency.earlier(request, received.blob.sha256)
    if before is not None:
        received.drop()
        return before
    made = photos.clean(state, received)

    def effect(connection: Connection) -> idempotency.Answer:
        told = photos.add(connection, state, layer.id, fid, user, made)
        return idempotency.Answer(201, orjson.dumps(told), {"Location": told["href"]})

    return idempotency.once(request, received.blob.sha256, effect)


@router.get("/photos/{number}", summary="A photo")
@allow("viewer")
@produces("image/jpeg", "image/png", "image/webp")
def show(
    request: Request,
    number: Number,
    size: Annotated[Literal["full", "small"], Query(description="small: 480 pixels.")] = "full",
) -> Response:
    """The picture; its bytes never change."""
    state: State = request.app.state.liangtian
    row = _photo(request, number)
    sha256 = row.small_sha256 if size == "small" else row.sha256
    path = state.settings.blobs.path(sha256)
    tag = f'"{sha256[:32]}"'
    headers = {
        "Cache-Control": caching(request),
        "ETag": tag,
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    if not_modified(request, tag):
        return Response(status_code=304, headers=headers)
    kind = "image/jpeg" if size == "small" else row.media_type
    return FileResponse(path, headers=headers, media_type=kind)


@router.delete("/photos/{number}", summary="Remove a photo", status_code=204)
@allow("field")
def remove(request: Request, number: Number) -> Response:
    """Who took it may remove it, and managers."""
    state: State = request.app.state.liangtian
    user: User = request.state.user
    row = _photo(request, number)
    if row.person != user.name:
        require(user, "manager")
    with state.record.write() as connection:
        photos.remove(connection, state, number, user)
    return Response(status_code=204)
