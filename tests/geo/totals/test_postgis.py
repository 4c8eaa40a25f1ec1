"""The same totals by our code, by PostGIS geography and by the official series."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import shapely

from geo.area import official_area
from geo.totals.total import Question
from tests.environment import postgres_bin
from tests.geo.totals.fields import array, ask, view_of
from tests.geo.totals.questions.world import square
from tests.postgres import PostgresServer, postgres_server

pytestmark = [
    pytest.mark.postgis,
    pytest.mark.skipif(postgres_bin() is None, reason="PostGIS is not installed"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        running.create_database("totals")
        yield running


def skewed(xy: np.ndarray) -> np.ndarray:
    return xy + (xy - xy.mean(axis=0))[:, ::-1] * np.array([0.1, -0.15])


def fields(rng: np.random.Generator, count: int) -> list[shapely.Geometry]:
    """Slanting fields of about 100 m to 400 m, some with holes, some of two parts."""
    made = []
    for number in range(count):
        x, y = rng.uniform(0, 12, 2)
        width, height = rng.uniform(0.1, 0.4, 2)
        shape = shapely.transform(square(x, y, width, height), skewed)
        if number % 5 == 0:
            shape = shape.difference(shapely.centroid(shape).buffer(30))
        if number % 7 == 0:
            shape = shapely.union(
                shape, shapely.transform(shape, lambda xy: xy + np.array([0, 900]))
            )
        made.append(shape)
    return made


def table(server: PostgresServer, name: str, shapes: list[shapely.Geometry]) -> None:
    server.sql(f"create table {name} (id int, geom geometry(Geometry, 4490))", "totals")
    stored = shapely.set_srid(array(*shapes), 4490)
    wkb = shapely.to_wkb(stored, hex=True, include_srid=True)
    lines = (f"{i}\t{text}\n".encode() for i, text in enumerate(wkb))
    server.copy(name, lines, "totals")


def test_three_ways_agree(server: PostgresServer):
    rng = np.random.default_rng(11)
    parcels = fields(rng, 300)
    # Districts with short edges: PostGIS cuts along lon/lat, we in the survey's plane.
    zones = [shapely.segmentize(z, 50) for z in (square(1, 1, 5, 9), square(6, 1, 5, 9))]
    table(server, "parcels", parcels)
    table(server, "districts", zones)
    answer = server.sql(
        "select d.id, sum(st_area(st_intersection(p.geom, d.geom)::geography)) from parcels p "
        "join districts d on st_intersects(p.geom, d.geom) group by 1 order by 1", "totals",
    )  # fmt: skip
    theirs = [float(line.split("|")[1]) for line in answer.splitlines()]
    views = {"parcels": view_of("parcels", parcels), "districts": view_of("districts", zones)}
    found = ask(views, Question("parcels", by=("districts",), measure="sum"))
    ours = [row.measure for row in found.rows[:2]]
    official = [
        sum(official_area(s) for s in array(*shapely.intersection(parcels, zone))) for zone in zones
    ]
    assert ours == pytest.approx(theirs, rel=1e-6)
    assert ours == pytest.approx(official, rel=1e-6)

    union = ask(views, Question("parcels"))
    once = server.sql("select st_area(st_union(geom)::geography) from parcels", "totals")
    assert union.total.measure == pytest.approx(float(once), rel=1e-6)
    assert union.total.measure == pytest.approx(
        official_area(array(shapely.union_all(parcels))[0]), rel=1e-6
    )
    assert union.total.removed > 0
