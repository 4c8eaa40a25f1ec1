"""Calibrations: models of soil properties from scenes and samples, with their honest errors."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import anyio
import numpy as np
import orjson
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from app import bodies, idempotency, params, scenes, sight
from app.api.links import GEOJSON, JSON, answer, produces
from app.auth import User, allow
from app.jobs import calibration, queue
from app.params import bad
from app.state import State
from geo.snapshot import cql
from geo.soil import mask, metrics
from geo.soil import target as targets
from geo.soil.model import Kind, bands_of

router = APIRouter(tags=["土壤 Soil"])
CalibrationId = Annotated[int, Path(ge=1, le=2**53)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Samples(_Body):
    """Samples of the layer, chosen by a CQL2 filter."""

    filter: str | None = Field(None, max_length=2000)
    as_of: int | None = Field(None, ge=0, le=2**62)


class Depth(_Body):
    top_cm: float = Field(0, ge=0, le=300)
    bottom_cm: float = Field(20, gt=0, le=300)


class Folds(_Body):
    """What is left out together: blocks of land of so many kilometres, or plots."""

    method: Literal["blocks", "field"] = "blocks"
    size_km: float = Field(5, gt=0, le=200, description="Side of a block.")


class Calibrate(_Body):
    """What to calibrate, with which features of which scenes."""

    target: str = Field(max_length=40, description="ph, ec_1_5, ece, salt_g_kg, esp_percent, sar.")
    features: list[Annotated[str, Field(max_length=40)]] = Field(
        min_length=1, max_length=20, description="Ids of indices, or keys of bands."
    )
    model: Kind = "linear"
    scenes: list[Annotated[str, Field(max_length=120)]] | None = Field(
        None, min_length=1, max_length=50, description="Default: all scenes within `dates`."
    )
    dates: str | None = Field(None, max_length=80, description="Scenes of a time: start/end.")
    days: int = Field(60, ge=0, le=400, description="Most days between sample and scene.")
    samples: Samples = Samples()
    depth: Depth = Depth()
    cv: Folds = Folds()
    log: bool = Field(False, description="Model the logarithm (EC is skewed).")
    window: Literal[1, 3, 5] = Field(1, description="Pixels a side that are averaged.")
    masks: list[Annotated[str, Field(max_length=40)]] | None = Field(
        None, max_length=8, description="Of /soil/masks; as for runs when nothing is said."
    )
    seed: int = Field(0, ge=0, le=2**31 - 1)


class Means(_Body):
    """A map's mean, and predictions and observations at the places of a random sample."""

    map_mean: Number
    predicted: list[Number] = Field(max_length=100_000)
    observed: list[Number] = Field(max_length=100_000)
    stratum: list[Annotated[int, Field(ge=0, le=499)]] | None = Field(None, max_length=100_000)
    areas: list[Annotated[float, Field(ge=0, allow_inf_nan=False)]] | None = Field(
        None, max_length=500
    )
    design: Literal["simple_random", "stratified_random", "systematic", "purposive", "unknown"] = (
        "unknown"
    )


@router.post(
    "/soil/calibrations",
    summary="Calibrate an index or bands against soil samples",
    status_code=202,
    openapi_extra=bodies.json_body(Calibrate),
)
@allow("agronomist")
async def start(request: Request) -> Response:
    """Judged on whole blocks of land that were left out; the work is a job."""
    asked = await bodies.read_json(request, Calibrate)
    return await anyio.to_thread.run_sync(_start, request, asked)


def _start(request: Request, asked: Calibrate) -> Response:
    state: State = request.app.state.liangtian
    args = asked.model_dump(exclude_none=True)
    before = idempotency.earlier(request, queue.dump(args))
    if before is not None:
        return before
    targets.get(asked.target)
    if len(set(asked.features)) < len(asked.features):
        raise bad("features", "自变量重复", "A feature is named twice")
    if asked.depth.bottom_cm <= asked.depth.top_cm:
        raise bad("depth", "下界须大于上界", "bottom_cm must be greater than top_cm")
    bands = bands_of(tuple(asked.features))
    chosen = _scenes(state, asked)
    for scene in chosen:
        missing = [band for band in bands if band not in scene.bands]
        if missing:
            raise bad(
                "scenes",
                f"影像 {scene.id} 没有波段 {'、'.join(missing)}",
                f"The scene {scene.id} has no band {', '.join(missing)}",
                "E_INDEX_BANDS",
            )
        mask.resolve(asked.masks or (), scene.bands)
    masks = asked.masks
    if masks is None:
        masks = list(mask.bare_soil(*(scene.bands for scene in chosen)))
    layer = params.find_layer(request, calibration.LAYER)
    if asked.samples.filter:
        cql.parse(asked.samples.filter, "cql2-text", layer)
    sight.view(request, layer.id, asked.samples.as_of)
    cv = {"method": asked.cv.method, "size_m": asked.cv.size_km * 1000}
    args |= {"kind": args.pop("model"), "scenes": [s.id for s in chosen], "cv": cv, "masks": masks}
    user: User = request.state.user

    def effect(connection: Connection) -> idempotency.Answer:
        job = queue.put(connection, "soil.calibration", args, user.name, user.counties)
        body = orjson.dumps({"id": job, "job": job})
        return idempotency.Answer(202, body, {"Location": f"/soil/calibrations/{job}"})

    done = idempotency.once(request, queue.dump(asked.model_dump(exclude_none=True)), effect)
    state.wake_worker.set()
    return done


def _scenes(state: State, asked: Calibrate) -> list[Any]:
    """The scenes that are named, or those of a time."""
    if asked.scenes is not None:
        return [scenes.usable(state.record, each) for each in dict.fromkeys(asked.scenes)]
    low, high = params.interval(asked.dates) if asked.dates else (None, None)
    found = [
        scene for scene in scenes.every(state.record)
        if not scene.retired and _within(scene.datetime, low, high)
    ][:50]  # fmt: skip
    if not found:
        raise bad(
            "dates",
            "这段时间没有登记的影像",
            "No scene is registered of that time",
            "E_NOT_FOUND",
            ("见 /soil/scenes", "See /soil/scenes"),
        )
    return found


def _within(when: datetime, low: datetime | None, high: datetime | None) -> bool:
    return (low is None or when >= low) and (high is None or when <= high)


@router.get("/soil/calibrations", summary="Calibrations, newest first")
@allow("viewer")
def every(request: Request, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> Response:
    user: User = request.state.user
    found = queue.Queue(request.app.state.liangtian.record).latest(
        user.name if user.limited else None, limit, kind="soil.calibration"
    )
    return answer(request, {"calibrations": [_brief(job) for job in found]})


def _brief(job: queue.Job) -> dict[str, Any]:
    result = job.result or {}
    return {
        "id": job.id,
        "state": job.state,
        "created_at": job.created_at,
        "person": job.person,
        "target": job.args["target"],
        "model": job.args["kind"],
        "features": job.args["features"],
        "scenes": job.args["scenes"],
        "cv": job.args["cv"],
        "overall": result.get("overall"),
        "formula": result.get("formula"),
        "problem": job.problem,
    }


@router.get("/soil/calibrations/{calibration_id}", summary="A calibration with its errors")
@allow("viewer")
@produces(JSON, GEOJSON)
def one(
    request: Request,
    calibration_id: CalibrationId,
    f: Annotated[
        Literal["json", "geojson"] | None,
        Query(description="geojson: the samples as points with residuals."),
    ] = None,
) -> Response:
    """Measures over all held-out samples and by fold; predicted and observed of each sample."""
    state: State = request.app.state.liangtian
    job = sight.job(request, calibration_id, "soil.calibration")
    about = targets.get(job.args["target"])
    content: dict[str, Any] = {
        **_brief(job),
        "progress": job.progress,
        "question": job.args,
        "unit": about.unit,
        "indicator": about.indicator,
        "title": about.title.model_dump(),
        "method": _METHOD,
    }
    if job.state == "done" and job.result is not None:
        found = calibration.content(state, job)
        found.pop("model")
        content |= {**found, "counts": job.result["counts"], "revision": job.result["revision"]}
        if f == "geojson":
            return answer(request, _points(found["samples"]), media_type=GEOJSON)
    elif f == "geojson":
        calibration.content(state, job)  # says that it is not done
    return answer(request, content)


_METHOD = {
    "zh": "交叉验证：整块土地（或整个地块）一起留出，从不随机分折；R² = 1 − SSE/SST，只用留出样本；"
    "bias = 观测 − 预测；RPD、RPIQ 以 RMSE 为分母",
    "en": "cross-validation leaves out whole blocks of land (or plots), never random samples; "
    "R² = 1 − SSE/SST of held-out samples only; bias is observed − predicted; RPD and RPIQ are "
    "over the RMSE",
}


def _points(samples: dict[str, list[Any]]) -> dict[str, Any]:
    names = ("code", "observed", "predicted", "residual", "fold", "scene", "days")
    rows = zip(*(samples[name] for name in ("fid", "lon", "lat", *names)), strict=True)
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "id": fid,
                "geometry": {"type": "Point", "coordinates": [lon, lat]},
                "properties": dict(zip(names, values, strict=True)),
            }
            for fid, lon, lat, *values in rows
        ],
    }


@router.post(
    "/soil/means",
    summary="Mean of a map corrected by a random sample",
    openapi_extra=bodies.json_body(Means),
)
@allow("viewer")
async def means(request: Request) -> Response:
    """Difference and regression estimators with standard errors; a random sample is needed."""
    asked = await bodies.read_json(request, Means)
    if asked.design in ("purposive", "unknown"):
        raise bad(
            "design",
            "样点不是随机抽取的（或没有说明），不能推断均值的误差",
            "The sample was not drawn at random (or nobody says so): it gives no error of the mean",
            "E_SAMPLE_DESIGN",
            (
                "用 POST /soil/sample-designs 抽取随机样点",
                "Draw random points with POST /soil/sample-designs",
            ),
        )
    stratified = asked.stratum is not None and asked.areas is not None
    if stratified != (asked.design == "stratified_random"):
        raise bad(
            "stratum",
            "分层抽样须同时给出 stratum 与 areas，其他设计不需要",
            "A stratified sample needs stratum and areas, other designs do not",
            "E_SAMPLE_DESIGN",
        )
    found: dict[str, metrics.Mean] = {}
    if stratified:
        assert asked.stratum is not None
        assert asked.areas is not None
        fits = len(asked.stratum) == len(asked.observed) == len(asked.predicted)
        if not fits or max(asked.stratum, default=0) >= len(asked.areas) or not sum(asked.areas):
            raise bad(
                "stratum",
                "层号与样本或面积不符",
                "stratum does not fit the samples or the areas",
                "E_SAMPLE_DESIGN",
            )
        found["difference"] = metrics.stratified_difference(
            asked.map_mean, asked.predicted, asked.observed, asked.stratum, asked.areas
        )
    else:
        given = (asked.map_mean, asked.predicted, asked.observed)
        found["difference"] = metrics.difference(*given)
        if len(asked.observed) > 2 and np.ptp(asked.predicted) > 0:
            found["regression"] = metrics.regression(*given)
        found["sample_only"] = metrics.sample_mean(asked.observed)
    told = {
        name: {"mean": m.mean, "se": m.se, "ci95": m.ci95, "samples": m.n}
        for name, m in found.items()
    }
    return answer(request, {"design": asked.design, "estimates": told, "method": _MEANS})


_MEANS = {
    "zh": "差值估计：地图均值 + 样本误差的平均（Särndal 等 1992）；regression 为回归（GREG）估计；"
    "区间用 t 分布",
    "en": "difference estimator: the map's mean plus the mean error of the sample (Särndal et al. "
    "1992); regression is the GREG estimator; intervals by Student's t",
}
