"""Shapefiles that lie about themselves, and Chinese text in every encoding met."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geo.errors import Rejected
from geo.formats import shapefile
from geo.formats.text import canonical
from tests import shared
from tests.geo.formats import shapes

pytestmark = pytest.mark.unit
SHARED = shared.DATA / "chinese_shapefiles"


def code(parts: dict[str, Path], **options: str) -> str:
    with pytest.raises(Rejected) as caught:
        shapefile.read(parts, **options)
    return caught.value.code


def patch(path: Path, at: int, data: bytes) -> None:
    whole = bytearray(path.read_bytes())
    whole[at : at + len(data)] = data
    path.write_bytes(whole)


def test_reads_what_is_there(tmp_path: Path) -> None:
    content = shapefile.read(shapes.write(tmp_path))
    assert content.rows.tolist() == [1, 2, 3]
    assert content.attributes.to_pydict() == {
        "地块编号": ["A1", "A2", "A3"],
        "面积": ["1", "2", "3"],
    }
    assert content.structure.shape == "Polygon"
    assert shapely.area(content.geometry) == pytest.approx([1e-4] * 3)
    assert content.prj == shapes.CGCS2000


def test_null_shapes_and_deleted_records_are_told(tmp_path: Path) -> None:
    parts = shapes.write(
        tmp_path,
        contents=[
            shapes.polygon(shapes.square(123, 45)),
            struct.pack("<i", 0),
            shapes.polygon(shapes.square(124, 45)),
        ],
        deleted=[0],
    )
    content = shapefile.read(parts)
    assert content.deleted == 1
    assert content.rows.tolist() == [2, 3]
    assert content.attributes["地块编号"].to_pylist() == ["A2", "A3"]
    assert content.geometry[0] is None
    assert content.geometry[1].bounds[0] == 124
    assert content.structure.null_shapes.tolist() == [False, True, False]


def test_empty_project_of_header_only(tmp_path: Path) -> None:
    content = shapefile.read(shapes.write(tmp_path, rows=()))
    assert content.structure.records == len(content.rows) == len(content.geometry) == 0
    assert content.attributes.column_names == ["地块编号", "面积"]


@pytest.mark.parametrize("part", [".shp", ".shx", ".dbf"])
def test_missing_part(tmp_path: Path, part: str) -> None:
    parts = shapes.write(tmp_path)
    del parts[part]
    assert code(parts) == "E_SHP_PART"


def test_dbf_with_fewer_records_than_it_declares(tmp_path: Path) -> None:
    parts = shapes.write(tmp_path, declared=100)
    assert code(parts) == "E_SHP_COUNTS"


def test_dbf_with_other_count_than_shapes(tmp_path: Path) -> None:
    parts = shapes.write(tmp_path)
    fewer = shapes.write(tmp_path / "b", rows=(("A1", "1"), ("A2", "2")))
    with pytest.raises(Rejected, match=r"shp 3, shx 3, dbf 2"):
        shapefile.read({**parts, ".dbf": fewer[".dbf"]})


def test_dbf_hiding_records(tmp_path: Path) -> None:
    rows = [(f"A{i}", "1") for i in range(50)]
    hidden = shapes.write(tmp_path, rows=rows, declared=3)
    shown = shapes.write(tmp_path / "b")
    assert code({**shown, ".dbf": hidden[".dbf"]}) == "E_SHP_COUNTS"


def test_dbf_declaring_two_thousand_million_rows(tmp_path: Path) -> None:
    assert code(shapes.write(tmp_path, declared=2_000_000_000)) == "E_DBF_SIZE"


@pytest.mark.parametrize("keep", [0, 50, 99, 100, 150, 400])
def test_shp_cut_short(tmp_path: Path, keep: int) -> None:
    parts = shapes.write(tmp_path)
    parts[".shp"].write_bytes(parts[".shp"].read_bytes()[:keep])
    assert code(parts) in {"E_SHP", "E_SHP_COUNTS"}


def test_shp_cut_short_with_a_corrected_header(tmp_path: Path) -> None:
    parts = shapes.write(tmp_path)
    data = bytearray(parts[".shp"].read_bytes()[:400])
    data[24:28] = struct.pack(">i", 200)
    parts[".shp"].write_bytes(data)
    assert code(parts) == "E_SHP_COUNTS"


def test_shx_with_two_rows_exchanged(tmp_path: Path) -> None:
    parts = shapes.write(tmp_path)
    index = parts[".shx"].read_bytes()
    patch(parts[".shx"], 100, index[108:116] + index[100:108])
    with pytest.raises(Rejected, match="record 1 points at record 2"):
        shapefile.read(parts)


def test_shx_pointing_twice_at_one_record(tmp_path: Path) -> None:
    parts = shapes.write(tmp_path)
    index = parts[".shx"].read_bytes()
    patch(parts[".shx"], 108, index[100:108])
    assert code(parts) == "E_SHP_COUNTS"


def test_shx_with_fewer_records(tmp_path: Path) -> None:
    parts = shapes.write(tmp_path)
    index = bytearray(parts[".shx"].read_bytes()[:-8])
    index[24:28] = struct.pack(">i", len(index) // 2)
    parts[".shx"].write_bytes(index)
    with pytest.raises(Rejected, match=r"shp 3, shx 2"):
        shapefile.read(parts)


def test_record_edited_in_place_leaves_a_gap(tmp_path: Path) -> None:
    """A record that grew is moved to the end by shapelib; the file is still sound."""
    parts = shapes.write(tmp_path)
    shp, shx = (bytearray(parts[p].read_bytes()) for p in (".shp", ".shx"))
    at, words = struct.unpack_from(">2i", shx, 108)
    record = shp[at * 2 : at * 2 + 8 + words * 2]
    struct.pack_into(">i", shx, 108, len(shp) // 2)
    shp += record
    struct.pack_into(">i", shp, 24, len(shp) // 2)
    parts[".shp"].write_bytes(shp)
    parts[".shx"].write_bytes(shx)
    content = shapefile.read(parts)
    assert content.structure.gaps == 8 + words * 2
    assert [g.bounds[0] for g in content.geometry] == pytest.approx([123, 123.02, 123.04])


def test_wrong_shape_type_and_point_count_in_a_record(tmp_path: Path) -> None:
    parts = shapes.write(tmp_path)
    patch(parts[".shp"], 108, struct.pack("<i", 3))
    assert code(parts) == "E_SHP_COUNTS"
    parts = shapes.write(tmp_path)
    patch(parts[".shp"], 108 + 40, struct.pack("<i", 1_000_000_000))
    assert code(parts) == "E_SHP_COUNTS"


def test_ring_that_does_not_close_is_marked(tmp_path: Path) -> None:
    parts = shapes.write(
        tmp_path,
        contents=[
            shapes.polygon(shapes.square(123, 45)),
            shapes.polygon([shapes.square(123, 45)[0][:-1]]),
            shapes.polygon(shapes.square(123, 45)),
        ],
    )
    content = shapefile.read(parts)
    assert content.broken.tolist() == [False, True, False]
    assert content.geometry[1] is None


@pytest.mark.parametrize(
    ("encoding", "cpg", "language", "decided_by"),
    [
        ("gbk", "CP936", 0, "cpg"),
        ("gbk", "GB2312", 0, "cpg"),
        ("gbk", None, 0x4D, "ldid"),
        ("gbk", None, 0, "gb18030"),
        ("gbk", "ISO-8859-1", 0x57, "gb18030"),
        ("gbk", "UTF-8", 0, "gb18030"),
        ("gbk", "nonsense", 0, "gb18030"),
        ("utf-8", "UTF-8", 0, "cpg"),
        ("utf-8", None, 0, "utf-8"),
        ("utf-8", "65001", 0x57, "cpg"),
        ("utf-8", "GBK", 0, "utf-8"),
        ("utf-8", None, 0x4D, "utf-8"),
        ("big5", "950", 0, "cpg"),
    ],
)
def test_encoding_and_how_it_was_decided(
    tmp_path: Path, encoding: str, cpg: str | None, language: int, decided_by: str
) -> None:
    names = ("地名", "x") if encoding == "utf-8" else ("地名地名", "x")
    rows = (("大安市大賚", "1"), ("白城市鎮南", "2"), ("", "3"))
    parts = shapes.write(
        tmp_path, names=names, rows=rows, widths=(30, 5), encoding=encoding, cpg=cpg,
        language=language,
    )  # fmt: skip
    content = shapefile.read(parts)
    assert content.encoding.decided_by == decided_by
    assert content.attributes[names[0]].to_pylist() == ["大安市大賚", "白城市鎮南", None]
    lied = (encoding, cpg or language) in {("gbk", "UTF-8"), ("utf-8", "GBK"), ("utf-8", 0x4D)}
    assert (content.encoding.contradicted is not None) == lied


def test_decision_of_a_person_wins_or_fails_loudly(tmp_path: Path) -> None:
    parts = shapes.write(tmp_path, rows=(("镇赉县", "1"),), cpg="UTF-8")
    assert shapefile.read(parts, encoding="gbk").attributes["地块编号"].to_pylist() == ["镇赉县"]
    with pytest.raises(Rejected) as caught:
        shapefile.read(parts, encoding="utf-8")
    assert caught.value.code == "E_ENCODING"
    assert code(parts, encoding="klingon") == "E_ENCODING"


@pytest.mark.parametrize(("encoding", "kept"), [("gbk", "需要提质改"), ("utf-8", "需要提")])
def test_values_and_names_cut_inside_a_character(tmp_path: Path, encoding: str, kept: str) -> None:
    parts = shapes.write(
        tmp_path, names=("盐碱化程度等级",), rows=(("需要提质改造",), ("基本符合",)),
        widths=(11,), encoding=encoding,
    )  # fmt: skip
    content = shapefile.read(parts)
    name = "盐碱化程度等级".encode(encoding)[:10].decode(encoding, "ignore")
    assert content.attributes.column_names == [name]
    first = content.attributes[name].to_pylist()[0]
    assert first == kept
    assert content.encoding.cut == (1 if encoding == "gbk" else 3)


def test_damage_inside_a_value_is_not_a_cut(tmp_path: Path) -> None:
    parts = shapes.write(tmp_path, rows=(("镇赉县", "1"), ("大安市", "2")))
    at = parts[".dbf"].read_bytes().index("大安市".encode("gbk"))
    patch(parts[".dbf"], at + 1, b"\xff")
    assert code(parts) == "E_ENCODING"


def test_columns_without_text_are_listed(tmp_path: Path) -> None:
    parts = shapes.write(
        tmp_path, names=("BH", "MEMO"), rows=(("A1", "7"),), widths=(5, 10), types="CM"
    )
    content = shapefile.read(parts)
    assert content.unread == ("MEMO",)
    assert content.attributes.column_names == ["BH"]


def test_repeated_and_blank_names(tmp_path: Path) -> None:
    parts = shapes.write(
        tmp_path, names=("BH", "bh", ""), rows=(("1", "2", "3"),), widths=(3, 3, 3)
    )
    assert shapefile.read(parts).attributes.column_names == ["BH", "bh_2", "column_3"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("UTF-8", "utf-8"), ("utf8", "utf-8"), ("GBK", "gb18030"), ("ANSI 936", "gb18030"),
     ("cp936", "gb18030"), ("GB2312", "gb18030"), ("OEM 936", None), ("big5", "cp950"),
     ("1252", None), ("ISO-8859-1", None), ("", None), ("8859_1", None)],
)  # fmt: skip
def test_names_of_encodings(text: str, expected: str | None) -> None:
    assert canonical(text) == expected


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damage_is_refused_or_harmless(tmp_path: Path, data: st.DataObject) -> None:
    """Whatever bytes change, records never get lost or exchanged without a word."""
    parts = shapes.write(tmp_path)
    before = shapefile.read(parts)
    part = data.draw(st.sampled_from([".shp", ".shx", ".dbf"]))
    size = parts[part].stat().st_size
    for _ in range(data.draw(st.integers(1, 3))):
        patch(
            parts[part],
            data.draw(st.integers(0, size - 1)),
            data.draw(st.binary(min_size=1, max_size=1)),
        )
    try:
        after = shapefile.read(parts)
    except Rejected:
        return
    assert after.structure.records == 3
    assert len(after.rows) + after.deleted == 3
    if part == ".shx":
        assert np.array_equal(after.geometry, before.geometry)


@shared.needs
@pytest.mark.parametrize(
    ("folder", "encoding", "decided_by"),
    [
        ("01_gbk_cpg936_4490", "gb18030", "cpg"),
        ("02_gbk_noldid_nocpg_4490", "gb18030", "gb18030"),
        ("03_utf8_cpg_4529", "utf-8", "cpg"),
        ("04_utf8_nocpg_4529", "utf-8", "utf-8"),
        ("11_gbk_ldid4d_nocpg_4490", "gb18030", "ldid"),
    ],
)
def test_collected_chinese_shapefiles(folder: str, encoding: str, decided_by: str) -> None:
    parts = {path.suffix: path for path in (SHARED / folder).iterdir()}
    content = shapefile.read(parts)
    assert (content.encoding.value, content.encoding.decided_by) == (encoding, decided_by)
    names = content.attributes.column(0).to_pylist()
    assert sorted(names) == sorted(["洮北区", "镇赉县", "通榆县", "洮南市", "大安市"])


@pytest.mark.parametrize(
    ("starts", "part"), [((3, 4), 1), ((0, 0), 2), ((0, 9), 2), ((0, -1), 2), ((0, 400), 2)]
)
def test_parts_that_begin_where_they_cannot(
    tmp_path: Path, starts: tuple[int, int], part: int
) -> None:
    ring, hole = shapes.square(123, 45)[0], shapes.square(123.002, 45.002, 0.001)[0][::-1]
    content = bytearray(shapes.polygon([ring, hole]))
    struct.pack_into("<2i", content, 44, *starts)
    good = shapes.polygon(shapes.square(123.5, 45))
    parts = shapes.write(tmp_path, contents=[good, bytes(content)], rows=[("A", "1")] * 2)
    if starts == (0, 9):  # the last point alone: a ring that no library closes
        assert shapefile.read(parts).broken.tolist() == [False, True]
        return
    with pytest.raises(Rejected, match="E_SHP_PARTS") as caught:
        shapefile.check(parts)
    assert caught.value.where == "shp, 2"
    assert f"part {part} of shape 2" in caught.value.detail[1]


def test_multipatch_has_a_code_of_its_own(tmp_path: Path) -> None:
    parts = shapes.write(tmp_path)
    for part in (".shp", ".shx"):
        data = bytearray(parts[part].read_bytes())
        struct.pack_into("<i", data, 32, 31)
        parts[part].write_bytes(data)
    assert code(parts) == "E_MULTIPATCH"


def test_a_table_of_a_thousand_columns(tmp_path: Path) -> None:
    names = [f"C{i}" for i in range(1001)]
    parts = shapes.write(tmp_path, names=names, widths=[1] * 1001, rows=[["1"] * 1001])
    assert code(parts) == "E_COLUMNS"
