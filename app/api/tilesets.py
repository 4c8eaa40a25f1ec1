"""OGC API - Tiles 1.0 (vector tiles of a collection) and tile matrix sets (TMS 2.0)."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, Path, Query, Request, Response

from app import ogc_crs, params, sight
from app.api.collections import property_schema, summary_of
from app.api.links import GEOJSON, JSON, MVT, answer, link, produces
from app.api.tiles import EMPTY, Kind, ShownOf, respond
from app.auth import PUBLIC, allow
from app.language import text
from app.params import PathLayer, etag
from app.problems import Problem, not_found
from app.state import State
from app.tiles.answer import digest
from app.tiles.read import MOST_ZOOM, question
from geo.layers import Layer
from geo.tiles.grid import MATRIX_SETS, MatrixSet, matrix_set, tile_of
from geo.tiles.names import default_properties

router = APIRouter(tags=["切片 Tiles"])

_REL = "http://www.opengis.net/def/rel/ogc/1.0/"
_DIMENSION = {"Point": 0, "MultiLineString": 1, "MultiPolygon": 2}
TmsId = Annotated[
    str, Path(description="Tile matrix set.", json_schema_extra={"enum": list(MATRIX_SETS)})
]


def _set(name: str) -> MatrixSet:
    if name not in MATRIX_SETS:
        zh, en = f"没有名为“{name}”的切片方案", f"There is no tile matrix set {name!r}"
        raise Problem("E_TILE_SET", zh, en, where="tms")
    return name


def _has_geometry(layer: Layer) -> None:
    if layer.geometry is None:
        raise not_found("该表没有图形", "This table has no geometry", layer.id)


@router.get("/tileMatrixSets", summary="Tile matrix sets")
@allow(PUBLIC)
def tile_matrix_sets(request: Request) -> Response:
    listed = []
    for name in MATRIX_SETS:
        definition = matrix_set(name)
        listed.append(
            {
                "id": name,
                "title": definition.title,
                "uri": str(definition.uri),
                "crs": _crs(name),
                "links": [link(request, f"/tileMatrixSets/{name}", "self", JSON)],
            }
        )
    links = [link(request, "/tileMatrixSets", "self", JSON)]
    return answer(request, {"tileMatrixSets": listed, "links": links})


@router.get("/tileMatrixSets/{tms}", summary="A tile matrix set")
@allow(PUBLIC)
def tile_matrix_set(request: Request, tms: TmsId) -> Response:
    """The definition as of OGC Two Dimensional Tile Matrix Set 2.0."""
    return answer(request, matrix_set(_set(tms)).model_dump(exclude_none=True, mode="json"))


@router.get("/collections/{layer}/tiles", summary="Tilesets of a layer")
@allow("viewer")
def tilesets(request: Request, layer: PathLayer) -> Response:
    _has_geometry(layer)
    path = f"/collections/{layer.id}/tiles"
    content = {
        "links": [link(request, path, "self", JSON)],
        "tilesets": [
            {
                "title": f"{text(request, layer.title)} ({name})",
                "dataType": "vector",
                "crs": _crs(name),
                "tileMatrixSetURI": str(matrix_set(name).uri),
                "links": _links(request, layer, name),
            }
            for name in MATRIX_SETS
        ],
    }
    return answer(request, content, etag("tilesets", layer.id, layer.digest))


@router.get("/collections/{layer}/tiles/{tms}", summary="A tileset of a layer")
@allow("viewer")
def tileset(request: Request, layer: PathLayer, tms: TmsId) -> Response:
    """Where tiles are, what they hold, and how to ask for them."""
    name = _set(tms)
    _has_geometry(layer)
    view = sight.view(request, layer.id)
    _, _, box = summary_of(request, view)
    properties = {each: property_schema(request, layer, each) for each in default_properties(layer)}
    content: dict[str, Any] = {
        "title": text(request, layer.title),
        "description": text(request, layer.description),
        "dataType": "vector",
        "crs": _crs(name),
        "tileMatrixSetURI": str(matrix_set(name).uri),
        "links": _links(request, layer, name),
        "layers": [
            {
                "id": layer.id,
                "title": text(request, layer.title),
                "description": text(request, layer.description),
                "dataType": "vector",
                "geometryDimension": _DIMENSION[str(layer.geometry)],
                "minTileMatrix": "0",
                "maxTileMatrix": str(MOST_ZOOM),
                "propertiesSchema": {"type": "object", "properties": properties},
            }
        ],
    }
    if box is not None:
        content["boundingBox"] = {
            "lowerLeft": box[:2],
            "upperRight": box[2:],
            "crs": ogc_crs.CRS84,
        }
        content["tileMatrixSetLimits"] = [_limits(name, z, box) for z in range(MOST_ZOOM + 1)]
    return answer(request, content, etag("tileset", layer.id, view.touched, name))


def _limits(name: MatrixSet, z: int, box: list[float]) -> dict[str, Any]:
    left, top = tile_of(z, box[0], box[3], name)
    right, bottom = tile_of(z, box[2], box[1], name)
    return {
        "tileMatrix": str(z),
        "minTileRow": top,
        "maxTileRow": bottom,
        "minTileCol": left,
        "maxTileCol": right,
    }


def _crs(name: MatrixSet) -> str:
    return str(matrix_set(name).model_dump(mode="json")["crs"])


def _links(request: Request, layer: Layer, name: MatrixSet) -> list[dict[str, Any]]:
    path = f"/collections/{layer.id}/tiles/{name}"
    place = f"{path}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}"
    tiles = [
        link(request, f"{place}?f=mvt", "item", MVT),
        link(request, f"{place}?f=geojson", "item", GEOJSON),
    ]
    return [
        link(request, path, "self", JSON),
        link(request, f"/tileMatrixSets/{name}", f"{_REL}tiling-scheme", JSON),
        link(request, f"/collections/{layer.id}", f"{_REL}geodata", JSON),
        *({**each, "templated": True} for each in tiles),
    ]


@router.get(
    "/collections/{layer}/tiles/{tms}/{z}/{row}/{col}", summary="A tile of a tileset",
    responses=EMPTY,
)  # fmt: skip
@allow("viewer")
@produces(MVT, GEOJSON)
@params.takes_fields
def tileset_tile(
    request: Request,
    layer: PathLayer,
    tms: TmsId,
    z: Annotated[int, Path(description="Tile matrix (zoom).")],
    row: Annotated[int, Path(description="Row from the top: before the column.")],
    col: Annotated[int, Path(description="Column.")],
    shown: ShownOf,
    f: Annotated[Kind | None, Query(description="mvt unless Accept prefers GeoJSON.")] = None,
) -> Response:
    """The same tile as at `/tiles`; mind that the row comes before the column."""
    state: State = request.app.state.liangtian
    asked = question(
        state.tiles,
        layer,
        (_set(tms), z, col, row),
        f or _preferred(request.headers.get("accept", "")),
        digest(request.query_params.multi_items()),
        user=request.state.user,
        negotiated=f is None,
        **shown,
    )
    return respond(request, asked)


def _preferred(accept: str) -> Kind:
    """The format that ``Accept`` names first; vector tiles when it names neither."""
    places = {kind: accept.find(name) for kind, name in (("mvt", MVT), ("geojson", "json"))}
    found = {kind: place for kind, place in places.items() if place >= 0}
    return cast(Kind, min(found, key=lambda kind: found[kind])) if found else "mvt"
