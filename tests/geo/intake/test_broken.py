"""Every broken file is refused with its own code, a place and a way out; nothing of it is kept."""

from __future__ import annotations

import resource
import time
from pathlib import Path

import pytest

from app.jobs import sandbox
from geo.errors import Rejected
from geo.intake import stage
from geo.intake.decide import Decisions
from geo.intake.report import Issue
from geo.intake.run import arguments, run
from tests.geo.intake import broken
from tests.geo.intake.conftest import CODES, LAYER

pytestmark = pytest.mark.unit


def answer(name: str, folder: Path, out: Path) -> tuple[list[Issue], str]:
    """(errors, state) of a file; a refusal of the whole file is one error."""
    one = broken.FILES[name]
    path = broken.write(one, folder)
    try:
        report = run(path, LAYER, CODES, Decisions.model_validate(one.decisions), out,
                     file_name=one.file_name)  # fmt: skip
    except Rejected as error:
        zh, en = error.detail
        refusal = Issue(code=error.code, severity="error", zh=zh, en=en, where=error.where,
                        fix=error.fix)  # fmt: skip
        return [refusal], "rejected"
    counts = report.counts
    assert counts.records == counts.deleted + counts.read
    assert counts.read == counts.valid + counts.rejected
    return [issue for issue in report.issues if issue.severity == "error"], report.state


@pytest.mark.parametrize("name", list(broken.FILES))
def test_refused_with_its_code_a_place_and_a_way_out(name: str, tmp_path: Path, out: Path) -> None:
    one = broken.FILES[name]
    started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    errors, state = answer(name, tmp_path, out)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert state in ("rejected", "needs_input")
    found = [issue for issue in errors if issue.code == one.code]
    assert found, [issue.code for issue in errors]
    issue = found[0]
    assert issue.zh
    assert issue.en
    assert issue.fix or issue.decision, "it must say what to do"
    assert issue.where or issue.row is not None or issue.decision, "it must say where"
    if one.row is not None:
        assert [i.row for i in found] == [one.row]
    if (out / stage.FILE).exists():
        with pytest.raises(Rejected, match="E_NOT_READY"):
            stage.load(out / stage.FILE, LAYER)
    assert not [path for path in out.iterdir() if path.name.startswith("work-")]
    if name in broken.ARCHIVES:
        assert time.monotonic() - started < 10
        assert grown < 200 << 10  # KiB; the archives themselves are made in this process


def test_there_are_enough_and_each_fault_has_its_name() -> None:
    assert len(broken.FILES) >= 100
    assert len({one.code for one in broken.FILES.values()}) >= 45


@pytest.mark.parametrize(
    "name",
    ["bomb that lies about its size", "endless view", "VRT that calls an address", "bow tie"],
)
def test_the_same_in_the_limited_child(name: str, tmp_path: Path, out: Path) -> None:
    one = broken.FILES[name]
    path = broken.write(one, out)
    target = arguments(path, one.file_name, LAYER, CODES, Decisions(), out)
    try:
        report = sandbox.run("geo.intake.run:main", target, out, readable=[])
    except Rejected as error:
        codes = {error.code}
    else:
        codes = set(report["issue_counts"])
        assert report["state"] != "ready"
    assert one.code in codes
