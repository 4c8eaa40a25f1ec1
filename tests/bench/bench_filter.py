"""Filters on 1,000,000 parcels: ours on the snapshot's columns beside geopandas.

Ours reads CQL2 text each time. Usual: `GeoDataFrame.query` with text columns, and the
spatial index with a predicate; its tables are in memory and its index is built.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import shapely

from geo.layers import Layer
from geo.record.protocol import INSERT, Entries
from geo.snapshot.cql import parse
from geo.snapshot.rows import batch_of
from geo.snapshot.segment import Segment, index
from tests.bench.bench_area import parcels

ROWS = 1_000_000
_TYPES = {
    "code": "string",
    "name": "string",
    "county": "string",
    "grade": "string",
    "ph": "number",
    "salt": "number",
    "surveyed": "date",
}
LAYER = Layer.model_validate(
    {
        "id": "plots",
        "title": {"zh": "地块", "en": "Plots"},
        "description": {"zh": "地块", "en": "Plots"},
        "geometry": "MultiPolygon",
        "fields": [{"name": n, "title": {"zh": n, "en": n}, "type": t} for n, t in _TYPES.items()],
    }
)


def tables(count: int) -> tuple[Segment, gpd.GeoDataFrame]:
    """The same parcels as a snapshot segment and as a GeoDataFrame."""
    random = np.random.default_rng(1)
    shapes = parcels(count, 9)
    numbers = np.arange(count)
    columns = {
        "code": pa.array([f"220882-{i:07d}" for i in range(count)]),
        "name": pa.array([f"大安市第{i % 5000}号地块" for i in range(count)]),
        "county": pa.array(["220881", "220882", "220802"]).take(random.integers(0, 3, count)),
        "grade": pa.array(["轻度", "中度", "重度", None]).take(random.integers(0, 4, count)),
        "ph": pa.array(np.round(7 + 3 * random.random(count), 2)),
        "salt": pa.array(np.round(6 * random.random(count), 3)),
        "surveyed": pa.array(random.integers(18_000, 20_000, count).astype(np.int32)).cast(
            pa.date32()
        ),
    }
    entries = Entries(
        layer="plots",
        seq=numbers,
        revision=np.ones(count, np.int64),
        fid=numbers + 1,
        version=np.ones(count, np.int64),
        op=np.full(count, INSERT, np.int8),
        time=np.full(count, np.datetime64("2026-01-01", "us")),
        measure=np.full(count, 20_000.0),
        attributes=pa.table(columns),
        geometry=shapely.to_wkb(shapes),
    )
    segment = index(LAYER, batch_of(LAYER, [entries]))
    frame = gpd.GeoDataFrame(pa.table(columns).to_pandas(), geometry=shapes, crs="EPSG:4490")
    frame["surveyed"] = pd.to_datetime(frame["surveyed"])
    assert frame.sindex is not None
    return segment, frame


def star() -> shapely.Polygon:
    """A district of 120 vertices over a third of the region."""
    angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    radius = 0.7 + 0.1 * np.sin(9 * angle)
    return shapely.Polygon(
        np.column_stack((123 + 1.3 * radius * np.cos(angle), 45.25 + radius * np.sin(angle)))
    )


def best(run: Callable[[], np.ndarray], times: int = 3) -> tuple[float, int]:
    seconds = np.inf
    for _ in range(times):
        started = time.perf_counter()
        found = run()
        seconds = min(seconds, time.perf_counter() - started)
    return seconds, int(np.count_nonzero(found))


def main(count: int = ROWS) -> None:
    segment, frame = tables(count)
    area = star()
    box = (122.9, 45.2, 123.0, 45.3)

    def spatial(predicate: str, shape: shapely.Polygon) -> np.ndarray:
        found = np.zeros(count, dtype=bool)
        found[frame.sindex.query(shape, predicate=predicate)] = True
        return found

    cases: list[tuple[str, str, Callable[[], np.ndarray]]] = [
        (
            "county, grade, pH",
            "county = '220882' AND grade IN ('中度', '重度') AND ph > 8.5",
            lambda: frame.eval("county == '220882' and grade in ['中度', '重度'] and ph > 8.5"),
        ),
        (
            "LIKE and a date",
            "name LIKE '%99号%' AND surveyed >= DATE('2022-06-01')",
            lambda: (
                frame["name"].str.contains("99号", regex=False)
                & (frame["surveyed"] >= "2022-06-01")
            ),
        ),
        ("arithmetic", "ph * 2 + salt / 3 > 18", lambda: frame.eval("ph * 2 + salt / 3 > 18")),
        (
            "small box",
            f"S_INTERSECTS(geom, BBOX{box})",
            lambda: spatial("intersects", shapely.box(*box)),
        ),
        (
            "district of 120 vertices",
            f"S_INTERSECTS(geom, {shapely.to_wkt(area, rounding_precision=3)})",
            lambda: spatial("intersects", shapely.set_precision(area, 0.001)),
        ),
        (
            "within it, and pH",
            f"S_WITHIN(geom, {shapely.to_wkt(area, rounding_precision=3)}) AND ph > 9",
            lambda: spatial("contains", shapely.set_precision(area, 0.001)) & (frame["ph"] > 9),
        ),
    ]
    print(f"{count:,} parcels of 9 vertices, 7 fields")
    for title, text, usual in cases:
        ours, found = best(lambda text=text: parse(text, "cql2-text", LAYER).mask(segment))
        theirs, same = best(usual)
        agree = "same rows" if found == same else f"{found:,} and {same:,} rows"
        print(
            f"{title:<26} ours {ours * 1e3:8.1f} ms   geopandas {theirs * 1e3:8.1f} ms   "
            f"{theirs / ours:6.1f} times   {found:,} found, {agree}"
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
