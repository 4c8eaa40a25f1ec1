"""Where a record is: a GeoPackage file, or the address of a PostgreSQL database."""

from __future__ import annotations

from pathlib import Path

from geo.layers import Catalog
from geo.record import postgres
from geo.record.geopackage import GeoPackageRecord
from geo.record.postgis import PostgisRecord


def open_record(place: Path | str, catalog: Catalog) -> GeoPackageRecord | PostgisRecord:
    """Open or create the record at a path or a ``postgresql://`` address."""
    if postgres.is_url(place):
        return PostgisRecord(str(place), catalog)
    return GeoPackageRecord(Path(place).resolve(), catalog)
