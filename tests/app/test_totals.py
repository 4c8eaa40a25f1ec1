"""/totals over HTTP: the same answer in three formats, hostile polygons, what is kept."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import python_calamine
import shapely
from starlette.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from geo.record.protocol import Author, ChangeSet
from tests.geo.totals.questions.world import inserts, square
from tests.geo.totals.test_golden import district, lonlat, parcel, protected, truth
from tests.geo.totals.test_overlay import comb

pytestmark = pytest.mark.unit

AUTHOR = Author("test", "totals")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Five parcels in two districts; b lies half over a, and the names want to be formulas."""
    settings = Settings(
        data=tmp_path_factory.mktemp("totals"), in_process_worker=False, public_read=True,
        rate_per_minute=0, rate_writes_per_minute=0, totals_seconds=1,
    )  # fmt: skip
    app = create_app(settings)
    state = app.state.liangtian
    state.record.commit(
        [
            inserts("parcels", [
                parcel("a", square(0, 0, 2), name="=1+1"), parcel("b", square(1, 0, 2), "works"),
                parcel("c", square(0, 2), "mapped"), parcel("d", square(9, 9), "mapped"),
                parcel("e", square(0, 4), "@mapped"),
            ]),
            inserts("districts", [district("X", square(0, 0, 1.5, 9)),
                                  district("Y", square(1.5, 0, 5, 9))]),
            inserts("farmland", [protected("f", square(0, 0, 1, 1))]),
        ],
        AUTHOR,
    )  # fmt: skip
    with TestClient(app) as made:
        state.catch_up()
        yield made


def get(client: TestClient, **question: Any) -> dict[str, Any]:
    answer = client.get("/totals", params={"layer": "parcels", **question})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_one_answer_in_three_formats(client: TestClient):
    question = {"by": "districts,stage", "round": "2", "lang": "zh"}
    told = get(client, **question)
    assert told["rows"][0]["group"] == {"districts": "X", "stage": "@mapped"}
    assert told["titles"]["districts"]["X"] == {"zh": "X灌区", "en": "X灌区"}
    assert told["total"]["area_m2"] == pytest.approx(
        truth(square(0, 0, 3), square(0, 2), square(9, 9), square(0, 4)), rel=1e-8
    )
    assert told["overlap_removed"]["area_m2"] == pytest.approx(truth(square(1, 0)), rel=1e-8)
    assert told["definition"]["zh"]
    assert told["definition"]["en"]
    assert sum(row["area_m2"] for row in told["rows"]) == pytest.approx(
        told["total"]["area_m2"], rel=1e-12
    )
    assert round(sum(row["reported"] for row in told["rows"]), 2) == told["total"]["reported"]

    table = client.get("/totals", params={"layer": "parcels", **question, "f": "csv"})
    assert table.content.startswith(b"\xef\xbb\xbf")
    lines = list(csv.DictReader(io.StringIO(table.content.decode("utf-8-sig"))))
    assert lines[0]["stage"] == "'@mapped", "a formula is made inert"
    figures = [float(line["area_m2"]) for line in lines]
    assert figures == [row["area_m2"] for row in told["rows"]] + [told["total"]["area_m2"]]

    book = client.get("/totals", params={"layer": "parcels", **question, "f": "xlsx"})
    sheet = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(book.content))
    cells = sheet.get_sheet_by_index(0).to_python()
    head = next(i for i, row in enumerate(cells) if "面积（平方米）" in row)
    column = cells[head].index("面积（平方米）")
    assert [row[column] for row in cells[head + 1 :]] == figures
    notes = "\n".join(str(row[0]) for row in cells[:head])
    assert told["definition"]["zh"] in notes
    assert told["method"]["zh"] in notes
    assert f"数据版本: {told['as_of']}" in notes


def test_a_question_by_its_definition(client: TestClient):
    listed = client.get("/totals/definitions").json()["definitions"]
    assert {"id", "title", "text", "layer", "filter", "measure", "source"} <= set(listed[0])
    answer = client.get("/totals", params={"definition": "hsf_net", "by": "county"}).json()
    assert answer["layer"] == "parcels"
    assert answer["definition"]["id"] == "hsf_net"
    assert answer["total"]["count"] == 5
    refused = client.get("/totals", params={"definition": "hsf_net", "measure": "sum"})
    assert refused.json()["where"] == "measure"
    assert client.get("/totals", params={"definition": "no"}).status_code == 404
    assert client.get("/totals").json()["where"] == "layer"


def test_layers_overlay(client: TestClient):
    both = client.get("/totals", params={"on": "parcels,farmland", "by": "farmland.type"}).json()
    assert both["layer"] == "parcels"
    assert both["on"] == ["farmland"]
    assert both["rows"][0]["group"] == {"farmland.type": "permanent"}
    assert both["total"]["area_m2"] == pytest.approx(truth(square(0, 0)), rel=1e-8)
    none = get(client, on="farmland", on_filter="farmland:type = 'reserve'")
    assert none["total"]["area_m2"] == 0
    wrong = client.get("/totals", params={"layer": "parcels", "on_filter": "farmland"})
    assert wrong.json()["where"] == "on_filter"


def test_within_and_adjusted_and_named_overlaps(client: TestClient):
    inside = get(client, within="districts:X", by="stage", adjust="4500", round="1",
                 overlaps="true")  # fmt: skip
    assert inside["within"] == "districts:X"
    assert sum(row["adjusted"] for row in inside["rows"]) == pytest.approx(4500)
    assert inside["adjustment"]["control"] == 4500
    assert inside["overlaps"] == [
        {"fid": 2, "earlier": [1], **{k: pytest.approx(v) for k, v in
         inside["overlap_removed"].items()}}
    ]  # fmt: skip
    assert client.get("/totals?layer=parcels&within=districts:Q").status_code == 404
    assert client.get("/totals?layer=parcels&within=here").json()["where"] == "within"


def test_a_drawn_polygon(client: TestClient):
    drawn = shapely.geometry.mapping(lonlat(square(0.5, 0, 9, 1))[0])
    answer = client.post("/totals", json={"layer": "parcels", "within": drawn, "by": "stage"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["within"] == "polygon"
    assert answer.json()["total"]["area_m2"] == pytest.approx(truth(square(0.5, 0, 2.5)), rel=1e-8)
    named = client.post("/totals", json={"layer": "parcels", "within": "districts:X"}).json()
    assert named["total"] == get(client, within="districts:X")["total"]
    feature = {"type": "Feature", "properties": {}, "geometry": drawn}
    again = client.post("/totals", json={"layer": "parcels", "within": feature})
    assert again.json()["total"] == answer.json()["total"]


@pytest.mark.parametrize(
    ("polygon", "code"),
    [
        ({"type": "Point", "coordinates": [123, 45]}, "E_GEOMETRY_TYPE"),
        ({"type": "Polygon", "coordinates": []}, "E_BODY"),
        ({"type": "Polygon", "coordinates": [[1, 2]]}, "E_BODY"),
        ({"type": "Polygon", "coordinates": [[[45, 123], [46, 123], [46, 124], [45, 123]]]},
         "E_COORD"),
        ({"type": "Polygon", "coordinates": [[[123, 45], [124, 46], [124, 45], [123, 46],
                                              [123, 45]]]}, "E_INVALID"),
        (shapely.geometry.mapping(shapely.Point(123, 45).buffer(1, quad_segs=6000)), "E_VERTICES"),
    ],
)  # fmt: skip
def test_faulty_polygons_are_refused(client: TestClient, polygon: Any, code: str):
    answer = client.post("/totals", json={"layer": "parcels", "within": polygon})
    assert answer.status_code in (400, 422)
    assert answer.json()["code"] == code
    assert answer.json()["fix"]


def test_hostile_polygons_cost_a_second_and_not_the_service(tmp_path: Path):
    """Two valid combs of 50 KB take GEOS a minute and gigabytes; here the child is ended."""
    settings = Settings(data=tmp_path, in_process_worker=False, public_read=True,
                        rate_writes_per_minute=0, totals_seconds=1)  # fmt: skip
    app = create_app(settings)
    state = app.state.liangtian
    state.record.commit([inserts("parcels", [parcel("a", comb(750))])], AUTHOR)
    with TestClient(app) as client:
        state.catch_up()
        drawn = shapely.geometry.mapping(lonlat(comb(750, turned=True))[0])
        answer = client.post("/totals", json={"layer": "parcels", "within": drawn})
        assert answer.status_code == 422, answer.text
        assert answer.json()["code"] == "E_TOO_COSTLY"
        assert answer.json()["fix"]
        assert client.get("/totals?layer=parcels").json()["total"]["count"] == 1
        left = list(settings.work_folder.iterdir()) if settings.work_folder.exists() else []
        assert left == []


def test_answers_are_kept_until_their_layers_change(client: TestClient, monkeypatch):
    from app import totals as desk

    worked: list[str] = []
    work = desk.total

    def spy(views: Any, question: Any, *more: Any) -> Any:
        worked.append(question.layer)
        return work(views, question, *more)

    monkeypatch.setattr(desk, "total", spy)
    question = {"layer": "parcels", "by": "districts", "filter": "stage <> 'damaged'"}
    first = client.get("/totals", params=question)
    other = client.get("/totals", params={**question, "unit": "ha", "f": "csv"})
    assert (first.status_code, other.status_code) == (200, 200)
    assert worked == ["parcels"]
    kept = client.get("/totals", params=question, headers={"If-None-Match": first.headers["etag"]})
    assert kept.status_code == 304

    state = client.app.state.liangtian  # type: ignore[attr-defined]
    state.record.commit([inserts("farmland", [protected("g", square(7, 7))])], AUTHOR)
    state.catch_up()
    after = client.get("/totals", params=question)
    assert worked == ["parcels"], "a change of another layer touches nothing"
    assert after.json()["rows"] == first.json()["rows"]
    assert after.json()["as_of"] == first.json()["as_of"] + 1

    moved = inserts("districts", [district("X", square(0, 0, 1, 9))])
    change = ChangeSet.updates("districts", np.array([1]), moved.attributes, moved.geometry)
    state.record.commit([change], AUTHOR)
    state.catch_up()
    changed = client.get("/totals", params=question)
    assert worked == ["parcels", "parcels"]
    assert changed.json()["rows"] != first.json()["rows"]
    past = client.get("/totals", params={**question, "as_of": first.json()["as_of"]})
    assert past.json()["rows"] == first.json()["rows"]
    assert past.json()["total"] == first.json()["total"]
