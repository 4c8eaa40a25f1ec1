"""Whoever is limited to counties gets the answers of the filter ``county IN (...)``, everywhere."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import ROOT, Server

MINE = "220882"


@pytest.fixture(scope="module")
def limited(server: Server) -> Iterator[httpx.Client]:
    """A manager of one county."""
    with server.client("admin") as admin:
        body = {"name": "县里的人", "role": "manager", "counties": [MINE]}
        admin.post("/people", json=body)
        made = admin.post("/people/县里的人/tokens", json={"label": "test"})
        token = made.json()["token"]
    with server.client(None, Authorization=f"Bearer {token}") as client:
        yield client


@pytest.fixture(scope="module")
def whole(server: Server) -> Iterator[httpx.Client]:
    with server.client("admin") as client:
        yield client


def _plain(content: Any) -> Any:
    """Without what tells of the question itself, and of the time."""
    if isinstance(content, dict):
        own = ("links", "filter", "definition", "timeStamp")
        return {k: _plain(v) for k, v in content.items() if k not in own}
    return [_plain(each) for each in content] if isinstance(content, list) else content


@pytest.mark.parametrize(
    "path",
    [
        "/collections/parcels/items?limit=2000&skipGeometry=true",
        "/collections/parcels/items?resulttype=hits",
        "/collections/parcels/items?sortby=-area_mu,code&limit=50&skipGeometry=true",
        "/collections/plots/items?bbox=122,44,126,46&limit=500&skipGeometry=true",
        "/collections/treatments/items?limit=1000",
        "/collections/parcels/items?as_of=30&resulttype=hits",
        "/totals?layer=parcels&by=county",
        "/totals?layer=parcels&by=stage,year",
        "/totals?layer=canals&by=county",
        "/totals?layer=plots&measure=sum",
        "/totals?layer=samples",
    ],
)
def test_json_is_that_of_the_filter(limited: httpx.Client, whole: httpx.Client, path: str) -> None:
    mine = limited.get(path)
    filtered = whole.get(f"{path}&county={MINE}")
    everything = whole.get(path)
    assert mine.status_code == filtered.status_code == 200, mine.text
    assert _plain(mine.json()) == _plain(filtered.json())
    assert _plain(mine.json()) != _plain(everything.json())


def test_tiles_are_those_of_the_filter(limited: httpx.Client, whole: httpx.Client) -> None:
    box = whole.get("/collections/parcels").json()["extent"]["spatial"]["bbox"][0]
    seen = 0
    for z in (5, 8, 12):
        x, y = _tile((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, z)
        for kind in ("geojson", "mvt"):
            path = f"/tiles/parcels/{z}/{x}/{y}.{kind}"
            for _ in range(2):  # drawn, then kept
                mine, everything = limited.get(path), whole.get(path)
                assert mine.content == whole.get(f"{path}?county={MINE}").content
                seen += mine.content != everything.content
            assert mine.headers["cache-control"].startswith("private")
            assert mine.headers["etag"] != everything.headers["etag"]
            known = {"If-None-Match": mine.headers["etag"]}
            assert limited.get(path, headers=known).status_code == 304
            assert whole.get(path, headers=known).status_code != 304
            row = f"/collections/parcels/tiles/WebMercatorQuad/{z}/{y}/{x}?f={kind}"
            assert limited.get(row).content == mine.content
    assert seen


def _tile(lon: float, lat: float, z: int) -> tuple[int, int]:
    from math import asinh, pi, radians, tan

    size = 1 << z
    return int((lon + 180) / 360 * size), int((1 - asinh(tan(radians(lat))) / pi) / 2 * size)


def test_downloads_hold_nothing_else(limited: httpx.Client, whole: httpx.Client) -> None:
    for form in ("csv", "landtxt"):
        path = f"/collections/parcels/items?f={form}"
        filtered = whole.get(f"{path}&county={MINE}")
        assert limited.get(path).content == filtered.content
    assert (
        limited.get("/collections/parcels/items?download=true").content
        == whole.get(f"/collections/parcels/items?download=true&county={MINE}").content
    )


def test_features_of_other_counties_do_not_exist(
    limited: httpx.Client, whole: httpx.Client
) -> None:
    def first(condition: str) -> int:
        query = {"limit": 1, "filter": condition}
        found = whole.get("/collections/parcels/items", params=query).json()
        return int(found["features"][0]["id"])

    mine, other = first(f"county = '{MINE}'"), first(f"county <> '{MINE}'")
    for path in ("", "/history"):
        assert limited.get(f"/collections/parcels/items/{mine}{path}").status_code == 200
        assert limited.get(f"/collections/parcels/items/{other}{path}").status_code == 404
    never = limited.get(f"/collections/parcels/items/{2**40}").json()
    hidden = limited.get(f"/collections/parcels/items/{other}").json()
    assert never["code"] == hidden["code"] == "E_NOT_FOUND"
    assert limited.get("/totals?layer=parcels&within=counties:220881").status_code == 404


def test_layers_tell_of_their_counties_alone(limited: httpx.Client, whole: httpx.Client) -> None:
    mine, everything = (c.get("/collections/parcels").json() for c in (limited, whole))
    hits = limited.get("/collections/parcels/items?resulttype=hits").json()["numberMatched"]
    assert mine["liangtian"]["count"] == hits < everything["liangtian"]["count"]
    assert mine["extent"] != everything["extent"]
    assert limited.get("/collections/counties/items").json()["numberMatched"] == 1


def test_targets_and_questions_count_their_counties_alone(
    limited: httpx.Client, whole: httpx.Client
) -> None:
    mine = limited.get("/targets/hsf_total?months=0").json()
    everything = whole.get("/targets/hsf_total?months=0").json()
    assert [each["code"] for each in mine["counties"]] == [MINE]
    share = next(each for each in everything["counties"] if each["code"] == MINE)
    assert mine["current"] == pytest.approx(share["current"], rel=1e-3)
    codes = {each["code"] for each in everything["counties"]}
    for name in ("hsf-progress", "inputs"):
        tables = limited.get(f"/questions/{name}").json()["tables"]
        cells = {v for t in tables for row in t["rows"] for v in row.values() if isinstance(v, str)}
        assert cells & codes <= {MINE}, name


def test_what_cannot_be_told_apart_is_refused(limited: httpx.Client) -> None:
    for path in ("/audit", "/audit/verify", "/seals", "/seals/1", "/seals/1/verify"):
        answer = limited.get(path)
        assert (answer.status_code, answer.json()["code"]) == (403, "E_COUNTY"), path


def test_uploads_and_jobs_of_others_do_not_exist(
    server: Server, limited: httpx.Client, whole: httpx.Client
) -> None:
    with server.client("field") as field:
        made = field.post("/uploads?layer=plots&filename=a.geojson", content=b"{}")
    assert made.status_code in (200, 202)
    number, job = made.json()["id"], made.json()["job"]
    assert whole.get(f"/uploads/{number}").status_code == 200
    assert limited.get(f"/uploads/{number}").status_code == 404
    assert limited.get(f"/jobs/{job}").status_code == 404
    assert limited.get("/uploads").json()["uploads"] == []


@pytest.mark.unit
def test_addresses_take_their_views_from_sight() -> None:
    """A view taken past `app.sight` would show every county to everybody."""
    found = []
    for path in sorted((ROOT / "app" / "api").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in ("view", "total"):
                owner = ast.unparse(node.value)
                if owner.endswith((".snapshots", ".totals")):
                    found.append(f"{Path(path).name}:{node.lineno} {owner}.{node.attr}")
    # A seal is of the whole, and is refused to whoever is limited.
    assert [each for each in found if not each.startswith("seals.py")] == []
