"""A segment: immutable columns of feature versions, mapped from disk or in memory.

Rows carry ``revision`` (the first revision in which the row is alive). When a
newer version or a deletion arrives, the row is closed: ``closed`` holds the
first revision in which it is no longer alive, 0 while it is. Closing never
disturbs a reader that looks at an earlier revision.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from geoindex_rs import rtree  # type: ignore[attr-defined]

from geo.layers import Layer
from geo.snapshot import flat as flats
from geo.snapshot.density import Density
from geo.snapshot.flat import FlatGeometry
from geo.snapshot.geoarrow import add_levels, flat_geometry
from geo.snapshot.levels import vertex_levels
from geo.units import SQUARE_METRES_PER_MU

Rows = np.ndarray
#: Numbers that are a multiple of ``area_m2`` and need no column.
DERIVED = {"area_ha": 1e-4, "area_mu": float(1 / SQUARE_METRES_PER_MU)}
_NOTHING = np.empty(0, dtype=np.int64)


class Segment:
    """Columns of feature versions of one layer, with a packed R-tree and an index by fid.

    ``batch`` has the columns of `geo.snapshot.rows.schema`; ``tree`` is the buffer of a
    packed Hilbert R-tree over the rows with a geometry (``tree_rows`` maps its items to
    rows, None when they are the same); ``by_fid`` is the permutation that sorts ``fid``.
    """

    def __init__(
        self,
        layer: Layer,
        batch: pa.RecordBatch,
        tree: Any,
        tree_rows: np.ndarray | None,
        by_fid: np.ndarray,
        closed: np.ndarray,
    ) -> None:
        self.layer = layer
        self.batch = batch
        self.length = batch.num_rows
        self.fid: np.ndarray = batch.column("fid").to_numpy()
        self.revision: np.ndarray = batch.column("revision").to_numpy()
        self.closed = closed
        self.by_fid = by_fid
        self._tree = tree
        self._tree_rows = tree_rows
        #: How full the tiles are; known for a base.
        self.density: Density | None = None

    @cached_property
    def flat(self) -> FlatGeometry:
        """The geometry of all rows as flat arrays (no copy)."""
        assert self.layer.geometry is not None
        return flat_geometry(self.batch, self.layer.geometry)

    @cached_property
    def extent(self) -> tuple[float, float, float, float]:
        """The bounds of all rows in lon/lat; infinite the wrong way round when there are none."""
        sides = [self.batch.column(n).to_numpy() for n in ("_minx", "_miny", "_maxx", "_maxy")]
        low = [np.fmin.reduce(side, initial=np.inf) for side in sides[:2]]
        high = [np.fmax.reduce(side, initial=-np.inf) for side in sides[2:]]
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])

    def with_levels(self) -> Segment:
        """The same segment with `FlatGeometry.level`, if it has lines or polygons."""
        level = vertex_levels(self.flat) if self.layer.geometry else None
        if level is None:
            return self
        batch = add_levels(self.batch, level)
        return Segment(self.layer, batch, self._tree, self._tree_rows, self.by_fid, self.closed)

    def alive(self, revision: int, rows: Rows | None = None) -> np.ndarray:
        """bool[n]: rows that live at ``revision``."""
        end = self.closed if rows is None else self.closed[rows]
        # 0 - 1 wraps to the largest unsigned number: an open row never ends.
        alive: np.ndarray = (end - 1).view(np.uint64) >= np.uint64(revision)
        if revision < self._newest:
            alive &= (self.revision if rows is None else self.revision[rows]) <= revision
        return alive

    @cached_property
    def _newest(self) -> int:
        return int(self.revision.max(initial=0))

    def open_rows_of(self, fids: np.ndarray) -> Rows:
        """Rows of these fids that are still open."""
        if self.length == 0 or len(fids) == 0:
            return _NOTHING
        low = np.searchsorted(self.fid, fids, side="left", sorter=self.by_fid)
        high = np.searchsorted(self.fid, fids, side="right", sorter=self.by_fid)
        counts = high - low
        starts = np.repeat(low - np.concatenate(([0], np.cumsum(counts)[:-1])), counts)
        rows = self.by_fid[starts + np.arange(counts.sum())]
        return rows[self.closed[rows] == 0]

    def rows_of(self, fid: int, revision: int) -> Rows:
        """The row of this feature that lives at ``revision`` (none or one)."""
        key = np.array([fid])
        low = np.searchsorted(self.fid, key, side="left", sorter=self.by_fid)[0]
        high = np.searchsorted(self.fid, key, side="right", sorter=self.by_fid)[0]
        rows = self.by_fid[low:high]
        return rows[self.alive(revision, rows)]

    def column(self, name: str, rows: Rows | None = None) -> pa.Array:
        """A field or system number; strings are dictionary-encoded with a sorted dictionary."""
        if name in DERIVED:
            return pc.multiply(self.column("area_m2", rows), DERIVED[name])
        array = self.batch.column(name)
        return array if rows is None else array.take(pa.array(rows))

    def bounds(self, rows: Rows | None = None) -> np.ndarray:
        """float64[n, 4]: minx, miny, maxx, maxy in lon/lat; NaN for a null geometry."""
        names = ("_minx", "_miny", "_maxx", "_maxy")
        sides = [self.batch.column(name).to_numpy() for name in names]
        # Side by side in memory, each in one run.
        return np.stack([side if rows is None else side[rows] for side in sides]).T

    def geometries(self, rows: Rows) -> np.ndarray:
        """Shapely geometries (EPSG:4490, lon/lat); None for a null geometry."""
        return flats.to_shapely(self.flat, rows)

    def search(self, minx: float, miny: float, maxx: float, maxy: float) -> Rows:
        """Rows whose bounds meet the box (lon/lat), in no particular order."""
        if self._tree is None:
            return _NOTHING
        found = np.asarray(rtree.search(self._tree, minx, miny, maxx, maxy)).astype(np.int64)
        return found if self._tree_rows is None else self._tree_rows[found]

    # -- on disk ---------------------------------------------------------------

    def write(self, folder: Path, name: str) -> None:
        """Write the segment's files; the caller makes them durable and visible."""
        with pa.OSFile(str(folder / f"{name}.arrow"), "wb") as sink:
            batch = self.batch.set_column(
                self.batch.schema.get_field_index("_closed"),
                "_closed",
                pa.array(self.closed, type=pa.int64()),
            )
            with pa.ipc.new_file(sink, batch.schema) as writer:
                writer.write_batch(batch)
        np.save(folder / f"{name}.fid.npy", self.by_fid)
        if self._tree is not None:
            (folder / f"{name}.rtree").write_bytes(memoryview(self._tree))
            if self._tree_rows is not None:
                np.save(folder / f"{name}.rows.npy", self._tree_rows)

    @classmethod
    def open(cls, layer: Layer, folder: Path, name: str) -> Segment:
        """Map the files of a written segment: pages are shared by all processes."""
        with pa.memory_map(str(folder / f"{name}.arrow")) as source:
            reader = pa.ipc.open_file(source)
            batch = reader.get_batch(0)
        tree_path, rows_path = folder / f"{name}.rtree", folder / f"{name}.rows.npy"
        closed = batch.column("_closed").to_numpy()
        if not closed.any():
            # Untouched zero pages take no memory; the mapped column cannot be written to.
            closed = np.zeros(batch.num_rows, dtype=np.int64)
        return cls(
            layer,
            batch,
            np.memmap(tree_path, dtype=np.uint8, mode="r") if tree_path.exists() else None,
            np.load(rows_path, mmap_mode="r") if rows_path.exists() else None,
            np.load(folder / f"{name}.fid.npy", mmap_mode="r"),
            closed,
        )


def index(layer: Layer, batch: pa.RecordBatch, closed: np.ndarray | None = None) -> Segment:
    """Make a segment of a batch: build the R-tree and the order by fid."""
    fid = batch.column("fid").to_numpy()
    if closed is None:
        closed = batch.column("_closed").to_numpy().copy()
    tree, tree_rows = _build_tree(batch)
    by_fid = np.argsort(fid, kind="stable").astype(np.int32)
    return Segment(layer, batch, tree, tree_rows, by_fid, closed)


def _boxes(batch: pa.RecordBatch) -> tuple[np.ndarray, list[np.ndarray]]:
    sides = [batch.column(name).to_numpy() for name in ("_minx", "_miny", "_maxx", "_maxy")]
    rows = np.flatnonzero(~np.isnan(sides[0]))
    return rows, [side[rows] for side in sides]


def _build_tree(batch: pa.RecordBatch) -> tuple[Any, np.ndarray | None]:
    if "_minx" not in batch.schema.names:
        return None, None
    rows, sides = _boxes(batch)
    if len(rows) == 0:
        return None, None
    builder = rtree.RTreeBuilder(len(rows))
    builder.add(*sides)
    return builder.finish("hilbert"), None if len(rows) == batch.num_rows else rows


def hilbert_order(batch: pa.RecordBatch) -> np.ndarray:
    """Row numbers along the Hilbert curve, rows without a geometry last.

    Neighbours on the map become neighbours in the file, so that a tile or a box
    touches few pages. The order is read from the leaves of a packed Hilbert R-tree.
    """
    if "_minx" not in batch.schema.names or batch.num_rows < 2:
        return np.arange(batch.num_rows)
    rows, sides = _boxes(batch)
    if len(rows) == 0:
        return np.arange(batch.num_rows)
    builder = rtree.RTreeBuilder(len(rows))
    builder.add(*sides)
    leaves = pa.record_batch(rtree.partitions(builder.finish("hilbert"), copy=True))
    order = rows[leaves.column("indices").to_numpy().astype(np.int64)]
    rest = np.setdiff1d(np.arange(batch.num_rows), rows, assume_unique=True)
    return np.concatenate((order, rest))
