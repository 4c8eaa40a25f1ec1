"""The soil run as a job: zones from a snapshot, the raster in a limited process."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import shapely
from sqlalchemy import Connection

from app import scenes
from app.blobs import path_of
from app.jobs.sandbox import run as sandboxed
from app.problems import Problem
from app.times import now
from geo.record.tables import blobs
from geo.snapshot import cql
from geo.soil.grading import Gradings

if TYPE_CHECKING:
    from app.jobs.worker import Context, Effect

MOST_ZONES = 200_000


def run(context: Context) -> tuple[dict[str, Any], Effect | None]:
    """Areas of the grades of an index in the features of a layer."""
    args, state = context.job.args, context.state
    scene = scenes.get(state.record, args["scene"])
    grading = Gradings.load(*state.settings.definitions).resolve(args["grading"])
    zones = context.folder / "zones.arrow"
    asked = args["zones"]
    view = state.snapshots.view(asked["layer"], asked.get("as_of"))
    filters = []
    if asked.get("filter"):
        filters.append(cql.parse(asked["filter"], "cql2-text", view.layer))
    matches = view.match(filters)
    fids = np.concatenate([s.fid[rows] for s, rows in matches] or [np.empty(0, np.int64)])
    if not 0 < len(fids) <= MOST_ZONES:
        raise Problem(
            "E_ZONE_COUNT",
            f"选中 {len(fids):,} 个图斑，应在 1 到 {MOST_ZONES:,} 之间",
            f"{len(fids):,} features are selected; it must be 1 to {MOST_ZONES:,}",
            where="zones",
        )
    shapes = np.concatenate([s.geometries(rows) for s, rows in matches])
    _write_zones(zones, fids, shapes)
    output = context.folder / "areas.json"
    summary = sandboxed(
        "geo.soil.child:main",
        {
            "root": str(state.settings.raster_folder.resolve()),
            "scene": scene.model_dump(mode="json"),
            "index": args["index"],
            "grading": grading.model_dump(mode="json"),
            "zones": str(zones.resolve()),
            "masks": args["masks"],
            "output": str(output.resolve()),
        },
        context.folder,
        context.limits,
        context.report,
        cancelled=context.cancelled,
    )
    sha256 = _keep(state.settings.blob_folder, output)
    size = path_of(state.settings.blob_folder, sha256).stat().st_size

    def effect(connection: Connection) -> None:
        there = connection.execute(blobs.select().where(blobs.c.sha256 == sha256)).one_or_none()
        if there is None:
            connection.execute(
                blobs.insert().values(
                    sha256=sha256, size=size, media_type="application/json", created_at=now()
                )
            )

    result = {
        **summary,
        "areas": sha256,
        "scene": scene.id,
        "index": args["index"],
        "grading": grading.id,
        "layer": view.layer.id,
        "revision": view.touched,
        "as_of": view.revision,
    }
    return result, effect


def _write_zones(path: Path, fids: np.ndarray, shapes: np.ndarray) -> None:
    wkb = pa.array(shapely.to_wkb(shapes), pa.large_binary())
    table = pa.table({"fid": fids, "wkb": wkb})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def _keep(folder: Path, path: Path) -> str:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    final = path_of(folder, sha256)
    final.parent.mkdir(parents=True, exist_ok=True)
    path.replace(final)
    return sha256
