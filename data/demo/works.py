"""Tables of counties, irrigation districts, canals and structures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.demo import canals, outlines, words
from data.demo.canals import Waterworks
from data.demo.model import Rows, pick, table
from data.demo.outlines import COUNTIES, DISTRICTS
from data.demo.parcels import multipolygons
from geo.area import length
from geo.layers import Catalog

#: Design flow in m³/s and a fitting lining by canal order.
FLOWS = {"main": 38.0, "trunk": 9.5, "branch": 2.4, "lateral": 0.55, "field": 0.12}
LINING_SHARES = {
    "main": (0.9, 0.0, 0.1, 0.0),
    "trunk": (0.8, 0.05, 0.15, 0.0),
    "branch": (0.5, 0.35, 0.0, 0.15),
    "lateral": (0.15, 0.6, 0.0, 0.25),
    "field": (0.0, 0.3, 0.0, 0.7),
}
LININGS = ("concrete", "precast", "membrane", "earth")
#: Days between inspections.
INTERVALS = {"pump_station": 30, "weir": 30, "intake_gate": 60, "check_gate": 90, "well": 90}


def counties(catalog: Catalog) -> Rows:
    columns = {
        "code": [county.code for county in COUNTIES],
        "name": [county.name for county in COUNTIES],
        "seat": [county.seat for county in COUNTIES],
        "published_area_km2": [county.published_km2 for county in COUNTIES],
        "source": ["面积为公开资料数值；界线为演示用手绘示意，不作为划界依据"] * len(COUNTIES),
    }
    layer = catalog.layers["counties"]
    return Rows(table(layer, columns, len(COUNTIES)), multipolygons(outlines.counties()))


def districts(catalog: Catalog) -> Rows:
    design = np.array([district.design_mu for district in DISTRICTS])
    columns = {
        "code": [district.code for district in DISTRICTS],
        "name": [district.name for district in DISTRICTS],
        "county": [district.county for district in DISTRICTS],
        "status": [district.status for district in DISTRICTS],
        "phase": [district.phase for district in DISTRICTS],
        "source": [district.source for district in DISTRICTS],
        "headworks": [district.headworks for district in DISTRICTS],
        "design_area_mu": design,
        "effective_area_mu": np.round(design * (0.46, 0.71, 0.52, 0.78), -2),
        "actual_area_mu": np.round(design * (0.31, 0.62, 0.41, 0.69), -2),
        "annual_water_wan_m3": [district.water_wan_m3 for district in DISTRICTS],
        "started_on": np.array([district.started for district in DISTRICTS], dtype="datetime64[D]"),
        "manager": [f"{district.short}灌区管理局" for district in DISTRICTS],
        "remark": ["演示数据：范围与面积为示意"] * len(DISTRICTS),
    }
    layer = catalog.layers["districts"]
    return Rows(table(layer, columns, len(DISTRICTS)), multipolygons(outlines.districts()))


def canal_rows(works: Waterworks, catalog: Catalog, seed: int) -> Rows:
    rng = np.random.default_rng((6001, seed))
    items = works.canals
    geometry = canals.canal_geometry(items)
    order = np.array([item.order for item in items])
    drain = np.array([item.kind == "drain" for item in items])
    lining = np.empty(len(items), dtype=object)
    flow = np.empty(len(items))
    for name, shares in LINING_SHARES.items():
        rows = order == name
        lining[rows] = pick(rng, LININGS, int(rows.sum()), shares)
        flow[rows] = FLOWS[name] * rng.uniform(0.7, 1.25, int(rows.sum()))
    lining[drain] = "earth"
    district = np.array([item.district for item in items])
    columns = {
        "code": [item.code for item in items],
        "name": [item.name for item in items],
        "canal_order": order,
        "kind": [item.kind for item in items],
        "district": np.array([d.code for d in DISTRICTS])[district],
        "county": np.array([d.county for d in DISTRICTS])[district],
        "parent_code": [item.parent for item in items],
        "lining": lining.astype(str),
        "design_flow_m3s": np.round(flow, 3),
        "design_length_m": np.round(length(geometry), -1),
        "built_year": _built(rng, district),
        "condition": pick(rng, ("good", "fair", "poor"), len(items), (0.66, 0.26, 0.08)),
        "manager": np.array([f"{d.short}灌区管理局" for d in DISTRICTS])[district],
    }
    return Rows(table(catalog.layers["canals"], columns, len(items)), geometry)


def structure_rows(works: Waterworks, catalog: Catalog, seed: int) -> Rows:
    rng = np.random.default_rng((6002, seed))
    items = works.structures
    kind = np.array([item.kind for item in items])
    district = np.array([item.district for item in items])
    flows = {canal.code: FLOWS[canal.order] for canal in works.canals}
    gated = np.isin(kind, ("bridge", "culvert"), invert=True)
    flow = np.array([flows[item.canal] for item in items]) * rng.uniform(0.8, 1.1, len(items))
    pump = kind == "pump_station"
    # One keeper looks after the structures of one branch.
    beats = {item.canal.rsplit("-D", 1)[0] for item in items}
    keepers = dict(zip(sorted(beats), words.people(rng, len(beats)).tolist(), strict=True))
    columns = {
        "code": [item.code for item in items],
        "name": [item.name for item in items],
        "kind": kind,
        "canal_code": [item.canal for item in items],
        "district": np.array([d.code for d in DISTRICTS])[district],
        "county": np.array([d.county for d in DISTRICTS])[district],
        "design_flow_m3s": np.where(gated, np.round(flow, 2), np.nan),
        "power_kw": np.where(pump, np.round(rng.uniform(1200, 9000, len(items)), -1), np.nan),
        "built_year": _built(rng, district),
        "condition": pick(rng, ("good", "fair", "poor"), len(items), (0.74, 0.20, 0.06)),
        "manager": [keepers[item.canal.rsplit("-D", 1)[0]] for item in items],
        "inspection_interval_days": [INTERVALS.get(k, 180) for k in kind.tolist()],
    }
    layer = catalog.layers["structures"]
    return Rows(table(layer, columns, len(items)), canals.structure_geometry(items))


def _built(rng: np.random.Generator, district: NDArray[np.int64]) -> NDArray[np.int64]:
    first = np.array([int(d.started[:4]) for d in DISTRICTS])[district]
    return np.minimum(first + rng.integers(1, 9, len(district)), 2025)
