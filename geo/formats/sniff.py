"""What a file is, by its contents; its name decides only between kinds of plain text."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from geo.errors import Rejected
from geo.formats import fgb_file, geoparquet_file, landtxt_lines, refused

#: Format -> extensions under which it arrives, the usual one first.
EXTENSIONS = {
    "zip": (".zip",),
    "kmz": (".kmz", ".ovkmz", ".zip"),
    "xlsx": (".xlsx", ".xlsm", ".xls", ".et", ".ods", ".xlsb"),
    "gpkg": (".gpkg",),
    "geojson": (".geojson", ".json", ".geojsonl", ".geojsons", ".ndjson", ".jsonl", ".txt"),
    "ovjsn": (".ovjsn", ".json"),
    "kml": (".kml", ".ovkml", ".xml"),
    "landtxt": (".txt", ".dat", ".csv", ".text"),
    "csv": (".csv", ".txt", ".tsv", ".dat", ".tab", ".text"),
    "dxf": (".dxf",),
    "fgb": (".fgb",),
    "parquet": (".parquet", ".geoparquet", ".pq"),
}
#: Extension of the file of ours under which a single-file format is kept.
PART = {kind: f".{kind}" for kind in EXTENSIONS}
_HEAD = 64 << 10
_DXF = re.compile(rb"^\s*(?:999\r?\n[^\n]*\n\s*)*0\s*\r?\nSECTION")
_MAGICS = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"SQLite format 3\0", "gpkg"),
    (geoparquet_file.MAGIC, "parquet"),
    (fgb_file.MAGIC + b"\x03" + fgb_file.MAGIC, "fgb"),
    (b"AutoCAD Binary DXF", "dxf"),
)
_OLE = b"\xd0\xcf\x11\xe0"
_CONTROL = frozenset(range(32)) - {7, 8, 9, 10, 12, 13, 26, 27, 30}
_LEAST_HTML = (b"<!doctype html", b"<html", b"<head", b"<body")


def suffix_of(file_name: str) -> str:
    """Lower-case extension with its dot."""
    return PurePosixPath(file_name.replace("\\", "/")).suffix.lower()


def kind_of(path: Path, file_name: str) -> str:
    """The format of a file: a key of `EXTENSIONS`; an archive is ``zip`` until it is opened.

    Raises `Rejected`: a code of `geo.formats.refused`, E_SHP_PART, E_XLSX_ENCRYPTED, E_TYPE.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    found = _binary(head, file_name) or _text(head, file_name)
    if found is not None:
        return found
    kind = refused.by_suffix(suffix_of(file_name))
    if kind is not None:
        raise refused.refuse(kind, file_name)
    raise Rejected(
        "E_TYPE",
        "无法识别文件内容",
        "the contents of the file are of no known kind",
        where=file_name,
        fix=(
            "可上传：shapefile（.zip）、GeoPackage、GeoJSON、KML/KMZ、奥维 ovkml/ovjsn、"
            "界址点 TXT、CSV、XLSX、DXF、FlatGeobuf、GeoParquet",
            "upload a zipped shapefile, GeoPackage, GeoJSON, KML/KMZ, ovkml/ovjsn, land TXT, "
            "CSV, XLSX, DXF, FlatGeobuf or GeoParquet",
        ),
    )


def check_name(kind: str, file_name: str) -> None:
    """Raise `Rejected` E_TYPE when the name says another format than the contents."""
    suffix = suffix_of(file_name)
    if suffix and suffix not in EXTENSIONS[kind]:
        raise Rejected(
            "E_TYPE",
            f"文件内容是 {kind}，扩展名却是“{suffix}”",
            f"the file is {kind} but is named {suffix!r}",
            where=file_name,
            fix=(f"扩展名应为 {EXTENSIONS[kind][0]}", f"name it {EXTENSIONS[kind][0]}"),
        )


def _binary(head: bytes, file_name: str) -> str | None:
    for magic, found in _MAGICS:
        if head.startswith(magic):
            return found
    if head[:4] == b"\0\0\x27\x0a":
        raise Rejected(
            "E_SHP_PART",
            "单独的 .shp 或 .shx 文件不完整",
            "a .shp or .shx alone is not a whole shapefile",
            where=file_name,
            fix=(
                "请将同名的 .shp、.shx、.dbf、.prj 打包为 .zip",
                "pack the .shp, .shx, .dbf and .prj of the same name into a .zip",
            ),
        )
    if head.startswith(_OLE):
        return _office(head, file_name)
    kind = refused.by_magic(head)
    if kind is not None and not (kind.code == "E_TYPE_IMAGE" and _is_text(head)):
        raise refused.refuse(kind, file_name)
    return None


def _office(head: bytes, file_name: str) -> str:
    """Old Excel is read; a locked workbook and Word come in the same container."""
    if "EncryptedPackage".encode("utf-16-le") in head:
        raise Rejected(
            "E_XLSX_ENCRYPTED",
            "工作簿有密码",
            "the workbook is encrypted",
            where=file_name,
            fix=("请去掉密码后重新保存", "save it again without a password"),
        )
    sheet = any(name.encode("utf-16-le") in head for name in ("Workbook", "Book"))
    word = "WordDocument".encode("utf-16-le") in head
    if (sheet or suffix_of(file_name) in (".xls", ".et")) and not word:
        return "xlsx"
    raise refused.refuse(refused.BY_CODE["E_TYPE_WORD"], file_name)


def _text(head: bytes, file_name: str) -> str | None:
    """Kinds of text, also in UTF-16; None for other bytes."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff") or head[1:2] == b"\0" or head[:1] == b"\0":
        text = head[: len(head) & ~1].decode(
            "utf-16-be" if head[:2] == b"\xfe\xff" or head[:1] == b"\0" else "utf-16-le", "ignore"
        )
        head = text.removeprefix("\ufeff").encode()
    if not head or not _is_text(head):
        return None
    head = head.removeprefix(b"\xef\xbb\xbf")
    start = head.lstrip()[:200].lower()
    if start.startswith(b"<"):
        return _xml(head, file_name)
    if start[:1] in (b"{", b"\x1e"):
        return "ovjsn" if b'"ObjItems"' in head else "geojson"
    if _DXF.match(head):
        return "dxf"
    if landtxt_lines.looks_like(text := _readable(head)):
        return "landtxt"
    suffix = suffix_of(file_name)
    table = suffix in EXTENSIONS["csv"] or not suffix
    return "csv" if table and not text.lstrip().lower().startswith("!table") else None


def _xml(head: bytes, file_name: str) -> str:
    low = head[:8192].lower()
    root = re.search(rb"<([a-z_][\w.:-]*)", re.sub(rb"<\?.*?\?>|<!--.*?-->", b"", low, flags=re.S))
    name = root[1].rsplit(b":", 1)[-1] if root else b""
    if any(sign in low for sign in _LEAST_HTML):
        raise refused.refuse(refused.BY_CODE["E_TYPE_HTML"], file_name)
    # A document type comes before the root: the reader says that it is not taken.
    if name in (b"kml", b"document", b"folder", b"placemark") or b"<kml" in low:
        return "kml"
    raise refused.refuse(refused.BY_CODE["E_TYPE_XML"], file_name)


def _is_text(head: bytes) -> bool:
    return not any(byte in _CONTROL for byte in head)


def _readable(head: bytes) -> str:
    try:
        return head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start >= len(head) - 3:
            return head[: error.start].decode("utf-8")
        return head.decode("gb18030", "replace")
