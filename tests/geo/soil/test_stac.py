"""STAC items out are valid by pystac's own schemas; items in are read for bands and scaling."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pystac
import pytest

from geo.errors import Rejected
from geo.soil import raster, stac

pytestmark = pytest.mark.unit

URI = "S2B_MSIL2A_20190503T023549_N0211_R089_T51TXL_20190503T060118.SAFE"
C2 = {"landsat:collection_number": "02", "landsat:correction": "L2SP"}
TIFF = "image/tiff; application=geotiff; profile=cloud-optimized"


@pytest.fixture(scope="module")
def judge():
    """The schema of items that comes with pystac, with all it refers to; nothing is fetched."""
    folder = Path(pystac.__file__).parent / "validation" / "jsonschemas"
    known = {path.name: json.loads(path.read_text()) for path in folder.rglob("*.json")}
    return jsonschema_rs.validator_for(
        known["item.json"], retriever=lambda uri: known[uri.rstrip("#").rpartition("/")[2]]
    )


def item(properties: dict, assets: dict, **more) -> str:
    return json.dumps(
        {
            "type": "Feature", "stac_version": "1.0.0", "id": "S2A_51TXL", "links": [],
            "geometry": {"type": "Point", "coordinates": [123, 45]}, "bbox": [123, 45, 123, 45],
            "properties": {"datetime": "2023-05-03T02:35:41Z"} | properties, "assets": assets,
        } | more
    )  # fmt: skip


def test_our_items_are_valid_and_come_back(tmp_path, write, pixels, stated, judge) -> None:
    scene = raster.register(tmp_path, write("晚春.tif", pixels), stated)
    made = stac.item(scene, "晚春.tif")
    judge.validate(made)
    assert not judge.is_valid(made | {"stac_version": "0.9"})
    assert made["properties"]["title"] == "晚春"
    assert made["properties"]["datetime"] == "2025-05-03T02:45:00Z"
    assert made["properties"]["proj:code"] == "EPSG:32651"
    assert made["properties"]["liangtian:offset_applied"] == "no"
    west, south, east, north = made["bbox"]
    assert 123.8 < west < east < 124.0
    assert 45.4 < south < north < 45.6
    data = made["assets"]["data"]
    assert data["bands"][2]["eo:common_name"] == "red"
    assert data["bands"][2]["raster:offset"] == -0.1
    assert "raster:offset" not in data["bands"][4]
    parsed = pystac.Item.from_dict(made)
    assert parsed.datetime == scene.datetime
    assert parsed.to_dict(include_self_link=False, transform_hrefs=False) == made
    back = stac.read(json.dumps(made))
    assert back.sensor == scene.sensor
    assert back.tags == (scene.scale, scene.offset)
    assert {key: asset.bands[key] for key, asset in back.assets.items()} == scene.bands
    assert {asset.href for asset in back.assets.values()} == {"晚春.tif"}
    # Bands that are not used keep their numbers.
    gaps = scene.model_copy(update={"bands": {"R": 3, "N": 5}})
    judge.validate(stac.item(gaps))
    assert stac.read(json.dumps(stac.item(gaps))).assets["N"].bands == {"R": 3, "N": 5}


def test_sentinel_2_of_a_mirror() -> None:
    """As Earth Search writes them: offsets in raster:bands, although it has taken them off."""
    bands = {"type": TIFF, "raster:bands": [{"scale": 0.0001, "offset": -0.1, "nodata": 0}]}
    told = stac.read(
        item(
            {
                "constellation": "sentinel-2", "s2:processing_baseline": "05.09",
                "s2:product_type": "S2MSI2A", "earthsearch:boa_offset_applied": True,
            },
            {
                "blue": bands | {"href": "B02.tif"}, "red": bands | {"href": "B04.tif"},
                "nir": bands | {"href": "B08.tif"}, "nir08": bands | {"href": "B8A.tif"},
                "rededge1": bands | {"href": "B05.tif"},
                "scl": {"href": "SCL.tif", "type": TIFF},
                "blue-jp2": {"href": "B02.jp2", "type": "image/jp2"},
                "visual": bands | {"href": "TCI.tif", "eo:bands": [{"name": "red"}] * 3},
                "thumbnail": {"href": "http://127.0.0.1/x.jpg", "type": "image/jpeg"},
            },
            collection="sentinel-2-l2a",
        )
    )  # fmt: skip
    assert told.sensor == "sentinel-2-l2a"
    assert {key: asset.href for key, asset in told.assets.items()} == {
        "B": "B02.tif", "R": "B04.tif", "N": "B08.tif", "RE1": "B05.tif", "SCL": "SCL.tif",
    }  # fmt: skip
    assert (told.baseline, told.boa_offset_applied, told.tags) == ("05.09", True, (1e-4, -0.1))


def test_other_catalogues() -> None:
    planetary = stac.read(
        item(
            {"platform": "Sentinel-2B", "s2:product_uri": URI},
            {key: {"href": f"a/{key}.tif", "type": TIFF} for key in ("B02", "B8A")},
        )
    )  # fmt: skip
    assert planetary.baseline == "02.11"
    assert planetary.assets["N"].href == "a/B8A.tif"
    assert planetary.tags is None
    scaled = {"type": TIFF, "raster:bands": [{"scale": 2.75e-05, "offset": -0.2}]}
    for platform, nir in (("landsat-8", "SR_B5"), ("landsat-7", "SR_B4")):
        landsat = stac.read(
            item(
                {"platform": platform} | C2,
                {nir: scaled | {"href": "n.tif"}, "qa_pixel": {"href": "q.tif", "type": TIFF},
                 "qa_radsat": {"href": "r.tif", "type": TIFF}},
            )
        )  # fmt: skip
        assert landsat.sensor == "landsat-c2-l2"
        assert set(landsat.assets) == {"N", "QA_PIXEL", "QA_RADSAT"}
        assert landsat.tags == (2.75e-05, -0.2)
    named = {"x1": {"href": "x1.tif", "type": TIFF}, "x2": {"href": "x2.tif", "type": TIFF}}
    chosen = stac.read(item({"platform": "gf-1"}, named), {"R": "x1", "N": "x2"})
    assert (chosen.sensor, chosen.assets["N"].href) == ("custom", "x2.tif")


@pytest.mark.parametrize(
    "text",
    [
        b"", b"\xff\xfe", "[]", "{}", '{"type": "FeatureCollection"}', "[" * 100_000,
        item({}, {"x": {"href": "x.tif", "type": TIFF}}),
        item({"datetime": None}, {"red": {"href": "x.tif", "type": TIFF}}),
        item({"constellation": "sentinel-2", "processing:level": "L1C"},
             {"red": {"href": "x.tif", "type": TIFF}}),
        item({"platform": "landsat-8", "landsat:collection_number": "01"},
             {"red": {"href": "x.tif", "type": TIFF}}),
        item({"platform": "landsat-8", "landsat:correction": "L1TP"},
             {"red": {"href": "x.tif", "type": TIFF}}),
        item({}, {"red": {"href": "x.tif", "type": TIFF, "raster:bands": [{"scale": 1e-4}]},
                  "nir": {"href": "y.tif", "type": TIFF, "raster:bands": [{"scale": 2e-4}]}}),
    ],
)  # fmt: skip
def test_items_that_are_refused(text) -> None:
    with pytest.raises(Rejected) as caught:
        stac.read(text)
    assert caught.value.code == "E_STAC"


def test_assets_that_are_not_there() -> None:
    with pytest.raises(Rejected, match="no asset"):
        stac.read(item({}, {"red": {"href": "x.tif", "type": TIFF}}), {"R": "rot"})
