"""The report of an import in words, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table

from geo.layers import Layer
from geo.units import SQUARE_METRES_PER_MU

_STATES = {
    "ready": "[green]可以入库 ready to be stored[/]",
    "needs_input": "[yellow]需要您的决定 needs a decision[/]",
    "rejected": "[red]不能入库 rejected[/]",
}
_COLOURS = {"error": "red", "warning": "yellow", "note": "dim"}
#: Issues that are written out; the workbook of an upload has all of them.
_LISTED = 30


def tell(report: dict[str, Any], layer: Layer, console: Console) -> None:
    """Print what was found, what it would do to the layer, and what is wrong."""
    facts = Table(title=f"{layer.title.zh} {layer.title.en}", show_header=False)
    facts.add_row("状态 state", _STATES[report["state"]])
    for name, value in _facts(report):
        facts.add_row(name, value)
    console.print(facts)
    mapping = (report.get("mapping") or {}).get("fields") or ()
    if mapping:
        fields = Table("字段 field", "文件中的列 column", "依据 decided by", "样例 samples")
        for each in mapping:
            samples = "、".join(map(str, each["samples"][:2]))
            fields.add_row(each["field"], each["column"] or "-", each["decided_by"], samples)
        console.print(fields)
    for issue in report["issues"][:_LISTED]:
        colour = _COLOURS[issue["severity"]]
        row = f" 行 row {issue['row']}" if issue.get("row") else ""
        where = f" [{issue['where']}]" if issue.get("where") else ""
        console.print(f"[{colour}]{issue['code']}[/]{row}", end="")
        console.print(f"{where}: {issue['zh']} / {issue['en']}", markup=False, highlight=False)
        if issue.get("fix"):
            console.print(f"    → {issue['fix'][0]} / {issue['fix'][1]}", markup=False)
        if issue.get("decision"):
            console.print(f"    → --decide {issue['decision']}=…", markup=False)
    left = sum(report["issue_counts"].values()) - min(len(report["issues"]), _LISTED)
    if left > 0:
        console.print(f"… 另有 {left:,} 条 / {left:,} more")
    for candidate in ((report.get("crs") or {}).get("candidates") or ())[:5]:
        if report["state"] == "needs_input":
            text = f"  --decide crs={candidate['crs']}: {candidate['zh']} / {candidate['en']}"
            console.print(text, markup=False, highlight=False)


def _facts(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, part, key in (
        ("格式 format", "format", "id"),
        ("编码 encoding", "encoding", "value"),
        ("坐标系 CRS", "crs", "value"),
    ):
        found = report.get(part) or {}
        if found.get(key):
            how = f" ({found['decided_by']})" if found.get("decided_by") else ""
            yield name, f"{found[key]}{how}"
    counts = report.get("counts") or {}
    if counts.get("records"):
        yield (
            "记录 records",
            f"{counts['records']:,} = 有效 valid {counts['valid']:,} + 拒绝 rejected "
            f"{counts['rejected']:,} + 已删 deleted {counts['deleted']:,}",
        )
    areas = report.get("areas") or {}
    if areas:
        mu = areas["computed_m2"] / float(SQUARE_METRES_PER_MU)
        yield "计算面积 computed area", f"{mu:,.2f} 亩 mu"
        if areas.get("stated_m2") is not None:
            stated = areas["stated_m2"] / float(SQUARE_METRES_PER_MU)
            yield "填报面积 stated area", f"{stated:,.2f} 亩 mu"
    diff = report.get("diff")
    if diff:
        words = (("新增 new", "new"), ("修改 changed", "changed"), ("未变 unchanged", "unchanged"),
                 ("文件没有 absent", "absent"))  # fmt: skip
        yield "与图层比较 difference", "，".join(f"{word} {diff[key]:,}" for word, key in words)
    if report.get("revision"):
        yield "已保存为版本 stored as revision", str(report["revision"])
