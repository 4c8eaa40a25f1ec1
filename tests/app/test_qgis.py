"""The addresses of docs/qgis.md and of the examples answer, and GDAL reads what QGIS would read.

GDAL opens addresses in a process of its own, never in one that holds a record.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import morecantile
import pytest

from tests.conftest import Server
from tests.environment import ROOT

DEMO = "http://127.0.0.1:8080"
ZOOM = 12
TMS = morecantile.tms.get("WebMercatorQuad")
QGIS = (ROOT / "docs/qgis.md").read_text(encoding="utf-8")
ADDRESSES = sorted(set(re.findall(rf"`{DEMO}(/[^`\s]*)`", QGIS)))

_VECTOR = """
import json, sys
import pyogrio
url, options, bbox = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
info = pyogrio.read_info(url, **options)
frame = pyogrio.read_dataframe(url, layer=0, bbox=bbox and tuple(bbox), **options)
print(json.dumps({
    "driver": info["driver"], "fields": list(info["fields"]), "count": len(frame),
    "crs": str(frame.crs), "bounds": frame.total_bounds.tolist(),
    "names": frame["name"].dropna().tolist() if "name" in frame else [],
}, ensure_ascii=False))
"""
_RASTER = """
import json, sys
import rasterio
with rasterio.open(sys.argv[1]) as file:
    window = rasterio.windows.from_bounds(*json.loads(sys.argv[2]), file.transform)
    pixels = file.read(out_shape=(file.count, 256, 256), window=window)
    print(json.dumps({"driver": file.driver, "bands": file.count,
                      "opaque": float((pixels[3] == 255).mean()), "most": int(pixels[:3].max())}))
"""


def child(code: str, *arguments: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def place(server: Server) -> tuple[float, float]:
    """A corner of a parcel that the scenes show."""
    with server.client() as client:
        box = client.get("/soil/scenes").json()["features"][-1]["bbox"]
        west, south, east, north = box
        inner = [west + 0.1, south + 0.05, east - 0.1, north - 0.05]
        query = {"bbox": ",".join(map(str, inner)), "limit": 1}
        [parcel] = client.get("/collections/parcels/items", params=query).json()["features"]
    geometry = parcel["geometry"]["coordinates"]
    while isinstance(geometry[0], list):
        geometry = geometry[0]
    return geometry[0], geometry[1]


def filled(path: str, place: tuple[float, float], set_name: str = "WebMercatorQuad") -> str:
    """A template with the tile over a place."""
    found = morecantile.tms.get(set_name).tile(*place, ZOOM)
    for name, value in (("z", ZOOM), ("x", found.x), ("y", found.y)):
        path = path.replace(f"{{{name}}}", str(value))
    return path


def test_the_page_has_the_addresses_that_matter() -> None:
    assert len(ADDRESSES) >= 8
    for kind in (".mvt", ".json", "f=geojson", "f=csv", ".png?index=", ".png?bands="):
        assert any(kind in path for path in ADDRESSES), kind


@pytest.mark.parametrize("path", ADDRESSES)
def test_addresses_for_qgis_answer(server: Server, place, path: str) -> None:
    with server.client() as client:
        answer = client.get(filled(path, place))
    assert answer.status_code == 200, answer.text
    assert len(answer.content) > 100


def _of(kind: str) -> str:
    return next(path for path in ADDRESSES if kind in path)


def test_gdal_reads_the_vector_tiles(server: Server, place) -> None:
    """One tile, and the tile set by its TileJSON, as plots of this box in Web Mercator."""
    template, about = _of(".mvt"), server.url + _of("parcels.json")
    options = {"METADATA_FILE": about}
    one = child(_VECTOR, f"MVT:{server.url}{filled(template, place)}", json.dumps(options), "null")
    assert one["driver"] == "MVT"
    assert one["crs"] == "EPSG:3857"
    assert one["count"] > 0
    assert any("一" <= c <= "鿿" for c in "".join(one["names"]))
    assert {"name", "code", "area_m2"} <= set(one["fields"])
    folder, _, tail = template.partition("/{z}/")
    options["TILE_EXTENSION"] = tail.rpartition(".")[2]
    whole = child(
        _VECTOR,
        f"MVT:{server.url}{folder}/{ZOOM}",
        json.dumps(options),
        json.dumps(one["bounds"]),
    )
    assert whole["count"] >= one["count"]


def test_gdal_reads_the_geojson(server: Server) -> None:
    path = _of("f=geojson")
    found = child(_VECTOR, server.url + path, "{}", "null")
    with server.client() as client:
        wanted = client.get(path.replace("limit=10000", "resulttype=hits")).json()
    assert found["driver"] == "GeoJSON"
    assert found["count"] == wanted["numberMatched"] > 0


def test_gdal_reads_the_raster_tiles(server: Server, place) -> None:
    address = (server.url + _of(".png?index=")).replace("&", "&amp;")
    for name in "zxy":
        address = address.replace(f"{{{name}}}", f"${{{name}}}")
    half = 20037508.342789244
    service = (
        f'<GDAL_WMS><Service name="TMS"><ServerUrl>{address}</ServerUrl></Service><DataWindow>'
        f"<UpperLeftX>-{half}</UpperLeftX><UpperLeftY>{half}</UpperLeftY>"
        f"<LowerRightX>{half}</LowerRightX><LowerRightY>-{half}</LowerRightY>"
        "<TileLevel>14</TileLevel><TileCountX>1</TileCountX><TileCountY>1</TileCountY>"
        "<YOrigin>top</YOrigin></DataWindow><Projection>EPSG:3857</Projection>"
        "<BlockSizeX>256</BlockSizeX><BlockSizeY>256</BlockSizeY><BandsCount>4</BandsCount>"
        "</GDAL_WMS>"
    )
    box = TMS.xy_bounds(TMS.tile(*place, 13))
    found = child(_RASTER, service, json.dumps(list(box)))
    assert found["driver"] == "WMS"
    assert found["opaque"] > 0.5
    assert found["most"] > 100


def _used_by_examples() -> list[str]:
    """Addresses in the sources of the examples and in their README, with a layer put in."""
    found = set()
    for path in [*Path(ROOT / "docs/examples").glob("*.js"), ROOT / "docs/examples/README.md"]:
        text = path.read_text(encoding="utf-8")
        text = re.sub(r"\$\{(?:layer|id)\}|\{layer\}", "parcels", text)
        text = re.sub(r"\$\{([zxy])\}", r"{\1}", text).replace("${shifted}", "?datum=gcj02")
        text = text.replace("{row}/{col}", "{y}/{x}")
        text = text.replace("${index}", "si_gr").replace("${size}", "512")
        text = re.sub(r"\$\{scene\.id\}|/scenes/\{id\}", "/scenes/s2-daan-20260508", text)
        text = text.replace("/scenes//scenes/", "/scenes/")
        found |= set(re.findall(r"(/(?:tiles|collections|soil)/[^`\"'\s$,]+)", text))
    return sorted(path for path in found if "items" not in path)


@pytest.mark.parametrize("path", _used_by_examples())
def test_addresses_in_the_examples_answer(server: Server, place, path: str) -> None:
    set_name = "WorldCRS84Quad" if "WorldCRS84Quad" in path else "WebMercatorQuad"
    with server.client() as client:
        answer = client.get(filled(path, place, set_name))
    assert answer.status_code == 200, answer.text


def test_examples_cover_the_kinds_of_tiles() -> None:
    used = " ".join(_used_by_examples())
    for part in (".mvt", ".geojson?datum=gcj02", "WorldCRS84Quad", "tiles.json?index=", ".json"):
        assert part in used, part
