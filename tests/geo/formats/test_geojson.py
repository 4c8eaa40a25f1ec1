"""GeoJSON bytes: valid JSON for any data, equal to what json and shapely say."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.formats.geojson import features_bytes, geometry_bytes, properties_json
from geo.snapshot.flat import from_shapely

pytestmark = pytest.mark.unit


def split(buffer: np.ndarray, offsets: np.ndarray) -> list[bytes]:
    data = buffer.tobytes()
    return [data[a:b] for a, b in pairwise(offsets)]


def written(shapes: list[Any], kind: Any, decimals: int = 9) -> list[Any]:
    flat = from_shapely(np.array([*shapes, None], dtype=object), kind)
    parts = split(*geometry_bytes(flat, np.arange(len(shapes)), decimals))
    return [orjson.loads(part) for part in parts]


_SQUARE = shapely.box(122.5, 45.25, 122.75, 45.5)
_HOLED = _SQUARE.difference(shapely.box(122.6, 45.3, 122.7, 45.4))
_FAR = shapely.box(-180, -90, -179.999999999, -0.000000001)


@pytest.mark.parametrize(
    ("kind", "shapes"),
    [
        ("Point", [shapely.Point(122.5, -45.25), None, shapely.Point(0, 1e-9), shapely.Point()]),
        (
            "MultiLineString",
            [
                shapely.LineString([(1, 2), (-3.5, 4.125)]),
                None,
                shapely.MultiLineString([[(1, 2), (3, 4)], [(5, 6), (7, 8), (9, 10)]]),
            ],
        ),
        (
            "MultiPolygon",
            [_SQUARE, None, _HOLED, shapely.MultiPolygon([_HOLED, _FAR]), shapely.MultiPolygon()],
        ),
    ],
)
def test_geometries_come_back(kind: Any, shapes: list[Any]) -> None:
    for shape, found in zip(shapes, written(shapes, kind), strict=True):
        if shape is None or shape.is_empty:
            assert found is None
            continue
        assert found["type"] == kind
        back = shapely.from_geojson(orjson.dumps(found))
        assert shapely.get_parts(back).tolist() == pytest.approx(shapely.get_parts(shape).tolist())
        np.testing.assert_allclose(
            shapely.get_coordinates(back), shapely.get_coordinates(shape), atol=5.1e-10
        )


def test_rows_are_taken_in_order() -> None:
    shapes = [shapely.Point(i, -i) for i in range(5)]
    flat = from_shapely(np.array(shapes, dtype=object), "Point")
    parts = split(*geometry_bytes(flat, np.array([4, 0, 4])))
    assert [orjson.loads(p)["coordinates"] for p in parts] == [[4, -4], [0, 0], [4, -4]]
    assert geometry_bytes(flat, np.array([], dtype=np.int64))[1].tolist() == [0]


def test_other_coordinates_take_the_place_of_the_stored() -> None:
    flat = from_shapely(np.array([_SQUARE, _HOLED], dtype=object), "MultiPolygon")
    moved = geometry_bytes(flat, np.array([1]), 4, xy=flat.xy + np.array([1000.0, 0.00004]))
    found = shapely.from_geojson(moved[0].tobytes())
    assert shapely.bounds(found).tolist() == [1122.5, 45.25, 1122.75, 45.5]
    with pytest.raises(ValueError, match="in place of"):
        geometry_bytes(flat, np.array([1]), xy=flat.xy[:3])
    with pytest.raises(IndexError):
        geometry_bytes(flat, np.array([2]))


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (0.0, 9, b"0"),
        (-0.0, 9, b"0"),
        (-1e-12, 9, b"0"),
        (1e-9, 9, b"0.000000001"),
        (-0.001, 9, b"-0.001"),
        (122.5, 9, b"122.5"),
        (100.0, 9, b"100"),
        (-180.0, 9, b"-180"),
        (0.1 + 0.2, 9, b"0.3"),
        (9.9999999999, 9, b"10"),
        (41500123.4567, 4, b"41500123.4567"),
        (41500123.4567, 0, b"41500123"),
        (2.5, 0, b"2"),
        (8999999999.0, 9, b"8999999999"),
    ],
)
def test_numbers(value: float, decimals: int, text: bytes) -> None:
    flat = from_shapely(np.array([shapely.Point(value, 7)], dtype=object), "Point")
    buffer, _ = geometry_bytes(flat, np.array([0]), decimals)
    assert buffer.tobytes() == b'{"type":"Point","coordinates":[%b,7]}' % text


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-1e7, 1e7), st.floats(-90, 90)), min_size=1, max_size=20),
    st.integers(0, 9),
)
def test_numbers_are_the_nearest_decimals(pairs: list[Any], decimals: int) -> None:
    shapes = [shapely.Point(x, y) for x, y in pairs]
    for (x, y), found in zip(pairs, written(shapes, "Point", decimals), strict=True):
        for exact, read in zip((x, y), found["coordinates"], strict=True):
            assert abs(exact - read) <= 0.5 * 10.0**-decimals + abs(exact) * 4e-16


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e11])
def test_what_cannot_be_written_is_refused(value: float) -> None:
    flat = from_shapely(np.array([shapely.Point(1, 2)], dtype=object), "Point")
    with pytest.raises(ValueError, match="cannot be written"):
        geometry_bytes(flat, np.array([0]), xy=np.array([[value, 1.0]]))


# -- properties ------------------------------------------------------------------

_text = st.one_of(
    st.none(),
    st.text(max_size=8),
    st.sampled_from(['"', "\\", "\n", "\x00", "\x1f", "\x7f", "<b>", "良田😀", "\u2028", "é", ","]),
)
_number = st.one_of(st.none(), st.floats())
_columns: dict[str, tuple[pa.DataType, Any]] = {
    "text": (pa.string(), _text),
    "编号": (pa.dictionary(pa.int32(), pa.string()), _text),
    'key "quoted"': (pa.large_string(), _text),
    "number": (pa.float64(), _number),
    "single": (pa.float32(), st.one_of(st.none(), st.floats(width=32))),
    "integer": (pa.int64(), st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1))),
    "small": (pa.int32(), st.one_of(st.none(), st.integers(-9, 9))),
    "flag": (pa.bool_(), st.one_of(st.none(), st.booleans())),
    "day": (pa.date32(), st.one_of(st.none(), st.dates())),
    "moment": (
        pa.timestamp("us", "UTC"),
        st.one_of(
            st.none(),
            st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)).map(
                lambda t: t.replace(tzinfo=UTC)
            ),
        ),
    ),
    "nothing": (pa.null(), st.none()),
}


def plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value


@settings(max_examples=150, deadline=None)
@given(st.data(), st.lists(st.sampled_from(list(_columns)), min_size=1, unique=True))
def test_properties_are_json_of_the_values(data: st.DataObject, names: list[str]) -> None:
    count = data.draw(st.integers(0, 12))
    columns, expected = {}, []
    for name in names:
        kind, values = _columns[name]
        drawn = data.draw(st.lists(values, min_size=count, max_size=count))
        columns[name] = pa.array(drawn, kind)
        expected.append([plain(v) for v in columns[name].to_pylist()])
    start = data.draw(st.integers(0, count))
    sliced = {name: column.slice(start) for name, column in columns.items()}
    encoded = properties_json(sliced)
    assert encoded.type == pa.large_binary()
    found = [orjson.loads(row) for row in encoded.to_pylist()]
    assert [list(row) for row in found] == [names] * (count - start)
    for name, values in zip(names, expected, strict=True):
        for row, value in zip(found, values[start:], strict=True):
            if name == "single" and value is not None:
                assert np.float32(row[name]) == np.float32(value)
            else:
                assert row[name] == value
                assert type(row[name]) is type(value)


def test_properties_stay_as_they_are_written() -> None:
    encoded = properties_json(
        {"name": pa.array(["<良田>/"]), "at": pa.array([datetime(2024, 5, 1, 8, tzinfo=UTC)])}
    )
    assert encoded[0].as_py().decode() == '{"name":"<良田>/","at":"2024-05-01T08:00:00Z"}'
    assert properties_json({}, 2).to_pylist() == [b"{}", b"{}"]
    assert len(properties_json({"a": pa.array([], pa.string())})) == 0
    with pytest.raises(TypeError, match="no GeoJSON form"):
        properties_json({"a": pa.array([[1]])})


def test_many_blocks_keep_their_rows() -> None:
    count = 20_001
    names = pa.array([f"n{i % 7}" for i in range(count)]).dictionary_encode()
    encoded = properties_json({"i": pa.array(range(count)), "name": names})
    rows = orjson.loads(b"[" + b",".join(encoded.to_pylist()) + b"]")
    assert rows == [{"i": i, "name": f"n{i % 7}"} for i in range(count)]


# -- features --------------------------------------------------------------------


def test_features() -> None:
    shapes = np.array([_HOLED, None, _SQUARE], dtype=object)
    flat = from_shapely(shapes, "MultiPolygon")
    whole = properties_json({"code": pa.array(["a", 'b"', "良"])})
    rows = np.array([2, 0, 1])
    ids = np.array([2**62 + 1, 0, -7])
    body = features_bytes(ids, geometry_bytes(flat, rows), whole, rows)
    found = orjson.loads(b"[" + body + b"]")
    assert [f["id"] for f in found] == ids.tolist()
    assert [f["properties"]["code"] for f in found] == ["良", "a", 'b"']
    assert [f["type"] for f in found] == ["Feature"] * 3
    assert found[2]["geometry"] is None
    assert shapely.from_geojson(orjson.dumps(found[1]["geometry"])).equals(_HOLED)
    taken = features_bytes(ids, geometry_bytes(flat, rows), whole.take(pa.array(rows)))
    assert taken == body
    without = orjson.loads(b"[" + features_bytes(ids, None, whole, rows) + b"]")
    assert [f["geometry"] for f in without] == [None] * 3
    assert features_bytes(np.array([], dtype=np.int64), None, whole, np.array([], int)) == b""
    with pytest.raises(ValueError, match="different lengths"):
        features_bytes(ids[:2], None, whole)
    with pytest.raises(IndexError):
        features_bytes(ids, None, whole, np.array([0, 1, 3]))
