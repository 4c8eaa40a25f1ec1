"""Attributes of the high-standard farmland parcels, and what later happens to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from data.demo import words
from data.demo.fields import Floats, Ints
from data.demo.land import Land
from data.demo.model import Rows, pick, table, text
from data.demo.outlines import COUNTIES, DISTRICTS
from geo.area import ellipsoidal_area
from geo.layers import Catalog
from geo.units import mu

YEARS = np.arange(2016, 2027)
YEAR_SHARES = np.array([5, 6, 7, 8, 9, 11, 12, 14, 12, 10, 6], dtype=np.float64)
#: Parcels of 2021 and later change often; in very large demonstrations most are older than that.
LIVELY_PARCELS = 100_000

#: Rows added on purpose over existing parcels, as two projects report the same land.
OVERLAPS = 12
#: They lie this far (degrees) to the north-east of the parcels they overlap, about 30 m.
SHIFT = np.array([0.00031, 0.00019])
#: Rows recorded twice by mistake and deleted in the course of the history.
DELETED = 30


@dataclass
class Parcels:
    rows: Rows
    year: Ints
    county: Ints
    severity: Floats
    block: Ints  # -1 for rows that lie in no block of their own
    area_mu: Floats
    first_doubled: int  # rows from here are doubled parcels, deleted later
    first_overlap: int  # rows from here are the deliberate overlaps


def multipolygons(polygons: NDArray[np.object_]) -> NDArray[np.object_]:
    """Each polygon as a MultiPolygon, the geometry type of the layers."""
    return np.asarray(
        shapely.multipolygons(polygons, indices=np.arange(len(polygons))), dtype=object
    )


def serial(groups: Ints) -> Ints:
    """1, 2, 3, ... within each group, in order of rows."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    counter = np.arange(len(groups)) - np.repeat(starts, np.diff([*starts, len(groups)]))
    result = np.empty(len(groups), dtype=np.int64)
    result[order] = counter + 1
    return result


def villages(land: Land, blocks: Ints) -> NDArray[np.str_]:
    """Village of each block: neighbours share one, townships differ."""
    sites, grid = land.sites, land.blocks
    number = (
        sites.township[blocks] * 11
        + sites.cluster[blocks] * 5
        + grid.j[blocks] // 4
        + sites.county[blocks] * 17
    )
    return np.array(words.VILLAGES)[number % len(words.VILLAGES)]


def village_numbers(places: dict[str, NDArray[np.str_]]) -> Ints:
    """A number for each village of each township, to count its fields by."""
    whole = np.char.add(np.char.add(places["county"], places["township"]), places["village"])
    return np.unique(whole, return_inverse=True)[1]


def place_columns(land: Land, blocks: Ints) -> dict[str, NDArray[np.str_]]:
    """County, township, village and district of each block."""
    sites = land.sites.take(blocks)
    widest = max(len(county.townships) for county in COUNTIES)
    townships = np.array(
        [[*county.townships, *[""] * (widest - len(county.townships))] for county in COUNTIES]
    )
    return {
        "county": np.array([county.code for county in COUNTIES])[sites.county],
        "township": townships[sites.county, sites.township],
        "village": villages(land, blocks),
        "district": np.array([*(district.code for district in DISTRICTS), ""])[sites.district],
    }


def build(land: Land, catalog: Catalog, seed: int) -> Parcels:
    """All parcels in the state in which they are first recorded."""
    rng = np.random.default_rng((5701, seed))
    block = land.parcels.block
    polygons = land.parcels.geometry
    # Doubled and overlapping parcels stand on older ones; the latter are shifted a little.
    base = len(block)
    twins = np.sort(rng.choice(base, DELETED, replace=False))
    under = np.sort(rng.choice(base, OVERLAPS, replace=False))
    source = np.concatenate([np.arange(base), twins, under])
    polygons = np.concatenate([polygons, polygons[twins], _shifted(polygons[under])])
    block = block[source]

    sites = land.sites.take(block)
    shares = YEAR_SHARES * np.where(YEARS > 2020, min(1.0, LIVELY_PARCELS / base), 1.0)
    clusters = int(land.sites.cluster.max()) + 1
    years = rng.choice(YEARS, size=clusters, p=shares / shares.sum())
    year = years[sites.cluster]
    year[base:] = np.where(np.arange(len(source) - base) < DELETED, year[base:], 2026)
    year[base : base + DELETED] = np.minimum(year[base : base + DELETED], 2023)
    geometry = multipolygons(polygons)
    area = np.asarray(mu(ellipsoidal_area(geometry)), dtype=np.float64)

    places = place_columns(land, block)
    wet = sites.district >= 0
    by_block = rng.random(len(land.blocks))[block]
    land_class = np.where(
        wet, np.where(by_block < 0.86, "0101", "0102"), np.where(by_block < 0.60, "0103", "0102")
    )
    quality = np.clip(np.round(3.2 + 5.5 * sites.severity + rng.normal(0, 0.7, len(block))), 1, 10)
    before = np.clip(quality + rng.integers(0, 3, len(block)), 1, 10)
    number = serial(sites.county)
    strip = serial(village_numbers(places))
    paddy, irrigated = land_class == "0101", land_class == "0102"
    chance = rng.random((4, len(block)))
    stage = first_stage(year)
    mapped = np.isin(stage, ("mapped", "handed_over", "maintained"))
    stated = np.round(area * (1.0 + rng.normal(0.0, 0.0006, len(block))), 2)
    wrong = chance[3] < 0.012
    stated[wrong] = np.round(stated[wrong] * rng.uniform(0.93, 1.07, int(wrong.sum())), 2)
    project_code, project_name = _projects(land, years, sites.cluster, year)
    columns = {
        **places,
        "code": text("{}G{:07d}", places["county"], number),
        "name": text("{}{}号地", places["village"], strip),
        "project_code": project_code,
        "project_name": project_name,
        "year": year,
        "stage": stage,
        "patch_type": np.where(
            year < 2022,
            "new",
            pick(rng, ("new", "rebuild", "quality_rebuild"), len(block), (0.55, 0.3, 0.15)),
        ),
        "mode": np.where(
            chance[0] < 0.12, "owner_built", np.where(year >= 2024, "five_in_one", "conventional")
        ),
        "land_class": land_class,
        "quality_before": before,
        "quality_grade": quality,
        "quality_status": np.where(
            quality <= 5, "conform", np.where(quality <= 7, "basic", "improve")
        ),
        "irrigation_capacity": np.where(
            paddy, "full", np.where(irrigated, "met", np.where(chance[1] < 0.5, "basic", "unmet"))
        ),
        "water_fertiliser": (chance[1] < np.where(paddy, 0.03, np.where(irrigated, 0.72, 0.18))),
        "conservation_tillage": (
            chance[2] < np.where(paddy, 0.04, np.where(irrigated, 0.34, 0.66))
        ),
        "permanent_basic": (sites.severity < 0.5) & (by_block > 0.08),
        "mapped_in_database": mapped,
        "crop": np.where(
            paddy,
            "rice",
            np.where(
                by_block < 0.72,
                "maize",
                pick(
                    rng,
                    ("soybean", "mung_bean", "sunflower", "sorghum"),
                    len(block),
                    (0.35, 0.3, 0.2, 0.15),
                ),
            ),
        ),
        "stated_area_mu": stated,
        "accepted_on": np.where(mapped, _day(year + 1, 6, 20), np.datetime64("NaT")),
        "mapped_on": np.where(mapped, _day(year + 1, 10, 15), np.datetime64("NaT")),
        "maintainer": np.where(mapped, np.char.add(places["village"], "民委员会"), ""),
    }
    columns["remark"] = np.where(
        np.arange(len(block)) >= base + DELETED, "与既有高标准农田图斑部分重叠，待核减", ""
    )
    rows = Rows(table(catalog.layers["parcels"], columns, len(block)), geometry)
    lone = np.where(np.arange(len(block)) < base, block, -1)
    return Parcels(rows, year, sites.county, sites.severity, lone, area, base, base + DELETED)


def first_stage(year: Ints) -> NDArray[np.str_]:
    """Stage in which parcels of a programme year are first recorded (from October 2023 on)."""
    return np.select(
        [year <= 2020, year <= 2022, year == 2023, year == 2026],
        ["maintained", "mapped", "works", "reserve"],
        "approved",
    )


def _projects(
    land: Land, years: Ints, cluster: Ints, year: Ints
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Project code and name of each parcel: one project a cluster and year."""
    first = np.unique(land.sites.cluster, return_index=True)[1]
    county = land.sites.county[first]
    township = land.sites.township[first]
    lot = serial(county * 10_000 + years)
    codes, names = [], []
    for c, t, y, n in zip(
        county.tolist(), township.tolist(), years.tolist(), lot.tolist(), strict=True
    ):
        unit = COUNTIES[c]
        codes.append(f"{unit.code}NJ{y}{n:03d}")
        names.append(f"{y}年{unit.name}{unit.townships[t]}高标准农田建设项目（{n}标段）")
    moved = year != years[cluster]
    code, name = np.array(codes, dtype=object)[cluster], np.array(names, dtype=object)[cluster]
    code[moved] = [
        f"{COUNTIES[county[k]].code}NJTS{y}001"
        for k, y in zip(cluster[moved], year[moved], strict=True)
    ]
    name[moved] = [
        f"{y}年{COUNTIES[county[k]].name}高标准农田改造提升项目"
        for k, y in zip(cluster[moved], year[moved], strict=True)
    ]
    return code, name


def _shifted(polygons: NDArray[np.object_]) -> NDArray[np.object_]:
    """The polygons moved by about 30 m to the north-east, so that they overlap old ones."""
    return np.asarray(shapely.transform(polygons, lambda xy: np.round(xy + SHIFT, 9)), dtype=object)


def _day(year: Ints, month: int, day: int) -> NDArray[np.datetime64]:
    months = (year - 1970) * 12 + month - 1
    return months.astype("datetime64[M]").astype("datetime64[D]") + np.timedelta64(day - 1, "D")
