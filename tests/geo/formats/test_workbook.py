"""XLSX workbooks: read back by an independent reader, and nothing in them runs."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, date, datetime

import pytest
from python_calamine import CalamineWorkbook

from geo.formats.workbook import Sheet, workbook

pytestmark = pytest.mark.unit

HOSTILE = ['=HYPERLINK("//x","y")', "+1+1", "-2+3", "@SUM(A1)", "\t=1", "http://x", "<img src=x>"]


def read(body: bytes) -> dict[str, list[list[object]]]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(body))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def test_values_come_back_as_they_were() -> None:
    moment = datetime(2026, 5, 1, 16, 30, tzinfo=UTC)
    row = ["盐碱地", 3, 0.1, True, date(2026, 5, 1), moment, None, float("nan")]
    headings = ["名称", "数", "值", "是否", "日期", "时间", "空", "无"]
    body = workbook([Sheet("表", "题", headings, [row], ["注"], ["合计", 3])])
    rows = read(body)["表"]
    assert rows[0][0] == "题"
    assert rows[1][0] == "注"
    assert rows[3] == headings
    name, count, value, flag, day, local, nothing, nan = rows[4]
    assert (name, count, value, flag, day) == ("盐碱地", 3, 0.1, True, date(2026, 5, 1))
    assert local == datetime(2026, 5, 2, 0, 30)
    assert (nothing, nan) == ("", "")
    assert rows[5][:2] == ["合计", 3]


def test_text_never_becomes_a_formula_or_a_link() -> None:
    body = workbook([Sheet("a", HOSTILE[0], HOSTILE, [HOSTILE], HOSTILE, HOSTILE)])
    assert read(body)["a"][-2] == HOSTILE
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        xml = archive.read("xl/worksheets/sheet1.xml").decode()
        assert "<f>" not in xml
        assert not any("rels" in name and "sheet1" in name for name in archive.namelist())


def test_names_of_sheets_are_made_valid_and_different() -> None:
    names = ["a/b:c", "A B C", "长" * 40, "长" * 40, "", "'"]
    made = list(read(workbook([Sheet(n, "t", ["h"], [[1]]) for n in names])))
    assert len(made) == len(names)
    assert len({name.casefold() for name in made}) == len(names)
    assert max(map(len, made)) <= 31
