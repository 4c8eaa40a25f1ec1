"""OGC API: landing page, conformance, collections, schemas, queryables, sortables."""

from __future__ import annotations

from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response

from app import ogc_crs, sight
from app.api import pages
from app.api.links import GEOJSON, HTML, JSON, OPENAPI, SCHEMA, answer, link, produces
from app.auth import PUBLIC, User, allow
from app.language import language_of, text
from app.params import PathLayer, etag
from app.state import State
from geo.layers import Field, Layer
from geo.snapshot.rows import public_names
from geo.snapshot.view import View
from geo.units import SQUARE_METRES_PER_MU

router = APIRouter(tags=["图层 Layers"])

TITLE = {"zh": "良田:土地整治地理信息服务", "en": "Liangtian: land remediation GIS"}
DESCRIPTION = {
    "zh": "盐碱地治理地块、高标准农田和灌区的查询、地图、上传与面积统计。",
    "en": "Remediation plots, high-standard farmland and irrigation districts: "
    "query, map, upload, totals.",
}
_FEATURES = "http://www.opengis.net/spec/ogcapi-features-"
_TILES = "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/"
_TMS = "http://www.opengis.net/spec/tms/2.0/conf/"
_REL = "http://www.opengis.net/def/rel/ogc/1.0/"
_CQL = "http://www.opengis.net/spec/cql2/1.0/conf/"
#: Only what holds; a test asks for each of them.
CONFORMANCE = (
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections",
    f"{_FEATURES}1/1.0/conf/core",
    f"{_FEATURES}1/1.0/conf/oas30",
    f"{_FEATURES}1/1.0/conf/geojson",
    f"{_FEATURES}2/1.0/conf/crs",
    f"{_FEATURES}3/1.0/conf/queryables",
    f"{_FEATURES}3/1.0/conf/queryables-query-parameters",
    f"{_FEATURES}3/1.0/conf/filter",
    f"{_FEATURES}3/1.0/conf/features-filter",
    f"{_FEATURES}4/1.0/conf/create-replace-delete",
    f"{_FEATURES}4/1.0/conf/update",
    f"{_FEATURES}4/1.0/conf/features",
    f"{_FEATURES}4/1.0/conf/optimistic-locking-etags",
    f"{_TILES}core",
    f"{_TILES}tileset",
    f"{_TILES}tilesets-list",
    f"{_TILES}geodata-tilesets",
    f"{_TILES}mvt",
    f"{_TILES}geojson",
    f"{_TMS}tilematrixset",
    f"{_TMS}tilematrixsetlimits",
    f"{_TMS}tilesetmetadata",
    f"{_TMS}json-tilematrixset",
    f"{_TMS}json-tilematrixsetlimits",
    f"{_TMS}json-tilesetmetadata",
    f"{_CQL}cql2-text",
    f"{_CQL}cql2-json",
    f"{_CQL}basic-cql2",
    f"{_CQL}advanced-comparison-operators",
    f"{_CQL}case-insensitive-comparison",
    f"{_CQL}accent-insensitive-comparison",
    f"{_CQL}basic-spatial-functions",
    f"{_CQL}basic-spatial-functions-plus",
    f"{_CQL}spatial-functions",
    f"{_CQL}temporal-functions",
    f"{_CQL}property-property",
    f"{_CQL}arithmetic",
)
_JSON_TYPES = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
}
_SYSTEM = {
    "area_m2": ("面积(平方米)", "Area (m²)", {"type": "number", "x-unit": "m2"}),
    "area_ha": ("面积(公顷)", "Area (ha)", {"type": "number", "x-unit": "ha"}),
    "area_mu": ("面积(亩)", "Area (mu)", {"type": "number", "x-unit": "mu"}),
    "length_m": ("长度(米)", "Length (m)", {"type": "number", "x-unit": "m"}),
    "version": ("版本", "Version", {"type": "integer"}),
    "updated_at": ("更新时间", "Updated at", {"type": "string", "format": "date-time"}),
}


@router.get("/", summary="Landing page; the map for browsers")
@allow(PUBLIC)
@produces(JSON, HTML)
def landing(request: Request) -> Response:
    if request.query_params.get("f") == "html" or pages.wants_html(request):
        tianditu = request.app.state.liangtian.settings.tianditu
        return pages.index_response(tianditu=tianditu)
    language = language_of(request)
    links = [
        link(request, "/", "self", JSON),
        link(request, "/api", "service-desc", OPENAPI, "OpenAPI"),
        link(request, "/docs", "service-doc", "text/html", "接口文档 API docs"),
        link(request, "/conformance", "conformance", JSON),
        link(request, "/conformance", f"{_REL}conformance", JSON),
        link(request, "/collections", "data", JSON),
        link(request, "/collections", f"{_REL}data", JSON),
        link(request, "/tileMatrixSets", f"{_REL}tiling-schemes", JSON),
    ]
    settings = request.app.state.liangtian.settings
    content = {
        "title": TITLE[language],
        "description": DESCRIPTION[language],
        "links": links,
        "liangtian": {"tianditu": settings.tianditu},
    }
    return answer(request, content)


@router.get("/conformance", summary="Conformance classes that hold")
@allow(PUBLIC)
def conformance(request: Request) -> Response:
    return answer(request, {"conformsTo": CONFORMANCE})


@router.get("/collections", summary="All layers")
@allow("viewer")
def collections(request: Request) -> Response:
    state: State = request.app.state.liangtian
    user: User = request.state.user
    layers = [layer for layer in state.catalog.layers.values() if user.sees(layer.id)]
    listed = [describe(request, state, layer) for layer in layers]
    links = [link(request, "/collections", "self", JSON)]
    content = {"links": links, "crs": list(ogc_crs.SUPPORTED), "collections": listed}
    return answer(request, content, etag("all", state.snapshots.revision))


@router.get("/collections/{layer}", summary="A layer")
@allow("viewer")
def collection(request: Request, layer: PathLayer) -> Response:
    state: State = request.app.state.liangtian
    tag = etag(layer.id, sight.view(request, layer.id).touched)
    return answer(request, describe(request, state, layer), tag)


def describe(request: Request, state: State, layer: Layer) -> dict[str, Any]:
    """The collection document; what OGC does not know is under ``liangtian``."""
    view = sight.view(request, layer.id)
    count, area, box = summary_of(request, view)
    path = f"/collections/{layer.id}"
    items = f"{path}/items"
    extent: dict[str, Any] = {}
    if box is not None:
        extent["spatial"] = {"bbox": [box], "crs": ogc_crs.CRS84}
    own: dict[str, Any] = {
        "geometry": layer.geometry,
        "label": layer.label,
        "key": layer.key,
        "class_field": layer.class_field,
        "county_field": layer.county_field,
        "datetime_field": layer.datetime_field,
        "commit_role": layer.commit_role,
        "links": [entry.model_dump() for entry in layer.links],
        "revision": view.touched,
        "count": count,
        "style": layer.style.model_dump(),
    }
    if area is not None:
        own["area_m2"] = area
        own["area_mu"] = area / float(SQUARE_METRES_PER_MU)
    content: dict[str, Any] = {
        "id": layer.id,
        "title": text(request, layer.title),
        "description": text(request, layer.description),
        "itemType": "feature",
        "extent": extent,
        "crs": list(ogc_crs.SUPPORTED),
        "storageCrs": ogc_crs.STORAGE,
        "liangtian": own,
        "links": [
            link(request, path, "self", JSON),
            link(request, items, "items", GEOJSON, text(request, layer.title)),
            link(request, f"{items}?f=csv", "items", "text/csv"),
            link(request, f"{path}/schema", "describedby", SCHEMA),
            link(
                request,
                f"{path}/queryables",
                f"{_REL}queryables",
                SCHEMA,
            ),
            link(
                request,
                f"{path}/sortables",
                f"{_REL}sortables",
                SCHEMA,
            ),
        ],
    }
    if layer.geometry:
        content["links"] += [
            link(request, f"{path}/tiles", f"{_REL}tilesets-vector", JSON),
            link(request, f"/tiles/{layer.id}.json", "describedby", JSON, "TileJSON"),
        ]
    return content


def summary_of(request: Request, view: View) -> tuple[int, float | None, list[float] | None]:
    """`summary`, worked out once a revision."""
    state: State = request.app.state.liangtian
    key = view.layer.id + sight.scope(request)
    return state.summaries.get(key, view.touched, lambda: summary(view))


def summary(view: View) -> tuple[int, float | None, list[float] | None]:
    """Alive rows, their summed area (m², overlaps counted twice) and bounds."""
    count, area = 0, 0.0
    boxes = []
    for segment, rows in view.match():
        count += len(rows)
        if not len(rows) or not view.layer.geometry:
            continue
        bounds = segment.bounds(rows)
        bounds = bounds[~np.isnan(bounds[:, 0])]
        if len(bounds):
            boxes.append([*bounds[:, :2].min(axis=0), *bounds[:, 2:].max(axis=0)])
        if view.layer.geometry == "MultiPolygon":
            values = segment.column("area_m2", rows).to_numpy(zero_copy_only=False)
            area += float(np.nansum(values))
    if not boxes:
        return count, area if view.layer.geometry == "MultiPolygon" else None, None
    every = np.array(boxes)
    box = [*every[:, :2].min(axis=0).tolist(), *every[:, 2:].max(axis=0).tolist()]
    return count, area if view.layer.geometry == "MultiPolygon" else None, box


@router.get("/collections/{layer}/schema", summary="Fields of a layer")
@allow("viewer")
@produces(SCHEMA)
def schema(request: Request, layer: PathLayer) -> Response:
    return _schema(request, layer, "schema", measures=True)


@router.get("/collections/{layer}/queryables", summary="What filters may use")
@allow("viewer")
@produces(SCHEMA)
def queryables(request: Request, layer: PathLayer) -> Response:
    return _schema(request, layer, "queryables", measures=True)


@router.get("/collections/{layer}/sortables", summary="What sortby may use")
@allow("viewer")
@produces(SCHEMA)
def sortables(request: Request, layer: PathLayer) -> Response:
    return _schema(request, layer, "sortables", measures=True, geometry=False)


def _schema(
    request: Request, layer: Layer, kind: str, *, measures: bool, geometry: bool = True
) -> Response:
    english = language_of(request) == "en"
    names = public_names(layer) if measures else [field.name for field in layer.fields]
    properties = {name: property_schema(request, layer, name) for name in names}
    if geometry and layer.geometry:
        properties["geometry"] = {
            "title": "Geometry" if english else "几何",
            "x-ogc-role": "primary-geometry",
            "format": f"geometry-{layer.geometry.lower()}",
        }
    content: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": link(request, f"/collections/{layer.id}/{kind}", "self", SCHEMA)["href"],
        "type": "object",
        "title": text(request, layer.title),
        "description": text(request, layer.description),
        "properties": properties,
        "additionalProperties": False,
    }
    if kind == "schema":
        content["required"] = [field.name for field in layer.fields if field.required]
    return answer(request, content, etag(kind, layer.id, layer.digest), SCHEMA)


def property_schema(request: Request, layer: Layer, name: str) -> dict[str, Any]:
    """The JSON schema of one property that features and tiles show."""
    field = layer.by_name.get(name)
    if field is not None:
        catalog = request.app.state.liangtian.catalog
        return _property(request, catalog.codelist_of(field), field)
    zh, en, shape = _SYSTEM[name]
    title = en if language_of(request) == "en" else zh
    return {"title": title, **shape, "readOnly": True}


def _property(request: Request, codelist: Any, field: Field) -> dict[str, Any]:
    shape: dict[str, Any] = {"title": text(request, field.title), **_JSON_TYPES[field.type]}
    if field.description:
        shape["description"] = text(request, field.description)
    for name, value in (
        ("minimum", field.minimum),
        ("maximum", field.maximum),
        ("maxLength", field.max_length),
        ("x-unit", field.unit),
        ("x-codelist", field.codelist),
    ):
        if value is not None:
            shape[name] = value
    if codelist is not None:
        shape["oneOf"] = [
            {"const": code.code, "title": text(request, code.title)}
            | ({"x-color": code.color} if code.color else {})
            for code in codelist.codes
        ]
    return shape
