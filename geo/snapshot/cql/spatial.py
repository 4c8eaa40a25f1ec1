"""Spatial predicates on many rows against one literal geometry.

Only rows whose bounds can satisfy the predicate are looked at; a grid laid over
the literal settles most of those from their bounds alone; GEOS sees the rest,
in blocks, with the literal prepared. Only predicates, never overlays.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from geo.snapshot.cql.evaluate import Context, Expression, Kind, Logic, Value
from geo.snapshot.cql.limits import refuse

Box = tuple[float, float, float, float]

#: Vertices of two literals of one function, or of one that crosses itself.
MOST_OF_TWO = 300
#: Predicates as ``f(a, b)``.
PREDICATES: dict[str, Callable[[Any, Any], Any]] = {
    "s_intersects": shapely.intersects,
    "s_disjoint": shapely.disjoint,
    "s_within": shapely.within,
    "s_contains": shapely.contains,
    "s_touches": shapely.touches,
    "s_crosses": shapely.crosses,
    "s_overlaps": shapely.overlaps,
    "s_equals": shapely.equals,
}
#: The same predicate with its arguments exchanged; others are symmetric.
_MIRROR = {"s_within": "s_contains", "s_contains": "s_within"}
_REFLEXIVE = frozenset({"s_intersects", "s_within", "s_contains", "s_equals"})
_BLOCK = 5_000  # rows between two looks at the clock at most, and at first
_FIRST_BLOCK = 64
_LOOK = 0.05  # seconds between two looks
_GRID = 64  # cells a side of the grid over a literal
_HAIR = 1e-6  # of a cell
_GRID_FROM = 5_000  # rows from which the grid pays
_SLACK = 1e-9  # degrees (0.1 mm) by which bounds are widened, against rounding


class _Operand:
    """A geometry: only an argument of a relation, which decides what to read of it."""

    kind: Kind = "geometry"

    def evaluate(self, context: Context) -> Value:
        raise TypeError("geometries are evaluated by their relation")


class GeometryColumn(_Operand):
    """The layer's geometry."""


@dataclass(frozen=True, eq=False)
class GeometryLiteral(_Operand):
    """A geometry in EPSG:4490, lon/lat."""

    geometry: Any


@dataclass(frozen=True)
class HasNoGeometry:
    """``geom IS NULL``."""

    kind: Kind = "boolean"

    def evaluate(self, context: Context) -> Value:
        return pa.array(np.isnan(context.bounds()[:, 0]))


@dataclass(frozen=True)
class Relation:
    """A spatial function of two geometries."""

    name: str
    left: Expression
    right: Expression
    kind: Kind = "boolean"

    def _against(self) -> tuple[str, Any] | None:
        """(predicate, literal) such that it holds for predicate(row's geometry, literal)."""
        if isinstance(self.left, GeometryColumn) and isinstance(self.right, GeometryLiteral):
            return self.name, self.right.geometry
        if isinstance(self.left, GeometryLiteral) and isinstance(self.right, GeometryColumn):
            return _MIRROR.get(self.name, self.name), self.left.geometry
        return None

    @property
    def bbox(self) -> Box | None:
        """A box that the bounds of every row that satisfies this meet."""
        against = self._against()
        if against is None or against[0] == "s_disjoint":
            return None
        west, south, east, north = shapely.bounds(against[1]).tolist()
        return (west - _SLACK, south - _SLACK, east + _SLACK, north + _SLACK)

    def evaluate(self, context: Context) -> Value:
        against = self._against()
        if against is not None:
            missing = np.isnan(context.bounds()[:, 0])
            return pa.array(relate(*against, context), mask=missing if missing.any() else None)
        if isinstance(self.left, GeometryLiteral) and isinstance(self.right, GeometryLiteral):
            context.check_time()
            return pa.scalar(bool(PREDICATES[self.name](self.left.geometry, self.right.geometry)))
        # The geometry and itself: known without looking at it.
        missing = np.isnan(context.bounds()[:, 0])
        return pa.array(np.full(context.length, self.name in _REFLEXIVE), mask=missing)


def refuse_costly(name: str, left: Expression, right: Expression, where: str) -> None:
    """Refuse literals for which GEOS would work for minutes on one shape; it cannot be stopped.

    Its work grows with the crossings of a shape with itself or with another one: lines that
    cross themselves, collections whose parts overlap, two literals. Raises E_FILTER.
    """
    literals = [side.geometry for side in (left, right) if isinstance(side, GeometryLiteral)]
    vertices = sum(int(shapely.get_num_coordinates(each)) for each in literals)
    if len(literals) == 2 and vertices > MOST_OF_TWO:
        raise refuse(
            f"两个几何常量共有 {vertices} 个顶点(上限 {MOST_OF_TWO})",
            f"two geometries have {vertices} vertices together, more than {MOST_OF_TWO}",
            where,
            ("请与图层的几何比较", "Compare with the layer's geometry"),
        )
    if vertices <= MOST_OF_TWO or name in ("s_intersects", "s_disjoint"):
        return
    for each in literals:
        if isinstance(each, shapely.GeometryCollection) and each.geom_type == "GeometryCollection":
            costly = True
        else:
            costly = shapely.get_dimensions(each) == 1 and not shapely.is_simple(each)
        if costly:
            raise refuse(
                f"{name} 的几何自相交或由部分组成，且超过 {MOST_OF_TWO} 个顶点",
                f"a geometry of {name} crosses itself or is a collection, and has more than "
                f"{MOST_OF_TWO} vertices",
                where,
                ("请简化几何，或用 S_INTERSECTS", "Simplify it, or use S_INTERSECTS"),
            )


def relate(name: str, literal: Any, context: Context) -> np.ndarray:
    """bool[n]: ``name(row's geometry, literal)``; False for a null geometry."""
    if name == "s_disjoint":
        return ~relate("s_intersects", literal, context)
    result = np.zeros(context.length, dtype=bool)
    bounds = context.bounds()
    places = np.flatnonzero(_possible(name, shapely.bounds(literal), bounds))
    if name in ("s_intersects", "s_within"):
        yes, no = _settled(literal, bounds[places], context)
        result[places] = yes
        places = places[~(yes | no)]
    shapely.prepare(literal)
    # The prepared literal comes first, so the predicate is mirrored.
    predicate = PREDICATES[_MIRROR.get(name, name)]

    def test(start: int, end: int) -> None:
        block = places[start:end]
        result[block] = predicate(literal, context.geometries(block))

    _in_time(len(places), test, context)
    return result


def _in_time(count: int, work: Callable[[int, int], None], context: Context) -> None:
    """Do ``work(start, end)`` on ``count`` things, in blocks that take about `_LOOK` each.

    One shape may take a microsecond or, against a hostile literal, a tenth of a second.
    """
    start, size = 0, _FIRST_BLOCK
    while start < count:
        context.check_time()
        began = time.monotonic()
        work(start, min(start + size, count))
        start += size
        took = time.monotonic() - began
        size = min(_BLOCK, 4 * size) if took < _LOOK / 4 else max(1, int(size * _LOOK / took))


def _possible(name: str, box: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Rows whose bounds allow the predicate; never true for NaN bounds."""
    west, south, east, north = box + np.array([-_SLACK, -_SLACK, _SLACK, _SLACK])
    x0, y0, x1, y1 = bounds.T
    if name == "s_within":
        return (x0 >= west) & (y0 >= south) & (x1 <= east) & (y1 <= north)
    meets = (x0 <= east) & (x1 >= west) & (y0 <= north) & (y1 >= south)
    if name in ("s_contains", "s_equals"):
        inner = box + np.array([_SLACK, _SLACK, -_SLACK, -_SLACK])
        meets &= (x0 <= inner[0]) & (y0 <= inner[1]) & (x1 >= inner[2]) & (y1 >= inner[3])
    if name == "s_equals":
        meets &= (x0 >= west) & (y0 >= south) & (x1 <= east) & (y1 <= north)
    return meets


def _settled(literal: Any, bounds: np.ndarray, context: Context) -> tuple[np.ndarray, np.ndarray]:
    """(surely inside, surely outside) the literal, judged by bounds alone."""
    nothing = np.zeros(len(bounds), dtype=bool)
    if shapely.get_dimensions(literal) != 2 or not len(bounds):
        return nothing, nothing
    west, south, east, north = shapely.bounds(literal)
    if shapely.equals_exact(shapely.normalize(literal), _box(west, south, east, north)):
        x0, y0, x1, y1 = bounds.T
        return (x0 > west) & (y0 > south) & (x1 < east) & (y1 < north), nothing
    if len(bounds) < _GRID_FROM or isinstance(literal, shapely.GeometryCollection):
        return nothing, nothing
    return _by_grid(literal, bounds, context)


def _box(west: float, south: float, east: float, north: float) -> Any:
    return shapely.normalize(shapely.box(west, south, east, north))


def _by_grid(literal: Any, bounds: np.ndarray, context: Context) -> tuple[np.ndarray, np.ndarray]:
    """Lay a grid over the literal: cells outside it, on its edge, and inside it.

    A row in one cell is what the cell is; a summed-area table counts the cells under others.
    """
    west, south, east, north = shapely.bounds(literal)
    xs, ys = np.linspace(west, east, _GRID + 1), np.linspace(south, north, _GRID + 1)
    left, bottom = np.meshgrid(xs[:-1], ys[:-1], indexing="ij")
    right, top = np.meshgrid(xs[1:], ys[1:], indexing="ij")
    cells = shapely.box(left, bottom, right, top).ravel()
    shapely.prepare(literal)
    touched, inside = np.zeros((2, len(cells)), dtype=bool)

    def test(start: int, end: int) -> None:
        block = cells[start:end]
        touched[start:end] = shapely.intersects(literal, block)
        inside[start:end] = shapely.contains_properly(literal, block)

    _in_time(len(cells), test, context)
    touched, inside = touched.reshape(_GRID, _GRID), inside.reshape(_GRID, _GRID)

    # What reaches over the edge of the grid is never inside; it is outside only if the
    # cells that it covers are.
    x0, y0, x1, y1 = np.ascontiguousarray(bounds.T)
    over = (x0 < west) | (y0 < south) | (x1 > east) | (y1 > north)
    # Widened by a hair: a coordinate on the edge of two cells counts for both.
    i0, i1 = _cell(x0, west, east, -_HAIR), _cell(x1, west, east, _HAIR)
    j0, j1 = _cell(y0, south, north, -_HAIR), _cell(y1, south, north, _HAIR)
    first = i0 * _GRID + j0
    yes, no = inside.ravel()[first], ~touched.ravel()[first]
    wide = np.flatnonzero((i0 != i1) | (j0 != j1))
    corners = i0[wide], j0[wide], i1[wide] + 1, j1[wide] + 1
    count = (corners[2] - corners[0]) * (corners[3] - corners[1])
    yes[wide] = _cells_under(inside, *corners) == count
    no[wide] = _cells_under(touched, *corners) == 0
    return yes & ~over, no


def _cell(values: np.ndarray, low: float, high: float, hair: float) -> np.ndarray:
    places = (values - low) * (_GRID / (high - low)) + hair
    return np.clip(places, 0, _GRID - 1).astype(np.int32)


def _cells_under(
    cells: np.ndarray, i0: np.ndarray, j0: np.ndarray, i1: np.ndarray, j1: np.ndarray
) -> np.ndarray:
    """How many of the cells [i0, i1) x [j0, j1) are true."""
    table = np.zeros((_GRID + 1, _GRID + 1), dtype=np.int32)
    table[1:, 1:] = cells.cumsum(axis=0).cumsum(axis=1)
    return table[i1, j1] - table[i0, j1] - table[i1, j0] + table[i0, j0]


def implied_box(expression: Expression) -> Box | None:
    """A box (lon/lat) that the bounds of every row for which the expression is true meet.

    Of AND the smallest box of one part: a long canal may meet two boxes that do not
    meet each other, so their intersection would lose it. Of OR the box around all.
    """
    if isinstance(expression, Relation):
        return expression.bbox
    if not isinstance(expression, Logic) or expression.op == "not":
        return None
    boxes = [implied_box(argument) for argument in expression.args]
    known = [box for box in boxes if box is not None]
    if expression.op == "and":
        return min(known, key=lambda b: (b[2] - b[0]) * (b[3] - b[1]), default=None)
    if len(known) < len(boxes):
        return None
    corners = np.array(known)
    low, high = corners.min(axis=0), corners.max(axis=0)
    return (float(low[0]), float(low[1]), float(high[2]), float(high[3]))
