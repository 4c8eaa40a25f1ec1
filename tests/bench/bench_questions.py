"""The weekly questions on demonstration data of 200,000 parcels, over HTTP: first, p50, p95.

Each repetition asks with a new edit in between, so that no kept answer is counted; the answer
without an edit is told beside it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import numpy as np

from app.settings import Settings
from app.state import State
from geo.record.protocol import Author, ChangeSet
from geo.totals.questions import QUESTIONS
from tests.conftest import ROOT, start_server, stop_server

PARCELS = 200_000
TIMES = 20


def edit(state: State) -> None:
    """Write one parcel again: a new revision for everything that reads parcels."""
    entries = next(state.record.state("parcels"))
    change = ChangeSet.updates("parcels", entries.fid[:1], entries.attributes.slice(0, 1))
    state.record.commit([change], Author("bench", "one edit"))


def main(parcels: int = PARCELS, times: int = TIMES) -> None:
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "data"
        command = [sys.executable, "-m", "app.cli", "demo", "--seed-only"]
        command += ["--data", str(data), "--parcels", str(parcels)]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        state = State(Settings(data=data))
        server = start_server(data, LIANGTIAN_PUBLIC_READ="true", LIANGTIAN_RATE_PER_MINUTE="0")
        try:
            with server.client() as client:
                ask_all(client, state, times)
        finally:
            stop_server(server.process)
            state.stop()


def ask_all(client: httpx.Client, state: State, times: int) -> None:
    treated = client.get("/collections/treatments/items", params={"type": "leach_flush"}).json()
    plot = treated["features"][0]["properties"]["plot_code"]
    needed = {"water": {"plot": plot}, "district": {"district": "DA2"}}
    every: list[float] = []
    print(f"{'ms':<22}{'first':>8}{'p50':>8}{'p95':>8}{'kept':>8}")
    for name, question in QUESTIONS.items():
        if question.personal:
            continue
        taken = []
        for _ in range(times + 1):
            edit(state)
            taken.append(ask(client, name, needed.get(name, {})))
        kept = np.median([ask(client, name, needed.get(name, {})) for _ in range(5)])
        first, later = taken[0], np.array(taken[1:])
        every += taken[1:]
        p50, p95 = np.percentile(later, [50, 95])
        print(f"{name:<22}{first:8.0f}{p50:8.0f}{p95:8.0f}{kept:8.1f}")
    print(f"all questions, an edit before each: p95 {np.percentile(every, 95):.0f} ms (aim 300)")


def ask(client: httpx.Client, name: str, parameters: dict[str, str]) -> float:
    start = time.perf_counter()
    answer = client.get(f"/questions/{name}", params=parameters)
    taken = (time.perf_counter() - start) * 1000
    assert answer.status_code == 200, answer.text
    return taken


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
