"""``liangtian worker``: jobs in a process beside the service."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

from rich.console import Console

from app import logs
from app.jobs.worker import Workers
from app.settings import Settings
from app.state import State

_SLOTS = 64


def run(data: Path, jobs: int, console: Console) -> None:
    """Take jobs until SIGTERM or Ctrl+C; what runs then is queued again for others."""
    logs.configure()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    state = State(Settings(data=data))
    workers = Workers(state, [f"worker-{n}" for n in range(1, _SLOTS + 1)], jobs)
    state.start()
    workers.start()
    console.print(f"[green]{data}[/]  任务进程已启动，Ctrl+C 停止 / taking jobs, Ctrl+C to stop")
    try:
        while not ended.wait(3600):
            pass
    finally:
        workers.stop()
        state.stop()
