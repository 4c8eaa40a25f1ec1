"""GeoJSON bytes of items: ours by columns beside shapely and orjson feature by feature."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np
import orjson
import pyarrow as pa
import shapely

from geo.formats.geojson import features_bytes, geometry_bytes, properties_json
from geo.snapshot.flat import from_shapely
from tests.bench.bench_area import parcels

ROWS = 1_000_000
PAGE = 1_000
_LOAD = """
import time; started = time.perf_counter()
import numpy as np, pyarrow as pa, shapely
from geo.snapshot.flat import from_shapely
others = time.perf_counter()
from geo.formats.geojson import features_bytes, geometry_bytes, properties_json
imported = time.perf_counter()
flat = from_shapely(np.array([shapely.box(0, 0, 1, 1)]), "MultiPolygon")
one = np.zeros(1, dtype=np.int64)
features_bytes(one, geometry_bytes(flat, one), properties_json({"a": pa.array(["x"])}), one)
print(f"import {imported - others:.2f} s, first feature {time.perf_counter() - imported:.2f} s")
"""


def best(run: Callable[[], object], times: int) -> float:
    seconds = np.inf
    for _ in range(times):
        started = time.perf_counter()
        run()
        seconds = min(seconds, time.perf_counter() - started)
    return seconds


def table(count: int) -> dict[str, pa.Array]:
    """Twelve properties of ``count`` parcels."""
    random = np.random.default_rng(1)
    grades = pa.array(["轻度", "中度", "重度", None])
    days = random.integers(15_000, 20_000, count).astype(np.int32)
    times = 1_700_000_000_000_000 + random.integers(0, 500, count) * 1_000_003
    return {
        "code": pa.array([f"220882-{i:07d}" for i in range(count)]).dictionary_encode(),
        "name": pa.array([f"大安市第{i % 5000}号地块" for i in range(count)]).dictionary_encode(),
        "county": pa.array(["220881", "220882"]).take(random.integers(0, 2, count)),
        "grade": grades.take(random.integers(0, 4, count)).dictionary_encode(),
        "ph": pa.array(np.round(7 + 3 * random.random(count), 2)),
        "salt": pa.array(np.round(6 * random.random(count), 3)),
        "households": pa.array(random.integers(0, 100, count)),
        "irrigated": pa.array(random.random(count) < 0.5),
        "surveyed": pa.array(days).cast(pa.date32()),
        "area_m2": pa.array(random.random(count) * 1e5),
        "version": pa.array(np.ones(count, dtype=np.int64)),
        "updated_at": pa.array(times).cast(pa.timestamp("us", "UTC")),
    }


def show(title: str, ours: float, usual: float, way: str) -> None:
    print(
        f"{title:<36} ours {ours * 1e3:9.2f} ms   {way} {usual * 1e3:9.2f} ms   "
        f"{usual / ours:5.1f} times"
    )


def main(count: int = ROWS) -> None:
    shapes = shapely.multipolygons(parcels(PAGE, 25)[:, None])
    flat = from_shapely(shapes, "MultiPolygon")
    rows = np.arange(PAGE)
    geometry = geometry_bytes(flat, rows)
    show(
        f"geometry of {PAGE:,} parcels of 25",
        best(lambda: geometry_bytes(flat, rows), 30),
        best(lambda: shapely.to_geojson(shapes), 10),
        "shapely.to_geojson",
    )
    columns = table(count)
    properties = properties_json(columns)
    tenth = {name: column[: count // 10] for name, column in columns.items()}
    show(
        f"properties of {count:,} rows x 12",
        best(lambda: properties_json(columns), 2),
        best(lambda: [orjson.dumps(row) for row in pa.table(tenth).to_pylist()], 1) * 10,
        "orjson row by row (a tenth, x 10)",
    )
    values = [orjson.loads(text) for text in properties[:PAGE].to_pylist()]

    def usual() -> bytes:
        texts = shapely.to_geojson(shapes)
        features = [
            {"type": "Feature", "id": i, "geometry": orjson.Fragment(g), "properties": v}
            for i, (g, v) in enumerate(zip(texts, values, strict=True))
        ]
        return orjson.dumps(features)

    assert len(orjson.loads(usual())) == len(
        orjson.loads(b"[" + features_bytes(rows, geometry, properties, rows) + b"]")
    )
    show(
        f"a page of {PAGE:,} features",
        best(lambda: features_bytes(rows, geometry_bytes(flat, rows), properties, rows), 30),
        best(usual, 10),
        "shapely + orjson of dicts",
    )
    with tempfile.TemporaryDirectory() as cache:
        for state in ("empty compile cache", "filled compile cache"):
            paths = os.pathsep.join(sys.path)
            environment = {**os.environ, "NUMBA_CACHE_DIR": cache, "PYTHONPATH": paths}
            done = subprocess.run(
                [sys.executable, "-c", _LOAD], env=environment, capture_output=True, check=True
            )
            print(f"{state}: {done.stdout.decode().strip()}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
