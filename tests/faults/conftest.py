"""What the fault tests share: the way to tell figures, and disks that can fail."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.scorecard import Tell, teller


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.faults)


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    return teller(record_property)


@contextmanager
def _mounted(folder: Path, *options: str) -> Iterator[Path]:
    folder.mkdir()
    subprocess.run(["mount", *options, str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """64 MiB of a file system of its own, which can be filled."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small disk")
    with _mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=64m", "tmpfs") as folder:
        yield folder
