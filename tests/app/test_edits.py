"""Editing over HTTP: versions, checks, tombstones, conflicts; two editors never overwrite."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import count
from typing import Any

import httpx
import pytest

from tests.conftest import Server

_NUMBER = count(1)


def square(lon: float, lat: float, size: float = 0.002) -> dict[str, Any]:
    ring = [[lon, lat], [lon + size, lat], [lon + size, lat + size], [lon, lat + size], [lon, lat]]
    return {"type": "Polygon", "coordinates": [ring]}


def parcel(code: str | None = None, lon: float = 123.1, **more: Any) -> dict[str, Any]:
    properties = {"code": code or f"E{next(_NUMBER):05}", "county": "220882"}
    properties |= {"stage": "works", "land_class": "0102", **more}
    number = next(_NUMBER)
    geometry = square(lon + 0.01 * (number % 50), 45.4 + 0.01 * (number // 50))
    return {"type": "Feature", "properties": properties, "geometry": geometry}


@pytest.fixture
def manager(office: Server) -> httpx.Client:
    return office.client("manager")


@pytest.fixture
def make(manager: httpx.Client) -> Callable[..., tuple[str, str]]:
    """A new parcel: its address and its ETag."""

    def made(**more: Any) -> tuple[str, str]:
        answer = manager.post("/collections/parcels/items", json=parcel(**more))
        assert answer.status_code == 201, answer.text
        path = answer.headers["Location"]
        return path, manager.get(path).headers["ETag"]

    return made


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_life_of_a_feature(manager: httpx.Client) -> None:
    body = parcel(stage="works")
    made = manager.post("/collections/parcels/items", json=body, params={"reason": "测量"})
    assert made.status_code == 201, made.text
    path = made.headers["Location"]
    assert made.json()["warnings"] == []
    first = manager.get(path)
    assert first.json()["properties"]["stage"] == "works"
    assert first.json()["properties"]["area_m2"] > 10_000
    patch = {"properties": {"stage": "accepted", "year": 2024}}
    second = manager.patch(path, json=patch, headers={"If-Match": first.headers["ETag"]})
    assert second.status_code == 200, second.text
    told = second.json()["properties"]
    assert (told["stage"], told["year"], told["version"]) == ("accepted", 2024, 2)
    assert told["code"] == body["properties"]["code"]
    again = manager.get(path)
    assert again.headers["ETag"] == second.headers["ETag"] != first.headers["ETag"]
    # What was read goes back whole, computed numbers and all.
    whole = {key: again.json()[key] for key in ("type", "properties", "geometry")}
    whole["properties"]["year"] = None
    third = manager.put(path, json=whole, headers={"If-Match": again.headers["ETag"]})
    assert third.json()["properties"]["year"] is None
    assert third.json()["properties"]["stage"] == "accepted"
    gone = manager.delete(path, headers={"If-Match": third.headers["ETag"]})
    assert (gone.status_code, gone.content) == (204, b"")
    assert manager.get(path).status_code == 404
    back = manager.post(f"{path}/restore", json={})
    assert back.status_code == 200
    assert back.json()["properties"]["stage"] == "accepted"
    old = manager.post(f"{path}/restore", json={"version": 1},
                       headers={"If-Match": back.headers["ETag"]})  # fmt: skip
    assert old.json()["properties"]["stage"] == "works"
    history = manager.get(f"{path}/history").json()["versions"]
    assert [v["operation"] for v in history] == [
        "update", "insert", "delete", "update", "update", "insert",
    ]  # fmt: skip
    assert history[-1]["reason"] == "测量"
    changed = history[-2]["changes"]
    assert changed == {
        "properties": {"stage": ["works", "accepted"], "year": [None, 2024]}, "geometry": False
    }  # fmt: skip
    assert history[-3]["changes"]["properties"] == {"year": [2024, None]}


def test_versions_must_be_named(manager: httpx.Client, make: Callable[..., Any]) -> None:
    path, tag = make()
    patch = {"properties": {"year": 2020}}
    for headers in ({}, {"If-Match": "*"}):
        assert code_of(manager.patch(path, json=patch, headers=headers)) == (428, "E_IF_MATCH")
        assert code_of(manager.delete(path, headers=headers)) == (428, "E_IF_MATCH")
    good = manager.patch(path, json=patch, headers={"If-Match": tag})
    stale = manager.patch(path, json={"properties": {"year": 2021}}, headers={"If-Match": tag})
    assert code_of(stale) == (412, "E_VERSION_CONFLICT")
    assert stale.json()["current"]["properties"]["year"] == 2020
    assert stale.json()["etag"] == good.headers["ETag"] == manager.get(path).headers["ETag"]
    other, _ = make()
    foreign = manager.get(other).headers["ETag"]
    assert manager.patch(path, json=patch, headers={"If-Match": foreign}).status_code == 412
    absent = manager.patch("/collections/parcels/items/99999999", json=patch,
                           headers={"If-Match": tag})  # fmt: skip
    assert absent.status_code == 404


def test_everything_wrong_is_told_at_once(manager: httpx.Client) -> None:
    body = parcel(stage="finished?", year=1800, cod="x")
    ring = body["geometry"]["coordinates"][0]
    ring[1], ring[2] = ring[2], ring[1]  # a bow tie
    bad = manager.post("/collections/parcels/items", json=body)
    assert bad.status_code == 422
    codes = {(issue["code"], issue["where"]) for issue in bad.json()["issues"]}
    assert {("E_FIELD", "cod"), ("E_VALUE_CODE", "stage"), ("E_VALUE_RANGE", "year")} <= codes
    assert any(code == "E_INVALID" for code, _ in codes)
    english = manager.post(
        "/collections/parcels/items", json=body, headers={"Accept-Language": "en"}
    )
    assert "Do you mean code?" in english.text


@pytest.mark.parametrize(
    ("geometry", "code"),
    [
        (None, "E_GEOMETRY_NULL"),
        ({"type": "Point", "coordinates": [123, 45]}, "E_GEOMETRY_TYPE"),
        ({"type": "Polygon", "coordinates": [[[123, 45], [124, 45]]]}, "E_BODY"),
        ({"type": "Polygon", "coordinates": "no"}, "E_BODY"),
        ({"type": "Nonsense"}, "E_BODY"),
        (square(45.4, 123.1), "E_COORDINATES"),
        (square(123.1, 45.4, 1e-9), "E_MEASURE_ZERO"),
    ],
)
def test_bad_shapes_are_refused(manager: httpx.Client, geometry: Any, code: str) -> None:
    body = {**parcel(), "geometry": geometry}
    before = manager.get("/collections/parcels/items?resulttype=hits").json()["numberMatched"]
    assert code_of(manager.post("/collections/parcels/items", json=body)) == (
        400 if code == "E_BODY" else 422, code
    )  # fmt: skip
    after = manager.get("/collections/parcels/items?resulttype=hits").json()["numberMatched"]
    assert after == before


def test_several_are_created_together_or_not_at_all(manager: httpx.Client) -> None:
    good, bad = parcel(), parcel(year=1800)
    both = {"type": "FeatureCollection", "features": [good, bad]}
    assert manager.post("/collections/parcels/items", json=both).status_code == 422
    key = good["properties"]["code"]
    assert manager.get(f"/collections/parcels/items?code={key}").json()["numberMatched"] == 0
    both["features"][1] = parcel()
    made = manager.post("/collections/parcels/items", json=both)
    assert len(made.json()["ids"]) == 2
    both["features"].append(parcel(key))
    assert code_of(manager.post("/collections/parcels/items", json=both))[1] in (
        "E_KEY_DUPLICATE", "E_KEY_EXISTS",
    )  # fmt: skip


def test_a_key_belongs_to_one_feature(manager: httpx.Client, make: Callable[..., Any]) -> None:
    body = parcel()
    assert manager.post("/collections/parcels/items", json=body).status_code == 201
    taken = manager.post("/collections/parcels/items", json=parcel(body["properties"]["code"]))
    assert code_of(taken) == (422, "E_KEY_EXISTS")
    path, tag = make()
    patch = {"properties": {"code": body["properties"]["code"]}}
    assert code_of(manager.patch(path, json=patch, headers={"If-Match": tag}))[1] == "E_KEY_EXISTS"


def test_repeated_posts_create_once(manager: httpx.Client) -> None:
    body, headers = parcel(), {"Idempotency-Key": f"edit-{next(_NUMBER)}"}
    first, second = (
        manager.post("/collections/parcels/items", json=body, headers=headers) for _ in range(2)
    )
    assert first.content == second.content
    assert first.headers["Location"] == second.headers["Location"]


def test_coordinates_in_another_system(manager: httpx.Client) -> None:
    body = parcel()
    (lon, lat), *_ = body["geometry"]["coordinates"][0]
    url = "http://www.opengis.net/def/crs/EPSG/0/4490"
    body["geometry"]["coordinates"] = [[[y, x] for x, y in body["geometry"]["coordinates"][0]]]
    made = manager.post(
        "/collections/parcels/items", json=body, headers={"Content-Crs": f"<{url}>"}
    )
    stored = manager.get(made.headers["Location"]).json()["geometry"]["coordinates"][0][0]
    assert [lon, lat] in [[round(x, 9), round(y, 9)] for x, y in stored]


def test_overlaps_are_told(manager: httpx.Client, make: Callable[..., Any]) -> None:
    path, _ = make()
    there = manager.get(path).json()
    (lon, lat), *_ = there["geometry"]["coordinates"][0][0]
    body = {**parcel(), "geometry": square(lon + 0.001, lat)}
    (warning,) = manager.post("/collections/parcels/items", json=body).json()["warnings"]
    assert warning["code"] == "W_OVERLAP"
    assert warning["other"] == there["id"]
    assert warning["area_m2"] == pytest.approx(there["properties"]["area_m2"] / 2, rel=0.01)


def test_who_may_edit_what(office: Server, make: Callable[..., Any]) -> None:
    path, tag = make()
    patch = {"properties": {"year": 2020}}
    for who, status in (("viewer", 403), ("field", 403), ("agronomist", 403), (None, 401)):
        client = office.client(who)
        assert client.patch(path, json=patch, headers={"If-Match": tag}).status_code == status
    sample = {
        "type": "Feature",
        "properties": {
            "code": f"Y{next(_NUMBER)}",
            "sampled_on": "2026-05-04",
            "depth_top_cm": 0,
            "depth_bottom_cm": 20,
            "extract": "1:5",
        },
        "geometry": {"type": "Point", "coordinates": [123.1, 45.4]},
    }
    made = office.client("field").post("/collections/samples/items", json=sample)
    assert made.status_code == 201, made.text
    # A manager of one county (220882) may not touch another's, nor move a parcel there.
    county = office.client("county")
    assert county.patch(path, json=patch, headers={"If-Match": tag}).status_code == 200
    tag = county.get(path).headers["ETag"]
    moved = county.patch(path, json={"properties": {"county": "220881"}}, headers={"If-Match": tag})
    assert code_of(moved) == (403, "E_COUNTY")


def test_an_offline_edit_is_kept_and_merged(
    office: Server, manager: httpx.Client, make: Callable[..., Any]
) -> None:
    path, tag = make(stage="works", year=2020)
    theirs = {"properties": {"stage": "accepted", "year": 2021}}
    assert manager.patch(path, json=theirs, headers={"If-Match": tag}).status_code == 200
    mine = {"properties": {"stage": "completed", "township": "大赉乡"}}
    kept = manager.patch(path, json=mine, headers={"If-Match": tag},
                         params={"on_conflict": "keep", "reason": "外业"})  # fmt: skip
    assert code_of(kept) == (409, "E_CONFLICT_KEPT")
    conflict = kept.json()["conflict"]
    where = kept.headers["Location"]
    assert conflict["clashes"] == ["stage"]
    assert conflict["mine"]["properties"] == {
        "stage": ["works", "completed"], "township": [None, "大赉乡"],
    }  # fmt: skip
    assert conflict["theirs"]["properties"]["year"] == [2020, 2021]
    listed = manager.get("/conflicts").json()["conflicts"]
    assert conflict["id"] in [each["id"] for each in listed]
    # Somebody else's conflict is not there for others.
    assert office.client("field").get(where).status_code == 404
    tag = manager.get(path).headers["ETag"]
    decide = {"take": "merge"}
    open_ = manager.post(f"{where}/resolve", json=decide, headers={"If-Match": tag})
    assert code_of(open_) == (409, "E_CLASH")
    decide["choose"] = {"stage": "mine"}
    assert manager.post(f"{where}/resolve", json=decide).status_code == 428
    done = manager.post(f"{where}/resolve", json=decide, headers={"If-Match": tag})
    assert done.json()["state"] == "merged", done.text
    now = manager.get(path).json()["properties"]
    assert (now["stage"], now["township"], now["year"]) == ("completed", "大赉乡", 2021)
    twice = manager.post(f"{where}/resolve", json=decide, headers={"If-Match": tag})
    assert code_of(twice) == (409, "E_STATE")


def test_an_edit_of_a_deleted_feature_can_bring_it_back(
    manager: httpx.Client, make: Callable[..., Any]
) -> None:
    path, tag = make(year=2020)
    assert manager.delete(path, headers={"If-Match": tag}).status_code == 204
    stale = manager.patch(path, json={"properties": {"year": 2022}}, headers={"If-Match": tag})
    assert code_of(stale) == (412, "E_VERSION_CONFLICT")
    assert stale.json()["current"] is None
    kept = manager.patch(path, json={"properties": {"year": 2022}}, headers={"If-Match": tag},
                         params={"on_conflict": "keep"})  # fmt: skip
    done = manager.post(f"{kept.headers['Location']}/resolve", json={"take": "mine"})
    assert done.status_code == 200, done.text
    assert manager.get(path).json()["properties"]["year"] == 2022


def test_of_two_editors_one_wins(office: Server, make: Callable[..., Any]) -> None:
    """Races with the same ETag: always exactly one 200, and the other one hears of it."""
    path, _ = make(year=2000)
    clients = [office.client("manager"), office.client("boss")]
    for round_ in range(20):
        tag = clients[0].get(path).headers["ETag"]
        gate = threading.Barrier(2)
        found: list[int] = []

        def edit(client: httpx.Client, year: int, tag: str = tag, gate: Any = gate,
                 found: list[int] = found) -> None:  # fmt: skip
            gate.wait()
            patch = {"properties": {"year": year}}
            found.append(client.patch(path, json=patch, headers={"If-Match": tag}).status_code)

        years = (2001 + round_, 2051 + round_)
        threads = [
            threading.Thread(target=edit, args=(client, year))
            for client, year in zip(clients, years, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(found) == [200, 412]
    versions = clients[0].get(f"{path}/history").json()["versions"]
    assert len(versions) == 21
