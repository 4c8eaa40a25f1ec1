"""Uploads as jobs: looking at a file in a limited process, and storing what was staged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import shapely
from sqlalchemy import Connection, Row, select

from app.blobs import path_of
from app.jobs import queue
from app.jobs.sandbox import Limits
from app.jobs.sandbox import run as sandboxed
from app.times import now
from geo.intake.changes import changes
from geo.layers import Catalog, Layer
from geo.record.protocol import Author, attribute_schema
from geo.record.tables import people, uploads

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.jobs.worker import Context, Effect

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
    used = {f.codelist for f in layer.fields if f.codelist}
    content = sandboxed(
        "geo.intake.run:main",
        {
            "source": str(source.resolve()),
            "name": name,
            "layer": layer.model_dump(mode="json"),
            "codelists": [catalog.codelists[i].model_dump(mode="json") for i in sorted(used)],
            "decisions": decisions,
            "out": str(staged.resolve()),
        },
        folder,
        limits,
        report,
        cancelled=cancelled,
    )
    return content, staged / "rows.arrow"


def read_staged(path: Path, layer: Layer) -> tuple[pa.Table, np.ndarray | None]:
    """Attributes and geometry (EPSG:4490) of a staging file; its columns are checked again."""
    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
    schema = attribute_schema(layer)
    attributes = table.select(schema.names).cast(schema)
    if layer.geometry is None:
        return attributes, None
    return attributes, shapely.from_wkb(table["geometry"].to_numpy())


def _upload(context: Context) -> Row[Any]:
    query = select(uploads, people.c.name.label("person")).join(
        people, people.c.id == uploads.c.person_id, isouter=True
    )
    with context.state.record.read() as connection:
        return connection.execute(query.where(uploads.c.id == context.job.args["upload"])).one()


def _staging(context: Context, upload_id: int) -> Path:
    return context.state.settings.data / "staging" / f"{upload_id}.arrow"


def inspect(context: Context) -> tuple[Report, Effect | None]:
    """Look at a file; the upload becomes ready, needs_input or rejected. Stores no feature."""
    row, state = _upload(context), context.state
    layer = state.catalog.layers[row.layer]
    copy = context.folder / "source"
    shutil.copyfile(path_of(state.settings.blob_folder, row.sha256), copy)
    report, rows = examine(
        copy,
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
        attributes, geometry = read_staged(rows, layer)
        _, difference = changes(
            layer, attributes, geometry, state.snapshots.view(layer.id), report["mode"]
        )
        report["diff"] = vars(difference)
        final = _staging(context, row.id)
        final.parent.mkdir(exist_ok=True)
        rows.replace(final)

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
    report = json.loads(row.report)
    staging = _staging(context, row.id)
    attributes, geometry = read_staged(staging, layer)
    state.snapshots.refresh()
    change, difference = changes(
        layer, attributes, geometry, state.snapshots.view(layer.id), report["mode"]
    )
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
