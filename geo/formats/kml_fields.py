"""Attributes of a KML placemark: ExtendedData, and tables or lines in its description."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def local(element: Element) -> str:
    """The tag without its namespace."""
    tag = element.tag
    return tag.rsplit("}", 1)[-1] if isinstance(tag, str) else ""


def text_of(element: Element) -> str | None:
    return (element.text or "").strip() or None


def extended(element: Element) -> dict[str, str | None]:
    """Fields of an ExtendedData: Data with value, and SimpleData of a schema."""
    values: dict[str, str | None] = {}
    for child in element.iter():
        tag, name = local(child), child.get("name")
        if tag == "Data" and name:
            values[name] = next((text_of(v) for v in child if local(v) == "value"), None)
        elif tag == "SimpleData" and name:
            values[name] = text_of(child)
    return values


class _Cells(HTMLParser):
    """Cells of the tables in a description, row by row; other markup is dropped."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[list[str]] = []
        self.plain: list[str] = []
        self._cell: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self._cell = []
        elif tag in ("br", "p"):
            (self.plain if self._cell is None else self._cell).append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self._cell is not None:
            if not self.rows:
                self.rows.append([])
            self.rows[-1].append(" ".join("".join(self._cell).split()))
            self._cell = None

    def handle_data(self, data: str) -> None:
        (self.plain if self._cell is None else self._cell).append(data)


def description(text: str) -> dict[str, str | None]:
    """Fields of a two-column table, or of lines ``name: value``; the rest is the description."""
    if "<" in text:
        cells = _Cells()
        cells.feed(text[:200_000])
        pairs = {r[0]: r[1] or None for r in cells.rows if len(r) == 2 and r[0] and r[0] != r[1]}
        if pairs:
            return dict(pairs)
        text = "".join(cells.plain)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = [re.match(r"^([^:：=]{1,30})[:：=]\s*(.*)$", line) for line in lines]
    if lines and all(found) and len(lines) > 1:
        return {m[1].strip(): m[2].strip() or None for m in found if m is not None}
    return {"描述": "\n".join(lines) or None} if lines else {}
