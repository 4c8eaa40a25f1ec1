"""Low zooms: each feature in one cell, cells as full as the land, tiles that stay small."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.area import ellipsoidal_area
from geo.snapshot.anchor import BITS, anchor, pack
from geo.snapshot.flat import web_mercator
from geo.tiles import overview
from geo.tiles.detail import LIMIT, NEVER, detail_zoom, tile_size
from geo.tiles.draw import draw
from geo.tiles.grid import tile
from tests.geo.tiles.worlds import World, features, tiles_of

pytestmark = pytest.mark.unit


def boxes(places: np.ndarray, size: float) -> np.ndarray:
    return shapely.box(*places.T, *(places + size).T)


@settings(deadline=None, max_examples=200)
@given(st.floats(-180, 180), st.floats(-90, 90), st.integers(0, 24))
def test_an_anchor_is_in_the_tile_around_it(lon, lat, z):
    point = np.array([[lon, lat]])
    plane = web_mercator(point)
    code = int(anchor(plane)[0])
    x, y = code >> (BITS + BITS - z), (code & ((1 << BITS) - 1)) >> (BITS - z)
    here = tile(z, x, y)  # which must exist
    left, bottom, right, top = here.bounds
    slack = (right - left) * 1e-6
    assert left - slack <= plane[0, 0] <= right + slack
    if abs(lat) < 85:
        assert bottom - slack <= plane[0, 1] <= top + slack
    flat = int(pack(point[:, 0] / 180 + 1, 0.5 - point[:, 1] / 180, width=2)[0])
    here = tile(min(z, 23), flat >> (2 * BITS - min(z, 23)),
                (flat & ((1 << BITS) - 1)) >> (BITS - min(z, 23)), "WorldCRS84Quad")  # fmt: skip
    west, south, east, north = here.bounds
    assert west - 1e-6 <= lon <= east + 1e-6
    assert south - 1e-6 <= lat <= north + 1e-6


def test_nowhere_has_no_anchor():
    assert anchor(np.array([[np.nan, np.nan], [0, 0]])).tolist() == [-1, 1 << 59 | 1 << 29]


@pytest.fixture(scope="module")
def spread(tmp_path_factory):
    """Parcels all over the world, many with their centre on the edges of tiles and cells."""
    world = World(tmp_path_factory.mktemp("spread"), "MultiPolygon")
    rng = np.random.default_rng(4)
    z = rng.integers(0, 9, 200)
    places = (np.floor(rng.uniform(0, 1, (200, 2)) * (2**z)[:, None]) / (2**z)[:, None] - 0.5) * 359
    places = np.clip(places * (1, 0.49), (-179, -89), (179, 89))
    world.insert(boxes(places - 2**-7, 2**-6))
    yield world
    world.record.close()


@pytest.mark.parametrize("matrix", ["WebMercatorQuad", "WorldCRS84Quad"])
def test_every_feature_counts_once(spread, matrix):
    view = spread.view()
    for z in range(7):
        bodies = [overview.draw(view, each, "geojson") for each in tiles_of(view, z, matrix)]
        cells = [p for body in bodies for _, p, _ in features(body, "geojson")]
        assert sum(p["count"] for p in cells) == 200


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """100 x 100 parcels of 100 m that cover half of the land, and one far away without class."""
    world = World(tmp_path_factory.mktemp("town"), "MultiPolygon")
    x, y = np.meshgrid(np.arange(100) * 0.002 + 122.8, np.arange(100) * 0.0014 + 45.2)
    parcels = shapely.box(x, y, x + 0.002 * math.sqrt(0.5), y + 0.0014 * math.sqrt(0.5)).ravel()
    kinds = ["0101"] * 8_000 + ["0102"] * 2_000 + [None]
    world.insert(np.append(parcels, shapely.box(0, 0, 1e-5, 1e-5)), kind=kinds)
    world.compact()
    yield world
    world.record.close()


@pytest.mark.parametrize("kind", ["mvt", "geojson"])
def test_a_cell_is_as_full_as_the_land(town, kind):
    view = town.view()
    here = tile(7, 107, 45)
    found = list(features(overview.draw(view, here, kind), kind))
    assert sum(p["count"] for _, p, _ in found) == 10_000
    whole = {"0101": 0, "0102": 0}
    for _, p, _ in found:
        codes = {c: p.get(f"area_m2_{c}", 0) for c in whole}
        assert p["area_m2"] == pytest.approx(sum(codes.values()))
        assert p["kind"] == max(codes, key=codes.get)
        assert p["aggregate"] is True
        assert {"begun": 0, "done": 0}.keys() | {None} >= {p.get("stage")}
        whole = {c: whole[c] + codes[c] for c in whole}
    if kind == "geojson":
        # What is drawn covers as much as the parcels do.
        squares = np.array([shapely.geometry.shape(g) for _, _, g in found])
        assert all(s.exterior.is_ccw for s in squares)
        drawn = ellipsoidal_area(squares, None)
        true = np.array([p["area_m2"] for _, p, _ in found])
        assert drawn.sum() == pytest.approx(true.sum(), rel=0.05)
        full = true > 0.45 * drawn.max()
        assert np.allclose(drawn[full], true[full], rtol=0.1)
    (lonely,) = features(overview.draw(view, tile(7, 64, 63), kind), kind)
    assert lonely[1]["count"] == 1
    assert lonely[1]["area_m2_null"] == pytest.approx(lonely[1]["area_m2"])
    assert "kind" not in lonely[1]
    assert overview.draw(view, tile(7, 0, 0), "mvt") == b""


def test_a_cell_tells_the_value_of_a_theme_that_it_has_most_of(town):
    """What a map may be coloured by, when it is asked for: the sums stay those of the classes."""
    view, here = town.view(), tile(7, 107, 45)
    found = list(features(draw(view, here, "mvt", ("kind", "grade", "note")), "mvt"))
    plain = list(features(draw(view, here, "mvt", ("kind", "area_m2")), "mvt"))
    assert [{k: v for k, v in p.items() if k != "grade"} for _, p, _ in found] == [
        p for _, p, _ in plain
    ]
    assert {type(p["grade"]) for _, p, _ in found} == {int}
    (lonely,) = features(draw(view, tile(7, 64, 63), "geojson", ("grade",)), "geojson")
    assert lonely[1]["grade"] == town.table(10_001).column("grade")[-1].as_py()


def test_features_begin_where_parcels_have_two_pixels(town):
    view = town.view()
    assert detail_zoom(view, "mvt", ("kind", "area_m2")) == 11
    assert detail_zoom(view, "geojson", ("kind", "area_m2")) >= 11
    for z in (10, 11):
        for each in tiles_of(view, z)[:3]:
            ids = [fid for fid, _, _ in features(draw(view, each, "mvt", ("kind",)), "mvt")]
            assert all((fid is None) == (z < 11) for fid in ids)


def test_points_lie_at_their_mean(tmp_path):
    world = World(tmp_path, "Point")
    near = np.random.default_rng(0).normal((122.9, 45.3), 1e-4, (50, 2))
    world.insert(np.append(shapely.points(near), [None]), kind=["a"] * 30 + ["b"] * 20 + [None])
    view = world.view()
    assert detail_zoom(view, "mvt", ("kind",)) == 0  # few enough to show
    here = tile(9, 430, 183)
    ((fid, properties, shape),) = features(overview.draw(view, here, "geojson"), "geojson")
    assert fid is None
    assert properties == {
        "aggregate": True, "count": 50, "count_a": 30, "count_b": 20, "kind": "a",
        "stage": properties["stage"],
    }  # fmt: skip
    assert np.allclose(shape["coordinates"], near.mean(axis=0), atol=3e-4)
    ((_, again, parts),) = features(overview.draw(view, here, "mvt"), "mvt")
    assert again == properties
    assert len(parts) == 1
    world.record.close()


def test_lines_keep_their_length_and_direction(tmp_path):
    world = World(tmp_path, "MultiLineString")
    rng = np.random.default_rng(0)
    start = rng.uniform((122.8, 45.2), (123.2, 45.5), (200, 2))
    turned = rng.choice([-1, 1], 200)[:, None] * (0.004, 0.004 * math.cos(math.radians(45.3)))
    world.insert(shapely.linestrings(np.stack((start, start + turned), axis=1)))
    view = world.view()
    length = sum(np.sum(s.column("length_m", rows).to_numpy()) for s, rows in view.match())
    for z in (0, 5, 8):
        lines = []
        for each in tiles_of(view, z):
            lines += list(features(overview.draw(view, each, "geojson"), "geojson"))
        assert sum(p["length_m"] for _, p, _ in lines) == pytest.approx(length, rel=1e-9)
        for _, _, shape in lines:
            (x0, y0), (x1, y1) = web_mercator(np.array(shape["coordinates"]))
            if z == 8:
                # In Web Mercator they run from south-west to north-east, there or back.
                assert math.degrees(math.atan2(y1 - y0, x1 - x0)) % 180 == pytest.approx(45, abs=8)
    world.record.close()


def test_many_classes_make_larger_cells_not_larger_tiles(tmp_path):
    world = World(tmp_path, "MultiPolygon")
    rng = np.random.default_rng(2)
    places = rng.uniform(tile(6, 53, 22).lonlat(0)[:2], tile(6, 53, 22).lonlat(0)[2:], (15_000, 2))
    kinds = [f"一个相当长的类别名称{k:02d}" for k in rng.integers(0, 80, len(places))]
    world.insert(boxes(places, 1e-4), kind=kinds)
    view = world.view()
    body = overview.draw(view, tile(6, 53, 22), "geojson")
    assert LIMIT / 10 < len(body) <= LIMIT
    cells = [p for _, p, _ in features(body, "geojson")]
    assert len(cells) < 1024
    assert sum(p["count"] for p in cells) > 14_900
    for p in cells:
        of_codes = sum(v for k, v in p.items() if k.startswith("area_m2_"))
        assert of_codes == pytest.approx(p["area_m2"])
    world.record.close()


DENSE = ("code", "kind", "stage", "grade", "note", "area_m2")


@pytest.fixture(scope="module")
def dense(tmp_path_factory):
    """9,000 parcels of 12 points within 8 km, long remarks in one corner of them."""
    world = World(tmp_path_factory.mktemp("dense"), "MultiPolygon")
    rng = np.random.default_rng(3)
    x, y = np.meshgrid(np.arange(100) * 0.0007 + 122.8, np.arange(90) * 0.0005 + 45.2)
    middle = np.column_stack((x.ravel(), y.ravel()))
    angle = np.linspace(0, 2 * np.pi, 13)[None, :] + rng.uniform(0, 0.3, (len(middle), 1))
    ring = middle[:, None] + 0.0003 * np.stack((np.cos(angle), np.sin(angle)), axis=-1)
    ring[:, -1] = ring[:, 0]
    notes = [f"备注{i}，土壤改良后复测" * 4 if i < 2000 else None for i in range(len(middle))]
    world.insert(shapely.polygons(ring), note=notes)
    yield world
    world.record.close()


@pytest.mark.parametrize("kind", ["mvt", "geojson"])
def test_no_tile_is_too_large(dense, kind):
    """Before and after the changes are folded into a base, for few and for many properties."""
    for step in ("memory", "base"):
        if step == "base":
            dense.compact()
        view = dense.view()
        for names in (("kind",), DENSE):
            detail = detail_zoom(view, kind, names)
            assert 12 <= detail <= 15
            for z in (8, detail, detail + 1):
                largest = max(len(draw(view, each, kind, names)) for each in tiles_of(view, z))
                assert largest <= LIMIT
                if step == "base" and z >= detail:
                    (density,) = (s.density for s in view.segments)
                    assert (
                        largest <= tile_size(view.layer, [density], kind, names, z) <= 2.5 * largest
                    )
    assert detail_zoom(view, kind, ("kind",)) <= detail_zoom(view, kind, DENSE)


def test_the_zoom_follows_from_base_and_properties_alone(dense):
    view, again = dense.view(), dense.view()
    assert view.segments[-1] is not again.segments[-1]
    for kind in ("mvt", "geojson"):
        assert detail_zoom(view, kind, DENSE) == detail_zoom(again, kind, DENSE)


def test_a_few_changes_decide_nothing_and_many_do(tmp_path):
    world = World(tmp_path, "Point")
    world.insert(np.array([shapely.Point(122.9, 45.3)]))
    world.compact()
    assert detail_zoom(world.view(), "mvt", ("kind",)) == 0
    world.insert(np.full(18_000, shapely.Point(122.9, 45.3)))
    assert detail_zoom(world.view(), "mvt", ("kind",)) == NEVER  # all at one place
    assert detail_zoom(world.view(1), "mvt", ("kind",)) == 0
    view = world.view()
    for z in (0, 9, 22):
        (each,) = tiles_of(view, z)
        ((fid, properties, _),) = features(draw(view, each, "mvt", ("kind",)), "mvt")
        assert (fid, properties["count"]) == (None, 18_001)
    world.record.close()
