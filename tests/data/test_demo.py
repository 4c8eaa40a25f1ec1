"""The demonstration is deterministic, fits the definitions and looks like land, not like noise."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import shapely
from pyproj import Geod

from data.demo import landscape, outlines, parcels
from data.demo.examples import write_shapefile_examples
from data.demo.generate import generate
from data.demo.model import Demo
from data.demo.seed import seed
from geo.area import ellipsoidal_area
from geo.record.geopackage import open_record
from geo.units import mu

pytestmark = pytest.mark.unit

PARCELS = 600


@pytest.fixture(scope="module")
def demo() -> Demo:
    return generate(PARCELS)


def column(demo: Demo, layer: str, name: str) -> list:
    return demo.layers[layer].attributes[name].to_pylist()


def test_same_arguments_give_the_same_data(demo: Demo) -> None:
    again = generate(PARCELS)
    for name, rows in demo.layers.items():
        assert rows.attributes.equals(again.layers[name].attributes), name
        if rows.geometry is not None:
            wkb = shapely.to_wkb(rows.geometry)
            assert (wkb == shapely.to_wkb(again.layers[name].geometry)).all(), name
    assert [step.time for step in demo.steps] == [step.time for step in again.steps]


def test_rows_fit_the_layer_definitions(demo: Demo) -> None:
    assert set(demo.layers) == set(demo.catalog.layers)
    for name, rows in demo.layers.items():
        layer = demo.catalog.layers[name]
        assert rows.attributes.num_rows > 0
        for field in layer.fields:
            values = rows.attributes[field.name]
            where = f"{name}.{field.name}"
            if field.required:
                assert values.null_count == 0, where
            if field.codelist:
                codes = {code.code for code in demo.catalog.codelists[field.codelist].codes}
                assert set(values.drop_null().unique().to_pylist()) <= codes, where
            if field.minimum is not None and values.null_count < len(values):
                assert pc.min(values).as_py() >= field.minimum, where
            if field.maximum is not None and values.null_count < len(values):
                assert pc.max(values).as_py() <= field.maximum, where
            if field.max_length and values.null_count < len(values):
                assert pc.max(pc.utf8_length(values)).as_py() <= field.max_length, where
        assert rows.attributes["code"].value_counts().to_pylist()[0]["counts"] == 1
        assert len(set(column(demo, name, "code"))) == rows.attributes.num_rows


def test_geometry_is_valid_and_of_the_layers_type(demo: Demo) -> None:
    for name, rows in demo.layers.items():
        kind = demo.catalog.layers[name].geometry
        if kind is None:
            assert rows.geometry is None
            continue
        assert shapely.is_valid(rows.geometry).all(), name
        assert {item.geom_type for item in rows.geometry} == {kind}, name
        minx, miny, maxx, maxy = shapely.total_bounds(rows.geometry)
        assert minx > 121.5
        assert maxx < 124.6
        assert miny > 44.1
        assert maxy < 46.4


def test_links_point_at_features(demo: Demo) -> None:
    for name, rows in demo.layers.items():
        for link in demo.catalog.layers[name].links:
            targets = pa.array(column(demo, link.layer, "code"))
            values = rows.attributes[link.field].drop_null()
            assert pc.all(pc.is_in(values, value_set=targets)).as_py() is not False, (name, link)


def test_history_replays_to_the_promised_number_of_parcels(demo: Demo) -> None:
    alive: dict[str, np.ndarray] = {
        name: np.zeros(rows.attributes.num_rows, dtype=bool) for name, rows in demo.layers.items()
    }
    times = [step.time for step in demo.steps]
    assert times == sorted(times)
    assert 30 <= len(times) <= 80
    for step in demo.steps:
        assert step.reason
        for change in step.changes:
            rows = alive[change.layer]
            assert len(np.unique(change.rows)) == len(change.rows)
            # Nothing is inserted twice, or changed before it exists or after it is gone.
            assert (rows[change.rows] == (change.op != "insert")).all(), step.reason
            rows[change.rows] = change.op != "delete"
    assert alive["parcels"].sum() == PARCELS
    assert alive["plots"].sum() == PARCELS // 10
    for name in set(alive) - {"parcels", "plots"}:
        assert alive[name].all(), name


def test_nothing_is_recorded_before_it_happened(demo: Demo) -> None:
    for step in demo.steps:
        for change in step.changes:
            layer = demo.catalog.layers[change.layer]
            for name in [field.name for field in layer.fields if field.type == "date"]:
                if name == "next_due_on":
                    continue
                if change.op == "insert":
                    values = demo.layers[change.layer].attributes[name].take(change.rows)
                elif name in change.columns:
                    values = pa.chunked_array([pa.array(change.columns[name], pa.date32())])
                else:
                    continue
                if values.null_count < len(values):
                    assert pc.max(values).as_py() <= step.time.date(), (step.reason, name)


def test_fields_share_edges_and_only_the_deliberate_parcels_overlap(demo: Demo) -> None:
    geometry = demo.layers["parcels"].geometry
    base = geometry[: len(geometry) - parcels.DELETED - parcels.OVERLAPS]
    tree = shapely.STRtree(base)
    a, b = tree.query(base, predicate="intersects")
    a, b = a[a < b], b[a < b]
    common = shapely.intersection(base[a], base[b])
    assert ellipsoidal_area(common).max() < 1e-6
    # Strips of one block share whole edges: lines in common, not only points.
    assert (shapely.length(common) > 0).sum() > 0.5 * len(base)
    late = geometry[-parcels.OVERLAPS :]
    mine, other = tree.query(late, predicate="intersects")
    over = ellipsoidal_area(shapely.intersection(late[mine], base[other]))
    assert set(mine[over > 100.0]) == set(range(parcels.OVERLAPS))


def test_plots_and_parcels_lie_apart_and_out_of_the_water(demo: Demo) -> None:
    both = np.concatenate([demo.layers["plots"].geometry, demo.layers["parcels"].geometry])
    tree = shapely.STRtree(both)
    water = np.concatenate([landscape.lakes(), landscape.rivers()])
    assert len(tree.query(water, predicate="intersects")[1]) == 0
    plots = demo.layers["plots"].geometry[: PARCELS // 10]
    fields = demo.layers["parcels"].geometry[: -parcels.OVERLAPS]
    a, b = shapely.STRtree(fields).query(plots, predicate="intersects")
    assert ellipsoidal_area(shapely.intersection(plots[a], fields[b])).sum() < 1e-6


def test_features_lie_in_the_county_they_name(demo: Demo) -> None:
    tree = shapely.STRtree(outlines.counties())
    codes = np.array([county.code for county in outlines.COUNTIES])
    for name in ("plots", "parcels", "farmland"):
        rows = demo.layers[name]
        points = shapely.point_on_surface(rows.geometry)
        which, county = tree.query(points, predicate="within")
        named = np.array(rows.attributes["county"].to_pylist())
        assert (codes[county] == named[which]).all()
        assert len(which) == len(points)


def test_stated_areas_are_near_the_computed_ones(demo: Demo) -> None:
    rows = demo.layers["parcels"]
    stated = np.array(rows.attributes["stated_area_mu"].to_pylist())
    difference = np.abs(stated / mu(ellipsoidal_area(rows.geometry)) - 1)
    assert np.median(difference) < 0.001
    assert 0 < (difference > 0.01).mean() < 0.05


def test_treatment_improves_soil_and_salinity_agrees_with_the_landscape(demo: Demo) -> None:
    plots = demo.layers["plots"]
    inside = shapely.get_coordinates(shapely.point_on_surface(plots.geometry))
    severity = landscape.salinity_severity(inside[:, 0], inside[:, 1])
    assert column(demo, "plots", "grade_before") == landscape.salinity_grade(severity).tolist()

    table = demo.layers["samples"].attributes.select(
        ["plot_code", "season", "sampled_on", "depth_top_cm", "ph"]
    )
    top = table.filter(pc.equal(table["depth_top_cm"], 0.0)).to_pandas()
    first = top.sort_values("sampled_on").groupby("plot_code")["ph"].first()
    last = top.sort_values("sampled_on").groupby("plot_code")["ph"].last()
    visited = top.groupby("plot_code").size() > 2
    assert (first - last)[visited].mean() > 0.25
    assert first.corr(last) > 0.3


def test_severity_is_smooth_bounded_and_broadcasts() -> None:
    lon, lat = np.meshgrid(np.linspace(121.7, 124.3, 60), np.linspace(44.3, 46.2, 50))
    severity = landscape.salinity_severity(lon, lat)
    assert severity.shape == lon.shape
    assert severity.min() >= 0
    assert severity.max() <= 1
    assert severity.std() > 0.2
    step = landscape.salinity_severity(lon + 1e-6, lat)
    assert np.abs(step - severity).max() < 1e-3
    assert landscape.salinity_severity(123.7, lat[:, 0]).shape == (50,)


def test_counties_tile_and_have_plausible_areas() -> None:
    shapes = outlines.counties()
    geod = Geod(ellps="GRS80")
    for county, shape in zip(outlines.COUNTIES, shapes, strict=True):
        area = abs(geod.geometry_area_perimeter(shape)[0]) / 1e6
        assert area == pytest.approx(county.published_km2, rel=0.04), county.name
    assert shapely.coverage_is_valid(shapes)
    whole = shapely.union_all(shapes)
    assert whole.geom_type == "Polygon"
    assert len(whole.interiors) == 0
    assert whole.area == pytest.approx(shapely.area(shapes).sum(), rel=1e-12)


def test_canals_form_a_tree_of_five_orders(demo: Demo) -> None:
    orders = ("main", "trunk", "branch", "lateral", "field")
    table = demo.layers["canals"].attributes.to_pylist()
    order = {row["code"]: orders.index(row["canal_order"]) for row in table}
    assert set(order.values()) == set(range(5))
    for row in table:
        parent = row["parent_code"]
        assert (parent is None) == (row["canal_order"] == "main")
        assert parent is None or order[parent] == order[row["code"]] - 1


def test_too_few_parcels_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 100"):
        generate(99)


def test_seeding_writes_the_whole_history_through_the_record(demo: Demo, tmp_path: Path) -> None:
    reports: list[tuple[int, int, str]] = []
    with open_record(tmp_path / "record.gpkg", demo.catalog) as record:
        assert seed(record, demo, lambda *report: reports.append(report)) == len(demo.steps)
        assert reports[-1][0] == reports[-1][1] == demo.changes
        assert record.head().revision == len(demo.steps)
        alive = sum(len(batch) for batch in record.state("parcels"))
        assert alive == PARCELS
        stages = {
            stage
            for batch in record.state("parcels")
            for stage in batch.attributes["stage"].to_pylist()
        }
        assert {"maintained", "mapped", "accepted"} & stages
        assert record.commits()[0].time == demo.steps[0].time
        with pytest.raises(ValueError, match="empty record"):
            seed(record, demo)


def test_example_uploads_are_good_bare_and_broken(demo: Demo, tmp_path: Path) -> None:
    good, bare, broken = write_shapefile_examples(tmp_path, demo)

    def parts(path: Path) -> dict[str, bytes]:
        with zipfile.ZipFile(path) as archive:
            return {Path(name).suffix: archive.read(name) for name in archive.namelist()}

    files = parts(good)
    assert b"41500000" in files[".prj"]
    assert "地块编号".encode("gbk") in files[".dbf"]
    assert {".prj", ".cpg"}.isdisjoint(parts(bare))
    promised = int.from_bytes(parts(broken)[".dbf"][4:8], "little")
    held = (int.from_bytes(parts(broken)[".shx"][24:28], "big") * 2 - 100) // 8
    assert promised == held + 7
