"""Locked dependencies: whole, hashed, and free of addresses, so that any mirror serves them."""

from __future__ import annotations

import json
import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.source import ROOT, files, text

pytestmark = pytest.mark.unit

LOCKS = sorted(path.name for path in ROOT.glob("requirements*.lock"))
GROUPS = {
    "requirements.lock": ["build"],
    "requirements-dev.lock": ["dev", "build"],
    "requirements-cluster.lock": ["cluster"],
    "requirements-node.lock": ["node"],
    "requirements-bench.lock": ["bench"],
    "requirements-judge.lock": ["judge"],
}


def pinned(name: str) -> dict[str, set[str]]:
    """Versions by package name, as the lock states them (one a platform)."""
    versions: dict[str, set[str]] = {}
    for package, version in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text(name), re.M):
        versions.setdefault(canonicalize_name(package), set()).add(version)
    return versions


@pytest.mark.parametrize("name", LOCKS)
def test_lock_has_hashes_and_no_addresses(name: str) -> None:
    content = text(name)
    assert "://" not in content
    assert "--index-url" not in content
    entries = re.split(r"^(?=[A-Za-z0-9])", content, flags=re.M)[1:]
    assert entries
    bare = [entry.split("==")[0] for entry in entries if "--hash=sha256:" not in entry]
    assert not bare


@pytest.mark.parametrize("name", LOCKS)
def test_lock_holds_what_pyproject_asks_for(name: str) -> None:
    project = tomllib.loads(text("pyproject.toml"))
    groups = project["dependency-groups"]
    asked = [item for group in GROUPS[name] for item in groups[group]]
    asked += [
        item for one in asked if isinstance(one, dict) for item in groups[one["include-group"]]
    ]
    asked = [item for item in asked if isinstance(item, str)]
    if name in ("requirements.lock", "requirements-dev.lock"):
        asked += project["project"]["dependencies"]
    versions = pinned(name)
    for requirement in map(Requirement, asked):
        found = versions.get(canonicalize_name(requirement.name), set())
        fits = [v for v in found if requirement.specifier.contains(v, prereleases=True)]
        assert fits, f"{name} has no {requirement}: run `make lock`"


def test_development_runs_what_users_run() -> None:
    users, developers = pinned("requirements.lock"), pinned("requirements-dev.lock")
    assert {name: developers.get(name) for name in users} == users


def test_node_lock_files_have_no_addresses() -> None:
    locks = [path for path in files() if path.name == "package-lock.json"]
    assert locks
    for path in locks:
        content = path.read_text(encoding="utf-8")
        assert "://" not in content, "take out the funding entries that npm writes"
        packages = json.loads(content)["packages"]
        assert not [name for name, package in packages.items() if "resolved" in package]
        assert all("integrity" in p for name, p in packages.items() if name and "link" not in p)
