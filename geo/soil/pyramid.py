"""Open scene files for map tiles: the fitting overview is sampled at points, nearest pixel only.

Every number of a tile is a number of the file, so integers are never mixed, no data never spreads
and classes stay classes. GDAL's warper, which rio-tiler's readers use, picks the same pixels but
takes many times as long (tests/bench/bench_raster_tiles.py).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray

from geo.errors import Rejected
from geo.soil.header import OPTIONS, open_kept
from geo.soil.raster import Reader, check_same, damaged
from geo.soil.scene import CLASS_BANDS, Scene, inside

Floats = NDArray[np.float64]
#: Numbers (pixels x bands of the file) that one tile may cost: some half second of decoding.
MOST_NUMBERS = 48_000_000
_TRIED = 256  # pixels a side of the middle of an overview that is compared with the file


class Pyramid:
    """One scene's file with its overviews, for one thread at a time."""

    def __init__(self, path: Path, scene: Scene, *, verify: bool) -> None:
        self.scene = scene
        self._levels: list[Any] = []
        try:
            self._levels.append(open_kept(path))
            check_same(self._levels[0], path, scene, verify=verify)
            for number in range(len(self._levels[0].overviews(1))):
                self._levels.append(open_kept(path, OVERVIEW_LEVEL=number))
        except BaseException:
            self.close()
            raise
        self.reader = Reader(self._levels[0], scene)
        #: How many pixels of the scene lie under one of the level, a side.
        self.factors = [self._levels[0].width / level.width for level in self._levels]
        self._classes_hold: bool | None = None

    def close(self) -> None:
        for level in self._levels:
            level.close()

    def cost(self, number: int, width: float, height: float) -> float:
        """Numbers to decode for a window of width x height pixels of a level."""
        dataset = self._levels[number]
        tall, wide = dataset.block_shapes[0]
        # A window seldom begins with a block: half a block more on each side.
        across = min(dataset.width, np.ceil(width / wide + 0.5) * wide)
        down = min(dataset.height, np.ceil(height / tall + 0.5) * tall)
        return float(across * down * dataset.count)

    def level(self, step: float, keys: Sequence[str]) -> int:
        """The coarsest level that is not coarser than ``step`` pixels of the scene."""
        if any(key in CLASS_BANDS for key in keys) and not self._classes():
            return 0
        fitting = [k for k, factor in enumerate(self.factors) if factor <= step * 1.001]
        return max(fitting, key=lambda k: self.factors[k], default=0)

    def _classes(self) -> bool:
        """Whether the first overview was picked from the file, so that classes are still classes.

        Averages of class numbers are other classes: of cloud 9 and soil 5 comes "unclassified".
        """
        if self._classes_hold is None:
            self._classes_hold = len(self._levels) < 2 or self._picked()
        return self._classes_hold

    def _picked(self) -> bool:
        band = next(self.scene.bands[key] for key in CLASS_BANDS if key in self.scene.bands)
        whole, first = self._levels[:2]
        factor = round(self.factors[1])
        side = min(_TRIED, first.width - 1, first.height - 1)
        column, row = (first.width - side) // 2, (first.height - side) // 2
        with damaged(self.scene, column, row):
            coarse = first.read(band, window=_slices(column, row, side, side))
            fine = whole.read(
                band,
                window=_slices(column * factor, row * factor, side * factor, side * factor),
            )
        cells = fine.reshape(side, factor, side, factor)
        return bool((cells == coarse[:, None, :, None]).any(axis=(1, 3)).all())

    def sample(
        self, keys: Sequence[str], column: Floats, row: Floats, step: float
    ) -> tuple[dict[str, NDArray[Any]], NDArray[np.bool_]]:
        """Raw numbers at positions, by band key, and which positions lie on the scene.

        column, row: float64[h, w] in pixels of the scene; ``step``: distance of neighbours.
        Numbers off the scene mean nothing. Raises E_RASTER_READ, E_RASTER_OVERVIEWS.
        """
        scene = self.scene
        on = (column >= 0) & (column < scene.width) & (row >= 0) & (row < scene.height)
        if not on.any():
            dtype = np.dtype(scene.dtype)
            return {key: np.zeros(on.shape, dtype) for key in keys}, on
        number = self.level(step, keys)
        dataset = self._levels[number]
        i = _cells(column, dataset.width / scene.width, dataset.width)
        j = _cells(row, dataset.height / scene.height, dataset.height)
        left, top = int(i[on].min()), int(j[on].min())
        width, height = int(i[on].max()) + 1 - left, int(j[on].max()) + 1 - top
        if self.cost(number, width, height) > MOST_NUMBERS:
            raise _no_overviews(scene)
        with damaged(scene, left, top), rasterio.Env(**OPTIONS):
            stack = dataset.read(
                [scene.bands[key] for key in keys], window=_slices(left, top, width, height)
            ).reshape(len(keys), -1)
        at = np.where(on, (j - top) * width + (i - left), 0)
        return dict(zip(keys, stack[:, at], strict=True)), on


class Pyramids:
    """Pyramids kept open for the next tile; safe for several threads."""

    def __init__(self, root: Path, most: int = 16) -> None:
        self._root = root
        self._most = most
        self._free: dict[object, list[Pyramid]] = {}  # least recently used first
        self._verified: set[object] = set()
        self._lock = threading.Lock()
        self._verifying = threading.Lock()

    @contextmanager
    def lend(self, scene: Scene) -> Iterator[Pyramid]:
        """The scene's file, for this thread alone. E_PATH, E_RASTER_*.

        A file that was replaced is opened and its content verified anew.
        """
        path = inside(self._root, scene.path)
        status = path.stat()
        key = (scene.model_dump_json(), status.st_ino, status.st_size, status.st_mtime_ns)
        with self._lock:
            waiting = self._free.get(key)
            pyramid = waiting.pop() if waiting else None
        if pyramid is None:
            pyramid = self._opened(path, scene, key)
        try:
            yield pyramid
        except BaseException:
            pyramid.close()
            raise
        self._keep(key, pyramid)

    def _opened(self, path: Path, scene: Scene, key: object) -> Pyramid:
        if key in self._verified:
            return Pyramid(path, scene, verify=False)
        with self._verifying:  # one thread reads the whole file, the others wait for it
            pyramid = Pyramid(path, scene, verify=key not in self._verified)
            self._verified.add(key)
        return pyramid

    def _keep(self, key: object, pyramid: Pyramid) -> None:
        closing: list[Pyramid] = []
        with self._lock:
            kept = self._free.pop(key, [])
            kept.append(pyramid)
            self._free[key] = kept
            while sum(map(len, self._free.values())) > self._most:
                oldest = next(iter(self._free))
                closing += self._free.pop(oldest)
        for one in closing:
            one.close()

    def close(self) -> None:
        with self._lock:
            kept = [one for some in self._free.values() for one in some]
            self._free.clear()
        for one in kept:
            one.close()


def _cells(position: Floats, scale: float, most: int) -> NDArray[np.int64]:
    """Which pixel of a level holds a position (of a point off the scene: the nearest)."""
    cells: NDArray[np.int64] = np.clip(np.floor(position * scale), 0, most - 1).astype(np.int64)
    return cells


def _slices(column: int, row: int, width: int, height: int) -> tuple[tuple[int, int], ...]:
    return (row, row + height), (column, column + width)


def _no_overviews(scene: Scene) -> Rejected:
    return Rejected(
        "E_RASTER_OVERVIEWS",
        "影像没有合适的概视图（金字塔），在这一级别显示需读取过多像元",
        "the raster has no fitting overviews: showing it at this zoom would read too many pixels",
        where=scene.id,
        fix=(
            "请放大地图，或将影像转为带最近邻概视图的 COG 后重新登记",
            "zoom in, or make it a COG with nearest-neighbour overviews and register it again",
        ),
    )
