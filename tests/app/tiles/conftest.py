"""A small service of its own: 400 square plots in a grid, asked without a socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely
from starlette.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from app.state import State
from geo.record.protocol import Author, ChangeSet, attribute_schema
from geo.tiles.grid import matrix_set

AUTHOR = Author("test", "test")
SIDE = 20
STEP = 0.01
WEST, SOUTH = 122.0, 45.0


def square(number: int, grown: float = 0.0) -> Any:
    """Plot ``number`` of the grid, counted from the south-west corner row by row."""
    x, y = WEST + number % SIDE * STEP, SOUTH + number // SIDE * STEP
    return shapely.box(x + 1e-3, y + 1e-3, x + 9e-3 + grown, y + 9e-3 + grown)


@dataclass
class Service:
    client: TestClient
    state: State

    def edit(self, number: int, name: str, shape: Any = None) -> int:
        """Change a plot in the record, as another process would; the service follows."""
        layer = self.state.catalog.layers["plots"]
        table = attributes(layer, [number], [name])
        shapes = np.array([shape or square(number)])
        changes = ChangeSet.updates("plots", np.array([number + 1]), table, shapes)
        commit, _ = self.state.record.commit([changes], AUTHOR)
        self.state.snapshots.refresh()
        return commit.revision

    def tile(self, number: int, z: int = 14, name: str = "WebMercatorQuad") -> tuple[int, int]:
        """Column and row of the tile with the middle of a plot."""
        at = matrix_set(name).tile(*square(number).centroid.coords[0], z)
        return at.x, at.y

    def url(self, number: int, z: int = 14, kind: str = "mvt") -> str:
        x, y = self.tile(number, z)
        return f"/tiles/plots/{z}/{x}/{y}.{kind}"


def attributes(layer: Any, numbers: list[int], names: list[str]) -> pa.Table:
    schema = attribute_schema(layer)
    columns: dict[str, list] = {field: [None] * len(numbers) for field in schema.names}
    columns["code"] = [f"P{n:03d}" for n in numbers]
    columns["name"] = list(names)
    columns["county"] = ["220882" if n % 2 else "220881" for n in numbers]
    return pa.table(columns, schema=schema)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Services over a new folder, or over the folder of another one."""
    clients = []

    def make(data: Path | None = None, **settings: Any) -> Service:
        folder = data or tmp_path / "data"
        known = {"in_process_worker": False, "public_read": True, "rate_per_minute": 0}
        app = create_app(Settings(data=folder, **(known | settings)))
        state = app.state.liangtian
        if state.record.head().revision == 0:
            numbers = list(range(SIDE * SIDE))
            table = attributes(
                state.catalog.layers["plots"], numbers, [f"地块{n}" for n in numbers]
            )
            shapes = np.array([square(n) for n in numbers])
            state.record.commit([ChangeSet.inserts("plots", table, shapes)], AUTHOR)
            state.snapshots.refresh()
        client = TestClient(app, headers={"Accept-Encoding": "identity"})
        client.__enter__()
        clients.append(client)
        return Service(client, state)

    yield make
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def service(serve: Callable[..., Service]) -> Service:
    return serve()
