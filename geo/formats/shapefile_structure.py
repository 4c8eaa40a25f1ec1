"""The structure of a shapefile, proved by our own walk before any library opens it.

GDAL opens broken shapefiles without an error: a short .dbf loses rows, a cut .shp gives
null geometries, a permuted .shx gives parcels the attributes of their neighbours. So the
parts are checked against each other: sizes, offsets, lengths, counts, shape types, and the
parts of every shape. Layout: ESRI Shapefile Technical Description, July 1998.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from geo.errors import Rejected
from geo.formats import dbf

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Extensions of the parts that are read; other side files (.sbn, .xml, .qpj) are left alone.
PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
_NEEDED = {
    ".shp": ("图形", "shapes"),
    ".shx": ("索引", "index"),
    ".dbf": ("属性表", "attributes"),
}
_HEADER = 100
_NULL, _MULTIPATCH = 0, 31
_POINT, _POLYLINE, _POLYGON, _MULTIPOINT = 1, 3, 5, 8
_NAMES = {1: "Point", 3: "PolyLine", 5: "Polygon", 8: "MultiPoint"}


@dataclass(frozen=True)
class Structure:
    """What the walk proved. ``null_shapes``: which records hold no shape, bool[records]."""

    records: int
    shape_type: int
    null_shapes: NDArray[np.bool_]
    gaps: int  # bytes of the .shp that no record uses; left by editing in place
    attributes: dbf.Header

    @property
    def shape(self) -> str:
        """Point, PolyLine, Polygon or MultiPoint; with Z or M dropped; Null for type 0."""
        return _NAMES.get(self.shape_type % 10, "Null")

    @property
    def has_z_or_m(self) -> bool:
        return self.shape_type > 10


def check(parts: Mapping[str, Path]) -> Structure:
    """Prove that .shp, .shx and .dbf belong together and are whole.

    ``parts`` maps lower-case extensions to files. Raises `Rejected`: E_SHP_PART
    (a part is missing), E_SHP (no shapefile, or an unknown shape type), E_SHP_COUNTS
    (sizes, offsets or numbers of records differ), E_DBF, E_DBF_SIZE.
    """
    for part, (zh, en) in _NEEDED.items():
        if part not in parts:
            raise Rejected(
                "E_SHP_PART",
                f"缺少 {part} 文件（{zh}）",
                f"the {part} file ({en}) is missing",
                where=part,
                fix=(
                    "请将同名的 .shp、.shx、.dbf、.prj 一起打包",
                    "pack the .shp, .shx, .dbf and .prj of the same name together",
                ),
            )
    shape_type = _header(parts[".shp"])
    if _header(parts[".shx"]) != shape_type:
        raise counts_differ("shp 与 shx 的图形类型不同", "shp and shx differ in shape type")
    attributes = dbf.read_header(parts[".dbf"])
    index = np.fromfile(parts[".shx"], dtype=">i4", offset=_HEADER).astype(np.int64)
    if (parts[".shx"].stat().st_size - _HEADER) % 8:
        raise counts_differ("shx 长度不是整条记录", "the shx does not hold whole records")
    offsets, lengths = index[0::2], index[1::2]
    words = np.memmap(parts[".shp"], dtype=">u2", mode="r")
    records, gaps = _walk(words, offsets, lengths)
    if not records == len(offsets) == attributes.records:
        raise counts_differ(
            f"shp {records} 条、shx {len(offsets)} 条、dbf {attributes.records} 条记录",
            f"shp {records}, shx {len(offsets)}, dbf {attributes.records} records",
        )
    null = _check_records(words, offsets, lengths, shape_type)
    return Structure(records, shape_type, null, gaps, attributes)


def _header(path: Path) -> int:
    """Shape type of a .shp or .shx whose header fits its size."""
    name, size = path.suffix, path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEADER)
    if len(head) < _HEADER or struct.unpack_from(">i", head)[0] != 9994:
        raise Rejected(
            "E_SHP",
            f"{name} 不是 shapefile",
            f"the {name} is no shapefile",
            where=name,
            fix=("请重新导出", "export it again"),
        )
    declared = struct.unpack_from(">i", head, 24)[0] * 2
    shape_type: int = struct.unpack_from("<i", head, 32)[0]
    if declared != size:
        raise counts_differ(
            f"{name} 声明 {declared} 字节，实有 {size} 字节",
            f"the {name} declares {declared} bytes and has {size}",
            name,
        )
    if shape_type == _MULTIPATCH:
        raise Rejected(
            "E_MULTIPATCH",
            "图形是多面体（multipatch），不是地块",
            "the shapes are multipatches (solids), not parcels",
            where=name,
            fix=(
                "请导出为普通的面（如“多面体轮廓”）",
                "export plain polygons (a multipatch footprint)",
            ),
        )
    if shape_type != _NULL and (shape_type % 10 not in _NAMES or not 0 < shape_type < 30):
        raise Rejected(
            "E_SHP",
            f"不支持的图形类型 {shape_type}",
            f"shape type {shape_type} is not read",
            where=name,
            fix=("请导出为点、线或面", "export points, lines or polygons"),
        )
    return shape_type


def _walk(
    words: NDArray[np.uint16], offsets: NDArray[np.int64], lengths: NDArray[np.int64]
) -> tuple[int, int]:
    """(records in the .shp, unused bytes); the .shx must point at exactly these records.

    A file written in one go is a chain: each record begins where the one before it ends.
    Files edited in place have gaps and another order; there the record numbers in the .shp
    must be those of the .shx, so that no parcel gets the attributes of another.
    """
    total = len(words)
    if not len(offsets):
        rest = total - _HEADER // 2
        return (0, 0) if rest == 0 else (-1, rest * 2)
    if (
        (lengths < 2).any()
        or (offsets < _HEADER // 2).any()
        or (offsets + 4 + lengths > total).any()
    ):
        row = int(np.argmax((lengths < 2) | (offsets < 50) | (offsets + 4 + lengths > total)))
        raise counts_differ(
            f"shx 第 {row + 1} 条指向文件之外",
            f"shx record {row + 1} points outside the shp",
            f"shx, {row + 1}",
        )
    numbers, contents = _big(words, offsets), _big(words, offsets + 2)
    if (contents != lengths).any():
        row = int(np.argmax(contents != lengths)) + 1
        raise counts_differ(
            f"第 {row} 条记录在 shp 与 shx 中长度不同",
            f"record {row} differs in length between shp and shx",
            f"shx, {row}",
        )
    ends = offsets + 4 + lengths
    if offsets[0] == _HEADER // 2 and (offsets[1:] == ends[:-1]).all():
        rest = total - int(ends[-1])
        return (len(offsets), 0) if rest == 0 else (_count(words, int(ends[-1])), rest * 2)
    order = np.argsort(offsets)
    if (offsets[order][1:] < ends[order][:-1]).any():
        raise counts_differ("shx 中的记录互相重叠", "records of the shx overlap")
    wrong = numbers != np.arange(1, len(numbers) + 1)
    if wrong.any():
        row = int(np.argmax(wrong)) + 1
        raise counts_differ(
            f"shx 第 {row} 条指向 shp 的第 {int(numbers[row - 1])} 条记录",
            f"shx record {row} points at record {int(numbers[row - 1])} of the shp",
            f"shx, {row}",
        )
    return len(offsets), (total - _HEADER // 2 - int((lengths + 4).sum())) * 2


def _count(words: NDArray[np.uint16], end: int) -> int:
    """Records in a .shp that is longer than its .shx says, by walking its headers."""
    count, at = 0, _HEADER // 2
    while at + 4 <= len(words):
        length = int(_big(words, np.array([at + 2]))[0])
        if length < 2 or at + 4 + length > len(words):
            break
        count, at = count + 1, at + 4 + length
    return count if at > end else -1


def _check_records(
    words: NDArray[np.uint16],
    offsets: NDArray[np.int64],
    lengths: NDArray[np.int64],
    shape_type: int,
) -> NDArray[np.bool_]:
    """Type and size of each record's content; returns which are null shapes."""
    body = offsets + 4
    types = _little(words, body)
    null = types == _NULL
    bad = ~null & (types != shape_type)
    kind, sizes = shape_type % 10, lengths * 2
    extra = shape_type // 10  # 0 plain, 1 Z (with optional M), 2 M (optional)
    if kind == _POINT:
        low, high = {0: (20, 20), 1: (28, 36), 2: (20, 28)}[extra]
        bad |= ~null & ((sizes < low) | (sizes > high))
    elif kind:
        lead = 40 if kind == _MULTIPOINT else 44
        short = ~null & (sizes < lead)
        bad |= short
        safe = np.where(null | short, 0, body)
        parts = np.zeros(len(body), dtype=np.int64)
        if kind != _MULTIPOINT:
            parts = _little(words, safe + 18)
        points = _little(words, safe + (18 if kind == _MULTIPOINT else 20))
        bad |= ~null & ~short & ((parts < 0) | (points < 0) | (parts > points))
        least = lead + 4 * parts + 16 * points
        one = 16 + 8 * points
        if extra == 1:
            least = least + one
        most = least + (one if extra else 0)
        bad |= ~null & ~bad & ((sizes < least) | (sizes > most))
        if kind != _MULTIPOINT and not bad.any():
            _check_parts(words, np.where(null, 0, parts), points, body)
    if bad.any():
        row = int(np.argmax(bad)) + 1
        raise Rejected(
            "E_SHP_COUNTS",
            f"第 {row} 条图形的类型或长度与声明不符",
            f"the type or size of shape {row} is not what the file declares",
            where=f"shp, {row}",
            fix=("文件已损坏，请重新导出", "the file is damaged; export it again"),
        )
    return null


def _check_parts(
    words: NDArray[np.uint16],
    parts: NDArray[np.int64],
    points: NDArray[np.int64],
    body: NDArray[np.int64],
) -> None:
    """Parts of a shape begin at its point 0, one after the other, inside of it."""
    total = int(parts.sum())
    first = np.cumsum(parts) - parts
    owner = np.repeat(np.arange(len(parts)), parts)
    place = np.arange(total) - first[owner]
    begins = _little(words, body[owner] + 22 + 2 * place)
    wrong = (begins < 0) | (begins >= points[owner]) | ((place == 0) & (begins != 0))
    later = np.flatnonzero(place > 0)
    wrong[later] |= begins[later] <= begins[later - 1]
    if wrong.any():
        at = int(np.argmax(wrong))
        row, part = int(owner[at]) + 1, int(place[at]) + 1
        raise Rejected(
            "E_SHP_PARTS",
            f"第 {row} 条图形的第 {part} 个环起点为 {int(begins[at])}，"
            f"共 {int(points[row - 1])} 点",
            f"part {part} of shape {row} begins at point {int(begins[at])} of "
            f"{int(points[row - 1])}",
            where=f"shp, {row}",
            fix=("文件已损坏，请重新导出", "the file is damaged; export it again"),
        )


def _big(words: NDArray[np.uint16], at: NDArray[np.int64]) -> NDArray[np.int64]:
    """Big-endian 32-bit integers at word positions."""
    value = words[at].astype(np.int64) << 16 | words[at + 1].astype(np.int64)
    return np.where(value >= 1 << 31, value - (1 << 32), value)


def _little(words: NDArray[np.uint16], at: NDArray[np.int64]) -> NDArray[np.int64]:
    """Little-endian 32-bit integers at word positions of a big-endian word array."""
    low, high = (words[at + i].astype(np.uint16).byteswap().astype(np.int64) for i in (0, 1))
    value = high << 16 | low
    return np.where(value >= 1 << 31, value - (1 << 32), value)


def counts_differ(zh: str, en: str, where: str = "shp, shx, dbf") -> Rejected:
    return Rejected(
        "E_SHP_COUNTS",
        zh,
        en,
        where=where,
        fix=(
            "各部分不完整或不属于同一文件，请从软件中重新导出",
            "the parts are not whole or do not belong together; export the file again",
        ),
    )
