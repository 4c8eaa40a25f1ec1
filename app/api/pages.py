"""The built page, its static files and the viewer of the API definition.

Everything is served from ``app/web/dist``: no other host is ever asked. Names of
files in ``assets`` carry a hash of their content, so they are cached for ever;
the HTML that names them is checked each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from app.auth import PUBLIC, allow

DIST = Path(__file__).resolve().parent.parent / "web" / "dist"
#: Example pages (docs/examples), built beside the map page.
EXAMPLES = ("index", "maplibre", "leaflet", "openlayers", "amap")

#: What every page carries beside the headers of all answers (``nosniff``: app.middleware).
#: No inline script or style, no eval, no other host, no frame around us. MapLibre's
#: worker is a served file, so not even ``blob:`` scripts are needed.
_SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "default-src": "'self'",
        "script-src": "'self'",
        "worker-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data: blob:",
        "connect-src": "'self'",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
)
#: Where the base map of Tianditu comes from, for operators who allow it (`Settings.tianditu`).
TIANDITU = "https://*.tianditu.gov.cn"


def content_security_policy(*, tianditu: bool = False) -> str:
    """The policy of a page. With ``tianditu`` its map may ask one other host, for pictures."""
    more = {"connect-src": f" {TIANDITU}", "img-src": f" {TIANDITU}"} if tianditu else {}
    return "; ".join(f"{name} {value}{more.get(name, '')}" for name, value in _SOURCES.items())


SECURITY_HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": content_security_policy(),
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
)
_FOR_EVER = "public, max-age=31536000, immutable"
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}
_ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
_NOT_BUILT = """<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>良田</title></head><body>
<h1>地图页面还没有构建</h1>
<p>服务正在运行,接口可以使用:<a href="/collections?f=json">/collections</a>、
<a href="/api">/api</a>。</p>
<p>在项目目录运行 <code>make page</code> 构建页面,然后刷新。</p>
<hr>
<h2 lang="en">The map page is not built yet</h2>
<p lang="en">The service is running and its API works. Run <code>make page</code> in the project
folder to build the page, then reload.</p>
</body></html>
"""


def wants_html(request: Request) -> bool:
    """Whether the client would rather read HTML than JSON: ``f`` first, then ``Accept``.

    A client that accepts anything (``*/*``, as curl sends) is a program: it gets JSON.
    """
    wanted = request.query_params.get("f")
    if wanted is not None:
        return wanted == "html"
    quality = _accepted(request.headers.get("accept", ""))
    html = max(quality.get("text/html", 0.0), quality.get("application/xhtml+xml", 0.0))
    return html > 0 and html >= quality.get("application/json", 0.0)


def index_response(dist: Path = DIST, *, tianditu: bool = False) -> Response:
    """The map page; a page that says how to build it when it is not built (503)."""
    page = _page(dist / "index.html")
    page.headers["Content-Security-Policy"] = content_security_policy(tianditu=tianditu)
    return page


def build_router(dist: Path = DIST) -> APIRouter:
    """Routes for ``/docs``, ``/assets/*``, ``/examples/*`` and the icon; ``/`` is the landing page.

    All of them are public: they hold no data.
    """
    pages = APIRouter(include_in_schema=False)

    @pages.api_route("/docs", methods=["GET", "HEAD"])
    @allow(PUBLIC)
    def docs() -> Response:
        return _page(dist / "docs.html")

    @pages.api_route("/favicon.svg", methods=["GET", "HEAD"])
    @allow(PUBLIC)
    def icon() -> Response:
        return _icon(dist / "favicon.svg")

    @pages.api_route("/assets/{name}", methods=["GET", "HEAD"])
    @allow(PUBLIC)
    def asset(name: str, request: Request) -> Response:
        return _asset(dist / "assets", name, request)

    @pages.api_route("/examples/", methods=["GET", "HEAD"])
    @allow(PUBLIC)
    def examples() -> Response:
        return _page(dist / "examples" / "index.html")

    @pages.api_route("/examples/{name}.html", methods=["GET", "HEAD"])
    @allow(PUBLIC)
    def example(name: str) -> Response:
        if name not in EXAMPLES:
            return Response(status_code=404, headers={"Cache-Control": "no-store"})
        return _page(dist / "examples" / f"{name}.html")

    @pages.api_route("/examples/assets/{name}", methods=["GET", "HEAD"])
    @allow(PUBLIC)
    def example_asset(name: str, request: Request) -> Response:
        return _asset(dist / "examples" / "assets", name, request)

    return pages


def _page(path: Path) -> Response:
    headers = {**SECURITY_HEADERS, "Cache-Control": "no-cache", "Vary": "Accept"}
    if not path.is_file():
        headers["Cache-Control"] = "no-store"
        return HTMLResponse(_NOT_BUILT, status_code=503, headers=headers)
    return FileResponse(path, media_type="text/html; charset=utf-8", headers=headers)


def _icon(path: Path) -> Response:
    if not path.is_file():
        return Response(status_code=404)
    headers = {**SECURITY_HEADERS, "Cache-Control": "public, max-age=86400"}
    return FileResponse(path, media_type="image/svg+xml", headers=headers)


def _asset(folder: Path, name: str, request: Request) -> Response:
    """A built file in the best encoding that the client takes; 404 for any other name."""
    path = folder / name
    media_type = _MEDIA_TYPES.get(path.suffix)
    # The route takes one path segment; this also stops names that a file system reads as more.
    if media_type is None or path.name != name or not path.is_file():
        return Response(status_code=404, headers={"Cache-Control": "no-store"})
    headers = {**SECURITY_HEADERS, "Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"}
    accepted = _accepted(request.headers.get("accept-encoding", ""))
    for encoding, suffix in _ENCODINGS:
        packed = path.with_name(name + suffix)
        if accepted.get(encoding, 0.0) > 0 and packed.is_file():
            headers["Content-Encoding"] = encoding
            return FileResponse(packed, media_type=media_type, headers=headers)
    return FileResponse(path, media_type=media_type, headers=headers)


def _accepted(header: str) -> dict[str, float]:
    """``Accept`` or ``Accept-Encoding`` as value -> quality; what is malformed counts as 0."""
    result: dict[str, float] = {}
    for part in header.split(","):
        value, *parameters = (piece.strip() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            key, _, number = parameter.partition("=")
            if key.strip().lower() == "q":
                try:
                    quality = float(number)
                except ValueError:
                    quality = 0.0
        if value:
            result[value.lower()] = quality
    return result


router = build_router()
