"""Every file that we write comes back as it was, by our readers and by independent ones."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pyogrio
import pytest
import python_calamine
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geo import crs
from geo.area import ellipsoidal_area
from geo.errors import Rejected
from geo.formats import (
    fgb_file,
    geoparquet,
    geoparquet_file,
    gpkg_file,
    kml,
    kml_file,
    landtxt,
    landtxt_file,
    ogr,
    shapefile,
    shp,
    shp_shapes,
    table_file,
    xlsx,
    zips,
)
from geo.formats.source import Source
from tests import environment
from tests.geo.formats.sources import POLYGONS, ROWS, source

pytestmark = pytest.mark.unit

LINES = [
    shapely.MultiLineString([[(122.8, 45.6), (122.9, 45.7)]]),
    shapely.MultiLineString([[(122.8, 45.6), (122.9, 45.7)], [(122.7, 45.5), (122.6, 45.4)]]),
    None,
]
POINTS = [shapely.Point(122.8, 45.6), shapely.Point(122.9, 45.7), None]
SHAPES = {"MultiPolygon": POLYGONS, "MultiLineString": LINES, "Point": POINTS}


def same(found: Any, wanted: Any, tolerance: float = 0.0) -> None:
    """Equal as shapes, each coordinate within the tolerance; rings may begin anywhere."""
    for got, shape in zip(found, wanted, strict=True):
        if shape is None:
            assert got is None
            continue
        a, b = (shapely.get_parts(shapely.normalize(shapely.force_2d(g))) for g in (got, shape))
        assert len(a) == len(b)
        assert shapely.equals_exact(a, b, tolerance * 1.4143).all(), f"{got}\n{shape}"


def shp_parts(path: Path, folder: Path) -> dict[str, Path]:
    archive = zips.inspect(path)
    targets = {m: folder / f"in{m.suffix}" for m in archive.members if m.suffix != ".txt"}
    zips.extract(archive, targets)
    return {m.suffix: p for m, p in targets.items()}


# -- shapefile ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_shapefile(tmp_path: Path, kind: str, encoding: str, size: int) -> None:
    given_source = source(tmp_path, SHAPES[kind], geometry=kind, size=size,
                          options={"encoding": encoding})  # fmt: skip
    path = tmp_path / "out.zip"
    shp.write(path, given_source)
    content = shapefile.read(shp_parts(path, tmp_path))
    same(content.geometry, SHAPES[kind])
    assert content.encoding.value == {"gbk": "gb18030", "utf-8": "utf-8"}[encoding]
    assert content.encoding.decided_by == "cpg"
    assert crs.from_prj(content.prj or "").crs == "EPSG:4490"
    rows = content.attributes.to_pylist()
    name = content.attributes.column_names[1]
    assert [row[name] for row in rows] == [row["name"] for row in ROWS]
    judged = pyogrio.read_dataframe(f"/vsizip/{path}/试验地块.shp")
    same(judged.geometry.to_list(), SHAPES[kind])
    assert judged.crs.to_epsg() == 4490
    assert judged[name].to_list() == [row["name"] for row in ROWS]


@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
def test_shapefile_names_end_at_whole_characters_and_differ(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "out.zip"
    shp.write(path, source(tmp_path, options={"encoding": encoding}))
    names = shapefile.read(shp_parts(path, tmp_path)).attributes.column_names
    assert len(set(names)) == len(names)
    assert all(len(name.encode(encoding)) <= 10 for name in names)
    assert [n for n in names if n.startswith("耕地质量等级"[: len("耕地质")])][:2] == (
        ["耕地质量等", "耕地质量1"] if encoding == "gbk" else ["耕地质", "耕地质1"]
    )


def test_shapefile_cuts_values_at_whole_characters_and_tells(tmp_path: Path) -> None:
    long = "盐" * 200
    rows = [{**ROWS[0], "name": long}, {**ROWS[1], "name": "𠮷田"}]
    path = tmp_path / "out.zip"
    shp.write(path, source(tmp_path, POLYGONS[:2], rows))
    values = shapefile.read(shp_parts(path, tmp_path)).attributes.column(1).to_pylist()
    assert values == ["盐" * 127, "?田"]
    with zipfile.ZipFile(path) as archive:
        readme = archive.read("说明_readme.txt").decode("utf-8-sig")
        assert archive.read("试验地块.cpg") == b"936"
        dbf = archive.read("试验地块.dbf")
    assert "地块名称: 1 个值被截断" in readme
    assert "地块名称: 1 个值有编码中没有的字" in readme
    assert "版本 7" in readme
    assert dbf[29] == 0x4D


def test_shapefile_values(tmp_path: Path) -> None:
    path = tmp_path / "out.zip"
    shp.write(path, source(tmp_path))
    frame = pyogrio.read_dataframe(f"/vsizip/{path}/试验地块.shp")
    first = frame.iloc[0].to_dict()
    assert first["地下水埋深"] == 1.25
    assert first["是否试点"] == "是"
    assert str(first["验收日期"])[:10] == "2025-04-20"
    assert first["采样时间"] == "2025-04-20T09:02:03+08:00"
    assert first["面积_平方"] == pytest.approx(
        ellipsoidal_area(np.array(POLYGONS[:1]))[0], abs=1e-6
    )
    assert frame["耕地质量等"].isna().tolist() == [False, True, False]


def test_shapefile_limit_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shp_shapes, "MAX_BYTES", 300)
    with pytest.raises(Rejected, match="E_SHP_LIMIT"):
        shp.write(tmp_path / "out.zip", source(tmp_path))
    with pytest.raises(Rejected, match="E_FORMAT"):
        shp.write(tmp_path / "out.zip", source(tmp_path, geometry=None))


# -- GeoPackage and FlatGeobuf -----------------------------------------------------


@pytest.mark.parametrize("kind", SHAPES)
def test_geopackage(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out.gpkg"
    ogr.write_gpkg(path, source(tmp_path, SHAPES[kind], geometry=kind))
    content = gpkg_file.read(path, "fields")
    assert content.rows.tolist() == [11, 12, 13]
    assert content.crs == "EPSG:4490"
    same(content.geometry, SHAPES[kind])
    rows = content.attributes.to_pylist()
    assert [row["name"] for row in rows] == [row["name"] for row in ROWS]
    assert [row["depth"] for row in rows] == [1.25, -0.5, None]
    judged = pyogrio.read_dataframe(path, layer="fields", fid_as_index=True)
    assert judged["pilot"].to_list()[:2] == [True, False]
    assert judged.index.to_list() == [11, 12, 13]
    with sqlite3.connect(path) as database:
        titles = dict(database.execute("SELECT column_name, name FROM gpkg_data_columns"))
        assert titles["code"] == "地块编号"
        assert database.execute("PRAGMA user_version").fetchone()[0] >= 10400
        (style,) = database.execute(
            "SELECT styleQML FROM layer_styles WHERE f_table_name = 'fields' AND useAsDefault"
        ).fetchone()
        assert 'attr="land"' in style
        assert "水田" in style
        assert database.execute(
            "SELECT count(*) FROM gpkg_extensions WHERE extension_name = 'gpkg_rtree_index'"
        ).fetchone() == (1,)
    database.close()


@pytest.mark.skipif(environment.geopackage_validator() is None, reason="no GeoPackage validator")
def test_geopackage_by_its_validator(tmp_path: Path) -> None:
    path = tmp_path / "out.gpkg"
    ogr.write_gpkg(path, source(tmp_path, POLYGONS[:2], ROWS[:2]))
    command = [str(environment.geopackage_validator()), "validate", "--gpkg-path", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    told = json.loads(done.stdout)
    found = {r["validation_code"] for r in told["results"] if r["level"] == "error"}
    assert found <= {"RQ22"}, "RQ22 wants European coordinate systems"


def test_geopackage_without_geometry_and_in_another_system(tmp_path: Path) -> None:
    ogr.write_gpkg(tmp_path / "a.gpkg", source(tmp_path, geometry=None))
    assert len(pyogrio.read_dataframe(tmp_path / "a.gpkg", layer="fields")) == 3
    ogr.write_gpkg(tmp_path / "b.gpkg", source(tmp_path, crs="EPSG:4529"))
    judged = pyogrio.read_dataframe(tmp_path / "b.gpkg", layer="fields")
    assert judged.crs.to_epsg() == 4529
    assert judged.total_bounds[0] > 41e6


@pytest.mark.parametrize("rows", [2, 3])
def test_flatgeobuf(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "out.fgb"
    ogr.write_fgb(path, source(tmp_path, POLYGONS[:rows], ROWS[:rows]))
    content = fgb_file.read(path)
    order = np.argsort(content.attributes["code"].to_pylist())
    same(content.geometry[order], POLYGONS[:rows])
    assert pyogrio.read_info(path)["features"] == rows
    # Without nulls it has an index, which readers use.
    box = pyogrio.read_dataframe(path, bbox=(122.826, 45.60, 122.9, 45.605))
    assert box["code"].to_list() == ["DK02"]


# -- GeoParquet --------------------------------------------------------------------


def test_geoparquet(tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    geoparquet.write(path, source(tmp_path))
    content = geoparquet_file.read(path)
    same(content.geometry, POLYGONS)
    assert content.crs == "EPSG:4490"
    table = pq.read_table(path)
    assert table["id"].to_pylist() == ["DK01", "DK02", "DK03"]
    assert table["area"].to_pylist() == table["area_ha"].to_pylist()
    about = json.loads(table.schema.metadata[b"geo"])
    assert about["version"] == "1.1.0"
    assert about["columns"]["geometry"]["bbox"] == pytest.approx([122.80, 45.60, 122.83, 45.61])
    assert table["bbox"].to_pylist()[0]["xmax"] == 122.81
    assert table.schema.field("code").metadata[b"title"].decode() == "地块编号"
    import geopandas

    frame = geopandas.read_parquet(path, bbox=(122.826, 45.60, 122.9, 45.605))
    assert frame["code"].to_list() == ["DK02"]
    assert frame.crs.to_epsg() == 4490


def test_geoparquet_without_rows(tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    geoparquet.write(path, source(tmp_path, [], []))
    assert geoparquet_file.read(path).attributes.num_rows == 0


# -- XLSX --------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["zh", "en"])
def test_xlsx(tmp_path: Path, language: str) -> None:
    path = tmp_path / "out.xlsx"
    xlsx.write(path, source(tmp_path, language=language))
    book = python_calamine.CalamineWorkbook.from_path(path)
    head, *rows = book.get_sheet_by_index(0).to_python()
    found = [dict(zip(head, row, strict=True)) for row in rows]
    if language == "en":
        assert found[0]["land"] == "Paddy"
        return
    assert found[0]["地类"] == "水田"
    assert found[0]["地类（代码）"] == "0101"
    assert found[1]["地块名称"] == '=HYPERLINK("http://x")', "text, not a formula"
    assert found[0]["面积_亩"] == pytest.approx(found[0]["面积_公顷"] * 15)
    assert str(found[0]["验收日期"]) == "2025-04-20"
    assert str(found[0]["采样时间"]) == "2025-04-20 09:02:03"
    assert found[0]["是否试点"] is True
    with zipfile.ZipFile(path) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    grid = table_file.read_sheet(path, table_file.sheets(path)[0])
    assert grid.names[:2] == ["地块编号", "地块名称"]
    assert len(grid.cells) == 3


def test_xlsx_points_and_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.xlsx"
    xlsx.write(path, source(tmp_path, POINTS, geometry="Point"))
    grid = table_file.read_sheet(path, table_file.sheets(path)[0])
    assert grid.names[-2:] == ["lon", "lat"]
    assert grid.cells[0][-2:] == [122.8, 45.6]
    monkeypatch.setattr(xlsx, "MOST_ROWS", 3)
    with pytest.raises(Rejected, match="E_XLSX_ROWS"):
        xlsx.write(path, source(tmp_path))


# -- KML ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SHAPES)
def test_kml(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out.kml"
    kml.write(path, source(tmp_path, SHAPES[kind], geometry=kind))
    content = kml_file.read(path)
    assert content.crs == "EPSG:4326"
    order = np.argsort(content.attributes["code"].to_pylist())
    same(content.geometry[order], SHAPES[kind], 1e-9)
    rows = content.attributes.take(order).to_pylist()
    assert [row["name"] for row in rows] == [row["name"] for row in ROWS]
    assert [row["depth"] for row in rows] == ["1.25", "-0.5", None]
    names = {str(name) for name, _ in pyogrio.list_layers(path)}
    assert names == {"220821", "220882", "-"}, "a folder a county"
    judged = pyogrio.read_dataframe(path, layer="220882")
    assert judged["code"].to_list() == ["DK01"]


# -- land TXT ----------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["gbk", "utf-8-sig"])
@pytest.mark.parametrize("closing", ["repeat", "next", "none"])
@pytest.mark.parametrize("start", ["as_is", "nw"])
@pytest.mark.parametrize("prefix", [True, False])
def test_land_txt(tmp_path: Path, encoding: str, closing: str, start: str, prefix: bool) -> None:
    path = tmp_path / "out.txt"
    options = {"encoding": encoding, "closing": closing, "start": start, "prefix": prefix}
    landtxt.write(path, source(tmp_path, POLYGONS[:2], ROWS[:2], options=options))
    data = path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf") == (encoding == "utf-8-sig")
    assert data.count(b"\n") == data.count(b"\r\n")
    content = landtxt_file.read(path)
    assert not content.notes, content.notes
    assert content.crs == ("EPSG:4529" if prefix else "EPSG:4550")
    plane = crs.transform(np.array(POLYGONS[:2]), crs.STORAGE, content.crs)
    same(content.geometry, plane, 0.5e-3 + 1e-9)
    rows = content.attributes.to_pylist()
    assert [row["地块编号"] for row in rows] == ["DK01", "DK02"]
    assert rows[0]["地类编码"] == "0101"
    area = ellipsoidal_area(np.array(POLYGONS[:2]))
    assert [row["申报面积亩"] for row in rows] == pytest.approx(area * 3 / 2000, abs=1e-3)
    lines = data.decode(encoding).splitlines()
    first = lines.index("[地块坐标]") + 2
    points = [line.split(",") for line in lines[first : first + 5]]
    if closing == "repeat":
        assert points[4] == points[0]
    elif closing == "next":
        assert points[4][0] == "J5"
        assert points[4][1:] == points[0][1:]
    if start == "nw":
        ring = np.array([[float(p[3]), float(p[2])] for p in points[:4]])
        corner = [ring[:, 0].min(), ring[:, 1].max()]
        assert np.argmin(np.abs(ring - corner).sum(axis=1)) == 0
        assert not shapely.LinearRing(ring).is_ccw


def test_land_txt_zone_and_precision(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    landtxt.write(path, source(tmp_path, POLYGONS[:2], ROWS[:2],
                               options={"zone": 21, "precision": 1}))  # fmt: skip
    content = landtxt_file.read(path)
    assert content.crs == "EPSG:4499"
    assert b",0.1\r\n" not in path.read_bytes()
    assert "精度=0.1\r\n".encode("gbk") in path.read_bytes()
    with pytest.raises(Rejected, match="E_ZONE"):
        landtxt.write(path, source(tmp_path, options={"zone": 24}))


def test_land_txt_of_points_and_lines(tmp_path: Path) -> None:
    for kind in ("Point", "MultiLineString"):
        path = tmp_path / "out.txt"
        landtxt.write(path, source(tmp_path, SHAPES[kind][:2], ROWS[:2], geometry=kind))
        content = landtxt_file.read(path)
        plane = crs.transform(np.array(SHAPES[kind][:2]), crs.STORAGE, content.crs or "")
        same(content.geometry, plane, 0.5e-3 + 1e-9)


# -- any shape, any text -----------------------------------------------------------


@st.composite
def polygons(draw: st.DrawFn) -> shapely.MultiPolygon:
    """Parts beside each other, star-shaped, some with a hole; on a grid of 1e-6 degrees."""
    parts = []
    for place in range(draw(st.integers(1, 3))):
        count = draw(st.integers(3, 9))
        radii = draw(st.lists(st.floats(1e-3, 4e-3), min_size=count, max_size=count))
        turn = np.arange(count) * 2 * np.pi / count
        middle = np.array([122.5 + 0.01 * place, 45.5 + draw(st.integers(0, 90)) * 1e-3])
        star = np.array(radii)[:, None] * np.column_stack((np.cos(turn), np.sin(turn)))
        hole = [np.round(middle + 0.3 * star, 6)] if draw(st.booleans()) else []
        parts.append(shapely.Polygon(np.round(middle + star, 6), hole))
    return shapely.orient_polygons(shapely.MultiPolygon(parts))


TEXT = st.text(
    st.characters(codec="gbk", exclude_categories=("Cc", "Cs")), min_size=1, max_size=40
).map(lambda text: " ".join(text.split()).strip() or "一")


@settings(max_examples=12, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(shapes=st.lists(polygons(), min_size=1, max_size=4), text=TEXT)
def test_what_is_written_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, shapes: list[Any], text: str
) -> None:
    folder = tmp_path_factory.mktemp("any")
    rows = [{**ROWS[0], "code": f"K{i}", "name": text} for i in range(len(shapes))]
    rows_source: Source = source(folder, shapes, rows, size=2)
    shp.write(folder / "o.zip", rows_source)
    content = shapefile.read(shp_parts(folder / "o.zip", folder), encoding="gbk")
    same(content.geometry, shapes)
    assert content.attributes.column(1).to_pylist() == [text] * len(shapes)
    kml.write(folder / "o.kml", rows_source)
    read = kml_file.read(folder / "o.kml")
    same(read.geometry, shapes, 1e-9)
    assert read.attributes["name"].to_pylist() == [text] * len(shapes)
    geoparquet.write(folder / "o.parquet", rows_source)
    same(geoparquet_file.read(folder / "o.parquet").geometry, shapes)
    ogr.write_gpkg(folder / "o.gpkg", rows_source)
    packed = gpkg_file.read(folder / "o.gpkg", "fields")
    same(packed.geometry, shapes)
    assert packed.attributes["name"].to_pylist() == [text] * len(shapes)
    landtxt.write(folder / "o.txt", rows_source)
    plots = landtxt_file.read(folder / "o.txt")
    plane = crs.transform(np.array(shapes, dtype=object), crs.STORAGE, "EPSG:4529")
    same(plots.geometry, plane, 0.5e-3 + 1e-6)
    xlsx.write(folder / "o.xlsx", rows_source)
    grid = table_file.read_sheet(folder / "o.xlsx", table_file.sheets(folder / "o.xlsx")[0])
    assert [row[1] for row in grid.cells] == [text] * len(shapes)
