"""KML and Ovital's relatives: fields, folders, shapes, and the datum of each object."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import shapely

from geo.crs import gcj02
from geo.errors import Rejected
from geo.formats import kml_file, ovjsn_file
from geo.formats.content import Content

pytestmark = pytest.mark.unit

SQUARE = "122.8,45.6,12 122.81,45.6,12 122.81,45.61,12 122.8,45.61,12 122.8,45.6,12"
POLYGON = (
    "<Polygon><outerBoundaryIs><LinearRing><coordinates>{}</coordinates></LinearRing>"
    "</outerBoundaryIs></Polygon>"
)
HOLE = (
    "<Polygon><outerBoundaryIs><LinearRing><coordinates>{}</coordinates></LinearRing>"
    "</outerBoundaryIs><innerBoundaryIs><LinearRing><coordinates>"
    "122.803,45.603 122.804,45.603 122.804,45.604</coordinates></LinearRing></innerBoundaryIs>"
    "</Polygon>"
)


def kml(body: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{body}</Document></kml>'
    )


def placemark(inside: str) -> str:
    return f"<Placemark>{inside}</Placemark>"


def read(folder: Path, text: str | bytes) -> Content:
    path = folder / "a.kml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return kml_file.read(path)


def test_fields_folders_and_shapes(tmp_path: Path) -> None:
    extended = (
        "<ExtendedData><Data name='地块编号'><value>DK1</value></Data>"
        "<SchemaData schemaUrl='#s'><SimpleData name='面积亩'>86.25</SimpleData></SchemaData>"
        "</ExtendedData>"
    )
    table = (
        "<description><![CDATA[<table><tr><td>乡镇</td><td>四棵树乡</td></tr>"
        "<tr><th>年度</th><td>2025</td></tr></table>]]></description>"
    )
    lines = "<description>承包人：张三\n年限：5</description>"
    plain = "<description>普通说明</description>"
    point = "<Point><coordinates> 122.8, 45.6 ,0</coordinates></Point>"
    line = "<LineString><coordinates>122,45 123,46</coordinates></LineString>"
    body = (
        "<name>全部</name><Folder><name>一期</name><Folder><name>东区</name>"
        + placemark(f"<name>甲</name>{extended}{POLYGON.format(SQUARE)}")
        + "</Folder>"
        + placemark(f"<name>乙</name>{table}{HOLE.format(SQUARE)}")
        + "</Folder>"
        + placemark(f"<name>丙</name>{lines}{point}")
        + placemark(f"<name>丁</name>{plain}{line}")
    )
    content = read(tmp_path, kml(body))
    rows = content.attributes.to_pylist()
    assert rows[0] | {"地块编号": "DK1", "面积亩": "86.25", "文件夹": "一期/东区"} == rows[0]
    assert rows[1] | {"乡镇": "四棵树乡", "年度": "2025", "文件夹": "一期"} == rows[1]
    assert rows[2] | {"承包人": "张三", "年限": "5", "文件夹": None} == rows[2]
    assert rows[3]["描述"] == "普通说明"
    assert [row["名称"] for row in rows] == ["甲", "乙", "丙", "丁"]
    kinds = [shape.geom_type for shape in content.geometry]
    assert kinds == ["Polygon", "Polygon", "Point", "LineString"]
    assert not shapely.has_z(content.geometry).any()
    assert len(content.geometry[1].interiors) == 1
    assert content.crs == "EPSG:4326"


def test_multigeometry_is_one_record(tmp_path: Path) -> None:
    other = SQUARE.replace("122.8", "122.9")
    both = f"<MultiGeometry>{POLYGON.format(SQUARE)}<MultiGeometry>{POLYGON.format(other)}"
    content = read(tmp_path, kml(placemark(f"{both}</MultiGeometry></MultiGeometry>")))
    assert content.geometry[0].geom_type == "MultiPolygon"
    assert len(content.geometry[0].geoms) == 2


@pytest.mark.parametrize(
    "coordinates", ["122.8,45.6 122.81", "", "122.8,45.6", "a,b c,d e,f", "1,2 3,4"]
)
def test_shapes_that_cannot_be_read_are_named(tmp_path: Path, coordinates: str) -> None:
    body = placemark(POLYGON.format(coordinates)) + placemark(POLYGON.format(SQUARE))
    assert read(tmp_path, kml(body)).broken.tolist() == [True, False]


def ovital(*kinds: str | None) -> str:
    return kml(
        "".join(
            placemark((f"<OvCoordType>{kind}</OvCoordType>" if kind else "<OvAttr/>")
                      + POLYGON.format(SQUARE))
            for kind in kinds
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kinds", "crs"),
    [
        (("GCJ02", "GCJ02"), "GCJ-02"),
        (("CGCS2000",), "EPSG:4490"),
        (("WGS84",), "EPSG:4326"),
        ((None, None), None),
    ],
)
def test_ovital_states_its_datum(tmp_path: Path, kinds: tuple[str, ...], crs: str | None) -> None:
    assert read(tmp_path, b"\xef\xbb\xbf" + ovital(*kinds).encode()).crs == crs


def test_folder_hands_its_datum_down(tmp_path: Path) -> None:
    body = (
        "<Folder><name>甲</name><OvCoordType>GCJ02</OvCoordType>"
        + placemark("<OvAttr/>" + POLYGON.format(SQUARE))
        + "</Folder>"
    )
    assert read(tmp_path, kml(body)).crs == "GCJ-02"


def test_objects_of_several_datums_are_converted_one_by_one(tmp_path: Path) -> None:
    content = read(tmp_path, ovital("GCJ02", "CGCS2000"))
    assert content.crs == "EPSG:4490"
    assert [code for code, _, _ in content.notes] == ["W_CRS_SHIFTED"]
    shifted, plain = (shapely.get_coordinates(shape) for shape in content.geometry)
    assert np.allclose(gcj02.shift(shifted, "gcj02"), plain, atol=1e-11)
    assert np.abs(shifted - plain).max() > 3e-3, "about 500 m at Baicheng"
    with pytest.raises(Rejected, match="E_CRS_MIXED"):
        read(tmp_path, ovital("GCJ02", None))


def test_gbk_by_declaration_and_without(tmp_path: Path) -> None:
    text = kml(placemark("<name>示范田</name>" + POLYGON.format(SQUARE)))
    for declared in ("GBK", "gb2312", "UTF-8"):
        content = read(tmp_path, text.replace("UTF-8", declared).encode("gbk"))
        assert content.attributes["名称"].to_pylist() == ["示范田"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('<!DOCTYPE x [<!ENTITY a "b">]><kml>&a;</kml>', "E_XML_DTD"),
        ('<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x"><kml/>', "E_XML_DTD"),
        ("<kml><Document>", "E_XML"),
        ("<other/>", "E_KML"),
        ("<kml>" + "<Folder>" * 200 + "</Folder>" * 200 + "</kml>", "E_KML"),
    ],
)
def test_refused(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(Rejected) as caught:
        read(tmp_path, text)
    assert caught.value.code == code


def test_links_are_told_and_not_followed(tmp_path: Path) -> None:
    link = "<NetworkLink><Link><href>http://127.0.0.1:9/a.kml</href></Link></NetworkLink>"
    content = read(tmp_path, kml(link + placemark(POLYGON.format(SQUARE))))
    assert [code for code, _, _ in content.notes] == ["W_KML_LINKS"]
    assert len(content.geometry) == 1


def thing(kind: int, name: str, gcj: int | None = 0, **detail: object) -> dict[str, object]:
    flag = {} if gcj is None else {"Gcj02": gcj}
    inside = {**detail, **flag, "Obj3dView": {"Gcj02": 1}}
    return {"Object": {"Name": name, "Type": kind, "ObjectDetail": inside}}


def ovjsn(folder: Path, *items: object) -> Content:
    path = folder / "a.ovjsn"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps({"ObjItems": items}, ensure_ascii=False).encode())
    return ovjsn_file.read(path)


RING = [45.6, 122.8, 45.6, 122.81, 45.61, 122.81, 45.61, 122.8]


def test_ovjsn(tmp_path: Path) -> None:
    inner = {
        "Object": {
            "Name": "一期",
            "Type": 30,
            "ObjectDetail": {"ObjChildren": [thing(13, "地块", Latlng=RING, Comment="备注")]},
        }
    }
    content = ovjsn(
        tmp_path, inner, thing(7, "点", Lat=45.6, Lng=122.8),
        thing(8, "线", Latlng=RING[:4]), thing(40, "照片"),
    )  # fmt: skip
    assert content.attributes.to_pylist()[0] == {"名称": "地块", "文件夹": "一期", "备注": "备注"}
    assert [g.geom_type for g in content.geometry] == ["Polygon", "Point", "LineString"]
    assert content.geometry[0].bounds == (122.8, 45.6, 122.81, 45.61)
    assert content.crs == "EPSG:4326"
    assert [code for code, _, _ in content.notes] == ["W_OBJECTS_LEFT"]


def test_ovjsn_datum_per_object(tmp_path: Path) -> None:
    assert ovjsn(tmp_path, thing(13, "a", 1, Latlng=RING)).crs == "GCJ-02"
    assert ovjsn(tmp_path, thing(13, "a", None, Latlng=RING)).crs is None
    mixed = ovjsn(tmp_path, thing(13, "a", 1, Latlng=RING), thing(13, "b", 0, Latlng=RING))
    assert mixed.crs == "EPSG:4490"
    assert ovjsn(tmp_path, thing(13, "a", Latlng=RING[:3])).broken.tolist() == [True]
    with pytest.raises(Rejected, match="E_OVJSN"):
        ovjsn(tmp_path, "text")
