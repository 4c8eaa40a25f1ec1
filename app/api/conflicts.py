"""Edits that met a newer version: listed, compared, decided."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import anyio
import orjson
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from app import bodies
from app.api.links import answer
from app.auth import User, allow, require
from app.editing import conflicts
from app.editing.conflicts import Conflict
from app.editing.features import Stored, seen_version
from app.editing.write import Edits
from app.problems import Problem
from app.state import State
from geo.record.tables import CONFLICT_STATES

router = APIRouter(tags=["编辑 Edits"])

Number = Annotated[int, Path(ge=1, le=2**53)]


class Decision(BaseModel):
    """``merge``: what only one side changed is taken from it, and ``choose`` says, for every
    clash, whose value holds."""

    model_config = ConfigDict(extra="forbid")

    take: Literal["mine", "theirs", "merge"]
    choose: dict[str, Literal["mine", "theirs"]] = {}


@router.get("/conflicts", summary="Edits that wait for a decision")
@allow("field")
def every(
    request: Request,
    layer: Annotated[str | None, Query(max_length=40)] = None,
    state: Annotated[Literal[CONFLICT_STATES] | None, Query()] = "open",  # type: ignore[valid-type]
) -> Response:
    """All for managers; one's own for others."""
    service: State = request.app.state.liangtian
    user: User = request.state.user
    listed = conflicts.every(service, user, layer, state)
    return answer(request, {"conflicts": listed})


@router.get("/conflicts/{number}", summary="A conflict, compared three ways")
@allow("field")
def one(request: Request, number: Number) -> Response:
    """What the edit was made on, what it would store, what is stored; and what both changed."""
    service: State = request.app.state.liangtian
    found = conflicts.get(service, request.state.user, number)
    return answer(request, found.describe())


@router.post(
    "/conflicts/{number}/resolve",
    summary="Decide a conflict",
    openapi_extra=bodies.json_body(Decision),
)
@allow("field")
async def resolve(request: Request, number: Number) -> Response:
    """Takes one side or both; of a feature that is there it needs If-Match."""
    asked = await bodies.read_json(request, Decision)
    return await anyio.to_thread.run_sync(_resolve, request, number, asked)


def _resolve(request: Request, number: int, asked: Decision) -> Response:
    service: State = request.app.state.liangtian
    user: User = request.state.user
    found = conflicts.get(service, user, number)
    if found.row.state != "open":
        raise _decided(found.row.state)
    layer = service.catalog.layers[found.row.layer]
    require(user, layer.commit_role)
    edits = Edits(service, layer, user, f"conflict {number}: {asked.take}")
    change = None if asked.take == "theirs" else _change(request, edits, found, asked)
    outcome = "merged" if asked.take == "merge" else asked.take
    with service.record.write() as connection:
        revision = edits.commit(change, connection).commit.revision if change else None
        if not conflicts.close(connection, number, outcome, user, revision):
            raise _decided("closed")
        service.record.event(
            "conflict.resolve", edits.author, {"id": number, "take": outcome},
            connection=connection,
        )  # fmt: skip
    told = conflicts.get(service, user, number).describe()
    return Response(orjson.dumps(told, default=str), media_type="application/json")


def _change(request: Request, edits: Edits, found: Conflict, asked: Decision) -> Any:
    mine, theirs = found.mine, found.theirs
    if theirs is None:
        if mine is None:
            return None  # both deleted it
        return edits.bring_back(mine)
    seen = seen_version(request.headers.get("if-match"), edits.layer, theirs.fid) or -1
    if seen != theirs.version:
        raise Problem(
            "E_VERSION_CONFLICT",
            "此要素又被修改；请重新查看冲突",
            "The feature was changed again; look at the conflict once more",
            where=f"{edits.layer.id}/{theirs.fid}",
        )
    if mine is None:
        return edits.delete(theirs.fid, theirs.version)
    if asked.take == "mine":
        wanted = Stored(theirs.fid, theirs.version, mine.properties, mine.shape)
    else:
        wanted = _chosen(found, mine, asked)
    return edits.update(wanted, moved=wanted.shape is not None)


def _chosen(found: Conflict, mine: Stored, asked: Decision) -> Stored:
    open_ = [name for name in found.clashes if name not in asked.choose]
    if open_:
        raise Problem(
            "E_CLASH",
            f"双方都修改了：{'、'.join(open_)}；请逐项选择",
            f"Both sides changed {', '.join(open_)}; choose one for each",
            where="choose",
            fix=('在 choose 中写明，例如 {"stage": "mine"}', 'Say so, e.g. {"stage": "mine"}'),
            extra={"clashes": open_},
        )
    base = found.merged()
    taken = {name for name in found.clashes if asked.choose[name] == "mine"}
    properties = {
        name: mine.properties.get(name) if name in taken else value
        for name, value in base.properties.items()
    }
    shape = mine.shape if "geometry" in taken else base.shape
    return Stored(base.fid, base.version, properties, shape)


def _decided(state: str) -> Problem:
    return Problem(
        "E_STATE", f"此冲突已处理（{state}）", f"The conflict has been decided ({state})",
        extra={"state": state},
    )  # fmt: skip
