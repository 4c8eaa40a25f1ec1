"""Composites of scenes: medians of clear observations, registered as scenes of their own."""

from __future__ import annotations

from typing import Annotated, Any

import anyio
import orjson
from fastapi import APIRouter, Request, Response
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from app import bodies, idempotency, scenes
from app.api.soil_scenes import Id
from app.auth import User, allow
from app.jobs import queue
from app.params import bad
from app.rasters import digest
from app.state import State
from geo.soil import composite
from geo.soil.scaling import Sensor
from geo.soil.scene import Scene, identifier

router = APIRouter(tags=["土壤 Soil"])

Window = Annotated[tuple[str, str], AfterValidator(composite.check_window)]


class NewComposite(BaseModel):
    """Which scenes, by id or by time and sensor, and what counts as a clear observation."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    id: Id | None = None
    name: str | None = Field(None, max_length=200)
    scenes: list[Id] | None = Field(None, min_length=1, max_length=composite.MOST_SCENES)
    since: AwareDatetime | None = Field(None, alias="from")
    until: AwareDatetime | None = Field(None, alias="to")
    sensor: Sensor | None = None
    window: Window | None = Field(
        None, description="First and last day of each year that count, e.g. 04-10 and 05-25."
    )
    bands: list[str] | None = Field(None, max_length=10, description="All that every scene has.")
    masks: list[str] | None = Field(
        None, max_length=8, description="Of /soil/masks; the scenes' own classes when left out."
    )
    persistence: int = Field(
        0, ge=0, le=composite.MOST_SCENES,
        description="Dates on which a pixel must be as bright to count as soil although it is "
        "classed as cloud or snow (3 is usual); 0: never.",
    )  # fmt: skip


@router.post(
    "/soil/composites",
    summary="Compose scenes: the median of clear observations",
    status_code=202,
    openapi_extra=bodies.json_body(NewComposite),
)
@allow("agronomist")
async def start(request: Request) -> Response:
    """A job makes a new scene with the bands that all have and N_OBS, the number of clear
    observations of each pixel. Scenes of another sensor or grid are refused."""
    asked = await bodies.read_json(request, NewComposite)
    return await anyio.to_thread.run_sync(_start, request, asked)


def _start(request: Request, asked: NewComposite) -> Response:
    state: State = request.app.state.liangtian
    content = asked.model_dump_json()
    before = idempotency.earlier(request, content)
    if before is not None:
        return before
    plan = composite.plan(
        _scenes(state, asked),
        bands=asked.bands,
        masks=asked.masks,
        persistence=asked.persistence,
        window=asked.window,
    )
    names = [scene.id for scene in plan.scenes]
    name = (
        asked.name
        or f"composite {plan.scenes[0].datetime:%Y%m%d}-{plan.scenes[-1].datetime:%Y%m%d}"
    )
    scene_id = asked.id or f"{identifier(name) or 'composite'}-{digest(content)[:6]}"
    args: dict[str, Any] = {
        "id": scene_id, "title": name, "scenes": names, "bands": list(plan.bands),
        "masks": list(plan.masks), "persistence": plan.persistence, "window": plan.window,
    }  # fmt: skip

    def effect(connection: Connection) -> idempotency.Answer:
        scenes.refuse_taken(connection, scene_id)
        user: User = request.state.user
        job = queue.put(connection, "soil.composite", args, user.name)
        body = orjson.dumps({"id": scene_id, "job": job, "scenes": names})
        return idempotency.Answer(202, body, {"Location": f"/soil/scenes/{scene_id}"})

    done = idempotency.once(request, content, effect)
    state.wake_worker.set()
    return done


def _scenes(state: State, asked: NewComposite) -> list[Scene]:
    by_time = asked.since is not None or asked.until is not None or asked.sensor is not None
    if by_time == (asked.scenes is not None):
        raise bad(
            "scenes", "请给出 scenes，或用 from、to、sensor 选取，二者取一",
            "Give scenes, or choose by from, to and sensor, not both", "E_BODY",
        )  # fmt: skip
    if asked.scenes is not None:
        return [scenes.usable(state.record, name) for name in dict.fromkeys(asked.scenes)]
    return [
        scene
        for scene in scenes.every(state.record)
        if not scene.retired
        and scene.composed is None
        and asked.sensor in (None, scene.sensor)
        and (asked.since is None or scene.datetime >= asked.since)
        and (asked.until is None or scene.datetime <= asked.until)
    ]
