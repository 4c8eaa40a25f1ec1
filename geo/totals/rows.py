"""Chosen rows of a view as columns, wherever their segments lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from geo import crs
from geo.snapshot import flat as flats
from geo.totals.kernels.plane import forward

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.layers import Layer
    from geo.snapshot.flat import FlatGeometry
    from geo.snapshot.segment import Segment
    from geo.snapshot.view import Matches

#: Areas and lengths are added up as whole mm² (m² / 10^6; thousandths of a mm of length): the
#: order of rows cannot change a digit, and parts add up to their whole exactly.
PER_UNIT = 1_000_000


@dataclass(frozen=True)
class Outline:
    """Vertices of many rows: ``ring`` offsets into ``xy``, ``row`` offsets into ``ring``.

    ``outer``: whether a ring is the outer one of a polygon, not a hole.
    """

    xy: NDArray[np.float64]
    ring: NDArray[np.int32]
    row: NDArray[np.int32]
    outer: NDArray[np.bool_]


@dataclass(frozen=True)
class Plane:
    """The plane of the survey, in which edges are straight: a 3-degree Gauss-Krueger zone."""

    meridian: int

    @classmethod
    def over(cls, west: float, east: float) -> Plane:
        """The zone of the middle of these longitudes."""
        return cls(crs.meridian_of(crs.zone_of((west + east) / 2)))

    def outline(self, outline: Outline) -> Outline:
        xy = forward(outline.xy, float(self.meridian))
        return Outline(xy, outline.ring, outline.row, outline.outer)

    def flat(self, geometries: NDArray[np.object_]) -> NDArray[np.object_]:
        """Geometries in lon/lat -> in the plane, metres."""
        return shapely.transform(geometries, lambda xy: forward(xy, float(self.meridian)))

    def lonlat(self, geometries: NDArray[np.object_]) -> NDArray[np.object_]:
        """Geometries in the plane -> in lon/lat."""
        code = crs.gauss_kruger(crs.zone_of(self.meridian), prefix=False)
        return crs.transform(geometries, code)


def outline_of(flat: FlatGeometry) -> Outline:
    """A view of flat lines or polygons."""
    assert flat.ring is not None
    outer = np.zeros(len(flat.ring) - 1, dtype=bool)
    if flat.part is None:
        return Outline(flat.xy, flat.ring, flat.row, outer)
    outer[flat.part[:-1]] = True
    return Outline(flat.xy, flat.ring, flat.part[flat.row], outer)


def outline_of_shapes(geometries: NDArray[np.object_], *, lines: bool = False) -> Outline:
    """Outlines of polygons; ``lines``: of polygons and lines. Other shapes count as nothing."""
    parts, owner = shapely.get_parts(geometries, return_index=True)
    polygonal = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    rings, polygon = shapely.get_rings(parts[polygonal], return_index=True)
    owner_of_ring = owner[polygonal][polygon]
    outer = np.ones(len(rings), dtype=bool)
    outer[1:] = polygon[1:] != polygon[:-1]
    if lines:
        more = shapely.get_type_id(parts) == shapely.GeometryType.LINESTRING
        owner_of_ring = np.concatenate((owner_of_ring, owner[more]))
        order = np.argsort(owner_of_ring, kind="stable")
        rings, owner_of_ring = np.concatenate((rings, parts[more]))[order], owner_of_ring[order]
        outer = np.concatenate((outer, np.zeros(int(more.sum()), dtype=bool)))[order]
    rows = np.bincount(owner_of_ring, minlength=len(geometries))
    counts = shapely.get_num_coordinates(rings)
    return Outline(shapely.get_coordinates(rings), _offsets(counts), _offsets(rows), outer)


def _offsets(counts: NDArray[Any]) -> NDArray[np.int32]:
    return np.concatenate(([0], np.cumsum(counts))).astype(np.int32)


class Rows:
    """Rows of one layer at one revision."""

    def __init__(self, layer: Layer, matches: Matches) -> None:
        self.layer = layer
        self.parts: list[tuple[Segment, NDArray[np.int64]]] = [
            (segment, rows) for segment, rows in matches if len(rows)
        ]
        self._first = np.concatenate(([0], np.cumsum([len(r) for _, r in self.parts])))
        # Columns of whole segments need no copy.
        self._taken = [(s, None if len(r) == s.length else r) for s, r in self.parts]

    def __len__(self) -> int:
        return int(self._first[-1])

    @cached_property
    def fid(self) -> NDArray[np.int64]:
        return self._gather([s.fid[rows] for s, rows in self.parts], np.int64)

    @cached_property
    def revision(self) -> NDArray[np.int64]:
        """The revision that each row came with: with the fid, what the row is."""
        return self._gather([s.revision[rows] for s, rows in self.parts], np.int64)

    @cached_property
    def bounds(self) -> NDArray[np.float64]:
        """[n, 4] lon/lat; NaN where there is no geometry."""
        found = [s.bounds(rows) for s, rows in self._taken]
        if len(found) == 1:
            return found[0]
        return np.concatenate([each.T for each in found], axis=1).T if found else np.empty((0, 4))

    @cached_property
    def span(self) -> tuple[float, float]:
        """Westmost and eastmost degree; the wrong way round where there is no geometry."""
        west, east = np.inf, -np.inf
        for segment, rows in self._taken:
            sides = [segment.batch.column(name).to_numpy() for name in ("_minx", "_maxx")]
            if rows is not None:
                sides = [side[rows] for side in sides]
            west = np.fmin.reduce(sides[0], initial=west)
            east = np.fmax.reduce(sides[1], initial=east)
        return float(west), float(east)

    @cached_property
    def measured(self) -> NDArray[np.float64]:
        """Stored m² or m, NaN where there is no geometry; 0 for layers that are not measured."""
        if not self.layer.measures:
            return np.zeros(len(self))
        name = self.layer.measures[0]
        found = [s.column(name, r).to_numpy(zero_copy_only=False) for s, r in self._taken]
        return self._gather(found, np.float64)

    @cached_property
    def units(self) -> NDArray[np.int64]:
        return whole(self.measured)

    def values(self, name: str) -> pa.Array:
        """A column of all rows; texts as plain strings' dictionary."""
        found = [s.column(name, r) for s, r in self._taken]
        if not found:
            return pa.array([], pa.string())
        if len(found) == 1:
            return found[0]
        table = pa.chunked_array(found)
        return table.unify_dictionaries().combine_chunks() if _coded(table.type) else (
            table.combine_chunks()
        )  # fmt: skip

    def codes(self, name: str) -> tuple[NDArray[np.int64], list[object]]:
        """Group numbers of all rows by a field, and the value of each; None is the last."""
        array = self.values(name)
        if isinstance(array, pa.ChunkedArray):
            array = array.chunk(0) if array.num_chunks else pa.array([], pa.string())
        if not isinstance(array, pa.DictionaryArray):
            array = pc.dictionary_encode(array)
        values = array.dictionary.to_pylist()
        codes = pc.fill_null(array.indices, len(values)).to_numpy(zero_copy_only=False)
        return codes.astype(np.int64), [*values, None]

    def geometries(self, index: NDArray[np.int64]) -> NDArray[np.object_]:
        """Shapely geometries in lon/lat of rows by their place, None for none."""
        out = np.full(len(index), None, dtype=object)
        for number, (segment, rows) in enumerate(self.parts):
            mine = (index >= self._first[number]) & (index < self._first[number + 1])
            if mine.any():
                out[mine] = segment.geometries(rows[index[mine] - self._first[number]])
        return out

    def outline(self) -> Outline:
        """Lon/lat vertices of all rows, in their order."""
        found = []
        for segment, rows in self.parts:
            every = len(rows) == segment.length and bool((rows == np.arange(len(rows))).all())
            found.append(outline_of(segment.flat if every else flats.take(segment.flat, rows)))
        return joined(found)

    def some(self, index: NDArray[np.int64]) -> Rows:
        """Only the rows at these places (ascending)."""
        matches = []
        for number, (segment, rows) in enumerate(self.parts):
            mine = (index >= self._first[number]) & (index < self._first[number + 1])
            matches.append((segment, rows[index[mine] - self._first[number]]))
        return Rows(self.layer, matches)

    @staticmethod
    def _gather(found: list[NDArray[Any]], kind: type) -> NDArray[Any]:
        if len(found) == 1:
            return found[0]
        return np.concatenate(found) if found else np.empty(0, dtype=kind)


class Shapes:
    """Polygons that come with a question, in the place of rows of a layer."""

    def __init__(self, geometries: NDArray[np.object_]) -> None:
        self._geometries = geometries
        self.fid = np.arange(len(geometries), dtype=np.int64)
        self.bounds = shapely.bounds(geometries)

    def __len__(self) -> int:
        return len(self._geometries)

    def geometries(self, index: NDArray[np.int64]) -> NDArray[np.object_]:
        return self._geometries[index]

    def outline(self) -> Outline:
        return outline_of_shapes(self._geometries)


def joined(outlines: Sequence[Outline]) -> Outline:
    """Rows of several outlines one after the other."""
    if len(outlines) == 1:
        return outlines[0]
    if not outlines:
        none = np.zeros(1, dtype=np.int32)
        return Outline(np.empty((0, 2)), none, none, np.empty(0, dtype=bool))
    rings, rows = [np.zeros(1, np.int32)], [np.zeros(1, np.int32)]
    vertices = count = 0
    for each in outlines:
        # A part of a larger array may begin anywhere in it.
        rows.append((each.row[1:] - each.row[0] + count).astype(np.int32))
        rings.append((each.ring[1:] + vertices).astype(np.int32))
        vertices, count = vertices + len(each.xy), count + len(each.ring) - 1
    xy = np.concatenate([each.xy for each in outlines])
    outer = np.concatenate([each.outer for each in outlines])
    return Outline(xy, np.concatenate(rings), np.concatenate(rows), outer)


def whole(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """m² (or m) as whole units; NaN counts as nothing."""
    return np.rint(np.nan_to_num(values) * PER_UNIT).astype(np.int64)


def _coded(kind: pa.DataType) -> bool:
    return bool(pa.types.is_dictionary(kind))
