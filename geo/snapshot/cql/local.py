"""Dates and timestamps side by side.

CQL2 dates are "local dates without an associated timezone", timestamps are UTC.
Local here is `geo.local`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from geo.local import LOCAL_TIME

_OFFSET = 8 * 3_600_000_000
_DAY = 24 * 3_600_000_000


def local_dates(value: pa.Array | pa.Scalar) -> Any:
    """Timestamps (UTC) -> the dates (date32) on which they fall in Baicheng."""
    if isinstance(value, pa.Scalar):
        instant: datetime | None = value.as_py()
        return pa.scalar(instant and instant.astimezone(LOCAL_TIME).date(), pa.date32())
    moments = value.cast(pa.timestamp("us", "UTC"), safe=False)
    empty = np.asarray(moments.is_null())
    micros = moments.view(pa.int64()).fill_null(0).to_numpy()
    days = ((micros + _OFFSET) // _DAY).astype(np.int32)
    return pa.array(days, mask=empty if empty.any() else None).view(pa.date32())
