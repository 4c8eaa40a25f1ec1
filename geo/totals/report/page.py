"""What is on the page, before it becomes HTML or PDF."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from geo import crs

#: Bars of the chart and rows of the table; the rest is told as one.
MOST_ROWS = 24
#: Light to dark: readable in print and by colour-blind people (a cut of ColorBrewer's YlGn).
SCALE = ("#f0f3df", "#d3e2b4", "#a8cd8c", "#72b16b", "#3f8f51", "#1d6a3c")
EMPTY = "#f4f2ec"
INK = "#23302a"
_TOLERANCE_M = 120.0


@dataclass(frozen=True)
class Bar:
    """A group: its title, count, the number that the bar shows, and what was removed."""

    title: str
    count: int
    value: float
    removed: float | None = None


@dataclass(frozen=True)
class Outline:
    """A polygon of the map in a square of side 1 (y down): rings, fill, and a name in it."""

    rings: tuple[np.ndarray, ...]
    fill: str
    name: str = ""
    at: tuple[float, float] | None = None


@dataclass(frozen=True)
class Page:
    """One report. ``facts``: pairs of a heading and a text."""

    title: str
    subtitle: str
    unit: str
    headings: tuple[str, str, str, str]  # group, count, value, removed
    bars: tuple[Bar, ...]
    total: Bar
    facts: tuple[tuple[str, str], ...]
    outlines: tuple[Outline, ...] = ()
    legend: tuple[tuple[str, str], ...] = ()
    scale_bar: tuple[float, str] | None = None  # share of the square's side, text
    language: str = "zh"


def shortened(bars: Sequence[Bar], others: str) -> tuple[Bar, ...]:
    """The largest groups, largest first, and the rest as one."""
    ordered = sorted(bars, key=lambda bar: -bar.value)
    if len(ordered) <= MOST_ROWS:
        return tuple(ordered)
    rest = ordered[MOST_ROWS - 1 :]
    removed = [bar.removed for bar in rest if bar.removed is not None]
    last = Bar(
        f"{others} ({len(rest)})",
        sum(bar.count for bar in rest),
        sum(bar.value for bar in rest),
        sum(removed) if removed else None,
    )
    return (*ordered[: MOST_ROWS - 1], last)


def drawn(
    shapes: np.ndarray, names: Sequence[str], values: Sequence[float | None]
) -> tuple[tuple[Outline, ...], tuple[tuple[str, str], ...], tuple[float, str] | None]:
    """Zones (EPSG:4490) as a map: outlines, legend (fill, text) and scale bar.

    Classes are equal round steps from nothing to the largest value; None is left empty.
    """
    there = np.array([s is not None and not s.is_empty for s in shapes], dtype=bool)
    if not there.any():
        return (), (), None
    west, _, east, _ = shapely.total_bounds(shapes[there])
    plane = crs.gauss_kruger(crs.zone_of((west + east) / 2), prefix=False)
    flat = shapely.simplify(crs.transform(shapes, crs.STORAGE, plane), _TOLERANCE_M)
    left, bottom, right, top = shapely.total_bounds(flat[there])
    side = max(right - left, top - bottom) or 1.0
    shift = np.array([left - (side - (right - left)) / 2, top + (side - (top - bottom)) / 2])
    step = _step(max((value for value in values if value is not None), default=0.0))
    outlines = []
    for shape, name, value in zip(flat, names, values, strict=True):
        if shape is None or shape.is_empty:
            continue
        rings = [
            (shapely.get_coordinates(ring) - shift) / (side, -side)
            for part in shapely.get_parts(shape)
            for ring in (part.exterior, *part.interiors)
        ]
        inside = shapely.get_coordinates(shapely.point_on_surface(shape))[0]
        x, y = (inside - shift) / (side, -side)
        outlines.append(Outline(tuple(rings), _fill(value, step), name, (float(x), float(y))))
    return tuple(outlines), _legend(step), _scale_bar(side)


def _step(most: float) -> float:
    """The width of a class: a round number, so that at most all colours are used."""
    if most <= 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(most / len(SCALE)))
    return next(f * power for f in (1, 2, 2.5, 5, 10, 20) if f * power * len(SCALE) >= most)


def _fill(value: float | None, step: float) -> str:
    if value is None or step <= 0 or value <= 0:
        return EMPTY
    return SCALE[min(int(value / step), len(SCALE) - 1)]


def _legend(step: float) -> tuple[tuple[str, str], ...]:
    if step <= 0:
        return ()
    return tuple(
        (fill, f"{i * step:,.10g} - {(i + 1) * step:,.10g}") for i, fill in enumerate(SCALE)
    )


def on(fill: str) -> str:
    """The colour of text on a fill."""
    return "#ffffff" if fill in SCALE[-2:] else INK


def _scale_bar(side: float) -> tuple[float, str]:
    """A round length of about a fifth of the map's side."""
    wanted = side / 5
    power = 10.0 ** np.floor(np.log10(wanted))
    length = float(max(step * power for step in (1, 2, 5) if step * power <= wanted))
    text = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    return length / side, text


def number(value: float) -> str:
    """A number for reading: thousands apart, decimals by size."""
    decimals = 0 if abs(value) >= 10_000 else 1 if abs(value) >= 100 else 2
    return f"{value:,.{decimals}f}"
