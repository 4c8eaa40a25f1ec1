"""STAC items: what we answer about a scene, and what is taken from an item that comes with files.

Reading follows no link and loads nothing: an item is one JSON text. Written by pystac's objects.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import pystac

from geo.errors import Rejected
from geo.soil.scaling import Sensor, baseline_of_name, parse_baseline
from geo.soil.scene import CLASS_BANDS, Scene

#: Band keys -> STAC common name, centre wavelength on Sentinel-2 in micrometres.
EO: dict[str, tuple[str, float]] = {
    "A": ("coastal", 0.443), "B": ("blue", 0.490), "G": ("green", 0.560), "R": ("red", 0.665),
    "RE1": ("rededge071", 0.704), "RE2": ("rededge075", 0.740), "RE3": ("rededge078", 0.783),
    "N": ("nir", 0.842), "S1": ("swir16", 1.610), "S2": ("swir22", 2.190),
}  # fmt: skip
#: Names of assets, of bands and common names, in lower case -> band keys. Landsat's SR_B2 to SR_B7
#: stand in `_LANDSAT`: the numbers mean other bands on other satellites.
_NAMES = {
    **{name: key for key, (name, _) in EO.items()},
    "rededge1": "RE1", "rededge2": "RE2", "rededge3": "RE3", "nir08": "N8",
    "b01": "A", "b02": "B", "b03": "G", "b04": "R", "b05": "RE1", "b06": "RE2", "b07": "RE3",
    "b08": "N", "b8a": "N8", "b11": "S1", "b12": "S2",
    "scl": "SCL", "qa_pixel": "QA_PIXEL", "qa_radsat": "QA_RADSAT",
}  # fmt: skip
_LANDSAT = {
    "oli": {"sr_b1": "A", "sr_b2": "B", "sr_b3": "G", "sr_b4": "R", "sr_b5": "N", "sr_b6": "S1",
            "sr_b7": "S2"},
    "tm": {"sr_b1": "B", "sr_b2": "G", "sr_b3": "R", "sr_b4": "N", "sr_b5": "S1", "sr_b7": "S2"},
}  # fmt: skip
MOST_BYTES = 4 << 20
_UNUSED = "unused-"
_RASTER = ("image/tiff", "image/jp2", "image/vnd.stac.geotiff")


@dataclass(frozen=True)
class Asset:
    """A file of an item: ``bands`` are our keys -> band numbers in it."""

    href: str
    bands: dict[str, int]
    scaling: tuple[float, float] | None = None


@dataclass(frozen=True)
class Told:
    """What an item says. ``assets``: by band key, the finest near infrared first."""

    id: str
    sensor: Sensor
    datetime: datetime
    assets: dict[str, Asset]
    tags: tuple[float, float] | None
    baseline: str | None = None
    boa_offset_applied: bool | None = None
    nodata: float | None = None
    others: tuple[str, ...] = field(default=())


def read(text: bytes | str, chosen: Mapping[str, str] | None = None) -> Told:
    """An item, version 1.0 or 1.1. ``chosen``: band keys -> names of assets, instead of ours.

    Raises `Rejected` E_STAC.
    """
    try:
        content = json.loads(text)
        if not isinstance(content, dict) or content.get("type") != "Feature":
            _refuse("不是 STAC 条目（type 应为 Feature）", "not a STAC item (type must be Feature)")
        item = pystac.Item.from_dict(content, migrate=False)
        assets = {str(key): asset.to_dict() for key, asset in item.assets.items()}
    except Rejected:
        raise
    except Exception as error:  # whatever pystac meets in a file that anybody wrote
        _refuse("不是可读的 STAC 条目", f"not a readable STAC item: {str(error)[:200]}")
    properties = item.properties
    sensor = _sensor(content, properties)
    found = _chosen(assets, chosen) if chosen else _recognised(assets, sensor, properties)
    if not set(found) - set(CLASS_BANDS):
        names = ", ".join(sorted(assets)[:40])
        _refuse(
            f"条目中没有认得的反射率波段；资产有：{names}",
            f"no asset of the item is a known band of reflectance; there are: {names}",
            ('用 bands 指明，如 {"B": "资产名"}', 'name them in bands, e.g. {"B": "asset"}'),
        )
    when = item.datetime or item.common_metadata.start_datetime
    if when is None:
        _refuse("条目没有成像时间", "the item has no datetime")
    applied = properties.get("earthsearch:boa_offset_applied")
    return Told(
        id=item.id[:200],
        sensor=sensor,
        datetime=when if when.tzinfo else when.replace(tzinfo=UTC),
        assets=found,
        tags=_one_scaling(found),
        baseline=_baseline(properties, item.id),
        boa_offset_applied=applied if isinstance(applied, bool) else None,
        others=tuple(sorted(assets)),
    )


def _refuse(zh: str, en: str, fix: tuple[str, str] | None = None) -> NoReturn:
    raise Rejected("E_STAC", zh, en, where="href", fix=fix)


def _sensor(content: Mapping[str, Any], properties: Mapping[str, Any]) -> Sensor:
    """By collection and platform; what is known not to be surface reflectance is refused."""
    own = properties.get("liangtian:sensor")
    if own in ("sentinel-2-l2a", "landsat-c2-l2", "custom"):
        return own
    words = " ".join(
        str(value).lower()
        for value in (
            content.get("collection"), properties.get("constellation"), properties.get("platform"),
            properties.get("processing:level"), properties.get("s2:product_type"),
            properties.get("landsat:correction"), content.get("id"),
        )
    )  # fmt: skip
    if "sentinel-2" in words or "msil" in words:
        if "l1c" in words or "s2msi1c" in words:
            _refuse(
                "这是大气层顶反射率（L1C），不是地表反射率",
                "this is top-of-atmosphere reflectance (L1C), not surface reflectance",
                ("请用 L2A 产品", "take the L2A product"),
            )
        return "sentinel-2-l2a"
    if "landsat" in words:
        number = str(properties.get("landsat:collection_number", "02"))
        level = str(properties.get("landsat:correction", "L2SP")).upper()
        if number != "02" or not level.startswith("L2"):
            _refuse(
                f"只用 Landsat Collection 2 的 Level 2（此条目为 {number}、{level}）：一级产品和旧"
                "版的比例、质量位都不同",
                f"only Landsat Collection 2 Level 2 is read (the item says {number}, {level}): "
                "scales and quality bits of others differ",
            )
        return "landsat-c2-l2"
    return "custom"


def _baseline(properties: Mapping[str, Any], name: str) -> str | None:
    for key in ("s2:processing_baseline", "processing:version"):
        text = properties.get(key)
        if isinstance(text, str) and parse_baseline(text) is not None:
            return text
    return baseline_of_name(str(properties.get("s2:product_uri", name)))


def _bands(asset: Mapping[str, Any]) -> list[dict[str, Any]]:
    """STAC 1.1 ``bands``, or ``eo:bands`` and ``raster:bands`` of 1.0 put together."""
    lists = [asset.get(name) for name in ("bands", "eo:bands", "raster:bands")]
    known = [
        [b if isinstance(b, dict) else {} for b in one] for one in lists if isinstance(one, list)
    ]
    length = max(map(len, known), default=0)
    merged: list[dict[str, Any]] = [{} for _ in range(length)]
    for one in known:
        for at, band in enumerate(one):
            merged[at] |= band
    return merged


def _scaling(asset: Mapping[str, Any], bands: list[dict[str, Any]]) -> tuple[float, float] | None:
    """Scale and offset of all bands of reflectance of an asset, where they are one."""
    found = set()
    for band in bands or [{}]:
        whole = {**asset, **band}
        scale = whole.get("raster:scale", whole.get("scale"))
        offset = whole.get("raster:offset", whole.get("offset", 0.0))
        if isinstance(scale, (int, float)) and isinstance(offset, (int, float)):
            found.add((float(scale), float(offset)))
    return found.pop() if len(found) == 1 else None


def _is_raster(asset: Mapping[str, Any]) -> bool:
    kind = str(asset.get("type", "")).split(";")[0].strip().lower()
    ending = str(asset.get("href", "")).split("?")[0].lower().rpartition(".")[2]
    return kind in _RASTER or (not kind and ending in ("tif", "tiff", "jp2"))


def key_of(name: str | None) -> str | None:
    """Our key of a band by what software calls it (``B02``, ``blue``, ``B``)."""
    if name in EO or name in CLASS_BANDS:
        return name
    key = _NAMES.get((name or "").strip().lower())
    return "N" if key == "N8" else key


def _recognised(
    assets: Mapping[str, Mapping[str, Any]], sensor: Sensor, properties: Mapping[str, Any]
) -> dict[str, Asset]:
    names = dict(_NAMES)
    if sensor == "landsat-c2-l2":
        old = any(n in str(properties.get("platform", "")).lower() for n in ("4", "5", "7"))
        names |= _LANDSAT["tm" if old else "oli"]
        names["nir08"] = "N"
    found: dict[str, Asset] = {}
    for name, asset in assets.items():
        if not _is_raster(asset):
            continue
        bands = _bands(asset)
        keys = _keys(name, bands, names)
        made = Asset(str(asset.get("href", "")), keys, _scaling(asset, bands))
        for key in keys:
            # The first wins: mirrors list a JPEG 2000 of the same band after the GeoTIFF.
            found.setdefault(key, made)
    narrow = found.pop("N8", None)
    if narrow is not None and "N" not in found:
        found["N"] = Asset(narrow.href, {"N": narrow.bands["N8"]}, narrow.scaling)
    return found


def _keys(name: str, bands: list[dict[str, Any]], names: Mapping[str, str]) -> dict[str, int]:
    if len(bands) > 1:
        own = [str(band.get("name")) for band in bands]
        used = {key: at for at, key in enumerate(own, start=1) if not key.startswith(_UNUSED)}
        if all(key in EO or key in CLASS_BANDS for key in used):  # our own items
            return used
        return {}  # pictures of three colours
    known = [
        name,
        *(str(band.get(k)) for band in bands for k in ("name", "common_name", "eo:common_name")),
    ]
    found = next((names[word.lower()] for word in known if word.lower() in names), None)
    return {found: 1} if found else {}


def _chosen(assets: Mapping[str, Mapping[str, Any]], chosen: Mapping[str, str]) -> dict[str, Asset]:
    missing = [name for name in chosen.values() if name not in assets]
    if missing:
        listed = ", ".join(sorted(assets)[:40])
        _refuse(
            f"条目中没有资产 {'、'.join(missing)}；有：{listed}",
            f"the item has no asset {', '.join(missing)}; there are: {listed}",
        )
    return {
        key: Asset(
            str(assets[name].get("href", "")),
            {key: 1},
            _scaling(assets[name], _bands(assets[name])),
        )
        for key, name in chosen.items()
    }


def _one_scaling(found: Mapping[str, Asset]) -> tuple[float, float] | None:
    pairs = {asset.scaling for key, asset in found.items() if key not in CLASS_BANDS}
    if len(pairs) > 1:
        _refuse(
            f"各波段的比例和偏移不一致：{sorted(map(str, pairs))}",
            f"scale and offset differ between the bands: {sorted(map(str, pairs))}",
            (
                "请给出全部波段通用的 scale 与 offset，或先换算为同一比例",
                "state one scale and offset, or convert the bands to one first",
            ),
        )
    return next(iter(pairs))


def item(scene: Scene, href: str | None = None) -> dict[str, Any]:
    """The scene as a STAC 1.1 item (projection, eo, raster, file and processing extensions)."""
    properties: dict[str, Any] = {
        "title": scene.title or scene.id,
        "proj:shape": [scene.height, scene.width],
        "proj:transform": list(scene.transform),
        "liangtian:sensor": scene.sensor,
        "liangtian:scaling": scene.how_scaled,
        "liangtian:offset_applied": scene.offset_applied,
        "liangtian:dark_nir": scene.dark_nir,
        "liangtian:warnings": [notice.model_dump() for notice in scene.warnings],
        "liangtian:retired": scene.retired,
    }
    if scene.crs.startswith("EPSG:"):
        properties["proj:code"] = scene.crs
    else:
        properties |= {"proj:code": None, "proj:wkt2": scene.crs}
    if scene.sensor != "custom":
        properties["constellation"] = scene.sensor.rsplit("-", 1)[0]
    if scene.baseline:
        properties["processing:version"] = scene.baseline
    if scene.sources:
        properties["liangtian:sources"] = [source.model_dump() for source in scene.sources]
    if scene.composed:
        properties["liangtian:composite"] = scene.composed.model_dump(mode="json")
    made = scene.composed
    whole = pystac.Item(
        id=scene.id,
        geometry={"type": "Polygon", "coordinates": [[list(p) for p in scene.footprint]]},
        bbox=list(scene.bbox),
        datetime=scene.datetime.astimezone(UTC),
        start_datetime=made.start.astimezone(UTC) if made else None,
        end_datetime=made.end.astimezone(UTC) if made else None,
        properties=properties,
        stac_extensions=[
            "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
            "https://stac-extensions.github.io/eo/v2.0.0/schema.json",
            "https://stac-extensions.github.io/raster/v2.0.0/schema.json",
            "https://stac-extensions.github.io/file/v2.1.0/schema.json",
            "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
        ],
    )
    whole.add_asset(
        "data",
        pystac.Asset(
            href=href or scene.path,
            media_type=pystac.MediaType.COG,
            roles=["data", "reflectance"],
            extra_fields={
                "bands": _band_list(scene),
                "data_type": scene.dtype,
                **({} if scene.nodata is None else {"nodata": scene.nodata}),
                # Multihash: 0x12 sha2-256, 0x20 bytes.
                "file:checksum": f"1220{scene.sha256}",
                "file:size": scene.size,
            },
        ),
    )
    return whole.to_dict(include_self_link=False, transform_hrefs=False)


def _band_list(scene: Scene) -> list[dict[str, Any]]:
    """One entry a band of the file up to the last that is used, so that numbers hold."""
    keys = {number: key for key, number in scene.bands.items()}
    return [_band(scene, keys.get(n, f"{_UNUSED}{n}")) for n in range(1, max(keys) + 1)]


def _band(scene: Scene, key: str) -> dict[str, Any]:
    if key not in EO:
        return {"name": key}
    name, wavelength = EO[key]
    return {
        "name": key,
        "eo:common_name": name,
        "eo:center_wavelength": wavelength,
        "raster:scale": scene.scale,
        "raster:offset": scene.offset,
    }


def main(arguments: dict[str, Any], _progress: object) -> dict[str, Any]:
    """``{path, chosen}`` -> what an item's file says, JSON-ready; for the limited process."""
    path = Path(arguments["path"])
    if path.stat().st_size > MOST_BYTES:
        _refuse("条目文件过大", "the item's file is too large")
    told = read(path.read_bytes(), arguments.get("chosen"))
    return asdict(told) | {"datetime": told.datetime.isoformat()}
