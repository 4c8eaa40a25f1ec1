"""Who may do what: roles, and a permission on every route (default deny).

A route without `allow` is refused for everybody; a test walks all routes. Roles
include the ones before them. Who asks is known by a token in ``Authorization`` or by
the session cookie of ``POST /auth/login``; what changes something by cookie must come
from our own pages (`same_origin`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from fastapi import Request

from app.problems import Problem, not_found
from geo.record.tables import ROLES

if TYPE_CHECKING:
    from app.state import State

PUBLIC = "public"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_Endpoint = TypeVar("_Endpoint", bound=Callable[..., object])


@dataclass(frozen=True)
class User:
    """Who asks. ``role`` is None for somebody not signed in.

    ``counties``: all they may see or change (none named: of all counties); ``layers``: of a
    token that is for these layers only. ``secret``: the number of the token or session.
    """

    name: str
    role: str | None
    counties: tuple[str, ...] = ()
    id: int = 0
    layers: frozenset[str] | None = None
    secret: int = 0
    session: bool = False
    expires_at: str | None = None

    def may(self, role: str) -> bool:
        return self.role is not None and ROLES.index(self.role) >= ROLES.index(role)

    @property
    def limited(self) -> bool:
        """Whether something of the data is kept from them."""
        return bool(self.counties) or self.layers is not None

    @property
    def oversees(self) -> bool:
        """Whether they may look at what others do: managers of all counties."""
        return self.may("manager") and not self.limited

    def sees(self, layer: str) -> bool:
        return self.layers is None or layer in self.layers

    @cached_property
    def scope(self) -> str:
        """Tells answers apart that are not the same for everybody; empty where they are."""
        if not self.limited:
            return ""
        what = f"{sorted(self.counties)} {sorted(self.layers or ())}"
        return hashlib.sha256(what.encode()).hexdigest()[:8]


ANONYMOUS = User("anonymous", None)


def allow(
    role: str, *, whole: bool = False, open_by: str | None = None
) -> Callable[[_Endpoint], _Endpoint]:
    """Declare the least role that may use a route (``PUBLIC``: anybody, always).

    ``whole``: it shows or changes what cannot be told apart by county or layer, so it is
    refused to everybody who is limited. ``open_by``: a setting that opens it to anybody.
    """
    if role not in (*ROLES, PUBLIC):
        raise ValueError(f"unknown role {role!r}")

    def mark(endpoint: _Endpoint) -> _Endpoint:
        endpoint.permission = role  # type: ignore[attr-defined]
        endpoint.whole = whole  # type: ignore[attr-defined]
        endpoint.open_by = open_by  # type: ignore[attr-defined]
        return endpoint

    return mark


def permission_of(route: object) -> str | None:
    """The declared role of a route, None when there is no declaration."""
    return getattr(getattr(route, "endpoint", None), "permission", None)


async def authorize(request: Request) -> User:
    """Application-wide dependency: sets ``request.state.user`` or refuses the request.

    It runs before any body is read: no route declares a body parameter.
    """
    route = request.scope.get("route")
    state: State = request.app.state.liangtian
    headers = request.headers
    cookie = session_in(headers.get("cookie", ""), request.url.scheme == "https")
    role = permission_of(route)
    opening = getattr(getattr(route, "endpoint", None), "open_by", None)
    if opening is not None and getattr(state.settings, opening):
        role = PUBLIC
    user = admit(state, role, headers.get("authorization", ""), cookie)
    if user.session and request.method not in SAFE_METHODS:
        same_origin(request, required=True)
    if user.limited and getattr(getattr(route, "endpoint", None), "whole", False):
        raise Problem(
            "E_COUNTY",
            "此功能涉及全部县区或图层，您的权限有限制",
            "This concerns all counties or layers, and you are limited to some",
            fix=("请联系没有此限制的管理人员", "Ask somebody without that limit"),
        )
    request.state.user = user
    return user


def admit(state: State, role: str | None, authorization: str, session: str = "") -> User:
    """Who asks with this header or session for what needs ``role``; or refuse it.

    A token that is not valid is refused; a session that has ended is nobody's.
    """
    user = ANONYMOUS
    if authorization:
        scheme, _, token = authorization.partition(" ")
        found = state.people.by_token(token.strip()) if scheme.lower() == "bearer" else None
        if found is None:
            raise Problem(
                "E_LOGIN",
                "令牌无效或已过期",
                "The token is not valid or has expired",
                where="Authorization",
                fix=("请向管理员索取新的令牌", "Ask an administrator for a new token"),
            )
        user = found
    elif session:
        user = state.people.by_session(session) or ANONYMOUS
    if role == PUBLIC:
        return user
    if role is None:
        raise Problem("E_FORBIDDEN", "此功能未开放", "This is not open to anybody")
    if role == "viewer" and user.role is None and state.settings.public_read:
        return user
    if user.role is None:
        raise Problem(
            "E_LOGIN",
            "请先登录",
            "Please sign in first",
            fix=(
                "登录，或在请求头加上 Authorization: Bearer 令牌",
                "Sign in, or send the header Authorization: Bearer TOKEN",
            ),
        )
    if not user.may(role):
        raise Problem(
            "E_FORBIDDEN",
            f"需要 {role} 或更高的权限",
            f"This needs the role {role} or higher",
            fix=("请联系管理员", "Ask an administrator"),
        )
    return user


def require(user: User, role: str) -> None:
    """A further condition inside a route, e.g. the commit role of a layer."""
    if not user.may(role):
        raise Problem(
            "E_FORBIDDEN", f"需要 {role} 或更高的权限", f"This needs the role {role} or higher"
        )


def require_layer(user: User, layer: str) -> None:
    """Raises `Problem` E_NOT_FOUND for a layer that a token is not for."""
    if not user.sees(layer):
        raise not_found(f"没有图层 {layer}", f"There is no layer {layer}", where="layer")


# -- cookies -------------------------------------------------------------------


def cookie_name(secure: bool) -> str:
    """``__Host-``: the browser takes it over https alone, and from no other host of the domain."""
    return "__Host-liangtian" if secure else "liangtian"


def session_in(cookies: str, secure: bool) -> str:
    """The session in a ``Cookie`` header; empty without one."""
    if "liangtian=" not in cookies:
        return ""
    wanted = cookie_name(secure)
    for part in cookies.split(";"):
        name, _, value = part.strip().partition("=")
        if name == wanted:
            return value
    return ""


def same_origin(request: Request, *, required: bool) -> None:
    """Refuse a request that a page of another site makes a browser send.

    Browsers say where it comes from in ``Origin`` (and newer ones in ``Sec-Fetch-Site``);
    ``required``: saying nothing is refused as well. Raises `Problem` E_ORIGIN.
    """
    origin = request.headers.get("origin")
    if origin is not None:
        base: str = request.app.state.liangtian.settings.base_url
        ours = {request.headers.get("host", "").lower(), urlsplit(base).netloc.lower()} - {""}
        good = urlsplit(origin).netloc.lower() in ours
    else:
        site = request.headers.get("sec-fetch-site")
        good = site == "same-origin" if site is not None else not required
    if not good:
        raise Problem(
            "E_ORIGIN",
            "请求不是从本服务的页面发出的，已拒绝",
            "The request does not come from a page of this service",
            where="Origin",
            fix=(
                "程序请用令牌（Authorization），不要用登录 cookie；反向代理须保留 Host",
                "Programs use a token (Authorization), not the session cookie; a proxy must "
                "keep Host",
            ),
        )
