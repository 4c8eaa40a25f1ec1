"""Real clients read the service: OWSLib and GDAL's OAPIF driver, Chinese intact."""

from __future__ import annotations

import json
import subprocess
import sys
from urllib.request import Request, urlopen

import pytest
from owslib.ogcapi.features import Features

from tests.conftest import Server

#: GDAL opens addresses here, in a process of its own: never in one that holds a record.
_GDAL = """
import json, sys
import pyogrio
url, layer = sys.argv[1:3]
info = pyogrio.read_info("OAPIF:" + url, layer=layer)
frame = pyogrio.read_dataframe("OAPIF:" + url, layer=layer, bbox=tuple(map(float, sys.argv[3:7])))
print(json.dumps({
    "driver": info["driver"], "fields": list(info["fields"]), "geometry": info["geometry_type"],
    "count": len(frame), "names": frame["name"].dropna().tolist(),
    "bounds": frame.total_bounds.tolist(), "crs": str(frame.crs),
}, ensure_ascii=False))
"""


def test_owslib_reads_the_collections_and_items(server: Server):
    service = Features(server.url)
    assert "parcels" in service.feature_collections()
    about = service.collection("parcels")
    assert about["title"] == "高标准农田"
    assert "county" in service.collection_queryables("parcels")["properties"]
    page = service.collection_items("parcels", limit=20, bbox=[121, 44, 125, 47])
    assert page["numberReturned"] == 20
    names = [f["properties"]["township"] for f in page["features"] if f["properties"]["township"]]
    assert names
    assert all(any("一" <= c <= "鿿" for c in name) for name in names)
    fid = page["features"][0]["id"]
    assert service.collection_item("parcels", str(fid))["id"] == fid
    filtered = service.collection_items("counties", filter="code = '220882'")
    assert [f["properties"]["name"] for f in filtered["features"]] == ["大安市"]


def test_gdal_reads_features_by_oapif(server: Server):
    with server.client() as client:
        feature = client.get("/collections/plots/items?limit=1").json()["features"][0]
        lon, lat = feature["geometry"]["coordinates"][0][0][0]
        box = [str(v) for v in (lon - 0.05, lat - 0.05, lon + 0.05, lat + 0.05)]
        wanted = client.get(
            "/collections/plots/items", params={"bbox": ",".join(box), "limit": 10_000}
        ).json()
    command = [sys.executable, "-c", _GDAL, server.url, "plots", *box]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["driver"] == "OAPIF"
    assert found["count"] == wanted["numberMatched"] > 0
    names = sorted(f["properties"]["name"] for f in wanted["features"] if f["properties"]["name"])
    assert sorted(found["names"]) == names
    assert any("一" <= c <= "鿿" for c in "".join(names))


@pytest.mark.parametrize(
    ("header", "title", "language"),
    [
        ("zh-CN", "高标准农田", "zh-CN"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "高标准农田", "zh-CN"),
        ("en-GB", "High-standard farmland", "en"),
        ("fr, en;q=0.5", "High-standard farmland", "en"),
        ("*", "高标准农田", "zh-CN"),
        ("zh;q=broken,,;", "高标准农田", "zh-CN"),
    ],
)
def test_accept_language(server: Server, header: str, title: str, language: str):
    request = Request(f"{server.url}/collections/parcels", headers={"Accept-Language": header})
    with urlopen(request) as answer:
        assert answer.headers["Content-Language"] == language
        assert json.load(answer)["title"].startswith(title)


def test_table_for_a_spreadsheet(server: Server):
    """A CSV that Excel opens with its Chinese intact, all matching rows, the filter kept."""
    with server.client() as client:
        hits = client.get("/collections/samples/items?resulttype=hits&depth_top_cm=0").json()
        table = client.get("/collections/samples/items?f=csv&depth_top_cm=0")
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert table.content.startswith(b"\xef\xbb\xbf")
    lines = table.content.decode("utf-8-sig").strip().splitlines()
    assert len(lines) - 1 == hits["numberMatched"] > 0
