"""Items: every parameter of the contract, what it answers and what it refuses."""

from __future__ import annotations

import math
from collections.abc import Iterator

import httpx
import numpy as np
import pyproj
import pytest
import shapely
from shapely.geometry import shape

from tests.conftest import Server

ITEMS = "/collections/parcels/items"


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as made:
        yield made


def pages(client: httpx.Client, url: str, **query: object) -> list[dict]:
    """All features, by following the next links."""
    features, answer = [], client.get(url, params=query)
    for _ in range(500):
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert page["numberReturned"] == len(page["features"])
        features += page["features"]
        following = [link["href"] for link in page["links"] if link["rel"] == "next"]
        if not following:
            return features
        answer = client.get(following[0])
    raise AssertionError("paging does not end")


def test_paging_visits_every_feature_once_in_any_order(client: httpx.Client):
    matched = client.get(ITEMS, params={"resulttype": "hits"}).json()
    assert matched["features"] == []
    for sortby in (None, "-area_mu,code", "township", "-year,stage"):
        query = {"limit": 300} | ({"sortby": sortby} if sortby else {})
        found = pages(client, ITEMS, **query)
        ids = [f["id"] for f in found]
        assert len(ids) == len(set(ids)) == matched["numberMatched"]
        if sortby is None:
            assert ids == sorted(ids)
        if sortby == "-area_mu,code":
            areas = [f["properties"]["area_mu"] for f in found]
            assert areas == sorted(areas, reverse=True)
        if sortby == "township":
            names = [f["properties"]["township"] for f in found]
            known = [n.encode() for n in names if n is not None]
            assert known == sorted(known)
            assert None not in names[: len(known)]


def test_limits(client: httpx.Client):
    assert client.get(ITEMS).json()["numberReturned"] == 10
    assert client.get(ITEMS, params={"limit": 10**9}).json()["numberReturned"] <= 10_000
    assert client.get(ITEMS, params={"limit": 0}).status_code == 400
    first = client.get(ITEMS, params={"limit": 7}).json()["features"]
    rest = client.get(ITEMS, params={"limit": 4, "offset": 3}).json()["features"]
    assert [f["id"] for f in rest] == [f["id"] for f in first[3:]]


def test_bbox_is_exact_in_any_crs(client: httpx.Client):
    everything = pages(client, ITEMS, limit=2000)
    shapes = np.array([shape(f["geometry"]) for f in everything])
    middle = shapes[len(shapes) // 2].centroid
    box = (middle.x - 0.02, middle.y - 0.015, middle.x + 0.02, middle.y + 0.015)
    wanted = {
        f["id"] for f, s in zip(everything, shapes, strict=True)
        if shapely.intersects(s, shapely.box(*box))
    }  # fmt: skip
    text = ",".join(map(repr, box))
    found = client.get(ITEMS, params={"bbox": text, "limit": 5000}).json()
    assert {f["id"] for f in found["features"]} == wanted
    assert 0 < len(wanted) < len(everything)
    # The register's order for EPSG:4490 is latitude first; for 4529 northing first.
    swapped = ",".join(map(repr, (box[1], box[0], box[3], box[2])))
    uri = "http://www.opengis.net/def/crs/EPSG/0/4490"
    found = client.get(ITEMS, params={"bbox": swapped, "bbox-crs": uri, "limit": 5000}).json()
    assert {f["id"] for f in found["features"]} == wanted
    west, south, east, north = pyproj.Transformer.from_crs(
        4490, 4529, always_xy=True
    ).transform_bounds(*box)
    plane = ",".join(map(repr, (south, west, north, east)))
    found = client.get(ITEMS, params={"bbox": plane, "bbox-crs": "EPSG:4529", "limit": 5000}).json()
    # The box in the plane contains the box in degrees, with slivers more at its edges.
    assert wanted <= {f["id"] for f in found["features"]}


def test_output_crs_uses_the_registers_axis_order(client: httpx.Client):
    feature = client.get(ITEMS, params={"limit": 1}).json()["features"][0]
    lon, lat = feature["geometry"]["coordinates"][0][0][0]
    uri = "http://www.opengis.net/def/crs/EPSG/0/4490"
    answer = client.get(ITEMS, params={"limit": 1, "crs": uri})
    assert answer.headers["content-crs"] == f"<{uri}>"
    assert answer.json()["features"][0]["geometry"]["coordinates"][0][0][0] == [lat, lon]
    plane = client.get(ITEMS, params={"limit": 1, "crs": "EPSG:4529"}).json()
    northing, easting = plane["features"][0]["geometry"]["coordinates"][0][0][0]
    expected = pyproj.Transformer.from_crs(4490, 4529, always_xy=True).transform(lon, lat)
    assert (easting, northing) == pytest.approx(expected, abs=1e-3)


def test_datum_shift_is_said_to_be_approximate(client: httpx.Client):
    plain = client.get(ITEMS, params={"limit": 1}).json()["features"][0]
    shifted = client.get(ITEMS, params={"limit": 1, "datum": "gcj02"}).json()
    assert shifted["liangtian"]["approximate"] is True
    a = shape(plain["geometry"]).centroid
    b = shape(shifted["features"][0]["geometry"]).centroid
    metres = pyproj.Geod(ellps="WGS84").inv(a.x, a.y, b.x, b.y)[2]
    assert 450 < metres < 650
    # The area is that of the true place.
    assert shifted["features"][0]["properties"] == plain["properties"]


def test_filters_agree(client: httpx.Client):
    by_field = client.get(ITEMS, params={"county": "220882", "resulttype": "hits"}).json()
    by_text = client.get(ITEMS, params={"filter": "county='220882'", "resulttype": "hits"}).json()
    by_json = client.get(
        ITEMS,
        params={
            "filter": '{"op":"=","args":[{"property":"county"},"220882"]}',
            "filter-lang": "cql2-json",
            "resulttype": "hits",
        },
    ).json()
    assert by_field["numberMatched"] == by_text["numberMatched"] == by_json["numberMatched"] > 0
    either = client.get(ITEMS, params={"year": "2023,2024", "resulttype": "hits"}).json()
    each = [
        client.get(ITEMS, params={"year": year, "resulttype": "hits"}).json()
        for year in (2023, 2024)
    ]
    assert either["numberMatched"] == sum(one["numberMatched"] for one in each) > 0


def test_times_are_local_days_and_closed_intervals(client: httpx.Client):
    """`datetime=` on the layer's date field against the values themselves."""
    dates = [
        f["properties"]["sampled_on"]
        for f in pages(client, "/collections/samples/items", limit=2000, skipGeometry="true")
    ]
    low, high = sorted(dates)[len(dates) // 3], sorted(dates)[2 * len(dates) // 3]
    for text, wanted in (
        (low, [d for d in dates if d == low]),
        (f"{low}/{high}", [d for d in dates if low <= d <= high]),
        (f"../{low}", [d for d in dates if d <= low]),
        (f"{high}/..", [d for d in dates if d >= high]),
        # 16:00 UTC is midnight in Baicheng: from then on it is the next day.
        (f"{low}T15:59:59Z/{high}T15:59:59Z", [d for d in dates if low <= d <= high]),
    ):
        query = {"datetime": text, "resulttype": "hits"}
        found = client.get("/collections/samples/items", params=query).json()["numberMatched"]
        assert found == len(wanted) > 0, text


def test_words_are_found_in_names_and_codes(client: httpx.Client):
    every = pages(client, "/collections/counties/items")
    name, code = every[0]["properties"]["name"], every[0]["properties"]["code"]
    for words in (name, code, f"{name} {code}", name[:2]):
        found = client.get("/collections/counties/items", params={"q": words}).json()["features"]
        assert name in [f["properties"]["name"] for f in found]
    nothing = client.get("/collections/counties/items", params={"q": f"{name} 没有这个"}).json()
    assert nothing["numberMatched"] == 0


def test_chosen_properties_and_no_geometry(client: httpx.Client):
    query = {"properties": "code,area_mu", "skipGeometry": "true", "limit": 3}
    for feature in client.get(ITEMS, params=query).json()["features"]:
        assert set(feature["properties"]) == {"code", "area_mu"}
        assert feature["geometry"] is None


def test_as_of_gives_the_past(client: httpx.Client):
    now = client.get(ITEMS, params={"resulttype": "hits"}).json()["numberMatched"]
    first = client.get(ITEMS, params={"resulttype": "hits", "as_of": "2024-01-01"}).json()
    nothing = client.get(ITEMS, params={"resulttype": "hits", "as_of": 0}).json()
    assert nothing["numberMatched"] == 0
    assert 0 < first["numberMatched"] < now
    # Totals as of then are those of the features as of then.
    features = pages(client, ITEMS, limit=2000, as_of="2024-01-01")
    total = client.get(
        "/totals", params={"layer": "parcels", "measure": "sum", "as_of": "2024-01-01"}
    ).json()["total"]
    assert total["count"] == len(features)
    assert total["area_m2"] == pytest.approx(
        sum(f["properties"]["area_m2"] for f in features), rel=1e-9
    )


def test_revisions_are_listed_for_whoever_may_read(client: httpx.Client):
    every = client.get("/revisions").json()["revisions"]
    assert [r["revision"] for r in every] == list(range(1, len(every) + 1))
    assert sorted(r["time"] for r in every) == [r["time"] for r in every]
    of_parcels = client.get("/revisions", params={"layer": "parcels"}).json()["revisions"]
    assert of_parcels == [r for r in every if "parcels" in r["counts"]] != every
    past = client.get(ITEMS, params={"as_of": of_parcels[0]["revision"], "resulttype": "hits"})
    assert past.json()["numberMatched"] == of_parcels[0]["counts"]["parcels"]["insert"]
    assert not {"author", "reason"} & set(every[0])


def test_history_tells_versions(client: httpx.Client):
    changed = client.get(ITEMS, params={"filter": "version > 1", "limit": 1}).json()["features"][0]
    history = client.get(f"{ITEMS}/{changed['id']}/history").json()["versions"]
    assert [v["version"] for v in history] == list(range(len(history), 0, -1))
    assert len(history) == changed["properties"]["version"]
    assert history[0]["properties"]["stage"] == changed["properties"]["stage"]
    assert all(v["author"] and v["reason"] for v in history)


def test_validators(client: httpx.Client):
    first = client.get(ITEMS, params={"limit": 2})
    tag = first.headers["etag"]
    again = client.get(ITEMS, params={"limit": 2}, headers={"If-None-Match": tag})
    assert again.status_code == 304
    assert again.content == b""
    assert client.get(ITEMS, params={"limit": 3}).headers["etag"] != tag
    english = client.get("/collections/parcels?lang=en").headers["etag"]
    assert client.get("/collections/parcels?lang=zh").headers["etag"] != english
    assert "public" not in first.headers["cache-control"]


BAD = [
    ({"limit": "x"}, "E_PARAMETER"),
    ({"limit": "-1"}, "E_PARAMETER"),
    ({"bbox": "1,2,3"}, "E_BBOX"),
    ({"bbox": "nan,1,2,3"}, "E_BBOX"),
    ({"bbox": "124,45,123,46"}, "E_BBOX"),
    ({"bbox": "1e999,45,123,46"}, "E_BBOX"),
    ({"bbox": "41487521,5053862,41487621,5053962"}, "E_BBOX"),
    ({"bbox": "122,45,123,46", "bbox-crs": "EPSG:2365"}, "E_CRS"),
    ({"crs": "EPSG:1"}, "E_CRS"),
    ({"datetime": "yesterday"}, "E_DATETIME"),
    ({"datetime": "2025-02-30"}, "E_DATETIME"),
    ({"datetime": "../.."}, "E_DATETIME"),
    ({"datetime": "2025-03-01/2025-02-01"}, "E_DATETIME"),
    ({"as_of": "999999"}, "E_AS_OF"),
    ({"as_of": "soon"}, "E_AS_OF"),
    ({"sortby": "nothing"}, "E_SORT"),
    ({"sortby": "code,name,stage,year,county"}, "E_SORT"),
    ({"properties": "nothing"}, "E_PARAMETER"),
    ({"next": "!!!"}, "E_CURSOR"),
    ({"next": "WyJhIl0"}, "E_CURSOR"),
    ({"next": "WzEsMl0"}, "E_CURSOR"),
    ({"filter": "stage ="}, "E_FILTER"),
    ({"filter": "nothing = 1"}, "E_FILTER"),
    ({"filter": "(" * 1900}, "E_FILTER"),
    ({"filter": "NOT " * 480 + "year=1"}, "E_FILTER"),
    ({"filter": "'x' OR 1=1 --"}, "E_FILTER"),
    ({"filter": "year=1", "filter-lang": "sql"}, "E_PARAMETER"),
    ({"county": "220882", "unknown": "1"}, "E_PARAMETER"),
    ({"year": "many"}, "E_PARAMETER"),
    ({"datum": "mars"}, "E_PARAMETER"),
    ({"datum": "gcj02", "crs": "EPSG:4529"}, "E_CRS"),
    ({"resulttype": "guess"}, "E_PARAMETER"),
    ({"f": "dwg"}, "E_PARAMETER"),
    ({"offset": str(10**12)}, "E_PARAMETER"),
]


@pytest.mark.parametrize(("query", "code"), BAD)
def test_bad_values_are_refused_in_words(client: httpx.Client, query: dict, code: str):
    answer = client.get(ITEMS, params=query)
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == code
    assert any("一" <= c <= "鿿" for c in problem["detail"])
    assert problem["where"]
    english = client.get(ITEMS, params=query, headers={"Accept-Language": "en"}).json()
    assert english["detail"] != problem["detail"]


@pytest.mark.parametrize(
    "path",
    [
        "/collections/nothing", "/collections/nothing/items",
        "/collections/parcels/items/999999999",
        "/collections/parcels/items/0", "/tiles/nothing/1/0/0.mvt", "/tiles/parcels/1/2/0.mvt",
        "/tiles/parcels/99/0/0.mvt", "/tiles/parcels/1/-1/0.geojson", "/tiles/samples.txt",
        "/tiles/treatments/0/0/0.mvt", "/soil/scenes/nothing", "/no/such/thing",
        "/collections/parcels/items/1/history/extra",
    ],
)  # fmt: skip
def test_what_is_not_there_is_404(client: httpx.Client, path: str):
    answer = client.get(path)
    assert answer.status_code == 404, answer.text
    assert answer.json()["code"] in ("E_NOT_FOUND", "E_TILE_RANGE")


def test_every_conformance_class_is_known(client: httpx.Client):
    """No class without its parts: each claimed family answers."""
    declared = client.get("/conformance").json()["conformsTo"]
    assert len(declared) == len(set(declared)) > 15
    expressions = {
        "basic-cql2": "year > 2023 AND stage IS NOT NULL",
        "advanced-comparison-operators": "code LIKE 'X%' OR year BETWEEN 1 AND 2 OR year IN (1)",
        "case-insensitive-comparison": "CASEI(code) = CASEI('x')",
        "accent-insensitive-comparison": "ACCENTI(code) = ACCENTI('é')",
        "basic-spatial-functions": "S_INTERSECTS(geometry, POINT(123 45))",
        "basic-spatial-functions-plus": "S_INTERSECTS(geometry, POLYGON((1 1,2 1,2 2,1 1)))",
        "spatial-functions": "S_WITHIN(geometry, BBOX(122,44,124,46))",
        "temporal-functions": "T_DURING(accepted_on, INTERVAL('2024-01-01','..'))",
        "property-property": "year > quality_grade",
        "arithmetic": "area_mu * 2 > 10",
    }
    for name, expression in expressions.items():
        assert any(uri.endswith(f"/{name}") for uri in declared), name
        answer = client.get(ITEMS, params={"filter": expression, "resulttype": "hits"})
        assert answer.status_code == 200, (name, answer.text)


def test_tiles_keep_their_address_for_ever_only_with_the_revision(client: httpx.Client):
    about = client.get("/tiles/parcels.json").json()
    address = about["tiles"][0].format(z=8, x=0, y=0)
    assert about["tilejson"] == "3.0.0"
    revision = address.rsplit("v=", 1)[1]
    some = client.get("/collections/parcels/items", params={"limit": 1}).json()["features"][0]
    lon, lat = np.array(some["geometry"]["coordinates"][0]).reshape(-1, 2).mean(axis=0)
    z = 9
    x = int((lon + 180) / 360 * 2**z)
    y = int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**z)
    kept = client.get(f"/tiles/parcels/{z}/{x}/{y}.mvt?v={revision}")
    assert kept.status_code == 200
    assert "immutable" in kept.headers["cache-control"]
    fresh = client.get(f"/tiles/parcels/{z}/{x}/{y}.mvt")
    assert "immutable" not in fresh.headers["cache-control"]
    assert fresh.content == kept.content
    same = client.get(
        f"/tiles/parcels/{z}/{x}/{y}.mvt", headers={"If-None-Match": fresh.headers["etag"]}
    )
    assert same.status_code == 304
    assert client.get("/tiles/parcels/9/0/0.mvt").status_code == 204
    assert client.get("/tiles/parcels/9/0/0.geojson").json()["features"] == []
