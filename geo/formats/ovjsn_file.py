"""Ovital's ovjsn from outside: JSON with objects in folders, each with its own datum.

Objects: type 7 point, 8 line, 13 polygon; places in ``Lat``/``Lng`` or a flat ``Latlng``
list of lat, lon; ``ObjectDetail.Gcj02`` 1 means GCJ-02, 0 WGS 84 (that of the nested 3D
view is another thing). Names of members are read whatever their case.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import shapely

from geo.errors import Rejected
from geo.formats import rings
from geo.formats.columns import column
from geo.formats.content import MAX_RECORDS, Content
from geo.formats.kml_file import crs_of
from geo.formats.text_file import read_text

_POINT, _LINE, _POLYGON = 7, 8, 13
_DEPTH = 60
_CONTAINERS = ("ObjItems", "Objects", "Items", "Children")
_FOLDERS = ("ObjChildren", "ObjItems")


def is_ovjsn(document: Any) -> bool:
    return isinstance(document, dict) and "ObjItems" in document


def read(path: Path, *, encoding: str | None = None) -> Content:
    """Read all points, lines and polygons. Raises `Rejected` E_OVJSN, E_ENCODING, E_CRS_MIXED."""
    text, chosen = read_text(path, encoding)
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _wrong(
            "不是合法的 JSON", "not valid JSON", f"{error.lineno}:{error.colno}"
        ) from error
    if not is_ovjsn(document):
        raise _wrong("没有 ObjItems", "there is no ObjItems", "ObjItems")
    names: list[str | None] = []
    folders: list[str | None] = []
    notes: list[str | None] = []
    shapes: list[shapely.Geometry | None] = []
    datums: list[str | None] = []
    others = 0
    for thing, detail, folder in _objects(document, (), 0):
        kind = thing.get("Type")
        if kind not in (_POINT, _LINE, _POLYGON):
            others += 1
            continue
        if len(names) >= MAX_RECORDS:
            raise _wrong("对象太多", "there are too many objects", str(len(names)))
        names.append(_word(thing.get("Name")))
        notes.append(_word(detail.get("Comment", thing.get("Comment"))))
        folders.append("/".join(folder) or None)
        shapes.append(_shape(kind, detail))
        flag = detail.get("Gcj02", thing.get("Gcj02"))
        datums.append(None if flag is None else "GCJ02" if flag else "WGS84")
    geometry = np.empty(len(shapes), dtype=object)
    geometry[:] = shapes
    content = Content(
        attributes=pa.table(
            {"名称": column(names), "文件夹": column(folders), "备注": column(notes)}
        ),
        geometry=geometry,
        broken=np.fromiter((shape is None for shape in shapes), np.bool_, len(shapes)),
        rows=np.arange(1, len(shapes) + 1),
        encoding=chosen,
    )
    if others:
        content.notes.append(
            ("W_OBJECTS_LEFT", f"{others} 个对象不是点、线或面，未读取",
             f"{others} objects are no points, lines or polygons and are left out")
        )  # fmt: skip
    content.crs = crs_of(datums, content)
    return content


def _objects(
    node: dict[str, Any], folder: tuple[str, ...], depth: int
) -> Iterator[tuple[dict[str, Any], dict[str, Any], tuple[str, ...]]]:
    """(object, its detail, names of the folders around it)."""
    if depth > _DEPTH:
        raise _wrong("嵌套太深", "it is nested too deep", str(depth))
    for name in _CONTAINERS:
        items = node.get(name)
        if not isinstance(items, list):
            continue
        for item in items:
            if not isinstance(item, dict):
                raise _wrong("对象不是 JSON 对象", "an item is no object", name)
            thing = item.get("Object", item)
            if not isinstance(thing, dict):
                raise _wrong("对象不是 JSON 对象", "an item is no object", "Object")
            detail = thing.get("ObjectDetail", {})
            detail = detail if isinstance(detail, dict) else {}
            inner = [n for n in (detail, thing, item) if any(f in n for f in _FOLDERS)]
            if inner:
                title = _word(thing.get("Name"))
                inside = (*folder, title) if title else folder
                for holder in inner:
                    children = holder.get("ObjChildren", holder.get("ObjItems"))
                    yield from _objects({"ObjItems": children}, inside, depth + 1)
            else:
                yield thing, detail, folder


def _shape(kind: int, detail: dict[str, Any]) -> shapely.Geometry | None:
    try:
        if kind == _POINT:
            lat, lon = float(detail["Lat"]), float(detail["Lng"])
            return shapely.Point(lon, lat)
        flat = np.array(detail["Latlng"], dtype=np.float64).reshape(-1, 2)[:, ::-1]
    except (KeyError, TypeError, ValueError):
        return None
    if kind == _LINE:
        return shapely.LineString(flat) if len(flat) > 1 else None
    return rings.polygon([rings.close(flat)]) if len(flat) else None


def _word(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _wrong(zh: str, en: str, where: str) -> Rejected:
    return Rejected(
        "E_OVJSN",
        f"ovjsn 无法读取：{zh}",
        f"the ovjsn cannot be read: {en}",
        where=where,
        fix=("请从奥维互动地图重新导出为 ovkml", "export it as ovkml from Ovital"),
    )
