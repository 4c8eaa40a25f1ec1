"""How a total is asked for over HTTP: parameters of GET, or the same as a JSON body."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import orjson
import shapely
from pydantic import BaseModel, ConfigDict, Field

from app.params import bad
from geo.crs import BAICHENG
from geo.errors import Rejected
from geo.layers import Layer
from geo.totals.definitions import Definitions
from geo.totals.question import Question, Within
from geo.units import Unit

#: A drawn area: more vertices cost more than they tell.
MOST_VERTICES = 20_000
#: Degrees around the region in which the plane of the survey makes sense.
_AROUND = 20.0

Names = Annotated[str, Field(max_length=200)]


class Ask(BaseModel):
    """A total: what is counted, where, grouped by what, and how it is told."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    layer: str | None = Field(None, max_length=40)
    definition: str | None = Field(None, max_length=40, description="Id of /totals/definitions.")
    by: Names | None = Field(None, description="Fields, layer.field, or polygon layers.")
    on: Names | None = Field(None, description="Layers that must all be there.")
    within: str | dict[str, Any] | None = Field(
        None, description="layer:key, or a GeoJSON Polygon or MultiPolygon."
    )
    measure: Literal["union", "sum"] | None = None
    filter: str | None = Field(None, max_length=2000, description="CQL2 text.")
    on_filter: list[str] = Field(default=[], max_length=4, description="layer:CQL2 text.")
    sums: Names | None = Field(None, description="Number fields to add up.")
    as_of: str | None = Field(None, max_length=40)
    unit: Unit = "mu"
    round: int | None = Field(None, ge=0, le=6, description="Decimals of `reported`.")
    adjust: float | None = Field(None, ge=0, le=1e12, description="Control area, in `unit`.")
    overlaps: bool = Field(False, description="List the features with overlaps.")
    f: Literal["json", "csv", "xlsx", "html", "pdf"] | None = None

    def counted(self, definitions: Definitions) -> str:
        """The id of the layer that is counted. Raises `Problem` E_PARAMETER."""
        if self.layer:
            return self.layer
        if self.on and names(self.on):
            return names(self.on)[0]
        if self.definition:
            return definitions.get(self.definition).layer
        raise bad(
            "layer",
            "缺少 layer",
            "layer is missing",
            fix=("给出 layer、on 或 definition", "Give layer, on or definition"),
        )

    def question(self, definitions: Definitions, layers: dict[str, Layer]) -> Question:
        """The question, without filters that are not texts. Raises `Rejected`."""
        layer = self.counted(definitions)
        filters = {}
        if self.filter:
            filters[layer] = self.filter
        for text in self.on_filter:
            name, _, condition = text.partition(":")
            if name not in layers or not condition or name == layer:
                raise bad(
                    "on_filter",
                    f"应为 图层:条件，图层在 on 之中：{text[:80]}",
                    f"Write layer:condition for a layer of on: {text[:80]}",
                )
            filters[name] = condition
        asked = Question(
            layer=layer,
            by=names(self.by),
            on=tuple(name for name in names(self.on) if name != layer),
            within=within(self.within),
            measure=self.measure or "union",
            filters=filters,
            sums=names(self.sums),
        )
        if self.definition:
            definition = definitions.get(self.definition)
            if self.measure not in (None, definition.measure):
                raise bad(
                    "measure",
                    f"口径“{definition.title.zh}”的计法是 {definition.measure}",
                    f"The definition {definition.id} counts by {definition.measure}",
                )
            asked = definition.apply(asked)
        return asked


def names(text: str | None) -> tuple[str, ...]:
    """Names with commas between them."""
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def within(value: str | dict[str, Any] | None) -> Within | None:
    """``layer:key,key`` or a GeoJSON polygon (or a Feature of one).

    Raises `Rejected`: E_PARAMETER, E_BODY, E_GEOMETRY_TYPE, E_VERTICES, E_COORD, E_INVALID.
    """
    if value is None:
        return None
    if isinstance(value, str):
        layer, colon, keys = value.partition(":")
        if not colon or not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", layer) or not names(keys):
            raise bad(
                "within",
                "within 应为 图层:编号",
                "within takes layer:key",
                fix=("例如 within=districts:DA2；多边形请用 POST",
                     "e.g. within=districts:DA2; POST takes polygons"),
            )  # fmt: skip
        return Within(layer, names(keys))
    return Within(shape=polygon(value))


def polygon(content: dict[str, Any]) -> Any:
    """A valid polygon in lon/lat from GeoJSON. Raises `Rejected` like `within`."""
    geometry = content.get("geometry") if content.get("type") == "Feature" else content
    if not isinstance(geometry, dict) or geometry.get("type") not in ("Polygon", "MultiPolygon"):
        raise _bad_shape("E_GEOMETRY_TYPE", "范围应为多边形", "The area must be a polygon")
    try:
        shape = shapely.from_geojson(orjson.dumps(geometry))
    except (shapely.errors.GEOSException, TypeError, ValueError, RecursionError) as error:
        raise _bad_shape("E_BODY", "不是有效的 GeoJSON", "Not a GeoJSON geometry") from error
    shape = shapely.force_2d(shape)
    if shape.is_empty:
        raise _bad_shape("E_BODY", "范围是空的", "The area is empty")
    count = int(shapely.get_num_coordinates(shape))
    if count > MOST_VERTICES:
        raise _bad_shape(
            "E_VERTICES", f"范围有 {count:,} 个顶点，上限 {MOST_VERTICES:,}",
            f"The area has {count:,} vertices; at most {MOST_VERTICES:,}",
        )  # fmt: skip
    west, south, east, north = BAICHENG.bounds
    x0, y0, x1, y1 = shapely.bounds(shape)
    near = west - _AROUND <= x0 <= x1 <= east + _AROUND
    if not (near and south - _AROUND <= y0 <= y1 <= north + _AROUND):
        raise _bad_shape(
            "E_COORD", "范围远在区域之外，或坐标不是经纬度（先经度后纬度）",
            "The area lies far outside the region, or is not longitude, latitude",
        )  # fmt: skip
    if not shape.is_valid:
        reason = shapely.is_valid_reason(shape)
        raise _bad_shape(
            "E_INVALID", f"范围的图形无效：{reason}", f"The area is not valid: {reason}"
        )
    return shape


def _bad_shape(code: str, zh: str, en: str) -> Rejected:
    return Rejected(
        code, zh, en, where="within",
        fix=("请重画范围，边界不要自相交", "Draw it again, without crossing its own edge"),
    )  # fmt: skip
