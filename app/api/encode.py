"""Features as GeoJSON bytes: pre-encoded properties, compiled coordinates, no work per feature."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from app import ogc_crs
from geo.crs import gcj02
from geo.formats.csv import csv_bytes, wkt_column
from geo.formats.geojson import features_bytes, geometry_bytes, properties_json
from geo.layers import Layer
from geo.snapshot.flat import FlatGeometry, from_shapely
from geo.snapshot.rows import public_names
from geo.snapshot.segment import Rows, Segment
from geo.snapshot.view import Box, Page, RowFilter, View

_DEGREE_DECIMALS = 9  # 0.1 mm
_METRE_DECIMALS = 4


#: Features that are put together at a time.
CHUNK = 1000


def features(
    page: Page,
    view: View,
    properties: tuple[str, ...] | None,
    crs: ogc_crs.Crs,
    datum: gcj02.Offset | None,
    skip_geometry: bool,
) -> Iterator[bytes | memoryview]:
    """The features of a page in its order, comma-separated, in pieces of at most `CHUNK`."""
    owner = np.zeros(page.length, dtype=np.int64)
    row = np.zeros(page.length, dtype=np.int64)
    for number, (_, rows, places) in enumerate(page.parts):
        owner[places], row[places] = number, rows
    # Runs of rows from one segment; a page mostly is one run.
    cuts = np.union1d(np.flatnonzero(np.diff(owner)) + 1, np.arange(CHUNK, page.length, CHUNK))
    starts = [0, *cuts.tolist()] if page.length else []
    for start, end in zip(starts, [*starts[1:], page.length], strict=False):
        segment = page.parts[owner[start]][0]
        rows = row[start:end]
        encoded = rows_bytes(view.layer, segment, rows, crs, datum, properties, skip_geometry)
        if start:
            yield b","
        yield encoded


def rows_bytes(
    layer: Layer,
    segment: Segment,
    rows: Rows,
    crs: ogc_crs.Crs,
    datum: gcj02.Offset | None = None,
    properties: tuple[str, ...] | None = None,
    skip_geometry: bool = False,
) -> memoryview:
    """Rows of a segment as GeoJSON features with commas between them."""
    geometry = None
    if layer.geometry is not None and not skip_geometry:
        geometry = _geometries(segment, rows, crs, datum)
    fids = segment.fid[rows]
    if properties is None:
        return features_bytes(fids, geometry, segment.batch.column("_properties"), rows)
    chosen = {name: segment.column(name, rows) for name in properties}
    return features_bytes(fids, geometry, properties_json(chosen, len(rows)))


def csv_rows(
    view: View,
    filters: Sequence[RowFilter] = (),
    box: Box | None = None,
    properties: tuple[str, ...] | None = None,
) -> Iterator[tuple[int, bytes]]:
    """All matching rows as CSV: (rows in the piece, bytes); the header comes in the first.

    Column names are the field names, so that a table comes back in as it went out.
    """
    names = ["fid", *(properties or public_names(view.layer))]
    titles = [*names, "wkt"] if view.layer.geometry else names
    first = True
    for segment, rows in view.batches(filters, box):
        columns: dict[str, pa.Array] = {name: segment.column(name, rows) for name in names}
        if view.layer.geometry:
            columns["wkt"] = wkt_column(segment.geometries(rows))
        pieces = csv_bytes(columns, titles if first else None, bom=first)
        yield len(rows), b"".join(pieces)
        first = False
    if first:
        nothing = {name: pa.array([], pa.string()) for name in titles}
        yield 0, b"".join(csv_bytes(nothing, titles, bom=True))


def _geometries(
    segment: Segment, rows: Rows, crs: ogc_crs.Crs, datum: gcj02.Offset | None
) -> tuple[np.ndarray, np.ndarray]:
    decimals = _DEGREE_DECIMALS if crs.geographic else _METRE_DECIMALS
    if datum is None and crs.uri == ogc_crs.CRS84:
        return geometry_bytes(segment.flat, rows, decimals)
    flat = _alone(segment, rows)
    xy = gcj02.shift(flat.xy, datum) if datum else crs.from_lonlat(flat.xy)
    return geometry_bytes(flat, np.arange(len(rows)), decimals, np.ascontiguousarray(xy))


def _alone(segment: Segment, rows: Rows) -> FlatGeometry:
    """The rows' geometry by itself, so that only theirs is projected."""
    assert segment.layer.geometry is not None
    return from_shapely(segment.geometries(rows), segment.layer.geometry)
