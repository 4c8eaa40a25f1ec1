"""From entries of the change log to the columns of a segment."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from geo.formats.geojson import properties_json
from geo.layers import FieldType, Layer
from geo.record.protocol import DELETE, Entries, attribute_schema, measure_column
from geo.snapshot import flat as flats
from geo.snapshot.anchor import anchor
from geo.snapshot.geoarrow import columns as geometry_columns
from geo.units import SQUARE_METRES_PER_MU

_TYPES: dict[FieldType, pa.DataType] = {
    "string": pa.dictionary(pa.int32(), pa.string()),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "datetime": pa.timestamp("us", tz="UTC"),
}
_UTC = pa.timestamp("us", tz="UTC")


def public_names(layer: Layer) -> list[str]:
    """Names of the properties that a feature shows, in order."""
    return [f.name for f in layer.fields] + [*layer.measures, "version", "updated_at"]


def sorted_dictionary(array: pa.Array | pa.ChunkedArray) -> pa.DictionaryArray:
    """Dictionary-encode with a sorted dictionary, so that codes compare as the texts do."""
    if isinstance(array, pa.ChunkedArray):
        array = array.unify_dictionaries().combine_chunks()
        if isinstance(array, pa.ChunkedArray):
            array = array.chunk(0) if array.num_chunks else pa.array([], array.type)
    if not pa.types.is_dictionary(array.type):
        array = pc.dictionary_encode(array)
    words = array.dictionary.cast(pa.string())
    order = pc.sort_indices(words).to_numpy()
    codes = np.empty(len(order), dtype=np.int32)
    codes[order] = np.arange(len(order), dtype=np.int32)
    indices = pc.take(pa.array(codes), array.indices.cast(pa.int32()))
    return pa.DictionaryArray.from_arrays(indices, words.take(pa.array(order)))


def batch_of(layer: Layer, entries: Iterable[Entries]) -> pa.RecordBatch:
    """Rows of a segment from log entries (in seq order); deletions close rows, they make none.

    Within the batch an older version of a feature is closed by the next one.
    """
    parts = list(entries) or [_no_entries(layer)]
    fid = np.concatenate([p.fid for p in parts])
    revision = np.concatenate([p.revision for p in parts])
    kept = np.concatenate([p.op for p in parts]) != DELETE
    closed = _closings(fid, revision)[kept]

    attributes = pa.concat_tables([p.attributes for p in parts]).filter(pa.array(kept))
    data: dict[str, pa.Array] = {}
    for field in layer.fields:
        column = attributes.column(field.name)
        if field.type == "string":
            data[field.name] = sorted_dictionary(column)
        else:
            data[field.name] = column.combine_chunks().cast(_TYPES[field.type])
    measure = measure_column(layer)
    if measure:
        values = np.concatenate([p.measure for p in parts])[kept]
        data[measure] = pa.array(values, from_pandas=True)
    data["version"] = pa.array(np.concatenate([p.version for p in parts])[kept], type=pa.int64())
    time = np.concatenate([p.time for p in parts])[kept].astype("datetime64[us]")
    data["updated_at"] = pa.array(time).cast(_UTC)

    shown = dict(data)
    if measure == "area_m2":
        shown["area_ha"] = pc.multiply(data["area_m2"], 1e-4)
        shown["area_mu"] = pc.multiply(data["area_m2"], float(1 / SQUARE_METRES_PER_MU))
    columns: list[tuple[pa.Field, pa.Array]] = [
        (pa.field("fid", pa.int64()), pa.array(fid[kept], type=pa.int64())),
        (pa.field("revision", pa.int64()), pa.array(revision[kept], type=pa.int64())),
        (pa.field("_closed", pa.int64()), pa.array(closed, type=pa.int64())),
        *((pa.field(name, array.type), array) for name, array in data.items()),
    ]
    properties = properties_json({name: shown[name] for name in public_names(layer)})
    columns.append((pa.field("_properties", properties.type), properties))
    if layer.geometry:
        wkb = np.concatenate([p.geometry for p in parts])[kept]
        columns += _geometry(layer, shapely.from_wkb(wkb))
    schema = pa.schema([field for field, _ in columns])
    return pa.RecordBatch.from_arrays([array for _, array in columns], schema=schema)


def _no_entries(layer: Layer) -> Entries:
    none = np.empty(0, dtype=np.int64)
    return Entries(
        layer=layer.id,
        seq=none,
        revision=none,
        fid=none,
        version=none,
        op=np.empty(0, dtype=np.int8),
        time=np.empty(0, dtype="datetime64[us]"),
        measure=np.empty(0),
        attributes=attribute_schema(layer).empty_table(),
        geometry=np.empty(0, dtype=object),
    )


def _geometry(layer: Layer, shapes: np.ndarray) -> list[tuple[pa.Field, pa.Array]]:
    assert layer.geometry is not None
    box = shapely.bounds(shapes)
    sides = [
        (pa.field(name, pa.float64()), pa.array(np.ascontiguousarray(box[:, i])))
        for i, name in enumerate(("_minx", "_miny", "_maxx", "_maxy"))
    ]
    middle = np.column_stack((box[:, 0] + box[:, 2], box[:, 1] + box[:, 3])) / 2
    anchors = (pa.field("_anchor", pa.int64()), pa.array(anchor(flats.web_mercator(middle))))
    return [*sides, anchors, *geometry_columns(flats.from_shapely(shapes, layer.geometry))]


def _closings(fid: np.ndarray, revision: np.ndarray) -> np.ndarray:
    """For each entry the revision of the next entry of the same feature, 0 if none."""
    closed = np.zeros(len(fid), dtype=np.int64)
    order = np.argsort(fid, kind="stable")
    same = fid[order][1:] == fid[order][:-1]
    closed[order[:-1][same]] = revision[order[1:][same]]
    return closed


def concat(layer: Layer, batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    """One batch of several; dictionaries are merged and stay sorted."""
    table = pa.Table.from_batches([_plain(batch) for batch in batches])
    columns = []
    for name in table.schema.names:
        column = table.column(name)
        field = layer.by_name.get(name)
        if field is not None and field.type == "string":
            columns.append(sorted_dictionary(column))
        else:
            columns.append(column.combine_chunks() if column.num_chunks != 1 else column.chunk(0))
    schema = pa.schema([table.schema.field(i).with_type(c.type) for i, c in enumerate(columns)])
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    # Extension metadata may differ between a mapped and a fresh batch; values may not.
    batch = batch.replace_schema_metadata(None)
    # Levels depend on the neighbours, and those may be others now.
    return batch.drop_columns(["_level"]) if "_level" in batch.schema.names else batch
