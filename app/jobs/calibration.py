"""Calibration as a job: samples from the snapshot, scenes and fitting in a limited process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa
import shapely
from sqlalchemy import Connection

from app import blobs, scenes
from app.jobs import queue
from app.jobs.sandbox import run as sandboxed
from app.problems import Problem
from app.state import State
from geo.snapshot import cql
from geo.snapshot.view import View
from geo.soil import target as targets
from geo.soil.target import Target

if TYPE_CHECKING:
    from app.jobs.worker import Context, Effect

LAYER = "samples"
MOST_SAMPLES = 100_000
#: Numbers that a calibration reads of each sample besides its code and place.
_FIELDS = ("code", "plot_code", "sampled_on", "depth_top_cm", "depth_bottom_cm", "qa")


def run(context: Context) -> tuple[dict[str, Any], Effect | None]:
    """Fit and judge one model; the whole of it is kept as a blob of JSON."""
    args, state = context.job.args, context.state
    target = targets.get(args["target"])
    asked = args["samples"]
    view = state.snapshots.view(LAYER, asked.get("as_of"), tuple(args.get("counties", ())))
    table, left = chosen(view, target, args)
    if not len(table):
        raise _none(left)
    source, output = context.folder / "samples.arrow", context.folder / "calibration.json"
    with pa.OSFile(str(source), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    summary = sandboxed(
        "geo.soil.calibrate_child:main",
        {
            "root": str(state.settings.raster_folder.resolve()),
            "scenes": [
                scenes.here(state.settings, scenes.get(state.record, each)).model_dump(mode="json")
                for each in args["scenes"]
            ],
            "samples": str(source.resolve()),
            "output": str(output.resolve()),
            **{
                key: args[key]
                for key in (
                    "target", "kind", "features", "masks", "window", "log", "days", "cv", "seed",
                )
            },
        },
        context.folder,
        context.limits,
        context.report,
        cancelled=context.cancelled,
    )  # fmt: skip
    blob = state.settings.blobs.keep(output)

    def effect(connection: Connection) -> None:
        blobs.note(connection, blob, "application/json")

    summary["counts"] = left | summary["counts"]
    return {**summary, "calibration": blob.sha256, "revision": view.touched}, effect


def chosen(view: View, target: Target, args: dict[str, Any]) -> tuple[pa.Table, dict[str, int]]:
    """Samples that may be used, as `geo.soil.calibrate_child` reads them, and why others not.

    Raises `Rejected`: E_EXTRACT where samples of different extracts would be put together.
    """
    filters = []
    if args["samples"].get("filter"):
        filters.append(cql.parse(args["samples"]["filter"], "cql2-text", view.layer))
    names = {*_FIELDS, target.field}
    names |= {target.extract[0]} if target.extract else set()
    names |= {target.apart} if target.apart else set()
    columns: dict[str, list[Any]] = {name: [] for name in names}
    fids, shapes = [], []
    for segment, rows in view.match(filters):
        fids.append(segment.fid[rows])
        shapes.append(segment.geometries(rows))
        for name in names:
            columns[name].extend(segment.column(name, rows).to_pylist())
    fid = np.concatenate([*fids, np.empty(0, np.int64)])
    shape = np.concatenate([*shapes, np.empty(0, object)])
    value = np.array([np.nan if v is None else v for v in columns[target.field]], dtype=np.float64)
    top, bottom = (
        np.array([np.nan if v is None else v for v in columns[name]], dtype=np.float64)
        for name in ("depth_top_cm", "depth_bottom_cm")
    )
    depth = args["depth"]
    checks = [
        ("other_depth", (top < depth["top_cm"]) | (bottom > depth["bottom_cm"])),
        ("doubtful", np.array([v not in (None, "valid") for v in columns["qa"]], dtype=bool)),
        ("no_value", np.isnan(value)),
    ]
    if target.extract:
        kept = np.array([v == target.extract[1] for v in columns[target.extract[0]]], dtype=bool)
        checks.append(("other_extract", ~kept))
    keep, left = np.ones(len(fid), dtype=bool), {"in_filter": len(fid)}
    for name, out in checks:
        left[name] = int((keep & out).sum())
        keep &= ~out
    rows = np.flatnonzero(keep)
    if target.apart:
        _one_extract([columns[target.apart][at] for at in rows.tolist()], target)
    if len(rows) > MOST_SAMPLES:
        raise Problem(
            "E_SAMPLE_FEW",
            f"样本 {len(rows):,} 个，超过上限 {MOST_SAMPLES:,}",
            f"{len(rows):,} samples are more than the {MOST_SAMPLES:,} that are taken",
            where="samples.filter",
        )
    xy = shapely.get_coordinates(shape[rows])
    days = [(columns["sampled_on"][at] - date(1970, 1, 1)).days for at in rows.tolist()]
    table = pa.table(
        {
            "fid": fid[rows],
            "code": pa.array([columns["code"][at] for at in rows.tolist()], pa.string()),
            "group": pa.array([columns["plot_code"][at] for at in rows.tolist()], pa.string()),
            "lon": xy[:, 0],
            "lat": xy[:, 1],
            "day": pa.array(days, pa.int64()),
            "value": value[rows],
        }
    )
    return table, left


def _one_extract(found: list[str | None], target: Target) -> None:
    counts = Counter(v or "-" for v in found)
    if len(counts) > 1:
        listed = ", ".join(f"{name}: {count}" for name, count in counts.most_common())
        raise Problem(
            "E_EXTRACT",
            f"样本的 {target.title.zh} 出自不同的浸提方式（{listed}），不可混用",
            f"the samples' {target.title.en} come from different extracts ({listed}), which are "
            "never put together",
            where="samples.filter",
            fix=(
                f"用 filter 选定一种，如 {target.apart} = '{counts.most_common(1)[0][0]}'",
                f"choose one, e.g. filter {target.apart} = '{counts.most_common(1)[0][0]}'",
            ),
        )


def _none(left: dict[str, int]) -> Problem:
    told = ", ".join(f"{name} {count}" for name, count in left.items())
    return Problem(
        "E_SAMPLE_FEW",
        f"没有可用的样本（{told}）",
        f"no sample can be used ({told})",
        where="samples",
        fix=(
            "检查 filter、depth 和 target 的浸提方式",
            "look at filter, depth and the extract of the target",
        ),
    )


def find(state: State, calibration: int) -> queue.Job:
    """The job of a calibration. Raises `Problem` E_NOT_FOUND."""
    return queue.Queue(state.record).of_kind(calibration, "soil.calibration", "model")


def content(state: State, job: queue.Job) -> dict[str, Any]:
    """All of a finished calibration. Raises `Problem` E_STATE."""
    path: Path = state.settings.blobs.path(job.outcome()["calibration"])
    found: dict[str, Any] = orjson.loads(path.read_bytes())
    return found


def spec_of(state: State, spec: Mapping[str, Any]) -> dict[str, Any]:
    """A run's measure (`geo.soil.measure.Spec`) with the model in the place of its number.

    Raises `Problem` E_NOT_FOUND, E_STATE.
    """
    if "model" not in spec:
        return dict(spec)
    number = int(spec["model"])
    found = content(state, find(state, number))["model"]
    return {**spec, "model": {**found, "calibration": number}}
