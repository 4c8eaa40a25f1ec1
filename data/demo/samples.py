"""Soil samples: what was measured on the plots, before and after treatment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from data.demo import words
from data.demo.fields import Floats, Ints
from data.demo.landscape import salinity_grade
from data.demo.model import Rows, table, text
from data.demo.plots import Plots
from geo.layers import Catalog

#: (year, season, share of plots, month and day of the first sample)
CAMPAIGNS = (
    (2023, "autumn", 0.95, (10, 12)),
    (2024, "autumn", 0.92, (10, 10)),
    (2025, "autumn", 0.93, (10, 9)),
    (2026, "autumn", 0.72, (9, 18)),
)


def soil(severity: Floats, treated_years: Floats, rng: np.random.Generator) -> dict[str, Floats]:
    """Laboratory values of soda soils of a severity (1:5 extract), n rows.

    Bands follow published soda soils of western Jilin: pH 7.5-10.5, carbonate and
    sodium dominant, ESP rising faster than salt. SAR by the USSL relation of ESP
    and SAR (Richards 1954); total cations 9.8 mmolc/L a dS/m in 1:5 extracts.
    """
    s = np.clip(severity, 0.0, 1.0)
    n = len(s)
    ph = 7.55 + 2.85 * s + rng.normal(0, 0.12, n)
    ec = (0.11 + 2.1 * s**1.7) * rng.lognormal(0, 0.16, n)
    salt = 0.30 + 3.15 * ec * rng.lognormal(0, 0.08, n)
    esp = np.clip((2.2 + 67.0 * s**1.45) * rng.lognormal(0, 0.13, n), 0.5, 94.0)
    cec = rng.normal(21.0, 2.6, n) - 4.0 * s
    ratio = esp / (100.0 - esp)
    total = 9.8 * ec * 5.0 / 10.0  # mmolc/L of a 1:5 extract -> cmolc/kg of soil
    sodium = np.clip(0.52 + 0.44 * s + rng.normal(0, 0.02, n), 0.4, 0.985)
    rest = total * (1.0 - sodium)
    carbonate = np.where(ph > 8.3, 0.02 + 0.20 * s, 0.0)
    bicarbonate = 0.46 + 0.16 * s + rng.normal(0, 0.02, n)
    others = np.clip(1.0 - carbonate - bicarbonate, 0.05, None) * total
    return {
        "ph": np.round(np.clip(ph, 6.5, 11.0), 2),
        "ec_ds_m": np.round(ec, 3),
        "salt_g_kg": np.round(salt, 2),
        "esp_percent": np.round(esp, 1),
        "sar": np.round((ratio + 0.0126) / 0.01475, 1),
        "co3_cmol_kg": np.round(carbonate * total, 3),
        "hco3_cmol_kg": np.round(bicarbonate * total, 3),
        "cl_cmol_kg": np.round(0.6 * others, 3),
        "so4_cmol_kg": np.round(0.4 * others, 3),
        "ca_cmol_kg": np.round(0.58 * rest, 3),
        "mg_cmol_kg": np.round(0.36 * rest, 3),
        "k_cmol_kg": np.round(0.06 * rest, 3),
        "na_cmol_kg": np.round(sodium * total, 3),
        "cec_cmol_kg": np.round(cec, 1),
        "exchangeable_na_cmol_kg": np.round(cec * esp / 100.0, 2),
        "organic_matter_g_kg": np.round(
            np.clip(25.0 - 16.0 * s + 0.9 * treated_years + rng.normal(0, 1.8, n), 3.0, None), 1
        ),
        "bulk_density_g_cm3": np.round(1.29 + 0.22 * s + rng.normal(0, 0.03, n), 2),
        "groundwater_depth_m": np.round(np.clip(2.6 - 1.2 * s + rng.normal(0, 0.2, n), 0.6, 6), 1),
    }


@dataclass
class Samples:
    rows: Rows
    batch: Ints  # campaign number; -1 for baselines of plots that began in that year
    year: Ints


#: Rows of plots, campaign number, year, season, first day.
_Visit = tuple[Ints, int, int, str, np.datetime64]


def _visits(plots: Plots, known: Ints, rng: np.random.Generator) -> list[_Visit]:
    visits: list[_Visit] = []
    for number, (year, season, share, (month, day)) in enumerate(CAMPAIGNS):
        rows = known[(rng.random(len(known)) < share) & (plots.start[known] <= year)]
        first = np.datetime64(f"{year}-{month:02d}-{day:02d}")
        visits.append((rows, number, year, season, first))
        if year > 2023:
            begin = known[(plots.start[known] == year) & (rng.random(len(known)) < 0.97)]
            visits.append((begin, -1, year, "spring", np.datetime64(f"{year}-04-16")))
    # Many of the plots that began in 2024 were first sampled with the others in 2023.
    later = known[(plots.start[known] == 2024) & (rng.random(len(known)) < 0.60)]
    visits.append((later, 0, 2023, "autumn", np.datetime64("2023-10-12")))
    return visits


def samples(plots: Plots, catalog: Catalog, seed: int) -> Samples:
    """Two layers a plot and campaign; before treatment in the spring of a later start."""
    rng = np.random.default_rng((6101, seed))
    known = np.arange(plots.first_mistaken)
    visits = _visits(plots, known, rng)
    plot = np.concatenate([rows for rows, *_ in visits])
    sizes = [len(rows) for rows, *_ in visits]
    batch = np.repeat([visit[1] for visit in visits], sizes)
    year = np.repeat([visit[2] for visit in visits], sizes)
    season = np.repeat([visit[3] for visit in visits], sizes)
    first_day = np.repeat(np.array([visit[4] for visit in visits]), sizes)
    n = len(plot)
    at = plots.place[plot] + rng.uniform(-0.22, 0.22, (n, 2)) * plots.reach[plot] * 0.5
    day = first_day + rng.integers(0, 16, n)
    before = (season == "spring") | (plots.start[plot] > year)
    severity = np.empty(n)
    for value in np.unique(year):
        rows = year == value
        severity[rows] = plots.remaining(int(value))[plot[rows]]
    severity = np.where(before, plots.severity[plot], severity)
    age = np.clip(year - plots.start[plot] + 1, 0, 5) * ~before
    # Local spread inside a plot, shared by both layers of one visit.
    severity = np.clip(severity * rng.lognormal(0, 0.05, n), 0, 1)

    crew = words.people(rng, 14)
    sampler = crew[(plots.county[plot] * 3 + plot % 3) % len(crew)]
    plot_code = np.array(plots.rows.attributes["code"].to_pylist())[plot]
    county = np.array(plots.rows.attributes["county"].to_pylist())[plot]
    township = np.array(plots.rows.attributes["township"].to_pylist())[plot]
    letter = np.where(season == "spring", "C", "Q")
    parts = []
    for layer_number, (top, bottom) in enumerate(((0, 20), (20, 40)), start=1):
        deeper = severity if layer_number == 1 else np.clip(0.93 * severity + 0.05, 0, 1)
        parts.append(
            {
                "code": text("{}-{}{}-{}", plot_code, year, letter, np.full(n, layer_number)),
                "depth_top_cm": np.full(n, float(top)),
                "depth_bottom_cm": np.full(n, float(bottom)),
                "grade": salinity_grade(deeper),
                "texture": np.array(["sandy_loam", "loam", "clay_loam", "clay"])[
                    np.clip(np.digitize(deeper + rng.normal(0, 0.1, n), (0.2, 0.5, 0.8)), 0, 3)
                ],
                **soil(deeper, age, rng),
            }
        )
    columns: dict[str, Any] = {
        name: np.concatenate([part[name] for part in parts]) for name in parts[0]
    }
    shared = {
        "plot_code": plot_code,
        "county": county,
        "township": township,
        "sampled_on": day,
        "season": season,
        "extract": np.full(n, "1:5"),
        "ph_extract": np.full(n, "1:2.5"),
        "salt_method": np.where(year < 2025, "residue", "ions"),
        "position_accuracy_m": np.round(rng.uniform(1.0, 4.5, n), 1),
        "laboratory": np.array(words.LABORATORIES)[(plots.county[plot] + 1) % 4],
        "sampler": sampler,
        "method": np.full(n, "NY/T 1377；NY/T 1121.16"),
        "qa": np.where(rng.random(n) < 0.985, "valid", "suspect"),
    }
    columns |= {name: np.concatenate([values, values]) for name, values in shared.items()}
    points = np.asarray(shapely.points(np.round(at, 7)), dtype=object)
    order = np.lexsort((np.repeat([0, 1], n), np.tile(np.arange(n), 2)))
    columns = {name: np.asarray(values)[order] for name, values in columns.items()}
    both = np.concatenate([points, points])[order]
    result = Rows(table(catalog.layers["samples"], columns, 2 * n), both)
    return Samples(result, np.tile(batch, 2)[order], np.tile(year, 2)[order])
