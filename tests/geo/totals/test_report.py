"""The one-page report: the same numbers in HTML and PDF, and nothing in it runs."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import numpy as np
import pypdfium2
import pytest
import shapely

from geo.totals.report.html import POLICY, STYLE, html
from geo.totals.report.page import SCALE, Bar, Page, drawn, number, shortened
from geo.totals.report.pdf import pdf

pytestmark = pytest.mark.unit

CANARY = '<img src=x onerror="alert(1)">'
ZONES = np.array([shapely.box(122, 45, 123, 46), shapely.box(123, 45, 124, 46)], dtype=object)


def page(bars: tuple[Bar, ...] | None = None, **more: object) -> Page:
    outlines, legend, scale = drawn(ZONES, ["洮北区", CANARY], [1200.0, 40.0])
    bars = bars or (Bar("洮北区", 3, 1200.5, 10.0), Bar(CANARY, 1, 40.25, None))
    values = {
        "title": "高标准农田面积",
        "subtitle": "2026-05-01",
        "unit": "亩",
        "headings": ("县", "图斑数", "面积(亩)", "已扣重叠(亩)"),
        "bars": bars,
        "total": Bar("合计", 4, 1240.75, 10.0),
        "facts": (("口径", "重叠部分只计一次"), ("数据版本", "67")),
        "outlines": outlines,
        "legend": legend,
        "scale_bar": scale,
        **more,
    }
    return Page(**values)  # type: ignore[arg-type]


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not any(name.startswith("on") or name in ("style", "src") for name, _ in attrs)
        self.names.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_says_the_numbers_and_runs_nothing() -> None:
    found = Tags()
    found.feed(html(page()).decode())
    assert not {"img", "script", "link", "iframe"} & set(found.names)
    for text in (
        "高标准农田面积",
        "1,240.8 亩",
        "1,200.5",
        "40.25",
        CANARY,
        "重叠部分只计一次",
        "67",
    ):
        assert text in found.text
    assert found.names.count("path") == len(ZONES) + 2  # outlines, scale bar, north arrow


def test_the_policy_allows_this_style_alone() -> None:
    [style] = re.findall(r"<style>(.*?)</style>", html(page()).decode(), re.S)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert style == STYLE
    assert f"style-src 'sha256-{digest}'" in POLICY
    assert "default-src 'none'" in POLICY


def test_pdf_is_one_page_with_embedded_chinese() -> None:
    document = pypdfium2.PdfDocument(pdf(page()))
    try:
        assert len(document) == 1
        text = document[0].get_textpage().get_text_range()
        for words in ("高标准农田面积", "1,240.8 亩", "1,200.5", "洮北区", "重叠部分只计一次"):
            assert words in text
        picture = document[0].render(scale=1).to_numpy()
        inked = (picture.min(axis=2) < 250).mean()
        assert 0.02 < inked < 0.5
    finally:
        document.close()


def test_many_groups_still_fit_one_page() -> None:
    bars = shortened([Bar(f"乡镇{i}", 1, float(i), 0.5) for i in range(80)], "其他")
    assert len(bars) == 24
    assert bars[0].title == "乡镇79"
    assert bars[-1].title == "其他 (57)"
    assert sum(bar.value for bar in bars) == sum(range(80))
    assert bars[-1].removed == 57 * 0.5
    facts = tuple((f"事实{i}", "很长的说明" * 30) for i in range(4))
    document = pypdfium2.PdfDocument(pdf(page(bars, facts=facts)))
    try:
        assert len(document) == 1
        text = document[0].get_textpage().get_text_range()
        assert "乡镇79" in text
        assert "其他 (57)" in text
        assert "事实3" in text
    finally:
        document.close()


def test_the_map_has_round_classes_and_its_scale() -> None:
    outlines, legend, scale = drawn(ZONES, ["a", "b"], [1200.0, None])
    assert outlines[0].fill in SCALE
    assert outlines[1].fill not in SCALE
    assert legend[0] == (SCALE[0], "0 - 200")
    assert legend[-1][1] == "1,000 - 1,200"
    for outline in outlines:
        for ring in outline.rings:
            assert ring.min() >= -1e-9
            assert ring.max() <= 1 + 1e-9
    assert outlines[0].at is not None
    assert outlines[0].at[0] < outlines[1].at[0]  # west is left
    assert scale is not None
    # Two degrees of longitude at 45.5 N are about 157 km.
    assert scale[1] == "20 km"
    assert scale[0] == pytest.approx(20 / 157, rel=0.02)
    assert drawn(np.array([None], dtype=object), ["a"], [1.0]) == ((), (), None)


def test_numbers_are_for_reading() -> None:
    assert [number(v) for v in (0.0, 1.234, 123.46, 12345.6)] == ["0.00", "1.23", "123.5", "12,346"]
