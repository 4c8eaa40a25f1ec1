"""GeoJSON files from outside (RFC 7946): structure checked feature by feature, then read.

GDAL reads a file with a wrong key as null geometries or as no rows at all; here every
feature is accounted for or named. The older ``crs`` member is honoured, because desktop
software writes it for CGCS2000.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa
import shapely

from geo.errors import Rejected
from geo.formats.columns import check_width, column
from geo.formats.text import Encoding, canonical
from geo.formats.text_file import decode

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_BYTES = 300 << 20  # parsed it takes some ten times as much
_TYPES = frozenset(
    {"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon",
     "GeometryCollection"}
)  # fmt: skip


@dataclass(frozen=True)
class Content:
    """All features. ``geometry`` is None for null and for ``broken`` ones (not readable)."""

    attributes: pa.Table
    geometry: NDArray[np.object_]
    broken: NDArray[np.bool_]
    encoding: Encoding
    crs: str


def read(path: Path, *, encoding: str | None = None) -> Content:
    """Read a FeatureCollection, a Feature, a bare geometry, or a sequence of these.

    Raises `Rejected`: E_TOO_LARGE, E_ENCODING, E_GEOJSON with the line or the feature,
    E_COORD for NaN and infinity, E_COLUMNS.
    """
    if path.stat().st_size > MAX_BYTES:
        raise Rejected(
            "E_TOO_LARGE",
            f"GeoJSON 超过 {MAX_BYTES >> 20} MiB",
            f"the GeoJSON is over {MAX_BYTES >> 20} MiB",
            fix=("请改用 GeoPackage 或 shapefile", "use GeoPackage or a shapefile"),
        )
    text, chosen = _text(path.read_bytes(), encoding)
    document = _document(text)
    features = _features(document)
    texts: list[bytes | None] = []
    for number, feature in enumerate(features, 1):
        texts.append(_geometry_text(feature, number))
    known = np.array([text is not None for text in texts], dtype=np.bool_)
    geometry: NDArray[np.object_] = shapely.from_geojson(
        np.array([None if t is None else t.decode() for t in texts], dtype=object),
        on_invalid="ignore",
    )
    return Content(
        attributes=_attributes(features),
        geometry=geometry,
        broken=known & shapely.is_missing(geometry),
        encoding=chosen,
        crs=_crs(document),
    )


def _text(data: bytes, decision: str | None) -> tuple[bytes, Encoding]:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or data[:2].count(0):
        text, chosen = decode(data, decision)  # UTF-16, as some Windows programs save it
        return text.encode(), chosen
    data = data.removeprefix(b"\xef\xbb\xbf")
    value = canonical(decision) if decision else None
    for encoding in [value] if value else ["utf-8", "gb18030"]:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        decided = "decision" if value else encoding
        return text.encode(), Encoding(encoding, decided)
    raise Rejected(
        "E_ENCODING",
        "GeoJSON 既不是 UTF-8 也不是 GBK 编码",
        "the GeoJSON is neither UTF-8 nor GBK",
        fix=("请另存为 UTF-8", "save it as UTF-8"),
    )


def _document(text: bytes) -> Any:
    """One document, or the features of a text sequence (RFC 8142) or of one feature a line."""
    stripped = text.lstrip()
    if stripped[:1] == b"\x1e":
        parts = [part for part in stripped.split(b"\x1e") if part.strip()]
    else:
        first, _, rest = stripped.partition(b"\n")
        if not rest.strip() or not _is_json(first):
            return _parse(text)
        parts = [line for line in stripped.splitlines() if line.strip()]
    found: list[dict[str, Any]] = []
    for number, part in enumerate(parts, 1):
        try:
            found += _features(_parse(part))
        except Rejected as error:
            zh, en = error.detail
            raise Rejected(
                error.code, f"第 {number} 条：{zh}", f"text {number}: {en}",
                where=str(number), fix=error.fix,
            ) from error  # fmt: skip
    return {"type": "FeatureCollection", "features": found}


def _is_json(text: bytes) -> bool:
    try:
        return isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False


def _parse(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        # NaN and Infinity are no JSON either, but that fault has a name of its own.
        try:
            json.loads(text, parse_constant=_refuse_constant)
        except Rejected:
            raise
        except (ValueError, RecursionError):
            pass
        where = f"{error.lineno}:{error.colno}"
        raise _wrong("不是合法的 JSON", "not valid JSON", where) from error


def _refuse_constant(name: str) -> float:
    raise Rejected(
        "E_COORD",
        f"文件中有 {name}",
        f"the file holds {name}",
        where=name,
        fix=("请删除或改正该坐标", "remove or correct that coordinate"),
    )


def _features(document: Any) -> list[dict[str, Any]]:
    kind = str(document.get("type")) if isinstance(document, dict) else None
    features: Any
    if kind in _TYPES:  # a bare geometry is one feature without attributes
        features = [{"type": "Feature", "geometry": document, "properties": {}}]
    elif kind == "Feature":
        features = [document]
    elif kind == "FeatureCollection":
        features = document.get("features")
    else:
        raise _wrong("顶层不是 FeatureCollection", "the top is no FeatureCollection", "type")
    if not isinstance(features, list):
        raise _wrong("没有 features 数组", "there is no array of features", "features")
    for number, feature in enumerate(features, 1):
        if not isinstance(feature, dict) or feature.get("type") != "Feature":
            raise _wrong(f"第 {number} 个不是 Feature", f"number {number} is no Feature", number)
        if not isinstance(feature.get("properties", {}), dict | None):
            raise _wrong(
                f"第 {number} 个要素的 properties 不是对象",
                f"the properties of feature {number} are no object",
                number,
            )
    return features


def _geometry_text(feature: dict[str, Any], number: int) -> bytes | None:
    if "geometry" not in feature:
        raise _wrong(
            f"第 {number} 个要素没有 geometry 成员",
            f"feature {number} has no member named geometry",
            number,
        )
    geometry = feature["geometry"]
    if geometry is None:
        return None
    if not isinstance(geometry, dict) or str(geometry.get("type")) not in _TYPES:
        raise _wrong(
            f"第 {number} 个要素的图形类型未知",
            f"the geometry of feature {number} has no known type",
            number,
        )
    return orjson.dumps(geometry)


def _attributes(features: list[dict[str, Any]]) -> pa.Table:
    properties = [feature.get("properties") or {} for feature in features]
    names: dict[str, None] = {}
    for row in properties:
        names.update(dict.fromkeys(row))
        check_width(len(names))
    columns = [column([row.get(name) for row in properties]) for name in names]
    return pa.table(columns, names=list(names))


def _crs(document: dict[str, Any]) -> str:
    member = document.get("crs")
    properties = member.get("properties") if isinstance(member, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    return name if isinstance(name, str) else "OGC:CRS84"


def _wrong(zh: str, en: str, where: object) -> Rejected:
    return Rejected(
        "E_GEOJSON",
        f"GeoJSON 有误：{zh}",
        f"the GeoJSON is wrong: {en}",
        where=str(where),
        fix=("请按 RFC 7946 导出", "export it according to RFC 7946"),
    )
