"""Real files of several countries and encodings, each with the outcome that is right for it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from geo.errors import Rejected
from geo.intake.decide import Decisions
from geo.intake.report import Report
from geo.intake.run import run
from tests.geo.intake.conftest import CODES, LAYER
from tests.shared import DATA, needs

pytestmark = [pytest.mark.unit, needs]

COUNTIES = 2524859158.2 + 4696003643.2 + 8499069846.2 + 5110230672.4 + 4876767350.8
#: ETRS89, NZGD2000 and the like are no CGCS2000: somebody has to say that they may be taken so.
SAME = {"dx": 0.0, "dy": 0.0, "dz": 0.0}
KEYLESS = LAYER.model_copy(
    update={"key": (), "fields": tuple(f.model_copy(update={"required": False})
                                       for f in LAYER.fields)}
)  # fmt: skip


def take(path: Path, out: Path, layer=LAYER, **decisions: Any) -> Report:
    choices = Decisions.model_validate(decisions)
    return run(path, layer, CODES, choices, out, file_name=path.name)


def zipped(folder: str, tmp_path: Path) -> Path:
    path = tmp_path / f"{folder}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for part in (DATA / "chinese_shapefiles" / folder).iterdir():
            archive.write(part, part.name)
    return path


@pytest.mark.parametrize(
    ("folder", "encoding", "decided_by", "crs"),
    [
        ("01_gbk_cpg936_4490", "gb18030", "cpg", "EPSG:4490"),
        ("02_gbk_noldid_nocpg_4490", "gb18030", "gb18030", "EPSG:4490"),
        ("03_utf8_cpg_4529", "utf-8", "cpg", "EPSG:4529"),
        ("04_utf8_nocpg_4529", "utf-8", "utf-8", "EPSG:4529"),
        ("11_gbk_ldid4d_nocpg_4490", "gb18030", "ldid", "EPSG:4490"),
    ],
)
def test_counties_in_every_encoding(
    tmp_path: Path, out: Path, folder: str, encoding: str, decided_by: str, crs: str
) -> None:
    column = "行政代" if "utf8" in folder else "行政代码"  # three characters of UTF-8 fit
    report = take(zipped(folder, tmp_path), out, mapping={column: "code"})
    assert report.state == "ready", report.issues
    assert (report.encoding.value, report.encoding.decided_by) == (encoding, decided_by)
    assert report.encoding.samples[0] == "洮北区"
    assert (report.crs.value, report.crs.decided_by) == (crs, "prj")
    assert (report.counts.records, report.counts.valid) == (5, 5)
    assert report.areas.computed_m2 == pytest.approx(COUNTIES, rel=1e-6)


def test_counties_without_prj_are_asked_about(tmp_path: Path, out: Path) -> None:
    path = zipped("06_gbk_4529_noprj_zoneprefix", tmp_path)
    report = take(path, out, mapping={"行政代码": "code"})
    assert report.state == "needs_input"
    assert report.crs.candidates[0].crs == "EPSG:4529"
    answered = take(path, out, mapping={"行政代码": "code"}, crs="EPSG:4529")
    assert answered.state == "ready"
    assert answered.areas.computed_m2 == pytest.approx(COUNTIES, rel=1e-6)


@pytest.mark.parametrize("folder", ["08_xian80_2365", "09_beijing54_2417"])
def test_counties_on_older_datums_need_parameters(tmp_path: Path, out: Path, folder: str) -> None:
    path = zipped(folder, tmp_path)
    report = take(path, out, mapping={"行政代码": "code"})
    assert report.state == "needs_input"
    assert [i.decision for i in report.issues if i.code == "E_CRS_DATUM"] == ["datum_shift"]
    shift = {"dx": 16.0, "dy": -147.0, "dz": -77.0}
    moved = take(path, out, mapping={"行政代码": "code"}, datum_shift=shift)
    assert moved.state == "ready", moved.issues
    assert moved.areas.computed_m2 == pytest.approx(COUNTIES, rel=1e-3)


def test_a_lone_dbf_says_what_is_missing(out: Path) -> None:
    with pytest.raises(Rejected) as caught:
        take(DATA / "chinese_shapefiles" / "cp936.dbf", out)
    assert caught.value.code in ("E_TYPE", "E_SHP_PART")
    assert caught.value.fix


OFFICIAL = [
    ("at/inspire_schlaege_2025-1_polygon.gpkg.zip", "SL_FLAECHE_BRUTTO_HA", "ha", "planar"),
    ("es_cat/Cultius_DUN2023_GPKG.zip", "ha", "ha", "planar"),
    ("nz/irrigated-land-area-raw-2020-update.zip", "area_ha", "ha", "planar"),
    ("de_sh/Feldbloecke_2026_GPKG.zip", "Flaeche", "ha", "planar"),
    (
        "fi/LandUse.ExistingLandUse.GSAAAgriculturalParcel.gpkg",
        "PINTA_ALA",
        "ha",
        "ellipsoidal",
    ),  # to 0.01 ha both fit
]


@pytest.mark.parametrize(("name", "column", "unit", "kind"), OFFICIAL, ids=[c[0] for c in OFFICIAL])
def test_official_areas_of_field_boundaries(
    out: Path, name: str, column: str, unit: str, kind: str
) -> None:
    path = DATA / "field_boundaries" / name
    asked = take(path, out, KEYLESS, mapping={column: "stated_area_mu"}, units={column: unit})
    assert asked.state == "needs_input"  # another datum
    assert "E_CRS_DATUM" in asked.issue_counts
    mapping: dict[str, str | None] = {column: "stated_area_mu"}
    if name.startswith("nz"):
        mapping["status"] = None
    decisions = {"mapping": mapping, "units": {column: unit}, "datum_shift": SAME}
    elsewhere = take(path, out, KEYLESS, **decisions)
    assert elsewhere.state == "needs_input"
    assert "E_OUTSIDE_REGION" in elsewhere.issue_counts
    report = take(path, out, KEYLESS, **decisions, crs=elsewhere.crs.value)
    assert report.state == "ready", report.issues
    assert report.counts.records == report.counts.valid == 100
    areas = report.areas
    assert areas.stated_as == kind
    assert areas.computed_m2 == pytest.approx(areas.stated_m2, rel=5e-3)
    rounded = name.startswith(("fi", "de"))  # to 0.01 ha, and cut after 0.0001 ha
    assert areas.planar_m2 == pytest.approx(areas.stated_m2, rel=2e-4 if rounded else 1e-6)


def test_other_field_boundaries(out: Path) -> None:
    dutch = take(DATA / "field_boundaries/nl/brpgewaspercelen_definitief_2023.gpkg", out, KEYLESS,
                 mapping={"status": None})  # fmt: skip
    assert dutch.state == "needs_input"
    assert dutch.crs.value == "EPSG:28992"
    assert {"E_CRS_DATUM"} <= set(dutch.issue_counts)
    indian = take(DATA / "field_boundaries/india_10k/india_10k.zip", out, KEYLESS,
                  crs="EPSG:4326")  # fmt: skip
    assert indian.state == "ready", indian.issues
    assert indian.areas.computed_m2 == pytest.approx(indian.areas.stated_m2, rel=5e-3)
    with pytest.raises(Rejected) as caught:
        take(DATA / "field_boundaries/ie/GSAA_2024.zip", out, KEYLESS)
    assert caught.value.code == "E_TYPE_XML"


@pytest.mark.parametrize("name", ["absolute1", "absolute2", "dirsymlink", "dirsymlink2a",
                                  "dirsymlink2b", "relative0", "relative2", "symlink"])  # fmt: skip
def test_archives_that_lead_elsewhere(out: Path, name: str) -> None:
    with pytest.raises(Rejected, match="E_ZIP_NAME"):
        take(DATA / "malformed/zips" / f"{name}.zip", out)
    assert not list(out.iterdir())


def test_every_malformed_geojson_has_its_answer(out: Path) -> None:
    folder = DATA / "malformed/geojson_invalid_geometry/examples"
    paths = sorted(folder.rglob("*.geojson"))
    assert len(paths) > 60
    for path in paths:
        if path.parent.name == "invalid_structure" and (code := refused(path, out)):
            assert code == "E_GEOJSON", path.name
            continue
        report = take(path, out, KEYLESS)
        counts = report.counts
        assert counts.records == counts.read == counts.valid + counts.rejected, path.name
        assert report.state != "ready", path.name  # none of them lies in Baicheng
        assert counts.records == _features(path), path.name
        if path.name.startswith("valid") and not counts.rejected and counts.records:
            codes = {i.code for i in report.issues if i.severity == "error"}
            assert codes <= {"E_OUTSIDE_REGION", "E_MEASURE_HUGE"}, (path.name, codes)


def refused(path: Path, out: Path) -> str | None:
    """The code of a refusal that says where and what to do, None when the file is read."""
    try:
        take(path, out, KEYLESS)
    except Rejected as error:
        return error.code if error.where and error.fix else f"{error.code} without a way out"
    return None


def _features(path: Path) -> int:
    document = json.loads(path.read_text())
    return len(document["features"]) if document.get("type") == "FeatureCollection" else 1
