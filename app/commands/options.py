"""Options that many commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path, typer.Option("--data", help="数据目录 / data folder", envvar="LIANGTIAN_DATA")
]
DEFAULT_DATA = Path("var/data")
