"""Draw the picture of areas.md from a demonstration folder. See figures.py."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from figures import HERE, demonstration
from matplotlib import pyplot as plt

from app import scenes
from app.state import State
from geo.soil import mask, run
from geo.soil.grading import Grading, Gradings
from geo.units import SQUARE_METRES_PER_MU

MU = float(SQUARE_METRES_PER_MU) * 1e4  # m² of 10,000 mu


def main(data: Path) -> None:
    with demonstration(data) as state:
        grading = Gradings.load(*state.settings.definitions).resolve("demo-si-gr")
        districts, names = features(state, "districts", "name")
        plots, _ = features(state, "plots", "code")
        pair = tuple(scenes.every(state.record))[-2:]
        with ThreadPoolExecutor(2) as threads:
            found = run.areas(
                state.settings.raster_folder, pair, spec={"index": "si_gr"}, grading=grading,
                zones=plots, zone_ids=range(len(plots)),
                masks=mask.bare_soil(*(scene.bands for scene in pair)),
                splits={"districts": districts}, executor=threads,
            )  # fmt: skip
        picture(found, grading, names)


def features(state: State, layer: str, field: str) -> tuple[np.ndarray, list[str]]:
    matches = state.snapshots.view(layer).match()
    shapes = np.concatenate([s.geometries(rows) for s, rows in matches])
    names = [str(v) for s, rows in matches for v in s.column(field, rows).to_pylist()]
    return shapes, names


def picture(found: run.RunResult, grading: Grading, names: list[str]) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.9), width_ratios=(3, 2))
    cut = found.splits["districts"]
    parts = [
        (grade.title.zh, grade.color, cut.measured.areas.grade_m2[:, k])
        for k, grade in enumerate(grading.grades)
    ]
    parts.append(("遮掩 masked", "#9aa5a0", cut.measured.areas.masked_m2))
    parts.append(("影像外 outside", "#e3e6e4", cut.measured.areas.outside_m2))
    member = np.where(cut.member < 0, len(names), cut.member)
    labels = [*names, "灌区外 none"]
    there = np.flatnonzero(np.bincount(member, minlength=len(labels)))
    bottom = np.zeros(len(there))
    for title, colour, m2 in parts:
        height = np.bincount(member, weights=m2, minlength=len(labels))[there] / MU
        left.bar(range(len(there)), height, 0.6, bottom, color=colour, label=title)
        bottom += height
    left.set_xticks(range(len(there)), [labels[i] for i in there], rotation=12)
    left.set_ylabel("万亩 10,000 mu")
    left.set_title(f"治理地块各等级面积 areas of grades, {found.scenes[-1].datetime:%Y-%m-%d}")
    left.legend(fontsize=7, frameon=False, ncols=2)

    change = found.union.change_m2
    assert change is not None
    k = len(grading.grades)
    both = change[0, :k, :k] / MU
    right.imshow(np.log10(np.maximum(both, 1e-5)), cmap="YlGnBu")
    titles = [grade.title.zh for grade in grading.grades]
    right.set_xticks(range(k), titles, rotation=20)
    right.set_yticks(range(k), titles)
    right.set_xlabel(f"{found.scenes[-1].datetime:%Y-%m-%d}")
    right.set_ylabel(f"{found.scenes[0].datetime:%Y-%m-%d}")
    for i in range(k):
        for j in range(k):
            dark = both[i, j] > both.max() / 30
            right.text(j, i, f"{both[i, j]:.2f}", ha="center", va="center", fontsize=7,
                       color="white" if dark else "black")  # fmt: skip
    better, worse = np.tril(both, -1).sum(), np.triu(both, 1).sum()
    right.set_title(f"由行变为列，万亩：改善 {better:.2f}，恶化 {worse:.2f}", fontsize=9)
    figure.tight_layout()
    figure.savefig(HERE / "areas.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
