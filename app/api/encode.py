"""Features of a page as GeoJSON bytes: pre-encoded properties, compiled coordinates."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa

from app import ogc_crs
from geo.crs import gcj02
from geo.formats.geojson import geometry_bytes, properties_json
from geo.layers import Layer
from geo.snapshot.flat import FlatGeometry, from_shapely
from geo.snapshot.segment import Rows, Segment
from geo.snapshot.view import Page, View

_DEGREE_DECIMALS = 9  # 0.1 mm
_METRE_DECIMALS = 4


def features(
    page: Page,
    view: View,
    properties: tuple[str, ...] | None,
    crs: ogc_crs.Crs,
    datum: gcj02.Offset | None,
    skip_geometry: bool,
) -> bytes:
    """The features of a page, comma-separated, in the order of the page."""
    out: list[bytes] = [b""] * page.length
    for segment, rows, places in page.parts:
        encoded = rows_bytes(view.layer, segment, rows, crs, datum, properties, skip_geometry)
        for place, feature in zip(places.tolist(), encoded, strict=True):
            out[place] = feature
    return b",".join(out)


def rows_bytes(
    layer: Layer,
    segment: Segment,
    rows: Rows,
    crs: ogc_crs.Crs,
    datum: gcj02.Offset | None = None,
    properties: tuple[str, ...] | None = None,
    skip_geometry: bool = False,
) -> list[bytes]:
    """Each row as a GeoJSON feature."""
    shapes = _geometries(layer, segment, rows, crs, datum, skip_geometry)
    values = properties_of(segment, rows, properties)
    return [
        b'{"type":"Feature","id":%d,"geometry":%b,"properties":%b}' % each
        for each in zip(segment.fid[rows].tolist(), shapes, values, strict=True)
    ]


def properties_of(segment: Segment, rows: Rows, properties: tuple[str, ...] | None) -> list[bytes]:
    """The ``properties`` object of each row."""
    if properties is None:
        encoded = segment.batch.column("_properties").take(pa.array(rows))
    else:
        encoded = properties_json({name: segment.column(name, rows) for name in properties})
    if len(encoded) and not properties and properties is not None:
        return [b"{}"] * len(encoded)
    return _slices(*_binary(encoded))


def _binary(array: pa.Array) -> tuple[memoryview, np.ndarray]:
    _, offsets, data = array.buffers()
    at = np.frombuffer(offsets, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
    return memoryview(data) if data is not None else memoryview(b""), at


def _slices(data: memoryview, offsets: np.ndarray) -> list[bytes]:
    ends = offsets.tolist()
    whole = bytes(data[ends[0] : ends[-1]]) if ends else b""
    base = ends[0] if ends else 0
    return [whole[a - base : b - base] for a, b in pairwise(ends)]


def _geometries(
    layer: Layer,
    segment: Segment,
    rows: Rows,
    crs: ogc_crs.Crs,
    datum: gcj02.Offset | None,
    skip: bool,
) -> list[bytes]:
    if skip or layer.geometry is None:
        return [b"null"] * len(rows)
    flat = segment.flat
    decimals = _DEGREE_DECIMALS if crs.geographic else _METRE_DECIMALS
    if datum or crs.uri != ogc_crs.CRS84:
        flat, rows = _own_rows(segment, rows, crs, datum)
    buffer, offsets = geometry_bytes(flat, rows, decimals)
    return _slices(memoryview(buffer.data), offsets)


def _own_rows(
    segment: Segment, rows: Rows, crs: ogc_crs.Crs, datum: gcj02.Offset | None
) -> tuple[FlatGeometry, Rows]:
    """The rows' geometry by itself, in another coordinate system."""
    assert segment.layer.geometry is not None
    flat = from_shapely(segment.geometries(rows), segment.layer.geometry)
    xy = gcj02.shift(flat.xy, datum) if datum else crs.from_lonlat(flat.xy)
    moved = FlatGeometry(
        flat.kind, np.ascontiguousarray(xy), flat.mercator, flat.ring, flat.part, flat.row
    )
    return moved, np.arange(len(rows))
