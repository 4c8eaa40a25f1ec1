"""Totals: one number for a question, with everything that explains it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pyarrow as pa
from fastapi import APIRouter, Depends, Query, Request, Response

from app import params
from app.api.links import CSV, JSON, answer, caching, produces
from app.auth import allow
from app.language import language_of
from app.params import AsOf, bad, etag
from app.state import State
from geo.area import METHOD
from geo.formats.csv import csv_bytes
from geo.layers import Layer
from geo.snapshot.view import View
from geo.totals.total import Row, Totals, total
from geo.units import SQUARE_METRES_PER_MU

router = APIRouter(tags=["统计 Totals"])

_MU = float(SQUARE_METRES_PER_MU)
_PER = {"m2": 1.0, "ha": 1e4, "mu": _MU, "km2": 1e6}
_UNION = {
    "zh": "椭球面积;重叠部分只计一次,计入编号较小(先上报)的图斑",
    "en": "Ellipsoidal area; land claimed by several features counts once, "
    "for the one with the lower id (reported first)",
}
_SUM = {
    "zh": "椭球面积;逐个图斑相加,重叠部分重复计算",
    "en": "Ellipsoidal area; every feature in full, overlaps counted as often as they occur",
}
_NOT_ROWS = ("by", "unit", "measure", "as_of", "f", "lang")
_LENGTH = {"zh": "大地线长度(米)", "en": "Geodesic length (m)"}
_COUNT = {"zh": "记录数", "en": "Number of records"}


async def _layer(request: Request, layer: Annotated[str, Query(max_length=40)]) -> Layer:
    return params.find_layer(request, layer)


async def _by(
    layer: Annotated[Layer, Depends(_layer)],
    by: Annotated[str | None, Query(max_length=200, description="Fields to group by.")] = None,
) -> tuple[str, ...]:
    names = tuple(part.strip() for part in (by or "").split(",") if part.strip())
    for name in names:
        if name not in layer.by_name:
            listed = list(layer.by_name)
            raise bad(
                "by",
                f"不能按 {name} 分组",
                f"Cannot group by {name}",
                fix=(f"可用字段:{'、'.join(listed)}", f"Fields: {', '.join(listed)}"),
            )
    if len(names) > 4 or len(set(names)) != len(names):
        raise bad("by", "最多 4 个不同的字段", "At most 4 different fields")
    return names


@router.get("/totals", summary="Totals of a layer")
@allow("viewer")
@produces(JSON, CSV)
@params.takes_fields
def totals(
    request: Request,
    layer: Annotated[Layer, Depends(_layer)],
    by: Annotated[tuple[str, ...], Depends(_by)],
    selected: Annotated[params.Selection, Depends(params.selection_of(_layer))],
    as_of: AsOf,
    measure: Annotated[
        Literal["union", "sum"], Query(description="union: overlaps counted once.")
    ] = "union",
    unit: Annotated[Literal["m2", "ha", "mu", "km2"], Query(description="Unit of `value`.")] = "mu",
    f: Annotated[Literal["json", "csv"] | None, Query()] = None,
) -> Response:
    """Counts and areas (lengths, for lines) of the chosen features, by groups."""
    state: State = request.app.state.liangtian
    view = state.snapshots.view(layer.id, as_of)
    tag = etag(layer.id, view.touched, view.revision if as_of is not None else "now",
               params.digest(request))  # fmt: skip
    if params.not_modified(request, f'{tag[:-1]}-{language_of(request)}"'):
        return answer(request, b"", tag)
    matches = view.match(selected.filters, selected.box)
    removed = None
    if layer.geometry == "MultiPolygon" and measure == "union":
        # What lies in the layer is said by its own revision; how it is grouped does not matter.
        rows_only = params.digest(request, leaving_out=_NOT_ROWS)
        removed = state.overlaps.removed(f"{layer.id} {view.touched} {rows_only}", matches)
    found = total(view, matches, by, removed)
    if f == "csv":
        return _csv(request, layer, by, found, tag)
    content = {
        "layer": layer.id,
        "by": by,
        "measure": measure if layer.geometry == "MultiPolygon" else "count",
        "unit": unit,
        "rows": [
            {"group": dict(zip(by, row.group, strict=True)), **_numbers(layer, row, unit)}
            for row in found.rows
        ],
        "total": _numbers(layer, found.total, unit),
        "unassigned": _numbers(layer, found.unassigned, unit),
        "overlap_removed": _area(found.total.removed) if removed is not None else None,
        "without_measure": found.without_measure,
        "method": METHOD if layer.geometry == "MultiPolygon" else _definition(layer, measure),
        "definition": _definition(layer, measure),
        "filter": _question(request),
        **_place(state, view),
    }
    return answer(request, content, tag)


def _place(state: State, view: View) -> dict[str, Any]:
    times = {c.revision: c.time for c in state.snapshots.commits()}
    return {"revision": view.touched, "as_of": view.revision, "time": times.get(view.revision)}


def _question(request: Request) -> dict[str, str]:
    left = ("layer", "by", "measure", "unit", "f", "lang")
    return {k: v for k, v in request.query_params.multi_items() if k not in left}


def _definition(layer: Layer, measure: str) -> dict[str, str]:
    if layer.geometry == "MultiPolygon":
        return _UNION if measure == "union" else _SUM
    return _LENGTH if layer.geometry == "MultiLineString" else _COUNT


def _area(m2: float) -> dict[str, float]:
    return {"area_m2": m2, "area_ha": m2 / 1e4, "area_mu": m2 / _MU}


def _numbers(layer: Layer, row: Row, unit: str) -> dict[str, Any]:
    if layer.geometry == "MultiPolygon":
        return {"count": row.count, **_area(row.measure), "value": row.measure / _PER[unit]}
    if layer.geometry == "MultiLineString":
        return {"count": row.count, "length_m": row.measure}
    return {"count": row.count}


def _csv(request: Request, layer: Layer, by: tuple[str, ...], found: Totals, tag: str) -> Response:
    rows = [*found.rows, Row(("合计 total",) + (None,) * (len(by) - 1), *_sums(found.total))]
    columns: dict[str, pa.Array] = {
        name: pa.array([None if r.group[i : i + 1] == () else _text(r.group[i]) for r in rows])
        for i, name in enumerate(by)
    }
    numbers = [_numbers(layer, row, "mu") for row in rows]
    for name in numbers[0]:
        if name != "value":
            columns[name] = pa.array([entry[name] for entry in numbers])
    body = b"".join(csv_bytes(columns, list(columns), bom=True))
    headers = {
        "Content-Disposition": f'attachment; filename="totals-{layer.id}.csv"',
        "Cache-Control": caching(request),
        "ETag": tag,
    }
    return Response(body, headers=headers, media_type="text/csv; charset=utf-8")


def _sums(row: Row) -> tuple[int, float, float]:
    return row.count, row.measure, row.removed


def _text(value: object) -> str | None:
    return None if value is None else str(value)
