"""OGC API Features: items of a layer, one item, its history."""

from __future__ import annotations

from itertools import chain
from typing import Annotated, Any, Literal

import numpy as np
import orjson
from fastapi import APIRouter, Depends, Query, Request, Response

from app import ogc_crs, params, sight
from app.api import downloads
from app.api.encode import CHUNK, features
from app.api.links import CSV, GEOJSON, answer, here, link, produces, stream
from app.auth import allow
from app.editing.features import differences, geojson, of_history
from app.params import AsOf, PathLayer, Selected, etag
from app.problems import Problem, not_found
from app.state import State
from geo.crs import gcj02
from geo.layers import Layer
from geo.snapshot.view import Order, Page, View
from geo.units import SQUARE_METRES_PER_MU

router = APIRouter(tags=["要素 Features"])

Datum = gcj02.Offset
Format = Literal["geojson", "json"] | downloads.Download


def _format(request: Request, f: str | None) -> str:
    if f is not None:
        return "geojson" if f == "json" else f
    return "csv" if request.headers.get("accept", "").startswith("text/csv") else "geojson"


@router.get(
    "/collections/{layer}/items",
    summary="Features of a layer",
)
@allow("viewer")
@produces(GEOJSON, CSV, *downloads.MEDIA_TYPES)
@params.takes_fields
def items(
    request: Request,
    layer: PathLayer,
    selected: Selected,
    as_of: AsOf,
    order: Annotated[tuple[Order, ...], Depends(params.sort_order)],
    asked: downloads.Asked,
    properties: Annotated[tuple[str, ...] | None, Depends(params.chosen_properties)],
    limit: Annotated[int, Query(ge=1, description="Features a page, at most 10,000.")] = 10,
    offset: Annotated[int, Query(ge=0, le=params.MOST_OFFSET, description="Skip these.")] = 0,
    next_: Annotated[
        str | None, Query(alias="next", max_length=1000, description="Token of the next page.")
    ] = None,
    crs: Annotated[str, Query(max_length=100, description="CRS of coordinates.")] = ogc_crs.CRS84,
    datum: Annotated[
        Datum | None, Query(description="Shift for AMap, Tencent (gcj02), Baidu (bd09) maps.")
    ] = None,
    resulttype: Annotated[
        Literal["results", "hits"], Query(description="hits: only the count.")
    ] = "results",
    skip_geometry: Annotated[
        bool, Query(alias="skipGeometry", description="Leave geometries out.")
    ] = False,
    download: Annotated[
        bool, Query(description="GeoJSON of all matching features as a file, not of a page.")
    ] = False,
    f: Annotated[
        Format | None, Query(description="geojson (a page), or a file with all matching rows.")
    ] = None,
) -> Response:
    """A page of features in keyset order, or all matching rows as a file."""
    view = sight.view(request, layer.id, as_of)
    fmt = _format(request, f)
    out = _output_crs(crs, datum)
    tag = etag(layer.id, view.touched, view.revision if as_of is not None else "now",
               params.digest(request))  # fmt: skip
    if resulttype == "hits":
        matched = sum(len(rows) for _, rows in view.match(selected.filters, selected.box))
        hits = {
            "type": "FeatureCollection",
            "features": [],
            "numberMatched": matched,
            "numberReturned": 0,
            "links": [link(request, request.url.path, "self", GEOJSON)],
        }
        return answer(request, hits, tag, GEOJSON)
    if fmt != "geojson" or download:
        return downloads.respond(request, fmt, layer, view, selected, properties, out, asked, tag)
    after = params.read_cursor(next_, order, view) if next_ is not None else None
    limit = min(limit, params.MOST_ITEMS)
    page = view.page(
        filters=selected.filters,
        box=selected.box,
        order=order,
        limit=limit,
        after=after,
        offset=offset,
    )
    pieces = features(page, view, properties, out, datum, skip_geometry)
    links = [{"href": here(request), "rel": "self", "type": GEOJSON}]
    if page.next_key is not None:
        href = here(request, next=params.cursor_of(page.next_key), offset=None)
        links.append({"href": href, "rel": "next", "type": GEOJSON})
    links.append(link(request, f"/collections/{layer.id}", "collection", "application/json"))
    head: dict[str, Any] = {
        "numberMatched": page.matched,
        "numberReturned": page.length,
        "links": links,
        "liangtian": {"revision": view.touched, "as_of": view.revision},
    }
    if datum:
        head["liangtian"] |= {"datum": datum, "approximate": True}
    opening = b'{"type":"FeatureCollection",' + orjson.dumps(head)[1:-1] + b',"features":['
    headers = {"Content-Crs": f"<{out.uri}>"}
    if page.length <= CHUNK:
        content = b"".join((opening, *pieces, b"]}"))
        return answer(request, content, tag, GEOJSON, headers)
    return stream(request, chain([opening], pieces, [b"]}"]), tag, GEOJSON, headers)


def _output_crs(text: str, datum: str | None) -> ogc_crs.Crs:
    crs = ogc_crs.parse(text)
    if datum and crs.uri != ogc_crs.CRS84:
        raise Problem(
            "E_CRS",
            "datum 只能与 CRS84 一起使用",
            "datum goes only with CRS84",
            where="crs",
        )
    return crs


@router.get("/collections/{layer}/items/{fid}", summary="A feature")
@allow("viewer")
@produces(GEOJSON)
def item(
    request: Request,
    layer: PathLayer,
    fid: int,
    as_of: AsOf,
    crs: Annotated[str, Query(max_length=100, description="CRS of coordinates.")] = ogc_crs.CRS84,
    datum: Annotated[Datum | None, Query(description="Shift for GCJ-02 or BD-09 maps.")] = None,
) -> Response:
    """One feature; its ETag is its version."""
    view = sight.view(request, layer.id, as_of)
    segment, row = params.feature_of(view, fid)
    out = _output_crs(crs, datum)
    version = segment.column("version", np.array([row]))[0].as_py()
    tag = etag(layer.id, fid, version, params.digest(request))
    feature = show(request, view, fid, out, datum)
    return answer(request, feature, tag, GEOJSON, {"Content-Crs": f"<{out.uri}>"})


def show(
    request: Request, view: View, fid: int, out: ogc_crs.Crs | None = None,
    datum: Datum | None = None,
) -> dict[str, Any]:  # fmt: skip
    """A feature with its links. Raises `Problem` E_NOT_FOUND."""
    segment, row = params.feature_of(view, fid)
    page = Page([(segment, np.array([row]), np.array([0]))], 1, 1, None)
    out = out or ogc_crs.parse(ogc_crs.CRS84)
    encoded = b"".join(features(page, view, None, out, datum, skip_geometry=False))
    feature: dict[str, Any] = orjson.loads(encoded)
    path = f"/collections/{view.layer.id}/items/{fid}"
    feature["links"] = [
        link(request, path, "self", GEOJSON),
        link(request, f"/collections/{view.layer.id}", "collection", "application/json"),
        link(request, f"{path}/history", "version-history", "application/json"),
    ]
    return feature


@router.get("/collections/{layer}/items/{fid}/history", summary="Versions of a feature")
@allow("viewer")
def history(request: Request, layer: PathLayer, fid: int) -> Response:
    """Every version, newest first: who changed what (before and after), when and why."""
    service: State = request.app.state.liangtian
    found = service.record.history(layer.id, fid) if 0 < fid < 2**63 else []
    found = sight.versions(request.state.user, layer, found)
    if not found:
        raise not_found(f"没有要素 {fid}", f"There is no feature {fid}", where=layer.id)
    states = [of_history(fid, version) for version in found]
    before = [None, *states[:-1]]
    versions = [
        {
            "version": version.version,
            "revision": version.revision,
            "operation": version.operation,
            "time": version.time,
            "author": version.author.name,
            "reason": version.author.reason,
            "source": version.author.source,
            **_measures(layer, version.measure),
            "properties": version.attributes,
            "geometry": geojson(state.shape) if state else None,
            "changes": differences(earlier, state),
        }
        for version, state, earlier in reversed(list(zip(found, states, before, strict=True)))
    ]
    tag = etag("history", layer.id, fid, found[-1].seq)
    return answer(request, {"layer": layer.id, "fid": fid, "versions": versions}, tag)


def _measures(layer: Layer, measure: float | None) -> dict[str, float]:
    if measure is None or not layer.measures:
        return {}
    if layer.measures[0] == "length_m":
        return {"length_m": measure}
    return {
        "area_m2": measure,
        "area_ha": measure / 1e4,
        "area_mu": measure / float(SQUARE_METRES_PER_MU),
    }
