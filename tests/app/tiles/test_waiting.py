"""Slow work (kernels not compiled yet, large tiles, hostile filters) holds up nobody else."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import geo.tiles.draw
from geo.errors import Rejected
from geo.snapshot import cql
from tests.app.tiles.conftest import Service
from tests.conftest import ROOT

pytestmark = pytest.mark.unit

_START = """
import sys
import app.served
loaded = [m for m in sys.modules if m.startswith("geo.tiles.kernels.")]
assert not loaded, loaded
"""


def test_a_start_compiles_nothing():
    """Kernels are compiled where they are imported: not by what the service imports to start."""
    done = subprocess.run(
        [sys.executable, "-c", _START], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


class Slow:
    """`geo.tiles.draw.draw` that waits until it is let go; counts its calls."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.real = geo.tiles.draw.draw
        self.go = threading.Event()
        self.calls = 0
        monkeypatch.setattr(geo.tiles.draw, "draw", self)

    def __call__(self, *args: Any) -> bytes:
        self.calls += 1
        assert self.go.wait(30)
        return self.real(*args)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_many_ask_for_one_tile_and_others_go_on(service: Service, monkeypatch: pytest.MonkeyPatch):
    """Both paths share one maker, and the event loop answers others while it is at work."""
    slow = Slow(monkeypatch)
    url = service.url(0)
    with ThreadPoolExecutor(12) as threads:
        asked = [
            threads.submit(service.client.get, url + ("?lang=zh" if i % 2 else ""))
            for i in range(12)
        ]
        until(lambda: slow.calls == 1 and service.state.tiles.cache.counts.joined == 11)
        for _ in range(5):
            assert service.client.get("/health/live").status_code == 200
        assert not any(each.done() for each in asked)
        slow.go.set()
        answers = [each.result(timeout=20) for each in asked]
    assert slow.calls == 1
    assert {a.status_code for a in answers} == {200}
    assert len({a.content for a in answers}) == 1
    assert sorted(a.headers["x-cache"] for a in answers) == ["joined"] * 11 + ["miss"]
    assert service.client.get(url).headers["x-cache"] == "hit"


def test_before_the_kernels_are_there_threads_draw(
    service: Service, monkeypatch: pytest.MonkeyPatch
):
    until(service.state.tiles.warm.is_set)
    for _ in range(3):
        service.client.get(service.url(0) + "?properties=code")
    service.state.tiles.warm.clear()
    slow = Slow(monkeypatch)
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(service.client.get, service.url(0))
        until(lambda: slow.calls == 1)
        assert service.client.get("/collections/plots").status_code == 200
        slow.go.set()
        assert asked.result(timeout=20).status_code == 200


def test_a_filter_that_takes_too_long(service: Service, monkeypatch: pytest.MonkeyPatch):
    """503 that nobody keeps, the reason told; meanwhile others are answered."""
    begun, go = threading.Event(), threading.Event()

    def mask(*_: Any) -> None:
        begun.set()
        assert go.wait(30)
        raise Rejected("E_QUERY_TIME", "查询用时超过上限", "The query took longer than allowed")

    monkeypatch.setattr(cql.Limited, "mask", mask)
    url = service.url(0) + "?filter=county%20IS%20NOT%20NULL"
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(service.client.get, url)
        assert begun.wait(20)
        assert service.client.get("/health/live").status_code == 200
        assert service.client.get(service.url(0)).status_code == 200
        go.set()
        answer = asked.result(timeout=20)
    assert (answer.status_code, answer.json()["code"]) == (503, "E_QUERY_TIME")
    assert answer.headers["cache-control"] == "no-store"
    # A failure is not kept: the next one is asked anew.
    monkeypatch.undo()
    assert service.client.get(url).status_code == 200
