"""The map screen: what drives the map drives table and totals, and the address holds it all."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from io import BytesIO
from urllib.parse import parse_qs, urlsplit
from zipfile import ZipFile

import numpy as np
import pytest
from playwright.sync_api import Locator, expect
from shapely import point_on_surface
from shapely.geometry import Polygon, shape

from tests.browser.conftest import DESK, PHONE, Visit
from tests.conftest import Server

pytestmark = pytest.mark.browser

CANARY = "<img src=x onerror=\"document.title='taken'\"><b>甲</b>"


@pytest.fixture(params=[DESK, PHONE], ids=["desk", "phone"])
def opened(request, visit) -> Callable[[str], Visit]:
    """A page at each width."""
    seen = visit(request.param)

    def start(path: str) -> Visit:
        seen.open("/" + path)
        seen.drawn()
        return seen

    return start


@pytest.fixture(scope="module")
def parcel(server: Server) -> dict:
    """A parcel that was changed since it was made."""
    with server.client() as client:
        query = {"filter": "version >= 2", "limit": 1}
        return client.get("/collections/parcels/items", params=query).json()["features"][0]


@pytest.fixture(scope="module")
def near(parcel: dict) -> str:
    """The address of a view around it."""
    at = point_on_surface(shape(parcel["geometry"]))
    return f"#map=13.00/{at.y:.5f}/{at.x:.5f}"


def tool(seen: Visit, name: str) -> Locator:
    return seen.page.get_by_role("toolbar").get_by_role("button", name=name)


def tiles_of(seen: Visit, layer: str) -> list[dict[str, list[str]]]:
    return [parse_qs(urlsplit(u).query) for u in seen.requests if f"/tiles/{layer}/" in u]


def show(seen: Visit, tab: str) -> None:
    """A panel: on a phone it is a sheet that has to be opened."""
    if seen.page.viewport_size == PHONE and not seen.page.locator(f".panel-{tab}").is_visible():
        seen.page.click(f".tabs .tab-{tab}")


def test_a_filter_drives_map_table_and_totals(opened, near: str, server: Server) -> None:
    seen = opened(f"{near}&layers=parcels,counties&totals=parcels/county&table=parcels")
    page = seen.page
    with server.client() as client:
        query = {"filter": "stage IN ('accepted', 'mapped') AND year >= 2023"}
        count = client.get(
            "/collections/parcels/items", params={**query, "resulttype": "hits"}
        ).json()["numberMatched"]
        totals = client.get("/totals", params={**query, "layer": "parcels"}).json()["total"]
    assert totals["count"] == count > 0
    if page.viewport_size == PHONE:
        page.get_by_role("button", name="关闭表格").click()
    show(seen, "layers")
    page.get_by_role("button", name="筛选高标准农田").click()
    editor = page.locator(".filter")
    editor.locator("select").select_option("stage")
    for stage in ("竣工验收", "上图入库"):
        editor.get_by_role("checkbox", name=stage).check()
    editor.locator("select").last.select_option("year")
    editor.locator("input[type=number]").first.fill("2023")
    expect(page.locator(".question-chip")).to_contain_text("建设年度 ≥ 2023")
    show(seen, "totals")
    note = page.locator(".panel-totals .figure-note")
    expect(note).to_have_text(f"{count:,} 个地块", timeout=20_000)
    seen.drawn()
    assert "where=parcels:stage:in:accepted%7Cmapped;year:min:2023" in page.url
    assert any("year >= 2023" in t.get("filter", [""])[0] for t in tiles_of(seen, "parcels"))
    if page.viewport_size == PHONE:
        show(seen, "layers")
        page.get_by_role("button", name="打开高标准农田的表格").click()
    expect(page.locator(".table-head .note")).to_have_text(f"{count:,} 行")
    assert seen.faults() == []
    seen.shot("map-filter")
    page.locator(".question-chip button").click()
    expect(page.locator(".question-chip")).to_have_count(0)
    assert "where=" not in page.url
    assert seen.errors == []


def test_the_table_sorts_and_scrolls_to_its_end(visit, server: Server) -> None:
    seen = visit()
    seen.open("/#layers=&table=parcels")
    page, grid = seen.page, seen.page.get_by_role("grid", name="高标准农田")
    grid.get_by_role("button", name="面积（亩）").click()
    grid.get_by_role("button", name="面积（亩）").click()
    assert "table=parcels/-area_mu" in page.url
    with server.client() as client:
        path = "/collections/parcels/items"
        keys = ("-area_mu", "area_mu")
        answers = [client.get(path, params={"sortby": key, "limit": 1}).json() for key in keys]
    largest, smallest = (answer["features"][0]["properties"]["code"] for answer in answers)
    first = grid.locator(".vt-window [role=row]").first
    expect(first).to_contain_text(largest)
    expect(first).to_have_attribute("aria-rowindex", "2")
    grid.focus()
    page.keyboard.press("End")
    last = grid.locator(".vt-window [role=row]").last
    expect(last).to_contain_text(smallest)
    expect(last).to_have_attribute("aria-rowindex", str(answers[0]["numberMatched"] + 1))
    # Only rows in sight are in the document; pages in a row follow by key, a leap by its number.
    assert grid.locator(".vt-window [role=row]").count() < 60
    asked = [parse_qs(urlsplit(u).query) for u in seen.requests if "sortby=-area_mu" in u]
    assert any("offset" in query for query in asked)
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-tab", "feature")
    expect(page.locator(".panel-feature")).to_contain_text(smallest)
    assert seen.errors == []


def test_a_million_rows_do_not_slow_the_table(visit) -> None:
    """The service is played: the table asks only for pages in sight, whatever the number is."""
    seen, asked = visit(), []

    def answer(route) -> None:
        query = {k: v[0] for k, v in parse_qs(urlsplit(route.request.url).query).items()}
        if query.get("resulttype") == "hits":
            route.fulfill(json={"features": [], "numberMatched": 1_000_000})
            return
        start = int(query.get("next") or query.get("offset") or 0)
        asked.append(start)
        rows = [{"type": "Feature", "id": i + 1, "geometry": None, "properties": {"code": f"R{i}"}}
                for i in range(start, start + 100)]  # fmt: skip
        following = f"/collections/parcels/items?next={start + 100}"
        body = {"features": rows, "links": [{"rel": "next", "href": following}]}
        route.fulfill(json=body)

    seen.page.route("**/collections/parcels/items?*", answer)
    seen.open("/#layers=&table=parcels")
    grid = seen.page.get_by_role("grid")
    expect(grid).to_contain_text("R12")
    for share, row in ((0.5, 500_010), (1.0, 999_999), (0.0, 0)):
        grid.evaluate("(e, share) => { e.scrollTop = share * e.scrollHeight }", share)
        expect(grid).to_contain_text(re.compile(rf"R{row}(?!\d)"))
    assert len(asked) < 12
    grid.evaluate("e => { e.scrollTop = 0 }")
    grid.focus()
    for _ in range(20):
        seen.page.keyboard.press("PageDown")
    expect(grid).to_contain_text(re.compile(r"R1\d\d(?!\d)"))
    assert seen.errors == []


def test_a_name_in_chinese_is_found_and_shown(visit, parcel: dict) -> None:
    seen = visit()
    page = seen.page
    seen.open("/#layers=parcels")
    seen.drawn()
    name = parcel["properties"]["name"]
    box = page.get_by_role("combobox", name="按名称或编号查找")
    box.fill(name)
    option = page.get_by_role("option").filter(has_text=parcel["properties"]["code"])
    expect(option).to_be_visible()
    assert seen.faults(".search") == []
    box.press("ArrowDown")
    chosen = page.locator("[role=option][aria-selected=true]")
    for _ in range(20):
        if chosen.get_by_text(parcel["properties"]["code"]).count():
            break
        box.press("ArrowDown")
    box.press("Enter")
    expect(page.locator(".panel-feature h2")).to_have_text(name)
    west, south, east, north = shape(parcel["geometry"]).bounds
    expect(page).to_have_url(re.compile("map=16"))
    lat, lon = map(float, re.search(r"map=[\d.]+/([\d.]+)/([\d.]+)", page.url).groups())
    assert west <= lon <= east
    assert south - 0.01 <= lat <= north + 0.01
    box.fill("没有这样的地方")
    expect(page.locator(".search-none")).to_contain_text("没有找到")
    assert seen.errors == []


def test_a_drawn_area_is_counted_exactly(opened, near: str, server: Server) -> None:
    seen = opened(f"{near}&layers=parcels,counties&totals=parcels/")
    page = seen.page
    tool(seen, "画一个范围").click()
    box = page.locator(".map-canvas").bounding_box()
    assert box is not None
    if page.viewport_size == DESK:
        for x, y in ((0.3, 0.35), (0.7, 0.35), (0.5, 0.75)):
            page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
    else:  # without a pointer: the middle of the map is a corner
        for keys in (("ArrowLeft",), ("ArrowRight", "ArrowRight"), ("ArrowUp",)):
            for key in keys:
                page.keyboard.press(key)
                page.wait_for_timeout(500)
            page.keyboard.press("Enter")
    expect(page.locator(".draw-hint")).to_contain_text("亩")
    page.get_by_role("button", name="完成").click()
    expect(page.locator(".question-chip")).to_contain_text("画出的范围")
    numbers = [float(n) for n in parse_qs(urlsplit(page.url).fragment)["area"][0].split(",")]
    ring = [*zip(numbers[::2], numbers[1::2], strict=True)]
    assert Polygon(ring).is_valid
    with server.client() as client:
        within = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
        found = client.post("/totals", json={"layer": "parcels", "within": within}).json()["total"]
    assert found["count"] > 0
    note = page.locator(".panel-totals .figure-note")
    expect(note).to_have_text(f"{found['count']:,} 个地块", timeout=20_000)
    value = page.locator(".panel-totals .figure-value")
    shown = float(value.inner_text().replace(",", ""))
    scale = 1e4 if "万" in page.locator(".panel-totals .figure-unit").inner_text() else 1
    assert shown * scale == pytest.approx(found["area_mu"], rel=1e-2)
    seen.shot("map-area")
    tool(seen, "去掉画出的范围").click()
    assert "area=" not in page.url
    assert seen.errors == []


def test_a_theme_colours_map_and_legend(visit) -> None:
    seen = visit()
    seen.open("/#layers=parcels,counties")
    seen.drawn()
    before = seen.pixels()
    layer = seen.page.locator(".layer:has([data-layer=parcels])")
    expect(layer.locator(".legend")).to_contain_text("水田")
    for theme, title in (("stage", "管护"), ("year", "2021")):
        layer.get_by_label("高标准农田按什么着色").select_option(theme)
        expect(layer.locator(".legend").first).to_contain_text(title)
        seen.drawn()
        after = seen.pixels()
        assert (before != after).any(axis=2).mean() > 0.0003, "cells of low zooms are coloured, too"
        before = after
    assert "theme=parcels:year" in seen.page.url
    assert any("year" in t.get("properties", [""])[0] for t in tiles_of(seen, "parcels"))
    assert seen.errors == []


def test_the_past_is_one_slide_away(opened, server: Server) -> None:
    with server.client() as client:
        revisions = client.get("/revisions").json()["revisions"]
        first = next(r for r in revisions if "parcels" in r["counts"])
        past = {"layer": "parcels", "as_of": first["revision"]}
        then = client.get("/totals", params=past).json()["total"]["count"]
        now = client.get("/totals", params={"layer": "parcels"}).json()["total"]["count"]
    assert then != now
    seen = opened("#layers=&totals=parcels/")
    page = seen.page
    tool(seen, "回看过去").click()
    slider = page.get_by_role("slider", name="回看过去")
    expect(slider).to_have_value(str(len(revisions) - 1))
    slider.fill(str(revisions.index(first)))
    expect(page.locator(".question-chip")).to_contain_text("截至")
    assert seen.faults(".map") == []
    seen.shot("map-time")
    show(seen, "totals")
    note = page.locator(".panel-totals .figure-note")
    expect(note).to_have_text(f"{then:,} 个地块", timeout=20_000)
    assert f"as_of={first['revision']}" in page.url
    page.get_by_role("button", name="回到现在").click()
    expect(note).to_have_text(f"{now:,} 个地块", timeout=20_000)
    assert seen.errors == []


@pytest.mark.parametrize(
    "sides", ["t:5~t:now", "s:{0}:rgb~s:{1}:rgb"], ids=["two dates", "two scenes"]
)
def test_two_sides_are_compared_at_a_bar(visit, server: Server, sides: str) -> None:
    with server.client() as client:
        scenes = [scene["id"] for scene in client.get("/soil/scenes").json()["features"]]
    seen = visit()
    seen.open(f"/#map=11.50/45.44000/123.72000&swipe={sides.format(*scenes)}")
    bar = seen.page.get_by_role("slider", name="分界线")
    expect(bar).to_be_visible()
    expect(seen.page.locator(".swipe-name.left")).not_to_be_empty()
    seen.drawn()
    seen.page.wait_for_timeout(1500)
    middle = seen.pixels()
    bar.focus()
    seen.page.keyboard.press("Home")
    seen.page.wait_for_timeout(500)
    right = seen.pixels()
    width = middle.shape[1]
    left_half = np.s_[250:-100, 20 : width // 2 - 30]
    right_half = np.s_[250:-100, width // 2 + 30 : -80]
    assert (middle[left_half] != right[left_half]).any(axis=2).mean() > 0.02, "the sides differ"
    assert (middle[right_half] != right[right_half]).any(axis=2).mean() < 0.02
    seen.page.get_by_role("button", name="关闭").click()
    expect(bar).to_have_count(0)
    assert "swipe=" not in seen.page.url
    assert seen.errors == []


#: Every format that the page offers, and how its files begin.
STARTS = {
    "csv": b"\xef\xbb\xbf", "xlsx": b"PK", "geojson": b"{", "gpkg": b"SQLite format 3\0",
    "shp": b"PK", "kml": b"<?xml", "fgb": b"fgb", "parquet": b"PAR1", "landtxt": b"",
}  # fmt: skip


def test_what_is_shown_is_downloaded(visit) -> None:
    seen = visit()
    seen.open("/#layers=&where=plots:county:in:220882&table=plots")
    count = seen.page.locator(".table-head .note")
    expect(count).to_contain_text("行")
    rows = int(re.sub(r"\D", "", count.inner_text()))
    assert rows > 0
    files = {}
    for kind, start in STARTS.items():
        seen.page.locator(".table-head").get_by_role("button", name="下载").click()
        dialog = seen.page.get_by_role("dialog")
        offered = (
            dialog.get_by_label("格式")
            .locator("option")
            .evaluate_all("options => options.map((option) => option.value)")
        )
        assert set(offered) == set(STARTS)
        dialog.get_by_label("格式").select_option(kind)
        with seen.page.expect_download(timeout=120_000) as waiting:
            dialog.get_by_role("button", name="下载").click()
        expect(dialog).to_have_count(0)
        assert waiting.value.suggested_filename.startswith("盐碱地治理地块.")
        files[kind] = waiting.value.path().read_bytes()
        assert files[kind].startswith(start), kind
    assert files["csv"].decode("utf-8-sig").strip().count("\n") == rows
    assert len(json.loads(files["geojson"])["features"]) == rows
    assert any(name.endswith(".dbf") for name in ZipFile(BytesIO(files["shp"])).namelist())
    assert seen.errors == []


def test_print_has_scale_north_legend_and_definition(visit, near: str) -> None:
    seen = visit()
    seen.open(f"/{near}&where=parcels:year:min:2022")
    seen.drawn()
    tool(seen, "打印与出图").click()
    dialog = seen.page.get_by_role("dialog")
    dialog.get_by_label("图名").fill("大安灌区二期")
    seen.shot("map-print")
    with seen.page.expect_download() as waiting:
        dialog.get_by_role("button", name="存为 PNG").click()
    assert waiting.value.suggested_filename == "大安灌区二期.png"
    picture = waiting.value.path().read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 50_000, "the map is on it"
    seen.page.evaluate("window.print = () => { window.printed = true }")
    dialog.get_by_role("button", name="打印或 PDF").click()
    assert seen.page.evaluate("window.printed")
    seen.page.emulate_media(media="print")
    sheet = seen.page.locator(".print-sheet")
    expect(sheet.locator("h1")).to_have_text("大安灌区二期")
    for text in ("公里", "北", "水田", "口径", "建设年度 ≥ 2022", "CGCS2000"):
        expect(sheet).to_contain_text(text)
    expect(sheet.locator("canvas")).to_be_visible()
    expect(seen.page.locator("#app")).to_be_hidden()
    pdf = seen.page.pdf(prefer_css_page_size=True)
    assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") <= 1
    assert seen.errors == []


def test_the_address_holds_the_whole_view(visit, near: str) -> None:
    seen = visit()
    address = (
        f"{near}&layers=parcels,counties&totals=parcels/stage&unit=ha"
        "&where=parcels:county:in:220882&theme=parcels:stage&as_of=30"
        "&area=123.60000,45.40000,123.80000,45.40000,123.80000,45.50000&table=parcels/-year"
    )
    seen.open(f"/{address}")
    seen.drawn()
    page = seen.page
    expect(page.locator(".question-chip")).to_have_count(3)
    expect(page.locator(".table-drawer")).to_be_visible()
    expect(page.get_by_label("高标准农田按什么着色")).to_have_value("stage")
    kept = parse_qs(urlsplit(page.url).fragment)
    assert {k: v for k, v in parse_qs(address[1:]).items() if kept.get(k) != v} == {}
    assert seen.errors == []


def test_history_tells_each_change_before_and_after(visit, parcel: dict, server: Server) -> None:
    item = f"/collections/parcels/items/{parcel['id']}"
    with server.client() as client:
        versions = client.get(f"{item}/history").json()["versions"]
    assert len(versions) > 1
    seen = visit()
    seen.open(f"/#layers=&feature=parcels/{parcel['id']}&tab=feature")
    history = seen.page.locator(".history")
    history.locator("summary").click()
    expect(history.locator(".version")).to_have_count(len(versions))
    expect(history.locator(".changes td.before").first).to_be_visible()
    assert seen.faults(".history") == []
    assert seen.errors == []


def poisoned(value: object) -> object:
    """The same with the canary in every text."""
    if isinstance(value, dict):
        return {k: poisoned(v) for k, v in value.items()}
    return CANARY if isinstance(value, str) and not re.match(r"\d{4}-\d\d", value) else value


def test_no_value_ever_becomes_markup(visit, server: Server) -> None:
    """In the panel, the history, the table, the search, the totals and their groups."""
    seen = visit()
    page = seen.page

    def answer(route) -> None:
        body = route.fetch().json()
        for feature in body.get("features", [body] if "properties" in body else []):
            feature["properties"] = poisoned(feature["properties"])
        for version in body.get("versions", []):
            version.update(dict.fromkeys(("author", "reason", "source"), CANARY))
            version["properties"] = poisoned(version["properties"])
        for row in body.get("rows", []):
            row["group"] = poisoned(row["group"])
        route.fulfill(json=body)

    page.route("**/collections/*/items**", answer)
    page.route("**/totals?*", answer)
    seen.open("/#layers=&feature=parcels/1&tab=feature&table=parcels&totals=parcels/township")
    page.locator(".history summary").click()
    expect(page.locator(".panel-feature h2")).to_have_text(CANARY)
    expect(page.locator(".version > .note").first).to_contain_text(CANARY)
    expect(page.get_by_role("grid")).to_contain_text(CANARY)
    page.fill(".search-input", "村")
    expect(page.locator(".search-option").first).to_contain_text(CANARY)
    page.click(".tabs .tab-totals")
    expect(page.locator(".panel-totals .bars")).to_contain_text(CANARY)
    assert page.locator("#app :is(img, b, script)").count() == 0
    assert "taken" not in page.title()
    assert seen.errors == []


def test_a_base_map_of_others_is_asked_only_where_the_operator_allows_it(visit) -> None:
    seen = visit()
    seen.open()
    seen.drawn()
    assert seen.page.get_by_label("底图").count() == 0
    # The page would, the policy that the operator did not widen does not let it.
    seen.page.route(
        "**/?lang=*", lambda route: route.fulfill(json={"liangtian": {"tianditu": True}})
    )
    seen.open()
    seen.page.get_by_label("底图").select_option("vec")
    seen.page.get_by_label("天地图密钥").fill("0123456789abcdef0123")
    seen.page.get_by_label("天地图密钥").press("Enter")
    seen.page.wait_for_timeout(1500)
    assert any("tianditu.gov.cn" in e and "Content Security Policy" in e for e in seen.errors)
    assert seen.page.evaluate("localStorage.getItem('liangtian.tianditu')") is not None


def test_a_click_on_the_map_is_told_on_a_phone(visit, server: Server) -> None:
    with server.client() as client:
        plot = client.get("/collections/plots/items", params={"limit": 1}).json()["features"][0]
    at = point_on_surface(shape(plot["geometry"]))
    seen = visit(PHONE, has_touch=True, is_mobile=True)
    seen.open(f"/#map=15.00/{at.y:.6f}/{at.x:.6f}&layers=plots,counties")
    seen.drawn()
    box = seen.page.locator(".map-canvas").bounding_box()
    assert box is not None
    seen.page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(seen.page.locator(".panel-feature")).to_contain_text(plot["properties"]["code"])
    assert seen.faults() == []
    seen.shot("map-feature")
    assert seen.errors == []


def test_the_map_is_sharp_again_after_it_was_moved(visit, near: str) -> None:
    """While it moves on a slow machine it is drawn with fewer pixels."""
    seen = visit()
    seen.open(f"/{near}")
    seen.drawn()
    page = seen.page
    box = page.locator(".maplibregl-canvas").bounding_box()
    assert box
    page.mouse.move(box["x"] + 300, box["y"] + 300)
    page.mouse.down()
    for step in range(30):
        page.mouse.move(box["x"] + 300 + 8 * step, box["y"] + 300 + 3 * step)
    page.mouse.up()
    sharp = (
        "() => { const c = document.querySelector('.maplibregl-canvas');"
        " return c.width / c.clientWidth / devicePixelRatio; }"
    )
    for _ in range(100):
        page.wait_for_timeout(100)
        if page.evaluate(sharp) == pytest.approx(1, abs=0.01):
            break
    page.wait_for_timeout(500)
    assert page.evaluate(sharp) == pytest.approx(1, abs=0.01)
    assert seen.errors == []
