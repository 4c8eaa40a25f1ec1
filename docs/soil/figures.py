"""What the scripts share that draw the pictures of these pages.

`liangtian demo --seed-only --data DIR`, then `.venv/bin/python docs/soil/figures_NAME.py DIR`
(figures_scenes.py takes none). They need matplotlib, a tool of development.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
from matplotlib import font_manager
from pylopdf_fonts_zh_cn import sans_path

from app.settings import Settings
from app.state import State

HERE = Path(__file__).resolve().parent


def look() -> None:
    """The font that the reports embed, which has Chinese; few lines."""
    font_manager.fontManager.addfont(str(sans_path()))
    family = font_manager.FontProperties(fname=str(sans_path())).get_name()
    mpl.rcParams.update(
        {"font.family": family, "axes.unicode_minus": False, "figure.dpi": 110,
         "axes.spines.top": False, "axes.spines.right": False, "font.size": 9}
    )  # fmt: skip


@contextmanager
def demonstration(data: Path) -> Iterator[State]:
    """A seeded folder, opened."""
    look()
    state = State(Settings(data=data))
    try:
        yield state
    finally:
        state.stop()
