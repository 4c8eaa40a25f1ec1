"""A small layer and ways to run an upload against it without a child process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from geo.intake.decide import Decisions
from geo.intake.report import Report
from geo.intake.run import run
from geo.layers import Codelist, Layer
from tests.geo.formats import shapes

LAYER = Layer.model_validate(
    {
        "id": "fields",
        "title": {"zh": "地块", "en": "Fields"},
        "description": {"zh": "试验", "en": "For tests"},
        "geometry": "MultiPolygon",
        "key": ["code"],
        "fields": [
            {"name": "code", "title": {"zh": "地块编号", "en": "Code"}, "required": True,
             "max_length": 10, "aliases": ["DKBH"]},
            {"name": "status", "title": {"zh": "质量等级评定", "en": "Status"},
             "codelist": "status", "aliases": ["ZLDJ"]},
            {"name": "grade", "title": {"zh": "等级", "en": "Grade"}, "type": "integer",
             "minimum": 1, "maximum": 10, "aliases": ["DJ"]},
            {"name": "depth", "title": {"zh": "埋深", "en": "Depth"}, "type": "number"},
            {"name": "pilot", "title": {"zh": "试点", "en": "Pilot"}, "type": "boolean"},
            {"name": "day", "title": {"zh": "日期", "en": "Day"}, "type": "date"},
            {"name": "at", "title": {"zh": "时刻", "en": "Time"}, "type": "datetime"},
            {"name": "stated_area_mu", "title": {"zh": "申报面积", "en": "Stated"},
             "type": "number", "unit": "亩", "minimum": 0, "aliases": ["MJ"]},
        ],
    }
)  # fmt: skip
CODES = {
    "status": Codelist.model_validate(
        {
            "id": "status",
            "title": {"zh": "质量", "en": "Quality"},
            "codes": [
                {"code": "good", "title": {"zh": "符合", "en": "Conforms"}, "aliases": ["合格"]},
                {"code": "fair", "title": {"zh": "基本符合", "en": "Basic"}},
                {"code": "poor", "title": {"zh": "需要提质改造", "en": "Poor"}},
                {"code": "1", "title": {"zh": "一级", "en": "First"}},
            ],
        }
    )
}

Upload = Callable[..., Report]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def upload(tmp_path: Path, out: Path) -> Upload:
    """Write a shapefile from `shapes.write` options, zip it, take it in."""

    def take(
        decisions: dict[str, Any] | None = None, layer: Layer = LAYER, **options: Any
    ) -> Report:
        parts = shapes.write(tmp_path / "parts", **options)
        archive = shapes.pack(parts, tmp_path / "upload.zip")
        choices = Decisions.model_validate(decisions or {})
        return run(archive, layer, CODES, choices, out, file_name="地块.zip")

    return take
