"""The OpenAPI document: parameters as declared, errors as every route gives them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema

from app.api.links import JSON, OPENAPI, PROBLEM, answer, produces
from app.auth import PUBLIC, allow, permission_of
from app.bodies import BODIES

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
    "408": "数据中断 The body stopped coming",
    "409": "当前状态不允许 Not in this state",
    "410": "已不在 Gone",
    "412": "已被他人修改 Changed by somebody else",
    "413": "内容过大 Too large",
    "415": "文件类型不支持 Unsupported type",
    "422": "内容有错误 The content is faulty",
    "423": "正被写入 Being written to",
    "428": "没有说明版本 No version was named",
    "429": "请求过多 Too many requests",
    "460": "校验和不符 The checksum does not fit (tus)",
    "503": "暂时无法处理 Not now",
    "507": "磁盘空间不足 The disk is full",
}


#: What a POST makes: its path -> the parameters of the paths below it, and where their values are.
_MADE = {
    "/uploads": {"upload_id": "$response.body#/id"},
    "/soil/runs": {"run_id": "$response.body#/id"},
    "/soil/scenes": {"scene_id": "$response.body#/id"},
    "/soil/calibrations": {"calibration_id": "$response.body#/id"},
    "/soil/sample-designs": {"design_id": "$response.body#/id"},
    "/seals": {"seal_id": "$response.body#/id"},
    "/auth/tokens": {"token_id": "$response.body#/id"},
    "/people": {"name": "$request.body#/name"},
    "/collections/{layer}/items": {
        "layer": "$request.path.layer",
        "fid": "$response.body#/id",
    },
}
_JOB = {"job_id": "$response.body#/job"}


def install(app: FastAPI) -> None:
    """Serve the document at ``/api``."""

    @app.get("/api", summary="OpenAPI document", include_in_schema=True)
    @allow(PUBLIC)
    @produces(OPENAPI)
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
                _complete(operation, route)
    for path, given in _MADE.items():
        _lead_on(content["paths"], path, given)
    layers = list(app.state.liangtian.catalog.layers)
    return _as_3_0(content, layers)


def _lead_on(paths: dict[str, Any], made: str, given: dict[str, str]) -> None:
    """Links from the answer that says what was made to every address of it, and of its job."""
    responses = paths[made]["post"]["responses"]
    success = next(response for status, response in responses.items() if status.startswith("2"))
    jobs = {"/jobs/{job_id}"} if responses.get("202") is success else set()
    for path, operations in paths.items():
        values = _JOB if path in jobs else given
        wanted = set(re.findall(r"{(\w+)}", path))
        if not (path in jobs or path.startswith(f"{made}/{{")) or not wanted <= set(values):
            continue
        for method, operation in operations.items():
            success.setdefault("links", {})[f"{method} {path}".replace("/", ".")] = {
                "operationId": operation["operationId"],
                "parameters": {name: values[name] for name in sorted(wanted)},
            }


def _as_3_0(part: Any, layers: list[str]) -> Any:
    """Say in the words of OpenAPI 3.0 (which OGC API asks for) what FastAPI says in 3.1."""
    if isinstance(part, list):
        return [_as_3_0(item, layers) for item in part]
    if not isinstance(part, dict):
        return part
    out = {key: _as_3_0(value, layers) for key, value in part.items()}
    choices = out.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        left = [choice for choice in choices if choice != {"type": "null"}]
        del out["anyOf"]
        out |= {**left[0]} if len(left) == 1 else {"anyOf": left}
        out["nullable"] = True
    for side in ("minimum", "maximum"):
        limit = out.get(f"exclusive{side.capitalize()}")
        if limit is not None and not isinstance(limit, bool):
            out[side], out[f"exclusive{side.capitalize()}"] = limit, True
    if "const" in out:
        out["enum"] = [out.pop("const")]
    if out.get("in") in ("path", "query"):
        out.get("schema", {}).pop("nullable", None)
        if out.get("name") == "layer":
            out["schema"] = {"type": "string", "enum": layers}
    return out


def _complete(operation: dict[str, Any], route: APIRoute) -> None:
    """What FastAPI does not know: media types, who may, and which refusals there are."""
    permission = permission_of(route)
    kinds = getattr(route.endpoint, "produces", (JSON,))
    for status, response in operation["responses"].items():
        if status.startswith("2") and status != "204":
            response["content"] = {kind: {} for kind in kinds}
    for status in _ERRORS:
        operation["responses"][status] = {"$ref": f"#/components/responses/Problem{status}"}
    if permission not in (None, PUBLIC):
        operation["security"] = [{"token": []}, {}] if permission == "viewer" else [{"token": []}]
        operation["x-role"] = permission
