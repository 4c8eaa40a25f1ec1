"""Attributes of the remediation plots and how treatment changes their soil over the years."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from data.demo import words
from data.demo.fields import Floats, Ints
from data.demo.land import Land
from data.demo.landscape import salinity_grade, salinity_severity
from data.demo.model import Rows, pick, table, text
from data.demo.outlines import COUNTIES
from data.demo.parcels import multipolygons, place_columns, serial, village_numbers
from geo.area import ellipsoidal_area
from geo.layers import Catalog
from geo.units import mu

#: Share of the salinity that is gone after 0, 1, 2, ... seasons of treatment.
EFFECT = {
    "daan": (0.0, 0.24, 0.40, 0.50, 0.56, 0.60),
    "zhenlai": (0.0, 0.13, 0.23, 0.30, 0.35, 0.38),
    "tongyu": (0.0, 0.15, 0.26, 0.34, 0.39, 0.42),
}
START_YEARS = np.arange(2021, 2028)
START_SHARES = np.array([0.10, 0.17, 0.24, 0.20, 0.15, 0.10, 0.04])

#: Rows entered by mistake and deleted later.
DELETED = 8


@dataclass
class Plots:
    rows: Rows
    start: Ints  # year of the first treatment; 2027 has not begun
    county: Ints
    mode: NDArray[np.str_]
    severity: Floats  # before treatment
    response: Floats  # how well the plot takes the treatment, about 1
    area_mu: Floats
    place: Floats  # (n, 2) a point inside, degrees
    reach: Floats  # half the size of the plot in degrees, (n, 2)
    first_mistaken: int

    def remaining(self, year: int) -> Floats:
        """Severity after the season of ``year``."""
        seasons = np.clip(year - self.start + 1, 0, 5)
        effect = np.zeros(len(self.start))
        for mode, steps in EFFECT.items():
            rows = self.mode == mode
            effect[rows] = np.array(steps)[seasons[rows]]
        return np.asarray(self.severity * (1.0 - np.clip(effect * self.response, 0.0, 0.8)))


def build(land: Land, catalog: Catalog, seed: int) -> Plots:
    """All plots in the state in which they are first recorded."""
    rng = np.random.default_rng((5801, seed))
    base = len(land.plots.block)
    mistaken = np.sort(rng.choice(base, DELETED, replace=False))
    source = np.concatenate([np.arange(base), mistaken])
    block = land.plots.block[source]
    polygons = land.plots.geometry[source]
    sites = land.sites.take(block)
    geometry = multipolygons(polygons)
    inside = shapely.get_coordinates(shapely.point_on_surface(polygons))
    bounds = shapely.bounds(polygons)
    severity = salinity_severity(inside[:, 0], inside[:, 1])
    area = np.asarray(mu(ellipsoidal_area(geometry)), dtype=np.float64)

    clusters = int(land.sites.cluster.max()) + 1
    by_cluster = rng.choice(START_YEARS, size=clusters, p=START_SHARES)
    start = by_cluster[sites.cluster] + (rng.random(len(block)) < 0.15)
    start = np.clip(start, 2021, 2027)
    start[base:] = 2023
    county_mode = np.array(["zhenlai", "zhenlai", "tongyu", "tongyu", "daan"])[sites.county]
    mode = np.where(sites.district >= 0, "daan", county_mode)
    # Da'an also has dry land away from the canals.
    mode = np.where((sites.district < 0) & (sites.county == 4), "tongyu", mode)

    places = place_columns(land, block)
    before = np.where(
        severity > 0.62, "1204", pick(rng, ("0404", "0103", "1204"), len(block), (0.35, 0.45, 0.2))
    )
    after = np.where(mode == "daan", "0101", np.where(mode == "tongyu", "0102", "0103"))
    number = serial(sites.county)
    within = serial(village_numbers(places))
    stated = np.round(area * (1.0 + rng.normal(0.0, 0.0008, len(block))), 2)
    stage = first_stage(start)
    begun = start <= 2023
    started = (start - 1970).astype("datetime64[Y]").astype("datetime64[D]") + 95
    started = started + rng.integers(0, 40, len(block))
    finished = started + rng.integers(190, 560, len(block))
    grade = salinity_grade(severity)
    county_name = np.array([county.name for county in COUNTIES])[sites.county]
    nothing = np.datetime64("NaT")
    done = np.minimum(finished, np.datetime64("2023-09-30"))
    plots = Plots(
        Rows(table(catalog.layers["plots"], {}, 0), None),
        start, sites.county, mode, severity, np.clip(rng.normal(1.0, 0.18, len(block)), 0.4, 1.35),
        area, inside, (bounds[:, 2:] - bounds[:, :2]) / 2, base,
    )  # fmt: skip
    columns = {
        **places,
        "code": text("{}Z{:05d}", places["county"], number),
        "name": text("{}{}号治理地块", places["village"], within),
        "project_code": text("{}YJ{}{:02d}", places["county"], start, sites.cluster % 97 + 1),
        "project_name": text("{}年{}{}盐碱地综合治理项目", start, county_name, places["township"]),
        "mode": mode,
        "stage": stage,
        "pilot": (sites.district >= 0) & (start >= 2023) & (start <= 2025),
        "grade_before": grade,
        "grade_after": np.where(begun, salinity_grade(plots.remaining(2022)), grade),
        "land_class_before": before,
        "land_class": np.where(start <= 2022, after, before),
        "new_cropland": (before == "1204") | (before == "0404"),
        "crop": np.where(start <= 2022, np.where(after == "0101", "rice", "maize"), "fallow"),
        "stated_area_mu": stated,
        "started_on": np.where(begun, started, nothing),
        "finished_on": np.where(start <= 2021, done, nothing),
        "operator": np.array(words.OPERATORS)[sites.cluster % len(words.OPERATORS)],
    }
    plots.rows = Rows(table(catalog.layers["plots"], columns, len(block)), geometry)
    return plots


def first_stage(start: Ints) -> NDArray[np.str_]:
    """Stage in which plots are first recorded: in November 2023, or in spring of their year."""
    return np.select(
        [start <= 2021, start == 2022, start == 2023, start == 2027],
        ["accepted", "trial", "amelioration", "reserve"],
        "approved",
    )


def stage_after(start: Ints, year: int) -> NDArray[np.str_]:
    """Stage at the end of the season of ``year``."""
    age = year - start
    return np.select(
        [age < -1, age == -1, age == 0, age == 1, age == 2],
        ["reserve", "approved", "amelioration", "trial", "accepted"],
        "maintained",
    )


def columns_after(plots: Plots, rows: Ints, year: int) -> dict[str, NDArray]:
    """Values that an assessment at the end of the season of ``year`` writes for ``rows``."""
    start, mode = plots.start[rows], plots.mode[rows]
    rng = np.random.default_rng((5802, year))
    later = np.datetime64(f"{year}-09-01") + rng.integers(0, 45, len(rows))
    return {
        "stage": stage_after(start, year),
        "grade_after": salinity_grade(plots.remaining(year)[rows]),
        "land_class": np.where(mode == "daan", "0101", np.where(mode == "tongyu", "0102", "0103")),
        "crop": np.where(mode == "daan", "rice", "maize"),
        "finished_on": np.where(year - start >= 1, later, np.datetime64("NaT")),
    }
