"""Soil as agronomists use it: scenes, runs, change, series, accuracy, calibration."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
import rasterio
from affine import Affine
from playwright.sync_api import expect

from tests.browser.conftest import DESK, PHONE, Visit
from tests.browser.test_figures import well
from tests.conftest import Server, wait_job

pytestmark = pytest.mark.browser

WIDTHS = pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
BEFORE, AFTER = "s2-daan-20250503", "s2-daan-20260508"
#: Jobs wait for a busy machine; ms.
LONG = 240_000
FILTER = "district = 'DA2' AND stage = 'trial'"


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client("manager") as client:
        yield client


def made(client: httpx.Client, path: str, **question: object) -> int:
    """A run that is done."""
    answer = client.post(path, json=question)
    assert answer.status_code == 202, answer.text
    job = wait_job(client, answer.json()["job"])
    assert job["state"] == "done", job["problem"]
    return int(answer.json()["id"])


@pytest.fixture(scope="module")
def pair(client: httpx.Client) -> int:
    """The change that the test of the form has computed; computed here when that did not run."""
    for run in client.get("/soil/runs").json()["runs"]:
        if run["state"] == "done" and run["question"]["scenes"] == [BEFORE, AFTER]:
            return int(run["id"])
    graded = {"index": "si_gr", "grading": "demo-si-gr"}
    zones = {"layer": "plots", "filter": FILTER}
    return made(client, "/soil/runs", before=BEFORE, after=AFTER, zones=zones, **graded)


def start(visit, server: Server, viewport, path: str, role: str = "agronomist") -> Visit:
    seen = visit(viewport, color_scheme="dark" if viewport is PHONE else "light")
    seen.sign_in(server.tokens[role])
    seen.open(f"/#/soil{path}")
    return seen


@WIDTHS
def test_a_scene_lies_on_the_map_with_its_legend(visit, server, viewport) -> None:
    seen = start(visit, server, viewport, "")
    page = seen.page
    expect(page.locator(".scene-link")).to_have_count(2)
    page.click(".scene-link >> nth=0")
    page.get_by_label("地图上显示").select_option("si_gr")
    expect(page.locator(".ramp-marks span")).to_have_count(3)
    expect(page.locator(".picture-legend")).to_contain_text("sqrt(G*R)")
    seen.drawn()
    assert any(f"{AFTER}/tiles/" in url and "index=si_gr" in url for url in seen.requests)
    assert "show=si_gr" in page.url
    page.get_by_label("卷帘对比").select_option(BEFORE)
    expect(page.locator(".swipe-bar")).to_be_visible()
    seen.drawn()
    assert any(f"{BEFORE}/tiles/" in url for url in seen.requests)
    well(seen, "soil-scene")


def test_a_run_from_the_form_to_areas_that_close(visit, server, client) -> None:
    seen = start(visit, server, DESK, f"/runs/new?before={BEFORE}&after={AFTER}")
    page = seen.page
    page.get_by_label("条件").fill(FILTER)
    seen.shot("soil-run-form")
    page.click("[type=submit]")
    closing = page.locator(".closing")
    expect(closing).to_be_visible(timeout=LONG)
    number = int(page.url.partition("#/soil/runs/")[2].partition("?")[0])
    told = client.get(f"/soil/runs/{number}/areas?by=zone").json()["union"]
    mu = told["area_m2"] * 3 / 2000
    expect(closing).to_contain_text(f"{mu:,.0f}" if mu >= 1e4 else f"{mu:,.1f}")
    page.select_option(".soil-by select", "zone")
    expect(page.locator(".areas tbody tr")).to_have_count(
        len(client.get(f"/soil/runs/{number}/areas").json()["rows"])
    )
    with page.expect_download() as download:
        page.click("button:has-text('CSV')")
    assert download.value.suggested_filename == f"soil-areas-{number}.csv"
    seen.drawn()
    assert any(f"/soil/runs/{number}/tiles/" in url and ".png" in url for url in seen.requests)
    well(seen, "soil-run")


@WIDTHS
def test_change_is_a_matrix(visit, server, client, pair, viewport) -> None:
    told = client.get(f"/soil/runs/{pair}/change?by=counties").json()
    seen = start(visit, server, viewport, f"/runs/{pair}")
    cells = seen.page.locator(".matrix td")
    expect(cells).to_have_count(len(told["labels"]) ** 2, timeout=30_000)
    shown = [float(text.replace(",", "")) for text in cells.all_inner_texts()]
    whole = sum(sum(line.values()) for line in told["union"]["matrix"].values())
    assert sum(shown) == pytest.approx(whole * 3 / 2000, rel=0.02)
    seen.drawn()
    well(seen, "soil-change")


@WIDTHS
def test_a_plot_over_time_beside_its_samples(visit, server, client, viewport) -> None:
    filters = {"filter": "district = 'DA2'", "limit": 1}
    plot = client.get("/collections/plots/items", params=filters).json()["features"][0]
    told = client.get(f"/collections/plots/items/{plot['id']}/series?index=si_gr").json()
    seen = start(visit, server, viewport, f"/series/plots/{plot['id']}", "viewer")
    expect(seen.page.locator(".soil .detail-title")).to_have_text(plot["properties"]["name"])
    expect(seen.page.locator(".table tbody tr")).to_have_count(len(told["rows"]), timeout=30_000)
    seen_rows = [row for row in told["rows"] if row["mean"] is not None]
    expect(seen.page.locator(".line-chart").first.locator("circle")).to_have_count(len(seen_rows))
    assert told["samples"]
    expect(seen.page.locator(".line-chart").nth(1).locator("circle").first).to_be_visible()
    seen.drawn()
    well(seen, "soil-series")


@WIDTHS
def test_intervals_or_their_refusal(visit, server, viewport) -> None:
    seen = start(visit, server, viewport, "/accuracy", "viewer")
    page = seen.page
    page.click("button:has-text('示例')")
    # 480 ± 75.1 ha of saline land, of which the map shows 400.
    row = page.locator(".soil .row-chart li").first
    expect(row).to_contain_text("7,200.0 ± 1,12")
    well(seen, "soil-accuracy")
    page.select_option(".accuracy-form select >> nth=0", "purposive")
    page.click("[type=submit]")
    expect(page.locator(".notice.bad")).to_be_visible()
    expect(page.locator(".soil .row-chart")).not_to_contain_text("±")


def test_a_calibration_says_how_well_it_does(visit, server) -> None:
    seen = start(visit, server, DESK, "/calibrations/new")
    page = seen.page
    page.click("[type=submit]")
    expect(page.locator(".scatter .chart-point").first).to_be_visible(timeout=LONG)
    expect(page.locator(".formula")).to_contain_text("si_gr")
    seen.drawn()
    well(seen, "soil-calibration")


def test_a_scene_is_uploaded_and_deleted(visit, server, tmp_path) -> None:
    path = tmp_path / "小块.tif"
    numbers = np.random.default_rng(1).integers(500, 3000, (4, 32, 32), dtype=np.uint16)
    profile = {"driver": "GTiff", "width": 32, "height": 32, "count": 4, "dtype": "uint16"}
    place = {"crs": "EPSG:32651", "transform": Affine(10, 0, 540_000, 0, -10, 5_040_000)}
    with warnings.catch_warnings(), rasterio.open(path, "w", **profile, **place) as file:
        file.write(numbers)
    seen = start(visit, server, DESK, "/scenes/new", "manager")
    page = seen.page
    page.set_input_files("input[type=file]", path)
    page.get_by_label("传感器").select_option("custom")
    page.get_by_label("成像时间").fill("2024-05-01T10:30")
    page.get_by_label("比例").fill("0.0001")
    page.get_by_label("偏移").fill("0")
    page.click("[type=submit]")
    expect(page.locator(".soil .detail-title")).to_contain_text("2024年5月1日", timeout=LONG)
    page.click("button:has-text('删除')")
    page.click("dialog button:has-text('删除')")
    expect(page.locator(".scene-link")).to_have_count(2)
    assert seen.errors == []
