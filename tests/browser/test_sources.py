"""The page's own sources: their unit tests, and what must never be in them."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import subprocess

import pytest

from tests.environment import ROOT

pytestmark = pytest.mark.unit

WEB = ROOT / "app" / "web"


def test_typescript_units() -> None:
    vitest = WEB / "node_modules" / ".bin" / "vitest"
    places = os.pathsep.join((str(ROOT / ".tools/node/bin"), os.environ.get("PATH", "")))
    node = shutil.which("node", path=places)
    if node is None or not vitest.exists():
        pytest.skip("the page is not built here: make page")
    done = subprocess.run(
        [node, vitest, "run"], cwd=WEB, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_lock_file_names_no_host() -> None:
    text = (WEB / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in text
    locked = json.loads(text)["packages"]
    assert all("integrity" in entry for name, entry in locked.items() if name)


def test_the_types_of_the_client_are_current() -> None:
    """They were made from the document that the service gives today."""
    script = runpy.run_path(str(ROOT / "scripts/api-types"))
    assert script["current"](script["slim"]()), "run scripts/api-types"


def test_the_whole_page_is_under_one_and_a_half_megabytes() -> None:
    """All screens, the map with its worker, and the viewer of the API, gzipped."""
    assets = WEB / "dist" / "assets"
    if not assets.exists():
        pytest.skip("the page is not built here: make page")
    sizes = {path.name: path.stat().st_size for path in assets.glob("*.gz")}
    assert len(sizes) > 5
    assert sum(sizes.values()) <= 1_500_000, sizes


def test_values_reach_the_page_as_text_only() -> None:
    forbidden = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(")
    found = [
        path.name
        for path in (WEB / "src").rglob("*.ts")
        if forbidden.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_the_page_names_no_other_host() -> None:
    found = {
        url
        for path in [*WEB.glob("*.html"), *(WEB / "src").rglob("*.*")]
        for url in re.findall(r"https?://[^\s\"'`)]+", path.read_text(encoding="utf-8"))
    }
    # Tianditu is asked only with a reader's key, and where the operator allows it.
    tianditu = {url for url in found if re.fullmatch(r"https://t\$\{n\}\.tianditu\.gov\.cn", url)}
    assert len(tianditu) == 1
    assert found - tianditu <= {"http://www.w3.org/2000/svg", "http://127.0.0.1:8080"}
