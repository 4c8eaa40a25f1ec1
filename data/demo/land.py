"""Which block of land carries what: choose the fields of the demonstration.

The result is geometry with the facts that follow from place (county, township,
district, severity, project); the other attributes are added in `data.demo.register`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from data.demo import fields, landscape, outlines
from data.demo.fields import Blocks, Flags, Floats, Ints, Lattice
from data.demo.landscape import noise, to_plane

#: Fields are as wide as in the landscape up to this many parcels; more make them narrower.
NATURAL_PARCELS = 110_000
PLOT_WIDTH, PADDY_WIDTH, DRY_WIDTH = 0.30, 0.125, 0.115


@dataclass
class Sites:
    """Columns that follow from place; one row a block or a field."""

    county: Ints  # index into outlines.COUNTIES
    township: Ints  # index into the county's townships
    district: Ints  # index into outlines.DISTRICTS, -1 outside
    severity: Floats
    cluster: Ints  # land that one project treats: a branch-canal unit or a village tract

    def take(self, rows: Ints | Flags) -> Sites:
        return Sites(
            self.county[rows], self.township[rows], self.district[rows], self.severity[rows],
            self.cluster[rows],
        )  # fmt: skip


@dataclass
class Land:
    lattices: list[Lattice]
    blocks: Blocks  # every usable block
    sites: Sites  # of the blocks
    plot_blocks: Ints  # rows of `blocks`
    parcel_blocks: Ints
    plots: fields.Strips  # `.block` counts in `blocks`
    parcels: fields.Strips
    ragged: Flags  # blocks that touch water or a county border


def plane(geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    """Geometries in degrees to the local plane (km)."""
    moved = shapely.transform(geometries, lambda xy: np.column_stack(to_plane(xy[:, 0], xy[:, 1])))
    return np.asarray(moved, dtype=object)


def choose(parcels: int, plots: int, seed: int) -> Land:
    """Lay out ``parcels`` fields and ``plots`` remediation plots; deterministic."""
    counties = plane(outlines.counties())
    districts = plane(outlines.districts())
    mains = [shapely.LineString(outlines.main_canal(d.code)) for d in outlines.DISTRICTS]
    water = np.concatenate(
        [plane(landscape.rivers()), plane(landscape.lakes()), shapely.buffer(mains, 0.015)]
    )
    lattices, blocks = _lattices(counties, districts, seed)
    blocks, ragged = _usable(blocks, lattices, counties, districts, water)
    sites = _sites(blocks, lattices, counties, seed)

    rng = np.random.default_rng((5501, seed))
    x, y = blocks.centre[:, 0], blocks.centre[:, 1]
    patch = noise(x, y, seed=5502 + seed, longest=16.0, shortest=4.0, waves=30)
    inside = sites.district >= 0
    near = np.full(len(blocks), np.inf)
    near[~inside] = shapely.distance(
        shapely.points(blocks.centre[~inside]), shapely.union_all(districts)
    )
    near[inside] = 0.0
    # Villages, ponds and graveyards: no fields there.
    hole = (noise(x, y, seed=5503, longest=2.6, shortest=0.9, waves=10) > 1.75) | (
        rng.random(len(blocks)) < 0.02
    )

    saline = (sites.severity > 0.36) & (sites.severity < 0.99) & ~hole
    appeal = patch - 0.012 * np.minimum(near, 60.0) + 0.08 * rng.normal(size=len(x))
    # Most remediation is paddy below canals; the rest is dry land and saline cropland elsewhere.
    watered = round(0.62 * plots)
    plot_blocks, plot_strips = _join(
        [
            _fill(
                blocks, lattices, ragged, np.where(saline & where, appeal, -np.inf), count,
                width=PLOT_WIDTH, split=0.10, seed=seed * 10 + number,
                water=water, counties=counties,
            )
            for number, (where, count) in enumerate(((inside, watered), (~inside, plots - watered)))
        ]
    )  # fmt: skip

    free = ~hole & (sites.severity < 0.70)
    free[plot_blocks] = False
    # Districts fill up first; the better soils of dry land follow.
    patch = noise(x, y, seed=5504 + seed, longest=22.0, shortest=6.0, waves=30)
    appeal = patch + 2.0 * inside - 0.9 * sites.severity + 0.03 * rng.normal(size=len(x))
    narrow = min(1.0, NATURAL_PARCELS / parcels)
    width = np.where(inside, PADDY_WIDTH, DRY_WIDTH) * narrow
    parcel_blocks, parcel_strips = _fill(
        blocks, lattices, ragged, np.where(free, appeal, -np.inf), parcels,
        width=width, split=0.22, seed=seed * 10 + 2, water=water, counties=counties,
    )  # fmt: skip
    return Land(
        lattices, blocks, sites, plot_blocks, parcel_blocks, plot_strips, parcel_strips, ragged
    )


def _lattices(
    counties: NDArray[np.object_], districts: NDArray[np.object_], seed: int
) -> tuple[list[Lattice], Blocks]:
    irrigated = []
    for number, (district, outline) in enumerate(zip(outlines.DISTRICTS, districts, strict=True)):
        centre = shapely.get_coordinates(shapely.centroid(outline))[0]
        reach = float(np.hypot(*(shapely.get_coordinates(outline) - centre).T).max()) + 0.6
        irrigated.append(
            fields.district_lattice(
                (float(centre[0]), float(centre[1])), reach, district.angle, number, seed
            )
        )
    dry = fields.dry_lattices(shapely.union_all(counties), seed)
    lattices = irrigated + dry
    return lattices, fields.blocks_of(lattices)


def _usable(
    blocks: Blocks,
    lattices: list[Lattice],
    counties: NDArray[np.object_],
    districts: NDArray[np.object_],
    water: NDArray[np.object_],
) -> tuple[Blocks, Flags]:
    """Blocks on land of one county; "ragged" ones touch water or a border: strips are tested."""
    wet = shapely.buffer(water, 0.06)
    outside = shapely.buffer(districts, 0.45)
    of_district = np.array([lattice.district for lattice in lattices])[blocks.lattice]
    points = shapely.points(blocks.centre)
    keep = np.zeros(len(blocks), dtype=bool)
    for number, outline in enumerate(districts):
        mine = of_district == number
        shapely.prepare(outline)
        keep[mine] = shapely.contains_properly(outline, points[mine])
    dry = of_district < 0
    keep[dry] = True
    tree = shapely.STRtree(blocks.outline)
    crowded = tree.query(outside, predicate="intersects")[1]
    keep[crowded[dry[crowded]]] = False
    # Middles in water or in no county go; edges are looked at strip by strip.
    centres = shapely.STRtree(points)
    keep[centres.query(wet, predicate="contains")[1]] = False
    home = np.zeros(len(blocks), dtype=bool)
    home[centres.query(counties, predicate="contains")[1]] = True
    keep &= home
    ragged = np.zeros(len(blocks), dtype=bool)
    ragged[tree.query(wet, predicate="intersects")[1]] = True
    ragged[tree.query(shapely.boundary(counties), predicate="intersects")[1]] = True
    rows = np.flatnonzero(keep)
    return blocks.take(rows), ragged[rows]


def _sites(
    blocks: Blocks, lattices: list[Lattice], counties: NDArray[np.object_], seed: int
) -> Sites:
    centre = blocks.centre
    points = shapely.points(centre)
    county = np.zeros(len(blocks), dtype=np.int64)
    tree = shapely.STRtree(points)
    found = tree.query(counties, predicate="contains")
    county[found[1]] = found[0]
    township = np.zeros(len(blocks), dtype=np.int64)
    rng = np.random.default_rng((5505, 1))
    for number, outline in enumerate(counties):
        seats = _spread(rng, outline, len(outlines.COUNTIES[number].townships))
        mine = np.flatnonzero(county == number)
        squared = ((centre[mine, None, :] - seats[None, :, :]) ** 2).sum(axis=2)
        township[mine] = squared.argmin(axis=1)
    district = np.array([lattice.district for lattice in lattices])[blocks.lattice]
    lon, lat = landscape.from_plane(centre[:, 0], centre[:, 1])
    severity = landscape.salinity_severity(lon, lat)
    unit = np.where(
        district >= 0,
        (blocks.i // (2 * fields.BRANCH_EVERY)) * 100 + blocks.j // fields.TRUNK_EVERY,
        0,
    )
    key = (blocks.lattice * 100_000 + unit) * 8 + county
    cluster = np.unique(key, return_inverse=True)[1]
    return Sites(county, township, district, severity, cluster)


def _spread(rng: np.random.Generator, outline: shapely.Geometry, count: int) -> Floats:
    """``count`` places well apart from each other inside an outline."""
    minx, miny, maxx, maxy = shapely.bounds(outline)
    tries = rng.uniform((minx, miny), (maxx, maxy), (600, 2))
    tries = tries[shapely.contains(outline, shapely.points(tries))]
    chosen = tries[:1]
    for _ in range(count - 1):
        far = ((tries[:, None] - chosen[None]) ** 2).sum(axis=2).min(axis=1)
        chosen = np.vstack([chosen, tries[far.argmax()]])
    return chosen


def _fill(
    blocks: Blocks,
    lattices: list[Lattice],
    ragged: Flags,
    appeal: Floats,
    wanted: int,
    *,
    width: float | Floats,
    split: float,
    seed: int,
    water: NDArray[np.object_],
    counties: NDArray[np.object_],
) -> tuple[Ints, fields.Strips]:
    """Take the most appealing blocks and cut them until there are ``wanted`` fields."""
    width = np.broadcast_to(np.asarray(width, dtype=np.float64), appeal.shape)
    order = np.argsort(-appeal, kind="stable")
    order = order[np.isfinite(appeal[order])]
    expected = np.cumsum((blocks.v1 - blocks.v0)[order] / width[order]) * (1.0 + split) * 0.95
    # Some strips fall away at rivers and borders: take a reserve and trim.
    rows = np.sort(order[: int(np.searchsorted(expected, wanted * 1.15)) + 2])
    strips = _cut(
        blocks, lattices, ragged, rows,
        width=width, split=split, seed=seed, water=water, counties=counties,
    )  # fmt: skip
    if len(strips.block) < wanted:
        raise ValueError(f"only {len(strips.block)} fields of {wanted} fit into the landscape")
    # Trim whole blocks of least appeal, then single strips of the last block.
    rank = np.empty(len(blocks), dtype=np.int64)
    rank[order] = np.arange(len(order))
    keep = np.sort(np.argsort(rank[strips.block], kind="stable")[:wanted])
    strips = fields.Strips(strips.block[keep], strips.geometry[keep], strips.centre[keep])
    return np.unique(strips.block), strips


def _join(pieces: list[tuple[Ints, fields.Strips]]) -> tuple[Ints, fields.Strips]:
    blocks = np.concatenate([piece[0] for piece in pieces])
    strips = fields.Strips(
        np.concatenate([piece[1].block for piece in pieces]),
        np.concatenate([piece[1].geometry for piece in pieces]),
        np.concatenate([piece[1].centre for piece in pieces]),
    )
    return np.sort(blocks), strips


def _cut(
    blocks: Blocks,
    lattices: list[Lattice],
    ragged: Flags,
    rows: Ints,
    *,
    width: Floats,
    split: float,
    seed: int,
    water: NDArray[np.object_],
    counties: NDArray[np.object_],
) -> fields.Strips:
    strips = fields.strips_of(
        blocks.take(rows), lattices, width=width[rows], split=split, seed=seed
    )
    strips.block = rows[strips.block]
    tested = np.flatnonzero(ragged[strips.block])
    shapes = plane(strips.geometry[tested])
    tree = shapely.STRtree(shapes)
    dropped = [tree.query(shapely.buffer(water, 0.03), predicate="intersects")[1]]
    dropped.append(tree.query(shapely.boundary(counties), predicate="intersects")[1])
    keep = np.ones(len(strips.block), dtype=bool)
    keep[tested[np.concatenate(dropped)]] = False
    return fields.Strips(strips.block[keep], strips.geometry[keep], strips.centre[keep])
