"""Targets, weekly questions, definitions and seals, as leaders and managers use them."""

from __future__ import annotations

import re
from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import DESK, PHONE, Visit

pytestmark = pytest.mark.browser

WIDTHS = pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])


def start(visit, server, viewport, path: str, role: str = "manager") -> Visit:
    """A page of the screen, light on a desk and dark on a phone."""
    seen = visit(viewport, color_scheme="dark" if viewport is PHONE else "light")
    seen.sign_in(server.tokens[role])
    seen.open(f"/#/figures{path}")
    return seen


def well(seen: Visit, name: str) -> None:
    """Nothing serious for axe, nothing wider than the screen, no error; and a picture."""
    width = seen.page.evaluate("document.documentElement.scrollWidth")
    assert width <= (seen.page.viewport_size or DESK)["width"], "wider than the screen"
    assert seen.faults("main") == []
    assert seen.errors == []
    seen.shot(name)


@WIDTHS
def test_targets_say_value_gap_counties_and_source(visit, server, viewport) -> None:
    with server.client() as client:
        told = client.get("/targets").json()["targets"]
    grass = next(each for each in told if each["id"] == "grassland")
    seen = start(visit, server, viewport, "")
    page = seen.page
    expect(page.locator(".target-link")).to_have_count(len(told))
    page.click(".target-link:has-text('治理草原')")
    detail = page.locator(".split-detail")
    expect(detail.locator(".headline-value").first).to_have_text(f"{grass['current']:.2f}万亩")
    expect(detail.locator(".headline-value").nth(1)).to_have_text("17.5万亩")
    expect(detail.locator(".row-chart li")).to_have_count(len(grass["counties"]))
    expect(detail.locator(".chart-line")).to_be_visible()
    detail.locator("summary", has_text="口径").click()
    expect(detail).to_contain_text(grass["definition"]["zh"])
    expect(detail).to_contain_text(grass["source"])
    well(seen, "figures-target")
    # In hectares all figures of the page follow: 17.5 × 10⁴ mu = 1.1667 × 10⁴ ha.
    page.click(".figures-unit button:has-text('公顷')")
    expect(detail.locator(".headline-value").nth(1)).to_have_text("1.17万公顷")
    page.go_back()
    expect(page.locator(".target-link").first).to_be_visible()


@WIDTHS
def test_a_weekly_question_is_answered_and_taken_away(visit, server, viewport) -> None:
    with server.client() as client:
        told = client.get("/questions/hsf-progress?county=220882").json()
    seen = start(visit, server, viewport, "/questions")
    page = seen.page
    expect(page.locator(".question-link")).to_have_count(10)
    page.click(".question-link:has-text('高标准农田进度')")
    page.select_option(".question-form select", label="大安市")
    tables = {each["name"]: each for each in told["tables"]}
    box = page.locator(".question-answer")
    # What is told in one row stands as large figures, the years as a table with a chart.
    expect(box.locator(".headlines").first).to_contain_text("761")
    expect(box.locator(".table-box tbody tr")).to_have_count(len(tables["years"]["rows"]))
    expect(box.locator(".row-chart li")).to_have_count(len(tables["years"]["rows"]))
    assert "county=220882" in page.url
    with page.expect_download() as download:
        page.click(".question-form button:has-text('XLSX')")
    with ZipFile(download.value.path()) as workbook:
        sheets = [n for n in workbook.namelist() if n.startswith("xl/worksheets/sheet")]
    assert len(sheets) == len(tables)
    well(seen, "figures-question")


def test_rows_of_answers_lead_to_the_map(visit, server) -> None:
    seen = start(visit, server, DESK, "/questions/overdue-inspections")
    row = seen.page.locator(".question-answer tr.open").first
    code = row.locator("th").inner_text()
    row.click()
    expect(seen.page.locator(".panel-feature")).to_contain_text(code)
    assert "feature=structures/" in seen.page.url


def test_what_is_missing_is_asked_for(visit, server) -> None:
    seen = start(visit, server, DESK, "/questions/water", "viewer")
    expect(seen.page.locator(".question-answer .state")).to_contain_text("必填")
    seen.page.fill(".question-form input >> nth=0", "没有这块地")
    seen.page.press(".question-form input >> nth=0", "Enter")
    expect(seen.page.locator(".question-answer .state")).to_contain_text("没有编号 没有这块地")


@WIDTHS
def test_a_figure_is_sealed_and_verified(visit, server, viewport) -> None:
    seen = start(visit, server, viewport, "/definitions/hsf_accepted")
    page = seen.page
    detail = page.locator(".split-detail")
    expect(detail.locator(".row-chart li").first).to_be_visible()
    well(seen, "figures-definition")
    with page.expect_download() as download:
        detail.locator("button", has_text="PDF").click()
    assert Path(download.value.path()).read_bytes()[:5] == b"%PDF-"
    detail.locator("button", has_text="封存").click()
    page.locator("dialog [type=submit]").click()
    expect(page.locator(".seal .detail-title")).to_contain_text("已验收高标准农田")
    number = re.search(r"#/figures/seals/(\d+)", page.url)[1]  # type: ignore[index]
    page.click("button:has-text('重新计算')")
    expect(page.locator(".verdict .chip")).to_have_text("一位不差")
    expect(page.locator(".seal tbody tr").first).to_contain_text(re.compile("[县市区]"))
    well(seen, "figures-seal")

    def altered(route: Route) -> None:
        told = route.fetch().json()
        difference = {"layer": "parcels", "count": 3, "changed": [7], "missing": [8], "added": [9]}
        told["recomputed"]["total"]["count"] -= 1
        told |= {"ok": False, "same_result": False, "changed_inputs": [difference]}
        route.fulfill(json=told)

    page.route(f"**/seals/{number}/verify*", altered)
    page.click("button:has-text('重新计算')")
    expect(page.locator(".verdict .chip")).to_have_text("与封存时不同")
    expect(page.locator(".verdict .difference")).to_contain_text("#8")
    expect(page.locator(".verdict a")).to_have_count(2)
