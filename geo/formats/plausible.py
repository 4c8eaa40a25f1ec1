"""Is decoded text what people write? Bytes of one encoding often decode as another, into nonsense.

UTF-8 read as GBK, Big5 read as GBK and Latin letters read as GBK all give characters that are
in no list of common ones: of written Chinese some 95 % are among the 3,755 of GB 2312 level 1.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence

from geo.errors import Rejected

_LOOKED_AT = 200_000  # characters
_ENOUGH, _SHARE = 4, 0.6
_CUT = 3


def chinese(texts: Sequence[str]) -> bool:
    """Whether the characters beyond ASCII are mostly common Chinese ones; True when they are few.

    Latin text with accents is none, and Chinese shown as Latin-1 ("µØ¿é") neither.
    """
    seen: list[str] = []
    left = _LOOKED_AT
    for text in texts:
        if left <= 0:
            break
        if not text.isascii():
            seen.append("".join(set(text[:left].split("\n"))))
            left -= len(seen[-1])
    letters = [c for c in "".join(seen) if "\u3400" <= c <= "\u9fff" or c in _LATIN or c > "\ue000"]
    letters = [c for c in letters if not "\uff00" <= c <= "\uffef"]  # full-width forms
    if len(letters) < _ENOUGH:
        return True
    return sum(c in _COMMON for c in letters) >= _SHARE * len(letters)


def refuse_mixture(lines: Sequence[bytes], widths: Sequence[int], names: Sequence[bytes]) -> None:
    """Raise `Rejected` E_ENCODING_MIXED when some values are UTF-8 and others are not.

    Six bytes of GBK are two Chinese characters of UTF-8 by chance once in 30,000.
    """
    inside: dict[bytes, None] = {}
    others: dict[bytes, None] = {}
    for text in lines:
        for value in dict.fromkeys(text.split(b"\n")):
            plain = value.rstrip(b" ")
            if not plain.isascii():
                (inside if _is_utf8(plain) else others)[plain] = None
    if len(inside) < 2 or not others or len(inside) < 0.05 * len(others):
        return
    one, other = next(iter(inside)), next(iter(others))
    (column, row), (column2, row2) = (_place(v, lines, widths, names) for v in (one, other))
    samples = f"{one.decode()} / {other.decode('gb18030', 'replace')}"
    raise Rejected(
        "E_ENCODING_MIXED",
        f"第 {row} 条（{column}）是 UTF-8，第 {row2} 条（{column2}）是 GBK：{samples}",
        f"record {row} ({column}) is UTF-8 and record {row2} ({column2}) is GBK: {samples}",
        where=f"{column}, {row}",
        fix=("编码可选 mixed（逐值判断），或分别重新导出后上传",
             "choose the encoding mixed (value by value), or export the sources again"),
    )  # fmt: skip


def either(value: bytes) -> str:
    """One value as UTF-8, else as GB18030; a piece of a character at its end is dropped."""
    plain = value.rstrip(b" \0")
    for lost in range(_CUT + 1):
        for encoding in ("utf-8", "gb18030"):
            try:
                text = plain[: len(plain) - lost].decode(encoding)
            except UnicodeDecodeError:
                continue
            # Two bytes of GBK are also one Cyrillic or Arabic letter of UTF-8.
            if encoding == "gb18030" or all(c.isascii() or c >= "\u2000" for c in text):
                return text
    return plain.decode("gb18030", "replace")


def _is_utf8(value: bytes) -> bool:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return sum("\u3400" <= c <= "\u9fff" for c in text) >= 2


def _place(
    value: bytes, lines: Sequence[bytes], widths: Sequence[int], names: Sequence[bytes]
) -> tuple[str, int]:
    for text, width, name in zip(lines, widths, names, strict=True):
        at = text.find(value)
        if at >= 0:
            return either(name), at // (width + 1) + 1
    return "", 0


def _common() -> frozenset[str]:
    """GB 2312 level 1, by its rows 16 to 55, and the punctuation of rows 1 to 3."""
    decode = codecs.getdecoder("gb2312")
    cells = ((row, cell) for row in (*range(0xA1, 0xA4), *range(0xB0, 0xD8))
             for cell in range(0xA1, 0xFF))  # fmt: skip
    return frozenset(decode(bytes(cell), "ignore")[0] for cell in cells)


_COMMON = _common()
_LATIN = frozenset(chr(code) for code in range(0xA1, 0x250))
