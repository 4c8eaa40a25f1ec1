"""The page as an A4 PDF with its own Chinese font: it looks the same on every machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpdf import FPDF
from fpdf.enums import PathPaintRule
from pylopdf_fonts_zh_cn import sans_path

from geo.totals.report.page import INK, Bar, Page, number, on

if TYPE_CHECKING:
    from geo.totals.report.page import Outline

_FONT = "sc"
_MARGIN = 15.0
_WIDTH = 210.0 - 2 * _MARGIN
_MAP = 76.0
_INK, _SOFT, _RULE, _BAR = INK, "#5d6b64", "#d9ddd5", "#3f8f51"
#: Keys of the legend in a line.
_KEYS = 3


def pdf(page: Page) -> bytes:
    """The report as one A4 page; what does not fit shrinks, nothing is cut off."""
    out = FPDF(format="A4")
    out.set_title(page.title)
    out.set_lang("zh-CN" if page.language == "zh" else "en")
    out.set_auto_page_break(False)
    out.set_margin(_MARGIN)
    out.add_font(_FONT, "", str(sans_path()))
    out.add_page()
    _text(out, _MARGIN, _MARGIN, page.title, 17)
    _text(out, _MARGIN, _MARGIN + 9, page.subtitle, 9, _SOFT)
    _text(out, _MARGIN, _MARGIN + 19, f"{number(page.total.value)} {page.unit}", 24)
    _text(out, _MARGIN, _MARGIN + 31, f"{page.headings[1]} {page.total.count:,}", 9, _SOFT)
    if page.outlines:
        _map(out, page, 210 - _MARGIN - _MAP, _MARGIN + 2)
    _table(out, page, _MARGIN + (_MAP + 18 if page.outlines else 42))
    return bytes(out.output())


def _text(
    out: FPDF,
    x: float,
    y: float,
    text: str,
    size: float,
    colour: str = _INK,
    align: str = "L",
    width: float = _WIDTH,
) -> None:
    out.set_font(_FONT, size=size)
    out.set_text_color(colour)
    out.set_xy(x, y)
    out.cell(width, size * 0.45, _fitting(out, text, width), align=align)


def _fitting(out: FPDF, text: str, width: float) -> str:
    """The text, or its beginning with an ellipsis where it is too long for its place."""
    if out.get_string_width(text) <= width:
        return text
    while text and out.get_string_width(text + "…") > width:
        text = text[:-1]
    return text + "…"


def _table(out: FPDF, page: Page, top: float) -> None:
    facts_height = _facts_height(out, page)
    lines = len(page.bars) + 2
    room = 297 - _MARGIN - facts_height - 6 - top
    height = min(6.4, room / max(lines, 1))
    size = min(9.0, height / 0.62)
    most = max((bar.value for bar in page.bars), default=0.0)
    removed = any(bar.removed is not None for bar in (*page.bars, page.total))
    widths = [52.0, 48.0 if removed else 70.0, 20.0, 32.0, 28.0 if removed else 0.0]
    y = top
    group, count, value, taken = page.headings
    for x, width, text, align in _cells(widths, group, count, value, taken if removed else ""):
        _text(out, x, y, text, size, _INK, align, width)
    y += height
    _rule(out, y - 0.8, _INK)
    for bar in page.bars:
        _line(out, bar, widths, y, size, removed)
        if most > 0 and bar.value > 0:
            out.set_fill_color(_BAR)
            out.rect(
                _MARGIN + widths[0] + 2, y + height * 0.12, (widths[1] - 6) * bar.value / most,
                height * 0.5, style="F",
            )  # fmt: skip
        y += height
        _rule(out, y - 0.8, _RULE)
    _rule(out, y - 0.8, _INK)
    _line(out, page.total, widths, y, size, removed)
    _facts(out, page, 297 - _MARGIN - facts_height)


def _cells(
    widths: list[float], group: str, count: str, value: str, removed: str
) -> list[tuple[float, float, str, str]]:
    """x, width, text and alignment of a line's cells (the bar has none)."""
    left = [_MARGIN + sum(widths[:at]) for at in range(len(widths))]
    texts = ((0, group, "L"), (2, count, "R"), (3, value, "R"), (4, removed, "R"))
    return [(left[at], widths[at], text, align) for at, text, align in texts if widths[at]]


def _line(
    out: FPDF, bar: Bar, widths: list[float], y: float, size: float, with_removed: bool
) -> None:
    removed = "" if bar.removed is None or not with_removed else number(bar.removed)
    cells = _cells(widths, bar.title, f"{bar.count:,}", number(bar.value), removed)
    for x, width, text, align in cells:
        _text(out, x, y, text, size, _INK, align, width)


def _rule(out: FPDF, y: float, colour: str) -> None:
    out.set_draw_color(colour)
    out.set_line_width(0.2)
    out.line(_MARGIN, y, 210 - _MARGIN, y)


def _facts_height(out: FPDF, page: Page) -> float:
    out.set_font(_FONT, size=7.5)
    lines = 0
    for _, text in page.facts:
        found = out.multi_cell(_WIDTH - 26, 3.7, text, dry_run=True, output="LINES")
        assert isinstance(found, list)
        lines += len(found)
    return 3.7 * lines


def _facts(out: FPDF, page: Page, y: float) -> None:
    for name, text in page.facts:
        _text(out, _MARGIN, y, name, 7.5, _SOFT, "L", 25)
        out.set_text_color(_INK)
        out.set_xy(_MARGIN + 26, y)
        out.multi_cell(_WIDTH - 26, 3.7, text, align="L")
        y = out.get_y()


def _map(out: FPDF, page: Page, left: float, top: float) -> None:
    for outline in page.outlines:
        _outline(out, outline, left, top)
    for outline in page.outlines:
        if outline.at and outline.name:
            x, y = left + _MAP * outline.at[0], top + _MAP * outline.at[1]
            _text(out, x - 15, y - 1.2, outline.name, 6.5, on(outline.fill), "C", 30)
    if page.scale_bar:
        share, text = page.scale_bar
        end, y = left + _MAP * share, top + _MAP + 1
        out.set_draw_color(_INK)
        out.set_line_width(0.3)
        out.polyline([(left, y - 1), (left, y), (end, y), (end, y - 1)])
        _text(out, left, y - 4, text, 6.5, _INK, "C", end - left)
    for place, (fill, text) in enumerate(page.legend):
        line, column = divmod(place, _KEYS)
        x, y = left + column * _MAP / _KEYS, top + _MAP + 4 + 4 * line
        out.set_fill_color(fill)
        out.set_draw_color("#8a948c")
        out.rect(x, y, 2.6, 2.6, style="DF")
        _text(out, x + 3.2, y, text, 6, _SOFT, "L", _MAP / _KEYS - 4)
    out.set_fill_color(_INK)
    x, y = left + _MAP - 4, top + 3
    out.polygon([(x, y + 6), (x + 2, y), (x + 4, y + 6), (x + 2, y + 4.6)], style="F")


def _outline(out: FPDF, outline: Outline, left: float, top: float) -> None:
    with out.new_path(paint_rule=PathPaintRule.STROKE_FILL_EVENODD) as path:
        path.style.fill_color = outline.fill
        path.style.stroke_color = "#8a948c"
        path.style.stroke_width = 0.15
        for ring in outline.rings:
            points = ring[:-1] * _MAP + (left, top)
            path.move_to(*map(float, points[0]))
            for x, y in points[1:]:
                path.line_to(float(x), float(y))
            path.close()
