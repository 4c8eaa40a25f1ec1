"""Figures of single plots of a finished run: their intervals, and what change can be told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from fastapi import Request
from numpy.typing import NDArray

from app import sight
from app.problems import Problem
from app.soil import Finished
from app.state import State
from geo.area import length
from geo.soil import change_limit
from geo.soil.uncertain import PERCENTILES

Floats = NDArray[np.float64]


def table(state: State, run: Finished) -> pa.Table:
    """A row a zone, as `geo.soil.uncertain_child` writes it. Raises `Problem` E_STATE."""
    told = run.result.get("intervals")
    if told is None:
        raise Problem(
            "E_STATE",
            "这次计算用的是指数，没有模型误差",
            "This run is of an index, which has no model's error",
            fix=(
                "用 model（标定）计算；或用误差矩阵 POST 到 adjusted",
                "Run a model (a calibration), or POST an error matrix to adjusted",
            ),
        )
    if "refused" in told:
        raise Problem("E_STATE", told["refused"]["zh"], told["refused"]["en"])
    path = state.settings.blobs.path(told["table"])
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all()


def interval_rows(state: State, run: Finished) -> list[dict[str, Any]]:
    """Areas of grades of each zone by its shares: expected and percentiles, m²."""
    found, graded = table(state, run), run.results.zones().after.grades
    seen = graded.sum(axis=1)
    columns = {name: found[name].to_numpy() for name in found.column_names}
    names = ("expected", *(f"p{percent}" for percent in PERCENTILES))
    rows = []
    for at, zone in enumerate(run.results.zone_ids):
        known = columns["points"][at] > 0
        rows.append(
            {
                "zone": zone,
                "status": "estimated" if known else "not_observed",
                "points": int(columns["points"][at]),
                "mean": float(columns["mean"][at]) if known else None,
                "mean_se": float(columns["mean_se"][at]) if known else None,
                "graded_m2": float(seen[at]),
                "grades": {
                    label: {
                        "mapped_m2": float(graded[at, k]),
                        **{f"{n}_m2": float(columns[f"{n}_{k}"][at] * seen[at]) for n in names},
                    }
                    for k, label in enumerate(run.labels)
                }
                if known
                else {},
            }
        )
    return rows


def detectable(state: State, run: Finished) -> tuple[list[dict[str, Any]], dict[str, Any]] | None:
    """For each zone of a run of a model on two scenes: its change and whether it can be told.

    None for other runs.
    """
    told = run.result.get("intervals")
    if told is None or "table" not in told or not run.is_pair:
        return None
    found, change = table(state, run), run.results.zones().change
    assert change is not None
    before, after = found["before"].to_numpy(), found["after"].to_numpy()
    k = len(run.labels)
    area = change[:, :k, :k].sum(axis=(1, 2))
    error = told["error"]
    independent = change_limit.effective(area, error["range_m"], error["nugget"])
    limit = change_limit.mdc95(error["rmse"], independent)
    verdicts = change_limit.verdicts(after - before, limit)
    rows = [
        {
            "mean_before": _number(b),
            "mean_after": _number(a),
            "difference": _number(a - b),
            "mdc95": float(least),
            "verdict": verdict,
        }
        for b, a, least, verdict in zip(before, after, limit, verdicts, strict=True)
    ]
    counts = {name: verdicts.count(name) for name in
              ("improved", "worse", "not_distinguishable", "not_observed")}  # fmt: skip
    about = {
        "verdicts": counts,
        "rmse": error["rmse"],
        "unit": told["unit"],
        "method": change_limit.METHOD.model_dump(),
    }
    return rows, about


def perimeters(request: Request, run: Finished) -> Floats:
    """Metres, in the order of the run's zones."""
    state: State = request.app.state.liangtian
    zones = run.results.zone_ids
    if run.result["layer"] is None:
        path = state.settings.blobs.path(run.job.args["zones"]["geometries"])
        with pa.memory_map(str(path)) as source:
            wkb = pa.ipc.open_file(source).read_all()["wkb"].to_numpy(zero_copy_only=False)
        return length(shapely.from_wkb(wkb))
    view = sight.view(request, run.result["layer"], run.result["as_of"])
    wanted = np.asarray(zones, dtype=np.int64)
    order = np.argsort(wanted)
    found = np.zeros(len(wanted))
    for segment, rows in view.match():
        mine = rows[np.isin(segment.fid[rows], wanted)]
        at = order[np.searchsorted(wanted, segment.fid[mine], sorter=order)]
        found[at] = length(segment.geometries(mine))
    return found


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
