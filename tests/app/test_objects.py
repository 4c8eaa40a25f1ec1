"""Files that nodes share in an object store: published there first, fetched where they are not."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from app import scenes
from app.problems import Problem
from app.settings import Settings
from geo.soil.scene import Scene
from tests.conftest import object_store_environment

pytestmark = pytest.mark.unit


@pytest.fixture
def nodes(
    tmp_path: Path, object_store: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[Settings, Settings]:
    for name, value in object_store_environment(object_store).items():
        monkeypatch.setenv(name, value)
    root = f"s3://office/{tmp_path.name}"
    one, two = (Settings(data=tmp_path / name, objects=root) for name in ("one", "two"))
    for node in (one, two):
        node.data.mkdir()
    return one, two


def test_a_blob_of_one_node_is_found_on_another(nodes: tuple[Settings, Settings]) -> None:
    one, two = nodes
    content = "地块".encode() * 3_000_000  # several pieces
    blob = one.blobs.put(content)
    assert blob.sha256 == hashlib.sha256(content).hexdigest()
    path = two.blobs.path(blob.sha256)
    assert path.read_bytes() == content
    assert [p.name for p in path.parent.iterdir()] == [blob.sha256]
    assert two.blobs.put(content) == blob  # the same bytes again are no second object
    assert not two.blobs.path("0" * 64).exists()


def test_a_scene_of_one_node_is_found_on_another(nodes: tuple[Settings, Settings]) -> None:
    one, two = nodes
    file = one.raster_folder / "scenes/a.tif"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"II*\0 pixels")
    scenes.share(one, "scenes/a.tif", file)
    scene = Scene.model_construct(id="a", path="scenes/a.tif")
    assert scenes.here(two, scene) is scene
    assert (two.raster_folder / scene.path).read_bytes() == b"II*\0 pixels"


def test_what_cannot_be_stored_is_not_published(
    nodes: tuple[Settings, Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _ = nodes
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(Problem) as caught:
        one.blobs.put(b"lost")
    assert caught.value.code == "E_OBJECT_STORE"
    assert "127.0.0.1" not in str(caught.value.detail)
    sha256 = hashlib.sha256(b"lost").hexdigest()
    with pytest.raises(Problem):
        one.blobs.path(sha256)
    assert not (one.blob_folder / sha256[:2] / sha256).exists()


def test_without_a_store_files_are_only_here(tmp_path: Path) -> None:
    alone = Settings(data=tmp_path)
    blob = alone.blobs.put(b"x")
    assert alone.blobs.path(blob.sha256).read_bytes() == b"x"
    assert not alone.blobs.path("0" * 64).exists()
