"""The child process that folds changes into a new base: ``python -m app.compact DATA LAYER``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from geo.layers import Catalog
from geo.record.geopackage import open_record
from geo.snapshot import base


def main(data: Path, layer_id: str, definitions: list[Path]) -> None:
    os.nice(5)  # answering comes first
    catalog = Catalog.load(*definitions)
    record = open_record(data / "record.gpkg", catalog)
    try:
        base.compact(record, catalog.layers[layer_id], data / "snapshots")
    finally:
        record.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], [Path(folder) for folder in sys.argv[3:]])
