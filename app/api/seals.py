"""Sealed figures: a published total that anybody can have recomputed to the last digit."""

from __future__ import annotations

from typing import Annotated, Any

import anyio
import orjson
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field
from sqlalchemy import Connection

from app import bodies, idempotency, params, seals
from app.api.links import answer, link
from app.asking import Ask
from app.auth import User, allow
from app.state import State
from geo.record.protocol import Author, Event
from geo.totals.seal import Difference, Verdict, seal, verify
from geo.totals.views import At

router = APIRouter(tags=["封存 Seals"])

SealId = Annotated[int, Path(ge=1, le=2**53)]


class Sealing(Ask):
    """A total to seal, and what it is called."""

    title: str = Field(min_length=1, max_length=200, description="What the figure is.")


@router.post(
    "/seals", summary="Seal a total", status_code=201, openapi_extra=bodies.json_body(Sealing)
)
@allow("manager", whole=True)
async def create(request: Request) -> Response:
    """Freeze a total: question, revision, hash of every input, and the answer in whole units."""
    asked = await bodies.read_json(request, Sealing)
    return await anyio.to_thread.run_sync(_create, request, asked)


def _create(request: Request, asked: Sealing) -> Response:
    state: State = request.app.state.liangtian
    user: User = request.state.user
    desk = state.totals
    question = asked.question(desk.definitions, state.catalog.layers)
    moment = params.read_as_of(asked.as_of)
    revision = state.snapshots.revision_of(moment)
    made = seal(desk.total(question, revision), At(state.snapshots, revision), state.catalog.layers)
    author = Author(user.name, asked.title)

    def effect(connection: Connection) -> idempotency.Answer:
        number, detail = seals.store(state, made, asked.title, author, connection)
        body = orjson.dumps({"id": number, **detail})
        return idempotency.Answer(201, body, {"Location": f"/seals/{number}"})

    done = idempotency.once(request, asked.model_dump_json(), effect)
    state.watch.anchor()
    return done


@router.get("/seals", summary="Sealed figures, newest first")
@allow("viewer", whole=True)
def listed(request: Request, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Response:
    state: State = request.app.state.liangtian
    found = [_brief(request, event) for event in seals.listed(state, limit)]
    return answer(request, {"seals": found})


@router.get("/seals/{seal_id}", summary="A sealed figure with its question and its inputs")
@allow("viewer", whole=True)
def one(request: Request, seal_id: SealId) -> Response:
    state: State = request.app.state.liangtian
    event = seals.find(state, seal_id)
    document, _ = seals.load(state, event)
    return answer(request, {**_brief(request, event), "document": document})


@router.get("/seals/{seal_id}/verify", summary="Recompute a sealed figure")
@allow("viewer", whole=True)
def check(request: Request, seal_id: SealId) -> Response:
    """`ok` when inputs and every digit are the sealed ones; else what differs, by feature."""
    state: State = request.app.state.liangtian
    event = seals.find(state, seal_id)
    document, inputs = seals.load(state, event)
    then = At(state.snapshots, document["revision"])
    found = verify(
        document, inputs, then, At(state.snapshots), state.catalog.layers, state.totals.overlaps
    )
    return answer(request, {**_brief(request, event), **_verdict(document, found)})


def _brief(request: Request, event: Event) -> dict[str, Any]:
    path = f"/seals/{event.seq}"
    return {
        "id": event.seq,
        "time": event.time,
        "by": event.author.name,
        **event.detail,
        "links": [
            link(request, path, "self", "application/json"),
            link(request, f"{path}/verify", "verify", "application/json"),
        ],
    }


def _verdict(document: dict[str, Any], found: Verdict) -> dict[str, Any]:
    return {
        "ok": found.ok,
        "same_result": found.same_result,
        "sealed": document["result"],
        "recomputed": found.result,
        "changed_inputs": [_difference(each) for each in found.inputs],
        "changed_since": [_difference(each) for each in found.since],
        "other_libraries": {
            name: {"sealed": old, "now": new} for name, (old, new) in found.libraries.items()
        },
    }


def _difference(each: Difference) -> dict[str, Any]:
    return {
        "layer": each.layer,
        "count": each.count,
        "changed": each.changed,
        "missing": each.missing,
        "added": each.extra,
    }
