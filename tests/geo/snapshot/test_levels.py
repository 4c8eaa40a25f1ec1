"""Vertex levels: what a zoom leaves out, all neighbours leave out; nothing crosses or collapses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.snapshot.flat import MERCATOR_RADIUS, from_shapely, take, vertex_offsets
from geo.snapshot.levels import FULL_DETAIL, STEPS, vertex_levels

pytestmark = pytest.mark.unit

STEP = 2 * np.pi * MERCATOR_RADIUS / 4096


def coverage(side: int, seed: int, wiggle: float = 0.12, points: int = 6) -> np.ndarray:
    """side x side parcels of about 300 m x 220 m whose wiggly edges are shared to the last bit."""
    rng = np.random.default_rng(seed)
    node = np.stack(np.meshgrid(np.arange(side + 1.0), np.arange(side + 1.0)), axis=-1)
    node += rng.uniform(-0.25, 0.25, node.shape)
    t = np.linspace(0, 1, points)[1:-1, None]

    def edges(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        inner = a[..., None, :] + (b - a)[..., None, :] * t
        return inner + rng.uniform(-wiggle, wiggle, inner.shape)

    across, down = edges(node[:, :-1], node[:, 1:]), edges(node[:-1], node[1:])
    parcels = []
    for j in range(side):
        for i in range(side):
            ring = [
                node[j, i : i + 1], across[j, i], node[j, i + 1 : i + 2], down[j, i + 1],
                node[j + 1, i + 1 : i + 2], across[j + 1, i, ::-1], node[j + 1, i : i + 1],
                down[j, i, ::-1],
            ]  # fmt: skip
            parcels.append(np.concatenate(ring) * (0.004, 0.002) + (122.9, 45.3))
    return shapely.polygons([np.vstack((ring, ring[:1])) for ring in parcels])


def drawn(flat, z: int) -> np.ndarray:
    """The polygons of a flat geometry with what a tile of zoom ``z`` keeps, in Web Mercator."""
    keep = flat.level <= z
    before = np.concatenate(([0], np.cumsum(keep)))
    ring = before[flat.ring]
    # The start of a ring may be gone: it is closed anew.
    out = []
    for row in range(len(flat)):
        polygons = []
        for part in range(flat.row[row], flat.row[row + 1]):
            rings = []
            for k in range(flat.part[part], flat.part[part + 1]):
                points = flat.mercator[flat.ring[k] : flat.ring[k + 1] - 1]
                points = points[keep[flat.ring[k] : flat.ring[k + 1] - 1]]
                rings.append(np.vstack((points, points[:1])))
            polygons.append(shapely.Polygon(rings[0], rings[1:]))
        out.append(shapely.MultiPolygon(polygons) if len(polygons) > 1 else polygons[0])
    assert ring[-1] == keep.sum()
    return np.array(out)


def levelled(shapes: np.ndarray, kind: str = "MultiPolygon"):
    flat = from_shapely(shapes, kind)
    return replace(flat, level=vertex_levels(flat))


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 6), st.integers(0, 10**6), st.sampled_from([0.01, 0.05, 0.12]))
def test_a_coverage_stays_a_coverage_at_every_zoom(side, seed, wiggle):
    shapes = coverage(side, seed, wiggle)
    flat = levelled(shapes)
    whole = drawn(flat, FULL_DETAIL)
    valid = shapely.is_valid(whole).all() and shapely.coverage_is_valid(whole)
    if not valid:
        return  # a wiggle crossed another one: nothing to keep
    holes = len(shapely.get_rings(shapely.coverage_union_all(whole)))
    kept = []
    for z in range(FULL_DETAIL):
        simple = drawn(flat, z)
        assert shapely.is_valid(simple).all()
        assert (shapely.area(simple) > 0).all()
        assert shapely.coverage_is_valid(simple)
        # Neighbours have neither a gap nor an overlap between them.
        assert len(shapely.get_rings(shapely.coverage_union_all(simple))) == holes
        kept.append(shapely.get_num_coordinates(simple).sum())
    assert kept == sorted(kept)


@settings(deadline=None, max_examples=20)
@given(st.integers(2, 5), st.integers(0, 10**6))
def test_equal_points_have_one_level(side, seed):
    flat = levelled(coverage(side, seed))
    _, where = np.unique(flat.mercator, axis=0, return_inverse=True)
    low = np.full(where.max() + 1, 255)
    high = np.zeros(where.max() + 1, dtype=int)
    np.minimum.at(low, where, flat.level)
    np.maximum.at(high, where, flat.level)
    assert np.array_equal(low, high)
    assert flat.level.max() <= FULL_DETAIL


def test_it_leaves_out_as_much_as_coverage_simplify_and_no_more_than_can_be_seen():
    flat = levelled(coverage(12, 3, wiggle=0.05))
    whole = drawn(flat, FULL_DETAIL)
    usual = whole
    for z in range(FULL_DETAIL - 1, 8, -1):
        tolerance = STEPS * STEP / 2**z
        usual = shapely.coverage_simplify(usual, tolerance)
        ours = drawn(flat, z)
        count = [shapely.get_num_coordinates(shapes).sum() for shapes in (ours, usual)]
        assert count[0] <= 1.1 * count[1]
        if z > 10:
            # As far as that moves an edge; a pixel of a tile shown 512 wide is 8 steps.
            far = shapely.hausdorff_distance(ours, whole).max() / (STEP / 2**z)
            assert far <= max(24, 1.5 * shapely.hausdorff_distance(usual, whole).max()
                              / (STEP / 2**z))  # fmt: skip
    assert (flat.level > 10).mean() > 0.3


def test_holes_islands_and_their_fillings():
    outer = shapely.Point(122.9, 45.3).buffer(0.05, quad_segs=64)
    hole = shapely.Point(122.9, 45.3).buffer(0.02, quad_segs=64)
    shapes = np.array([outer.difference(hole), hole, shapely.box(123, 45, 123.001, 45.001)])
    flat = levelled(shapes)
    for z in range(FULL_DETAIL):
        ring, fill, _ = drawn(flat, z)
        assert shapely.coverage_is_valid([ring, fill])
        assert ring.intersection(fill).length == pytest.approx(fill.length)
    assert (flat.level[: flat.ring[1]] > 5).mean() > 0.5


OVERLAPS = [
    shapely.box(122.9, 45.3, 122.91, 45.31),
    shapely.box(122.905, 45.305, 122.915, 45.315),
    shapely.box(122.9, 45.3, 122.91, 45.31),  # the same again
    shapely.Polygon([(122.9, 45.3), (122.91, 45.31), (122.91, 45.3), (122.9, 45.31)]),  # bow tie
    shapely.Polygon([(122.9, 45.3), (122.91, 45.3), (122.92, 45.3)]),  # no area
    shapely.Polygon([(122.9, 45.3), (122.91, 45.3), (122.9, 45.3), (122.9, 45.3)]),
    None,
    shapely.MultiPolygon(),
]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.sampled_from(range(len(OVERLAPS) + 5)), max_size=12), st.integers(0, 99))
def test_faults_of_a_layer_do_no_harm(chosen, seed):
    others = list(coverage(3, seed, wiggle=0.4)[:5])  # edges that cross
    shapes = np.array([*([*OVERLAPS, *others][i] for i in chosen), None], dtype=object)
    flat = levelled(shapes)
    assert flat.level.shape == (len(flat.xy),)
    for k in range(len(flat.ring) - 1):
        points = flat.mercator[flat.ring[k] : flat.ring[k + 1]]
        kept = points[flat.level[flat.ring[k] : flat.ring[k + 1]] == 0]
        if np.linalg.matrix_rank(points - points[0]) == 2:  # not all on one line
            assert len(np.unique(kept, axis=0)) >= 3


def test_lines_keep_their_ends_and_junctions():
    t = np.linspace(0, 1, 400)
    main = np.column_stack((122.5 + t, 45 + 0.002 * np.sin(90 * t)))
    side = np.column_stack((122.5 + t[200] + 0.1 * t, main[200, 1] + 0.3 * t**2))
    side[0] = main[200]
    loop = shapely.LineString(shapely.Point(124, 45).buffer(0.05, quad_segs=32).exterior.coords)
    shapes = np.array([shapely.LineString(main), shapely.LineString(side), loop, None])
    flat = levelled(shapes, "MultiLineString")
    assert (flat.level[[0, 200, 399, 400, 799]] == 0).all()
    counts = [(flat.level <= z).sum() for z in range(FULL_DETAIL + 1)]
    assert counts == sorted(counts)
    assert counts[-1] == len(flat.xy)
    assert counts[0] <= 3 + 2 + 5
    assert 20 < counts[9] < 800
    tolerance = STEPS * STEP / 2**9
    line = shapely.LineString(flat.mercator[:400])
    kept = shapely.LineString(flat.mercator[:400][flat.level[:400] <= 9])
    assert shapely.hausdorff_distance(kept, line) < 3 * tolerance


def test_a_lonely_far_vertex_does_not_slow_it_down():
    """The search tree follows the order of the rows, not a grid over their bounds."""
    shapes = np.append(coverage(20, 1), shapely.box(-170, -80, -169.99, -79.99))
    flat = levelled(shapes)
    without = vertex_levels(take(flat, np.arange(400)))
    assert np.array_equal(without, flat.level[: vertex_offsets(flat)[400]])


def test_points_have_none():
    assert vertex_levels(from_shapely(np.array([shapely.Point(1, 2)]), "Point")) is None
