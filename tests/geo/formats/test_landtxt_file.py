"""Land boundary TXT in its dialects: the published vectors, and what writers get wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely

from geo import crs
from geo.area import ellipsoidal_area
from geo.errors import Rejected
from geo.formats import landtxt_file
from geo.formats.content import Content

pytestmark = pytest.mark.unit

HEADER = """[属性描述]
格式版本号=1.01版本
数据产生单位=
数据产生日期=2025-06-15
坐标系=2000国家大地坐标系
几度分带=3
投影类型=高斯克吕格
计量单位=米
带号=41
精度=0.001
转换参数=0,0,0,0,0,0,0
[地块坐标]
"""
PLOT = "10,5.7500,DK001,示范田一,面,,水田,0101,@"
OUTER = [(5053800.0, 487400.0), (5053800.0, 487700.0), (5053600.0, 487700.0), (5053600.0, 487400.0)]
INNER = [(5053750.0, 487500.0), (5053700.0, 487500.0), (5053700.0, 487550.0), (5053750.0, 487550.0)]


def points(
    ring: list[tuple[float, float]],
    number: int = 1,
    first: int = 1,
    *,
    prefix: bool = True,
    close: bool = True,
    swap: bool = False,
) -> str:
    lines = []
    for i, (north, east) in enumerate(ring):
        y = east + 41e6 * prefix
        a, b = (y, north) if swap else (north, y)
        lines.append(f"J{first + i},{number},{a:.3f},{b:.3f}")
    return "\n".join([*lines, lines[0]] if close else lines)


VECTOR_A = f"{HEADER}{PLOT}\n{points(OUTER)}\n{points(INNER, 2, 5)}\n"


def read(folder: Path, text: str | bytes, **options: object) -> Content:
    path = folder / "a.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return landtxt_file.read(path, **options)


def codes(content: Content) -> list[str]:
    return [code for code, _, _ in content.notes]


def area(content: Content) -> np.ndarray:
    assert content.crs is not None
    return ellipsoidal_area(crs.transform(content.geometry, content.crs))


def test_vector_a_hole_and_closing(tmp_path: Path) -> None:
    content = read(tmp_path, VECTOR_A)
    assert content.crs == "EPSG:4529"
    assert not content.broken.any()
    assert not content.notes
    (shape,) = content.geometry
    assert shape.geom_type == "Polygon"
    assert len(shape.interiors) == 1
    assert shapely.area(shape) == pytest.approx(57500.0, abs=1e-6)
    assert area(content)[0] == pytest.approx(57499.78, abs=5e-3)
    lonlat = shapely.get_coordinates(crs.transform(content.geometry, content.crs))
    assert lonlat[0] == pytest.approx([122.838446300, 45.619437379], abs=5e-9)
    assert lonlat[2] == pytest.approx([122.842297846, 45.617643291], abs=5e-9)
    row = content.attributes.to_pylist()[0]
    assert row["地块编号"] == "DK001"
    assert row["地块名称"] == "示范田一"
    assert row["地类编码"] == "0101"
    assert row["申报面积亩"] == pytest.approx(86.25)


def test_vector_b_other_columns_same_land(tmp_path: Path) -> None:
    header = HEADER.replace("精度=0.001", "精度=3").replace("=0,0,0,0,0,0,0", "=")
    outer = points(OUTER, prefix=False, close=False, swap=True)
    inner = points(INNER, 2, prefix=False, close=False, swap=True)
    content = read(tmp_path, f"{header}{PLOT}\n{outer}\n{inner}\n".encode("gbk"))
    assert content.encoding is not None
    assert content.encoding.value == "gb18030"
    assert content.crs == "EPSG:4550"
    reference = read(tmp_path, VECTOR_A)
    assert crs.transform(content.geometry, "EPSG:4550")[0].equals_exact(
        crs.transform(reference.geometry, "EPSG:4529")[0], 1e-12
    )


def test_vector_c_parts_numbered_like_holes(tmp_path: Path) -> None:
    away = [(n - 5000, e) for n, e in INNER]
    content = read(tmp_path, f"{HEADER}{PLOT}\n{points(OUTER)}\n{points(away, 2, 5)}\n")
    (shape,) = content.geometry
    assert shape.geom_type == "MultiPolygon"
    assert sum(len(part.interiors) for part in shape.geoms) == 0
    assert shapely.area(shape) == pytest.approx(62500.0)


def test_vector_d_zone_of_the_numbers_wins(tmp_path: Path) -> None:
    content = read(tmp_path, VECTOR_A.replace("带号=41", "带号=40"))
    assert content.crs == "EPSG:4529"
    assert codes(content) == ["W_ZONE_MISMATCH"]


def test_vector_e_equal_lines_are_two_plots(tmp_path: Path) -> None:
    away = [(n + 5000, e) for n, e in OUTER]
    text = f"{HEADER}{PLOT}\n{points(OUTER)}\n{PLOT}\n{points(away)}\n".replace("10,5.75", "5,5.75")
    content = read(tmp_path, text)
    assert len(content.geometry) == 2
    assert not content.notes


def test_vector_f_wrong_counts_only_warn(tmp_path: Path) -> None:
    content = read(tmp_path, VECTOR_A.replace("10,5.75", "99,5.75"))
    assert codes(content) == ["W_TXT_COUNT"]
    assert area(content)[0] == pytest.approx(57499.78, abs=5e-3)
    assert not read(tmp_path, VECTOR_A.replace("10,5.75", "8,5.75")).notes, "without closings"


def test_vector_g_points_without_ring_number(tmp_path: Path) -> None:
    lines = "\n".join(f"J{i},{n:.3f},{e + 41e6:.3f}" for i, (n, e) in enumerate(OUTER, 1))
    content = read(tmp_path, f"{HEADER}4,6.0,DK2,乙,面,,,,@\n{lines}\n")
    assert shapely.area(content.geometry[0]) == pytest.approx(60000.0)


def test_restarted_numbers_without_ring_numbers_part_rings(tmp_path: Path) -> None:
    both = f"{points(OUTER, close=False)}\n{points(INNER, close=False)}"
    content = read(tmp_path, f"{HEADER}{PLOT}\n{both}\n")
    assert len(content.geometry[0].interiors) == 1
    closed = f"{points(OUTER)}\n{points(INNER, first=5)}"
    content = read(tmp_path, f"{HEADER}{PLOT}\n{closed}\n")
    assert len(content.geometry[0].interiors) == 1, "coordinates returned to the start"


def test_an_island_in_a_hole_is_a_part(tmp_path: Path) -> None:
    island = [(5053730.0, 487510.0), (5053730.0, 487530.0), (5053710.0, 487530.0)]
    text = f"{HEADER}{PLOT}\n{points(island, 1)}\n{points(INNER, 2)}\n{points(OUTER, 3)}\n"
    (shape,) = read(tmp_path, text).geometry
    assert shape.is_valid
    assert shapely.area(shape) == pytest.approx(57500.0 + 200.0)


def test_closing_point_with_the_easting_twice(tmp_path: Path) -> None:
    lines = points(OUTER, close=False) + "\nJ1,1,41487400.000,41487400.000"
    content = read(tmp_path, f"{HEADER}5,6.0,DK,甲,面,,,,@\n{lines}\n")
    assert codes(content) == ["W_TXT_CLOSING"]
    assert shapely.area(content.geometry[0]) == pytest.approx(60000.0)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("13,1,FID,名,面,,,@", {"地块编号": "FID", "地块名称": "名", "申报面积亩": 15.0}),
        ("8,0.7655公顷,,地块1,面,,,,@", {"地块名称": "地块1", "申报面积亩": 11.4825}),
        ("0.7655公顷,,地块1,面,,,,@", {"地块名称": "地块1", "申报面积亩": 11.4825}),
        ("8,11.4825亩,,地块1,面,,,,@", {"申报面积亩": 11.4825}),
        ("8,7655平方米,,地块1,面,,,,@", {"申报面积亩": 11.4825}),
        ("5,6.0,D,甲,面,,水田,0101,新增,水田,9,7,备用,@",
         {"图斑类型": "新增", "地类": "水田", "改造前平均质量等别": "9",
          "改造后平均质量等别": "7", "备注": "备用"}),
        ("5,6.0,D,甲,面,,水田,0101,九,@", {"地类编码": "0101", "备注": "九"}),
        ("5,6.0,T1,甲,2026,2,面,J51,旱地,说明,0103,8,@",
         {"图斑编号": "T1", "补充耕地实施年份": "2026", "地类": "0103", "耕地质量等级": "8"}),
        ("5，6.0，D，甲，面，，，，＠", {"地块编号": "D"}),
        ("5,6.0,D,甲,面,,,, @ 尾注", {"地块编号": "D", "备注": "尾注"}),
    ],
)  # fmt: skip
def test_attribute_lines(tmp_path: Path, line: str, expected: dict[str, object]) -> None:
    row = read(tmp_path, f"{HEADER}{line}\n{points(OUTER)}\n").attributes.to_pylist()[0]
    for name, value in expected.items():
        assert row[name] == (pytest.approx(value) if isinstance(value, float) else value)


def test_row_of_field_names_and_explanation(tmp_path: Path) -> None:
    names = (
        "【坐标点个数,图斑面积,图斑编号,地块名称,补充耕地实施年份,耕地坡度级别,图形属性,图幅号,"
        "地块用途,备注,地类,耕地质量等级,@】\n说明：\n1、坐标点个数为全部点数\n2. 面积单位：公顷\n"
    )
    line = "10,5.7500,TB01,东风村,2026,1,面,L51G,水田,,0101,7,@"
    content = read(tmp_path, f"{HEADER}{names}{line}\n{points(OUTER)}\n{points(INNER, 2, 5)}\n")
    row = content.attributes.to_pylist()[0]
    assert row["图斑编号"] == "TB01"
    assert row["耕地质量等级"] == "7"
    assert row["申报面积亩"] == pytest.approx(86.25)
    assert len(content.geometry[0].interiors) == 1


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16", "utf-16-le"]
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(tmp_path: Path, encoding: str, end: str) -> None:
    content = read(tmp_path, VECTOR_A.replace("\n", end).encode(encoding))
    assert content.attributes["地块名称"].to_pylist() == ["示范田一"]
    assert shapely.area(content.geometry[0]) == pytest.approx(57500.0)


def test_headers_without_equals_and_in_any_order(tmp_path: Path) -> None:
    header = "[属性描述]\n带号:41\n坐标系：80国家大地坐标系\n数据产生单位\n[地块坐标]\n"
    content = read(tmp_path, f"{header}{PLOT}\n{points(OUTER, prefix=False)}\n")
    assert content.crs == "EPSG:2386", "bare eastings, Xian 1980, zone 41"


def test_bare_eastings_without_zone_are_asked_for(tmp_path: Path) -> None:
    text = f"{HEADER}{PLOT}\n{points(OUTER, prefix=False)}\n".replace("带号=41", "带号=")
    content = read(tmp_path, text)
    assert content.crs is None
    assert (content.datum, content.zone) == ("cgcs2000", None)


def test_points_alone(tmp_path: Path) -> None:
    lines = "\n".join(f"{n:.3f} {e + 41e6:.3f}" for n, e in OUTER)
    content = read(tmp_path, f"{lines}\nE\n{lines}\nE\n")
    assert len(content.geometry) == 2
    assert content.crs is None, "no datum is stated"
    assert content.zone == 41
    tabs = "\n".join(f"J{i}\t1\t{e:.3f}\t{n:.3f}\t12.5\t备注" for i, (n, e) in enumerate(OUTER, 1))
    content = read(tmp_path, tabs)
    assert shapely.area(content.geometry[0]) == pytest.approx(60000.0)


def test_provincial_dialect(tmp_path: Path) -> None:
    def plot(number: int, shift: float) -> str:
        return "\n".join(
            f"{i},{number},1,J{i},{n + shift:.3f},{e + 41e6:.3f}"
            for i, (n, e) in enumerate(OUTER, 1)
        )

    content = read(tmp_path, f"{plot(1, 0)}\n\n{plot(2, 1000)}\n{plot(3, 2000)}\n")
    assert len(content.geometry) == 3
    assert shapely.area(content.geometry).tolist() == pytest.approx([60000.0] * 3)


def test_ovital_point_list(tmp_path: Path) -> None:
    text = "g 122.838 45.619\ng 122.842 45.617\n"
    content = read(tmp_path, text, points=True)
    assert content.crs == "GCJ-02"
    assert [g.wkt for g in content.geometry] == ["POINT (122.838 45.619)", "POINT (122.842 45.617)"]


@pytest.mark.parametrize(
    ("text", "code", "where"),
    [
        (f"{HEADER}{PLOT}\nJ1,1,5053800.0,41487400.0\nJ2,1,五百,41487400\n", "E_TXT_LINE", "15"),
        (f"{HEADER}{PLOT}\n{points(OUTER)}\nJ9,2,41487400.0,5053800.0\n", "E_TXT_LINE", "19"),
        (f"{HEADER}{PLOT}\n", "E_TXT_EMPTY", None),
        (f"{HEADER}{PLOT}\n{points(OUTER)}\n{PLOT}\n{points(OUTER).replace(',414', ',404')}\n",
         "E_TXT_ZONES", None),
    ],
)  # fmt: skip
def test_refused(tmp_path: Path, text: str, code: str, where: str | None) -> None:
    with pytest.raises(Rejected) as caught:
        read(tmp_path, text)
    assert caught.value.code == code
    assert caught.value.where == where


def test_broken_rings_are_named_and_not_dropped(tmp_path: Path) -> None:
    text = f"{HEADER}2,1,A,甲,面,,,,@\n{points(OUTER[:2])}\n{PLOT}\n{points(OUTER)}\n"
    content = read(tmp_path, text)
    assert content.broken.tolist() == [True, False]


def test_shift_parameters_are_told_and_not_used(tmp_path: Path) -> None:
    content = read(tmp_path, VECTOR_A.replace("=0,0,0,0,0,0,0", "=12.5,0,0,0,0,0,0"))
    assert codes(content) == ["W_TXT_PARAMETERS"]
    assert area(content)[0] == pytest.approx(57499.78, abs=5e-3)
