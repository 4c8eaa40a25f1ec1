"""Totals: one number for a question, with everything that explains it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Annotated, Any, Literal

import anyio
from fastapi import APIRouter, Depends, Query, Request, Response

from app import bodies, params, sight
from app.api.links import CSV, HTML, JSON, PDF, XLSX, answer, in_language, produces
from app.api.total_files import report, spreadsheet, time_of, within_of
from app.asking import Ask
from app.auth import allow
from app.params import AsOf, etag
from app.state import State
from app.totals import reported as reported_of
from geo.layers import Layer
from geo.totals.question import Question
from geo.totals.table import Reported, numbers, titles
from geo.totals.total import Row, Total
from geo.units import Unit, to_unit

router = APIRouter(tags=["统计 Totals"])

#: Features with overlaps that an answer lists, the largest first.
MOST_CLAIMS = 1000
_HOW_TOLD = ("unit", "f", "lang", "round", "adjust", "overlaps")
_ASKED = (*_HOW_TOLD, "layer", "by", "on", "within", "measure", "definition", "sums", "as_of")
_ROUNDING = {
    "zh": "四舍五入后按最大余数法调平，各行之和等于合计",
    "en": "Rounded half up, then balanced by largest remainder so that rows add up to the total",
}
_ADJUSTMENT = {
    "zh": "面积平差：各行乘以 控制面积/合计，按最大余数法取位，各行之和等于控制面积",
    "en": "Every row times control area / total, rounded by largest remainder; rows add up to it",
}
Name = Annotated[str | None, Query(max_length=40)]
Names = Annotated[str | None, Query(max_length=200)]


def counted(request: Request) -> Layer:
    """The layer that the parameters of a total count."""
    state: State = request.app.state.liangtian
    given = {k: request.query_params.get(k) for k in ("layer", "on", "definition")}
    # What is wrong with the values is told where they are read.
    ask = Ask.model_construct(**given)  # type: ignore[arg-type]
    return params.find_layer(request, ask.counted(state.totals.definitions))


async def _layer(request: Request) -> Layer:
    return counted(request)


async def _ask(
    layer: Name = None,
    definition: Annotated[
        str | None, Query(max_length=40, description="口径: an id of /totals/definitions.")
    ] = None,
    by: Annotated[
        str | None,
        Query(max_length=200, description="Fields, layer.field of a layer in `on`, or polygon "
              "layers at whose edges features are cut."),
    ] = None,
    on: Annotated[
        str | None, Query(max_length=200, description="Layers that must all cover the land.")
    ] = None,
    within: Annotated[
        str | None, Query(max_length=200, description="layer:key, e.g. districts:DA2.")
    ] = None,
    measure: Annotated[
        Literal["union", "sum"] | None,
        Query(description="union (default): overlaps counted once."),
    ] = None,
    on_filter: Annotated[
        list[str] | None,
        Query(max_length=4, description="layer:CQL2 text, for layers of `on`."),
    ] = None,
    sums: Annotated[
        str | None, Query(max_length=200, description="Number fields to add up.")
    ] = None,
    unit: Annotated[Unit, Query(description="Unit of `value`.")] = "mu",
    round: Annotated[
        int | None, Query(ge=0, le=6, description="Decimals of `reported`, in `unit`.")
    ] = None,
    adjust: Annotated[
        float | None, Query(ge=0, le=1e12, description="Control area in `unit`: 面积平差.")
    ] = None,
    overlaps: Annotated[bool, Query(description="List the features with overlaps.")] = False,
    f: Annotated[Literal["json", "csv", "xlsx", "html", "pdf"] | None, Query()] = None,
) -> Ask:  # fmt: skip
    return Ask(
        layer=layer, definition=definition, by=by, on=on, within=within, measure=measure,
        on_filter=on_filter or [], sums=sums, unit=unit, round=round, adjust=adjust,
        overlaps=overlaps, f=f,
    )  # fmt: skip


@router.get("/totals", summary="Totals of a layer")
@allow("viewer")
@produces(JSON, CSV, XLSX, HTML, PDF)
@params.takes_fields_of(counted)
def totals(
    request: Request,
    ask: Annotated[Ask, Depends(_ask)],
    selected: Annotated[params.Selection, Depends(params.selection_of(_layer))],
    as_of: AsOf,
) -> Response:
    """Counts and areas (lengths, for lines) of the chosen features, by groups."""
    state: State = request.app.state.liangtian
    question = ask.question(state.totals.definitions, state.catalog.layers)
    question = replace(question, selected=selected.filters, box=selected.box)
    key = params.digest(request, leaving_out=_HOW_TOLD)
    found = sight.total(request, question, as_of, key)
    filters = {k: v for k, v in request.query_params.multi_items() if k not in _ASKED}
    return _told(request, ask, found, params.digest(request), filters)


@router.post(
    "/totals", summary="Totals of a layer within a polygon", openapi_extra=bodies.json_body(Ask)
)
@allow("viewer")
@produces(JSON, CSV, XLSX, HTML, PDF)
async def totals_within(request: Request) -> Response:
    """The same as GET, as a JSON body; `within` may be a GeoJSON polygon."""
    state: State = request.app.state.liangtian
    ask = await bodies.read_json(request, Ask)
    as_of = params.read_as_of(ask.as_of)

    def work() -> Response:
        question: Question = ask.question(state.totals.definitions, state.catalog.layers)
        asked = ask.model_dump_json(exclude=set(_HOW_TOLD) - {"lang"})
        key = hashlib.sha256(asked.encode()).hexdigest()
        found = sight.total(request, question, as_of, key)
        whole = hashlib.sha256(ask.model_dump_json().encode()).hexdigest()[:12]
        filters = {"filter": ask.filter} if ask.filter else {}
        return _told(request, ask, found, whole, filters)

    return await anyio.to_thread.run_sync(work)


@router.get("/totals/definitions", summary="Definitions (口径) of totals")
@allow("viewer")
def definitions(request: Request) -> Response:
    """What may be counted by `definition=`, in words, with filter and source."""
    state: State = request.app.state.liangtian
    listed = [each.model_dump(mode="json") for each in state.totals.definitions.by_id.values()]
    return answer(request, {"definitions": listed})


def _told(
    request: Request, ask: Ask, found: Total, digest: str, filters: dict[str, str]
) -> Response:
    """An answer in the form that was asked for."""
    state: State = request.app.state.liangtian
    stamp = ".".join(str(each.revision) for each in found.inputs)
    tag = etag(found.layer.id, stamp, found.as_of if request.query_params.get("as_of") else "now",
               digest)  # fmt: skip
    if params.not_modified(request, in_language(request, tag)):
        return answer(request, b"", tag)
    reported = reported_of(ask, found)
    if ask.f in ("html", "pdf"):
        return report(request, ask, found, tag, filters)
    if ask.f in ("csv", "xlsx"):
        return spreadsheet(request, ask, found, reported, tag, filters)
    return answer(request, _content(state, ask, found, reported, filters), tag)


def _content(
    state: State, ask: Ask, found: Total, reported: Reported, filters: dict[str, str]
) -> dict[str, Any]:
    question = found.question
    rows = []
    for at, row in enumerate(found.rows):
        group = {"group": dict(zip(question.by, row.group, strict=True))}
        rows.append({**group, **_figures(ask, found, row, reported, at)})
    polygons = found.layer.geometry == "MultiPolygon"
    content: dict[str, Any] = {
        "layer": found.layer.id,
        "on": list(question.on),
        "by": list(question.by),
        "within": within_of(question),
        "measure": question.measure if polygons else "count",
        "unit": ask.unit,
        "rows": rows,
        "total": _figures(ask, found, found.total, reported, None),
        "unassigned": numbers(found, found.unassigned),
        "overlap_removed": None if found.removed is None else _area(found.removed),
        "without_measure": found.without_measure,
        "titles": {
            name: {value: text.model_dump() for value, text in named.items()}
            for name, named in titles(found, state.catalog).items()
        },
        "method": found.method.model_dump(),
        "definition": {"id": question.definition, **found.definition.model_dump()},
        "filter": filters,
        "revision": found.revision,
        "as_of": found.as_of,
        "time": time_of(state, found.as_of),
        "inputs": [each.__dict__ for each in found.inputs],
    }
    if reported.parts is not None:
        content["rounding"] = {"decimals": ask.round, "unit": reported.unit, **_ROUNDING}
    if reported.adjusted is not None:
        made = reported.adjusted
        content["adjustment"] = {
            "control": float(made.control),
            "unit": reported.unit,
            "coefficient": made.coefficient,
            "difference": float(made.difference),
            **_ADJUSTMENT,
        }
    if ask.overlaps:
        claims = sorted(found.claims, key=lambda c: (-c.units, c.fid))
        content["overlaps"] = [
            {"fid": c.fid, "earlier": list(c.earlier), **_area(c.units / 1e6)}
            for c in claims[:MOST_CLAIMS]
        ]
        content["overlaps_matched"] = len(claims)
    return content


def _figures(
    ask: Ask, found: Total, row: Row, reported: Reported, at: int | None
) -> dict[str, Any]:
    figures = numbers(found, row)
    if found.layer.geometry == "MultiPolygon":
        figures["value"] = to_unit(row.measure, ask.unit)
        if found.removed is not None:
            figures["removed_m2"] = row.removed
    if reported.parts is not None and reported.total is not None:
        figures["reported"] = float(reported.total if at is None else reported.parts[at])
    if reported.adjusted is not None:
        made = reported.adjusted
        figures["adjusted"] = float(made.control if at is None else made.parts[at])
    return figures


def _area(m2: float) -> dict[str, float]:
    return {"area_m2": m2, "area_ha": to_unit(m2, "ha"), "area_mu": to_unit(m2, "mu")}
