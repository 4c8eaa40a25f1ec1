"""Layers made for tests of whole tiles, and every tile of a zoom, decoded."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from geo.crs.gcj02 import Offset, shift
from geo.layers import Catalog, GeometryType, Layer
from geo.record.geopackage import open_record
from geo.record.protocol import Author, ChangeSet, attribute_schema
from geo.snapshot import base
from geo.snapshot.flat import web_mercator
from geo.snapshot.store import Snapshots
from geo.snapshot.view import RowFilter, View
from geo.tiles.draw import Kind, draw
from geo.tiles.grid import MatrixSet, Tile, tile
from tests.geo.tiles import mvt_decoder

AUTHOR = Author("test", "tiles")
CLASSES = ["0101", "0102", "0103", "other", "none"]


def layer_of(geometry: GeometryType) -> Layer:
    return Layer.model_validate(
        {
            "id": "things",
            "title": {"zh": "物", "en": "Things"},
            "description": {"zh": "测试", "en": "Test"},
            "geometry": geometry,
            "key": ["code"],
            "class_field": "kind",
            "style": {"by": "stage"},
            "fields": [
                {"name": "code", "title": {"zh": "编号", "en": "Code"}, "search": True},
                {"name": "kind", "title": {"zh": "类", "en": "Kind"}},
                {"name": "stage", "title": {"zh": "阶段", "en": "Stage"}},
                {"name": "grade", "title": {"zh": "等级", "en": "Grade"}, "type": "integer"},
                {"name": "note", "title": {"zh": "备注", "en": "Note"}},
            ],
        }
    )


class World:
    """A record of one layer, followed by a snapshot."""

    def __init__(self, folder: Path, geometry: GeometryType) -> None:
        self.layer = layer_of(geometry)
        self.folder = folder
        self.record = open_record(folder / "r.gpkg", Catalog({"things": self.layer}, {}))

    def table(self, count: int, seed: int = 0, **columns: Any) -> pa.Table:
        rng = np.random.default_rng(seed)
        values = {
            "code": [f"220882{i:06d}" for i in range(count)],
            "kind": [[*CLASSES, None][k] for k in rng.integers(0, 6, count)],
            "stage": [["begun", "done", None][k] for k in rng.integers(0, 3, count)],
            "grade": rng.integers(1, 11, count).tolist(),
            "note": [None] * count,
        }
        return pa.table(values | columns, schema=attribute_schema(self.layer))

    def insert(self, shapes: np.ndarray, seed: int = 0, **columns: Any) -> np.ndarray:
        table = self.table(len(shapes), seed, **columns)
        return self.record.commit([ChangeSet.inserts("things", table, shapes)], AUTHOR)[1][0]

    def delete(self, fids: np.ndarray) -> None:
        self.record.commit([ChangeSet.deletes("things", fids)], AUTHOR)

    def compact(self) -> None:
        assert base.compact(self.record, self.layer, self.folder / "snapshots")

    def view(self, as_of: int | None = None) -> View:
        return Snapshots(self.record, self.folder / "snapshots").view("things", as_of)


def tiles_of(
    view: View, z: int, matrix: MatrixSet = "WebMercatorQuad", datum: Offset | None = None
) -> list[Tile]:
    """Every tile of a zoom that may show anything of the layer."""
    found: set[tuple[int, int]] = set()
    whole = tile(0, 0, 0, matrix)
    size = (whole.bounds[2] - whole.bounds[0]) / 2**z
    wide = 2**z * (2 if matrix == "WorldCRS84Quad" else 1)
    for segment, rows in view.match():
        bounds = segment.bounds(rows)
        corners = []
        for side in (bounds[:, :2], bounds[:, 2:]):
            moved = shift(side, datum) if datum else side
            corners.append(moved if matrix == "WorldCRS84Quad" else web_mercator(moved))
        low, high = corners
        # A step more on each side: what lies on an edge may be in either tile.
        more = size / 4096
        x0, x1 = ((c - whole.bounds[0]) // size for c in (low[:, 0] - more, high[:, 0] + more))
        y0, y1 = ((whole.bounds[3] - c) // size for c in (high[:, 1] + more, low[:, 1] - more))
        for i in np.flatnonzero(~np.isnan(bounds[:, 0])):
            for x in range(int(x0[i]), int(x1[i]) + 1):
                for y in range(int(y0[i]), int(y1[i]) + 1):
                    found.add((min(max(x, 0), wide - 1), min(max(y, 0), 2**z - 1)))
    return [tile(z, x, y, matrix) for x, y in sorted(found)]


def features(body: bytes, kind: Kind) -> Iterator[tuple[int | None, dict[str, Any], Any]]:
    """Id (None: an aggregate), properties and geometry of each feature of a tile."""
    if kind == "geojson":
        for each in json.loads(body)["features"]:
            yield each.get("id"), each["properties"], each["geometry"]
    elif body:
        (layer,) = mvt_decoder.decode(body).values()
        for each in layer["features"]:
            yield each["id"], each["properties"], each["parts"]


def summed(
    view: View,
    z: int,
    kind: Kind,
    names: tuple[str, ...],
    filters: tuple[RowFilter, ...] = (),
    matrix: MatrixSet = "WebMercatorQuad",
    datum: Offset | None = None,
) -> Counter[str]:
    """Sums over all tiles of a zoom: aggregates as they are, features once by their id."""
    total: Counter[str] = Counter()
    seen: set[int] = set()
    measure = view.layer.measures[0] if view.layer.measures else None
    for each in tiles_of(view, z, matrix, datum):
        body = draw(view, each, kind, names, filters, datum)
        total["largest"] = max(total["largest"], len(body))
        for fid, properties, _ in features(body, kind):
            if properties.get("aggregate"):
                assert fid is None
                for name, value in properties.items():
                    if name == "count" or (measure or "count") in name:
                        total[name] += value
                continue
            assert fid is not None
            if fid not in seen:
                seen.add(fid)
                total["count"] += 1
                if measure:
                    total[measure] += properties[measure]
                    total[f"{measure}_{properties.get('kind') or 'null'}"] += properties[measure]
    return total


def parcels(seed: int, count: int = 300) -> np.ndarray:
    """Parcels of all sorts: large, tiny, with holes, of several parts, on the edges of tiles."""
    rng = np.random.default_rng(seed)
    out = []
    for i in range(count):
        x, y = rng.uniform((121.7, 44.2), (124.3, 46.3))
        size = 10.0 ** rng.uniform(-5.5, -1.5)
        shape = shapely.box(x, y, x + size, y + size * rng.uniform(0.2, 1.5))
        if i % 5 == 1:
            shape = shapely.Point(x, y).buffer(size, quad_segs=int(rng.integers(2, 40)))
        if i % 7 == 2:
            shape = shape.difference(shapely.Point(shape.centroid).buffer(size / 8))
        if i % 11 == 3:
            other = shapely.box(x + 1.5 * size, y, x + 1.6 * size, y + size / 10)
            shape = shapely.union(shape, other)
        out.append(shape)
    for z in (3, 7, 10, 12, 14):
        # Centred exactly on a corner of four tiles, and with an edge exactly on a tile's.
        edge = tile(z, int(2**z * (122.9 + 180) / 360), int(2**z * 0.355)).lonlat(0)
        out += [
            shapely.box(edge[0] - 1e-4, edge[3] - 1e-4, edge[0] + 1e-4, edge[3] + 1e-4),
            shapely.box(edge[0], edge[3] - 1e-3, edge[0] + 1e-3, edge[3]),
            shapely.box(edge[0] - 1e-7, edge[3] - 1e-7, edge[0], edge[3]),
        ]
    return np.array(out)
