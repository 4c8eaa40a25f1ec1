"""Soil runs and their areas."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import anyio
import numpy as np
import orjson
import pyarrow as pa
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from app import blobs, bodies, idempotency, params, scenes, sight
from app.api.links import CSV, JSON, answer, caching, produces
from app.api.soil import gradings_of
from app.auth import User, allow
from app.jobs import queue
from app.jobs.soil import BARE_SOIL
from app.params import bad
from app.problems import Problem, not_found
from app.state import State
from geo.formats.csv import csv_bytes
from geo.snapshot import cql
from geo.soil import indices, mask

router = APIRouter(tags=["土壤 Soil"])
RunId = Annotated[int, Path(ge=1, le=2**53)]


class Cuts(BaseModel):
    """A grading of one's own: limits (a value at a limit belongs to the higher grade)."""

    model_config = ConfigDict(extra="forbid")

    cuts: list[float] = Field(max_length=31)
    labels: list[str] = Field(max_length=32)


class Zones(BaseModel):
    """Features of a layer, chosen by a CQL2 filter."""

    model_config = ConfigDict(extra="forbid")

    layer: str = Field(max_length=40)
    filter: str | None = Field(None, max_length=2000)
    as_of: int | None = Field(None, ge=0, le=2**62)


class Run(BaseModel):
    """What to compute."""

    model_config = ConfigDict(extra="forbid")

    scene: str = Field(max_length=120)
    index: str = Field(max_length=40, description="Formula id of /soil/indices.")
    grading: str | Cuts
    zones: Zones
    masks: list[str] = Field(
        default=list(BARE_SOIL), max_length=8, description="Rules of what is not bare soil."
    )


@router.post(
    "/soil/runs",
    summary="Compute areas of salinity grades",
    status_code=202,
    openapi_extra=bodies.json_body(Run),
)
@allow("agronomist")
async def start(request: Request) -> Response:
    """Checked at once as far as possible; the work is a job."""
    asked = await bodies.read_json(request, Run)
    return await anyio.to_thread.run_sync(_start, request, asked)


def _start(request: Request, asked: Run) -> Response:
    state: State = request.app.state.liangtian
    args = asked.model_dump(exclude_none=True)
    before = idempotency.earlier(request, queue.dump(args))
    if before is not None:
        return before
    scene = scenes.usable(state.record, asked.scene)
    index = indices.get(asked.index)
    missing = [band for band in index.bands if band not in scene.bands]
    if missing:
        raise Problem(
            "E_INDEX_BANDS",
            f"影像 {scene.id} 没有波段 {'、'.join(missing)}",
            f"The scene {scene.id} has no band {', '.join(missing)}",
            where="index",
        )
    gradings_of(request).resolve(args["grading"]).axis_for(f"index:{index.id}")
    layer = params.find_layer(request, asked.zones.layer)
    if layer.geometry != "MultiPolygon":
        raise bad("zones.layer", "统计单元必须是面图层", "Zones must be polygons", "E_ZONE_TYPE")
    if asked.zones.filter:
        cql.parse(asked.zones.filter, "cql2-text", layer)
    sight.view(request, layer.id, asked.zones.as_of)
    mask.resolve(tuple(asked.masks), scene.bands)
    user: User = request.state.user

    def effect(connection: Connection) -> idempotency.Answer:
        job = queue.put(connection, "soil.run", args, user.name, user.counties)
        body = orjson.dumps({"id": job, "job": job})
        return idempotency.Answer(202, body, {"Location": f"/soil/runs/{job}"})

    done = idempotency.once(request, queue.dump(args), effect)
    state.wake_worker.set()
    return done


def _run(request: Request, run_id: int) -> queue.Job:
    job = queue.Queue(request.app.state.liangtian.record).get(run_id)
    if job is None or job.kind != "soil.run" or sight.hidden(request, job):
        raise not_found(f"没有土壤计算 {run_id}", f"There is no soil run {run_id}")
    return job


@router.get("/soil/runs/{run_id}", summary="A run: state, totals, method")
@allow("viewer")
def one_run(request: Request, run_id: RunId) -> Response:
    job = _run(request, run_id)
    content = {
        "id": job.id,
        "state": job.state,
        "progress": job.progress,
        "problem": job.problem,
        "question": job.args,
        **{k: v for k, v in (job.result or {}).items() if k not in ("areas", "inputs")},
    }
    return answer(request, content)


@router.get("/soil/runs/{run_id}/areas", summary="Areas of the grades by zone or group")
@allow("viewer")
@produces(JSON, CSV)
def areas(
    request: Request,
    run_id: RunId,
    by: Annotated[str, Query(max_length=40, description="zone, or a field of the layer.")] = "zone",
    f: Annotated[Literal["json", "csv"] | None, Query()] = None,
) -> Response:
    """Rows close: area = grades + masked + outside."""
    state: State = request.app.state.liangtian
    job = _run(request, run_id)
    if job.state != "done" or job.result is None:
        raise Problem(
            "E_STATE",
            f"计算尚未完成({job.state})",
            f"The run is {job.state}",
            extra={"state": job.state},
        )
    path = blobs.path_of(state.settings.blob_folder, job.result["areas"])
    content = orjson.loads(path.read_bytes())
    zones = np.array(content["zone_ids"], dtype=np.int64)
    groups = zones.tolist() if by == "zone" else _values(request, job.result, zones, by)
    rows = _grouped(content, groups)
    if f == "csv":
        return _csv(request, rows, content["labels"], run_id)
    answered = {
        "by": by,
        "rows": rows,
        "sum": content["sum"],
        "union": content["union"],
        "unit": "m2",
        **{
            key: job.result[key]
            for key in (
                "overlap_removed_m2", "method", "definition", "scene", "index", "grading",
                "layer", "revision", "as_of",
            )
        },
    }  # fmt: skip
    return answer(request, answered, params.etag("areas", run_id, by))


def _values(request: Request, result: dict[str, Any], zones: np.ndarray, by: str) -> list[Any]:
    """A field's value for each zone, at the revision that the run looked at."""
    view = sight.view(request, result["layer"], result["as_of"])
    if by not in view.layer.by_name:
        names = "、".join(view.layer.by_name)
        raise bad("by", f"没有字段 {by}", f"There is no field {by}", fix=(names, names))
    found: dict[int, Any] = {}
    for segment, rows in view.match():
        values = segment.column(by, rows).to_pylist()
        found.update(zip(segment.fid[rows].tolist(), values, strict=True))
    return [found.get(zone) for zone in zones.tolist()]


def _grouped(content: dict[str, Any], groups: list[Any]) -> list[dict[str, Any]]:
    labels = content["labels"]
    numbers = np.column_stack(
        [
            np.array(content["grade_m2"]).reshape(len(groups), len(labels)),
            content["masked_m2"],
            content["outside_m2"],
            content["zone_m2"],
        ]
    )
    place = {name: i for i, name in enumerate(dict.fromkeys(groups))}
    names = list(place)
    at = np.array([place[g] for g in groups]) if len(names) < len(groups) else None
    if at is not None:
        summed = np.zeros((len(names), numbers.shape[1]))
        np.add.at(summed, at, numbers)
        counts = np.bincount(at, minlength=len(names)).tolist()
    else:
        summed, counts = numbers, [1] * len(names)
    return [
        {
            "group": name,
            "count": count,
            "grades": dict(zip(labels, row[: len(labels)], strict=True)),
            "masked_m2": row[-3],
            "outside_m2": row[-2],
            "area_m2": row[-1],
        }
        for name, count, row in zip(names, counts, summed.tolist(), strict=True)
    ]


def _csv(request: Request, rows: list[dict[str, Any]], labels: list[str], run_id: int) -> Response:
    columns: dict[str, pa.Array] = {
        "group": pa.array([None if r["group"] is None else str(r["group"]) for r in rows])
    }
    for label in labels:
        columns[label] = pa.array([r["grades"][label] for r in rows], pa.float64())
    for name in ("masked_m2", "outside_m2", "area_m2"):
        columns[name] = pa.array([r[name] for r in rows], pa.float64())
    body = b"".join(csv_bytes(columns, list(columns), bom=True))
    headers = {
        "Content-Disposition": f'attachment; filename="soil-run-{run_id}.csv"',
        "Cache-Control": caching(request),
    }
    return Response(body, headers=headers, media_type="text/csv; charset=utf-8")
