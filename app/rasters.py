"""What the map tiles of scenes and runs need: open files, a few threads, and what was looked up.

GDAL and rio-tiler load with the first tile, not with the service.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
from cachetools import LRUCache

from app import scenes
from app.jobs import queue
from app.jobs.found import result_of
from app.problems import Problem
from app.settings import Settings
from geo.record.protocol import Record
from geo.soil.grading import Grading
from geo.soil.scene import Scene

if TYPE_CHECKING:
    from geo.soil.measure import Spec
    from geo.soil.palette import Palettes
    from geo.soil.pyramid import Pyramids

_T = TypeVar("_T")
#: Decoding keeps a core busy: more threads would only take turns.
THREADS = max(2, min(4, os.cpu_count() or 2))
LONGEST_WAIT = 20.0  # seconds in the queue, then the answer is "try again"


@dataclass(frozen=True)
class Drawn:
    """What a run looked at, as it was then."""

    scene: Scene
    spec: Spec
    grading: Grading
    masks: tuple[str, ...]


class Rasters:
    """One a worker process; safe for several threads."""

    def __init__(self, settings: Settings, record: Record) -> None:
        self._settings = settings
        self._record = record
        self._threads = anyio.CapacityLimiter(THREADS)
        self._known: LRUCache[tuple[str, Any], Any] = LRUCache(256)
        self._stretches: LRUCache[tuple[str, tuple[str, ...]], Any] = LRUCache(64)
        self._lock = threading.Lock()

    async def run(self, work: Callable[[], _T]) -> _T:
        """``work`` in one of `THREADS` threads. Raises `Problem` E_TILE_BUSY."""
        who = object()
        try:
            with anyio.fail_after(LONGEST_WAIT):
                await self._threads.acquire_on_behalf_of(who)
        except TimeoutError:
            raise Problem(
                "E_TILE_BUSY",
                "影像切片的请求太多，请稍候再试",
                "Too many image tiles are asked for; try again in a moment",
                headers={"Retry-After": "2"},
            ) from None
        try:
            return await anyio.to_thread.run_sync(work)
        finally:
            self._threads.release_on_behalf_of(who)

    def forget(self) -> None:
        """Called when the record has changed: scenes may have been registered anew."""
        with self._lock:
            self._known.clear()

    def close(self) -> None:
        """Close the files that were kept open."""
        pyramids = self.__dict__.get("pyramids")
        if pyramids is not None:
            pyramids.close()

    def scene(self, scene_id: str) -> Scene:
        """A scene by id. Raises `Problem` E_NOT_FOUND."""
        return self._once(("scene", scene_id), lambda: self._here(scene_id))

    def _here(self, scene_id: str) -> Scene:
        return scenes.here(self._settings, scenes.get(self._record, scene_id))

    def drawn(self, run_id: int) -> Drawn:
        """What a finished run drew on. Raises `Problem` E_NOT_FOUND, E_STATE."""
        return self._once(("run", run_id), lambda: self._inputs(run_id))

    def _inputs(self, run_id: int) -> Drawn:
        job = queue.Queue(self._record).of_kind(run_id, "soil.run")
        inputs = result_of(job)["inputs"]
        scene = Scene.model_validate(inputs["scenes"][-1])
        return Drawn(
            scenes.here(self._settings, scene),
            inputs["spec"],
            Grading.model_validate(inputs["grading"]),
            tuple(job.args["masks"]),
        )

    def _once(self, key: tuple[str, Any], find: Callable[[], _T]) -> _T:
        with self._lock:
            known = self._known.get(key)
        if known is None:
            known = find()
            with self._lock:
                self._known[key] = known
        return known

    def stretch(self, scene: Scene, bands: tuple[str, ...]) -> tuple[tuple[float, float], ...]:
        """What becomes black and full colour of each band (`geo.soil.pictures.stretched`)."""
        from geo.soil.pictures import check_composite, stretched  # noqa: PLC0415 - loads GDAL

        check_composite(scene, bands)
        key = (digest(scene.model_dump_json()), bands)
        with self._lock:
            known = self._stretches.get(key)
        if known is None:
            known = stretched(self._settings.raster_folder, scene, bands)
            with self._lock:
                self._stretches[key] = known
        return known

    @cached_property
    def palettes(self) -> Palettes:
        from geo.soil.palette import Palettes  # noqa: PLC0415 - loads GDAL

        return Palettes.load(*self._settings.definitions)

    @cached_property
    def pyramids(self) -> Pyramids:
        from geo.soil.pyramid import Pyramids  # noqa: PLC0415 - loads GDAL

        return Pyramids(self._settings.raster_folder)


def digest(*parts: object) -> str:
    """A short name of what a picture depends on."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
