"""dBASE tables (.dbf) as shapefiles carry them: structure, text and its encoding.

Read here and not by GDAL, because GDAL stops silently at a short file, shows
undecodable text as Latin-1 and fails on names cut inside a character. Every value
is delivered as trimmed text (null when blank); what it means is for the layer's
definition to say. Layout: dBASE III+/IV header, 32-byte field descriptors.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from geo.errors import Rejected
from geo.formats.columns import check_width

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_BYTES = 2**31 - 1
#: First byte: FoxBase, dBASE III to 7, Visual FoxPro, and these with memo or SQL flags.
_VERSIONS = frozenset(b"\x02\x03\x04\x05\x30\x31\x32\x43\x63\x83\x8b\xcb\xf5\xfb")
_TEXT_TYPES = frozenset("CNFDL")


@dataclass(frozen=True)
class Column:
    """A field as the header describes it; ``offset`` counts from the deletion flag."""

    raw_name: bytes
    type: str
    offset: int
    width: int
    decimals: int

    @property
    def readable(self) -> bool:
        """Character, number, date and logical fields; not memos and binary fields."""
        return self.type in _TEXT_TYPES


@dataclass(frozen=True)
class Header:
    """What the header says, checked against the size of the file."""

    records: int
    start: int
    record_bytes: int
    language: int
    columns: tuple[Column, ...]


def read_header(path: Path) -> Header:
    """Check a .dbf's structure.

    Raises `Rejected`: E_DBF (no dBASE header), E_DBF_SIZE (declares more than 2 GiB),
    E_SHP_COUNTS (holds fewer or more records than it declares).
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(32)
        if len(head) < 32 or head[0] not in _VERSIONS:
            raise _damaged("不是 dBASE 文件", "not a dBASE file")
        records, start, length = struct.unpack_from("<I2H", head, 4)
        if start < 33 or length < 1 or start > size:
            raise _damaged("文件头错误", "the header is wrong")
        descriptors = file.read(start - 32)
    if start + records * length > MAX_BYTES:
        raise Rejected(
            "E_DBF_SIZE",
            f"dbf 声明 {records} 条记录，超过 2 GiB",
            f"the dbf declares {records} records, more than 2 GiB",
            where="dbf",
            fix=("请拆分后重新导出", "split it and export again"),
        )
    columns = tuple(_columns(descriptors))
    check_width(len(columns))
    if 1 + sum(column.width for column in columns) != length:
        raise _damaged("字段宽度之和与记录长度不符", "field widths do not add up to the record")
    present, rest = divmod(size - start, length)
    # A 0x1A ends the file; some writers leave it out, some pad, none adds a whole record.
    if present < records or (present > records and (present - records) * length + rest > 512):
        raise Rejected(
            "E_SHP_COUNTS",
            f"dbf 声明 {records} 条记录，实有 {present} 条",
            f"the dbf declares {records} records and holds {present}",
            where="dbf",
            fix=("文件不完整，请重新导出", "the file is not whole; export it again"),
        )
    return Header(records, start, length, head[29], columns)


def _columns(descriptors: bytes) -> Iterator[Column]:
    offset = 1
    for at in range(0, len(descriptors), 32):
        if descriptors[at] == 0x0D:
            return
        field = descriptors[at : at + 32]
        if len(field) < 32:
            break
        name = field[:11].split(b"\0", 1)[0].rstrip(b" ")
        width = field[16]
        yield Column(name, chr(field[11]), offset, width, field[17])
        offset += width
    raise _damaged("字段表没有结束标记", "the list of fields has no end")


@contextmanager
def records(path: Path, header: Header) -> Iterator[NDArray[np.uint8]]:
    """The records as bytes, uint8[records, record_bytes], mapped; valid inside the block."""
    if header.records == 0:
        yield np.zeros((0, header.record_bytes), dtype=np.uint8)
        return
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        count = header.records * header.record_bytes
        flat = np.frombuffer(mapped, dtype=np.uint8, offset=header.start, count=count)
        # Closed with the last view: closing here would pull the bytes from under an array.
        yield flat.reshape(header.records, header.record_bytes)


def deleted(table: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which records carry the deletion mark. Raises E_DBF when a mark is neither ' ' nor '*'."""
    marks = table[:, 0]
    result = marks == ord("*")
    wrong = ~result & (marks != ord(" ")) & (marks != 0)
    if wrong.any():
        row = int(np.argmax(wrong)) + 1
        raise _damaged(f"第 {row} 条记录错位", f"record {row} is out of place")
    return result


def _damaged(zh: str, en: str) -> Rejected:
    fix = ("请重新导出", "export it again")
    return Rejected("E_DBF", f"dbf 损坏：{zh}", f"the dbf is damaged: {en}", where="dbf", fix=fix)
