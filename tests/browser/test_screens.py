"""Every screen at both widths: it opens, the keyboard reaches it, axe finds nothing serious."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESK, PHONE

pytestmark = pytest.mark.browser

#: Screen -> what its page says.
SCREENS = {"map": "", "uploads": "#/uploads", "figures": "#/figures", "soil": "#/soil"}


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_opens_and_can_be_used_by_everybody(visit, server, name: str, viewport) -> None:
    seen = visit(viewport, color_scheme="dark" if viewport is PHONE else "light")
    seen.sign_in(server.tokens["manager"])
    seen.open(f"/{SCREENS[name]}")
    expect(seen.page.locator("html")).to_have_attribute("data-screen", name)
    expect(seen.page.locator(".slot-root .panel-title").first).to_have_count(1)
    expect(seen.page.locator("main .state[role=status]")).to_have_count(0, timeout=20_000)
    if seen.page.locator(".map").is_visible():
        seen.drawn()
    width = seen.page.evaluate("document.documentElement.scrollWidth")
    assert width <= viewport["width"], "the page is wider than the screen"
    assert seen.faults() == []
    assert seen.errors == []
    assert seen.strangers == []
    seen.shot(name)


def test_the_ways_between_screens_keep_the_map_and_the_back_button(visit, server) -> None:
    seen = visit()
    seen.sign_in(server.tokens["manager"])
    seen.open("/#map=11.00/45.50000/123.50000&layers=parcels")
    seen.drawn()
    page = seen.page
    page.click(".screens [data-screen=soil]")
    expect(page.locator(".slot-root .panel-title")).to_have_text("土壤")
    assert page.url.endswith("#/soil?map=11.00/45.50000/123.50000&layers=parcels&tab=totals")
    page.click("[data-action=language]")
    expect(page.locator(".slot-root .panel-title")).to_have_text("Soil")
    page.go_back()
    expect(page.locator(".panel-layers")).to_contain_text("High-standard farmland")
    expect(page.locator("input[data-layer=parcels]")).to_be_checked()
    assert "map=11.00/45.50000/123.50000" in page.url
    assert seen.errors == []


def test_a_screen_that_cannot_be_loaded_says_so(visit) -> None:
    seen = visit()
    seen.page.route("**/assets/soil-*.js", lambda route: route.abort())
    seen.open("/#/soil")
    expect(seen.page.locator(".slot-root .state")).to_contain_text("没有打开")
    expect(seen.page.locator(".slot-root .state button")).to_be_visible()
