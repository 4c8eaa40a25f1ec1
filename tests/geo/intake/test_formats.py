"""Every format goes the same way from file to report; what is not read is told how to export."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import ezdxf
import geopandas
import pytest
import shapely
import xlsxwriter

from geo import crs
from geo.errors import Rejected
from geo.formats import refused
from geo.intake.decide import Decisions
from geo.intake.inspect import inspect
from geo.intake.report import Report
from geo.intake.run import run
from tests.geo.intake.conftest import CODES, LAYER

pytestmark = pytest.mark.unit

#: One plot of 6 ha in zone 41: easting, northing without prefix.
RING = [(487400.0, 5053600.0), (487700.0, 5053600.0), (487700.0, 5053800.0), (487400.0, 5053800.0)]
LONLAT = crs.transform([shapely.Polygon(RING)], "EPSG:4550")[0]
AREA = 59999.77


def take(folder: Path, name: str, data: bytes, **decisions: Any) -> Report:
    out = folder / "out"
    out.mkdir(exist_ok=True)
    source = folder / "blob"
    source.write_bytes(data)
    return run(source, LAYER, CODES, Decisions(**decisions), out, file_name=name)


def packed(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "."), data)
    return out.getvalue()


def landtxt() -> bytes:
    points = "".join(f"J{i},1,{n:.3f},{e + 41e6:.3f}\r\n" for i, (e, n) in enumerate(RING, 1))
    head = "[属性描述]\r\n坐标系=2000国家大地坐标系\r\n带号=41\r\n[地块坐标]\r\n"
    return f"{head}4,6.0000,DK01,甲,面,,,,@\r\n{points}".encode("gbk")


def kml(datum: str | None = None) -> bytes:
    text = " ".join(f"{x:.9f},{y:.9f}" for x, y in LONLAT.exterior.coords)
    mark = f"<OvCoordType>{datum}</OvCoordType>" if datum else ""
    return (
        '<kml xmlns="http://www.opengis.net/kml/2.2"><Placemark><name>甲</name>'
        f"{mark}<ExtendedData><Data name='地块编号'><value>DK01</value></Data></ExtendedData>"
        f"<Polygon><outerBoundaryIs><LinearRing><coordinates>{text}</coordinates></LinearRing>"
        "</outerBoundaryIs></Polygon></Placemark></kml>"
    ).encode()


def ovjsn() -> bytes:
    flat = [v for x, y in LONLAT.exterior.coords for v in (y, x)]
    detail = {"Gcj02": 0, "Latlng": flat}
    item = {"Object": {"Name": "DK01", "Type": 13, "ObjectDetail": detail}}
    return json.dumps({"ObjItems": [item]}).encode("utf-8-sig")


def table_csv() -> bytes:
    rows = "".join(f"DK01,J{i},{n},{e + 41e6}\n" for i, (e, n) in enumerate(RING, 1))
    return f"地块编号,点号,X坐标,Y坐标\n{rows}".encode("gbk")


def table_xlsx(*sheets: str) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        for name in sheets:
            page = book.add_worksheet(name)
            page.merge_range(0, 0, 0, 3, "界址点成果表")
            page.write_row(1, 0, ["地块编号", "点号", "X坐标", "Y坐标"])
            for i, (e, n) in enumerate(RING, 1):
                page.write_row(i + 1, 0, ["DK01", f"J{i}", n, e + 41e6])
    return out.getvalue()


def dxf() -> bytes:
    drawing = ezdxf.new("R2010")
    drawing.modelspace().add_lwpolyline([(e + 41e6, n) for e, n in RING], close=True)
    text = io.StringIO()
    drawing.write(text)
    return text.getvalue().encode()


def frame(folder: Path, suffix: str) -> bytes:
    data = geopandas.GeoDataFrame({"DKBH": ["DK01"]}, geometry=[LONLAT], crs=4490)
    path = folder / f"frame{suffix}"
    if suffix == ".parquet":
        data.to_parquet(path)
    else:
        data.to_file(path)
    return path.read_bytes()


def sequence() -> bytes:
    feature = {"type": "Feature", "properties": {"DKBH": "DK01"}}
    feature["geometry"] = json.loads(shapely.to_geojson(LONLAT))
    return b"\x1e" + json.dumps(feature).encode() + b"\n"


CASES: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "landtxt": ("界址点.txt", landtxt, {}),
    "kml": ("地块.kml", kml, {}),
    "ovkml": ("地块.ovkml", lambda: b"\xef\xbb\xbf" + kml("CGCS2000"), {}),
    "kmz": ("地块.ovkmz", lambda: packed(doc__kml=kml("WGS84")), {}),
    "ovjsn": ("地块.ovjsn", ovjsn, {"mapping": {"名称": "code"}}),
    "csv": ("界址点.csv", table_csv, {"crs": "EPSG:4529"}),
    "xlsx": ("界址点.xlsx", lambda: table_xlsx("甲"), {"crs": "EPSG:4529"}),
    "dxf": ("宗地.dxf", dxf, {"crs": "EPSG:4529", "constants": {"code": "DK01"}}),
    "fgb": ("a.fgb", lambda: Path, {}),
    "parquet": ("a.parquet", lambda: Path, {}),
    "gpkg": ("a.gpkg", lambda: Path, {}),
    "geojsonl": ("a.geojsonl", sequence, {}),
}


def data_of(folder: Path, name: str, make: Any) -> bytes:
    data = make()
    return data if isinstance(data, bytes) else frame(folder, Path(name).suffix)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("zipped", [False, True])
def test_the_same_plot_in_every_format(tmp_path: Path, case: str, zipped: bool) -> None:
    name, make, decisions = CASES[case]
    data = data_of(tmp_path, name, make)
    if zipped:
        data, name = packed(**{f"交付/{name}": data}), "交付.zip"
    if zipped and case == "kmz":
        # An archive in an archive is refused, whatever it holds.
        with pytest.raises(Rejected) as refused:
            take(tmp_path, name, data, **decisions)
        assert refused.value.code == "E_ZIP_NESTED"
        return
    report = take(tmp_path, name, data, **decisions)
    assert report.state == "ready", report.issues
    assert report.counts.valid == 1
    assert report.areas is not None
    assert report.areas.computed_m2 == pytest.approx(AREA, abs=0.02)


def test_stated_hectares_become_the_stated_area(tmp_path: Path) -> None:
    report = take(tmp_path, "a.txt", landtxt(), mapping={"申报面积亩": "stated_area_mu"})
    assert report.areas is not None
    assert report.areas.stated_m2 == pytest.approx(60000.0)
    assert report.areas.difference_m2 == pytest.approx(60000.0 - AREA, abs=0.02)


def test_shifted_coordinates_are_told(tmp_path: Path) -> None:
    report = take(tmp_path, "a.ovkml", kml("GCJ02"))
    assert report.state == "ready", report.issues
    assert report.crs is not None
    assert report.crs.value == "GCJ-02"
    assert report.issue_counts["W_CRS_SHIFTED"] == 1


def test_ovital_without_datum_asks(tmp_path: Path) -> None:
    report = take(tmp_path, "a.ovkml", kml().replace(b"<Polygon>", b"<OvAttr/><Polygon>"))
    assert report.state == "needs_input"
    assert report.crs is not None
    assert {c.crs for c in report.crs.candidates} >= {"GCJ-02", "EPSG:4490"}


def test_declared_zone_ranks_the_candidates(tmp_path: Path) -> None:
    bare = landtxt().replace(b",41487", b",487").replace("2000国家大地坐标系".encode("gbk"), b"")
    report = take(tmp_path, "a.txt", bare)
    assert report.state == "needs_input"
    assert report.crs is not None
    assert report.crs.candidates[0].crs == "EPSG:4550"


def test_one_sheet_must_be_chosen(tmp_path: Path) -> None:
    data = table_xlsx("一期", "二期")
    report = take(tmp_path, "a.xlsx", data, crs="EPSG:4529")
    assert report.state == "needs_input"
    assert report.issue_counts == {"E_LAYER_CHOICE": 1}
    assert report.format is not None
    assert report.format.layers == ["一期", "二期"]
    chosen = take(tmp_path, "a.xlsx", data, crs="EPSG:4529", source_layer="二期")
    assert chosen.state == "ready", chosen.issues


def test_names_that_say_another_format(tmp_path: Path) -> None:
    with pytest.raises(Rejected) as caught:
        take(tmp_path, "地块.gpkg", kml())
    assert caught.value.code == "E_TYPE"
    assert "kml" in caught.value.detail[0]
    with pytest.raises(Rejected) as caught:
        take(tmp_path, "a.zip", packed(a__shp=kml(), a__shx=b"", a__dbf=b""))
    assert caught.value.code == "E_TYPE"
    assert "kml" in caught.value.detail[0]
    report = take(tmp_path, "a_shp.zip", packed(a__kml=kml()))
    assert report.format is not None
    assert report.format.id == "kml"


REFUSED = {
    "E_TYPE_OVOBJ": ("a.ovobj", b"OviO\x01\x02"),
    "E_TYPE_MDB": ("a.mdb", b"\0\1\0\0Standard Jet DB\0"),
    "E_TYPE_GDB": ("a.zip", packed(**{"a.gdb/a00000001.gdbtable": b"x"})),
    "E_TYPE_RAR": ("a.zip", b"Rar!\x1a\x07\x01\x00"),
    "E_TYPE_7Z": ("a.7z", b"7z\xbc\xaf\x27\x1c"),
    "E_TYPE_ARCHIVE": ("a.tgz", b"\x1f\x8b\x08\0"),
    "E_TYPE_DWG": ("a.dwg", b"AC1032\0\0"),
    "E_TYPE_WORD": ("a.docx", packed(**{"word/document.xml": b"<w/>"})),
    "E_TYPE_PDF": ("a.pdf", b"%PDF-1.7\n"),
    "E_TYPE_IMAGE": ("a.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF"),
    "E_TYPE_RASTER": ("a.tif", b"II*\0\x08\0\0\0"),
    "E_TYPE_PROGRAM": ("a.zip", b"MZ\x90\0\3"),
    "E_TYPE_HTML": ("a.kml", b"<!DOCTYPE html><html><body>404</body></html>"),
    "E_TYPE_XML": ("a.shp", b"<OGRVRTDataSource><OGRVRTLayer/></OGRVRTDataSource>"),
    "E_TYPE_MAPINFO": ("a.mif", b"Version 300\nCharset \"WindowsSimpChinese\"\n"),
    "E_TYPE_MAPGIS": ("a.wp", b"WMAP9022"),
    "E_XLSX_ENCRYPTED": ("a.xlsx", b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le")),
    "E_SHP_PART": ("a.shp", b"\0\0\x27\x0a" + bytes(96)),
    "E_TYPE": ("a.xyz", bytes(range(256))),
}  # fmt: skip


def test_every_kind_that_is_refused_has_a_case() -> None:
    assert {kind.code for kind in refused.KINDS} <= set(REFUSED)


@pytest.mark.parametrize("code", REFUSED)
def test_refused_with_advice(tmp_path: Path, code: str) -> None:
    name, data = REFUSED[code]
    path = tmp_path / "blob"
    path.write_bytes(data)
    with pytest.raises(Rejected) as caught:
        inspect(path, name, tmp_path)
    assert caught.value.code == code
    assert caught.value.fix is not None
    assert all(caught.value.fix)


@pytest.mark.parametrize(
    ("name", "code"),
    [("a.rar", "E_TYPE_RAR"), ("a.dwg", "E_TYPE_DWG"), ("a.mdb", "E_TYPE_MDB")],
)
def test_what_a_zip_holds_and_is_not_read(tmp_path: Path, name: str, code: str) -> None:
    path = tmp_path / "blob"
    path.write_bytes(packed(**{name: b"x"}))
    with pytest.raises(Rejected) as caught:
        inspect(path, "a.zip", tmp_path)
    assert caught.value.code in (code, "E_ZIP_NESTED")
