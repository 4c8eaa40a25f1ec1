"""JSON bodies: read by the route itself, after authorization, as a pydantic model."""

from __future__ import annotations

from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from app.params import bad

_Body = TypeVar("_Body", bound=BaseModel)
#: Models of bodies by name, for the OpenAPI document.
BODIES: dict[str, type[BaseModel]] = {}


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """The OpenAPI part of a JSON body that the route reads itself, after authorization."""
    BODIES[model.__name__] = model
    reference = {"$ref": f"#/components/schemas/{model.__name__}"}
    content = {"application/json": {"schema": reference}}
    return {"requestBody": {"required": True, "content": content}}


async def read_json(request: Request, model: type[_Body]) -> _Body:
    """The body as ``model``; what does not fit is refused with its place."""
    kind = request.headers.get("content-type", "application/json").split(";")[0].strip()
    if kind != "application/json":
        raise bad(
            "Content-Type",
            f"内容类型 {kind} 不支持",
            f"The content type {kind} is not supported",
            "E_TYPE",
            ("请用 application/json", "Send application/json"),
        )
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "body"
        zh, en = f"内容不正确:{first['msg']}", f"The body does not fit: {first['msg']}"
        raise bad(place, zh, en, "E_BODY") from None
