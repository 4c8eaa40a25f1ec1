"""Others judge our tiles: Mapbox's reader and fixtures, shapely, and each encoder the other."""

from __future__ import annotations

import base64
import datetime as dt
import json
import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import shape as to_shape

from geo.snapshot.flat import from_shapely
from geo.tiles.geojson import encode_geojson
from geo.tiles.grid import BUFFER, EXTENT, matrix_set, tile
from geo.tiles.mvt import encode_mvt
from tests.environment import NODE_MODULES, node
from tests.geo.tiles.mvt_decoder import decode

pytestmark = pytest.mark.unit

HERE = tile(12, 3446, 1468)
WEST, SOUTH, EAST, NORTH = HERE.lonlat(0)
needs_node = pytest.mark.skipif(
    node() is None or not (NODE_MODULES / "@mapbox/mvt-fixtures").exists(),
    reason="Node and the modules of app/web are not installed: make page",
)


def run(script: str, *arguments: object) -> list[dict]:
    path = Path(__file__).with_name(script)
    done = subprocess.run(
        [node(), path, NODE_MODULES, *map(str, arguments)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines()]


def flat_of(shapes):
    kinds = {"Point": "Point", "LineString": "MultiLineString", "Polygon": "MultiPolygon",
             "MultiPolygon": "MultiPolygon", "MultiLineString": "MultiLineString"}  # fmt: skip
    first = next(s for s in shapes if s is not None)
    return from_shapely(np.array([*shapes, None], dtype=object)[:-1], kinds[first.geom_type])


def columns_of(count):
    """Every type of field, with nulls."""

    def some(values):
        return [None if i % 4 == 3 else value for i, value in enumerate(values)]

    day = dt.date(2024, 2, 28)
    midnight = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    times = [midnight + dt.timedelta(hours=i) for i in range(count)]
    return {
        "名称": pa.array(some([f"地块{i % 5}" for i in range(count)])).dictionary_encode(),
        "code": pa.array([f"2208{i:04d}" for i in range(count)]).dictionary_encode(),
        "year": pa.array(some(list(range(2000, 2000 + count))), pa.int64()),
        "delta": pa.array(some([-i for i in range(count)]), pa.int64()),
        "area": pa.array(some([i / 3 for i in range(count)]), pa.float64()),
        "ok": pa.array(some([i % 2 == 0 for i in range(count)]), pa.bool_()),
        "day": pa.array(some([day + dt.timedelta(i) for i in range(count)]), pa.date32()),
        "time": pa.array(some(times), pa.timestamp("us", tz="UTC")),
        "nothing": pa.nulls(count, pa.int64()),
    }  # fmt: skip


def layers_of_shapes():
    x, y = (WEST + EAST) / 2, (SOUTH + NORTH) / 2
    rng = np.random.default_rng(4)
    spots = rng.uniform((WEST - 0.02, SOUTH - 0.02), (EAST + 0.02, NORTH + 0.02), (30, 2))
    hole = shapely.box(x + 0.01, y + 0.01, x + 0.015, y + 0.015)
    holed = shapely.box(x, y, x + 0.02, y + 0.02) - hole
    sizes, ways = np.geomspace(1e-8, 0.05, 30), rng.normal(0, 0.02, (30, 2))
    polygons = [shapely.Point(s).buffer(r, 4) for s, r in zip(spots, sizes, strict=True)]
    lines = [shapely.LineString([s, s + way]) for s, way in zip(spots, ways, strict=True)]
    several = shapely.MultiPolygon([holed, shapely.Point(x - 0.03, y).buffer(0.01)])
    return {
        "points": [*map(shapely.Point, spots), None],
        "lines": [*lines, shapely.MultiLineString(lines[:2]), lines[0], None],
        "polygons": [*polygons, holed, several, None],
    }


@needs_node
def test_mapbox_reads_what_we_wrote(tmp_path):
    files, ours = [], []
    for name, shapes in layers_of_shapes().items():
        ids = np.arange(len(shapes)) + 2**40
        data = encode_mvt(
            name, HERE, flat_of(shapes), np.arange(len(shapes)), ids, columns_of(len(shapes))
        )
        (tmp_path / name).write_bytes(data)
        files.append(tmp_path / name)
        ours.append((name, decode(data)[name]))
    for (name, layer), found in zip(ours, run("judge.mjs", *files), strict=True):
        (theirs,) = found
        assert (theirs["name"], theirs["version"], theirs["extent"]) == (name, 2, EXTENT)
        assert len(theirs["features"]) == len(layer["features"]) > 10
        for a, b in zip(theirs["features"], layer["features"], strict=True):
            assert (a["id"], a["type"], a["properties"]) == (b["id"], b["type"], b["properties"])
            parts = b["parts"] if b["type"] != 1 else [[p] for p in b["parts"]]
            if b["type"] == 3:
                parts = [[*ring, ring[0]] for polygon in parts for ring in polygon]
                assert len(a["geometry"]["coordinates"]) > 0
            assert a["parts"] == [[list(p) for p in part] for part in parts]


@needs_node
def test_our_reader_refuses_what_the_fixtures_call_invalid():
    """The strict reader is itself judged: no invalid fixture passes it."""
    passed = []
    for fixture in run("fixtures.mjs"):
        try:
            decode(base64.b64decode(fixture["tile"]))
        except (AssertionError, ValueError, KeyError, IndexError, UnicodeDecodeError):
            continue
        passed.append((fixture["id"], fixture["valid"]))
    assert [name for name, valid in passed if not valid] == []
    assert len(passed) > 20


def same(first, second):
    """The features of a vector tile and of a GeoJSON tile, one by one."""
    assert [f["id"] for f in first] == [f["id"] for f in second]
    for a, b in zip(first, second, strict=True):
        shown = {k: v for k, v in b["properties"].items() if v is not None}
        assert a["properties"] == shown
        kind = b["geometry"]["type"].removeprefix("Multi")
        assert kind == {1: "Point", 2: "LineString", 3: "Polygon"}[a["type"]]
        coordinates = b["geometry"]["coordinates"]
        if not b["geometry"]["type"].startswith("Multi"):
            coordinates = [coordinates]
        assert len(coordinates) == len(a["parts"])
        if kind == "Point":
            count = len(a["parts"])
        elif kind == "LineString":
            count = sum(map(len, a["parts"]))
        else:
            count = sum(len(ring) + 1 for part in a["parts"] for ring in part)
        assert shapely.get_num_coordinates(to_shape(b["geometry"])) == count


@pytest.mark.parametrize("name", ["points", "lines", "polygons"])
def test_both_encoders_draw_the_same(name):
    shapes = layers_of_shapes()[name]
    arguments = (HERE, flat_of(shapes), np.arange(len(shapes)), np.arange(len(shapes)) + 1)
    columns = columns_of(len(shapes))
    layer = decode(encode_mvt("layer", *arguments, columns))["layer"]
    text = json.loads(encode_geojson(*arguments, columns))
    same(layer["features"], text["features"])


@st.composite
def scenes(draw):
    """A tile anywhere, and polygons around it: stars, slivers, specks, holes, spikes, parts."""
    z = draw(st.integers(0, 20))
    lon = draw(st.one_of(st.floats(122, 124), st.sampled_from([-179.9999, 179.9999, 0.0])))
    lat = draw(st.one_of(st.floats(44, 47), st.floats(-80, 80)))
    name = draw(st.sampled_from(["WebMercatorQuad", "WorldCRS84Quad"]))
    at = matrix_set(name).tile(lon, lat, z)
    here = tile(z, at.x, at.y, name)
    west, south, east, north = here.lonlat(0)
    wide, high = east - west, north - south
    shapes = []
    for _ in range(draw(st.integers(1, 5))):
        x = west + wide * draw(st.one_of(st.floats(-0.3, 1.3), st.sampled_from([0.0, 1.0])))
        y = south + high * draw(st.one_of(st.floats(-0.3, 1.3), st.sampled_from([0.0, 1.0])))
        size = 10 ** draw(st.floats(-6, 0.5))
        radii = np.array(draw(st.lists(st.floats(0.01, 1), min_size=3, max_size=16))) * size
        angle = 2 * np.pi * np.arange(len(radii)) / len(radii)
        flatness = draw(st.sampled_from([1.0, 1.0, 1e-4]))
        around = np.column_stack((np.cos(angle) * wide, np.sin(angle) * high * flatness))
        ring = np.clip(around * radii[:, None] + np.array([x, y]), (-180, -85), (180, 85))
        middle = np.clip([x, y], (-180, -85), (180, 85))
        holes = [middle + (ring - middle)[::-1] * 0.5] if draw(st.booleans()) else []
        shapes.append(shapely.Polygon(ring, holes))
    if draw(st.booleans()):
        shapes.append(shapely.MultiPolygon(shapes))
    return here, shapes


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenes())
def test_any_scene_is_valid_and_the_same_in_both(scene):
    here, shapes = scene
    arguments = (here, flat_of(shapes), np.arange(len(shapes)), np.arange(len(shapes)))
    column = {"n": pa.array(range(len(shapes)))}
    data = encode_mvt("layer", *arguments, column)
    text = json.loads(encode_geojson(*arguments, column))
    if not data:
        assert text["features"] == []
        return
    layer = decode(data)["layer"]
    same(layer["features"], text["features"])
    for feature in layer["features"]:
        points = np.array([p for part in feature["parts"] for ring in part for p in ring])
        assert points.min() >= -BUFFER
        assert points.max() <= EXTENT + BUFFER
    for feature in text["features"]:
        for part in shapely.get_parts(to_shape(feature["geometry"])):
            assert signed_area(part.exterior) > 0
            assert all(signed_area(hole) < 0 for hole in part.interiors)


def signed_area(ring: shapely.LinearRing) -> float:
    """Positive for counter-clockwise rings, also for those that clipping makes touch themselves."""
    points = shapely.get_coordinates(ring)
    x, y = (points - points[0]).T  # steps of a deep zoom are lost beside whole degrees
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(122, 124),
    st.floats(44, 47),
    st.floats(-9, -2),
    st.integers(5, 18),
    st.sampled_from(["polygon", "line", "point"]),
)
def test_no_feature_vanishes(lon, lat, power, z, kind):
    """However small: the tile that holds its first vertex shows it."""
    size = 10**power
    shape = {
        "polygon": shapely.Polygon([(lon, lat), (lon + size, lat), (lon, lat + size / 3)]),
        "line": shapely.LineString([(lon, lat), (lon + size, lat + size / 2)]),
        "point": shapely.Point(lon, lat),
    }[kind]
    lon, lat = shapely.get_coordinates(shape)[0]
    at = matrix_set("WebMercatorQuad").tile(lon, lat, z)
    here = tile(z, at.x, at.y)
    ids = np.array([7])
    layer = decode(encode_mvt("layer", here, flat_of([shape]), np.array([0]), ids, {}))["layer"]
    assert [f["id"] for f in layer["features"]] == [7]
