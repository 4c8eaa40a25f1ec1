"""Protected farmland, and the restoration of grassland, wetland and shelterbelts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from data.demo import fields, landscape, outlines, words
from data.demo.fields import Blocks, Floats, Ints
from data.demo.land import Land, plane
from data.demo.landscape import noise, to_plane
from data.demo.model import Rows, table, text
from data.demo.outlines import COUNTIES
from data.demo.parcels import multipolygons, place_columns, serial
from geo.area import ellipsoidal_area
from geo.layers import Catalog
from geo.units import mu

#: Seats of the counties, (lon, lat), in the order of COUNTIES.
SEATS = ((122.84, 45.62), (123.20, 45.85), (123.07, 44.82), (122.79, 45.34), (124.25, 45.50))


def farmland(land: Land, catalog: Catalog, seed: int) -> Rows:
    """Protected farmland: pieces of four blocks (or one), larger than parcels, disjoint."""
    rng = np.random.default_rng((5901, seed))
    blocks = land.blocks
    count = len(blocks)
    x, y = blocks.centre[:, 0], blocks.centre[:, 1]
    good = noise(x, y, seed=5902, longest=20.0, shortest=5.0, waves=30) > 1.15
    wanted = good & (land.sites.severity < 0.45)
    wanted[land.parcel_blocks] = True
    wanted[land.plot_blocks] = False
    wanted &= ~land.ragged & _within_cell(land)

    group = (blocks.lattice * 2000 + blocks.i // 2) * 2000 + blocks.j // 2
    group = group * 8 + land.sites.county
    _, member, size = np.unique(group, return_inverse=True, return_counts=True)
    full = np.bincount(member, weights=wanted, minlength=len(size)) == 4
    whole = np.flatnonzero(full[member] & wanted & (blocks.i % 2 == 0) & (blocks.j % 2 == 0))
    single = np.flatnonzero(~full[member] & wanted)
    polygons = np.concatenate([_piece(land, whole, 2), _piece(land, single, 1)])
    rows = np.concatenate([whole, single])
    order = np.argsort(rows, kind="stable")
    rows, polygons = rows[order], polygons[order]

    has_parcels = np.zeros(count, dtype=bool)
    has_parcels[land.parcel_blocks] = True
    severity = land.sites.severity[rows]
    chance = rng.random(len(rows))
    kind = np.where(
        (severity < 0.5) & (chance < np.where(has_parcels[rows], 0.9, 0.6)),
        "permanent",
        np.where(chance > 0.93, "reserve", "redline"),
    )
    places = place_columns(land, rows)
    geometry = multipolygons(polygons)
    area = np.asarray(mu(ellipsoidal_area(geometry)), dtype=np.float64)
    wet = land.sites.district[rows] >= 0
    columns = {
        "code": text("{}J{:06d}", places["county"], serial(land.sites.county[rows])),
        "type": kind,
        "permanent_basic": kind == "permanent",
        "county": places["county"],
        "township": places["township"],
        "land_class": np.where(wet, "0101", np.where(chance < 0.6, "0103", "0102")),
        "slope_class": np.where(chance < 0.97, 1, 2),
        "quality_grade": np.clip(
            np.round(3.4 + 5.4 * severity + rng.normal(0, 0.6, len(rows))), 1, 10
        ),
        "net_area_mu": np.round(area * rng.uniform(0.955, 0.985, len(rows)), 2),
        "designated_year": np.where(kind == "permanent", 2017, 2021),
        "responsible": np.char.add(places["township"], "人民政府"),
    }
    return Rows(table(catalog.layers["farmland"], columns, len(rows)), geometry)


def _within_cell(land: Land) -> NDArray[np.bool_]:
    """Blocks of dry tracts whose four corners lie in their own tract."""
    blocks = land.blocks
    inside = np.ones(len(blocks), dtype=bool)
    bounds = np.searchsorted(blocks.lattice, np.arange(len(land.lattices) + 1))
    for number, lattice in enumerate(land.lattices):
        rows = slice(bounds[number], bounds[number + 1])
        if lattice.cell is None or rows.start == rows.stop:
            continue
        for u, v in (
            (blocks.u0, blocks.v0),
            (blocks.u1, blocks.v0),
            (blocks.u1, blocks.v1),
            (blocks.u0, blocks.v1),
        ):
            inside[rows] &= fields.inside_ring(lattice.cell, *lattice.turn(u[rows], v[rows]))
    return inside


def _piece(land: Land, rows: Ints, span: int) -> NDArray[np.object_]:
    """Outlines of ``span`` by ``span`` blocks from each block on, degrees."""
    blocks: Blocks = land.blocks
    ring = np.empty((len(rows), 4 * span, 2))
    for n, row in enumerate(rows.tolist()):
        lattice = land.lattices[int(blocks.lattice[row])]
        i, j = int(blocks.i[row]), int(blocks.j[row])
        u = lattice.u[i : i + span + 1].copy()
        v = lattice.v[j : j + span + 1].copy()
        u[0], v[0] = blocks.u0[row], blocks.v0[row]
        u[-1] -= lattice.u_gap[i + span]
        v[-1] -= lattice.v_gap[j + span]
        us = np.concatenate([u[:-1], np.full(span, u[-1]), u[:0:-1], np.full(span, u[0])])
        vs = np.concatenate([np.full(span, v[0]), v[:-1], np.full(span, v[-1]), v[:0:-1]])
        ring[n] = lattice.turned(us, vs)
    bent = np.stack(fields.warp(ring[..., 0], ring[..., 1]), axis=-1)
    return np.asarray(shapely.polygons(fields.to_degrees(bent)), dtype=object)


def restoration(land: Land, catalog: Catalog, seed: int) -> Rows:
    """Grassland, wetland, forest, corridors, shelterbelts and town greening, clear of fields."""
    rng = np.random.default_rng((5903, seed))
    used = land.blocks.outline[np.concatenate([land.plot_blocks, land.parcel_blocks])]
    busy = shapely.STRtree(used)
    kinds: list[str] = []
    shapes: list[shapely.Geometry] = []
    lengths: list[float] = []

    def add(
        kind: str, items: Sequence[shapely.Geometry], km: Sequence[float] | None = None
    ) -> None:
        kinds.extend([kind] * len(items))
        shapes.extend(items)
        lengths.extend(km if km is not None else [np.nan] * len(items))

    lakes = plane(landscape.lakes())
    districts = shapely.union_all(plane(outlines.districts()))
    blobs, severity = _blobs(rng, 2600)
    free = ~_touches(shapely.STRtree(blobs), lakes, len(blobs))
    free[shapely.STRtree(blobs).query(used, predicate="intersects")[1]] = False
    free &= ~shapely.intersects(districts, blobs)
    free = _disjoint(blobs, free)
    add("grassland", list(blobs[free & (severity > 0.35)][:105]))
    add("degraded_forest", list(blobs[free & (severity < 0.12)][:8]))
    shores = shapely.difference(shapely.buffer(lakes[:15], 0.07), shapely.union_all(lakes))
    for shore in shores:
        fields_here = used[busy.query(shore, predicate="intersects")]
        left = shapely.difference(shore, shapely.buffer(shapely.union_all(fields_here), 0.02))
        others = blobs[free]
        crossing = others[shapely.intersects(others, left)]
        left = shapely.difference(left, shapely.union_all(crossing))
        add("wetland", [part for part in shapely.get_parts(left) if part.area > 0.02])
    roads, road_km = _corridors(rng)
    add("corridor", roads, road_km)
    belts, belt_km = _shelterbelts(land, rng, 120)
    add("shelterbelt", belts, belt_km)
    add("urban", _town_greens(rng, 6))

    planar = np.array(shapes, dtype=object)
    kind = np.array(kinds)
    middle = shapely.get_coordinates(shapely.point_on_surface(planar))
    county, township = _nearest_place(land, middle)
    degrees = shapely.transform(planar, fields.to_degrees)
    geometry = multipolygons_of(np.asarray(degrees, dtype=object))
    area = np.asarray(mu(ellipsoidal_area(geometry)), dtype=np.float64)
    year = rng.integers(2022, 2028, len(kind))
    title = {code.code: code.title.zh for code in catalog.codelists["restoration_type"].codes}
    names = np.array([title[k] for k in kind.tolist()])
    county_name = np.array([c.name for c in COUNTIES])[county]
    species = {
        "grassland": "羊草、碱茅", "degraded_forest": "樟子松、小黑杨", "wetland": "芦苇、香蒲",
        "corridor": "小黑杨、旱柳", "shelterbelt": "小黑杨", "urban": "榆树、丁香",
    }  # fmt: skip
    done = year <= 2023
    columns = {
        "code": text("{}X{:04d}", np.array([c.code for c in COUNTIES])[county], serial(county)),
        "name": text(
            "{}{}{}#",
            township,
            names,
            serial(county * 10 + np.unique(kind, return_inverse=True)[1]),
        ),
        "type": kind,
        "status": np.where(
            year <= 2022,
            "accepted",
            np.where(done, "done", np.where(year == 2024, "works", "planned")),
        ),
        "county": np.array([c.code for c in COUNTIES])[county],
        "township": township,
        "project_name": text("{}年{}{}工程", year, county_name, names),
        "year": year,
        "length_km": np.round(np.array(lengths), 2),
        "stated_area_mu": np.round(area * (1 + rng.normal(0, 0.004, len(kind))), 1),
        "species": [species[k] for k in kind.tolist()],
        "survival_percent": np.where(done, np.round(rng.uniform(78, 96, len(kind)), 1), np.nan),
        "finished_on": np.where(
            done,
            (year - 1970).astype("datetime64[Y]").astype("datetime64[D]") + 280,
            np.datetime64("NaT"),
        ),
        "operator": np.array(words.OPERATORS)[rng.integers(0, len(words.OPERATORS), len(kind))],
    }
    return Rows(table(catalog.layers["restoration"], columns, len(kind)), geometry)


def multipolygons_of(geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    """Polygons and MultiPolygons alike as MultiPolygons."""
    parts, owner = shapely.get_parts(geometries, return_index=True)
    return np.asarray(shapely.multipolygons(parts, indices=owner), dtype=object)


def _blobs(rng: np.random.Generator, tries: int) -> tuple[NDArray[np.object_], Floats]:
    """Irregular patches 0.5-1.6 km wide inside the counties, and the severity at their middles."""
    region = shapely.buffer(shapely.union_all(plane(outlines.counties())), -2.0)
    minx, miny, maxx, maxy = shapely.bounds(region)
    middle = rng.uniform((minx, miny), (maxx, maxy), (tries, 2))
    middle = middle[shapely.contains_xy(region, middle[:, 0], middle[:, 1])]
    angle = np.linspace(0.0, 2.0 * np.pi, 36, endpoint=False)
    radius = rng.uniform(0.25, 0.85, (len(middle), 1))
    lobes = sum(
        rng.normal(0, 0.16 / order, (len(middle), 1))
        * np.cos(order * angle + rng.uniform(0, 2 * np.pi, (len(middle), 1)))
        for order in (2, 3, 5, 8)
    )
    reach = radius * np.clip(1.0 + lobes, 0.4, 1.7)
    stretch = rng.uniform(1.0, 1.8, (len(middle), 1))
    ring = np.stack([reach * stretch * np.cos(angle), reach * np.sin(angle)], axis=-1)
    lon, lat = landscape.from_plane(middle[:, 0], middle[:, 1])
    shapes = shapely.polygons(ring + middle[:, None, :])
    return np.asarray(shapes, dtype=object), landscape.salinity_severity(lon, lat)


def _touches(tree: shapely.STRtree, others: NDArray[np.object_], count: int) -> NDArray[np.bool_]:
    hit = np.zeros(count, dtype=bool)
    hit[tree.query(shapely.buffer(others, 0.6), predicate="intersects")[1]] = True
    return hit


def _disjoint(shapes: NDArray[np.object_], keep: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of the shapes in ``keep``, drop each that meets an earlier one."""
    keep = keep.copy()
    pairs = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    for later, earlier in sorted(pairs[:, pairs[0] > pairs[1]].T.tolist()):
        if keep[earlier]:
            keep[later] = False
    return keep


def _corridors(rng: np.random.Generator) -> tuple[list[shapely.Geometry], list[float]]:
    """Green strips, 18 m wide, in pieces along the roads from Baicheng to the county seats."""
    seats = np.column_stack(to_plane(*np.array(SEATS).T))
    pieces, km = [], []
    for start, end in ((0, 1), (0, 3), (3, 2), (1, 4), (0, 4)):
        a, b = seats[start], seats[end]
        count = int(np.hypot(*(b - a)) / 3.0)
        t = np.linspace(0.0, 1.0, count + 1)[:, None]
        line = a + t * (b - a)
        line[1:-1] += rng.normal(0.0, 0.35, (count - 1, 2))
        for first in range(1, count - 3, 4):
            part = shapely.LineString(line[first : first + 3])
            pieces.append(shapely.buffer(part, 0.009, cap_style="flat", join_style="mitre"))
            km.append(float(part.length))
    return pieces, km


def _shelterbelts(
    land: Land, rng: np.random.Generator, count: int
) -> tuple[list[shapely.Geometry], list[float]]:
    """Tree belts, 7 m wide, in the gaps between blocks of dry land."""
    dry = land.parcel_blocks[land.sites.district[land.parcel_blocks] < 0]
    inside = _within_cell(land)[dry]
    dry = dry[inside & ~land.ragged[dry]]
    belts, km = [], []
    for row in np.sort(rng.choice(dry, min(count, len(dry)), replace=False)).tolist():
        lattice = land.lattices[int(land.blocks.lattice[row])]
        u = np.linspace(land.blocks.u0[row], land.blocks.u1[row], 3)
        line = shapely.LineString(lattice.place(u, np.full(3, lattice.v[land.blocks.j[row]])))
        belts.append(shapely.buffer(line, 0.0035, cap_style="flat", join_style="mitre"))
        km.append(float(line.length))
    return belts, km


def _town_greens(rng: np.random.Generator, each: int) -> list[shapely.Geometry]:
    greens = []
    for x, y in np.column_stack(to_plane(*np.array(SEATS).T)).tolist():
        for k in range(each):
            turn = 2 * np.pi * (k + rng.uniform(-0.2, 0.2)) / each
            at = np.array([x + 1.3 * np.cos(turn), y + 1.3 * np.sin(turn)])
            half = rng.uniform(0.06, 0.16, 2)
            greens.append(shapely.box(*(at - half), *(at + half)))
    return greens


def _nearest_place(land: Land, middle: Floats) -> tuple[Ints, NDArray[np.str_]]:
    """County by outline and township of the nearest block of that county."""
    county = np.zeros(len(middle), dtype=np.int64)
    tree = shapely.STRtree(shapely.points(middle))
    found = tree.query(plane(outlines.counties()), predicate="intersects")
    county[found[1]] = found[0]
    township = np.empty(len(middle), dtype=object)
    for number, unit in enumerate(COUNTIES):
        mine = np.flatnonzero(county == number)
        rows = np.flatnonzero(land.sites.county == number)
        near = shapely.STRtree(shapely.points(land.blocks.centre[rows]))
        nearest = rows[near.nearest(shapely.points(middle[mine]))]
        township[mine] = np.array(unit.townships)[land.sites.township[nearest]]
    return county, township.astype(str)
