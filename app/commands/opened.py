"""A data folder opened for one command: the record and its snapshots."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.settings import Settings
from geo.layers import Catalog, Layer
from geo.record.place import open_record
from geo.record.protocol import Record
from geo.snapshot.store import Snapshots


@dataclass
class Opened:
    settings: Settings
    catalog: Catalog
    record: Record

    def snapshots(self) -> Snapshots:
        return Snapshots(self.record, self.settings.snapshot_folder)

    def layer(self, layer_id: str) -> Layer:
        """A layer by id. Raises `geo.errors.Rejected` E_NOT_FOUND."""
        from geo.errors import Rejected

        found = self.catalog.layers.get(layer_id)
        if found is None:
            names = ", ".join(self.catalog.layers)
            raise Rejected(
                "E_NOT_FOUND",
                f"没有图层 {layer_id}",
                f"There is no layer {layer_id}",
                fix=(f"可用图层:{names}", f"Layers: {names}"),
            )
        return found


@contextmanager
def opened(data: Path) -> Iterator[Opened]:
    """Open ``data`` (made when it is not there) and close it afterwards."""
    settings = Settings(data=data)
    data.mkdir(parents=True, exist_ok=True)
    catalog = Catalog.load(*settings.definitions)
    record = open_record(settings.record_place, catalog)
    try:
        yield Opened(settings, catalog, record)
    finally:
        record.close()
