"""Colours of index values on the map: fixed ranges, and maps that a colour-blind reader can read.

``data/palettes/*.toml`` says which index takes which map over which range; the maps themselves are
rio-tiler's. Code 0 is transparent: no data, masked, undefined.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rio_tiler.colormap import cmap

from geo.errors import Rejected
from geo.soil.indices import Index

Bytes = NDArray[np.uint8]
STEPS = 255  # colours beside the transparent one
STOPS = 9  # what a legend shows of them


@dataclass(frozen=True)
class Ramp:
    """Values ``low``..``high`` as colours. ``name``: the map, ``-r`` when it is turned round."""

    name: str
    low: float
    high: float
    colours: Bytes  # uint8[256, 4]; row 0 is transparent

    def codes(self, values: NDArray[np.floating[Any]]) -> Bytes:
        """uint8 of the values' shape: 0 where NaN, else 1..255 (beyond the range: its end)."""
        # Anything but NaN lies in 0..254 after clip(), so that the cast never wraps.
        step = np.clip((values - self.low) * ((STEPS - 1) / (self.high - self.low)), 0, STEPS - 1)
        known = ~np.isnan(step)
        codes: Bytes = np.where(known, np.where(known, step, 0) + 1.5, 0).astype(np.uint8)
        return codes

    def stops(self) -> list[dict[str, Any]]:
        """Evenly spaced values with their colours, for a legend."""
        at = np.linspace(0, STEPS - 1, STOPS).round().astype(int)
        values = self.low + at / (STEPS - 1) * (self.high - self.low)
        return [
            {"value": float(f"{value:.4g}"), "color": hexadecimal(self.colours[k + 1])}
            for k, value in zip(at, values.tolist(), strict=True)
        ]


def hexadecimal(colour: Bytes) -> str:
    return "#" + colour[:3].tobytes().hex()


def rgba(colour: str) -> tuple[int, int, int, int]:
    """``#rrggbb`` as an opaque colour."""
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue, 255


class Palettes:
    """Which ramp an index takes. Raises ValueError naming the file when one cannot be used."""

    def __init__(
        self, maps: Mapping[str, str], ranges: Mapping[str, tuple[float, float]], source: str
    ) -> None:
        self._maps = maps
        self._ranges = ranges
        self.source = source

    @classmethod
    def load(cls, *folders: Path) -> Palettes:
        """Read ``palettes/*.toml`` below each folder, later ones win."""
        maps: dict[str, str] = {}
        ranges: dict[str, tuple[float, float]] = {}
        source = ""
        for folder in folders:
            for path in sorted(Path(folder).glob("palettes/*.toml")):
                try:
                    content = tomllib.loads(path.read_text(encoding="utf-8"))
                    maps |= {name: str(g["map"]) for name, g in content["groups"].items()}
                    ranges |= {
                        name: _span(float(low), float(high))
                        for name, (low, high) in content["ranges"].items()
                    }
                    for name in maps.values():
                        _colours(name)
                    source = str(content["source"])
                except (KeyError, TypeError, UnicodeDecodeError, ValueError, Rejected) as error:
                    raise ValueError(f"{path.name}: {error}") from error
        return cls(maps, ranges, source)

    def ramp(self, index: Index, span: tuple[float, float] | None = None) -> Ramp:
        """The ramp of an index, over another ``span`` if one is given. Raises E_PARAMETER."""
        low, high = _span(*span) if span else self._ranges.get(index.id) or _bounds(index)
        # What only plants tell is drawn as plants are.
        group = "vegetation" if index.direction == "vegetation" else index.group
        name = self._maps[group]
        colours = _colours(name)
        if index.group == "salinity" and index.direction == "lower":
            name, colours = f"{name}-r", np.vstack([colours[:1], colours[:0:-1]])
        return Ramp(name, low, high, colours)


def _bounds(index: Index) -> tuple[float, float]:
    """For an index that the files do not know: its theoretical range."""
    return (
        -1.0 if index.minimum is None else index.minimum,
        1.0 if index.maximum is None else index.maximum,
    )


def _span(low: float, high: float) -> tuple[float, float]:
    if not (np.isfinite([low, high]).all() and low < high):
        raise Rejected(
            "E_PARAMETER",
            "range 须为两个有限的数，先小后大",
            "range must be two finite numbers, the lower first",
            where="range",
        )
    return low, high


def _colours(name: str) -> Bytes:
    """255 colours of a map of rio-tiler after a transparent one."""
    try:
        table: Any = cmap.get(name)
    except Exception as error:
        raise ValueError(f"there is no colour map {name!r}") from error
    known = np.array([table[k] for k in sorted(table)], dtype=np.uint8)
    at = np.linspace(0, len(known) - 1, STEPS).round().astype(int)
    return np.vstack([np.zeros((1, 4), dtype=np.uint8), known[at]])
