"""Query parameters as named dependencies; each says what it means and refuses what it is not.

They are coroutines because FastAPI sends every other function to a thread, which takes
longer than reading a parameter does.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar

import numpy as np
import orjson
from fastapi import Depends, Query, Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query as QueryInfo
from fastapi.routing import APIRoute

from app import ogc_crs
from app.problems import Problem, not_found
from geo.layers import Layer
from geo.local import LOCAL_TIME
from geo.snapshot import cql
from geo.snapshot.filters import FieldEquals, Meets, TimeWithin, WordsIn
from geo.snapshot.rows import public_names
from geo.snapshot.view import Box, Order, RowFilter, View

MOST_ITEMS = 10_000
MOST_OFFSET = 1_000_000
#: Characters of ``properties=`` and ``v=``.
MOST_NAMES, MOST_VERSION = 1000, 40
#: Parameters that every route knows.
EVERYWHERE = frozenset({"lang", "f"})


def bad(where: str, zh: str, en: str, code: str = "E_PARAMETER", fix: Any = None) -> Problem:
    return Problem(code, zh, en, where=where, fix=fix)


_Endpoint = TypeVar("_Endpoint", bound=Callable[..., object])


def takes_fields(endpoint: _Endpoint) -> _Endpoint:
    """Mark a route whose parameters include the names of the layer's fields."""
    endpoint.takes_fields = True  # type: ignore[attr-defined]
    return endpoint


def takes_fields_of(
    layer: Callable[[Request], Layer],
) -> Callable[[_Endpoint], _Endpoint]:
    """`takes_fields`, for a route that finds its layer in another way."""

    def mark(endpoint: _Endpoint) -> _Endpoint:
        endpoint.layer_of = layer  # type: ignore[attr-defined]
        return takes_fields(endpoint)

    return mark


_DECLARED: dict[str, frozenset[str]] = {}


async def known_parameters(request: Request) -> None:
    """Application-wide dependency: an unknown parameter is an error, not silence."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    known = _DECLARED.get(route.unique_id)
    if known is None:
        declared = get_flat_params(route.dependant)
        names = {p.alias for p in declared if isinstance(p.field_info, QueryInfo)}
        known = _DECLARED[route.unique_id] = EVERYWHERE | names
    if getattr(route.endpoint, "takes_fields", False):
        find = getattr(route.endpoint, "layer_of", None)
        layer = request.path_params.get("layer") or request.query_params.get("layer", "")
        found = find(request) if find else find_layer(request, layer)
        known = known | found.by_name.keys()
    refuse_unknown(request, known)


def refuse_unknown(request: Request, known: frozenset[str] | set[str]) -> None:
    for name in request.query_params:
        if name not in known:
            names = "、".join(sorted(known - EVERYWHERE)) or "-"
            raise bad(
                name,
                f"未知参数 {name}",
                f"Unknown parameter {name}",
                fix=(f"可用参数:{names}", f"Known parameters: {', '.join(sorted(known))}"),
            )


def find_layer(request: Request, layer: str) -> Layer:
    """A layer by its id. Raises `Problem` E_NOT_FOUND."""
    layers = request.app.state.liangtian.catalog.layers
    seen = {name: each for name, each in layers.items() if request.state.user.sees(name)}
    found: Layer | None = seen.get(layer)
    if found is None:
        names = ", ".join(seen)
        raise Problem(
            "E_NOT_FOUND",
            f"没有图层 {layer}",
            f"There is no layer {layer}",
            where="layer",
            fix=(f"可用图层:{names}", f"Layers: {names}"),
        )
    return found


async def layer_of(request: Request, layer: str) -> Layer:
    """The layer named in the path."""
    return find_layer(request, layer)


PathLayer = Annotated[Layer, Depends(layer_of)]


async def as_of(
    as_of: Annotated[
        str | None,
        Query(max_length=40, description="A revision number or a date-time: the data as it was."),
    ] = None,
) -> int | datetime | None:
    return read_as_of(as_of)


def read_as_of(text: str | None) -> int | datetime | None:
    """A revision or a moment. Raises `Problem` E_AS_OF."""
    if text is None:
        return None
    if re.fullmatch(r"\d{1,15}", text, re.ASCII):
        return int(text)
    return instant(text, "as_of", "E_AS_OF", end=True)


AsOf = Annotated[int | datetime | None, Depends(as_of)]


def instant(text: str, where: str, code: str, *, end: bool) -> datetime:
    """A date or date-time, local to Baicheng when it has no offset; the result is in UTC.

    ``end``: a date means its last moment, not its first.
    """
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
            start = datetime.fromisoformat(text).replace(tzinfo=LOCAL_TIME).astimezone(UTC)
            return start + timedelta(days=1, microseconds=-1) if end else start
        if not re.match(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d", text, re.ASCII):
            raise ValueError(text)
        value = datetime.fromisoformat(text.replace(" ", "+", 1) if "T" in text else text)
        return (value if value.tzinfo else value.replace(tzinfo=LOCAL_TIME)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise bad(
            where,
            f"不是有效的日期或时间:{text}",
            f"Not a date or date-time: {text}",
            code,
            fix=("例如 2025-06-30 或 2025-06-30T08:00:00Z", "e.g. 2025-06-30T08:00:00Z"),
        ) from None


def interval(text: str) -> tuple[datetime | None, datetime | None]:
    """``datetime=`` of OGC API Features 7.15.4: an instant, ``a/b``, ``../b`` or ``a/..``."""
    parts = text.split("/")
    if len(parts) > 2 or all(p in ("", "..") for p in parts):
        raise bad("datetime", "时间区间不正确", "Not a time interval", "E_DATETIME")
    if len(parts) == 1:
        return (
            instant(text, "datetime", "E_DATETIME", end=False),
            instant(text, "datetime", "E_DATETIME", end=True),
        )
    low, high = (
        None if p in ("", "..") else instant(p, "datetime", "E_DATETIME", end=bool(i))
        for i, p in enumerate(parts)
    )
    if low and high and low > high:
        raise bad(
            "datetime", "区间的起点晚于终点", "The interval ends before it starts", "E_DATETIME"
        )
    return low, high


def box(text: str, crs: ogc_crs.Crs) -> Box:
    """``bbox=`` as lon/lat bounds; 4 numbers (6 with heights, which are ignored)."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) == 6:
        numbers = [*numbers[:2], *numbers[3:5]]
    if len(numbers) != 4 or not all(map(math.isfinite, numbers)):
        raise bad(
            "bbox",
            "bbox 应为 4 个用逗号分开的数",
            "bbox takes 4 numbers with commas between them",
            "E_BBOX",
            fix=("例如 bbox=123.1,45.2,123.4,45.5", "e.g. bbox=123.1,45.2,123.4,45.5"),
        )
    with np.errstate(all="ignore"):
        lonlat = crs.box_to_lonlat(tuple(numbers))
    low_x, low_y, high_x, high_y = lonlat
    fits = -180 <= low_x <= high_x <= 180 and -90 <= low_y <= high_y <= 90
    if not all(map(math.isfinite, lonlat)) or not fits:
        raise bad(
            "bbox",
            "bbox 的范围不正确:应为 最小经度,最小纬度,最大经度,最大纬度",
            "bbox must be min lon, min lat, max lon, max lat within the world",
            "E_BBOX",
            fix=(
                "检查数的顺序和 bbox-crs",
                "Check the order of the numbers and bbox-crs",
            ),
        )
    return lonlat


@dataclass(frozen=True)
class Selection:
    """Which rows are asked for: filters and a box."""

    filters: tuple[RowFilter, ...]
    box: Box | None

    @property
    def all_filters(self) -> tuple[RowFilter, ...]:
        """With the box as one of them, for what has a box of its own."""
        return (*self.filters, Meets(self.box)) if self.box is not None else self.filters


def selection_of(
    layer_dependency: Callable[..., Awaitable[Layer]],
) -> Callable[..., Awaitable[Selection]]:
    """The dependency that reads a selection, for a layer from the path or a parameter.

    Every way to choose features; field names are parameters too (``county=220882``).
    """

    async def selection(
        request: Request,
        layer: Layer = Depends(layer_dependency),  # noqa: B008 (annotations cannot see it)
        bbox: Annotated[str | None, Query(max_length=200, description="Bounds to meet.")] = None,
        bbox_crs: Annotated[
            str, Query(alias="bbox-crs", max_length=100, description="CRS of bbox.")
        ] = ogc_crs.CRS84,
        datetime_: Annotated[
            str | None, Query(alias="datetime", max_length=80, description="Instant or interval.")
        ] = None,
        filter_: Annotated[
            str | None, Query(alias="filter", description="CQL2 text or JSON.")
        ] = None,
        filter_lang: Annotated[
            cql.Language,
            Query(alias="filter-lang", description="Language of filter."),
        ] = "cql2-text",
        filter_crs: Annotated[
            str, Query(alias="filter-crs", max_length=100, description="CRS of its geometries.")
        ] = ogc_crs.CRS84,
        q: Annotated[
            str | None, Query(max_length=100, description="Words in names and codes.")
        ] = None,
    ) -> Selection:
        filters: list[RowFilter] = []
        if filter_ is not None:
            filters.append(_filter(filter_, filter_lang, filter_crs, layer))
        for name in layer.by_name:
            if name in request.query_params:
                texts = request.query_params.getlist(name)
                filters.append(FieldEquals.parse(layer.by_name[name], texts))
        limits = box(bbox, ogc_crs.parse(bbox_crs)) if bbox is not None else None
        if datetime_ is not None:
            low, high = interval(datetime_)
            if layer.datetime_field:
                filters.append(TimeWithin(layer.by_name[layer.datetime_field], low, high))
        if q is not None and q.strip():
            filters.append(WordsIn.parse(layer, q))
        return Selection(tuple(filters), limits)

    return selection


def _filter(text: str, language: cql.Language, crs_text: str, layer: Layer) -> RowFilter:
    crs = ogc_crs.parse(crs_text)
    epsg = crs.epsg if not crs.same_numbers else None
    return cql.Limited(cql.parse(text, language, layer, epsg, crs.swapped))


Selected = Annotated[Selection, Depends(selection_of(layer_of))]


async def sort_order(
    layer: PathLayer,
    sortby: Annotated[
        str | None, Query(max_length=200, description="Properties; - for descending.")
    ] = None,
) -> tuple[Order, ...]:
    names = sortables(layer)
    orders = []
    for part in (sortby or "").split(","):
        name = part.strip().lstrip("+-")
        if not part.strip():
            continue
        if name not in names:
            raise bad(
                "sortby",
                f"不能按 {name} 排序",
                f"Cannot sort by {name}",
                "E_SORT",
                fix=(f"可用:{'、'.join(names)}", f"One of: {', '.join(names)}"),
            )
        orders.append(Order(name, part.strip().startswith("-")))
    if len(orders) > 4:
        raise bad("sortby", "最多按 4 个字段排序", "At most 4 sort keys", "E_SORT")
    return tuple(orders)


def sortables(layer: Layer) -> list[str]:
    return public_names(layer)


async def chosen_properties(
    layer: PathLayer,
    properties: Annotated[
        str | None, Query(max_length=1000, description="Only these properties.")
    ] = None,
) -> tuple[str, ...] | None:
    return read_properties(layer, properties)


def read_properties(layer: Layer, properties: str | None) -> tuple[str, ...] | None:
    """Names of properties with commas between them. Raises `Problem` E_PARAMETER."""
    if properties is None:
        return None
    names = tuple(part.strip() for part in properties.split(",") if part.strip())
    for name in names:
        if name not in public_names(layer):
            listed = public_names(layer)
            raise bad(
                "properties",
                f"没有属性 {name}",
                f"There is no property {name}",
                fix=(f"可用:{'、'.join(listed)}", f"One of: {', '.join(listed)}"),
            )
    return names


def cursor_of(values: list[object]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(values)).decode().rstrip("=")


def read_cursor(text: str, order: Sequence[Order], view: View) -> list[object]:
    """The key in an opaque ``next`` token; it must fit the sort order of the request."""
    try:
        values = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        values = None
    fits = (
        isinstance(values, list)
        and len(values) == len(order) + 1
        and isinstance(values[-1], int)
        and all(view.comparable(key.name, v) for key, v in zip(order, values, strict=False))
    )
    if not fits:
        raise bad(
            "next",
            "翻页标记无效，或与排序方式不符",
            "The paging token is not valid for this request",
            "E_CURSOR",
            fix=("请使用上一页返回的 next 链接", "Use the next link of the page before"),
        )
    return values


def etag(*parts: object) -> str:
    """A strong validator made of layer, revision and question."""
    return '"' + "-".join(str(part) for part in parts) + '"'


def digest(request: Request, leaving_out: Collection[str] = ()) -> str:
    """The question as a short text: all parameters, whatever their order."""
    parts = sorted((k, v) for k, v in request.query_params.multi_items() if k not in leaving_out)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def not_modified(request: Request, tag: str) -> bool:
    asked = request.headers.get("if-none-match", "")
    return any(part.strip().removeprefix("W/") in (tag, "*") for part in asked.split(","))


def feature_of(view: View, fid: int) -> tuple[Any, int]:
    found = view.find(fid)
    if found is None:
        raise not_found(f"没有要素 {fid}", f"There is no feature {fid}", where=view.layer.id)
    return found
