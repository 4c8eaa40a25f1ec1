"""The programme's targets: value, current figure, gap, by county, and how it got there."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from app import sight
from app.api.links import answer, link
from app.auth import allow
from app.language import language_of, text
from app.params import AsOf, digest, etag
from app.problems import not_found
from app.state import State
from geo.totals.question import Question
from geo.totals.targets import (
    UNITS,
    Point,
    Share,
    Standing,
    Target,
    moments,
    standing,
    trend,
)
from geo.totals.total import Total

router = APIRouter(tags=["目标 Targets"])

#: Months of a trend.
MONTHS = 12


@router.get("/targets", summary="The programme's targets and where they stand")
@allow("viewer")
def targets(request: Request, as_of: AsOf) -> Response:
    """Every target with value, unit, due date, definition and source, figure and gap."""
    state: State = request.app.state.liangtian
    revision = state.snapshots.revision_of(as_of)
    tag = etag("targets", revision, digest(request))
    found = state.answers.get(
        f"targets{sight.scope(request)}",
        revision,
        lambda: [_stands(request, t, revision) for t in state.targets.values()],
    )
    content = {"revision": revision, "targets": [_told(request, each) for each in found]}
    return answer(request, content, tag)


@router.get("/targets/{target_id}", summary="One target, with its trend")
@allow("viewer")
def target(
    request: Request,
    target_id: Annotated[str, Path(max_length=40)],
    as_of: AsOf,
    months: Annotated[
        int, Query(ge=0, le=60, description="Months of the trend: the last state of each.")
    ] = MONTHS,
) -> Response:
    state: State = request.app.state.liangtian
    wanted = state.targets.get(target_id)
    if wanted is None:
        raise not_found(f"没有目标 {target_id}", f"There is no target {target_id}")
    revision = state.snapshots.revision_of(as_of)
    tag = etag("target", target_id, revision, digest(request))
    found = _stands(request, wanted, revision)
    key = f"trend {target_id} {months}{sight.scope(request)}"
    points = state.answers.get(key, revision, lambda: _trend(request, wanted, revision, months))
    content = _told(request, found)
    content["trend"] = [
        {"revision": p.revision, "time": p.time, "current": p.figure} for p in points
    ]
    return answer(request, {"revision": revision, **content}, tag)


def _stands(request: Request, wanted: Target, revision: int) -> Standing:
    def ask(question: Question) -> Total:
        return sight.total(request, question, revision)

    return standing(wanted, request.app.state.liangtian.catalog.layers, ask)


def _trend(request: Request, wanted: Target, revision: int, months: int) -> tuple[Point, ...]:
    state: State = request.app.state.liangtian
    if wanted.layer is None or not months:
        return ()
    commits = state.snapshots.commits()
    touched = [
        (c.revision, c.time) for c in commits if wanted.layer in c.layers and c.revision <= revision
    ]

    def ask(question: Question, as_of: int) -> Total:
        return sight.total(request, question, as_of)

    return trend(wanted, state.catalog.layers, moments(touched, months), ask)


def _told(request: Request, found: Standing) -> dict[str, Any]:
    wanted, total = found.target, found.total
    content: dict[str, Any] = {
        "id": wanted.id,
        "title": text(request, wanted.title),
        "value": wanted.value,
        "unit": wanted.unit,
        "unit_title": text(request, UNITS[wanted.unit]),
        "due": wanted.due,
        "scope": text(request, wanted.scope),
        "definition": wanted.definition.model_dump(),
        "source": wanted.source,
        "current": found.current,
        "gap": found.gap,
        "share": found.share,
        "counties": _shares(request, found, found.counties, "county_field"),
        "links": [link(request, f"/targets/{wanted.id}", "self", "application/json")],
    }
    if wanted.stages:
        content["stages"] = _shares(request, found, found.stages, "stages")
        content["done"] = list(wanted.done)
    if total is not None:
        content |= {
            "layer": wanted.layer,
            "filter": wanted.filter,
            "sums": wanted.field,
            "count": total.total.count,
            "overlap_removed_m2": total.removed,
            "method": text(request, total.method),
        }
    return content


def _shares(
    request: Request, found: Standing, shares: tuple[Share, ...], which: str
) -> list[dict[str, Any]]:
    """Parts of the figure with the titles of their codes."""
    state: State = request.app.state.liangtian
    if not shares or found.target.layer is None:
        return []
    layer = state.catalog.layers[found.target.layer]
    name = found.target.stages if which == "stages" else layer.county_field
    listed = state.catalog.codelist_of(layer.by_name[name or ""])
    language = language_of(request)
    titles = {c.code: c.title.get(language) for c in listed.codes} if listed else {}
    return [
        {
            "code": each.code,
            "title": titles.get(each.code or "", each.code),
            "count": each.count,
            "current": each.figure,
        }
        for each in shares
    ]
