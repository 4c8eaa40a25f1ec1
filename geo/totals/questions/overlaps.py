"""How much of an upload overlaps what is stored, and who reported that land first."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from pydantic import Field

from geo.errors import Rejected
from geo.layers import Text
from geo.totals.questions.model import COUNTY, Answer, Parameters, Source, Weekly, column, table


class UploadOverlaps(Parameters):
    upload: int = Field(ge=1, le=2**53, description="上传编号 / Number of the upload.")


def _overlaps(source: Source, asked: UploadOverlaps) -> Answer:
    report = source.report(asked.upload)
    if report is None:
        raise Rejected(
            "E_NOT_FOUND",
            f"没有上传 {asked.upload}",
            f"There is no upload {asked.upload}",
            where="upload",
        )
    found = report.get("overlaps")
    if not found:
        raise Rejected(
            "E_STATE",
            f"上传 {asked.upload} 还没有重叠检查结果",
            f"Upload {asked.upload} has no result of the overlap check yet",
            where="upload",
            fix=("请等检查完成,或先回答其坐标系等问题",
                 "Wait for the check, or answer its questions (coordinate system) first"),
        )  # fmt: skip
    layer, stored = report["layer"], found["stored"]
    pairs = [pair for pair in stored["largest"] if pair["fid"] is not None]
    facts = _facts(source, layer, sorted({pair["fid"] for pair in pairs}))
    rows = [
        (pair["row"], pair["key"], fact["code"], fact["project"], fact["county"],
         fact["reported_on"], fact["author"], fact["source"], pair["mu"])
        for pair in pairs
        for fact in (facts.get(pair["fid"], defaultdict(lambda: None)),)
    ]  # fmt: skip
    areas = report.get("areas") or {}
    total = areas.get("computed_mu")
    summary = (
        asked.upload, report["layer"], total, stored["mu"], stored["rows"], stored["pairs"],
        found["inside"]["mu"], found["duplicates"],
    )  # fmt: skip
    return Answer(
        (
            table(
                "summary", "重叠情况", "Overlap",
                (
                    column("upload", "上传", "Upload"),
                    column("layer", "图层", "Layer"),
                    column("area_mu", "来件面积", "Area of the file", "mu"),
                    column("overlap_mu", "与已存图斑重叠", "Overlap with stored features", "mu"),
                    column("rows", "涉及行数", "Rows concerned"),
                    column("pairs", "重叠对数", "Pairs"),
                    column("inside_mu", "文件内部重叠", "Overlap inside the file", "mu"),
                    column("duplicates", "重复图形", "Duplicates"),
                ),
                [summary],
            ),
            table(
                "pairs", "重叠的图斑及其先报者", "Overlapping features and who reported them first",
                (
                    column("row", "来件行号", "Row of the file"),
                    column("key", "来件编号", "Key in the file"),
                    column("code", "已存图斑", "Stored feature"),
                    column("project", "所属项目", "Its project"),
                    COUNTY,
                    column("reported_on", "首次入库", "First stored"),
                    column("author", "先报者", "Reported by"),
                    column("source", "来源", "Source"),
                    column("mu", "重叠面积", "Overlap", "mu"),
                ),
                rows,
            ),
        ),
        Text(
            zh="检查时来件图形与已存图斑(不含文件自带编号的旧图斑)相交部分的椭球面积；"
            "首次入库是该图斑第一个版本的提交",
            en="Ellipsoidal area of the parts of the file that stored features (other than those "
            "that it re-delivers) cover, as checked; first stored is the commit of a feature's "
            "first version",
        ),
    )  # fmt: skip


def _facts(source: Source, layer: str, fids: list[int]) -> dict[int, dict[str, Any]]:
    """What is known of stored features, and the commit that brought each first."""
    definition = source.catalog.layers[layer]
    view = source.view(layer)
    first: dict[int, int] = {}
    # All versions, closed ones too: the oldest says who was first.
    for segment in source.view(layer, view.revision - 1 if view.revision else 0).segments:
        mine = np.flatnonzero(np.isin(segment.fid, fids))
        for fid, revision in zip(segment.fid[mine], segment.revision[mine], strict=True):
            first[int(fid)] = min(int(revision), first.get(int(fid), int(revision)))
    commits = {commit.revision: commit for commit in source.commits}
    wanted = [n for n in ("project_code", definition.county_field) if n in definition.by_name]
    key = definition.key[0] if definition.key else definition.fields[0].name
    named = source.read(layer, (key, *wanted)).to_pylist()
    facts: dict[int, dict[str, Any]] = {}
    for each in (row for row in named if row["fid"] in first):
        commit = commits.get(first[each["fid"]])
        facts[each["fid"]] = {
            "code": each[key],
            "project": each.get("project_code"),
            "county": each.get(definition.county_field or ""),
            "reported_on": commit.time if commit else None,
            "author": commit.author.name if commit else None,
            "source": commit.author.source if commit else None,
        }
    return facts


OVERLAPS = Weekly(
    "upload-overlaps",
    Text(zh="新上传与已存图斑的重叠", en="Overlap of a new upload"),
    Text(
        zh="某次上传与已有高标准农田或其他项目重叠多少亩?谁先上报?",
        en="How much of an upload overlaps what is stored (mu), and who reported it first?",
    ),
    UploadOverlaps,
    _overlaps,
    personal=True,
)
