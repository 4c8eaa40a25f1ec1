"""Flat geometries as GeoArrow columns of an Arrow batch, and back without a copy.

The offsets are stored once, in ``_geometry`` (lon/lat); ``_mercator`` holds only
the projected vertices of the same rows, as one list a row, so that it can be
taken and concatenated along with them. A base has ``_level`` besides: from which
zoom on each vertex is needed.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from geo.layers import GeometryType
from geo.snapshot.flat import FlatGeometry

_XY = pa.list_(pa.field("xy", pa.float64(), nullable=False), 2)
_EXTENSION = {
    "Point": "geoarrow.point",
    "MultiLineString": "geoarrow.multilinestring",
    "MultiPolygon": "geoarrow.multipolygon",
}
_CRS = '{"crs": "EPSG:4490", "crs_type": "authority_code"}'


def _vertices(xy: np.ndarray) -> pa.Array:
    values = pa.array(np.ascontiguousarray(xy, dtype=np.float64).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(values, type=_XY)


def _nested(offsets: np.ndarray, inner: pa.Array) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array(offsets, type=pa.int32()), inner)


def columns(flat: FlatGeometry) -> list[tuple[pa.Field, pa.Array]]:
    """The two columns of a segment: GeoArrow ``_geometry`` and flat ``_mercator``."""
    if flat.ring is None:
        geometry, mercator = (_vertices(_one_a_row(flat, xy)) for xy in (flat.xy, flat.mercator))
    else:
        geometry, mercator = _vertices(flat.xy), _vertices(flat.mercator)
        vertex_of_row = flat.row
        geometry = _nested(flat.ring, geometry)
        if flat.part is not None:
            geometry = _nested(flat.part, geometry)
            vertex_of_row = flat.part[vertex_of_row]
        geometry = _nested(flat.row, geometry)
        mercator = _nested(flat.ring[vertex_of_row], mercator)
    metadata = {
        "ARROW:extension:name": _EXTENSION[flat.kind],
        "ARROW:extension:metadata": _CRS,
    }
    return [
        (pa.field("_geometry", geometry.type, metadata=metadata), geometry),
        (pa.field("_mercator", mercator.type), mercator),
    ]


def add_levels(batch: pa.RecordBatch, level: np.ndarray) -> pa.RecordBatch:
    """The batch with ``_level``, uint8[v], beside the vertices (lines and polygons)."""
    lists = pa.ListArray.from_arrays(batch.column("_mercator").offsets, pa.array(level))
    return batch.append_column(pa.field("_level", lists.type), lists)


def _one_a_row(flat: FlatGeometry, xy: np.ndarray) -> np.ndarray:
    """Points with NaN for rows that have none."""
    rows = np.full((len(flat), 2), np.nan)
    rows[np.diff(flat.row) > 0] = xy
    return rows


def _offsets(array: pa.ListArray) -> np.ndarray:
    return array.offsets.to_numpy(zero_copy_only=True)


def _flat_xy(array: pa.Array) -> np.ndarray:
    return array.values.to_numpy(zero_copy_only=True).reshape(-1, 2)


def flat_geometry(batch: pa.RecordBatch, kind: GeometryType) -> FlatGeometry:
    """View the geometry columns of an unsliced batch as flat arrays (no copy)."""
    geometry, mercator = batch.column("_geometry"), batch.column("_mercator")
    if kind == "Point":
        xy, projected = _flat_xy(geometry), _flat_xy(mercator)
        there = ~np.isnan(xy[:, 0])
        row = np.concatenate(([0], np.cumsum(there))).astype(np.int32)
        if not there.all():
            xy, projected = xy[there], projected[there]
        return FlatGeometry(kind, xy, projected, None, None, row)
    rows = _offsets(geometry)
    inner, part = geometry.values, None
    if kind == "MultiPolygon":
        part, inner = _offsets(inner), inner.values
    ring = _offsets(inner)
    level = None
    if "_level" in batch.schema.names:
        level = batch.column("_level").values.to_numpy(zero_copy_only=True)
    xy, projected = _flat_xy(inner.values), _flat_xy(mercator.values)
    return FlatGeometry(kind, xy, projected, ring, part, rows, level)
