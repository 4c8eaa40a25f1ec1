"""Vector tiles: ours beside the usual way (ST_AsMVT when a PostGIS DSN is given)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import shapely

from geo.snapshot.flat import from_shapely
from geo.tiles.clip import clip
from geo.tiles.geojson import encode_geojson
from geo.tiles.grid import Tile, tile
from geo.tiles.mvt import encode_mvt

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
    usual = _postgis(shapes, table)
    print(f"{COUNT:,} parcels of 12 points, 8 attributes; best of the runs of one second, ms")
    print("tile            rows      bytes    clip     MVT  GeoJSON  ST_AsMVT   ratio")
    for z, x, y in TILES:
        here = tile(z, x, y)
        rows = np.flatnonzero(_touch(shapely.bounds(shapes), here.lonlat()))
        taken = {name: column.take(pa.array(rows)) for name, column in table.items()}
        ids = rows + 1
        size = len(encode_mvt("parcels", here, flat, rows, ids, taken))
        clipping = best(lambda h=here, r=rows: clip(h, flat, r))
        ours = best(lambda h=here, r=rows, i=ids, t=taken: encode_mvt("parcels", h, flat, r, i, t))
        text = best(lambda h=here, r=rows, i=ids, t=taken: encode_geojson(h, flat, r, i, t))
        theirs = usual(here) if usual else np.nan
        print(
            f"{z}/{x}/{y:<8} {len(rows):6,} {size:10,} {clipping:7.3f} {ours:7.3f} {text:8.3f}"
            f" {theirs:9.3f} {theirs / ours:7.1f}"
        )
    if not usual:
        print("ST_AsMVT was not run: set POSTGIS_DSN to a scratch database to compare")


def _touch(boxes: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    west, south, east, north = box
    return (
        (boxes[:, 0] <= east) & (boxes[:, 2] >= west)
        & (boxes[:, 1] <= north) & (boxes[:, 3] >= south)
    )  # fmt: skip


def _postgis(shapes: np.ndarray, table: dict[str, pa.Array]) -> Callable[[Tile], float] | None:
    """Time of ST_AsMVT on the same rows: a temporary table, GiST index, warm cache."""
    dsn = os.environ.get("POSTGIS_DSN")
    if not dsn:
        return None
    import psycopg

    connection = psycopg.connect(dsn, autocommit=True)
    connection.execute(
        "create temp table bench_parcels (fid bigint, geom geometry, code text, name text, "
        "county text, land text, year int, grade int, area_m2 float8, done date)"
    )
    rows = zip(
        range(1, COUNT + 1),
        shapely.to_wkb(shapely.transform(shapes, _to_mercator), hex=True, include_srid=False),
        *(column.to_pylist() for column in table.values()),
        strict=True,
    )
    with connection.cursor().copy("copy bench_parcels from stdin") as copy:
        for row in rows:
            copy.write_row(row)
    connection.execute("update bench_parcels set geom = st_setsrid(geom, 3857)")
    connection.execute("create index on bench_parcels using gist (geom)")
    connection.execute("analyze bench_parcels")
    query = (
        "select st_asmvt(t, 'parcels', 4096, 'g', 'fid') from (select st_asmvtgeom(geom, "
        "st_tileenvelope(%s, %s, %s), 4096, 64, true) g, fid, code, name, county, land, year, "
        "grade, area_m2, done::text from bench_parcels where geom && st_tileenvelope(%s, %s, %s,"
        " margin => 64.0 / 4096)) t"
    )

    def run(here: Tile) -> float:
        at = (here.z, here.x, here.y)
        return best(lambda: connection.execute(query, at + at).fetchone(), 3.0)

    return run


def _to_mercator(xy: np.ndarray) -> np.ndarray:
    from geo.snapshot.flat import web_mercator

    return web_mercator(xy)


if __name__ == "__main__":
    main()
