"""Geometry checks: every shape fits the layer, is finite, valid and measured; none is mended
without being asked, and then it is told with the area before and after."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.errors import Rejected
from geo.intake.issues import Issues
from geo.intake.report import Place
from geo.layers import GeometryType

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_VERTICES = 500_000
MAX_VERTICES_LAYER = 20_000_000
#: Smaller than this is no land: a ring collapsed to a line. m² and m.
LEAST_MEASURE = 1e-3
#: No parcel is larger than four prefectures, m²; what is has swapped signs or wraps the globe.
MOST_AREA = 1e11

_ACCEPTED: dict[GeometryType, tuple[int, ...]] = {
    "Point": (0, 4),
    "MultiLineString": (1, 2, 5),
    "MultiPolygon": (3, 6),
}
_TITLES = {"Point": ("点", "points"), "MultiLineString": ("线", "lines"),
           "MultiPolygon": ("面", "polygons")}  # fmt: skip
_REASONS = {
    "Self-intersection": "自相交",
    "Ring Self-intersection": "环自相交",
    "Hole lies outside shell": "孔洞在外环之外",
    "Holes are nested": "孔洞嵌套",
    "Nested shells": "外环嵌套",
    "Duplicate Rings": "环重复",
    "Interior is disconnected": "内部不连通",
    "Too few points in geometry component": "点数太少",
}
_REASON = re.compile(r"^(.*?)\[(\S+) (\S+)\]$")


def prepare(
    geometry: NDArray[np.object_],
    broken: NDArray[np.bool_],
    kind: GeometryType,
    issues: Issues,
) -> NDArray[np.object_]:
    """Shapes of the layer's type in two dimensions; None where a row was refused.

    Issues by row: E_INVALID (``broken``: rings that no library reads), E_GEOMETRY_NULL,
    E_COORD (NaN or infinite), E_VERTICES, E_GEOMETRY_TYPE; W_HEIGHTS once. Raises
    `Rejected` E_VERTICES when the whole file has too many.
    """
    issues.at(
        broken, "E_INVALID", "error",
        lambda _: ("图形无法读取：环未闭合、点数太少或坐标有误",
                   "cannot be read: a ring is open, has too few points, or a coordinate is wrong"),
        where="geometry",
    )  # fmt: skip
    missing = (shapely.is_missing(geometry) | shapely.is_empty(geometry)) & ~broken
    issues.at(
        missing, "E_GEOMETRY_NULL", "error",
        lambda _: ("没有图形", "there is no geometry"), where="geometry",
    )  # fmt: skip
    geometry = _without(geometry, missing)
    counts = shapely.get_num_coordinates(geometry)
    if int(counts.sum()) > MAX_VERTICES_LAYER:
        raise Rejected(
            "E_VERTICES",
            f"共 {int(counts.sum())} 个顶点，上限 {MAX_VERTICES_LAYER}",
            f"{int(counts.sum())} vertices in all, the limit is {MAX_VERTICES_LAYER}",
            fix=("请拆分后上传", "split the file and upload the parts"),
        )
    large = counts > MAX_VERTICES
    issues.at(
        large, "E_VERTICES", "error",
        lambda i: (
            f"有 {counts[i]} 个顶点，上限 {MAX_VERTICES}",
            f"has {counts[i]} vertices, the limit is {MAX_VERTICES}",
        ),
        where="geometry",
    )  # fmt: skip
    wrong = _coordinates(geometry, counts, issues) | large
    geometry = _without(geometry, wrong)
    if shapely.has_z(geometry).any() or shapely.has_m(geometry).any():
        issues.add("W_HEIGHTS", "note", "高程或测度值不保存", "heights and measures are not kept")
        geometry = shapely.force_2d(geometry)
    return _typed(geometry, kind, issues)


def check(
    geometry: NDArray[np.object_], kind: GeometryType, issues: Issues, *, repair: bool
) -> tuple[NDArray[np.object_], NDArray[np.float64], NDArray[np.bool_]]:
    """(geometry, measure, which rows were repaired) of shapes in EPSG:4490.

    Measure: ellipsoidal area in m² of polygons, geodesic length in m of lines, NaN for
    points and refused rows. Issues by row: E_INVALID with the point of the error (decision:
    repair), E_MEASURE_ZERO; W_REPAIRED with both areas where ``repair`` was decided.
    """
    from geo.area import ellipsoidal_area, length  # noqa: PLC0415 (loads PROJ)

    present = ~shapely.is_missing(geometry)
    invalid = present & ~shapely.is_valid(geometry)
    repaired = np.zeros(len(geometry), np.bool_)
    if invalid.any() and repair and kind == "MultiPolygon":
        geometry, repaired = _repair(geometry, invalid, issues)
        invalid &= ~repaired
    issues.at(
        invalid, "E_INVALID", "error", lambda i: reason(geometry[i])[:2], where="geometry",
        point=lambda i: reason(geometry[i])[2],
        decision="repair" if kind == "MultiPolygon" else None,
    )  # fmt: skip
    geometry = _without(geometry, invalid)
    if kind == "MultiPolygon":
        # Shapefiles wind rings one way, RFC 7946 the other; the shape is the same.
        geometry = shapely.orient_polygons(geometry)
    if kind == "Point":
        return geometry, np.full(len(geometry), np.nan), repaired
    measure = ellipsoidal_area(geometry) if kind == "MultiPolygon" else length(geometry)
    with np.errstate(invalid="ignore"):
        nothing = measure < LEAST_MEASURE
    if kind == "MultiPolygon":
        with np.errstate(invalid="ignore"):
            huge = measure > MOST_AREA
        issues.at(
            huge, "E_MEASURE_HUGE", "error",
            lambda i: (f"面积 {measure[i] / 1e6:.0f} 平方千米，不可能是地块",
                       f"its area is {measure[i] / 1e6:.0f} km²: no parcel is that large"),
            where="geometry",
        )  # fmt: skip
        geometry = _without(geometry, huge)
        measure[huge] = np.nan
    what = ("面积", "area") if kind == "MultiPolygon" else ("长度", "length")
    issues.at(
        nothing, "E_MEASURE_ZERO", "error",
        lambda _: (f"{what[0]}为零", f"its {what[1]} is zero"), where="geometry",
    )  # fmt: skip
    return geometry, measure, repaired


@lru_cache(maxsize=4)
def reason(geometry: shapely.Geometry) -> tuple[str, str, Place | None]:
    """Why a shape is invalid (zh, en) and where (lon, lat), by GEOS."""
    text = shapely.is_valid_reason(geometry)
    found = _REASON.match(text)
    if found is None:
        return _REASONS.get(text, text), text, None
    name, lon, lat = found[1], float(found[2]), float(found[3])
    place = f"{lon:.7f}, {lat:.7f}"
    return f"{_REASONS.get(name, name)}：{place}", f"{name} at {place}", (lon, lat)


def _coordinates(
    geometry: NDArray[np.object_], counts: NDArray[np.int64], issues: Issues
) -> NDArray[np.bool_]:
    xy, owner = shapely.get_coordinates(geometry, return_index=True)
    wrong = ~np.isfinite(xy).all(axis=1)
    result = np.zeros(len(geometry), np.bool_)
    if not wrong.any():
        return result
    owners, first = np.unique(owner[wrong], return_index=True)
    result[owners] = True
    start = np.concatenate(([0], np.cumsum(counts)))
    vertex = dict(zip(owners.tolist(), np.flatnonzero(wrong)[first] - start[owners], strict=True))
    issues.at(
        result, "E_COORD", "error",
        lambda i: (
            f"第 {vertex[i] + 1} 个顶点的坐标不是有限数", f"vertex {vertex[i] + 1} is not finite"
        ),
        where="geometry",
    )  # fmt: skip
    return result


def _typed(
    geometry: NDArray[np.object_], kind: GeometryType, issues: Issues
) -> NDArray[np.object_]:
    types = shapely.get_type_id(geometry)
    present = types >= 0
    fits = np.isin(types, _ACCEPTED[kind])
    if kind == "Point":
        fits &= shapely.get_num_geometries(geometry) == 1
    zh, en = _TITLES[kind]
    issues.at(
        present & ~fits, "E_GEOMETRY_TYPE", "error",
        lambda i: (
            f"图层要求{zh}，此处为 {geometry[i].geom_type}",
            f"the layer holds {en}, this is a {geometry[i].geom_type}",
        ),
        where="geometry",
    )  # fmt: skip
    result = _without(geometry, ~fits)
    if kind == "Point":
        multi = types == 4
        result[multi & fits] = shapely.get_geometry(result[multi & fits], 0)
        return result
    single = fits & ~np.isin(types, (5, 6))
    parts = result[single]
    whole = np.arange(len(parts))
    if kind == "MultiPolygon":
        result[single] = shapely.multipolygons(parts, indices=whole) if len(parts) else parts
    else:
        result[single] = shapely.multilinestrings(parts, indices=whole) if len(parts) else parts
    return result


def _without(geometry: NDArray[np.object_], mask: NDArray[np.bool_]) -> NDArray[np.object_]:
    result = geometry.copy()
    result[mask] = None
    return result


def _repair(
    geometry: NDArray[np.object_], invalid: NDArray[np.bool_], issues: Issues
) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """Mend by GEOS "structure"; "linework" takes minutes on hostile rings and moves area."""
    from geo.area import ellipsoidal_area  # noqa: PLC0415

    places = np.flatnonzero(invalid)
    fixed = shapely.make_valid(geometry[places], method="structure", keep_collapsed=False)
    kept = np.isin(shapely.get_type_id(fixed), (3, 6)) & ~shapely.is_empty(fixed)
    before, places, fixed = geometry[places[kept]], places[kept], fixed[kept]
    single = shapely.get_type_id(fixed) == 3
    if single.any():
        fixed[single] = shapely.multipolygons(fixed[single], indices=np.arange(single.sum()))
    areas = ellipsoidal_area(before), ellipsoidal_area(fixed)
    of = {int(place): (areas[0][i], areas[1][i], before[i]) for i, place in enumerate(places)}
    issues.at(
        places, "W_REPAIRED", "warning",
        lambda i: (
            f"已修复（{reason(of[i][2])[0]}），面积 {of[i][0]:.2f} → {of[i][1]:.2f} 平方米",
            f"repaired ({reason(of[i][2])[1]}), area {of[i][0]:.2f} -> {of[i][1]:.2f} m²",
        ),
        where="geometry", point=lambda i: reason(of[i][2])[2],
    )  # fmt: skip
    geometry = geometry.copy()
    geometry[places] = fixed
    repaired = np.zeros(len(geometry), np.bool_)
    repaired[places] = True
    return geometry, repaired
