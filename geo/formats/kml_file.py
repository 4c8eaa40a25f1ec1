"""KML from outside, and Ovital's ovkml, which is KML with a datum per object.

Parsed by defusedxml as it streams: no entities, no references, no network; links to
other files are told and not followed. Coordinates are lon, lat (OGC 12-007r2); plain KML
is WGS 84 by its standard, an Ovital object is what ``OvCoordType`` says, its own or that
of the folder around it, and unknown without one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError

import numpy as np
import pyarrow as pa
import shapely
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from geo.errors import Rejected
from geo.formats.columns import check_width, column
from geo.formats.content import MAX_RECORDS, Content
from geo.formats.kml_fields import description, extended, local, text_of
from geo.formats.text import Encoding
from geo.formats.text_file import read_text

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from numpy.typing import NDArray

MAX_BYTES = 300 << 20
MAX_DEPTH = 100
#: What an object without any mark of Ovital is: the standard's datum.
_PLAIN = "EPSG:4326"
_COORD_TYPES = {"GCJ02": "GCJ-02", "WGS84": "EPSG:4326", "CGCS2000": "EPSG:4490", "BD09": "BD-09"}
_SHAPES = frozenset({"Point", "LineString", "LinearRing", "Polygon", "MultiGeometry"})
_CONTAINERS = frozenset({"Document", "Folder", "kml"})
_SPACE = re.compile(r"\s*,\s*")


@dataclass
class _Folder:
    kind: str
    name: str | None = None
    datum: str | None = None


@dataclass
class _Found:
    """What the stream gave so far."""

    rows: list[dict[str, str | None]] = field(default_factory=list)
    shapes: list[shapely.Geometry | None] = field(default_factory=list)
    broken: list[bool] = field(default_factory=list)
    datums: list[str | None] = field(default_factory=list)
    ovital: bool = False
    links: int = 0
    unread: set[str] = field(default_factory=set)


def read(path: Path, *, encoding: str | None = None) -> Content:
    """Read all placemarks.

    Raises `Rejected`: E_TOO_LARGE, E_XML (with line and column), E_XML_DTD (entities or a
    document type), E_KML (another root, too deep), E_CRS_MIXED (objects with and without
    a stated datum).
    """
    if path.stat().st_size > MAX_BYTES:
        raise Rejected(
            "E_TOO_LARGE",
            f"KML 超过 {MAX_BYTES >> 20} MiB",
            f"the KML is over {MAX_BYTES >> 20} MiB",
            fix=("请拆分后上传", "split it and upload the parts"),
        )
    found = _Found()
    chosen = Encoding("utf-8", "xml")
    try:
        with path.open("rb") as source:
            _walk(iterparse(source, events=("start", "end"), forbid_dtd=True), found)
    except DefusedXmlException as error:
        raise _dtd() from error
    except Rejected:
        raise
    except (ParseError, ValueError, LookupError) as error:  # also encodings it does not know
        text, chosen = _again(path, encoding, error)
        found = _Found()
        try:
            _walk(_events(text), found)
        except DefusedXmlException as again:
            raise _dtd() from again
        except ParseError as again:
            raise _wrong(again) from again
    return _content(found, chosen)


def _again(path: Path, encoding: str | None, error: Exception) -> tuple[str, Encoding]:
    """The text where the declared encoding is wrong or one that the parser does not know (GBK)."""
    try:
        text, chosen = read_text(path, encoding, MAX_BYTES)
    except Rejected:
        raise _wrong(error) from error
    if chosen.value == "utf-8" and encoding is None:
        raise _wrong(error) from error
    return re.sub(r"^\s*<\?xml[^>]*\?>", "", text, count=1), chosen


def _events(text: str) -> Any:
    from io import BytesIO  # noqa: PLC0415 (only for files in other encodings)

    return iterparse(BytesIO(text.encode()), events=("start", "end"), forbid_dtd=True)


def _walk(events: Any, found: _Found) -> None:
    folders: list[_Folder] = []
    path: list[str] = []
    inside = 0  # depth within a Placemark
    for event, element in events:
        tag = local(element)
        if event == "start":
            path.append(tag)
            if len(path) == 1 and tag not in ("kml", "Document", "Folder", "Placemark"):
                raise _refused(f"根元素是 {tag}", f"its root is {tag}")
            if len(path) > MAX_DEPTH:
                raise _refused("嵌套太深", "it is nested too deep")
            inside += tag == "Placemark" or inside > 0
            if tag in _CONTAINERS and not inside:
                folders.append(_Folder(tag))
            continue
        path.pop()
        if inside:
            inside -= 1
            if inside == 0:
                _placemark(element, folders, found)
                element.clear()
            continue
        if tag.startswith("Ov"):
            found.ovital = True
        parent = path[-1] if path else ""
        if tag in _CONTAINERS:
            folders.pop()
        elif tag in ("NetworkLink", "GroundOverlay"):
            found.links += 1
        elif folders:
            _note(folders[-1], tag, element, parent)
        if parent in _CONTAINERS or tag in _CONTAINERS:
            element.clear()  # the tree does not grow with the file


def _note(folder: _Folder, tag: str, element: Element, parent: str) -> None:
    """Name and datum of a folder, which its objects inherit."""
    if tag == "name" and parent in _CONTAINERS:
        folder.name = text_of(element)
    elif tag == "OvCoordType":
        folder.datum = text_of(element)


def _placemark(element: Element, folders: list[_Folder], found: _Found) -> None:
    row: dict[str, str | None] = {}
    names = [folder.name for folder in folders if folder.kind == "Folder" and folder.name]
    shapes: list[shapely.Geometry | None] = []
    datum = None
    bad = False
    for child in element:
        tag = local(child)
        if tag == "name":
            row["名称"] = text_of(child)
        elif tag == "description":
            row |= description(text_of(child) or "")
        elif tag == "ExtendedData":
            row |= extended(child)
        elif tag in ("TimeStamp", "TimeSpan"):
            row["时间"] = next((text_of(c) for c in child if text_of(c)), None)
        elif tag in _SHAPES:
            shape = _shape(child)
            bad |= shape is None
            shapes.append(shape)
        elif tag in ("Track", "MultiTrack", "Model"):
            found.unread.add(tag)
        elif tag == "OvCoordType":
            datum = text_of(child)
        found.ovital |= tag.startswith("Ov")
    for nested in element.iter():  # inside the shape or its attributes
        tag = local(nested)
        if tag == "OvCoordType":
            datum = datum or text_of(nested)
        found.ovital |= tag.startswith("Ov")
    if names:
        row["文件夹"] = "/".join(names)
    found.rows.append(row)
    found.shapes.append(None if bad else _joined([s for s in shapes if s is not None]))
    found.broken.append(bad)
    found.datums.append(datum or next((f.datum for f in reversed(folders) if f.datum), None))
    if len(found.rows) > MAX_RECORDS:
        raise _refused("地标太多", "there are too many placemarks")


def _shape(element: Element) -> shapely.Geometry | None:
    """A shape in two dimensions; None when it cannot be read."""
    tag = local(element)
    if tag == "MultiGeometry":
        parts = [_shape(child) for child in element if local(child) in _SHAPES]
        return None if not parts or None in parts else _joined(parts)
    if tag == "Polygon":
        outer = [_ring(e) for e in element if local(e) == "outerBoundaryIs"]
        holes = [_ring(e) for e in element if local(e) == "innerBoundaryIs"]
        if len(outer) != 1 or any(ring is None for ring in (*outer, *holes)):
            return None
        return shapely.Polygon(outer[0], holes)
    xy = _coordinates(element)
    if xy is None or len(xy) == 0:
        return None
    if tag == "Point":
        return shapely.Point(xy[0]) if len(xy) == 1 else None
    return shapely.LineString(xy) if len(xy) > 1 else None


def _ring(boundary: Element) -> NDArray[np.float64] | None:
    ring = next((child for child in boundary if local(child) == "LinearRing"), None)
    xy = _coordinates(ring) if ring is not None else None
    if xy is None or len(xy) < 3:
        return None
    if (xy[0] != xy[-1]).any():
        xy = np.concatenate((xy, xy[:1]))  # several tools leave the end out
    return xy if len(xy) > 3 else None


def _coordinates(element: Element) -> NDArray[np.float64] | None:
    """lon, lat of each tuple; heights are dropped."""
    node = next((child for child in element if local(child) == "coordinates"), None)
    text = (node.text or "") if node is not None else ""
    tuples = _SPACE.sub(",", text).split()  # some write a blank after the comma
    if not tuples:
        return None
    size = tuples[0].rstrip(",").count(",") + 1
    flat = ",".join(part.rstrip(",") for part in tuples).split(",")
    try:
        if size in (2, 3) and len(flat) == size * len(tuples):
            return np.array(flat, dtype=np.float64).reshape(-1, size)[:, :2]
        return np.array([part.split(",")[:2] for part in tuples], dtype=np.float64)
    except ValueError:
        return None


def _joined(parts: list[Any]) -> shapely.Geometry | None:
    """One geometry of several: of one kind as its Multi type, else a collection."""
    if len(parts) < 2:
        return parts[0] if parts else None
    flat = shapely.get_parts(shapely.get_parts(np.array(parts, dtype=object)))
    kinds = set(shapely.get_type_id(flat).tolist())
    if kinds == {3}:
        return shapely.MultiPolygon(list(flat))
    if kinds == {1}:
        return shapely.MultiLineString(list(flat))
    return shapely.MultiPoint(list(flat)) if kinds == {0} else shapely.GeometryCollection(parts)


def _content(found: _Found, chosen: Encoding) -> Content:
    names: dict[str, None] = {}
    for row in found.rows:
        names.update(dict.fromkeys(row))
        check_width(len(names))
    columns = [column([row.get(name) for row in found.rows]) for name in names]
    geometry = np.empty(len(found.shapes), dtype=object)
    geometry[:] = found.shapes
    content = Content(
        attributes=pa.table(columns, names=list(names)),
        geometry=geometry,
        broken=np.array(found.broken, dtype=np.bool_),
        rows=np.arange(1, len(geometry) + 1),
        encoding=chosen,
        unread=tuple(sorted(found.unread)),
    )
    if found.links:
        content.notes.append(
            ("W_KML_LINKS", f"{found.links} 个网络链接或图片叠加层未读取",
             f"{found.links} network links or overlays are not followed")
        )  # fmt: skip
    content.crs = crs_of(found.datums if found.ovital else [_PLAIN], content)
    return content


def crs_of(datums: list[str | None], content: Content) -> str | None:
    """The system of all objects; shapes of several known ones are brought to CGCS2000 here.

    Raises E_CRS_MIXED when some objects state a datum and others do not.
    """
    from geo import crs  # noqa: PLC0415 (loads PROJ)

    systems = [_COORD_TYPES.get(d.strip().upper().replace("-", ""), d) if d else None
               for d in datums]  # fmt: skip
    distinct = dict.fromkeys(systems)
    if len(distinct) < 2:
        return next(iter(distinct), None)
    if None in distinct:
        raise Rejected(
            "E_CRS_MIXED",
            "部分对象注明了坐标类型，部分没有",
            "some objects state their coordinate type and others do not",
            fix=("请统一坐标类型后重新导出", "export all objects with one coordinate type"),
        )
    for system in distinct:
        chosen = np.array([s == system for s in systems], dtype=np.bool_)
        assert system is not None
        content.geometry[chosen] = crs.transform(content.geometry[chosen], system)
    content.notes.append(
        ("W_CRS_SHIFTED", "对象的坐标类型不同，已分别换算（GCJ-02 换算精度约 1 米）",
         "objects have several coordinate types and were converted one by one (GCJ-02: about 1 m)")
    )  # fmt: skip
    return crs.STORAGE


def _dtd() -> Rejected:
    return Rejected(
        "E_XML_DTD",
        "XML 含有文档类型或实体声明，拒绝读取",
        "the XML declares a document type or entities and is not read",
        fix=("请用地图软件重新导出", "export it again from the map software"),
    )


def _wrong(error: Exception) -> Rejected:
    line, place = getattr(error, "position", (1, 0))
    return Rejected(
        "E_XML",
        f"XML 第 {line} 行有误",
        f"the XML is wrong in line {line}: {error}",
        where=f"{line}:{place + 1}",
        fix=("请用地图软件重新导出", "export it again from the map software"),
    )


def _refused(zh: str, en: str) -> Rejected:
    return Rejected(
        "E_KML", f"不是可读取的 KML：{zh}", f"not a KML that is read: {en}",
        fix=("请重新导出为 KML", "export it as KML again"),
    )  # fmt: skip
