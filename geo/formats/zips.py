"""Archives from outside: every entry is checked before anything is inflated.

The central directory is read here, not by `zipfile`: Python before 3.11.8 accepts
overlapping entries (CVE-2024-0450), keeps the last of two equal names silently and
takes sizes from headers that an attacker writes. Members are inflated with a budget
on the bytes that really come out, into names that we generate. ZIP layout: PKWARE
APPNOTE 6.3.10, sections 4.3 and 4.4.
"""

from __future__ import annotations

import stat
import struct
import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from geo.errors import Rejected
from geo.formats.zip_directory import Entry, damaged, extra_field, find_directory, read_directory

MAX_ENTRIES = 1000
MAX_INFLATED = 2 << 30

_LOCAL = b"PK\x03\x04"
_STORED, _DEFLATED = 0, 8
_UNICODE_PATH = 0x7075
_CHUNK = 1 << 20
_ARCHIVES = (".zip", ".kmz", ".ovkmz", ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz")


@dataclass(frozen=True)
class Member:
    """One file of an archive. ``name`` is for people and for grouping, never for the disk."""

    name: str
    size: int
    compressed: int
    method: int
    crc: int
    start: int  # where its compressed bytes begin

    @property
    def suffix(self) -> str:
        """Lower-case extension with its dot, '' when there is none."""
        base = self.name.rsplit("/", 1)[-1]
        return "." + base.rsplit(".", 1)[1].lower() if "." in base else ""


@dataclass(frozen=True)
class Archive:
    """A checked archive: its files (no folders) and how its names were read."""

    path: Path
    members: tuple[Member, ...]
    name_encoding: str


def inspect(
    path: Path,
    *,
    max_entries: int = MAX_ENTRIES,
    max_inflated: int = MAX_INFLATED,
    nested: bool = False,
) -> Archive:
    """Check an archive without inflating anything.

    Raises `Rejected`: E_ZIP (no readable directory), E_ZIP_ENTRIES, E_ZIP_OVERLAP,
    E_ZIP_ENCRYPTED, E_ZIP_METHOD, E_ZIP_NAME, E_NAME_ENCODING, E_ZIP_NESTED (unless
    ``nested``), E_ZIP_EXPANDS (the declared total is over ``max_inflated``).
    """
    with path.open("rb") as file:
        count, offset, size = find_directory(file)
        if count > max_entries:
            raise Rejected(
                "E_ZIP_ENTRIES",
                f"压缩包含 {count} 个条目，上限 {max_entries}",
                f"the archive has {count} entries, the limit is {max_entries}",
                fix=("请只打包需要的文件", "pack only the files that are needed"),
            )
        entries = read_directory(file, count, offset, size)
        names, encoding = _decode_names(entries)
        _check_names(names, entries)
        for name, entry in zip(names, entries, strict=True):
            _check_entry(name, entry)
        starts = _check_places(file, names, entries, offset)
    members = tuple(
        Member(name, entry.size, entry.compressed, entry.method, entry.crc, start)
        for name, entry, start in zip(names, entries, starts, strict=True)
        if not name.endswith("/")
    )
    if not nested:
        for member in members:
            if member.suffix in _ARCHIVES and not _is_clutter(member.name):
                raise Rejected(
                    "E_ZIP_NESTED",
                    "压缩包里还有压缩包",
                    "the archive holds another archive",
                    where=member.name,
                    fix=("请解开内层压缩包后直接打包", "unpack the inner one and pack its files"),
                )
    declared = sum(member.size for member in members)
    if declared > max_inflated:
        raise _expands(declared, max_inflated, path.name)
    return Archive(path, members, encoding)


def extract(
    archive: Archive, targets: Mapping[Member, Path], *, max_inflated: int = MAX_INFLATED
) -> int:
    """Inflate members into files that the caller named; return the bytes written.

    Counts what really comes out: E_ZIP_EXPANDS past ``max_inflated`` or past a
    member's declared size, E_ZIP when sizes or checksums do not agree.
    """
    total = 0
    with archive.path.open("rb") as source:
        for member, target in targets.items():
            with target.open("xb") as out:
                total += _inflate(source, member, out, max_inflated - total, max_inflated)
    return total


def without_clutter(members: Iterable[Member]) -> list[Member]:
    """Leave out what macOS and Windows add: ``__MACOSX/``, ``._x``, ``Thumbs.db``."""
    return [member for member in members if not _is_clutter(member.name)]


def _is_clutter(name: str) -> bool:
    parts = name.split("/")
    return (
        "__MACOSX" in parts
        or parts[-1].startswith("._")
        or parts[-1].lower() in (".ds_store", "thumbs.db", "desktop.ini")
    )


def _decode_names(entries: list[Entry]) -> tuple[list[str], str]:
    """Names as text. Without the UTF-8 flag: one reading for all, strict UTF-8, then GB18030."""
    plain = [e.raw for e in entries if not e.unicode and not e.raw.isascii()]
    encoding = "utf-8"
    if plain and not all(_decodes(raw, "utf-8") for raw in plain):
        encoding = "gb18030"
    names = []
    for entry in entries:
        # Info-ZIP's Unicode path counts only while the name that it was made for is unchanged.
        path = extra_field(entry.extra, _UNICODE_PATH)
        if path and len(path) > 5 and struct.unpack_from("<I", path, 1)[0] == zlib.crc32(entry.raw):
            raw, used = path[5:], "utf-8"
        else:
            raw, used = entry.raw, "utf-8" if entry.unicode else encoding
        try:
            names.append(raw.decode(used))
        except UnicodeDecodeError:
            readings = " | ".join(raw.decode(e, "replace") for e in ("utf-8", "gb18030"))
            raise Rejected(
                "E_NAME_ENCODING",
                "压缩包内文件名既不是 UTF-8 也不是 GBK 编码",
                "a file name in the archive is neither UTF-8 nor GBK",
                where=readings[:200],
                fix=("请改用字母或数字文件名后重新打包", "rename the files and pack them again"),
            ) from None
    return names, encoding


def _decodes(raw: bytes, encoding: str) -> bool:
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _check_names(names: list[str], entries: list[Entry]) -> None:
    seen: set[str] = set()
    for name, entry in zip(names, entries, strict=True):
        key = unicodedata.normalize("NFC", name).casefold().rstrip("/")
        reason: tuple[str, str] | None = None
        if any(ord(character) < 32 for character in name) or not key:
            reason = ("含有控制字符或为空", "holds control characters or is empty")
        elif "\\" in name:  # in the text: 0x5C is also the second byte of many GBK characters
            reason = ("含有反斜杠", "holds a backslash")
        elif name.startswith("/") or (name[1:2] == ":" and name[0].isalpha()):
            reason = ("是绝对路径", "is an absolute path")
        elif ".." in name.split("/"):
            reason = ("指向上级目录", "leads out of the archive")
        elif stat.S_IFMT(entry.attributes >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            reason = ("不是普通文件", "is a link or a device")
        elif key in seen:
            reason = ("重复出现", "appears twice")
        if reason:
            raise Rejected(
                "E_ZIP_NAME",
                f"压缩包内文件名{reason[0]}",
                f"a file name in the archive {reason[1]}",
                where=repr(name)[1:-1][:200],
                fix=("请用普通文件名重新打包", "pack the files again under plain names"),
            )
        seen.add(key)


def _check_entry(name: str, entry: Entry) -> None:
    if entry.flags & (0x1 | 0x40 | 0x2000):
        raise Rejected(
            "E_ZIP_ENCRYPTED",
            "压缩包有密码",
            "the archive is encrypted",
            where=name,
            fix=("请去掉密码后重新打包", "pack it again without a password"),
        )
    if entry.method not in (_STORED, _DEFLATED):
        raise Rejected(
            "E_ZIP_METHOD",
            f"不支持的压缩方法（{entry.method}）",
            f"compression method {entry.method} is not read",
            where=name,
            fix=("请用普通 ZIP（Deflate）重新打包", "pack it again as a plain ZIP (deflate)"),
        )
    if entry.method == _STORED and entry.size != entry.compressed:
        raise damaged("条目大小不一致", "the sizes of an entry do not agree", name)


def _check_places(
    file: BinaryIO, names: list[str], entries: list[Entry], directory: int
) -> list[int]:
    """Start of each member's bytes; entries must follow one another without sharing a byte."""
    starts = [0] * len(entries)
    end, before = 0, ""
    for i in sorted(range(len(entries)), key=lambda i: entries[i].offset):
        entry = entries[i]
        if entry.offset < end:
            raise Rejected(
                "E_ZIP_OVERLAP",
                "压缩包条目互相重叠",
                "entries of the archive overlap",
                where=f"{before} / {names[i]}",
                fix=("请重新打包", "pack the files again"),
            )
        file.seek(entry.offset)
        header = file.read(30)
        if len(header) < 30 or header[:4] != _LOCAL:
            raise damaged("条目头损坏", "the header of an entry is damaged", names[i])
        name, extra = struct.unpack_from("<2H", header, 26)
        if file.read(name) != entry.raw:
            raise damaged("条目名前后不一致", "an entry has two names", names[i])
        starts[i] = entry.offset + 30 + name + extra
        end, before = starts[i] + entry.compressed, names[i]
    if end > directory:
        raise Rejected(
            "E_ZIP_OVERLAP",
            "压缩包条目与目录重叠",
            "an entry runs into the directory",
            where=before,
            fix=("请重新打包", "pack the files again"),
        )
    return starts


def _inflate(source: BinaryIO, member: Member, out: BinaryIO, budget: int, limit: int) -> int:
    written, checksum = 0, 0
    for data in _contents(source, member):
        written += len(data)
        if written > budget:
            raise _expands(limit + written - budget, limit, member.name)
        if written > member.size:
            raise _expands(written, member.size, member.name)
        checksum = zlib.crc32(data, checksum)
        out.write(data)
    if written != member.size or checksum != member.crc:
        raise damaged("校验和不符", "size or checksum does not agree", member.name)
    return written


def _contents(source: BinaryIO, member: Member) -> Iterator[bytes]:
    """A member's contents, never more than a chunk at a time however much it expands."""
    source.seek(member.start)
    left = member.compressed
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    pending = b""
    while left or pending:
        if not pending:
            pending = source.read(min(_CHUNK, left))
            left -= len(pending)
            if not pending:
                raise damaged("压缩包不完整", "the archive is cut short", member.name)
        if member.method == _STORED:
            yield pending
            pending = b""
            continue
        try:
            data = inflater.decompress(pending, _CHUNK)
        except zlib.error:
            raise damaged("压缩数据损坏", "the packed data is damaged", member.name) from None
        yield data
        if inflater.eof:
            return
        pending = inflater.unconsumed_tail
        if not left and not pending and len(data) == _CHUNK:
            yield inflater.flush()  # what it held back; bounded, for all input is consumed


def _expands(actual: int, limit: int, where: str) -> Rejected:
    return Rejected(
        "E_ZIP_EXPANDS",
        f"解压后至少 {_amount(actual)}，上限 {_amount(limit)}",
        f"expands to at least {_amount(actual)}, the limit is {_amount(limit)}",
        where=where,
        fix=("请拆分后上传", "split it and upload the parts"),
    )


def _amount(count: int) -> str:
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"
