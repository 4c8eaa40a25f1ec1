"""Single plots of a run: intervals of a model's error, and areas corrected by an error matrix."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import anyio
import pyarrow as pa
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app import bodies, params
from app.api.links import CSV, JSON, answer, attachment, produces
from app.api.soil_runs import RunId
from app.auth import allow
from app.soil import Finished
from app.soil_plots import interval_rows, perimeters
from app.state import State
from geo.formats.csv import csv_bytes
from geo.soil.accuracy import Z95
from geo.soil.scene import Scene
from geo.soil.synthetic import METHOD, synthetic

router = APIRouter(tags=["土壤 Soil"])
Count = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Adjusted(BaseModel):
    """Sample counts of the whole map (rows map, columns reference), in the order of the grades."""

    model_config = ConfigDict(extra="forbid")

    matrix: list[list[Count]] = Field(max_length=64)
    registration_m: float = Field(
        5, ge=0, le=1000, description="Standard error of the image's position."
    )


@router.get("/soil/runs/{run_id}/intervals", summary="Intervals of each plot's areas of grades")
@allow("viewer")
@produces(JSON, CSV)
def intervals(
    request: Request, run_id: RunId, f: Annotated[Literal["json", "csv"], Query()] = "json"
) -> Response:
    """Model-assumed: percentiles of a Monte-Carlo of the calibration's correlated residuals."""
    state: State = request.app.state.liangtian
    run = Finished(request, run_id)
    rows = interval_rows(state, run)
    tag = params.etag("intervals", run_id, f)
    if f == "csv":
        return _csv(request, run, rows, tag)
    told = {k: v for k, v in run.result["intervals"].items() if k != "table"}
    return answer(request, {"label": "model-assumed", "rows": rows, **told}, tag)


def _csv(request: Request, run: Finished, rows: list[dict[str, Any]], tag: str) -> Response:
    columns: dict[str, pa.Array] = {
        "zone": pa.array([str(row["zone"]) for row in rows]),
        **{
            name: pa.array([row[name] for row in rows])
            for name in ("status", "points", "mean", "mean_se", "graded_m2")
        },
    }
    for label in run.labels:
        for figure in ("mapped_m2", "expected_m2", "p10_m2", "p50_m2", "p90_m2"):
            columns[f"{label} {figure}"] = pa.array(
                [row["grades"].get(label, {}).get(figure) for row in rows], pa.float64()
            )
    body = b"".join(csv_bytes(columns, list(columns), bom=True))
    named = {"Content-Disposition": attachment(f"soil-intervals-{run.job.id}.csv")}
    return answer(request, body, tag, f"{CSV}; charset=utf-8", named)


@router.post(
    "/soil/runs/{run_id}/adjusted",
    summary="Each plot's areas corrected by the error matrix of the map",
    openapi_extra=bodies.json_body(Adjusted),
)
@allow("viewer")
async def adjusted(request: Request, run_id: RunId) -> Response:
    """Model-assumed: the map's error rates are taken over to every plot."""
    asked = await bodies.read_json(request, Adjusted)
    return await anyio.to_thread.run_sync(_adjusted, request, run_id, asked)


def _adjusted(request: Request, run_id: int, asked: Adjusted) -> Response:
    run = Finished(request, run_id)
    graded = run.results.zones().after.grades
    scene = Scene.model_validate(run.result["inputs"]["scenes"][-1])
    found = synthetic(
        asked.matrix, graded, perimeters(request, run), scene.grid.pixel_metres(),
        asked.registration_m,
    )  # fmt: skip
    rows = [
        {
            "zone": zone,
            "graded_m2": sum(mapped),
            "grades": {
                label: {
                    "mapped_m2": mapped[k],
                    "area_m2": area[k],
                    "se_m2": se[k],
                    "ci95_m2": Z95 * se[k],
                    "boundary_se_m2": edge[k],
                }
                for k, label in enumerate(run.labels)
            },
        }
        for zone, mapped, area, se, edge in zip(
            run.results.zone_ids, graded.tolist(), found.area.tolist(), found.se.tolist(),
            found.boundary_se.tolist(), strict=True,
        )
    ]  # fmt: skip
    content = {"label": "model-assumed", "rows": rows, "method": METHOD.model_dump()}
    return answer(request, content)
