"""Treatments and inspections: what people did on plots, structures and parcels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from data.demo.fields import Ints
from data.demo.model import Rows, table
from data.demo.parcels import Parcels
from data.demo.plots import Plots
from data.demo.samples import Samples
from geo.layers import Catalog


@dataclass
class _Sheet:
    """Rows of a record sheet, column by column."""

    columns: dict[str, list[Any]] = field(default_factory=dict)
    length: int = 0

    def add(self, **values: Any) -> None:
        for name in values.keys() - self.columns.keys():
            self.columns[name] = [None] * self.length
        for name, column in self.columns.items():
            column.append(values.get(name))
        self.length += 1


#: mode -> (type, category, material, dose per mu, unit, method, yuan per mu, seasons)
MEASURES: dict[str, tuple[tuple[str, str, str, float, str, str, int, range], ...]] = {
    "daan": (
        ("levelling", "engineering", "激光平地", 1.0, "round", "格田整理，高差±3 cm", 95, range(1)),
        ("gypsum_fgd", "chemical", "脱硫石膏", 1.9, "t", "撒施旋耕 20 cm", 210, range(1)),
        ("gypsum_citric", "chemical", "柠檬酸石膏", 0.6, "t", "撒施旋耕", 160, range(1, 2)),
        ("organic_manure", "organic", "腐熟有机肥", 1.5, "t", "撒施翻压", 120, range(3)),
        ("leach_flush", "water", "泡田洗盐", 0.0, "round", "灌排 3–5 天一轮", 45, range(6)),
        ("variety", "agronomic", "吉粳系列耐盐碱品种", 3.5, "kg", "机插秧", 60, range(6)),
    ),
    "zhenlai": (
        ("subsoiling", "engineering", "深松 35 cm", 1.0, "round", "深松整地", 40, range(2)),
        ("organic_manure", "organic", "牛粪堆肥", 2.0, "t", "撒施旋耕", 110, range(4)),
        ("straw_return", "organic", "玉米秸秆", 0.5, "t", "粉碎深埋", 55, range(6)),
        ("microbial", "biological", "复合微生物菌剂", 2.0, "kg", "喷施后旋耕", 68, range(1, 4)),
    ),
    "tongyu": (
        ("sand_or_soil_import", "engineering", "风沙土", 12.0, "m3", "掺砂旋耕", 260, range(1)),
        ("citric_dealkaliser", "chemical", "柠檬酸降碱剂", 45.0, "kg", "随水滴施", 130, range(2)),
        ("al_sulphate", "chemical", "硫酸铝", 0.25, "t", "撒施旋耕", 150, range(1, 2)),
        ("straw_return", "organic", "玉米秸秆", 0.5, "t", "条带覆盖", 40, range(6)),
    ),
}


@dataclass
class Treatments:
    rows: Rows
    year: Ints


def treatments(
    plots: Plots, taken: Samples, catalog: Catalog, canal_of: dict[str, str], seed: int
) -> Treatments:
    """Measures of each season of each plot up to 2026, with yields after the harvest.

    ``canal_of``: district code -> code of a canal that supplies it.
    """
    rng = np.random.default_rng((6201, seed))
    sheet = _Sheet()
    have = set(taken.rows.attributes["code"].to_pylist())
    facts = plots.rows.attributes.select(["code", "county", "district", "operator"]).to_pylist()
    left = {year: plots.remaining(year) for year in range(2020, 2027)}
    for row in range(plots.first_mistaken):
        mode, start = str(plots.mode[row]), int(plots.start[row])
        code, district = facts[row]["code"], facts[row]["district"]
        for year in range(max(start, 2022), 2027):
            season = year - start
            common = {
                "plot_code": code, "county": facts[row]["county"], "year": year, "mode": mode,
                "operator": facts[row]["operator"],
            }  # fmt: skip
            area = round(float(plots.area_mu[row]) * float(rng.uniform(0.94, 1.0)), 1)
            count = 0
            for kind, category, material, dose, unit, method, yuan, seasons in MEASURES[mode]:
                if season not in seasons or rng.random() > 0.88:
                    continue
                count += 1
                flush = kind == "leach_flush"
                rounds = int(rng.integers(2, 5)) if flush else None
                day = np.datetime64(f"{year}-04-10") + int(rng.integers(0, 42))
                amount = round(dose * float(rng.uniform(0.85, 1.15)), 2)
                sheet.add(
                    code=f"{code}-{year}-{count:02d}", applied_on=day.astype(object), type=kind,
                    category=category, material=material, batch=f"{year}-{row % 37:02d}",
                    dose=float(rounds) if rounds else amount,
                    dose_unit=unit, dose_basis="mu", treated_area_mu=area, method=method,
                    rounds=rounds,
                    water_m3=round(area * float(rng.uniform(90, 130)) * rounds) if rounds else None,
                    canal_code=canal_of.get(district or "") if flush else None,
                    cost_yuan=round(area * yuan * float(rng.uniform(0.9, 1.1)), -1), **common,
                )  # fmt: skip
            if year == 2026 and rng.random() < 0.25:
                continue  # not yet harvested when the year's records were closed
            rest = float(left[year][row])
            best = {"daan": 615.0, "zhenlai": 810.0, "tongyu": 860.0}[mode]
            crop = "rice" if mode == "daan" else "maize"
            harvest = best * (1 - 0.62 * rest**1.3) * float(rng.normal(1, 0.05))
            autumn = np.datetime64(f"{year}-10-02")
            before, after = f"{code}-{year - 1}Q-1", f"{code}-{year}Q-1"
            sheet.add(
                code=f"{code}-{year}-{count + 1:02d}", type="crop", category="agronomic",
                applied_on=(autumn + int(rng.integers(0, 12))).astype(object),
                material="水稻" if crop == "rice" else "玉米", treated_area_mu=area,
                method="测产", yield_method="实打实收" if row % 4 == 0 else "样方理论测产",
                emergence_percent=round(96 - 34 * rest + float(rng.normal(0, 2.0)), 1),
                yield_kg_mu=round(harvest, 1),
                sample_before=before if before in have else None,
                sample_after=after if after in have else None, **common,
            )  # fmt: skip
    rows = Rows(table(catalog.layers["treatments"], sheet.columns, sheet.length), None)
    return Treatments(rows, np.array(sheet.columns["year"], dtype=np.int64))


#: Half-yearly rounds: first day, share of structures seen.
ROUNDS = (
    ("2024-06-03", 0.62),
    ("2024-11-04", 0.55),
    ("2025-06-02", 0.66),
    ("2025-11-03", 0.60),
    ("2026-06-01", 0.58),
    ("2026-09-28", 0.35),
)
FINDINGS = {
    "minor": ("启闭机缺油", "护坡局部塌陷", "渠底轻度淤积", "栏杆松动", "止水老化渗漏"),
    "major": ("闸门变形漏水", "衬砌板断裂脱落", "渠道淤积超过三分之一", "桥面破损露筋"),
    "urgent": ("堤身管涌险情", "电机烧毁停机"),
}


@dataclass
class Inspections:
    rows: Rows
    batch: Ints


def inspections(structures: Rows, parcels: Parcels, catalog: Catalog, seed: int) -> Inspections:
    """Rounds over structures, and spot checks of maintained parcels."""
    rng = np.random.default_rng((6301, seed))
    sheet = _Sheet()
    batch: list[int] = []
    facts = structures.attributes.select(
        ["code", "county", "manager", "inspection_interval_days"]
    ).to_pylist()
    maintained = np.flatnonzero(parcels.year[: parcels.first_doubled] <= 2020)
    names = parcels.rows.attributes.select(["code", "county", "maintainer"])
    for number, (first, share) in enumerate(ROUNDS):
        start = np.datetime64(first)
        for row in np.flatnonzero(rng.random(len(facts)) < share).tolist():
            item = facts[row]
            day = start + int(rng.integers(0, 25))
            sheet.add(
                code=f"XC{first[:4]}{first[5:7]}-{len(batch) + 1:06d}", object="structure",
                structure_code=item["code"], county=item["county"], inspector=item["manager"],
                responsible=item["manager"], inspected_on=day.astype(object),
                next_due_on=(day + int(item["inspection_interval_days"])).astype(object),
                **_outcome(rng, day, start + 28),
            )  # fmt: skip
            batch.append(number)
        some = np.sort(rng.choice(maintained, min(60, len(maintained)), replace=False))
        for item in names.take(some).to_pylist():
            day = start + int(rng.integers(0, 25))
            sheet.add(
                code=f"XC{first[:4]}{first[5:7]}-{len(batch) + 1:06d}", object="parcel",
                parcel_code=item["code"], county=item["county"], inspector=item["maintainer"],
                responsible=item["maintainer"], inspected_on=day.astype(object),
                next_due_on=(day + 365).astype(object), **_outcome(rng, day, start + 28),
            )  # fmt: skip
            batch.append(number)
    rows = Rows(table(catalog.layers["inspections"], sheet.columns, sheet.length), None)
    return Inspections(rows, np.array(batch, dtype=np.int64))


def _outcome(rng: np.random.Generator, day: np.datetime64, closed: np.datetime64) -> dict[str, Any]:
    result = str(rng.choice(["normal", "minor", "major", "urgent"], p=[0.80, 0.145, 0.05, 0.005]))
    if result == "normal":
        return {"result": result}
    mended = day + int(rng.integers(1, 24))
    return {
        "result": result,
        "findings": str(rng.choice(FINDINGS[result])),
        "action": "已通知管护责任人限期整改",
        "resolved_on": mended.astype(object) if mended <= closed else None,
    }
