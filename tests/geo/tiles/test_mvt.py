"""Vector tiles read back by an independent, strict decoder."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.snapshot.flat import from_shapely
from geo.tiles import mvt
from geo.tiles.clip import clip, join
from geo.tiles.grid import EXTENT, tile
from geo.tiles.mvt import encode_mvt
from tests.geo.tiles.mvt_decoder import decode

pytestmark = pytest.mark.unit

HERE = tile(12, 3446, 1468)
WEST, SOUTH, EAST, NORTH = HERE.lonlat(0)
MIDDLE = ((WEST + EAST) / 2, (SOUTH + NORTH) / 2)


def points(count):
    rng = np.random.default_rng(count)
    xy = rng.uniform((WEST, SOUTH), (EAST, NORTH), (count, 2))
    return from_shapely(shapely.points(xy), "Point")


def features(data, name="layer"):
    layers = decode(data)
    assert list(layers) == [name]
    assert layers[name]["extent"] == EXTENT
    return layers[name]["features"]


def encode(flat, columns, ids=None, rows=None, name="layer"):
    rows = np.arange(len(flat)) if rows is None else rows
    return encode_mvt(name, HERE, flat, rows, ids, columns)


def test_every_type_of_value():
    when = dt.datetime(2024, 2, 29, 23, 59, 58, 123456, tzinfo=dt.UTC)
    before = dt.datetime(1949, 10, 1, 0, 0, 1, tzinfo=dt.UTC)
    columns = {
        "名称": pa.array(["示范田“一”", "", None, "示范田“一”"]).dictionary_encode(),
        "count": pa.array([0, -1, None, 2**62], pa.int64()),
        "area": pa.array([0.1, None, np.nan, -1e300]),
        "done": pa.array([True, False, None, True]),
        "day": pa.array([dt.date(2024, 2, 29), dt.date(1900, 3, 1), None, dt.date(9999, 12, 31)]),
        "time": pa.array([when, before, None, when], pa.timestamp("us", tz="UTC")),
        "empty": pa.array([None, None, None, None], pa.float64()),
    }
    got = features(encode(points(4), columns, np.array([7, 8, 9, 2**40])))
    assert [f["id"] for f in got] == [7, 8, 9, 2**40]
    assert got[0]["properties"] == {
        "名称": "示范田“一”", "count": 0, "area": 0.1, "done": True, "day": "2024-02-29",
        "time": "2024-02-29T23:59:58Z",
    }  # fmt: skip
    assert got[1]["properties"] == {
        "名称": "", "count": -1, "done": False, "day": "1900-03-01",
        "time": "1949-10-01T00:00:01Z",
    }  # fmt: skip
    assert got[2]["properties"] == {}
    assert got[3]["properties"]["count"] == 2**62
    assert got[3]["properties"]["area"] == -1e300
    assert got[3]["properties"]["day"] == "9999-12-31"


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, None, 3], pa.int16()),
        pa.array(["a", None, "b"]),
        pa.array(["a", None, "b"], pa.large_string()),
        pa.array([0.5, None, 2.0], pa.float32()),
        pa.array(["a", None, "b"]).dictionary_encode().cast(pa.dictionary(pa.int8(), pa.string())),
        pa.chunked_array([pa.array(["a", None]).dictionary_encode(),
                          pa.array(["b"]).dictionary_encode()]),
    ],
)  # fmt: skip
def test_neighbouring_types_are_taken_too(column):
    got = [f["properties"].get("x") for f in features(encode(points(3), {"x": column}))]
    assert got == column.to_pylist()


def test_a_type_that_tiles_cannot_carry():
    with pytest.raises(TypeError, match="list"):
        encode(points(1), {"x": pa.array([[1]])})


words = st.one_of(st.none(), st.sampled_from(["0101", "0102", "水田", "", "x" * 300]), st.text())
tables = st.integers(1, 40).flatmap(
    lambda n: st.fixed_dictionaries(
        {
            "a": st.lists(words, min_size=n, max_size=n),
            "b": st.lists(words, min_size=n, max_size=n),
            "i": st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
                          min_size=n, max_size=n),
            "j": st.lists(st.one_of(st.none(), st.integers(-3, 3)), min_size=n, max_size=n),
            "f": st.lists(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)),
                          min_size=n, max_size=n),
            "t": st.lists(st.one_of(st.none(), st.booleans()), min_size=n, max_size=n),
        }
    )
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(tables, st.data())
def test_properties_come_back(table, data):
    """Any values, any order of rows, columns sliced as a snapshot slices them."""
    types = {"a": pa.string(), "b": pa.string(), "i": pa.int64(), "j": pa.int64(),
             "f": pa.float64(), "t": pa.bool_()}  # fmt: skip
    n = len(table["a"])
    skip = data.draw(st.integers(0, 9))
    columns = {}
    for name, values in table.items():
        padded = [values[0]] * skip + values
        column = pa.array(padded, types[name])
        column = column.dictionary_encode() if name in "ab" else column
        columns[name] = column[skip:]
    rows = np.array(data.draw(st.permutations(range(n))))
    got = features(encode(points(n), columns, np.arange(n) + 1, rows))
    assert [f["id"] for f in got] == list(range(1, n + 1))
    for i, feature in enumerate(got):
        wanted = {k: v[i] for k, v in table.items() if v[i] is not None}
        assert feature["properties"] == wanted


def test_equal_values_of_several_columns_stand_once():
    same = pa.array(["0101", "0102"] * 50).dictionary_encode()
    numbers = pa.array([1, 2] * 50)
    data = encode(points(100), {"a": same, "b": same, "c": numbers, "d": numbers})
    assert data.count(b"0101") == 1
    assert len(features(data)) == 100


def test_the_values_of_what_is_not_shown_stay_out():
    flat = from_shapely(shapely.points([MIDDLE, (0, 0)]), "Point")
    data = encode(flat, {"a": pa.array(["seen", "unseen"]).dictionary_encode()}, np.array([1, 2]))
    assert b"unseen" not in data
    assert [f["id"] for f in features(data)] == [1]


def test_nothing_is_an_empty_tile():
    flat = from_shapely(shapely.points([(0, 0)]), "Point")
    assert encode(flat, {"a": pa.array([1])}) == b""
    assert encode(flat, {}, rows=np.empty(0, dtype=np.int64)) == b""


def test_no_columns_and_no_ids():
    got = features(encode(points(2), {}))
    assert [(f["id"], f["properties"]) for f in got] == [(None, {}), (None, {})]


def test_polygons_with_holes_and_parts():
    x, y = MIDDLE
    holed = shapely.box(x, y, x + 0.02, y + 0.02) - shapely.box(
        x + 0.005, y + 0.005, x + 0.01, y + 0.01
    )
    both = shapely.MultiPolygon([holed, shapely.box(x - 0.02, y, x - 0.01, y + 0.01)])
    flat = from_shapely(
        np.array([both, None, shapely.reverse(holed)], dtype=object), "MultiPolygon"
    )
    got = features(encode(flat, {"n": pa.array([1, 2, 3])}, np.array([10, 20, 30])))
    assert [f["id"] for f in got] == [10, 30]
    assert [[len(p) for p in f["parts"]] for f in got] == [[2, 1], [2]]
    assert got[0]["properties"] == {"n": 1}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.floats(1e-5, 0.3))
def test_any_polygons_make_a_valid_tile(seed, size):
    """Random stars, most of them cut; the decoder checks winding, closing and areas."""
    rng = np.random.default_rng(seed)
    count, corners = int(rng.integers(1, 30)), int(rng.integers(3, 12))
    angle = np.sort(rng.uniform(0, 2 * np.pi, (count, corners)), axis=1)
    radius = rng.uniform(0.1, 1, (count, corners)) * size
    xy = np.stack((np.cos(angle) * radius, np.sin(angle) * radius), axis=-1)
    centre = rng.uniform((WEST - 0.05, SOUTH - 0.05), (EAST + 0.05, NORTH + 0.05), (count, 1, 2))
    flat = from_shapely(shapely.polygons(xy + centre), "MultiPolygon")
    data = encode(flat, {"n": pa.array(range(count))}, np.arange(count))
    for feature in features(data) if data else []:
        assert feature["properties"] == {"n": feature["id"]}
        assert feature["type"] == 3


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(WEST - 0.1, EAST + 0.1), st.floats(SOUTH - 0.1, NORTH + 0.1)),
                min_size=2, max_size=30))  # fmt: skip
def test_lines_come_back(path):
    flat = from_shapely(np.array([shapely.LineString(path)]), "MultiLineString")
    pieces = clip(HERE, flat, np.array([0]))
    data = encode(flat, {}, np.array([5]))
    if not len(pieces):
        assert data == b""
        return
    (feature,) = features(data)
    ends = pieces.ring
    wanted = [[tuple(p) for p in pieces.xy[a:b].tolist()] for a, b in pairwise(ends)]
    assert (feature["type"], feature["parts"]) == (2, wanted)


def test_several_sources_make_one_layer():
    """A view's base and delta: pieces and columns one after another."""
    first, second = points(5), points(3)
    pieces = join([clip(HERE, first, np.arange(5)), clip(HERE, second, np.array([2, 0]))], [5, 2])
    column = pa.chunked_array(
        [pa.array(list("abcde")).dictionary_encode(), pa.array(list("xa")).dictionary_encode()]
    )
    got = features(mvt.encode("layer", pieces, np.arange(7), {"c": column}))
    assert [f["properties"]["c"] for f in got] == list("abcdexa")
    assert [f["id"] for f in got] == list(range(7))
    assert got[6]["parts"] == features(encode(second, {}, rows=np.array([0])))[0]["parts"]


def test_many_distinct_values():
    n = 5000
    codes = pa.array([f"2208{i:06d}" for i in range(n)]).dictionary_encode()
    columns = {"code": codes, "again": codes, "area": pa.array(np.arange(n) / 7)}
    got = features(encode(points(n), columns, np.arange(n)))
    assert [f["properties"]["again"] for f in got] == codes.to_pylist()
    assert [f["properties"]["area"] for f in got] == [i / 7 for i in range(n)]
