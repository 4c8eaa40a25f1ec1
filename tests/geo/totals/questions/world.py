"""A small world of hand-written features to ask questions about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from geo import crs
from geo.layers import Catalog
from geo.record.geopackage import open_record
from geo.record.protocol import Author, ChangeSet, Record, attribute_schema
from geo.snapshot.store import Snapshots
from geo.totals.definitions import Definitions
from geo.totals.question import Question
from geo.totals.questions.model import Answer, Moment, Source, Weekly
from geo.totals.targets import load
from geo.totals.total import Total, total
from geo.totals.views import At

DATA = Path(__file__).resolve().parents[4] / "data"
CATALOG = Catalog.load(DATA)
DEFINITIONS = Definitions.load(CATALOG.layers, DATA)
TARGETS = {target.id: target for target in load([DATA])}
AUTHOR = Author("王工", "测试", "test")
TODAY = date(2026, 6, 1)
NOON = time(12)
PLANE = "EPSG:4550"


def square(x: float, y: float, width: float = 1.0, height: float = 1.0) -> shapely.Geometry:
    """A rectangle in kilometres of the zone's plane (1 km² is about 1,500 mu)."""
    east, north = 480_000 + 1000 * x, 5_030_000 + 1000 * y
    return shapely.box(east, north, east + 1000 * width, north + 1000 * height)


def line(*points: tuple[float, float]) -> shapely.Geometry:
    return shapely.LineString([(480_000 + 1000 * x, 5_030_000 + 1000 * y) for x, y in points])


def inserts(layer: str, features: list[dict[str, Any]]) -> ChangeSet:
    """Features as dictionaries; ``geom`` in the zone's plane."""
    definition = CATALOG.layers[layer]
    schema = attribute_schema(definition)
    columns = [pa.array([f.get(name) for f in features], kind)
               for name, kind in zip(schema.names, schema.types, strict=True)]  # fmt: skip
    shapes = None
    if definition.geometry:
        plane = np.empty(len(features), dtype=object)
        plane[:] = [f.get("geom", shapely.Point(480_000, 5_030_000)) for f in features]
        shapes = crs.transform(plane, PLANE)
    return ChangeSet.inserts(layer, pa.Table.from_arrays(columns, schema=schema), shapes)


class World:
    def __init__(self, record: Record, folder: Path) -> None:
        self.record = record
        self.snapshots = Snapshots(record, folder / "snapshots")
        self.reports: dict[int, dict[str, Any]] = {}

    def put(self, on: date = date(2025, 1, 2), **layers: list[dict[str, Any]]) -> int:
        """Commit new features at noon of a day; the revision."""
        return self.commit([inserts(layer, features) for layer, features in layers.items()], on)

    def update(self, on: date, layer: str, fids: list[int], features: list[dict[str, Any]]) -> int:
        made = inserts(layer, features)
        assert made.attributes is not None
        change = ChangeSet.updates(layer, np.array(fids), made.attributes, made.geometry)
        return self.commit([change], on)

    def commit(self, sets: list[ChangeSet], on: date) -> int:
        done, _ = self.record.commit(sets, AUTHOR, time=datetime.combine(on, NOON, UTC))
        self.snapshots.refresh()
        return done.revision

    def total(self, question: Question, moment: Moment = None) -> Total:
        return total(At(self.snapshots, moment), question, CATALOG.layers)

    @property
    def source(self) -> Source:
        return Source(
            CATALOG, self.snapshots.view, TODAY, self.total, DEFINITIONS, TARGETS,
            self.snapshots.commits(), self.reports.get,
        )  # fmt: skip

    def ask(self, question: Weekly, **parameters: object) -> Answer:
        return question.answer(self.source, question.parameters.model_validate(parameters))

    def table(self, question: Weekly, name: str, **parameters: object) -> list[dict[str, Any]]:
        """Rows of one table of the answer, as dictionaries."""
        answer = self.ask(question, **parameters)
        found = next(table for table in answer.tables if table.name == name)
        names = [column.name for column in found.columns]
        return [dict(zip(names, row, strict=True)) for row in found.rows]


@contextmanager
def world(folder: Path) -> Iterator[World]:
    record = open_record(folder / "record.gpkg", CATALOG)
    try:
        yield World(record, folder)
    finally:
        record.close()
