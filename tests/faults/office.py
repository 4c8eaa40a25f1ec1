"""A service of its own that may be killed and started again, and a ledger of what it confirmed."""

from __future__ import annotations

import os
import random
import secrets
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.app.conftest import IMPATIENT, settle
from tests.conftest import Server, start_server, stop_server

GROUND = {"type": "Polygon", "coordinates": [[[123.4, 45.2], [123.41, 45.2], [123.41, 45.21],
                                              [123.4, 45.21], [123.4, 45.2]]]}  # fmt: skip


def sample(code: str) -> dict[str, Any]:
    """A feature that passes every check."""
    return {
        "type": "Feature",
        "properties": {"code": code, "sampled_on": "2026-05-04", "depth_top_cm": 0,
                       "depth_bottom_cm": 20, "extract": "1:5"},
        "geometry": {"type": "Point", "coordinates": [123.1, 45.4]},
    }  # fmt: skip


@dataclass
class Ledger:
    """Codes of samples that were confirmed with a 2xx, and answers that are neither yes nor no."""

    confirmed: list[str] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, code: str, answer: httpx.Response) -> None:
        with self._lock:
            if answer.status_code == 201:
                self.confirmed.append(code)
            elif answer.status_code not in (409, 429, 503, 507):
                self.odd.append(f"{answer.status_code} {answer.text[:200]}")

    def lost(self, client: httpx.Client) -> list[str]:
        """What was confirmed and is not there."""
        query: dict[str, Any] = {"limit": 10_000, "properties": "code", "skipGeometry": "true"}
        stored: set[str] = set()
        found = client.get("/collections/samples/items", params=query).json()
        while True:
            stored |= {each["properties"]["code"] for each in found["features"]}
            after = [link["href"] for link in found["links"] if link["rel"] == "next"]
            if not after:
                return sorted(set(self.confirmed) - stored)
            found = client.get(after[0]).json()


class Writers:
    """Threads that create samples, one after the other, until they are told to stop."""

    def __init__(self, server: Server, ledger: Ledger, count: int = 2) -> None:
        self.stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._write, args=(server, ledger)) for _ in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def _write(self, server: Server, ledger: Ledger) -> None:
        with server.client("field") as client:
            while not self.stopping.is_set():
                code = f"L{secrets.token_hex(6)}"
                try:
                    answer = client.post("/collections/samples/items", json=sample(code))
                except httpx.TransportError:
                    time.sleep(0.05)  # it was killed: nothing was confirmed
                    continue
                ledger.note(code, answer)

    def stop(self) -> None:
        self.stopping.set()
        for thread in self._threads:
            thread.join(30)


def children(pid: int) -> list[int]:
    """All processes below one."""
    below: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, ValueError):
                continue
            below.setdefault(parent, []).append(int(entry.name))
    found = list(below.get(pid, []))
    for each in found:
        found += below.get(each, [])
    return found


def kill_some(server: Server, chance: random.Random) -> str:
    """kill -9 of one process of a service, or of all at once. Returns which."""
    alive = children(server.process.pid)
    which = chance.choice(["all", "all", "one"]) if alive else "all"
    if which == "one":
        os.kill(chance.choice(alive), signal.SIGKILL)
    else:
        os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait(10)
    return which


@contextmanager
def serving(data: Path, *, workers: int = 1, **environment: str) -> Iterator[Server]:
    """A service on a folder; settles it when it is new."""
    if not (data / "credentials.json").exists():
        settle(data)
    server = start_server(data, workers=workers, **{**IMPATIENT, **environment})
    try:
        yield server
    finally:
        stop_server(server.process)
