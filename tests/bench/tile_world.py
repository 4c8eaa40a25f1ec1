"""Parcels on a lattice as a base holds them, for benchmarks of tiles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import shapely

from geo.area import ellipsoidal_area
from geo.layers import Field, FieldType, Layer, Text
from geo.record.protocol import INSERT, Entries
from geo.snapshot import rows
from geo.snapshot.base import merge
from geo.snapshot.segment import Segment, index
from geo.snapshot.view import View

MIDDLE = (122.9, 45.3)
FIELDS: dict[str, FieldType] = {
    "code": "string",
    "name": "string",
    "county": "string",
    "land": "string",
    "year": "integer",
    "grade": "integer",
    "done": "date",
}
NAMES = (*FIELDS, "area_m2")
_ANY = Text(zh="-", en="-")
LAYER = Layer(
    id="parcels",
    title=_ANY,
    description=_ANY,
    geometry="MultiPolygon",
    key=("code",),
    fields=tuple(Field(name=name, title=_ANY, type=kind) for name, kind in FIELDS.items()),
)


def parcels(count: int) -> np.ndarray:
    """A bent lattice of parcels (about 300 m x 200 m, 12 points) around `MIDDLE`."""
    side = int(np.ceil(np.sqrt(count)))
    rng = np.random.default_rng(7)
    node = np.stack(np.meshgrid(np.arange(side + 1.0), np.arange(side + 1.0)), axis=-1)
    node += rng.uniform(-0.2, 0.2, node.shape)
    node = node * (0.0039, 0.0018) + MIDDLE - np.array([side * 0.00195, side * 0.0009])
    corners = [node[:-1, :-1], node[:-1, 1:], node[1:, 1:], node[1:, :-1]]
    ring = []
    for a, b in zip(corners, corners[1:] + corners[:1], strict=True):
        for t in (0, 1 / 3, 2 / 3):
            wobble = 0 if t == 0 else rng.uniform(-4e-5, 4e-5, a.shape)
            ring.append(a + (b - a) * t + wobble)
    return shapely.polygons(np.stack([*ring, ring[0]], axis=-2).reshape(-1, 13, 2)[:count])


def attributes(count: int) -> pa.Table:
    """The seven fields; the eighth attribute is the area."""
    rng = np.random.default_rng(1)

    def words(values: list[str], numbers: np.ndarray) -> pa.Array:
        codes = pa.array(numbers.astype(np.int32))
        return pa.DictionaryArray.from_arrays(codes, pa.array(values)).cast(pa.string())

    days = rng.integers(18000, 20000, count).astype(np.int32)
    counties = ["220802", "220821", "220822", "220881", "220882"]
    return pa.table(
        {
            "code": words([f"2208{i:08d}" for i in range(count)], rng.permutation(count)),
            "name": words([f"示范田{i}" for i in range(3000)], rng.integers(0, 3000, count)),
            "county": words(counties, rng.integers(0, 5, count)),
            "land": words(["0101", "0102", "0103"], rng.integers(0, 3, count)),
            "year": pa.array(rng.integers(2011, 2026, count)),
            "grade": pa.array(rng.integers(1, 11, count)),
            "done": pa.array(days).cast(pa.date32()),
        }
    )


def view(folder: Path, shapes: np.ndarray, table: pa.Table, areas: np.ndarray) -> View:
    """The layer with one base, mapped from ``folder`` as a worker maps it; fids are 1, 2, ..."""
    fids = np.arange(1, len(shapes) + 1)
    ones = np.ones(len(shapes), dtype=np.int64)
    entries = Entries(
        layer=LAYER.id,
        seq=fids,
        revision=ones,
        fid=fids,
        version=ones,
        op=np.full(len(shapes), INSERT, dtype=np.int8),
        time=np.full(len(shapes), np.datetime64("2025-01-01T00:00:00", "us")),
        measure=areas,
        attributes=table,
        geometry=shapely.to_wkb(shapes),
    )
    fresh = index(LAYER, rows.batch_of(LAYER, [entries]))
    merge(LAYER, [(fresh, None)]).with_levels().write(folder, "base")
    return View(LAYER, (Segment.open(LAYER, folder, "base"),), revision=1, touched=1)


def measured(count: int) -> tuple[np.ndarray, pa.Table, np.ndarray]:
    """Shapes, attributes and areas of ``count`` parcels."""
    shapes = parcels(count)
    return shapes, attributes(count), ellipsoidal_area(shapes)
