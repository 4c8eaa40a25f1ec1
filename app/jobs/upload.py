"""Uploads as jobs: looking at a file in a limited process, and storing what was staged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, select

from app.blobs import path_of
from app.jobs import queue
from app.jobs.sandbox import Limits
from app.jobs.sandbox import run as sandboxed
from app.times import now
from geo.intake import run as intake
from geo.intake import sides, stage
from geo.intake.changes import changes
from geo.intake.decide import Decisions
from geo.layers import Catalog, Layer
from geo.record.protocol import Author
from geo.record.tables import people, uploads

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.jobs.worker import Context, Effect
    from app.settings import Settings

Report = dict[str, Any]


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
) -> tuple[Report, Path]:
    """Inspect a file in a child process: its report, and where its rows are staged."""
    staged = folder / "staged"
    staged.mkdir(parents=True, exist_ok=True)
    # The child may read its own folder only.
    copy = folder / "source"
    shutil.copyfile(source, copy)
    content = sandboxed(
        "geo.intake.run:main",
        intake.arguments(
            copy.resolve(),
            name,
            layer,
            catalog.codelists,
            Decisions.model_validate(decisions),
            staged.resolve(),
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


def _staging(context: Context, upload_id: int) -> Path:
    return context.state.settings.data / "staging" / f"{upload_id}.arrow"


def side(settings: Settings, upload_id: int, name: str) -> Path:
    """Where a file beside an upload's report is kept (`geo.intake.sides`: ISSUES, ROWS)."""
    return settings.report_folder / f"{upload_id}.{name}"


def _keep_sides(context: Context, upload_id: int, folder: Path) -> None:
    settings = context.state.settings
    settings.report_folder.mkdir(exist_ok=True)
    for name in (sides.ISSUES, sides.ROWS):
        kept = side(settings, upload_id, name)
        kept.unlink(missing_ok=True)
        if (folder / name).exists():
            (folder / name).replace(kept)


def inspect(context: Context) -> tuple[Report, Effect | None]:
    """Look at a file; the upload becomes ready, needs_input or rejected. Stores no feature."""
    row, state = _upload(context), context.state
    layer = state.catalog.layers[row.layer]
    report, rows = examine(
        path_of(state.settings.blob_folder, row.sha256),
        row.file_name,
        layer,
        state.catalog,
        json.loads(row.decisions or "{}"),
        context.folder,
        context.limits,
        context.report,
        context.cancelled,
    )
    if report["state"] == "ready":
        staged = stage.load(rows, layer)
        _, difference = changes(layer, staged, state.snapshots.view(layer.id))
        report["diff"] = vars(difference)
        final = _staging(context, row.id)
        final.parent.mkdir(exist_ok=True)
        rows.replace(final)

    _keep_sides(context, row.id, rows.parent)

    def effect(connection: Connection) -> None:
        connection.execute(
            uploads.update()
            .where(uploads.c.id == row.id, uploads.c.state == "inspecting")
            .values(state=report["state"], report=queue.dump(report), updated_at=now())
        )

    return {"upload": row.id, "state": report["state"]}, effect


def commit(context: Context) -> tuple[dict[str, Any], Effect | None]:
    """Store the staged rows as one revision, in the transaction that ends the job."""
    row, state = _upload(context), context.state
    layer = state.catalog.layers[row.layer]
    staged = stage.load(_staging(context, row.id), layer)
    state.snapshots.refresh()
    change, difference = changes(layer, staged, state.snapshots.view(layer.id))
    author = Author(row.person or "?", f"上传 {row.file_name}", f"upload:{row.id}")
    result: dict[str, Any] = {"upload": row.id, **vars(difference)}

    def effect(connection: Connection) -> None:
        if len(change.op):
            done, _ = state.record.commit([change], author, connection=connection)
            result["revision"] = done.revision
        connection.execute(
            uploads.update()
            .where(uploads.c.id == row.id, uploads.c.state == "committing")
            .values(state="committed", revision=result.get("revision"), updated_at=now())
        )

    context.report("commit", None)
    return result, effect


def ended(
    connection: Connection, job: queue.Job, outcome: str, problem: dict[str, Any] | None
) -> None:
    """What a failed or cancelled job leaves of its upload: nothing stored, and the reason."""
    if job.kind == "upload.commit":
        moved = {"state": "ready"}
    elif outcome == "cancelled":
        moved = {"state": "discarded"}
    else:
        issue = _issue(problem or {})
        report = {"state": "rejected", "issues": [issue], "issue_counts": {issue["code"]: 1}}
        moved = {"state": "rejected", "report": queue.dump(report)}
    connection.execute(
        uploads.update()
        .where(uploads.c.id == job.args["upload"], uploads.c.job_id == job.id)
        .values(updated_at=now(), **moved)
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
