"""The soil run as a job: zones from a snapshot or a drawing, the raster in a limited process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import shapely
from sqlalchemy import Connection

from app import blobs, scenes
from app.jobs import calibration, plot_intervals
from app.jobs.found import FORMAT
from app.jobs.sandbox import Limits, SandboxError
from app.jobs.sandbox import run as sandboxed
from app.problems import Problem
from app.settings import Settings
from app.state import State
from geo.snapshot import cql
from geo.snapshot.view import Matches, View
from geo.soil.grading import Grading, Gradings
from geo.soil.scene import Scene
from geo.totals.question import zone_field

if TYPE_CHECKING:
    from app.jobs.worker import Context, Effect

MOST_ZONES = 200_000
#: Most polygons of a layer at whose edges zones are cut.
MOST_MEMBERS = 2_000
#: Layers at whose edges zones are cut unless a run says otherwise.
SPLITS = ("counties", "districts")
#: How often a child that was killed is started again where it stopped.
_STARTS = 3


@dataclass(frozen=True)
class Order:
    """What the child is asked. ``splits``: polygons by name. ``checkpoint``: see `resumed`."""

    scenes: tuple[Scene, ...]
    spec: Mapping[str, Any]
    grading: Grading
    masks: Sequence[str]
    splits: Mapping[str, np.ndarray] = field(default_factory=dict)
    checkpoint: Path | None = None


def measure(
    settings: Settings,
    order: Order,
    zones: Path,
    folder: Path,
    limits: Limits,
    report: Callable[[str, float | None], None],
    cancelled: Callable[[], bool] | None = None,
) -> tuple[dict[str, Any], Path]:
    """Run the computation in a child process: its summary, and the file with a row a zone.

    A child that is killed from outside (the kernel, when memory runs out) goes on from its
    checkpoint, `_STARTS` times at most.
    """
    output = folder / "areas.arrow"
    paths = {}
    for name, shapes in order.splits.items():
        paths[name] = str((folder / f"split-{name}.arrow").resolve())
        write_zones(Path(paths[name]), list(range(len(shapes))), shapes)
    asked = {
        "root": str(settings.raster_folder.resolve()),
        "scenes": [scene.model_dump(mode="json") for scene in order.scenes],
        "spec": dict(order.spec),
        "grading": order.grading.model_dump(mode="json"),
        "zones": str(zones.resolve()),
        "splits": paths,
        "masks": list(order.masks),
        "output": str(output.resolve()),
        "checkpoint": None if order.checkpoint is None else str(order.checkpoint.resolve()),
        "scheduler": settings.dask or None,
    }
    for left in reversed(range(_STARTS)):
        try:
            summary = sandboxed(
                "geo.soil.child:main", asked, folder, limits, report, cancelled=cancelled,
                network=bool(settings.dask),
            )  # fmt: skip
            return summary, output
        except SandboxError as error:
            resumes = order.checkpoint is not None and order.checkpoint.exists()
            if not left or error.code != "E_MEMORY" or not resumes:
                raise
    raise AssertionError


def zones_of(matches: Matches, path: Path) -> None:
    """Write the features of a layer as zones. Raises `Problem` E_ZONE_COUNT."""
    fids = np.concatenate([s.fid[rows] for s, rows in matches] or [np.empty(0, np.int64)])
    check_count(len(fids))
    shapes = np.concatenate([s.geometries(rows) for s, rows in matches])
    areas = np.concatenate([s.column("area_m2", rows).to_numpy() for s, rows in matches])
    write_zones(path, fids.tolist(), shapes, {"area_m2": pa.array(areas, pa.float64())})


def check_count(count: int) -> None:
    if not 0 < count <= MOST_ZONES:
        raise Problem(
            "E_ZONE_COUNT",
            f"选中 {count:,} 个图斑，应在 1 到 {MOST_ZONES:,} 之间",
            f"{count:,} features are selected; it must be 1 to {MOST_ZONES:,}",
            where="zones",
        )


def checkpoint_of(settings: Settings, job_id: int) -> Path:
    """Where all attempts at a job leave their sums; swept when the job has ended."""
    return settings.work_folder / f"soil-{job_id}.npz"


def run(context: Context) -> tuple[dict[str, Any], Effect | None]:
    """Areas of the grades of a measure in zones."""
    args, state = context.job.args, context.state
    settings = state.settings
    grading = Gradings.load(*settings.definitions).resolve(args["grading"])
    counties = tuple(args.get("counties", ()))
    found = _Zones(state, args["zones"], counties, context.folder)
    members = _members(state, args["splits"], found.as_of, counties)
    checkpoint = checkpoint_of(settings, context.job.id)
    order = Order(
        tuple(scenes.here(settings, scenes.get(state.record, name)) for name in args["scenes"]),
        calibration.spec_of(state, args["spec"]),
        grading,
        args["masks"],
        {name: shapes for name, (shapes, _, _) in members.items()},
        checkpoint,
    )
    summary, output = measure(
        settings, order, found.path, context.folder, context.limits, context.report,
        context.cancelled,
    )  # fmt: skip
    blob = settings.blobs.keep(output)
    intervals, plots = plot_intervals.of_run(context, order, found.path)

    def effect(connection: Connection) -> None:
        for each in filter(None, (blob, plots)):
            blobs.note(connection, each, "application/vnd.apache.arrow.file")
        checkpoint.unlink(missing_ok=True)

    result = {
        **summary,
        "format": FORMAT,
        "areas": blob.sha256,
        "scene": order.scenes[-1].id,
        "scenes": list(args["scenes"]),
        "measure": dict(args["spec"]),
        "intervals": intervals,
        "grading": grading.id,
        # What the map of the grades is drawn from, whatever is registered or defined later.
        "inputs": {
            "scenes": [scene.model_dump(mode="json") for scene in order.scenes],
            "spec": dict(order.spec),
            "grading": grading.model_dump(mode="json"),
        },
        "members": {
            name: {"keys": keys, "labels": labels} for name, (_, keys, labels) in members.items()
        },
        "layer": found.layer,
        "revision": found.revision,
        "as_of": found.as_of,
        "warnings": args.get("warnings", []),
    }
    return result, effect


class _Zones:
    """The zones of a job as a file, and what they are of."""

    def __init__(
        self, state: State, asked: dict[str, Any], counties: tuple[str, ...], folder: Path
    ) -> None:
        self.layer: str | None = asked.get("layer")
        if self.layer is None:
            self.path = state.settings.blobs.path(asked["geometries"])
            self.as_of = self.revision = state.snapshots.revision
            return
        view = state.snapshots.view(self.layer, asked.get("as_of"), counties)
        filters = []
        if asked.get("filter"):
            filters.append(cql.parse(asked["filter"], "cql2-text", view.layer))
        self.path = folder / "zones.arrow"
        zones_of(view.match(filters), self.path)
        self.revision, self.as_of = view.touched, view.revision


def _members(
    state: State, names: Sequence[str], as_of: int, counties: tuple[str, ...]
) -> dict[str, tuple[np.ndarray, list[Any], list[Any]]]:
    """Polygons of layers with their keys and what they are called."""
    found = {}
    for name in names:
        view = state.snapshots.view(name, as_of, counties)
        matches = view.match()
        shapes = [s.geometries(rows) for s, rows in matches]
        there = np.concatenate(shapes) if shapes else np.empty(0, object)
        if len(there) > MOST_MEMBERS:
            raise Problem(
                "E_ZONE_COUNT",
                f"图层 {name} 有 {len(there):,} 个面，多于 {MOST_MEMBERS:,}，不能用来切分",
                f"layer {name} has {len(there):,} polygons, more than {MOST_MEMBERS:,}: zones "
                "are not cut at their edges",
                where="splits",
            )
        key, label = zone_field(view.layer), view.layer.label or zone_field(view.layer)
        found[name] = (there, _column(view, matches, key), _column(view, matches, label))
    return found


def _column(view: View, matches: Matches, name: str) -> list[Any]:
    if name not in view.layer.by_name:
        return [fid for s, rows in matches for fid in s.fid[rows].tolist()]
    return [value for s, rows in matches for value in s.column(name, rows).to_pylist()]


def write_zones(
    path: Path, ids: Sequence[Any], shapes: np.ndarray, more: Mapping[str, pa.Array] | None = None
) -> None:
    """Zones as the child reads them. ``more``: their ``area_m2``, ``properties`` (JSON)."""
    columns: dict[str, Any] = {
        "id": pa.array(ids),
        "wkb": pa.array(shapely.to_wkb(shapes), pa.large_binary()),
        **(more or {}),
    }
    table = pa.table(columns)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
