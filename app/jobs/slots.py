"""Which workers there are, and whether one lives: file locks, which the kernel frees at death.

A worker takes one slot, ``DATA/workers/NAME.lock``, writes an id of its own into it, keeps it
locked and counts up in it. Its leases begin with ``NAME/ID``: a free lock or another id means
that it is dead, a count that stands still that it is stopped. The record has no part in it, so
that a long commit does not look like death.

Of several nodes each judges its own workers so, by its own folder; a lease says whose it is
(``NODE:NAME/ID``). The workers of other nodes are judged by the heartbeat of their job's row.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

#: One look that comes late (the machine slept, we were stopped) counts for no more than this.
_STEP = 2.0
_COUNT_AT = 64


class Slot:
    """A slot that this process holds until `free`, or until it dies."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.name = path.stem
        self.holder = f"{node_of(path.parent)}:{path.stem}/{secrets.token_hex(8)}"
        self._descriptor: int | None = descriptor
        self._count = 0
        self._lock = threading.Lock()
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, self.holder.encode().ljust(_COUNT_AT), 0)
        self.beat()

    def beat(self) -> None:
        """Show that the worker lives; nothing once it is freed."""
        with self._lock:
            if self._descriptor is not None:
                self._count += 1
                os.pwrite(self._descriptor, b"%020d" % self._count, _COUNT_AT)

    def free(self) -> None:
        with self._lock:
            descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def node_of(folder: Path) -> str:
    """The name of this node, made by the first to ask for it."""
    path = folder / "node"
    try:
        return path.read_text()
    except FileNotFoundError:
        part = folder / f"node-{secrets.token_hex(4)}"
        part.write_text(secrets.token_hex(4))
        with suppress(FileExistsError):
            os.link(part, path)
        part.unlink()
        return path.read_text()


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


def count_of(folder: Path, holder: str) -> bytes | None:
    """How far this worker of this node has counted; None when it is dead."""
    path = folder / f"{holder.partition('/')[0].rpartition(':')[2]}.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        content = os.pread(descriptor, 100, 0)
        if content[:_COUNT_AT].rstrip() != holder.encode():
            return None
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return content[_COUNT_AT:]
    finally:
        os.close(descriptor)
    return None


class Watch:
    """Finds workers that live but stand still: their count has not changed for a while.

    Time is what passes between our own looks, never a clock that can be set.
    """

    def __init__(self, still_s: float) -> None:
        self._still_s = still_s
        self._seen: dict[str, tuple[bytes, float]] = {}
        self._looked = time.monotonic()

    def still(self, counts: Mapping[str, bytes]) -> set[str]:
        """Of leases with the counts of their workers, those whose count did not change for
        ``still_s`` seconds."""
        passed = min(time.monotonic() - self._looked, _STEP)
        self._looked = time.monotonic()
        seen: dict[str, tuple[bytes, float]] = {}
        for lease, count in counts.items():
            before, quiet = self._seen.get(lease, (b"", 0.0))
            seen[lease] = (count, quiet + passed if before == count else 0.0)
        self._seen = seen
        return {lease for lease, (_, quiet) in seen.items() if quiet >= self._still_s}


def main(folder: Path) -> int:
    """0 while a worker of this folder lives; for health checks."""
    for path in folder.glob("*.lock"):
        holder = path.read_bytes()[:_COUNT_AT].rstrip().decode()
        if holder and count_of(folder, holder) is not None:
            return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
