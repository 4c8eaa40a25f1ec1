"""Field files to try uploads with: good, without coordinate system, and broken."""

from __future__ import annotations

import struct
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from data.demo import fields, landscape
from data.demo.landscape import to_plane
from data.demo.model import Demo
from geo.area import ellipsoidal_area
from geo.units import mu

if TYPE_CHECKING:
    import geopandas

STORED, PROJECTED = "EPSG:4490", "EPSG:4529"
#: Middles (lon, lat) around which new fields are looked for, in Da'an and in Zhenlai.
DA_AN, ZHENLAI = (123.52, 45.40), (123.30, 46.02)


def write_shapefile_examples(folder: Path, demo: Demo | None = None) -> list[Path]:
    """Write three zipped shapefiles into ``folder`` and return their paths.

    1. new and changed plots: GBK, Chinese column names, .prj of EPSG:4529;
    2. new parcels with zone-prefixed eastings but without .prj and .cpg, two of
       which overlap stored parcels;
    3. the first with a .dbf that promises more records than there are.

    ``demo`` is the demonstration they should fit; the default one when None.
    """
    if demo is None:
        from data.demo.generate import generate  # noqa: PLC0415 - takes seconds

        demo = generate()
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    plots = _plots(demo)
    good = _write(folder / "大安市2026年新增治理地块.zip", "治理地块", plots)
    bare = _write(
        folder / "镇赉县图斑_无坐标系文件.zip", "图斑", _parcels(demo), without=(".prj", ".cpg")
    )
    broken = _write(folder / "治理地块_记录数不符.zip", "治理地块", plots, extra_records=7)
    return [good, bare, broken]


def _frame(columns: dict[str, Any], geometry: NDArray[np.object_]) -> geopandas.GeoDataFrame:
    import geopandas  # noqa: PLC0415 - heavy, and only needed to write files

    return geopandas.GeoDataFrame(columns, geometry=geometry, crs=STORED).to_crs(PROJECTED)


def _free_fields(demo: Demo, middle: tuple[float, float], count: int) -> NDArray[np.object_]:
    """``count`` new fields near ``middle`` (degrees) that touch no stored one and no water."""
    x, y = to_plane(*middle)
    u = np.arange(-12, 13) * 0.45
    gap = np.full(len(u), 0.008)
    centre = (float(x), float(y))
    lattice = fields.Lattice(centre, np.radians(12.0), u, u * 1.5, gap, gap, None, -1)
    blocks = fields.blocks_of([lattice])
    found = fields.strips_of(blocks, [lattice], width=0.22, split=0.1, seed=77).geometry
    free = np.ones(len(found), dtype=bool)
    tree = shapely.STRtree(found)
    taken = [demo.layers[name].geometry for name in ("plots", "parcels")]
    for others in (*taken, landscape.lakes(), landscape.rivers()):
        free[tree.query(others, predicate="intersects")[1]] = False
    if free.sum() < count:
        raise ValueError(f"no room for {count} new fields near {middle}")
    nearest = np.argsort(shapely.distance(found, shapely.Point(middle)), kind="stable")
    return np.asarray(found[nearest[free[nearest]][:count]], dtype=object)


def _stored(demo: Demo, layer: str, county: str, count: int) -> tuple[list[dict[str, Any]], Any]:
    rows = demo.layers[layer]
    assert rows.geometry is not None
    mine = np.flatnonzero(np.array(rows.attributes["county"].to_pylist()) == county)[:count]
    return rows.attributes.take(mine).to_pylist(), rows.geometry[mine]


def _plots(demo: Demo) -> geopandas.GeoDataFrame:
    """Eighteen new plots of Da'an and three stored ones whose stage has moved on."""
    new = _free_fields(demo, DA_AN, 18)
    old, shapes = _stored(demo, "plots", "220882", 3)
    lon, lat = shapely.get_coordinates(shapely.centroid(new)).T
    titles = {code.code: code.title.zh for code in demo.catalog.codelists["salinity_grade"].codes}
    grades = landscape.salinity_grade(landscape.salinity_severity(lon, lat)).tolist()
    columns = {
        "地块编号": [*(f"220882Z9{n:04d}" for n in range(1, 19)), *(item["code"] for item in old)],
        "地块名称": [
            *(f"新增{n}号治理地块" for n in range(1, 19)),
            *(item["name"] for item in old),
        ],
        "县区": ["大安市"] * 21,
        "治理模式": ["五位一体"] * 21,
        "阶段": [*["立项"] * 18, *["已验收"] * 3],
        "原盐碱等级": [
            titles[grade] for grade in (*grades, *(item["grade_before"] for item in old))
        ],
        "开工日期": [*["2026-10-30"] * 18, *(str(item["started_on"] or "") for item in old)],
    }
    geometry = np.concatenate([new, shapely.get_geometry(shapes, 0)])
    columns["面积_亩"] = np.round(np.asarray(mu(ellipsoidal_area(geometry))), 2)
    return _frame(columns, geometry)


def _parcels(demo: Demo) -> geopandas.GeoDataFrame:
    """Twenty-two new parcels of Zhenlai and two that lie partly on stored ones."""
    new = _free_fields(demo, ZHENLAI, 22)
    _, shapes = _stored(demo, "parcels", "220821", 2)
    moved = shapely.transform(shapely.get_geometry(shapes, 0), lambda xy: xy + [0.0004, 0.0003])  # noqa: RUF005
    geometry = np.concatenate([new, moved])
    count = len(geometry)
    columns = {
        "TBBH": [f"220821G9{n:06d}" for n in range(1, count + 1)],
        "XMMC": ["2026年镇赉县高标准农田建设项目（补充上报）"] * count,
        "XMNF": [2026] * count,
        "XZQDM": ["220821"] * count,
        "DLBM": ["0103" if n % 3 else "0102" for n in range(count)],
        "JSJD": ["立项批复"] * count,
    }
    return _frame(columns, geometry)


def _write(
    path: Path,
    name: str,
    frame: geopandas.GeoDataFrame,
    *,
    without: tuple[str, ...] = (),
    extra_records: int = 0,
) -> Path:
    """Write a frame as a zipped GBK shapefile, on purpose with parts missing or wrong."""
    with tempfile.TemporaryDirectory() as scratch:
        shape = Path(scratch) / f"{name}.shp"
        frame.to_file(shape, engine="pyogrio", driver="ESRI Shapefile", encoding="GBK")
        if extra_records:
            table = shape.with_suffix(".dbf")
            content = bytearray(table.read_bytes())
            # Bytes 4-7 of a dBASE header: number of records, little endian.
            struct.pack_into("<I", content, 4, len(frame) + extra_records)
            table.write_bytes(content)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for part in sorted(Path(scratch).iterdir()):
                if part.suffix not in without:
                    archive.write(part, part.name)
    return path
