"""Soil runs: starting them, and what became of them."""

from __future__ import annotations

from typing import Annotated, Any

import anyio
import numpy as np
import orjson
import pyarrow as pa
import shapely
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from app import blobs, bodies, idempotency, params, scenes, sight
from app.api.links import answer
from app.api.soil import gradings_of
from app.auth import User, allow
from app.jobs import calibration, queue
from app.jobs.found import FORMAT
from app.jobs.soil import SPLITS, check_count, write_zones
from app.params import bad
from app.problems import Problem
from app.soil import job_of
from app.state import State
from geo.snapshot import cql
from geo.soil import mask, season
from geo.soil.measure import measure_of
from geo.soil.results import Results
from geo.soil.scene import Scene
from geo.soil.tabled import area_rows

router = APIRouter(tags=["土壤 Soil"])

RunId = Annotated[int, Path(ge=1, le=2**53)]


class Cuts(BaseModel):
    """A grading of one's own: limits (a value at a limit belongs to the higher grade)."""

    model_config = ConfigDict(extra="forbid")

    cuts: list[float] = Field(max_length=31)
    labels: list[str] = Field(max_length=32)


class Zones(BaseModel):
    """Features of a layer, chosen by a CQL2 filter; or polygons drawn for this question."""

    model_config = ConfigDict(extra="forbid")

    layer: str | None = Field(None, max_length=40)
    filter: str | None = Field(None, max_length=2000)
    as_of: int | str | None = Field(None, description="A revision or a date-time.")
    geometries: dict[str, Any] | None = Field(
        None, description="A GeoJSON FeatureCollection of polygons, lon/lat."
    )


class Run(BaseModel):
    """What to compute: of one scene, or the change between two."""

    model_config = ConfigDict(extra="forbid")

    scene: str | None = Field(None, max_length=120)
    before: str | None = Field(None, max_length=120)
    after: str | None = Field(None, max_length=120)
    index: str | None = Field(None, max_length=40, description="Formula id of /soil/indices.")
    model: int | None = Field(None, ge=1, le=2**53, description="Id of a calibration.")
    grading: str | Cuts
    zones: Zones
    masks: list[str] | None = Field(
        None,
        max_length=8,
        description="Of /soil/masks: rules of what is not bare soil, `name` or `name:parameter`. "
        "Cloud, shadow, water and plants, as far as the bands tell, when nothing is said.",
    )
    splits: list[str] | None = Field(
        None, max_length=4, description="Polygon layers at whose edges zones are cut."
    )
    across_seasons: bool = Field(
        False, description="Compare scenes of different seasons all the same; the answer warns."
    )


@router.post(
    "/soil/runs",
    summary="Compute areas of salinity grades, or their change between two scenes",
    status_code=202,
    openapi_extra=bodies.json_body(Run),
)
@allow("agronomist")
async def start(request: Request) -> Response:
    """Checked at once as far as possible; the work is a job."""
    asked = await bodies.read_json(request, Run)
    return await anyio.to_thread.run_sync(_start, request, asked)


def _start(request: Request, asked: Run) -> Response:
    from geo.soil.blocks import Plan, shift  # noqa: PLC0415 - loads GDAL

    state: State = request.app.state.liangtian
    question = queue.dump(asked.model_dump(exclude_none=True))
    before = idempotency.earlier(request, question)
    if before is not None:
        return before
    chosen = _scenes(state, asked)
    short: dict[str, Any] = {} if asked.index is None else {"index": asked.index}
    if asked.model is not None:
        short["model"] = asked.model
    spec = calibration.spec_of(state, short)
    given = asked.grading if isinstance(asked.grading, str) else asked.grading.model_dump()
    grading = gradings_of(request).resolve(given)
    masks = asked.masks
    if masks is None:
        masks = list(mask.bare_soil(*(scene.bands for scene in chosen)))
    plan = Plan(state.settings.raster_folder, chosen, spec, grading, tuple(masks))
    plan.classifiers()
    for scene in chosen[:-1]:
        shift(scene.grid, plan.grid)
    args: dict[str, Any] = {
        "scenes": [scene.id for scene in chosen],
        "spec": short,
        "grading": given,
        "masks": masks,
        "warnings": _warnings(chosen, asked.across_seasons),
        "splits": _splits(request, asked),
    }
    drawn = _drawn(state, asked.zones)
    args["zones"] = _chosen(request, asked.zones) if drawn is None else {"geometries": drawn.sha256}
    user: User = request.state.user

    def effect(connection: Connection) -> idempotency.Answer:
        if drawn is not None:
            blobs.note(connection, drawn, "application/vnd.apache.arrow.file")
        job = queue.put(connection, "soil.run", args, user.name, user.counties)
        body = orjson.dumps({"id": job, "job": job})
        return idempotency.Answer(202, body, {"Location": f"/soil/runs/{job}"})

    done = idempotency.once(request, question, effect)
    state.wake_worker.set()
    return done


def _scenes(state: State, asked: Run) -> tuple[Scene, ...]:
    pair = (asked.before, asked.after)
    if (asked.scene is None) == (pair == (None, None)) or (pair.count(None) == 1):
        raise bad(
            "scene",
            "须给出 scene，或者 before 和 after",
            "Give scene, or before and after",
            "E_BODY",
        )
    if asked.scene is not None:
        return (scenes.usable(state.record, asked.scene),)
    first, second = (scenes.usable(state.record, str(name)) for name in pair)
    if first.datetime >= second.datetime:
        raise bad(
            "before",
            f"before（{first.datetime:%Y-%m-%d}）须早于 after（{second.datetime:%Y-%m-%d}）",
            f"before ({first.datetime:%Y-%m-%d}) must be earlier than after "
            f"({second.datetime:%Y-%m-%d})",
            "E_SCENE_ORDER",
        )
    return first, second


def _warnings(chosen: tuple[Scene, ...], allowed: bool) -> list[dict[str, str]]:
    """What to say of the dates. Raises `Problem` E_SEASON."""
    if len(chosen) == 1:
        return []
    first, second = chosen
    warning = season.compared(first.datetime, second.datetime)
    if warning is None:
        return []
    other = season.window_of(first.datetime)[0] != season.window_of(second.datetime)[0]
    if other and not allowed:
        raise Problem(
            "E_SEASON",
            warning.zh,
            warning.en,
            where="before",
            fix=(
                "请选用同一时期的影像；确需比较时设 across_seasons=true",
                "Choose scenes of one window; to compare all the same set across_seasons=true",
            ),
        )
    return [{"code": "W_SEASON", **warning.model_dump()}]


def _splits(request: Request, asked: Run) -> list[str]:
    if asked.splits is None:
        layers = request.app.state.liangtian.catalog.layers
        return [name for name in SPLITS if name in layers and name != asked.zones.layer]
    for name in asked.splits:
        if params.find_layer(request, name).geometry != "MultiPolygon":
            raise bad(
                "splits", "只能按面图层切分", "Zones are cut by layers of polygons", "E_ZONE_TYPE"
            )
    return list(dict.fromkeys(asked.splits))


def _chosen(request: Request, zones: Zones) -> dict[str, Any]:
    layer = params.find_layer(request, str(zones.layer))
    if layer.geometry != "MultiPolygon":
        raise bad("zones.layer", "统计单元必须是面图层", "Zones must be polygons", "E_ZONE_TYPE")
    if zones.filter:
        cql.parse(zones.filter, "cql2-text", layer)
    as_of = params.read_as_of(None if zones.as_of is None else str(zones.as_of))
    kept: dict[str, Any] = {"layer": layer.id}
    if zones.filter:
        kept["filter"] = zones.filter
    view = sight.view(request, layer.id, as_of)
    if as_of is not None:
        kept["as_of"] = view.revision
    return kept


def _drawn(state: State, zones: Zones) -> blobs.Blob | None:
    """Zones given as GeoJSON, kept as a file; None when a layer is named."""
    if (zones.layer is None) == (zones.geometries is None):
        raise bad(
            "zones", "须给出 layer 或 geometries 之一", "Give layer or geometries, one of them",
            "E_BODY",
        )  # fmt: skip
    if zones.geometries is None:
        return None
    if zones.filter is not None or zones.as_of is not None:
        raise bad(
            "zones", "filter 与 as_of 只用于图层", "filter and as_of go with a layer", "E_BODY"
        )
    features = zones.geometries.get("features")
    if not isinstance(features, list) or not all(isinstance(each, dict) for each in features):
        raise bad(
            "zones.geometries", "不是 FeatureCollection", "It is no FeatureCollection", "E_BODY"
        )
    check_count(len(features))
    shapes = np.empty(len(features), dtype=object)
    for number, feature in enumerate(features):
        shapes[number] = _polygon(feature.get("geometry"), number)
    ids = [_identity(feature, number) for number, feature in enumerate(features)]
    texts = [orjson.dumps(feature.get("properties") or {}).decode() for feature in features]
    path = state.settings.blobs.incoming()
    with blobs.disk_errors("zones"):
        write_zones(path, ids, shapes, {"properties": pa.array(texts, pa.large_string())})
    return state.settings.blobs.keep(path)


def _polygon(geometry: Any, number: int) -> Any:
    where = f"zones.geometries.features.{number}"
    try:
        shape = shapely.from_geojson(orjson.dumps(geometry))
    except (shapely.GEOSException, TypeError):
        shape = None
    if shape is None or shapely.get_type_id(shape) not in (3, 6):
        raise bad(where, "须为多边形", "It must be a polygon", "E_ZONE_TYPE")
    west, south, east, north = shapely.bounds(shape)
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise bad(
            where, "坐标须为经纬度", "Coordinates must be longitude and latitude", "E_ZONE_TYPE"
        )
    return shapely.force_2d(shape)


def _identity(feature: dict[str, Any], number: int) -> str:
    found = feature.get("id")
    return str(number + 1) if found is None else str(found)[:80]


@router.get("/soil/runs", summary="Runs, newest first")
@allow("viewer")
def every(request: Request, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> Response:
    user: User = request.state.user
    found = queue.Queue(request.app.state.liangtian.record).latest(
        user.name if user.limited else None, limit, kind="soil.run"
    )
    runs = [
        {
            "id": job.id,
            "state": job.state,
            "created_at": job.created_at,
            "person": job.person,
            "question": job.args,
            "problem": job.problem,
        }
        for job in found
    ]
    return answer(request, {"runs": runs})


@router.get("/soil/runs/{run_id}", summary="A run: state, totals, method")
@allow("viewer")
def one_run(request: Request, run_id: RunId) -> Response:
    state: State = request.app.state.liangtian
    job = job_of(request, run_id)
    result = job.result or {}
    content = {
        "id": job.id,
        "state": job.state,
        "progress": job.progress,
        "problem": job.problem,
        "question": job.args,
        **{k: v for k, v in result.items() if k not in ("areas", "inputs", "members", "format")},
    }
    if job.state == "done" and result.get("format") == FORMAT:
        results = Results(state.settings.blobs.path(result["areas"]))
        content["measure"] |= {"formula": measure_of(result["inputs"]["spec"]).formula}
        for name in ("sum", "union"):
            [row] = area_rows([name], results.total(name), result["labels"], result["reasons"])
            content[name] = row
    return answer(request, content)
