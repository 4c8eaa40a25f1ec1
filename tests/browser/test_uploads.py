"""Uploads in the browser: from drop to commit and undo, faults, decisions, a lost connection."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from playwright.sync_api import Route, expect
from shapely.geometry import shape

from tests.browser.conftest import DESK, PHONE, Visit
from tests.conftest import Server
from tests.files import shapefile_zip, squares

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

#: A look at a file starts processes of its own, and the machine may be busy.
SLOW = 240_000
#: Drops a file on an element, as a person does.
DROP = """([element, name, content]) => {
    const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name, { lastModified: 1 }));
    const event = { dataTransfer: transfer, bubbles: true, cancelable: true };
    element.dispatchEvent(new DragEvent("drop", event));
}"""


def plots(server: Server, count: int) -> list[dict[str, Any]]:
    with server.client("viewer") as client:
        answer = client.get("/collections/plots/items", params={"limit": count, "county": "220882"})
    return answer.json()["features"]


def columns(codes: list[str], names: list[str]) -> dict[str, list]:
    return {"地块编号": codes, "地块名称": names, "县区": ["220882"] * len(codes),
            "阶段": ["储备"] * len(codes)}  # fmt: skip


def start(
    visit, server: Server, viewport: dict[str, int], role: str = "manager", **options: object
) -> Visit:
    seen = visit(viewport, **options)
    seen.sign_in(server.tokens[role])
    seen.open("/#/uploads")
    seen.page.locator("[data-field=layer]").select_option("plots", timeout=20_000)
    return seen


def settled(seen: Visit, state: str) -> None:
    standing = seen.page.locator(".standing")
    expect(standing).to_have_attribute("data-state", state, timeout=SLOW)


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_a_gbk_shapefile_without_prj_from_drop_to_commit_and_undo(
    visit, server: Server, tmp_path: Path, viewport: dict[str, int]
) -> None:
    known, near = plots(server, 2)
    corner = shape(near["geometry"]).bounds[:2]
    shapes = np.array([
        shape(known["geometry"]).geoms[0],
        *squares(2, 123.95, 45.45),
        shapely.box(corner[0] - 0.001, corner[1] - 0.001, corner[0] + 0.001, corner[1] + 0.001),
    ])  # fmt: skip
    code = known["properties"]["code"]
    content = shapefile_zip(
        tmp_path,
        columns(
            [code, "测-1", "测-2", "测-3"], ["改过的名字", "<img src=x onerror=a()>", "丙", "丁"]
        ),
        shapes,
        leave_out=(".prj", ".cpg"),
    )
    seen = start(visit, server, viewport)
    page = seen.page
    where = page.locator(".file-drop").element_handle()
    page.evaluate(DROP, [where, "大安地块.zip", base64.b64encode(content).decode()])

    settled(seen, "needs_input")
    found = page.locator("[data-finding=encoding]")
    expect(found).to_contain_text("GB18030")
    expect(found).to_contain_text("改过的名字")
    expect(page.locator("[data-column=地块编号] select")).to_have_value("code")
    best = page.locator(".candidate").first
    expect(best).to_contain_text("EPSG:4529")
    expect(best).to_contain_text("大安市 100%")
    best.click()
    seen.drawn()
    assert seen.faults() == []
    seen.shot("upload-crs")
    page.click("[data-action=inspect]")

    settled(seen, "ready")
    expect(page.locator("[data-status=new] .status-count")).to_have_text("3")
    expect(page.locator("[data-status=changed] .status-count")).to_have_text("1")
    overlaps = page.locator("[data-overlaps=stored]")
    expect(overlaps).to_contain_text(re.compile(r"重叠 \d+ 处[\d.,]+ 亩"))
    expect(page.locator(".upload-rows")).to_contain_text("<img src=x onerror=a()>")
    page.click("[data-status=changed]")
    page.locator(".upload-rows summary").first.click()
    before = page.locator(".row-body tr", has_text="地块名称")
    expect(before).to_contain_text(known["properties"]["name"])
    expect(before).to_contain_text("改过的名字")
    seen.drawn()
    assert seen.faults() == []
    seen.shot("upload-difference")

    page.click("[data-action=commit]")
    settled(seen, "committed")
    fid = known["id"]
    with server.client("viewer") as client:
        address = f"/collections/plots/items/{fid}"
        assert client.get(address).json()["properties"]["name"] == "改过的名字"
        page.click("[data-action=revert]")
        page.locator("dialog .danger").click()
        settled(seen, "reverted")
        assert client.get(address).json()["properties"]["name"] == known["properties"]["name"]
        added = client.get("/collections/plots/items", params={"code": "测-1"}).json()
        assert added["features"] == []
    assert seen.errors == []
    assert seen.strangers == []


def test_faults_stand_in_a_list_and_on_the_map_and_a_decision_solves_one(
    visit, server: Server, tmp_path: Path
) -> None:
    """On a phone. The parts of a shapefile are picked one by one and sent as one archive."""
    bow = [(123.952, 45.44), (123.954, 45.442), (123.954, 45.44), (123.952, 45.442)]
    shapes = np.array([squares(1, 123.95, 45.44)[0], shapely.Polygon(bow)])
    data = columns(["测-8", "测-9"], ["好的", "打结的"]) | {"阶段": ["储备", "不知道"]}
    shapefile_zip(tmp_path, data, shapes, crs="EPSG:4490", encoding="GBK", name="有错")
    seen = start(visit, server, PHONE, color_scheme="dark")
    page = seen.page
    parts = [tmp_path / f"有错{part}" for part in (".shp", ".shx", ".dbf", ".prj")]
    page.set_input_files("input[type=file]", parts[:1])
    expect(page.locator(".toast.failed")).to_contain_text(".shx .dbf")
    page.set_input_files("input[type=file]", parts)

    settled(seen, "needs_input")
    expect(page.locator(".upload-head")).to_contain_text("有错.zip")
    crossing = page.locator("[data-code=E_INVALID]")
    expect(crossing).to_contain_text("自相交")
    expect(page.locator("[data-code=E_VALUE_CODE]")).to_contain_text("不知道")
    crossing.locator("[data-fault]").first.click()
    expect(crossing.locator("[aria-current]")).to_have_count(1)
    seen.drawn()
    middle = page.evaluate("location.hash.match(/map=([\\d.]+)\\/([\\d.]+)\\/([\\d.]+)/).slice(1)")
    assert [float(value) for value in middle[1:]] == pytest.approx([45.441, 123.953], abs=1e-3)
    assert seen.faults() == []
    seen.shot("upload-faults")

    crossing.locator("[data-decide=repair]").click()
    page.locator("[data-field=repair]").check()
    assert page.evaluate("document.documentElement.scrollTop") == 0, "the header is gone"
    page.locator("[data-column=阶段] select").select_option("")
    page.locator("[data-constant=stage]").select_option("reserve")
    page.click("[data-action=inspect]")
    settled(seen, "ready")
    expect(page.locator("[data-status=new] .status-count")).to_have_text("2")
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"], "the page is wider than the screen"
    assert seen.faults() == []
    seen.drawn()
    seen.shot("upload-ready")
    page.click("[data-action=discard]")
    page.locator("dialog .danger").click()
    expect(page.locator(".upload-list li").first).to_contain_text("已放弃")
    seen.shot("uploads")
    assert seen.errors == []


def test_an_upload_is_paused_and_goes_on_after_a_lost_connection(visit, server: Server) -> None:
    seen = start(visit, server, PHONE)
    page = seen.page
    offsets: list[int] = []

    def patch(route: Route) -> None:
        if route.request.method != "PATCH":
            return route.continue_()
        offsets.append(int(route.request.headers["upload-offset"]))
        if len(offsets) == 2:
            return None  # on its way until somebody pauses
        return route.abort("connectionreset") if len(offsets) == 3 else route.continue_()

    page.route(re.compile(r"/uploads/tus/\w+$"), patch)
    junk = np.random.default_rng(7).bytes(9 * 2**20)
    page.set_input_files(
        "input[type=file]",
        {"name": "九兆.zip", "mimeType": "application/zip", "buffer": junk},
    )
    moving = page.locator(".transfer")
    while len(offsets) < 2:
        page.wait_for_timeout(50)
    page.get_by_role("button", name="暂停").click()
    expect(moving).to_contain_text("已暂停")
    page.get_by_role("button", name="继续").click()
    expect(moving).to_have_attribute("data-state", "waiting")
    expect(moving).to_contain_text("连接中断")
    seen.shot("upload-waiting")
    # It goes on by itself, from where it was.
    settled(seen, "rejected")
    chunk = 4 * 2**20
    assert offsets == [0, chunk, chunk, chunk, 2 * chunk]
    expect(page.locator("[data-code=E_TYPE]")).to_be_visible()


def test_replacing_says_what_it_would_delete_and_who_may_commit(
    visit, server: Server, tmp_path: Path
) -> None:
    seen = start(visit, server, DESK, role="field")
    page = seen.page
    data = columns(["测-20", "测-21"], ["甲", "乙"])
    content = shapefile_zip(tmp_path, data, squares(2, 123.95, 45.47), crs="EPSG:4490")
    files = {"name": "替换.zip", "mimeType": "application/zip", "buffer": content}
    page.set_input_files("input[type=file]", files)
    settled(seen, "ready")
    page.click("[data-tab=understood]")
    rules = page.locator("[data-finding=rules]")
    rules.locator("summary").click()
    rules.get_by_role("button", name="替换").click()
    page.click("[data-action=inspect]")
    settled(seen, "ready")
    with server.client("viewer") as client:
        query = {"county": "220882", "resulttype": "hits"}
        stored = client.get("/collections/plots/items", params=query).json()["numberMatched"]
    expect(page.locator(".standing")).to_contain_text(f"并删除文件中没有的 {stored} 个")
    page.click("[data-tab=rows]")
    expect(page.locator("[data-status=absent] .status-count")).to_have_text(str(stored))
    assert seen.faults() == []

    page.click("[data-action=commit]")
    expect(page.locator("dialog[open]")).to_contain_text(f"入库并删除 {stored} 个？")
    page.locator("dialog .danger").click()
    expect(page.locator(".toast.failed")).to_contain_text("不能向“盐碱地治理地块”入库")
    seen.shot("upload-forbidden")
    page.reload()
    settled(seen, "ready")
    with server.client("viewer") as client:
        left = client.get("/collections/plots/items", params=query).json()["numberMatched"]
    assert left == stored
