"""What the workers of a service share beside the record."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

#: Memory that has the manners of a folder.
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it


def share_metrics() -> None:
    """An empty folder for the workers' numbers (`app.metrics`), gone when the service ends.

    Not on the disk of the data: the files are mapped into memory, and a mapped page for which a
    full or read-only disk has no room ends the process (SIGBUS). Its name goes into the
    environment: that must happen before prometheus_client is imported.
    """
    place = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    folder = tempfile.mkdtemp(prefix="liangtian-metrics-", dir=place)
    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:  # not in a worker that was forked
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
