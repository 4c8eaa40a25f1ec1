"""What a soil run does inside its limited process: files in, one JSON file out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import shapely

from geo.soil import run
from geo.soil.grading import Grading
from geo.soil.scene import Scene


def main(
    arguments: dict[str, Any], progress: Callable[[str, float | None], None]
) -> dict[str, Any]:
    """``{root, scene, index, grading, zones, masks, output}`` -> summary; rows go to ``output``.

    ``zones``: an Arrow file with ``fid`` and ``wkb`` (EPSG:4490). ``grading`` and
    ``scene`` are the JSON of `Grading` and `Scene`.
    """
    with pa.memory_map(arguments["zones"]) as source:
        table = pa.ipc.open_file(source).read_all()
    result = run.areas(
        Path(arguments["root"]),
        Scene.model_validate(arguments["scene"]),
        index_id=arguments["index"],
        grading=Grading.model_validate(arguments["grading"]),
        zones=shapely.from_wkb(table["wkb"].to_numpy()),
        zone_ids=table["fid"].to_pylist(),
        masks=tuple(arguments["masks"]),
        progress=lambda done, blocks: progress("blocks", done / max(1, blocks)),
    )
    grading = result.grading
    custom = grading.kind == "custom"
    labels = [grade.title.zh if custom else grade.code for grade in grading.grades]
    content = {
        "zone_ids": list(result.zone_ids),
        "labels": labels,
        "zone_m2": result.areas.zone_m2.tolist(),
        "grade_m2": result.areas.grade_m2.tolist(),
        "masked_m2": result.areas.masked_m2.tolist(),
        "outside_m2": result.areas.outside_m2.tolist(),
        "sum": _row(result.sum, labels),
        "union": _row(result.union, labels),
    }
    Path(arguments["output"]).write_text(json.dumps(content, allow_nan=False))
    return {
        "zones": len(result.zone_ids),
        "labels": labels,
        "grades": [grade.model_dump() for grade in grading.grades],
        "sum": content["sum"],
        "union": content["union"],
        "overlap_removed_m2": result.overlap_removed_m2,
        "repaired": result.repaired,
        "method": result.method.model_dump(),
        "definition": result.definition.model_dump(),
        "provenance": result.provenance,
    }


def _row(areas: run.Areas, labels: list[str]) -> dict[str, Any]:
    return {
        "grades": dict(zip(labels, areas.grade_m2[0].tolist(), strict=True)),
        "masked_m2": float(areas.masked_m2[0]),
        "outside_m2": float(areas.outside_m2[0]),
        "area_m2": float(areas.zone_m2[0]),
    }
