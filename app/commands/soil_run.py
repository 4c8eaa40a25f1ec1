"""``liangtian soil``: areas of salinity grades from a registered scene."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.table import Table

from app import scenes
from app.commands.opened import opened
from app.jobs.sandbox import Limits
from app.jobs.soil import BARE_SOIL, measure
from geo.soil.grading import Gradings
from geo.soil.scene import Scene
from geo.units import SQUARE_METRES_PER_MU


def run(
    data: Path,
    scene_id: str | None,
    index: str,
    grading_id: str | None,
    layer_id: str,
    report: Callable[[str, float | None], None],
) -> Table:
    """A table of the grades; of the scenes and gradings there are when none is named."""
    with opened(data) as place, tempfile.TemporaryDirectory(prefix="soil-") as name:
        gradings = Gradings.load(*place.settings.definitions)
        if scene_id is None or grading_id is None:
            return _choices(scenes.every(place.record), gradings)
        settings = place.settings
        summary, _ = measure(
            settings,
            scenes.get(place.record, scene_id),
            index,
            gradings.resolve(grading_id),
            list(BARE_SOIL),
            place.snapshots().view(place.layer(layer_id).id).match(),
            Path(name),
            Limits(cpu_s=settings.job_seconds, memory_bytes=settings.job_memory_mib * 2**20),
            report,
        )
    union = summary["union"]
    table = Table("等级 grade", "亩 mu", "公顷 ha", title=f"{scene_id} {index} {grading_id}")
    rows = dict(union["grades"])
    rows |= {"遮掩 masked": union["masked_m2"], "影像外 outside": union["outside_m2"]}
    rows["合计 total"] = union["area_m2"]
    for label, m2 in rows.items():
        table.add_row(label, f"{m2 / float(SQUARE_METRES_PER_MU):,.1f}", f"{m2 / 1e4:,.2f}")
    return table


def _choices(known: list[Scene], gradings: Gradings) -> Table:
    table = Table(
        "影像 scene", "日期 date", title="请用 --scene 和 --grading / name a scene and a grading"
    )
    for scene in known:
        table.add_row(scene.id, scene.datetime.date().isoformat())
    for grading in gradings.schemes.values():
        table.add_row(f"[dim]{grading.id}[/]", f"[dim]{grading.title.zh}[/]")
    return table
