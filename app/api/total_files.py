"""Totals as files: CSV, a spreadsheet, and the one-page report as HTML and PDF."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pyarrow as pa
from fastapi import Request, Response

from app import sight
from app.api.links import CSV, HTML, PDF, XLSX, answer, attachment
from app.asking import Ask
from app.language import language_of
from app.state import State
from geo.formats.csv import csv_bytes
from geo.formats.workbook import Sheet, workbook
from geo.snapshot.view import View
from geo.totals.question import Question
from geo.totals.report.compose import page_of
from geo.totals.report.html import POLICY, html
from geo.totals.table import Reported, table
from geo.totals.total import Total


def within_of(question: Question) -> str | None:
    """Where a question looks, in words."""
    within = question.within
    if within is None:
        return None
    return "polygon" if within.layer is None else f"{within.layer}:{','.join(within.keys)}"


def time_of(state: State, revision: int) -> datetime | None:
    commits = state.snapshots.commits()
    return next((c.time for c in reversed(commits) if c.revision == revision), None)


def report(request: Request, ask: Ask, found: Total, tag: str, filters: dict[str, str]) -> Response:
    """The one-page report of an answer, HTML or PDF."""
    state: State = request.app.state.liangtian
    conditions = [("within", text) for text in [within_of(found.question)] if text]
    if filters:
        conditions.append(("filter", "; ".join(f"{k}={v}" for k, v in filters.items())))
    title = None
    if found.question.definition:
        title = state.totals.definitions.get(found.question.definition).title
    language = language_of(request)
    page = page_of(
        found,
        state.catalog,
        language,
        ask.unit,
        time_of(state, found.as_of),
        title.get(language) if title else None,
        conditions,
        _zones(request, found, tag),
    )
    if ask.f == "html":
        return answer(request, html(page), tag, HTML, {"Content-Security-Policy": POLICY})
    # A PDF is asked for now and then; the start of every worker does not wait for its writer.
    from geo.totals.report.pdf import pdf  # noqa: PLC0415

    named = {"Content-Disposition": attachment(f"{page.title}.pdf")}
    return answer(request, pdf(page), tag, PDF, named)


def _zones(request: Request, found: Total, tag: str) -> tuple[Total, View] | None:
    """What the map shows: the zones of the first grouping, else the counties."""
    question = found.question
    layers = request.app.state.liangtian.catalog.layers
    first = question.by[0] if question.by else ""
    name = first if first in found.titles or first in layers else "counties"
    if name not in layers or layers[name].geometry != "MultiPolygon" or not found.layer.geometry:
        return None
    view = sight.view(request, name, found.as_of)
    if question.by == (name,):
        return found, view
    asked = replace(question, by=(name,), sums=())
    return sight.total(request, asked, found.as_of, f"map {tag} {name}"), view


def spreadsheet(
    request: Request, ask: Ask, found: Total, reported: Reported, tag: str, filters: dict[str, str]
) -> Response:
    """CSV or XLSX of an answer."""
    state: State = request.app.state.liangtian
    language = language_of(request)
    made = table(found, state.catalog, language, reported)
    name = f"totals-{found.layer.id}.{ask.f}"
    headers = {"Content-Disposition": attachment(name)}
    if ask.f == "csv":
        lines = [*made.rows, made.total]
        columns = {
            column.name: _column([line[at] for line in lines])
            for at, column in enumerate(made.columns)
        }
        body = b"".join(csv_bytes(columns, list(columns), bom=True))
        return answer(request, body, tag, f"{CSV}; charset=utf-8", headers)
    english = language == "en"
    title = found.layer.title.get(language)
    definition = found.definition.get(language)
    time = time_of(state, found.as_of)
    notes = [
        f"{'Definition' if english else '口径'}: {definition}",
        f"{'Method' if english else '方法'}: {found.method.get(language)}",
        f"{'Revision' if english else '数据版本'}: {found.as_of}"
        + (f" ({time})" if time else "")
        + "; " + ", ".join(f"{each.layer} {each.revision}" for each in found.inputs),
    ]  # fmt: skip
    if within := within_of(found.question):
        notes.append(f"{'Within' if english else '范围'}: {within}")
    if filters:
        told = "; ".join(f"{k}={v}" for k, v in filters.items())
        notes.append(f"{'Filter' if english else '条件'}: {told}")
    if found.removed is not None:
        notes.append(
            f"{'Overlap removed, m²' if english else '已扣除重叠(平方米)'}: {found.removed}"
        )
    headings = [column.title.get(language) for column in made.columns]
    sheet = Sheet(title, f"{title} {'totals' if english else '统计'}", headings, made.rows, notes,
                  made.total)  # fmt: skip
    return answer(request, workbook([sheet]), tag, XLSX, headers)


def _column(values: list[Any]) -> pa.Array:
    """A column of one type: numbers, or texts where any is one."""
    if any(isinstance(value, str) for value in values):
        return pa.array([None if value is None else str(value) for value in values], pa.string())
    return pa.array(values)
