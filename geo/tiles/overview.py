"""Tiles of low zooms: cells with sums in place of features too small or too many to draw.

Every feature counts in one cell of one tile, by the centre of its bounds, so the
cells over all tiles of a zoom add up to the layer. A cell is drawn as a square
that takes the share of the cell that its parcels take of the land: the map looks
neither fuller nor emptier than the land is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from geo.crs.gcj02 import shift
from geo.snapshot.anchor import anchor, pack
from geo.snapshot.flat import vertex_offsets, web_mercator
from geo.tiles.cells import Cells, dashes, points, squares
from geo.tiles.detail import LIMIT, Kind
from geo.tiles.kernels.cells import cell_numbers, sum_cells, sum_places

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.crs.gcj02 import Offset
    from geo.layers import Layer
    from geo.snapshot.segment import Segment
    from geo.snapshot.view import Box, Matches, RowFilter, View
    from geo.tiles.grid import Tile

#: 32 x 32 cells a tile: 8 pixels of a tile shown 256 wide.
CELL_BITS = 5
#: Above this share of a layer's bounds looking at every row is faster than the search tree.
MUCH = 0.2
#: A field with more values than these is no theme.
MOST_VALUES = 200
_NOTHING = np.zeros(0)
_NO_GROUP = np.zeros(0, dtype=np.int32)


def draw(
    view: View,
    tile: Tile,
    kind: Kind,
    filters: Sequence[RowFilter] = (),
    datum: Offset | None = None,
    themes: Sequence[str] = (),
) -> bytes:
    """The aggregates of a tile; empty (for ``geojson`` an empty collection) without any.

    A cell has no id and carries ``aggregate``, ``count``, the sum of the layer's measure
    (``area_m2`` or ``length_m``), the same by the layer's class (``area_m2_0101``, null:
    ``area_m2_null``; points: ``count_...``), and in the class field, the field that
    colours the layer and the fields of ``themes`` the value with the most of it.
    """
    parts = [(s, rows) for s, rows in _match(view, tile, filters, datum) if len(rows)]
    for bits in range(CELL_BITS, -1, -1):
        cells = _sum(view.layer, parts, tile, bits, datum, themes)
        body = cells.mvt(view.layer.id) if kind == "mvt" else cells.geojson(tile)
        if len(body) <= LIMIT:  # else: so many classes that the cells must be larger
            break
    return body


def _match(view: View, tile: Tile, filters: Sequence[RowFilter], datum: Offset | None) -> Matches:
    """Rows that may have their anchor in the tile."""
    box = _reach(tile, datum)
    if all(_share(box, segment.extent) > MUCH for segment in view.segments):
        return view.match(filters)
    return view.match(filters, box, exact=False)


def _share(box: Box, extent: Box) -> float:
    """How much of a segment's bounds lies in the box; 1 for a segment without any."""
    share = 1.0
    for low in (0, 1):
        side = extent[low + 2] - extent[low]
        if side > 0:
            inside = min(box[low + 2], extent[low + 2]) - max(box[low], extent[low])
            share *= max(0.0, inside / side)
    return share


def _reach(tile: Tile, datum: Offset | None) -> Box:
    west, south, east, north = tile.lonlat(1, datum)
    # What lies beyond the square of the web maps counts at its edge.
    return (
        west,
        -90.0 if tile.y + 1 == 1 << tile.z else south,
        east,
        90.0 if tile.y == 0 else north,
    )


@dataclass(frozen=True, eq=False)
class _Sums:
    """Sums of a tile's cells by the codes of one field, nulls in the last column."""

    codes: list[Any]  # texts, of themes also numbers
    count: NDArray[np.int64]  # [cells, codes + 1]
    size: NDArray[np.float64]  # the same of the layer's measure; of points their number

    def most(self) -> NDArray[np.object_]:
        """The code with most of it in each cell, None for null."""
        words = np.array([*self.codes, None], dtype=object)
        return words[np.where(self.count > 0, self.size, -1).argmax(axis=1)]


def _sum(
    layer: Layer,
    parts: Sequence[tuple[Segment, NDArray[np.int64]]],
    tile: Tile,
    bits: int,
    datum: Offset | None,
    themes: Sequence[str],
) -> Cells:
    number = 1 << 2 * bits
    wanted = dict.fromkeys((layer.class_field, layer.style.by))
    fields = [name for name in wanted if name and layer.by_name[name].type == "string"]
    values_of = {name: _codes(name, parts) for name in dict.fromkeys((*fields, *themes))}
    known = {n: c for n, c in values_of.items() if n in fields or len(c) <= MOST_VALUES}
    sums = {}
    for name, codes in (known or {"": []}).items():
        shape = number, len(codes) + 1
        sums[name] = _Sums(codes, np.zeros(shape, np.int64), np.zeros(shape))
    middle, turn = np.zeros((number, 2)), np.zeros((number, 2))
    for segment, rows in parts:
        anchors, at = _anchors(segment, rows, tile, datum)
        cells = cell_numbers(anchors, at, tile.z, tile.x, tile.y, bits)
        values = _NOTHING
        if layer.measures:
            values = segment.column(layer.measures[0]).to_numpy(zero_copy_only=False)
        for name, each in sums.items():
            group, place = _groups(segment, name, each.codes)
            sum_cells(cells, rows, values, group, place, each.count, each.size)
        if layer.geometry == "Point":
            sum_places(cells, anchors, at, tile.z, middle)
        elif layer.geometry == "MultiLineString":
            _sum_turns(segment, rows, cells, values, turn)
    filled = np.flatnonzero(next(iter(sums.values())).count.sum(axis=1))
    for name, each in sums.items():
        count = each.count[filled]
        size = each.size[filled] if layer.measures else count.astype(np.float64)
        sums[name] = _Sums(each.codes, count, size)
    one = next(iter(sums.values()))
    count, size = one.count.sum(axis=1), one.size.sum(axis=1)
    if layer.geometry == "Point":
        xy = points(bits, filled, middle[filled] / count[:, None])
    elif layer.geometry == "MultiLineString":
        xy = dashes(tile, bits, filled, size, turn[filled])
    else:
        xy = squares(tile, bits, filled, size)
    return Cells(xy, _properties(layer, sums, count, size))


def _properties(
    layer: Layer, sums: dict[str, _Sums], count: NDArray[np.int64], size: NDArray[np.float64]
) -> dict[str, NDArray[Any]]:
    out: dict[str, NDArray[Any]] = {"aggregate": np.ones(len(count), dtype=bool), "count": count}
    measure = layer.measures[0] if layer.measures else "count"
    if layer.measures:
        out[measure] = _rounded(size)
    classes = sums.get(layer.class_field or "")
    if classes is not None and layer.class_field:
        for k, code in enumerate([*classes.codes, "null"]):
            there = classes.count[:, k] > 0
            if there.any():
                of_code = _rounded(classes.size[:, k]) if layer.measures else classes.count[:, k]
                values = of_code.astype(object)
                values[~there] = None
                out[f"{measure}_{code}"] = values
    return out | {name: each.most() for name, each in sums.items() if name}


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """To ten digits: shorter text, and sums stay right to 1e-9."""
    size = np.abs(np.where(values == 0, 1, values))
    scale = 10.0 ** (9 - np.floor(np.log10(size)))
    return np.rint(values * scale) / scale


def _anchors(
    segment: Segment, rows: NDArray[np.int64], tile: Tile, datum: Offset | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Anchors in the tile's plane, and where those of ``rows`` are among them."""
    if tile.matrix_set == "WebMercatorQuad" and datum is None:
        return segment.batch.column("_anchor").to_numpy(), rows
    bounds = segment.bounds(rows)
    middle = (bounds[:, :2] + bounds[:, 2:]) / 2
    if datum is not None:
        middle = shift(middle, datum)
    at = np.arange(len(rows))
    if tile.matrix_set == "WebMercatorQuad":
        return anchor(web_mercator(middle)), at
    return pack(middle[:, 0] / 180 + 1, 0.5 - middle[:, 1] / 180, width=2), at


def _codes(name: str, parts: Sequence[tuple[Segment, NDArray[np.int64]]]) -> list[Any]:
    """All values of a field, in order."""
    return sorted({word for s, _ in parts for word in _column(s, name).dictionary.to_pylist()})


def _column(segment: Segment, name: str) -> pa.DictionaryArray:
    column = segment.column(name)
    return column if isinstance(column, pa.DictionaryArray) else column.dictionary_encode()


def _groups(
    segment: Segment, name: str, codes: list[Any]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """A field's column as numbers (-1: null), and each number's place in ``codes``."""
    if not name:
        return _NO_GROUP, np.zeros(1, dtype=np.int64)
    column = _column(segment, name)
    number = {code: k for k, code in enumerate(codes)}
    place = [number[word] for word in column.dictionary.to_pylist()]
    indices = column.indices.fill_null(-1) if column.null_count else column.indices
    return indices.to_numpy(), np.array([*place, len(codes)], dtype=np.int64)


def _sum_turns(
    segment: Segment,
    rows: NDArray[np.int64],
    cells: NDArray[np.int32],
    lengths: NDArray[np.float64],
    turn: NDArray[np.float64],
) -> None:
    """Add the directions of lines, doubled, so that there and back are the same, to ``turn``."""
    inside = (cells >= 0) & (np.diff(segment.flat.row)[rows] > 0)
    rows, cells = rows[inside], cells[inside]
    start = vertex_offsets(segment.flat)
    run = segment.flat.mercator[start[rows + 1] - 1] - segment.flat.mercator[start[rows]]
    angle = 2 * np.arctan2(-run[:, 1], run[:, 0])
    weight = np.nan_to_num(lengths[rows])
    for axis, part in enumerate((np.cos(angle), np.sin(angle))):
        turn[:, axis] += np.bincount(cells, weight * part, minlength=len(turn))
