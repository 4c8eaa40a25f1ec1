"""A request's body on its way in: counted, never silent for long, and given up in good order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from starlette.types import Message, Receive, Send

from app.problems import Problem

#: Bytes that must come within each stretch of ``idle_s`` seconds.
LEAST = 1024
#: How much is still read after a refusal so that the client gets to see it: seconds, bytes.
_LINGER_S, _LINGER_BYTES = 2.0, 16 << 20


class Inflow:
    """Wraps ``receive``; `complete` says whether the whole body has come."""

    def __init__(
        self, receive: Receive, limit: int, idle_s: float, too_large: Callable[[], Problem]
    ) -> None:
        self.complete = False
        self._receive = receive
        self._limit = limit
        self._idle_s = idle_s
        self._too_large = too_large
        self._seen = 0
        self._stretch = (0.0, 0)  # when it began, bytes since

    async def __call__(self) -> Message:
        """The next message. Raises `Problem` E_TOO_LARGE as soon as it is, E_IDLE when fewer
        than 1 KiB came within the idle time."""
        if self.complete:
            return await self._receive()
        if not self._stretch[0]:
            self._stretch = (time.monotonic(), 0)
        try:
            left = self._stretch[0] + self._idle_s - time.monotonic()
            async with asyncio.timeout(max(0.001, left)):
                message = await self._receive()
        except TimeoutError:
            raise Problem(
                "E_IDLE",
                f"{self._idle_s:g} 秒内几乎没有收到数据，已断开",
                f"almost nothing came for {self._idle_s:g} s; the connection is closed",
                fix=(
                    "网络不好时请用可续传的上传（/uploads/tus）",
                    "On a bad network use the resumable upload (/uploads/tus)",
                ),
            ) from None
        size = len(message.get("body", b""))
        self._seen += size
        if self._seen > self._limit:
            raise self._too_large()
        began, came = self._stretch
        self._stretch = (time.monotonic(), 0) if came + size >= LEAST else (began, came + size)
        self.complete = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def linger(self, send: Send, last: Message) -> None:
        """Send the last part of a refusal and read on for a moment before the connection closes:
        closed at once, what the client still sends would make it miss the answer."""
        await send({**last, "more_body": True})
        came = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_S):
                while came < _LINGER_BYTES:
                    message = await self._receive()
                    came += len(message.get("body", b""))
                    if message["type"] != "http.request" or not message.get("more_body", False):
                        break
        await send({"type": "http.response.body", "body": b"", "more_body": False})
