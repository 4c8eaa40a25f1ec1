"""An index of one place over many scenes: area-weighted means of what was clear."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from geo import area
from geo.errors import Rejected
from geo.soil import mask
from geo.soil.measure import Measure
from geo.soil.raster import Reader
from geo.soil.scene import Scene
from geo.soil.zonal import Tally, ZoneIndex, polygons

#: Pixels a side of what is weighed at a time; every pixel is a class of its own in uint16.
_BLOCK = 256
#: Largest place, pixels of its bounds; larger ones are a run's business.
MOST_PIXELS = 4_000_000
#: Rules against clouds, and those of what is no bare soil.
_SKY, _GROUND = ("scl", "qa_pixel"), ("water", "vegetation")


@dataclass(frozen=True)
class Seen:
    """``mean``: of the clear part, weighted by exact pixel fractions and areas; None if unseen.

    ``low``, ``high``: 10 % and 90 % of the clear area lie below. ``observed_share``: of the
    place's area, 0..1.
    """

    scene: Scene
    mean: float | None
    low: float | None
    high: float | None
    observed_share: float
    masks: tuple[str, ...]


def usual_masks(scene: Scene, measure: Measure) -> tuple[str, ...]:
    """The rules that fit a scene: clouds always, plants and water where bare soil is meant."""
    ground = getattr(measure, "group", "soil") not in ("vegetation", "water")
    wanted = [*_SKY, *(_GROUND if ground else ())]
    return tuple(
        name
        for name in wanted
        if any(all(band in scene.bands for band in needs) for needs in mask.KINDS[name].needs)
    )


def series(
    root: Path,
    scenes: Iterable[Scene],
    measure: Measure,
    zone: shapely.Geometry,
    masks: Sequence[str] | None = None,
) -> list[Seen]:
    """The place in each scene that has the bands, by date. zone: polygon, EPSG:4490.

    ``masks`` None: `usual_masks`. Raises `Rejected` (E_SERIES_SIZE, E_ZONE_TYPE, E_MASK,
    E_RASTER_*).
    """
    zones, _ = polygons(np.array([zone], dtype=object))
    whole = float(area.ellipsoidal_area(zones)[0])
    found = []
    for scene in sorted(scenes, key=lambda each: (each.datetime, each.id)):
        if all(band in scene.bands for band in measure.bands):
            names = usual_masks(scene, measure) if masks is None else tuple(masks)
            found.append(_seen(root, scene, measure, zones, whole, names))
    return found


def _seen(
    root: Path, scene: Scene, measure: Measure, zones: Any, whole: float, masks: tuple[str, ...]
) -> Seen:
    rules = mask.resolve(masks, scene.bands)
    grid = replace(scene.grid, block=_BLOCK)
    index = ZoneIndex.build(zones, grid)
    bounds = index.bounds[0]
    if (bounds[2] - bounds[0]) * (bounds[3] - bounds[1]) > MOST_PIXELS:
        raise Rejected(
            "E_SERIES_SIZE",
            f"图形过大（外框超过 {MOST_PIXELS:,} 个像元），不能直接给出序列",
            f"the feature is too large for a series (more than {MOST_PIXELS:,} pixels)",
            where=scene.id,
            fix=("请用 POST /soil/runs 计算", "use POST /soil/runs"),
        )
    needed = {*measure.bands, *(band for rule in rules for band in rule.bands)}
    bands = [key for key in scene.bands if key in needed]
    values, weights = [np.empty(0, np.float32)], [np.empty(0)]
    with Reader.open(root, scene) as reader:
        for block in index.blocks:
            window = grid.window(int(block))
            raw = reader.read(bands, window)
            reflectance = reader.reflectance(raw)
            found = measure.evaluate({key: reflectance[key] for key in measure.bands})
            for rule in rules:
                found = np.where(rule.find(raw, reflectance), np.nan, found)
            number = np.arange(found.size, dtype=np.uint16).reshape(found.shape)
            tally = Tally(index, found.size)
            tally.add(int(block), number)
            units = tally.areas[0]
            clear = (units > 0) & np.isfinite(found.ravel())
            values.append(found.ravel()[clear])
            weights.append(units[clear])
    value, weight = np.concatenate(values).astype(np.float64), np.concatenate(weights)
    clear_m2 = float(weight.sum())
    share = min(1.0, clear_m2 / whole) if whole > 0 else 0.0
    if clear_m2 <= 0:
        return Seen(scene, None, None, None, 0.0, masks)
    order = np.argsort(value, kind="stable")
    below = np.cumsum(weight[order]) / clear_m2
    low, high = (
        float(value[order][min(int(np.searchsorted(below, part)), len(value) - 1)])
        for part in (0.1, 0.9)
    )
    return Seen(scene, float(value @ weight / clear_m2), low, high, share, masks)
