from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from geo.totals.total import Question, Total, total
from geo.totals.views import At
from tests.geo.totals.questions.world import CATALOG, World, world

Ask = Callable[..., Total]


@pytest.fixture
def small(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


@pytest.fixture
def ask(small: World) -> Ask:
    """Ask the small world: fields of `Question`, and `as_of`."""

    def answer(layer: str = "parcels", *by: str, as_of: Any = None, **more: Any) -> Total:
        question = Question(layer, by=by, **more)
        return total(At(small.snapshots, as_of), question, CATALOG.layers)

    return answer
