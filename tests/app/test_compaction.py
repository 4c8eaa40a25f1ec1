"""A bulk commit while the service answers: a new base is built beside it and taken over."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from app.commands.opened import opened
from geo.layers import Catalog
from geo.record.protocol import Author, ChangeSet, attribute_schema
from geo.snapshot.store import MOST_DELTA_ROWS
from tests.conftest import ROOT, Server, start_server, stop_server
from tests.files import squares

AUTHOR = Author("test", "bulk")
COUNT = MOST_DELTA_ROWS + 5000


def farmland(codes: list[str]) -> pa.Table:
    """Attributes of farmland with these codes."""
    size = len(codes)
    values = {
        "code": codes,
        "type": ["reserve"] * size,
        "permanent_basic": [False] * size,
        "county": ["220882"] * size,
    }
    schema = attribute_schema(Catalog.load(ROOT / "data").layers["farmland"])
    return pa.table({f.name: values.get(f.name, [None] * size) for f in schema}, schema=schema)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with opened(tmp_path / "data"):
        pass
    running = start_server(
        tmp_path / "data", workers=2, LIANGTIAN_PUBLIC_READ="true", LIANGTIAN_RATE_PER_MINUTE="0"
    )
    yield running
    stop_server(running.process)


def matched(server: Server, **query: str) -> int:
    with server.client() as client:
        answer = client.get("/collections/farmland/items", params={"resulttype": "hits", **query})
        return answer.json()["numberMatched"]


def test_bulk_then_small_edits(server: Server):
    with opened(server.data) as place:
        shapes = squares(COUNT, 121.6, 44.4, size=0.0001)
        table = farmland([f"批量{i}" for i in range(COUNT)])
        place.record.commit([ChangeSet.inserts("farmland", table, shapes)], AUTHOR)
        seen = set()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            seen.add(matched(server))
            if seen == {0, COUNT} and matched(server) == COUNT:
                break
        # All or nothing, and in between the service went on answering.
        assert seen <= {0, COUNT}
        assert COUNT in seen
        assert list((server.data / "snapshots" / "farmland").glob("[0-9]*/current.arrow"))

        # Small edits over the new base show on both workers, an old revision stays as it was.
        one = farmland(["改"])
        change = ChangeSet.updates("farmland", np.array([7]), one, shapes[:1])
        place.record.commit([change], AUTHOR)
        place.record.commit([ChangeSet.deletes("farmland", np.array([8, 9]))], AUTHOR)
        # How soon is measured elsewhere; here a busy machine may take its time.
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and {matched(server) for _ in range(8)} != {COUNT - 2}:
            time.sleep(0.05)
        for _ in range(8):
            assert matched(server) == COUNT - 2
            assert matched(server, code="改") == 1
            assert matched(server, as_of="1") == COUNT
            assert matched(server, as_of="1", code="改") == 0
