"""Which workers there are, and whether one lives: file locks, which the kernel frees at death.

A worker takes one slot, ``DATA/workers/NAME.lock``, writes an id of its own into it and keeps
it locked. Its leases begin with ``NAME/ID``: free lock or another id means that it is dead.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Iterable
from pathlib import Path

from app.jobs.queue import Job

#: One look that comes late (the machine slept, we were stopped) counts for no more than this.
_STEP = 2.0


class Slot:
    """A slot that this process holds until `free`, or until it dies."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._descriptor = descriptor
        self.holder = f"{path.stem}/{secrets.token_hex(8)}"
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, self.holder.encode(), 0)

    def free(self) -> None:
        os.close(self._descriptor)


def take(folder: Path, names: Iterable[str]) -> Slot | None:
    """The first free slot of these names; None when all are taken."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        path = folder / f"{name}.lock"
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
        else:
            return Slot(path, descriptor)
    return None


def lives(folder: Path, holder: str) -> bool:
    """Whether the worker of this ``NAME/ID`` still holds its slot."""
    path = folder / f"{holder.partition('/')[0]}.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        if os.pread(descriptor, 100, 0).decode("ascii", "replace") != holder:
            return False
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


class Watch:
    """Finds workers that live but stand still: their heartbeat has not changed for a while.

    Time is what passes between our own looks, never a clock that can be set.
    """

    def __init__(self, still_s: float) -> None:
        self._still_s = still_s
        self._seen: dict[tuple[int, str | None], tuple[str | None, float]] = {}
        self._looked = time.monotonic()

    def still(self, running: list[Job]) -> list[Job]:
        """Jobs whose heartbeat did not change for ``still_s`` seconds."""
        passed = min(time.monotonic() - self._looked, _STEP)
        self._looked = time.monotonic()
        seen, found = {}, []
        for job in running:
            before, quiet = self._seen.get((job.id, job.lease), (job.heartbeat, 0.0))
            quiet = quiet + passed if before == job.heartbeat else 0.0
            seen[job.id, job.lease] = (job.heartbeat, quiet)
            if quiet >= self._still_s:
                found.append(job)
        self._seen = seen
        return found
