# mypy: ignore-errors
"""Compiled loops. Their types are numba's: a wrong one fails when the module is imported."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from functools import partial
from pathlib import Path

from numba import config, njit

#: A loop that Python calls.
loop = partial(njit, cache=True, nogil=True, no_cfunc_wrapper=True)
#: A function that only loops call and that makes no arrays. It does not count references to the
#: arrays that it is given: that would cost more than most of these functions do.
inner = partial(loop, _nrt=False, error_model="numpy")


def _forget_old(folder: Path) -> None:
    """Drop what was compiled from other sources.

    numba looks at the file of a function alone, not at the ones whose functions were compiled
    into it; a loop compiled before an update would read columns in their old layout.
    """
    sources = sorted(folder.glob("*.py"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    with suppress(OSError):  # a folder that cannot be written holds no cache
        cache = folder / "__pycache__"
        mark = cache / "sources"
        if mark.exists() and mark.read_text() == digest:
            return
        for path in cache.glob("*.nb[ci]"):
            path.unlink(missing_ok=True)
        cache.mkdir(exist_ok=True)
        fresh = cache / f"sources.{os.getpid()}"
        fresh.write_text(digest)
        fresh.replace(mark)


if not config.CACHE_DIR:
    _forget_old(Path(__file__).parent)
