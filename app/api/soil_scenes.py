"""Scenes: what is registered, as STAC items; registering, retiring and deleting them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import anyio
import orjson
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from app import blobs, bodies, idempotency, incoming, params, s3, scenes
from app.api.links import GEOJSON, answer, link, produces
from app.auth import User, allow
from app.jobs import queue
from app.middleware import sends_json
from app.params import bad
from app.rasters import digest
from app.state import State
from geo.record.protocol import Author
from geo.soil.indices import BANDS
from geo.soil.scaling import Sensor
from geo.soil.scene import CLASS_BANDS, Scene, identifier, inside

router = APIRouter(tags=["土壤 Soil"])

SceneId = Annotated[str, Path(max_length=120)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$")]
Href = Annotated[str, Field(min_length=1, max_length=1000)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class Stated(BaseModel):
    """What a person says about a scene; what is left out is taken from the file or the item."""

    model_config = ConfigDict(extra="forbid")

    id: Id | None = Field(None, description="Its id here; from the name when nothing is said.")
    name: str | None = Field(None, max_length=200, description="Its name for people.")
    sensor: Sensor | None = None
    scale: Number | None = Field(None, description="Reflectance = number * scale + offset.")
    offset: Number | None = None
    nodata: Number | None = Field(None, description="The number that means no data.")
    datetime: AwareDatetime | None = Field(None, description="When the image was taken.")
    offset_applied: Literal["auto", "yes", "no"] = Field(
        "auto", description="Sentinel-2: whether the provider has taken the offset off already."
    )
    baseline: str | None = Field(
        None, max_length=10, description="Sentinel-2: processing baseline, e.g. 05.09."
    )

    def registration(self) -> dict[str, Any]:
        """JSON-ready fields of `geo.soil.raster.Registration`."""
        kept = self.model_dump(mode="json", exclude_none=True, exclude={"id", "name", "bands"})
        kept.pop("href", None)
        return kept | ({"title": self.name} if self.name else {})


class NewScene(Stated):
    """A file or a STAC item below the raster root, or one file a band."""

    href: Href | None = Field(
        None, description="A raster or a STAC item below the raster root, or s3://..."
    )
    bands: str | list[str | None] | dict[str, int] | dict[str, Href] | None = Field(
        None,
        description="Keys in the order of the file (B,G,R,N,...); or key -> band number; or, "
        "without href, key -> file; or, of a STAC item, key -> asset.",
    )


class Retired(BaseModel):
    """What may be changed of a scene."""

    model_config = ConfigDict(extra="forbid")

    retired: bool


@router.get("/soil/scenes", summary="Registered scenes as STAC items")
@allow("viewer")
@produces(GEOJSON)
def list_scenes(
    request: Request,
    sensor: Annotated[Sensor | None, Query()] = None,
    retired: Annotated[bool, Query(description="Retired ones instead.")] = False,
) -> Response:
    state: State = request.app.state.liangtian
    features = [
        _item(request, scene)
        for scene in scenes.every(state.record)
        if scene.retired == retired and sensor in (None, scene.sensor)
    ]
    links = [link(request, "/soil/scenes", "self", GEOJSON)]
    content = {"type": "FeatureCollection", "features": features, "links": links}
    return answer(request, content, media_type=GEOJSON)


@router.get("/soil/scenes/{scene_id}", summary="A scene as a STAC item")
@allow("viewer")
@produces(GEOJSON)
def one_scene(request: Request, scene_id: SceneId) -> Response:
    state: State = request.app.state.liangtian
    return answer(request, _item(request, scenes.get(state.record, scene_id)), media_type=GEOJSON)


def _item(request: Request, scene: Scene) -> dict[str, Any]:
    from geo.soil import stac  # noqa: PLC0415 - pystac loads with the first item

    item = stac.item(scene)
    item["links"] = [link(request, f"/soil/scenes/{scene.id}", "self", GEOJSON)]
    return item


@router.post(
    "/soil/scenes",
    summary="Register a scene",
    status_code=202,
    openapi_extra=bodies.json_body(NewScene),
)
@allow("agronomist")
async def register(
    request: Request,
    id: Annotated[str | None, Query(max_length=120, description="Of an upload: its id.")] = None,
    name: Annotated[str | None, Query(max_length=200, description="Its name.")] = None,
    sensor: Annotated[Sensor | None, Query()] = None,
    bands: Annotated[str | None, Query(max_length=200, description="B,G,R,N,... in order.")] = None,
    scale: Annotated[str | None, Query(max_length=40)] = None,
    offset: Annotated[str | None, Query(max_length=40)] = None,
    nodata: Annotated[str | None, Query(max_length=40)] = None,
    datetime: Annotated[str | None, Query(max_length=40, description="With time zone.")] = None,
    offset_applied: Annotated[Literal["auto", "yes", "no"] | None, Query()] = None,
    baseline: Annotated[str | None, Query(max_length=10)] = None,
) -> Response:
    """JSON names a file or a STAC item below the raster root (or the configured s3:// root), or one
    file a band. Any other body is the raster itself, told about by the parameters. Checked and
    made a Cloud-Optimised GeoTIFF in a job; the scene is there when the job is done."""
    if sends_json(request.scope):
        asked = await bodies.read_json(request, NewScene)
        return await anyio.to_thread.run_sync(_by_reference, request, asked)
    told: dict[str, Any] = {
        "id": id, "name": name, "sensor": sensor, "scale": scale, "offset": offset,
        "nodata": nodata, "datetime": datetime, "offset_applied": offset_applied,
        "baseline": baseline, "bands": bands,
    }  # fmt: skip
    if datetime:
        told["datetime"] = params.instant(datetime, "datetime", "E_DATETIME", end=False)
    kept = {key: value for key, value in told.items() if value not in (None, "")}
    asked = bodies.checked(kept, NewScene)
    _complete(asked)
    keys = _keys(asked)
    state: State = request.app.state.liangtian
    received, file_name = await incoming.receive(request, state.settings.blobs, name)
    asked.name = asked.name or file_name
    scene_id = asked.id or _named(asked.name) or f"scene-{received.blob.sha256[:12]}"
    args = {
        "id": scene_id, "title": asked.name, "blob": received.blob.sha256, "bands": keys,
        "stated": asked.registration(),
    }  # fmt: skip

    def effect(connection: Connection) -> idempotency.Answer:
        scenes.refuse_taken(connection, scene_id)
        received.publish()
        blobs.note(connection, received.blob, "image/tiff")
        return _queued(connection, request, args)

    return await incoming.once(request, received, effect)


def _by_reference(request: Request, asked: NewScene) -> Response:
    state: State = request.app.state.liangtian
    item = bool(asked.href) and str(asked.href).lower().endswith((".json", ".geojson"))
    keys = _keys(asked)
    by_name = isinstance(keys, dict) and all(isinstance(v, str) for v in keys.values())
    if not asked.href and not by_name:
        raise bad(
            "href", "请给出 href，或在 bands 中给出各波段的文件",
            "Give href, or the file of each band in bands", "E_BODY",
        )  # fmt: skip
    if asked.href and keys and by_name != item and (item or isinstance(keys, dict)):
        raise bad(
            "bands", "STAC 条目的 bands 是资产名，文件的 bands 是波段序号或顺序",
            "bands of a STAC item are names of assets; of a file they are numbers or an order",
            "E_BODY",
        )  # fmt: skip
    hrefs = [asked.href] if asked.href else list(keys.values())  # type: ignore[union-attr]
    for href in hrefs:
        if str(href).startswith(s3.SCHEME):
            s3.inside(state.settings.raster_s3, str(href))
        else:
            inside(state.settings.raster_folder, str(href))
    if not item:
        _complete(asked)
    stem = str(asked.href or hrefs[0]).rpartition("/")[2].rpartition(".")[0]
    title = asked.name or (stem if asked.href else "")
    scene_id = asked.id or _named(title) or f"scene-{digest(*hrefs)}"
    args = {
        "id": scene_id, "title": title or scene_id, "href": asked.href, "bands": keys,
        "stated": {"title": title} | asked.registration() if title else asked.registration(),
    }  # fmt: skip

    def effect(connection: Connection) -> idempotency.Answer:
        scenes.refuse_taken(connection, scene_id)
        return _queued(connection, request, args)

    done = idempotency.once(request, queue.dump(args), effect)
    state.wake_worker.set()
    return done


def _queued(connection: Connection, request: Request, args: dict[str, Any]) -> idempotency.Answer:
    user: User = request.state.user
    job = queue.put(connection, "soil.scene", args, user.name)
    body = orjson.dumps({"id": args["id"], "job": job})
    return idempotency.Answer(202, body, {"Location": f"/soil/scenes/{args['id']}"})


def _complete(asked: NewScene) -> None:
    """Sensor and time of a file are stated; only an item knows them itself."""
    for name, zh, en in (
        ("sensor", "传感器：sentinel-2-l2a、landsat-c2-l2 或 custom", "the sensor"),
        ("datetime", "成像时间（带时区）", "when the image was taken, with its time zone"),
    ):
        if getattr(asked, name) is None:
            raise bad(name, f"请给出 {zh}", f"State {en}", "E_BODY")


def _keys(asked: NewScene) -> list[str | None] | dict[str, Any] | None:
    """Band keys as the job takes them. Raises `Problem` E_RASTER_BANDS."""
    bands: list[str | None] | dict[str, Any] | None
    if isinstance(asked.bands, str):
        bands = [key.strip() or None for key in asked.bands.split(",")]
    else:
        bands = asked.bands
    known = {*BANDS, *CLASS_BANDS}
    wrong = [key for key in bands or () if key is not None and key not in known]
    if wrong or (bands is not None and not any(bands)):
        listed = ", ".join([*BANDS, *CLASS_BANDS])
        raise bad(
            "bands", f"没有波段名 {'、'.join(map(str, wrong))}；可用：{listed}",
            f"There is no band {', '.join(map(str, wrong))}; there are: {listed}",
            "E_RASTER_BANDS",
        )  # fmt: skip
    return bands


def _named(title: str) -> str:
    return identifier(title.rpartition(".")[0] or title)


@router.patch(
    "/soil/scenes/{scene_id}",
    summary="Retire a scene, or bring it back",
    openapi_extra=bodies.json_body(Retired),
)
@allow("manager")
@produces(GEOJSON)
async def change(request: Request, scene_id: SceneId) -> Response:
    """A retired scene stays for the runs that used it and takes no part in new ones."""
    asked = await bodies.read_json(request, Retired)

    def work() -> Response:
        state: State = request.app.state.liangtian
        author = _author(request)
        scene = scenes.retire(state.record, scene_id, asked.retired, author)
        return answer(request, _item(request, scene), media_type=GEOJSON)

    return await anyio.to_thread.run_sync(work)


@router.delete(
    "/soil/scenes/{scene_id}", summary="Delete a scene that no run used", status_code=204
)
@allow("manager")
def delete(request: Request, scene_id: SceneId) -> Response:
    """Refused with E_SCENE_USED while a run refers to it: retire it instead."""
    state: State = request.app.state.liangtian
    scenes.delete(state.record, state.settings, scene_id, _author(request))
    return Response(status_code=204)


def _author(request: Request) -> Author:
    user: User = request.state.user
    return Author(user.name, f"{request.method} {request.url.path}")
