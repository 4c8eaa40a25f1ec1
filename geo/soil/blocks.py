"""Blocks of one or two scenes counted into zones by any workers, and kept on the way.

    plan = Plan(root, (scene,), {"index": "si_gr"}, grading, masks)
    tally = Tally(index, plan.classes)
    counted(plan, tally, executor, at_once=2)

`count` is the whole work of a task: it takes data alone and gives whole numbers, so it runs
under any ``concurrent.futures`` executor - threads, processes, or a cluster's - in any order
and number, and the sums are the same to the last bit.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geo import crs as ground
from geo.errors import Rejected
from geo.soil.classify import Classifier
from geo.soil.grading import Grading
from geo.soil.grid import Grid
from geo.soil.measure import Measure, Spec, measure_of
from geo.soil.raster import Reader
from geo.soil.scene import Scene
from geo.soil.zonal import Tally, ZoneIndex

Ints = NDArray[np.int64]
Progress = Callable[[int, int], None]
#: What changes the digits of a tally; a checkpoint of another version does not count.
VERSION = 1
#: Blocks of a task: opening the file again must not matter, nor losing one.
TASK_BLOCKS = 4
#: Bytes of codes that are made before the zones are ready.
AHEAD = 32 << 20
#: Seconds between two checkpoints at least, and how many times as long as writing one takes.
EVERY, SPARING = 2.0, 20
#: Most numbers of a tally (zones x classes), 160 MB.
MOST_NUMBERS = 20_000_000


@dataclass(frozen=True)
class Plan:
    """What is counted: the grades of one scene, or from which grade to which of two.

    ``scenes``: one, or (before, after) on grids that are the same but for whole
    pixels (`shift`). Blocks are those of the last scene.
    """

    root: Path
    scenes: tuple[Scene, ...]
    spec: Spec
    grading: Grading
    masks: tuple[str, ...]

    @property
    def grid(self) -> Grid:
        return self.scenes[-1].grid

    @property
    def measure(self) -> Measure:
        return measure_of(self.spec)

    def classifiers(self) -> list[Classifier]:
        """One a scene. Raises `Rejected`; see `Classifier`."""
        measure = self.measure
        return [Classifier(scene, measure, self.grading, self.masks) for scene in self.scenes]

    @property
    def classes(self) -> int:
        """Columns of the tally: of two scenes number = before * classes of after + after."""
        return int(np.prod([each.classes for each in self.classifiers()]))

    def fingerprint(self, index: ZoneIndex) -> str:
        """Names all that the sums depend on."""
        content: dict[str, Any] = {
            "version": VERSION,
            "scenes": [scene.model_dump(mode="json") for scene in self.scenes],
            "spec": dict(self.spec),
            "formula": self.measure.formula,
            "grading": self.grading.model_dump(mode="json"),
            "masks": list(self.masks),
        }
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode())
        for array in (index.x, index.y, index.ring, index.zone_ring):
            digest.update(array.tobytes())
        return digest.hexdigest()


def shift(before: Grid, after: Grid) -> tuple[int, int]:
    """(columns, rows) to add to a pixel's place on ``after`` to get it on ``before``.

    Raises `Rejected` E_GRIDS unless the grids are the same but for whole pixels.
    """
    a, b = before.transform, after.transform
    size = max(abs(a.a), abs(a.b), abs(a.d), abs(a.e))
    alike = before.crs == after.crs and np.allclose(
        [a.a, a.b, a.d, a.e], [b.a, b.b, b.d, b.e], rtol=0, atol=1e-9 * size
    )
    column, row = ~a @ (b.c, b.f) if alike else (0.5, 0.5)
    whole = round(column), round(row)
    if not alike or max(abs(column - whole[0]), abs(row - whole[1])) > 1e-3:
        raise Rejected(
            "E_GRIDS",
            f"两景影像的像元格网不一致（前：{_told(before)}；后：{_told(after)}），逐像元比较没有意义",
            f"the pixels of the two scenes do not lie on each other (before: {_told(before)}; "
            f"after: {_told(after)}), so they cannot be compared one by one",
            where="before",
            fix=(
                "请把其中一景重采样到另一景的格网（类别波段用最近邻）后重新登记",
                "resample one of them to the grid of the other (class bands by nearest "
                "neighbour) and register it again",
            ),
        )
    return whole


def _told(grid: Grid) -> str:
    t = grid.transform
    return f"{grid.crs[:40]}, {t.a:.10g} x {t.e:.10g}, ({t.c:.10g}, {t.f:.10g})"


@dataclass(frozen=True)
class Task:
    """Some blocks with the zones that they touch. ``zones``: numbers[m] of `index`'s zones."""

    plan: Plan
    index: ZoneIndex
    zones: Ints


def count(task: Task) -> Ints:
    """int64[m, classes]: units of the classes in a task's zones, from its blocks alone.

    Raises `Rejected` (E_RASTER_*).
    """
    tally = Tally(task.index, task.plan.classes)
    for block, codes in classified(task.plan, task.index.blocks):
        tally.add(block, codes)
    return tally.units


def classified(plan: Plan, blocks: Ints) -> Iterator[tuple[int, NDArray[Any]]]:
    """(block, codes) of blocks, each read once. Raises `Rejected` (E_RASTER_*)."""
    grid, classifiers = plan.grid, plan.classifiers()
    classes = int(np.prod([each.classes for each in classifiers]))
    with contextlib.ExitStack() as stack:
        readers = [stack.enter_context(Reader.open(plan.root, each.scene)) for each in classifiers]
        for block in blocks.tolist():
            window = grid.window(block)
            codes: NDArray[Any] = classifiers[-1].codes(readers[-1], window)
            if len(classifiers) > 1:
                earlier = _shifted(classifiers[0], readers[0], window, grid)
                wide = np.dtype("uint8" if classes <= 256 else "uint16")
                codes = earlier.astype(wide) * wide.type(classifiers[-1].classes) + codes
            yield block, codes


class Ahead:
    """Codes of blocks that surely hold zones, made by threads while zones are still prepared."""

    def __init__(self, plan: Plan, zones: NDArray[np.object_], executor: ThreadPoolExecutor):
        """zones: as `ZoneIndex.build` takes them. At most `AHEAD` bytes are kept."""
        size = plan.grid.block**2 * (1 if plan.classes <= 256 else 2)
        blocks = _with_a_vertex(zones, plan.grid)[: AHEAD // size]
        self.made = [
            (some, executor.submit(_all, plan, some))
            for some in (blocks[k : k + 2] for k in range(0, len(blocks), 2))
        ]

    def close(self) -> None:
        for _, future in self.made:
            future.cancel()


def _all(plan: Plan, blocks: Ints) -> dict[int, NDArray[Any]]:
    return dict(classified(plan, blocks))


def _count_made(task: Task, made: Future[dict[int, NDArray[Any]]]) -> Ints:
    """`count` of codes that are there; threads take tasks in order, so these are under way."""
    tally = Tally(task.index, task.plan.classes)
    codes = made.result()
    for block in task.index.blocks.tolist():
        tally.add(block, codes[block])
    return tally.units


def _with_a_vertex(zones: NDArray[np.object_], grid: Grid) -> Ints:
    """Numbers of the blocks that hold the first vertex of a zone, ascending."""
    first = shapely.get_point(shapely.get_exterior_ring(shapely.get_geometry(zones, 0)), 0)
    xy = shapely.get_coordinates(first)
    column, row = grid.to_pixels(ground.transform_points(xy, ground.STORAGE, grid.crs)).T
    inside = (column > 0) & (row > 0) & (column < grid.width) & (row < grid.height)
    across, down = column[inside] // grid.block, row[inside] // grid.block
    found: Ints = np.unique((down * grid.blocks[1] + across).astype(np.int64))
    return found


def _shifted(
    classifier: Classifier, reader: Reader, window: tuple[int, int, int, int], grid: Grid
) -> NDArray[np.uint8]:
    """Codes of the earlier scene in a window of the later one's grid; no data beyond its edge."""
    scene = classifier.scene
    column, row, width, height = window
    dx, dy = shift(scene.grid, grid)
    left, top = max(column + dx, 0), max(row + dy, 0)
    right, bottom = min(column + dx + width, scene.width), min(row + dy + height, scene.height)
    codes = np.full((height, width), classifier.nodata, dtype=np.uint8)
    if right > left and bottom > top:
        part = classifier.codes(reader, (left, top, right - left, bottom - top))
        at = top - row - dy, left - column - dx
        codes[at[0] : at[0] + bottom - top, at[1] : at[1] + right - left] = part
    return codes


def counted(
    plan: Plan,
    tally: Tally,
    executor: Executor | None = None,
    at_once: int = 2,
    *,
    progress: Progress | None = None,
    checkpoint: Checkpoint | None = None,
    ahead: Ahead | None = None,
) -> None:
    """Fill a tally of the plan's classes. ``executor`` None: here, one task after the other.

    ``at_once``: workers of the executor. ``progress(done, blocks)`` may raise to
    stop. With a checkpoint, blocks that an earlier attempt counted are not read
    again; nor are those of ``ahead``, which belong to the same executor. Raises
    `Rejected` (E_RASTER_*), and what ``progress`` raises.
    """
    index = tally.index
    done = checkpoint.load(tally) if checkpoint is not None else np.empty(0, np.int64)
    left = np.setdiff1d(index.blocks, done)
    finished = [done]

    def merge(task: Task, units: Ints) -> None:
        tally.merge(task.zones, units)
        finished.append(task.index.blocks)
        if checkpoint is not None:
            checkpoint.keep(tally, finished)
        if progress is not None:
            progress(sum(map(len, finished)), len(index.blocks))

    if progress is not None and len(done):
        progress(len(done), len(index.blocks))
    if executor is None:
        for task in tasks(plan, index, left):
            merge(task, count(task))
        return
    running: dict[Future[Ints], Task] = {}
    for blocks, codes in ahead.made if ahead is not None else ():
        for task in tasks(plan, index, np.intersect1d(blocks, left)):
            running[executor.submit(_count_made, task, codes)] = task
        left = np.setdiff1d(left, blocks)
    waiting = tasks(plan, index, left)
    try:
        while True:
            # One task more than workers, so that none of them waits for us.
            while len(running) <= at_once and (following := next(waiting, None)) is not None:
                running[executor.submit(count, following)] = following
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                merge(running.pop(future), future.result())
    finally:
        for future in running:
            future.cancel()
        wait([future for future in running if not future.cancelled()])


def tasks(plan: Plan, index: ZoneIndex, blocks: Ints) -> Iterator[Task]:
    """The work on some blocks (numbers, ascending) in parts that a worker takes."""
    for start in range(0, len(blocks), TASK_BLOCKS):
        some, zones = index.subset(blocks[start : start + TASK_BLOCKS])
        yield Task(plan, some, zones)


class Checkpoint:
    """Sums of the blocks that are counted, in a file that is replaced as a whole."""

    def __init__(self, path: Path, fingerprint: str) -> None:
        self.path, self.fingerprint, self._every = path, fingerprint, EVERY
        self._last = time.monotonic()

    def load(self, tally: Tally) -> Ints:
        """Blocks that count already, with their sums in the tally; none if nothing fits."""
        try:
            with np.load(self.path, allow_pickle=False) as kept:
                if str(kept["fingerprint"]) != self.fingerprint:
                    return np.empty(0, np.int64)
                units, blocks = kept["units"], kept["blocks"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return np.empty(0, np.int64)
        if units.shape != tally.units.shape:
            return np.empty(0, np.int64)
        tally.units += units
        return blocks.astype(np.int64)

    def keep(self, tally: Tally, blocks: list[Ints]) -> None:
        """Write, unless the last time was just now."""
        if time.monotonic() - self._last < self._every:
            return
        began = time.monotonic()
        temporary = self.path.with_name(f"{self.path.name}.{os.getpid()}.tmp")
        with temporary.open("wb") as file:
            np.savez(
                file,
                fingerprint=np.array(self.fingerprint),
                units=tally.units,
                blocks=np.concatenate(blocks),
            )
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path)
        self._last = time.monotonic()
        self._every = max(self._every, SPARING * (self._last - began))
