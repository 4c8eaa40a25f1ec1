"""What a model's error does to the plots of a run, in a limited process beside the run's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from app import blobs
from app.jobs import calibration
from app.jobs.sandbox import run as sandboxed
from geo.soil.model import Model
from geo.soil.uncertain import DRAWS, MOST_PLOTS

if TYPE_CHECKING:
    from app.jobs.soil import Order
    from app.jobs.worker import Context


def of_run(
    context: Context, order: Order, zones: Path
) -> tuple[dict[str, Any] | None, blobs.Blob | None]:
    """Intervals of every zone, for runs of a model: what a run's result says, and the table.

    None for runs of an index, whose figures have no model's error.
    """
    given = order.spec.get("model")
    if given is None:
        return None, None
    model = Model.model_validate(given)
    assert model.calibration is not None
    with pa.memory_map(str(zones)) as source:
        count = pa.ipc.open_file(source).read_all().num_rows
    if count > MOST_PLOTS:
        refused = {
            "zh": f"统计单元 {count:,} 个，超过 {MOST_PLOTS:,}，未作区间",
            "en": f"{count:,} zones are more than the {MOST_PLOTS:,} that intervals are made for",
        }
        return {"refused": refused}, None
    state = context.state
    job = calibration.find(state, model.calibration)
    found = calibration.content(state, job)
    error = {
        "rmse": found["overall"]["rmse"],
        "range_m": found["correlation"]["range_m"],
        "nugget": found["correlation"]["nugget"] or 0.0,
    }
    output = context.folder / "intervals.arrow"
    summary = sandboxed(
        "geo.soil.uncertain_child:main",
        {
            "root": str(state.settings.raster_folder.resolve()),
            "scenes": [scene.model_dump(mode="json") for scene in order.scenes],
            "model": model.model_dump(mode="json"),
            "zones": str(zones.resolve()),
            "masks": list(order.masks),
            "cuts": list(order.grading.axis_for(model.indicator).cuts),
            "error": error,
            "draws": DRAWS,
            "seed": context.job.id,
            "output": str(output.resolve()),
        },
        context.folder,
        context.limits,
        context.report,
        cancelled=context.cancelled,
    )
    blob = state.settings.blobs.keep(output)
    told = {
        "table": blob.sha256,
        "error": error,
        "draws": DRAWS,
        "seed": context.job.id,
        "unit": model.unit,
        "method": summary["method"],
    }
    return told, blob
