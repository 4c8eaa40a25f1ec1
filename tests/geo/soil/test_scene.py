"""Registering scenes: what is refused, how numbers become reflectance, the STAC item."""

from __future__ import annotations

import struct
import warnings
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import rasterio

from geo.errors import Rejected
from geo.soil import raster
from geo.soil.raster import Registration
from geo.soil.scene import Scene, inside

pytestmark = pytest.mark.unit


def code_of(call, *args) -> str:
    with pytest.raises(Rejected) as caught:
        call(*args)
    assert caught.value.detail[0]
    return caught.value.code


def test_register_and_reflectance(tmp_path, write, pixels, stated) -> None:
    pixels[:, 3, 4] = 0
    scene = raster.register(tmp_path, write("晚春 S2.tif", pixels), stated)
    assert (scene.width, scene.height, scene.block, scene.crs) == (200, 150, 1024, "EPSG:32651")
    assert (scene.scale, scene.offset, scene.nodata) == (0.0001, -0.1, 0.0)
    assert scene.id == "S2"
    assert Scene.model_validate_json(scene.model_dump_json()) == scene
    with raster.Reader.open(tmp_path, scene) as reader:
        raw = reader.read(("R", "SCL"), (2, 1, 5, 4))
        red = reader.reflectance(raw)["R"]
    assert red.dtype == np.float32
    assert red.shape == (4, 5)
    assert np.isnan(red[2, 2])
    expected = pixels[2, 1:5, 2:7] * 1e-4 - 0.1
    keep = ~np.isnan(red)
    np.testing.assert_allclose(red[keep], expected[keep], atol=1e-7)


def test_landsat_and_float_scenes(tmp_path, write, stated) -> None:
    dn = np.array([10909, 14545, 43636, 0], dtype=np.uint16).reshape(1, 2, 2)
    landsat = Registration("landsat-c2-l2", ("R",), stated.datetime)
    scene = raster.register(tmp_path, write("l.tif", dn, blockxsize=16, blockysize=16), landsat)
    with raster.Reader.open(tmp_path, scene) as reader:
        red = reader.reflectance(reader.read(("R",), (0, 0, 2, 2)))["R"].ravel()
    np.testing.assert_allclose(red[:3], [0.1, 0.2, 1.0], atol=2e-5)
    assert np.isnan(red[3])
    floats = np.array([[[0.25, -9999.0]]], dtype=np.float32)
    name = write("f.tif", floats, nodata=-9999, tiled=False, blockxsize=2, blockysize=1)
    own = Registration("custom", {"N": 1}, stated.datetime, scale=1.0, offset=0.0)
    scene = raster.register(tmp_path, name, own)
    with raster.Reader.open(tmp_path, scene) as reader:
        nir = reader.reflectance(reader.read(("N",), (0, 0, 2, 1)))["N"].ravel()
    assert nir[0] == 0.25
    assert np.isnan(nir[1])


def test_unknown_scaling_is_refused_never_guessed(tmp_path, write, pixels, stated) -> None:
    name = write("a.tif", pixels)
    for registration in (
        Registration("custom", stated.bands, stated.datetime),
        Registration("custom", stated.bands, stated.datetime, scale=1e-4),
        Registration("custom", stated.bands, stated.datetime, scale=0.0, offset=0.0),
        Registration("sentinel-2-l2a", ("B", "G", "R"), stated.datetime),
        # Random NIR of 0.02-0.42: no dark water to tell by.
        Registration("sentinel-2-l2a", (None, None, None, "N"), stated.datetime, nodata=9.0),
    ):
        if registration.nodata == 9.0:
            bright = pixels.copy()
            bright[3] += 3000
            name = write("bright.tif", bright)
        assert code_of(raster.register, tmp_path, name, registration) == "E_RASTER_SCALE"


@pytest.mark.parametrize(("water", "offset"), [(1150, -0.1), (150, 0.0)])
def test_dark_water_tells_the_offset(tmp_path, write, pixels, stated, water, offset) -> None:
    """Mirrors that took the offset off already, and products that did not."""
    pixels[3] = np.where(pixels[3] < 2000, water, pixels[3] + 2000)
    pixels[4] = np.where(pixels[3] == water, 6, 5)
    registration = Registration("sentinel-2-l2a", stated.bands, stated.datetime)
    scene = raster.register(tmp_path, write("w.tif", pixels), registration)
    assert scene.offset == offset
    assert "dark-water" in scene.how_scaled
    assert raster.sanity(tmp_path, scene).verdict == "ok"
    wrong = scene.model_copy(update={"offset": -0.1 - offset})
    expected = "offset_missing" if offset else "offset_twice"
    assert raster.sanity(tmp_path, wrong).verdict == expected
    # Somebody who states the wrong thing is told so in the scene itself.
    lie = Registration("sentinel-2-l2a", stated.bands, stated.datetime,
                       offset_applied="yes" if offset else "no")  # fmt: skip
    told = raster.register(tmp_path, "w.tif", lie)
    assert [notice.code for notice in told.warnings] == [f"W_{expected.upper()}"]
    assert scene.warnings == ()
    assert scene.dark_nir == pytest.approx(0.015, abs=1e-3)


def test_scale_tags_of_the_file_count(tmp_path, write, pixels, stated) -> None:
    name = write("t.tif", pixels[:4])
    with rasterio.open(tmp_path / name, "r+") as file:
        file.scales, file.offsets = (0.0002,) * 4, (-0.05,) * 4
    scene = raster.register(
        tmp_path, name, Registration("custom", ("B", "G", "R", "N"), stated.datetime)
    )
    assert (scene.scale, scene.offset) == (0.0002, -0.05)


def test_paths_stay_inside_the_root(tmp_path, write, pixels, stated) -> None:
    root = tmp_path / "root"
    root.mkdir()
    write("outside.tif", pixels)
    (root / "link.tif").symlink_to(tmp_path / "outside.tif")
    (root / "loop.tif").symlink_to(root / "loop.tif")
    for href in (
        "../outside.tif", str(tmp_path / "outside.tif"), "/etc/passwd", "link.tif", "a\0b.tif",
        "x/../../outside.tif", "file:///etc/passwd", "http://127.0.0.1/a.tif",
        "/vsicurl/http://127.0.0.1/a.tif", "/vsizip/a.zip/b.tif",
    ):  # fmt: skip
        assert code_of(inside, root, href) == "E_PATH", href
    for href in ("missing.tif", ".", "", "n" * 5000, "GTIFF_DIR:1:a.tif", "loop.tif"):
        assert code_of(inside, root, href) in ("E_RASTER_OPEN", "E_PATH"), href


def test_only_geotiff_is_opened(tmp_path, write, pixels, stated) -> None:
    write("real.tif", pixels)
    secret = tmp_path / "secret.txt"
    secret.write_text("canary")
    vrt = (
        '<VRTDataset rasterXSize="1" rasterYSize="1"><VRTRasterBand dataType="Byte" band="1">'
        f"<SimpleSource><SourceFilename>{tmp_path / 'real.tif'}</SourceFilename></SimpleSource>"
        "</VRTRasterBand></VRTDataset>"
    )
    for name, content in (
        ("vrt.tif", vrt.encode()), ("empty.tif", b""), ("text.tif", b"hello"),
        ("wms.tif", b"<GDAL_WMS><Service name='TMS'><ServerUrl>http://127.0.0.1:9/</ServerUrl>"),
        ("cut.tif", (tmp_path / "real.tif").read_bytes()[:60]),
    ):  # fmt: skip
        (tmp_path / name).write_bytes(content)
        assert code_of(raster.register, tmp_path, name, stated) == "E_RASTER_OPEN", name


def bomb(path: Path, width: int, height: int, tile: int) -> None:
    """A TIFF header that claims a huge image; no pixels follow."""
    tags = [(256, 4, width), (257, 4, height), (258, 3, 16), (259, 3, 8), (262, 3, 1), (277, 3, 1),
            (322, 4, tile), (323, 4, tile), (324, 4, 0), (325, 4, 0)]  # fmt: skip
    body = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags))
    for tag, kind, value in tags:
        body += struct.pack("<HHII", tag, kind, 1, value)
    path.write_bytes(body + struct.pack("<I", 0))


def test_bombs_are_refused_from_the_header(tmp_path, write, stated) -> None:
    bomb(tmp_path / "wide.tif", 500_000, 480_000, 512)
    one = Registration("custom", ("B",), stated.datetime, scale=1.0, offset=0.0)
    assert code_of(raster.register, tmp_path, "wide.tif", one) == "E_RASTER_SIZE"
    bomb(tmp_path / "tile.tif", 20_000, 20_000, 16_000)
    assert code_of(raster.register, tmp_path, "tile.tif", one) == "E_RASTER_SIZE"
    many = np.zeros((65, 16, 16), dtype=np.uint8)
    name = write("many.tif", many, blockxsize=16, blockysize=16)
    assert code_of(raster.register, tmp_path, name, one) == "E_RASTER_SIZE"


def test_headers_that_say_too_little(tmp_path, write, pixels, stated) -> None:
    assert (
        code_of(raster.register, tmp_path, write("crs.tif", pixels, crs=None), stated)
        == "E_RASTER_CRS"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        name = write("place.tif", pixels, transform=rasterio.Affine.identity())
        assert code_of(raster.register, tmp_path, name, stated) == "E_RASTER_CRS"
    complex_ = write("complex.tif", pixels.astype(np.complex64), nodata=None)
    assert code_of(raster.register, tmp_path, complex_, stated) == "E_RASTER_TYPE"
    name = write("a.tif", pixels)
    for bands in (("B", "B"), ("SCL",), ("B", "X"), {"B": 9}, {}):
        registration = Registration("sentinel-2-l2a", bands, stated.datetime)
        assert code_of(raster.register, tmp_path, name, registration) == "E_RASTER_BANDS", bands
    naive = Registration("sentinel-2-l2a", stated.bands, datetime(2025, 5, 3))
    assert code_of(raster.register, tmp_path, name, naive) == "E_RASTER_DATETIME"


def test_a_changed_file_is_not_used(tmp_path, write, pixels, stated) -> None:
    name = write("a.tif", pixels)
    scene = raster.register(tmp_path, name, stated)
    write(name, pixels[:, :100])

    def read() -> None:
        with raster.Reader.open(tmp_path, scene):
            pass

    assert code_of(read) == "E_RASTER_CHANGED"


def test_damaged_pixels_never_become_figures(tmp_path, write, pixels, stated) -> None:
    """Overwritten deflate data may decode without an error; the digest still tells."""
    name = write("a.tif", pixels, compress="deflate")
    scene = raster.register(tmp_path, name, stated)
    path = tmp_path / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 2000] = b"\xff" * 2000
    path.write_bytes(content)

    def verified() -> None:
        with raster.Reader.open(tmp_path, scene, verify=True):
            pass

    assert code_of(verified) == "E_RASTER_CHANGED"

    def cut_short() -> None:
        # Registered after the damage: reading beyond the end is an error, not zeros.
        path.write_bytes(content[: len(content) // 2])
        damaged = raster.register(tmp_path, name, stated)
        with raster.Reader.open(tmp_path, damaged, verify=True) as reader:
            reader.read(("B", "G", "R", "N"), (0, 0, 200, 150))

    assert code_of(cut_short) in ("E_RASTER_READ", "E_RASTER_OPEN")
