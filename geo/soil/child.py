"""What a soil run does inside its limited process: files in, one Arrow file out."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from geo.soil import results, run
from geo.soil.cluster import Cluster
from geo.soil.grading import Grading
from geo.soil.scene import Scene

#: Decoding and counting leave the interpreter alone, so two threads are worth two cores.
THREADS = max(1, min(2, os.cpu_count() or 1))


def main(
    arguments: dict[str, Any], progress: Callable[[str, float | None], None]
) -> dict[str, Any]:
    """``{root, scenes, spec, grading, zones, splits, masks, output, checkpoint,
    scheduler}`` -> summary. With a ``scheduler`` its workers read the rasters, and this process
    reads none: it may have a network then.

    ``zones``: an Arrow file with ``id``, ``wkb`` (EPSG:4490) and, where known, ``area_m2``;
    ``splits``: the same by
    name. ``grading`` and ``scenes`` are the JSON of `Grading` and `Scene`. The rows go to
    ``output`` (`geo.soil.results`).
    """
    ids, zones, known_m2 = _read(arguments["zones"])
    checkpoint = arguments.get("checkpoint")
    with contextlib.ExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(THREADS))
        scheduler = arguments.get("scheduler")
        cluster = stack.enter_context(Cluster(scheduler)) if scheduler else None
        result = run.areas(
            Path(arguments["root"]),
            tuple(Scene.model_validate(scene) for scene in arguments["scenes"]),
            spec=arguments["spec"],
            grading=Grading.model_validate(arguments["grading"]),
            zones=zones,
            zone_ids=ids,
            zone_m2=known_m2,
            masks=tuple(arguments["masks"]),
            splits={name: _read(path)[1] for name, path in arguments["splits"].items()},
            executor=threads,
            at_once=THREADS,
            progress=lambda done, blocks: progress("blocks", done / max(1, blocks)),
            checkpoint=Path(checkpoint) if checkpoint else None,
            cluster=cluster,
        )
    results.write(Path(arguments["output"]), result)
    grading = result.grading
    custom = grading.kind == "custom"
    return {
        "zones": len(result.zone_ids),
        "labels": [grade.title.zh if custom else grade.code for grade in grading.grades],
        "grades": [grade.model_dump() for grade in grading.grades],
        "reasons": list(result.areas.reasons),
        "overlap_removed_m2": result.overlap_removed_m2,
        "repaired": result.repaired,
        "method": result.method.model_dump(),
        "definition": result.definition.model_dump(),
        "provenance": result.provenance,
    }


def _read(path: str) -> tuple[list[Any], np.ndarray, np.ndarray | None]:
    with pa.memory_map(path) as source:
        table = pa.ipc.open_file(source).read_all()
    known = table["area_m2"].to_numpy() if "area_m2" in table.column_names else None
    shapes = shapely.from_wkb(table["wkb"].to_numpy(zero_copy_only=False))
    return table["id"].to_pylist(), shapes, known
