"""Overlap to be removed from a selection, worked out in a limited child and kept.

Overlays never run in the service's own process: two hostile polygons of 50 KB
can take a minute and gigabytes.
"""

from __future__ import annotations

import tempfile
import threading
from collections import OrderedDict
from pathlib import Path

import numpy as np

from app.jobs.sandbox import Limits, run
from app.settings import Settings
from geo.snapshot.view import Matches
from geo.totals.overlap import write_input

_KEPT = 64


class Overlaps:
    """Removed areas by question; one computation at a time, the same one never twice."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._kept: OrderedDict[str, dict[int, float]] = OrderedDict()
        self._lock = threading.Lock()

    def removed(self, key: str, matches: Matches) -> dict[int, float]:
        """m² by fid that features with lower fids already cover. Raises `SandboxError`."""
        known = self._kept.get(key)
        if known is not None:
            return known
        with self._lock:
            known = self._kept.get(key)
            if known is None:
                known = self._kept[key] = self._compute(matches)
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
        return known

    def _compute(self, matches: Matches) -> dict[int, float]:
        fids = np.concatenate([s.fid[rows] for s, rows in matches] or [np.empty(0, np.int64)])
        if len(fids) < 2:
            return {}
        shapes = np.concatenate([s.geometries(rows) for s, rows in matches])
        limits = Limits(
            cpu_s=self._settings.job_seconds, memory_bytes=self._settings.job_memory_mib * 2**20
        )
        self._settings.work_folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="overlap-") as name:
            path = Path(name) / "input.arrow"
            write_input(path, fids, shapes)
            answer = run(
                "geo.totals.overlap:main", {"input": str(path)}, folder=Path(name), limits=limits
            )
        return {int(fid): float(area) for fid, area in answer["removed"].items()}
