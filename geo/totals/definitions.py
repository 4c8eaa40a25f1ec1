"""Definitions (口径): what "high-standard farmland" may mean, stated as data.

``data/definitions/*.toml`` has one each: the layer, the filter and the measure that count,
the words that go out with every figure, and where they come from.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from geo.errors import Rejected
from geo.layers import Layer, LayerError, Name, Text
from geo.snapshot import cql
from geo.totals.question import Question


class Definition(BaseModel):
    """One 口径; ``filter`` is CQL2 text over the fields of ``layer``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Name
    title: Text
    text: Text
    layer: Name
    measure: Literal["union", "sum"] = "union"
    filter: str | None = None
    source: str

    def question(self, **more: object) -> Question:
        """A question by this definition; ``more`` are further fields of `Question`."""
        asked = Question(self.layer, **more)  # type: ignore[arg-type]
        return self.apply(asked)

    def apply(self, question: Question) -> Question:
        """The question, asked by this definition. Raises `Rejected` E_PARAMETER."""
        if question.layer != self.layer:
            raise Rejected(
                "E_PARAMETER",
                f"口径“{self.title.zh}”用于图层 {self.layer}",
                f"The definition {self.id} is for the layer {self.layer}",
                where="definition",
            )
        if self.filter:
            question = question.where(self.filter)
        return replace(question, measure=self.measure, definition=self.id, meaning=self.text)


class Definitions:
    """All definitions by their ids."""

    def __init__(self, definitions: Mapping[str, Definition]) -> None:
        self.by_id = dict(definitions)

    @classmethod
    def load(cls, layers: Mapping[str, Layer], *folders: Path) -> Definitions:
        """Read ``definitions/*.toml`` below each folder; later ones win.

        Raises `LayerError` naming the file when a definition cannot be used.
        """
        found: dict[str, Definition] = {}
        for folder in folders:
            for path in sorted(Path(folder).glob("definitions/*.toml")):
                try:
                    content = tomllib.loads(path.read_text(encoding="utf-8"))
                    made = Definition.model_validate({"id": path.stem, **content})
                    if made.layer not in layers:
                        raise ValueError(f"there is no layer {made.layer}")
                    if made.filter:
                        cql.parse(made.filter, "cql2-text", layers[made.layer])
                except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValueError, Rejected) as error:
                    raise LayerError(f"{path.name}: {error}") from error
                found[made.id] = made
        return cls(found)

    def get(self, name: str) -> Definition:
        """A definition by its id. Raises `Rejected` E_NOT_FOUND."""
        found = self.by_id.get(name)
        if found is None:
            names = ", ".join(self.by_id)
            raise Rejected(
                "E_NOT_FOUND",
                f"没有口径 {name}",
                f"There is no definition {name}",
                where="definition",
                fix=(f"可用：{names}", f"One of: {names}"),
            )
        return found
