"""Totals of 200,000 parcels by 4 districts and stage: ours beside geopandas.overlay and PostGIS.

Ours is `geo.totals.total` on a data folder; the usual ways have their data in memory (geopandas,
already projected) or in a warm, indexed table (PostGIS). All areas of ours and of PostGIS are
ellipsoidal; geopandas measures the plane. The grand totals are compared at the end.

Run: python -m tests.bench.bench_totals [parcels]
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import geopandas
import numpy as np
import pyarrow as pa
import shapely
from pyproj import Geod

from app.commands.opened import opened
from app.totals import Desk
from data.demo.generate import generate
from geo.area import A, B, ellipsoidal_area
from geo.record.protocol import Author, ChangeSet
from geo.snapshot.base import compact
from geo.totals.total import Overlaps, Question, Total, Within, total
from geo.totals.views import At
from tests.postgres import postgres_server

PARCELS = 200_000
AUTHOR = Author("bench", "totals")
USED = ("parcels", "districts", "counties")
DATABASE = "totals"
PLANE = 4550


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = perf_counter()
    found = work()
    return perf_counter() - start, found


def tell(what: str, seconds: float, usual: float | None = None) -> None:
    ratio = "" if usual is None else f"   {usual / seconds:7.1f} times faster"
    print(f"{what:<62} {seconds * 1e3:10.1f} ms{ratio}")


def by_geopandas(layers: dict[str, Any]) -> tuple[float, float]:
    """Seconds and m² of the plane."""
    frames = [
        geopandas.GeoDataFrame(
            {name: layers[layer].attributes.column(name).to_pandas()},
            geometry=layers[layer].geometry,
            crs=4490,
        ).to_crs(PLANE)
        for layer, name in (("parcels", "stage"), ("districts", "code"))
    ]

    def overlay() -> float:
        parts = geopandas.overlay(frames[0], frames[1], how="intersection")
        return float(parts.area.groupby([parts["code"], parts["stage"]]).sum().sum())

    return timed(overlay)


def by_postgis(layers: dict[str, Any], areas: np.ndarray) -> tuple[float, float, float]:
    """Seconds with geography areas, seconds with stored areas inside, m²."""
    with postgres_server({"shared_buffers": "512MB", "jit": "off", "work_mem": "64MB"}) as server:
        server.create_database(DATABASE)
        for layer, name in (("parcels", "stage"), ("districts", "code")):
            server.sql(
                f"create table {layer} ({name} text, area float8, geom geometry(Geometry, 4490))",
                DATABASE,
            )
            rows = layers[layer]
            shapes = shapely.to_wkb(shapely.set_srid(rows.geometry, 4490), hex=True,
                                    include_srid=True)  # fmt: skip
            own = areas if layer == "parcels" else np.zeros(len(shapes))
            names = rows.attributes.column(name).to_pylist()
            lines = zip(names, own.tolist(), shapes, strict=True)
            server.copy(layer, (f"{n}\t{a!r}\t{s}\n".encode() for n, a, s in lines), DATABASE)
            server.sql(f"create index on {layer} using gist (geom)", DATABASE)
            server.sql(f"vacuum analyze {layer}", DATABASE)
        cut = "st_area(st_intersection(p.geom, d.geom)::geography)"
        times, found = [], 0.0
        for inside in ("st_area(p.geom::geography)", "p.area"):
            query = (
                "select d.code, p.stage, count(*), sum(case when st_coveredby(p.geom, d.geom) "
                f"then {inside} else {cut} end) from parcels p join districts d "
                "on st_intersects(p.geom, d.geom) group by 1, 2"
            )
            found = sum(
                float(line.split("|")[3]) for line in server.sql(query, DATABASE).splitlines()
            )
            plans = [server.sql(f"explain (analyze, timing off) {query}", DATABASE)
                     for _ in range(3)]  # fmt: skip
            spent = [float(re.findall(r"Execution Time: ([0-9.]+)", p)[0]) for p in plans]
            times.append(min(spent) / 1e3)
        return times[0], times[1], found


def districts(found: Total) -> float:
    return found.total.measure - found.unassigned.measure


def main(count: int = PARCELS) -> None:
    with tempfile.TemporaryDirectory() as name, opened(Path(name) / "data") as place:
        layers = {k: v for k, v in generate(count, catalog=place.catalog).layers.items()
                  if k in USED}  # fmt: skip
        changes = [ChangeSet.inserts(k, v.attributes, v.geometry) for k, v in layers.items()]
        place.record.commit(changes, AUTHOR)
        for layer in USED:
            compact(place.record, place.layer(layer), place.settings.snapshot_folder)
        snapshots, known = place.snapshots(), place.catalog.layers

        def ask(overlaps: Overlaps, *by: str, measure: str = "union", **more: Any) -> Total:
            question = Question("parcels", by=by, measure=measure, **more)  # type: ignore[arg-type]
            return total(At(snapshots), question, known, overlaps)

        # Load the kernels, which a service that answers has done: other zones, other groups.
        ask(Overlaps(), "counties", "land_class", measure="sum")
        ask(Overlaps(), "counties", within=Within("districts", ("DA2",)))
        print(f"{count:,} parcels, {len(layers['districts'].geometry)} districts")

        overlaps = Overlaps()
        first, plain = timed(lambda: ask(overlaps, "districts", "stage", measure="sum"))
        both, once = timed(lambda: ask(overlaps, "districts", "stage"))
        again, _ = timed(lambda: ask(overlaps, "districts", "stage"))
        usual, plane = by_geopandas(layers)
        tell("by districts and stage, the first time, as the others do it", first)
        tell("  geopandas.overlay, planar", usual, None)
        tell("  ours beside it", first, usual)
        areas = ellipsoidal_area(layers["parcels"].geometry)
        try:
            geography, stored, spheroid = by_postgis(layers, areas)
        except FileNotFoundError as missing:
            print(missing)
        else:
            tell("  PostGIS, ST_CoveredBy, geography area", geography)
            tell("  ours beside it", first, geography)
            tell("  PostGIS, the same with stored areas inside", stored)
            tell("  ours beside it", first, stored)
            print(f"  ours / PostGIS - 1: {districts(plain) / spheroid - 1:.1e}")
        print(f"  ours / geopandas' plane - 1: {districts(plain) / plane - 1:.1e}")
        tell("the same, overlaps counted once, the first time", both)
        tell("  and with the overlaps known", again)
        print(f"  overlap removed: {once.total.removed:,.1f} m², {len(once.claims)} features")

        desk = Desk(place.settings, place.catalog, snapshots)
        question = Question("parcels", by=("districts", "stage"))
        desk.total(question)
        tell("again from the cache", min(timed(lambda: desk.total(question))[0] for _ in range(9)))

        overlaps = Overlaps()
        county, found = timed(lambda: ask(overlaps, "county"))
        tell("overlap-free union by county, the first time", county)
        rows = layers["parcels"]
        moved = shapely.transform(rows.geometry[:1], lambda xy: xy + 0.0005)
        edit = ChangeSet.updates("parcels", np.array([1]), pa.Table.from_batches(
            rows.attributes.slice(0, 1).to_batches()), moved)  # fmt: skip
        place.record.commit([edit], AUTHOR)
        snapshots.refresh()
        after, changed = timed(lambda: ask(overlaps, "county"))
        tell("  and after an edit", after, county)
        fresh = ask(Overlaps(), "county")
        assert changed == fresh, "what was kept differs from what is worked out anew"
        assert changed.rows != found.rows
        edges, _ = timed(lambda: ask(overlaps, "counties"))
        tell("  by the counties' outlines, overlaps known", edges)

        spent, _ = timed(lambda: ellipsoidal_area(rows.geometry))
        geod, some = Geod(a=A, b=B), rows.geometry[: count // 10]
        slow, _ = timed(lambda: [abs(geod.geometry_area_perimeter(s)[0]) for s in some])
        tell("ellipsoidal area of all parcels", spent, slow * count / len(some))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
