"""Sample designs: random points by strata for field teams, as GeoJSON, KML or shapefile."""

from __future__ import annotations

import tempfile
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal

import anyio
import numpy as np
import orjson
import pyarrow as pa
import shapely
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from app import bodies, idempotency, params, sight
from app.api.links import CSV, GEOJSON, answer, attachment, link, produces
from app.auth import User, allow
from app.jobs import queue
from app.jobs.sample_design import graded_by
from app.language import language_of
from app.params import bad
from app.state import State
from geo.formats import kml, shp
from geo.formats.csv import csv_bytes
from geo.formats.source import GEOMETRY, Source
from geo.layers import Layer
from geo.snapshot import cql
from geo.soil.allocation import MOST_SAMPLES, Allocation

router = APIRouter(tags=["土壤 Soil"])
DesignId = Annotated[int, Path(ge=1, le=2**53)]
KML, ZIP = "application/vnd.google-earth.kml+xml", "application/zip"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Where(_Body):
    """Polygons of a layer, chosen by a CQL2 filter."""

    layer: str = Field(max_length=40)
    filter: str | None = Field(None, max_length=2000)
    as_of: int | None = Field(None, ge=0, le=2**62)


class Sizing(_Body):
    """``count`` points, or as many as a standard error of overall accuracy takes."""

    count: int | None = Field(None, ge=1, le=MOST_SAMPLES)
    users: list[Annotated[float, Field(ge=0, le=1)]] | None = Field(
        None, max_length=64, description="Expected user's accuracy of each stratum, in order."
    )
    overall_se: float = Field(0.01, gt=0, lt=1)
    allocation: Allocation = "proportional"
    minimum: int = Field(2, ge=0, le=1000, description="Fewest points of a stratum.")


class Design(_Body):
    """Strata are the grades of a run's map, or groups of polygons by a field."""

    run: int | None = Field(None, ge=1, le=2**53)
    zones: Where | None = None
    by: str | None = Field(None, max_length=40, description="Field of the layer that groups.")
    size: Sizing
    distance_m: float = Field(0, ge=0, le=100_000, description="Least distance between points.")
    seed: int | None = Field(None, ge=0, le=2**31 - 1)


@router.post(
    "/soil/sample-designs",
    summary="Draw stratified random sample points",
    status_code=202,
    openapi_extra=bodies.json_body(Design),
)
@allow("field")
async def start(request: Request) -> Response:
    """The same seed draws the same points; the seed is in the answer."""
    asked = await bodies.read_json(request, Design)
    return await anyio.to_thread.run_sync(_start, request, asked)


def _start(request: Request, asked: Design) -> Response:
    state: State = request.app.state.liangtian
    question = queue.dump(asked.model_dump(exclude_none=True))
    before = idempotency.earlier(request, question)
    if before is not None:
        return before
    _check(request, state, asked)
    args = asked.model_dump(exclude_none=True)
    # Whoever gives no seed gets one, so that the design can be drawn again.
    args["seed"] = (
        int(np.random.default_rng().integers(2**31)) if asked.seed is None else asked.seed
    )
    user: User = request.state.user

    def effect(connection: Connection) -> idempotency.Answer:
        job = queue.put(connection, "soil.samples", args, user.name, user.counties)
        body = orjson.dumps({"id": job, "job": job, "seed": args["seed"]})
        return idempotency.Answer(202, body, {"Location": f"/soil/sample-designs/{job}"})

    done = idempotency.once(request, question, effect)
    state.wake_worker.set()
    return done


def _check(request: Request, state: State, asked: Design) -> None:
    if (asked.run is None) == (asked.zones is None):
        raise bad(
            "run", "run 与 zones 须给出其中一个", "Give either run or zones", "E_SAMPLE_DESIGN"
        )
    if asked.size.count is None and asked.size.users is None:
        raise bad(
            "size", "须给出 count，或 users 与 overall_se",
            "Give count, or users with overall_se", "E_SAMPLE_DESIGN",
        )  # fmt: skip
    strata = None
    if asked.run is not None:
        if asked.by is not None:
            raise bad("by", "按等级分层时不能再给 by", "Strata are the grades: leave out by",
                      "E_SAMPLE_DESIGN")  # fmt: skip
        strata = len(graded_by(sight.job(request, asked.run, "soil.run", "run"))["labels"])
    if asked.zones is not None:
        layer = params.find_layer(request, asked.zones.layer)
        if layer.geometry != "MultiPolygon":
            raise bad("zones.layer", "须为面图层", "The layer must be of polygons", "E_ZONE_TYPE")
        if asked.zones.filter:
            cql.parse(asked.zones.filter, "cql2-text", layer)
        if asked.by is not None and asked.by not in layer.by_name:
            names = "、".join(layer.by_name)
            raise bad("by", f"没有字段 {asked.by}", f"There is no field {asked.by}",
                      fix=(names, names))  # fmt: skip
        sight.view(request, layer.id, asked.zones.as_of)
        strata = 1 if asked.by is None else None
    if asked.size.users is not None and strata is not None and len(asked.size.users) != strata:
        raise bad("size.users", f"须为 {strata} 层各给一个", f"There are {strata} strata",
                  "E_SAMPLE_DESIGN")  # fmt: skip


@router.get("/soil/sample-designs/{design_id}", summary="A sample design and its strata")
@allow("viewer")
def one(request: Request, design_id: DesignId) -> Response:
    job = sight.job(request, design_id, "soil.samples")
    result = {k: v for k, v in (job.result or {}).items() if k != "table"}
    content: dict[str, Any] = {
        "id": job.id,
        "state": job.state,
        "progress": job.progress,
        "problem": job.problem,
        "question": job.args,
        **result,
        "design": "stratified_random" if len(result.get("strata", ())) > 1 else "simple_random",
        "warnings": _warnings(job),
        "method": _METHOD,
    }
    if job.state == "done":
        path = f"/soil/sample-designs/{job.id}/points"
        content["links"] = [
            link(request, f"{path}?f={name}", "item", kind)
            for name, kind in (("geojson", GEOJSON), ("kml", KML), ("shp", ZIP), ("csv", CSV))
        ]
    return answer(request, content)


_METHOD = {
    "zh": "每层内不放回随机抽取，各单元入样概率相等（inclusion）；随机数由 seed 决定，可重复；"
    "编号按就近路线排列",
    "en": "random within each stratum without replacement, every unit with the same chance "
    "(inclusion); the seed repeats the draw; points are numbered along a walk to the nearest",
}


def _warnings(job: queue.Job) -> list[dict[str, str]]:
    result, told = job.result or {}, []
    if job.args["distance_m"] > 0:
        told.append(
            {
                "zh": "最小间距使入样概率只是近似值（间距远小于地块间距时可忽略）",
                "en": "a least distance makes the chances approximate",
            }
        )
    short = [row["stratum"] for row in result.get("strata", ()) if row["samples"] < row["asked"]]
    if short:
        told.append(
            {
                "zh": f"{'、'.join(short)} 在此间距下放不下所需点数",
                "en": f"{', '.join(short)}: the points asked for do not fit at this distance",
            }
        )
    return told


@router.get("/soil/sample-designs/{design_id}/points", summary="The points of a sample design")
@allow("viewer")
@produces(GEOJSON, KML, ZIP, CSV)
def points(
    request: Request,
    design_id: DesignId,
    f: Annotated[Literal["geojson", "kml", "shp", "csv"], Query()] = "geojson",
    encoding: Annotated[
        Literal["gbk", "utf-8"], Query(description="Of the shapefile's texts.")
    ] = "gbk",
) -> Response:
    """Codes, places, strata, chances of inclusion and the land that each point stands for."""
    state: State = request.app.state.liangtian
    job = sight.job(request, design_id, "soil.samples")
    path = state.settings.blobs.path(job.outcome()["table"])
    table = _table(job, path, language_of(request))
    tag = params.etag("samples", job.id, f, encoding, language_of(request))
    named = {"Content-Disposition": attachment(f"样点-{job.id}.{_SUFFIX.get(f, f)}")}
    if f == "geojson":
        return answer(request, _features(table), tag, GEOJSON)
    if f == "csv":
        columns = {name: table[name].combine_chunks() for name in table.column_names
                   if name != GEOMETRY}  # fmt: skip
        body = b"".join(csv_bytes(columns, list(columns), bom=True))
        return answer(request, body, tag, f"{CSV}; charset=utf-8", named)
    with tempfile.TemporaryDirectory(prefix="download-", dir=_work(state)) as folder:
        staged, out = FilePath(folder) / "rows.arrow", FilePath(folder) / "out"
        with pa.OSFile(str(staged), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        source = Source(
            _LAYER, {}, staged, len(table), language_of(request),
            about=((_METHOD["zh"], _METHOD["en"]),), options={"encoding": encoding},
        )  # fmt: skip
        (kml.write if f == "kml" else shp.write)(out, source)
        return answer(request, out.read_bytes(), tag, KML if f == "kml" else ZIP, named)


_SUFFIX = {"shp": "zip"}


def _work(state: State) -> FilePath:
    state.settings.work_folder.mkdir(parents=True, exist_ok=True)
    return state.settings.work_folder


def _field(
    name: str, zh: str, en: str, kind: str = "string", unit: str | None = None
) -> dict[str, Any]:
    return {"name": name, "title": {"zh": zh, "en": en}, "type": kind, "unit": unit}


#: What the writers of files need to know of the points.
_LAYER = Layer.model_validate(
    {
        "id": "sample_points",
        "title": {"zh": "抽样点", "en": "Sample points"},
        "description": {"zh": "分层随机样点", "en": "Stratified random sample points"},
        "geometry": "Point",
        "key": ["code"],
        "label": "code",
        "fields": [
            _field("code", "点号", "Code"),
            _field("stratum", "层", "Stratum"),
            _field("stratum_title", "层名", "Stratum title"),
            _field("lon", "经度", "Longitude", "number"),
            _field("lat", "纬度", "Latitude", "number"),
            _field("inclusion", "入样概率", "Inclusion", "number"),
            _field("weight_m2", "代表面积", "Land it stands for", "number", "m²"),
        ],
    }
)


def _table(job: queue.Job, path: FilePath, language: str) -> pa.Table:
    """The points with their codes (``<design>-<number>``) and what is known of their strata."""
    with pa.memory_map(str(path)) as source:
        found = pa.ipc.open_file(source).read_all()
    assert job.result is not None
    strata = job.result["strata"]
    at = found["stratum"].to_numpy()
    lon, lat = found["lon"].to_numpy(), found["lat"].to_numpy()
    width = max(3, len(str(len(found))))
    codes = [f"S{job.id}-{n:0{width}d}" for n in range(1, len(found) + 1)]

    def of_stratum(name: str, kind: pa.DataType) -> pa.Array:
        return pa.array([strata[k][name] for k in at.tolist()], kind)

    titles = [strata[k]["title"][language] for k in at.tolist()]
    return pa.table(
        {
            "fid": pa.array(np.arange(1, len(found) + 1)),
            "code": pa.array(codes, pa.string()),
            "stratum": of_stratum("stratum", pa.string()),
            "stratum_title": pa.array(titles, pa.string()),
            "lon": pa.array(lon),
            "lat": pa.array(lat),
            "inclusion": of_stratum("inclusion", pa.float64()),
            "weight_m2": of_stratum("weight_m2", pa.float64()),
            GEOMETRY: pa.array(shapely.to_wkb(shapely.points(lon, lat)), pa.large_binary()),
        }
    )


def _features(table: pa.Table) -> dict[str, Any]:
    rows = table.drop_columns([GEOMETRY]).to_pylist()
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "id": row.pop("fid"),
                "geometry": {"type": "Point", "coordinates": [row["lon"], row["lat"]]},
                "properties": row,
            }
            for row in rows
        ],
    }
