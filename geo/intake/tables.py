"""The report of an upload as a workbook: summary, fields, rows, issues, in one language."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from geo.formats.workbook import MOST_ROWS, Sheet, workbook
from geo.intake import sides
from geo.intake.preview import Kept, fids_of, outcomes
from geo.layers import Layer
from geo.units import SQUARE_METRES_PER_MU

if TYPE_CHECKING:
    from collections.abc import Callable

_ZH = {
    "summary": "汇总", "fields": "字段", "rows": "逐行", "issues": "问题",
    "item": "项目", "value": "值", "file": "文件", "layer": "图层", "state": "状态",
    "revision": "版本", "person": "上传人", "sha256": "SHA-256", "size": "字节", "format": "格式",
    "encoding": "编码", "crs": "坐标系", "mode": "方式", "records": "文件中的记录",
    "deleted": "标记删除", "read": "读取", "valid": "有效", "repaired": "已修复",
    "rejected": "拒绝", "new": "新增", "changed": "修改", "unchanged": "未变",
    "absent": "图层有而文件没有", "computed": "计算面积（平方米）", "computed_mu": "计算面积（亩）",
    "stated": "填报面积（平方米）", "difference": "差（平方米）", "field": "字段",
    "title": "名称", "column": "文件中的列", "decided": "依据", "samples": "样例",
    "missing": "文件中没有", "unmapped": "未使用的列", "row": "行", "status": "检查",
    "outcome": "结果", "fid": "要素号", "key": "编号", "codes": "代码",
    "messages": "说明", "lon": "经度",
    "lat": "纬度", "code": "代码", "severity": "程度", "message": "说明", "fix": "怎么办",
    "where": "位置", "report": "上传检查报告",
}  # fmt: skip
_EN = {
    "summary": "Summary", "fields": "Fields", "rows": "Rows", "issues": "Issues",
    "item": "Item", "value": "Value", "file": "File", "layer": "Layer", "state": "State",
    "revision": "Revision", "person": "Uploaded by", "sha256": "SHA-256", "size": "Bytes",
    "format": "Format", "encoding": "Encoding", "crs": "Coordinate system", "mode": "Mode",
    "records": "Records in the file", "deleted": "Marked as deleted", "read": "Read",
    "valid": "Valid", "repaired": "Repaired", "rejected": "Rejected", "new": "New",
    "changed": "Changed", "unchanged": "Unchanged", "absent": "In the layer, not in the file",
    "computed": "Computed area, m²", "computed_mu": "Computed area, mu",
    "stated": "Stated area, m²", "difference": "Difference, m²", "field": "Field",
    "title": "Title", "column": "Column of the file", "decided": "Decided by",
    "samples": "Samples", "missing": "not in the file", "unmapped": "Column not used",
    "row": "Row", "status": "Check", "outcome": "Outcome", "fid": "Feature", "key": "Key",
    "codes": "Codes",
    "messages": "Messages", "lon": "Longitude", "lat": "Latitude", "code": "Code",
    "severity": "Severity", "message": "Message", "fix": "What to do", "where": "Where",
    "report": "Report of an upload",
}  # fmt: skip
_WORDS = {
    "zh": {
        "new": "新增", "changed": "修改", "unchanged": "未变", "valid": "有效", "rejected": "拒绝",
        "deleted": "已标记删除", "stored": "已入库", "reverted": "已撤销", "discarded": "已放弃",
        "open": "未入库", "error": "错误", "warning": "警告", "note": "提示",
    }
}  # fmt: skip


def main(arguments: dict[str, Any], _progress: Callable[..., None]) -> dict[str, Any]:
    """The sandbox's target, for reports of many rows: writes ``arguments["out"]``."""
    kept = Kept({name: Path(path) for name, path in arguments["files"].items()})
    layer = Layer.model_validate(arguments["layer"])
    content = tables(arguments["upload"], kept, layer, arguments["language"])
    Path(arguments["out"]).write_bytes(content)
    return {"bytes": len(content)}


def tables(upload: dict[str, Any], kept: Kept, layer: Layer, language: str) -> bytes:
    """XLSX of an upload as it is shown (id, state, report, ...), with every row and issue."""
    words = _EN if language == "en" else _ZH
    title = f"{words['report']} {upload['id']}: {upload['file_name']}"

    def sheet(name: str, headings: tuple[str, ...], rows: Iterator[list[Any]]) -> Sheet:
        return Sheet(words[name], title, [words[h] for h in headings], rows)

    return workbook(
        [
            sheet("summary", ("item", "value"), _summary(upload, layer, words, language)),
            sheet(
                "fields",
                ("field", "title", "column", "decided", "samples"),
                _fields(upload["report"] or {}, layer, words, language),
            ),
            sheet(
                "rows",
                ("row", "status", "outcome", "fid", "key", "stated", "computed", "codes",
                 "messages", "lon", "lat"),
                _rows(kept, upload["state"], language),
            ),
            sheet(
                "issues",
                ("row", "code", "severity", "message", "fix", "where", "lon", "lat"),
                _issues(upload["report"] or {}, kept, language),
            ),
        ]
    )  # fmt: skip


def _summary(
    upload: dict[str, Any], layer: Layer, words: dict[str, str], language: str
) -> Iterator[list[Any]]:
    report = upload["report"] or {}
    yield [words["file"], upload["file_name"]]
    yield [words["layer"], f"{layer.title.get(language)} ({layer.id})"]
    for name in ("state", "revision", "person", "sha256", "size"):
        yield [words[name], upload[name]]
    for name, part, key in (
        ("format", "format", "id"),
        ("encoding", "encoding", "value"),
        ("crs", "crs", "value"),
    ):
        yield [words[name], (report.get(part) or {}).get(key)]
    yield [words["mode"], report.get("mode")]
    counts, diff = report.get("counts") or {}, report.get("diff") or {}
    for name in ("records", "deleted", "read", "valid", "repaired", "rejected"):
        yield [words[name], counts.get(name)]
    for name in ("new", "changed", "unchanged", "absent"):
        yield [words[name], diff.get(name)]
    areas = report.get("areas") or {}
    if areas:
        yield [words["computed"], areas["computed_m2"]]
        yield [words["computed_mu"], areas["computed_m2"] / float(SQUARE_METRES_PER_MU)]
        yield [words["stated"], areas["stated_m2"]]
        yield [words["difference"], areas["difference_m2"]]
        yield ["", (areas.get("method") or {}).get(language)]


def _fields(
    report: dict[str, Any], layer: Layer, words: dict[str, str], language: str
) -> Iterator[list[Any]]:
    mapping = report.get("mapping") or {}
    titles = {field.name: field.title.get(language) for field in layer.fields}
    for each in mapping.get("fields", ()):
        samples = "; ".join(map(str, each["samples"]))
        title = titles.get(each["field"])
        yield [each["field"], title, each["column"], each["decided_by"], samples]
    for name in mapping.get("missing", ()):
        yield [name, titles.get(name), None, words["missing"], None]
    for each in mapping.get("unmapped", ()):
        yield [None, words["unmapped"], each["column"], each[language],
               "; ".join(map(str, each["samples"]))]  # fmt: skip


def _rows(kept: Kept, state: str, language: str) -> Iterator[list[Any]]:
    table = kept.table(sides.ROWS)
    if table is None:
        return
    word = _WORDS.get(language, {})
    said: dict[int, list[str]] = {}
    issues = kept.table(sides.ISSUES)
    if issues is not None:
        for row, text in zip(issues["row"].to_pylist(), issues[language].to_pylist(), strict=True):
            if row is not None:
                said.setdefault(row, []).append(text)
    table = table.slice(0, MOST_ROWS - 10)
    ends = outcomes(np.array(table["status"].to_pylist(), object), state)
    names = ("row", "status", "key", "stated_m2", "computed_m2", "codes", "lon", "lat")
    columns = [table[name].to_pylist() for name in names]
    between = "；" if language == "zh" else "; "
    for end, fid, row, status, key, stated, computed, codes, lon, lat in zip(
        ends, fids_of(kept, table["row"].to_numpy()), *columns, strict=True
    ):
        yield [row, word.get(status, status), word.get(end, end), fid, key, stated, computed,
               codes, between.join(said.get(row, ())), lon, lat]  # fmt: skip


def _issues(report: dict[str, Any], kept: Kept, language: str) -> Iterator[list[Any]]:
    word = _WORDS.get(language, {})
    table = kept.table(sides.ISSUES)
    if table is None:
        for issue in report.get("issues", ()):
            fix = (issue.get("fix") or (None, None))[0 if language == "zh" else 1]
            yield [issue["row"], issue["code"], word.get(issue["severity"], issue["severity"]),
                   issue[language], fix, issue["where"], None, None]  # fmt: skip
        return
    for issue in table.slice(0, MOST_ROWS - 10).to_pylist():
        yield [issue["row"], issue["code"], word.get(issue["severity"], issue["severity"]),
               issue[language], issue[f"fix_{language}"], issue["where"], issue["lon"],
               issue["lat"]]  # fmt: skip
