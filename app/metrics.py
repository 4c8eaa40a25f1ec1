"""Numbers about the service for Prometheus, right over all its workers.

Workers share files in memory (``PROMETHEUS_MULTIPROC_DIR``, set by ``liangtian
serve``): whichever is asked adds all of them up. Without it, in one process, they are its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Gauge, Histogram, multiprocess
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from geo.record.tables import JOB_STATES, jobs

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

    from app.state import State

#: Set before prometheus_client is imported, or it has no effect.
SHARED = "PROMETHEUS_MULTIPROC_DIR"
MEDIA_TYPE = CONTENT_TYPE_LATEST
_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
#: Combinations of route, method and status that are told apart; the rest is counted as one.
_MOST = 2000


class Metrics:
    """What one process counts."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Histogram(
            "liangtian_request_seconds",
            "Requests by route, method and status, and how long they took.",
            ("route", "method", "status"),
            registry=self._registry,
            buckets=_BOUNDS,
        )
        self._known: dict[tuple[str, str, int], Histogram] = {}
        self._tiles = Gauge(
            "liangtian_tile_cache_requests",
            "Tiles asked for since the start: hit, miss, joined.",
            ("outcome",),
            registry=self._registry,
            multiprocess_mode="sum",
        )
        self._kept = Gauge(
            "liangtian_tile_cache_bytes",
            "Bytes of tiles in memory, of all workers.",
            registry=self._registry,
            multiprocess_mode="livesum",
        )
        self._revision = Gauge(
            "liangtian_snapshot_revision",
            "The revision that the snapshots show; of the worker that is behind most.",
            registry=self._registry,
            multiprocess_mode="livemin",
        )

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request; microseconds, for it is called for every tile."""
        key = route, method, status
        child = self._known.get(key)
        if child is None:
            if len(self._known) >= _MOST:
                key = "other", "other", status
            child = self._known[key] = self._requests.labels(*map(str, key))
        child.observe(seconds)

    def note(self, state: State) -> None:
        """Take over what others count; the follower calls it now and then."""
        counts = state.tiles.cache.counts
        for outcome in ("hits", "misses", "joined"):
            self._tiles.labels(outcome).set(getattr(counts, outcome))
        self._kept.set(state.tiles.cache.weight)
        self._revision.set(state.snapshots.revision)

    def text(self, state: State) -> bytes:
        """All numbers in Prometheus' text format."""
        self.note(state)
        registry = CollectorRegistry()
        if SHARED in os.environ:
            _forget_dead(Path(os.environ[SHARED]))
            multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        else:
            registry = self._registry
        return generate_latest(registry) + generate_latest(_Record(state))


def _forget_dead(folder: Path) -> None:
    """What dead workers had counted stays; what they held does not."""
    for path in folder.glob("gauge_live*_*.db"):
        pid = path.stem.rpartition("_")[2]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            path.unlink(missing_ok=True)


class _Record(Collector):
    """What the record itself says; the same whichever worker is asked."""

    def __init__(self, state: State) -> None:
        self._state = state

    def collect(self) -> Iterable[Metric]:
        state = self._state
        head = state.record.head()
        yield _gauge("liangtian_record_revision", "The last revision.", head.revision)
        yield _gauge("liangtian_record_seq", "The last row of the log.", head.seq)
        lag = max(0, head.revision - state.snapshots.revision)
        yield _gauge("liangtian_snapshot_lag", "Revisions that the asked worker is behind.", lag)
        yield _gauge("liangtian_log_sound", "1 when nothing is known against the log.",
                     int(state.watch.sound))  # fmt: skip
        found = GaugeMetricFamily("liangtian_jobs", "Jobs by state.", labels=["state"])
        query = select(jobs.c.state, func.count()).group_by(jobs.c.state)
        with state.record.read() as connection:
            counts = {str(name): int(count) for name, count in connection.execute(query)}
        for name in JOB_STATES:
            found.add_metric([name], counts.get(name, 0))
        yield found


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)
