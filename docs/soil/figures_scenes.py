"""The pictures of scenes.md, from the demonstration's own scenes.

Run as ``python docs/soil/figures_scenes.py``.
Made anew whenever the generator of the demonstration or the rules of scaling change.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import font_manager
from matplotlib import pyplot as plt
from pylopdf_fonts_zh_cn import sans_path

from data.demo import landscape, scenes
from geo.soil import raster
from geo.soil.scene import Scene

HERE = Path(__file__).parent
SIZE = (1024, 768)


def dark_water(root: Path, scene: Scene) -> None:
    """NIR of water by the same numbers with and without the offset, and where the test decides."""
    with raster.Reader.open(root, scene) as reader:
        raw = reader.sample(("N", "SCL"))
    water = raw["N"][(raw["SCL"] == 6) & (raw["N"] > 0)]
    figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
    bins = np.linspace(-0.05, 0.2, 101)
    for offset, label, colour in (
        (-0.1, "偏移已减 offset taken off", "#1f78b4"),
        (0.0, "偏移未减 offset left in", "#e66101"),
    ):
        values = water * scene.scale + offset
        axes.hist(values, bins, color=colour, alpha=0.8, label=label)
        p1 = np.percentile(values, 1)
        axes.axvline(p1, color="black", lw=0.8, ls=":")
        axes.annotate(f"p1 = {p1:.3f}", (p1, axes.get_ylim()[1] * 0.9), rotation=90, va="top",
                      ha="right", fontsize=8)  # fmt: skip
    axes.axvspan(0.08, 0.14, color="#e66101", alpha=0.12, lw=0)
    axes.axvspan(-0.03, 0.07, color="#1f78b4", alpha=0.12, lw=0)
    axes.set(xlabel="水面近红外反射率 near infrared reflectance of water", ylabel="像元 pixels")
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(HERE / "dark_water.png", dpi=110)


def main() -> None:
    font_manager.fontManager.addfont(str(sans_path()))
    mpl.rcParams["font.family"] = font_manager.FontProperties(fname=str(sans_path())).get_name()
    mpl.rcParams["axes.unicode_minus"] = False
    none = np.array([], dtype=object)
    fields = scenes.Fields(none, np.array([], dtype=str), np.array([], dtype=np.int64))
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        made = scenes.write_scenes(root, landscape, fields, SIZE)
        dark_water(root, made[-1])


if __name__ == "__main__":
    main()
