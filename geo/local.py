"""Local time: China Standard Time, without the daylight saving of 1986-1991."""

from __future__ import annotations

from datetime import timedelta, timezone

LOCAL_TIME = timezone(timedelta(hours=8), "CST")
