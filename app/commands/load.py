"""``liangtian import``: the service's own intake, from the command line."""

from __future__ import annotations

import getpass
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.commands.opened import opened
from app.jobs.sandbox import Limits
from app.jobs.upload import examine
from geo.intake import stage
from geo.intake.changes import changes
from geo.record.protocol import Author
from geo.snapshot import base


def run(
    data: Path,
    file: Path,
    layer_id: str,
    decisions: dict[str, Any],
    reason: str,
    *,
    check_only: bool,
    report: Callable[[str, float | None], None],
) -> dict[str, Any]:
    """Check a file and, unless told otherwise, store its rows; returns the report.

    Not everything a person should decide is decided: the report then says
    ``needs_input`` and nothing is stored.
    """
    with opened(data) as place, tempfile.TemporaryDirectory(prefix="import-") as name:
        layer = place.layer(layer_id)
        settings = place.settings
        limits = Limits(cpu_s=settings.job_seconds, memory_bytes=settings.job_memory_mib * 2**20)
        content, rows = examine(
            file, file.name, layer, place.catalog, decisions, Path(name), limits, report
        )
        if content["state"] != "ready":
            return content
        change, difference = changes(
            layer, stage.load(rows, layer), place.snapshots().view(layer.id)
        )
        content["diff"] = vars(difference)
        if not check_only and len(change.op):
            author = Author(getpass.getuser(), reason, f"file:{file.name}")
            done, _ = place.record.commit([change], author)
            content["revision"] = done.revision
            base.compact(place.record, layer, settings.snapshot_folder)
        return content
