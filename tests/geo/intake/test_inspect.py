"""What a file is, whatever it is called, and which layers it holds."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from geo.errors import Rejected
from geo.intake.inspect import inspect, unpack

pytestmark = pytest.mark.unit


def archive(folder: Path, *names: str) -> Path:
    path = folder / "blob"
    with zipfile.ZipFile(path, "w") as file:
        for name in names:
            file.writestr(name, name)
    return path


def code(path: Path, name: str) -> str:
    with pytest.raises(Rejected) as caught:
        inspect(path, name)
    return caught.value.code


def test_parts_are_found_in_any_case_and_folder(tmp_path: Path) -> None:
    path = archive(
        tmp_path, "交付/地块.SHP", "交付/地块.Shx", "交付/地块.dbf", "交付/地块.PRJ",
        "交付/地块.sbn", "交付/地块.shp.xml", "__MACOSX/交付/._地块.shp", ".DS_Store", "说明.docx",
    )  # fmt: skip
    found = inspect(path, "A.ZIP")
    assert [layer.name for layer in found.layers] == ["交付/地块"]
    assert sorted(found.layers[0].parts) == [".dbf", ".prj", ".shp", ".shx"]
    work = tmp_path / "work"
    work.mkdir()
    files = unpack(found.layers[0], found, work)
    assert {path.name for path in work.iterdir()} == {f"layer{part}" for part in files}
    assert files[".shp"].read_text() == "交付/地块.SHP"


def test_layers_of_the_same_name_in_two_folders(tmp_path: Path) -> None:
    found = inspect(archive(tmp_path, "a/x.shp", "a/x.dbf", "b/x.shp", "b/X.DBF"), "a.zip")
    assert [layer.name for layer in found.layers] == ["a/x", "b/x"]
    assert all(set(layer.parts) == {".shp", ".dbf"} for layer in found.layers)


def test_archive_without_layers(tmp_path: Path) -> None:
    assert code(archive(tmp_path, "a.docx"), "a.zip") == "E_TYPE_WORD"
    assert code(archive(tmp_path, "a.bin"), "a.zip") == "E_ZIP_EMPTY"
    assert code(archive(tmp_path), "a.zip") == "E_ZIP_EMPTY"
    assert code(archive(tmp_path, "a.dbf", "a.shx"), "a.zip") == "E_SHP_PART"


@pytest.mark.parametrize(
    ("head", "name", "expected"),
    [
        (b"\x00\x00\x27\x0a" + bytes(96), "a.shp", "E_SHP_PART"),
        (b"Rar!\x1a\x07\x00", "a.rar", "E_TYPE_RAR"),
        (b"<OGRVRTDataSource>", "a.shp", "E_TYPE_XML"),
        (b"<OGRVRTDataSource>", "a.zip", "E_TYPE_XML"),
        (b"", "a.zip", "E_TYPE"),
        (b'{"type": "FeatureCollection"}', "a.zip", "E_TYPE"),
        (b"SQLite format 3\0", "a.geojson", "E_TYPE"),
    ],
)
def test_content_and_name_must_agree(tmp_path: Path, head: bytes, name: str, expected: str) -> None:
    path = tmp_path / "blob"
    path.write_bytes(head)
    assert code(path, name) == expected


def test_zip_under_another_name(tmp_path: Path) -> None:
    assert code(archive(tmp_path, "a.shp"), "a.kmz") == "E_TYPE"
