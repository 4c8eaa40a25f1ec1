"""What the intervals of a model run take inside their limited process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from geo import crs as ground
from geo.soil import sampled, uncertain
from geo.soil.model import Model
from geo.soil.scene import Scene
from geo.soil.zonal import polygons

Progress = Callable[[str, float | None], None]
Floats = NDArray[np.float64]


def main(arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """``{root, scenes, model, zones, masks, cuts, error, draws, seed, output}`` -> summary.

    ``scenes``: one, or the earlier and the later. ``zones``: an Arrow file with ``wkb``
    (EPSG:4490). A row a zone goes to ``output``: ``mean``, ``mean_se``, ``points``,
    ``expected_<k>``, ``p10_<k>``, ``p50_<k>``, ``p90_<k>`` of the last scene; of two scenes also
    ``before`` and ``after``, the means of the points seen on both dates, and ``both``, their
    number.
    """
    with pa.memory_map(arguments["zones"]) as source:
        wkb = pa.ipc.open_file(source).read_all()["wkb"].to_numpy(zero_copy_only=False)
    scenes = [Scene.model_validate(each) for each in arguments["scenes"]]
    grid = scenes[-1].grid
    zones, _ = polygons(shapely.from_wkb(wkb))
    at, owner = uncertain.points(ground.transform(zones, ground.STORAGE, grid.crs), grid)
    lonlat = grid.to_lonlat(at[:, 0], at[:, 1])
    model = Model.model_validate(arguments["model"])
    values = []
    for number, scene in enumerate(scenes):
        progress("scenes", number / len(scenes))
        values.append(_predicted(arguments, scene, lonlat, model))
    error = uncertain.Error(**arguments["error"])
    found = uncertain.simulate(
        values[-1], at * grid.pixel_metres(), owner, len(zones), arguments["cuts"], error,
        bounds=model.bounds, draws=arguments["draws"], seed=arguments["seed"],
        progress=lambda done: progress("draws", done),
    )  # fmt: skip
    columns: dict[str, Any] = {
        "mean": found.mean, "mean_se": found.mean_se, "points": found.points,
    }  # fmt: skip
    for k in range(found.expected.shape[1]):
        columns[f"expected_{k}"] = found.expected[:, k]
        for row, percent in enumerate(uncertain.PERCENTILES):
            columns[f"p{percent}_{k}"] = found.percentiles[:, row, k]
    if len(scenes) > 1:
        columns |= _pair(values[0], values[-1], owner, len(zones))
    table = pa.table(columns)
    output = arguments["output"]
    with pa.OSFile(output, "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    method = uncertain.method(error, arguments["draws"])
    return {"points": len(owner), "method": method.model_dump()}


def _predicted(arguments: dict[str, Any], scene: Scene, lonlat: Floats, model: Model) -> Floats:
    found = sampled.at(
        Path(arguments["root"]), scene, lonlat, model.features, tuple(arguments["masks"])
    )
    return model.predict(found.values)


def _pair(
    before: Floats, after: Floats, owner: NDArray[np.int64], plots: int
) -> dict[str, NDArray[Any]]:
    seen = np.isfinite(before) & np.isfinite(after)
    count = np.bincount(owner[seen], minlength=plots)
    with np.errstate(invalid="ignore"):
        return {
            "before": np.bincount(owner[seen], before[seen], plots) / count,
            "after": np.bincount(owner[seen], after[seen], plots) / count,
            "both": count,
        }
