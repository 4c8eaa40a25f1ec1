"""Values of features where samples were taken, read block by block from scenes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo import crs as ground
from geo.soil import mask
from geo.soil.model import bands_of, features
from geo.soil.raster import Reader
from geo.soil.scene import Scene

Floats = NDArray[np.float64]
#: Why a place has no value, in the order of the checks; "ok" where it has.
OK, OUTSIDE, NODATA, MASKED, UNDEFINED = range(5)
REASONS = ("ok", "outside", "nodata", "masked", "undefined")
#: Points are read in windows of at most so many pixels a side.
_TILE = 512


@dataclass(frozen=True)
class Values:
    """``values``: features float32[n, p], NaN unless ``status`` is `OK`; status: uint8[n]."""

    values: NDArray[np.float32]
    status: NDArray[np.uint8]


def at(
    root: Path,
    scene: Scene,
    lonlat: Floats,
    names: tuple[str, ...],
    masks: tuple[str, ...],
    window: int = 1,
) -> Values:
    """Features of the pixel of each place, or the mean over the clear pixels around it.

    lonlat: [n, 2], EPSG:4490. ``window``: 1, 3 or 5 pixels a side; the middle pixel
    itself must be clear. Raises `Rejected` (E_INDEX, E_MASK, E_RASTER_*).
    """
    rules = mask.resolve(masks, scene.bands)
    own = bands_of(names)
    needed = {*own, *(band for rule in rules for band in rule.bands)}
    keys = [key for key in scene.bands if key in needed]
    grid = scene.grid
    pixel = np.floor(grid.to_pixels(ground.transform_points(lonlat, ground.STORAGE, grid.crs)))
    values = np.full((len(lonlat), len(names)), np.nan, dtype=np.float32)
    status = np.full(len(lonlat), OUTSIDE, dtype=np.uint8)
    inside = (pixel >= 0).all(axis=1) & (pixel < (grid.width, grid.height)).all(axis=1)
    rows = np.flatnonzero(inside)
    place = pixel[rows].astype(np.int64)
    tile = place // _TILE
    number = tile[:, 1] * (grid.width // _TILE + 1) + tile[:, 0]
    order = np.argsort(number, kind="stable")
    half = window // 2
    with Reader.open(root, scene, verify=True) as reader:
        for group in np.split(order, np.flatnonzero(np.diff(number[order])) + 1):
            if not len(group):
                continue
            low = np.maximum(place[group].min(axis=0) - half, 0)
            high = np.minimum(place[group].max(axis=0) + half + 1, (grid.width, grid.height))
            width, height = (int(v) for v in high - low)
            raw = reader.read(keys, (int(low[0]), int(low[1]), width, height))
            reflectance = reader.reflectance(raw)
            stack = features(names, {band: reflectance[band] for band in own})
            state = _states(raw, reflectance, own, rules, stack)
            column, row = (place[group] - low).T
            status[rows[group]] = state[row, column]
            stack[state != OK] = np.nan
            values[rows[group]] = _means(stack, row, column, half)
    values[status != OK] = np.nan
    return Values(values, status)


def _states(
    raw: Any, reflectance: Any, bands: tuple[str, ...], rules: list[Any], stack: NDArray[Any]
) -> NDArray[np.uint8]:
    state = np.full(stack.shape[:2], OK, dtype=np.uint8)
    state[np.isnan(stack).any(axis=-1)] = UNDEFINED
    for rule in rules:
        state[rule.find(raw, reflectance)] = MASKED
    for band in bands:
        state[np.isnan(reflectance[band])] = NODATA
    return state


def _means(stack: NDArray[Any], row: NDArray[Any], column: NDArray[Any], half: int) -> NDArray[Any]:
    """Mean over the pixels around each place that have a value, [n, p]."""
    if not half:
        return np.asarray(stack[row, column])
    total, count = np.zeros((len(row), stack.shape[2])), np.zeros((len(row), 1))
    for dy in range(-half, half + 1):
        for dx in range(-half, half + 1):
            y, x = row + dy, column + dx
            there = (y >= 0) & (x >= 0) & (y < stack.shape[0]) & (x < stack.shape[1])
            seen = stack[np.where(there, y, 0), np.where(there, x, 0)]
            seen = np.where(there[:, None], seen, np.nan)
            known = np.isfinite(seen).all(axis=1, keepdims=True)
            total += np.where(known, seen, 0)
            count += known
    return np.asarray(total / np.maximum(count, 1))
