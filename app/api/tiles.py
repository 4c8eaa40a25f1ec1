"""Tiles by zoom, column and row, and TileJSON: what map libraries read."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, TypedDict

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from app import params, sight
from app.api.collections import property_schema, summary_of
from app.api.links import GEOJSON, MVT, answer, produces, root
from app.auth import allow
from app.language import text
from app.params import AsOf, PathLayer, Selected, etag
from app.problems import not_found
from app.state import State
from app.tiles.answer import Question, digest
from app.tiles.read import MOST_ZOOM, question
from geo.crs import gcj02
from geo.layers import Text
from geo.snapshot.view import RowFilter
from geo.tiles.detail import detail_zoom
from geo.tiles.names import default_properties

router = APIRouter(tags=["切片 Tiles"])

Kind = Literal["mvt", "geojson"]


class Shown(TypedDict):
    """What of a layer a tile shows: keywords of `app.tiles.read.question`."""

    filters: tuple[RowFilter, ...]
    as_of: int | datetime | None
    properties: str | None
    datum: gcj02.Offset | None
    version: str | None


async def _shown(
    selected: Selected,
    as_of: AsOf,
    properties: Annotated[
        str | None, Query(max_length=params.MOST_NAMES, description="Only these properties.")
    ] = None,
    datum: Annotated[
        gcj02.Offset | None,
        Query(description="Shift for AMap, Tencent (gcj02), Baidu (bd09) maps; approximate."),
    ] = None,
    v: Annotated[
        str | None,
        Query(max_length=params.MOST_VERSION, description="Revision; makes the answer cacheable."),
    ] = None,
) -> Shown:
    return {
        "filters": selected.all_filters,
        "as_of": as_of,
        "properties": properties,
        "datum": datum,
        "version": v,
    }


ShownOf = Annotated[Shown, Depends(_shown)]
#: What a tile answers beside 200.
EMPTY: dict[int | str, dict[str, Any]] = {204: {"description": "Empty vector tile"}}


_AGGREGATE = {
    "aggregate": Text(
        zh="是否为汇总单元（低缩放级别）", en="Whether this is a cell with sums (low zooms)"
    ),
    "count": Text(zh="单元内的要素数", en="Features in the cell"),
}


@router.get("/tiles/{layer}.json", summary="TileJSON of a layer")
@allow("viewer")
def tilejson(request: Request, layer: PathLayer) -> Response:
    """`liangtian.detail_zoom` is the first zoom with features; below it tiles carry sums."""
    if layer.geometry is None:
        raise not_found("该表没有图形", "This table has no geometry", layer.id)
    view = sight.view(request, layer.id)
    _, _, box = summary_of(request, view)
    names = default_properties(layer)
    fields = {name: property_schema(request, layer, name)["title"] for name in names}
    detail = detail_zoom(view, "mvt", names)
    if detail > 0:
        fields |= {name: text(request, title) for name, title in _AGGREGATE.items()}
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
                "description": text(request, layer.description),
                "minzoom": 0,
                "maxzoom": MOST_ZOOM,
                "fields": fields,
            }
        ],
    }
    content["liangtian"] = {"revision": view.touched, "detail_zoom": min(detail, MOST_ZOOM + 1)}
    if box is not None:
        content["bounds"] = box
        content["center"] = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2, 8]
    return answer(request, content, etag("tilejson", layer.id, view.touched))


@router.get("/tiles/{layer}/{z}/{x}/{y}.{kind}", summary="A tile", responses=EMPTY)
@allow("viewer")
@produces(MVT, GEOJSON)
@params.takes_fields
def tile(
    request: Request,
    layer: PathLayer,
    z: Annotated[int, Path(description="Zoom.")],
    x: Annotated[int, Path(description="Column.")],
    y: Annotated[int, Path(description="Row from the top.")],
    kind: Annotated[Kind, Path()],
    shown: ShownOf,
) -> Response:
    """Features that meet the tile, clipped to it. `?v=` may be kept for ever."""
    state: State = request.app.state.liangtian
    asked = question(
        state.tiles,
        layer,
        ("WebMercatorQuad", z, x, y),
        kind,
        digest(request.query_params.multi_items()),
        user=request.state.user,
        **shown,
    )
    return respond(request, asked)


def respond(request: Request, asked: Question) -> Response:
    """The answer to a question, as a response of the declared routes."""
    state: State = request.app.state.liangtian
    headers = request.headers
    made = state.tiles.answer(
        asked, headers.get("accept-encoding", ""), headers.get("if-none-match", "")
    )
    response = Response(made.body, made.status)
    response.raw_headers = made.headers
    return response
