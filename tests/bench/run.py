"""`make bench`: run tests/bench/bench_*.py one after the other and sum them up in a table.

Names as arguments run only these: `python -m tests.bench.run items area`. Each benchmark is a
process of its own; what it prints goes to the screen, and its lines that compare two figures are
repeated in the table. Fails when a benchmark fails, never because of a figure.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.environment import ROOT, banner

FOLDER = Path(__file__).parent
COMPARISON = re.compile(r"\btimes\b|\bratio\b|[0-9] ?[x×]\b", re.IGNORECASE)


def benchmarks(wanted: list[str]) -> list[str]:
    """Names without `bench_`, sorted; ends the program when one is not there."""
    names = sorted(path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py"))
    unknown = set(wanted) - set(names)
    if unknown:
        sys.exit(
            f"没有这项测试 / no such benchmark: {', '.join(sorted(unknown))}; {', '.join(names)}"
        )
    return [name for name in names if not wanted or name in wanted]


def run(name: str, console: Console) -> tuple[int, float, list[str]]:
    """Run one benchmark; gives its exit code, seconds and the lines that compare."""
    start = perf_counter()
    lines = []
    with subprocess.Popen(
        [sys.executable, "-m", f"tests.bench.bench_{name}"],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            console.out(line.rstrip("\n"), highlight=False)
            lines.append(line.strip())
    return process.returncode, perf_counter() - start, [x for x in lines if COMPARISON.search(x)]


def main(wanted: list[str]) -> int:
    console = Console()
    table = Table("benchmark", "seconds", "figures", title="良田 Liangtian", show_lines=True)
    failed = 0
    for name in benchmarks(wanted):
        console.rule(name)
        code, seconds, comparisons = run(name, console)
        failed += code != 0
        figures = "\n".join(comparisons) if code == 0 else f"失败 / failed (exit code {code})"
        table.add_row(name, f"{seconds:.1f}", escape(figures))
    console.print(table)
    console.print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    )
    if missing := banner():
        console.print(missing, markup=False)
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
