"""A map tile of a scene: where its pixels lie on the scene, and what a picture makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from geo import crs as ground
from geo.snapshot.flat import MERCATOR_RADIUS
from geo.soil import png
from geo.soil.pyramid import MOST_NUMBERS, Pyramid
from geo.soil.scene import Scene

Floats = NDArray[np.float64]
SIZES = (256, 512)
MOST_ZOOM = 22
WORLD = 2 * np.pi * MERCATOR_RADIUS
#: Pixels between the nodes where positions are computed: between them the true curve stays within
#: 32 / 6371 km of a pixel's ground size, a hundredth of a pixel at any zoom that shows a scene.
_NODES = 16


class Picture(Protocol):
    """What is drawn of a scene: its bands, the pixels' colours, and the legend that tells them."""

    bands: tuple[str, ...]

    def paint(
        self,
        raw: Mapping[str, NDArray[Any]],
        reflectance: Mapping[str, NDArray[np.float32]],
        place: tuple[slice, slice],
        size: int,
    ) -> bytes:
        """A PNG of size x size with the pixels [h, w] at ``place``; reflectance NaN: no data."""
        ...

    def legend(self) -> dict[str, Any]: ...


def draw(
    pyramid: Pyramid, picture: Picture, bounds: tuple[float, float, float, float], size: int
) -> bytes:
    """PNG of a tile. bounds: left, bottom, right, top in EPSG:3857 metres; outside: transparent."""
    scene = pyramid.scene
    place = _place(scene, bounds, size)
    if place is None:
        return blank(size)
    column, row, step = _positions(scene, bounds, size, place)
    raw, on = pyramid.sample(picture.bands, column, row, step)
    if not on.any():
        return blank(size)
    reflectance = pyramid.reader.reflectance(raw)
    for values in reflectance.values():
        values[~on] = np.nan
    return picture.paint(raw, reflectance, place, size)


@lru_cache(maxsize=len(SIZES))
def blank(size: int) -> bytes:
    """A tile without anything on it."""
    return png.paletted(np.zeros((size, size), np.uint8), np.zeros((1, 4), np.uint8))


def zooms(pyramid: Pyramid, picture: Picture) -> tuple[int, int]:
    """The zooms at which the picture can be asked for: reading stays cheap, pixels stay visible.

    Of tiles of 256 pixels. The last zoom shows every pixel of the scene as some 8 x 8.
    """
    scene = pyramid.scene
    south, north = scene.bbox[1], scene.bbox[3]
    metres = scene.grid.pixel_metres() / np.cos(np.radians((south + north) / 2))
    native = int(np.ceil(np.log2(WORLD / 256 / metres)))
    for zoom in range(native + 1):
        step = WORLD / 256 / 2**zoom / metres
        number = pyramid.level(step, picture.bands)
        side = 256 * step / pyramid.factors[number]
        if pyramid.cost(number, side, side) <= MOST_NUMBERS:
            break
    return zoom, min(MOST_ZOOM, native + 3)


def _place(
    scene: Scene, bounds: tuple[float, float, float, float], size: int
) -> tuple[slice, slice] | None:
    """Rows and columns of the tile in which the scene can lie."""
    left, _, right, top = bounds
    pixel = (right - left) / size
    lon, lat = np.array(scene.footprint).T
    x = np.radians(lon) * MERCATOR_RADIUS
    y = np.arcsinh(np.tan(np.radians(lat))) * MERCATOR_RADIUS
    # Between the footprint's points an edge may bow by some pixels of the scene.
    spare = 2 * pixel + 1e-4 * max(np.ptp(x), np.ptp(y))
    first = max(0, int(np.floor((x.min() - spare - left) / pixel)))
    last = min(size, int(np.ceil((x.max() + spare - left) / pixel)))
    above = max(0, int(np.floor((top - y.max() - spare) / pixel)))
    below = min(size, int(np.ceil((top - y.min() + spare) / pixel)))
    return (slice(above, below), slice(first, last)) if first < last and above < below else None


def _positions(
    scene: Scene, bounds: tuple[float, float, float, float], size: int, place: tuple[slice, slice]
) -> tuple[Floats, Floats, float]:
    """(column, row) on the scene of the tile's pixel centres [h, w], and their distance."""
    left, _, right, top = bounds
    pixel = (right - left) / size
    down, across = (np.arange(part.start, part.stop) + 0.5 for part in place)
    rows, columns = _nodes(down), _nodes(across)
    lon = np.degrees((left + columns * pixel) / MERCATOR_RADIUS)
    lat = np.degrees(np.arctan(np.sinh((top - rows * pixel) / MERCATOR_RADIUS)))
    nodes = np.stack(np.meshgrid(lon, lat), axis=-1).reshape(-1, 2)
    at = scene.grid.to_pixels(ground.transform_points(nodes, ground.STORAGE, scene.crs))
    grid = at.reshape(len(rows), len(columns), 2)
    length = np.hypot(*(grid[0, -1] - grid[0, 0])) / (columns[-1] - columns[0])
    whole = _between(_between(grid, rows, down).swapaxes(0, 1), columns, across)
    column, row = np.ascontiguousarray(whole.transpose(2, 1, 0))
    return column, row, float(length)


def _nodes(at: Floats) -> Floats:
    """Evenly spaced places over positions, at most `_NODES` apart."""
    count = max(2, int(np.ceil(len(at) / _NODES)) + 1)
    return np.linspace(at[0] - 0.5, at[-1] + 0.5, count)


def _between(values: Floats, nodes: Floats, at: Floats) -> Floats:
    """Values [nodes, ...] at positions between the nodes: linear, [positions, ...]."""
    place = (at - nodes[0]) / (nodes[1] - nodes[0])
    below = np.clip(place.astype(np.int64), 0, len(nodes) - 2)
    part = (place - below).reshape(-1, *[1] * (values.ndim - 1))
    between: Floats = values[below] * (1 - part) + values[below + 1] * part
    return between
