"""Whole layers as files, beside the usual way: a GeoDataFrame in memory and its `to_...` methods.

Ours is what a request costs: rows taken from the snapshot, a fresh child process, titles, labels,
aliases, styles, names cut at whole characters. The usual way starts from a frame that is loaded
already and writes the plain columns.

Run: python -m tests.bench.bench_downloads [parcels]
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import pandas
import pyogrio

from app.api.encode import csv_rows
from app.commands.opened import opened
from app.downloads import stage, told
from app.jobs.sandbox import Limits, execute
from geo.formats.export import arguments
from geo.formats.source import Source
from tests.bench.parcels import LAYER, write

PARCELS = 200_000


def usual(copy: Path, folder: Path) -> dict[str, Callable[[], object]]:
    """How the same is done with geopandas."""
    frame = pyogrio.read_dataframe(copy, layer=LAYER)
    plain = pandas.DataFrame(frame.drop(columns="geometry"))
    for name in plain.columns:  # Excel has no time zones
        if isinstance(plain[name].dtype, pandas.DatetimeTZDtype):
            plain[name] = plain[name].dt.tz_localize(None)
    shapes = frame.rename(columns={n: f"{n[:7]}{i:02d}" for i, n in enumerate(plain.columns)})
    text = frame.assign(wkt=frame.geometry.to_wkt()).drop(columns="geometry")
    return {
        "csv": lambda: text.to_csv(folder / "u.csv", index=False),
        "gpkg": lambda: frame.to_file(folder / "u.gpkg", engine="pyogrio"),
        "shp": lambda: shapes.to_file(folder / "u.shp", engine="pyogrio", encoding="gbk"),
        "parquet": lambda: frame.to_parquet(folder / "u.parquet", compression="zstd"),
        "fgb": lambda: frame.to_file(folder / "u.fgb", engine="pyogrio"),
        "kml": lambda: frame.to_file(folder / "u.kml", engine="pyogrio", driver="LIBKML"),
        "xlsx": lambda: plain.to_excel(folder / "u.xlsx", index=False, engine="xlsxwriter"),
    }


def seconds(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def main(count: int = PARCELS) -> None:
    with tempfile.TemporaryDirectory(prefix="liangtian-bench-") as name:
        folder = Path(name)
        write(folder / "data", folder / "copy.gpkg", count)
        theirs = usual(folder / "copy.gpkg", folder)
        with opened(folder / "data") as place:
            view = place.snapshots().view(LAYER)

            def child(form: str) -> None:
                work = Path(tempfile.mkdtemp(dir=folder))
                rows = stage(view, work / "rows.arrow")
                source = Source(view.layer, place.catalog.codelists, work / "rows.arrow", rows,
                                about=told(view))  # fmt: skip
                asked = arguments(source, form, work / "out")
                done = execute("geo.formats.export:main", asked, work, Limits(), readable=[])
                sizes[form], peaks[form] = done.result["bytes"], done.peak_bytes >> 20

            def streamed() -> None:
                sizes["csv"] = sum(len(piece) for _, piece in csv_rows(view))

            sizes: dict[str, int] = {}
            peaks: dict[str, int] = {}
            print(f"{view.count():,} parcels to a file")
            for form in (*theirs, "landtxt"):
                ours = seconds(streamed if form == "csv" else lambda form=form: child(form))
                line = f"  {form:<8} {ours:6.2f} s  {sizes[form] / 2**20:6.1f} MiB"
                if form in theirs:
                    other = seconds(theirs[form])
                    line += f"   geopandas {other:6.2f} s   {other / ours:5.1f} times"
                peak = f"   child {peaks[form]} MiB" if form in peaks else ""
                print(line + peak, flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
