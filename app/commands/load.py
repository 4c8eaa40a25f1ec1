"""``liangtian import``: the service's own intake, from the command line."""

from __future__ import annotations

import getpass
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from app.commands.opened import opened
from app.jobs.compare import compare
from app.jobs.sandbox import Limits
from app.jobs.upload import examine
from geo.errors import Rejected
from geo.intake import region
from geo.intake.decide import Decisions
from geo.layers import Layer
from geo.record.protocol import Author
from geo.snapshot import base


def run(
    data: Path,
    file: Path,
    layer_id: str,
    decisions: dict[str, Any],
    reason: str,
    *,
    commit: bool,
    report: Callable[[str, float | None], None],
) -> tuple[Layer, dict[str, Any]]:
    """Check a file and, with ``commit``, store its rows; returns the layer and the report.

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
        if plan is not None and commit and len(plan.change.op):
            author = Author(getpass.getuser(), reason, f"file:{file.name}")
            report("commit", None)
            with place.record.write() as connection:
                if plan.outdated(place.record):
                    raise Rejected(
                        "E_DIFF_CHANGED",
                        "图层刚刚有改动，未保存",
                        "the layer has just changed; nothing was stored",
                        fix=("再执行一次", "run the command again"),
                    )
                done, _ = place.record.commit([plan.change], author, connection=connection)
            content["revision"] = done.revision
            base.compact(place.record, layer, settings.snapshot_folder)
        return layer, content


def decisions(texts: list[str]) -> dict[str, Any]:
    """``name=value`` pairs as decisions; ``mapping.COLUMN=field`` and ``constants.FIELD=value``
    for parts of these, JSON for anything else that is no text. Raises `Rejected` E_PARAMETER."""
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        group, dot, part = name.partition(".")
        if dot:
            found.setdefault(group, {})[part] = value or None
        else:
            try:
                found[name] = json.loads(value) if value[:1] in tuple("{[tfn") else value
            except ValueError:
                found[name] = value
        if not equals:
            raise _unfit(f"{text}: name=value")
    try:
        return Decisions.model_validate(found).model_dump(mode="json", exclude_unset=True)
    except ValidationError as error:
        first = error.errors()[0]
        raise _unfit(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def _unfit(text: str) -> Rejected:
    names = ", ".join(Decisions.model_fields)
    return Rejected(
        "E_PARAMETER",
        f"决定不正确（{text}）",
        f"not a decision ({text})",
        where="--decide",
        fix=(f"可用：{names}", f"One of: {names}"),
    )
