"""The desk where totals are asked for: answers are kept, heavy overlays run in a child.

An answer is kept by its question and the revisions of the layers that it depends on, so a
change elsewhere leaves it alone. Overlays that would take long (hostile polygons, above all)
run in a process with limits, one at a time.
"""

from __future__ import annotations

import tempfile
import threading
from collections import OrderedDict
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
from cachetools import LRUCache

from app.asking import Ask
from app.jobs.sandbox import Limits, SandboxError, run
from app.problems import Problem
from app.settings import Settings
from geo.layers import Catalog
from geo.snapshot.store import Snapshots
from geo.totals import overlay
from geo.totals.adjust import adjusted, rounded
from geo.totals.definitions import Definitions
from geo.totals.overlap import Overlaps, too_costly
from geo.totals.question import Question, plan
from geo.totals.table import Reported
from geo.totals.total import Total, total
from geo.totals.views import At

_KEPT = 512
#: Questions that may wait for a heavy one; more are sent away.
_MOST_WAITING = 3


class Desk:
    """Answers questions for one process; thread-safe."""

    def __init__(self, settings: Settings, catalog: Catalog, snapshots: Snapshots) -> None:
        self._settings = settings
        self._layers = catalog.layers
        self._snapshots = snapshots
        self.definitions = Definitions.load(catalog.layers, *settings.definitions)
        self.overlaps = Overlaps(overlay.Overlay(self._heavy))
        self._kept: LRUCache[object, Total] = LRUCache(_KEPT)
        self._asked: OrderedDict[object, threading.Lock] = OrderedDict()
        self._lock = threading.Lock()
        self._one_heavy = threading.Lock()
        self._waiting = threading.Semaphore(_MOST_WAITING + 1)

    def load(self) -> None:
        """Compile the kernels where no cache has them; for a thread at the start."""
        for layer in ("counties", "canals"):
            if layer in self._layers and "districts" in self._layers:
                self.total(Question(layer, by=("districts",)))

    def total(
        self,
        question: Question,
        as_of: int | datetime | None = None,
        key: str | None = None,
        counties: tuple[str, ...] = (),
    ) -> Total:
        """The answer, from what is kept where nothing has changed since.

        ``key`` says what is asked, where the question's filters do not; ``counties`` is what
        the asker is limited to (none named: nothing). Raises `Rejected`:
        what `geo.totals.total.total` does, E_AS_OF, E_BUSY.
        """
        assert key or not question.selected, "filters that are not words need a key"
        views = At(self._snapshots, as_of, counties)
        names = plan(question, self._layers).layers
        now = views(names[0]).revision
        name = (key or repr(question), counties, tuple(views(layer).touched for layer in names))
        with self._of(name):
            found = self._kept.get(name)
            if found is None:
                found = total(views, question, self._layers, self.overlaps)
                with self._lock:
                    self._kept[name] = found
        return found if found.as_of == now else replace(found, as_of=now)

    def _of(self, name: object) -> threading.Lock:
        """A lock a question: the same one is never worked out twice at a time."""
        with self._lock:
            lock = self._asked.pop(name, None) or threading.Lock()
            self._asked[name] = lock
            while len(self._asked) > 2 * _KEPT:
                self._asked.popitem(last=False)
            return lock

    def _heavy(
        self, kind: overlay.Kind, left: np.ndarray, right: np.ndarray | None, grid: float
    ) -> np.ndarray:
        """Overlay in a limited child. Raises `Rejected` E_TOO_COSTLY, `Problem` E_BUSY."""
        if not self._waiting.acquire(blocking=False):
            raise Problem(
                "E_BUSY",
                "正在计算其他复杂的统计，请稍候再试",
                "Other heavy totals are being worked out; try again in a moment",
                headers={"Retry-After": "10"},
            )
        try:
            with self._one_heavy:
                return overlaid(self._settings, kind, left, right, grid)
        finally:
            self._waiting.release()


def overlaid(
    settings: Settings,
    kind: overlay.Kind,
    left: np.ndarray,
    right: np.ndarray | None,
    grid: float = 0.0,
) -> np.ndarray:
    """`geo.totals.overlay.compute` in a child with the limits of the settings."""
    limits = Limits(
        cpu_s=settings.totals_seconds,
        memory_bytes=settings.totals_memory_mib * 2**20,
        wall_s=4 * settings.totals_seconds,
    )
    settings.work_folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="overlay-", dir=settings.work_folder) as name:
        folder = Path(name)
        source, result = folder / "input.arrow", folder / "output.arrow"
        overlay.write(source, left, right)
        files = {"input": str(source), "output": str(result)}
        arguments = {"kind": kind, "grid": grid, **files}
        try:
            run("geo.totals.overlay:main", arguments, folder, limits, readable=[])
        except SandboxError as error:
            if error.code == "E_DISK_FULL":
                raise
            raise too_costly() from error
        return overlay.read(result)[0]


def reported(ask: Ask, found: Total) -> Reported:
    """Rounded and adjusted figures, where they are asked for. Raises `Rejected` E_PARAMETER."""
    unit = ask.unit if found.layer.geometry == "MultiPolygon" else "m2"  # metres are not changed
    units = [row.units for row in found.rows]
    parts = whole = made = None
    if ask.round is not None:
        parts, whole = rounded(units, unit, ask.round)
        if not found.rows:
            parts, whole = [], rounded([found.total.units], unit, ask.round)[1]
    if ask.adjust is not None:
        made = adjusted(units or [found.total.units], ask.adjust, unit, ask.round)
    return Reported(unit, parts, whole, made)
