"""What finished soil runs found: results of one shape."""

from __future__ import annotations

from typing import Any

from app.jobs.queue import Job
from app.problems import Problem

#: A result of this shape; what older versions wrote is asked for anew.
FORMAT = 2


def result_of(job: Job) -> dict[str, Any]:
    """What a finished run of this version found. Raises `Problem` E_STATE."""
    result = job.outcome()
    if result.get("format") != FORMAT:
        raise Problem(
            "E_STATE",
            "这次计算由旧版本得出",
            "The run was made by an older version",
            where="run",
            fix=("请重新计算", "Run it again"),
        )
    return result
