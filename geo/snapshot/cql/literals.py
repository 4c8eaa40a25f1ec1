"""Literals that need a parser of their own: geometries, boxes, dates and timestamps.

Geometry literals are bounded in vertices and must be valid, so that predicates
on them are cheap; nothing here repairs or overlays a geometry.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import orjson
import shapely

from geo.snapshot.cql.limits import Builder, Node, refuse

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIMESTAMP = re.compile(
    r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})", re.ASCII
)
_DATE_FIX = ("写成 DATE('2024-05-01')", "Write DATE('2024-05-01')")
_TIMESTAMP_FIX = (
    "写成 TIMESTAMP('2024-05-01T08:00:00Z')",
    "Write TIMESTAMP('2024-05-01T08:00:00Z')",
)


def geometry_of_wkt(wkt: str, where: str, build: Builder) -> Node:
    """A `geometry` node of well-known text."""
    try:
        geometry = shapely.from_wkt(wkt)
    except (shapely.errors.ShapelyError, ValueError) as error:
        raise _unreadable(str(error), where) from None
    return _geometry(geometry, where, build)


def geometry_of_geojson(value: dict[str, Any], where: str, build: Builder) -> Node:
    """A `geometry` node of a GeoJSON geometry."""
    try:
        geometry = shapely.from_geojson(orjson.dumps(value))
    except (shapely.errors.ShapelyError, ValueError, TypeError) as error:
        raise _unreadable(str(error), where) from None
    return _geometry(geometry, where, build)


def _unreadable(reason: str, where: str) -> Exception:
    reason = reason.splitlines()[0][:120] if reason else "?"
    return refuse(f"几何无法读取({reason})", f"a geometry cannot be read ({reason})", where)


def _geometry(geometry: Any, where: str, build: Builder) -> Node:
    if geometry is None or geometry.is_empty:
        raise refuse("几何为空", "a geometry is empty", where)
    build.count_vertices(shapely.get_num_coordinates(geometry), where)
    geometry = shapely.force_2d(geometry)
    if not np.isfinite(shapely.get_coordinates(geometry)).all():
        raise refuse("坐标不是有限数", "a coordinate is not a finite number", where)
    if not shapely.is_valid(geometry):
        reason = shapely.is_valid_reason(geometry)
        raise refuse(
            f"几何无效({reason})",
            f"a geometry is not valid ({reason})",
            where,
            (
                "请修复自相交或重复的环后再提交",
                "Mend crossing or repeated rings and send it again",
            ),
        )
    return build.node("geometry", where, (), geometry)


def box(values: Sequence[float] | None, where: str) -> Any:
    """The polygon of a bbox of 4 or 6 numbers; one that passes the antimeridian is split."""
    if values is None or len(values) not in (4, 6):
        raise refuse(
            "BBOX 需要 4 或 6 个数",
            "BBOX takes 4 or 6 numbers",
            where,
            ("BBOX(最小经度，最小纬度，最大经度，最大纬度)", "BBOX(west, south, east, north)"),
        )
    if len(values) == 6:
        values = [values[0], values[1], values[3], values[4]]
    west, south, east, north = (float(v) for v in values)
    if not np.isfinite([west, south, east, north]).all() or south > north:
        raise refuse(
            "BBOX 的南北颠倒或不是有限数",
            "the south of a BBOX is above its north, or a number is not finite",
            where,
            ("顺序：西，南，东，北", "Order: west, south, east, north"),
        )
    if west > east:
        if max(abs(west), abs(east)) > 180:
            raise refuse("BBOX 的东西颠倒", "the west of a BBOX is beyond its east", where)
        sides = [shapely.box(west, south, 180.0, north), shapely.box(-180.0, south, east, north)]
        return shapely.MultiPolygon(sides)
    return shapely.box(west, south, east, north)


def check_lonlat(geometry: Any, where: str) -> None:
    """Refuse coordinates that cannot be lon/lat, with a hint on swapped axes."""
    west, south, east, north = shapely.bounds(geometry)
    if west >= -180 and east <= 180 and south >= -90 and north <= 90:
        return
    swapped = west >= -90 and east <= 90 and south >= -180 and north <= 180
    raise refuse(
        "坐标超出经纬度范围",
        "coordinates are outside longitude and latitude",
        where,
        ("坐标似为纬度在前，应为经度在前", "They look like lat/lon; write longitude first")
        if swapped
        else (
            "用 filter-crs 指明坐标系",
            "Name their coordinate system with filter-crs",
        ),
    )


def parse_date(text: Any, where: str) -> date:
    """A full-date of RFC 3339."""
    if isinstance(text, str) and _DATE.fullmatch(text) and text.isascii():
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise refuse(f"日期无效：{str(text)[:40]}", f"not a date: {str(text)[:40]}", where, _DATE_FIX)


def parse_timestamp(text: Any, where: str) -> datetime:
    """A date-time of RFC 3339 (Z or an offset), to the microsecond, in UTC."""
    found = _TIMESTAMP.fullmatch(text) if isinstance(text, str) else None
    if found:
        fraction = (found[2] or "")[:7]
        offset = "+00:00" if found[3] == "Z" else found[3]
        try:
            return datetime.fromisoformat(found[1] + fraction + offset).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise refuse(
        f"时间戳无效：{str(text)[:40]}", f"not a timestamp: {str(text)[:40]}", where, _TIMESTAMP_FIX
    )


def parse_instant(text: Any, where: str) -> date | datetime:
    """A date or a timestamp, whichever the text is."""
    if isinstance(text, str) and "T" in text:
        return parse_timestamp(text, where)
    return parse_date(text, where)
