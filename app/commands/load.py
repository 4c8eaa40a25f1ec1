"""``liangtian import``: the service's own intake, from the command line."""

from __future__ import annotations

import getpass
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.commands.opened import opened
from app.jobs.compare import compare
from app.jobs.sandbox import Limits
from app.jobs.upload import examine
from geo.intake import region
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
        snapshots = place.snapshots()
        limits = Limits(cpu_s=settings.job_seconds, memory_bytes=settings.job_memory_mib * 2**20)
        content, rows = examine(
            file, file.name, layer, place.catalog, decisions, Path(name), limits, report,
            counties=snapshots.view(region.LAYER) if region.LAYER in place.catalog.layers else None,
        )  # fmt: skip
        view = snapshots.view(layer.id)
        plan = compare(content, rows, layer, view, decisions, (), limits, report)
        if plan is not None and not check_only and len(plan.change.op):
            author = Author(getpass.getuser(), reason, f"file:{file.name}")
            done, _ = place.record.commit([plan.change], author)
            content["revision"] = done.revision
            base.compact(place.record, layer, settings.snapshot_folder)
        return content
