"""Who may do what: roles, tokens, and a permission on every route (default deny).

A route without `allow` is refused for everybody; a test walks all routes. Roles
include the ones before them. Tokens are 256 random bits, kept as SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from argon2 import PasswordHasher
from fastapi import Request
from sqlalchemy import select

from app.problems import Problem
from app.times import now, stamp
from geo.record.protocol import Author, Record
from geo.record.tables import ROLES, people, tokens

if TYPE_CHECKING:
    from app.state import State

PUBLIC = "public"
_Endpoint = TypeVar("_Endpoint", bound=Callable[..., object])


@dataclass(frozen=True)
class User:
    """Who asks. ``role`` is None for somebody not signed in."""

    name: str
    role: str | None
    counties: tuple[str, ...] = ()
    id: int = 0

    def may(self, role: str) -> bool:
        return self.role is not None and ROLES.index(self.role) >= ROLES.index(role)


ANONYMOUS = User("anonymous", None)


def allow(role: str) -> Callable[[_Endpoint], _Endpoint]:
    """Declare the least role that may use a route (``PUBLIC``: anybody, always)."""
    if role not in (*ROLES, PUBLIC):
        raise ValueError(f"unknown role {role!r}")

    def mark(endpoint: _Endpoint) -> _Endpoint:
        endpoint.permission = role  # type: ignore[attr-defined]
        return endpoint

    return mark


def permission_of(route: object) -> str | None:
    """The declared role of a route, None when there is no declaration."""
    return getattr(getattr(route, "endpoint", None), "permission", None)


async def authorize(request: Request) -> User:
    """Application-wide dependency: sets ``request.state.user`` or refuses the request.

    It runs before any body is read: no route declares a body parameter.
    """
    role = permission_of(request.scope.get("route"))
    header = request.headers.get("authorization", "")
    request.state.user = admit(request.app.state.liangtian, role, header)
    return request.state.user


def admit(state: State, role: str | None, header: str) -> User:
    """Who asks with this ``Authorization`` header for what needs ``role``; or refuse it."""
    user = ANONYMOUS
    if header:
        scheme, _, token = header.partition(" ")
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
                "在请求头加上 Authorization: Bearer 令牌",
                "Send the header Authorization: Bearer TOKEN",
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


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _known_role(role: str) -> str:
    if role not in ROLES:
        raise Problem(
            "E_PARAMETER",
            f"没有角色 {role}",
            f"There is no role {role}",
            where="role",
            fix=(f"可用:{'、'.join(ROLES)}", f"One of: {', '.join(ROLES)}"),
        )
    return role


class People:
    """Users and tokens in the record; what was looked up is kept until the record changes."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._known: dict[bytes, tuple[User, str | None]] = {}
        self._lock = threading.Lock()

    def forget(self) -> None:
        """Called when the record has changed: a revoked token stops working at once."""
        with self._lock:
            self._known.clear()

    def by_token(self, token: str) -> User | None:
        digest = _digest(token)
        known = self._known.get(digest)
        if known is None:
            known = self._look_up(digest)
            if known is None:
                return None
            with self._lock:
                self._known[digest] = known
        user, expires = known
        return user if expires is None or expires > now() else None

    def _look_up(self, digest: bytes) -> tuple[User, str | None] | None:
        query = (
            select(
                people.c.id,
                people.c.name,
                people.c.role,
                people.c.counties,
                tokens.c.role.label("scope"),
                tokens.c.expires_at,
            )
            .join(tokens, tokens.c.person_id == people.c.id)
            .where(tokens.c.token_sha256 == digest, people.c.disabled == 0)
        )
        with self._record.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        role = min((row.role, row.scope), key=ROLES.index)
        counties = tuple(json.loads(row.counties or "[]"))
        return User(row.name, role, counties, row.id), row.expires_at

    def put(
        self, name: str, role: str, password: str, author: Author, counties: tuple[str, ...] = ()
    ) -> None:
        """Create a person, or give an existing one this role, password and counties."""
        _known_role(role)
        values = {
            "role": role,
            "password_hash": PasswordHasher().hash(password),
            "counties": json.dumps(counties) if counties else None,
            "disabled": 0,
        }
        detail = {"name": name, "role": role, "counties": list(counties)}
        with self._record.write() as connection:
            mine = people.c.name == name
            if connection.execute(people.update().where(mine).values(**values)).rowcount == 0:
                connection.execute(people.insert().values(name=name, created_at=now(), **values))
            self._record.event("person.put", author, detail, connection=connection)
        self.forget()

    def disable(self, name: str, author: Author) -> bool:
        """Lock a person out; False when there is nobody of that name."""
        with self._record.write() as connection:
            mine = people.c.name == name
            done = connection.execute(people.update().where(mine).values(disabled=1)).rowcount
            if done:
                self._record.event("person.disable", author, {"name": name}, connection=connection)
        self.forget()
        return bool(done)

    def issue_token(
        self,
        name: str,
        author: Author,
        *,
        label: str = "",
        role: str | None = None,
        days: int | None = None,
    ) -> str:
        """Make a token for a person (at most their own role); it is shown once, kept as a hash."""
        token = "lt_" + secrets.token_urlsafe(32)
        expires = datetime.now(UTC) + timedelta(days=days) if days else None
        with self._record.write() as connection:
            person = connection.execute(
                select(people.c.id, people.c.role).where(people.c.name == name)
            ).one_or_none()
            if person is None:
                raise Problem("E_NOT_FOUND", f"没有用户 {name}", f"There is nobody named {name}")
            scope = _known_role(role or person.role)
            connection.execute(
                tokens.insert().values(
                    token_sha256=_digest(token),
                    person_id=person.id,
                    role=scope,
                    label=label,
                    created_at=now(),
                    expires_at=stamp(expires) if expires else None,
                )
            )
            detail = {"name": name, "label": label, "role": scope}
            self._record.event("token.issue", author, detail, connection=connection)
        return token

    def names(self) -> list[tuple[str, str, bool]]:
        with self._record.read() as connection:
            query = select(people.c.name, people.c.role, people.c.disabled)
            rows = connection.execute(query.order_by(people.c.name))
            return [(row.name, row.role, bool(row.disabled)) for row in rows]
