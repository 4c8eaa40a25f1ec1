"""The child process that folds changes into a new base: ``python -m app.compact DATA LAYER``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from app.settings import Settings
from geo.layers import Catalog
from geo.record.place import open_record
from geo.snapshot import base
from geo.snapshot.store import MOST_DELTA_ROWS

#: Another worker may have just built a base; then there is nothing to do.
LEAST = MOST_DELTA_ROWS // 4


def main(data: Path, layer_id: str, definitions: list[Path]) -> None:
    os.nice(5)  # answering comes first
    catalog = Catalog.load(*definitions)
    record = open_record(Settings(data=data).record_place, catalog)
    try:
        base.compact(record, catalog.layers[layer_id], data / "snapshots", least=LEAST)
    finally:
        record.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], [Path(folder) for folder in sys.argv[3:]])
