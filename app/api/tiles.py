"""Tiles: the same clipped pieces as vector tiles and as GeoJSON."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from app import params
from app.api.collections import summary
from app.api.links import GEOJSON, MVT, answer, caching, produces, root
from app.auth import allow
from app.language import text
from app.params import AsOf, PathLayer, Selected, etag
from app.problems import Problem
from app.state import State
from geo.snapshot.view import View
from geo.tiles.draw import default_properties, draw
from geo.tiles.grid import tile as grid_tile

router = APIRouter(tags=["切片 Tiles"])

MOST_ZOOM = 22


@router.get("/tiles/{layer}.json", summary="TileJSON of a layer")
@allow("viewer")
def tilejson(request: Request, layer: PathLayer) -> Response:
    state: State = request.app.state.liangtian
    view = state.snapshots.view(layer.id)
    _, _, box = state.summaries.get(layer.id, view.touched, lambda: summary(view))
    content: dict[str, Any] = {
        "tilejson": "3.0.0",
        "name": text(request, layer.title),
        "description": text(request, layer.description),
        "version": f"1.0.{view.touched}",
        "scheme": "xyz",
        "tiles": [f"{root(request)}/tiles/{layer.id}/{{z}}/{{x}}/{{y}}.mvt?v={view.touched}"],
        "minzoom": 0,
        "maxzoom": MOST_ZOOM,
        "vector_layers": [
            {
                "id": layer.id,
                "fields": dict.fromkeys(default_properties(layer), ""),
            }
        ],
    }
    if box is not None:
        content["bounds"] = box
    return answer(request, content, etag("tilejson", layer.id, view.touched))


@router.get(
    "/tiles/{layer}/{z}/{x}/{y}.{kind}",
    summary="A tile",
    responses={204: {"description": "Empty vector tile"}},
)
@allow("viewer")
@produces(MVT, GEOJSON)
@params.takes_fields
def tile(
    request: Request,
    layer: PathLayer,
    z: Annotated[int, Path(description="Zoom.")],
    x: Annotated[int, Path(description="Column.")],
    y: Annotated[int, Path(description="Row from the top.")],
    kind: Annotated[Literal["mvt", "geojson"], Path()],
    selected: Selected,
    as_of: AsOf,
    properties: Annotated[
        str | None, Query(max_length=1000, description="Only these properties.")
    ] = None,
    v: Annotated[
        str | None, Query(max_length=40, description="Revision; makes the answer cacheable.")
    ] = None,
) -> Response:
    """Features that meet the tile, clipped to it. `?v=` may be kept for ever."""
    where = grid_tile(z, x, y)
    if layer.geometry is None:
        raise Problem("E_NOT_FOUND", "该表没有图形", "This table has no geometry", where=layer.id)
    state: State = request.app.state.liangtian
    view = state.snapshots.view(layer.id, as_of)
    names = params.read_properties(layer, properties) or default_properties(layer)
    tag = etag(layer.id, view.touched, params.digest(request), z, x, y, kind)
    headers = {"ETag": tag, "Vary": "Authorization", "Cache-Control": _kept(request, view, v)}
    if params.not_modified(request, tag):
        return Response(status_code=304, headers=headers)
    body = draw(view, where, kind, names, selected.filters)
    if kind == "mvt":
        if not body:
            return Response(status_code=204, headers=headers)
        return Response(body, headers=headers, media_type=MVT)
    return Response(body, headers=headers, media_type=GEOJSON)


def _kept(request: Request, view: View, version: str | None) -> str:
    """Only an address with the current revision may be kept without asking again."""
    state: State = request.app.state.liangtian
    if version == str(view.touched):
        scope = "public" if state.settings.public_read else "private"
        return f"{scope}, max-age=31536000, immutable"
    return caching(request)
