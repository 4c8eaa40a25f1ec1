"""Exact areas of classes in polygons: every block of the raster is read once for all zones.

    index = ZoneIndex.build(zones, grid)
    tally = Tally(index, classes=6)
    for block in index.blocks:
        tally.add(block, codes_of(block))
    tally.areas            # float64[zones, classes], ellipsoidal m²

A zone's share of a pixel is exact (`geo.soil.kernel`), and each pixel weighs its
own ellipsoidal area (`geo.soil.grid`). Sums are whole numbers (`Tally.units`), so
blocks may have any size and come in any order, from any number of workers and over
any number of attempts: the result is the same to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from geo import crs as ground
from geo.errors import Rejected
from geo.soil.grid import Grid

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.uint8] | NDArray[np.uint16]
Geometries = NDArray[np.object_]

#: Longest straight piece of an edge before it is projected to the raster, metres:
#: the bow of the projected edge then stays below 2 mm.
SEGMENT_METRES = 250.0
#: Overlaps up to this share of the smaller zone come from the rounding of shared
#: edges and count as none.
SLIVER = 1e-9


def polygons(zones: Geometries) -> tuple[Geometries, int]:
    """Valid (multi)polygons of zones, and how many had to be repaired.

    zones: shapely[n], EPSG:4490. Null zones become empty. Of a repaired zone
    the polygonal part stays. Raises `Rejected` (E_ZONE_TYPE) for other types.
    """
    valid = np.array(zones, dtype=object)
    valid[shapely.is_missing(valid)] = shapely.Polygon()
    wrong = np.flatnonzero(~np.isin(shapely.get_type_id(valid), (3, 6)))
    if len(wrong):
        raise Rejected(
            "E_ZONE_TYPE",
            "统计单元必须是面（Polygon 或 MultiPolygon）",
            "zones must be polygons or multipolygons",
            where=f"zone {int(wrong[0])}",
        )
    broken = np.flatnonzero(~shapely.is_valid(valid))
    if len(broken):
        repaired = shapely.make_valid(valid[broken], method="structure", keep_collapsed=False)
        parts, owner = shapely.get_parts(repaired, return_index=True)
        flat = np.isin(shapely.get_type_id(parts), (3, 6))
        for k, number in enumerate(broken):
            valid[number] = shapely.union_all(parts[flat & (owner == k)])
    return shapely.force_2d(valid), len(broken)


def plane_of(zones: Geometries, grid: Grid) -> str:
    """CRS in which edges of zones are straight: as `geo.area` takes them.

    That is the Gauss-Krueger plane of the 3-degree zone of the layer's middle
    longitude; outside China the plane of the raster. zones: EPSG:4490.
    """
    west, _, east, _ = shapely.total_bounds(zones)
    zone = ground.zone_of((west + east) / 2) if np.isfinite(west) else 0
    return ground.gauss_kruger(zone) if zone in ground.ZONES[3] else grid.crs


def _ragged(zones: Geometries) -> tuple[Floats, Ints, Ints, Ints]:
    """Vertices[v, 2]; offsets of rings into them, of parts into rings, of zones into parts."""
    parts, owner = shapely.get_parts(zones, return_index=True)
    first = np.searchsorted(owner, np.arange(len(zones) + 1))
    if not len(parts):
        return np.empty((0, 2)), np.zeros(1, np.int64), np.zeros(1, np.int64), first
    _, xy, (ring, part) = shapely.to_ragged_array(parts)
    return (
        np.asarray(xy, dtype=np.float64),
        np.asarray(ring, dtype=np.int64),
        np.asarray(part, dtype=np.int64),
        first,
    )


def _far(xy: Floats, ring: Ints, part: Ints, first_part: Ints, longest: float) -> Ints:
    """Numbers of the zones with an edge longer than this."""
    step = np.hypot(np.diff(xy[:, 0]), np.diff(xy[:, 1]))
    step[ring[1:-1] - 1] = 0.0  # from one ring to the next is no edge
    last = ring[part[first_part]]
    return np.unique(np.searchsorted(last, np.flatnonzero(step > longest), "right") - 1)


@dataclass(frozen=True)
class ZoneIndex:
    """Zones as flat arrays in pixel coordinates, with the blocks that each one touches."""

    grid: Grid
    x: Floats
    y: Floats
    ring: Ints
    zone_ring: Ints
    bounds: Floats
    #: Numbers of the blocks that any zone touches, ascending.
    blocks: Ints
    _offsets: Ints
    _members: Ints

    @classmethod
    def build(cls, zones: Geometries, grid: Grid, plane: str | None = None) -> ZoneIndex:
        """zones: valid polygons, shapely[n], EPSG:4490 (see `polygons`).

        Their edges are straight in ``plane`` (`plane_of`): those longer than
        `SEGMENT_METRES` on the raster get points between their ends.
        """
        plane = plane or plane_of(zones, grid)
        ragged = _ragged(zones)
        xy = ground.transform_points(ragged[0], ground.STORAGE, grid.crs)
        longest = SEGMENT_METRES
        if ground.resolve(grid.crs).is_geographic:
            longest /= 111_000
        far = _far(xy, ragged[1], ragged[2], ragged[3], longest)
        if not len(far) or plane == grid.crs:
            return cls._of_ragged(xy, *ragged[1:], grid)
        flat = ground.transform(zones[far], ground.STORAGE, plane)
        drawn = ground.transform(zones, ground.STORAGE, grid.crs)
        drawn[far] = ground.transform(shapely.segmentize(flat, SEGMENT_METRES), plane, grid.crs)
        return cls.of_projected(drawn, grid)

    @classmethod
    def of_projected(cls, zones: Geometries, grid: Grid) -> ZoneIndex:
        """zones: valid polygons, shapely[n], in the coordinates of the grid."""
        return cls._of_ragged(*_ragged(zones), grid)

    @classmethod
    def _of_ragged(
        cls, xy: Floats, ring: Ints, part: Ints, first_part: Ints, grid: Grid
    ) -> ZoneIndex:
        xy = _oriented(xy, ring, part)
        pixels = grid.to_pixels(xy)
        # The kernel counts rows in 2^-32: differences of y are then exact.
        pixels[:, 1] = np.ldexp(np.rint(np.ldexp(pixels[:, 1], 32)), -32)
        bounds = _bounds(pixels, ring, part, first_part)
        blocks, offsets, members = _members(bounds, grid)
        return cls(
            grid=grid,
            x=np.ascontiguousarray(pixels[:, 0]),
            y=np.ascontiguousarray(pixels[:, 1]),
            ring=ring,
            zone_ring=part[first_part],
            bounds=bounds,
            blocks=blocks,
            _offsets=offsets,
            _members=members,
        )

    def __len__(self) -> int:
        return len(self.bounds)

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Zones that lie wholly on the raster: bool[n]."""
        b = self.bounds
        return np.asarray(
            (b[:, 0] >= 0)
            & (b[:, 1] >= 0)
            & (b[:, 2] <= self.grid.width)
            & (b[:, 3] <= self.grid.height)
        )

    def zones_of(self, block: int) -> Ints:
        """Numbers of the zones whose bounds touch a block."""
        at = int(np.searchsorted(self.blocks, block))
        if at == len(self.blocks) or self.blocks[at] != block:
            return np.empty(0, dtype=np.int64)
        return self._members[self._offsets[at] : self._offsets[at + 1]]

    def subset(self, blocks: Ints) -> tuple[ZoneIndex, Ints]:
        """Some blocks with the zones that touch them alone, and the numbers of those zones here."""
        lists = [self.zones_of(int(block)) for block in blocks]
        zones = np.unique(np.concatenate(lists)) if lists else np.empty(0, np.int64)
        rings = _ranges(self.zone_ring[zones], self.zone_ring[zones + 1])
        vertices = _ranges(self.ring[rings], self.ring[rings + 1])
        sizes = np.array([len(each) for each in lists], np.int64)
        some = ZoneIndex(
            grid=self.grid,
            x=self.x[vertices],
            y=self.y[vertices],
            ring=_starts(self.ring[rings + 1] - self.ring[rings]),
            zone_ring=_starts(self.zone_ring[zones + 1] - self.zone_ring[zones]),
            bounds=self.bounds[zones],
            blocks=np.asarray(blocks, dtype=np.int64),
            _offsets=_starts(sizes),
            _members=np.searchsorted(zones, np.concatenate(lists) if lists else zones),
        )
        return some, zones


def _starts(sizes: Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _ranges(start: Ints, end: Ints) -> Ints:
    """start[0], ..., end[0] - 1, start[1], ..., as one array."""
    sizes = end - start
    shift = np.repeat(start - (np.cumsum(sizes) - sizes), sizes)
    return np.arange(len(shift), dtype=np.int64) + shift


class Tally:
    """Areas of classes by zone, filled block by block.

    ``units``: int64[zones, classes], 2^-e m² with e of `Grid.exponent`.
    """

    def __init__(self, index: ZoneIndex, classes: int, units: Ints | None = None) -> None:
        """``units``: the sums of an earlier, interrupted run to go on from."""
        self.index = index
        self.units = np.zeros((len(index), classes), np.int64) if units is None else units.copy()
        self.pixel_area = index.grid.pixel_area

    @property
    def areas(self) -> Floats:
        """float64[zones, classes], m²."""
        return np.ldexp(self.units.astype(np.float64), -self.index.grid.exponent)

    def add(self, block: int, codes: Codes) -> None:
        """Add one block. codes: uint8 or uint16[h, w], each pixel's class, below ``classes``."""
        zones, units = self.measured(block, codes)
        self.merge(zones, units)

    def merge(self, zones: Ints, units: Ints) -> None:
        """Add what another worker measured: `measured`, zones without repetition."""
        self.units[zones] += units

    def measured(self, block: int, codes: Codes) -> tuple[Ints, Ints]:
        """Zones[m] of a block and their int64[m, classes] units inside it; nothing is added."""
        from geo.soil.kernel import add_block  # noqa: PLC0415 - Numba loads only where it runs

        index, classes = self.index, self.units.shape[1]
        column, row, width, height = index.grid.window(block)
        if codes.shape != (height, width):
            raise ValueError(f"block {block} is {(height, width)} pixels, not {codes.shape}")
        if codes.size and int(codes.max()) >= classes:
            raise ValueError(f"class {int(codes.max())} in block {block} has no column")
        zones = index.zones_of(block)
        units = np.zeros((len(zones), classes), np.int64)
        add_block(
            index.x,
            index.y,
            index.ring,
            index.zone_ring,
            index.bounds,
            zones,
            column,
            row,
            np.ascontiguousarray(codes),
            self.pixel_area.nodes,
            self.pixel_area.step,
            self.pixel_area.segment,
            float(np.ldexp(1.0, index.grid.exponent)),
            units,
        )
        return zones, units


def dissolved(zones: Geometries, plane: str | None = None) -> tuple[Geometries, Ints]:
    """Overlapping zones as one: with the zones left alone, they count every place once.

    zones: valid polygons, shapely[n], in a plane; with ``plane`` in EPSG:4490, and it is in
    the plane that they overlap. Returns the pieces dissolved from zones that overlap another
    by more than `SLIVER`, and the numbers of the zones that overlap none. Shared edges are
    no overlap.
    """
    empty = shapely.is_empty(zones)
    # Edges that run through a neighbour or do not match it: a fast pre-selection,
    # so that clean parcel layers need no pairwise work. It is made among zones whose bounds
    # lie over another's.
    near = _over_another(zones)
    suspect = np.zeros(len(zones), dtype=bool)
    suspect[near] = ~shapely.is_empty(shapely.coverage_invalid_edges(zones[near]))
    number = np.flatnonzero(suspect)
    mine, other = shapely.STRtree(zones).query(zones[number])
    mine = number[mine]
    keep = (mine != other) & ~(suspect[other] & (other < mine))
    mine, other = mine[keep], other[keep]
    flat = zones.copy()
    if plane is not None:
        near = np.unique(np.concatenate([mine, other]))
        flat[near] = ground.transform(zones[near], ground.STORAGE, plane)
    size = shapely.area(flat)
    shared = shapely.area(shapely.intersection(flat[mine], flat[other]))
    over = shared > SLIVER * np.minimum(size[mine], size[other])
    group = _components(len(zones), mine[over], other[over])
    members = np.bincount(group, minlength=len(zones))[group]
    pieces = [shapely.union_all(flat[group == root]) for root in np.unique(group[members > 1])]
    found = np.array(pieces, dtype=object)
    if plane is not None:
        found = ground.transform(found, plane, ground.STORAGE)
    return found, np.flatnonzero(~empty & (members == 1))


def _over_another(zones: Geometries) -> Ints:
    """Numbers of the zones[n] whose bounds share more than an edge with another's."""
    mine, other = shapely.STRtree(zones).query(zones)  # by their bounds
    bounds = shapely.bounds(zones)
    first = mine < other
    mine, other = mine[first], other[first]
    low = np.maximum(bounds[mine, :2], bounds[other, :2])
    high = np.minimum(bounds[mine, 2:], bounds[other, 2:])
    over = (high > low).all(axis=1)
    return np.unique(np.concatenate([mine[over], other[over]]))


def _components(n: int, a: Ints, b: Ints) -> Ints:
    """Smallest member of the connected component of each of n nodes; edges (a, b)."""
    label = np.arange(n)
    while True:
        low = np.minimum(label[a], label[b])
        following = label.copy()
        np.minimum.at(following, a, low)
        np.minimum.at(following, b, low)
        following = following[following]
        if np.array_equal(following, label):
            return label
        label = following


def _oriented(xy: Floats, ring: NDArray[np.int64], part: NDArray[np.int64]) -> Floats:
    """Vertices with shells counter-clockwise and holes clockwise, by their signed area.

    Topological orientation tests go wrong on rings that touch themselves, as valid
    polygons may after projection; the sign of the area is what the kernel adds up.
    """
    if not len(xy):
        return xy
    at = np.arange(len(xy))
    sizes = np.diff(ring)
    start, end = np.repeat(ring[:-1], sizes), np.repeat(ring[1:], sizes)
    local = xy - np.repeat(xy[ring[:-1]], sizes, axis=0)
    following = np.where(at + 1 < end, at + 1, start)
    cross = local[:, 0] * local[following, 1] - local[following, 0] * local[:, 1]
    signed = np.add.reduceat(cross, ring[:-1])
    shell = np.zeros(len(sizes), dtype=bool)
    shell[part[:-1][np.diff(part) > 0]] = True  # an empty polygon has no ring
    wrong = np.repeat((signed > 0) != shell, sizes)
    turned: Floats = xy[np.where(wrong, start + end - 1 - at, at)]
    return turned


def _bounds(pixels: Floats, ring: Ints, part: Ints, first_part: Ints) -> Floats:
    """Bounds of zones in pixels, float64[n, 4]; of empty zones an empty box."""
    vertex = np.asarray(ring)[np.asarray(part)[first_part]].astype(np.int64)
    bounds = np.tile(np.array([0.0, 0.0, -1.0, -1.0]), (len(first_part) - 1, 1))
    full = np.flatnonzero(np.diff(vertex) > 0)
    if len(full):
        for k, how in enumerate((np.minimum, np.minimum, np.maximum, np.maximum)):
            # Zones lie one after another, so the start of each full zone cuts the array.
            bounds[full, k] = how.reduceat(pixels[:, k % 2], vertex[full])
    return bounds


def _members(bounds: Floats, grid: Grid) -> tuple[Ints, Ints, Ints]:
    """Blocks touched, offsets, and zones of each block in ascending order."""
    down, across = grid.blocks
    low = np.floor(bounds[:, :2] / grid.block).astype(np.int64)
    high = np.ceil(bounds[:, 2:] / grid.block).astype(np.int64) - 1
    low = np.maximum(low, 0)
    high = np.minimum(high, (across - 1, down - 1))
    count = np.maximum(high - low + 1, 0)
    total = count[:, 0] * count[:, 1]
    zone = np.repeat(np.arange(len(bounds)), total)
    place = np.arange(len(zone)) - np.repeat(np.cumsum(total) - total, total)
    wide = np.maximum(count[zone, 0], 1)
    block = (low[zone, 1] + place // wide) * across + low[zone, 0] + place % wide
    order = np.argsort(block, kind="stable")
    blocks, start = np.unique(block[order], return_index=True)
    return blocks, np.append(start, len(block)).astype(np.int64), zone[order]
