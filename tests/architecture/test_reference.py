"""The references in docs/ list every setting, command and address, and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.source import ROOT, first_code, table_rows, text

pytestmark = pytest.mark.unit


def _both_languages(cell: str) -> bool:
    zh, _, en = cell.partition("<br>")
    return bool(re.search(r"[\u4e00-\u9fff]", zh)) and bool(re.search(r"[a-z]{2}", en))


def _written(default: Any) -> str:
    """A default as docs/settings.md writes it."""
    if isinstance(default, tuple):
        return ",".join(_written(item) for item in default)
    if isinstance(default, Path):
        inside = default.is_absolute() and default.is_relative_to(ROOT)
        return str(default.relative_to(ROOT) if inside else default)
    return default if isinstance(default, str) else json.dumps(default)


def test_settings_are_documented_with_their_defaults() -> None:
    from app.settings import Settings

    prefix = Settings.model_config["env_prefix"]
    real = {
        prefix + name.upper(): _written(field.default)
        for name, field in Settings.model_fields.items()
    }
    rows = table_rows("docs/settings.md")
    assert {first_code(row[0]): first_code(row[1]) for row in rows} == real
    assert all(_both_languages(row[2]) for row in rows)


def _commands(group: Any, path: str = "") -> dict[str, Any]:
    """Every command of the command line by its words, without `liangtian`."""
    found = {}
    for name, command in group.commands.items():
        words = f"{path} {name}".strip()
        found |= _commands(command, words) if hasattr(command, "commands") else {words: command}
    return found


def test_commands_and_their_options_are_documented() -> None:
    import typer

    from app.cli import app

    commands = _commands(typer.main.get_command(app))
    parts = re.split(r"^## `liangtian ([a-z ]+)`$", text("docs/cli.md"), flags=re.M)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert set(sections) == set(commands)
    for words, command in commands.items():
        spans = set(re.findall(r"`(--[a-z-]+|[A-Z_]+)[^`]*`", sections[words]))
        options = {
            name
            for parameter in command.params
            for name in (*parameter.opts, *parameter.secondary_opts)
            if name.startswith("--") and name != "--help"
        }
        arguments = {p.name.upper() for p in command.params if p.param_type_name == "argument"}
        assert spans == options | arguments, f"liangtian {words}"


def test_addresses_are_documented_with_their_roles(tmp_path: Path) -> None:
    from app.auth import permission_of
    from app.main import create_app
    from app.openapi import api_routes
    from app.settings import Settings

    app = create_app(Settings(data=tmp_path, in_process_worker=False))
    real = {
        f"{method} {route.path}": permission_of(route)
        for route in api_routes(app)
        for method in route.methods - {"HEAD"}
    }
    rows = table_rows("docs/http.md")
    assert {first_code(row[0]): row[1] for row in rows} == real
    assert all(_both_languages(row[2]) for row in rows)
