"""Uploads from the report to the commit and back: what is shown, stored once, undone, refused."""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import shapely
from python_calamine import CalamineWorkbook

from tests.conftest import Server, wait_job
from tests.files import shapefile_zip, squares

PLACE = (122.3, 45.3)


def plots(folder: Path, codes: list[str], shapes: Any = None, **columns: list) -> bytes:
    """A zipped shapefile of plots with these codes ("name-number"), each in its own place."""
    folder.mkdir(parents=True, exist_ok=True)
    count = len(codes)
    content = {
        "DKBH": codes,
        "DKMC": [f"地块{code}" for code in codes],
        "XZQDM": ["220882"] * count,
        "ZLJD": ["储备"] * count,
    } | columns
    own = np.concatenate([_square(code) for code in codes]) if shapes is None else shapes
    return shapefile_zip(folder, content, own)


def _square(code: str) -> np.ndarray:
    name, _, number = code.partition("-")
    x, y = int(number) * 0.003, zlib.crc32(name.encode()) % 300 * 0.003
    return squares(1, PLACE[0] + x, PLACE[1] - y)


def send(client: httpx.Client, content: bytes, **params: object) -> dict:
    """Upload and wait for the report."""
    answer = client.post(
        "/uploads", params={"layer": "plots", "filename": "地块.zip", **params}, content=content
    )
    assert answer.status_code == 202, answer.text
    job = wait_job(client, answer.json()["job"])
    assert job["state"] == "done", job
    return client.get(f"/uploads/{answer.json()['id']}").json()


def act(client: httpx.Client, upload: dict, what: str) -> dict:
    """Commit or revert, and wait for the end of the job."""
    answer = client.post(f"/uploads/{upload['id']}/{what}")
    assert answer.status_code == 202, answer.text
    return wait_job(client, answer.json()["job"])


def codes(client: httpx.Client, prefix: str) -> list[str]:
    found = client.get(
        "/collections/plots/items", params={"filter": f"code LIKE '{prefix}%'", "limit": 1000}
    ).json()
    return sorted(f["properties"]["code"] for f in found["features"])


def test_preview_report_and_file(office: Server, tmp_path: Path):
    """Every row has a status before and an end after; faults are drawn; the original stays."""
    bow_tie = shapely.Polygon([(122.3, 45.4), (122.31, 45.41), (122.31, 45.4), (122.3, 45.41)])
    shapes = np.append(squares(3, *PLACE), bow_tie)
    names = ["看-1", "看-2", "看-3", "看-4"]
    with office.client("manager") as client:
        content = plots(tmp_path / "a", names, shapes, DKMC=["=1+1", "@x", "好地", "坏形"])
        upload = send(client, content)
        assert upload["state"] in ("needs_input", "rejected")
        assert "E_INVALID" in upload["report"]["issue_counts"]
        where = f"/uploads/{upload['id']}"
        shown = client.get(f"{where}/preview", headers={"Accept-Language": "en"})
        assert shown.headers["content-type"].startswith("application/geo+json")
        features = shown.json()["features"]
        assert [f["id"] for f in features] == [1, 2, 3, 4]
        assert shown.json()["numberMatched"] == 4
        bad = features[3]["properties"]
        assert (bad["_status"], bad["_outcome"]) == ("rejected", "rejected")
        assert "E_INVALID" in {i["code"] for i in bad["_issues"]}
        assert any("elf-intersection" in i["message"] for i in bad["_issues"])
        drawn = shapely.from_geojson(str(features[3]["geometry"]).replace("'", '"'))
        assert not drawn.is_valid
        assert drawn.bounds == pytest.approx(bow_tie.bounds, abs=1e-8)
        assert features[2]["properties"]["name"] == "好地"
        only = client.get(f"{where}/preview", params={"status": "rejected"}).json()
        assert [f["id"] for f in only["features"]] == [4]
        box = client.get(f"{where}/preview", params={"bbox": "122.3,45.3,122.3015,45.301"}).json()
        assert [f["id"] for f in box["features"]] == [1]
        page = client.get(f"{where}/preview", params={"limit": 2}).json()
        assert ([f["id"] for f in page["features"]], page["next"]) == ([1, 2], 2)
        rest = client.get(f"{where}/preview", params={"limit": 2, "after": 2}).json()
        assert ([f["id"] for f in rest["features"]], rest["next"]) == ([3, 4], None)
        for wrong in ({"bbox": "1,2,3"}, {"bbox": "5,0,4,1"}, {"status": "odd"}, {"limit": 0}):
            assert client.get(f"{where}/preview", params=wrong).status_code == 400
        again = client.get(f"{where}/preview", headers={"If-None-Match": shown.headers["etag"],
                                                        "Accept-Language": "en"})  # fmt: skip
        assert again.status_code == 304

        faults = client.get(f"{where}/report?f=geojson").json()["features"]
        crossing = [f for f in faults if f["properties"]["code"] == "E_INVALID"]
        assert crossing[0]["properties"]["row"] == 4
        assert "自相交" in crossing[0]["properties"]["message"]
        assert crossing[0]["geometry"]["coordinates"] == pytest.approx([122.305, 45.405], abs=1e-3)

        book = client.get(f"{where}/report?f=xlsx")
        assert "attachment" in book.headers["content-disposition"]
        read = CalamineWorkbook.from_filelike(io.BytesIO(book.content))
        assert read.sheet_names == ["汇总", "字段", "逐行", "问题"]
        cells = [cell for row in read.get_sheet_by_name("逐行").to_python() for cell in row]
        assert {"看-4", "拒绝", "E_INVALID"} <= set(map(str, cells))
        with zipfile.ZipFile(io.BytesIO(book.content)) as archive:
            sheets = [n for n in archive.namelist() if n.startswith("xl/worksheets/sheet")]
            assert len(sheets) == 4
            assert all(b"<f>" not in archive.read(name) for name in sheets)
        english = client.get(f"{where}/report?f=xlsx&lang=en")
        read = CalamineWorkbook.from_filelike(io.BytesIO(english.content))
        assert read.sheet_names == ["Summary", "Fields", "Rows", "Issues"]
        assert client.get(f"{where}/report").json() == upload["report"]

        original = client.get(f"{where}/file")
        assert original.content == content
        assert original.headers["x-content-type-options"] == "nosniff"
        assert original.headers["content-disposition"].startswith("attachment; filename*=UTF-8''%")
        assert original.headers["etag"] == f'"{hashlib.sha256(content).hexdigest()}"'
    with office.client("field") as stranger:
        for path in ("preview", "report", "file"):
            assert stranger.get(f"{where}/{path}").status_code == 404
        assert stranger.post(f"{where}/revert").status_code == 404
        assert stranger.delete(where).status_code == 404


def test_commit_and_revert_leave_what_was_before(office: Server, tmp_path: Path):
    with office.client("manager") as client:
        first = send(client, plots(tmp_path / "a", ["撤-1", "撤-2", "撤-3"]))
        job = act(client, first, "commit")
        assert job["state"] == "done", job
        rows = client.get(f"/uploads/{first['id']}/preview").json()["features"]
        assert {f["properties"]["_outcome"] for f in rows} == {"stored"}
        fids = [f["properties"]["_fid"] for f in rows]
        stored = client.get(f"/collections/plots/items/{fids[1]}").json()
        assert stored["properties"]["code"] == "撤-2"
        # One changed, one as it was, one new, one left out: replace deletes what is not named.
        second = plots(tmp_path / "b", ["撤-1", "撤-2", "撤-4"], DKMC=["改名", "地块撤-2", "新"])
        upload = send(client, second)
        diff = upload["report"]["diff"]
        assert (diff["new"], diff["changed"], diff["unchanged"]) == (1, 1, 1), diff
        seen = client.get(f"/uploads/{upload['id']}/preview").json()["features"]
        assert [f["properties"]["_status"] for f in seen] == ["changed", "unchanged", "new"]
        assert [f["properties"]["_fid"] for f in seen] == [*fids[:2], None]
        gone = client.get(f"/uploads/{upload['id']}/preview?status=absent").json()
        assert fids[2] in [f["id"] for f in gone["features"]]
        assert gone["numberMatched"] == diff["absent"]
        assert act(client, upload, "commit")["state"] == "done"
        assert codes(client, "撤-") == ["撤-1", "撤-2", "撤-3", "撤-4"]
        ends = client.get(f"/uploads/{upload['id']}/preview").json()["features"]
        assert [f["properties"]["_outcome"] for f in ends] == ["stored", "unchanged", "stored"]

        # The earlier one cannot be undone while the later one builds on it, and says so.
        refused = act(client, first, "revert")
        assert refused["state"] == "failed"
        assert refused["problem"]["code"] == "E_REVERT"
        assert [f["fid"] for f in refused["problem"]["features"]] == [fids[0]]
        assert client.get(f"/uploads/{first['id']}").json()["state"] == "committed"
        assert act(client, upload, "revert")["state"] == "done"
        assert codes(client, "撤-") == ["撤-1", "撤-2", "撤-3"]
        name = client.get(f"/collections/plots/items/{fids[0]}").json()["properties"]["name"]
        assert name == "地块撤-1"
        twice = client.post(f"/uploads/{upload['id']}/revert")
        assert twice.status_code == 200
        found = client.get(f"/uploads/{upload['id']}").json()
        assert (found["state"], twice.json()["revision"]) == ("reverted", found["reverted_by"])
        # Now nothing builds on the first one any more? Its feature has a later version still:
        # bringing it back was an edit too, so it stays refused rather than guessed.
        assert act(client, first, "revert")["problem"]["code"] == "E_REVERT"
        audit = client.get("/audit?limit=10000").json()["commits"]
        sources = [c["source"] for c in audit]
        for source in (f"upload:{first['id']}", f"upload:{upload['id']}", f"revert:{upload['id']}"):
            assert sources.count(source) == 1
        # The same file after its revert is a new upload, not the reverted one.
        assert client.post("/uploads?layer=plots", content=second).status_code == 202


def test_commit_and_revert_at_once_have_one_effect(office: Server, tmp_path: Path):
    with office.client("manager") as client:
        upload = send(client, plots(tmp_path, ["竞-1", "竞-2"]))

        def post(what: str) -> dict:
            with office.client("manager") as own:
                answer = own.post(f"/uploads/{upload['id']}/{what}")
                assert answer.status_code in (200, 202), answer.text
                return wait_job(own, answer.json()["job"])

        for what, state, source in (
            ("commit", "committed", f"upload:{upload['id']}"),
            ("revert", "reverted", f"revert:{upload['id']}"),
        ):
            with ThreadPoolExecutor(5) as pool:
                jobs = list(pool.map(post, [what] * 5))
            assert len({job["id"] for job in jobs}) == 1
            assert {job["state"] for job in jobs} == {"done"}
            assert client.get(f"/uploads/{upload['id']}").json()["state"] == state
            audit = client.get("/audit?limit=10000").json()["commits"]
            assert [c["source"] for c in audit].count(source) == 1
        assert codes(client, "竞-") == []


def test_what_was_shown_is_what_is_stored(office: Server, tmp_path: Path):
    """Another upload changes the same feature between report and commit."""
    with office.client("manager") as client:
        base = send(client, plots(tmp_path / "a", ["差-1"]))
        assert act(client, base, "commit")["state"] == "done"
        mine = send(client, plots(tmp_path / "b", ["差-1", "差-2"], DKMC=["甲", "乙"]))
        other = send(client, plots(tmp_path / "c", ["差-2"], DKMC=["丙"]))
        # Features that have nothing to do with it do not disturb.
        unrelated = send(client, plots(tmp_path / "d", ["无关-1"]))
        assert act(client, unrelated, "commit")["state"] == "done"
        assert act(client, other, "commit")["state"] == "done"
        refused = act(client, mine, "commit")
        assert refused["state"] == "failed"
        assert refused["problem"]["code"] == "E_DIFF_CHANGED"
        found = client.get(f"/uploads/{mine['id']}").json()
        assert found["state"] == "ready"
        assert (mine["report"]["diff"]["new"], found["report"]["diff"]["new"]) == (1, 0)
        name = "/collections/plots/items?filter=code='差-2'"
        assert client.get(name).json()["features"][0]["properties"]["name"] == "丙"
        assert act(client, mine, "commit")["state"] == "done"
        assert client.get(name).json()["features"][0]["properties"]["name"] == "乙"


def test_a_county_keeps_to_itself(office: Server, tmp_path: Path):
    """Who is limited to one county neither writes into another nor takes features out of it."""
    with office.client("county") as client:
        own = send(client, plots(tmp_path / "a", ["县-1"]))
        assert own["state"] == "ready", own["report"]["issues"]
        assert act(client, own, "commit")["state"] == "done"
        foreign = send(client, plots(tmp_path / "b", ["县-2"], XZQDM=["220881"]))
        assert foreign["state"] != "ready"
        assert "E_COUNTY" in foreign["report"]["issue_counts"]
        assert client.post(f"/uploads/{foreign['id']}/commit").status_code == 409
    with office.client("manager") as boss:
        theirs = send(boss, plots(tmp_path / "c", ["县-3"], XZQDM=["220881"]))
        assert act(boss, theirs, "commit")["state"] == "done"
    with office.client("county") as client:
        grab = send(client, plots(tmp_path / "d", ["县-3"]))
        assert "E_COUNTY" in grab["report"]["issue_counts"]
        # What others sent is not there for people with limits.
        assert client.post(f"/uploads/{theirs['id']}/revert").status_code == 404
        assert client.get(f"/uploads/{theirs['id']}").status_code == 404
    with office.client("manager") as boss:
        assert boss.get(f"/uploads/{theirs['id']}").json()["state"] == "committed"


def test_discard_and_decide(office: Server, tmp_path: Path):
    with office.client("field") as client:
        answer = client.post("/uploads?layer=plots&filename=a.zip",
                             content=plots(tmp_path, ["弃-1"]))  # fmt: skip
        where = f"/uploads/{answer.json()['id']}"
        assert client.delete(where).status_code == 204  # while it is being looked at
        assert client.delete(where).status_code == 204
        assert wait_job(client, answer.json()["job"])["state"] in ("cancelled", "done")
        found = client.get(where).json()
        assert found["state"] == "discarded"
        assert client.patch(where, json={"crs": "EPSG:4529"}).status_code == 409
        assert client.get(f"{where}/report").status_code in (200, 409)
        listed = client.get("/uploads", params={"state": "discarded", "layer": "plots"}).json()
        assert found["id"] in [u["id"] for u in listed["uploads"]]
        upload = send(client, plots(tmp_path / "b", ["弃-2"]))
        where = f"/uploads/{upload['id']}"
        decided = client.patch(where, json={"mode": "append"})
        assert decided.status_code == 202
        wait_job(client, decided.json()["job"])
        after = client.get(where).json()
        assert (after["report"]["mode"], after["report"]["mode_decided_by"]) == (
            "append",
            "decision",
        )
        assert client.patch(where, json={"mode": "odd"}).status_code == 400
        assert client.patch(where, json={"nonsense": 1}).status_code == 400
        assert client.post(f"{where}/commit").status_code == 403  # plots are for managers


def test_cancel_retry_and_filters(office: Server, tmp_path: Path):
    """A refused file's job can be tried again by its owner, another's cannot be seen."""
    with office.client("field") as client:
        answer = client.post("/uploads?layer=plots&filename=a.zip", content=b"PK\x05\x06nothing")
        job = wait_job(client, answer.json()["job"])
        assert job["state"] == "failed"
        where = f"/jobs/{job['id']}"
        assert client.delete(where).status_code == 409
        again = client.post(f"{where}/retry")
        assert again.status_code == 202, again.text
        assert again.json()["state"] == "queued"
        after = wait_job(client, job["id"])
        assert (after["state"], after["attempt"]) == ("failed", 1)
        assert client.get(f"/uploads/{answer.json()['id']}").json()["state"] == "rejected"
        failed = client.get("/jobs", params={"state": "failed", "kind": "upload"}).json()["jobs"]
        assert job["id"] in [j["id"] for j in failed]
        assert client.get("/jobs?kind=soil").json()["jobs"] == []
        assert client.get("/jobs?state=odd").status_code == 400
        done = send(client, plots(tmp_path, ["试-1"]))
        assert client.post(f"/jobs/{done['job']}/retry").status_code == 409
    with office.client("neighbour") as other:
        assert other.post(f"{where}/retry").status_code == 404
        assert other.delete(where).status_code == 404


def test_events_go_on_where_they_stopped(office: Server, tmp_path: Path):
    with office.client("field") as client:
        sent = client.post("/uploads?layer=plots&filename=a.zip",
                           content=plots(tmp_path, ["流-1"])).json()  # fmt: skip
        where = f"/jobs/{sent['job']}/events"
        with client.stream("GET", where) as answer:
            lines = [line for line in answer.iter_lines() if line]
        assert lines[0].startswith("retry: ")
        ids = [line[4:] for line in lines if line.startswith("id: ")]
        assert len(ids) == len(set(ids)) >= 1
        # Back with the last id: that was the end, and a browser must not come again.
        ended = client.get(where, headers={"Last-Event-ID": ids[-1]})
        assert ended.status_code == 204
        # Back with an earlier one, or none: the end is told.
        for headers in ({}, {"Last-Event-ID": "earlier"}):
            text = client.get(where, headers=headers).text
            assert f"id: {ids[-1]}\n" in text
            assert text.count("data: ") == 1
