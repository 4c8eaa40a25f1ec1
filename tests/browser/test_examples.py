"""The example pages in a real browser: features are drawn, and nobody else is asked."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from shapely import point_on_surface
from shapely.geometry import shape

from tests.browser.conftest import DESK, PHONE, Visit, pixels_of
from tests.conftest import Server
from tests.environment import ROOT

pytestmark = pytest.mark.browser
NAMES = ("maplibre", "leaflet", "openlayers", "amap")


def drawn(page: Page) -> int:
    """Wait until the page says that features are drawn; how many."""
    some = page.locator("body[data-drawn]:not([data-drawn='0'])")
    some.wait_for(state="attached", timeout=60_000)
    page.wait_for_timeout(500)
    return int(some.get_attribute("data-drawn") or 0)


def quiet(seen: Visit) -> None:
    assert seen.errors == []
    assert seen.strangers == []


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("name", NAMES)
def test_features_are_on_the_screen(visit, name: str, viewport) -> None:
    seen = visit(viewport)
    seen.open(f"/examples/{name}.html")
    assert drawn(seen.page) > 5
    quiet(seen)
    colours, counts = np.unique(
        pixels_of(seen.page.locator("#map")).reshape(-1, 3), axis=0, return_counts=True
    )
    assert len(colours) > 20, "the map is blank"
    assert counts.max() / counts.sum() < 0.995
    width = seen.page.evaluate("document.documentElement.scrollWidth")
    assert width <= viewport["width"], "the page is wider than the screen"
    source = seen.page.locator("#source")
    shown = source.evaluate("e => e.textContent")
    assert shown == (ROOT / "docs/examples" / f"{name}.js").read_text(encoding="utf-8")


def test_index_page_leads_to_all(visit) -> None:
    seen = visit()
    seen.open("/examples/")
    links = seen.page.locator("main a")
    assert [link.get_attribute("href") for link in links.all()] == [f"./{n}.html" for n in NAMES]
    links.first.click()
    assert drawn(seen.page) > 5
    quiet(seen)


def test_maplibre_draws_what_the_service_has(visit, server: Server) -> None:
    """Ids on the screen are those of the items in the same box; the raster legend follows."""
    seen = visit()
    seen.open("/examples/maplibre.html")
    drawn(seen.page)
    box, ids = seen.page.evaluate(
        """() => {
            const { map } = window.example;
            const found = map.queryRenderedFeatures({ layers: ["plots"] }).map(f => f.id);
            return [map.getBounds().toArray().flat(), [...new Set(found)]];
        }"""
    )
    with server.client() as client:
        query = {"bbox": ",".join(map(str, box)), "limit": 10_000}
        wanted = client.get("/collections/plots/items", params=query).json()
    assert set(ids) <= {feature["id"] for feature in wanted["features"]}
    assert len(ids) >= 0.95 * wanted["numberReturned"] > 0
    legend = seen.page.locator("#legend")
    expect(legend).to_contain_text("sqrt(G*R)")
    seen.page.select_option("#index", "ndvi")
    expect(legend).to_contain_text("(N - R)/(N + R)")
    drawn(seen.page)
    assert any("index=ndvi" in url and ".png" in url for url in seen.requests)
    seen.page.select_option("#index", "")
    expect(legend).to_be_empty()
    quiet(seen)


@pytest.mark.parametrize(
    ("name", "project"),
    [
        ("maplibre", "([lon, lat]) => window.example.map.project([lon, lat])"),
        ("leaflet", "([lon, lat]) => window.example.map.latLngToContainerPoint([lat, lon])"),
    ],
)
def test_a_click_shows_attributes_with_the_area(visit, server: Server, name: str, project) -> None:
    with server.client() as client:
        plot = client.get("/collections/plots/items?district=DA2&limit=1").json()["features"][0]
    seen = visit()
    seen.open(f"/examples/{name}.html")
    drawn(seen.page)
    inside = point_on_surface(shape(plot["geometry"]))
    at = seen.page.evaluate(project, [inside.x, inside.y])
    seen.page.locator("#map").click(position={"x": at["x"], "y": at["y"]})
    shown = seen.page.locator("dl.attributes")
    expect(shown).to_contain_text(plot["properties"]["code"])
    mu = f"{plot['properties']['area_m2'] * 0.0015:.2f}"
    expect(shown).to_contain_text(mu)
    quiet(seen)


def test_openlayers_draws_the_same_in_both_tile_matrix_sets(visit) -> None:
    seen = visit()
    seen.open("/examples/openlayers.html")
    mercator = drawn(seen.page)
    seen.page.check("[value=WorldCRS84Quad]")
    expect(seen.page.locator("#state")).to_contain_text("WorldCRS84Quad")
    degrees = drawn(seen.page)
    assert degrees > 5
    assert mercator > 5
    assert any("/tiles/WorldCRS84Quad/" in url for url in seen.requests)
    assert (
        seen.page.evaluate("window.example.map.getView().getProjection().getCode()") == "EPSG:4490"
    )
    found = seen.page.evaluate(
        """() => {
            const { map, layers } = window.example;
            const box = map.getView().calculateExtent(map.getSize());
            const parts = layers[1].getFeaturesInExtent(box).map(f => f.getExtent());
            return parts[0];
        }"""
    )
    assert 121 < found[0] < 125, "coordinates are degrees"
    assert 43 < found[1] < 47
    quiet(seen)


def test_amap_tiles_lie_where_gcj02_puts_them(visit) -> None:
    seen = visit()
    seen.open("/examples/amap.html")
    drawn(seen.page)
    expect(seen.page.locator("#state")).to_contain_text(re.compile(r"偏移 [3-9]\d\d 米"))
    assert any("datum=gcj02" in url and ".geojson" in url for url in seen.requests)
    found = seen.page.evaluate(
        """() => {
            const firsts = (layer) => new Map(Object.values(layer._tiles).flatMap(
                ({ el }) => (el.drawn ?? []).map(({ feature: f }) =>
                    [f.id, f.geometry.coordinates.flat(Infinity).slice(0, 2)])));
            const { shifted, trueTiles } = window.example;
            const [moved, still] = [firsts(shifted), firsts(trueTiles)];
            return [...moved.keys()].filter(id => still.has(id)).length;
        }"""
    )
    assert found > 5
    assert "webapi.amap.com" in seen.page.locator("#snippet").evaluate("e => e.textContent")
    quiet(seen)


def test_a_refused_request_is_told(visit) -> None:
    seen = visit()
    answer = {"code": "E_LOGIN", "detail": "请先登录"}
    seen.page.route("**/collections/*", lambda route: route.fulfill(status=401, json=answer))
    seen.open("/examples/leaflet.html")
    expect(seen.page.locator("#state")).to_contain_text("请先登录")


def test_a_token_in_the_address_goes_with_every_request(visit, server: Server) -> None:
    seen = visit()
    sent: list[str | None] = []
    seen.page.on(
        "request",
        lambda r: sent.append(r.headers.get("authorization")) if "/tiles/" in r.url else None,
    )
    token = server.tokens["viewer"]
    for name in ("leaflet", "openlayers"):
        seen.open(f"/examples/{name}.html#token={token}")
        drawn(seen.page)
    assert sent
    assert set(sent) == {f"Bearer {token}"}
