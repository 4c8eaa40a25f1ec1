"""What the web server's workers import.

pyarrow imports pandas, where it is installed, with the first array it makes: 0.4 s
and 30 MiB in every worker for nothing. No request needs pandas.
"""

from __future__ import annotations

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


sys.meta_path.insert(0, _WithoutPandas())

from app.main import create_app  # noqa: E402

__all__ = ["create_app"]
