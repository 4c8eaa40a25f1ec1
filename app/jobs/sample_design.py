"""Random sample points for field teams as a job: drawn in a limited process, kept as a blob."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import shapely
from sqlalchemy import Connection

from app import blobs
from app.jobs.found import result_of
from app.jobs.queue import Job, Queue
from app.jobs.sandbox import run as sandboxed
from app.jobs.soil import MOST_ZONES
from app.problems import Problem
from app.state import State
from geo.snapshot import cql
from geo.snapshot.view import View

if TYPE_CHECKING:
    from app.jobs.worker import Context, Effect

MOST_STRATA = 100


def run(context: Context) -> tuple[dict[str, Any], Effect | None]:
    """Draw the points of one design."""
    args, state = context.job.args, context.state
    job = None
    if args.get("run") is not None:
        job = Queue(state.record).of_kind(args["run"], "soil.run", "run")
    asked = args["zones"] if job is None else job.args["zones"]
    counties = tuple(args.get("counties", ()))
    source, output = context.folder / "zones.arrow", context.folder / "points.arrow"
    if job is not None:
        graded = graded_by(job)
        view = state.snapshots.view(asked["layer"], graded["as_of"], counties)
        names = list(graded["labels"])
        _stage(source, view, asked, None)
        titles = {g["code"]: g["title"] for g in graded["grades"]}
        asked_map = map_of(state, job)
    else:
        view = state.snapshots.view(asked["layer"], asked.get("as_of"), counties)
        names = _stage(source, view, asked, args.get("by"))
        titles, asked_map = {}, None
    summary = sandboxed(
        "geo.soil.draw_child:main",
        {
            "zones": str(source.resolve()),
            "names": names,
            "map": asked_map,
            "size": args["size"],
            "seed": args["seed"],
            "distance_m": args["distance_m"],
            "output": str(output.resolve()),
        },
        context.folder,
        context.limits,
        context.report,
        cancelled=context.cancelled,
    )
    blob = state.settings.blobs.keep(output)

    def effect(connection: Connection) -> None:
        blobs.note(connection, blob, "application/vnd.apache.arrow.file")

    for row in summary["strata"]:
        row["title"] = titles.get(row["stratum"], {"zh": row["stratum"], "en": row["stratum"]})
    result = {
        **summary,
        "seed": args["seed"],
        "unit": "pixel" if asked_map is not None else "place",
        "table": blob.sha256,
        "layer": view.layer.id,
        "revision": view.touched,
        "as_of": view.revision,
    }
    return result, effect


def graded_by(job: Job) -> dict[str, Any]:
    """What a run found in the features of a layer. Raises `Problem` E_STATE."""
    result = result_of(job)
    if result["layer"] is None:
        raise Problem(
            "E_STATE",
            "只能为图层地块的计算布设样点",
            "Points are drawn for runs on a layer's features",
            where="run",
            fix=("请用图层作统计单元重新计算", "Run it again with zones of a layer"),
        )
    return result


def map_of(state: State, job: Job) -> dict[str, Any]:
    """What a run's map of grades is made of, for a child process."""
    result = result_of(job)
    return {
        "root": str(state.settings.raster_folder.resolve()),
        "scene": result["inputs"]["scenes"][-1],
        "grading": result["inputs"]["grading"],
        "spec": result["inputs"]["spec"],
        "masks": job.args["masks"],
    }


def _stage(path: Path, view: View, asked: dict[str, Any], by: str | None) -> list[str]:
    """Write polygons and the number of each one's stratum; names of the strata."""
    filters = []
    if asked.get("filter"):
        filters.append(cql.parse(asked["filter"], "cql2-text", view.layer))
    shapes: list[np.ndarray] = []
    values: list[str] = []
    for segment, rows in view.match(filters):
        shapes.append(shapely.to_wkb(segment.geometries(rows)))
        if by is not None:
            values.extend(
                "-" if v is None else str(v) for v in segment.column(by, rows).to_pylist()
            )
    wkb = np.concatenate([*shapes, np.empty(0, object)])
    if not 0 < len(wkb) <= MOST_ZONES:
        raise Problem(
            "E_ZONE_COUNT",
            f"选中 {len(wkb):,} 个图斑，应在 1 到 {MOST_ZONES:,} 之间",
            f"{len(wkb):,} features are selected; it must be 1 to {MOST_ZONES:,}",
            where="zones",
        )
    names, number = ["all"], np.zeros(len(wkb), dtype=np.int64)
    if by is not None:
        names = sorted(set(values))
        place = {name: at for at, name in enumerate(names)}
        number = np.array([place[value] for value in values], dtype=np.int64)
    if len(names) > MOST_STRATA:
        raise Problem(
            "E_SAMPLE_DESIGN",
            f"按 {by} 分出 {len(names)} 层，最多 {MOST_STRATA} 层",
            f"{by} makes {len(names)} strata; {MOST_STRATA} are the most",
            where="by",
        )
    table = pa.table({"wkb": pa.array(wkb, pa.large_binary()), "stratum": number})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return names
