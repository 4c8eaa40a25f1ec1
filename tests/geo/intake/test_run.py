"""Whole uploads: from the bytes to the report and the staging file."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.jobs import sandbox
from geo.area import ellipsoidal_area
from geo.errors import Rejected
from geo.intake import sides, stage
from geo.intake.decide import Decisions
from geo.intake.report import LISTED
from geo.intake.run import arguments, run
from tests import shared
from tests.geo.formats import shapes
from tests.geo.intake.conftest import CODES, LAYER, Upload

pytestmark = pytest.mark.unit
SHARED = shared.DATA / "chinese_shapefiles"
PROJECTED = (
    'PROJCS["CGCS2000_3_Degree_GK_Zone_41",' + shapes.CGCS2000 + ',PROJECTION["Gauss_Kruger"],'
    'PARAMETER["False_Easting",41500000.0],PARAMETER["False_Northing",0.0],'
    'PARAMETER["Central_Meridian",123.0],PARAMETER["Scale_Factor",1.0],'
    'PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]'
)
BOWTIE = [[(123, 45), (123.01, 45.01), (123.01, 45), (123, 45.01), (123, 45)]]


def polygons(*rings: list) -> list[bytes]:
    return [shapes.polygon(ring) for ring in rings]


def rows_of(report, code: str) -> list[int | None]:
    return [issue.row for issue in report.issues if issue.code == code]


def test_a_clean_file_is_ready_and_staged(upload: Upload, out: Path) -> None:
    report = upload(
        names=("DKBH", "ZLDJ", "DJ"),
        rows=(("A1", "符合", "3"), ("A2", "基本符合", ""), ("A3", "poor", "10")),
        widths=(10, 12, 4),
    )
    assert report.state == "ready", report.issues
    assert (report.counts.records, report.counts.read, report.counts.valid) == (3, 3, 3)
    assert (report.mode, report.mode_decided_by) == ("upsert", "key")
    assert report.crs.value == "EPSG:4490"
    assert report.crs.decided_by == "prj"
    assert report.crs.extent == pytest.approx((123, 45, 123.05, 45.01))
    assert report.encoding.samples == ["符合", "基本符合"]
    assert report.format.layers == ["地块"]
    assert json.loads((out / "report.json").read_text())["state"] == "ready"
    staged = stage.load(out / "staged.arrow", LAYER)
    assert staged.given == ("code", "status", "grade")
    assert staged.attributes["status"].to_pylist() == ["good", "fair", "poor"]
    assert staged.attributes["grade"].to_pylist() == [3, None, 10]
    assert staged.attributes["depth"].null_count == 3
    assert [g.geom_type for g in staged.geometry] == ["MultiPolygon"] * 3
    assert staged.measure == pytest.approx(ellipsoidal_area(staged.geometry))
    assert report.areas.computed_m2 == pytest.approx(staged.measure.sum())
    assert shapely.is_ccw(shapely.get_exterior_ring(shapely.get_geometry(staged.geometry, 0))).all()
    assert not [path for path in out.iterdir() if path.name.startswith("work-")]


def test_rows_with_errors_are_never_committable(upload: Upload, out: Path) -> None:
    report = upload(rows=(("A1", "1"), ("", "1"), ("A1", "1")))
    assert report.state == "rejected"
    assert rows_of(report, "E_VALUE_REQUIRED") == [2]
    assert rows_of(report, "E_KEY_DUPLICATE") == [3]
    assert (report.counts.valid, report.counts.rejected) == (1, 2)
    with pytest.raises(Rejected, match="E_NOT_READY"):
        stage.load(out / "staged.arrow", LAYER)
    assert len(stage.load(out / "staged.arrow", LAYER, preview=True).rows) == 3


def test_missing_prj_asks_with_candidates_and_takes_the_answer(upload: Upload, out: Path) -> None:
    xy = [(41500000, 4984000), (41500000, 4984100), (41500100, 4984100), (41500100, 4984000)]
    options = {
        "contents": polygons([[*xy, xy[0]]]), "rows": (("A1", "1"),), "prj": None,
    }  # fmt: skip
    asked = upload(**options)
    assert asked.state == "needs_input"
    assert [i.decision for i in asked.issues if i.code == "E_CRS_REQUIRED"] == ["crs"]
    assert asked.crs.candidates[0].crs == "EPSG:4529"
    assert asked.crs.value is None
    assert not (out / "staged.arrow").exists()
    answered = upload({"crs": "EPSG:4529"}, **options)
    assert answered.state == "ready", answered.issues
    assert answered.crs.decided_by == "decision"
    assert answered.areas.computed_m2 == pytest.approx(10_000, rel=1e-3)


def test_degrees_under_a_projected_prj_are_out_of_range(upload: Upload) -> None:
    report = upload(prj=PROJECTED)
    assert report.state == "needs_input"
    assert "E_CRS_RANGE" in report.issue_counts
    assert any(c.crs == "EPSG:4490" for c in report.crs.candidates)


def test_exchanged_axes(upload: Upload) -> None:
    ring = [(y, x) for x, y in shapes.square(123, 45)[0]]
    options = {"contents": polygons([ring]), "rows": (("A1", "1"),)}
    assert "E_CRS_RANGE" in upload(**options).issue_counts
    report = upload({"swap_xy": True}, **options)
    assert report.state == "ready", report.issues
    assert report.crs.swapped


def test_other_datum_asks_for_parameters(upload: Upload) -> None:
    prj = shapes.CGCS2000.replace("D_China_2000", "D_Xian_1980").replace(
        'SPHEROID["CGCS2000",6378137.0,298.257222101]', 'SPHEROID["Xian_1980",6378140.0,298.257]'
    )
    report = upload(prj=prj.replace("GCS_China_Geodetic_Coordinate_System_2000", "GCS_Xian_1980"))
    assert report.state == "needs_input"
    assert [i.decision for i in report.issues if i.code == "E_CRS_DATUM"] == ["datum_shift"]
    shift = {"dx": 10, "dy": 20, "dz": 30}
    moved = upload(
        {"datum_shift": shift},
        prj=prj.replace("GCS_China_Geodetic_Coordinate_System_2000", "GCS_Xian_1980"),
    )
    assert moved.state == "ready", moved.issues


def test_bow_tie_names_the_point_and_is_mended_only_when_asked(upload: Upload, out: Path) -> None:
    options = {
        "contents": polygons(shapes.square(123.1, 45), BOWTIE),
        "rows": (("A", "1"), ("B", "1")),
    }
    report = upload(**options)
    assert report.state == "needs_input"
    issue = next(i for i in report.issues if i.code == "E_INVALID")
    assert issue.row == 2
    assert issue.decision == "repair"
    assert "123.0050000, 45.0050000" in issue.en
    assert "自相交" in issue.zh
    mended = upload({"repair": "structure"}, **options)
    assert mended.state == "ready", mended.issues
    assert mended.counts.repaired == 1
    assert rows_of(mended, "W_REPAIRED") == [2]
    staged = stage.load(out / "staged.arrow", LAYER)
    assert shapely.is_valid(staged.geometry).all()


def test_null_shape_unclosed_ring_and_nan(upload: Upload) -> None:
    nan = [(x, float("nan") if i == 2 else y) for i, (x, y) in enumerate(shapes.square(123, 45)[0])]
    report = upload(
        contents=[
            struct.pack("<i", 0),
            shapes.polygon([shapes.square(123, 45)[0][:-1]]),
            shapes.polygon([nan]),
            shapes.polygon([[(123, 45)] * 4]),
            shapes.polygon(shapes.square(123, 45)),
        ],
        rows=[(f"A{i}", "1") for i in range(5)],
    )
    assert report.state == "rejected"
    assert rows_of(report, "E_GEOMETRY_NULL") == [1]
    assert 2 in rows_of(report, "E_INVALID")
    assert [i.en for i in report.issues if i.code == "E_COORD"] == ["vertex 3 is not finite"]
    assert rows_of(report, "E_COORD") == [3]
    assert report.counts.rejected == 4
    assert report.counts.valid == 1


def test_area_total_is_never_nan(upload: Upload) -> None:
    report = upload(
        contents=[struct.pack("<i", 0), shapes.polygon(shapes.square(123, 45))],
        rows=(("A1", "1"), ("A2", "1")),
    )
    assert np.isfinite(report.areas.computed_m2)
    assert report.areas.computed_rows == 1


def test_stated_areas_are_compared(upload: Upload) -> None:
    true = ellipsoidal_area(np.array([shapely.Polygon(shapes.square(123, 45)[0])]))[0]
    mu = true * 3 / 2000
    report = upload(
        names=("DKBH", "MJ"),
        rows=(("A1", f"{mu:.4f}"), ("A2", f"{mu * 1.2:.4f}"), ("A3", f"{mu:.4f}")),
    )
    assert report.state == "ready"
    assert rows_of(report, "W_AREA_DIFFERS") == [2]
    assert report.areas.rows == 3
    assert report.areas.difference_m2 == pytest.approx(true * 0.2, rel=1e-4)
    assert report.areas.largest[0].row == 2
    hectares = upload(names=("DKBH", "MJ"), rows=(("A1", f"{true / 1e4:.4f}"),))
    assert "W_AREA_UNIT" in hectares.issue_counts


def test_encoding_question(upload: Upload) -> None:
    parts = {"rows": (("镇赉县", "1"), ("大安市", "1")), "names": ("地块编号", "MJ")}
    wrong = upload({"encoding": "utf-8"}, **parts)
    assert wrong.state == "needs_input"
    assert [i.decision for i in wrong.issues] == ["encoding"]
    right = upload({"encoding": "gbk"}, **parts)
    assert right.encoding.decided_by == "decision"
    assert right.state == "ready"


def test_deleted_records_are_told(upload: Upload, out: Path) -> None:
    report = upload(deleted=[1])
    assert (report.counts.records, report.counts.deleted, report.counts.read) == (3, 1, 2)
    assert "W_DELETED" in report.issue_counts
    assert stage.load(out / "staged.arrow", LAYER).rows.tolist() == [1, 3]


def test_empty_project(upload: Upload) -> None:
    report = upload(rows=())
    assert report.state == "rejected"
    assert "E_EMPTY_PROJECT" in report.issue_counts


def test_constants_fill_what_the_file_lacks(upload: Upload, out: Path) -> None:
    lacking = {"names": ("XX", "YY")}
    asked = upload(**lacking)
    assert asked.state == "needs_input"
    assert [i.where for i in asked.issues if i.code == "E_FIELD_REQUIRED"] == ["code"]
    report = upload({"mapping": {"XX": "code"}, "constants": {"status": "合格"}}, **lacking)
    assert report.state == "ready", report.issues
    staged = stage.load(out / "staged.arrow", LAYER)
    assert staged.attributes["status"].to_pylist() == ["good"] * 3
    assert "status" in staged.given


def test_staging_file_of_another_layer_is_refused(upload: Upload, out: Path) -> None:
    upload()
    other = LAYER.model_copy(update={"id": "others"})
    with pytest.raises(Rejected, match="E_STAGED"):
        stage.load(out / "staged.arrow", other)
    (out / "staged.arrow").write_bytes(b"ARROW1\0\0" + b"\xff" * 100)
    with pytest.raises(Rejected, match="E_STAGED"):
        stage.load(out / "staged.arrow", LAYER)


def test_same_path_inside_the_sandbox(tmp_path: Path, out: Path) -> None:
    archive = shapes.pack(shapes.write(tmp_path / "parts"), tmp_path / "upload.zip")
    stages: list[str] = []
    target = arguments(archive, "地块.zip", LAYER, CODES, Decisions(), out)
    report = sandbox.run(
        "geo.intake.run:main", target, out, on_progress=lambda stage, _: stages.append(stage)
    )
    assert report["state"] == "ready"
    assert stages[0] == "inspect"
    assert stages[-1] == "done"
    assert len(stage.load(out / "staged.arrow", LAYER).rows) == 3
    bad = shapes.write(tmp_path / "bad", declared=90)
    archive = shapes.pack(bad, tmp_path / "bad.zip")
    with pytest.raises(Rejected, match="E_SHP_COUNTS"):
        sandbox.run(
            "geo.intake.run:main",
            arguments(archive, "a.zip", LAYER, CODES, Decisions(), out),
            out,
        )


@shared.needs
@pytest.mark.parametrize("folder", ["01_gbk_cpg936_4490", "04_utf8_nocpg_4529"])
def test_counties_of_baicheng(tmp_path: Path, out: Path, folder: str) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for part in (SHARED / folder).iterdir():
            archive.write(part, part.name)
    name = "行政代码" if folder.startswith("01") else "行政代"
    report = run(path, LAYER, CODES, Decisions(mapping={name: "code"}), out)
    assert report.state == "ready", report.issues
    total = 2524859158.2 + 4696003643.2 + 8499069846.2 + 5110230672.4 + 4876767350.8
    assert report.areas.computed_m2 == pytest.approx(total, rel=1e-6)


def test_geojson_and_what_is_wrong_in_it(tmp_path: Path, out: Path) -> None:
    def collection(*rings: object) -> bytes:
        features = [
            {
                "type": "Feature",
                "properties": {"DKBH": f"A{i}", "DJ": 3},
                "geometry": {"type": "Polygon", "coordinates": [ring]},
            }
            for i, ring in enumerate(rings)
        ]
        return json.dumps({"type": "FeatureCollection", "features": features}).encode()

    path = tmp_path / "blob"
    path.write_bytes(collection(shapes.square(123, 45)[0]))
    report = run(path, LAYER, CODES, Decisions(), out, file_name="a.geojson")
    assert report.state == "ready", report.issues
    assert (report.crs.value, report.crs.decided_by) == ("OGC:CRS84", "format")
    assert stage.load(out / "staged.arrow", LAYER).attributes["grade"].to_pylist() == [3]
    projected = [[41487521, 5053862], [41487621, 5053862], [41487621, 5053962], [41487521, 5053862]]
    path.write_bytes(collection(projected))
    report = run(path, LAYER, CODES, Decisions(), out, file_name="a.json")
    assert report.state == "needs_input"
    assert "E_CRS_RANGE" in report.issue_counts
    assert report.crs.candidates[0].crs == "EPSG:4529"
    report = run(path, LAYER, CODES, Decisions(crs="EPSG:4529"), out, file_name="a.json")
    assert report.state == "ready", report.issues


def test_geopackage_with_two_layers_asks_which(tmp_path: Path, out: Path) -> None:
    import geopandas

    frame = geopandas.GeoDataFrame(
        {"DKBH": ["A1", "A2"], "DJ": [1, 2]},
        geometry=[shapely.box(123, 45, 123.01, 45.01), shapely.box(124, 45, 124.01, 45.01)],
        crs="EPSG:4490",
    )
    path = tmp_path / "a.gpkg"
    for name in ("一", "二"):
        frame.to_file(path, layer=name, driver="GPKG")
    report = run(path, LAYER, CODES, Decisions(), out)
    assert report.state == "needs_input"
    assert report.format.layers == ["一", "二"]
    assert [issue.decision for issue in report.issues] == ["source_layer"]
    report = run(path, LAYER, CODES, Decisions(source_layer="二"), out)
    assert report.state == "ready", report.issues
    assert report.crs.value == "EPSG:4490"
    assert stage.load(out / "staged.arrow", LAYER).attributes["code"].to_pylist() == ["A1", "A2"]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damage_ends_in_a_report_or_a_refusal(
    tmp_path: Path, out: Path, data: st.DataObject
) -> None:
    """Any bytes: a report whose counts close, or a refusal with a code. Never another error."""
    parts = shapes.write(
        tmp_path / "parts", names=("DKBH", "ZLDJ", "MJ"), widths=(6, 12, 9), types="CCN",
        rows=(("A1", "符合", "1"), ("A2", "基本符合", "2"), ("A3", "需要提质改造", "3")), cpg="GBK",
    )  # fmt: skip
    part = data.draw(st.sampled_from(sorted(parts)))
    whole = bytearray(parts[part].read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    parts[part].write_bytes(whole)
    archive = shapes.pack(parts, tmp_path / "upload.zip")
    repair = data.draw(st.sampled_from(["none", "structure"]))
    try:
        report = run(archive, LAYER, CODES, Decisions(repair=repair), out, file_name="a.zip")
    except Rejected as error:
        assert error.code.startswith("E_")  # noqa: PT017
        return
    counts = report.counts
    assert counts.valid + counts.rejected == counts.read
    if report.crs is not None:
        assert counts.read + counts.deleted == counts.records == 3
    json.dumps(report.model_dump(mode="json"), allow_nan=False)
    if report.state == "ready":
        staged = stage.load(out / "staged.arrow", LAYER)
        assert shapely.is_valid(staged.geometry).all()
        assert (staged.measure > 0).all()


def test_every_issue_and_every_row_lies_beside_the_report(upload: Upload, out: Path) -> None:
    count = LISTED + 50
    report = upload(
        contents=[shapes.polygon(shapes.square(123 + 0.001 * i, 45, 0.0005)) for i in range(count)],
        names=("DKBH", "MJ"),
        rows=[("" if i else "A", "1") for i in range(count)],
        deleted=[5],
    )
    assert report.sides == [sides.FAULTY, sides.ROWS, sides.ISSUES]
    listed = [i for i in report.issues if i.code == "E_VALUE_REQUIRED"]
    assert len(listed) == LISTED
    assert report.issue_counts["E_VALUE_REQUIRED"] == count - 2
    every = sides.read(out / sides.ISSUES).filter(pc.field("code") == "E_VALUE_REQUIRED")
    assert every["row"].to_pylist() == [i + 1 for i in range(1, count) if i != 5]
    assert every["lon"][0].as_py() == pytest.approx(123.00125)
    rows = sides.read(out / sides.ROWS)
    assert rows["row"].to_pylist() == list(range(1, count + 1))
    assert rows["status"].to_pylist()[:7] == [
        "valid", *["rejected"] * 4, "deleted", "rejected",
    ]  # fmt: skip
    assert rows["key"][0].as_py() == "A"
    assert rows["computed_m2"][0].as_py() > 0
    assert rows["stated_m2"][0].as_py() == pytest.approx(2000 / 3)
