"""OGC API Features part 4: create, replace, update, delete; and bringing back a version."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import anyio
import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app import bodies, idempotency, ogc_crs, params
from app.api.features import show
from app.api.links import GEOJSON, answer, in_language
from app.auth import User, allow, require
from app.editing import conflicts
from app.editing.features import Stored, of_history, seen_version, stored
from app.editing.write import Done, Edits
from app.language import language_of
from app.params import PathLayer, etag
from app.problems import Problem, not_found
from geo.intake import edit
from geo.layers import Layer
from geo.record.protocol import VersionConflict

router = APIRouter(tags=["编辑 Edits"])

Reason = Annotated[
    str, Query(max_length=200, description="为什么修改, 记入历史 / Why; kept in the history.")
]
OnConflict = Annotated[
    Literal["refuse", "keep"],
    Query(
        description="版本已过时时: 拒绝(412), 或保留此修改待处理(409) / "
        "A stale edit is refused (412), or kept for a decision (409)."
    ),
]
_TYPES = ("application/json", GEOJSON, "application/merge-patch+json")


class Feature(BaseModel):
    """A GeoJSON feature: all properties and the geometry that it shall have."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["Feature"]
    properties: dict[str, Any] | None = None
    geometry: dict[str, Any] | None = None


class Features(BaseModel):
    """Several features, created together or not at all."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["FeatureCollection"]
    features: list[Feature] = Field(min_length=1, max_length=1000)


class Patch(BaseModel):
    """What changes, as a merge patch (RFC 7386): null empties a property."""

    model_config = ConfigDict(extra="ignore")

    properties: dict[str, Any] = {}
    geometry: dict[str, Any] | None = None


class Version(BaseModel):
    """Which version to bring back; the last one before the deletion when none is named."""

    model_config = ConfigDict(extra="forbid")

    version: int | None = Field(None, ge=1, le=2**53)


def _edits(request: Request, layer: Layer, reason: str) -> Edits:
    user: User = request.state.user
    require(user, layer.commit_role)
    return Edits(request.app.state.liangtian, layer, user, reason)


@dataclass(frozen=True)
class Seen:
    """An edit of a feature on the version that somebody saw."""

    edits: Edits
    fid: int
    version: int
    on_conflict: str


_WHY = {"PUT": "replace", "PATCH": "update", "DELETE": "delete"}


async def seen(
    request: Request,
    layer: PathLayer,
    fid: int,
    reason: Reason = "",
    on_conflict: OnConflict = "refuse",
) -> Seen:
    """Raises `Problem` E_FORBIDDEN, E_IF_MATCH."""
    edits = _edits(request, layer, reason or _WHY[request.method])
    version = seen_version(request.headers.get("if-match"), layer, fid)
    return Seen(edits, fid, version, on_conflict)


OnSeen = Annotated[Seen, Depends(seen)]


def _shape(request: Request, content: dict[str, Any] | None) -> Any:
    """A shape in EPSG:4490 from coordinates in ``Content-Crs`` (CRS84 when it says nothing)."""
    crs = ogc_crs.parse(request.headers.get("content-crs", ogc_crs.CRS84).strip("<>"))
    found = edit.shape(content)
    return found if found is None else crs.shape_to_lonlat(found)


@router.post(
    "/collections/{layer}/items",
    summary="Create a feature, or several at once",
    status_code=201,
    openapi_extra=bodies.json_body(Feature, Features, types=_TYPES[:2]),
)
@allow("field")
async def create(request: Request, layer: PathLayer, reason: Reason = "create") -> Response:
    """All of them or none; the answer names ids, revision and warnings (overlaps)."""
    edits = _edits(request, layer, reason)
    asked: Any = await bodies.read_json(request, Feature, Features, types=_TYPES)
    content = await request.body()
    return await anyio.to_thread.run_sync(_create, request, edits, asked, content)


def _create(request: Request, edits: Edits, asked: Feature | Features, content: bytes) -> Response:
    state, layer = edits.state, edits.layer
    before = idempotency.earlier(request, content)
    if before is not None:
        return before
    given = asked.features if isinstance(asked, Features) else [asked]
    shapes = [_shape(request, each.geometry) for each in given]
    change = _checked(request, lambda: edits.inserts([e.properties or {} for e in given], shapes))

    def effect(connection: Any) -> idempotency.Answer:
        done = edits.commit(change, connection)
        body = {**_done(done), "ids": list(done.fids)}
        if not isinstance(asked, Features):
            body["id"] = done.fids[0]
        headers = {"Location": f"/collections/{layer.id}/items/{done.fids[0]}"}
        return idempotency.Answer(201, orjson.dumps(body), headers)

    made = idempotency.once(request, content, effect)
    state.catch_up()
    return made


@router.put(
    "/collections/{layer}/items/{fid}",
    summary="Replace a feature",
    openapi_extra=bodies.json_body(Feature, types=_TYPES[:2]),
)
@allow("field")
async def replace(request: Request, on: OnSeen) -> Response:
    """The whole new state; needs If-Match. What is not named becomes empty."""
    asked = await bodies.read_json(request, Feature, types=_TYPES)

    def work() -> Response:
        shape = _shape(request, asked.geometry)
        wanted = Stored(on.fid, on.version, asked.properties or {}, shape)
        return _update(request, on, wanted, moved=on.edits.layer.geometry is not None)

    return await anyio.to_thread.run_sync(work)


@router.patch(
    "/collections/{layer}/items/{fid}",
    summary="Change some of a feature",
    openapi_extra=bodies.json_body(Patch, types=_TYPES),
)
@allow("field")
async def update(request: Request, on: OnSeen) -> Response:
    """Only what is named changes (a merge patch); needs If-Match."""
    asked = await bodies.read_json(request, Patch, types=_TYPES)
    moved = "geometry" in asked.model_fields_set

    def work() -> Response:
        base = _version(on.edits, on.fid, on.version)
        if base is None:  # never there, or not at that version: nothing to apply the patch to
            raise _stale(request, on.edits, on.fid)
        properties = {**base.properties, **asked.properties}
        shape = _shape(request, asked.geometry) if moved else base.shape
        wanted = Stored(on.fid, on.version, properties, shape)
        return _update(request, on, wanted, moved=moved, changed=asked.properties.keys())

    return await anyio.to_thread.run_sync(work)


@router.delete("/collections/{layer}/items/{fid}", summary="Delete a feature", status_code=204)
@allow("field")
async def delete(request: Request, on: OnSeen) -> Response:
    """Its history stays, and it can be brought back; needs If-Match."""

    def work() -> Response:
        _there(on.edits, on.fid)
        if on.version == 0:
            raise _stale(request, on.edits, on.fid)
        try:
            on.edits.write(on.edits.delete(on.fid, on.version))
        except VersionConflict:
            return _met(request, on, None)
        return Response(status_code=204)

    return await anyio.to_thread.run_sync(work)


@router.post(
    "/collections/{layer}/items/{fid}/restore",
    summary="Bring back a deleted feature, or an older version",
    openapi_extra=bodies.json_body(Version),
)
@allow("field")
async def restore(
    request: Request, layer: PathLayer, fid: int, reason: Reason = "restore"
) -> Response:
    """A new version with the content of an old one. Of a feature that is there: needs If-Match."""
    edits = _edits(request, layer, reason)
    asked = await bodies.read_json(request, Version, types=_TYPES)
    return await anyio.to_thread.run_sync(_restore, request, edits, fid, asked.version)


def _restore(request: Request, edits: Edits, fid: int, version: int | None) -> Response:
    history = edits.state.record.history(edits.layer.id, fid) if 0 < fid < 2**63 else []
    old = [item for item in history if item.attributes is not None]
    if version is not None:
        old = [item for item in old if item.version == version]
    if not old:
        raise not_found(f"没有要素 {fid} 的版本", f"There is no such version of feature {fid}",
                        where="version")  # fmt: skip
    wanted = of_history(fid, old[-1])
    assert wanted is not None
    current = stored(edits.view(), fid)
    if current is None:
        return _written(request, edits, fid, edits.write(edits.bring_back(wanted)))
    version = seen_version(request.headers.get("if-match"), edits.layer, fid)
    again = Stored(fid, version, wanted.properties, wanted.shape)
    on = Seen(edits, fid, version, "refuse")
    return _update(request, on, again, moved=edits.layer.geometry is not None)


def _update(
    request: Request, on: Seen, wanted: Stored, *, moved: bool,
    changed: Collection[str] | None = None,
) -> Response:  # fmt: skip
    edits = on.edits
    _there(edits, on.fid)
    if on.version == 0:
        raise _stale(request, edits, on.fid)
    change = _checked(request, lambda: edits.update(wanted, moved=moved, changed=changed))
    try:
        done = edits.write(change, changed)
    except VersionConflict:
        assert change.attributes is not None
        shape = change.geometry[0] if change.geometry is not None else wanted.shape
        properties = change.attributes.to_pylist()[0]
        return _met(request, on, Stored(on.fid, on.version, properties, shape))
    return _written(request, edits, on.fid, done)


def _there(edits: Edits, fid: int) -> None:
    """Raises `Problem` E_NOT_FOUND for a feature that never was."""
    if stored(edits.view(), fid) is None and not (
        0 < fid < 2**63 and edits.state.record.history(edits.layer.id, fid)
    ):
        raise not_found(f"没有要素 {fid}", f"There is no feature {fid}", where=edits.layer.id)


def _version(edits: Edits, fid: int, version: int) -> Stored | None:
    """A version of a feature, from the snapshot when it is the newest."""
    current = stored(edits.view(), fid)
    if current is not None and current.version == version:
        return current
    history = edits.state.record.history(edits.layer.id, fid) if 0 < fid < 2**63 else []
    if not history:
        raise not_found(f"没有要素 {fid}", f"There is no feature {fid}", where=edits.layer.id)
    found = [item for item in history if item.version == version]
    return of_history(fid, found[-1]) if found else None


def _met(request: Request, on: Seen, wanted: Stored | None) -> Response:
    """A stale edit: refused with the current state, or kept for a decision."""
    edits, fid = on.edits, on.fid
    if on.on_conflict == "refuse":
        raise _stale(request, edits, fid)
    with edits.state.record.write() as connection:
        number = conflicts.keep(
            connection, edits.layer, on.version, fid, wanted, edits.user, edits.author.reason
        )
    found = conflicts.get(edits.state, edits.user, number)
    raise Problem(
        "E_CONFLICT_KEPT",
        "此要素已被他人修改；您的修改已保存，等待处理",
        "Somebody changed the feature meanwhile; your edit is kept and waits for a decision",
        where=f"{edits.layer.id}/{fid}",
        fix=("打开冲突，逐项选择保留哪一方", "Open the conflict and choose, field by field"),
        headers={"Location": f"/conflicts/{number}"},
        extra={"conflict": found.describe()},
    )


def _stale(request: Request, edits: Edits, fid: int) -> Problem:
    """412 with what is stored now (null when it has been deleted)."""
    view = edits.view()
    current = stored(view, fid)
    extra: dict[str, Any] = {"current": None, "etag": None}
    if current is not None:
        extra["current"] = show(request, view, fid)
        extra["etag"] = in_language(request, _tag(request, edits.layer, current))
    return Problem(
        "E_VERSION_CONFLICT",
        "此要素已被他人修改或删除" if current else "此要素已被他人删除",
        "Somebody changed or deleted the feature meanwhile",
        where=f"{edits.layer.id}/{fid}",
        fix=("对照当前内容，在其上重新修改；或用 on_conflict=keep 保留您的修改",
             "Repeat the change on the current state, or keep yours with on_conflict=keep"),
        extra=extra,
    )  # fmt: skip


def _tag(request: Request, layer: Layer, feature: Stored) -> str:
    """What reading the feature would give: an edit can go on from it."""
    own = ("reason", "on_conflict")
    return etag(layer.id, feature.fid, feature.version, params.digest(request, own))


def _written(request: Request, edits: Edits, fid: int, done: Done) -> Response:
    view = edits.view()
    current = stored(view, fid)
    if current is None:  # somebody was very fast
        return Response(orjson.dumps(_done(done)), 200, media_type="application/json")
    feature = show(request, view, fid)
    feature["liangtian"] = _done(done)
    tag = _tag(request, edits.layer, current)
    return answer(request, feature, tag, GEOJSON, {"Cache-Control": "no-store"})


def _done(done: Done) -> dict[str, Any]:
    return {"revision": done.commit.revision, "warnings": list(done.warnings)}


def _checked(request: Request, check: Any) -> Any:
    """Faults of features with all of them listed, in the language of the request."""
    try:
        return check()
    except edit.Faulty as error:
        english = language_of(request) == "en"
        listed = [
            {
                "code": issue.code,
                "row": issue.row,
                "where": issue.where,
                "detail": issue.en if english else issue.zh,
                "point": issue.point,
                "fix": issue.fix[english] if issue.fix else None,
            }
            for issue in error.issues[:100]
        ]
        raise Problem(
            error.code, *error.detail, where=error.where, fix=error.fix, extra={"issues": listed}
        ) from error
