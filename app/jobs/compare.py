"""The second step of looking at an upload: its rows beside each other and beside the layer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.jobs.plan import Plan, refuse_foreign
from app.jobs.sandbox import Limits, Progress, SandboxError
from app.jobs.sandbox import run as sandboxed
from geo.errors import Rejected
from geo.intake import compare as intake
from geo.intake import sides, stage
from geo.intake.issues import state_of
from geo.intake.report import LISTED, Issue
from geo.layers import Layer
from geo.snapshot.view import View

Report = dict[str, Any]


def compare(
    report: Report,
    staged: Path,
    layer: Layer,
    view: View,
    decisions: dict[str, Any],
    counties: tuple[str, ...],
    limits: Limits,
    say: Progress,
    cancelled: Callable[[], bool] | None = None,
) -> Plan | None:
    """Add overlaps, identity and the difference from the layer to a report, and to its sides.

    Returns what a commit would do, when it may. ``counties`` are those that the person is
    limited to.

    Overlays run in a limited child of their own; when it is stopped, that is one more fault
    of the file and what the report says already is kept. ``staged`` is the staging file that
    the report names; its folder is where the child works.
    """
    if report.get("staged") is None:
        return None
    found: list[Issue] = []
    rows = stage.load(staged, layer, preview=True)
    if layer.geometry is not None:
        say("compare", 0.95)
        found = _overlay(report, staged, rows, layer, view, decisions, limits, cancelled)
    _state(report, found)
    plan = None
    if report["state"] == "ready":
        try:
            plan = Plan.of(layer, stage.load(staged, layer), view)
            refuse_foreign(counties, layer, plan.change, view)
            report["diff"], report["plan"] = vars(plan.difference), plan.digest
            plan.save_features(staged.with_name(sides.FEATURES), rows)
            report["sides"].append(sides.FEATURES)
        except Rejected as error:
            plan = None
            zh, en = error.detail
            decision = "mode" if error.code in ("E_KEY_EXISTS", "E_NO_KEY") else None
            issue = Issue(code=error.code, severity="error", zh=zh, en=en, where=error.where,
                          fix=error.fix, decision=decision)  # fmt: skip
            found.append(issue)
            report["issue_counts"][error.code] = 1
            _state(report, [issue])
    sides.extend(staged.parent, found, rows.rows, None if plan is None else plan.outcome.status)
    return plan


def _overlay(
    report: Report, staged: Path, rows: stage.Staged, layer: Layer, view: View,
    decisions: dict[str, Any], limits: Limits, cancelled: Callable[[], bool] | None,
) -> list[Issue]:  # fmt: skip
    stored = staged.with_name(intake.STORED)
    try:
        intake.write_stored(stored, layer, rows, view)
        answer = sandboxed(
            "geo.intake.compare:main",
            {
                "staged": str(staged.resolve()),
                "stored": str(stored.resolve()),
                "layer": layer.model_dump(mode="json"),
                "identity": decisions.get("identity", "similarity"),
                "decided": bool(decisions.get("crs")),
            },
            staged.parent,
            limits,
            cancelled=cancelled,
            readable=[],
        )
    except SandboxError as error:
        zh, en = error.detail
        report["issue_counts"][error.code] = 1
        return [
            Issue(code=error.code, severity="error", zh=f"叠加检查：{zh}", en=f"overlay: {en}",
                  fix=error.fix)
        ]  # fmt: skip
    finally:
        stored.unlink(missing_ok=True)
    report["overlaps"] = answer["overlaps"]
    for code, count in answer["issue_counts"].items():
        report["issue_counts"][code] = report["issue_counts"].get(code, 0) + int(count)
    return [Issue.model_validate(issue) for issue in answer["issues"]]


def _state(report: Report, found: list[Issue]) -> None:
    """List what was found and judge again; rejected rows stay a reason of their own."""
    listed: dict[str, int] = {}
    for issue in report["issues"]:
        listed[issue["code"]] = listed.get(issue["code"], 0) + 1
    for issue in found:
        listed[issue.code] = listed.get(issue.code, 0) + 1
        if listed[issue.code] <= LISTED:
            report["issues"].append(issue.model_dump(mode="json"))
    issues = [Issue.model_validate(issue) for issue in report["issues"]]
    report["state"] = state_of(issues, bool(report["counts"]["rejected"]))
