"""The weekly questions: each one address, answered in JSON and as a spreadsheet."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from app import sight, uploads
from app.api.links import JSON, XLSX, answer, attachment, link, produces
from app.auth import allow
from app.language import language_of, text
from app.params import AsOf, digest, etag
from app.state import State
from geo.formats.workbook import Sheet, workbook
from geo.layers import Catalog
from geo.local import LOCAL_TIME
from geo.snapshot.view import View
from geo.totals.question import Question
from geo.totals.questions import QUESTIONS
from geo.totals.questions.model import Answer, Column, Moment, Source, Table, Weekly
from geo.totals.total import Total

router = APIRouter(tags=["每周问题 Questions"])

Format = Annotated[Literal["json", "xlsx"] | None, Query(description="json or xlsx.")]


@router.get("/questions", summary="The weekly questions and their parameters")
@allow("viewer")
def questions(request: Request) -> Response:
    listed = [
        {
            "name": question.name,
            "title": text(request, question.title),
            "text": text(request, question.text),
            "parameters": question.parameters.model_json_schema()["properties"],
            "links": [
                link(request, f"/questions/{question.name}", "item", JSON),
                link(request, f"/questions/{question.name}?f=xlsx", "alternate", XLSX),
            ],
        }
        for question in QUESTIONS.values()
    ]
    return answer(request, {"questions": listed})


def source_of(request: Request, as_of: Moment) -> Source:
    """The layers as of a moment; today is that moment's day, or the day it is."""
    state: State = request.app.state.liangtian
    revision = state.snapshots.revision_of(as_of)
    commits = state.snapshots.commits()
    moment = as_of if isinstance(as_of, datetime) else None
    if isinstance(as_of, int):
        moment = next((c.time for c in commits if c.revision == as_of), None)

    def look(layer: str, earlier: Moment) -> View:
        return sight.view(request, layer, revision if earlier is None else earlier)

    def ask(question: Question, earlier: Moment) -> Total:
        return sight.total(request, question, revision if earlier is None else earlier)

    return Source(
        state.catalog,
        look,
        (moment or datetime.now(LOCAL_TIME)).astimezone(LOCAL_TIME).date(),
        ask,
        state.totals.definitions,
        state.targets,
        commits,
        partial(_report, request),
    )


def _report(request: Request, upload_id: int) -> dict[str, Any]:
    """The report of an upload that the asker may see. Raises `Problem` E_NOT_FOUND."""
    row = uploads.of_request(request, upload_id)
    return {"layer": row.layer, **json.loads(row.report or "{}")}


def _route(question: Weekly) -> Callable[..., Response]:
    """A route whose query parameters are those of the question."""

    def ask(request: Request, as_of: Moment, f: str | None, **given: object) -> Response:
        state: State = request.app.state.liangtian
        source = source_of(request, as_of)
        revision = state.snapshots.revision_of(as_of)
        tag: str | None = etag("question", question.name, revision, source.today, digest(request))
        parameters = question.parameters.model_validate(given)
        key = f"{question.name} {parameters.model_dump_json()} {source.today}{sight.scope(request)}"
        if question.personal:  # what somebody may see of uploads is theirs alone
            found, tag = question.answer(source, parameters), None
        else:
            found = state.answers.get(key, revision, lambda: question.answer(source, parameters))
        told = {
            "name": question.name,
            "title": text(request, question.title),
            "text": text(request, question.text),
            "parameters": parameters.model_dump(mode="json"),
            "definition": found.definition.model_dump(),
            "revision": revision,
            "day": source.today.isoformat(),
        }
        language = language_of(request)
        if f == "xlsx":
            body = _workbook(told, found, source.catalog, language)
            name = f"{told['title']}-{source.today}.xlsx"
            named = {"Content-Disposition": attachment(name)}
            return answer(request, body, tag, XLSX, named)
        tables = [_json(each, source.catalog, language) for each in found.tables]
        return answer(request, {**told, "tables": tables}, tag)

    kind = inspect.Parameter.KEYWORD_ONLY
    own = [
        inspect.Parameter(
            name,
            kind,
            default=inspect.Parameter.empty if field.is_required() else field.default,
            annotation=Annotated[
                field.annotation, *field.metadata, Query(description=field.description)
            ],
        )
        for name, field in question.parameters.model_fields.items()
    ]
    first = [
        inspect.Parameter("request", kind, annotation=Request),
        inspect.Parameter("as_of", kind, annotation=AsOf),
        inspect.Parameter("f", kind, annotation=Format, default=None),
    ]
    ask.__signature__ = inspect.Signature([*first, *own])  # type: ignore[attr-defined]
    ask.__name__ = f"question_{question.name.replace('-', '_')}"
    ask.__doc__ = f"{question.text.zh}\n\n{question.text.en}"
    return ask


def _json(table: Table, catalog: Catalog, language: str) -> dict[str, Any]:
    columns = []
    for each in table.columns:
        told = {"name": each.name, "title": each.title.get(language)}
        if each.unit:
            told["unit"] = each.unit
        if each.codelist:
            told["codelist"] = each.codelist
        columns.append(told)
    names = [each.name for each in table.columns]
    labels = {
        each.codelist: _labels(catalog, each, language) for each in table.columns if each.codelist
    }
    return {
        "name": table.name,
        "title": table.title.get(language),
        "columns": columns,
        "labels": labels,
        "rows": [dict(zip(names, row, strict=True)) for row in table.rows],
    }


def _labels(catalog: Catalog, column: Column, language: str) -> dict[str, str]:
    listed = catalog.codelists[column.codelist or ""].codes
    return {item.code: item.title.get(language) for item in listed}


def _workbook(told: dict[str, Any], found: Answer, catalog: Catalog, language: str) -> bytes:
    """A sheet a table: title, question, definition, day and revision above the rows."""
    english = language == "en"
    notes = [
        told["text"],
        ("Definition: " if english else "口径: ") + found.definition.get(language),
        f"Day {told['day']}, revision {told['revision']}" if english
        else f"日期 {told['day']},数据版本 {told['revision']}",
    ]  # fmt: skip
    sheets = []
    for table in found.tables:
        labels = [_labels(catalog, c, language) if c.codelist else {} for c in table.columns]
        headings = [
            c.title.get(language) + (f" ({c.unit})" if c.unit else "") for c in table.columns
        ]
        rows = [
            [label.get(value, value) for label, value in zip(labels, row, strict=True)]
            for row in table.rows
        ]
        title = f"{told['title']} - {table.title.get(language)}"
        sheets.append(Sheet(table.title.get(language), title, headings, rows, notes))
    return workbook(sheets)


for _question in QUESTIONS.values():
    router.get(f"/questions/{_question.name}", summary=_question.title.zh)(
        allow("viewer")(produces(JSON, XLSX)(_route(_question)))
    )
