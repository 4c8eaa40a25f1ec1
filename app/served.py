"""What the web server's workers import: the application, in as little memory as it takes.

pyarrow imports pandas, where it is installed, with the first array it makes: 0.4 s
and 30 MiB in every worker for nothing. No request needs pandas.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType


class _WithoutPandas(MetaPathFinder):
    """Lets ``import pandas`` fail as if it were not installed."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("pandas is not loaded in web workers", name="pandas")


def _return_memory() -> None:
    """Let large temporary arrays go back to the system at once (glibc only).

    By default glibc raises its limits with use, and every worker keeps tens of MiB
    of freed memory for itself.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    for option, value in ((-3, 8 << 20), (-1, 16 << 20), (-8, 2)):  # mmap, trim, arenas
        mallopt(option, value)


# Looking for garbage among modules that stay takes a tenth of the start.
gc.disable()
_return_memory()
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
sys.meta_path.insert(0, _WithoutPandas())

from app.main import create_app  # noqa: E402

# What is loaded now stays: the collector must not touch it, or forked workers would copy it.
gc.collect()
gc.freeze()
gc.enable()

__all__ = ["create_app"]
