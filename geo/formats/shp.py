"""Shapefiles for Chinese desktop software, as one zip: names and values end at whole characters.

Fields are named by their Chinese titles, cut to the ten bytes of a dbf and made distinct;
.cpg and LDID say the encoding, the .prj is ESRI's WKT, and a read-me in the zip lists what
had to be cut. A dbf has no booleans that all software reads: 是 and 否 are written.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyproj import CRS

from geo.errors import Rejected
from geo.formats.shp_shapes import MAX_BYTES, Shapes
from geo.formats.source import Source, text_of
from geo.local import LOCAL_TIME

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_TEXT, MAX_NAME = 254, 10
_CODECS = {"gbk": ("gbk", "936", 0x4D), "utf-8": ("utf-8", "UTF-8", 0x00)}
_CODECS["utf-8-sig"] = _CODECS["utf-8"]
_DECIMALS = 8


@dataclass
class _Column:
    """A dbf field. ``cut`` and ``lost``: values shortened, and with characters replaced."""

    name: str  # of the source
    title: str
    raw: bytes
    kind: str
    width: int
    decimals: int = 0
    cut: int = 0
    lost: int = 0
    label: str = ""


@dataclass
class _Writer:
    source: Source
    codec: str
    columns: list[_Column] = field(default_factory=list)


def write(path: Path, source: Source) -> None:
    """Write ``path`` as a zip. Options: ``encoding`` gbk (default) or utf-8.

    Raises `Rejected`: E_SHP_LIMIT (over 2 GiB), E_FORMAT for a layer without geometry.
    """
    if source.layer.geometry is None or not source.has_geometry:
        raise Rejected(
            "E_FORMAT", "此图层没有图形", "this layer has no geometry",
            fix=("请用 CSV 或 XLSX", "use CSV or XLSX"),
        )  # fmt: skip
    codec, cpg, language = _CODECS[str(source.options.get("encoding") or "gbk")]
    writer = _Writer(source, codec)
    writer.columns = _columns(source, codec)
    stem = source.layer.title.zh
    folder = path.parent
    with (folder / "a.shp").open("wb") as shp, (folder / "a.shx").open("wb") as shx:
        shapes = Shapes(shp, shx, source.layer.geometry)
        with (folder / "a.dbf").open("wb") as dbf:
            _head(dbf, writer, language)
            for batch in source.batches():
                shapes.add(source.shapes(batch))
                dbf.write(_records(batch, writer).tobytes())
            dbf.write(b"\x1a")
        shapes.close()
    parts = {
        ".cpg": cpg.encode(),
        ".prj": CRS(source.crs).to_wkt("WKT1_ESRI").encode(),
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for part in (".shp", ".shx", ".dbf"):
            archive.write(folder / f"a{part}", f"{stem}{part}")
            (folder / f"a{part}").unlink()
        for part, data in parts.items():
            archive.writestr(f"{stem}{part}", data)
        archive.writestr("说明_readme.txt", b"\xef\xbb\xbf" + _readme(writer).encode())


# -- fields ------------------------------------------------------------------------


def _columns(source: Source, codec: str) -> list[_Column]:
    """Names, and widths by the longest value of each column."""
    names = source.names[1:] or ["fid"]  # a dbf has at least one field
    found = [
        _Column(name, source.title(name, "zh"), b"", _kind(source.schema.field(name).type), 1)
        for name in names
    ]
    used: set[bytes] = set()
    for column in found:
        column.raw = _name(column.title, codec, used)
    largest = dict.fromkeys(names, 0.0)
    for batch in source.batches():
        for column in found:
            values = text_of(batch, column.name)
            if column.kind == "C" and pa.types.is_string(values.type):
                distinct = values.dictionary_encode().dictionary
                longest = max(map(len, _encoded(distinct, codec)), default=0)
                column.width = min(max(column.width, longest), MAX_TEXT)
            elif column.kind in "NF" and values.null_count < len(values):
                top = pc.max(pc.abs(values)).as_py()
                largest[column.name] = max(largest[column.name], float(top or 0))
    for column in found:
        kind = source.schema.field(column.name).type
        digits = len(str(int(largest[column.name])))
        if column.kind == "N":
            column.width = max(4, digits + 1)
        elif column.kind == "F":
            column.decimals = max(0, min(_DECIMALS, 18 - digits))
            column.kind, column.width = "N", digits + 2 + column.decimals
        elif column.kind == "D":
            column.width = 8
        elif pa.types.is_boolean(kind):
            column.width = 2 if codec == "gbk" else 3
        elif pa.types.is_timestamp(kind):
            column.width = 25
    return found


def _kind(kind: pa.DataType) -> str:
    if pa.types.is_integer(kind):
        return "N"
    if pa.types.is_floating(kind):
        return "F"
    return "D" if pa.types.is_date(kind) else "C"


def _name(title: str, codec: str, used: set[bytes]) -> bytes:
    """A title as at most ten bytes of whole characters, unlike all before it in any case."""
    for number in range(1000):
        tail = str(number).encode() if number else b""
        raw = _cut(title.encode(codec, "replace"), MAX_NAME - len(tail), codec) + tail
        if raw.upper() not in used:
            used.add(raw.upper())
            return raw
    raise ValueError("a thousand fields of one name")


def _cut(raw: bytes, width: int, codec: str) -> bytes:
    """The longest beginning of whole characters that fits."""
    return raw[:width].decode(codec, "ignore").encode(codec) if len(raw) > width else raw


# -- records -----------------------------------------------------------------------


def _head(dbf: Any, writer: _Writer, language: int) -> None:
    width = 1 + sum(column.width for column in writer.columns)
    size = 33 + 32 * len(writer.columns)
    if size + width * writer.source.rows > MAX_BYTES:
        raise Rejected(
            "E_SHP_LIMIT",
            "shapefile 的属性表超过 2 GiB",
            "the attributes are over the 2 GiB of a shapefile",
            fix=("请减少字段或改用 GeoPackage", "ask for fewer properties or use gpkg"),
        )  # fmt: skip
    today = date.today()
    head = struct.pack("<4BIHH", 3, today.year - 1900, today.month, today.day,
                       writer.source.rows, size, width)  # fmt: skip
    dbf.write(head + bytes(17) + bytes([language, 0, 0]))
    for column in writer.columns:
        dbf.write(column.raw.ljust(11, b"\0") + column.kind.encode() + bytes(4))
        dbf.write(bytes([column.width, column.decimals]) + bytes(14))
    dbf.write(b"\r")


def _records(batch: pa.RecordBatch, writer: _Writer) -> NDArray[np.uint8]:
    width = 1 + sum(column.width for column in writer.columns)
    out = np.full((len(batch), width), ord(" "), dtype=np.uint8)
    at = 1
    for column in writer.columns:
        _fill(out[:, at : at + column.width], text_of(batch, column.name), column, writer.codec)
        at += column.width
    return out


def _fill(out: NDArray[np.uint8], values: pa.Array, column: _Column, codec: str) -> None:
    """A column of the records: each distinct value is written once and then dealt out."""
    coded = values.dictionary_encode()
    words = _words(coded.dictionary, column, codec)
    places = coded.indices.fill_null(len(words)).to_numpy(zero_copy_only=False)
    if pa.types.is_string(values.type):
        long = np.array([len(word) > column.width for word in words], dtype=np.bool_)
        lost = np.array(_lossy(coded.dictionary, words, codec), dtype=np.bool_)
        counts = np.bincount(places, minlength=len(words) + 1)[:-1]
        column.cut += int(counts[long].sum())
        column.lost += int(counts[lost].sum())
        words = [_cut(word, column.width, codec) for word in words]
    # Fixed-width bytes: numpy pads with zeros, a dbf with blanks. The last word is no value.
    block = np.array([*words, b""], dtype=f"S{column.width}")
    table = block.view(np.uint8).reshape(len(words) + 1, column.width)
    out[:] = np.where(table == 0, ord(" "), table)[places]


def _words(values: pa.Array, column: _Column, codec: str) -> list[bytes]:
    """Values as the bytes of a dbf field."""
    kind, found = values.type, values.to_pylist()
    if pa.types.is_string(kind):
        return _encoded(values, codec)
    if pa.types.is_boolean(kind):
        return [("是" if value else "否").encode(codec) for value in found]
    if pa.types.is_timestamp(kind):
        return [_moment(value) for value in found]
    if pa.types.is_date(kind):
        return [value.strftime("%Y%m%d").encode() for value in found]
    spec = f"%{column.width}.{column.decimals}f"
    return [b"" if isnan(value) else (spec % value).encode() for value in found]


def _moment(value: datetime) -> bytes:
    return value.astimezone(LOCAL_TIME).isoformat(timespec="seconds").encode()


def _plain(text: str) -> str:
    return " ".join(text.replace("\0", " ").splitlines()).rstrip()


def _encoded(values: pa.Array, codec: str) -> list[bytes]:
    """Texts as bytes without line ends."""
    return [_plain(text).encode(codec, "replace") for text in values.to_pylist()]


def _lossy(values: pa.Array, words: list[bytes], codec: str) -> list[bool]:
    """Which texts have characters that the encoding lacks."""
    return [
        word.decode(codec) != _plain(text)
        for word, text in zip(words, values.to_pylist(), strict=True)
    ]


# -- what had to be changed --------------------------------------------------------


def _readme(writer: _Writer) -> str:
    source = writer.source
    lines: list[str] = [f"{source.layer.title.zh} {source.layer.title.en}", ""]
    lines += [f"{zh}\r\n{en}" for zh, en in source.about]
    lines += [
        f"记录数 records: {source.rows}",
        f"文字编码 encoding: {writer.codec}    坐标系 CRS: {source.crs}",
        "", "字段 fields: dbf 名称 name | 标题 title | 系统名 id",
    ]  # fmt: skip
    lines += [
        f"  {column.raw.decode(writer.codec)} | {column.title} | {column.name}"
        for column in writer.columns
    ]
    changed = _changes(writer.columns)
    lines += ["", "因 dbf 的限制有改动的值 values changed by the limits of a dbf:"]
    return "\r\n".join([*lines, *(changed or ["  无 none"]), ""])


def _changes(columns: Sequence[_Column]) -> list[str]:
    told = []
    for column in columns:
        if column.cut:
            told.append(
                f"  {column.title}: {column.cut} 个值被截断 values cut at {column.width} bytes"
            )
        if column.lost:
            told.append(
                f"  {column.title}: {column.lost} 个值有编码中没有的字 values with characters"
                " that the encoding lacks"
            )
    return told
