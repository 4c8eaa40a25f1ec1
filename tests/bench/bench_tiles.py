"""Vector tiles of 57,000 parcels: ours beside ST_AsMVT of PostGIS on the same rows.

PostGIS is timed by itself (EXPLAIN ANALYZE: no connection, no transfer), with a warm cache and a
GiST index; geometry is stored in EPSG:3857, so that it transforms nothing. Ours is the call that
the service makes, from rows and Arrow columns to bytes.

Run: python -m tests.bench.bench_tiles
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import numpy as np
import pyarrow as pa
import shapely

from geo.snapshot.flat import from_shapely, web_mercator
from geo.tiles.clip import clip
from geo.tiles.geojson import encode_geojson
from geo.tiles.grid import Tile, tile
from geo.tiles.mvt import encode_mvt
from tests.postgres import postgres_server

COUNT = 57_000
TILES = ((8, 215, 91), (12, 3446, 1468), (13, 6892, 2937))


def parcels(count: int) -> np.ndarray:
    """A bent lattice of parcels (about 300 m x 200 m, 12 points) around 122.9E 45.3N."""
    side = int(np.ceil(np.sqrt(count)))
    rng = np.random.default_rng(7)
    node = np.stack(np.meshgrid(np.arange(side + 1.0), np.arange(side + 1.0)), axis=-1)
    node += rng.uniform(-0.2, 0.2, node.shape)
    node = node * (0.0039, 0.0018) + (122.9 - side * 0.00195, 45.3 - side * 0.0009)
    corners = [node[:-1, :-1], node[:-1, 1:], node[1:, 1:], node[1:, :-1]]
    ring = []
    for a, b in zip(corners, corners[1:] + corners[:1], strict=True):
        for t in (0, 1 / 3, 2 / 3):
            wobble = 0 if t == 0 else rng.uniform(-4e-5, 4e-5, a.shape)
            ring.append(a + (b - a) * t + wobble)
    return shapely.polygons(np.stack([*ring, ring[0]], axis=-2).reshape(-1, 13, 2)[:count])


def columns(count: int) -> dict[str, pa.Array]:
    """Eight attributes as a snapshot holds them."""
    rng = np.random.default_rng(1)

    def words(values: list[str], numbers: np.ndarray) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(numbers.astype(np.int32)), pa.array(values))

    return {
        "code": words([f"2208{i:08d}" for i in range(count)], rng.permutation(count)),
        "name": words([f"示范田{i}" for i in range(3000)], rng.integers(0, 3000, count)),
        "county": words(
            ["220802", "220821", "220822", "220881", "220882"], rng.integers(0, 5, count)
        ),
        "land": words(["0101", "0102", "0103"], rng.integers(0, 3, count)),
        "year": pa.array(rng.integers(2011, 2026, count)),
        "grade": pa.array(rng.integers(1, 11, count)),
        "area_m2": pa.array(rng.random(count) * 1e5),
        "done": pa.array(rng.integers(18000, 20000, count).astype(np.int32)).cast(pa.date32()),
    }


def best(work: Callable[[], object], seconds: float = 1.0) -> float:
    """Shortest of the runs that fit ``seconds``, in ms."""
    work()
    shortest, stop = np.inf, time.perf_counter() + seconds
    while time.perf_counter() < stop:
        start = time.perf_counter()
        work()
        shortest = min(shortest, time.perf_counter() - start)
    return shortest * 1e3


def main() -> None:
    shapes = parcels(COUNT)
    flat = from_shapely(shapes, "MultiPolygon")
    table = columns(COUNT)
    print(f"{COUNT:,} parcels of 12 points, 8 attributes; best of several runs, ms")
    print("tile            rows      bytes     clip      MVT  GeoJSON  ST_AsMVT")
    with ExitStack() as stack:
        usual = _postgis(stack, shapes, table)
        for z, x, y in TILES:
            here = tile(z, x, y)
            rows = np.flatnonzero(_touch(shapely.bounds(shapes), here.lonlat()))
            taken = {name: column.take(pa.array(rows)) for name, column in table.items()}
            ids = rows + 1
            size = len(encode_mvt("parcels", here, flat, rows, ids, taken))
            clipping = best(partial(clip, here, flat, rows))
            ours = best(partial(encode_mvt, "parcels", here, flat, rows, ids, taken))
            text = best(partial(encode_geojson, here, flat, rows, ids, taken))
            line = (
                f"{z}/{x}/{y:<8} {len(rows):6,} {size:10,} {clipping:8.3f} {ours:8.3f} {text:8.3f}"
            )
            if usual:
                theirs = usual(here)
                line += f" {theirs:9.3f}   ours is {theirs / ours:.1f} times faster"
            print(line)


def _touch(boxes: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    west, south, east, north = box
    return (
        (boxes[:, 0] <= east) & (boxes[:, 2] >= west)
        & (boxes[:, 1] <= north) & (boxes[:, 3] >= south)
    )  # fmt: skip


def _postgis(
    stack: ExitStack, shapes: np.ndarray, table: dict[str, pa.Array]
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
        "county text, land text, year int, grade int, area_m2 float8, done date)",
        "tiles",
    )
    plane = shapely.set_srid(shapely.transform(shapes, web_mercator), 3857)
    rows = zip(
        range(1, len(shapes) + 1),
        shapely.to_wkb(plane, hex=True, include_srid=True),
        *(column.to_pylist() for column in table.values()),
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
            f"year, grade, area_m2, done::text from parcels where geom && {box}, "
            "margin => 64.0 / 4096)) t"
        )
        answers = [server.sql(query, "tiles") for _ in range(7)]
        return min(float(re.findall(r"Execution Time: ([0-9.]+)", a)[0]) for a in answers)

    return run


if __name__ == "__main__":
    main()
