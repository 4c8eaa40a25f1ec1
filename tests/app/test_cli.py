"""The command line, as users call it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.files import shapefile_zip, squares


def liangtian(*arguments: str, code: int = 0) -> str:
    """Run the command; its standard output (with what it says besides, when it fails)."""
    environment = {**os.environ, "COLUMNS": "160"}
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stdout + done.stderr


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cli") / "data"


def test_import_totals_export(data: Path, tmp_path: Path):
    columns = {
        "DKBH": ["命令-1", "命令-2"],
        "XZQDM": ["220882", "220881"],
        "ZLJD": ["储备", "储备"],
    }
    file = tmp_path / "地块.zip"
    file.write_bytes(shapefile_zip(tmp_path, columns, squares(2, 122.6, 45.1)))
    place = ("--data", str(data))

    def import_(path: Path, *more: str) -> dict:
        return json.loads(
            liangtian("import", str(path), "--layer", "plots", "--json", *more, *place)
        )

    checked = import_(file)
    assert checked["state"] == "ready"
    assert checked["diff"]["new"] == 2
    assert "revision" not in checked
    stored = import_(file, "--commit")
    assert stored["revision"] == 1
    again = import_(file, "--commit")
    assert again["diff"]["unchanged"] == 2
    assert "revision" not in again

    printed = liangtian("totals", "plots", "--by", "county", *place)
    assert "220881" in printed
    assert "合计" in printed

    table = tmp_path / "plots.csv"
    liangtian("export", "plots", str(table), *place)
    assert table.read_bytes().startswith(b"\xef\xbb\xbf")
    assert "命令-2" in table.read_text(encoding="utf-8-sig")
    shapes = tmp_path / "plots.geojson"
    liangtian("export", "plots", str(shapes), "--filter", "county='220882'", *place)
    features = json.loads(shapes.read_text(encoding="utf-8"))["features"]
    assert [f["properties"]["code"] for f in features] == ["命令-1"]

    # A GeoJSON that was written comes back in as it went out.
    back = import_(shapes)
    assert back["state"] == "ready", back["issues"]
    assert back["diff"]["unchanged"] == 1
    for name in ("plots.zip", "plots.parquet"):
        liangtian("export", "plots", str(tmp_path / name), *place)
        said = liangtian("import", str(tmp_path / name), "--layer", "plots", "--json", *place)
        back = json.loads(said)
        assert back["state"] == "ready", (name, back["issues"])
        assert back["diff"]["unchanged"] == 2, name


def test_an_import_is_told_in_words_and_decided(data: Path, tmp_path: Path):
    columns = {"DKBH": ["决定-1"], "ZLJD": ["储备"]}
    file = tmp_path / "无投影.zip"
    content = shapefile_zip(tmp_path, columns, squares(1, 122.7, 45.2), leave_out=(".prj",))
    file.write_bytes(content)
    place = ("--layer", "plots", "--data", str(data))
    asked = liangtian("import", str(file), "--commit", *place, code=1)
    assert "needs a decision" in asked
    assert "--decide crs=EPSG:4529" in asked
    decided = ("--decide", "crs=EPSG:4529", "--decide", "constants.county=220882")
    told = liangtian("import", str(file), *decided, "--commit", *place)
    assert "ready to be stored" in told
    assert "stored as revision" in told
    assert "决定-1" in told
    for wrong in ("crs", "odd=1", "mode=odd"):
        said = liangtian("import", str(file), "--decide", wrong, *place, code=1)
        assert "E_PARAMETER" in said


def test_refusals_are_words_not_tracebacks(data: Path, tmp_path: Path):
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK\x03\x04 this is no archive")
    said = liangtian("import", str(broken), "--layer", "plots", "--data", str(data), code=1)
    assert "E_" in said
    assert "Traceback" not in said
    said = liangtian("export", "nothing", str(tmp_path / "x.csv"), "--data", str(data), code=1)
    assert "没有图层" in said
    said = liangtian("export", "plots", str(tmp_path / "x.dwg"), "--data", str(data), code=1)
    assert "E_FORMAT" in said
    assert not (tmp_path / "x.dwg").exists()


def test_users(data: Path):
    place = ("--data", str(data))
    made = json.loads(liangtian("user", "add", "张工", "--role", "agronomist", *place))
    assert made["token"].startswith("lt_")
    assert made["password"]
    assert liangtian("user", "token", "张工", "--role", "viewer", *place).startswith("lt_")
    assert "张工" in liangtian("user", "list", *place)
    liangtian("user", "disable", "张工", *place)
    assert "停用" in liangtian("user", "list", *place)
    assert "没有角色" in liangtian("user", "add", "x", "--role", "boss", *place, code=1)


def test_doctor(data: Path):
    said = liangtian("doctor", "--data", str(data))
    assert "SQLite" in said
    assert "GDAL" in said
    assert "✗" not in said


def test_soil(demo_data: Path):
    listed = liangtian("soil", "--data", str(demo_data))
    assert "s2-daan" in listed
    said = liangtian(
        "soil", "--data", str(demo_data), "--scene", "s2-daan-20260508", "--index", "si_gr",
        "--grading", "demo-si-gr",
    )  # fmt: skip
    assert "合计" in said


def test_the_demo_is_seeded_once(demo_data: Path):
    credentials = (demo_data / "credentials.json").read_text()
    assert (demo_data / "credentials.json").stat().st_mode & 0o777 == 0o600
    liangtian("demo", "--seed-only", "--data", str(demo_data), "--parcels", "1200")
    assert (demo_data / "credentials.json").read_text() == credentials


def test_the_demo_refuses_a_folder_that_is_not_its_own(tmp_path: Path):
    (tmp_path / "thesis.docx").write_text("do not delete")
    liangtian("demo", "--seed-only", "--data", str(tmp_path), code=1)
    assert (tmp_path / "thesis.docx").read_text() == "do not delete"


def test_help_for_every_command():
    for command in ("demo", "serve", "import", "export", "totals", "soil", "user", "doctor"):
        assert "--" in liangtian(command, "--help")
