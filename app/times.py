"""Times as the record's tables keep them: ISO 8601, UTC, milliseconds; they sort."""

from __future__ import annotations

from datetime import UTC, datetime


def stamp(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def now() -> str:
    return stamp(datetime.now(UTC))
