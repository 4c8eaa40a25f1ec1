"""Spectral indices of soil, vegetation and water, each known by an id of our own.

Literature names are ambiguous (six different formulas are published as "SI2"
or "BI", and NDSI is salinity in one library and snow in another), so an index is
asked for by formula id and every result carries the formula. Literature names
are kept with their source for looking up.

Band keys: A (coastal) B G R RE1 RE2 RE3 N S1 S2, surface reflectance 0..1. N is B08 or B8A of
Sentinel-2, SR_B5 of Landsat 8 and 9, SR_B4 of Landsat 4 to 7.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.errors import Rejected
from geo.layers import Text
from geo.soil.trace import Traced

#: Reflectances and results: float32 or float64, whatever went in.
Reals: TypeAlias = NDArray[np.floating[Any]]
BANDS = ("A", "B", "G", "R", "RE1", "RE2", "RE3", "N", "S1", "S2")


@dataclass(frozen=True)
class Index:
    """One formula. ``direction``: how it moves with salinity on bare soil.

    ``scale``: "ratio" is unchanged when all bands are multiplied by a number;
    "absolute" is wrong as soon as a scale or offset is missing. ``minimum`` and
    ``maximum`` bound the value for reflectances of 0..1 (None: unbounded).
    ``names``: (name, source) pairs. ``formula`` is the text shown to people; a
    test holds it to ``compute``.
    """

    id: str
    title: Text
    formula: str
    bands: tuple[str, ...]
    group: Literal["salinity", "vegetation", "water", "soil"]
    direction: Literal["higher", "lower", "vegetation", "none"]
    scale: Literal["ratio", "absolute"]
    citation: str
    pitfall: Text
    compute: Callable[..., Reals]
    names: tuple[tuple[str, str], ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    parameters: Mapping[str, float] = field(default_factory=dict)
    #: "library name" of the published code that computes it; None: our own.
    library: str | None = None

    @property
    def unit(self) -> str | None:
        return None

    @property
    def costly(self) -> bool:
        return False

    @property
    def indicator(self) -> str:
        """What a grading calls it."""
        return f"index:{self.id}"

    def evaluate(self, bands: Mapping[str, ArrayLike]) -> Reals:
        """Index of reflectance arrays of one shape; NaN where it is not defined.

        Integers become float64, so they never wrap. Reflectances below 0, which
        atmospheric correction leaves over dark water, count as 0. 0/0, x/0 and
        anything infinite is NaN, never 0. Raises `Rejected` (E_INDEX_BANDS).
        """
        missing = [key for key in self.bands if key not in bands]
        if missing:
            raise Rejected(
                "E_INDEX_BANDS",
                f"指数 {self.id} 需要波段 {'、'.join(missing)}，影像中没有",
                f"index {self.id} needs the bands {', '.join(missing)}, which are not there",
                where=self.id,
            )
        traced = [band for band in bands.values() if isinstance(band, Traced)]
        if traced:
            symbols: dict[str, Any] = {key: bands[key].clipped() for key in self.bands}  # type: ignore[union-attr]
            return self.compute(**symbols, **self.parameters).finite()  # type: ignore[attr-defined]
        values = {key: _reflectance(bands[key]) for key in self.bands}
        with np.errstate(all="ignore"):
            result = np.asarray(self.compute(**values, **self.parameters))
            return np.where(np.isfinite(result), result, np.asarray(np.nan, result.dtype))

    def describe(self) -> dict[str, Any]:
        """The entry as JSON-ready data."""
        return {
            "id": self.id,
            "title": self.title.model_dump(),
            "formula": self.formula,
            "bands": list(self.bands),
            "group": self.group,
            "direction": self.direction,
            "scale": self.scale,
            "range": [self.minimum, self.maximum],
            "parameters": dict(self.parameters),
            "citation": self.citation,
            "names": [{"name": name, "source": source} for name, source in self.names],
            "pitfall": self.pitfall.model_dump(),
            "library": self.library,
        }


def _reflectance(values: ArrayLike) -> Reals:
    array = np.asarray(values)
    if not np.issubdtype(array.dtype, np.floating) or array.dtype == np.float16:
        array = array.astype(np.float64)
    # maximum() keeps NaN, so missing pixels stay missing.
    return np.maximum(array, array.dtype.type(0))


@lru_cache(maxsize=1)
def registry() -> dict[str, Index]:
    """All indices by id, salinity first."""
    # The tables need this module's types.
    from geo.soil.formulas import FORMULAS  # noqa: PLC0415
    from geo.soil.known import KNOWN  # noqa: PLC0415

    return {index.id: index for index in (*FORMULAS, *KNOWN)}


def get(index_id: str) -> Index:
    """The index of an id. A literature name is refused (E_INDEX) with the ids it could mean."""
    found = registry().get(index_id)
    if found is not None:
        return found
    meanings = lookup(index_id)
    listed = "; ".join(f"{i.id} = {i.formula} ({source})" for i, source in meanings)
    if meanings:
        raise Rejected(
            "E_INDEX",
            f"“{index_id}”在文献中含义不一，请改用公式编号：{listed}",
            f"{index_id!r} means different formulas in the literature; ask by id: {listed}",
            where=index_id,
        )
    raise Rejected(
        "E_INDEX",
        f"没有指数 {index_id}；可用编号：{'、'.join(registry())}",
        f"there is no index {index_id!r}; known ids: {', '.join(registry())}",
        where=index_id,
    )


def lookup(name: str, source: str | None = None) -> list[tuple[Index, str]]:
    """Indices published under a name, with the source of each use."""
    wanted = name.casefold()
    return [
        (index, where)
        for index in registry().values()
        for published, where in index.names
        if published.casefold() == wanted
        and (source is None or source.casefold() in where.casefold())
    ]
