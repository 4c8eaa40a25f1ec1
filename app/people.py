"""People, their tokens and sessions, in the record.

Tokens and sessions are 256 random bits, kept as SHA-256; passwords are argon2id. What was
looked up is kept until the record changes.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, select

from app.accounts import Person, Token, names_in, text_of
from app.auth import User
from app.passwords import hashed
from app.problems import Problem, not_found
from app.times import now, stamp
from geo.record.protocol import Author, Record
from geo.record.tables import ROLES, people, tokens


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


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
    """Everybody who may sign in; one object serves all threads of a process."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._known: dict[bytes, User] = {}
        self._lock = threading.Lock()

    def forget(self) -> None:
        """Called when the record has changed: a revoked token stops working at once."""
        with self._lock:
            self._known.clear()

    # -- who asks --------------------------------------------------------------

    def by_token(self, token: str) -> User | None:
        return self._by_secret(token, session=False)

    def by_session(self, session: str) -> User | None:
        return self._by_secret(session, session=True)

    def _by_secret(self, secret: str, *, session: bool) -> User | None:
        digest = _digest(secret)
        user = self._known.get(digest)
        if user is None:
            user = self._look_up(digest)
            if user is None:
                return None
            with self._lock:
                self._known[digest] = user
        # A cookie is no token and a token no cookie: each has its own protection.
        if user.session is not session:
            return None
        return user if user.expires_at is None or user.expires_at > now() else None

    def _look_up(self, digest: bytes) -> User | None:
        query = (
            select(
                people.c.id,
                people.c.name,
                people.c.role,
                people.c.counties,
                tokens.c.id.label("secret"),
                tokens.c.kind,
                tokens.c.role.label("scope"),
                tokens.c.layers,
                tokens.c.counties.label("within"),
                tokens.c.expires_at,
            )
            .join(tokens, tokens.c.person_id == people.c.id)
            .where(tokens.c.token_sha256 == digest, people.c.disabled == 0)
        )
        with self._record.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        counties, within = names_in(row.counties), names_in(row.within)
        if counties and within:
            within = tuple(code for code in within if code in counties)
            if not within:
                return None  # the person has lost all counties that the token is for
        return User(
            row.name,
            min((row.role, row.scope), key=ROLES.index),
            within or counties,
            row.id,
            None if row.layers is None else frozenset(names_in(row.layers)),
            row.secret,
            row.kind == "session",
            row.expires_at,
        )

    # -- people ----------------------------------------------------------------

    def listed(self) -> list[Person]:
        with self._record.read() as connection:
            rows = connection.execute(select(people).order_by(people.c.name))
            return [Person.of(row) for row in rows]

    def find(self, name: str) -> Person:
        """Raises `Problem` E_NOT_FOUND."""
        with self._record.read() as connection:
            return Person.of(_row(connection, name))

    def put(
        self, name: str, role: str, password: str, author: Author, counties: Collection[str] = ()
    ) -> None:
        """Create a person, or give an existing one this role, password and counties."""
        self._put(name, role, password, author, counties, only_new=False)

    def add(
        self, name: str, role: str, password: str, author: Author, counties: Collection[str] = ()
    ) -> None:
        """Create a person. Raises `Problem` E_STATE when there is one of that name."""
        self._put(name, role, password, author, counties, only_new=True)

    def _put(
        self,
        name: str,
        role: str,
        password: str,
        author: Author,
        counties: Collection[str],
        *,
        only_new: bool,
    ) -> None:
        values = {
            "role": _known_role(role),
            "password_hash": hashed(password),
            "counties": text_of(counties),
            "disabled": 0,
        }
        detail = {"name": name, "role": role, "counties": sorted(set(counties))}
        mine = people.c.name == name
        with self._record.write() as connection:
            there = connection.execute(select(people.c.id).where(mine)).one_or_none() is not None
            if there and only_new:
                raise Problem(
                    "E_STATE", f"用户 {name} 已存在", f"{name} is there already", where="name"
                )
            if there:
                connection.execute(people.update().where(mine).values(**values))
                self._end_sessions(connection, name)
            else:
                connection.execute(people.insert().values(name=name, created_at=now(), **values))
            self._record.event("person.put", author, detail, connection=connection)
        self.forget()

    def change(
        self,
        name: str,
        author: Author,
        *,
        role: str | None = None,
        counties: Collection[str] | None = None,
        disabled: bool | None = None,
        password: str | None = None,
        but: int = 0,
    ) -> Person:
        """Change what is given; a new password and a locked door end sessions (not ``but``).

        Raises `Problem` E_NOT_FOUND, E_PARAMETER (role), E_STATE (the last administrator).
        """
        values: dict[str, Any] = {}
        detail: dict[str, Any] = {"name": name}
        if role is not None:
            values["role"] = detail["role"] = _known_role(role)
        if counties is not None:
            values["counties"], detail["counties"] = text_of(counties), sorted(set(counties))
        if disabled is not None:
            values["disabled"], detail["disabled"] = int(disabled), disabled
        if password is not None:
            values["password_hash"], detail["password"] = hashed(password), "changed"
        with self._record.write() as connection:
            _row(connection, name)
            if values:
                there_was_one = _administrators(connection)
                mine = people.c.name == name
                connection.execute(people.update().where(mine).values(**values))
                if there_was_one and not _administrators(connection):
                    raise _nobody_left()
                self._record.event("person.change", author, detail, connection=connection)
            if password is not None or disabled:
                self._end_sessions(connection, name, but)
            person = Person.of(_row(connection, name))
        self.forget()
        return person

    def _end_sessions(self, connection: Connection, name: str, but: int = 0) -> None:
        whose = select(people.c.id).where(people.c.name == name).scalar_subquery()
        mine = (tokens.c.person_id == whose, tokens.c.kind == "session", tokens.c.id != but)
        connection.execute(tokens.delete().where(*mine))

    # -- tokens ----------------------------------------------------------------

    def issue_token(
        self,
        name: str,
        author: Author,
        *,
        label: str = "",
        role: str | None = None,
        days: float | None = None,
        layers: Collection[str] | None = None,
        counties: Collection[str] = (),
    ) -> str:
        """Make a token for a person; it is shown once, kept as a hash.

        At most their own role (None) and counties. Raises `Problem` E_NOT_FOUND, E_PARAMETER,
        E_FORBIDDEN (more than the person may), E_STATE (the person is locked out).
        """
        token = "lt_" + secrets.token_urlsafe(32)
        expires = stamp(datetime.now(UTC) + timedelta(days=days)) if days else None
        with self._record.write() as connection:
            person = Person.of(_row(connection, name))
            scope = _known_role(role or person.role)
            beyond = sorted(set(counties) - set(person.counties)) if person.counties else []
            if ROLES.index(scope) > ROLES.index(person.role) or beyond:
                raise Problem(
                    "E_FORBIDDEN",
                    f"令牌的权限不能超过 {name} 自己的",
                    f"A token cannot do more than {name} may",
                    where="counties" if beyond else "role",
                )
            if person.disabled:
                raise Problem("E_STATE", f"{name} 已停用", f"{name} is locked out")
            connection.execute(
                tokens.insert().values(
                    token_sha256=_digest(token),
                    person_id=person.id,
                    role=scope,
                    label=label,
                    layers=None if layers is None else json.dumps(sorted(set(layers))),
                    counties=text_of(counties),
                    created_at=now(),
                    expires_at=expires,
                )
            )
            detail: dict[str, Any] = {"name": name, "label": label, "role": scope}
            detail["expires_at"] = expires
            if layers is not None:
                detail["layers"] = sorted(set(layers))
            if counties:
                detail["counties"] = sorted(set(counties))
            self._record.event("token.issue", author, detail, connection=connection)
        return token

    def tokens(self, name: str) -> list[Token]:
        """Tokens of a person (sessions are not), newest first. Raises `Problem` E_NOT_FOUND."""
        with self._record.read() as connection:
            person = _row(connection, name)
            mine = (tokens.c.person_id == person.id, tokens.c.kind == "token")
            rows = connection.execute(select(tokens).where(*mine).order_by(tokens.c.id.desc()))
            return [Token.of(row) for row in rows]

    def revoke(self, name: str, token_id: int, author: Author) -> None:
        """Raises `Problem` E_NOT_FOUND: no such token, or not this person's."""
        with self._record.write() as connection:
            person = _row(connection, name)
            mine = (
                tokens.c.id == token_id,
                tokens.c.person_id == person.id,
                tokens.c.kind == "token",
            )
            if not connection.execute(tokens.delete().where(*mine)).rowcount:
                raise not_found(f"没有令牌 {token_id}", f"There is no token {token_id}")
            detail = {"name": name, "token": token_id}
            self._record.event("token.revoke", author, detail, connection=connection)
        self.forget()

    # -- sessions --------------------------------------------------------------

    def password_hash(self, name: str) -> str | None:
        """None for nobody, for somebody without a password and for who is locked out."""
        query = select(people.c.password_hash).where(people.c.name == name, people.c.disabled == 0)
        with self._record.read() as connection:
            found: str | None = connection.execute(query).scalar_one_or_none()
            return found

    def begin_session(self, name: str, hours: float) -> str:
        """A new session of a person who has shown their password; those that ended go."""
        session = secrets.token_urlsafe(32)
        expires = stamp(datetime.now(UTC) + timedelta(hours=hours))
        with self._record.write() as connection:
            person = _row(connection, name)
            old = (tokens.c.kind == "session", tokens.c.expires_at < now())
            connection.execute(tokens.delete().where(*old))
            connection.execute(
                tokens.insert().values(
                    token_sha256=_digest(session),
                    person_id=person.id,
                    role=ROLES[-1],  # as much as the person may at the time
                    kind="session",
                    created_at=now(),
                    expires_at=expires,
                )
            )
            author = Author(name, "login")
            self._record.event("session.begin", author, {"name": name}, connection=connection)
        return session

    def end_session(self, user: User) -> None:
        mine = (tokens.c.id == user.secret, tokens.c.kind == "session")
        with self._record.write() as connection:
            connection.execute(tokens.delete().where(*mine))
        self.forget()


def _row(connection: Connection, name: str) -> Row[Any]:
    row = connection.execute(select(people).where(people.c.name == name)).one_or_none()
    if row is None:
        raise not_found(f"没有用户 {name}", f"There is nobody named {name}")
    return row


def _administrators(connection: Connection) -> int:
    left = select(func.count()).where(
        people.c.role == ROLES[-1], people.c.disabled == 0, people.c.counties.is_(None)
    )
    return int(connection.execute(left).scalar_one())


def _nobody_left() -> Problem:
    """Somebody must be able to let people in again."""
    return Problem(
        "E_STATE",
        "这是最后一个不受限制的管理员，不能停用或降级",
        "This is the last administrator without limits; there must be one",
        fix=("先指定另一个管理员", "Make another administrator first"),
    )
