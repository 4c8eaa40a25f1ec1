"""The tiles of every zoom add up to the layer, however they are drawn."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from app.commands.opened import opened
from geo.snapshot.cql import parse as parse_cql
from geo.snapshot.filters import FieldEquals
from geo.tiles.detail import detail_zoom
from geo.tiles.names import default_properties
from tests.geo.tiles.worlds import World, parcels, summed

pytestmark = pytest.mark.unit

NAMES = ("kind", "area_m2")


def plain(view, filters=()) -> Counter:
    """The same sums from the columns."""
    total: Counter = Counter()
    for segment, rows in view.match(filters):
        area = np.nan_to_num(segment.column("area_m2", rows).to_numpy(zero_copy_only=False))
        there = ~np.isnan(segment.bounds(rows)[:, 0])
        total["count"] += int(there.sum())
        total["area_m2"] += area.sum()
        for code, value in zip(segment.column("kind", rows).to_pylist(), area, strict=True):
            total[f"area_m2_{code or 'null'}"] += value
    return total


def same(found: Counter, wanted: Counter) -> None:
    assert found.pop("largest") <= 500_000
    assert found["count"] == wanted["count"]
    for name, value in (found | wanted).items():
        assert found[name] == pytest.approx(value, rel=1e-6), name


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Three commits, a base of two of them, history, and changes in memory over it."""
    world = World(tmp_path_factory.mktemp("sums"), "MultiPolygon")
    fids = world.insert(parcels(1))
    world.insert(np.append(parcels(2, 40), [None, None]), seed=5)
    world.delete(fids[::9])
    world.compact()
    world.insert(parcels(3, 30), seed=6)
    world.delete(fids[1::9])
    yield world
    world.record.close()


@pytest.mark.parametrize("kind", ["mvt", "geojson"])
@pytest.mark.parametrize("z", range(15))
def test_all_zooms(world, z, kind):
    view = world.view()
    same(summed(view, z, kind, NAMES), plain(view))


@pytest.mark.parametrize("kind", ["mvt", "geojson"])
def test_filtered_and_past(world, kind):
    now = world.view()
    equals = FieldEquals.parse(world.layer.by_name["grade"], ["1,2,3"])
    small = parse_cql("area_m2 < 50000 AND kind <> '0101'", "cql2-text", world.layer)
    for view in (now, world.view(1), world.view(3)):
        detail = detail_zoom(view, kind, NAMES)
        assert 0 < detail < 14
        # What is shown now at every zoom, the past around the change from cells to features.
        for z in range(15) if view is now else (0, detail - 1, detail, 13):
            for filters in ((equals,), (equals, small)):
                assert plain(view, filters)["count"] > 5
                same(summed(view, z, kind, NAMES, filters), plain(view, filters))


@pytest.mark.parametrize("matrix", ["WebMercatorQuad", "WorldCRS84Quad"])
@pytest.mark.parametrize("datum", [None, "gcj02", "bd09"])
def test_both_matrix_sets_and_shifted_maps(world, matrix, datum):
    view = world.view()
    detail = detail_zoom(view, "mvt", NAMES)
    for z in (0, 4, detail - 1, detail):
        same(summed(view, z, "mvt", NAMES, (), matrix, datum), plain(view))


def test_the_demonstration(demo_data: Path):
    """Every layer, at the zooms around the one from which on its features show."""
    with opened(demo_data) as place:
        snapshots = place.snapshots()
        for layer in place.catalog.layers.values():
            if layer.geometry is None:
                continue
            view = snapshots.view(layer.id)
            names = default_properties(layer)
            sizes = dict.fromkeys(layer.measures[:1], 0.0)
            for measure in sizes:
                columns = [s.column(measure, rows) for s, rows in view.match()]
                sizes[measure] = sum(np.nansum(each.to_numpy()) for each in columns)
            for kind in ("mvt", "geojson"):
                detail = detail_zoom(view, kind, names)
                for z in sorted({0, 6, max(detail - 1, 0), detail, detail + 1, 12}):
                    found = summed(view, z, kind, names)
                    assert found["count"] == view.count()
                    assert found["largest"] <= 500_000
                    for measure, size in sizes.items():
                        assert found[measure] == pytest.approx(size, rel=1e-6)
