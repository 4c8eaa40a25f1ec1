"""Uploads as jobs: looking at a file in a limited process, storing what was staged, undoing it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, select

from app import blobs
from app.jobs import queue
from app.jobs.apart import HEAVY_BYTES
from app.jobs.compare import compare
from app.jobs.plan import Plan, refuse_foreign, refuse_rivals
from app.jobs.sandbox import Limits
from app.jobs.sandbox import run as sandboxed
from app.problems import Problem
from app.times import now
from geo.errors import Rejected
from geo.intake import region, sides, stage
from geo.intake import run as intake
from geo.intake.decide import Decisions
from geo.layers import Catalog, Layer
from geo.record.protocol import Author, VersionConflict
from geo.record.tables import people, uploads

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.jobs.worker import Context, Effect
    from app.state import State
    from geo.snapshot.view import View

Report = dict[str, Any]
#: Conflicts that a refused revert lists.
_LISTED = 100
_ARROW = "application/vnd.apache.arrow.file"


def examine(
    source: Path,
    name: str,
    layer: Layer,
    catalog: Catalog,
    decisions: dict[str, Any],
    folder: Path,
    limits: Limits,
    report: Callable[[str, float | None], None],
    cancelled: Callable[[], bool] | None = None,
    *,
    counties: View | None = None,
    allowed: tuple[str, ...] = (),
) -> tuple[Report, Path]:
    """Inspect a file in a child process: its report, and where its rows are staged.

    ``counties`` is the layer of their borders, ``allowed`` those that the person is limited to.
    """
    staged = folder / "staged"
    staged.mkdir(parents=True, exist_ok=True)
    # The child may read its own folder only.
    copy = folder / "source"
    shutil.copyfile(source, copy)
    borders = None
    if counties is not None:
        borders = folder.resolve() / "counties.arrow"
        region.write(borders, counties)
    content = sandboxed(
        "geo.intake.run:main",
        intake.arguments(
            copy.resolve(),
            name,
            layer,
            catalog.codelists,
            Decisions.model_validate(decisions),
            staged.resolve(),
            counties=borders,
            allowed=allowed,
        ),
        folder,
        limits,
        report,
        cancelled=cancelled,
        readable=[],
    )
    return content, staged / stage.FILE


def _upload(context: Context) -> Row[Any]:
    query = select(uploads, people.c.name.label("person")).join(
        people, people.c.id == uploads.c.person_id, isouter=True
    )
    with context.state.record.read() as connection:
        return connection.execute(query.where(uploads.c.id == context.job.args["upload"])).one()


def _counties(context: Context) -> tuple[str, ...]:
    """The counties that the one who asked is limited to; none for all. Raises `Problem`
    E_COUNTY when none is left of those that they asked with."""
    query = select(people.c.counties).where(people.c.name == context.job.person)
    with context.state.record.read() as connection:
        now_ = tuple(json.loads(connection.execute(query).scalar_one_or_none() or "[]"))
    asked = tuple(context.job.args.get("counties", ()))
    if not (asked and now_):
        return asked or now_
    both = tuple(code for code in asked if code in now_)
    if not both:
        raise Problem(
            "E_COUNTY",
            "您的县区权限已改变",
            "The counties that you are limited to have changed",
            fix=("请重新上传", "Upload the file again"),
        )
    return both


def inspect(context: Context) -> tuple[Report, Effect | None]:
    """Look at a file; the upload becomes ready, needs_input or rejected. Stores no feature."""
    row, state = _upload(context), context.state
    layer = state.catalog.layers[row.layer]
    has = region.LAYER in state.catalog.layers
    borders = state.snapshots.view(region.LAYER) if has else None
    report, rows = examine(
        state.settings.blobs.path(row.sha256),
        row.file_name,
        layer,
        state.catalog,
        json.loads(row.decisions or "{}"),
        context.folder,
        context.limits,
        context.report,
        context.cancelled,
        counties=borders,
        allowed=_counties(context),
    )
    state.snapshots.refresh()
    compare(
        report,
        rows,
        layer,
        state.snapshots.view(layer.id),
        json.loads(row.decisions or "{}"),
        _counties(context),
        context.limits,
        context.report,
        context.cancelled,
    )
    kept = {
        name: state.settings.blobs.keep(rows.with_name(name))
        for name in (stage.FILE, *report.get("sides", ()))
        if rows.with_name(name).exists()
    }

    def effect(connection: Connection) -> None:
        for blob in kept.values():
            blobs.note(connection, blob, _ARROW)
        moved = connection.execute(
            uploads.update()
            .where(uploads.c.id == row.id, uploads.c.state == "inspecting")
            .values(
                state=report["state"],
                report=queue.dump(report),
                staged=kept[stage.FILE].sha256 if stage.FILE in kept else None,
                sides=queue.dump({n: b.sha256 for n, b in kept.items() if n != stage.FILE}),
                updated_at=now(),
            )
        )
        if moved.rowcount and report["state"] == "rejected":
            _tell(context, connection, row, sorted(report["issue_counts"]))

    return {"upload": row.id, "state": report["state"]}, effect


def _tell(context: Context, connection: Connection, row: Row[Any], codes: list[str]) -> None:
    """One row of the log says that a file was refused: whose, which, why."""
    detail = {"upload": row.id, "layer": row.layer, "sha256": row.sha256, "codes": codes}
    author = Author(row.person or "?", "upload", f"upload:{row.id}")
    context.state.record.event("upload.rejected", author, detail, connection=connection)


def is_heavy(state: State, job: queue.Job) -> bool:
    """Whether the job of an upload would hold up the service's requests."""
    if not job.kind.startswith("upload."):
        return False
    query = select(uploads.c.size).where(uploads.c.id == job.args.get("upload"))
    with state.record.read() as connection:
        return (connection.execute(query).scalar_one_or_none() or 0) >= HEAVY_BYTES


def _staged(context: Context, row: Row[Any], layer: Layer) -> stage.Staged:
    if row.staged is None:
        raise Rejected(
            "E_STAGED",
            "此次上传需要重新检查",
            "the upload has to be looked at again",
            fix=("请提交一个空的决定（PATCH {}）", "send an empty decision (PATCH {})"),
        )
    staged = stage.load(context.state.settings.blobs.path(row.staged), layer)
    counts = json.loads(row.report)["counts"]
    closes = (
        counts["records"] == counts["deleted"] + counts["read"]
        and counts["read"] == counts["valid"] + counts["rejected"]
        and counts["rejected"] == 0
        and len(staged.rows) == counts["valid"]
    )
    if not closes:
        raise Rejected(
            "E_COUNTS",
            f"行数不一致：文件 {counts['records']} 条，读取 {counts['read']} 条，"
            f"拒绝 {counts['rejected']} 条，暂存 {len(staged.rows)} 条",
            f"the rows do not add up: {counts['records']} in the file, {counts['read']} read, "
            f"{counts['rejected']} rejected, {len(staged.rows)} staged",
            fix=("请重新上传", "upload the file again"),
        )
    return staged


def commit(context: Context) -> tuple[dict[str, Any], Effect | None]:
    """Store the staged rows as one revision, in the transaction that ends the job.

    What is stored is what the report showed: when the layer has changed so that the same rows
    would do something else, nothing is stored and the report tells the new difference.
    """
    row, state = _upload(context), context.state
    layer = state.catalog.layers[row.layer]
    staged, counties = _staged(context, row, layer), _counties(context)
    shown = json.loads(row.report)
    author = Author(context.job.person or "?", f"上传 {row.file_name}", f"upload:{row.id}")
    state.snapshots.refresh()
    plan = Plan.of(layer, staged, state.snapshots.view(layer.id))
    result: dict[str, Any] = {"upload": row.id}
    features = context.folder / sides.FEATURES

    def effect(connection: Connection) -> None:
        nonlocal plan
        if plan.outdated(state.record):
            # Nobody else can write while this transaction is open: now it stays as it is.
            state.snapshots.refresh()
            plan = Plan.of(layer, staged, state.snapshots.view(layer.id))
        if shown.get("plan", plan.digest) != plan.digest:
            raise _changed(plan, shown)
        refuse_foreign(counties, layer, plan.change, plan.view)
        result.update(vars(plan.difference))
        if len(plan.change.op):
            done, (fids,) = state.record.commit([plan.change], author, connection=connection)
            result["revision"] = done.revision
            plan.save_features(features, staged, fids)
        else:
            plan.save_features(features, staged)
        blob = state.settings.blobs.keep(features)
        blobs.note(connection, blob, _ARROW)
        files = json.loads(row.sides or "{}") | {sides.FEATURES: blob.sha256}
        _move(connection, context, row, "committing", state="committed",
              revision=result.get("revision"), sides=queue.dump(files))  # fmt: skip

    context.report("commit", None)
    return result, effect


def _changed(plan: Plan, shown: Report) -> Problem:
    before, after = shown.get("diff", {}), vars(plan.difference)
    return Problem(
        "E_DIFF_CHANGED",
        f"图层在检查之后有改动：原为 {before}，现为 {after}；未保存",
        f"the layer has changed since the report: it was {before}, now it is {after}; "
        "nothing was stored",
        where=f"revision {plan.view.touched}",
        fix=("查看新的差异后再次提交", "look at the new difference and commit again"),
        extra={"diff": after, "plan": plan.digest},
    )


def _move(
    connection: Connection, context: Context, row: Row[Any], before: str, **values: object
) -> None:
    """Change the upload together with its job; it must be in the state the job found it in."""
    mine = (uploads.c.id == row.id, uploads.c.state == before, uploads.c.job_id == context.job.id)
    done = connection.execute(uploads.update().where(*mine).values(updated_at=now(), **values))
    if done.rowcount == 0:
        raise Problem("E_STATE", "上传状态刚刚改变", "The upload's state has just changed")


def revert(context: Context) -> tuple[dict[str, Any], Effect | None]:
    """Undo exactly what an upload changed; refused where later edits build on it."""
    row, state = _upload(context), context.state
    layer = state.catalog.layers[row.layer]
    author = Author(context.job.person or "?", f"撤销上传 {row.file_name}", f"revert:{row.id}")
    result: dict[str, Any] = {"upload": row.id}
    changes = [] if row.revision is None else state.record.inverse(row.revision)
    counties = _counties(context)

    def effect(connection: Connection) -> None:
        state.snapshots.refresh()
        view = state.snapshots.view(layer.id)
        for change in changes:
            refuse_foreign(counties, layer, change, view)
            refuse_rivals(layer, change, view)
        if changes:
            try:
                done, _ = state.record.commit(changes, author, connection=connection)
            except VersionConflict as error:
                raise _builds_on(error) from error
            result["revision"] = done.revision
        _move(connection, context, row, "committed", state="reverted",
              reverted_by=result.get("revision"))  # fmt: skip

    context.report("revert", None)
    return result, effect


def _builds_on(error: VersionConflict) -> Problem:
    fids = [conflict.fid for conflict in error.conflicts]
    first = "、".join(map(str, fids[:10]))
    return Problem(
        "E_REVERT",
        f"{len(fids)} 个要素在此次上传之后又被修改或删除（{first}），不能撤销",
        f"{len(fids)} features were changed or deleted after this upload "
        f"({', '.join(map(str, fids[:10]))}); it cannot be undone",
        where=error.where,
        fix=("先撤销或改回这些要素上的修改", "undo the later changes of these features first"),
        extra={
            "features": [
                {"fid": c.fid, "expected": c.expected, "current": c.current}
                for c in error.conflicts[:_LISTED]
            ],
            "count": len(fids),
        },
    )


def ended(
    connection: Connection, job: queue.Job, outcome: str, problem: dict[str, Any] | None
) -> None:
    """What a failed or cancelled job leaves of its upload: nothing stored, and the reason."""
    mine = (
        uploads.c.id == job.args["upload"],
        uploads.c.job_id == job.id,
        uploads.c.state.in_(("inspecting", "committing")),
    )
    row = connection.execute(select(uploads.c.report).where(*mine)).one_or_none()
    if row is None or job.kind == "upload.revert":
        return
    moved: dict[str, Any]
    if job.kind == "upload.commit":
        moved = {"state": "ready"}
        if problem and problem.get("code") == "E_DIFF_CHANGED":
            renewed = {name: problem[name] for name in ("diff", "plan")}
            moved["report"] = queue.dump(json.loads(row.report) | renewed)
    elif outcome == "cancelled":
        moved = {"state": "discarded"}
    else:
        issue = _issue(problem or {})
        report = {"state": "rejected", "issues": [issue], "issue_counts": {issue["code"]: 1}}
        moved = {"state": "rejected", "report": queue.dump(report), "staged": None, "sides": None}
    connection.execute(uploads.update().where(*mine).values(updated_at=now(), **moved))


def again(connection: Connection, job: queue.Job) -> None:
    """Bring the upload of a failed job back to where the job found it. Raises `Problem`."""
    moves: dict[str, tuple[str, dict[str, Any]]] = {
        "upload.inspect": ("rejected", {"state": "inspecting", "report": None}),
        "upload.commit": ("ready", {"state": "committing"}),
        "upload.revert": ("committed", {"state": "committed"}),
    }
    before, after = moves[job.kind]
    mine = (
        uploads.c.id == job.args["upload"],
        uploads.c.job_id == job.id,
        uploads.c.state == before,
    )
    done = connection.execute(uploads.update().where(*mine).values(updated_at=now(), **after))
    if done.rowcount == 0:
        raise Problem(
            "E_STATE",
            "上传已有新的进展，不能重试这个任务",
            "The upload has moved on; this job cannot be tried again",
        )


def _issue(problem: dict[str, Any]) -> dict[str, Any]:
    english = problem.get("en", {})
    fix = [problem["fix"], english.get("fix", "")] if "fix" in problem else None
    return {
        "code": problem.get("code", "E_INTERNAL"),
        "severity": "error",
        "zh": problem.get("detail", ""),
        "en": english.get("detail", ""),
        "row": None,
        "where": problem.get("where"),
        "fix": fix,
    }
