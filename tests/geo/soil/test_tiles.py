"""Every pixel of a map tile against the scene itself, and what must stay transparent."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from pyproj import Transformer
from rasterio.io import MemoryFile
from rasterio.transform import from_origin
from rio_tiler.io import Reader as RioReader

from geo.errors import Rejected
from geo.soil import indices, pyramid, tiles
from geo.soil.classify import Classifier
from geo.soil.grading import custom
from geo.soil.palette import Palettes, rgba
from geo.soil.pictures import Composite, GradePicture, IndexPicture, stretched
from geo.soil.pyramid import Pyramids
from geo.soil.raster import Reader, Registration, register
from geo.soil.scene import Scene
from geo.tiles.grid import matrix_set, tile
from tests.environment import ROOT
from tests.geo.soil.conftest import BANDS, WHEN

pytestmark = [
    pytest.mark.unit,
    # PNG tiles carry no place of their own.
    pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning"),
]
PALETTES = Palettes.load(ROOT / "data")
GRADING = custom([0.12, 0.2, 0.28], ["a", "b", "c", "d"])


def rgba_of(png: bytes) -> np.ndarray:
    """uint8[h, w, 4] of a PNG, decoded by GDAL."""
    with MemoryFile(png) as memory, memory.open() as file:
        if file.count == 1:
            table = np.zeros((256, 4), dtype=np.uint8)
            for code, colour in file.colormap(1).items():
                table[code] = colour
            return table[file.read(1)]
        return np.moveaxis(file.read(), 0, -1)


def index_picture(scene: Scene, index: str = "si_gr", masks: tuple[str, ...] = ()) -> IndexPicture:
    formula = indices.get(index)
    return IndexPicture(scene, formula, PALETTES.ramp(formula), masks, "")


def drawn(root: Path, scene: Scene, picture: tiles.Picture, z: int, x: int, y: int, size=256):
    pyramids = Pyramids(root)
    with pyramids.lend(scene) as one:
        png = tiles.draw(one, picture, tile(z, x, y).bounds, size)
    pyramids.close()
    return rgba_of(png)


def middle(scene: Scene, z: int, share: tuple[float, float] = (0.5, 0.5)) -> tuple[int, int, int]:
    """The tile over a place of the scene, given as a share of its bounds."""
    west, south, east, north = scene.bbox
    lon, lat = west + share[0] * (east - west), south + share[1] * (north - south)
    found = matrix_set("WebMercatorQuad").tile(lon, lat, z)
    return found.z, found.x, found.y


def cells(scene: Scene, z: int, x: int, y: int, size: int = 256):
    """Exact (column, row) on the scene of every tile pixel's centre, by PROJ alone."""
    left, _, right, top = tile(z, x, y).bounds
    pixel = (right - left) / size
    at = np.arange(size) + 0.5
    east, north = np.meshgrid(left + at * pixel, top - at * pixel)
    source = "EPSG:4326" if scene.crs == "EPSG:4490" else scene.crs
    px, py = Transformer.from_crs("EPSG:3857", source, always_xy=True).transform(east, north)
    inverse = ~Affine(*scene.transform)
    column = inverse.a * px + inverse.b * py + inverse.c
    return column, inverse.d * px + inverse.e * py + inverse.f


@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        ("EPSG:32651", from_origin(570000, 5040000, 10, 10)),
        ("EPSG:4527", from_origin(39_570_000, 5_040_000, 10, 10)),  # 117 E, far outside its zone
        ("EPSG:4550", from_origin(512_000, 5_040_000, 10, 10)),
        ("EPSG:4490", from_origin(123.4, 45.6, 0.0001, 0.0001)),
        ("EPSG:32651", Affine(9, 2, 570000, 2, -9, 5040000)),  # turned
    ],
)
@pytest.mark.parametrize("zoom", [13, 17])
def test_every_pixel_is_the_scene_pixel_below_it(
    tmp_path, write, stated, pixels, crs, transform, zoom
):
    scene = register(tmp_path, write("a.tif", pixels, crs=crs, transform=transform), stated)
    where = middle(scene, zoom)
    seen = drawn(tmp_path, scene, index_picture(scene), *where)
    column, row = cells(scene, *where)
    with Reader.open(tmp_path, scene) as reader:
        values = reader.reflectance(reader.read(("G", "R"), (0, 0, scene.width, scene.height)))
    ramp = PALETTES.ramp(indices.get("si_gr"))
    whole = ramp.colours[ramp.codes(indices.get("si_gr").evaluate(values))]
    i, j = np.floor(column).astype(int), np.floor(row).astype(int)
    on = (i >= 0) & (i < scene.width) & (j >= 0) & (j < scene.height)
    wanted = np.zeros((256, 256, 4), dtype=np.uint8)
    wanted[on] = whole[j[on], i[on]]
    # Within a fiftieth of a pixel of an edge either side is right.
    clear = (np.abs(column - np.round(column)) > 0.02) & (np.abs(row - np.round(row)) > 0.02)
    assert clear.mean() > 0.9
    assert on.any()
    assert (seen[clear] == wanted[clear]).all()


def test_grades_are_those_that_the_run_counts(tmp_path, write, stated, pixels):
    pixels[4, 20:60, 30:90] = 9  # cloud
    pixels[2, 70:90, 100:150], pixels[3, 70:90, 100:150] = 1500, 5000  # plants
    scene = register(tmp_path, write("a.tif", pixels), stated)
    masks = ("scl", "water", "vegetation")
    where = middle(scene, 15)
    seen = drawn(tmp_path, scene, GradePicture(scene, indices.get("si_gr"), GRADING, masks), *where)
    with Reader.open(tmp_path, scene) as reader:
        codes = Classifier(scene, indices.get("si_gr"), GRADING, masks).codes(
            reader, (0, 0, scene.width, scene.height)
        )
    colours = np.zeros((256, 4), dtype=np.uint8)
    colours[:4] = [rgba(grade.color) for grade in GRADING.grades]
    column, row = cells(scene, *where)
    clear = (np.abs(column - np.round(column)) > 0.02) & (np.abs(row - np.round(row)) > 0.02)
    clear &= (column > 0) & (column < scene.width) & (row > 0) & (row < scene.height)
    i, j = np.floor(column[clear]).astype(int), np.floor(row[clear]).astype(int)
    assert (seen[clear] == colours[codes[j, i]]).all()
    assert {tuple(c) for c in seen[clear].tolist()} == {tuple(c) for c in colours[:5].tolist()}


def test_no_data_undefined_and_outside_are_transparent_and_nothing_wraps(tmp_path, write, stated):
    pixels = np.full((5, 128, 128), 3000, dtype=np.uint16)
    pixels[4] = 5
    pixels[:4, :, 20:40] = 0  # a stripe without data
    pixels[1:4, :, 50:60] = 1000  # reflectance 0 in all bands: NDVI is 0/0
    pixels[2, :, 70:80], pixels[3, :, 70:80] = 1001, 1  # R > N, and N below the offset
    scene = register(tmp_path, write("a.tif", pixels), stated)
    where = middle(scene, 16)
    seen = drawn(tmp_path, scene, index_picture(scene, "ndvi"), *where)
    column, row = cells(scene, *where)
    on = (column > 0) & (column < 128) & (row > 0) & (row < 128)
    part = np.floor(column).astype(int) // 10
    inner = on & (np.abs(column / 10 - np.round(column / 10)) > 0.01)
    for stripe in (2, 3, 5):
        assert (seen[inner & (part == stripe)] == 0).all(), stripe
    ramp = PALETTES.ramp(indices.get("ndvi"))
    assert (seen[inner & (part == 7)] == ramp.colours[1]).all()  # -1 or so: the low end, not 1
    zero = ramp.colours[ramp.codes(np.array([0.0]))]
    assert (seen[inner & (part == 9)] == zero).all()
    edge = drawn(tmp_path, scene, index_picture(scene, "ndvi"), *middle(scene, 14))
    column, row = cells(scene, *middle(scene, 14))
    away = (column < -0.02) | (column > 128.02) | (row < -0.02) | (row > 128.02)
    assert 0.2 < away.mean() < 1
    assert (edge[away] == 0).all()


def test_a_composite_is_stretched_alike_everywhere(tmp_path, write, stated, pixels):
    pixels[4, :75] = 9
    pixels[:4, :75] = 9000  # clouds do not darken the rest
    pixels[:4, :, :10] = 0
    scene = register(tmp_path, write("a.tif", pixels), stated)
    stretch = stretched(tmp_path, scene, ("N", "R", "G"))
    for low, high in stretch:
        assert 0.02 <= low < 0.04
        assert 0.40 < high <= 0.42
    picture = Composite(scene, ("N", "R", "G"), stretch)
    where = middle(scene, 15, (0.02, 0.2))
    seen = drawn(tmp_path, scene, picture, *where)
    column, row = cells(scene, *where)
    clear = (column > 0.02) & (column < scene.width) & (row > 0) & (row < scene.height)
    clear &= (np.abs(column - np.round(column)) > 0.02) & (np.abs(row - np.round(row)) > 0.02)
    i, j = np.floor(column[clear]).astype(int), np.floor(row[clear]).astype(int)
    dn = pixels[[3, 2, 1]][:, j, i].astype(float)
    low, high = np.array(stretch).T
    wanted = np.clip((dn.T * 1e-4 - 0.1 - low) / (high - low), 0, 1) * 255
    empty = dn[0] == 0
    assert empty.any()
    assert (seen[clear][empty] == 0).all()
    assert np.abs(seen[clear][~empty, :3] - wanted[~empty]).max() <= 1
    assert (seen[clear][~empty, 3] == 255).all()


def test_sizes_show_the_same_places(tmp_path, write, stated, pixels):
    scene = register(tmp_path, write("a.tif", pixels), stated)
    z, x, y = middle(scene, 14)
    large = drawn(tmp_path, scene, index_picture(scene), z, x, y, 512)
    assert large.shape == (512, 512, 4)
    quarter = drawn(tmp_path, scene, index_picture(scene), z + 1, 2 * x, 2 * y)
    assert (large[:256, :256] == quarter).all()


def test_a_tile_beside_the_scene_is_blank(tmp_path, write, stated, pixels):
    scene = register(tmp_path, write("a.tif", pixels), stated)
    z, x, y = middle(scene, 14)
    for where in ((z, x + 9, y), (z, x, y - 9), (0, 0, 0)):
        seen = drawn(tmp_path, scene, index_picture(scene), *where)
        assert seen.shape == (256, 256, 4)
        assert (seen[..., 3] > 0).sum() <= (1 if where == (0, 0, 0) else 0)


def test_rio_tiler_picks_the_same_pixels(tmp_path, write, stated, pixels):
    """An independent judge; its warper is exact to an eighth of a pixel."""
    scene = register(tmp_path, write("a.tif", pixels), stated)
    for zoom in (14, 16, 18):
        z, x, y = middle(scene, zoom)
        with RioReader(str(tmp_path / scene.path)) as reader:
            theirs = reader.tile(x, y, z, tilesize=256, indexes=(2, 3))
        scaled = [table * 1e-4 - 0.1 for table in theirs.array.astype(np.float32).filled(np.nan)]
        hidden = np.ma.getmaskarray(theirs.array).any(axis=0)
        values = indices.get("si_gr").evaluate(dict(zip("GR", scaled, strict=True)))
        ramp = PALETTES.ramp(indices.get("si_gr"))
        wanted = np.where(hidden[..., None], 0, ramp.colours[ramp.codes(values)])
        ours = drawn(tmp_path, scene, index_picture(scene), z, x, y)
        same = (np.abs(ours.astype(int) - wanted) <= 2).all(axis=-1)
        assert same.mean() > 0.85, zoom


@pytest.fixture
def patchy() -> np.ndarray:
    """Large enough for overviews; clouds and clear ground in turn. uint16[5, 600, 600]."""
    rng = np.random.default_rng(5)
    array = rng.integers(1200, 5200, (5, 600, 600)).astype(np.uint16)
    array[4] = np.where(rng.random((600, 600)) < 0.5, 5, 9)
    return array


def write_cog(folder: Path, name: str, pixels: np.ndarray, resampling: str) -> str:
    with rasterio.open(
        folder / name, "w", driver="COG", crs="EPSG:32651", nodata=0, dtype=pixels.dtype,
        transform=from_origin(570000, 5040000, 10, 10), count=pixels.shape[0], blocksize=128,
        height=pixels.shape[1], width=pixels.shape[2], overview_resampling=resampling,
    ) as file:  # fmt: skip
        file.write(pixels)
    return name


def test_averages_of_classes_are_not_taken_for_classes(tmp_path, patchy):
    """SCL 5 and 9 average to 7, "unclassified", which would show clouds as ground."""
    stated = Registration("sentinel-2-l2a", BANDS, WHEN, offset_applied="no")
    levels = {}
    for how in ("NEAREST", "AVERAGE"):
        scene = register(tmp_path, write_cog(tmp_path, f"{how}.tif", patchy, how), stated)
        with Pyramids(tmp_path).lend(scene) as one:
            assert one.factors[:2] == [1.0, 2.0]
            levels[how] = one.level(2.5, ("R", "SCL")), one.level(2.5, ("R",))
        seen = drawn(tmp_path, scene, index_picture(scene, "si_gr", ("scl",)), *middle(scene, 12))
        inside = drawn(tmp_path, scene, index_picture(scene), *middle(scene, 12))[..., 3] > 0
        assert (seen[inside][:, 3] > 0).mean() == pytest.approx(0.5, abs=0.05), how
    assert levels == {"NEAREST": (1, 1), "AVERAGE": (0, 1)}


def test_work_for_a_tile_has_a_limit(tmp_path, patchy, stated, write, monkeypatch):
    scene = register(tmp_path, write("flat.tif", patchy), stated)  # no overviews
    picture = index_picture(scene)
    with Pyramids(tmp_path).lend(scene) as one:
        assert tiles.zooms(one, picture)[0] == 0
    monkeypatch.setattr(pyramid, "MOST_NUMBERS", 400_000)
    monkeypatch.setattr(tiles, "MOST_NUMBERS", 400_000)
    with pytest.raises(Rejected) as caught:
        drawn(tmp_path, scene, picture, *middle(scene, 10))
    assert caught.value.code == "E_RASTER_OVERVIEWS"
    with Pyramids(tmp_path).lend(scene) as one:
        least, most = tiles.zooms(one, picture)
    assert 10 < least < most
    assert drawn(tmp_path, scene, picture, *middle(scene, least))[..., 3].any()


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        (lambda b: b[: len(b) // 2], {"E_RASTER_OPEN", "E_RASTER_CHANGED"}),
        (lambda b: b[:-40] + b"\xff" * 40, {"E_RASTER_CHANGED"}),
        (lambda _: b"not a picture at all", {"E_RASTER_OPEN"}),
    ],
)
def test_another_file_is_not_shown(tmp_path, write, stated, pixels, change, codes):
    scene = register(tmp_path, write("a.tif", pixels), stated)
    pyramids = Pyramids(tmp_path)
    bounds = tile(*middle(scene, 14)).bounds
    with pyramids.lend(scene) as one:
        tiles.draw(one, index_picture(scene), bounds, 256)
    path = tmp_path / scene.path
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(Rejected) as caught, pyramids.lend(scene):
        pass
    assert caught.value.code in codes
    path.unlink()
    with pytest.raises(Rejected), pyramids.lend(scene):
        pass


def test_what_was_registered_cut_short_is_told(tmp_path, write, stated, pixels):
    """Its content is the registered one; reading beyond the end is an error, not zeros."""
    name = write("a.tif", pixels, compress="deflate")
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    def show() -> None:
        scene = register(tmp_path, name, stated)
        drawn(tmp_path, scene, index_picture(scene), *middle(scene, 12))

    with pytest.raises(Rejected) as caught:
        show()
    assert caught.value.code in ("E_RASTER_READ", "E_RASTER_OPEN")


def test_many_threads_see_one_picture(tmp_path, write, stated, pixels):
    scene = register(tmp_path, write("a.tif", pixels), stated)
    pyramids = Pyramids(tmp_path, most=2)
    z, x, y = middle(scene, 15)
    places = [tile(z, x + dx, y + dy).bounds for dx in (-1, 0, 1) for dy in (-1, 0, 1)] * 4
    picture = index_picture(scene)

    def work(bounds) -> bytes:
        with pyramids.lend(scene) as one:
            return tiles.draw(one, picture, bounds, 256)

    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(work, places))
    assert together == [work(bounds) for bounds in places]
    pyramids.close()


def test_legends_tell_what_is_drawn(tmp_path, write, stated, pixels):
    scene = register(tmp_path, write("a.tif", pixels), stated)
    told = GradePicture(scene, indices.get("si_gr"), GRADING, ("scl",)).legend()
    assert [(g["from"], g["below"]) for g in told["grades"]] == [
        (None, 0.12), (0.12, 0.2), (0.2, 0.28), (0.28, None),
    ]  # fmt: skip
    assert [mask["id"] for mask in told["masks"]] == ["scl"]
    told = index_picture(scene, "vssi").legend()
    assert told["direction"] == "lower"
    assert told["stops"][0]["value"] == told["range"][0] == -4
    assert len(told["stops"]) == 9
    with pytest.raises(Rejected) as caught:
        index_picture(scene, "mndwi")
    assert caught.value.code == "E_INDEX_BANDS"
