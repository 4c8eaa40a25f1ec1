"""OGC API - Tiles: documents as the standard wants them, tiles where they say."""

from __future__ import annotations

import math
import re
from typing import Any
from urllib.parse import urlsplit

import jsonschema_rs
import pytest

from geo.tiles.grid import matrix_set, tile, tile_of
from tests.app.tiles.conftest import Service, square
from tests.geo.tiles.mvt_decoder import decode

pytestmark = pytest.mark.unit

SETS = ("WebMercatorQuad", "WorldCRS84Quad")
REL = "http://www.opengis.net/def/rel/ogc/1.0/"
LINK = {
    "type": "object",
    "required": ["href", "rel"],
    "properties": {
        "href": {"type": "string", "format": "uri"},
        "rel": {"type": "string"},
        "type": {"type": "string"},
        "templated": {"type": "boolean"},
    },
}
LINKS = {"type": "array", "items": LINK, "minItems": 1}
#: What OGC 20-057 and 17-083r4 require, in the words of their schemas.
TILESET_ITEM = {
    "type": "object",
    "required": ["dataType", "crs", "links"],
    "properties": {
        "dataType": {"enum": ["map", "vector", "coverage"]},
        "crs": {"type": "string", "format": "uri"},
        "tileMatrixSetURI": {"type": "string", "format": "uri"},
        "links": LINKS,
    },
}
TILESETS = {
    "type": "object",
    "required": ["tilesets"],
    "properties": {"tilesets": {"type": "array", "minItems": 2, "items": TILESET_ITEM}},
}
LIMITS = {
    "type": "object",
    "required": ["tileMatrix", "minTileRow", "maxTileRow", "minTileCol", "maxTileCol"],
    "properties": {
        "tileMatrix": {"type": "string"},
        **{
            f"{end}Tile{axis}": {"type": "integer", "minimum": 0}
            for end in ("min", "max")
            for axis in ("Row", "Col")
        },
    },
    "additionalProperties": False,
}
POINT = {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "number"}}
TILESET = {
    "type": "object",
    "required": ["dataType", "crs", "links", "tileMatrixSetURI"],
    "properties": {
        **TILESET_ITEM["properties"],  # type: ignore[dict-item]
        "tileMatrixSetLimits": {"type": "array", "minItems": 1, "items": LIMITS},
        "boundingBox": {
            "type": "object",
            "required": ["lowerLeft", "upperRight"],
            "properties": {"lowerLeft": POINT, "upperRight": POINT, "crs": {"type": "string"}},
        },
        "layers": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["id", "dataType"],
                "properties": {
                    "dataType": {"const": "vector"},
                    "geometryDimension": {"enum": [0, 1, 2, 3]},
                    "minTileMatrix": {"type": "string"},
                    "maxTileMatrix": {"type": "string"},
                    "propertiesSchema": {
                        "type": "object",
                        "required": ["type", "properties"],
                        "properties": {"type": {"const": "object"}},
                    },
                },
            },
        },
    },
}
MATRIX_SETS = {
    "type": "object",
    "required": ["tileMatrixSets"],
    "properties": {
        "tileMatrixSets": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["links"],
                "properties": {"id": {"type": "string"}, "links": LINKS},
            },
        }
    },
}
MATRIX_SET = {
    "type": "object",
    "required": ["crs", "tileMatrices"],
    "properties": {
        "crs": {"type": "string"},
        "tileMatrices": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["id", "scaleDenominator", "cellSize", "pointOfOrigin",
                             "tileWidth", "tileHeight", "matrixWidth", "matrixHeight"],
                "properties": {"id": {"type": "string"}, "pointOfOrigin": POINT},
            },
        },
    },
}  # fmt: skip


def get(service: Service, url: str, schema: dict[str, Any]) -> Any:
    answer = service.client.get(url)
    assert answer.status_code == 200, answer.text
    content = answer.json()
    jsonschema_rs.validate(schema, content)
    selves = [each["href"] for each in content.get("links", []) if each["rel"] == "self"]
    assert [urlsplit(href).path for href in selves] in ([], [urlsplit(url).path])
    return content


def linked(content: Any, rel: str) -> list[str]:
    return [each["href"] for each in content["links"] if each["rel"] == rel]


def test_the_way_from_the_landing_page_to_a_tile(service: Service):
    """Only links are followed; every address comes out of a document."""
    landing = service.client.get("/").json()
    sets = get(service, linked(landing, f"{REL}tiling-schemes")[0], MATRIX_SETS)
    assert [each["id"] for each in sets["tileMatrixSets"]] == list(SETS)
    for each in sets["tileMatrixSets"]:
        definition = get(service, linked(each, "self")[0], MATRIX_SET)
        assert definition["id"] == each["id"]
        assert definition["crs"] == each["crs"]
        assert len(definition["tileMatrices"]) > 22
    collections = service.client.get(linked(landing, "data")[0]).json()["collections"]
    with_tiles = {c["id"]: linked(c, f"{REL}tilesets-vector") for c in collections}
    assert with_tiles["inspections"] == []
    listed = get(service, with_tiles["plots"][0], TILESETS)
    for entry in listed["tilesets"]:
        tileset = get(service, linked(entry, "self")[0], TILESET)
        assert tileset["crs"] == entry["crs"]
        scheme = get(service, linked(tileset, f"{REL}tiling-scheme")[0], MATRIX_SET)
        assert scheme["uri"] == tileset["tileMatrixSetURI"]
        assert linked(tileset, f"{REL}geodata")[0].endswith("/collections/plots")
        items = [each for each in tileset["links"] if each["rel"] == "item"]
        assert {each["type"] for each in items} == {
            "application/vnd.mapbox-vector-tile", "application/geo+json",
        }  # fmt: skip
        assert all(each["templated"] for each in items)
        names = tileset["layers"][0]["propertiesSchema"]["properties"]
        limits = {each["tileMatrix"]: each for each in tileset["tileMatrixSetLimits"]}
        assert set(limits) == {str(z) for z in range(23)}
        found = set()
        for row in range(limits["12"]["minTileRow"], limits["12"]["maxTileRow"] + 1):
            for col in range(limits["12"]["minTileCol"], limits["12"]["maxTileCol"] + 1):
                for item in items:
                    url = item["href"].replace("{tileMatrix}", "12")
                    url = url.replace("{tileRow}", str(row)).replace("{tileCol}", str(col))
                    answer = service.client.get(url)
                    if answer.status_code == 204:
                        continue
                    assert answer.headers["content-type"] == item["type"]
                    if item["type"].endswith("geo+json"):
                        features = answer.json()["features"]
                        assert all(set(f["properties"]) == set(names) for f in features)
                    else:
                        features = decode(answer.content)["plots"]["features"]
                    found |= {(item["type"], f["id"]) for f in features}
        assert len(found) == 2 * 400  # nothing lies outside the limits


@pytest.mark.parametrize("name", SETS)
def test_places_fall_into_the_tiles_of_the_definition(name: str):
    for z in (0, 1, 7, 14, 22):
        for lon, lat in [(122.84, 45.62), (-179.9, -60.0), (0.1, 0.1), (179.9, 84.0)]:
            at = matrix_set(name).tile(lon, lat, z)  # type: ignore[arg-type]
            assert tile_of(z, lon, lat, name) == (at.x, at.y)  # type: ignore[arg-type]
    assert tile_of(3, 180, -90, name)[1] == matrix_set(name).matrix(3).matrixHeight - 1  # type: ignore[arg-type]


def test_both_addresses_give_the_same_tile(service: Service):
    x, y = service.tile(30)
    here = f"/collections/plots/tiles/WebMercatorQuad/14/{y}/{x}"
    for kind in ("mvt", "geojson"):
        one = service.client.get(f"/tiles/plots/14/{x}/{y}.{kind}")
        other = service.client.get(f"{here}?f={kind}")
        assert one.content == other.content
        assert one.headers["etag"] == other.headers["etag"]
        assert other.headers["x-cache"] == "hit"
        declared = service.client.get(f"{here}?f={kind}&lang=zh")
        assert declared.content == other.content
        assert service.client.head(f"{here}?f={kind}").status_code == 200
    for accept, kind in (
        ("", "vnd.mapbox-vector-tile"),
        ("application/geo+json", "geo+json"),
        ("application/vnd.mapbox-vector-tile, application/geo+json", "vnd.mapbox-vector-tile"),
    ):
        answer = service.client.get(here, headers={"Accept": accept})
        assert answer.headers["content-type"] == f"application/{kind}"
        assert answer.headers["vary"].startswith("Accept, ")


def test_tiles_in_longitude_and_latitude(service: Service):
    """WorldCRS84Quad: plots are squares of degrees, and stay squares of the tile's grid."""
    x, y = service.tile(30, 13, "WorldCRS84Quad")
    here = tile(13, x, y, "WorldCRS84Quad")  # type: ignore[arg-type]
    answer = service.client.get(f"/collections/plots/tiles/WorldCRS84Quad/13/{y}/{x}?f=mvt")
    feature = next(f for f in decode(answer.content)["plots"]["features"] if f["id"] == 31)
    ring = feature["parts"][0][0]
    west, north = here.bounds[0], here.bounds[3]
    corners = [(west + px * here.step, north - py * here.step) for px, py in ring]
    bounds = square(30).bounds
    lons, lats = [lon for lon, _ in corners], [lat for _, lat in corners]
    got = min(lons), min(lats), max(lons), max(lats)
    # The middle of the plot is in the tile; a side beyond the buffer is cut off.
    edges = here.lonlat()
    for i, (mine, wanted) in enumerate(zip(got, bounds, strict=True)):
        cut = max(wanted, edges[i]) if i < 2 else min(wanted, edges[i])
        assert math.isclose(mine, cut, abs_tol=here.step)


def test_what_is_not_there(service: Service):
    for url, code in (
        ("/tileMatrixSets/Mars", "E_TILE_SET"),
        ("/collections/plots/tiles/Mars", "E_TILE_SET"),
        ("/collections/plots/tiles/Mars/0/0/0", "E_TILE_SET"),
        ("/collections/inspections/tiles", "E_NOT_FOUND"),
        ("/collections/inspections/tiles/WebMercatorQuad", "E_NOT_FOUND"),
        ("/collections/plots/tiles/WebMercatorQuad/0/0/1", "E_TILE_RANGE"),
        ("/collections/plots/tiles/WorldCRS84Quad/0/1/0", "E_TILE_RANGE"),
        ("/collections/plots/tiles/WebMercatorQuad/-1/0/0?f=mvt", "E_TILE_RANGE"),
        ("/collections/plots/tiles/WebMercatorQuad/23/0/0?f=mvt", "E_TILE_RANGE"),
    ):
        answer = service.client.get(url)
        assert (answer.status_code, answer.json()["code"]) == (404, code), url
    assert service.client.get("/collections/plots/tiles/WorldCRS84Quad/0/0/1").status_code != 404
    refused = service.client.get("/collections/plots/tiles/WebMercatorQuad/0/0/0?f=png")
    assert refused.status_code == 400


def test_conformance_lists_what_these_tests_show(service: Service):
    classes = service.client.get("/conformance").json()["conformsTo"]
    tiles = {c.rsplit("/", 1)[1] for c in classes if "ogcapi-tiles-1" in c}
    assert tiles == {"core", "tileset", "tilesets-list", "geodata-tilesets", "mvt", "geojson"}
    assert sum("/tms/2.0/" in c for c in classes) == 6


def test_tilejson(service: Service):
    answer = service.client.get("/tiles/plots.json", headers={"Accept-Language": "en"})
    content = answer.json()
    assert content["tilejson"] == "3.0.0"
    assert re.fullmatch(r"\d+\.\d+\.\d+", content["version"])
    assert 0 <= content["minzoom"] <= content["maxzoom"] <= 30
    west, south, east, north = content["bounds"]
    assert -180 <= west < east <= 180
    assert -90 <= south < north <= 90
    assert west < content["center"][0] < east
    (layer,) = content["vector_layers"]
    assert layer["id"] == "plots"
    assert layer["fields"]["area_m2"] == "Area (m²)"
    assert all(isinstance(v, str) and v for v in layer["fields"].values())
    assert "attribution" not in content
    (template,) = content["tiles"]
    x, y = service.tile(0)
    for name, value in (("z", 14), ("x", x), ("y", y)):
        template = template.replace(f"{{{name}}}", str(value))
    tile_ = service.client.get(template)
    assert "immutable" in tile_.headers["cache-control"]
    feature = decode(tile_.content)["plots"]["features"][0]
    assert set(feature["properties"]) <= set(layer["fields"])
    service.edit(5, "x")
    assert "?v=2" in service.client.get("/tiles/plots.json").json()["tiles"][0]
    assert service.client.get("/tiles/inspections.json").status_code == 404
