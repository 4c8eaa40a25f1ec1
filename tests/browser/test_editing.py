"""Editing on the page, in a real Chromium: attributes, shapes, conflicts, samples, people."""

from __future__ import annotations

import io
import json
import math
import re
import secrets
from collections.abc import Iterator

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from shapely.geometry import shape

from tests.browser.conftest import PHONE, Visit
from tests.conftest import Server

CORNERS = [[123.4, 45.2], [123.404, 45.2], [123.404, 45.203], [123.4, 45.203]]
#: A hole, which must outlive every edit.
HOLE = [[123.401, 45.201], [123.401, 45.202], [123.402, 45.202], [123.402, 45.201]]
SQUARE = {"type": "MultiPolygon", "coordinates": [[[*CORNERS, CORNERS[0]], [*HOLE, HOLE[0]]]]}


@pytest.fixture
def manager(server: Server) -> Iterator[httpx.Client]:
    with server.client("manager") as client:
        yield client


@pytest.fixture
def parcel(manager: httpx.Client) -> Iterator[str]:
    """The address of a parcel of our own, gone after the test."""
    properties = {"code": f"T{secrets.token_hex(5)}", "name": "试验田", "county": "220802",
                  "stage": "approved", "year": 2026, "land_class": "0101"}  # fmt: skip
    body = {"type": "Feature", "properties": properties, "geometry": SQUARE}
    made = manager.post("/collections/parcels/items", json=body)
    assert made.status_code == 201, made.text
    path = made.headers["Location"]
    yield path
    tag = manager.get(path).headers.get("ETag")
    if tag:
        manager.delete(path, headers={"If-Match": tag})


def opened(seen: Visit, server: Server, path: str, who: str = "manager") -> Page:
    """The page with this feature in its panel, for somebody who may edit it."""
    seen.sign_in(server.tokens[who])
    seen.open(f"/#layers=parcels,samples&feature={feature(path)}&tab=feature")
    expect(seen.page.locator("[data-action=edit]")).to_be_visible()
    return seen.page


def feature(path: str) -> str:
    return "/".join(path.split("/")[i] for i in (2, 4))


def edited(page: Page, name: str) -> Locator:
    return page.locator(f".edit-form [name={name}]")


def meanwhile(server: Server, path: str, properties: dict[str, object]) -> None:
    """Somebody else changes the feature."""
    with server.client("admin") as other:
        tag = other.get(path).headers["ETag"]
        done = other.patch(path, json={"properties": properties}, headers={"If-Match": tag})
        assert done.status_code == 200, done.text


def saved(page: Page) -> None:
    page.locator("[data-action=save]").click()
    expect(page.locator("[data-action=edit]")).to_be_visible()


def test_attributes_are_edited_and_faults_stand_beside_their_fields(
    visit, server: Server, parcel: str, manager: httpx.Client
) -> None:
    seen = visit()
    page = opened(seen, server, parcel)
    page.locator("[data-action=edit]").click()
    expect(edited(page, "name")).to_have_value("试验田")
    assert seen.faults(".panel-feature") == []
    edited(page, "year").fill("1200")
    edited(page, "remark").fill('<img src=x onerror="window.hit=1">')
    page.get_by_label("原因").fill("核对档案")
    page.locator("[data-action=save]").click()
    fault = page.locator("#edit-year-fault")
    expect(fault).not_to_be_empty()
    expect(edited(page, "year")).to_be_focused()
    seen.shot("edit-fault")
    edited(page, "year").fill("2025")
    saved(page)
    stored = manager.get(parcel).json()["properties"]
    assert (stored["year"], stored["remark"]) == (2025, '<img src=x onerror="window.hit=1">')
    assert page.evaluate("window.hit") is None
    newest = manager.get(f"{parcel}/history").json()["versions"][0]
    assert (newest["author"], newest["reason"]) == ("manager", "核对档案")
    assert set(newest["changes"]["properties"]) == {"year", "remark"}
    assert newest["changes"]["geometry"] is False
    page.locator(".history summary").click()
    page.get_by_role("button", name="恢复到此版本").click()
    expect(page.locator(".attributes")).to_contain_text("2026")
    assert manager.get(parcel).json()["properties"]["year"] == 2026


def pixel(page: Page, lon: float, lat: float) -> tuple[float, float]:
    """Where a place is on the screen, by the address."""
    found = re.search(r"map=([\d.]+)/([\d.]+)/([\d.]+)", page.url)
    assert found
    zoom, lat0, lon0 = map(float, found.groups())
    world = 512 * 2**zoom

    def mercator(x: float, y: float) -> tuple[float, float]:
        north = math.log(math.tan(math.pi / 4 + math.radians(y) / 2))
        return (x / 360 + 0.5) * world, (0.5 - north / (2 * math.pi)) * world

    (x, y), (x0, y0) = mercator(lon, lat), mercator(lon0, lat0)
    box = page.locator(".map-canvas").bounding_box()
    assert box
    return box["x"] + box["width"] / 2 + x - x0, box["y"] + box["height"] / 2 + y - y0


def test_a_shape_is_edited_by_pointer_and_keys_and_keeps_its_hole(
    visit, server: Server, parcel: str, manager: httpx.Client
) -> None:
    seen = visit()
    page = opened(seen, server, parcel)
    page.locator("[data-action=edit]").click()
    page.get_by_role("button", name="在地图上改图形").click()
    expect(page.locator(".draw-bar")).to_contain_text("拖动角点")
    seen.drawn()
    # The corner in the north-east, half as far again; then a corner more in the western edge.
    for start, end in (
        ((123.404, 45.203), (123.4045, 45.2034)),
        ((123.4, 45.2015), (123.3995, 45.2015)),
    ):
        page.mouse.move(*pixel(page, *start))
        page.mouse.down()
        page.mouse.move(*pixel(page, *end), steps=4)
        page.mouse.up()
    seen.shot("reshape")
    page.locator(".map-canvas canvas").first.focus()
    page.keyboard.press("PageDown")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Control+z")  # means nothing here
    page.get_by_role("button", name="撤回一点").click()
    page.get_by_role("button", name="完成").click()
    expect(page.get_by_text("图形已改")).to_be_visible()
    saved(page)
    outline, hole = manager.get(parcel).json()["geometry"]["coordinates"][0]
    assert len(outline) == 6
    assert hole == SQUARE["coordinates"][0][1]
    moved = [c for c in outline[:-1] if min(math.dist(c, old) for old in CORNERS) > 1e-5]
    assert len(moved) == 2
    for corner, aim in zip(sorted(moved), ((123.3995, 45.2015), (123.4045, 45.2034)), strict=True):
        assert math.dist(corner, aim) < 5e-5
    versions = manager.get(f"{parcel}/history").json()["versions"]
    assert versions[0]["changes"]["geometry"] is True
    assert versions[0]["area_m2"] > versions[1]["area_m2"]
    assert seen.errors == []


def test_two_edits_of_one_parcel_are_compared_and_merged(
    visit, server: Server, parcel: str, manager: httpx.Client
) -> None:
    seen = visit()
    page = opened(seen, server, parcel)
    page.locator("[data-action=edit]").click()
    edited(page, "name").fill("我的名字")
    edited(page, "remark").fill("我的备注")
    meanwhile(server, parcel, {"name": "对方的名字", "year": 2024})
    page.locator("[data-action=save]").click()
    compare = page.locator(".compare")
    expect(compare.locator(".clash")).to_have_count(1)
    expect(compare).to_contain_text("对方的名字")
    assert seen.faults(".panel-feature") == []
    seen.shot("conflict")
    compare.locator("[value=theirs]").check()
    page.get_by_role("button", name="合并保存").click()
    expect(page.locator("[data-action=edit]")).to_be_visible()
    stored = manager.get(parcel).json()["properties"]
    assert (stored["name"], stored["remark"], stored["year"]) == ("对方的名字", "我的备注", 2024)


def test_an_edit_is_kept_and_decided_later(
    visit, server: Server, parcel: str, manager: httpx.Client
) -> None:
    seen = visit()
    page = opened(seen, server, parcel)
    page.locator("[data-action=edit]").click()
    edited(page, "name").fill("外业的名字")
    meanwhile(server, parcel, {"name": "内业的名字"})
    page.locator("[data-action=save]").click()
    page.get_by_role("button", name="保留，以后再定").click()
    expect(page.locator("[data-action=edit]")).to_be_visible()
    assert manager.get(parcel).json()["properties"]["name"] == "内业的名字"
    seen.open("/#/account/conflicts")
    row = page.get_by_role("row").filter(has_text=f"#{parcel.rsplit('/', maxsplit=1)[-1]}")
    row.click()
    expect(page.locator(".compare .clash")).to_have_count(1)
    assert seen.faults(".account") == []
    seen.shot("conflict-kept")
    page.locator("[data-action=mine]").click()
    expect(page.locator(".toast")).to_contain_text("已处理")
    assert manager.get(parcel).json()["properties"]["name"] == "外业的名字"


def test_what_is_deleted_can_be_brought_back(
    visit, server: Server, parcel: str, manager: httpx.Client
) -> None:
    seen = visit()
    page = opened(seen, server, parcel)
    page.locator("[data-action=remove]").click()
    page.locator("dialog").get_by_role("button", name="删除").click()
    expect(page.locator("[data-action=restore]")).to_be_visible()
    assert manager.get(parcel).status_code == 404
    page.locator("[data-action=restore]").click()
    expect(page.locator(".panel-feature h2")).to_have_text("试验田")
    assert manager.get(parcel).status_code == 200


def photo() -> dict[str, object]:
    out = io.BytesIO()
    Image.effect_noise((640, 480), 60).convert("RGB").save(out, "JPEG")
    return {"name": "现场.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


def test_a_sample_is_taken_with_a_phone(visit, server: Server) -> None:
    """Position by the phone, what is missing is told, photo and all in one go."""
    at = {"latitude": 45.123456, "longitude": 123.654321, "accuracy": 6}
    seen = visit(PHONE, geolocation=at, permissions=["geolocation"], has_touch=True)
    page = seen.page
    seen.sign_in(server.tokens["field"])
    seen.open("/#layers=samples")
    page.get_by_role("toolbar").get_by_role("button", name="新建要素").click()
    code = f"S{secrets.token_hex(4)}"
    edited(page, "code").fill(code)
    edited(page, "depth_top_cm").fill("0")
    edited(page, "depth_bottom_cm").fill("20")
    page.locator("[data-action=create]").click()
    expect(page.locator(".edit-faults")).to_contain_text("请先给出位置")
    page.locator("[data-action=locate]").click()
    expect(page.get_by_text("误差约 6 米")).to_be_visible()
    page.locator("[data-action=create]").click()
    expect(page.locator("#edit-extract-fault")).not_to_be_empty()
    edited(page, "extract").select_option("1:5")
    page.locator(".create input[type=file]").set_input_files(photo())
    assert seen.faults(".panel-feature") == []
    seen.shot("sample")
    page.locator("[data-action=create]").click()
    picture = page.locator(".photo img")
    expect(picture).to_be_visible()
    picture.evaluate("img => img.decode()")
    seen.shot("sample-stored")
    assert [e for e in seen.errors if "422" not in e] == []
    with server.client("field") as client:
        query = {"filter": f"code = '{code}'"}
        (stored,) = client.get("/collections/samples/items", params=query).json()["features"]
        assert stored["geometry"]["coordinates"] == pytest.approx([123.654321, 45.123456])
        path = f"/collections/samples/items/{stored['id']}"
        (kept,) = client.get(f"{path}/photos").json()["photos"]
        assert client.get(kept["href"]).headers["Content-Type"] == "image/jpeg"
        tag = client.get(path).headers["ETag"]
        assert client.delete(path, headers={"If-Match": tag}).status_code == 204


def test_people_are_added_limited_and_locked_out(visit, server: Server) -> None:
    name = f"li-{secrets.token_hex(3)}"
    known = json.loads((server.data / "credentials.json").read_text())["admin"]
    seen = visit()
    page = seen.page
    seen.open("/#/account")
    page.locator(".state").get_by_role("button", name="登录").click()
    dialog = page.locator("dialog")
    dialog.locator("[name=name]").fill("admin")
    dialog.locator("[name=password]").fill(known["password"])
    dialog.locator("[type=submit]").click()
    page.get_by_role("tab", name="用户").click()
    expect(page.get_by_role("row").filter(has_text="agronomist")).to_be_visible()
    page.locator(".account").get_by_label("用户名").fill(name)
    page.get_by_label("洮北区").check()
    seen.shot("people")
    page.get_by_role("button", name="添加用户").click()
    password = page.locator("dialog .secret").input_value()
    assert len(password) >= 12
    page.get_by_role("button", name="已记下").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    assert seen.faults(".account") == []
    seen.shot("person")
    page.get_by_label("用途").fill("QGIS")
    page.get_by_role("button", name="新建令牌").click()
    token = page.locator("dialog .secret").input_value()
    page.get_by_role("button", name="已记下").click()
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=server.url, headers=headers) as own:
        me = own.get("/auth/me").json()
        assert (me["name"], me["role"], me["counties"]) == (name, "field", ["220802"])
        page.get_by_role("button", name="停用").click()
        page.locator("dialog").get_by_role("button", name="停用").click()
        expect(page.locator(".person-head")).to_contain_text("已停用")
        assert own.get("/auth/me").status_code == 401


def test_a_reader_is_offered_no_edit(visit, server: Server, parcel: str) -> None:
    seen = visit()
    seen.sign_in(server.tokens["viewer"])
    seen.open(f"/#layers=parcels&feature={feature(parcel)}&tab=feature")
    expect(seen.page.locator(".panel-feature h2")).to_have_text("试验田")
    expect(seen.page.locator("[data-action=edit], [data-action=remove]")).to_have_count(0)
    expect(seen.page.get_by_role("button", name="新建要素")).to_have_count(0)


def test_the_square_is_valid() -> None:
    """What the tests of shapes stand on."""
    assert shape(SQUARE).is_valid
