"""What of the layers somebody sees. Every answer takes its views from here.

Whoever is limited to counties sees, of layers with a county field, the features of these
counties and no others: an answer is that to the same question with the filter
``county IN (...)``. A token for some layers sees these alone.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from fastapi import Request

from app.auth import ANONYMOUS, User, require_layer
from app.jobs.queue import Job, Queue, absent
from geo.layers import Layer
from geo.record.protocol import HistoryItem
from geo.snapshot.view import View
from geo.totals.question import Question, plan
from geo.totals.total import Total

if TYPE_CHECKING:
    from app.state import State


def view(request: Request, layer_id: str, as_of: int | datetime | None = None) -> View:
    """What the asker sees of a layer. Raises `Rejected` E_AS_OF, `Problem` E_NOT_FOUND."""
    state: State = request.app.state.liangtian
    user: User = request.state.user
    require_layer(user, layer_id)
    return state.snapshots.view(layer_id, as_of, user.counties)


def total(
    request: Request,
    question: Question,
    as_of: int | datetime | None = None,
    key: str | None = None,
) -> Total:
    """A total of what the asker sees. Raises what `app.totals.Desk.total` does, and E_NOT_FOUND."""
    state: State = request.app.state.liangtian
    user: User = request.state.user
    if user.layers is not None:
        for layer_id in plan(question, state.catalog.layers).layers:
            require_layer(user, layer_id)
    return state.totals.total(question, as_of, key, user.counties)


def job(request: Request, job_id: int, kind: str, where: str | None = None) -> Job:
    """A job that counts features; another's, who may see more, is not there for the asker.

    Raises `Problem` E_NOT_FOUND.
    """
    user: User = request.state.user
    found = Queue(request.app.state.liangtian.record).of_kind(job_id, kind, where)
    if user.limited and found.person != user.name:
        raise absent(job_id, kind, where)
    return found


def versions(user: User, layer: Layer, found: list[HistoryItem]) -> list[HistoryItem]:
    """The versions of a feature, oldest first, that somebody sees: those that lay in their
    counties, and the deletion of such a one."""
    name = layer.county_field
    if not user.counties or name is None:
        return found
    seen, mine = [], False
    for version in found:
        if version.attributes is not None:
            mine = version.attributes.get(name) in user.counties
        if mine:
            seen.append(version)
    return seen


def scope(request: Request) -> str:
    """Tells answers of limited people apart in validators; empty for all others."""
    user: User = getattr(request.state, "user", ANONYMOUS)
    return f"-{user.scope}" if user.scope else ""
