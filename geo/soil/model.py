"""A calibrated model as data: numbers in JSON that our own code evaluates, never a pickle."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, model_validator
from pydantic import Field as Attr

from geo.errors import Rejected
from geo.layers import Text
from geo.soil import indices
from geo.soil.target import TARGETS, Target

Floats = NDArray[np.float64]
Kind = Literal["linear", "plsr", "random_forest"]
MOST_NODES = 2_000_000


class Forest(BaseModel):
    """Nodes of all trees, one after another; see `geo.soil.forest.walk`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    root: list[int]
    feature: list[int]
    threshold: list[float]
    left: list[int]
    right: list[int]
    value: list[float]

    @model_validator(mode="after")
    def _check(self) -> Forest:
        """Every walk ends: children come after their parents and stay inside."""
        n = len(self.value)
        left, right = np.array(self.left), np.array(self.right)
        same = len(self.feature) == len(self.threshold) == len(left) == len(right) == n
        if not same or not 0 < n <= MOST_NODES or not self.root:
            raise ValueError("the arrays of nodes differ in length, or there are none")
        inner = left >= 0
        at = np.arange(n)[inner]
        later = (left[inner] > at) & (right[inner] > at) & (left[inner] < n) & (right[inner] < n)
        if not later.all() or min(self.root) < 0 or max(self.root) >= n:
            raise ValueError("a node of a tree leads out of it")
        return self

    @cached_property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        return (
            np.array(self.root, dtype=np.int32),
            np.array(self.feature, dtype=np.int32),
            np.array(self.threshold, dtype=np.float64),
            np.array(self.left, dtype=np.int32),
            np.array(self.right, dtype=np.int32),
            np.array(self.value, dtype=np.float64),
        )


class Model(BaseModel):
    """``features``: ids of indices or keys of bands, in the order of the coefficients.

    ``log``: the model predicts ln(value). ``bounds``: predictions are kept within
    the plausible range of the indicator. ``seen``: least and greatest value of each
    feature among the samples, outside of which a prediction is extrapolation.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: str
    kind: Kind
    #: Number of the calibration that fitted it.
    calibration: int | None = None
    features: Annotated[tuple[str, ...], Attr(min_length=1, max_length=20)]
    log: bool = False
    intercept: float = 0.0
    coefficients: tuple[float, ...] = ()
    forest: Forest | None = None
    components: int | None = None
    bounds: tuple[float, float]
    seen: tuple[tuple[float, float], ...]

    @model_validator(mode="after")
    def _check(self) -> Model:
        p = len(self.features)
        if self.target not in TARGETS or len(self.seen) != p:
            raise ValueError("the target is not known, or the range of a feature is missing")
        if self.kind == "random_forest":
            if self.forest is None or not all(0 <= f < p for f in self._inner()):
                raise ValueError("the forest is missing or asks for a feature that is not there")
        elif len(self.coefficients) != p:
            raise ValueError("one coefficient is needed for each feature")
        return self

    def _inner(self) -> list[int]:
        assert self.forest is not None
        forest = self.forest
        return [f for f, left in zip(forest.feature, forest.left, strict=True) if left >= 0]

    @property
    def about(self) -> Target:
        return TARGETS[self.target]

    @property
    def id(self) -> str:
        return f"model:{self.calibration or self.target}"

    @property
    def unit(self) -> str | None:
        return self.about.unit

    @property
    def indicator(self) -> str:
        """What a grading calls it."""
        return self.about.indicator

    @property
    def costly(self) -> bool:
        return self.forest is not None

    @property
    def direction(self) -> Literal["higher"]:
        """More of any target is worse soil."""
        return "higher"

    @property
    def bands(self) -> tuple[str, ...]:
        """Keys of the bands that all features need."""
        return bands_of(self.features)

    @property
    def formula(self) -> str:
        """The model in words, or as an equation where it is one."""
        name = f"ln({self.target})" if self.log else self.target
        if self.kind == "random_forest":
            assert self.forest is not None
            return f"{name} = random_forest[{len(self.forest.root)}]({', '.join(self.features)})"
        parts = "".join(
            f" {c:+.6g}*{f}" for c, f in zip(self.coefficients, self.features, strict=True)
        )
        return f"{name} = {self.intercept:.6g}{parts}"

    @property
    def title(self) -> Text:
        about = self.about
        return Text(
            zh=f"{about.title.zh}（{self.kind} 模型）", en=f"{about.title.en} ({self.kind} model)"
        )

    def predict(self, x: ArrayLike) -> Floats:
        """Predictions [n] for features float[n, p], in the unit of the target; NaN stays NaN."""
        values = np.asarray(x)
        if self.forest is not None:
            from geo.soil.forest import walk  # noqa: PLC0415 - Numba loads only where it runs

            found: Floats = walk(np.ascontiguousarray(values, np.float32), *self.forest.arrays)
        else:
            wide = np.asarray(values, dtype=np.float64)
            found = self.intercept + wide @ np.array(self.coefficients)
        if self.log:
            found = np.exp(found)
        return np.clip(found, *self.bounds)

    def evaluate(self, reflectance: Mapping[str, ArrayLike]) -> Floats:
        """Predictions of reflectance arrays of one shape; NaN where a feature is not defined."""
        stack = features(self.features, reflectance)
        flat = stack.reshape(-1, len(self.features))
        return self.predict(flat).reshape(stack.shape[:-1])


def bands_of(names: tuple[str, ...]) -> tuple[str, ...]:
    """Bands that features need, each once. Raises `Rejected` (E_INDEX) for an unknown feature."""
    needed: dict[str, None] = {}
    for name in names:
        for band in (name,) if name in indices.BANDS else indices.get(name).bands:
            needed[band] = None
    return tuple(needed)


def features(names: tuple[str, ...], reflectance: Mapping[str, ArrayLike]) -> NDArray[Any]:
    """Values of indices and bands, float[..., p], from reflectances of one shape."""
    missing = [band for band in bands_of(names) if band not in reflectance]
    if missing:
        raise Rejected(
            "E_INDEX_BANDS",
            f"模型需要波段 {'、'.join(missing)}，影像没有",
            f"the model needs the bands {', '.join(missing)}, which the scene has not",
            where="model",
        )
    columns = [
        np.asarray(reflectance[name])
        if name in indices.BANDS
        else indices.get(name).evaluate(reflectance)
        for name in names
    ]
    return np.stack(columns, axis=-1)
