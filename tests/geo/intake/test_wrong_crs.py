"""Files whose coordinate system is missing, wrong or a lie: none is read as something else.

Every case writes a real shapefile of one parcel near Tongyu (122.9 E, 44.8 N) or Taonan, in the
numbers that the case describes, and says which answer is right.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from pyproj import CRS

from geo import crs
from geo.crs import gcj02
from geo.intake import stage
from geo.intake.decide import Decisions
from geo.intake.region import Counties
from geo.intake.report import Report
from geo.intake.run import run
from geo.layers import Layer
from tests.geo.formats import shapes
from tests.geo.intake.conftest import CODES, LAYER

pytestmark = pytest.mark.unit

COUNTY = Layer.model_validate(
    LAYER.model_dump()
    | {
        "county_field": "county",
        "fields": [
            *LAYER.model_dump()["fields"],
            {"name": "county", "title": {"zh": "县", "en": "County"}, "aliases": ["XZQDM"]},
        ],
    }
)
#: Two neighbours: one east, one west of 123 E.
COUNTIES = Counties(
    ("220822", "220882"), ("通榆县", "大安市"),
    (shapely.box(120, 44, 123.4, 46), shapely.box(123.4, 44, 125, 46)),
)  # fmt: skip
HOME = shapely.box(122.90, 44.80, 122.91, 44.81)
WEST = shapely.box(121.40, 44.80, 121.41, 44.81)  # bare zone 40 puts it at 124.4 in zone 41


def wkt(code: str) -> str:
    return str(CRS.from_user_input(code).to_wkt("WKT1_ESRI"))


def numbers(code: str, place: shapely.Geometry = HOME) -> np.ndarray:
    """The parcel's ring in the numbers of a system; the datum is left as it is."""
    ring = shapely.get_coordinates(place)
    base = CRS.from_user_input(code).geodetic_crs.to_wkt()
    return crs.transform_points(ring, base, code)


Take = Callable[..., Report]


@pytest.fixture
def take(tmp_path: Path, out: Path) -> Take:
    def taken(
        *rings: np.ndarray, prj: str | None, county: str = "220822", **decisions: Any
    ) -> Report:
        parts = shapes.write(
            tmp_path / "parts",
            contents=[shapes.polygon([[tuple(p) for p in ring[::-1]]]) for ring in rings],
            names=("DKBH", "XZQDM"),
            rows=[(f"A{i}", county) for i in range(len(rings))],
            prj=prj,
        )
        archive = shapes.pack(parts, tmp_path / "upload.zip")
        choices = Decisions.model_validate(decisions)
        return run(archive, COUNTY, CODES, choices, out, file_name="地块.zip", counties=COUNTIES)

    return taken


def decisions_asked(report: Report) -> dict[str, str | None]:
    return {i.code: i.decision for i in report.issues if i.severity == "error"}


def first(report: Report) -> tuple[str, bool]:
    return report.crs.candidates[0].crs, report.crs.candidates[0].swapped


NO_PRJ = [
    ("degrees", numbers("EPSG:4490"), ("EPSG:4490", False)),
    ("prefix 41", numbers("EPSG:4529"), ("EPSG:4529", False)),
    ("prefix 40", numbers("EPSG:4528", WEST), ("EPSG:4528", False)),
    ("6-degree prefix 21", numbers("EPSG:4499"), ("EPSG:4499", False)),
    ("bare eastings", numbers("EPSG:4550"), ("EPSG:4550", False)),
    ("bare eastings of zone 40", numbers("EPSG:4549", WEST), ("EPSG:4549", False)),
    ("northing first", numbers("EPSG:4529")[:, ::-1], ("EPSG:4529", True)),
    ("latitude first", numbers("EPSG:4490")[:, ::-1], ("EPSG:4490", True)),
    ("Web Mercator", numbers("EPSG:3857"), ("EPSG:3857", False)),
]


@pytest.mark.parametrize(("name", "ring", "expected"), NO_PRJ, ids=[case[0] for case in NO_PRJ])
def test_without_prj_the_right_one_is_first_and_nothing_is_taken(
    take: Take, out: Path, name: str, ring: np.ndarray, expected: tuple[str, bool]
) -> None:
    report = take(ring, prj=None)
    assert report.state == "needs_input"
    assert decisions_asked(report)["E_CRS_REQUIRED"] == "crs"
    assert report.crs.value is None
    assert not (out / stage.FILE).exists()
    assert first(report) == expected
    best = report.crs.candidates[0]
    place = WEST if "40" in name else HOME
    assert best.extent == pytest.approx(place.bounds, abs=5e-4)
    assert shapely.Polygon(best.outline).intersection(place).area > 0.9 * place.area
    assert [c.code for c in best.counties] == ["220822"]
    answered = take(ring, prj=None, crs=expected[0], swap_xy=expected[1])
    assert answered.state == "ready", answered.issues
    assert answered.crs.extent == pytest.approx(place.bounds, abs=1e-6)


def test_utm_and_other_datums_are_among_the_candidates(take: Take) -> None:
    found = {c.crs for c in take(numbers("EPSG:32651"), prj=None).crs.candidates}
    assert {"EPSG:32651", "EPSG:4550"} <= found
    assert {"EPSG:2365", "EPSG:2417"} <= {
        c.crs for c in take(numbers("EPSG:4529"), prj=None).crs.candidates
    }
    assert {"GCJ-02", "BD-09"} <= {
        c.crs for c in take(numbers("EPSG:4490"), prj=None).crs.candidates
    }


LIES = [
    ("degrees under a projected prj", numbers("EPSG:4490"), "EPSG:4529", "E_CRS_RANGE"),
    ("metres under a geographic prj", numbers("EPSG:4529"), "EPSG:4490", "E_CRS_RANGE"),
    ("prefix under a prj without", numbers("EPSG:4529"), "EPSG:4550", "E_CRS_RANGE"),
    ("no prefix under a prj with", numbers("EPSG:4550"), "EPSG:4529", "E_CRS_RANGE"),
    ("prefix 41 under zone 40", numbers("EPSG:4529"), "EPSG:4528", "E_CRS_RANGE"),
    ("axes exchanged, degrees", numbers("EPSG:4490")[:, ::-1], "EPSG:4490", "E_CRS_RANGE"),
    ("axes exchanged, metres", numbers("EPSG:4529")[:, ::-1], "EPSG:4529", "E_CRS_RANGE"),
    ("Web Mercator under degrees", numbers("EPSG:3857"), "EPSG:4326", "E_CRS_RANGE"),
    ("bare zone 40 under zone 41", numbers("EPSG:4549", WEST), "EPSG:4550", "E_CRS_ZONE"),
    ("Xian 1980", numbers("EPSG:2365"), "EPSG:2365", "E_CRS_DATUM"),
    ("Beijing 1954", numbers("EPSG:2417"), "EPSG:2417", "E_CRS_DATUM"),
]


@pytest.mark.parametrize(("name", "ring", "prj", "code"), LIES, ids=[case[0] for case in LIES])
def test_a_prj_that_cannot_be_true_is_asked_about(
    take: Take, out: Path, name: str, ring: np.ndarray, prj: str, code: str
) -> None:
    report = take(ring, prj=wkt(prj))
    assert report.state == "needs_input", report.issues
    assert code in decisions_asked(report)
    assert report.crs.candidates
    if (out / stage.FILE).exists():
        with pytest.raises(Exception, match="E_NOT_READY"):
            stage.load(out / stage.FILE, COUNTY)


def test_the_wrong_zone_lands_inside_the_region_and_is_seen_by_the_counties(take: Take) -> None:
    report = take(numbers("EPSG:4549", WEST), prj=wkt("EPSG:4550"))
    # Read as zone 41 it lies in Da'an, well inside the region: its rows say Tongyu.
    issue = next(i for i in report.issues if i.code == "E_CRS_ZONE")
    assert "EPSG:4549" in issue.en
    assert first(report) == ("EPSG:4549", False)
    assert take(numbers("EPSG:4549", WEST), prj=None, crs="EPSG:4549").state == "ready"
    kept = take(numbers("EPSG:4549", WEST), prj=wkt("EPSG:4550"), crs="EPSG:4550")
    assert kept.state == "ready"  # a person says so, and the rows are told
    assert "W_COUNTY_DIFFERS" in kept.issue_counts


@pytest.mark.parametrize(
    ("prj", "code"),
    [('LOCAL_CS["未知"]', "E_CRS_LOCAL"), ("GEOGCS[garbage", "E_CRS_PRJ"), ("", "E_CRS_REQUIRED")],
)
def test_a_prj_that_says_nothing(take: Take, prj: str, code: str) -> None:
    report = take(numbers("EPSG:4529"), prj=prj)
    assert report.state == "needs_input"
    assert code in report.issue_counts
    assert "E_CRS_REQUIRED" in report.issue_counts


def test_the_name_of_a_prj_decides_nothing(take: Take) -> None:
    lying = wkt("EPSG:4529").replace("Zone_41", "Zone_40")
    report = take(numbers("EPSG:4529"), prj=lying)
    assert report.state == "ready"
    assert report.crs.value == "EPSG:4529"
    assert "W_CRS_NAME" in report.issue_counts
    assert report.crs.extent == pytest.approx(HOME.bounds, abs=1e-6)


@pytest.mark.parametrize("code", ["EPSG:2365", "EPSG:2417"])
def test_other_datums_move_by_the_given_parameters(take: Take, code: str) -> None:
    shift = {"dx": 20.0, "dy": -140.0, "dz": -80.0}
    report = take(numbers(code), prj=wkt(code), datum_shift=shift)
    assert report.state == "ready", report.issues
    moved = np.array(report.crs.extent) - np.array(HOME.bounds)
    metres = np.hypot(moved[0] * 111_320 * np.cos(np.radians(44.8)), moved[1] * 111_320)
    assert 20 < metres < 250
    rotated = take(numbers(code), prj=wkt(code), datum_shift=shift | {"rx": 1.0})
    assert rotated.state == "needs_input"  # rotations without their convention


@pytest.mark.parametrize("offset", ["GCJ-02", "BD-09"])
def test_shifted_web_coordinates_come_back(take: Take, offset: str) -> None:
    name = crs.SHIFTED[offset]
    ring = gcj02.shift(shapely.get_coordinates(HOME), name)
    report = take(ring, prj=wkt("EPSG:4490"), crs=offset)
    assert report.state == "ready"
    assert report.crs.extent == pytest.approx(HOME.bounds, abs=1e-9)
    assert "W_CRS_SHIFTED" in report.issue_counts


def test_rows_of_two_zones_in_one_file(take: Take) -> None:
    both = [numbers("EPSG:4529"), numbers("EPSG:4529"), numbers("EPSG:4528", WEST)]
    report = take(*both, prj=None)
    assert [i.row for i in report.issues if i.code == "E_ZONE_MIXED"] == [3]
    assert report.state != "ready"


def test_one_stray_row_is_a_fault_of_its_own(take: Take) -> None:
    ring = numbers("EPSG:4529")
    rings = [ring + np.array([0, 1500.0 * i]) for i in range(11)]
    report = take(*rings, ring * 0 + ring % 50, prj=wkt("EPSG:4529"))
    assert [i.row for i in report.issues if i.code == "E_CRS_RANGE"] == [12]
    assert report.state == "rejected"
    assert report.counts.rejected == 1
    assert report.counts.valid == 11


def test_utm_with_its_prj_is_read_as_utm(take: Take) -> None:
    report = take(numbers("EPSG:32651"), prj=wkt("EPSG:32651"))
    assert report.state == "ready", report.issues
    assert report.crs.extent == pytest.approx(HOME.bounds, abs=1e-6)


def test_outside_the_counties_of_the_person(tmp_path: Path, out: Path) -> None:
    parts = shapes.write(
        tmp_path / "parts",
        contents=[shapes.polygon(shapes.square(x, 44.8)) for x in (122.9, 124.0)],
        names=("DKBH", "XZQDM"),
        rows=[("A", "220822"), ("B", "220882")],
    )
    archive = shapes.pack(parts, tmp_path / "upload.zip")
    report = run(archive, COUNTY, CODES, Decisions(), out, counties=COUNTIES, allowed=("220822",))
    assert [(i.code, i.row) for i in report.issues if i.severity == "error"] == [("E_COUNTY", 2)]
    assert [(c.code, c.share) for c in report.crs.counties] == [("220822", 0.5), ("220882", 0.5)]
