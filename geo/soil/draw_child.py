"""What drawing sample points does inside its limited process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from geo.area import ellipsoidal_area
from geo.soil import allocation, draw
from geo.soil.classify import Classifier
from geo.soil.grading import Grading
from geo.soil.measure import measure_of
from geo.soil.raster import Reader
from geo.soil.scene import Scene
from geo.soil.zonal import polygons

Progress = Callable[[str, float | None], None]
Floats = NDArray[np.float64]


def main(arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """``{zones, size, seed, distance_m, output, map | null}`` -> summary; points to ``output``.

    ``zones``: an Arrow file with ``wkb`` (EPSG:4490) and ``stratum``, a number; ``names``
    of the strata. ``map``: ``{root, scene, spec, grading, masks}``, whose grades are the
    strata. ``size``: ``{count | users, overall_se; allocation, minimum}``. The points are
    an Arrow file: ``lon``, ``lat``, ``stratum``.
    """
    with pa.memory_map(arguments["zones"]) as source:
        table = pa.ipc.open_file(source).read_all()
    zones, _ = polygons(shapely.from_wkb(table["wkb"].to_numpy(zero_copy_only=False)))
    if arguments["map"] is None:
        found = _of_polygons(arguments, zones, table["stratum"].to_numpy())
    else:
        found = _of_map(arguments, zones, progress)
    drawn, strata = found
    points = pa.table(
        {"lon": drawn.lonlat[:, 0], "lat": drawn.lonlat[:, 1], "stratum": drawn.stratum}
    )
    output = str(Path(arguments["output"]))
    with pa.OSFile(output, "wb") as sink, pa.ipc.new_file(sink, points.schema) as writer:
        writer.write_table(points)
    return {"strata": strata, "points": len(points)}


Found = tuple[draw.Drawn, list[dict[str, Any]]]


def _of_map(arguments: dict[str, Any], zones: NDArray[np.object_], progress: Progress) -> Found:
    asked = arguments["map"]
    scene = Scene.model_validate(asked["scene"])
    grading = Grading.model_validate(asked["grading"])
    classifier = Classifier(scene, measure_of(asked["spec"]), grading, tuple(asked["masks"]))
    grades = len(grading.grades)
    with Reader.open(Path(asked["root"]), scene, verify=True) as reader:
        pixels = draw.Pixels(
            scene.grid, zones, grades, lambda window: classifier.codes(reader, window)
        )
        total = pixels.count(lambda done: progress("count", done / 2))
        area = _areas(pixels)
        sizes = _sizes(arguments["size"], area, total)
        progress("draw", None)
        drawn = draw.from_pixels(pixels, sizes, arguments["seed"], arguments["distance_m"])
    return drawn, _strata(arguments["names"], area, sizes, drawn, total)


def _areas(pixels: draw.Pixels) -> Floats:
    """m² of the pixels of each stratum; a block's pixels count as large as its middle one."""
    window = np.array([pixels.grid.window(int(block)) for block in pixels.blocks], dtype=float)
    middle = window[:, :2] + window[:, 2:] / 2
    areas: Floats = pixels.grid.pixel_area.at(middle[:, 0], middle[:, 1]) @ pixels.counts
    return areas


def _of_polygons(
    arguments: dict[str, Any], zones: NDArray[np.object_], stratum: NDArray[np.int64]
) -> Found:
    count = len(arguments["names"])
    merged = np.array(
        [shapely.union_all(zones[stratum == number]) for number in range(count)], dtype=object
    )
    area = ellipsoidal_area(merged)
    sizes = _sizes(arguments["size"], area, None)
    drawn = draw.from_polygons(
        merged, np.arange(count), sizes, arguments["seed"], arguments["distance_m"]
    )
    return drawn, _strata(arguments["names"], area, sizes, drawn, None)


def _sizes(
    asked: dict[str, Any], area: Floats, available: NDArray[np.int64] | None
) -> NDArray[np.int64]:
    users, count = asked.get("users"), asked.get("count")
    if count is None:
        count = allocation.sample_size(area, users or [], asked["overall_se"])
    return allocation.allocate(
        count, area, asked["allocation"], users=users, minimum=asked["minimum"],
        available=available,
    )  # fmt: skip


def _strata(
    names: list[str],
    area: Floats,
    sizes: NDArray[np.int64],
    drawn: draw.Drawn,
    pixels: NDArray[np.int64] | None,
) -> list[dict[str, Any]]:
    """``inclusion``: the chance of a pixel; of polygons, points a m²."""
    rows = []
    for at, name in enumerate(names):
        n = int(drawn.found[at])
        whole = float(area[at]) if pixels is None else float(pixels[at])
        rows.append(
            {
                "stratum": name,
                "area_m2": float(area[at]),
                "pixels": None if pixels is None else int(pixels[at]),
                "asked": int(sizes[at]),
                "samples": n,
                "inclusion": n / whole if whole > 0 else None,
                "weight_m2": float(area[at]) / n if n else None,
            }
        )
    return rows
