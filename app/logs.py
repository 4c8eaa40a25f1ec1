"""Structured logs: one JSON object a line, control characters escaped, no bodies, no tokens."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from datetime import UTC, datetime

import orjson
import structlog


def configure() -> None:
    """Everything that is logged by the name ``liangtian`` becomes one line of JSON.

    A traceback is text within it, so no line break of a message or of a request's data can
    pretend to be another line; values of variables are not in it.
    """
    log = logging.getLogger("liangtian")
    if log.handlers:
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.format_exc_info,
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=_dumps),
            ],
        )
    )
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False


def _dumps(entry: dict[str, object], **_: object) -> str:
    return orjson.dumps(entry, default=repr).decode()


def request(**values: object) -> None:
    """The line of a request, like the others but without their chain: each request has one."""
    moment = datetime.now(UTC)
    entry = {**values, "event": "request", "level": "info", "timestamp": moment}
    out = sys.stderr.buffer
    # A log that cannot be written, its disk being full, is no fault of the request.
    with suppress(OSError):
        out.write(orjson.dumps(entry, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE))
        out.flush()
