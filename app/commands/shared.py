"""What the workers of a service share beside the record."""

from __future__ import annotations

import os
from pathlib import Path


def share_metrics(data: Path) -> None:
    """An empty folder for the workers' numbers (`app.metrics`).

    Its name goes into the environment: that must happen before prometheus_client is imported.
    """
    folder = data / "metrics"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in folder.glob("*.db"):
        old.unlink()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder.resolve())
