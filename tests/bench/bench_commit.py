"""Commit of 200,000 parcels with full history, beside the usual ways of writing them.

Run: python tests/bench/bench_commit.py [features]
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np
import pyarrow as pa
import shapely

from geo.layers import Catalog, Field, Layer, Text
from geo.record.geopackage import open_record
from geo.record.protocol import Author, ChangeSet, attribute_schema

VERTICES = 24


def layer() -> Layer:
    """Parcels with twelve fields of all types."""
    kinds = ["string"] * 5 + ["number"] * 3 + ["integer", "boolean", "date", "datetime"]
    fields = tuple(
        Field(name=f"f{i}", title=Text(zh=f"字段{i}", en=f"field {i}"), type=kind)  # type: ignore[arg-type]
        for i, kind in enumerate(kinds)
    )
    title = Text(zh="地块", en="Parcels")
    return Layer(
        id="parcels", title=title, description=title, geometry="MultiPolygon", fields=fields
    )


def attributes(definition: Layer, n: int, seed: int = 1) -> pa.Table:
    random = np.random.default_rng(seed)
    make: dict[str, Callable[[], pa.Array]] = {
        "string": lambda: pa.array([f"白城{i % 997}号" for i in range(n)]),
        "number": lambda: pa.array(random.uniform(0, 14, n)),
        "integer": lambda: pa.array(random.integers(0, 10_000, n)),
        "boolean": lambda: pa.array(random.random(n) > 0.5),
        "date": lambda: pa.array(random.integers(18_000, 20_000, n).astype("int32")).cast(
            pa.date32()
        ),
        "datetime": lambda: pa.array(random.integers(0, 10**15, n)).cast(
            pa.timestamp("us", tz="UTC")
        ),
    }
    columns = [make[field.type]() for field in definition.fields]
    return pa.Table.from_arrays(columns, schema=attribute_schema(definition))


def polygons(n: int, seed: int = 1) -> np.ndarray:
    """Star-shaped parcels of about 1 ha over Baicheng, in a random order."""
    random = np.random.default_rng(seed)
    angle = np.linspace(0, 2 * np.pi, VERTICES, endpoint=False)
    centre = random.uniform((121.6, 44.2), (124.4, 46.3), (n, 2))
    radius = random.uniform(0.0004, 0.0008, (n, VERTICES, 1))
    ring = centre[:, None] + radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return shapely.polygons(ring)


def usual_way(folder: Path, definition: Layer, n: int) -> float:
    """geopandas writes the same features into a GeoPackage: fast, but with no history."""
    import geopandas

    frame = geopandas.GeoDataFrame(
        attributes(definition, n).to_pandas(), geometry=polygons(n), crs=4490
    )
    start = perf_counter()
    frame.to_file(folder / "usual.gpkg", layer="parcels", engine="pyogrio", promote_to_multi=True)
    return perf_counter() - start


def per_row_journal(folder: Path, definition: Layer, n: int) -> float:
    """What history packages do: each feature saved and journalled by itself; s a row."""
    from geo.record import sqlite

    connection = sqlite.connect(folder / "journal.db")
    names = ", ".join(field.name for field in definition.fields)
    connection.execute(f"CREATE TABLE p (fid INTEGER PRIMARY KEY, geom BLOB, {names})")
    connection.execute("CREATE TABLE journal (id INTEGER PRIMARY KEY, fid INT, body TEXT)")
    rows = attributes(definition, n).to_pylist()
    wkb = shapely.to_wkb(polygons(n))
    marks = ", ".join("?" * (len(definition.fields) + 1))
    start = perf_counter()
    for row, geometry in zip(rows, wkb, strict=True):
        values = {name: str(value) for name, value in row.items()}
        connection.execute("BEGIN IMMEDIATE")
        fid = connection.execute(
            f"INSERT INTO p VALUES (NULL, {marks})", (geometry, *values.values())
        ).lastrowid
        connection.execute("INSERT INTO journal VALUES (NULL, ?, ?)", (fid, json.dumps(values)))
        connection.execute("COMMIT")
    seconds = perf_counter() - start
    connection.close()
    return seconds / n


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    definition = layer()
    author = Author("bench", "measure")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table, shapes = attributes(definition, n), polygons(n)
        with open_record(folder / "record.gpkg", Catalog({"parcels": definition}, {})) as record:
            start = perf_counter()
            _, (fids,) = record.commit([ChangeSet.inserts("parcels", table, shapes)], author)
            ours = perf_counter() - start
            start = perf_counter()
            part = fids[:: max(1, n // 20_000)]
            change = ChangeSet.updates(
                "parcels", part, attributes(definition, len(part), 2), polygons(len(part), 2)
            )
            record.commit([change], author)
            update = perf_counter() - start
            start = perf_counter()
            rows = sum(len(entries) for entries in record.entries("parcels"))
            reading = perf_counter() - start
            verification = record.verify()
            assert verification.ok
            start = perf_counter()
            for i in range(200):
                record.commit(
                    [ChangeSet.updates("parcels", fids[i : i + 1], table.slice(i, 1))], author
                )
            single = (perf_counter() - start) / 200
        usual = usual_way(folder, definition, n)
        journal = per_row_journal(folder, definition, 2_000)
    print(f"commit of {n:,} parcels, {len(definition.fields)} attributes, {VERTICES} vertices")
    print(f"  ours: log, hash chain, table, R-tree, area, durable   {ours:8.2f} s")
    print(f"  geopandas/pyogrio: table and R-tree, no history       {usual:8.2f} s")
    print(f"  a journal row by row (2,000 rows, extrapolated)       {journal * n:8.2f} s")
    print(f"  ratio to a journal row by row: {journal * n / ours:.1f} times faster")
    print(f"  ratio to geopandas without history: takes {ours / usual:.1f} times as long")
    print(f"update of {len(part):,} with geometry: {update:.2f} s")
    print(f"one edit, durable: {single * 1e3:.2f} ms")
    print(f"read {rows:,} log rows as columns: {reading:.2f} s, {rows / reading:,.0f} rows/s")
    speed = verification.rows / verification.seconds
    print(
        f"verify {verification.rows:,} log rows and {verification.features:,} features: "
        f"{verification.seconds:.2f} s, {speed:,.0f} rows/s"
    )


if __name__ == "__main__":
    main()
