"""Views without a record: a segment straight from shapes, quick enough for many examples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from geo import crs
from geo.area import ellipsoidal_area, length
from geo.record.protocol import INSERT, Entries, attribute_schema
from geo.snapshot.rows import batch_of
from geo.snapshot.segment import index
from geo.snapshot.view import View
from geo.totals.total import Overlaps, Question, Total, total
from tests.geo.totals.questions.world import CATALOG, PLANE


def array(*shapes: Any) -> np.ndarray:
    """Shapes of the plane as they are stored (EPSG:4490)."""
    out = np.empty(len(shapes), dtype=object)
    out[:] = shapes
    return crs.transform(out, PLANE)


def view_of(layer: str, shapes: list[Any], fids: list[int] | None = None, **fields: list) -> View:
    """A layer with these shapes of the plane; fids 1, 2, 3, ... unless they are given."""
    definition = CATALOG.layers[layer]
    stored = array(*shapes)
    count = len(shapes)
    schema = attribute_schema(definition)
    given = {"code": [f"{layer}-{i}" for i in range(count)], **fields}
    columns = [pa.array(given.get(name, [None] * count), kind)
               for name, kind in zip(schema.names, schema.types, strict=True)]  # fmt: skip
    ones = np.ones(count, dtype=np.int64)
    measure = length if definition.geometry == "MultiLineString" else ellipsoidal_area
    entries = Entries(
        layer=layer,
        seq=np.arange(1, count + 1),
        revision=ones,
        fid=np.array(fids or range(1, count + 1), dtype=np.int64),
        version=ones,
        op=np.full(count, INSERT, dtype=np.int8),
        time=np.full(count, np.datetime64("2026-01-01", "us")),
        measure=measure(stored),
        attributes=pa.Table.from_arrays(columns, schema=schema),
        geometry=shapely.to_wkb(stored),
    )
    return View(definition, (index(definition, batch_of(definition, [entries])),), 1, 1)


def ask(views: dict[str, View], question: Question, overlaps: Overlaps | None = None) -> Total:
    empty = {name: View(layer, (), 1, 0) for name, layer in CATALOG.layers.items()}
    return total(lambda name: (views | {})[name] if name in views else empty[name],
                 question, CATALOG.layers, overlaps)  # fmt: skip
