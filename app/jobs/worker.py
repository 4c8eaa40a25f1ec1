"""Workers: threads that take jobs and run each in its own process.

The service has ``job_workers`` slots over all its processes; ``liangtian worker`` brings
one more each. A worker that died (its slot is free) or stands still (its heartbeat is) loses its
job to the next; whatever it did after that does not count.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from app.blobs import Blob, note
from app.jobs import apart, calibration, control, sample_design, scenes, slots, soil, upload
from app.jobs.queue import Job, LostLease, Queue
from app.jobs.sandbox import Cancelled, Limits, SandboxError
from app.jobs.sweep import sweep
from app.problems import Problem, document
from app.state import State
from geo.errors import Rejected
from geo.record.protocol import RecordError, StorageError

log = logging.getLogger("liangtian.jobs")

_REPORT_EVERY = 0.5
#: Seconds between looks for lost workers.
_LOOK_EVERY = 1.0
_SWEEP_EVERY = 600.0
#: How often the last transaction of a job is tried while others keep the record busy.
_PUBLISH_TRIES = 6


@dataclass
class Context:
    """What a handler gets: its job, a private folder, progress, and whether to stop.

    ``folder`` is of this attempt alone. `keep` remembers how far the job is: the next
    attempt finds it in ``job.checkpoint``, and files it names as blobs.
    """

    state: State
    job: Job
    folder: Path
    limits: Limits
    report: Callable[[str, float | None], None]
    cancelled: Callable[[], bool]

    def keep(self, checkpoint: dict[str, Any], blobs: Sequence[Blob] = ()) -> None:
        """Make a checkpoint durable. Raises `LostLease`."""
        with self.state.record.write() as connection:
            for blob in blobs:
                note(connection, blob, None)
            Queue(self.state.record).keep(connection, self.job, checkpoint)


#: A handler returns what is written in the job's last transaction: (result, effect or None).
Effect = Callable[[Connection], None]
Handler = Callable[[Context], tuple[dict[str, Any], Effect | None]]
HANDLERS: dict[str, Handler] = {
    "upload.inspect": upload.inspect,
    "upload.commit": upload.commit,
    "upload.revert": upload.revert,
    "soil.run": soil.run,
    "soil.calibration": calibration.run,
    "soil.scene": scenes.register,
    "soil.samples": sample_design.run,
    "soil.composite": scenes.compose,
}


class Workers:
    """All workers of this process, and the thread that shows that they live."""

    def __init__(self, state: State, names: Sequence[str], threads: int = 1) -> None:
        self._stopping = threading.Event()
        self._each = [Worker(state, names, self._stopping) for _ in range(threads)]
        self._beat_s = state.settings.job_lease_s / 6
        self._beats = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    @classmethod
    def of_service(cls, state: State) -> Workers:
        count = state.settings.job_workers
        return cls(state, [f"serve-{n}" for n in range(1, count + 1)], count)

    def start(self) -> None:
        self._beats.start()
        for worker in self._each:
            worker.thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for worker in self._each:
            worker.state.wake_worker.set()
        for worker in self._each:
            worker.thread.join(timeout=30)
        self._beats.join(timeout=10)

    def _beat(self) -> None:
        while not self._stopping.wait(self._beat_s):
            for worker in self._each:
                if worker.slot is not None:
                    worker.slot.beat()
            for worker in self._each:
                worker.tell()


class Worker:
    """Runs one job at a time until it is stopped."""

    def __init__(self, state: State, names: Sequence[str], stopping: threading.Event) -> None:
        self.state = state
        self.queue = Queue(state.record)
        self.slot: slots.Slot | None = None
        self.lost: Job | None = None
        #: what it is at
        self.job: Job | None = None
        self.stopping = stopping
        self.thread = threading.Thread(target=self._run, name="jobs", daemon=True)
        self._names = names
        self._folder = state.settings.data / "workers"
        self._watch = slots.Watch(state.settings.job_lease_s)
        self._looked = self._swept = -1e9

    def _run(self) -> None:
        while self.slot is None and not self.stopping.is_set():
            self.slot = slots.take(self._folder, self._names)
            if self.slot is None:
                self.stopping.wait(1)
        slot = self.slot
        if slot is None:
            return
        # Of the service's slots one is kept for uploads: a raster run must not make people wait.
        first = len(self._names) > 1 and slot.name == "serve-1"
        try:
            while not self.stopping.is_set():
                try:
                    self._step(slot.holder, "upload" if first else None)
                except StorageError as error:
                    log.info("no look at the jobs now: %s", error.code)
                    self.stopping.wait(1)
                except Exception:
                    log.exception("the worker's loop failed")
                    self.stopping.wait(1)
        finally:
            slot.free()

    def _step(self, holder: str, kind: str | None) -> None:
        self.state.wake_worker.clear()
        self._look(holder)
        job = self.queue.claim(holder, kind)
        if job is None:
            self.state.wake_worker.wait(_LOOK_EVERY)
            return
        self.job = job
        folder = self.state.settings.work_folder / f"job-{job.id}-{job.attempt}-{job.lease[-8:]}"  # type: ignore[index]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if upload.is_heavy(self.state, job):
                self._leave_to_another(job, folder)
            else:
                self._work(job, folder)
        except LostLease:
            log.warning("job %s was taken over", job.id)
        except Exception:
            log.exception("job %s could not be ended", job.id)
        finally:
            self.job = None
            shutil.rmtree(folder, ignore_errors=True)

    def tell(self) -> None:
        """The heartbeat of a job's row, where other nodes look at it."""
        job = self.job
        if job is None or not self.state.record.shared:
            return
        try:
            self.queue.beat(job)
        except StorageError as error:
            log.warning("no heartbeat for job %s: %s", job.id, error.code)

    def do(self, job: Job, folder: Path) -> None:
        """One job under the lease that it has, whoever got that; see `app.jobs.apart`."""
        try:
            self._work(job, folder)
        except LostLease:
            log.warning("job %s was taken over", job.id)

    def _leave_to_another(self, job: Job, folder: Path) -> None:
        if not apart.run(
            self.state, job, folder, self.stopping.is_set
        ):  # it died; nothing of it counts
            if self.stopping.is_set():
                self.queue.give_back(job)
            else:
                control.release(self.state.record, job)
        self.state.snapshots.refresh()

    def _look(self, holder: str) -> None:
        """Release what lost workers were at; sweep now and then."""
        passed = time.monotonic()
        if passed - self._looked < _LOOK_EVERY:
            return
        self._looked = passed
        running = self.queue.running()
        counts = {job.lease: self._count(job) for job in running}
        still = self._watch.still({k: v for k, v in counts.items() if k and v is not None})
        for job in running:
            # What we hold and are not at (we are here) could not be ended, e.g. on a full disk.
            ours = job.holder == holder
            if ours or job.lease in still or counts[job.lease] is None:
                control.release(self.state.record, job)
        if passed - self._swept > _SWEEP_EVERY:
            self._swept = passed
            sweep(self.state)

    def _count(self, job: Job) -> bytes | None:
        """How far the job's worker has counted; None when it is dead."""
        if job.holder.partition(":")[0] == slots.node_of(self._folder):
            return slots.count_of(self._folder, job.holder)
        return (job.heartbeat or "").encode()

    def _work(self, job: Job, folder: Path) -> None:
        settings = self.state.settings
        limits = Limits(cpu_s=settings.job_seconds, memory_bytes=settings.job_memory_mib * 2**20)
        watch = _Reporter(self, job)
        context = Context(self.state, job, folder, limits, watch.report, watch.cancelled)
        try:
            result, effect = HANDLERS[job.kind](context)
            self._publish(job, result, effect)
        except Cancelled:
            if self.lost is job:
                raise LostLease(f"job {job.id}") from None
            if self.stopping.is_set() and not watch.wanted:
                self.queue.give_back(job)
                return
            self._end(job, "cancelled", None)
        except (Rejected, RecordError) as error:
            if isinstance(error, SandboxError):
                log.warning("job %s: %s\n%s", job.id, error, error.log)
            self._end(job, "failed", describe(error))
        except (LostLease, KeyboardInterrupt):
            raise
        except Exception as error:
            log.exception("job %s failed", job.id)
            internal = Rejected(
                "E_INTERNAL", "任务内部错误，已记录", f"Internal error: {type(error).__name__}"
            )
            self._end(job, "failed", describe(internal))
        self.state.snapshots.refresh()

    def _publish(self, job: Job, result: dict[str, Any], effect: Effect | None) -> None:
        """The effect and the end of the job, both or neither."""
        for left in reversed(range(_PUBLISH_TRIES)):
            try:
                with self.state.record.write() as connection:
                    if control.stop_wanted(connection, job):
                        raise Cancelled
                    if effect is not None:
                        effect(connection)
                    self.queue.finish(connection, job, "done", result=result)
                return
            except StorageError as error:
                if error.code != "E_BUSY" or not left:
                    raise

    def _end(self, job: Job, state: str, problem: dict[str, Any] | None) -> None:
        with self.state.record.write() as connection:
            control.ended(connection, job, state, problem)
            self.queue.finish(connection, job, state, problem=problem)


def describe(error: Rejected | RecordError) -> dict[str, Any]:
    """The problem of a job: Chinese, with English beside it."""
    if isinstance(error, RecordError):
        error = Problem(error.code, *error.detail, where=error.where, fix=error.fix)
    return document(error, "zh") | {"en": document(error, "en")}


class _Reporter:
    """Stores progress now and then, and remembers whether the job should stop."""

    def __init__(self, worker: Worker, job: Job) -> None:
        self._worker = worker
        self._job = job
        self._last = 0.0
        #: whether somebody asked for the end of this job
        self.wanted = False

    def report(self, stage: str, fraction: float | None) -> None:
        if time.monotonic() - self._last >= _REPORT_EVERY:
            self._last = time.monotonic()
            self.wanted |= self._worker.queue.report(self._job, stage, fraction)

    def cancelled(self) -> bool:
        if time.monotonic() - self._last >= _REPORT_EVERY:
            self._last = time.monotonic()
            found = self._worker.queue.get(self._job.id)
            if found is None or found.lease != self._job.lease:
                self._worker.lost = self._job
            else:
                self.wanted |= found.cancel_requested
        return self.wanted or self._worker.lost is self._job or self._worker.stopping.is_set()
