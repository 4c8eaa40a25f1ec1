"""At low zooms the map shows cells that say what they stand for."""

from __future__ import annotations

import json
from urllib.request import urlopen

import pytest
from playwright.sync_api import expect
from shapely.geometry import shape

from geo.tiles.grid import tile
from tests.browser.test_page import get

pytestmark = pytest.mark.browser

ZOOM = 6


def fullest_cell(url: str) -> dict:
    """The cell with most parcels of all tiles around the region."""
    found = []
    x, y = 53, 22
    for place in ((x, y), (x, y + 1), (x + 1, y), (x + 1, y + 1)):
        assert tile(ZOOM, *place)
        with urlopen(f"{url}/tiles/parcels/{ZOOM}/{place[0]}/{place[1]}.geojson") as answer:
            found += json.load(answer)["features"]
    assert found
    assert all("id" not in each for each in found)
    return max(found, key=lambda each: each["properties"]["count"])


def test_a_cell_tells_count_and_area(visit, server) -> None:
    seen = visit()
    cell = fullest_cell(seen.url)
    with get(f"{seen.url}/collections/parcels?f=json") as answer:
        assert json.load(answer)["title"] == "高标准农田"
    at = shape(cell["geometry"]).centroid
    seen.open(f"/#map={ZOOM}/{at.y:.6f}/{at.x:.6f}&layers=parcels,counties")
    seen.drawn()
    box = seen.page.locator(".map-canvas").bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    # What is drawn has the colour of the legend, not that of the land.
    pixels = seen.pixels()
    height, width, _ = pixels.shape
    assert tuple(pixels[height // 2, width // 2]) != tuple(pixels[5, 5])
    count = f"{cell['properties']['count']:,}"
    mu = f"{cell['properties']['area_m2'] * 3 / 2000:,.0f}".split(",")[0]
    seen.page.mouse.move(*middle)
    hover = seen.page.locator(".map-hover")
    expect(hover).to_contain_text(count)
    expect(hover).to_contain_text(mu)
    seen.page.mouse.click(*middle)
    panel = seen.page.locator(".panel-feature")
    expect(panel).to_contain_text(count)
    expect(panel.locator(".figure-unit")).to_contain_text("亩")
    expect(panel.locator(".attributes dt")).to_have_count(
        sum(key.startswith("area_m2_") for key in cell["properties"])
    )
    assert "feature=" not in seen.page.url
    assert not any("/items/" in url for url in seen.requests)
    assert seen.errors == []
