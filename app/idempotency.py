"""`Idempotency-Key`: a repeated POST has one effect and the same answer."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request, Response
from sqlalchemy import Connection, select

from app.auth import User
from app.problems import Problem
from app.state import State
from app.times import now
from geo.record.tables import idempotency


@dataclass(frozen=True)
class Answer:
    """What a POST answers, and what a repetition of it will be answered: JSON."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """The body as an object."""
        content: dict[str, Any] = json.loads(self.body)
        return content

    def response(self) -> Response:
        return Response(self.body, self.status, self.headers, media_type="application/json")


def once(
    request: Request, content: bytes | str, effect: Callable[[Connection], Answer]
) -> Response:
    """Run ``effect`` in one transaction, or give the answer that this key got before.

    ``content``: the body, or its hash. Of two requests with one key at the same time the second
    waits for the first and gets its answer. Raises `Problem` E_KEY_REUSED; an effect that raises
    leaves the key free.
    """
    state: State = request.app.state.liangtian
    before = earlier(request, content)
    if before is not None:
        return before
    question = _digest(request, content)
    with state.record.write() as connection:
        found = _known(connection, request, question)
        if found is None:
            found = effect(connection)
            _keep(connection, request, question, found)
    return found.response()


def _digest(request: Request, body: bytes | str) -> str:
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


def earlier(request: Request, content: bytes | str) -> Response | None:
    """The answer that this key got before, None for a new key. Raises `Problem` E_KEY_REUSED."""
    if _key(request) is None:
        return None
    state: State = request.app.state.liangtian
    with state.record.read() as connection:
        found = _known(connection, request, _digest(request, content))
    if found is None:
        return None
    # Whoever asks again reads what was written, though the first answer is still on its way.
    state.catch_up()
    return found.response()


def _known(connection: Connection, request: Request, question: str) -> Answer | None:
    key = _key(request)
    if key is None:
        return None
    mine = (idempotency.c.person_id == _user(request).id, idempotency.c.key == key)
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
    return Answer(row.status, row.body, json.loads(row.headers or "{}"))


def _keep(connection: Connection, request: Request, question: str, answer: Answer) -> None:
    key = _key(request)
    if key is not None:
        connection.execute(
            idempotency.insert().values(
                person_id=_user(request).id,
                key=key,
                request_sha256=question,
                status=answer.status,
                headers=json.dumps(answer.headers),
                body=answer.body,
                created_at=now(),
            )
        )


def _user(request: Request) -> User:
    user: User = request.state.user
    return user
