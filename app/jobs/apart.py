"""A heavy job in a process beside the service: ``python -m app.jobs.apart``.

Comparing and committing 100,000 rows is our own code and needs the record, so it does not belong
into the closed child that reads the file; but in the service's process it would hold up
everybody's requests. The process works under the lease of the worker that started it, and dies
with that worker.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from app import logs
from app.jobs.queue import Job, Queue
from app.settings import Settings
from app.state import State
from geo.snapshot.store import Snapshots

#: Uploaded files from this size on; starting a process takes about a second.
HEAVY_BYTES = 512 << 10
_ROOT = Path(__file__).parents[2]
_PR_SET_PDEATHSIG = 1
#: After this many seconds of asking, a process that does not stop is killed.
_PATIENCE = 20


def run(state: State, job: Job, folder: Path, stop: Callable[[], bool]) -> bool:
    """Let a process do the job and write its end; False when it died over it.

    ``stop`` is asked five times a second; the process then gives the job back.
    """
    command = [sys.executable, "-m", "app.jobs.apart", str(os.getpid()), str(job.id)]
    command += [str(job.lease), str(folder.resolve()), state.settings.model_dump_json()]
    path = os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    process = subprocess.Popen(  # noqa: S603 (our own interpreter, our own module)
        command, env={**os.environ, "PYTHONPATH": path}
    )
    asked = 0.0
    while True:
        try:
            return process.wait(0.2) == 0
        except subprocess.TimeoutExpired:
            if not stop():
                continue
        if not asked:
            process.terminate()
        asked += 0.2
        if asked > _PATIENCE:
            process.kill()


def _die_with(parent: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def main(parent: int, job_id: int, lease: str, folder: Path, settings: str) -> int:
    from app.jobs.worker import Worker  # noqa: PLC0415 (it imports this module)

    _die_with(parent)
    os.nice(15)
    logs.configure()
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the service decides what Ctrl+C means
    state = State(Settings.model_validate_json(settings))
    # Folding changes into a new base is the service's business.
    state.snapshots = Snapshots(state.record, state.settings.snapshot_folder)
    try:
        job = Queue(state.record).get(job_id)
        if job is not None and job.lease == lease:
            Worker(state, (), stopping).do(job, folder)
    finally:
        state.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], Path(sys.argv[4]), sys.argv[5]))
