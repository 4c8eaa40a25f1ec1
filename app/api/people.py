"""People and their tokens, for administrators."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from typing import Annotated, Any, Literal

import anyio
import orjson
from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app import bodies
from app.accounts import Person
from app.api import sign_in
from app.api.links import JSON, answer
from app.api.sign_in import County, Name, NewToken, Password, TokenId
from app.auth import allow
from app.state import State
from geo.record.protocol import Author

router = APIRouter(tags=["用户 People"])

Role = Literal["viewer", "field", "agronomist", "manager", "admin"]
PathName = Annotated[str, Path(max_length=80)]
Counties = Annotated[list[County], Field(max_length=100)]


class NewPerson(BaseModel):
    """Somebody new; without a password one is made up and told once."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    role: Role
    counties: Counties = []
    password: Password | None = None


class Change(BaseModel):
    """What changes about a person. ``new_password``: a new one is made up and told once."""

    model_config = ConfigDict(extra="forbid")

    role: Role | None = None
    counties: Counties | None = Field(None, description="An empty list: all counties.")
    disabled: bool | None = None
    new_password: bool = False


@router.get("/people", summary="People")
@allow("admin", whole=True)
def people(request: Request) -> Response:
    state: State = request.app.state.liangtian
    return answer(request, {"people": [_told(each) for each in state.people.listed()]})


@router.post(
    "/people",
    summary="Add a person",
    status_code=201,
    openapi_extra=bodies.json_body(NewPerson),
)
@allow("admin", whole=True)
async def add(request: Request) -> Response:
    """A password that was made up is in this answer only."""
    asked = await bodies.read_json(request, NewPerson)
    return await anyio.to_thread.run_sync(_add, request, asked)


def _add(request: Request, asked: NewPerson) -> Response:
    state: State = request.app.state.liangtian
    password = asked.password or secrets.token_urlsafe(12)
    state.people.add(asked.name, asked.role, password, _author(request), asked.counties)
    content = _told(state.people.find(asked.name))
    if asked.password is None:
        content["password"] = password
    return _once(content, 201)


@router.get("/people/{name}", summary="A person and their tokens")
@allow("admin", whole=True)
def person(request: Request, name: PathName) -> Response:
    state: State = request.app.state.liangtian
    found = _told(state.people.find(name))
    found["tokens"] = [sign_in.told(each) for each in state.people.tokens(name)]
    return answer(request, found)


@router.patch(
    "/people/{name}",
    summary="Change role, counties or password, lock out or let in",
    openapi_extra=bodies.json_body(Change),
)
@allow("admin", whole=True)
async def change(request: Request, name: PathName) -> Response:
    """Locking out and a new password end the person's sessions. There is always one
    administrator left."""
    asked = await bodies.read_json(request, Change)
    return await anyio.to_thread.run_sync(_change, request, name, asked)


def _change(request: Request, name: str, asked: Change) -> Response:
    state: State = request.app.state.liangtian
    password = secrets.token_urlsafe(12) if asked.new_password else None
    found = state.people.change(
        name,
        _author(request),
        role=asked.role,
        counties=asked.counties,
        disabled=asked.disabled,
        password=password,
    )
    content = _told(found)
    if password is not None:
        content["password"] = password
    return _once(content, 200)


@router.post(
    "/people/{name}/tokens",
    summary="Make a token for a person",
    status_code=201,
    openapi_extra=bodies.json_body(NewToken),
)
@allow("admin", whole=True)
async def token(request: Request, name: PathName) -> Response:
    """Its text is in this answer only."""
    asked = await bodies.read_json(request, NewToken)
    return await anyio.to_thread.run_sync(sign_in.issue, request, name, asked)


@router.delete("/people/{name}/tokens/{token_id}", summary="Revoke a token", status_code=204)
@allow("admin", whole=True)
def revoke(request: Request, name: PathName, token_id: TokenId) -> Response:
    state: State = request.app.state.liangtian
    state.people.revoke(name, token_id, _author(request))
    return Response(status_code=204)


def _author(request: Request) -> Author:
    return Author(request.state.user.name, "people")


def _told(person: Person) -> dict[str, Any]:
    return {**asdict(person), "counties": list(person.counties) or None}


def _once(content: dict[str, Any], status: int) -> Response:
    """An answer that may hold a secret: nobody keeps it."""
    headers = {"Cache-Control": "no-store"}
    return Response(orjson.dumps(content), status, headers, media_type=JSON)
