"""The .shp and .shx of many shapes at once: records laid out by arrays, no work a shape.

Layout: ESRI Shapefile Technical Description, July 1998. Outer rings run clockwise.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import shapely

from geo.errors import Rejected

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.layers import GeometryType

TYPES: dict[GeometryType, int] = {"Point": 1, "MultiLineString": 3, "MultiPolygon": 5}
_HEADER = 100
#: Offsets are 32-bit words of two bytes, and much software stops at 2 GiB.
MAX_BYTES = 2**31 - 1


class Shapes:
    """Writes batches of shapes; `close` writes the headers."""

    def __init__(self, shp: BinaryIO, shx: BinaryIO, kind: GeometryType) -> None:
        self.shp, self.shx, self.kind = shp, shx, kind
        self.count = 0
        self.size = _HEADER
        self.bounds = np.array([np.inf, np.inf, -np.inf, -np.inf])
        for file in (shp, shx):
            file.write(bytes(_HEADER))

    def add(self, shapes: NDArray[np.object_]) -> None:
        """Append shapes; a null one becomes a null record. Raises `Rejected` E_SHP_LIMIT."""
        missing = shapely.is_missing(shapes) | shapely.is_empty(shapes)
        content, words, sizes = (_points if self.kind == "Point" else _parts)(
            shapes, missing, self.kind, self.count
        )
        if self.size + content.nbytes > MAX_BYTES:
            raise Rejected(
                "E_SHP_LIMIT",
                "shapefile 的图形超过 2 GiB",
                "the shapes are over the 2 GiB of a shapefile",
                fix=("请缩小范围，或改用 GeoPackage", "ask for less, or use GeoPackage"),
            )
        index = np.empty((len(shapes), 2), dtype=">i4")
        index[:, 0] = (self.size + words * 4) // 2
        index[:, 1] = sizes * 2
        self.shp.write(content.tobytes())
        self.shx.write(index.tobytes())
        self.size += content.nbytes
        self.count += len(shapes)
        if not missing.all():
            box = shapely.bounds(shapes[~missing])
            self.bounds[:2] = np.minimum(self.bounds[:2], box[:, :2].min(axis=0))
            self.bounds[2:] = np.maximum(self.bounds[2:], box[:, 2:].max(axis=0))

    def close(self) -> None:
        box = self.bounds if np.isfinite(self.bounds).all() else np.zeros(4)
        for file, size in ((self.shp, self.size), (self.shx, _HEADER + 8 * self.count)):
            file.seek(0)
            file.write(struct.pack(">7i", 9994, 0, 0, 0, 0, 0, size // 2))
            file.write(struct.pack("<2i4d", 1000, TYPES[self.kind], *box))
            file.write(bytes(32))


_Records = tuple["NDArray[np.int32]", "NDArray[np.int64]", "NDArray[np.int64]"]


def _points(
    shapes: NDArray[np.object_], missing: NDArray[np.bool_], kind: GeometryType, before: int
) -> _Records:
    """(records as 32-bit words, word where each begins, words of its content)."""
    content = np.where(missing, 1, 5).astype(np.int64)
    out, starts = _laid_out(content, before)
    given = np.flatnonzero(~missing)
    xy = shapely.get_coordinates(shapes[given])
    out[starts[given] + 2] = TYPES[kind]
    _doubles(out, starts[given] + 3, xy)
    return out, starts, content


def _parts(
    shapes: NDArray[np.object_], missing: NDArray[np.bool_], kind: GeometryType, before: int
) -> _Records:
    given = np.flatnonzero(~missing)
    kept = shapes[given]
    if kind == "MultiPolygon":
        kept = shapely.orient_polygons(kept, exterior_cw=True)
    xy, ring_of, owner = _rings(kept, kind)
    points = np.bincount(owner[ring_of], minlength=len(kept)).astype(np.int64)
    parts = np.bincount(owner, minlength=len(kept)).astype(np.int64)
    content = np.ones(len(shapes), dtype=np.int64)
    content[given] = 11 + parts + 4 * points
    out, starts = _laid_out(content, before)
    at = starts[given]
    out[at + 2] = TYPES[kind]
    _doubles(out, at + 3, shapely.bounds(kept))
    out[at + 11], out[at + 12] = parts, points
    # Where each ring begins among the points of its record, then the points themselves.
    first = np.concatenate(([0], np.cumsum(points)))[:-1]
    lengths = np.bincount(ring_of, minlength=len(owner)).astype(np.int64)
    begin = np.concatenate(([0], np.cumsum(lengths)))[:-1]
    number = np.arange(len(owner)) - np.concatenate(([0], np.cumsum(parts)))[:-1][owner]
    out[at[owner] + 13 + number] = begin - first[owner]
    row = owner[ring_of]
    place = np.arange(len(xy)) - first[row]
    _doubles(out, (at + 13 + parts)[row] + 4 * place, xy)
    return out, starts, content


def _rings(
    shapes: NDArray[np.object_], kind: GeometryType
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """(vertices, ring of each vertex, shape of each ring)."""
    parts, shape_of_part = shapely.get_parts(shapes, return_index=True)
    if kind == "MultiPolygon":
        rings, part_of_ring = shapely.get_rings(parts, return_index=True)
        owner = shape_of_part[part_of_ring]
    else:
        rings, owner = parts, shape_of_part
    xy, ring_of = shapely.get_coordinates(rings, return_index=True)
    return xy, ring_of.astype(np.int64), owner.astype(np.int64)


def _laid_out(
    content: NDArray[np.int64], before: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Room for the records with their headers: number and length, both big-endian."""
    starts = np.concatenate(([0], np.cumsum(content + 2)))
    out = np.zeros(int(starts[-1]), dtype="<i4")
    out[starts[:-1]] = (before + 1 + np.arange(len(content), dtype=np.int32)).byteswap()
    out[starts[:-1] + 1] = (content * 2).astype(np.int32).byteswap()
    return out, starts[:-1]


def _doubles(out: NDArray[np.int32], at: NDArray[np.int64], values: NDArray[np.float64]) -> None:
    """Put rows of doubles at word positions; they lie on words, not on double words."""
    flat = np.ascontiguousarray(values, dtype="<f8").reshape(-1).view("<i4")
    words = flat.reshape(len(values), 2 * values.shape[1])
    out[at[:, None] + np.arange(words.shape[1])] = words
