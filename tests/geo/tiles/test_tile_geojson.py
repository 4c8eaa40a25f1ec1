"""GeoJSON tiles: the vector tile's pieces as text that parsers and RFC 7946 accept."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import shape as to_shape

from geo.crs.gcj02 import shift
from geo.snapshot.flat import from_shapely
from geo.tiles.clip import clip
from geo.tiles.geojson import encode_geojson
from geo.tiles.grid import EXTENT, tile

pytestmark = pytest.mark.unit

HERE = tile(12, 3446, 1468)
WEST, SOUTH, EAST, NORTH = HERE.lonlat(0)
MIDDLE = ((WEST + EAST) / 2, (SOUTH + NORTH) / 2)
KIND = {"Point": "Point", "LineString": "MultiLineString", "Polygon": "MultiPolygon",
        "MultiPolygon": "MultiPolygon"}  # fmt: skip


def encode(shapes, columns, ids=None, here=HERE, **more):
    flat = from_shapely(np.array([*shapes, None], dtype=object)[:-1], KIND[shapes[0].geom_type])
    got = json.loads(encode_geojson(here, flat, np.arange(len(shapes)), ids, columns, **more))
    assert got["type"] == "FeatureCollection"
    assert all(f["type"] == "Feature" for f in got["features"])
    return got["features"]


def test_every_type_of_value():
    when = dt.datetime(2024, 2, 29, 23, 59, 58, 123456, tzinfo=dt.UTC)
    columns = {
        "名称": pa.array(['“一”"\\\n\t\x01', None]).dictionary_encode(),
        "count": pa.array([-(2**62), None], pa.int64()),
        "area": pa.array([57499.78, np.inf]),
        "tiny": pa.array([1e-300, np.nan]),
        "done": pa.array([True, None]),
        "day": pa.array([dt.date(2024, 2, 29), None]),
        "time": pa.array([when, None], pa.timestamp("us", tz="UTC")),
    }
    first, second = encode([shapely.Point(MIDDLE)] * 2, columns, np.array([3, 2**40]))
    assert (first["id"], second["id"]) == (3, 2**40)
    assert first["properties"] == {
        "名称": '“一”"\\\n\t\x01', "count": -(2**62), "area": 57499.78, "tiny": 1e-300,
        "done": True, "day": "2024-02-29", "time": "2024-02-29T23:59:58Z",
    }  # fmt: skip
    assert second["properties"] == dict.fromkeys(columns)


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), st.text()), min_size=1, max_size=20), st.text())
def test_any_text_comes_back(words, name):
    column = pa.array(words, pa.string()).dictionary_encode()
    got = encode([shapely.Point(MIDDLE)] * len(words), {name: column})
    assert [f["properties"][name] for f in got] == words
    assert all("id" not in f for f in got)


def test_polygons_wind_as_rfc_7946_wants():
    x, y = MIDDLE
    holed = shapely.box(x, y, x + 0.02, y + 0.02) - shapely.box(
        x + 0.005, y + 0.005, x + 0.01, y + 0.01
    )
    both = shapely.MultiPolygon([holed, shapely.box(x - 0.02, y, x - 0.01, y + 0.01)])
    single, multi = encode([shapely.reverse(holed), both], {})
    assert single["geometry"]["type"] == "Polygon"
    assert multi["geometry"]["type"] == "MultiPolygon"
    for rings in [single["geometry"]["coordinates"], *multi["geometry"]["coordinates"]]:
        for number, ring in enumerate(rings):
            assert ring[0] == ring[-1]
            assert shapely.LinearRing(ring).is_ccw == (number == 0)
    assert to_shape(multi["geometry"]).symmetric_difference(both).area < 0.01 * both.area


@pytest.mark.parametrize("name", ["WebMercatorQuad", "WorldCRS84Quad"])
@pytest.mark.parametrize("z", [0, 5, 12, 18, 22])
def test_grid_points_stay_apart(name, z):
    """Neighbouring points of the grid differ in the text, and lie where the grid says."""
    from geo.tiles.grid import matrix_set

    at = matrix_set(name).tile(*MIDDLE, z)
    here = tile(z, at.x, at.y, name)
    west, south, east, north = here.lonlat(0)
    line = shapely.LineString(
        [(west, (south + north) / 2), (east, (south + north) / 2 + (north - south) / 50)]
    )
    (feature,) = encode([line], {}, here=here)
    got = np.array(feature["geometry"]["coordinates"])
    pieces = clip(here, from_shapely(np.array([line]), "MultiLineString"), np.array([0]))
    plane = np.column_stack(
        (here.bounds[0] + pieces.xy[:, 0] * here.step, here.bounds[3] - pieces.xy[:, 1] * here.step)
    )
    step = (east - west) / EXTENT
    np.testing.assert_allclose(got, here.to_lonlat(plane), atol=step / 4)


def test_lines_and_points_in_several_parts():
    y = MIDDLE[1]
    there = shapely.LineString(
        [(WEST + 0.01, y), (EAST + 0.1, y), (EAST + 0.1, y + 0.01), (WEST + 0.01, y + 0.01)]
    )
    (feature,) = encode([there], {"n": pa.array([1])}, np.array([4]))
    assert feature["geometry"]["type"] == "MultiLineString"
    assert [len(part) for part in feature["geometry"]["coordinates"]] == [2, 2]
    (point,) = encode([shapely.Point(MIDDLE)], {})
    assert point["geometry"]["type"] == "Point"
    assert point["geometry"]["coordinates"] == pytest.approx(MIDDLE, abs=1e-5)


def test_negative_and_whole_degrees():
    here = tile(2, 0, 1, "WorldCRS84Quad")
    (feature,) = encode([shapely.Point(-150, 10.5)], {}, here=here)
    assert feature["geometry"]["coordinates"] == pytest.approx((-150, 10.5), abs=0.01)


def test_nothing_is_an_empty_collection():
    assert encode([shapely.Point(0, 0)], {"a": pa.array([1])}) == []


@pytest.mark.parametrize("datum", ["gcj02", "bd09"])
def test_shifted_for_web_maps(datum):
    x, y = MIDDLE
    parcel = shapely.box(x, y, x + 0.01, y + 0.01)
    (feature,) = encode([shapely.Point(MIDDLE)], {}, datum=datum)
    expected = shift(np.array([MIDDLE]), datum)[0]
    assert feature["geometry"]["coordinates"] == pytest.approx(expected, abs=2e-5)
    (area,) = encode([parcel], {}, np.array([9]), datum=datum)
    moved = shapely.transform(parcel, lambda xy: shift(xy, datum))
    assert to_shape(area["geometry"]).symmetric_difference(moved).area < 0.01 * moved.area


def test_pieces_are_those_of_the_vector_tile():
    rng = np.random.default_rng(3)
    centre = rng.uniform((WEST, SOUTH), (EAST, NORTH), (50, 2))
    shapes = [shapely.Point(c).buffer(0.004, 3) for c in centre]
    got = encode(shapes, {}, np.arange(50))
    pieces = clip(HERE, from_shapely(np.array(shapes), "MultiPolygon"), np.arange(50))
    assert [f["id"] for f in got] == pieces.kept.tolist()
    assert sum(len(f["geometry"]["coordinates"][0]) - 1 for f in got) == len(pieces.xy)


def test_steps_near_the_pole_stay_apart():
    """There latitudes of neighbouring steps differ by a tenth of what longitudes do."""
    (feature,) = encode([shapely.box(18, 84.999, 18.001, 85)], {}, here=tile(1, 1, 0))
    (ring,) = feature["geometry"]["coordinates"]
    assert len({y for _, y in ring}) == 2
    assert shapely.LinearRing(ring).is_ccw
