"""Edits of single features: the same checks as for files, on a few rows of GeoJSON.

`checked` gives typed columns and valid shapes or raises `Faulty` with everything that is
wrong at once, so that a form can show it field by field.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa
import shapely

from geo.errors import Rejected
from geo.intake import geometry as shapes
from geo.intake import values
from geo.intake.issues import Issues
from geo.layers import Catalog, Layer

if TYPE_CHECKING:
    from geo.intake.report import Issue

#: A shape drawn by hand or measured by foot; larger ones come as files, into a limited process.
MOST_VERTICES = 20_000
#: Computed by the service, so that a feature can go back as it came.
_COMPUTED = frozenset(
    {"fid", "id", "version", "revision", "updated_at", "area_m2", "area_ha", "area_mu", "length_m"}
)


class Faulty(Rejected):
    """Features that cannot be stored; ``issues`` names every fault, the first one speaks."""

    def __init__(self, issues: Sequence[Issue]) -> None:
        first = issues[0]
        zh, en = first.zh, first.en
        if len(issues) > 1:
            zh += f"（共 {len(issues)} 处问题）"
            en += f" ({len(issues)} faults in all)"
        super().__init__(first.code, zh, en, where=first.where, fix=first.fix)
        self.issues = tuple(issues)


def shape(content: Mapping[str, Any] | None) -> shapely.Geometry | None:
    """A GeoJSON geometry as a shape, coordinates as they are. Raises `Rejected` E_GEOMETRY_TYPE,
    E_BODY, E_VERTICES."""
    if content is None:
        return None
    if not isinstance(content, Mapping) or not isinstance(content.get("type"), str):
        raise Rejected(
            "E_BODY", "geometry 不是 GeoJSON 图形", "geometry is not a GeoJSON geometry",
            where="geometry",
        )  # fmt: skip
    try:
        found = shapely.from_geojson(orjson.dumps(dict(content)))
    except (shapely.errors.GEOSException, TypeError, ValueError, RecursionError) as error:
        raise Rejected(
            "E_BODY", "geometry 不是有效的 GeoJSON 图形（环要闭合，坐标为 [经度, 纬度]）",
            "geometry is not valid GeoJSON (rings closed, positions as [longitude, latitude])",
            where="geometry",
        ) from error  # fmt: skip
    count = int(shapely.get_num_coordinates(found))
    if count > MOST_VERTICES:
        raise Rejected(
            "E_VERTICES", f"图形有 {count:,} 个顶点，编辑上限 {MOST_VERTICES:,}",
            f"the shape has {count:,} vertices; edits take at most {MOST_VERTICES:,}",
            where="geometry",
            fix=("请作为文件上传", "upload it as a file"),
        )  # fmt: skip
    return found


def checked(
    catalog: Catalog,
    layer: Layer,
    records: Sequence[Mapping[str, Any]],
    geometry: Sequence[shapely.Geometry | None] | None,
    changed: Collection[str] | None = None,
) -> tuple[pa.Table, np.ndarray | None]:
    """Attributes in the types of the layer and shapes (EPSG:4490), n rows.

    ``records``: properties by field name; what the service computes is ignored, what is not
    named becomes null. ``geometry`` None: shapes are not part of the edit. ``changed``: fields
    that are; the others hold what is stored and are not looked at again. Raises `Faulty`:
    E_FIELD, E_VALUE_*, E_GEOMETRY_*, E_INVALID, E_COORD, E_KEY_DUPLICATE.
    """
    issues = Issues(np.arange(1, len(records) + 1))
    _names(layer, records, issues)
    columns = {}
    for field in layer.fields:
        given = [record.get(field.name) for record in records]
        stored = changed is not None and field.name not in changed
        if stored and (field.type == "string" or not any(isinstance(v, str) for v in given)):
            columns[field.name] = pa.array(given, values.ARROW[field.type])
            continue
        columns[field.name] = values.convert(
            _column(given), field, catalog.codelist_of(field), issues
        )
    table = pa.table(columns)
    if len(records) > 1:
        values.check_key(table, layer, issues)
    found = None
    if layer.geometry is not None and geometry is not None:
        found = np.full(len(records), None, dtype=object)
        found[:] = list(geometry)
        found = shapes.prepare(found, np.zeros(len(found), np.bool_), layer.geometry, issues)
        found, _, _ = shapes.check(found, layer.geometry, issues, repair=False)
    elif geometry is not None and any(each is not None for each in geometry):
        issues.add(
            "E_GEOMETRY_TYPE", "error", f"“{layer.title.zh}”没有图形，geometry 应为 null",
            f"{layer.id} has no geometry; geometry must be null", where="geometry",
        )  # fmt: skip
    wrong = [issue for issue in issues.kept() if issue.severity == "error"]
    if wrong:
        raise Faulty(wrong)
    return table, found


def _names(layer: Layer, records: Iterable[Mapping[str, Any]], issues: Issues) -> None:
    unknown = {name for record in records for name in record} - set(layer.by_name) - _COMPUTED
    for name in sorted(map(str, unknown))[:20]:
        near = difflib.get_close_matches(name, layer.by_name, 1)
        fix = (f"是否为 {near[0]}？", f"Do you mean {near[0]}?") if near else None
        issues.add(
            "E_FIELD", "error", f"“{layer.title.zh}”没有字段 {name[:60]}",
            f"{layer.id} has no field {name[:60]}", where=name[:60], fix=fix,
        )  # fmt: skip


def _column(found: list[Any]) -> pa.ChunkedArray:
    """Values of one property as they came; mixed or nested ones as text."""
    try:
        array = pa.array(found)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeError):
        array = None
    if array is None or pa.types.is_nested(array.type):
        array = pa.array(
            [v if v is None or isinstance(v, str) else orjson.dumps(v, default=str).decode()
             for v in found], pa.string(),
        )  # fmt: skip
    if pa.types.is_null(array.type):
        array = array.cast(pa.string())
    return pa.chunked_array([array])
