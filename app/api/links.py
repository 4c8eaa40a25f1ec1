"""Addresses in answers, and answers with validators."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import orjson
from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from app.language import language_of
from app.params import not_modified
from app.sight import scope

JSON = "application/json"
HTML = "text/html"
PNG = "image/png"
CSV = "text/csv"
PDF = "application/pdf"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
BINARY = "application/octet-stream"
MVT = "application/vnd.mapbox-vector-tile"
EVENTS = "text/event-stream"
GEOJSON = "application/geo+json"
SCHEMA = "application/schema+json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
PROBLEM = "application/problem+json"
VARY = "Accept, Accept-Language, Authorization, Cookie"


_Endpoint = TypeVar("_Endpoint", bound=Callable[..., object])


def produces(*media_types: str) -> Callable[[_Endpoint], _Endpoint]:
    """Declare the media types of a route's good answers (JSON where nothing is said)."""

    def mark(endpoint: _Endpoint) -> _Endpoint:
        endpoint.produces = media_types  # type: ignore[attr-defined]
        return endpoint

    return mark


def root(request: Request) -> str:
    """Where the service lives, without a slash at the end."""
    configured: str = request.app.state.liangtian.settings.base_url
    return (configured or str(request.base_url)).rstrip("/")


def link(request: Request, path: str, rel: str, kind: str, title: str = "") -> dict[str, str]:
    entry = {"href": root(request) + path, "rel": rel, "type": kind}
    if title:
        entry["title"] = title
    return entry


def here(request: Request, **changes: str | None) -> str:
    """The address of this request with some parameters changed (None: taken out)."""
    kept = [(k, v) for k, v in request.query_params.multi_items() if k not in changes]
    kept += [(k, v) for k, v in changes.items() if v is not None]
    query = f"?{urlencode(kept)}" if kept else ""
    return f"{root(request)}{request.url.path}{query}"


def caching(request: Request) -> str:
    """Only what anybody may read may be kept by shared caches, and only with revalidation."""
    public = request.app.state.liangtian.settings.public_read and not scope(request)
    return "no-cache" if public else "private, no-cache"


def answer(
    request: Request,
    content: Any,
    tag: str | None = None,
    media_type: str = JSON,
    headers: dict[str, str] | None = None,
) -> Response:
    """An answer in the request's language; 304 when the client has it already."""
    out, known = _headers(request, tag, headers)
    if known:
        return Response(status_code=304, headers=out)
    body = content if isinstance(content, bytes) else orjson.dumps(content)
    return Response(body, headers=out, media_type=media_type)


def attachment(name: str) -> str:
    """``Content-Disposition`` of a download whose name may be Chinese (RFC 6266)."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def stream(
    request: Request,
    pieces: Iterable[bytes | memoryview],
    tag: str,
    media_type: str,
    headers: dict[str, str] | None = None,
) -> Response:
    """Like `answer`, for what is made while it is sent."""
    out, known = _headers(request, tag, headers)
    if known:
        return Response(status_code=304, headers=out)
    return StreamingResponse(pieces, headers=out, media_type=media_type)


def _headers(
    request: Request, tag: str | None, more: dict[str, str] | None
) -> tuple[dict[str, str], bool]:
    """The headers of an answer, and whether the client has it already."""
    language = language_of(request)
    out = {
        "Content-Language": "en" if language == "en" else "zh-CN",
        "Vary": VARY,
        "Cache-Control": caching(request),
        **(more or {}),
    }
    if tag is None:
        return out, False
    out["ETag"] = tag = in_language(request, tag)
    return out, not_modified(request, tag)


def in_language(request: Request, tag: str) -> str:
    """A validator as the client is told it: of the language, and of what the asker may see."""
    return f'{tag[:-1]}-{language_of(request)}{scope(request)}"'
