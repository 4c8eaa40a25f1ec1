"""Shapefiles: structure proved by our own walk, then geometry by GDAL and text by `dbf`/`text`.

GDAL opens broken shapefiles without an error: a short .dbf loses rows, a cut .shp gives
null geometries, a permuted .shx gives parcels the attributes of their neighbours. So the
parts are checked against each other first, and what was read is counted afterwards.
Layout: ESRI Shapefile Technical Description, July 1998.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import shapely

from geo.errors import Rejected
from geo.formats import dbf
from geo.formats.text import Encoding, decode
from geo.live import refuse_live

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Extensions of the parts that are read; other side files (.sbn, .xml, .qpj) are left alone.
PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
_NEEDED = {
    ".shp": ("图形", "shapes"),
    ".shx": ("索引", "index"),
    ".dbf": ("属性表", "attributes"),
}
_HEADER, _MAX_SIDE_FILE = 100, 64 << 10
_NULL = 0
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


@dataclass(frozen=True)
class Content:
    """A shapefile's live records; ``rows`` are record numbers from 1, as desktop tools count.

    ``geometry``: shapely geometries in the file's own coordinates, None for null shapes and
    for ``broken`` ones (rings that are not closed or have too few points).
    ``attributes``: text columns, named as the file names them, null when blank.
    """

    structure: Structure
    rows: NDArray[np.int64]
    geometry: NDArray[np.object_]
    broken: NDArray[np.bool_]
    attributes: pa.Table
    encoding: Encoding
    deleted: int
    unread: tuple[str, ...]  # columns of types that hold no plain text (memos)
    prj: str | None = field(default=None, repr=False)


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
        raise _counts("shp 与 shx 的图形类型不同", "shp and shx differ in shape type")
    attributes = dbf.read_header(parts[".dbf"])
    index = np.fromfile(parts[".shx"], dtype=">i4", offset=_HEADER).astype(np.int64)
    if (parts[".shx"].stat().st_size - _HEADER) % 8:
        raise _counts("shx 长度不是整条记录", "the shx does not hold whole records")
    offsets, lengths = index[0::2], index[1::2]
    words = np.memmap(parts[".shp"], dtype=">u2", mode="r")
    records, gaps = _walk(words, offsets, lengths)
    if not records == len(offsets) == attributes.records:
        raise _counts(
            f"shp {records} 条、shx {len(offsets)} 条、dbf {attributes.records} 条记录",
            f"shp {records}, shx {len(offsets)}, dbf {attributes.records} records",
        )
    null = _check_records(words, offsets, lengths, shape_type)
    return Structure(records, shape_type, null, gaps, attributes)


def read(parts: Mapping[str, Path], *, encoding: str | None = None) -> Content:
    """Check and read a shapefile; ``encoding`` is a person's choice and wins.

    Raises what `check` raises, E_ENCODING, and E_SHP_COUNTS when GDAL read other
    records than the file holds. GDAL parses only .shp and .shx: call it in a child
    process with limits, on private copies.
    """
    structure = check(parts)
    header = structure.attributes
    readable = [c for c in header.columns if c.readable and c.width]
    with dbf.records(parts[".dbf"], header) as table:
        dropped = dbf.deleted(table)
        live = table if not dropped.any() else table[~dropped]
        chosen, values, names = decode(
            [live[:, c.offset : c.offset + c.width] for c in readable],
            [c.raw_name for c in readable],
            decision=encoding,
            cpg=_side_file(parts.get(".cpg")),
            language=header.language,
        )
    geometry = _geometry(parts, structure)
    rows = np.flatnonzero(~dropped).astype(np.int64)
    return Content(
        structure=structure,
        rows=rows + 1,
        geometry=geometry[rows],
        broken=(shapely.is_missing(geometry) & ~structure.null_shapes)[rows],
        attributes=pa.table(values, names=_distinct(names)),
        encoding=chosen,
        deleted=int(dropped.sum()),
        unread=tuple(c.raw_name.decode(chosen.value, "replace") for c in header.columns
                     if c not in readable),
        prj=_side_file(parts.get(".prj")),
    )  # fmt: skip


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
        raise _counts(
            f"{name} 声明 {declared} 字节，实有 {size} 字节",
            f"the {name} declares {declared} bytes and has {size}",
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
        raise _counts(
            f"shx 第 {row + 1} 条指向文件之外", f"shx record {row + 1} points outside the shp"
        )
    numbers, contents = _big(words, offsets), _big(words, offsets + 2)
    if (contents != lengths).any():
        row = int(np.argmax(contents != lengths)) + 1
        raise _counts(
            f"第 {row} 条记录在 shp 与 shx 中长度不同",
            f"record {row} differs in length between shp and shx",
        )
    ends = offsets + 4 + lengths
    if offsets[0] == _HEADER // 2 and (offsets[1:] == ends[:-1]).all():
        rest = total - int(ends[-1])
        return (len(offsets), 0) if rest == 0 else (_count(words, int(ends[-1])), rest * 2)
    order = np.argsort(offsets)
    if (offsets[order][1:] < ends[order][:-1]).any():
        raise _counts("shx 中的记录互相重叠", "records of the shx overlap")
    wrong = numbers != np.arange(1, len(numbers) + 1)
    if wrong.any():
        row = int(np.argmax(wrong)) + 1
        raise _counts(
            f"shx 第 {row} 条指向 shp 的第 {int(numbers[row - 1])} 条记录",
            f"shx record {row} points at record {int(numbers[row - 1])} of the shp",
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


def _big(words: NDArray[np.uint16], at: NDArray[np.int64]) -> NDArray[np.int64]:
    """Big-endian 32-bit integers at word positions."""
    value = words[at].astype(np.int64) << 16 | words[at + 1].astype(np.int64)
    return np.where(value >= 1 << 31, value - (1 << 32), value)


def _little(words: NDArray[np.uint16], at: NDArray[np.int64]) -> NDArray[np.int64]:
    """Little-endian 32-bit integers at word positions of a big-endian word array."""
    low, high = (words[at + i].astype(np.uint16).byteswap().astype(np.int64) for i in (0, 1))
    value = high << 16 | low
    return np.where(value >= 1 << 31, value - (1 << 32), value)


def _geometry(parts: Mapping[str, Path], structure: Structure) -> NDArray[np.object_]:
    """All shapes, read by GDAL from .shp and .shx alone, counted against the walk."""
    if structure.records == 0:
        return np.empty(0, dtype=object)
    from pyogrio.raw import read as read_raw  # noqa: PLC0415 (GDAL only when there are shapes)

    refuse_live(parts[".shp"])
    with TemporaryDirectory(dir=parts[".shp"].parent) as folder:
        # Alone in a folder: with the .dbf beside it GDAL would drop deleted records and
        # fail on names cut inside a character.
        path = Path(folder) / "layer.shp"
        for part in (".shp", ".shx"):
            path.with_suffix(part).symlink_to(parts[part].resolve())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # told by `Content.broken` instead
            meta, fids, wkb, _ = read_raw(path, return_fids=True, encoding="ISO-8859-1")
    if meta.get("geometry_type") is None or not np.array_equal(fids, np.arange(structure.records)):
        raise _counts(
            f"文件有 {structure.records} 条记录，只读到 {len(wkb)} 条",
            f"the file holds {structure.records} records and {len(wkb)} were read",
        )
    lost = (
        np.fromiter((shape is None for shape in wkb), np.bool_, len(wkb)) & ~structure.null_shapes
    )
    if lost.any():
        row = int(np.argmax(lost)) + 1
        raise _counts(f"第 {row} 条图形无法读取", f"shape {row} cannot be read")
    with np.errstate(invalid="ignore"):  # NaN coordinates are for the checks to name
        geometry: NDArray[np.object_] = shapely.from_wkb(wkb, on_invalid="ignore")
    return geometry


def _side_file(path: Path | None) -> str | None:
    """Text of a small .prj or .cpg; None when there is none."""
    if path is None or path.stat().st_size > _MAX_SIDE_FILE:
        return None
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("gb18030", "replace")
    return text.strip("\0 \t\r\n") or None


def _distinct(names: list[str]) -> list[str]:
    """Names made distinct (case-insensitively) by a number, blank ones named by place."""
    used: set[str] = set()
    result = []
    for place, name in enumerate(names, 1):
        base = name or f"column_{place}"
        unique, number = base, 1
        while unique.casefold() in used:
            number += 1
            unique = f"{base}_{number}"
        used.add(unique.casefold())
        result.append(unique)
    return result


def _counts(zh: str, en: str) -> Rejected:
    return Rejected(
        "E_SHP_COUNTS",
        zh,
        en,
        fix=(
            "各部分不完整或不属于同一文件，请从软件中重新导出",
            "the parts are not whole or do not belong together; export the file again",
        ),
    )
