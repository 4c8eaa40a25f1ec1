"""A change set made ready outside the write lock: types, geometry, measures checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from geo.errors import Rejected
from geo.layers import Catalog, GeometryType, Layer
from geo.record.protocol import DELETE, INSERT, UPDATE, ChangeSet, attribute_schema

_TYPE_IDS: dict[GeometryType, tuple[int, int]] = {
    "Point": (0, 0),
    "MultiLineString": (1, 5),
    "MultiPolygon": (3, 6),
}


@dataclass
class Prepared:
    """``values``: per field a list of n values as JSON and SQLite take them."""

    layer: Layer
    op: np.ndarray
    fid: np.ndarray
    expected: np.ndarray
    values: dict[str, list[Any]]
    geometry: np.ndarray | None
    bounds: np.ndarray
    measure: np.ndarray

    def __len__(self) -> int:
        return len(self.op)


def prepare(changes: ChangeSet, catalog: Catalog) -> Prepared:
    """Raises `Rejected` for values that cannot be stored, ValueError for a wrong call."""
    layer = catalog.layers[changes.layer]
    op = np.asarray(changes.op, np.int8)
    fid = np.asarray(changes.fid, np.int64)
    n = len(op)
    if len(fid) != n or not np.isin(op, (INSERT, UPDATE, DELETE)).all():
        raise ValueError(f"change set of {layer.id}: op and fid do not fit")
    known = fid[fid > 0]
    if (fid < 0).any() or (fid[op != INSERT] == 0).any() or len(np.unique(known)) != len(known):
        raise ValueError(f"change set of {layer.id}: a fid is missing or named twice")
    expected = (
        np.zeros(n, np.int64)
        if changes.expected_version is None
        else np.asarray(changes.expected_version, np.int64)
    )
    geometry = _geometry(changes, layer, op)
    bounds = shapely.bounds(geometry) if geometry is not None else np.full((n, 4), np.nan)
    number = np.full(n, np.nan) if geometry is None else measure(layer, geometry)
    _check_coordinates(layer, geometry, bounds, number)
    return Prepared(
        layer=layer,
        op=op,
        fid=fid,
        expected=expected,
        values=_values(changes.attributes, layer, op),
        geometry=geometry,
        bounds=bounds,
        measure=number,
    )


def _values(table: pa.Table | None, layer: Layer, op: np.ndarray) -> dict[str, list[Any]]:
    schema = attribute_schema(layer)
    n = len(op)
    if table is None:
        if (op != DELETE).any():
            raise ValueError(f"change set of {layer.id}: attributes are missing")
        return {name: [None] * n for name in schema.names}
    if table.num_rows != n:
        raise ValueError(f"change set of {layer.id}: {table.num_rows} attribute rows for {n}")
    try:
        typed = table.select(schema.names).cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise Rejected(
            "E_ATTRIBUTE_TYPE", f"属性值类型不符：{error}", f"a value has the wrong type: {error}",
            where=layer.id,
        ) from error  # fmt: skip
    return {name: _plain(typed.column(name), f"{layer.id}.{name}") for name in schema.names}


def _plain(column: pa.ChunkedArray, where: str) -> list[Any]:
    kind = column.type
    if pa.types.is_floating(kind):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, kind), column)
        if pc.any(pc.is_inf(column)).as_py():
            raise Rejected("E_NOT_FINITE", "数值为无穷大", "a number is infinite", where=where)
    elif pa.types.is_date(kind):
        column = pc.cast(column, pa.string())
    elif pa.types.is_timestamp(kind):
        cut = pc.cast(pc.cast(column, pa.timestamp("us")), pa.timestamp("ms"), safe=False)
        column = pc.strftime(cut, format="%Y-%m-%dT%H:%M:%SZ")
    return column.to_pylist()


def _geometry(changes: ChangeSet, layer: Layer, op: np.ndarray) -> np.ndarray | None:
    if layer.geometry is None:
        if changes.geometry is not None:
            raise ValueError(f"layer {layer.id} has no geometry")
        return None
    if changes.geometry is None:
        # Inserts without geometry are rows with a null one; updates keep theirs.
        return None
    geometry = np.asarray(changes.geometry, object)
    if len(geometry) != len(op):
        raise ValueError(f"change set of {layer.id}: {len(geometry)} geometries for {len(op)} rows")
    geometry = geometry.copy()
    geometry[op == DELETE] = None
    return _promote(geometry, layer)


def _promote(geometry: np.ndarray, layer: Layer) -> np.ndarray:
    """Polygons and lines as Multi types; what is above two dimensions is left out of WKB."""
    assert layer.geometry is not None
    single, multi = _TYPE_IDS[layer.geometry]
    kinds = shapely.get_type_id(geometry)
    wrong = (kinds != -1) & (kinds != single) & (kinds != multi)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        name = geometry[row].geom_type
        raise Rejected(
            "E_GEOMETRY_TYPE",
            f"图层 {layer.id} 需要 {layer.geometry}，第 {row + 1} 行为 {name}",
            f"layer {layer.id} holds {layer.geometry}, row {row + 1} is {name}",
            where=f"{layer.id}, {row + 1}",
        )
    which = np.flatnonzero(kinds == single)
    if single != multi and len(which):
        build = shapely.multipolygons if single == 3 else shapely.multilinestrings
        geometry = geometry.copy()
        geometry[which] = build(geometry[which], indices=np.arange(len(which)))
    if multi == 6:
        # Counter-clockwise shells, as GeoJSON asks and GeoPackage recommends.
        with np.errstate(invalid="ignore"):  # NaN is refused later, with a row number
            geometry = shapely.orient_polygons(geometry)
    return geometry


def _check_coordinates(
    layer: Layer, geometry: np.ndarray | None, bounds: np.ndarray, number: np.ndarray
) -> None:
    if geometry is None:
        return
    present = ~shapely.is_missing(geometry)
    with np.errstate(invalid="ignore"):
        inside = (
            (bounds[:, 0] >= -180) & (bounds[:, 2] <= 180)
            & (bounds[:, 1] >= -90) & (bounds[:, 3] <= 90)
        )  # fmt: skip
    if layer.geometry != "Point":
        inside &= np.isfinite(number)  # a vertex that is not a number hides from the bounds
    bad = np.flatnonzero(present & ~inside)
    if len(bad):
        row = int(bad[0])
        raise Rejected(
            "E_COORDINATES",
            f"第 {row + 1} 行的图形为空，或坐标不是经纬度（度）",
            f"row {row + 1}: the geometry is empty or its coordinates are not longitude and "
            "latitude in degrees",
            where=f"{layer.id}, {row + 1}",
        )


def measure(layer: Layer, geometry: np.ndarray) -> np.ndarray:
    """Ellipsoidal m² of polygons, geodesic m of lines, float64[n]; NaN for all else."""
    if layer.geometry in (None, "Point"):
        return np.full(len(geometry), np.nan)
    from geo.area import ellipsoidal_area, length  # noqa: PLC0415 - heavy, writers only

    compute = ellipsoidal_area if layer.geometry == "MultiPolygon" else length
    return np.asarray(compute(geometry), np.float64)
