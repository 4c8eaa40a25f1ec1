"""What a calibration does inside its limited process: samples and scenes in, a model out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from geo import crs as ground
from geo.soil import calibrate, folds, sampled
from geo.soil import target as targets
from geo.soil.scene import Scene

Progress = Callable[[str, float | None], None]


def main(arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """``{root, scenes, samples, target, kind, features, masks, window, log, days, cv, seed,
    output}`` -> summary; the whole calibration goes to ``output`` as JSON.

    ``samples``: an Arrow file with ``fid``, ``code``, ``group`` (the plot's code), ``lon``,
    ``lat``, ``day`` (since 1970) and ``value``.
    """
    with pa.memory_map(arguments["samples"]) as source:
        table = pa.ipc.open_file(source).read_all()
    scenes = [Scene.model_validate(each) for each in arguments["scenes"]]
    lonlat = np.column_stack([table["lon"].to_numpy(), table["lat"].to_numpy()])
    names = tuple(arguments["features"])
    paired = _pair(arguments, scenes, lonlat, table["day"].to_numpy(), names, progress)
    rows = np.flatnonzero(paired.scene >= 0)
    kind, target = arguments["kind"], targets.get(arguments["target"])
    groups_of = np.array([code or "" for code in table["group"].to_pylist()], dtype=object)
    by_field = arguments["cv"]["method"] == "field"
    without = 0
    if by_field:  # a sample of no plot cannot be left out with one
        named = groups_of[rows] != ""
        without = int((~named).sum())
        rows = rows[named]
    counts = paired.counts | {"without_plot": without, "used": len(rows)}
    calibrate.enough(len(rows), kind, len(names))
    zone = ground.zone_of(float(np.median(lonlat[rows, 0])))
    xy = ground.transform_points(lonlat[rows], ground.STORAGE, ground.gauss_kruger(zone))
    if by_field:
        groups = folds.numbers(groups_of[rows].astype(str))
    else:
        groups = folds.blocks(xy, float(arguments["cv"]["size_m"]))
    y = table["value"].to_numpy()[rows].astype(np.float64)
    progress("fit", None)
    found = calibrate.calibrate(
        paired.values[rows], y, xy, groups, target=target, kind=kind, names=names,
        log=arguments["log"], seed=arguments["seed"],
    )  # fmt: skip
    clean = [{key: _number(value) for key, value in row.items()} for row in found.per_fold]
    summary = {
        "counts": counts,
        "groups": int(groups.max()) + 1,
        "overall": {key: _number(value) for key, value in found.overall.items()},
        "per_fold": clean,
        "formula": found.model.formula,
        "components": found.model.components,
        "correlation": {
            "range_m": found.correlation.range_m,
            "nugget": found.correlation.nugget,
            "area_m2": found.correlation.area_m2,
            "pairs": found.correlation.pairs,
        },
        "observed": {"mean": float(y.mean()), "min": float(y.min()), "max": float(y.max())},
    }
    picked = table.take(pa.array(rows))
    content = {
        **summary,
        "model": found.model.model_dump(mode="json"),
        "samples": {
            "fid": picked["fid"].to_pylist(),
            "code": picked["code"].to_pylist(),
            "lon": lonlat[rows, 0].tolist(),
            "lat": lonlat[rows, 1].tolist(),
            "scene": [scenes[at].id for at in paired.scene[rows].tolist()],
            "days": paired.days[rows].tolist(),
            "observed": y.tolist(),
            "predicted": found.predicted.tolist(),
            "residual": (y - found.predicted).tolist(),
            "fold": found.fold.tolist(),
        },
    }
    Path(arguments["output"]).write_text(json.dumps(content, allow_nan=False))
    return summary


class _Paired:
    """For each sample the scene nearest in time that shows it (-1: none), and its values."""

    def __init__(self, n: int, p: int) -> None:
        self.scene = np.full(n, -1, dtype=np.int64)
        self.days = np.full(n, np.iinfo(np.int32).max, dtype=np.int64)
        self.values = np.full((n, p), np.nan, dtype=np.float32)
        self.reason = np.full(n, len(sampled.REASONS), dtype=np.int64)

    @property
    def counts(self) -> dict[str, int]:
        """How many samples each reason took away."""
        names = (*sampled.REASONS, "no_scene_in_time")
        size = np.bincount(self.reason, minlength=len(names))
        told = dict(zip(names, size.tolist(), strict=True))
        told["samples"] = len(self.reason)
        return {("clear" if key == "ok" else key): value for key, value in told.items()}


def _pair(
    arguments: dict[str, Any],
    scenes: list[Scene],
    lonlat: NDArray[np.float64],
    day: NDArray[np.int64],
    names: tuple[str, ...],
    progress: Progress,
) -> _Paired:
    paired = _Paired(len(lonlat), len(names))
    for number, scene in enumerate(scenes):
        progress("scenes", number / len(scenes))
        apart = np.abs(day - int(scene.datetime.timestamp() // 86400))
        rows = np.flatnonzero((apart <= arguments["days"]) & (apart < paired.days))
        if not len(rows):
            continue
        found = sampled.at(
            Path(arguments["root"]), scene, lonlat[rows], names, tuple(arguments["masks"]),
            arguments["window"],
        )  # fmt: skip
        seen = found.status == sampled.OK
        at = rows[seen]
        paired.scene[at], paired.days[at] = number, apart[at]
        paired.values[at] = found.values[seen]
        # The reason that came nearest to a value is told.
        paired.reason[rows] = np.where(
            paired.scene[rows] >= 0, sampled.OK, np.where(seen, sampled.OK, found.status)
        )
    return paired


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
