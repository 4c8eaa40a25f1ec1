"""Columns out of Python values, as loosely typed formats deliver them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from geo.errors import Rejected

MAX_COLUMNS = 1000


def column(values: Sequence[Any]) -> pa.Array:
    """One type where all values share it, else text; structures become JSON text."""
    try:
        found = pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        found = None
    if found is None or pa.types.is_nested(found.type) or pa.types.is_binary(found.type):
        return pa.array([_text(value) for value in values], pa.string())
    return found.cast(pa.string()) if pa.types.is_null(found.type) else found


def check_width(count: int) -> None:
    """Raise `Rejected` E_COLUMNS for tables of absurd width."""
    if count > MAX_COLUMNS:
        raise Rejected(
            "E_COLUMNS",
            f"共 {count} 列，上限 {MAX_COLUMNS}",
            f"{count} columns, the limit is {MAX_COLUMNS}",
            fix=("请只保留需要的列", "keep the columns that are needed"),
        )


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return None
    return json.dumps(value, ensure_ascii=False, default=str)
