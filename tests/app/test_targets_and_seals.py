"""Targets and sealed figures over HTTP, on the demonstration data."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from tests.conftest import Server


def test_every_target_tells_where_it_stands(server: Server) -> None:
    with server.client() as client:
        found = client.get("/targets").json()["targets"]
    by_id = {each["id"]: each for each in found}
    assert by_id["hsf_total"]["value"] == 761.0
    assert by_id["hsf_total"]["due"] == "2025-12-31"
    for each in found:
        assert each["definition"]["zh"]
        assert each["definition"]["en"]
        assert each["source"]
        assert each["scope"]
        if each["current"] is None:
            assert each["gap"] is None
            continue
        if each["value"] is not None:
            assert each["gap"] == pytest.approx(each["value"] - each["current"])
        parts = each.get("stages") or each["counties"]
        if "stages" in each:
            parts = [part for part in parts if part["code"] in each["done"]]
        assert sum(part["current"] for part in parts) == pytest.approx(each["current"], rel=1e-12)
    assert {"title": "大安市", "code": "220882"}.items() <= by_id["hsf_total"]["counties"][
        -1
    ].items()
    assert by_id["residential_green"]["current"] is None


def test_the_figure_of_a_target_is_the_total_of_its_question(server: Server) -> None:
    with server.client() as client:
        target = client.get("/targets/hsf_total").json()
        asked = {"layer": target["layer"], "filter": target["filter"]}
        total = client.get("/totals", params=asked).json()
    assert total["total"]["area_mu"] / 1e4 == pytest.approx(target["current"], rel=1e-12)
    assert target["trend"][-1]["current"] == pytest.approx(target["current"], rel=1e-12)
    revisions = [point["revision"] for point in target["trend"]]
    assert revisions == sorted(revisions)
    assert 3 < len(revisions) <= 12


def test_targets_as_they_were(server: Server) -> None:
    with server.client() as client:
        first = client.get("/targets", params={"as_of": "0"}).json()
        assert first["revision"] == 0
        assert all(not each["current"] for each in first["targets"])
        assert client.get("/targets/nothing").status_code == 404
        now = client.get("/targets")
        etag = {"If-None-Match": now.headers["etag"]}
        assert client.get("/targets", headers=etag).status_code == 304


def seal(client: httpx.Client, **body: object) -> httpx.Response:
    return client.post("/seals", json={"title": "月报", "layer": "parcels", **body})


def test_a_seal_verifies_and_names_its_inputs(server: Server) -> None:
    with server.client("manager") as client:
        made = seal(client, by="county,stage", filter="year >= 2023")
        assert made.status_code == 201, made.text
        body = made.json()
        assert made.headers["location"] == f"/seals/{body['id']}"
        found = client.get(f"/seals/{body['id']}").json()
        assert found["by"] == "manager"
        assert found["document"]["question"]["filters"] == {"parcels": "year >= 2023"}
        verdict = client.get(f"/seals/{body['id']}/verify").json()
        assert verdict["ok"] is True
        assert verdict["recomputed"] == verdict["sealed"] == found["document"]["result"]
        assert verdict["changed_inputs"] == verdict["changed_since"] == []
        listed = client.get("/seals").json()["seals"]
        assert listed[0]["id"] == body["id"]
        total = client.get(
            "/totals", params={"layer": "parcels", "by": "county,stage", "filter": "year >= 2023"}
        ).json()
        assert total["total"]["area_m2"] * 1e6 == pytest.approx(body["total"]["units"], rel=1e-12)


def test_a_repeated_sealing_has_one_effect(server: Server) -> None:
    key = {"Idempotency-Key": "seal-once"}
    body = {"title": "一次", "layer": "plots", "by": "county"}
    with server.client("manager") as client:
        answers = [client.post("/seals", json=body, headers=key).json() for _ in range(3)]
    assert len({answer["id"] for answer in answers}) == 1


def test_a_falsified_file_is_found(server: Server) -> None:
    with server.client("manager") as client:
        body = seal(client, layer="districts", title="灌区").json()
        path = next(Path(server.data / "blobs").rglob(body["document"]))
        whole = path.read_bytes()
        document = json.loads(whole)
        document["result"]["total"]["units"] += 1
        path.write_bytes(json.dumps(document).encode())
        try:
            refused = client.get(f"/seals/{body['id']}/verify")
            assert refused.status_code == 409
            assert refused.json()["code"] == "E_SEAL"
        finally:
            path.write_bytes(whole)
        assert client.get(f"/seals/{body['id']}/verify").json()["ok"] is True


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"layer": "nothing"}, 404, "E_NOT_FOUND"),
        ({"by": "nothing"}, 400, "E_PARAMETER"),
        ({"filter": "year >"}, 400, "E_FILTER"),
        ({"title": ""}, 400, "E_BODY"),
        ({"as_of": "999999"}, 400, "E_AS_OF"),
        ({"colour": "red"}, 400, "E_BODY"),
    ],
)
def test_what_cannot_be_sealed_is_refused(
    server: Server, body: dict, status: int, code: str
) -> None:
    with server.client("manager") as client:
        answer = seal(client, **body)
        assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_sealing_needs_a_manager_and_a_seal_must_exist(server: Server) -> None:
    with server.client("agronomist") as client:
        assert seal(client).status_code == 403
    with server.client() as client:
        assert seal(client).status_code == 401
        for number in (1, 10**9):  # the first row of the log is a commit, not a seal
            assert client.get(f"/seals/{number}").status_code == 404
            assert client.get(f"/seals/{number}/verify").status_code == 404
