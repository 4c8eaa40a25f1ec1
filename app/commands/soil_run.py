"""``liangtian soil``: areas of salinity grades from a registered scene."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.table import Table

from app import scenes
from app.commands.opened import opened
from app.jobs.sandbox import Limits
from app.jobs.soil import Order, measure, zones_of
from geo.soil import mask
from geo.soil.grading import Gradings
from geo.soil.indices import get
from geo.soil.results import Results
from geo.soil.scene import Scene
from geo.soil.tabled import area_rows, change_rows
from geo.units import SQUARE_METRES_PER_MU


def run(
    data: Path,
    scene_id: str | None,
    index: str,
    grading_id: str | None,
    layer_id: str,
    before: str | None,
    report: Callable[[str, float | None], None],
) -> Table:
    """A table of the grades, or of their change since ``before``.

    Without a scene and a grading: a table of those that there are.
    """
    with opened(data) as place, tempfile.TemporaryDirectory(prefix="soil-") as name:
        gradings = Gradings.load(*place.settings.definitions)
        if scene_id is None or grading_id is None:
            return _choices(scenes.every(place.record), gradings)
        settings = place.settings
        folder = Path(name)
        zones_of(place.snapshots().view(place.layer(layer_id).id).match(), folder / "zones.arrow")
        pair = (before, scene_id) if before else (scene_id,)
        found = tuple(scenes.here(place.settings, scenes.get(place.record, each)) for each in pair)
        masks = mask.bare_soil(*(scene.bands for scene in found))
        order = Order(found, {"index": index}, gradings.resolve(grading_id), masks)
        _, output = measure(
            settings,
            order,
            folder / "zones.arrow",
            folder,
            Limits(cpu_s=settings.job_seconds, memory_bytes=settings.job_memory_mib * 2**20),
            report,
        )
        union = Results(output).total("union")
    labels = [grade.code for grade in order.grading.grades]
    title = f"{' → '.join(pair)} {index} {grading_id}"
    if before:
        return _changed(change_rows(["union"], union, labels, get(index).direction)[0], title)
    [row] = area_rows(
        ["union"], union, labels, [str(k) for k in range(union.after.masked.shape[1])]
    )
    rows = {label: row["grades"].get(label) for label in labels}
    rows |= {"遮掩 masked": row["masked_m2"], "影像外 outside": row["outside_m2"]}
    rows["合计 total"] = row["area_m2"]
    return _table("等级 grade", rows, title)


def _changed(row: dict[str, Any], title: str) -> Table:
    rows = {
        f"{a} → {b}": m2 for a, line in row["matrix"].items() for b, m2 in line.items() if m2 > 0
    }
    rows |= {
        "改善 improved": row["improved_m2"],
        "恶化 worsened": row["worsened_m2"],
        "稳定 stable": row["stable_m2"],
        "未观测 unobserved": row["unobserved_m2"],
        "合计 total": row["area_m2"],
    }
    return _table("变化 change", rows, title)


def _table(first: str, rows: dict[str, float | None], title: str) -> Table:
    table = Table(first, "亩 mu", "公顷 ha", title=title)
    for label, m2 in rows.items():
        if m2 is None:
            table.add_row(label, "未观测 not observed", "")
        else:
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
