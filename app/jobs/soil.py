"""The soil run as a job: zones from a snapshot, the raster in a limited process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import shapely
from sqlalchemy import Connection

from app import blobs, scenes
from app.jobs.sandbox import Limits
from app.jobs.sandbox import run as sandboxed
from app.problems import Problem
from app.settings import Settings
from geo.snapshot import cql
from geo.snapshot.view import Matches
from geo.soil.grading import Grading, Gradings
from geo.soil.scene import Scene

if TYPE_CHECKING:
    from app.jobs.worker import Context, Effect

MOST_ZONES = 200_000
#: What says nothing about the salt in bare soil: clouds and shadows, water, plants.
BARE_SOIL = ("scl", "water", "vegetation")


def measure(
    settings: Settings,
    scene: Scene,
    index: str,
    grading: Grading,
    masks: list[str],
    matches: Matches,
    folder: Path,
    limits: Limits,
    report: Callable[[str, float | None], None],
    cancelled: Callable[[], bool] | None = None,
) -> tuple[dict[str, Any], Path]:
    """Run the computation in a child process: its summary, and the file with a row a zone."""
    fids = np.concatenate([s.fid[rows] for s, rows in matches] or [np.empty(0, np.int64)])
    if not 0 < len(fids) <= MOST_ZONES:
        raise Problem(
            "E_ZONE_COUNT",
            f"选中 {len(fids):,} 个图斑，应在 1 到 {MOST_ZONES:,} 之间",
            f"{len(fids):,} features are selected; it must be 1 to {MOST_ZONES:,}",
            where="zones",
        )
    zones, output = folder / "zones.arrow", folder / "areas.json"
    _write_zones(zones, fids, np.concatenate([s.geometries(rows) for s, rows in matches]))
    summary = sandboxed(
        "geo.soil.child:main",
        {
            "root": str(settings.raster_folder.resolve()),
            "scene": scene.model_dump(mode="json"),
            "index": index,
            "grading": grading.model_dump(mode="json"),
            "zones": str(zones.resolve()),
            "masks": masks,
            "output": str(output.resolve()),
        },
        folder,
        limits,
        report,
        cancelled=cancelled,
    )
    return summary, output


def run(context: Context) -> tuple[dict[str, Any], Effect | None]:
    """Areas of the grades of an index in the features of a layer."""
    args, state = context.job.args, context.state
    scene = scenes.get(state.record, args["scene"])
    grading = Gradings.load(*state.settings.definitions).resolve(args["grading"])
    asked = args["zones"]
    view = state.snapshots.view(asked["layer"], asked.get("as_of"), tuple(args.get("counties", ())))
    filters = []
    if asked.get("filter"):
        filters.append(cql.parse(asked["filter"], "cql2-text", view.layer))
    summary, output = measure(
        state.settings,
        scene,
        args["index"],
        grading,
        args["masks"],
        view.match(filters),
        context.folder,
        context.limits,
        context.report,
        context.cancelled,
    )
    blob = blobs.keep(state.settings.blob_folder, output)

    def effect(connection: Connection) -> None:
        blobs.note(connection, blob, "application/json")

    result = {
        **summary,
        "areas": blob.sha256,
        "scene": scene.id,
        "index": args["index"],
        "grading": grading.id,
        # What the map of the grades is drawn from, whatever is registered or defined later.
        "inputs": {
            "scene": scene.model_dump(mode="json"),
            "grading": grading.model_dump(mode="json"),
        },
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
