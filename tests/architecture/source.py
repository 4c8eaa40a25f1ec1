"""Reading the project's own files, for the tests that keep promises about them."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

from tests.environment import ROOT


@cache
def files() -> tuple[Path, ...]:
    """Files of the project: tracked by git and not yet tracked, without the ignored ones."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    names = sorted(set(listed.split("\0")) - {""})
    return tuple(path for name in names if (path := ROOT / name).is_file())


def below(*folders: str, suffix: str = "") -> list[Path]:
    """The project's files below folders (relative to the root), with a suffix."""
    roots = [ROOT / folder for folder in folders]
    return [
        path
        for path in files()
        if path.name.endswith(suffix) and any(path.is_relative_to(root) for root in roots)
    ]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def table_rows(name: str) -> list[list[str]]:
    """Cells of the Markdown tables of a file, without heads and rules."""
    rows: list[list[str]] = []
    for line in text(name).splitlines():
        is_rule = re.fullmatch(r"\|[\s:|-]+\|", line)
        if is_rule and rows:
            rows.pop()  # what stands over a rule is the head
        elif line.startswith("|") and not is_rule:
            rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return rows


def first_code(cell: str) -> str:
    """The text of the first `code span` of a cell, or the cell itself."""
    found = re.search(r"`([^`]+)`", cell)
    return found.group(1) if found else cell
