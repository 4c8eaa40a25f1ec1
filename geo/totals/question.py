"""What a total is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from geo.errors import Rejected
from geo.layers import Field, Layer, Text
from geo.snapshot import cql
from geo.snapshot.view import Box, RowFilter, View

if TYPE_CHECKING:
    from collections.abc import Mapping

Measure = Literal["union", "sum"]
#: A layer at the revision of the question.
Views = Callable[[str], View]

MOST_KEYS = 4
MOST_LAYERS = 4


@dataclass(frozen=True)
class Within:
    """Only land in these features of a polygon layer, or in one polygon (lon/lat, valid).

    ``keys``: values of the layer's business key. ``shape``: a shapely polygon instead.
    """

    layer: str | None = None
    keys: tuple[str, ...] = ()
    shape: Any = None


@dataclass(frozen=True)
class Question:
    """One total.

    ``by``: names of fields of ``layer``, ``layer.field`` of a layer in ``on``, or polygon
    layers, at whose edges features are cut. ``on``: further polygon layers; only land that is
    in all of them counts. ``measure``: union counts overlaps once, sum as often as they
    occur. ``filters`` maps layers to CQL2 texts; ``selected`` and ``box`` choose rows of
    ``layer`` by other means. ``sums``: number fields whose values are added up.
    ``definition`` and ``meaning``: the 口径 (`geo.totals.definitions`).
    """

    layer: str
    by: tuple[str, ...] = ()
    on: tuple[str, ...] = ()
    within: Within | None = None
    measure: Measure = "union"
    filters: Mapping[str, str] = field(default_factory=dict)
    selected: tuple[RowFilter, ...] = ()
    box: Box | None = None
    sums: tuple[str, ...] = ()
    definition: str | None = None
    meaning: Text | None = None

    def where(self, text: str, layer: str | None = None) -> Question:
        """The question with one more CQL2 condition."""
        name = layer or self.layer
        earlier = self.filters.get(name)
        joined = f"({earlier}) AND ({text})" if earlier else text
        return replace(self, filters={**self.filters, name: joined})


@dataclass(frozen=True)
class Key:
    """One thing to group by: a field of a layer, or the features of a polygon layer."""

    name: str
    layer: Layer
    field: Field | None


@dataclass(frozen=True)
class Plan:
    """A question that has been checked against the layers."""

    question: Question
    layer: Layer
    on: tuple[Layer, ...]
    keys: tuple[Key, ...]

    @property
    def zones(self) -> tuple[Layer, ...]:
        """Polygon layers that features are cut by to make groups."""
        return tuple(key.layer for key in self.keys if key.field is None)

    @property
    def layers(self) -> tuple[str, ...]:
        """Every layer that the answer depends on, the counted one first."""
        within = self.question.within
        others = [layer.id for layer in (*self.on, *self.zones)]
        if within is not None and within.layer:
            others.append(within.layer)
        return tuple(dict.fromkeys([self.layer.id, *others]))


def plan(question: Question, layers: Mapping[str, Layer]) -> Plan:
    """Check a question. Raises `Rejected`: E_NOT_FOUND for a layer, E_PARAMETER, E_FILTER."""
    layer = _layer(layers, question.layer, "layer")
    on = tuple(_polygons(layers, name, "on") for name in question.on)
    if len({layer.id, *question.on}) != 1 + len(on) or len(on) >= MOST_LAYERS:
        raise _bad(
            "on", f"最多叠加 {MOST_LAYERS} 个不同的图层", f"At most {MOST_LAYERS} different layers"
        )
    if on and layer.geometry != "MultiPolygon":
        raise _bad("on", f"{layer.title.zh}不是面图层", f"{layer.id} is not a layer of polygons")
    keys = tuple(_key(layers, layer, on, name) for name in question.by)
    if len(keys) > MOST_KEYS or len(set(question.by)) != len(keys):
        raise _bad(
            "by", f"最多按 {MOST_KEYS} 项不同的内容分组", f"At most {MOST_KEYS} different groupings"
        )
    cut = any(key.field is None for key in keys) or on or question.within is not None
    if cut and layer.geometry is None:
        raise _bad("by", f"{layer.title.zh}没有图形，不能按范围统计",
                   f"{layer.id} has no geometry and cannot be counted by areas")  # fmt: skip
    for name in question.sums:
        if name not in layer.by_name or layer.by_name[name].type not in ("integer", "number"):
            raise _bad("sums", f"{name} 不是数值字段", f"{name} is not a field of numbers")
    if cut and question.sums:
        raise _bad("sums", "按范围切开图斑时，填报的数值不能分摊",
                   "Stated numbers cannot be shared out over features that are cut")  # fmt: skip
    within = question.within
    if within is not None and within.layer is not None:
        _polygons(layers, within.layer, "within")
    for name in question.filters:
        if name not in (layer.id, *question.on):
            raise _bad("filter", f"{name} 不在统计的图层之中", f"{name} is not a counted layer")
    return Plan(question, layer, on, keys)


def rows_of(plan: Plan, layer: Layer, view: View) -> list[RowFilter]:
    """The filters that choose rows of one of the counted layers. Raises `Rejected` E_FILTER."""
    question = plan.question
    text = question.filters.get(layer.id)
    filters: list[RowFilter] = [cql.parse(text, "cql2-text", view.layer)] if text else []
    return [*filters, *question.selected] if layer is plan.layer else filters


def zone_field(layer: Layer) -> str:
    """The field that tells features of a layer of zones apart."""
    return layer.key[0] if layer.key else layer.fields[0].name


def _key(layers: Mapping[str, Layer], layer: Layer, on: tuple[Layer, ...], name: str) -> Key:
    if name in layer.by_name:
        return Key(name, layer, layer.by_name[name])
    owner, _, field_name = name.partition(".")
    for each in (layer, *on):
        if owner == each.id and field_name in each.by_name:
            return Key(name, each, each.by_name[field_name])
    if name in layers and layers[name].geometry == "MultiPolygon":
        return Key(name, layers[name], None)
    fields = list(layer.by_name)
    zones = [each.id for each in layers.values() if each.geometry == "MultiPolygon"]
    raise Rejected(
        "E_PARAMETER",
        f"不能按 {name} 分组",
        f"Cannot group by {name}",
        where="by",
        fix=(
            f"可用字段：{'、'.join(fields)}；面图层：{'、'.join(zones)}",
            f"Fields: {', '.join(fields)}; polygon layers: {', '.join(zones)}",
        ),
    )


def _layer(layers: Mapping[str, Layer], name: str, where: str) -> Layer:
    if name not in layers:
        names = ", ".join(layers)
        raise Rejected(
            "E_NOT_FOUND", f"没有图层 {name}", f"There is no layer {name}", where=where,
            fix=(f"可用图层：{names}", f"Layers: {names}"),
        )  # fmt: skip
    return layers[name]


def _polygons(layers: Mapping[str, Layer], name: str, where: str) -> Layer:
    layer = _layer(layers, name, where)
    if layer.geometry != "MultiPolygon":
        raise _bad(where, f"{layer.title.zh}不是面图层", f"{layer.id} is not a layer of polygons")
    return layer


def _bad(where: str, zh: str, en: str) -> Rejected:
    return Rejected("E_PARAMETER", zh, en, where=where)
