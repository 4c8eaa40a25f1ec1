"""What is stored of a feature, the version that somebody saw, and how two versions differ."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import shapely

from app.problems import Problem
from geo.layers import Layer
from geo.record.protocol import HistoryItem
from geo.snapshot.view import View


@dataclass(frozen=True)
class Stored:
    """A version of a feature: ``properties`` by field name, ``shape`` in EPSG:4490."""

    fid: int
    version: int
    properties: dict[str, Any]
    shape: shapely.Geometry | None


def stored(view: View, fid: int) -> Stored | None:
    """The feature as the view shows it, None when it is not there."""
    found = view.find(fid) if 0 < fid < 2**63 else None
    if found is None:
        return None
    segment, row = found
    rows = np.array([row])
    properties = {f.name: segment.column(f.name, rows)[0].as_py() for f in view.layer.fields}
    shape = segment.geometries(rows)[0] if view.layer.geometry else None
    return Stored(fid, segment.column("version", rows)[0].as_py(), properties, shape)


def of_history(fid: int, item: HistoryItem) -> Stored | None:
    """A version from the history, None for a deletion."""
    if item.attributes is None:
        return None
    shape = None if item.geometry is None else shapely.from_wkb(item.geometry)
    return Stored(fid, item.version, dict(item.attributes), shape)


def geojson(shape: shapely.Geometry | None) -> Any:
    return None if shape is None else orjson.loads(shapely.to_geojson(shape))


def differences(before: Stored | None, after: Stored | None) -> dict[str, Any]:
    """``{properties: {name: [before, after]}, geometry: bool}``; an absent version has nothing."""
    first = before.properties if before else {}
    second = after.properties if after else {}
    changed = {
        name: [first.get(name), second.get(name)]
        for name in dict.fromkeys([*second, *first])
        if first.get(name) != second.get(name)
    }
    return {"properties": changed, "geometry": not same_shape(before, after)}


def same_shape(before: Stored | None, after: Stored | None) -> bool:
    first, second = (each.shape if each else None for each in (before, after))
    if first is None or second is None:
        return first is second
    return bool(shapely.equals_exact(first, second))


def seen_version(header: str | None, layer: Layer, fid: int) -> int:
    """The version in ``If-Match``: 0 for a tag that is none of this feature.

    Raises `Problem` E_IF_MATCH (428) without a tag, and for ``*``, which would overwrite what
    nobody has seen.
    """
    tags = [tag.strip() for tag in (header or "").split(",") if tag.strip()]
    if not tags or "*" in tags:
        raise Problem(
            "E_IF_MATCH",
            "修改需要 If-Match：写明您看到的是哪个版本",
            "A change needs If-Match: say which version you saw",
            where="If-Match",
            fix=("先读取要素，把响应的 ETag 原样放入 If-Match",
                 "Read the feature and send its ETag as If-Match"),
        )  # fmt: skip
    known = re.compile(rf'"{re.escape(layer.id)}-{fid}-(\d{{1,18}})(-[0-9a-z]+)*"')
    versions = [int(found[1]) for tag in tags if (found := known.fullmatch(tag))]
    return max(versions, default=0)
