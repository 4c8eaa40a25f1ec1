"""GeoParquet 1.1, with the names of the fiboa field boundaries where a value fits.

https://geoparquet.org/releases/v1.1.0 and https://fiboa.org/specification: ``id``, ``area``
(hectares), ``perimeter`` is not stored, ``determination_datetime`` is when the feature was
last confirmed (``updated_at``). The layer's own columns stand beside them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely

from geo.crs import STORAGE, resolve
from geo.formats.source import GEOMETRY, Source, text_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FIBOA = "0.2.0"
_BBOX = pa.struct([(side, pa.float64()) for side in ("xmin", "ymin", "xmax", "ymax")])


def write(path: Path, source: Source) -> None:
    """Write row groups as the batches come, after a first look for the bounds."""
    metadata: dict[str, str] = {}
    sides = np.empty((0, 4))
    if source.has_geometry:
        sides = np.concatenate(
            [sides, *(shapely.bounds(source.shapes(batch)) for batch in source.batches())]
        )
        metadata["geo"] = json.dumps(_geo(source, sides))
    if source.layer.geometry == "MultiPolygon":
        collection = {"fiboa_version": _FIBOA, "fiboa_extensions": [], "id": source.layer.id,
                      "title": source.layer.title.zh}  # fmt: skip
        metadata["fiboa"] = json.dumps(collection, ensure_ascii=False)
    nothing = _table(source, pa.RecordBatch.from_pylist([], schema=source.schema), sides[:0])
    schema = nothing.schema.with_metadata(metadata)
    begin = 0
    with pq.ParquetWriter(path, schema, compression="zstd", version="2.6") as writer:
        for batch in _chunks(source):
            table = _table(source, batch, sides[begin : begin + len(batch)])
            writer.write_table(table.replace_schema_metadata(metadata))
            begin += len(batch)


def _chunks(source: Source, rows: int = 50_000) -> Any:
    """Batches put together to row groups of a useful size."""
    kept: list[pa.RecordBatch] = []
    for batch in source.batches():
        kept.append(batch)
        if sum(len(b) for b in kept) >= rows:
            yield pa.Table.from_batches(kept).combine_chunks().to_batches()[0]
            kept = []
    if kept:
        merged = pa.Table.from_batches(kept).combine_chunks().to_batches()
        if merged:
            yield merged[0]


def _table(source: Source, batch: pa.RecordBatch, sides: NDArray[np.float64]) -> pa.Table:
    columns: dict[str, pa.Array] = {}
    names = [name for name in source.names if name != "fid"]
    polygons = source.layer.geometry == "MultiPolygon"
    if polygons:
        key = source.layer.key[0] if len(source.layer.key) == 1 else None
        own = text_of(batch, key) if key in names else pa.nulls(len(batch), pa.string())
        columns["id"] = pc.coalesce(own, pc.cast(batch.column("fid"), pa.string()))
        if "area_ha" in names:
            columns["area"] = batch.column("area_ha")
        if "updated_at" in names:
            columns["determination_datetime"] = batch.column("updated_at").cast(
                pa.timestamp("ms", "UTC"), safe=False
            )
    columns["fid"] = batch.column("fid")
    columns |= {name: text_of(batch, name) for name in names}
    if source.has_geometry:
        if source.crs == STORAGE:
            columns[GEOMETRY] = batch.column(GEOMETRY).cast(pa.binary())
        else:
            columns[GEOMETRY] = pa.array(shapely.to_wkb(source.shapes(batch)), pa.binary())
        fields = [pa.array(sides[:, i], from_pandas=True) for i in range(4)]
        columns["bbox"] = pa.StructArray.from_arrays(
            fields, fields=list(_BBOX), mask=pa.array(np.isnan(sides[:, 0]))
        )
    schema = []
    for name, column in columns.items():
        about = {}
        if name in source.layer.by_name or name in source.names:
            about = {"title": source.title(name, "zh"), "title_en": source.title(name, "en")}
        schema.append(pa.field(name, column.type, nullable=name != "id", metadata=about))
    return pa.Table.from_arrays(list(columns.values()), schema=pa.schema(schema))


def _geo(source: Source, sides: NDArray[np.float64]) -> dict[str, Any]:
    covering = {side: ["bbox", side] for side in ("xmin", "ymin", "xmax", "ymax")}
    column: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": [source.layer.geometry],
        "crs": resolve(source.crs).to_json_dict(),
        "edges": "planar",
        "covering": {"bbox": covering},
    }
    known = sides[~np.isnan(sides[:, 0])]
    if len(known):
        column["bbox"] = [*known[:, :2].min(axis=0).tolist(), *known[:, 2:].max(axis=0).tolist()]
    return {"version": "1.1.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: column}}
