"""One table out of any format: what the checks work on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from geo.crs import Datum
from geo.formats import (
    dxf_file,
    fgb_file,
    geojson_file,
    geoparquet_file,
    gpkg_file,
    kml_file,
    landtxt_file,
    ovjsn_file,
    shapefile,
    table_file,
    table_geometry,
)
from geo.formats.content import Content
from geo.formats.text import CHOICES, MIXED, Encoding
from geo.intake.issues import Issues
from geo.intake.mapping import samples
from geo.intake.report import EncodingChoice

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.layers import GeometryType


@dataclass
class Raw:
    """Live records of one layer of a file, as they are.

    ``rows``: record numbers from 1. ``geometry``: shapely geometries in the file's own
    coordinates; ``broken``: those that are there and cannot be read. ``prj`` is the text
    beside the file, ``declared_crs`` what the format itself says; ``datum`` and ``zone`` are
    what it says without making a whole system.
    """

    records: int
    rows: NDArray[np.int64]
    attributes: pa.Table
    geometry: NDArray[np.object_]
    broken: NDArray[np.bool_]
    deleted: int = 0
    encoding: Encoding | None = None
    prj: str | None = None
    declared_crs: str | None = None
    datum: Datum | None = None
    zone: int | None = None
    unread: tuple[str, ...] = ()
    notes: list[tuple[str, str, str]] = field(default_factory=list)  # code, zh, en


def read(
    kind: str,
    name: str,
    parts: dict[str, Path],
    encoding: str | None,
    geometry: GeometryType | None = "MultiPolygon",
) -> Raw:
    """Read the unpacked parts of layer ``name`` (table or sheet) of format ``kind``.

    ``geometry``: what the layer that it is meant for holds; points in a table become
    points or polygons by it. Raises `Rejected`.
    """
    if kind == "shapefile":
        return _shape(parts, encoding)
    (path,) = parts.values()
    if kind == "gpkg":
        return _geopackage(path, name)
    if kind == "geojson":
        return _geojson(path, encoding)
    return _raw(_content(kind, name, path, encoding, geometry))


def _content(
    kind: str, name: str, path: Path, encoding: str | None, geometry: GeometryType | None
) -> Content:
    readers: dict[str, Callable[[], Content]] = {
        "landtxt": lambda: landtxt_file.read(path, encoding=encoding, points=geometry == "Point"),
        "kml": lambda: kml_file.read(path, encoding=encoding),
        "ovjsn": lambda: ovjsn_file.read(path, encoding=encoding),
        "csv": lambda: table_geometry.content(
            table_file.read_csv(path, encoding=encoding), geometry
        ),
        "xlsx": lambda: table_geometry.content(table_file.read_sheet(path, name), geometry),
        "dxf": lambda: dxf_file.read(path, kind=geometry, encoding=encoding),
        "fgb": lambda: fgb_file.read(path),
        "parquet": lambda: geoparquet_file.read(path, shapes=geometry is not None),
    }
    return readers[kind]()


def _raw(content: Content) -> Raw:
    return Raw(
        records=len(content.rows),
        rows=content.rows,
        attributes=content.attributes,
        geometry=content.geometry,
        broken=content.broken,
        encoding=content.encoding,
        declared_crs=content.crs,
        datum=content.datum,
        zone=content.zone,
        unread=content.unread,
        notes=content.notes,
    )


def _geojson(path: Path, encoding: str | None) -> Raw:
    content = geojson_file.read(path, encoding=encoding)
    count = len(content.geometry)
    return Raw(
        records=count,
        rows=np.arange(1, count + 1),
        attributes=content.attributes,
        geometry=content.geometry,
        broken=content.broken,
        encoding=content.encoding,
        declared_crs=content.crs,
    )


def _geopackage(path: Path, name: str) -> Raw:
    content = gpkg_file.read(path, name)
    notes = []
    if content.wal:
        notes.append(
            ("W_GPKG_WAL", "文件可能仍在软件中打开，未保存的修改不在其中",
             "the file may be open in software; changes that were not saved are not in it")
        )  # fmt: skip
    return Raw(
        records=len(content.rows),
        rows=content.rows,
        attributes=content.attributes,
        geometry=content.geometry,
        broken=content.broken,
        declared_crs=content.crs,
        unread=content.unread,
        notes=notes,
    )


def _shape(parts: dict[str, Path], encoding: str | None) -> Raw:
    content = shapefile.read(parts, encoding=encoding)
    notes = []
    if content.structure.gaps:
        notes.append(
            ("W_SHP_GAPS", f"shp 中有 {content.structure.gaps} 字节未被引用（编辑残留）",
             f"{content.structure.gaps} bytes of the shp are left over from editing")
        )  # fmt: skip
    for column, count, row in content.full:
        notes.append(
            ("W_TEXT_FULL",
             f"字段“{column}”有 {count} 个值占满宽度，可能被截断（首个在第 {row} 条）",
             f"{count} values of {column!r} fill their field and may be cut (record {row} first)")
        )  # fmt: skip
    return Raw(
        records=content.structure.records,
        rows=content.rows,
        attributes=content.attributes,
        geometry=content.geometry,
        broken=content.broken,
        deleted=content.deleted,
        encoding=content.encoding,
        prj=content.prj,
        unread=content.unread,
        notes=notes,
    )


def describe_encoding(raw: Raw, issues: Issues) -> EncodingChoice | None:
    """The encoding as the report shows it, with warnings about declarations that lied."""
    chosen = raw.encoding
    if chosen is None:
        return None
    if chosen.contradicted:
        issues.add(
            "W_ENCODING", "warning",
            f"文件声明的编码（{chosen.contradicted}）与内容不符，按 {chosen.value} 读取",
            f"the declared encoding ({chosen.contradicted}) does not fit; read as {chosen.value}",
        )  # fmt: skip
    if chosen.doubtful:
        issues.add(
            "E_ENCODING_DOUBT", "error",
            f"按 {chosen.value} 读取的文字不像正常中文，请核对样例后确认编码",
            f"read as {chosen.value} the text is no usual Chinese; look at the samples and confirm",
            decision="encoding",
            fix=("请选择编码：" + "、".join(CHOICES), "choose the encoding: " + ", ".join(CHOICES)),
        )  # fmt: skip
    if chosen.cut:
        issues.add(
            "W_TEXT_CUT", "warning",
            f"{chosen.cut} 处文字或字段名因字段宽度不足被截断",
            f"{chosen.cut} texts or names are cut by the width of their field",
        )  # fmt: skip
    for column, place in chosen.cuts:
        issues.at(
            np.array([place]), "W_TEXT_CUT_ROW", "warning",
            lambda _, column=column: (  # type: ignore[misc]
                f"“{column}”的文字在字段末尾被截断", f"the text of {column!r} is cut at its end"
            ),
            where=column,
        )  # fmt: skip
    found: list[str] = [n for n in raw.attributes.column_names if not n.isascii()]
    for column in raw.attributes.columns:
        found += [text for text in samples(column) if not text.isascii()]
        if len(found) >= 12:
            break
    return EncodingChoice(
        value=chosen.value,
        decided_by=chosen.decided_by,
        contradicted=chosen.contradicted,
        cut=chosen.cut,
        samples=_three(raw, found),
        choices=[*CHOICES, MIXED],
    )


def _three(raw: Raw, found: list[str]) -> list[str]:
    values = [text for text in found if text not in raw.attributes.column_names]
    return list(dict.fromkeys([*values, *found]))[:3]
