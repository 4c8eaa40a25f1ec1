"""Looking at an upload, both steps in their children, against a record: no server needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import shapely

from app.jobs.compare import compare
from app.jobs.sandbox import Limits
from app.jobs.upload import examine
from geo.intake import sides, stage
from geo.layers import Catalog
from geo.record.geopackage import open_record
from geo.record.protocol import Author, ChangeSet
from geo.snapshot.store import Snapshots
from geo.snapshot.view import View
from tests.geo.formats import shapes
from tests.geo.intake.conftest import CODES, LAYER

pytestmark = pytest.mark.unit

CATALOG = Catalog({"fields": LAYER}, CODES)


class Desk:
    """A layer with three stored squares, and files laid beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.record = open_record(folder / "r.gpkg", CATALOG)
        self.snapshots = Snapshots(self.record, folder / "s")
        report, staged = self.examine({}, [("A1", "1"), ("A2", "1"), ("A3", "1")])
        assert report["state"] == "ready", report["issues"]
        first = stage.load(staged, LAYER)
        change = ChangeSet.inserts("fields", first.attributes, first.geometry)
        self.record.commit([change], Author("test", "test"))
        self.snapshots.refresh()

    def view(self) -> View:
        return self.snapshots.view("fields")

    def examine(
        self, decisions: dict[str, Any], rows: list[tuple[str, str]], **options: Any
    ) -> tuple[dict[str, Any], Path]:
        parts = shapes.write(self.folder / "parts", names=("DKBH", "DJ"), rows=rows, **options)
        source = shapes.pack(parts, self.folder / "a.zip")
        return examine(source, "a.zip", LAYER, CATALOG, decisions, self.folder, Limits(),
                       lambda *_: None)  # fmt: skip

    def look(
        self, rows: list[tuple[str, str]], limits: Limits | None = None,
        decisions: dict[str, Any] | None = None, **options: Any,
    ) -> dict[str, Any]:  # fmt: skip
        report, staged = self.examine(decisions or {}, rows, **options)
        compare(
            report,
            staged,
            LAYER,
            self.view(),
            decisions or {},
            (),
            limits or Limits(),
            lambda *_: None,
        )
        return report


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.record.close()


def square(x: float, y: float = 45.0, side: float = 0.01) -> bytes:
    return shapes.polygon(shapes.square(x, y, side))


def test_overlaps_identity_and_status_reach_the_report(desk: Desk) -> None:
    # A1 as it is, A2 redrawn under a new number, one new row over A3.
    contents = [square(123), square(123.0205), square(123.045)]
    report = desk.look([("A1", "1"), ("B2", "1"), ("C", "1")], contents=contents)
    assert report["state"] == "ready", report["issues"]
    diff = report["diff"]
    assert (diff["new"], diff["changed"], diff["unchanged"], diff["absent"]) == (1, 1, 1, 1)
    assert diff["matched"] == {"key": 1, "similarity": 1}
    stored = report["overlaps"]["stored"]
    assert (stored["pairs"], stored["largest"][0]["key"]) == (1, "A3")
    half = shapely.box(123.045, 45, 123.05, 45.01)
    assert shapely.contains_xy(half, *stored["largest"][0]["point"])
    assert report["issue_counts"]["W_OVERLAP_STORED"] == 1
    rows = sides.read(desk.folder / "staged" / sides.ROWS)
    assert rows["status"].to_pylist() == ["unchanged", "changed", "new"]
    assert rows["codes"].to_pylist() == ["", "", "W_OVERLAP_STORED"]


def test_keys_that_exist_are_a_question_and_no_failed_job(desk: Desk) -> None:
    report = desk.look([("A1", "1")], decisions={"mode": "append"})
    issue = next(i for i in report["issues"] if i["code"] == "E_KEY_EXISTS")
    assert issue["decision"] == "mode"
    assert report["state"] == "needs_input"


def test_a_stopped_overlay_is_one_more_fault_and_the_report_is_kept(desk: Desk) -> None:
    report = desk.look([("N1", "1"), ("N2", "1")], Limits(wall_s=0.01))
    assert report["state"] == "rejected"
    assert report["counts"]["valid"] == 2
    assert report["areas"]["computed_m2"] > 0
    assert list(report["issue_counts"]) == ["E_TIME"]
    assert report["issues"][-1]["zh"].startswith("叠加检查")
