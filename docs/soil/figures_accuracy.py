"""Draw the pictures of accuracy.md and calibration.md from a demonstration. See figures.py."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import rasterio
from figures import HERE, demonstration
from matplotlib import pyplot as plt

from app import scenes
from app.jobs import calibration
from app.state import State
from geo.soil import calibrate_child, change_limit, raster, target
from geo.soil.accuracy import Z95, by_class
from geo.soil.allocation import allocate
from geo.soil.classify import Classifier
from geo.soil.grading import Gradings
from geo.soil.indices import get
from geo.soil.scene import Scene

MASKS = ("scl", "water", "vegetation")
DRAWS = 1000


def main(data: Path) -> None:
    with demonstration(data) as state:
        scene = scenes.every(state.record)[-1]
        root = state.settings.raster_folder
        grading = Gradings.load(*state.settings.definitions).resolve("demo-si-gr")
        accuracy(population(root, scene, grading), grading)
        calibrations(state, root)


def population(root: Path, scene: Scene, grading: Any) -> np.ndarray:
    """Pixels by grade on the map and true grade."""
    classifier = Classifier(scene, get("si_gr"), grading, MASKS)
    k = len(grading.grades)
    found = np.zeros((k, k), dtype=np.int64)
    with (
        raster.Reader.open(root, scene) as reader,
        rasterio.open(root / f"truth_{scene.path}") as truth,
    ):
        for row in range(0, scene.height, 512):
            window = (0, row, scene.width, min(512, scene.height - row))
            seen = classifier.codes(reader, window)
            true = truth.read(1, window=((row, row + window[3]), (0, scene.width)))
            graded = seen < k
            both = seen[graded].astype(np.int64) * k + true[graded]
            found += np.bincount(both, minlength=k * k).reshape(k, k)
    return found


def accuracy(pixels: np.ndarray, grading: Any) -> None:
    """One sample against the truth, and how often the intervals of many hold it."""
    mapped, truth = pixels.sum(axis=1).astype(float), pixels.sum(axis=0).astype(float)
    size = allocate(600, mapped, minimum=50)
    rng = np.random.default_rng(20260508)
    drawn = np.stack(
        [rng.multinomial(n, row / row.sum(), DRAWS) for n, row in zip(size, pixels, strict=True)],
        axis=1,
    )
    found = by_class(drawn, mapped)
    inside = np.abs(found.area - truth) <= Z95 * found.area_se
    names = [f"{g.title.zh}\n{g.title.en}" for g in grading.grades]
    at, hectare = np.arange(len(names)), 100 / 10_000
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.6), layout="constrained")
    left.bar(at - 0.2, mapped * hectare, 0.38, label="图上 on the map", color="#c9c2ae")
    left.bar(at + 0.2, found.area[0] * hectare, 0.38, label="抽样估计 estimated", color="#6b9c8a",
             yerr=Z95 * found.area_se[0] * hectare, capsize=3)  # fmt: skip
    left.plot(at + 0.2, truth * hectare, "D", color="#7a1f1f", ms=5, label="真值 truth")
    left.set(xticks=at, xticklabels=names, ylabel="公顷 ha",
             title=f"一次 {int(size.sum())} 点的分层抽样 one stratified sample")  # fmt: skip
    left.legend(frameon=False)
    right.axhspan(93, 97, color="#e7efe9")
    right.axhline(95, color="#4b7f6b", lw=1)
    right.plot(at, 100 * inside.mean(axis=0), "o", color="#7a1f1f")
    right.set(xticks=at, xticklabels=names, ylim=(85, 100), ylabel="%",
              title=f"{DRAWS} 次抽样的区间包含真值 intervals that hold the truth: "
              f"{100 * inside.mean():.1f} %")  # fmt: skip
    figure.savefig(HERE / "accuracy.png")
    print("coverage by grade", np.round(inside.mean(axis=0), 3), "all", inside.mean().round(4))


def calibrations(state: State, root: Path) -> None:
    """pH from si_gr: predicted against observed of left-out blocks, residuals on the map."""
    view = state.snapshots.view("samples")
    asked = {"samples": {}, "depth": {"top_cm": 0, "bottom_cm": 20}}
    table, _ = calibration.chosen(view, target.get("ph"), asked)
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder) / "samples.arrow", Path(folder) / "out.json"
        with pa.OSFile(str(source), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        calibrate_child.main(
            {
                "root": str(root),
                "scenes": [s.model_dump(mode="json") for s in scenes.every(state.record)],
                "samples": str(source), "output": str(output), "target": "ph", "kind": "linear",
                "features": ["si_gr"], "masks": list(MASKS), "window": 1, "log": False,
                "days": 240, "cv": {"method": "blocks", "size_m": 3000.0}, "seed": 0,
            },
            lambda stage, done: None,
        )  # fmt: skip
        found = json.loads(output.read_text())
    samples, overall = found["samples"], found["overall"]
    observed, predicted = np.array(samples["observed"]), np.array(samples["predicted"])
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4.0), layout="constrained")
    left.scatter(predicted, observed, c=samples["fold"], cmap="tab10", s=12)
    ends = np.array([observed.min(), observed.max()])
    left.plot(ends, ends, color="#888888", lw=1)
    left.set(xlabel="预测 predicted (held out)", ylabel="实测 observed pH",
             title=f"{found['formula']}\nR² {overall['r2']:.2f}, RMSE {overall['rmse']:.2f}, "
             f"n {overall['n']:.0f}, {found['groups']} blocks")  # fmt: skip
    span = float(np.abs(samples["residual"]).max())
    shown = right.scatter(samples["lon"], samples["lat"], c=samples["residual"], cmap="RdBu_r",
                          vmin=-span, vmax=span, s=16, edgecolors="#666666", lw=0.3)  # fmt: skip
    right.set(aspect=1.4, title="残差（实测 − 预测） residuals")
    figure.colorbar(shown, ax=right, shrink=0.8)
    figure.savefig(HERE / "calibration.png")
    print("pH", overall, found["correlation"], found["counts"])
    detectable(overall["rmse"], found["correlation"])


def detectable(rmse: float, correlation: dict[str, Any]) -> None:
    """The least change of a plot's mean pH that can be told, by the size of the plot."""
    area = np.geomspace(0.01, 2000, 200)
    independent = change_limit.effective(
        area * 1e4, correlation["range_m"], correlation["nugget"] or 0.0
    )
    figure, axis = plt.subplots(figsize=(6.0, 3.2), layout="constrained")
    axis.plot(area, change_limit.mdc95(rmse, independent), color="#7a1f1f",
              label="演示模型 the demonstration's model")  # fmt: skip
    axis.axhline(float(change_limit.mdc95(rmse, 1.0)), color="#888888", ls="--",
                 label="一个像元 one pixel")  # fmt: skip
    axis.set(xscale="log", ylim=(0, None), xlabel="地块面积 plot, ha", ylabel="MDC95, pH",
             title="最小可检变化 minimum detectable change")  # fmt: skip
    axis.legend(frameon=False)
    figure.savefig(HERE / "change.png")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
