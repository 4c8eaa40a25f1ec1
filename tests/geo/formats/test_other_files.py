"""DXF, FlatGeobuf, GeoParquet and GeoJSON sequences from outside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import ezdxf
import geopandas
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from geo.errors import Rejected
from geo.formats import dxf_file, fgb_file, geojson_file, geoparquet_file
from geo.formats.content import Content

pytestmark = pytest.mark.unit

RING = [(487400, 5053600), (487700, 5053600), (487700, 5053800), (487400, 5053800)]


def drawing(folder: Path, fill: Any, version: str = "R2010") -> Path:
    document = ezdxf.new(version)
    document.encoding = "gbk"
    document.header["$DWGCODEPAGE"] = "ANSI_936"
    fill(document.modelspace())
    path = folder / "a.dxf"
    document.saveas(path)
    return path


def codes(content: Content) -> list[str]:
    return [code for code, _, _ in content.notes]


@pytest.mark.parametrize("version", ["R12", "R2000", "R2018"])
def test_closed_polylines_with_layer_and_text(tmp_path: Path, version: str) -> None:
    def fill(space: Any) -> None:
        if version == "R12":
            space.add_polyline2d(RING, close=True, dxfattribs={"layer": "地块"})
        else:
            space.add_lwpolyline(RING, close=True, dxfattribs={"layer": "地块"})
        space.add_polyline3d([(x + 1000, y, 130) for x, y in [*RING, RING[0]]])
        space.add_text("示范田一", dxfattribs={"insert": (487500, 5053700)})
        space.add_text("外面", dxfattribs={"insert": (0, 0)})
        space.add_polyline2d(RING[:3], dxfattribs={"layer": "沟渠"})
        space.add_line((0, 0), (1, 1))

    path = drawing(tmp_path, fill, version)
    content = dxf_file.read(path)
    assert shapely.area(content.geometry).tolist() == [60000.0, 60000.0]
    assert content.attributes["图层"].to_pylist()[0] == "地块"
    assert content.attributes["名称"].to_pylist() == ["示范田一", None]
    assert codes(content) == ["W_DXF_LEFT"]
    assert content.crs is None
    lines = dxf_file.read(path, kind="MultiLineString")
    assert len(lines.geometry) == 4


def test_arcs_become_chords_within_the_tolerance(tmp_path: Path) -> None:
    half = [(0, 0, 0, 0, 1), (200, 0, 0, 0, 1)]  # two half circles of radius 100
    path = drawing(tmp_path, lambda space: space.add_lwpolyline(half, close=True))
    content = dxf_file.read(path)
    assert codes(content) == ["W_DXF_ARCS"]
    xy = shapely.get_coordinates(content.geometry[0])
    middle = (xy[1:] + xy[:-1]) / 2
    assert np.abs(np.hypot(*(xy - (100, 0)).T) - 100).max() < 1e-6
    assert 100 - np.hypot(*(middle - (100, 0)).T).min() <= dxf_file.ARC_TOLERANCE
    assert content.geometry[0].area == pytest.approx(np.pi * 1e4, rel=2e-4)


def test_hatch_where_nothing_else_is_closed(tmp_path: Path) -> None:
    def fill(space: Any) -> None:
        hatch = space.add_hatch()
        hatch.paths.add_polyline_path(RING, is_closed=True)
        hatch.paths.add_polyline_path([(487500, 5053650), (487550, 5053650), (487550, 5053700)],
                                      is_closed=True)  # fmt: skip

    content = dxf_file.read(drawing(tmp_path, fill))
    assert shapely.area(content.geometry).tolist() == [60000.0 - 1250]


def test_points_for_a_layer_of_points(tmp_path: Path) -> None:
    path = drawing(tmp_path, lambda space: space.add_point((487500, 5053700, 130)))
    assert dxf_file.read(path, kind="Point").geometry[0].wkt == "POINT (487500 5053700)"


def test_drawings_that_are_refused(tmp_path: Path) -> None:
    path = drawing(tmp_path, lambda space: space.add_line((0, 0), (1, 1)))
    with pytest.raises(Rejected, match="E_DXF_EMPTY"):
        dxf_file.read(path)
    path.write_text("  0\nSECTION\n  2\nENTITIES\n  0\nLWPOLYLINE\n 90\nabc\n")
    with pytest.raises(Rejected, match=r"E_DXF\b|E_DXF_EMPTY"):
        dxf_file.read(path)


FRAME = geopandas.GeoDataFrame(
    {"地块编号": ["甲1", "乙2", None], "面积": [1.5, None, 3.0], "年度": [2024, 2025, 2026]},
    geometry=[shapely.Polygon(RING), None, shapely.MultiPolygon([shapely.Polygon(RING)])],
    crs=4550,
)


def test_flatgeobuf(tmp_path: Path) -> None:
    path = tmp_path / "a.fgb"
    FRAME.to_file(path, SPATIAL_INDEX="NO")
    content = fgb_file.read(path)
    assert content.attributes["地块编号"].to_pylist() == ["甲1", "乙2", None]
    assert shapely.is_missing(content.geometry).tolist() == [False, True, False]
    assert content.crs is not None
    assert "4550" in content.crs
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(Rejected, match="E_FGB"):
        fgb_file.read(path)


def test_flatgeobuf_driver_is_the_only_one(tmp_path: Path) -> None:
    path = tmp_path / "a.fgb"
    path.write_text('{"type":"FeatureCollection","features":[]}')
    with pytest.raises(Rejected, match="E_FGB"):
        fgb_file.read(path)


@pytest.mark.parametrize("version", ["1.0.0", "1.1.0"])
def test_geoparquet(tmp_path: Path, version: str) -> None:
    path = tmp_path / "a.parquet"
    FRAME.to_parquet(path, schema_version=version, write_covering_bbox=version == "1.1.0")
    content = geoparquet_file.read(path)
    assert content.attributes.column_names == ["地块编号", "面积", "年度"]
    assert content.crs == "EPSG:4550"
    assert shapely.area(content.geometry[0]) == 60000.0
    FRAME.set_crs(None, allow_override=True).to_parquet(path)
    assert geoparquet_file.read(path).crs is None


def test_parquet_that_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": [1], "s": [{"x": 1}]}), path)
    with pytest.raises(Rejected, match="E_PARQUET_GEO"):
        geoparquet_file.read(path)
    content = geoparquet_file.read(path, shapes=False)
    assert content.attributes.column_names == ["a"]
    assert content.unread == ("s",)
    meta = {"geo": json.dumps({"primary_column": "a", "columns": {"a": {"encoding": "point"}}})}
    pq.write_table(pa.table({"a": [b"x"]}).replace_schema_metadata(meta), path)
    with pytest.raises(Rejected, match="E_PARQUET"):
        geoparquet_file.read(path)
    data = path.read_bytes()
    path.write_bytes(data[:40] + data[60:])
    with pytest.raises(Rejected, match="E_PARQUET"):
        geoparquet_file.read(path)


FEATURE = '{"type":"Feature","properties":{"a":%d},"geometry":{"type":"Point","coordinates":[1,2]}}'


@pytest.mark.parametrize(
    "text",
    [
        "\x1e" + FEATURE % 1 + "\n\x1e" + FEATURE % 2 + "\n",
        FEATURE % 1 + "\n" + FEATURE % 2 + "\n",
        FEATURE % 1 + "\r\n\r\n" + FEATURE % 2,
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_geojson_sequences(tmp_path: Path, text: str, encoding: str) -> None:
    path = tmp_path / "a.geojsonl"
    path.write_bytes(text.encode(encoding))
    assert geojson_file.read(path).attributes["a"].to_pylist() == [1, 2]


def test_geojson_sequence_names_the_text_that_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "a.geojsonl"
    path.write_text(FEATURE % 1 + "\n" + FEATURE % 2 + "\n{\n")
    with pytest.raises(Rejected) as caught:
        geojson_file.read(path)
    assert caught.value.code == "E_GEOJSON"
    assert caught.value.where == "3"
