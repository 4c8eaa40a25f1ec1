"""The page as a reader meets it: drawn, quiet, in both languages, on a desk and on a phone."""

from __future__ import annotations

import json
from urllib.request import Request, urlopen

import numpy as np
import pytest
from playwright.sync_api import Route, expect
from shapely import point_on_surface
from shapely.geometry import shape

from tests.browser.conftest import PHONE

pytestmark = pytest.mark.browser


def get(url: str, accept: str = "application/json"):
    return urlopen(Request(url, headers={"Accept": accept}))


def a_parcel(url: str) -> dict:
    with get(f"{url}/collections/parcels/items?limit=1&f=geojson") as response:
        return json.load(response)["features"][0]


def test_first_sight(visit) -> None:
    seen = visit()
    seen.open()
    seen.drawn()
    assert seen.errors == []
    assert seen.strangers == []
    pixels = seen.pixels()
    colours = np.unique(pixels.reshape(-1, 3), axis=0)
    assert len(colours) > 50, "the map is blank"
    layers = seen.page.locator(".panel-layers")
    for title in ("高标准农田", "盐碱地治理地块", "灌区", "渠系", "县区"):
        expect(layers).to_contain_text(title)
    totals = seen.page.locator(".panel-totals")
    expect(totals.locator(".bars li").first).to_be_visible()
    expect(totals).to_contain_text("亩")
    expect(totals).to_contain_text("口径")


def test_content_policy_is_sent_and_strict(server) -> None:
    for path in ("/", "/docs"):
        with get(server.url.rstrip("/") + path, "text/html") as response:
            policy = response.headers["Content-Security-Policy"]
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["Content-Type"].startswith("text/html")
            assert "default-src 'self'" in policy
            assert "unsafe" not in policy
            body = response.read().decode()
        assert "<style" not in body
        assert "http://" not in body
        assert "https://" not in body


def test_language_and_what_it_keeps(visit) -> None:
    seen = visit()
    seen.open()
    seen.drawn()
    page = seen.page
    page.click("[data-action=language]")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    layers = page.locator(".panel-layers")
    expect(layers).to_contain_text("High-standard farmland")
    expect(page.locator(".panel-totals")).to_contain_text("Definition")
    assert "lang=en" in page.url
    page.click("[data-action=language]")
    expect(layers).to_contain_text("高标准农田")
    assert seen.errors == []


def test_click_shows_the_attributes(visit, server) -> None:
    seen = visit()
    parcel = a_parcel(seen.url)
    at = point_on_surface(shape(parcel["geometry"]))
    seen.open(f"/#map=16/{at.y:.6f}/{at.x:.6f}&layers=parcels,counties")
    seen.drawn()
    box = seen.page.locator(".map-canvas").bounding_box()
    assert box is not None
    seen.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    panel = seen.page.locator(".panel-feature")
    expect(panel.locator(".attributes")).to_be_visible()
    expect(panel).to_contain_text(parcel["properties"]["code"])
    expect(panel).to_contain_text("图斑编号")
    mu = f"{parcel['properties']['area_m2'] * 3 / 2000:,.2f}"
    expect(panel.locator(".figure-value")).to_have_text(mu)
    assert f"feature=parcels/{parcel['id']}" in seen.page.url
    assert seen.errors == []


def test_values_are_never_markup(visit) -> None:
    seen = visit()
    parcel = a_parcel(seen.url)
    evil = "<img src=x onerror=\"document.title='taken'\"><b>甲</b>"

    def answer(route: Route) -> None:
        body = {**parcel, "properties": {**parcel["properties"], "name": evil, "remark": evil}}
        route.fulfill(json=body)

    seen.page.route("**/collections/parcels/items/*", answer)
    seen.open(f"/#feature=parcels/{parcel['id']}&tab=feature")
    panel = seen.page.locator(".panel-feature")
    expect(panel.locator("h2")).to_have_text(evil)
    assert panel.locator("img, b, script").count() == 0
    assert "taken" not in seen.page.title()


def test_hiding_a_layer_changes_the_map(visit) -> None:
    seen = visit()
    at = point_on_surface(shape(a_parcel(seen.url)["geometry"]))
    seen.open(f"/#map=14/{at.y:.6f}/{at.x:.6f}")
    seen.drawn()
    before = seen.pixels()
    seen.page.uncheck("input[data-layer=parcels]")
    seen.drawn()
    seen.page.wait_for_timeout(600)
    after = seen.pixels()
    assert (before != after).any(axis=2).mean() > 0.005
    assert "layers=" in seen.page.url
    assert "parcels" not in seen.page.url.partition("layers=")[2].partition("&")[0]


def test_phone(visit) -> None:
    seen = visit(PHONE, has_touch=True, is_mobile=True, device_scale_factor=2)
    seen.open()
    seen.drawn()
    page = seen.page
    size = "[document.documentElement.scrollWidth, innerWidth]"
    assert page.evaluate(size) == [PHONE["width"], PHONE["width"]]
    for tab, text in (("totals", "合计"), ("feature", "地块"), ("layers", "高标准农田")):
        page.tap(f".tab-{tab}")
        expect(page.locator(f".panel-{tab}")).to_be_visible()
        expect(page.locator(f".panel-{tab}")).to_contain_text(text)
        assert page.evaluate(size) == [PHONE["width"], PHONE["width"]]
    page.tap(".tab-layers")
    expect(page.locator(".panel-layers")).to_be_hidden()
    assert seen.errors == []


def test_a_shared_address_shows_the_same(visit) -> None:
    seen = visit()
    seen.open("/#map=11.00/45.50000/123.50000&layers=parcels&totals=parcels/county&unit=ha&lang=en")
    seen.drawn()
    page = seen.page
    expect(page.locator("input[data-layer=parcels]")).to_be_checked()
    expect(page.locator("input[data-layer=plots]")).not_to_be_checked()
    expect(page.locator(".panel-totals .segments [aria-pressed=true]")).to_have_text("ha")
    expect(page.locator(".panel-totals select").nth(1)).to_have_value("county")
    assert "map=11.00/45.50000/123.50000" in page.url


def test_sign_in_when_the_service_wants_it(visit, server) -> None:
    """By password, which the browser keeps as a cookie; or by a token, which goes before it."""
    known = json.loads((server.data / "credentials.json").read_text())["field"]
    seen = visit()
    sent: list[str | None] = []

    def guard(route: Route) -> None:
        headers = route.request.all_headers()
        sent.append(headers.get("authorization"))
        if "liangtian" in headers.get("cookie", "") or sent[-1]:
            route.continue_()
        else:
            route.fulfill(status=401, json={"code": "E_LOGIN", "detail": "请先登录"})

    seen.page.route("**/collections?*", guard)
    seen.open()
    dialog, header = seen.page.locator("dialog"), seen.page.locator(".header .actions")
    expect(dialog).to_be_visible()
    dialog.locator("[name=name]").fill("field")
    dialog.locator("[name=password]").fill("wrong")
    dialog.locator("[type=submit]").click()
    expect(dialog.locator(".error")).to_contain_text("密码不正确")
    dialog.locator("[name=password]").fill(known["password"])
    assert seen.faults("dialog") == []
    seen.shot("sign-in")
    dialog.locator("[type=submit]").click()
    expect(dialog).to_be_hidden()
    expect(header).to_contain_text("field")
    expect(seen.page.locator(".panel-layers")).to_contain_text("高标准农田")
    seen.open()
    expect(header).to_contain_text("field")
    header.get_by_text("退出登录").click()
    expect(dialog).to_be_visible()
    dialog.get_by_text("改用令牌").click()
    dialog.locator("[name=token]").fill("wrong")
    dialog.locator("[type=submit]").click()
    expect(dialog.locator(".error")).to_contain_text("令牌无效")
    dialog.locator("[name=token]").fill(known["token"])
    dialog.locator("[type=submit]").click()
    expect(header).to_contain_text("field")
    expect(seen.page.locator(".panel-layers")).to_contain_text("高标准农田")
    assert sent[-1] == f"Bearer {known['token']}"


def test_a_failure_says_what_to_do_and_can_be_tried_again(visit) -> None:
    seen = visit()
    problem = {"code": "E_INTERNAL", "detail": "x"}
    seen.page.route("**/collections?*", lambda route: route.fulfill(status=500, json=problem))
    seen.open()
    state = seen.page.locator(".panel-layers .state")
    expect(state).to_contain_text("E_INTERNAL")
    seen.page.unroute("**/collections?*")
    state.locator("button").click()
    expect(seen.page.locator(".panel-layers")).to_contain_text("高标准农田")


def test_api_viewer_asks_nobody_else(visit) -> None:
    seen = visit()
    seen.open("/docs")
    expect(seen.page.locator(".opblock-tag").first).to_be_visible(timeout=20_000)
    assert seen.strangers == []
    assert seen.errors == []
