"""Audited edits a second: 8 processes write single features, and 8 clients edit over HTTP.

Each edit is a commit of its own with its rows of the hash chain, durable when it returns. Beside it
the usual way on the same disk in the same run: an UPDATE with a trigger that writes a history
table, no chain, with the same durability.

Run: python -m tests.bench.bench_edits [seconds]
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from app.settings import Settings
from app.state import State
from geo.layers import Catalog
from geo.record import sqlite
from geo.record.geopackage import open_record
from geo.record.protocol import Author, ChangeSet
from tests.conftest import ROOT, start_server, stop_server

WRITERS = 8
FEATURES = 800
SECONDS = 10.0
_AUTHOR = Author("bench", "edit")


def ours(path: str, number: int, seconds: float, ready: Any, told: Any) -> None:
    """Edit features of one's own until the time is over."""
    catalog = Catalog.load(ROOT / "data")
    taken: list[float] = []
    with open_record(Path(path), catalog) as record:
        (entries,) = record.state("plots")
        mine = np.flatnonzero(entries.fid % WRITERS == number)
        version = entries.version.copy()
        ready.wait()
        until = time.time() + seconds
        while time.time() < until:
            for row in mine.tolist():
                change = ChangeSet.updates(
                    "plots", entries.fid[row : row + 1], entries.attributes.slice(row, 1), None,
                    version[row : row + 1],
                )  # fmt: skip
                start = time.perf_counter()
                record.commit([change], _AUTHOR)
                taken.append(time.perf_counter() - start)
                version[row] += 1
    told.put(taken)


def usual(path: str, number: int, seconds: float, ready: Any, told: Any) -> None:
    taken: list[float] = []
    with closing(sqlite.connect(Path(path))) as connection:
        ready.wait()
        until = time.time() + seconds
        while time.time() < until:
            for fid in range(number + 1, FEATURES, WRITERS):
                start = time.perf_counter()
                try:
                    connection.execute("BEGIN IMMEDIATE")
                except sqlite.library().OperationalError:
                    taken.append(float("nan"))  # SQLite's own waiting starves some
                    continue
                connection.execute("UPDATE plots SET remark = ? WHERE fid = ?", (str(start), fid))
                connection.execute("COMMIT")
                taken.append(time.perf_counter() - start)
    told.put(taken)


def race(work: Callable[..., None], path: Path, seconds: float) -> list[float]:
    context = multiprocessing.get_context("spawn")
    told, ready = context.Queue(), context.Barrier(WRITERS)
    processes = [
        context.Process(target=work, args=(str(path), number, seconds, ready, told))
        for number in range(WRITERS)
    ]
    for process in processes:
        process.start()
    taken = [t for _ in processes for t in told.get()]
    for process in processes:
        process.join()
        assert process.exitcode == 0
    return taken


def tell(what: str, taken: list[float], seconds: float, usual_: float | None = None) -> float:
    done = np.array(taken)[~np.isnan(taken)]
    rate, busy = len(done) / seconds, len(taken) - len(done)
    p99 = np.percentile(done, 99) * 1e3
    ratio = f"   {rate / usual_:.2f} times the usual way" if usual_ else ""
    print(f"{what:<52} {rate:8.0f} a second   p99 {p99:6.0f} ms   {busy} busy{ratio}")
    return rate


def over_http(folder: Path, seconds: float) -> tuple[list[float], int]:
    """Clients PATCH features of their own through two workers; errors are counted."""
    state = State(Settings(data=folder))
    state.people.put("bench", "manager", "bench", _AUTHOR)
    token = state.people.issue_token("bench", _AUTHOR)
    state.stop()
    server = start_server(folder, workers=2, LIANGTIAN_RATE_PER_MINUTE="0",
                          LIANGTIAN_RATE_WRITES_PER_MINUTE="0")  # fmt: skip
    taken: list[float] = []
    errors: list[int] = []

    def edit(number: int) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=server.url, headers=headers, timeout=30) as client:
            fid = number + 1
            path = f"/collections/plots/items/{fid}"
            tag = client.get(path).headers["ETag"]
            until = time.time() + seconds
            while time.time() < until:
                start = time.perf_counter()
                answer = client.patch(path, json={"properties": {"remark": f"{start}"}},
                                      headers={"If-Match": tag})  # fmt: skip
                taken.append(time.perf_counter() - start)
                if answer.status_code != 200:
                    errors.append(answer.status_code)
                tag = answer.headers.get("ETag", tag)

    threads = [threading.Thread(target=edit, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stop_server(server.process)
    return taken, len(errors)


def main(seconds: float = SECONDS) -> None:
    from data.demo.generate import generate

    catalog = Catalog.load(ROOT / "data")
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "record.gpkg"
        plots = generate(FEATURES, catalog=catalog).layers["plots"]
        some = slice(0, FEATURES)
        with open_record(path, catalog) as record:
            change = ChangeSet.inserts(
                "plots", plots.attributes.slice(0, FEATURES), plots.geometry[some]
            )
            record.commit([change], _AUTHOR)
        plain = Path(name) / "plain.gpkg"
        with closing(sqlite.connect(plain)) as connection:
            connection.executescript(
                "CREATE TABLE plots (fid INTEGER PRIMARY KEY, remark TEXT);"
                "CREATE TABLE history (fid INTEGER, before TEXT, at TEXT);"
                "CREATE TRIGGER audit AFTER UPDATE ON plots BEGIN INSERT INTO history "
                "VALUES (old.fid, old.remark, datetime()); END;"
            )
            rows = [(fid, "") for fid in range(1, FEATURES)]
            connection.executemany("INSERT INTO plots VALUES (?, ?)", rows)
        base = tell("UPDATE with a history trigger, no chain", race(usual, plain, seconds), seconds)
        tell(f"ours, {WRITERS} processes", race(ours, path, seconds), seconds, base)
        with open_record(path, catalog) as record:
            assert record.verify().ok
        taken, errors = over_http(Path(name), seconds)
        tell(f"ours over HTTP, {WRITERS} clients, {errors} errors", taken, seconds)


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
