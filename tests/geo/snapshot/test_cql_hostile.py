"""Filters made to cost: refused while they are read, or stopped in time; others go on meanwhile."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely

from geo.errors import Rejected
from geo.snapshot.cql import Limited, parse
from tests.geo.snapshot.cql_reference import LAYER

pytestmark = pytest.mark.unit
COUNT = 400_000


class Many:
    """A large layer: numbers, distinct texts and small squares; made once."""

    def __init__(self) -> None:
        rng = np.random.default_rng(2)
        self.length = COUNT
        self.layer = LAYER
        numbers = rng.uniform(0.5, 2, COUNT)
        texts = pa.array([f"示范Straße{i}" for i in range(COUNT)])
        self.columns: dict[str, pa.Array] = {
            "a": pa.array(numbers),
            "name": texts.dictionary_encode(),
        }
        x, y = rng.uniform(122, 123, COUNT), rng.uniform(45, 46, COUNT)
        self.sides = np.column_stack((x, y, x + 2e-4, y + 2e-4))

    def column(self, name: str, rows: np.ndarray | None = None) -> pa.Array:
        array = self.columns[name]
        return array if rows is None else array.take(pa.array(rows))

    def bounds(self, rows: np.ndarray | None = None) -> np.ndarray:
        return self.sides if rows is None else self.sides[rows]

    def geometries(self, rows: np.ndarray) -> np.ndarray:
        return shapely.box(*self.sides[rows].T)

    def search(self, minx: float, miny: float, maxx: float, maxy: float) -> np.ndarray:
        return np.arange(COUNT)


@pytest.fixture(scope="module")
def many() -> Many:
    return Many()


def scribble(count: int, seed: int = 1) -> Any:
    points = np.random.default_rng(seed).uniform((122, 45), (123, 46), (count, 2))
    return shapely.LineString(np.round(points, 2))


def zigzag(count: int) -> Any:
    x = np.linspace(122, 123, count)
    return shapely.LineString(np.column_stack((np.round(x, 4), 45 + np.arange(count) % 2)))


def json_of(name: str, *geometries: Any) -> dict[str, Any]:
    shapes = [shapely.geometry.mapping(g) for g in geometries]
    args = shapes if len(shapes) == 2 else [{"property": "geom"}, *shapes]
    return {"op": name, "args": args}


def power_tower(depth: int) -> str:
    """Arithmetic on every row, as long as a filter may be."""
    return " + ".join(["a ^ (a ^ (a ^ a))"] * depth) + " > 1"


COSTLY = {
    "arithmetic": (power_tower(20), "cql2-text"),
    "folding": (" OR ".join(f"CASEI(name) = CASEI('x{i}')" for i in range(30)), "cql2-text"),
    "patterns": (" OR ".join(f"name LIKE '%a%b{i}%c%'" for i in range(30)), "cql2-text"),
    "zigzag": (json_of("s_crosses", zigzag(450)), "cql2-json"),
    "points": (json_of("s_touches", shapely.MultiPoint(scribble(450).coords)), "cql2-json"),
    "disjoint": (
        {"op": "not", "args": [json_of("s_disjoint", scribble(450))]},
        "cql2-json",
    ),
}


@pytest.mark.parametrize("name", COSTLY)
def test_the_clock_stops_it(many: Many, name: str):
    """Each needs far longer than it is given; no step between two looks at the clock is long."""
    expression, language = COSTLY[name]
    limited = Limited(parse(expression, language, LAYER), seconds=0.05)  # type: ignore[arg-type]
    started = time.monotonic()
    with pytest.raises(Rejected, match="E_QUERY_TIME"):
        limited.mask(many)
    assert time.monotonic() - started < 1.5
    # The same clock for whatever else the request evaluates.
    with pytest.raises(Rejected, match="E_QUERY_TIME"):
        limited.mask(many, np.array([1]))


def test_others_go_on_meanwhile(many: Many):
    """While filters run in threads, this one gets a turn every few dozen milliseconds."""
    limited = [
        Limited(parse(expression, language, LAYER), seconds=1.0)  # type: ignore[arg-type]
        for expression, language in (COSTLY["arithmetic"], COSTLY["zigzag"])
    ]

    def run(each: Limited) -> None:
        with pytest.raises(Rejected, match="E_QUERY_TIME"):
            each.mask(many)

    threads = [threading.Thread(target=run, args=(each,)) for each in limited]
    for thread in threads:
        thread.start()
    gaps, last = [], time.monotonic()
    while any(thread.is_alive() for thread in threads):
        time.sleep(0.005)
        now = time.monotonic()
        gaps.append(now - last)
        last = now
    assert len(gaps) > 10
    assert float(np.median(gaps)) < 0.1


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        (json_of("s_touches", scribble(450)), "crosses itself"),
        (json_of("s_within", shapely.GeometryCollection([scribble(400)])), "collection"),
        (json_of("s_crosses", zigzag(200), scribble(200)), "together"),
    ],
)
def test_what_could_not_be_stopped_is_refused(expression: dict[str, Any], said: str):
    with pytest.raises(Rejected, match="E_FILTER") as caught:
        parse(expression, "cql2-json", LAYER)
    assert said in caught.value.detail[1]
    assert caught.value.fix is not None


def test_plain_ones_are_not_refused():
    for expression in (
        json_of("s_intersects", scribble(450)),
        json_of("s_crosses", zigzag(450)),
        json_of("s_within", shapely.Point(122.5, 45.5).buffer(0.2, quad_segs=20)),
        json_of("s_touches", scribble(50)),
    ):
        parse(expression, "cql2-json", LAYER)
