"""Runs over HTTP: one scene and two, groups, drawn zones, files, and what is refused."""

from __future__ import annotations

import io
from collections.abc import Iterator

import httpx
import pytest
from python_calamine import CalamineWorkbook

from tests.conftest import Server, wait_job

BEFORE, AFTER = "s2-daan-20250503", "s2-daan-20260508"
QUESTION = {
    "index": "si_gr",
    "grading": "demo-si-gr",
    "zones": {"layer": "plots", "filter": "district = 'DA2'"},
}


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client("agronomist") as client:
        yield client


def started(client: httpx.Client, **question: object) -> int:
    answer = client.post("/soil/runs", json=QUESTION | question)
    assert answer.status_code == 202, answer.text
    job = wait_job(client, answer.json()["job"])
    assert job["state"] == "done", job["problem"]
    return answer.json()["id"]


@pytest.fixture(scope="module")
def pair(client: httpx.Client) -> int:
    return started(client, before=BEFORE, after=AFTER)


def closes(row: dict) -> None:
    parts = sum(row["grades"].values()) + row["masked_m2"] + row["outside_m2"]
    assert parts == pytest.approx(row["area_m2"], rel=1e-9)
    assert sum(row["masked"].values()) == pytest.approx(row["masked_m2"], rel=1e-9, abs=1e-6)
    assert (row["status"] == "not_observed") == (row["grades"] == {})


@pytest.mark.parametrize("by", ["zone", "county", "districts", "counties", "stage"])
def test_groups_close_and_add_up(client: httpx.Client, pair: int, by: str) -> None:
    found = client.get(f"/soil/runs/{pair}/areas", params={"by": by}).json()
    for row in found["rows"]:
        closes(row)
        closes(row | row["before"])
    for which in ("sum", "union"):
        closes(found[which])
    added = sum(row["area_m2"] for row in found["rows"])
    assert added == pytest.approx(found["sum"]["area_m2"], rel=1e-7)
    assert found["scenes"] == [BEFORE, AFTER]
    assert found["measure"] == {"index": "si_gr"}
    moved = client.get(f"/soil/runs/{pair}/change", params={"by": by}).json()
    assert [row["group"] for row in moved["rows"]] == [row["group"] for row in found["rows"]]
    for row in [*moved["rows"], moved["sum"], moved["union"]]:
        told = row["improved_m2"] + row["worsened_m2"] + row["stable_m2"] + row["unobserved_m2"]
        assert told == pytest.approx(row["area_m2"], rel=1e-9)
        matrix = sum(m2 for line in row["matrix"].values() for m2 in line.values())
        assert matrix == pytest.approx(row["observed_m2"], rel=1e-9)
    # The demonstration's plots get better from year to year.
    assert moved["union"]["improved_m2"] > moved["union"]["worsened_m2"]
    assert moved["warnings"] == []


def test_files(client: httpx.Client, pair: int) -> None:
    for what in ("areas", "change"):
        rows = client.get(f"/soil/runs/{pair}/{what}?by=county").json()["rows"]
        sheet = client.get(f"/soil/runs/{pair}/{what}?by=county&f=xlsx")
        book = CalamineWorkbook.from_filelike(io.BytesIO(sheet.content))
        values = book.get_sheet_by_index(0).to_python()
        assert any(row[0] == rows[0]["group"] for row in values)
        text = client.get(f"/soil/runs/{pair}/{what}?by=county&f=csv").content.decode("utf-8-sig")
        assert len(text.splitlines()) == len(rows) + 1


def test_drawn_zones_and_what_nobody_saw(client: httpx.Client) -> None:
    item = client.get("/collections/plots/items?district=DA2&limit=1").json()["features"][0]
    away = {"type": "Polygon", "coordinates": [[[1, 1], [1.01, 1], [1.01, 1.01], [1, 1]]]}
    features = [
        {"type": "Feature", "id": "here", "geometry": item["geometry"], "properties": {"k": "甲"}},
        {"type": "Feature", "geometry": away, "properties": {}},
    ]
    drawn = {"geometries": {"type": "FeatureCollection", "features": features}}
    run = started(client, scene=AFTER, zones=drawn)
    here, there = client.get(f"/soil/runs/{run}/areas").json()["rows"]
    assert (here["group"], there["group"]) == ("here", "2")
    assert here["area_m2"] == pytest.approx(item["properties"]["area_m2"], rel=1e-6)
    assert there["status"] == "not_observed"
    assert there["grades"] == {}
    assert there["outside_m2"] == there["area_m2"] > 0
    groups = client.get(f"/soil/runs/{run}/areas?by=k").json()["rows"]
    assert [row["group"] for row in groups] == ["甲", None]
    assert client.get(f"/soil/runs/{run}/change").json()["code"] == "E_STATE"


def test_series_joins_samples(client: httpx.Client) -> None:
    sample = client.get("/collections/samples/items?limit=1&filter=plot_code IS NOT NULL").json()
    code = sample["features"][0]["properties"]["plot_code"]
    found = client.get("/collections/plots/items", params={"filter": f"code = '{code}'"}).json()
    url = f"/collections/plots/items/{found['features'][0]['id']}/series"
    first = client.get(url, params={"index": "si_gr"})
    series = first.json()
    assert series["samples"]
    assert {each["plot_code"] for each in series["samples"] if "plot_code" in each} <= {code}
    assert [each["date"] for each in series["samples"]] == sorted(
        each["date"] for each in series["samples"]
    )
    for row in series["rows"]:
        assert (row["mean"] is None) == (row["status"] == "not_observed")
        assert 0 <= row["observed_share"] <= 1
    again = client.get(
        url, params={"index": "si_gr"}, headers={"If-None-Match": first.headers["etag"]}
    )
    assert again.status_code == 304
    assert client.get(url, params={"index": "NDSI"}).json()["code"] == "E_INDEX"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, "E_BODY"),
        ({"scene": AFTER, "before": BEFORE}, "E_BODY"),
        ({"before": BEFORE}, "E_BODY"),
        ({"before": AFTER, "after": BEFORE}, "E_SCENE_ORDER"),
        ({"scene": AFTER, "index": None}, "E_MEASURE"),
        ({"scene": AFTER, "index": "mndvi"}, "E_INDEX"),
        ({"scene": AFTER, "grading": "ph-a"}, "E_GRADING_INDICATOR"),
        ({"scene": AFTER, "zones": {}}, "E_BODY"),
        ({"scene": AFTER, "zones": {"layer": "samples"}}, "E_ZONE_TYPE"),
        ({"scene": AFTER, "splits": ["samples"]}, "E_ZONE_TYPE"),
        ({"scene": AFTER, "zones": {"geometries": {"features": [{"geometry": None}]}}},
         "E_ZONE_TYPE"),
        ({"scene": AFTER, "zones": {"geometries": {"features": []}}}, "E_ZONE_COUNT"),
        ({"scene": AFTER, "masks": ["moon"]}, "E_MASK"),
    ],
)  # fmt: skip
def test_refused(client: httpx.Client, change: dict, code: str) -> None:
    answer = client.post("/soil/runs", json=QUESTION | change)
    assert answer.status_code >= 400
    assert answer.json()["code"] == code, answer.json()


def test_no_such_group(client: httpx.Client, pair: int) -> None:
    answer = client.get(f"/soil/runs/{pair}/areas?by=moon")
    assert (answer.status_code, answer.json()["code"]) == (400, "E_PARAMETER")
    assert "districts" in answer.json()["fix"]


def test_runs_are_listed_newest_first(client: httpx.Client, pair: int) -> None:
    found = client.get("/soil/runs").json()["runs"]
    ids = [each["id"] for each in found]
    assert pair in ids
    assert ids == sorted(ids, reverse=True)
    mine = next(each for each in found if each["id"] == pair)
    assert mine["question"]["scenes"] == [BEFORE, AFTER]
    assert mine["state"] == "done"
