"""Signing in with a password: a session cookie for the page, and one's own tokens for programs."""

from __future__ import annotations

from typing import Annotated, Any

import anyio
import orjson
from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app import bodies, throttle
from app.accounts import Token
from app.api.links import JSON, answer
from app.auth import ANONYMOUS, PUBLIC, User, allow, cookie_name, require_layer, same_origin
from app.passwords import matches
from app.problems import Problem
from app.state import State
from geo.layers import Catalog
from geo.record.protocol import Author

router = APIRouter(tags=["用户 People"])

TokenId = Annotated[int, Path(ge=1, le=2**53)]
#: NIST SP 800-63B 3.1.1: length counts, composition rules do not.
SHORTEST, LONGEST = 10, 200
Password = Annotated[str, Field(min_length=SHORTEST, max_length=LONGEST)]
Name = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f/\\\s]+$")]
County = Annotated[str, Field(pattern=r"^[0-9]{6}$")]
#: Days that a token lives when nothing is said, and at most.
DAYS, MOST_DAYS = 90, 3660


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Login(_Model):
    """Name and password."""

    name: str = Field(min_length=1, max_length=200)
    password: str = Field(min_length=1, max_length=1000)


class NewPassword(_Model):
    """The password as it is, and as it shall be."""

    old: str = Field(min_length=1, max_length=1000)
    new: Password


class NewToken(_Model):
    """What a token may do: at most what its person may."""

    label: str = Field(min_length=1, max_length=200, description="What it is for.")
    role: str | None = Field(None, max_length=16, description="At most the person's own.")
    days: float = Field(DAYS, gt=0, le=MOST_DAYS, description="Until it expires.")
    layers: list[str] | None = Field(
        None, min_length=1, max_length=100, description="Only these layers."
    )
    counties: list[County] | None = Field(
        None, min_length=1, max_length=100, description="Only these county codes."
    )


@router.post("/auth/login", summary="Sign in", openapi_extra=bodies.json_body(Login))
@allow(PUBLIC)
async def login(request: Request) -> Response:
    """Sets the session cookie. A wrong name and a wrong password are told alike; after some
    failures one must wait (429, ``Retry-After``)."""
    same_origin(request, required=False)
    asked = await bodies.read_json(request, Login)
    return await anyio.to_thread.run_sync(_login, request, asked)


def _login(request: Request, asked: Login) -> Response:
    state: State = request.app.state.liangtian
    address = request.client.host if request.client else "?"
    throttle.count(state.record, asked.name, address)
    if not matches(asked.password, state.people.password_hash(asked.name)):
        raise Problem(
            "E_PASSWORD",
            "用户名或密码不正确",
            "The name or the password is not right",
            fix=("忘记密码请联系管理员", "Ask an administrator if the password is lost"),
        )
    throttle.forgive(state.record, asked.name, address)
    hours = state.settings.session_hours
    session = state.people.begin_session(asked.name, hours)
    user = state.people.by_session(session) or ANONYMOUS
    response = answer(request, _told(state, user), headers={"Cache-Control": "no-store"})
    secure = _secure(request)
    response.set_cookie(
        cookie_name(secure),
        session,
        max_age=round(hours * 3600),
        httponly=True,
        samesite="strict",
        secure=secure,
    )
    return response


def _secure(request: Request) -> bool:
    return request.url.scheme == "https"


@router.post("/auth/logout", summary="Sign out", status_code=204)
@allow(PUBLIC)
def logout(request: Request) -> Response:
    """Ends the session and takes its cookie back."""
    state: State = request.app.state.liangtian
    user: User = request.state.user
    if user.session:
        state.people.end_session(user)
    response = Response(status_code=204, headers={"Cache-Control": "no-store"})
    secure = _secure(request)
    response.delete_cookie(cookie_name(secure), httponly=True, samesite="strict", secure=secure)
    return response


@router.get("/auth/me", summary="Who am I")
@allow(PUBLIC)
def me(request: Request) -> Response:
    """``name`` and ``role`` are null for somebody who is not signed in."""
    state: State = request.app.state.liangtian
    told = _told(state, request.state.user)
    return answer(request, told, headers={"Cache-Control": "no-store"})


def _told(state: State, user: User) -> dict[str, Any]:
    signed_in = user.role is not None
    return {
        "name": user.name if signed_in else None,
        "role": user.role,
        "counties": list(user.counties) or None,
        "layers": None if user.layers is None else sorted(user.layers),
        "by": ("session" if user.session else "token") if signed_in else None,
        "expires_at": user.expires_at,
        "public_read": state.settings.public_read,
    }


@router.post(
    "/auth/password",
    summary="Change one's password",
    status_code=204,
    openapi_extra=bodies.json_body(NewPassword),
)
@allow("viewer")
async def password(request: Request) -> Response:
    """Ends all other sessions; tokens stay."""
    asked = await bodies.read_json(request, NewPassword)
    return await anyio.to_thread.run_sync(_password, request, asked)


def _password(request: Request, asked: NewPassword) -> Response:
    state: State = request.app.state.liangtian
    user = _in_person(request)
    address = request.client.host if request.client else "?"
    throttle.count(state.record, user.name, address)
    if not matches(asked.old, state.people.password_hash(user.name)):
        raise Problem("E_PASSWORD", "原密码不正确", "The old password is not right", where="old")
    throttle.forgive(state.record, user.name, address)
    author = Author(user.name, "password")
    state.people.change(user.name, author, password=asked.new, but=user.secret)
    return Response(status_code=204, headers={"Cache-Control": "no-store"})


def _in_person(request: Request) -> User:
    """The user, signed in with a password. Raises `Problem` E_STATE for tokens: what is lent
    for a while and for some things must not make itself into more."""
    user: User = request.state.user
    if not user.session:
        raise Problem(
            "E_STATE",
            "请先用密码登录，令牌不能做这件事",
            "Sign in with a password; a token cannot do this",
            fix=("POST /auth/login", "POST /auth/login"),
        )
    return user


@router.get("/auth/tokens", summary="One's tokens, newest first")
@allow("viewer")
def tokens(request: Request) -> Response:
    state: State = request.app.state.liangtian
    user: User = request.state.user
    listed = state.people.tokens(user.name) if user.role is not None else []
    return answer(request, {"tokens": [told(each) for each in listed]})


@router.post(
    "/auth/tokens",
    summary="Make a token",
    status_code=201,
    openapi_extra=bodies.json_body(NewToken),
)
@allow("viewer")
async def new_token(request: Request) -> Response:
    """Its text is in this answer only."""
    asked = await bodies.read_json(request, NewToken)
    return await anyio.to_thread.run_sync(_new_token, request, asked)


def _new_token(request: Request, asked: NewToken) -> Response:
    user = _in_person(request)
    return issue(request, user.name, asked)


def issue(request: Request, name: str, asked: NewToken) -> Response:
    """A token of a person, and its text for once."""
    state: State = request.app.state.liangtian
    known_layers(state.catalog, asked.layers)
    for layer in asked.layers or ():
        require_layer(request.state.user, layer)
    text = state.people.issue_token(
        name,
        Author(request.state.user.name, "token"),
        label=asked.label,
        role=asked.role,
        days=asked.days,
        layers=asked.layers,
        counties=asked.counties or (),
    )
    content = {"token": text, **told(state.people.tokens(name)[0])}
    return Response(orjson.dumps(content), 201, {"Cache-Control": "no-store"}, media_type=JSON)


def known_layers(catalog: Catalog, layers: list[str] | None) -> None:
    """Raises `Problem` E_PARAMETER for a layer that there is not."""
    for layer in layers or ():
        if layer not in catalog.layers:
            names = ", ".join(catalog.layers)
            raise Problem(
                "E_PARAMETER",
                f"没有图层 {layer}",
                f"There is no layer {layer}",
                where="layers",
                fix=(f"可用图层:{names}", f"Layers: {names}"),
            )


@router.delete("/auth/tokens/{token_id}", summary="Revoke one of one's tokens", status_code=204)
@allow("viewer")
def revoke(request: Request, token_id: TokenId) -> Response:
    state: State = request.app.state.liangtian
    user: User = request.state.user
    state.people.revoke(user.name, token_id, Author(user.name, "token"))
    return Response(status_code=204)


def told(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "label": token.label,
        "role": token.role,
        "layers": token.layers,
        "counties": list(token.counties) or None,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
    }
