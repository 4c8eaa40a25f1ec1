"""Tile matrix sets: bounds, ranges and web-map shifts."""

from __future__ import annotations

import numpy as np
import pytest

from geo.errors import Rejected
from geo.tiles.grid import BUFFER, EXTENT, matrix_set, tile

pytestmark = pytest.mark.unit


def test_the_world():
    world = tile(0, 0, 0)
    half = np.pi * 6378137
    assert world.bounds == pytest.approx((-half, -half, half, half))
    assert world.lonlat(0) == pytest.approx((-180, -85.0511287798066, 180, 85.0511287798066))
    west, east = tile(0, 0, 0, "WorldCRS84Quad"), tile(0, 1, 0, "WorldCRS84Quad")
    assert west.bounds == pytest.approx((-180, -90, 0, 90))
    assert east.bounds == pytest.approx((0, -90, 180, 90))


@pytest.mark.parametrize("name", ["WebMercatorQuad", "WorldCRS84Quad"])
@pytest.mark.parametrize("z", [3, 8, 14, 20])
def test_a_tile_holds_its_place(name, z):
    place = np.array([122.84, 45.62])
    at = matrix_set(name).tile(*place, z)
    here = tile(z, at.x, at.y, name)
    west, south, east, north = here.lonlat(0)
    assert west <= place[0] <= east
    assert south <= place[1] <= north
    wider = here.lonlat()
    assert wider[0] == pytest.approx(west - BUFFER / EXTENT * (east - west))
    assert wider[3] > north


@pytest.mark.parametrize("name", ["WebMercatorQuad", "WorldCRS84Quad"])
def test_bounds_and_ranges_are_those_of_the_definition(name):
    definition = matrix_set(name)
    rng = np.random.default_rng(3)
    for z in range(definition.minzoom, definition.maxzoom + 1):
        matrix = definition.matrix(z)
        last = matrix.matrixWidth - 1, matrix.matrixHeight - 1
        for x, y in [(0, 0), last, *rng.integers(0, np.array(last) + 1, (3, 2)).tolist()]:
            box = definition.xy_bounds(x, y, z)
            size = box.right - box.left
            assert np.allclose(tile(z, x, y, name).bounds, box, rtol=1e-14, atol=size * 1e-6)
        for x, y in [(last[0] + 1, 0), (0, last[1] + 1)]:
            with pytest.raises(Rejected):
                tile(z, x, y, name)
    with pytest.raises(Rejected):
        tile(definition.maxzoom + 1, 0, 0, name)


@pytest.mark.parametrize(
    ("z", "x", "y", "name"),
    [
        (0, 1, 0, "WebMercatorQuad"),
        (5, 32, 0, "WebMercatorQuad"),
        (5, 0, 32, "WebMercatorQuad"),
        (5, -1, 0, "WebMercatorQuad"),
        (99, 0, 0, "WebMercatorQuad"),
        (-1, 0, 0, "WebMercatorQuad"),
        (0, 2, 0, "WorldCRS84Quad"),
        (0, 0, 1, "WorldCRS84Quad"),
    ],
)
def test_no_such_tile(z, x, y, name):
    with pytest.raises(Rejected) as caught:
        tile(z, x, y, name)
    assert caught.value.code == "E_TILE_RANGE"
    assert caught.value.fix is not None


def test_no_such_set():
    with pytest.raises(Rejected, match="E_TILE_SET"):
        tile(0, 0, 0, "GoogleMapsCompatible")


def test_where_features_of_a_shifted_map_lie():
    here = tile(14, 13785, 5874)
    plain, shifted = here.lonlat(), here.lonlat(datum="gcj02")
    # Web-map features appear 500 m to the north-east of their true place.
    assert shifted[0] == pytest.approx(plain[0] - 0.0061 - 0.01, abs=1e-3)
    assert shifted[2] == pytest.approx(plain[2] - 0.0061 + 0.01, abs=1e-3)
