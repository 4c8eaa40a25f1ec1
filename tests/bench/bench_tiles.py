"""Tiles of 200,000 parcels with 8 attributes: ours beside ST_AsMVT and geojson-vt, same rows.

Ours is what a request takes after its filters, on the base that a worker maps: search, clip,
properties, bytes; nothing is cached. Every zoom is drawn as features, also where the service
would send sums of cells.

- PostGIS is timed by itself (EXPLAIN ANALYZE: no connection, no transfer) with a warm cache, a
  GiST index, geometry stored in EPSG:3857, parallel workers as by default.
- geojson-vt (npm) has its tile built already: getTile and JSON.stringify, both of GeoJSON in
  degrees (as ours is) and of its own integers.
- The last part draws the same tiles out of 1,000,000 parcels and out of 100,000.

Run: python -m tests.bench.bench_tiles [parcels of the last part]
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import shapely

from geo.snapshot.flat import web_mercator
from geo.snapshot.view import View
from geo.tiles import geojson, mvt
from geo.tiles.features import of_segments
from geo.tiles.grid import Tile, matrix_set, tile
from tests.bench.tile_world import MIDDLE, NAMES, measured, view
from tests.environment import NODE_MODULES, node
from tests.postgres import postgres_server

COUNT = 200_000
ZOOMS = (8, 10, 12, 13, 14)


def tile_at(z: int) -> Tile:
    at = matrix_set("WebMercatorQuad").tile(MIDDLE[0] + 0.01, MIDDLE[1] + 0.01, z)
    return tile(z, at.x, at.y)


def draw(of: View, here: Tile, kind: str) -> bytes:
    """`geo.tiles.draw.draw` without its sums."""
    features = of_segments(here, of.match((), here.lonlat(), exact=False), NAMES)
    assert features is not None
    if kind == "mvt":
        return mvt.encode_features("parcels", features)
    return geojson.encode_features(here, features)


def best(work: Callable[[], object], seconds: float = 1.5) -> float:
    """Shortest of the runs that fit ``seconds``, in ms."""
    work()
    shortest, stop = np.inf, time.perf_counter() + seconds
    while time.perf_counter() < stop:
        start = time.perf_counter()
        work()
        shortest = min(shortest, time.perf_counter() - start)
    return shortest * 1e3


def main() -> None:
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    tiles = [tile_at(z) for z in ZOOMS]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        shapes, table, areas = measured(COUNT)
        here = view(folder, shapes, table, areas)
        usual = _postgis(stack, shapes, table, areas)
        print(f"{COUNT:,} parcels of 12 points, {len(NAMES)} attributes; shortest runs, ms")
        for each in tiles:
            box = each.lonlat()
            count = len(here.match((), box, exact=False)[0][1])
            ours = best(partial(draw, here, each, "mvt"))
            line = f"MVT z{each.z}: {count:7,} rows, {len(draw(here, each, 'mvt')):10,} bytes, "
            line += f"{ours:8.3f}"
            if usual:
                theirs = usual(each)
                line += f", ST_AsMVT {theirs:9.3f}: {theirs / ours:.1f} times faster"
            print(line)
        for each, theirs in zip(
            tiles, _geojson_vt(folder, shapes, table, areas, tiles), strict=True
        ):
            ours = best(partial(draw, here, each, "geojson"))
            line = f"GeoJSON z{each.z}: {len(draw(here, each, 'geojson')):10,} bytes, {ours:8.3f}"
            if theirs:
                line += (
                    f", geojson-vt {theirs['degrees']:9.3f} in degrees: "
                    f"{theirs['degrees'] / ours:.1f} times faster; {theirs['own']:9.3f} as its own "
                    f"integers: {theirs['own'] / ours:.1f} times; {theirs['first']:.1f} for the "
                    "tile's first getTile"
                )
            print(line)
    _growth(many)


def _growth(many: int) -> None:
    """The same tiles out of many parcels and out of a tenth."""
    small, large = many // 10, many
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        views = [
            view(Path(folder), *measured(count))
            for folder, count in ((first, small), (second, large))
        ]
        for z in (12, 13, 14):
            a, b = (best(partial(draw, each, tile_at(z), "mvt")) for each in views)
            print(
                f"z{z} of {large:,} parcels {b:.3f} ms, of {small:,} {a:.3f} ms: ratio {b / a:.2f}"
            )


def _postgis(
    stack: ExitStack, shapes: np.ndarray, table: pa.Table, areas: np.ndarray
) -> Callable[[Tile], float] | None:
    """ms that ST_AsMVT takes for a tile; None where PostGIS is not installed."""
    try:
        server = stack.enter_context(postgres_server({"shared_buffers": "256MB", "jit": "off"}))
    except FileNotFoundError as missing:
        print(missing)
        return None
    server.create_database("tiles")
    server.sql(
        "create table parcels (fid bigint, geom geometry(Polygon, 3857), code text, name text, "
        "county text, land text, year int, grade int, done date, area_m2 float8)",
        "tiles",
    )
    plane = shapely.set_srid(shapely.transform(shapes, web_mercator), 3857)
    rows = zip(
        range(1, len(shapes) + 1),
        shapely.to_wkb(plane, hex=True, include_srid=True),
        *(column.to_pylist() for column in table.columns),
        areas.tolist(),
        strict=True,
    )
    server.copy("parcels", ("\t".join(map(str, row)).encode() + b"\n" for row in rows), "tiles")
    server.sql("create index on parcels using gist (geom)", "tiles")
    server.sql("vacuum analyze parcels", "tiles")

    def run(here: Tile) -> float:
        box = f"st_tileenvelope({here.z}, {here.x}, {here.y}"
        query = (
            "explain (analyze, timing off) select st_asmvt(t, 'parcels', 4096, 'g', 'fid') from ("
            f"select st_asmvtgeom(geom, {box}), 4096, 64, true) g, fid, code, name, county, land, "
            f"year, grade, done::text, area_m2 from parcels where geom && {box}, "
            "margin => 64.0 / 4096)) t"
        )
        # One connection, so that its caches are warm.
        answers = server.sql("; ".join([query] * 9), "tiles")
        return min(map(float, re.findall(r"Execution Time: ([0-9.]+)", answers)))

    return run


def _geojson_vt(
    folder: Path, shapes: np.ndarray, table: pa.Table, areas: np.ndarray, tiles: list[Tile]
) -> list[dict[str, float] | None]:
    """What geojson-vt takes for each tile; None where Node or the module is missing."""
    program = node()
    if program is None or not (NODE_MODULES / "geojson-vt").exists():
        print("geojson-vt is not installed: make page")
        return [None] * len(tiles)
    path = folder / "parcels.ndjson"
    texts = shapely.to_geojson(shapes)
    columns = table.set_column(6, "done", table["done"].cast(pa.string())).to_pylist()
    with path.open("w", encoding="utf-8") as file:
        for i, (text, values, area) in enumerate(zip(texts, columns, areas.tolist(), strict=True)):
            properties = json.dumps({**values, "area_m2": area}, ensure_ascii=False)
            file.write(
                f'{{"type":"Feature","id":{i + 1},"geometry":{text},"properties":{properties}}}\n'
            )
    script = Path(__file__).with_name("geojson_vt.mjs")
    names = [f"{t.z}/{t.x}/{t.y}" for t in tiles]
    done = subprocess.run(
        [program, "--max-old-space-size=4096", script, NODE_MODULES, path, *names],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


if __name__ == "__main__":
    main()
