"""Text files from outside as text: the encoding by evidence, line ends and size by rule."""

from __future__ import annotations

import codecs
from pathlib import Path

from geo.errors import Rejected
from geo.formats.text import CHOICES, Encoding, canonical

MAX_BYTES = 300 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def read_text(
    path: Path, decision: str | None = None, max_bytes: int = MAX_BYTES
) -> tuple[str, Encoding]:
    """The text of a file and how its encoding was decided.

    Order: a byte order mark, what a person said, UTF-16 without a mark (every other byte of
    ASCII is zero), strict UTF-8, GB18030. Raises `Rejected` E_TOO_LARGE, E_ENCODING.
    """
    if path.stat().st_size > max_bytes:
        raise Rejected(
            "E_TOO_LARGE",
            f"文本超过 {max_bytes >> 20} MiB",
            f"the text is over {max_bytes >> 20} MiB",
            fix=("请拆分，或改用 GeoPackage 或 shapefile", "split it, or use GeoPackage"),
        )
    return decode(path.read_bytes(), decision)


def decode(data: bytes, decision: str | None = None) -> tuple[str, Encoding]:
    """As `read_text`, for bytes."""
    for mark, value in _MARKS:
        if data.startswith(mark):
            try:
                return data[len(mark) :].decode(value), Encoding(value, "bom")
            except UnicodeDecodeError:
                data = data[len(mark) :]  # a mark that lies is no text
    if decision is not None:
        wanted = canonical(decision) or (decision if decision in CHOICES else None)
        if wanted is None:
            raise _refused(f"不认识的编码：{decision}", f"unknown encoding: {decision}")
        try:
            return data.decode(wanted), Encoding(wanted, "decision")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise _refused(
                f"按 {wanted} 读取时，第 {line} 行无法解码",
                f"read as {wanted}, line {line} cannot be decoded",
                str(line),
            ) from None
    if data.isascii() and b"\0" not in data:
        return data.decode("ascii"), Encoding("utf-8", "ascii")
    for value in (*_wide(data), "utf-8", "gb18030"):
        try:
            return data.decode(value), Encoding(value, value)
        except UnicodeDecodeError:
            continue
    raise _refused("文字既不是 UTF-8 也不是 GBK 编码", "the text is neither UTF-8 nor GBK")


def _wide(data: bytes) -> tuple[str, ...]:
    """UTF-16 without a mark, as wide-character programs write it: zero bytes at one parity."""
    even, odd = data[::2].count(0), data[1::2].count(0)
    if not even + odd or len(data) % 2:
        return ()
    if odd > 4 * even:
        return ("utf-16-le",)
    return ("utf-16-be",) if even > 4 * odd else ()


def _refused(zh: str, en: str, where: str | None = None) -> Rejected:
    fix = ("请指定编码：" + "、".join(CHOICES), "choose the encoding: " + ", ".join(CHOICES))
    return Rejected("E_ENCODING", zh, en, where=where, fix=fix)
