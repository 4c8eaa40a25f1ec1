"""Staged shapes beside each other and beside stored ones: overlaps, duplicates, gaps, identity."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import shapely
from shapely import affinity

from geo import crs
from geo.area import ellipsoidal_area
from geo.crs import gcj02
from geo.intake import sides, topology
from geo.intake.changes import plan
from geo.intake.compare import Compared, compare, main, read_stored, write_stored
from geo.intake.identity import Stored
from geo.intake.stage import Staged, load, save
from geo.layers import Catalog
from geo.record.geopackage import open_record
from geo.record.protocol import Author, ChangeSet, attribute_schema
from geo.snapshot.store import Snapshots
from tests.geo.intake.test_changes import LAYER

pytestmark = pytest.mark.unit


def staged(shapes: list, codes: list[str] | None = None, mode: str = "upsert") -> Staged:
    count = len(shapes)
    codes = codes or [f"N{i}" for i in range(count)]
    table = pa.table(
        {"code": codes, "note": [None] * count, "count": [None] * count},
        schema=attribute_schema(LAYER),
    )
    geometry = np.array(shapes or [], dtype=object)
    rows = np.arange(1, count + 1)
    return Staged("things", mode, True, ("code",), rows, table, geometry, np.zeros(count))


def stored(shapes: list, codes: list[str] | None = None) -> Stored:
    codes = codes or [f"S{i}" for i in range(len(shapes))]
    fid = np.arange(101, 101 + len(shapes))
    return Stored(fid, pa.array(codes, pa.string()), np.array(shapes or [], dtype=object))


def look(rows: Staged, known: Stored | None = None, **options) -> Compared:
    options = {"identity": "similarity", "decided": False} | options
    return compare(LAYER, rows, known or stored([]), **options)


def box(x: float, y: float = 0, width: float = 100, height: float = 100) -> shapely.Geometry:
    """Metres from a corner in zone 41, as lon/lat."""
    flat = shapely.box(500_000 + x, 5_000_000 + y, 500_000 + x + width, 5_000_000 + y + height)
    return crs.transform(np.array([shapely.multipolygons([flat])]), "EPSG:4550")[0]


def rows_of(found: Compared, code: str) -> list[int | None]:
    return [issue.row for issue in found.issues.kept() if issue.code == code]


def test_shared_edges_are_no_overlap() -> None:
    found = look(staged([box(0), box(100), box(0, 100)]))
    assert found.topology.inside.pairs == 0
    assert not found.issues.counts


def test_overlaps_inside_the_file_in_mu() -> None:
    found = look(staged([box(0), box(80), box(500)]))
    inside = found.topology.inside
    assert (inside.pairs, inside.rows) == (1, 1)
    expected = ellipsoidal_area(np.array([box(80, 0, 20)]))[0]
    assert inside.m2 == pytest.approx(expected, rel=1e-6)
    assert inside.mu == pytest.approx(expected * 3 / 2000)
    pair = inside.largest[0]
    assert (pair.row, pair.other_row) == (1, 2)
    assert shapely.contains_xy(box(80, 0, 20), *pair.point)
    issue = next(i for i in found.issues.kept() if i.code == "W_OVERLAP")
    assert issue.row == 2
    assert "record 1 by 3.00 mu" in issue.en
    assert "第 1 条重叠 3.00 亩" in issue.zh
    assert issue.point == pair.point


def test_duplicates_are_told_once_and_not_again_as_overlap() -> None:
    turned = shapely.reverse(box(0))
    found = look(staged([box(0), turned, box(0), box(90)]))
    assert found.topology.duplicates == 2
    assert rows_of(found, "W_DUPLICATE_SHAPE") == [2, 3]
    assert rows_of(found, "W_OVERLAP") == [4]
    assert found.topology.inside.pairs == 6


def test_slivers_thin_shapes_and_gaps() -> None:
    found = look(staged([box(0), box(99.99), box(500, 0, 0.3)]))
    assert found.topology.inside.pairs == 0
    assert found.topology.slivers == 1
    assert "W_SLIVERS" in found.issues.counts
    assert rows_of(found, "W_THIN") == [3]
    frame = [box(0, 0, 100, 50), box(0, 50.2, 100, 50), box(-50, 0, 50), box(100, 0, 50)]
    found = look(staged(frame))
    assert found.topology.gaps == 1
    gap = next(i for i in found.issues.kept() if i.code == "W_GAP")
    assert gap.en.startswith("a gap of 20.0")
    assert shapely.contains_xy(box(0, 50, 100, 0.2), *gap.point)


def test_a_pond_inside_a_ring_of_parcels_is_no_gap() -> None:
    around = [box(0, 0, 100, 50), box(0, 80, 100, 50), box(-50, 0, 50, 130), box(100, 0, 50, 130)]
    assert look(staged(around)).topology.gaps == 0


def test_overlaps_with_stored_features_name_them() -> None:
    known = stored([box(50), box(1000)], ["甲", "乙"])
    found = look(staged([box(0), box(0, 200)]), known)
    pair = found.topology.stored.largest[0]
    assert (pair.row, pair.fid, pair.key) == (1, 101, "甲")
    assert pair.mu == pytest.approx(7.5, rel=1e-3)
    issue = next(i for i in found.issues.kept() if i.code == "W_OVERLAP_STORED")
    assert "甲 (#101)" in issue.zh
    assert "7.50 亩" in issue.zh


def test_what_the_file_carries_itself_is_not_overlapped() -> None:
    known = stored([box(0), box(100)], ["A", "B"])
    rows = staged([box(0, 0, 110), box(110, 0, 90)], ["A", "B"])
    assert look(rows, known).topology.stored.pairs == 0
    rows = staged([box(0, 0, 110)], ["A"])
    assert look(rows, known).topology.stored.rows == 1  # B stays as it is
    rows = staged([box(0, 0, 110)], ["C"], mode="append")
    assert look(rows, known).topology.stored.pairs == 2


def test_identity_by_key_then_shape_then_similarity() -> None:
    known = stored([box(0), box(200), box(400), box(600)], ["A", "B", "C", "D"])
    rows = staged([box(3), box(200), box(402, 1), box(640), box(900)], ["A", "B9", "C9", "D9", "E"])
    found = look(rows, known)
    assert dict(zip(found.places.tolist(), zip(found.fids.tolist(), found.how, strict=True),
                    strict=True)) == {
        0: (101, "key"), 1: (102, "geometry"), 2: (103, "similarity"),
    }  # fmt: skip
    assert look(rows, known, identity="key").places.tolist() == [0]
    assert look(rows, known, identity="geometry").places.tolist() == [0, 1]


def test_each_feature_is_recognised_once_and_the_likest_wins() -> None:
    known = stored([box(0)], ["A"])
    found = look(staged([box(8), box(2)], ["x", "y"]), known)
    assert (found.places.tolist(), found.fids.tolist()) == ([1], [101])
    found = look(staged([box(0), box(0)], ["x", "A"]), known)
    assert found.places.tolist() == [1]


@pytest.mark.parametrize(
    ("move", "words"),
    [
        (lambda g: shapely.transform(g, lambda xy: gcj02.shift(xy, "gcj02")), "GCJ-02"),
        (lambda g: shapely.transform(g, lambda xy: gcj02.shift(xy, "bd09")), "BD-09"),
        (lambda g: crs.transform(crs.transform(g, "EPSG:4490", "EPSG:4550"), "EPSG:32651"), "UTM"),
        (lambda g: crs.transform(crs.transform(g, "EPSG:4490", "EPSG:4549"), "EPSG:4550"), "zone"),
        (lambda g: shapely.transform(g, lambda xy: xy + np.array([0.0008, 0.0003])), "datum"),
    ],
)
def test_a_file_that_lies_moved_as_a_whole(move, words: str) -> None:
    shapes = [box(300 * i, 150 * (i % 3)) for i in range(6)]
    codes = [f"K{i}" for i in range(6)]
    moved = list(move(np.array(shapes, dtype=object)))
    found = look(staged(moved, codes), stored(shapes, codes))
    issue = next(i for i in found.issues.kept() if i.code == "E_CRS_SHIFTED")
    assert issue.severity == "error"
    assert issue.decision == "crs"
    assert words in issue.en
    decided = look(staged(moved, codes), stored(shapes, codes), decided=True)
    assert [i.severity for i in decided.issues.kept() if i.code == "E_CRS_SHIFTED"] == ["warning"]


def test_edited_shapes_are_not_a_moved_file() -> None:
    shapes = [box(300 * i) for i in range(6)]
    codes = [f"K{i}" for i in range(6)]
    edited = [box(300 * i + (-1) ** i * 10) for i in range(6)]
    found = look(staged(edited, codes), stored(shapes, codes))
    assert "E_CRS_SHIFTED" not in found.issues.counts


def comb(teeth: int) -> shapely.Geometry:
    points = [(0.0, 0.0)]
    for i in range(teeth):
        points += [(i + 0.1, 0.1), (i + 0.1, teeth), (i + 0.6, teeth), (i + 0.6, 0.1)]
    return shapely.Polygon([*points, (teeth, 0)])


def test_combs_that_would_take_a_minute_are_refused_at_once() -> None:
    one = affinity.translate(comb(700), 500_000, 5_000_000)
    other = affinity.rotate(one, 90)
    pair = list(crs.transform(np.array([one, other]), "EPSG:4550"))
    start = time.monotonic()
    found = look(staged(pair))
    assert time.monotonic() - start < 5
    assert rows_of(found, "E_TOO_COSTLY") == [1]
    found = look(staged(pair[:1]), stored(pair[1:]))
    assert rows_of(found, "E_TOO_COSTLY") == [1]


def test_many_vertices_that_hardly_cross_are_no_bomb() -> None:
    ring = shapely.Point(500_000, 5_000_000).buffer(1000, quad_segs=5000)
    pair = list(crs.transform(np.array([ring, affinity.translate(ring, 300, 0)]), "EPSG:4550"))
    found = look(staged(pair))
    assert found.topology.inside.pairs == 1
    assert "E_TOO_COSTLY" not in found.issues.counts


def test_gaps_among_too_many_loose_shapes_are_not_searched(monkeypatch) -> None:
    monkeypatch.setattr(topology, "_MAX_GAP_VERTICES", 5)
    found = look(staged([box(0, 0, 100, 50), box(0, 50.2, 100, 50)]))
    assert "W_GAPS_UNSEEN" in found.issues.counts


@pytest.fixture
def view(tmp_path: Path):
    record = open_record(tmp_path / "r.gpkg", Catalog({"things": LAYER}, {}))
    first = staged([box(0), box(200), box(9_000)], ["A", "B", "C"])
    record.commit([ChangeSet.inserts("things", first.attributes, first.geometry)], Author("t", "t"))
    yield Snapshots(record, tmp_path / "s").view("things")
    record.close()


def test_files_in_and_out_and_the_plan_that_follows(tmp_path: Path, view) -> None:
    rows = staged([box(0), box(201), box(400), box(20_000)], ["A", "B9", "D", "C"])
    path = tmp_path / "staged.arrow"
    save(path, LAYER, rows.rows, rows.attributes, rows.geometry, rows.measure,
         mode="upsert", committable=True, given=rows.given)  # fmt: skip
    assert write_stored(tmp_path / "stored.arrow", LAYER, load(path, LAYER), view) == 3
    assert read_stored(tmp_path / "stored.arrow").key.to_pylist() == ["A", "B", "C"]
    answer = main(
        {"staged": str(path), "stored": str(tmp_path / "stored.arrow"), "decided": False,
         "layer": LAYER.model_dump(mode="json"), "identity": "similarity"},
        lambda *_: None,
    )  # fmt: skip
    assert answer["overlaps"]["stored"]["pairs"] == 0
    made = plan(LAYER, load(path, LAYER), view)
    assert made.status.tolist() == ["unchanged", "changed", "new", "changed"]
    assert made.difference.matched == {"key": 2, "similarity": 1}
    assert made.difference.absent == 0
    assert made.change.fid.tolist()[0] == 2


def test_replace_leaves_other_counties_alone(tmp_path: Path) -> None:
    fields = [*LAYER.fields, LAYER.fields[1].model_copy(update={"name": "county"})]
    layer = LAYER.model_copy(update={"fields": tuple(fields), "county_field": "county"})
    record = open_record(tmp_path / "r.gpkg", Catalog({"things": layer}, {}))

    def rows(codes: list[str], counties: list[str]) -> Staged:
        base = staged([box(200 * i) for i in range(len(codes))], codes, "replace")
        table = base.attributes.append_column("county", pa.array(counties))
        return Staged("things", "replace", True, ("code", "county"), base.rows, table,
                      base.geometry, base.measure)  # fmt: skip

    first = rows(["A", "B", "C"], ["1", "1", "2"])
    record.commit([ChangeSet.inserts("things", first.attributes, first.geometry)], Author("t", "t"))
    made = plan(layer, rows(["A"], ["1"]), Snapshots(record, tmp_path / "s").view("things"))
    assert made.difference.absent == 1
    assert made.difference.scope == ["1"]
    assert made.change.fid.tolist() == [2]
    record.close()


def test_sides_learn_what_was_found_later(tmp_path: Path) -> None:
    found = look(staged([box(0), box(80)]))
    table = pa.table({"row": [1, 2, 3], "status": ["valid", "deleted", "rejected"],
                      "codes": ["", "", "E_X"]})  # fmt: skip
    sides.write(tmp_path / sides.ROWS, table)
    sides.save_issues(tmp_path / sides.ISSUES, [])
    sides.extend(tmp_path, found.issues.kept(), np.array([1, 3]), np.array(["new", "changed"]))
    rows = sides.read(tmp_path / sides.ROWS)
    assert rows["status"].to_pylist() == ["new", "deleted", "changed"]
    assert rows["codes"].to_pylist() == ["", "W_OVERLAP", "E_X"]
    assert sides.read(tmp_path / sides.ISSUES)["code"].to_pylist() == ["W_OVERLAP"]


def test_only_shapes_with_others_near_them_are_laid_over() -> None:
    rows = np.array([box(0), box(100), box(500), box(2000, 0, 0.3), None], dtype=object)
    known = np.array([box(550), box(9000)], dtype=object)
    close, met = topology.near(rows, known)
    assert close.tolist() == [True, True, True, False, False]
    assert met.tolist() == [True, False]
    m2 = ellipsoidal_area(rows)
    assert topology.maybe_thin(rows, m2).tolist() == [False, False, False, True, False]
    measured = dataclasses.replace(staged(list(rows[:4])), measure=m2[:4])
    found = look(measured, Stored(np.array([7, 8]), pa.array(["a", "b"]), known))
    assert rows_of(found, "W_THIN") == [4]
    assert rows_of(found, "W_OVERLAP_STORED") == [3]
