"""The OpenAPI document: parameters as declared, errors as every route gives them."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema

from app.api.links import OPENAPI, PROBLEM, answer
from app.auth import PUBLIC, allow, permission_of
from app.params import BODIES

VERSION = version("liangtian")

_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "pattern": "^E_[A-Z0-9_]+$"},
        "detail": {"type": "string"},
        "where": {"type": "string"},
        "fix": {"type": "string"},
    },
}
_ERRORS = {
    "400": "参数或内容不正确 Bad parameter or body",
    "401": "未登录 Not signed in",
    "403": "没有权限 Not allowed",
    "404": "不存在 Not there",
    "406": "没有这种格式 No such format",
    "409": "当前状态不允许 Not in this state",
    "412": "已被他人修改 Changed by somebody else",
    "413": "内容过大 Too large",
    "415": "文件类型不支持 Unsupported type",
    "422": "内容有错误 The content is faulty",
    "429": "请求过多 Too many requests",
    "503": "暂时无法处理 Not now",
}


def install(app: FastAPI) -> None:
    """Serve the document at ``/api``."""

    @app.get("/api", summary="OpenAPI document", include_in_schema=True)
    @allow(PUBLIC)
    def api(request: Request) -> Response:
        if app.openapi_schema is None:
            app.openapi_schema = document(app)
        return answer(request, app.openapi_schema, media_type=OPENAPI)


def api_routes(router: Any) -> Iterator[APIRoute]:
    """Every route of an application, also those of included routers."""
    for route in router.routes:
        if isinstance(route, APIRoute):
            yield route
        elif hasattr(route, "original_router"):
            yield from api_routes(route.original_router)


def document(app: FastAPI) -> dict[str, Any]:
    content = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version="3.0.3",
        description="盐碱地整治、高标准农田与灌区 / Saline land, farmland, irrigation districts",
        routes=app.routes,
    )
    components = content.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM
    _, bodies = models_json_schema(
        [(model, "validation") for model in BODIES.values()],
        ref_template="#/components/schemas/{model}",
    )
    schemas.update(bodies.get("$defs", {}))
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    components["responses"] = {
        f"Problem{status}": {
            "description": text,
            "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status, text in _ERRORS.items()
    }
    for route in api_routes(app):
        if not route.include_in_schema:
            continue
        for method in route.methods or ():
            operation = content["paths"][route.path_format].get(method.lower())
            if operation is not None:
                _complete(operation, permission_of(route))
    return content


def _complete(operation: dict[str, Any], permission: str | None) -> None:
    """What FastAPI does not know: who may, and which refusals there are."""
    for status in _ERRORS:
        operation["responses"][status] = {"$ref": f"#/components/responses/Problem{status}"}
    if permission not in (None, PUBLIC):
        operation["security"] = [{"token": []}, {}] if permission == "viewer" else [{"token": []}]
        operation["x-role"] = permission
