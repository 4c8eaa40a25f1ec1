"""A zipped GBK shapefile to checked, measured, staged rows, beside the usual script.

The usual way: geopandas reads (encoding told by hand), reprojects, and a loop checks
validity and measures each parcel on the ellipsoid. It proves no counts, decides no
encoding, maps no columns and writes no report.
"""

from __future__ import annotations

import sys
import tempfile
import time
import zipfile
from pathlib import Path

import geopandas
import numpy as np
import shapely
from pyproj import Geod
from shapely.validation import explain_validity

from app.jobs import sandbox
from geo.intake.decide import Decisions
from geo.intake.run import arguments, run
from geo.layers import Catalog

ROOT = Path(__file__).parents[2]


def make(folder: Path, count: int) -> Path:
    """Parcels of 25 vertices in EPSG:4529 with ten columns, GBK, zipped."""
    rng = np.random.default_rng(1)
    angle = np.linspace(0, 2 * np.pi, 25, endpoint=False)
    places = np.arange(count)
    radius = 100 + 30 * rng.random((count, 25))
    x = 41_400_000 + (places % 500)[:, None] * 300.0 + radius * np.cos(angle)
    y = 4_950_000 + (places // 500)[:, None] * 300.0 + radius * np.sin(angle)
    shapes = shapely.polygons(np.stack([x, y], axis=-1))
    frame = geopandas.GeoDataFrame(
        {
            "TBBH": [f"P{i:07d}" for i in places],
            "地块名称": np.array(["东风村一组", "红旗村", "向阳镇"])[rng.integers(0, 3, count)],
            "XZQDM": np.array(["220802", "220821", "220882"])[rng.integers(0, 3, count)],
            "DLBM": np.array(["0101", "0102", "0103"])[rng.integers(0, 3, count)],
            "阶段": "验收",
            "年度": rng.integers(2015, 2025, count),
            "MJ_MU": shapely.area(shapes) * 3 / 2000,
            "YSRQ": "20230511",
            "ZLDJ": np.array(["符合", "基本符合", "需要提质改"])[rng.integers(0, 3, count)],
            "BZ": "盐碱地改良，土壤改良示范",
        },
        geometry=shapes,
        crs=4529,
    )
    frame.to_file(folder / "地块.shp", encoding="gbk", engine="pyogrio")
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in folder.glob("地块.*"):
            archive.write(path, path.name)
    return folder / "a.zip"


def usual(path: Path) -> float:
    frame = geopandas.read_file(f"zip://{path}", encoding="gbk").to_crs(4490)
    geod = Geod(ellps="GRS80")
    total = 0.0
    for shape in frame.geometry:
        if not shape.is_valid:
            raise ValueError(explain_validity(shape))
        total += abs(geod.geometry_area_perimeter(shape)[0])
    return total


def main(count: int = 50_000) -> None:
    catalog = Catalog.load(ROOT / "data")
    layer = catalog.layers["parcels"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = make(folder, count)
        out = folder / "out"
        out.mkdir()
        started = time.perf_counter()
        report = run(path, layer, catalog.codelists, Decisions(), out)
        ours = time.perf_counter() - started
        assert report.state == "ready", report.issues[:3]
        target = arguments(path, "a.zip", layer, catalog.codelists, Decisions(), out)
        done = sandbox.execute("geo.intake.run:main", target, out)
        started = time.perf_counter()
        total = usual(path)
        theirs = time.perf_counter() - started
        assert report.areas is not None
        assert abs(report.areas.computed_m2 / total - 1) < 1e-6
    print(f"{count:,} parcels, 25 vertices, 10 columns")
    print(f"intake with checks, report, staging: {ours:6.2f} s")
    print(f"  in the sandbox: {done.wall_s:6.2f} s, {done.peak_bytes >> 20} MiB at its peak")
    print(f"geopandas, to_crs, loop of checks:   {theirs:6.2f} s")
    print(f"ratio {theirs / ours:.1f}")


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:]))
