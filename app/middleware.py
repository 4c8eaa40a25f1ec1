"""What every request passes through: limits, headers, log line. Plain ASGI, no buffering."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import logs
from app.inflow import Inflow
from app.metrics import Metrics
from app.problems import Problem, respond
from app.settings import Settings

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_METHODS = _SAFE | {"POST", "PUT", "PATCH", "DELETE"}
#: Headers of every answer. Pages bring a policy of their own; in all else nothing may run.
_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
_NOTHING_RUNS = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_ONLY_HTTPS = (b"strict-transport-security", b"max-age=31536000")
_MOST_CLIENTS = 10_000
#: A body of this size is read to its end after a refusal, so that the connection can stay.
_LITTLE = 64 << 10


class Buckets:
    """Token buckets by client, ``per_minute`` with a burst of a sixth of that (at least 20)."""

    def __init__(self, per_minute: int) -> None:
        self.rate = per_minute / 60
        self.burst = max(20.0, per_minute / 6)
        self._clients: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, client: str, now: float) -> float:
        """Take a token; 0, or the seconds until there is one."""
        left, seen = self._clients.pop(client, (self.burst, now))
        left = min(self.burst, left + (now - seen) * self.rate)
        self._clients[client] = (max(0.0, left - 1), now)
        if len(self._clients) > _MOST_CLIENTS:
            self._clients.popitem(last=False)
        return 0.0 if left >= 1 else (1 - left) / self.rate


def _much_to_come(scope: Scope) -> bool:
    """Whether the request has a body that nobody should read to its end for nothing."""
    headers = dict(scope["headers"])
    length = headers.get(b"content-length", b"0")
    return b"transfer-encoding" in headers or not length.isdigit() or int(length) > _LITTLE


def sends_json(scope: Scope) -> bool:
    """Whether a body is JSON; one without a type is, unless parameters tell about a file."""
    kind: bytes | None = dict(scope["headers"]).get(b"content-type")
    if kind is None:
        return not scope.get("query_string")
    return kind.split(b";")[0].strip() == b"application/json"


class Gate:
    """Rate limits, body limits, security headers, request id and one log line a request."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self.app = app
        self.settings = settings
        self.metrics = metrics
        self._hosts = frozenset(host.lower() for host in settings.hosts)
        self.reads = Buckets(settings.rate_per_minute) if settings.rate_per_minute else None
        writes = settings.rate_writes_per_minute
        self.writes = Buckets(writes) if writes else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = secrets.token_hex(8)
        status = 500
        giving_up = False
        inflow = Inflow(
            receive,
            self._limit(scope),
            self.settings.upload_idle_s,
            lambda: self._too_large(scope),
        )

        async def sending(message: Message) -> None:
            nonlocal status, giving_up
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message["headers"] = [
                    *message["headers"],
                    *_ALWAYS,
                    (b"x-request-id", request_id.encode()),
                ]
                if secure:
                    headers.append(_ONLY_HTTPS)
                if not any(name == b"content-security-policy" for name, _ in headers):
                    headers.append(_NOTHING_RUNS)
                giving_up = status >= 400 and not inflow.complete and _much_to_come(scope)
                if giving_up:
                    headers.append((b"connection", b"close"))
            elif head_only:
                message = {**message, "body": b""}
            elif giving_up and not message.get("more_body", False):
                await inflow.linger(send, message)
                return
            await send(message)

        scope.setdefault("state", {})["request_id"] = request_id
        head_only = scope["method"] == "HEAD"
        secure = scope["scheme"] == "https"
        if head_only:
            scope = {**scope, "method": "GET"}
        refused = self._refuse(scope)
        if refused is not None:
            await respond(Request(scope), refused)(scope, receive, sending)
        else:
            await self.app(scope, inflow, sending)
        took = time.perf_counter() - started
        logs.request(
            method=scope["method"],
            path=scope["path"],
            status=status,
            ms=round(took * 1000, 1),
            id=request_id,
        )
        route = scope.get("route")
        template = scope["state"].get("template") or getattr(route, "path", "other")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self.metrics.request(template, method, status, took)

    def _refuse(self, scope: Scope) -> Problem | None:
        if self._hosts and not self._answers_to(scope):
            return Problem(
                "E_HOST",
                "本服务不使用这个主机名",
                "The service does not answer to this host name",
                where="Host",
                fix=("使用设置 LIANGTIAN_HOSTS 中的主机名", "Use a name of LIANGTIAN_HOSTS"),
            )
        client = (scope.get("client") or ("?",))[0]
        writing = scope["method"] not in _SAFE
        bucket = self.writes if writing else self.reads
        wait = bucket.wait(client, time.monotonic()) if bucket else 0.0
        if wait > 0:
            return Problem(
                "E_RATE",
                "请求过于频繁，请稍候再试",
                "Too many requests; try again in a moment",
                headers={"Retry-After": str(max(1, round(wait)))},
            )
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self._limit(scope):
            return self._too_large(scope)
        return None

    def _answers_to(self, scope: Scope) -> bool:
        host = next((v for n, v in scope["headers"] if n == b"host"), b"").decode("latin-1")
        try:
            return urlsplit(f"//{host}").hostname in self._hosts
        except ValueError:
            return False

    def _limit(self, scope: Scope) -> int:
        path = scope["path"]
        raster = path == "/soil/scenes" and not sends_json(scope)
        if path == "/uploads" or path.startswith("/uploads/tus") or raster:
            return self.settings.max_upload_mib * 2**20
        return self.settings.max_body_kib * 2**10

    def _too_large(self, scope: Scope) -> Problem:
        limit = self._limit(scope) // 1024
        return Problem(
            "E_TOO_LARGE",
            f"请求内容超过上限 {limit:,} KiB",
            f"The body is larger than {limit:,} KiB",
            fix=("请拆分文件后再上传", "Split the file and upload the parts"),
        )
