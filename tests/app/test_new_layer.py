"""Adding a layer is adding a file: no Python, and items, tiles and uploads know it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.commands.opened import opened
from app.people import People
from geo.record.protocol import Author
from tests.app.test_thin_path import tile_of, upload
from tests.conftest import ROOT, Server, start_server, stop_server, wait_job
from tests.files import shapefile_zip, squares

LAYER = """
title = {zh = "湿地监测样方", en = "Wetland quadrats"}
description = {zh = "测试中加入的图层", en = "A layer added by a test"}
geometry = "MultiPolygon"
key = ["code"]
label = "code"
class_field = "state"
commit_role = "field"

[[fields]]
name = "code"
title = {zh = "样方编号", en = "Code"}
required = true
search = true
aliases = ["YFBH"]

[[fields]]
name = "state"
title = {zh = "状况", en = "State"}
codelist = "quadrat_state"

[[fields]]
name = "birds"
title = {zh = "鸟类数量", en = "Birds"}
type = "integer"
minimum = 0
"""
CODES = """
title = {zh = "样方状况", en = "State of a quadrat"}

[[codes]]
code = "good"
title = {zh = "良好", en = "Good"}

[[codes]]
code = "poor"
title = {zh = "退化", en = "Poor"}
"""


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An existing data folder, then one more definition and a restart."""
    base = tmp_path_factory.mktemp("grown")
    data = base / "data"
    with opened(data) as place:
        people = People(place.record)
        people.put("field", "field", "secret", Author("test", "test"))
        token = people.issue_token("field", Author("test", "test"))
    (data / "credentials.json").write_text(json.dumps({"field": {"token": token}}))
    more = base / "definitions"
    (more / "layers").mkdir(parents=True)
    (more / "codelists").mkdir()
    (more / "layers" / "quadrats.toml").write_text(LAYER, encoding="utf-8")
    (more / "codelists" / "quadrat_state.toml").write_text(CODES, encoding="utf-8")
    folders = json.dumps([str(ROOT / "data"), str(more)])
    running = start_server(data, LIANGTIAN_DEFINITIONS=folders, LIANGTIAN_PUBLIC_READ="true")
    yield running
    stop_server(running.process)
    shutil.rmtree(base)


def test_a_new_layer_works_everywhere(grown: Server, tmp_path: Path):
    columns = {"YFBH": ["样方1", "样方2"], "状况": ["良好", "退化"], "鸟类数量": [12, 3]}
    content = shapefile_zip(tmp_path, columns, squares(2, 123.3, 45.9), name="样方")
    with grown.client("field") as client:
        titles = {c["id"]: c["title"] for c in client.get("/collections").json()["collections"]}
        assert titles["quadrats"] == "湿地监测样方"
        report = upload(client, content, "q.zip", "quadrats")
        assert report["state"] == "ready", report["report"]["issues"]
        job = client.post(f"/uploads/{report['id']}/commit").json()["job"]
        assert wait_job(client, job)["state"] == "done"
        items = client.get("/collections/quadrats/items?state=good").json()
        assert [f["properties"]["birds"] for f in items["features"]] == [12]
        x, y = tile_of(123.301, 45.901, 15)
        tile = client.get(f"/tiles/quadrats/15/{x}/{y}.geojson").json()
        assert {f["properties"]["state"] for f in tile["features"]} >= {"good"}
        assert client.get(f"/tiles/quadrats/15/{x}/{y}.mvt").status_code == 200
        totals = client.get("/totals?layer=quadrats&by=state").json()
        assert {r["group"]["state"]: r["count"] for r in totals["rows"]} == {"good": 1, "poor": 1}
