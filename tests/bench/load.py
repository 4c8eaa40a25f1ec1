"""A load generator that costs the machine little: keep-alive connections on one event loop.

It writes requests as bytes and reads of the answers only status, length and end, about
20 microseconds a request, so that with 16 clients the server is what limits. It runs in a
process of its own, so that servers and figures do not share an interpreter.

Run: python -m tests.bench.load URL CLIENTS SECONDS < paths (one a line); prints JSON.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import cast
from urllib.parse import urlsplit

from tests.environment import ROOT

#: Seconds that the last answers may take; then the run fails.
GRACE = 60.0


@dataclass(frozen=True)
class Load:
    """What came of it. Times in ms, from the request's first byte to the answer's last."""

    seconds: float
    statuses: dict[str, int]
    p50: float
    p95: float
    p99: float
    longest: float
    bytes: int

    @property
    def answers(self) -> int:
        return sum(self.statuses.values())

    @property
    def rate(self) -> float:
        return self.answers / self.seconds

    def __str__(self) -> str:
        return (
            f"{self.rate:7.0f} a second   p50 {self.p50:6.2f} ms   p95 {self.p95:6.2f} ms   "
            f"p99 {self.p99:7.2f} ms   {self.bytes / max(self.answers, 1) / 1024:5.1f} KiB   "
            f"{self.statuses}"
        )


def load(url: str, paths: Sequence[str], clients: int, seconds: float, header: str = "") -> Load:
    """Ask for the paths in turn, each client the next one, until they or the time run out."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.load", url, str(clients), str(seconds), header],
        input="\n".join(paths),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return Load(**json.loads(done.stdout))


class Client(asyncio.Protocol):
    """One connection: the next request is sent when the answer before has ended."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.done = asyncio.get_running_loop().create_future()
        self.left = -1  # bytes of the body to come; -1 while the head is read
        self.head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.ask()

    def ask(self) -> None:
        request = self.run.next()
        if request is None:
            self.transport.close()
            self.done.set_result(None)
            return
        self.started = perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self.left < 0:
            self.head += data
            end = self.head.find(b"\r\n\r\n")
            if end < 0:
                return
            head, data = self.head[:end].lower(), self.head[end + 4 :]
            self.head = b""
            self.status = head[9:12].decode()
            at = head.find(b"\r\ncontent-length:")
            self.left = 0 if at < 0 else int(head[at + 17 : at + 30].split(b"\r\n")[0])
            if at < 0 and b"\r\ntransfer-encoding:" in head:
                raise RuntimeError("answers in chunks are not read here")
        self.left -= len(data)
        self.run.bytes += len(data)
        if self.left == 0:
            self.left = -1
            self.run.times.append(perf_counter() - self.started)
            self.run.statuses[self.status] += 1
            self.ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server closed the connection"))


class Run:
    def __init__(self, requests: list[bytes], seconds: float) -> None:
        self.requests = iter(requests)
        self.until = perf_counter() + seconds
        self.times: list[float] = []
        self.statuses: Counter[str] = Counter()
        self.bytes = 0

    def next(self) -> bytes | None:
        return None if perf_counter() > self.until else next(self.requests, None)


async def _main(url: str, paths: list[str], clients: int, seconds: float, header: str) -> Load:
    place = urlsplit(url)
    more = f"{header}\r\n" if header else ""
    requests = [
        f"GET {path} HTTP/1.1\r\nHost: {place.netloc}\r\n{more}\r\n".encode() for path in paths
    ]
    run = Run(requests, seconds)
    start = perf_counter()
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: Client(run), place.hostname, place.port)
        for _ in range(clients)
    ]
    async with asyncio.timeout(seconds + GRACE):
        await asyncio.gather(*(client.done for _, client in made))
    elapsed = perf_counter() - start
    times = sorted(run.times)

    def at(share: float) -> float:
        return times[min(len(times) - 1, int(share * len(times)))] * 1e3 if times else 0.0

    return Load(elapsed, dict(run.statuses), at(0.5), at(0.95), at(0.99), at(1), run.bytes)


if __name__ == "__main__":
    import uvloop

    address, count, limit, extra = (*sys.argv[1:], "")[:4]
    lines = sys.stdin.read().split("\n")
    result = uvloop.run(_main(address, lines, int(count), float(limit), extra))
    print(json.dumps(result.__dict__))
