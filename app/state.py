"""What a worker process holds: the record, its snapshots, people, and a thread that follows."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import TypeVar, cast

from cachetools import LRUCache

from app.metrics import Metrics
from app.people import People
from app.rasters import Rasters
from app.settings import Settings
from app.tiles.answer import Tiles
from app.totals import Desk
from app.watch import Watch
from geo.layers import Catalog
from geo.record.place import open_record
from geo.record.protocol import Record
from geo.snapshot.store import Snapshots
from geo.totals.targets import load as load_targets

log = logging.getLogger("liangtian")


_T = TypeVar("_T")
#: While a new base is being built, look for it this often (seconds).
_LOOK_FOR_BASE = 0.2
#: Numbers for the metrics are taken over this often (seconds).
_COUNT = 5.0


class Answers:
    """The last answers to many questions, each for as long as its revision holds."""

    def __init__(self, most: int = 256) -> None:
        self._kept: LRUCache[str, tuple[object, object]] = LRUCache(most)
        self._lock = threading.Lock()

    def get(self, question: str, revision: object, compute: Callable[[], _T]) -> _T:
        with self._lock:
            kept = self._kept.get(question)
        if kept is None or kept[0] != revision:
            kept = (revision, compute())
            with self._lock:
                self._kept[question] = kept
        return cast(_T, kept[1])


class State:
    """Opened by `create_app`; ``start`` and ``stop`` bracket the life of the worker."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        settings.data.mkdir(parents=True, exist_ok=True)
        self.catalog = Catalog.load(*settings.definitions)
        self.record: Record = open_record(settings.record_place, self.catalog)
        self.people = People(self.record)
        self.watch = Watch(self.record, settings.anchor_folder)
        self._compactions: dict[str, subprocess.Popen[bytes]] = {}
        self.snapshots = Snapshots(self.record, settings.snapshot_folder, self._compact)
        self.summaries = Answers()
        self.answers = Answers()
        self.tiles = Tiles(settings, self.snapshots)
        self.totals = Desk(settings, self.catalog, self.snapshots)
        self.rasters = Rasters(settings, self.record)
        self.targets = {target.id: target for target in load_targets(settings.definitions)}
        self.metrics = Metrics()
        self.wake_worker = threading.Event()
        #: moves whenever anybody has changed the record: jobs, uploads, features
        self.pulse = 0
        self._stopping = threading.Event()
        self._follower: threading.Thread | None = None

    def start(self) -> None:
        self._follower = threading.Thread(target=self._follow, name="follower", daemon=True)
        self._follower.start()
        # In a thread: where the kernels are not compiled yet, the start does not wait for them.
        self.tiles.threads.submit(self.tiles.load)
        self.tiles.threads.submit(self.totals.load)

    def stop(self) -> None:
        self._stopping.set()
        if self._follower:
            self._follower.join(timeout=5)
        for process in self._compactions.values():
            process.terminate()
            process.wait(timeout=10)
        self.watch.anchor()
        self.rasters.close()
        self.record.close()

    def catch_up(self) -> None:
        """Follow the record now, before telling that something in it is done.

        Without it a client could hear from this worker that another has committed, and
        then not find the features here for some milliseconds.
        """
        wanted = self.record.head().revision
        if self.snapshots.revision < wanted:
            self.snapshots.refresh(wanted)

    def _follow(self) -> None:
        """Look for new changes; a worker shows another's commit within a few dozen ms."""
        again = counted = 0.0
        while not self._stopping.wait(self.settings.follow_ms / 1000):
            try:
                changed = self.record.changed()
                if changed:
                    self.pulse += 1
                    self.wake_worker.set()
                    self.people.forget()
                    self.rasters.forget()
                self.watch.look(changed=changed)
                if changed or time.monotonic() >= counted:
                    counted = time.monotonic() + _COUNT
                    self.metrics.note(self)
                if changed or 0 < again < time.monotonic():
                    behind = self.snapshots.refresh() < self.record.head().revision
                    waits = behind or self.snapshots.outgrown
                    again = time.monotonic() + _LOOK_FOR_BASE if waits else 0.0
            except Exception:
                # A worker that cannot follow must say so in its log, not die silently.
                log.exception("following the record failed")
                self._stopping.wait(1)

    def _compact(self, layer_id: str) -> None:
        """Build a new base in a child process; several workers agree by a file lock."""
        running = self._compactions.get(layer_id)
        if running is not None and running.poll() is None:
            return
        command = [sys.executable, "-m", "app.compact", str(self.settings.data), layer_id]
        command += [str(folder) for folder in self.settings.definitions]
        self._compactions[layer_id] = subprocess.Popen(command)  # noqa: S603
