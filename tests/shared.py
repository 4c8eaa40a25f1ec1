"""Real files that the tests use where they are present: a folder beside the project, or the one
that LIANGTIAN_SHARED names. Without it the tests that need it are skipped, loudly."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.environment import ROOT

DATA = Path(os.environ.get("LIANGTIAN_SHARED", ROOT.parent / "shared")) / "data"

needs = pytest.mark.skipif(
    not DATA.is_dir(),
    reason=f"NOT RUN: no real files at {DATA}; set LIANGTIAN_SHARED to the folder that holds data/",
)
