"""What a run grades: a number for every pixel, by a formula or by a fitted model.

A run names its measure as data (`Spec`), so that it can be written down and sent to
another process; `measure_of` makes the thing itself. A new kind is one more entry of
`KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

from numpy.typing import ArrayLike

from geo.errors import Rejected
from geo.layers import Text
from geo.soil import indices
from geo.soil.indices import Reals
from geo.soil.model import Model

#: ``{"index": "si_gr"}``: one key, the kind, with what that kind needs (JSON).
Spec = Mapping[str, Any]


class Measure(Protocol):
    """``indicator``: what a grading calls it (``index:si_gr``, ``ece_ds_m``, ...).

    ``direction``: whether more of it means more salt; "vegetation": more is greener.
    ``costly``: masked pixels are worth leaving out.
    """

    @property
    def id(self) -> str: ...
    @property
    def title(self) -> Text: ...
    @property
    def formula(self) -> str: ...
    @property
    def bands(self) -> tuple[str, ...]: ...
    @property
    def unit(self) -> str | None: ...
    @property
    def indicator(self) -> str: ...
    @property
    def direction(self) -> Literal["higher", "lower", "vegetation", "none"]: ...
    @property
    def costly(self) -> bool: ...

    def evaluate(self, bands: Mapping[str, ArrayLike]) -> Reals:
        """Of reflectance arrays of one shape; float, NaN where it is not defined."""
        ...


KINDS: dict[str, Callable[[Any], Measure]] = {
    "index": indices.get,
    "model": Model.model_validate,
}


def measure_of(spec: Spec) -> Measure:
    """The measure that a spec names. Raises `Rejected` (E_MEASURE, and what its kind raises)."""
    kinds = [kind for kind in KINDS if spec.get(kind) is not None]
    if len(kinds) != 1:
        listed = ", ".join(KINDS)
        raise Rejected(
            "E_MEASURE",
            f"须给出一种且仅一种测度：{listed}",
            f"give exactly one measure of: {listed}",
            where="index",
        )
    return KINDS[kinds[0]](spec[kinds[0]])


def named(spec: Spec) -> dict[str, Any]:
    """A spec in short, for answers: a model by the number of its calibration."""
    return {
        kind: given if isinstance(given, str) else given.get("calibration")
        for kind, given in spec.items()
    }
