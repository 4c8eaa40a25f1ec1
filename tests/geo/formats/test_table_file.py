"""CSV and XLSX as the field sends them: titles above the header, points, lists of 界址点."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
import shapely
import xlsxwriter

from geo.errors import Rejected
from geo.formats import table_file, table_geometry
from geo.formats.content import Content

pytestmark = pytest.mark.unit


def csv(folder: Path, text: str | bytes, kind: str | None = "Point") -> Content:
    path = folder / "a.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return table_geometry.content(table_file.read_csv(path), kind)


def workbook(folder: Path, **sheets: list[list[object]]) -> Path:
    path = folder / "a.xlsx"
    with xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd"}) as book:
        for name, rows in sheets.items():
            page = book.add_worksheet(name)
            for i, row in enumerate(rows):
                page.write_row(i, 0, row)
    return path


def xlsx(folder: Path, rows: list[list[object]], kind: str | None = "Point") -> Content:
    path = workbook(folder, 表=rows)
    return table_geometry.content(table_file.read_sheet(path, "表"), kind)


@pytest.mark.parametrize(
    ("head", "a", "b"),
    [
        ("经度,纬度", "122.8", "45.6"),
        ("纬度,经度", "45.6", "122.8"),
        ("lon,lat", "122.8", "45.6"),
        ("X,Y", "122.8", "45.6"),
        ("东经,北纬", "122°48′00″", "45°36′00″"),
        ("经度,纬度", "东经122度48分0秒", "北纬45度36分0秒"),
        ("Longitude,Latitude", "122°48'E", "45°36'N"),
    ],
)
def test_points_by_degrees(tmp_path: Path, head: str, a: str, b: str) -> None:
    content = csv(tmp_path, f"样点编号,{head},pH\nS1,{a},{b},9.1\nS2,{a},{b},8.7\n")
    assert shapely.get_coordinates(content.geometry) == pytest.approx(
        np.array([[122.8, 45.6]] * 2), abs=1e-12
    )
    assert content.attributes["样点编号"].to_pylist() == ["S1", "S2"]
    assert content.crs is None, "a table states no coordinate system"


def test_surveyors_x_is_the_northing(tmp_path: Path) -> None:
    content = csv(tmp_path, "点号,X坐标,Y坐标\nS1,5053800.5,41487400.25\n")
    assert shapely.get_coordinates(content.geometry).tolist() == [[41487400.25, 5053800.5]]


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "gbk", "utf-16"])
def test_delimiters_and_encodings(tmp_path: Path, delimiter: str, encoding: str) -> None:
    text = '编号,经度,纬度,备注\nS1,122.8,45.6,"盐碱,重"\n'.replace('",', "\0")
    text = "编号,经度,纬度,备注\nS1,122.8,45.6,盐碱重\n".replace(",", delimiter)
    content = csv(tmp_path, text.encode(encoding))
    assert content.attributes.to_pylist()[0]["备注"] == "盐碱重"


def test_wkt_column(tmp_path: Path) -> None:
    text = 'code,wkt\nA,"POLYGON ((0 0, 1 0, 1 1, 0 0))"\nB,"POLYGON ((0 0, 1 0"\nC,\n'
    content = csv(tmp_path, text, "MultiPolygon")
    assert content.attributes.column_names == ["code"]
    assert content.broken.tolist() == [False, True, False]
    assert content.geometry[0].area == 0.5
    stated = csv(tmp_path, text.replace('"POLY', '"SRID=4490;POLY'), "MultiPolygon")
    assert stated.crs == "EPSG:4490"


def test_lists_of_boundary_points_build_polygons(tmp_path: Path) -> None:
    rows = [
        ["大安市盐碱地治理项目界址点成果表", "", "", "", ""],
        ["单位：米", "", "", "", ""],
        ["地块编号", "圈号", "点号", "X坐标", "Y坐标"],
        ["DK01", 1, "J1", 5053800, 41487400],
        ["", 1, "J2", 5053800, 41487700],
        ["", 1, "J3", 5053600, 41487700],
        ["", 1, "J4", 5053600, 41487400],
        ["", 2, "J5", 5053750, 41487500],
        ["", 2, "J6", 5053700, 41487500],
        ["", 2, "J7", 5053700, 41487550],
        ["DK02", 1, "J1", 5063800, 41487400],
        ["", 1, "J2", 5063800, 41487700],
        ["", 1, "J3", 5063600, 41487700],
        ["", 1, "J1", 5063800, 41487400],
        ["合计", "", "", "", ""],
    ]
    content = xlsx(tmp_path, rows, "MultiPolygon")
    assert content.attributes["地块编号"].to_pylist() == ["DK01", "DK02"]
    assert shapely.area(content.geometry).tolist() == [60000 - 1250, 30000]
    assert len(content.geometry[0].interiors) == 1
    assert content.rows.tolist() == [4, 11], "rows as the sheet numbers them"


def test_points_that_name_no_plot_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="E_TABLE_RINGS"):
        csv(tmp_path, "经度,纬度\n122.8,45.6\n122.9,45.6\n122.9,45.7\n", "MultiPolygon")
    content = csv(tmp_path, "点号,经度,纬度\n1,122.8,45.6\n2,122.9,45.6\n3,122.9,45.7\n",
                  "MultiPolygon")  # fmt: skip
    assert content.geometry[0].area == pytest.approx(0.005)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("编号,名称\n1,甲\n", "E_TABLE_COORDINATES"),
        ("编号,经度,纬度\n1,一百二十,45\n", "E_TABLE_COORDINATES"),
        ("编号,经度,纬度\n1,122.8,\n", "E_TABLE_COORDINATES"),
        ("编号,经度,纬度\n1,122°75′,45\n", "E_TABLE_COORDINATES"),
        ("\n\n", "E_EMPTY"),
        (",".join(f"c{i}" for i in range(1200)) + "\n", "E_COLUMNS"),
    ],
)
def test_refused(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(Rejected) as caught:
        csv(tmp_path, text)
    assert caught.value.code == code


def test_no_header(tmp_path: Path) -> None:
    content = csv(tmp_path, "1,5053800.5,487400.25\n2,5053801.5,487401.25\n")
    assert shapely.get_coordinates(content.geometry)[0].tolist() == [487400.25, 5053800.5]


def test_layers_without_geometry_read_plain_tables(tmp_path: Path) -> None:
    rows = [
        ["治理措施记录", "", ""],
        ["地块编号", "施用日期", "用量"],
        ["DK01", dt.date(2025, 4, 20), 2.5],
        ["DK02", dt.date(2025, 4, 21), 3],
    ]
    content = xlsx(tmp_path, rows, None)
    assert content.attributes.to_pylist() == [
        {"地块编号": "DK01", "施用日期": dt.date(2025, 4, 20), "用量": 2.5},
        {"地块编号": "DK02", "施用日期": dt.date(2025, 4, 21), "用量": 3.0},
    ]
    assert not shapely.is_geometry(content.geometry).any()


def test_numbers_as_text_and_cached_formulas(tmp_path: Path) -> None:
    path = tmp_path / "b.xlsx"
    with xlsxwriter.Workbook(path) as book:
        page = book.add_worksheet("甲")
        page.write_row(0, 0, ["编号", "经度", "纬度", "值"])
        page.write_string(1, 0, "001")
        page.write_string(1, 1, "122.8")
        page.write_string(1, 2, "45.6")
        page.write_formula(1, 3, "=1+2", None, 3)
    content = table_geometry.content(table_file.read_sheet(path, "甲"), "Point")
    assert content.attributes.to_pylist() == [
        {"编号": "001", "经度": "122.8", "纬度": "45.6", "值": 3}
    ]


def test_two_rows_of_titles(tmp_path: Path) -> None:
    rows = [
        ["编号", "坐标", "", "pH"],
        ["", "经度", "纬度", ""],
        ["S1", 122.8, 45.6, 9.1],
    ]
    content = xlsx(tmp_path, rows)
    assert content.attributes.column_names == ["编号", "经度", "纬度", "pH"]


def test_sheets_with_content(tmp_path: Path) -> None:
    path = workbook(tmp_path, 甲=[["a", "b"], [1, 2]], 空=[], 乙=[["c", "d"], [3, 4]])
    assert table_file.sheets(path) == ["甲", "乙"]
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(Rejected, match="E_XLSX"):
        table_file.sheets(path)


def test_what_we_wrote_for_spreadsheets_comes_back(tmp_path: Path) -> None:
    content = csv(tmp_path, "name,lon,lat\n'=SUM(A1),122.8,45.6\n", "Point")
    assert content.attributes["name"].to_pylist() == ["=SUM(A1)"]
