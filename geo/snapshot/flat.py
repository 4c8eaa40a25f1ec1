"""Geometries of many rows as plain arrays: what the compiled kernels work on.

The layout is GeoArrow's: coordinates in one array, offsets into it per ring,
per part and per row. The arrays may be memory-mapped; nothing here copies them
on reading.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.layers import GeometryType

#: Radius of the sphere of EPSG:3857, metres.
MERCATOR_RADIUS = 6378137.0

_ACCEPTED: dict[str, frozenset[int]] = {
    "Point": frozenset({shapely.GeometryType.POINT}),
    "MultiLineString": frozenset(
        {
            shapely.GeometryType.LINESTRING,
            shapely.GeometryType.LINEARRING,
            shapely.GeometryType.MULTILINESTRING,
        }
    ),
    "MultiPolygon": frozenset({shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON}),
}
_EMPTY: dict[str, Callable[[], Any]] = {
    "Point": shapely.Point,
    "MultiLineString": shapely.MultiLineString,
    "MultiPolygon": shapely.MultiPolygon,
}


@dataclass(frozen=True, eq=False)
class FlatGeometry:
    """GeoArrow as plain arrays.

    ``xy`` and ``mercator`` have one line a vertex and the same order. A null or
    empty geometry is a row with nothing in it (``row[i] == row[i + 1]``).
    ``level`` says of each vertex from which Web Mercator zoom on it is needed: a
    drawing at zoom z may leave out the vertices with ``level > z``, and neighbours
    leave out the same ones. None: all are needed at any zoom (rows that are not in a
    base yet; points).
    """

    kind: GeometryType
    xy: NDArray[np.float64]  # [v, 2] lon, lat (EPSG:4490), degrees
    mercator: NDArray[np.float64]  # [v, 2] EPSG:3857, metres
    ring: NDArray[np.int32] | None  # offsets into xy (rings or lines); None for points
    part: NDArray[np.int32] | None  # offsets into ring (polygons); None for points and lines
    row: NDArray[np.int32]  # [n + 1] offsets into part | ring | xy
    level: NDArray[np.uint8] | None = None  # [v] lowest zoom at which the vertex is needed

    def __len__(self) -> int:
        return len(self.row) - 1


def web_mercator(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lon/lat degrees [v, 2] -> EPSG:3857 metres [v, 2].

    CGCS2000 is taken as WGS 84 (the accepted null shift). Latitudes are held
    within 89.99 degrees so that a pole stays finite.
    """
    out = np.empty((len(lonlat), 2))
    np.multiply(lonlat[:, 0], np.pi / 180 * MERCATOR_RADIUS, out=out[:, 0])
    latitude = np.radians(np.clip(lonlat[:, 1], -89.99, 89.99))
    np.multiply(np.arcsinh(np.tan(latitude)), MERCATOR_RADIUS, out=out[:, 1])
    return out


def from_shapely(geometries: NDArray[np.object_], kind: GeometryType) -> FlatGeometry:
    """Shapely geometries [n] in EPSG:4490 -> flat arrays; Z and M are dropped.

    Single geometries become their Multi type, null becomes empty. Raises
    `ValueError` for a geometry of another type than ``kind``.
    """
    geometries = np.asarray(geometries, dtype=object)
    types = shapely.get_type_id(geometries)
    wrong = (types >= 0) & ~np.isin(types, list(_ACCEPTED[kind]))
    if wrong.any():
        first = int(np.argmax(wrong))
        raise ValueError(f"row {first}: {geometries[first].geom_type} in a layer of {kind}")
    hollow = (types < 0) | shapely.is_empty(geometries)
    if hollow.any():
        geometries = geometries.copy()
        geometries[hollow] = _EMPTY[kind]()
    if kind == "Point":
        row = _offsets(shapely.get_num_coordinates(geometries))
        return _flat(kind, shapely.get_coordinates(geometries), None, None, row)
    if not len(geometries):
        none = np.zeros(1, dtype=np.int32)
        part = none if kind == "MultiPolygon" else None
        return _flat(kind, np.empty((0, 2)), none, part, none)
    # One Multi geometry at the end makes the result's type the Multi type for all rows.
    forced = np.append(geometries, np.array([_EMPTY[kind]()], dtype=object))
    _, xy, offsets = shapely.to_ragged_array(forced, include_z=False, include_m=False)
    row = offsets[-1][:-1]
    return _flat(kind, xy, offsets[0], offsets[1] if kind == "MultiPolygon" else None, row)


def to_shapely(flat: FlatGeometry, rows: NDArray[np.integer] | None = None) -> NDArray[np.object_]:
    """Shapely geometries of ``rows`` (all by default), Multi types; None for an empty row."""
    part = flat if rows is None else take(flat, rows)
    out = np.full(len(part), None, dtype=object)
    filled = part.row[1:] > part.row[:-1]
    if not filled.any():
        return out
    row = np.concatenate(([0], part.row[1:][filled]))  # empty rows have no offset of their own
    if part.kind == "Point":
        out[filled] = shapely.points(part.xy)
    elif part.kind == "MultiLineString":
        out[filled] = shapely.from_ragged_array(
            shapely.GeometryType.MULTILINESTRING, part.xy, (part.ring, row)
        )
    else:
        out[filled] = shapely.from_ragged_array(
            shapely.GeometryType.MULTIPOLYGON, part.xy, (part.ring, part.part, row)
        )
    return out


def take(flat: FlatGeometry, rows: NDArray[np.integer]) -> FlatGeometry:
    """A copy of ``rows`` alone, in that order."""
    index, row = _gather(flat.row, np.asarray(rows, dtype=np.int64))
    part = ring = None
    if flat.part is not None:
        index, part = _gather(flat.part, index)
    if flat.ring is not None:
        index, ring = _gather(flat.ring, index)
    # ``index`` has come down to vertices.
    return FlatGeometry(
        flat.kind,
        flat.xy[index],
        flat.mercator[index],
        None if ring is None else ring.astype(np.int32),
        None if part is None else part.astype(np.int32),
        row.astype(np.int32),
        None if flat.level is None else flat.level[index],
    )


def vertex_offsets(flat: FlatGeometry) -> NDArray[np.int32]:
    """[n + 1]: the first vertex of each row, and the number of all."""
    at = flat.row
    for offsets in (flat.part, flat.ring):
        at = at if offsets is None else offsets[at]
    return at


def _gather(
    offsets: NDArray[np.integer], rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Children of ``rows`` in order, and the offsets of each row into them."""
    first = offsets[rows].astype(np.int64)
    counts = offsets[rows + 1] - first
    bounds = np.concatenate(([0], np.cumsum(counts)))
    return np.arange(bounds[-1]) + np.repeat(first - bounds[:-1], counts), bounds


def _offsets(counts: NDArray[np.integer]) -> NDArray[np.int64]:
    return np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(counts, dtype=np.int64)))


def _flat(
    kind: GeometryType,
    xy: NDArray[np.float64],
    ring: NDArray[np.integer] | None,
    part: NDArray[np.integer] | None,
    row: NDArray[np.integer],
) -> FlatGeometry:
    if len(xy) > np.iinfo(np.int32).max:
        raise OverflowError(f"{len(xy)} vertices do not fit one segment (2^31 - 1)")
    xy = np.ascontiguousarray(xy, dtype=np.float64)
    narrow = [None if a is None else np.ascontiguousarray(a, dtype=np.int32) for a in (ring, part)]
    return FlatGeometry(
        kind, xy, web_mercator(xy), narrow[0], narrow[1], np.ascontiguousarray(row, dtype=np.int32)
    )
