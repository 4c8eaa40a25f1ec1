"""JSON bodies: read by the route itself, after authorization, as a pydantic model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar, Union, cast

from fastapi import Request
from pydantic import BaseModel, Discriminator, TypeAdapter, ValidationError

from app.params import bad

_Body = TypeVar("_Body", bound=BaseModel)
#: Models of bodies by name, for the OpenAPI document.
BODIES: dict[str, type[BaseModel]] = {}


JSON = "application/json"


def json_body(*models: type[BaseModel], types: tuple[str, ...] = (JSON,)) -> dict[str, Any]:
    """The OpenAPI part of a JSON body that the route reads itself, after authorization."""
    BODIES.update({model.__name__: model for model in models})
    found = [{"$ref": f"#/components/schemas/{model.__name__}"} for model in models]
    schema = found[0] if len(found) == 1 else {"oneOf": found}
    content = {kind: {"schema": schema} for kind in types}
    return {"requestBody": {"required": True, "content": content}}


async def read_json(
    request: Request, *models: type[_Body], types: tuple[str, ...] = (JSON,)
) -> _Body:
    """The body as the model, of several the one of its ``type``; what does not fit is refused
    with its place. ``types``: media types that are JSON of this kind."""
    kind = request.headers.get("content-type", JSON).split(";")[0].strip()
    if kind not in types:
        raise bad(
            "Content-Type",
            f"内容类型 {kind} 不支持",
            f"The content type {kind} is not supported",
            "E_TYPE",
            (f"请用 {'、'.join(types)}", f"Send {', '.join(types)}"),
        )
    body = await request.body()
    if len(models) == 1:
        return _fitting(lambda: models[0].model_validate_json(body), "body", "E_BODY")
    kinds: Any = Annotated[Union[models], Discriminator("type")]  # noqa: UP007 - at run time
    return _fitting(lambda: cast(_Body, TypeAdapter(kinds).validate_json(body)), "body", "E_BODY")


def checked(given: dict[str, Any], model: type[_Body]) -> _Body:
    """Query parameters as ``model``. Raises `Problem` E_PARAMETER with its place."""
    return _fitting(lambda: model.model_validate(given), "query", "E_PARAMETER")


def _fitting(read: Callable[[], _Body], whole: str, code: str) -> _Body:
    try:
        return read()
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or whole
        zh, en = f"内容不正确:{first['msg']}", f"The {whole} does not fit: {first['msg']}"
        raise bad(place, zh, en, code) from None
