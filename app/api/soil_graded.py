"""Soil samples graded by a scheme: the worst of several indicators, and which one decided."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from app import params, sight
from app.api.links import CSV, JSON, XLSX, answer, attachment, produces
from app.api.soil import gradings_of
from app.auth import allow
from app.language import language_of
from app.params import AsOf, Selection
from geo.formats.csv import csv_bytes
from geo.formats.workbook import Sheet, workbook
from geo.layers import Layer
from geo.soil import graded
from geo.soil.grading import Grading

router = APIRouter(tags=["土壤 Soil"])
LAYER = "samples"
_KEPT = ("code", "plot_code", "county", "sampled_on", "depth_top_cm", "depth_bottom_cm")


def _layer(request: Request) -> Layer:
    return params.find_layer(request, LAYER)


async def _samples(request: Request) -> Layer:
    return _layer(request)


@router.get("/soil/gradings/{grading_id}/samples", summary="Samples graded by a scheme")
@allow("viewer")
@produces(JSON, CSV, XLSX)
@params.takes_fields_of(_layer)
def graded_samples(
    request: Request,
    grading_id: Annotated[str, Path(max_length=40)],
    selected: Annotated[Selection, Depends(params.selection_of(_samples))],
    as_of: AsOf,
    limit: Annotated[int, Query(ge=1, le=10_000, description="Rows of JSON.")] = 1000,
    f: Annotated[Literal["json", "csv", "xlsx"], Query()] = "json",
) -> Response:
    """Each sample's grade with the indicators that decided it and those without a value."""
    grading = gradings_of(request).resolve(grading_id)
    needed = graded.fields(grading)
    view = sight.view(request, LAYER, as_of)
    tag = params.etag("graded", grading.id, grading.version, view.touched, as_of or "now",
                      params.digest(request), language_of(request))  # fmt: skip
    columns: dict[str, list[Any]] = {name: [] for name in ("fid", *_KEPT, *needed)}
    for segment, rows in view.match(selected.filters, selected.box):
        columns["fid"].extend(segment.fid[rows].tolist())
        for name in columns.keys() - {"fid"}:
            columns[name].extend(segment.column(name, rows).to_pylist())
    found = graded.grade(grading, columns)
    if f == "json":
        content = _content(grading, found, columns, needed, limit)
        return answer(request, content | {"revision": view.touched, "as_of": view.revision}, tag)
    names, lines = _lines(grading, found, columns, needed, language_of(request))
    named = {"Content-Disposition": attachment(f"{LAYER}-{grading.id}.{f}")}
    if f == "csv":
        arrays = {n: pa.array([line[at] for line in lines]) for at, n in enumerate(names)}
        body = b"".join(csv_bytes(arrays, list(arrays), bom=True))
        return answer(request, body, tag, f"{CSV}; charset=utf-8", named)
    english = language_of(request) == "en"
    title = grading.title.en if english else grading.title.zh
    notes = [grading.source, *([grading.note.en if english else grading.note.zh]
                               if grading.note else [])]  # fmt: skip
    body = workbook([Sheet(title, title, names, lines, notes)])
    return answer(request, body, tag, XLSX, named)


def _content(
    grading: Grading,
    found: graded.Graded,
    columns: dict[str, list[Any]],
    needed: list[str],
    limit: int,
) -> dict[str, Any]:
    indicators = [axis.indicator for axis in grading.axes]
    size = np.bincount(found.grade + 1, minlength=len(grading.grades) + 1).tolist()
    rows = []
    for at in range(min(limit, len(found.grade))):
        code = int(found.grade[at])
        rows.append(
            {name: columns[name][at] for name in columns}
            | {
                "grade": grading.grades[code].code if code >= 0 else None,
                "title": grading.grades[code].title.model_dump() if code >= 0 else None,
                "decided_by": _named(indicators, found.decided[:, at]),
                "missing": _named(indicators, found.missing[:, at]),
            }
        )
    return {
        "grading": grading.model_dump(mode="json"),
        "counts": {
            "samples": len(found.grade),
            "grades": {g.code: n for g, n in zip(grading.grades, size[1:], strict=True)},
            "not_graded": size[0],
            "decided_by": dict(zip(indicators, found.decided.sum(axis=1).tolist(), strict=True)),
            "missing": dict(zip(indicators, found.missing.sum(axis=1).tolist(), strict=True)),
        },
        "rows": rows,
        "method": _METHOD,
    }


_METHOD = {
    "zh": "值等于界限归入较高一级；多项指标取最重的一项，decided_by 为决定等级的指标，"
    "missing 为无值的指标；"
    "电导率只用方案所要求的浸提方式，从不换算",
    "en": "a value at a limit belongs to the higher grade; of several indicators the worst counts: "
    "decided_by names those that reach it, missing those without a value; EC counts only in the "
    "extract that the scheme is for and is never converted",
}


def _named(indicators: list[str], which: np.ndarray) -> list[str]:
    return [name for name, there in zip(indicators, which.tolist(), strict=True) if there]


def _lines(
    grading: Grading,
    found: graded.Graded,
    columns: dict[str, list[Any]],
    needed: list[str],
    language: str,
) -> tuple[list[str], list[list[Any]]]:
    indicators = [axis.indicator for axis in grading.axes]
    names = ["fid", *_KEPT, *needed, "grade", "title", "decided_by", "missing"]
    lines = []
    for at, code in enumerate(found.grade.tolist()):
        told = grading.grades[code] if code >= 0 else None
        lines.append(
            [
                *(columns[name][at] for name in names[:-4]),
                told.code if told else None,
                told.title.get(language) if told else None,
                "+".join(_named(indicators, found.decided[:, at])),
                "+".join(_named(indicators, found.missing[:, at])),
            ]
        )
    return names, lines
