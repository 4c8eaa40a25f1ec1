"""What a tile's address answers: validators, codings, keeping, and the same on both paths."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import brotli
import numpy as np
import pytest

from geo.crs import gcj02
from geo.record.protocol import Author
from tests.app.tiles.conftest import SIDE, Service, square
from tests.geo.tiles.mvt_decoder import decode

pytestmark = pytest.mark.unit
OWN = ("x-request-id", "x-cache", "content-length")


def both(service: Service, url: str, headers: dict[str, str]) -> tuple[int, dict, bytes]:
    """Ask the thin path and the declared route (``lang`` is not the thin path's); compare."""
    more = "&" if "?" in url else "?"
    answers = [service.client.get(u, headers=headers) for u in (url, f"{url}{more}lang=zh")]
    thin, declared = [
        (a.status_code, {k: v for k, v in a.headers.items() if k not in OWN}, a.content)
        for a in answers
    ]
    assert thin == declared, url
    return thin


def test_both_paths_answer_alike(serve: Callable[..., Service]):
    """Hundreds of requests: found, empty, unchanged, coded, versioned, refused, misspelt."""
    service = serve(public_read=False)
    people = service.state.people
    people.put("v", "viewer", "secret", Author("t", "t"))
    token = people.issue_token("v", Author("t", "t"))
    rng = random.Random(5)
    tags: list[str] = []
    seen: set[int] = set()
    for _ in range(400):
        number = rng.randrange(SIDE * SIDE + 60)  # some places hold nothing
        z = rng.choice([0, 3, 9, 12, 13, 14, 18, 22, 23])
        x, y = service.tile(number, min(z, 22))
        place = rng.choice([f"{z}/{x}/{y}"] * 9 + [f"{z}/{2**z}/{y}", f"{z}/-1/{y}", f"{z}/a/{y}"])
        layer = rng.choice(["plots"] * 8 + ["inspections", "nothing"])
        kind = rng.choice(["mvt"] * 4 + ["geojson"] * 3 + ["png"])
        query = rng.choice(
            ["", "", "", "?v=1", "?v=9", "?v=", "?properties=name,code", "?properties=nothing",
             "?properties=", "?v=1&properties=county", "?nonsense=1", "?v=1&v=2", "?f=mvt",
             f"?v={'1' * 60}", "?properties=%E5%90%8D", "?v=%ff"]
        )  # fmt: skip
        headers = {"Accept-Encoding": rng.choice(["identity", "gzip", "br", "gzip, br;q=0.2"])}
        who = rng.choice(["good"] * 8 + ["nobody", "wrong"])
        if who != "nobody":
            headers["Authorization"] = f"Bearer {token if who == 'good' else 'lt_wrong'}"
        if tags and rng.random() < 0.3:
            headers["If-None-Match"] = rng.choice([*tags[-4:], "*", '"other", W/' + tags[-1]])
        status, found, _ = both(service, f"/tiles/{layer}/{place}.{kind}{query}", headers)
        seen.add(status)
        if "etag" in found:
            tags.append(found["etag"])
        if status >= 400:
            assert found["cache-control"] == "no-store"
        else:
            assert found["cache-control"].startswith("private, ")
            assert found["vary"] == "Accept-Encoding, Authorization, Cookie"
    assert seen == {200, 204, 304, 400, 401, 404}


def test_a_vector_tile_and_its_validator(service: Service):
    url = service.url(0, 11)
    answer = service.client.get(url)
    features = decode(answer.content)["plots"]["features"]
    assert {f["id"] for f in features} >= {1}
    tag = answer.headers["etag"]
    assert service.client.get(url, headers={"If-None-Match": tag}).status_code == 304
    assert service.client.get(url, headers={"If-None-Match": '"x"'}).status_code == 200
    # The same question in another coding has another strong validator; both are good for 304.
    coded = service.client.get(url, headers={"Accept-Encoding": "br"})
    assert coded.headers["content-encoding"] == "br"
    assert coded.content == answer.content
    assert coded.headers["etag"] != tag
    for each in (tag, coded.headers["etag"], f"W/{tag}"):
        for coding in ("identity", "br"):
            asked = {"If-None-Match": each, "Accept-Encoding": coding}
            again = service.client.get(url, headers=asked)
            assert again.status_code == 304
            assert again.content == b""
            assert again.headers["etag"] == tag
    # Other questions have other validators.
    others = [f"{url}?properties=code", url.replace("mvt", "geojson")]
    tags = [service.client.get(u).headers["etag"] for u in others]
    assert len({tag, *tags}) == 3
    head = service.client.head(url)
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["etag"] == tag


def test_the_cache_keeps_coded_bodies(service: Service):
    url = service.url(SIDE * 10, 12)
    first = service.client.get(url, headers={"Accept-Encoding": "br"})
    assert first.headers["x-cache"] == "miss"
    kept = next(iter(service.state.tiles.cache._kept.values()))
    assert kept.coding == "br"
    assert brotli.decompress(kept.body) == first.content
    assert service.client.get(url, headers={"Accept-Encoding": "br"}).headers["x-cache"] == "hit"
    for coding in ("gzip", "identity"):
        other = service.client.get(url, headers={"Accept-Encoding": coding})
        assert other.headers["x-cache"] == "recoded"  # not drawn again
        assert other.content == first.content
        again = service.client.get(url, headers={"Accept-Encoding": coding})
        assert again.headers["x-cache"] == "hit"


def test_empty_tiles(service: Service):
    away = "/tiles/plots/14/0/0"
    empty = service.client.get(f"{away}.mvt")
    assert empty.status_code == 204
    assert empty.content == b""
    assert "content-type" not in empty.headers
    tag = empty.headers["etag"]
    assert service.client.get(f"{away}.mvt", headers={"If-None-Match": tag}).status_code == 304
    answer = service.client.get(f"{away}.geojson")
    assert answer.json() == {"type": "FeatureCollection", "features": []}


def test_what_may_be_kept(serve: Callable[..., Service]):
    """Only an address with the revision that it shows, publicly only what anybody may read."""
    service = serve()
    url = service.url(0)
    forever = "max-age=31536000, immutable"

    def kept(query: str) -> str:
        return service.client.get(url + query).headers["cache-control"]

    assert kept("") == "no-cache"
    assert kept("?v=1") == f"public, {forever}"
    service.edit(399, "far away")
    assert kept("?v=1") == "no-cache"  # stale: the answer is the current one
    assert kept("?v=3") == "no-cache"  # not there yet
    assert kept("?v=2") == f"public, {forever}"
    assert kept("?v=2&as_of=2") == f"public, {forever}"
    assert kept("?v=1&as_of=1") == f"public, {forever}"
    assert kept("?v=2&as_of=2999-01-01") == "no-cache"  # will show what is still to come
    refused = service.client.get(url + "?v=2&properties=nothing")
    assert refused.status_code == 400
    assert refused.headers["cache-control"] == "no-store"
    closed = serve(service.state.settings.data, public_read=False)
    assert closed.client.get(url + "?v=2").status_code == 401
    people = closed.state.people
    people.put("v", "viewer", "secret", Author("t", "t"))
    token = people.issue_token("v", Author("t", "t"))
    asked = {"Authorization": f"Bearer {token}"}
    answer = closed.client.get(url + "?v=2", headers=asked)
    assert answer.headers["cache-control"] == f"private, {forever}"
    assert closed.client.get(url, headers=asked).headers["cache-control"] == "private, no-cache"


def test_filters_and_the_past(service: Service):
    url = service.url(210, 12, "geojson")
    every = service.client.get(url).json()["features"]
    some = service.client.get(url, params={"filter": "county = '220882'"}).json()["features"]
    assert 0 < len(some) < len(every)
    assert all(f["properties"]["county"] == "220882" for f in some)
    equal = service.client.get(url, params={"county": "220882"}).json()["features"]
    assert {f["id"] for f in equal} == {f["id"] for f in some}
    tree = '{"op":"=","args":[{"property":"county"},"220882"]}'
    json_ = service.client.get(url, params={"filter": tree, "filter-lang": "cql2-json"})
    assert json_.json()["features"] == some
    west, south, east, north = square(210).bounds
    box = f"{west},{south},{east},{north}"
    boxed = service.client.get(url, params={"bbox": box}).json()["features"]
    assert [f["id"] for f in boxed] == [211]
    only = service.client.get(url, params={"properties": "name"}).json()["features"]
    assert all(list(f["properties"]) == ["name"] for f in only)

    before = service.client.get(url).content
    revision = service.edit(210, "新名")
    assert "新名".encode() in service.client.get(url).content
    past = service.client.get(url, params={"as_of": 1})
    assert past.content == before
    assert service.client.get(url, params={"as_of": revision}).content != before
    # The past is kept as such: a later edit in the tile does not touch it.
    service.edit(210, "再改")
    again = service.client.get(url, params={"as_of": 1})
    assert again.headers["x-cache"] == "hit"
    assert again.headers["etag"] == past.headers["etag"]
    assert service.client.get(url, params={"as_of": 99}).status_code == 400


def test_a_filter_elsewhere_still_meets_what_reaches_the_tile(service: Service):
    """A long feature meets the tile and the filter's box, which are far from each other."""
    far = square(399)
    long_one = square(0).union(far).convex_hull
    service.edit(0, "长", long_one)
    west, south, east, north = far.bounds
    url = service.url(0, 14, "geojson")
    text = f"S_INTERSECTS(geom, BBOX({west},{south},{east},{north}))"
    for query in ({"filter": text}, {"bbox": f"{west},{south},{east},{north}"}):
        found = service.client.get(url, params=query).json()["features"]
        assert [f["id"] for f in found] == [1]


def test_refusals(service: Service):
    url = service.url(0)
    for query, code in (
        ("filter=nothing%20%3D%201", "E_FILTER"),
        ("filter=(((", "E_FILTER"),
        ("properties=nothing", "E_PARAMETER"),
        ("county=220882&grade=1", "E_PARAMETER"),
        ("as_of=nonsense", "E_AS_OF"),
        ("bbox=1,2,3", "E_BBOX"),
        ("filter-lang=sql", "E_PARAMETER"),
    ):
        answer = service.client.get(f"{url}?{query}")
        assert answer.status_code == 400, query
        assert answer.json()["code"] == code
        assert answer.headers["cache-control"] == "no-store"
        assert "etag" not in answer.headers
    for place in ("0/1/0", "23/0/0", "-1/0/0", "5/32/0", "5/0/32", "5/0/-1", f"5/{'9' * 40}/0"):
        for kind in ("mvt", "geojson"):
            answer = service.client.get(f"/tiles/plots/{place}.{kind}")
            assert answer.status_code == 404, place
            assert answer.json()["code"] == "E_TILE_RANGE"
            assert answer.json()["fix"]
    assert service.client.get("/tiles/plots/1.5/0/0.mvt").status_code == 400
    assert service.client.get("/tiles/inspections/0/0/0.mvt").status_code == 404
    assert service.client.post(url).status_code == 405


@pytest.mark.faults
def test_random_requests_never_break_the_service(service: Service):
    """Thousands of made-up addresses and headers: no 5xx, and errors are problem documents."""
    rng = random.Random(9)
    numbers = ["0", "1", "14", "22", "-1", "+3", "1e3", "0x1", "１", "٣", "%00", "", " ", "9" * 30,
               "13745", "5874", "null", "..", "1.0", "007"]  # fmt: skip
    values = ["", "1", "a", "名", "'", '"', "%", "%zz", "\u0000", "[]", "{}", "1=1", "code='P001'",
              "S_INTERSECTS(geom,POINT(122.05 45.05))", "2020-01-01", "999999999999999999999",
              "name,code", ",,,", "122,45,123,46", "nan,nan,nan,nan", "x" * 3000]  # fmt: skip
    names = ["v", "properties", "filter", "filter-lang", "filter-crs", "as_of", "bbox", "bbox-crs",
             "datetime", "q", "county", "code", "f", "lang", "datum", "nonsense", "z"]  # fmt: skip
    weights = ["gzip", "br;q=9", "*;q=-1", ";;;", "br, gzip;q=inf", "", "\xff".encode("latin-1")]
    statuses: dict[int, int] = {}
    for _ in range(3000):
        layer = rng.choice(["plots"] * 5 + ["inspections", "", "图层", "..", "%2e"])
        if rng.random() < 0.6:
            z = rng.randrange(0, 24)
            where = [str(z), str(rng.randrange(2**z)), str(rng.randrange(2**z))]
        else:
            where = [rng.choice(numbers) for _ in range(3)]
        url = f"/tiles/{layer}/{'/'.join(where)}.{rng.choice(['mvt', 'geojson', 'mvt', 'x', ''])}"
        if rng.random() < 0.3:
            name = rng.choice(["WebMercatorQuad", "WorldCRS84Quad", "X"])
            url = f"/collections/{layer}/tiles/{name}/{'/'.join(where)}"
        query = [
            (rng.choice(names), rng.choice(values)) for _ in range(rng.choice([0, 0, 1, 1, 2]))
        ]
        headers = {
            "Accept-Encoding": rng.choice(weights),
            "If-None-Match": rng.choice(['"a"', "*", 'W/"', ",,", ""]),
        }
        answer = service.client.get(url, params=query, headers=headers)
        statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
        assert answer.status_code < 500, (url, query, answer.text)
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json", url
            assert answer.headers["cache-control"] == "no-store"
    assert set(statuses) <= {200, 204, 304, 400, 404, 406}
    assert min(statuses.get(s, 0) for s in (200, 204, 304, 400, 404)) > 10, statuses


def test_tiles_for_shifted_web_maps(service: Service):
    """GCJ-02 and BD-09: every corner is moved as `geo.crs.gcj02` moves it, and it is told."""
    found = {}
    for datum in (None, "gcj02", "bd09"):
        for z in range(16, 10, -1):  # the shift moves the plot by some hundred metres
            url = service.url(210, z, "geojson")
            answer = service.client.get(url, params={"datum": datum} if datum else {})
            features = {f["id"]: f for f in answer.json()["features"]}
            if 211 in features:
                found[datum] = np.array(features[211]["geometry"]["coordinates"][0])
        told = answer.json().get("liangtian")
        assert told == ({"datum": datum, "approximate": True} if datum else None)
        header = answer.headers.get("liangtian-datum")
        assert header == (f"{datum}; approximate" if datum else None)
    step = 360 / 2**11 / 4096
    for datum in ("gcj02", "bd09"):
        moved = gcj02.shift(found[None], datum)
        assert np.abs(found[datum].mean(axis=0) - moved.mean(axis=0)).max() < 2 * step
        assert np.abs(found[datum].mean(axis=0) - found[None].mean(axis=0)).max() > 0.004
    vector = service.client.get(service.url(210, 12), params={"datum": "gcj02"})
    assert vector.headers["liangtian-datum"] == "gcj02; approximate"
    assert vector.content != service.client.get(service.url(210, 12)).content
    assert service.client.get(service.url(0), params={"datum": "wgs72"}).status_code == 400


def test_an_edit_changes_just_the_tiles_it_touches(service: Service):
    """Validators and kept entries of all other tiles, shifted and filtered ones too, stay."""
    client = service.client
    questions = ["", "?datum=gcj02", "?filter=county%20IS%20NOT%20NULL", "?properties=code"]
    urls = [service.url(n, 15) + q for n in (0, 19, 210, 380, 399) for q in questions]

    def ask() -> dict[str, tuple[str, str]]:
        answers = {u: client.get(u) for u in urls}
        return {u: (a.headers["etag"], a.headers["x-cache"]) for u, a in answers.items()}

    before = ask()
    assert {how for _, how in ask().values()} == {"hit"}
    service.edit(210, "改名")
    after = ask()
    for url in urls:
        if url.startswith(service.url(210, 15)):
            assert after[url][0] != before[url][0]
            assert after[url][1] == "miss"
            stale = client.get(url, headers={"If-None-Match": before[url][0]})
            assert stale.status_code == 200
        else:
            assert after[url] == (before[url][0], "hit")
            known = client.get(url, headers={"If-None-Match": before[url][0]})
            assert known.status_code == 304
    # A plot that moves changes the tile that it leaves and the one that it enters.
    service.edit(0, "搬家", square(399))
    moved = ask()
    for url in urls:
        touched = url.startswith((service.url(0, 15), service.url(399, 15)))
        assert (moved[url][1] == "miss") == touched
    left = decode(client.get(service.url(0, 15)).content)["plots"]["features"]
    assert 1 not in {f["id"] for f in left}
    # The whole layer in one tile: any change counts.
    whole = client.get("/tiles/plots/0/0/0.mvt").headers["etag"]
    service.edit(380, "远处")
    assert client.get("/tiles/plots/0/0/0.mvt").headers["etag"] != whole


def test_tiles_on_disk_outlive_the_process_but_not_a_change(serve: Callable[..., Service]):
    first = serve(tile_disk_mib=8, tile_cache_mib=0, follow_ms=3_600_000)
    data = first.state.settings.data
    urls = [first.url(n, 15) for n in (0, 210, 399)]
    bodies = [first.client.get(u).content for u in urls]
    assert [first.client.get(u).headers["x-cache"] for u in urls] == ["disk"] * 3
    second = serve(data, tile_disk_mib=8, tile_cache_mib=0)
    answers = [second.client.get(u, headers={"Accept-Encoding": "br"}) for u in urls]
    assert [a.headers["x-cache"] for a in answers] == ["disk"] * 3
    assert [a.content for a in answers] == bodies
    second.edit(210, "改名")
    assert [second.client.get(u).headers["x-cache"] for u in urls] == ["disk", "miss", "disk"]
    # The other process has not looked yet: it must not show what it cannot know.
    assert first.client.get(urls[1]).content == bodies[1]
    first.state.snapshots.refresh()
    again = first.client.get(urls[1])
    assert "改名".encode() in again.content
    assert again.headers["x-cache"] == "disk"
    # A record put back from a backup uses revision numbers again.
    second.state.snapshots._commits = tuple(
        replace(c, time=c.time + timedelta(seconds=1)) for c in second.state.snapshots._commits
    )
    assert [second.client.get(u).headers["x-cache"] for u in urls] == ["miss"] * 3
