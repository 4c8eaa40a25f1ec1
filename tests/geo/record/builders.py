"""Small layers and change sets for the tests of the record."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa
import shapely

from geo.layers import Catalog, Field, FieldType, Layer, Text
from geo.record.geopackage import GeoPackageRecord, open_record
from geo.record.protocol import Author, ChangeSet, attribute_schema

AUTHOR = Author("王工", "测试", "seed")


def text(value: str) -> Text:
    return Text(zh=value, en=value)


def field(name: str, kind: FieldType = "string", **more: object) -> Field:
    return Field(name=name, title=text(name), type=kind, **more)  # type: ignore[arg-type]


FIELDS = (
    field("code"),
    field("type"),  # also a column of SQLite's json_each
    field("ph", "number"),
    field("count", "integer"),
    field("saline", "boolean"),
    field("day", "date"),
    field("seen", "datetime"),
)


def layer(name: str, geometry: str | None, fields: tuple[Field, ...] = FIELDS) -> Layer:
    return Layer(
        id=name,
        title=text(f"图层 {name}"),
        description=text("说明"),
        geometry=geometry,  # type: ignore[arg-type]
        fields=fields,
    )


def catalog(*layers: Layer) -> Catalog:
    chosen = layers or (
        layer("plots", "MultiPolygon"),
        layer("canals", "MultiLineString"),
        layer("samples", "Point"),
        layer("treatments", None),
    )
    return Catalog({item.id: item for item in chosen}, {})


def table(n: int, definition: Layer | None = None, start: int = 0) -> pa.Table:
    """n rows with values of every type and a null now and then."""
    makers = {
        "string": lambda i: None if i % 7 == 3 else f'地块"{i}"\n',
        "integer": lambda i: None if i % 7 == 4 else i * 10**12,
        "number": lambda i: None if i % 7 == 5 else i + 0.1,
        "boolean": lambda i: (True, False, None)[i % 3],
        "date": lambda i: None if i % 7 == 6 else dt.date(2024, 1, 1) + dt.timedelta(i % 1000),
        "datetime": lambda i: (
            dt.datetime(2024, 5, 1, 2, 3, 4, 567000, dt.UTC) + dt.timedelta(seconds=i)
        ),
    }
    fields = definition.fields if definition else FIELDS
    columns = [[makers[f.type](i) for i in range(start, start + n)] for f in fields]
    schema = attribute_schema(definition) if definition else attribute_schema(layer("any", None))
    return pa.Table.from_arrays(
        [pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)],
        schema=schema,
    )


def squares(n: int, start: int = 0) -> np.ndarray:
    west = 122 + 0.002 * (np.arange(start, start + n) % 500)
    south = 45 + 0.002 * (np.arange(start, start + n) // 500)
    return shapely.box(west, south, west + 0.001, south + 0.001)


def plots(n: int, start: int = 0) -> ChangeSet:
    return ChangeSet.inserts("plots", table(n, start=start), squares(n, start))


def create(path: Path, *layers: Layer) -> GeoPackageRecord:
    return open_record(path, catalog(*layers))
