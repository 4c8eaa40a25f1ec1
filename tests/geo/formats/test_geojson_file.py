"""GeoJSON with wrong keys, wrong encodings and wrong numbers: each gets an answer, none a guess."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import Rejected
from geo.formats import geojson_file
from tests import shared

pytestmark = pytest.mark.unit
SHARED = shared.DATA / "malformed/geojson_invalid_geometry/examples"
POINT = {"type": "Point", "coordinates": [123.0, 45.0]}


def feature(geometry: object = None, **properties: object) -> dict:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def collection(*features: object) -> dict:
    return {"type": "FeatureCollection", "features": list(features)}


def save(folder: Path, content: object, encoding: str = "utf-8") -> Path:
    path = folder / "a.geojson"
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    path.write_bytes(text.encode(encoding))
    return path


def test_features_and_columns(tmp_path: Path) -> None:
    content = geojson_file.read(
        save(
            tmp_path, collection(feature(POINT, 编号="A", n=1), feature(None, n=2.5, x={"a": [1]}))
        )
    )
    assert content.attributes.to_pydict() == {
        "编号": ["A", None], "n": [1.0, 2.5], "x": [None, '{"a": [1]}'],
    }  # fmt: skip
    assert content.geometry[0].coords[0] == (123, 45)
    assert content.geometry[1] is None
    assert not content.broken.any()
    assert content.crs == "OGC:CRS84"


def test_mixed_values_become_text(tmp_path: Path) -> None:
    rows = [feature(POINT, a=value) for value in (1, "二", None, True)]
    content = geojson_file.read(save(tmp_path, collection(*rows)))
    assert content.attributes["a"].to_pylist() == ["1", "二", None, "true"]


@pytest.mark.parametrize(("encoding", "expected"), [("utf-8-sig", "utf-8"), ("gbk", "gb18030")])
def test_encodings(tmp_path: Path, encoding: str, expected: str) -> None:
    content = geojson_file.read(save(tmp_path, collection(feature(POINT, a="镇赉县")), encoding))
    assert content.attributes["a"].to_pylist() == ["镇赉县"]
    assert content.encoding.value == expected


def test_crs_member_of_desktop_software(tmp_path: Path) -> None:
    name = "urn:ogc:def:crs:EPSG::4490"
    content = collection(feature(POINT)) | {"crs": {"type": "name", "properties": {"name": name}}}
    assert geojson_file.read(save(tmp_path, content)).crs == name


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", "1", "null", '{"type": "FeatureCollection"}',
        {"type": "FeatureCollection", "features": {}},
        {"type": "featurecollection", "features": []},
        collection(None), collection({"type": "feature"}),
        collection({"type": "Feature", "geom": POINT, "properties": {}}),
        collection({"type": "Feature", "geometry": "POINT (1 1)", "properties": {}}),
        collection({"type": "Feature", "geometry": POINT, "properties": [1]}),
        "[" * 100_000,
        '{"type":' * 100_000,
    ],
)  # fmt: skip
def test_wrong_structure(tmp_path: Path, content: object) -> None:
    with pytest.raises(Rejected) as caught:
        geojson_file.read(save(tmp_path, content))
    assert caught.value.code == "E_GEOJSON"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_not_a_number(tmp_path: Path, number: str) -> None:
    text = json.dumps(collection(feature(POINT))).replace("45.0", number)
    with pytest.raises(Rejected, match="E_COORD"):
        geojson_file.read(save(tmp_path, text))


@pytest.mark.parametrize(
    "coordinates",
    [[], [1], ["a", "b"], [[1, 2]], None, 5, [None, None], [[[1, 2]]]],
)
def test_geometry_that_cannot_be_read_is_marked(tmp_path: Path, coordinates: object) -> None:
    bad = {"type": "Point", "coordinates": coordinates}
    content = geojson_file.read(save(tmp_path, collection(feature(POINT), feature(bad))))
    empty = content.geometry[1] is not None and content.geometry[1].is_empty
    assert content.broken.tolist() == [False, not empty]


def test_too_many_columns(tmp_path: Path) -> None:
    rows = [feature(POINT, **{f"c{i}": 1 for i in range(1001)})]
    with pytest.raises(Rejected, match="E_COLUMNS"):
        geojson_file.read(save(tmp_path, collection(*rows)))


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(["type", "features", "geometry", "properties", "coordinates", "crs"]),
            st.one_of(inner, st.sampled_from(["FeatureCollection", "Feature", "Point"])),
            max_size=4,
        ),
    ),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(values)
def test_any_json_is_read_or_refused(tmp_path_factory, value) -> None:
    try:
        content = geojson_file.read(save(tmp_path_factory.mktemp("g"), value))
    except Rejected:
        return
    assert len(content.geometry) == len(content.broken)


@shared.needs
def test_collected_invalid_files() -> None:
    for path in sorted(SHARED.rglob("valid_*.geojson")):
        if path.name.startswith("valid"):
            assert not geojson_file.read(path).broken.any(), path.name
    unclosed = geojson_file.read(SHARED / "invalid_geometries" / "invalid_unclosed.geojson")
    assert unclosed.broken.all()
