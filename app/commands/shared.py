"""What the workers of a service share beside the record."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

#: Memory that has the manners of a folder.
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
_NAME = "liangtian-metrics-"


def share_metrics() -> None:
    """An empty folder for the workers' numbers (`app.metrics`).

    Not on the disk of the data: the files are mapped into memory, and a mapped page for which a
    full disk has no room ends the process (SIGBUS). Its name goes into the environment: that
    must happen before prometheus_client is imported.
    """
    place = _MEMORY if os.access(_MEMORY, os.W_OK) else Path(tempfile.gettempdir())
    _sweep(place)
    folder = tempfile.mkdtemp(prefix=f"{_NAME}{os.getpid()}-", dir=place)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder


def _sweep(place: Path) -> None:
    """Remove the folders of services of ours that run no more."""
    for folder in place.glob(f"{_NAME}*-*"):
        number = folder.name.removeprefix(_NAME).split("-")[0]
        alive = number.isdigit() and Path(f"/proc/{number}").exists()
        if not alive and folder.stat().st_uid == os.getuid():
            shutil.rmtree(folder, ignore_errors=True)
