"""The geometry of fields: lattices of roads and canals, blocks between them, strips within.

Every stretch of land (a tract) has its own lattice: a slightly irregular grid,
turned to the local canals and bent by one smooth field, `warp`. A block is the
land between two lattice lines each way, less the road or canal; a strip is a
field in a block. Neighbouring strips are built from the same vertices, so shared
edges are shared exactly. Lengths are kilometres of `landscape.to_plane`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from data.demo.landscape import from_plane, noise

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

#: In a district lattice every n-th line across carries a branch canal, every n-th along a trunk.
BRANCH_EVERY, TRUNK_EVERY = 6, 6


def warp(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Bend the plane a little (up to about 150 m over kilometres, 10 m over hundreds of metres)."""
    dx = 0.060 * noise(x, y, seed=5301, longest=16.0, shortest=5.0, waves=9)
    dy = 0.060 * noise(x, y, seed=5302, longest=16.0, shortest=5.0, waves=9)
    dx += 0.005 * noise(x, y, seed=5303, longest=3.0, shortest=0.9, waves=7)
    dy += 0.005 * noise(x, y, seed=5304, longest=3.0, shortest=0.9, waves=7)
    return x + dx, y + dy


def to_degrees(xy: Floats) -> Floats:
    """Plane coordinates (..., 2), already warped, as degrees rounded to about 0.1 mm."""
    return np.round(np.stack(from_plane(xy[..., 0], xy[..., 1]), axis=-1), 9)


@dataclass(frozen=True)
class Lattice:
    """Lines ``u[i]`` and ``v[j]`` (km from the origin) with half widths of the gaps along them."""

    origin: tuple[float, float]
    angle: float
    u: Floats
    v: Floats
    u_gap: Floats
    v_gap: Floats
    #: Convex outline in the unbent plane, counter-clockwise; None when not clipped.
    cell: Floats | None
    district: int  # index into outlines.DISTRICTS, -1 outside

    def place(self, u: Floats, v: Floats) -> Floats:
        """Lattice coordinates to bent plane coordinates, shape (..., 2)."""
        x, y = self.turn(u, v)
        return np.stack(warp(x, y), axis=-1)

    def turned(self, u: Floats, v: Floats) -> Floats:
        """`turn` as one array of shape (..., 2)."""
        return np.stack(self.turn(u, v), axis=-1)

    def turn(self, u: Floats, v: Floats) -> tuple[Floats, Floats]:
        """Lattice coordinates to unbent plane coordinates."""
        c, s = np.cos(self.angle), np.sin(self.angle)
        return self.origin[0] + u * c - v * s, self.origin[1] + u * s + v * c


def _lines(rng: np.random.Generator, reach: float, spacing: float) -> Floats:
    count = int(np.ceil(reach / spacing))
    numbers = np.arange(-count, count + 1, dtype=np.float64)
    jitter = rng.uniform(-0.07, 0.07, len(numbers))
    return (numbers + jitter) * spacing


def district_lattice(
    centre: tuple[float, float], reach: float, angle: float, district: int, seed: int
) -> Lattice:
    """Canal grid of an irrigation district: field canals 0.42 km apart, laterals 0.80 km."""
    rng = np.random.default_rng((5400, seed, district))
    u, v = _lines(rng, reach, 0.42), _lines(rng, reach, 0.80)
    i, j = np.arange(len(u)), np.arange(len(v))
    u_gap = np.where(i % BRANCH_EVERY == 0, 0.017, np.where(i % 2 == 0, 0.006, 0.005))
    v_gap = np.where(j % TRUNK_EVERY == 0, 0.026, 0.010)
    return Lattice(centre, np.radians(angle), u, v, u_gap, v_gap, None, district)


def dry_lattices(outline: shapely.Geometry, seed: int, spacing: float = 6.2) -> list[Lattice]:
    """Tracts of dry land over ``outline`` (plane km): one lattice a Voronoi cell.

    Directions change smoothly over tens of kilometres, as village lands do.
    """
    rng = np.random.default_rng((5401, seed))
    minx, miny, maxx, maxy = shapely.bounds(outline)
    gx, gy = np.meshgrid(np.arange(minx, maxx, spacing), np.arange(miny, maxy, spacing))
    gx = gx + np.where(np.arange(len(gy)) % 2, 0.5 * spacing, 0.0)[:, None]
    seeds = np.column_stack([gx.ravel(), gy.ravel()])
    seeds += rng.uniform(-0.36, 0.36, seeds.shape) * spacing
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(seeds)))
    shapely.prepare(outline)
    cells = cells[shapely.intersects(outline, cells)]
    middle = shapely.get_coordinates(shapely.centroid(cells))
    # A stable order whatever the Voronoi code returns.
    order = np.lexsort((np.round(middle[:, 0], 6), np.round(middle[:, 1], 6)))
    cells, middle = cells[order], middle[order]
    turn = 12.0 + 17.0 * noise(
        middle[:, 0], middle[:, 1], seed=5402, longest=90.0, shortest=22.0, waves=8
    )
    turn += rng.normal(0.0, 4.0, len(cells))
    lattices = []
    for number, cell in enumerate(cells):
        ring = shapely.get_coordinates(shapely.normalize(shapely.buffer(cell, -0.012)))[:-1][::-1]
        if len(ring) < 3:
            continue
        reach = float(np.hypot(*(ring - middle[number]).T).max())
        u = _lines(rng, reach, rng.uniform(0.46, 0.66))
        v = _lines(rng, reach, rng.uniform(0.50, 0.95))
        road = rng.integers(3, 6)
        gap_u = np.where(np.arange(len(u)) % road == 0, 0.013, 0.007)
        gap_v = np.where(np.arange(len(v)) % road == 0, 0.013, 0.008)
        origin = (float(middle[number, 0]), float(middle[number, 1]))
        lattices.append(
            Lattice(origin, float(np.radians(turn[number])), u, v, gap_u, gap_v, ring, -1)
        )
    return lattices


@dataclass
class Blocks:
    """Columns of blocks: lattice number, line numbers and inner edges (lattice km)."""

    lattice: Ints
    i: Ints
    j: Ints
    u0: Floats
    u1: Floats
    v0: Floats
    v1: Floats
    centre: Floats  # (n, 2) bent plane km
    outline: NDArray[np.object_]  # shapely polygons, bent plane km

    def __len__(self) -> int:
        return len(self.lattice)

    def take(self, rows: Ints | Flags) -> Blocks:
        return Blocks(
            self.lattice[rows], self.i[rows], self.j[rows], self.u0[rows], self.u1[rows],
            self.v0[rows], self.v1[rows], self.centre[rows], self.outline[rows],
        )  # fmt: skip


def blocks_of(lattices: list[Lattice], first: int = 0) -> Blocks:
    """All blocks of the lattices whose centre lies in the lattice's cell; `first` numbers them."""
    parts = []
    for number, lattice in enumerate(lattices):
        i, j = np.meshgrid(np.arange(len(lattice.u) - 1), np.arange(len(lattice.v) - 1))
        i, j = i.ravel(), j.ravel()
        u0 = lattice.u[i] + lattice.u_gap[i]
        u1 = lattice.u[i + 1] - lattice.u_gap[i + 1]
        v0 = lattice.v[j] + lattice.v_gap[j]
        v1 = lattice.v[j + 1] - lattice.v_gap[j + 1]
        if lattice.cell is not None:
            x, y = lattice.turn((u0 + u1) / 2, (v0 + v1) / 2)
            inside = inside_ring(lattice.cell, x, y)
            i, j, u0, u1, v0, v1 = (a[inside] for a in (i, j, u0, u1, v0, v1))
        corners = lattice.place(
            np.stack([u0, u1, u1, u0], axis=1), np.stack([v0, v0, v1, v1], axis=1)
        )
        parts.append(
            (np.full(len(i), first + number), i, j, u0, u1, v0, v1, corners.mean(axis=1), corners)
        )
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return Blocks(*columns[:8], shapely.polygons(columns[8]))


def inside_ring(cell: Floats, x: Floats, y: Floats) -> Flags:
    """Whether points lie in a convex counter-clockwise ring."""
    inside = np.ones(x.shape, dtype=bool)
    for (ax, ay), (bx, by) in zip(cell, np.roll(cell, -1, axis=0), strict=True):
        inside &= (bx - ax) * (y - ay) - (by - ay) * (x - ax) >= 0.0
    return inside


@dataclass
class Strips:
    """Fields: the block of each and its polygon in degrees (EPSG:4490)."""

    block: Ints
    geometry: NDArray[np.object_]
    centre: Floats  # (n, 2) bent plane km


def strips_of(
    blocks: Blocks, lattices: list[Lattice], *, width: float | Floats, split: float, seed: int
) -> Strips:
    """Cut every block into strips about ``width`` km wide; a share ``split`` is halved across."""
    rng = np.random.default_rng((5403, seed))
    depth = blocks.v1 - blocks.v0
    count = np.maximum(1, np.round(depth / width * rng.uniform(0.8, 1.25, len(blocks)))).astype(int)

    # One row an edge between strips: count + 1 edges a block.
    edges = count + 1
    start = np.concatenate([[0], np.cumsum(edges)])
    of_block = np.repeat(np.arange(len(blocks)), edges)
    within = np.arange(start[-1]) - start[of_block]
    share = rng.gamma(9.0, 1.0 / 9.0, start[-1])
    share[within == 0] = 0.0
    running = np.cumsum(share)
    running -= running[start[:-1]][of_block]
    fraction = running / running[start[1:] - 1][of_block]
    v = blocks.v0[of_block] + fraction * depth[of_block]
    inner = (within > 0) & (within < count[of_block])
    tilt = np.where(inner, rng.normal(0.0, 0.035, len(v)), 0.0) * (depth / count)[of_block]
    middle = np.clip(rng.normal(0.5, 0.06, len(blocks)), 0.35, 0.65)[of_block]

    at = np.stack([np.zeros(len(v)), middle, np.ones(len(v))], axis=1)
    alive = np.ones(len(v), dtype=bool)
    xy = np.empty((len(v), 3, 2))
    lattice_of = blocks.lattice[of_block]
    # Blocks are in lattice order, so each lattice is one slice of the edges.
    bounds = np.searchsorted(lattice_of, np.arange(len(lattices) + 1))
    for number, lattice in enumerate(lattices):
        rows = slice(bounds[number], bounds[number + 1])
        if rows.start == rows.stop:
            continue
        u0, u1 = blocks.u0[of_block[rows]], blocks.u1[of_block[rows]]
        va, vb = v[rows] - tilt[rows], v[rows] + tilt[rows]
        if lattice.cell is not None:
            a = np.stack(lattice.turn(u0, va), axis=1)
            b = np.stack(lattice.turn(u1, vb), axis=1)
            t0, t1 = _clip(lattice.cell, a, b)
            alive[rows] = (t1 - t0) * (u1 - u0) > 0.10
            mid = at[rows, 1]
            mid = np.where((mid > t0 + 0.1) & (mid < t1 - 0.1), mid, (t0 + t1) / 2)
            at[rows] = np.stack([t0, mid, t1], axis=1)
        t = at[rows]
        xy[rows] = lattice.place(
            u0[:, None] + t * (u1 - u0)[:, None], va[:, None] + t * (vb - va)[:, None]
        )

    low = np.flatnonzero(within < count[of_block])  # the edge below each strip
    low = low[alive[low] & alive[low + 1]]
    a, b = xy[low], xy[low + 1]
    halved = rng.random(len(low)) < split
    whole = np.stack([a[:, 0], a[:, 1], a[:, 2], b[:, 2], b[:, 1], b[:, 0], a[:, 0]], axis=1)
    left = np.stack([a[:, 0], a[:, 1], b[:, 1], b[:, 0], a[:, 0]], axis=1)[halved]
    right = np.stack([a[:, 1], a[:, 2], b[:, 2], b[:, 1], a[:, 1]], axis=1)[halved]
    whole = whole[~halved]
    geometry = np.concatenate([shapely.polygons(to_degrees(part)) for part in (whole, left, right)])
    centre = np.concatenate([part[:, :-1].mean(axis=1) for part in (whole, left, right)])
    # Numbered as a surveyor would: block by block, strip by strip, left before right.
    edge = np.concatenate([low[~halved], low[halved], low[halved]])
    side = np.repeat([0, 0, 1], [len(whole), len(left), len(right)])
    order = np.lexsort((side, edge))
    return Strips(of_block[edge[order]], geometry[order], centre[order])


def _clip(cell: Floats, a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Part [t0, t1] of each segment a-b inside a convex counter-clockwise ring (Cyrus-Beck)."""
    t0, t1 = np.zeros(len(a)), np.ones(len(a))
    for p, q in zip(cell, np.roll(cell, -1, axis=0), strict=True):
        normal = np.array([-(q - p)[1], (q - p)[0]])
        start, end = (a - p) @ normal, (b - p) @ normal
        with np.errstate(divide="ignore", invalid="ignore"):
            cross = start / (start - end)
        t0 = np.where((start < 0) & (end >= 0), np.maximum(t0, cross), t0)
        t1 = np.where((start >= 0) & (end < 0), np.minimum(t1, cross), t1)
        t1 = np.where((start < 0) & (end < 0), -1.0, t1)
    return t0, t1
