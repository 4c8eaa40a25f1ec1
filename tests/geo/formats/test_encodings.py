"""Chinese tables in every encoding, with every lie about it: never mojibake without a word."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import Rejected
from geo.formats import plausible, shapefile
from tests.geo.formats import shapes

pytestmark = pytest.mark.unit

ROWS = (
    ("镇赉县东屏镇", "盐碱地改良示范"),
    ("大安市舍力镇", "水稻种植"),
    ("通榆县边昭镇", "草原修复"),
)
NAMES = ("地块名称", "备注")
DECLARED = (None, "936", "UTF-8", "GBK", "GB18030", "ISO-8859-1", "cp1252", "", "nonsense")


@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "utf-8"])
@pytest.mark.parametrize("cpg", DECLARED)
@pytest.mark.parametrize("language", [0, 0x4D, 0x57])
def test_text_is_read_right_whatever_is_declared(
    tmp_path: Path, encoding: str, cpg: str | None, language: int
) -> None:
    parts = shapes.write(
        tmp_path, rows=ROWS, names=NAMES, widths=(30, 40), encoding=encoding, cpg=cpg,
        language=language,
    )  # fmt: skip
    content = shapefile.read(parts)
    assert list(zip(*content.attributes.to_pydict().values(), strict=True)) == list(ROWS)
    assert not content.encoding.doubtful
    declared_wrong = (cpg == "UTF-8") != (encoding == "utf-8") and cpg in DECLARED[1:5]
    if declared_wrong:
        assert content.encoding.contradicted


def test_four_byte_characters_of_gb18030(tmp_path: Path) -> None:
    rows = (("䶮家村", "㐂"), ("东风村", "地块"))
    parts = shapes.write(tmp_path, rows=rows, names=NAMES, widths=(30, 10), encoding="gb18030")
    assert shapefile.read(parts).attributes["地块名称"].to_pylist() == ["䶮家村", "东风村"]


def mixed(folder: Path) -> dict[str, Path]:
    parts = shapes.write(folder, rows=ROWS * 2, names=NAMES, widths=(30, 40))
    data = parts[".dbf"].read_bytes()
    for text in ("通榆县边昭镇", "大安市舍力镇"):
        old = text.encode("gbk")
        new = text.encode("utf-8")
        at = data.rindex(old)
        data = data[:at] + new + data[at + len(new) :]
    parts[".dbf"].write_bytes(data)
    return parts


def test_two_encodings_in_one_table_are_named_and_read_on_request(tmp_path: Path) -> None:
    parts = mixed(tmp_path)
    with pytest.raises(Rejected, match="E_ENCODING_MIXED") as caught:
        shapefile.read(parts)
    assert "record 5 (地块名称) is UTF-8" in caught.value.detail[1]
    assert "大安市舍力镇 / 镇赉县东屏镇" in caught.value.detail[0]
    content = shapefile.read(parts, encoding="mixed")
    assert content.attributes["地块名称"].to_pylist() == [row[0] for row in ROWS * 2]
    assert content.attributes["备注"].to_pylist() == [row[1] for row in ROWS * 2]


@pytest.mark.parametrize(
    ("text", "written", "cpg"),
    [
        ("鎮賚縣東屏鎮鹽鹼地改良示範", "big5", None),
        ("Müller Straße Écluse Größe", "latin-1", None),
    ],
)
def test_what_decodes_into_no_chinese_is_doubted(
    tmp_path: Path, text: str, written: str, cpg: str | None
) -> None:
    parts = shapes.write(
        tmp_path, rows=((text, "1"), (text, "2")), names=("NAME", "BZ"), widths=(60, 10),
        encoding=written, cpg=cpg,
    )  # fmt: skip
    assert shapefile.read(parts).encoding.doubtful
    sure = shapefile.read(parts, encoding={"big5": "big5", "latin-1": "cp1252"}[written])
    assert sure.attributes["NAME"].to_pylist() == [text, text]
    assert not sure.encoding.doubtful


def test_mojibake_that_is_in_the_file_already_is_doubted(tmp_path: Path) -> None:
    broken = "镇赉县东屏镇盐碱地".encode().decode("gbk", "replace").replace("\ufffd", "")
    parts = shapes.write(tmp_path, rows=((broken, "1"),), names=("NAME", "BZ"), widths=(80, 10),
                         encoding="utf-8")  # fmt: skip
    assert shapefile.read(parts).encoding.doubtful
    shown = "盐碱地改良".encode("gbk").decode("latin-1")
    parts = shapes.write(tmp_path / "2", rows=((shown, "1"),), names=("NAME", "BZ"),
                         widths=(80, 10), encoding="utf-8")  # fmt: skip
    assert shapefile.read(parts).encoding.doubtful


def test_cut_values_are_placed(tmp_path: Path) -> None:
    rows = (("东风村一组", "a"), ("红旗", "b"), ("向阳镇二队", "c"))
    parts = shapes.write(tmp_path, rows=rows, names=NAMES, widths=(9, 10))
    content = shapefile.read(parts)
    assert content.attributes["地块名称"].to_pylist() == ["东风村一", "红旗", "向阳镇二"]
    assert content.encoding.cuts == (("地块名称", 0), ("地块名称", 2))


@given(
    st.text(
        alphabet="东风村红旗镇向阳屯盐碱地水稻草原一二三四五六七八九十号组队",
        min_size=1,
        max_size=20,
    )
)
@settings(max_examples=50, deadline=None)
def test_usual_text_is_plausible_and_its_bytes_are_no_mixture(text: str) -> None:
    assert plausible.chinese([text])
    for encoding in ("gbk", "utf-8"):
        plausible.refuse_mixture([text.encode(encoding) + b"\n"] * 3, [60] * 3, [b"A"] * 3)
        assert plausible.either(text.encode(encoding)) == text


def test_values_that_fill_their_field_may_be_cut(tmp_path: Path) -> None:
    rows = [("东风村", "一"), ("红旗村一组二队", "二"), ("向阳", "三"), ("", "四")]
    content = shapefile.read(shapes.write(tmp_path, rows=rows, names=NAMES, widths=(14, 2)))
    assert content.full == (("地块名称", 1, 2),)
    tight = [("东风村一组", "一"), ("红旗村二组", "二")]
    assert (
        shapefile.read(shapes.write(tmp_path, rows=tight, names=NAMES, widths=(10, 2))).full == ()
    )
