"""Structured logs: one JSON object a line, control characters escaped, no bodies, no tokens."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

import orjson
import structlog


def configure() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )


def request(**values: object) -> None:
    """The line of a request, like the others but without their chain: each request has one."""
    moment = datetime.now(UTC)
    entry = {**values, "event": "request", "level": "info", "timestamp": moment}
    out = sys.stderr.buffer
    out.write(orjson.dumps(entry, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE))
    out.flush()
