"""Which encoding the text of a table is in, decided by evidence and never by hope.

Order: what a person said, .cpg, the dbf's language byte (LDID), then all text as strict
UTF-8, then as GB18030. A declaration that the bytes contradict does not count: UTF-8 text
decodes as GBK without an error into wrong Chinese, so it is asked first. Western code pages
are not believed in declarations, because desktop software writes them for Chinese text.
Values that end inside a character (writers cut at the field's width) lose that piece only.
"""

from __future__ import annotations

import codecs
import re
import threading
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from geo.errors import Rejected
from geo.formats import plausible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

#: LDID of the dbf header -> encoding (East Asian ones; the rest say nothing about Chinese files).
LANGUAGES = {0x4D: "gb18030", 0x7A: "gb18030", 0x4F: "cp950", 0x78: "cp950", 0x13: "cp932"}
_NAMES = {
    "65001": "utf-8", "936": "gb18030", "cp936": "gb18030", "ms936": "gb18030",
    "gbk": "gb18030", "gb2312": "gb18030", "euccn": "gb18030", "hz": "gb18030",
    "54936": "gb18030", "950": "cp950", "big5": "cp950", "932": "cp932",
}  # fmt: skip
#: What a person may choose; GB18030 holds all of GBK and GB2312.
CHOICES = ("utf-8", "gb18030", "cp950", "cp1252")
#: For deliveries put together of several: each value as UTF-8 where it is that, else GB18030.
MIXED = "mixed"
_WESTERN = re.compile(r"^(iso8859|latin|cp?125|125|ansi125|oem|cp?437|cp?850|88591)")
_HANDLER = threading.Lock()
_CHINESE = re.compile("[\u4e00-\u9fff]")
_NAME_BYTES = 10
_LISTED = 1000  # cut values whose place is kept
_CUT = 3  # bytes of a character that may be left at the end of a value


@dataclass(frozen=True)
class Encoding:
    """The decision: ``decided_by`` is decision | cpg | ldid | utf-8 | gb18030 | ascii."""

    value: str
    decided_by: str
    contradicted: str | None = None  # a declaration that the bytes showed to be wrong
    cut: int = 0  # values and names that end inside a character
    cuts: tuple[tuple[str, int], ...] = ()  # column and place of the first of these values
    doubtful: bool = False  # it decodes, but into no Chinese that anybody writes


def canonical(name: str) -> str | None:
    """The encoding that a .cpg text or a person names, None when it says nothing usable."""
    plain = re.sub(r"[\s_\-.:]", "", name.strip().lower()).removeprefix("ansi")
    if not plain or _WESTERN.match(plain):
        return None
    plain = _NAMES.get(plain, plain)
    try:
        found = codecs.lookup(plain).name
    except (LookupError, ValueError):
        return None
    return _NAMES.get(found.replace("-", "").replace("_", ""), found)


@dataclass(frozen=True)
class _Bytes:
    """The fields of a table as they are: one line a value, and how wide each is."""

    names: Sequence[bytes]
    widths: tuple[int, ...]
    lines: tuple[bytes, ...]

    @property
    def ascii(self) -> bool:
        return all(map(bytes.isascii, (*self.lines, *self.names)))


def decode(
    columns: Sequence[NDArray[np.uint8]],
    names: Sequence[bytes],
    *,
    decision: str | None = None,
    cpg: str | None = None,
    language: int = 0,
) -> tuple[Encoding, list[pa.LargeStringArray], list[str]]:
    """Decide and decode: (encoding, values of each column, names).

    ``columns`` are fixed-width fields, uint8[n, width]; values come back trimmed, null
    when blank. Raises `Rejected` E_ENCODING with the column and record where a person's
    choice fails, or when nothing fits.
    """
    table = _Bytes(names, tuple(c.shape[1] for c in columns), tuple(_lines(c) for c in columns))
    if decision == MIXED:
        return _mixed(table)
    if decision is not None:
        value = decision if decision in CHOICES else canonical(decision)
        if value is None:
            raise Rejected(
                "E_ENCODING",
                f"不认识的编码：{decision}",
                f"unknown encoding: {decision}",
                fix=("可选：" + "、".join(CHOICES), "one of: " + ", ".join(CHOICES)),
            )
        return _answer(table, value, "decision", None)
    if table.ascii:
        return _answer(table, "utf-8", "ascii", None)
    contradicted = None
    declared = {"cpg": canonical(cpg) if cpg else None, "ldid": LANGUAGES.get(language)}
    for source, value in {**declared, "utf-8": "utf-8", "gb18030": "gb18030"}.items():
        if value is None:
            continue
        try:
            if value == "utf-8" or source not in declared or not _is_utf8(table):
                if value != "utf-8":
                    plausible.refuse_mixture(table.lines, table.widths, table.names)
                return _answer(table, value, source, contradicted)
        except Rejected as error:
            if error.code == "E_ENCODING_MIXED":
                raise
        if source in declared:
            contradicted = contradicted or f"{source}: {value}"
    plausible.refuse_mixture(table.lines, table.widths, table.names)
    raise Rejected(
        "E_ENCODING",
        "文字既不是 UTF-8 也不是 GBK 编码，或混用了多种编码",
        "the text is neither UTF-8 nor GBK, or mixes several encodings",
        fix=("请指定编码：" + "、".join(CHOICES), "choose the encoding: " + ", ".join(CHOICES)),
    )


def _is_utf8(table: _Bytes) -> bool:
    """Whether the bytes are UTF-8 beyond chance: valid, and at least four Chinese characters."""
    try:
        texts, titles, *_ = _texts(table, "utf-8")
    except Rejected:
        return False
    found = (match for text in (*titles, *texts) for match in _CHINESE.finditer(text))
    return sum(1 for _ in islice(found, 4)) == 4


def _lines(column: NDArray[np.uint8]) -> bytes:
    """All values of a column, one a line: blanks for NULs and line ends, so that lines are rows."""
    rows, width = column.shape
    text = np.full((rows, width + 1), ord("\n"), dtype=np.uint8)
    text[:, :width] = np.where(column < 0x20, ord(" "), column)
    return text.tobytes()


def _answer(
    table: _Bytes, value: str, source: str, contradicted: str | None
) -> tuple[Encoding, list[pa.LargeStringArray], list[str]]:
    texts, titles, cut, cuts = _texts(table, value)
    doubtful = source != "decision" and not plausible.chinese([*texts, "\n".join(titles)])
    chosen = Encoding(value, source, contradicted, cut, cuts, doubtful)
    return chosen, [_array(text) for text in texts], titles


def _mixed(table: _Bytes) -> tuple[Encoding, list[pa.LargeStringArray], list[str]]:
    """Values and names of two encodings, each read by itself."""
    texts = []
    for lines in table.lines:
        known: dict[bytes, str] = {}
        values = lines.split(b"\n")
        for value in values:
            if value not in known:
                known[value] = plausible.either(value)
        texts.append("\n".join(known[value] for value in values))
    titles = [plausible.either(name).strip() for name in table.names]
    return Encoding(MIXED, "decision"), [_array(text) for text in texts], titles


def _texts(
    table: _Bytes, encoding: str
) -> tuple[list[str], list[str], int, tuple[tuple[str, int], ...]]:
    """(lines of each column, names, pieces cut off, where). Raises E_ENCODING."""
    texts: list[str] = []
    cut = 0
    places: list[tuple[int, int]] = []
    for name, width, lines in zip(table.names, table.widths, table.lines, strict=True):
        handler = _CutEnds(width)
        try:
            with _HANDLER:  # the registry of handlers is one for all threads
                codecs.register_error("geo.cut", handler)
                texts.append(lines.decode(encoding, "geo.cut"))
        except UnicodeDecodeError as error:
            row = error.start // (width + 1) + 1
            title = name.decode(encoding, "replace")
            raise Rejected(
                "E_ENCODING",
                f"按 {encoding} 读取时，字段 {title} 第 {row} 条记录的文字无法解码",
                f"read as {encoding}, the text of field {title} in record {row} cannot be decoded",
                where=f"{title}, {row}",
                fix=("请改选其他编码", "choose another encoding"),
            ) from None
        cut += handler.count
        places += [(len(texts) - 1, place) for place in handler.places]
    titles = [_decode_name(name, encoding) for name in table.names]
    names = [title for title, _ in titles]
    cuts = tuple((names[column], place) for column, place in places)
    return texts, names, cut + sum(lost for _, lost in titles), cuts


def _decode_name(name: bytes, encoding: str) -> tuple[str, bool]:
    for lost in range(_CUT + 1):
        if lost and len(name) < _NAME_BYTES - 1:
            break  # only a full name can have been cut
        try:
            return name[: len(name) - lost].decode(encoding).strip(), lost > 0
        except UnicodeDecodeError:
            continue
    raise Rejected(
        "E_ENCODING",
        f"按 {encoding} 读取时，字段名无法解码",
        f"read as {encoding}, the name of a field cannot be decoded",
        where=name.decode(encoding, "replace"),
        fix=("请改选其他编码", "choose another encoding"),
    )


def _array(text: str) -> pa.LargeStringArray:
    """Lines as an Arrow column without a Python object a value."""
    data = text.encode()
    ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == ord("\n"))
    offsets = np.concatenate(([0], ends + 1)).astype(np.int64)
    lines = pa.LargeStringArray.from_buffers(len(ends), pa.py_buffer(offsets), pa.py_buffer(data))
    trimmed = pc.utf8_trim_whitespace(lines)
    return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.large_string()), trimmed)


class _CutEnds:
    """Drops a piece of a character at the very end of a full field; other damage is an error."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.count = 0
        self.places: list[int] = []

    def __call__(self, error: UnicodeError) -> tuple[str, int]:
        assert isinstance(error, UnicodeDecodeError)
        row_end = (error.start // (self.width + 1)) * (self.width + 1) + self.width
        if row_end - error.start > _CUT or error.object[row_end - 1] == ord(" "):
            raise error
        self.count += 1
        if self.count <= _LISTED:
            self.places.append(error.start // (self.width + 1))
        return "", row_end
