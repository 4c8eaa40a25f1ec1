"""Scenes: what is registered, as STAC items."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from app import scenes
from app.api.links import GEOJSON, answer, link, produces
from app.auth import allow
from app.state import State

router = APIRouter(tags=["土壤 Soil"])


@router.get("/soil/scenes", summary="Registered scenes as STAC items")
@allow("viewer")
@produces(GEOJSON)
def list_scenes(request: Request) -> Response:
    state: State = request.app.state.liangtian
    features = [_item(request, scene) for scene in scenes.every(state.record)]
    links = [link(request, "/soil/scenes", "self", GEOJSON)]
    content = {"type": "FeatureCollection", "features": features, "links": links}
    return answer(request, content, media_type=GEOJSON)


@router.get("/soil/scenes/{scene_id}", summary="A scene as a STAC item")
@allow("viewer")
@produces(GEOJSON)
def one_scene(request: Request, scene_id: Annotated[str, Path(max_length=120)]) -> Response:
    state: State = request.app.state.liangtian
    return answer(request, _item(request, scenes.get(state.record, scene_id)), media_type=GEOJSON)


def _item(request: Request, scene: Any) -> dict[str, Any]:
    item: dict[str, Any] = scene.stac_item()
    item["links"] = [link(request, f"/soil/scenes/{scene.id}", "self", GEOJSON)]
    return item
