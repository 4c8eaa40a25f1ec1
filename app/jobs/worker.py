"""The worker: a thread that takes jobs one at a time and runs each in its own process.

Of all processes over one data folder a single one works, the holder of a file
lock; the kernel frees it when the holder dies, and the next takes over.
"""

from __future__ import annotations

import fcntl
import logging
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from app.jobs import soil, upload
from app.jobs.queue import Job, LostLease, Queue
from app.jobs.sandbox import Cancelled, Limits, SandboxError
from app.jobs.sweep import sweep
from app.problems import document
from app.state import State
from geo.errors import Rejected

log = logging.getLogger("liangtian.jobs")

_REPORT_EVERY = 0.5


@dataclass
class Context:
    """What a handler gets: its job, a private folder, progress, and whether to stop."""

    state: State
    job: Job
    folder: Path
    limits: Limits
    report: Callable[[str, float | None], None]
    cancelled: Callable[[], bool]


#: A handler returns what is written in the job's last transaction: (result, effect or None).
Effect = Callable[[Connection], None]
Handler = Callable[[Context], tuple[dict[str, Any], Effect | None]]
HANDLERS: dict[str, Handler] = {
    "upload.inspect": upload.inspect,
    "upload.commit": upload.commit,
    "soil.run": soil.run,
}


class Worker:
    """Runs jobs until it is stopped. Started by the service, or alone by ``liangtian worker``."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.queue = Queue(state.record)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self.run, name="jobs", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self.state.wake_worker.set()
        self._thread.join(timeout=30)

    def run(self) -> None:
        with (self.state.settings.data / "worker.lock").open("w") as handle:
            while not self._stopping.is_set():
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    self._stopping.wait(1)
            if not self._stopping.is_set():
                self.queue.release_dead()
                sweep(self.state)
            while not self._stopping.is_set():
                self._step()

    def _step(self) -> None:
        self.state.wake_worker.clear()
        try:
            job = self.queue.claim()
        except Exception:
            log.exception("claiming a job failed")
            self._stopping.wait(1)
            return
        if job is None:
            self.state.wake_worker.wait(1)
            return
        folder = self.state.settings.work_folder / f"job-{job.id}"
        folder.mkdir(parents=True, exist_ok=True)
        try:
            self._work(job, folder)
        except LostLease:
            log.warning("job %s was taken over", job.id)
        except Exception:
            log.exception("job %s could not be ended", job.id)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _work(self, job: Job, folder: Path) -> None:
        settings = self.state.settings
        limits = Limits(cpu_s=settings.job_seconds, memory_bytes=settings.job_memory_mib * 2**20)
        watch = _Reporter(self, job)
        context = Context(self.state, job, folder, limits, watch.report, watch.cancelled)
        try:
            result, effect = HANDLERS[job.kind](context)
            with self.state.record.write() as connection:
                if effect is not None:
                    effect(connection)
                self.queue.finish(connection, job, "done", result=result)
        except Cancelled:
            if self._stopping.is_set():
                return  # stays 'running'; the next worker queues it again
            self._end(job, "cancelled", None)
        except Rejected as error:
            if isinstance(error, SandboxError):
                log.warning("job %s: %s\n%s", job.id, error, error.log)
            self._end(job, "failed", document(error, "zh") | {"en": document(error, "en")})
        except (LostLease, KeyboardInterrupt):
            raise
        except Exception as error:
            log.exception("job %s failed", job.id)
            problem = Rejected(
                "E_INTERNAL", "任务内部错误,已记录", f"Internal error: {type(error).__name__}"
            )
            self._end(job, "failed", document(problem, "zh"))
        self.state.snapshots.refresh()

    def _end(self, job: Job, state: str, problem: dict[str, Any] | None) -> None:
        with self.state.record.write() as connection:
            if job.kind.startswith("upload."):
                upload.ended(connection, job, state, problem)
            self.queue.finish(connection, job, state, problem=problem)


class _Reporter:
    """Stores progress now and then, and remembers whether the job should stop."""

    def __init__(self, worker: Worker, job: Job) -> None:
        self._worker = worker
        self._job = job
        self._last = 0.0
        self._stop = False

    def report(self, stage: str, fraction: float | None) -> None:
        if time.monotonic() - self._last >= _REPORT_EVERY:
            self._last = time.monotonic()
            self._stop |= self._worker.queue.report(self._job, stage, fraction)

    def cancelled(self) -> bool:
        if time.monotonic() - self._last >= 4 * _REPORT_EVERY:
            self._last = time.monotonic()
            found = self._worker.queue.get(self._job.id)
            self._stop |= found is None or found.cancel_requested
        return self._stop or self._worker._stopping.is_set()
