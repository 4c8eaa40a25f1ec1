"""Put the demonstration together. Deterministic: the same arguments give the same data."""

from __future__ import annotations

from pathlib import Path

from data.demo import activities, canals, cover, history, land, parcels, plots, samples, works
from data.demo.canals import Waterworks
from data.demo.model import Demo
from data.demo.outlines import DISTRICTS
from geo.layers import Catalog

SEED = 2024


def generate(
    parcel_count: int = 20_000,
    plot_count: int | None = None,
    *,
    seed: int = SEED,
    catalog: Catalog | None = None,
) -> Demo:
    """The whole demonstration: exactly ``parcel_count`` parcels are alive at its end.

    ``plot_count`` is a tenth of that, between 20 and 2,000, unless given. Beyond
    about 110,000 parcels the fields become narrower, as the land does not grow.
    Raises ValueError when fewer than 100 or more parcels than fit are asked for.
    """
    if parcel_count < 100:
        raise ValueError("the demonstration needs at least 100 parcels")
    if plot_count is None:
        plot_count = min(max(parcel_count // 10, 20), 2000)
    if catalog is None:
        catalog = Catalog.load(Path(__file__).resolve().parents[1])
    ground = land.choose(parcel_count - parcels.OVERLAPS, plot_count, seed)
    water = canals.build(ground, seed)
    fields = parcels.build(ground, catalog, seed)
    saline = plots.build(ground, catalog, seed)
    structures = works.structure_rows(water, catalog, seed)
    taken = samples.samples(saline, catalog, seed)
    done = activities.treatments(saline, taken, catalog, _supply(water), seed)
    seen = activities.inspections(structures, fields, catalog, seed)
    layers = {
        "counties": works.counties(catalog),
        "districts": works.districts(catalog),
        "canals": works.canal_rows(water, catalog, seed),
        "structures": structures,
        "parcels": fields.rows,
        "plots": saline.rows,
        "farmland": cover.farmland(ground, catalog, seed),
        "restoration": cover.restoration(ground, catalog, seed),
        "samples": taken.rows,
        "treatments": done.rows,
        "inspections": seen.rows,
    }
    steps = history.steps(layers, fields, saline, taken, done, seen)
    return Demo(catalog, layers, steps)


def _supply(water: Waterworks) -> dict[str, str]:
    """District code -> code of its first trunk canal."""
    first: dict[str, str] = {}
    for canal in water.canals:
        if canal.order == "trunk":
            first.setdefault(DISTRICTS[canal.district].code, canal.code)
    return first
