"""Low zooms: what levels and density cost a base, and tiles of cells beside PostGIS.

Bases are built by the service's own code with and without the work for low zooms, from one record
each. Tiles are drawn from the base as the service does. The usual way is PostGIS over stored
EPSG:3857 geometry with stored areas and a GiST index: the same 32 x 32 cells of the tile, each
parcel by the middle of its bounds, count and area by class, ST_AsMVT; timed by EXPLAIN ANALYZE.
`shapely.coverage_simplify` is shown for the levels of the zooms at which parcels are drawn.

Run: python -m tests.bench.bench_overview [parcels ...]
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pytest
import shapely

from app.commands.opened import opened
from data.demo.generate import generate
from geo.layers import Layer
from geo.record.protocol import Author, ChangeSet, Record
from geo.snapshot import base
from geo.snapshot.flat import from_shapely, web_mercator
from geo.snapshot.levels import FULL_DETAIL, STEPS
from geo.snapshot.segment import Segment
from geo.snapshot.store import Snapshots
from geo.snapshot.view import View
from geo.tiles import overview
from geo.tiles.detail import detail_zoom
from geo.tiles.grid import Tile, tile
from geo.tiles.names import default_properties
from tests.bench.bench_tiles import best
from tests.postgres import postgres_server

COUNTS = (200_000, 1_000_000)
LAYER = "parcels"
#: The middle of the region, at every zoom at which tiles carry cells.
CENTRE = np.array([[122.85, 45.55]])


def build(record: Record, layer: Layer, folder: Path) -> float:
    start = perf_counter()
    base.compact(record, layer, folder)
    return perf_counter() - start


def build_plain(record: Record, layer: Layer, folder: Path) -> float:
    """The same base without levels and density."""
    empty = base.density(base.index(layer, base.rows.batch_of(layer, [])))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Segment, "with_levels", lambda self: self)
        patch.setattr(base, "density", lambda *_, **__: empty)
        return build(record, layer, folder)


def simplify(shapes: np.ndarray, zooms: range) -> float:
    """Seconds of `shapely.coverage_simplify` for these zooms, each from the one before."""
    plane = shapely.transform(shapes, web_mercator)
    world = 2 * np.pi * 6378137
    start = perf_counter()
    for z in zooms:
        plane = shapely.coverage_simplify(plane, STEPS * world / 2**z / 4096)
    return perf_counter() - start


def at(z: int) -> Tile:
    x, y = (web_mercator(CENTRE)[0] * (1, -1) / (2 * np.pi * 6378137) + 0.5) * 2**z
    return tile(z, int(x), int(y))


def in_postgis(stack: ExitStack, view: View) -> Any:
    """A function that gives ms and cells for a tile; None where PostGIS is not installed."""
    try:
        server = stack.enter_context(postgres_server({"shared_buffers": "1GB", "jit": "off"}))
    except FileNotFoundError as missing:
        print(missing)
        return None
    server.create_database("low")
    server.sql(
        "create table parcels (geom geometry(MultiPolygon, 3857), kind text, area_m2 float8)", "low"
    )

    def lines() -> Any:
        for segment, rows in view.match():
            for part in np.array_split(rows, max(1, len(rows) // 20_000)):
                plane = shapely.transform(segment.geometries(part), web_mercator)
                hexes = shapely.to_wkb(shapely.set_srid(plane, 3857), hex=True, include_srid=True)
                kinds = segment.column("land_class", part).to_pylist()
                areas = segment.column("area_m2", part).to_pylist()
                for row in zip(hexes, kinds, areas, strict=True):
                    yield "\t".join("\\N" if v is None else str(v) for v in row).encode() + b"\n"

    server.copy("parcels", lines(), "low")
    server.sql("create index on parcels using gist (geom)", "low")
    server.sql("vacuum analyze parcels", "low")

    def run(here: Tile) -> float:
        left, bottom, right, top = here.bounds
        cell = (right - left) / 32
        query = f"""explain (analyze, timing off)
            with anchored as (
                select ST_Point((ST_XMin(geom) + ST_XMax(geom)) / 2,
                                (ST_YMin(geom) + ST_YMax(geom)) / 2, 3857) at, kind, area_m2
                from parcels where geom && ST_TileEnvelope({here.z}, {here.x}, {here.y})),
            summed as (
                select floor((ST_X(at) - {left!r}) / {cell!r}) i,
                       floor(({top!r} - ST_Y(at)) / {cell!r}) j,
                       kind, count(*) n, sum(area_m2) a
                from anchored where ST_X(at) >= {left!r} and ST_X(at) < {right!r}
                  and ST_Y(at) > {bottom!r} and ST_Y(at) <= {top!r} group by 1, 2, 3),
            cells as (
                select i, j, sum(n) count, sum(a) area_m2, jsonb_object_agg(kind, a) of
                from summed where kind is not null group by 1, 2)
            select ST_AsMVT(t, 'parcels', 4096, 'g') from (
                select ST_AsMVTGeom(
                    ST_MakeEnvelope({left!r} + i * {cell!r}, {top!r} - (j + 1) * {cell!r},
                                    {left!r} + (i + 1) * {cell!r}, {top!r} - j * {cell!r}, 3857),
                    ST_TileEnvelope({here.z}, {here.x}, {here.y}), 4096, 64, true) g,
                    count, area_m2, of::text from cells) t"""
        answers = [server.sql(query, "low") for _ in range(3)]
        return min(float(re.findall(r"Execution Time: ([0-9.]+)", a)[0]) for a in answers)

    return run


def measure(count: int, folder: Path, stack: ExitStack) -> None:
    with opened(folder / f"data{count}") as place:
        rows = generate(count, catalog=place.catalog).layers[LAYER]
        changes = ChangeSet.inserts(LAYER, rows.attributes, rows.geometry)
        place.record.commit([changes], Author("bench", "parcels for a benchmark"))
        layer, bases = place.layer(LAYER), place.settings.snapshot_folder
        build(place.record, layer, bases)  # compiles, and warms the record's pages
        times = {}
        for name, work in (("without", build_plain), ("with", build)):
            shutil.rmtree(bases)
            times[name] = work(place.record, layer, bases)
        print(f"{count:,} parcels: base without levels {times['without']:.1f} s, with "
              f"{times['with']:.1f} s ({times['with'] / times['without'] - 1:+.0%})")  # fmt: skip
        view = Snapshots(place.record, bases).view(LAYER)
        names = default_properties(layer)
        detail = detail_zoom(view, "mvt", names)
        (segment,) = view.segments
        assert segment.density is not None
        assert segment.flat.level is not None
        shapes = segment.geometries(np.arange(min(50_000, count)))
        flat = from_shapely(shapes, "MultiPolygon")
        start = perf_counter()
        base.Segment.with_levels(base.merge(layer, [(segment, np.arange(len(shapes)))]))
        ours = perf_counter() - start
        zooms = range(FULL_DETAIL - 1, segment.density.first - 1, -1)
        usual = simplify(shapes, zooms)
        print(f"  levels of {len(flat):,} of them, all 14 zooms: {ours:.2f} s with sorting; "
              f"coverage_simplify, {len(zooms)} zooms: {usual:.1f} s")  # fmt: skip
        theirs = in_postgis(stack, view)
        print(f"  features from z{detail} on (GeoJSON z{detail_zoom(view, 'geojson', names)})")
        for z in range(min(detail, 9)):
            here = at(z)
            size = len(overview.draw(view, here, "mvt"))
            ours = best(lambda here=here: overview.draw(view, here, "mvt"))
            text = best(lambda here=here: overview.draw(view, here, "geojson"))
            line = f"  z{z}: {size:7,} bytes  MVT {ours:7.2f} ms  GeoJSON {text:7.2f} ms"
            if theirs:
                there = theirs(here)
                line += f"  PostGIS {there:8.1f} ms ({there / ours:.0f} x)"
            print(line)


def main(counts: tuple[int, ...] = COUNTS) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as name, ExitStack() as stack:
        for count in counts:
            measure(count, Path(name), stack)


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or COUNTS)
