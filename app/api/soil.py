"""Soil: indices, masks and gradings."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from app.api.links import answer
from app.auth import allow
from app.state import State
from geo.soil import indices, mask
from geo.soil.grading import Gradings

router = APIRouter(tags=["土壤 Soil"])


def gradings_of(request: Request) -> Gradings:
    state: State = request.app.state.liangtian
    return Gradings.load(*state.settings.definitions)


@router.get("/soil/indices", summary="Soil and vegetation indices with their formulas")
@allow("viewer")
def list_indices(request: Request) -> Response:
    content = [index.describe() for index in indices.registry().values()]
    return answer(request, {"indices": content})


@router.get("/soil/masks", summary="Masks with the bands they need and their parameter")
@allow("viewer")
def list_masks(request: Request) -> Response:
    return answer(request, {"masks": [kind.describe() for kind in mask.KINDS.values()]})


@router.get("/soil/gradings", summary="Grading schemes with their sources")
@allow("viewer")
def list_gradings(request: Request) -> Response:
    schemes = [g.model_dump(mode="json") for g in gradings_of(request).schemes.values()]
    return answer(request, {"gradings": schemes})
