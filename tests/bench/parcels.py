"""A data folder with many parcels, and a copy that other servers may open."""

from __future__ import annotations

from pathlib import Path

from app.commands.opened import opened
from data.demo.generate import generate
from geo.record.protocol import Author, ChangeSet
from geo.snapshot.base import compact

LAYER = "parcels"
KEY = "code"


def write(data: Path, copy: Path, count: int) -> None:
    """The demonstration's parcels as a record in `data`, and its GeoPackage as `copy`."""
    with opened(data) as place:
        rows = generate(count, catalog=place.catalog).layers[LAYER]
        changes = ChangeSet.inserts(LAYER, rows.attributes, rows.geometry)
        place.record.commit([changes], Author("bench", "parcels for a benchmark"))
        compact(place.record, place.layer(LAYER), place.settings.snapshot_folder)
        place.record.copy_to(copy)
