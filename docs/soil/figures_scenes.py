"""The pictures of scenes.md, from the demonstration's own scenes.

Run as ``python docs/soil/figures_scenes.py``.
Made anew whenever the generator of the demonstration or the rules of scaling change.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from figures import HERE, look
from matplotlib import pyplot as plt
from matplotlib.colors import BoundaryNorm

from data.demo import landscape, scenes
from geo.soil import composite, raster
from geo.soil.scene import Scene

SIZE = (2048, 1536)
#: Overflights of one May: other clouds each time, no swath edge.
DAYS = (3, 8, 13, 18, 23)


def dark_water(root: Path, scene: Scene) -> None:
    """NIR by the same numbers with and without the offset, and what the test looks at."""
    with raster.Reader.open(root, scene) as reader:
        raw = reader.sample(("N", "SCL"), 2048)
    known = raw["N"] > 0
    water = raw["N"][known & (raw["SCL"] == 6)]
    figure, rows = plt.subplots(2, 1, figsize=(7, 4), sharex=True, layout="constrained")
    bins = np.linspace(-0.05, 0.5, 111)
    for axes, offset, label in (
        (rows[0], -0.1, "偏移已减 offset taken off: ok"),
        (rows[1], 0.0, "偏移未减 offset left in: W_OFFSET_MISSING"),
    ):
        axes.hist(raw["N"][known] * scene.scale + offset, bins, color="#b0b0b0", label="全部 all")
        axes.hist(water * scene.scale + offset, bins, color="#1f78b4", label="水 water (SCL 6)")
        p1 = np.percentile(water * scene.scale + offset, 1)
        axes.axvspan(-0.03, 0.07, color="#1f78b4", alpha=0.12, lw=0)
        axes.axvspan(0.08, 0.14, color="#e66101", alpha=0.15, lw=0)
        axes.axvline(p1, color="black", lw=0.9, ls=":", label=f"p1 = {p1:.3f}")
        axes.set_yscale("log")
        axes.set_title(label, fontsize=9, loc="left")
        axes.set_ylabel("像元 pixels")
        axes.legend(frameon=False, fontsize=8, loc="upper right")
    rows[1].set_xlabel("近红外反射率 near infrared reflectance")
    figure.savefig(HERE / "dark_water.png", dpi=110)


def composed(root: Path, made: list[Scene]) -> None:
    """One date beside the median of five, and how many observations it has."""
    plan = composite.plan(made)
    scene = composite.compose(root, plan, root / "c.tif", lambda *_: None, scene_id="c")
    figure, columns = plt.subplots(1, 3, figsize=(9, 2.7), layout="constrained")
    for axes, one, title in (
        (columns[0], made[0], f"{made[0].datetime:%m-%d}"),
        (columns[1], scene, "中位数 median"),
    ):
        with raster.Reader.open(root, one) as reader:
            seen = reader.reflectance(reader.sample(("R", "G", "B"), 700))
        axes.imshow(np.clip(np.stack(list(seen.values()), axis=-1) / 0.4, 0, 1))
        axes.set_title(title, fontsize=9)
    with raster.Reader.open(root, scene) as reader:
        count = reader.sample(("N_OBS",), 700)["N_OBS"]
    steps = BoundaryNorm(np.arange(-0.5, len(made) + 1.5), 256)
    shown = columns[2].imshow(count, cmap="cividis", norm=steps)
    columns[2].set_title("晴空观测 N_OBS", fontsize=9)
    figure.colorbar(shown, ax=columns[2], ticks=range(len(made) + 1))
    for axes in columns:
        axes.set_axis_off()
    figure.savefig(HERE / "composite.png", dpi=110)


def main() -> None:
    look()
    none = np.array([], dtype=object)
    fields = scenes.Fields(none, np.array([], dtype=str), np.array([], dtype=np.int64))
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        dark_water(root, scenes.write_scenes(root, landscape, fields, SIZE)[-1])
        last = scenes.PASSES[-1]
        scenes.PASSES = tuple(
            replace(last, id=f"may-{day}", when=last.when.replace(day=day), cloud=0.25, seed=day)
            for day in DAYS
        )
        composed(root, scenes.write_scenes(root, landscape, fields, SIZE))


if __name__ == "__main__":
    main()
