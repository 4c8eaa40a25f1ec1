"""Errors as one table: every code with its HTTP status, and how it is written.

Answers follow RFC 9457 (`application/problem+json`). The library raises
`geo.errors.Rejected`; what is particular to HTTP raises `Problem`.
"""

from __future__ import annotations

import errno
import logging
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from app.language import language_of
from geo.errors import Rejected
from geo.record.protocol import RecordError

log = logging.getLogger("liangtian")

#: Codes that are not 422; everything that the library refuses otherwise is.
STATUS: dict[str, int] = {
    "E_PARAMETER": 400,
    "E_INDEX": 400,
    "E_MASK": 400,
    "E_BBOX": 400,
    "E_CRS": 400,
    "E_FILTER": 400,
    "E_DATETIME": 400,
    "E_AS_OF": 400,
    "E_SORT": 400,
    "E_CURSOR": 400,
    "E_BODY": 400,
    "E_HOST": 400,
    "E_LOGIN": 401,
    "E_PASSWORD": 401,
    "E_ORIGIN": 403,
    "E_FORBIDDEN": 403,
    "E_COUNTY": 403,
    "E_PATH": 403,
    "E_NOT_FOUND": 404,
    "E_TILE_RANGE": 404,
    "E_TILE_SET": 404,
    "E_METHOD": 405,
    "E_FORMAT": 406,
    "E_IDLE": 408,
    "E_OFFSET": 409,
    "E_GONE": 410,
    "E_TUS_VERSION": 412,
    "E_LOCKED": 423,
    "E_CHECKSUM": 460,
    "E_STATE": 409,
    "E_SEAL": 409,
    "E_BACKUP": 409,
    "E_NOT_EMPTY": 409,
    "E_DIFF_CHANGED": 409,
    "E_SCENE_EXISTS": 409,
    "E_SCENE_RETIRED": 409,
    "E_SCENE_USED": 409,
    "E_REVERT": 409,
    "E_VERSION_CONFLICT": 412,
    "E_IF_MATCH": 428,
    "E_CONFLICT_KEPT": 409,
    "E_CLASH": 409,
    "E_TOO_LARGE": 413,
    "E_TYPE": 415,
    "E_RATE": 429,
    "E_INTERNAL": 500,
    "E_LOST_WORKER": 500,
    "E_RECORD": 500,
    "E_STORAGE_FAULT": 503,
    "E_CANNOT_OPEN": 503,
    "E_NO_DATABASE": 503,
    "E_LIVE_DATABASE": 500,
    "E_READ_ONLY": 503,
    "E_BUSY": 503,
    "E_TILE_BUSY": 503,
    "E_RASTER_FETCH": 502,
    "E_OBJECT_STORE": 503,
    "E_QUERY_TIME": 503,
    "E_DISK_FULL": 507,
}

_HTTP_CODES = {
    400: "E_BODY",
    401: "E_LOGIN",
    403: "E_FORBIDDEN",
    404: "E_NOT_FOUND",
    405: "E_METHOD",
    413: "E_TOO_LARGE",
    415: "E_TYPE",
}
_HTTP_TEXTS = {
    404: ("没有这个地址", "There is nothing at this address"),
    405: ("这个地址不支持该方法", "This address does not take that method"),
}


class Problem(Rejected):
    """A refusal that only HTTP knows; ``headers`` go out with it."""

    def __init__(
        self,
        code: str,
        zh: str,
        en: str,
        *,
        where: str | None = None,
        fix: tuple[str, str] | None = None,
        headers: dict[str, str] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(code, zh, en, where=where, fix=fix)
        self.headers = headers or {}
        self.extra = extra or {}


def not_found(zh: str, en: str, where: str | None = None) -> Problem:
    return Problem("E_NOT_FOUND", zh, en, where=where)


def document(error: Rejected, language: str) -> dict[str, Any]:
    """The problem as an object, in one language."""
    which = 1 if language == "en" else 0
    status = STATUS.get(error.code, 422)
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": error.detail[which],
        "status": status,
        "code": error.code,
        "detail": error.detail[which],
    }
    if error.where:
        content["where"] = error.where
    if error.fix:
        content["fix"] = error.fix[which]
    content.update(getattr(error, "extra", {}))
    return content


def respond(request: Request, error: Rejected) -> Response:
    language = language_of(request)
    content = document(error, language)
    headers = {
        "Cache-Control": "no-store",
        "Content-Language": "en" if language == "en" else "zh-CN",
        **getattr(error, "headers", {}),
    }
    if content["status"] == 401:
        headers.setdefault("WWW-Authenticate", 'Bearer realm="liangtian"')
    return Response(
        orjson.dumps(content), content["status"], headers, media_type="application/problem+json"
    )


#: The web server closes the connection after an exception that nobody expected.
_LAST = {"Connection": "close"}


def install(app: FastAPI) -> None:
    """Turn every exception into a problem document."""

    @app.exception_handler(Rejected)
    async def _rejected(request: Request, error: Rejected) -> Response:
        return respond(request, error)

    @app.exception_handler(RecordError)
    async def _record(request: Request, error: RecordError) -> Response:
        zh, en = error.detail
        problem = Problem(error.code, zh, en, where=error.where, fix=error.fix)
        if error.code in ("E_BUSY", "E_NO_DATABASE"):
            problem.headers["Retry-After"] = "2"
        return respond(request, problem)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        reason = str(first["msg"])
        code = "E_BODY" if first["loc"][0] == "body" else "E_PARAMETER"
        problem = Problem(code, f"参数不正确:{reason}", f"Bad value: {reason}", where=place)
        return respond(request, problem)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        code = _HTTP_CODES.get(error.status_code, "E_BODY")
        zh, en = _HTTP_TEXTS.get(error.status_code, (str(error.detail), str(error.detail)))
        headers = dict(error.headers or {})
        return respond(request, Problem(code, zh, en, where=request.url.path, headers=headers))

    @app.exception_handler(ClientDisconnect)
    async def _gone(_request: Request, _error: ClientDisconnect) -> Response:
        return Response(status_code=499)  # nobody hears it; the log line does not say 500

    @app.exception_handler(Exception)
    async def _unexpected(request: Request, error: Exception) -> Response:
        if _no_space(error):
            return respond(
                request,
                Problem(
                    "E_DISK_FULL", "磁盘已满，无法完成", "The disk is full; this cannot be done",
                    fix=("请联系管理员释放空间后重试",
                         "Ask the administrator to free space, then try again"),
                    headers=_LAST,
                ),
            )  # fmt: skip
        log.exception("unexpected error", exc_info=error)
        return respond(
            request,
            Problem(
                "E_INTERNAL",
                "服务器内部错误,已记录",
                "An internal error; it has been logged",
                headers=_LAST,
            ),
        )


def _no_space(error: BaseException | None) -> bool:
    """Whether a full disk is behind it; libraries wrap what the system said."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__ or error.__context__
    return False
