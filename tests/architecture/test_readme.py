"""What the README, the change log and `make help` say is so."""

from __future__ import annotations

import re
import subprocess
import tomllib

import pytest

from tests.architecture.source import ROOT, below, text

pytestmark = pytest.mark.unit

READMES = ("README.md", "README.zh.md")


def targets() -> set[str]:
    """The targets that the Makefile declares for people."""
    declared = re.search(r"^\.PHONY: (.+)$", text("Makefile"), re.M)
    assert declared
    return set(declared.group(1).split())


def test_help_lists_every_target_in_both_languages() -> None:
    said = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    lines = dict(re.findall(r"^\s+make (\w+)\s+(.+)$", said, re.M))
    assert set(lines) == targets()
    for line in lines.values():
        zh, _, en = line.partition(" / ")
        assert re.search(r"[\u4e00-\u9fff]", zh)
        assert re.fullmatch(r"[ -~]+", en)


@pytest.mark.parametrize("name", READMES)
def test_commands_of_the_readme_exist(name: str) -> None:
    content = text(name)
    used = set(re.findall(r"(?:^|`)make ([a-z]+)", content, re.M))
    assert {"demo", "test"} <= used <= targets()
    commands = re.findall(r"^(make \w+|liangtian \w+)", content, re.M)
    assert commands[:2] == ["make demo", "make test"], "the two commands come first"


def test_both_readmes_tell_the_same() -> None:
    english, chinese = map(text, READMES)
    for pattern in (r"^##+ ", r"^```", r"^\| ", r"`(/[^`\s]+)`", r"\]\(([^)]+\.(?:md|png))\)"):
        assert len(re.findall(pattern, english, re.M)) == len(re.findall(pattern, chinese, re.M)), (
            pattern
        )


def test_links_inside_the_documents_lead_somewhere() -> None:
    documents = [path for path in below("", suffix=".md") if "node_modules" not in path.parts]
    assert len(documents) > 4
    dead = []
    for path in documents:
        for target in re.findall(r"\]\(([^)#\s]+)", path.read_text(encoding="utf-8")):
            if "://" not in target and not (path.parent / target).exists():
                dead.append(f"{path.relative_to(ROOT)} -> {target}")
    assert not dead


def test_change_log_has_the_version() -> None:
    version = tomllib.loads(text("pyproject.toml"))["project"]["version"]
    heads = re.findall(r"^## \[([^\]]+)\]", text("CHANGELOG.md"), re.M)
    assert version in heads
    assert heads[0] in ("Unreleased", version)
