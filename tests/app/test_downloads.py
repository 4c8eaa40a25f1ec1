"""Whole layers as files over HTTP: names, headers, contents, and nothing left behind."""

from __future__ import annotations

import io
import re
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import httpx
import pyarrow.parquet as pq
import pyogrio
import pytest
import python_calamine

from geo.formats import kml_file, landtxt_file
from tests.conftest import Server

PARCELS = "/collections/parcels/items"
FORMATS = ("csv", "xlsx", "gpkg", "fgb", "parquet", "shp", "kml", "landtxt")


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as made:
        yield made


@pytest.fixture(scope="module")
def county(client: httpx.Client) -> tuple[str, int]:
    """A county and how many parcels it has."""
    first = client.get(PARCELS, params={"limit": 1}).json()["features"][0]
    code = first["properties"]["county"]
    hits = client.get(PARCELS, params={"county": code, "resulttype": "hits"}).json()
    return code, hits["numberMatched"]


def rows(form: str, data: bytes, folder: Path) -> int:
    """How many features are in a file, by readers that are not the writer's."""
    path = folder / f"a.{ {'shp': 'zip', 'landtxt': 'txt'}.get(form, form) }"
    path.write_bytes(data)
    if form == "csv":
        assert data.startswith(b"\xef\xbb\xbf")
        return len(data.decode().splitlines()) - 1
    if form == "xlsx":
        book = python_calamine.CalamineWorkbook.from_path(path)
        return len(book.get_sheet_by_index(0).to_python()) - 1
    if form == "parquet":
        return pq.read_table(path).num_rows
    if form == "kml":
        return len(kml_file.read(path).rows)
    if form == "landtxt":
        return len(landtxt_file.read(path).rows)
    if form == "shp":
        return len(pyogrio.read_dataframe(f"/vsizip/{path}/高标准农田.shp"))
    return len(pyogrio.read_dataframe(path, layer="parcels"))


@pytest.mark.parametrize("form", FORMATS)
def test_all_matching_features_in_every_format(
    client: httpx.Client, county: tuple[str, int], form: str, tmp_path: Path
) -> None:
    code, count = county
    assert count > 10, "more than a page"
    answer = client.get(PARCELS, params={"county": code, "f": form})
    assert answer.status_code == 200, answer.text[:500]
    assert rows(form, answer.content, tmp_path) == count
    disposition = answer.headers["content-disposition"]
    name = re.search(r"filename\*=UTF-8''(\S+)", disposition)
    assert name is not None
    assert unquote(name[1]).startswith("高标准农田.")
    assert 'filename="parcels.' in disposition
    again = client.get(PARCELS, params={"county": code, "f": form},
                       headers={"If-None-Match": answer.headers["etag"]})  # fmt: skip
    assert again.status_code == 304


def test_geojson_as_a_file(client: httpx.Client, county: tuple[str, int]) -> None:
    code, count = county
    answer = client.get(PARCELS, params={"county": code, "download": "true"})
    assert len(answer.json()["features"]) == count
    assert "attachment" in answer.headers["content-disposition"]


def test_options_reach_the_writer(client: httpx.Client, county: tuple[str, int]) -> None:
    code, _ = county
    query = {"county": code, "f": "landtxt", "encoding": "utf-8-sig", "prefix": "false",
             "closing": "none", "precision": 2, "zone": 41}  # fmt: skip
    text = client.get(PARCELS, params=query).content
    assert text.startswith("\ufeff[属性描述]".encode())
    point = re.search(r"J1,1,(\d+\.\d+),(\d+\.\d+)\r\n", text.decode("utf-8-sig"))
    assert point is not None
    assert len(point[2].split(".")[0]) == 6
    assert len(point[2].split(".")[1]) == 2
    packed = client.get(PARCELS, params={"county": code, "f": "shp", "encoding": "utf-8"}).content
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.read("高标准农田.cpg") == b"UTF-8"


def test_layers_without_geometry(client: httpx.Client) -> None:
    answer = client.get("/collections/treatments/items", params={"f": "xlsx"})
    assert answer.status_code == 200
    refused = client.get("/collections/treatments/items", params={"f": "shp"})
    assert refused.status_code == 406
    assert refused.json()["code"] == "E_FORMAT"
    assert client.get(PARCELS, params={"f": "dwg"}).status_code == 400
    assert client.get(PARCELS, params={"f": "landtxt", "zone": 24}).json()["code"] == "E_ZONE"


def test_nothing_is_left_behind(client: httpx.Client, server: Server) -> None:
    with client.stream("GET", PARCELS, params={"f": "gpkg"}) as answer:
        assert answer.status_code == 200
        next(answer.iter_raw(1000))  # then the client goes away
    folder = server.data / "work"
    for _ in range(50):
        left = list(folder.glob("download-*"))
        if not left:
            break
        time.sleep(0.1)
    assert left == []
