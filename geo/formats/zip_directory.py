"""The central directory of a ZIP archive, read strictly (PKWARE APPNOTE 6.3.10, 4.3 and 4.4).

Exactly one directory must end where its end record says and fill that space; ZIP64
records must be where their locator points. All else is refused, so that no other
reader can see other entries than we do.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from geo.errors import Rejected

_END, _END64, _LOCATOR64, _CENTRAL = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"PK\x01\x02"
_FULL32, _FULL16 = 0xFFFFFFFF, 0xFFFF


@dataclass(frozen=True)
class Entry:
    raw: bytes
    unicode: bool
    extra: bytes
    flags: int
    method: int
    crc: int
    compressed: int
    size: int
    attributes: int
    offset: int


def find_directory(file: BinaryIO) -> tuple[int, int, int]:
    """(entries, offset, bytes) of the central directory, which must end where its end record is."""
    end_of_file = file.seek(0, 2)
    base = max(0, end_of_file - 22 - _FULL16)
    file.seek(base)
    tail = file.read()
    at = tail.rfind(_END)
    # The comment's length must lead exactly to the end: a second, hidden directory has no place.
    while at >= 0 and (
        len(tail) < at + 22
        or base + at + 22 + struct.unpack_from("<H", tail, at + 20)[0] != end_of_file
    ):
        at = tail.rfind(_END, 0, at)
    if at < 0:
        raise damaged("找不到压缩包目录（文件不完整？）", "no directory found; is the file whole?")
    disk, first_disk, here, count, size, offset = struct.unpack_from("<4H2I", tail, at + 4)
    place = base + at
    if _FULL16 in (here, count) or _FULL32 in (size, offset):
        file.seek(max(0, place - 20))
        locator = file.read(20)
        if locator[:4] == _LOCATOR64:
            where = struct.unpack_from("<Q", locator, 8)[0]
            # CVE-2025-8291: the 64-bit record must be where its locator says and nowhere else.
            if where + 56 + 20 > place:
                raise damaged("ZIP64 目录位置错误", "the ZIP64 directory is misplaced")
            file.seek(where)
            record = file.read(56)
            if len(record) < 56 or record[:4] != _END64:
                raise damaged("ZIP64 目录位置错误", "the ZIP64 directory is misplaced")
            length, disk, first_disk, here, count, size, offset = struct.unpack_from(
                "<Q4x2I4Q", record, 4
            )
            if where + 12 + length + 20 != place:
                raise damaged("ZIP64 目录位置错误", "the ZIP64 directory is misplaced")
            place = where
    if disk or first_disk or here != count:
        raise damaged("不支持分卷压缩包", "archives of several volumes are not read")
    if offset + size != place:
        raise damaged("压缩包目录位置错误", "the directory is not where the archive says")
    return count, offset, size


def read_directory(file: BinaryIO, count: int, offset: int, size: int) -> list[Entry]:
    if size > count * (46 + 3 * _FULL16):
        raise damaged("压缩包目录大小错误", "the directory has a wrong size")
    file.seek(offset)
    data = file.read(size)
    entries: list[Entry] = []
    at = 0
    while at < len(data):
        if data[at : at + 4] != _CENTRAL or at + 46 > len(data):
            raise damaged("压缩包目录损坏", "the directory is damaged")
        (flags, method, crc, compressed, full, name, extra, comment, disk, _, attributes,
         start) = struct.unpack_from("<2H4x3I5H2I", data, at + 8)  # fmt: skip
        body = at + 46
        more = data[body + name : body + name + extra]
        full, compressed, start = _wide(more, full, compressed, start)
        entries.append(
            Entry(
                raw=data[body : body + name],
                unicode=bool(flags & 0x800),
                extra=more,
                flags=flags,
                method=method,
                crc=crc,
                compressed=compressed,
                size=full,
                attributes=attributes,
                offset=start,
            )
        )
        if disk not in (0, _FULL16):
            raise damaged("不支持分卷压缩包", "archives of several volumes are not read")
        at = body + name + extra + comment
    if at != len(data) or len(entries) != count:
        raise damaged(
            f"压缩包目录声明 {count} 个条目，实有 {len(entries)} 个",
            f"the directory declares {count} entries and holds {len(entries)}",
        )
    return entries


def _wide(extra: bytes, size: int, compressed: int, offset: int) -> tuple[int, int, int]:
    """Values of the ZIP64 extra field (0x0001) for those that did not fit in 32 bits."""
    values = [size, compressed, offset]
    needed = [i for i, value in enumerate(values) if value == _FULL32]
    body = extra_field(extra, 1)
    if needed and (body is None or len(body) < 8 * len(needed)):
        raise damaged("ZIP64 条目不完整", "a ZIP64 entry is not complete")
    for place, i in enumerate(needed):
        values[i] = struct.unpack_from("<Q", body or b"", 8 * place)[0]
    return values[0], values[1], values[2]


def extra_field(extra: bytes, wanted: int) -> bytes | None:
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == wanted:
            return extra[at + 4 : at + 4 + length]
        at += 4 + length
    return None


def damaged(zh: str, en: str, where: str | None = None) -> Rejected:
    fix = ("请重新打包并完整上传", "pack the files again and upload the whole archive")
    return Rejected(
        "E_ZIP", f"压缩包损坏：{zh}", f"the archive is damaged: {en}", where=where, fix=fix
    )
