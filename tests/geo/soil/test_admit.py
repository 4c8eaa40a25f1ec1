"""Files as they come: band files, stacks and strange ones become one COG, or are refused."""

from __future__ import annotations

from time import perf_counter

import numpy as np
import pytest
import rasterio
import shapely
from rasterio.transform import Affine, from_origin

from geo.errors import Rejected
from geo.soil import raster, run
from geo.soil.admit import Given, admit
from geo.soil.grading import custom
from geo.soil.raster import Registration
from tests import shared
from tests.geo.soil.conftest import BANDS, WHEN
from tests.geo.soil.test_scene import bomb

pytestmark = pytest.mark.unit


@pytest.fixture
def put(tmp_path):
    """put(given, stated, **where) -> (scene, made), with the COG at tmp_path/out.tif."""

    def admitted(given, stated, **where):
        files = [Given(tmp_path / name, str(name), bands) for name, bands in given]
        told = []
        scene, made = admit(files, stated, tmp_path / "out.tif", lambda *p: told.append(p), **where)
        fractions = [f for stage, f in told if f is not None]
        assert fractions == sorted(fractions)
        return scene, made

    return admitted


def code_of(call, *args, **kwargs) -> str:
    with pytest.raises(Rejected) as caught:
        call(*args, **kwargs)
    assert caught.value.detail[0] != caught.value.detail[1]
    return caught.value.code


def test_a_stack_becomes_a_cog(tmp_path, write, pixels, put, stated) -> None:
    name = write("晚春.tif", pixels, tiled=False, blockysize=7, nodata=None)
    scene, made = put([(name, ("B", None, "R", "N", "SCL"))], stated)
    assert made
    assert scene.path == "out.tif"
    assert scene.bands == {"B": 1, "R": 2, "N": 3, "SCL": 4}
    assert [source.name for source in scene.sources] == [name]
    with rasterio.open(tmp_path / "out.tif") as file:
        assert file.block_shapes[0] == (512, 512)
        assert file.compression.name == "deflate"
        assert file.nodata == 0
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        np.testing.assert_array_equal(file.read(), pixels[[0, 2, 3, 4]])
        assert file.descriptions == ("B", "R", "N", "SCL")
    with raster.Reader.open(tmp_path, scene, verify=True) as reader:
        assert set(reader.sample(("B", "SCL"))) == {"B", "SCL"}


def test_what_is_a_cog_stays_where_it_is(tmp_path, write, pixels, put, stated) -> None:
    name = write("a.tif", pixels)
    scene, made = put([(name, BANDS)], stated, root=tmp_path, href=name)
    assert not made
    assert scene.path == name
    big = np.full((1, 16, 1100), 1500, np.uint16)
    name = write("big.tif", big)  # too large to be drawn without overviews
    one = Registration("custom", (), WHEN, scale=1e-4, offset=0.0)
    scene, made = put([(name, ("N",))], one, root=tmp_path, href=name)
    assert made
    with rasterio.open(tmp_path / scene.path) as file:
        assert file.overviews(1)


def test_band_files_of_two_resolutions(tmp_path, write, pixels, put, stated) -> None:
    """Sentinel-2's 20 m bands are repeated on the 10 m grid: no pixel is mixed, classes stay."""
    fine, coarse = pixels[:3], pixels[3:, ::2, ::2].copy()
    coarse[1] = np.arange(coarse[1].size).reshape(coarse[1].shape) % 12
    twenty = from_origin(570000, 5040000, 20, 20)
    names = [write(f"B0{n}.tif", fine[n - 2 : n - 1]) for n in (2, 3, 4)]
    names.append(write("B11.tif", coarse[:1], transform=twenty))
    names.append(write("SCL.tif", coarse[1:].astype(np.uint8), transform=twenty, nodata=None))
    given = [(name, (key,)) for name, key in zip(names, ("B", "G", "R", "S1", "SCL"), strict=True)]
    scene, _ = put(given[::-1], stated)
    assert (scene.width, scene.height, scene.transform[0]) == (200, 150, 10)
    assert scene.dtype == "uint16"
    assert [source.name for source in scene.sources] == names[::-1]
    with raster.Reader.open(tmp_path, scene) as reader:
        raw = reader.read(("R", "S1", "SCL"), (0, 0, 200, 150))
    np.testing.assert_array_equal(raw["R"], fine[2])
    np.testing.assert_array_equal(raw["S1"], coarse[0].repeat(2, 0).repeat(2, 1))
    np.testing.assert_array_equal(raw["SCL"], coarse[1].repeat(2, 0).repeat(2, 1))


def test_band_files_that_do_not_fit(tmp_path, write, pixels, put, stated) -> None:
    first = (write("a.tif", pixels[:1]), ("B",))
    for change in (
        {"crs": "EPSG:32650"}, {"transform": from_origin(570005, 5040000, 10, 10)},
        {"transform": from_origin(570000, 5040000, 15, 15)},
        {"transform": Affine(10, 0.5, 570000, 0, -10, 5040000)},
    ):  # fmt: skip
        other = (write("b.tif", pixels[1:2], **change), ("R",))
        assert code_of(put, [first, other], stated) == "E_RASTER_GRID", change
    cut = (write("c.tif", pixels[1:2, :100]), ("R",))
    assert code_of(put, [first, cut], stated) == "E_RASTER_GRID"
    assert code_of(put, [first, (first[0], ("B",))], stated) == "E_RASTER_BANDS"
    assert code_of(put, [(first[0], ("SCL",))], stated) == "E_RASTER_BANDS"
    assert code_of(put, [(first[0], {"B": 2})], stated) == "E_RASTER_BANDS"
    assert code_of(put, [(first[0], None)], stated) == "E_RASTER_BANDS"


def test_names_of_bands_in_the_file_will_do(tmp_path, write, pixels, put, stated) -> None:
    name = write("a.tif", pixels)
    with rasterio.open(tmp_path / name, "r+") as file:
        file.descriptions = ("B02", "green", "R", "B8A", "SCL")
    assert list(put([(name, None)], stated)[0].bands) == ["B", "G", "R", "N", "SCL"]


def test_floats_their_nodata_and_masks_in_the_file(tmp_path, write, pixels, put) -> None:
    own = Registration("custom", (), WHEN, scale=1.0, offset=0.0)
    one = np.float64([[[0.1, np.nan], [0.3, 0.4]]])
    two = np.float32([[[0.1, 0.2], [-9999.0, 0.4]]])
    small = {"tiled": False, "blockxsize": 2, "blockysize": 1}
    red = write("one.tif", one, nodata=np.nan, **small)
    near = write("two.tif", two, nodata=-9999, **small)
    scene, _ = put([(red, ("R",)), (near, ("N",))], own)
    assert scene.dtype == "float32"
    with raster.Reader.open(tmp_path, scene) as reader:
        seen = reader.reflectance(reader.read(("R", "N"), (0, 0, 2, 2)))
    assert np.isnan(seen["R"]).tolist() == [[False, True], [False, False]]
    assert np.isnan(seen["N"]).tolist() == [[False, False], [True, False]]
    name = write("masked.tif", pixels[:1], nodata=None)
    with rasterio.open(tmp_path / name, "r+") as file:
        mask = np.ones(pixels.shape[1:], bool)
        mask[:10] = False
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
            file.write_mask(mask)
    eight = Registration("custom", (), WHEN, scale=1e-4, offset=0.0)
    scene, made = put([(name, ("R",))], eight, root=tmp_path, href=name)
    assert made
    with raster.Reader.open(tmp_path, scene) as reader:
        red = reader.reflectance(reader.read(("R",), (0, 0, 200, 150)))["R"]
    assert np.isnan(red[:10]).all()
    assert np.isfinite(red[10:]).all()


def test_a_bomb_is_refused_from_its_header(tmp_path, put, stated) -> None:
    """480 GB declared in some hundred bytes: refused before a pixel is read, in milliseconds."""
    bomb(tmp_path / "bomb.tif", 500_000, 480_000, 512)
    started = perf_counter()
    assert code_of(put, [("bomb.tif", ("B",))], stated) == "E_RASTER_SIZE"
    assert perf_counter() - started < 5
    assert list(tmp_path.glob("*out.tif")) == []


def test_hostile_and_hopeless_files(tmp_path, write, pixels, put, stated) -> None:
    name = write("whole.tif", pixels, compress="deflate")
    content = (tmp_path / name).read_bytes()
    (tmp_path / "cut.tif").write_bytes(content[: len(content) * 2 // 3])
    assert code_of(put, [("cut.tif", BANDS)], stated) in ("E_RASTER_READ", "E_RASTER_OPEN")
    assert not (tmp_path / "out.tif").exists()
    nothing = write("nothing.tif", np.zeros_like(pixels), tiled=False, blockysize=8)
    assert code_of(put, [(nothing, BANDS)], stated) == "E_RASTER_EMPTY"
    raw = Registration("custom", (), WHEN, scale=1.0, offset=0.0)
    assert code_of(put, [(name, BANDS)], raw) == "E_RASTER_SCALE"
    unknown = Registration("custom", (), WHEN)
    assert code_of(put, [(name, BANDS)], unknown) == "E_RASTER_SCALE"
    for transform in (
        from_origin(1e9, 5e9, 10, 10), from_origin(570000, 5040000, 1e-6, 1e-6),
        from_origin(570000, 5040000, 1e6, 1e6), Affine(0, 0, 1, 0, 0, 1),
        Affine(float("nan"), 0, 0, 0, -10, 0),
    ):  # fmt: skip
        placed = write("odd.tif", pixels, transform=transform)
        assert code_of(put, [(placed, BANDS)], stated) == "E_RASTER_CRS", transform
    local = 'LOCAL_CS["site",UNIT["metre",1]]'
    assert code_of(put, [(write("site.tif", pixels, crs=local), BANDS)], stated) == "E_RASTER_CRS"


def test_a_turned_grid_keeps_its_place(tmp_path, write, pixels, put, stated) -> None:
    turned = Affine.translation(570000, 5040000) @ Affine.rotation(20) @ Affine.scale(10, -10)
    scene, _ = put([(write("turned.tif", pixels, transform=turned), BANDS)], stated)
    assert scene.transform == pytest.approx(tuple(turned)[:6])
    ring = np.array(scene.footprint)
    x, y = ring.T
    assert np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]) > 0
    area = scene.grid.pixel_area.at(np.array([100.0]), np.array([75.0]))[0]
    assert area == pytest.approx(100, rel=2e-3)


def test_jpeg_2000_as_sentinel_2_comes(tmp_path, write, pixels, put) -> None:
    """Read by its first bytes; the name says nothing, and nothing but these two kinds is read."""
    write("B04.jp2", pixels[2:3], driver="JP2OpenJPEG", quality=100, reversible=True, tiled=None,
          nodata=None)  # fmt: skip
    (tmp_path / "B04.jp2").rename(tmp_path / "B04.tif")
    stated = Registration("sentinel-2-l2a", (), WHEN, baseline="05.09")
    scene, made = put([("B04.tif", ("R",))], stated, root=tmp_path, href="B04.tif")
    assert made
    assert (scene.offset, scene.offset_applied, scene.baseline) == (-0.1, "no", "05.09")
    with rasterio.open(tmp_path / scene.path) as file:
        np.testing.assert_array_equal(file.read(1), pixels[2])
    (tmp_path / "x.tif").write_bytes(b"<VRTDataset rasterXSize='1' rasterYSize='1'/>")
    assert code_of(put, [("x.tif", ("R",))], stated) == "E_RASTER_OPEN"


@shared.needs
def test_real_files(tmp_path, put) -> None:
    """Two dates of Sentinel-2 in one file of 8 bands; Landsat 7 in 6 bands of bytes."""
    folder = shared.DATA / "imagery"
    sentinel, landsat = folder / "inference-img.tif", folder / "landsat7_olinda" / "L7_ETMs.tif"
    for first in (0, 4):
        keys = [None] * 8
        keys[first : first + 4] = ["R", "G", "B", "N"]
        stated = Registration("custom", (), WHEN, scale=1e-4, offset=0.0)
        scene, _ = put([(sentinel, keys)], stated)
        assert scene.crs == "EPSG:32633"
        with raster.Reader.open(tmp_path, scene) as reader:
            seen = reader.reflectance(reader.sample(("R", "N")))
        assert 0.01 < np.nanmedian(seen["R"]) < np.nanmedian(seen["N"]) < 0.7
        (tmp_path / "out.tif").unlink()
    stated = Registration("custom", (), WHEN, scale=1 / 255, offset=0.0)
    scene, _ = put([(landsat, ("B", "G", "R", "N", "S1", "S2"))], stated)
    assert (scene.crs, scene.dtype) == ("EPSG:31985", "uint8")
    # A run over it closes: a square of a kilometre, half of it off the image.
    lon, lat = scene.footprint[8]  # middle of the western edge
    west = shapely.box(lon - 0.005, lat - 0.005, lon + 0.005, lat + 0.005)
    result = run.areas(
        tmp_path, scene, spec={"index": "ndvi"},
        grading=custom([0.0, 0.3], ["low", "middle", "high"]), zones=np.array([west]),
        zone_ids=["a"], masks=("water:0.2", "vegetation:0.6"),
    )  # fmt: skip
    parts = result.areas.grade_m2.sum() + result.areas.masked_m2 + result.areas.outside_m2
    assert parts[0] == pytest.approx(result.areas.zone_m2[0], rel=1e-9)
    assert 0.3 < result.areas.outside_m2[0] / result.areas.zone_m2[0] < 0.7
    # The file states no scale, and nothing is guessed.
    assert code_of(put, [(landsat, ("B",))], Registration("custom", (), WHEN)) == "E_RASTER_SCALE"
