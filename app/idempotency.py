"""`Idempotency-Key`: a repeated POST has one effect and the same answer."""

from __future__ import annotations

import hashlib
import re

from fastapi import Request, Response
from sqlalchemy import Connection, select

from app.auth import User
from app.problems import Problem
from app.state import State
from app.times import now
from geo.record.tables import idempotency


def digest(request: Request, body: bytes | str) -> str:
    """What makes two requests the same: address, parameters and content."""
    content = body.encode() if isinstance(body, str) else body
    question = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    return hashlib.sha256(question + content).hexdigest()


def _key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not re.fullmatch(r"[\x21-\x7e]{1,200}", key):
        raise Problem(
            "E_PARAMETER",
            "Idempotency-Key 不正确",
            "Idempotency-Key must be 1 to 200 visible ASCII characters",
            where="Idempotency-Key",
        )
    return key


def earlier(request: Request, question: str) -> Response | None:
    """The answer that this key got before, None for a new key."""
    key, user = _key(request), _user(request)
    if key is None:
        return None
    state: State = request.app.state.liangtian
    mine = (idempotency.c.person_id == user.id, idempotency.c.key == key)
    with state.record.read() as connection:
        row = connection.execute(select(idempotency).where(*mine)).one_or_none()
    if row is None:
        return None
    if row.request_sha256 != question:
        raise Problem(
            "E_KEY_REUSED",
            "此 Idempotency-Key 已用于另一个请求",
            "This Idempotency-Key was used for another request",
            where="Idempotency-Key",
            fix=("为每个新请求生成新的键", "Make a new key for each new request"),
        )
    return Response(row.body, row.status, media_type="application/json")


def keep(connection: Connection, request: Request, question: str, status: int, body: bytes) -> None:
    """Remember an answer in the transaction of its effect."""
    key, user = _key(request), _user(request)
    if key is not None:
        connection.execute(
            idempotency.insert().values(
                person_id=user.id,
                key=key,
                request_sha256=question,
                status=status,
                body=body,
                created_at=now(),
            )
        )


def _user(request: Request) -> User:
    user: User = request.state.user
    return user
