"""Names of deliveries, several layers in one archive, and empty projects."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from geo.intake import sides
from geo.intake.decide import Decisions
from geo.intake.file_name import parse
from geo.intake.report import Report
from geo.intake.run import run
from geo.layers import Catalog
from tests.geo.formats import shapes
from tests.geo.intake.conftest import CODES, LAYER

pytestmark = pytest.mark.unit


def test_the_parts_of_a_name() -> None:
    said = parse("510000GT/GBZ2012220822GT“边昭”示范项目YS.shp")
    assert said is not None
    assert (said.kind, said.year, said.county, said.department) == ("GBZ", 2012, "220822", "GT")
    assert (said.project, said.stage) == ("边昭示范项目", "验收")
    assert parse("XM2015511827GT某项目YS").kind == "XM"
    assert parse("XM2015511827").project is None


@pytest.mark.parametrize("name", ["地块", "GBZ", "GBZ2012", "AGBZ2012220822", "XM201222082", ""])
def test_other_names_say_nothing(name: str) -> None:
    assert parse(name) is None


def pack(tmp_path: Path, layers: dict[str, dict]) -> Path:
    path = tmp_path / "delivery.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, options in layers.items():
            parts = shapes.write(tmp_path / f"parts{len(archive.filelist)}", **options)
            for part, file in parts.items():
                archive.write(file, f"{name}{part}")
    return path


def take(path: Path, out: Path, **decisions: str) -> Report:
    return run(path, LAYER, CODES, Decisions.model_validate(decisions), out, file_name=path.name)


def test_an_empty_project_is_understood(tmp_path: Path, out: Path) -> None:
    path = pack(tmp_path, {"XM2015220822GT某项目YS": {"rows": ()}})
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("XM2015220822GT某项目YS.shp").file_size == 100
    report = take(path, out)
    assert report.state == "rejected"
    assert list(report.issue_counts) == ["E_EMPTY_PROJECT"]
    assert report.file_name.county == "220822"


def test_proposals_of_the_name_are_shown_and_not_taken(tmp_path: Path, out: Path) -> None:
    catalog = Catalog.load(Path(__file__).parents[3] / "data")
    path = pack(tmp_path, {"GBZ2012220822GT示范项目YS": {"names": ("TBBH", "DLBM"),
                                                     "rows": (("A", "0101"),)}})  # fmt: skip
    layer = catalog.layers["parcels"]
    report = run(path, layer, catalog.codelists, Decisions(), out, file_name="a.zip")
    assert report.state == "needs_input"
    proposals = report.file_name.proposals
    assert proposals["county"] == "220822"
    assert proposals["year"] == "2012"
    assert proposals["project_name"] == "示范项目"
    assert "stage" in proposals
    answered = run(path, layer, catalog.codelists, Decisions(constants=proposals), out)
    assert answered.state == "ready", answered.issues


VILLAGES = {
    "东/地块": {"rows": (("A1", "1"), ("A2", "1")), "names": ("DKBH", "MJ")},
    "西/地块": {
        "rows": (("B1", "2"), ("", "2"), ("B3", "2")), "names": ("DKBH", "MJ"),
        "encoding": "utf-8", "deleted": [2],
        "contents": [shapes.polygon(shapes.square(123.5 + 0.02 * i, 45)) for i in range(3)],
    },
}  # fmt: skip


def test_several_layers_are_asked_about_and_read_as_one(tmp_path: Path, out: Path) -> None:
    path = pack(tmp_path, VILLAGES)
    asked = take(path, out)
    issue = asked.issues[0]
    assert (issue.code, issue.decision) == ("E_LAYER_CHOICE", "source_layer")
    assert "*" in issue.fix[1]
    assert asked.format.layers == ["东/地块", "西/地块"]
    report = take(path, out, source_layer="*")
    assert [(p.layer, p.first_row, p.records) for p in report.format.parts] == [
        ("东/地块", 1, 2), ("西/地块", 3, 3),
    ]  # fmt: skip
    assert (report.counts.records, report.counts.deleted, report.counts.read) == (5, 1, 4)
    assert [i.row for i in report.issues if i.code == "E_VALUE_REQUIRED"] == [4]
    rows = sides.read(out / sides.ROWS)
    assert rows["status"].to_pylist() == ["valid", "valid", "valid", "rejected", "deleted"]
    one = take(path, out, source_layer="东/地块")
    assert one.counts.records == 2


def test_layers_of_two_systems_are_not_read_as_one(tmp_path: Path, out: Path) -> None:
    other = VILLAGES["东/地块"] | {"prj": None}
    report = take(pack(tmp_path, {"a": VILLAGES["西/地块"], "b": other}), out, source_layer="*")
    assert report.state == "needs_input"
    assert list(report.issue_counts) == ["E_LAYERS_DIFFER"]
