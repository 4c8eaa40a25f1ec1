"""A service of its own for uploads and jobs: empty, impatient, with people of every kind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.commands.opened import opened
from app.people import People
from geo.record.protocol import Author
from tests.conftest import Server, start_server, stop_server

TEST = Author("test", "test")
#: name -> (role, counties)
PEOPLE = {
    "boss": ("admin", ()),
    "manager": ("manager", ()),
    "agronomist": ("agronomist", ()),
    "field": ("field", ()),
    "neighbour": ("field", ()),
    "county": ("manager", ("220882",)),
    "viewer": ("viewer", ()),
}
IMPATIENT = {
    "LIANGTIAN_RATE_PER_MINUTE": "0",
    "LIANGTIAN_RATE_WRITES_PER_MINUTE": "0",
    "LIANGTIAN_MAX_UPLOAD_MIB": "8",
    "LIANGTIAN_UPLOAD_IDLE_S": "1.5",
    "LIANGTIAN_JOB_LEASE_S": "3",
}


def settle(data: Path) -> None:
    """Make a data folder with people in it; their tokens are where a server looks for them."""
    tokens = {}
    with opened(data) as place:
        people = People(place.record)
        for name, (role, counties) in PEOPLE.items():
            people.put(name, role, "secret", TEST, counties)
            tokens[name] = {"token": people.issue_token(name, TEST)}
    (data / "credentials.json").write_text(json.dumps(tokens))


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An empty service; ``client(name)`` speaks for one of `PEOPLE`."""
    data = tmp_path_factory.mktemp("office") / "data"
    settle(data)
    running = start_server(data, **IMPATIENT)
    yield running
    stop_server(running.process)
