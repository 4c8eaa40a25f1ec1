"""Figures of a finished soil run: areas of grades, and from which grade to which."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pyarrow as pa
from fastapi import APIRouter, Query, Request, Response

from app import params
from app.api.links import CSV, JSON, XLSX, answer, attachment, produces
from app.api.soil_runs import RunId
from app.auth import allow
from app.language import language_of
from app.problems import Problem
from app.soil import Finished
from app.soil_plots import detectable
from geo.formats.csv import csv_bytes
from geo.formats.workbook import Sheet, workbook
from geo.soil.measure import measure_of
from geo.soil.results import Summed
from geo.soil.tabled import area_rows, area_table, before_rows, change_rows

router = APIRouter(tags=["土壤 Soil"])

By = Annotated[
    str, Query(max_length=40, description="zone, a field of the layer, or a layer of `splits`.")
]
Format = Annotated[Literal["json", "csv", "xlsx"] | None, Query()]


@router.get("/soil/runs/{run_id}/areas", summary="Areas of the grades by zone or group")
@allow("viewer")
@produces(JSON, CSV, XLSX)
def areas(request: Request, run_id: RunId, by: By = "zone", f: Format = None) -> Response:
    """Rows close: area = grades + masked + outside. What nobody saw has no grades, not zeros."""
    run = Finished(request, run_id)
    tag = params.etag("areas", run_id, by, f)
    names, called, found = run.grouped(by)
    if f in ("csv", "xlsx"):
        headings, rows = area_table(_shown(names, called), found, run.labels, run.reasons)
        total = area_table(["union"], run.results.total("union"), run.labels, run.reasons)[1][0]
        return _file(request, run, f"soil-areas-{run_id}.{f}", headings, rows, total, tag)
    rows_ = area_rows(names, found, run.labels, run.reasons)
    _call(rows_, called)
    content: dict[str, Any] = {"by": by, "rows": rows_}
    if run.is_pair:
        for row, before in zip(rows_, before_rows(found, run.labels, run.reasons), strict=True):
            row["before"] = {k: v for k, v in before.items() if k != "area_m2"}
    for which in ("sum", "union"):
        [content[which]] = area_rows([which], run.results.total(which), run.labels, run.reasons)
    return answer(request, content | run.about(), tag)


@router.get("/soil/runs/{run_id}/change", summary="From which grade to which, by zone or group")
@allow("viewer")
@produces(JSON, CSV, XLSX)
def change(request: Request, run_id: RunId, by: By = "zone", f: Format = None) -> Response:
    """Of pixels seen on both dates. area = improved + worsened + stable + unobserved."""
    run = Finished(request, run_id)
    if not run.is_pair:
        raise Problem(
            "E_STATE",
            "这次计算只有一景影像，没有变化",
            "This run has one scene and no change",
            fix=("请用 before 和 after 重新计算", "Run it again with before and after"),
        )
    tag = params.etag("change", run_id, by, f)
    names, called, found = run.grouped(by)
    direction = measure_of(run.result["inputs"]["spec"]).direction
    if f in ("csv", "xlsx"):
        headings, rows = _change_table(_shown(names, called), found, run, direction)
        total = _change_table(["union"], run.results.total("union"), run, direction)[1][0]
        return _file(request, run, f"soil-change-{run_id}.{f}", headings, rows, total, tag)
    rows_ = change_rows(names, found, run.labels, direction)
    _call(rows_, called)
    content: dict[str, Any] = {"by": by, "labels": run.labels, "rows": rows_}
    told = detectable(request.app.state.liangtian, run)
    if told is not None:
        means, content["detectable"] = told
        if by == "zone":
            rows_ = [row | mean for row, mean in zip(rows_, means, strict=True)]
            content["rows"] = rows_
    for which in ("sum", "union"):
        [content[which]] = change_rows([which], run.results.total(which), run.labels, direction)
    content["better"] = {"higher": "lower grade", "none": None}.get(direction, "higher grade")
    return answer(request, content | run.about(), tag)


def _call(rows: list[dict[str, Any]], called: list[Any] | None) -> None:
    if called is not None:
        for row, label in zip(rows, called, strict=True):
            row["label"] = label


def _shown(names: list[Any], called: list[Any] | None) -> list[Any]:
    return names if called is None else called


def _change_table(
    names: list[Any], found: Summed, run: Finished, direction: Any
) -> tuple[list[str], list[list[Any]]]:
    figures = ["improved_m2", "worsened_m2", "stable_m2", "observed_m2", "unobserved_m2", "area_m2"]
    pairs = [(a, b) for a in run.labels for b in run.labels]
    headings = ["group", *(f"{a} → {b}" for a, b in pairs), *figures, "status"]
    rows = change_rows(names, found, run.labels, direction)
    return headings, [
        [
            row["group"],
            *(row["matrix"].get(a, {}).get(b) for a, b in pairs),
            *(row[name] for name in figures),
            row["status"],
        ]
        for row in rows
    ]


def _file(
    request: Request,
    run: Finished,
    name: str,
    headings: list[str],
    rows: list[list[Any]],
    total: list[Any],
    tag: str,
) -> Response:
    headers = {"Content-Disposition": attachment(name)}
    if name.endswith(".csv"):
        columns = {
            heading: _column([row[at] for row in rows]) for at, heading in enumerate(headings)
        }
        body = b"".join(csv_bytes(columns, list(columns), bom=True))
        return answer(request, body, tag, f"{CSV}; charset=utf-8", headers)
    language = language_of(request)
    english = language == "en"
    about = run.about()
    notes = [
        f"{'Definition' if english else '口径'}: {about['definition'][language]}",
        f"{'Method' if english else '方法'}: {about['method'][language]}",
        f"{'Scenes' if english else '影像'}: {', '.join(about['scenes'])}; "
        f"{'revision' if english else '数据版本'} {about['as_of']}",
        *(str(warning[language]) for warning in about["warnings"]),
    ]
    title = "盐碱等级面积" if not english else "Areas of grades"
    if "change" in name:
        title = "等级变化" if not english else "Change of grades"
    sheet = Sheet(title, f"{title}, m²", headings, rows, notes, total)
    return answer(request, workbook([sheet]), tag, XLSX, headers)


def _column(values: list[Any]) -> pa.Array:
    if any(isinstance(value, str) for value in values):
        return pa.array([None if value is None else str(value) for value in values], pa.string())
    return pa.array(values)
