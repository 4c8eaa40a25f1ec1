"""Modules stay small, and what the project ships is its own."""

from __future__ import annotations

import pytest

from tests.architecture.source import ROOT, below

LINES = 400

pytestmark = pytest.mark.unit


def test_modules_stay_under_400_lines() -> None:
    modules = below("app", "geo", "data", suffix=".py") + below("app/web/src", suffix=".ts")
    modules = [path for path in modules if path.name != "schema.d.ts"]  # made by scripts/api-types
    assert len(modules) > 20
    lines = {path: path.read_text(encoding="utf-8").count("\n") for path in modules}
    long = {str(path.relative_to(ROOT)): n for path, n in lines.items() if n > LINES}
    assert not long, f"two things live in one room? {long}"


def test_every_package_has_an_init() -> None:
    """Without one the package is not installed, and import-linter does not see it."""
    folders = {path.parent for path in below("app", "geo", suffix=".py")}
    missing = [str(f.relative_to(ROOT)) for f in folders if not (f / "__init__.py").exists()]
    assert not missing
