"""The weekly questions over HTTP: every one answers, in both languages, as JSON and as a sheet."""

from __future__ import annotations

import io
from typing import Any

import httpx
import pypdfium2
import pytest
from python_calamine import CalamineWorkbook

from geo.totals.questions import QUESTIONS
from geo.totals.report.page import number
from tests.conftest import Server


@pytest.fixture(scope="module")
def needed(server: Server) -> dict[str, dict[str, str]]:
    """Parameters that a question cannot do without."""
    with server.client() as client:
        treated = client.get("/collections/treatments/items", params={"type": "leach_flush"})
        plot = treated.json()["features"][0]["properties"]["plot_code"]
    return {"water": {"plot": plot}, "district": {"district": "DA2"}}


#: Answered from an upload of the asker: tests/app/test_uploads.py has those.
SHARED = [name for name, question in QUESTIONS.items() if not question.personal]


def ask(client: httpx.Client, name: str, **parameters: str) -> Any:
    answer = client.get(f"/questions/{name}", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_list_names_every_question_and_its_parameters(server: Server) -> None:
    with server.client() as client:
        listed = client.get("/questions", params={"lang": "en"}).json()["questions"]
    assert [each["name"] for each in listed] == list(QUESTIONS)
    for each in listed:
        assert set(each["parameters"]) == set(QUESTIONS[each["name"]].parameters.model_fields)
        assert all(p["description"] for p in each["parameters"].values())


@pytest.mark.parametrize("name", SHARED)
def test_a_question_answers_in_both_languages(server: Server, needed: dict, name: str) -> None:
    with server.client() as client:
        zh = ask(client, name, **needed.get(name, {}))
        en = ask(client, name, lang="en", **needed.get(name, {}))
    assert zh["title"] == QUESTIONS[name].title.zh
    assert en["title"] == QUESTIONS[name].title.en
    assert zh["definition"] == en["definition"]
    assert zh["revision"] == en["revision"] > 0
    assert any(table["rows"] for table in zh["tables"]) or name == "land-use-changes"
    for table in zh["tables"]:
        names = [column["name"] for column in table["columns"]]
        for row in table["rows"][:50]:
            assert list(row) == names
        for column in table["columns"]:
            if "codelist" in column:
                codes = {row[column["name"]] for row in table["rows"]} - {None}
                assert codes <= set(table["labels"][column["codelist"]]), column


@pytest.mark.parametrize("name", SHARED)
def test_the_spreadsheet_holds_the_same_numbers(server: Server, needed: dict, name: str) -> None:
    with server.client() as client:
        told = ask(client, name, **needed.get(name, {}))
        asked = {"f": "xlsx", **needed.get(name, {})}
        answer = client.get(f"/questions/{name}", params=asked)
    assert answer.headers["content-type"].startswith("application/vnd.openxmlformats")
    assert "filename*=UTF-8''" in answer.headers["content-disposition"]
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.content))
    assert len(book.sheet_names) == len(told["tables"])
    for sheet, table in zip(book.sheet_names, told["tables"], strict=True):
        lines = book.get_sheet_by_name(sheet).to_python()
        assert told["definition"]["zh"] in str(lines[2][0])
        body = lines[6:]
        assert len(body) == len(table["rows"])
        numeric = [
            (at, column["name"])
            for at, column in enumerate(table["columns"])
            if table["rows"] and isinstance(table["rows"][0][column["name"]], float)
        ]
        for at, column in numeric:
            written = sum(line[at] for line in body if line[at] != "")
            said = sum(row[column] for row in table["rows"] if row[column] is not None)
            assert written == pytest.approx(said, rel=1e-12)


def test_an_answer_is_kept_until_the_data_change(server: Server) -> None:
    with server.client() as client:
        first = client.get("/questions/inputs")
        again = client.get("/questions/inputs", headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304
        past = ask(client, "inputs", as_of="1")
        assert past["revision"] == 1
        assert past["tables"][0]["rows"] == []


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        ("water", 400, "E_PARAMETER"),
        ("water?plot=%E6%97%A0", 404, "E_NOT_FOUND"),
        ("still-saline?years=-1", 400, "E_PARAMETER"),
        ("still-saline?years=x", 400, "E_PARAMETER"),
        ("overdue-inspections?on=yesterday", 400, "E_PARAMETER"),
        ("inputs?colour=red", 400, "E_PARAMETER"),
        ("inputs?as_of=999999", 400, "E_AS_OF"),
        ("inputs?f=pdf", 400, "E_PARAMETER"),
        ("everything", 404, "E_NOT_FOUND"),
    ],
)
def test_a_bad_question_is_refused(server: Server, address: str, status: int, code: str) -> None:
    with server.client() as client:
        answer = client.get(f"/questions/{address}")
    assert answer.status_code == status
    assert answer.json()["code"] == code


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_total_as_a_one_page_report(server: Server, language: str) -> None:
    asked = {"definition": "hsf_accepted", "by": "county", "lang": language}
    with server.client() as client:
        told = client.get("/totals", params=asked).json()
        page = client.get("/totals", params={**asked, "f": "html"})
        paper = client.get("/totals", params={**asked, "f": "pdf"})
        lines = client.get("/totals", params={"layer": "canals", "by": "districts", "f": "pdf"})
    assert page.headers["content-type"].startswith("text/html")
    assert "style-src 'sha256-" in page.headers["content-security-policy"]
    assert number(told["total"]["area_mu"]) in page.text
    assert told["definition"][language] in page.text
    assert page.text.count("<path") >= 6  # five counties and the north arrow
    assert paper.headers["content-type"] == "application/pdf"
    assert number(told["total"]["area_mu"]) in one_page(paper.content)
    assert "公里" in one_page(lines.content)


def one_page(content: bytes) -> str:
    """The text of a PDF of one page."""
    document = pypdfium2.PdfDocument(content)
    try:
        assert len(document) == 1
        return str(document[0].get_textpage().get_text_range())
    finally:
        document.close()
