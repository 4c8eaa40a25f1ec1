"""The thin path: plain tile requests, answered before FastAPI sees them.

A map asks for dozens of tiles at once, and routing, dependencies and threads would take
longer than drawing most of them. Everything unusual (filters, the past, errors, other
methods) goes on to the declared routes of `app.api.tiles` and `app.api.tilesets`, which
give the same answers with the same functions.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from starlette.types import ASGIApp, Receive, Scope, Send

from app.auth import admit, session_in
from app.tiles.answer import Answer, Tiles, matches
from app.tiles.cache import Entry
from app.tiles.coding import Coding, accepted
from app.tiles.read import plain, question
from geo.errors import Rejected
from geo.tiles.grid import MATRIX_SETS

if TYPE_CHECKING:
    from app.state import State
    from app.tiles.answer import Question

_NUMBER = "([0-9]{1,9})"
_XYZ = re.compile(rf"/tiles/([^/]+)/{_NUMBER}/{_NUMBER}/{_NUMBER}\.(mvt|geojson)")
_OGC = re.compile(
    rf"/collections/([^/]+)/tiles/({'|'.join(MATRIX_SETS)})/{_NUMBER}/{_NUMBER}/{_NUMBER}"
)
_XYZ_ROUTE = "/tiles/{layer}/{z}/{x}/{y}.{kind}"
_OGC_ROUTE = "/collections/{layer}/tiles/{tms}/{z}/{row}/{col}"


class Thin:
    """ASGI middleware inside the gate: what it does not answer goes on to ``app``."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        self.app = app
        self.state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = None
        if scope["type"] == "http" and scope["method"] == "GET":
            with suppress(Rejected):  # the declared route says why, in the client's language
                answer = await self._answer(scope)
        if answer is None:
            await self.app(scope, receive, send)
            return
        status, headers, body = answer
        # For the metrics: no route has been looked up.
        template = _XYZ_ROUTE if scope["path"].startswith("/tiles/") else _OGC_ROUTE
        scope.setdefault("state", {})["template"] = template
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope) -> Answer | None:
        path = scope["path"]
        found = _XYZ.fullmatch(path)
        if found is not None:
            layer_id, z, x, y, kind = found.groups()
            matrix_set = "WebMercatorQuad"
        else:
            found = _OGC.fullmatch(path)
            if found is None:
                return None
            layer_id, matrix_set, z, y, x = found.groups()
            kind = None
        layer = self.state.catalog.layers.get(layer_id)
        given = plain(scope["query_string"])
        if layer is None or given is None:
            return None
        if kind is None:
            kind = given.format
            if kind not in ("mvt", "geojson"):
                return None
        elif given.format is not None:
            return None
        accept, known, authorization, cookies = _told(scope["headers"])
        session = session_in(cookies, scope["scheme"] == "https") if cookies else ""
        user = admit(self.state, "viewer", authorization, session)
        if not user.sees(layer_id):
            return None
        asked = question(
            self.state.tiles,
            layer,
            cast(Any, (matrix_set, int(z), int(x), int(y))),
            cast(Any, kind),
            given.asked,
            user=user,
            properties=given.properties,
            version=given.version,
        )
        return await ask(self.state.tiles, asked, accept, known)


def _told(headers: list[tuple[bytes, bytes]]) -> tuple[str, str, str, str]:
    """Accept-Encoding, If-None-Match, Authorization and Cookie; the first of its name counts, as
    for the declared routes."""
    accept, known, authorization, cookies = b"", b"", b"", b""
    for name, value in headers:
        if name == b"accept-encoding":
            accept = accept or value
        elif name == b"if-none-match":
            known = known or value
        elif name == b"authorization":
            authorization = authorization or value
        elif name == b"cookie":
            cookies = cookies or value
    return (
        accept.decode("latin-1"),
        known.decode("latin-1"),
        authorization.decode("latin-1"),
        cookies.decode("latin-1"),
    )


async def ask(tiles: Tiles, question: Question, accept: str, known: str) -> Answer:
    """`Tiles.answer` on the event loop: small tiles at once, large ones in a thread."""
    changed = tiles.changed(question)
    tag = tiles.tag(question, changed)
    if known and matches(known, tag):
        return tiles.unchanged(question, tag)
    coding: Coding = accepted(accept)
    found = tiles.claim(question, changed, coding)
    if isinstance(found, Entry):
        return tiles.written(question, tag, found, "hit")
    if not found.mine:
        entry = await asyncio.wrap_future(found.future)
        return tiles.written(question, tag, entry, "joined")
    make = partial(tiles.made, question, tag, changed, found, coding)
    if tiles.quick(question):
        return make()
    # Shielded: a claim must be settled even if nobody waits for the answer any more.
    return await asyncio.shield(asyncio.wrap_future(tiles.threads.submit(make)))
