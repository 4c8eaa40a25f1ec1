"""The compose file against its specification, and every word in it against the code."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from typing import Any

import pytest
import typer
import yaml

from app.cli import app
from app.settings import Settings
from tests.architecture.source import ROOT, text
from tests.environment import nginx as nginx_program

pytestmark = pytest.mark.unit

FILES = ("docker-compose.yml", "deploy/office.yml")
OURS = ("liangtian",)
#: Variables of others that we set: libpq, S3 clients, uvicorn, Numba.
FOREIGN = {"PGPASSWORD", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
           "AWS_REGION", "FORWARDED_ALLOW_IPS", "NUMBA_CACHE_DIR"}  # fmt: skip


@cache
def compose(name: str = FILES[0]) -> dict[str, Any]:
    return yaml.safe_load(text(name))


def services(name: str = FILES[0]) -> dict[str, dict[str, Any]]:
    return compose(name)["services"]


def own(name: str = FILES[0]) -> list[tuple[str, dict[str, Any]]]:
    return [(key, one) for key, one in services(name).items() if one["image"] in OURS]


@pytest.mark.parametrize("name", FILES)
def test_it_is_what_the_compose_specification_asks_for(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec",
         str(ROOT / name)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", FILES)
def test_what_it_names_is_there(name: str) -> None:
    declared = compose(name).get("volumes", {})
    for key, service in services(name).items():
        for other, how in service.get("depends_on", {}).items():
            assert other in services(name), f"{key} waits for {other}"
            health = services(name)[other].get("healthcheck", {})
            if how["condition"] == "service_healthy":
                assert "test" in health, f"{other} has no health check"
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            if source.startswith("."):
                assert (ROOT / source).is_file(), source
            else:
                assert source in declared, source


def arguments(service: dict[str, Any]) -> list[str]:
    return list(service.get("command", ["serve", "--host", "0.0.0.0", "--port", "8080"]))


@pytest.mark.parametrize("name", FILES)
def test_commands_and_their_options_exist(name: str) -> None:
    program: Any = typer.main.get_command(app)
    for key, service in own(name):
        if "entrypoint" in service:
            continue
        command, *options = arguments(service)
        context = program.commands[command].make_context(command, list(options))
        assert context.params, key


def test_the_commands_of_dask_exist() -> None:
    from distributed.cli import dask_scheduler, dask_worker

    known = {"scheduler": dask_scheduler.main, "worker": dask_worker.main}
    used = [one for _, one in own() if one.get("entrypoint", [""])[0] == "dask"]
    assert len(used) == 2
    for service in used:
        command = known[service["entrypoint"][1]]
        command.make_context("dask", list(service["command"]))


@pytest.mark.parametrize("name", FILES)
def test_variables_are_settings(name: str) -> None:
    known = {f"LIANGTIAN_{field.upper()}" for field in Settings.model_fields}
    for key, service in own(name):
        for variable, value in service.get("environment", {}).items():
            assert variable in known | FOREIGN, f"{key}: {variable}"
            assert isinstance(value, str), f"{key}: {variable} is not text"
    environment = dict(services()["node1"]["environment"])
    given = {k.removeprefix("LIANGTIAN_").lower(): v for k, v in environment.items()
             if k in known}  # fmt: skip
    settings = Settings(**given)
    assert settings.database.startswith("postgresql://")
    assert settings.in_process_worker is False


def test_addresses_fit_together() -> None:
    env = services()["node1"]["environment"]
    scheduler = services()["scheduler"]["command"]
    port = scheduler[scheduler.index("--port") + 1]
    assert env["LIANGTIAN_DASK"] == f"tcp://scheduler:{port}"
    assert services()["dask-worker"]["command"][0] == env["LIANGTIAN_DASK"]
    place = re.match(r"postgresql://(\w+)@postgis:5432/(\w+)", env["LIANGTIAN_DATABASE"])
    assert place is not None
    user, database = place.groups()
    assert database == services()["postgis"]["environment"]["POSTGRES_DB"]
    assert f"CREATE ROLE {user} LOGIN" in text("deploy/roles.sh")
    owner = services()["postgis"]["environment"]["POSTGRES_USER"]
    assert f"//{owner}@postgis" in services()["migrate"]["environment"]["LIANGTIAN_DATABASE"]
    bucket = env["LIANGTIAN_OBJECTS"].removeprefix("s3://").partition("/")[0]
    assert f"store/{bucket}" in services()["bucket"]["command"][0]
    assert env["AWS_ENDPOINT_URL"].rpartition(":")[2] in services()["objects"]["command"][-1]
    # What workers of the cluster read lies where the nodes have it.
    for name in ("node1", "node2", "worker", "dask-worker"):
        mounts = [v.split(":")[:2] for v in services()[name]["volumes"]]
        assert ["rasters", str(Settings(data=env["LIANGTIAN_DATA"]).raster_folder)] in mounts


def test_nginx_speaks_to_the_nodes() -> None:
    config = text("deploy/nginx.conf")
    used = set(re.findall(r"server (\w+):(\d+)", config))
    ports = {one["command"][one["command"].index("--port") + 1]
             for name, one in services().items() if name.startswith("node")}  # fmt: skip
    nodes = {name for name in services() if name.startswith("node")}
    assert used == {(name, port) for name in nodes for port in ports}
    listening = re.search(r"listen (\d+);", config)
    assert listening is not None
    assert services()["nginx"]["ports"] == [f"${{PORT:-8080}}:{listening[1]}"]
    mounted = services()["nginx"]["volumes"][0]
    assert mounted == "./deploy/nginx.conf:/etc/nginx/nginx.conf:ro"


def test_health_checks_ask_for_what_is_served() -> None:
    from app.api.health import router

    paths = {route.path for route in router.routes}  # type: ignore[attr-defined]
    both = text("docker-compose.yml") + text("Dockerfile")
    asked = re.findall(r"http://127\.0\.0\.1:8080(/[\w/]+)", both)
    assert asked
    assert set(asked) <= paths
    for name, service in services().items():
        if service.get("restart") == "unless-stopped":
            assert "healthcheck" in service, f"{name} has no health check"


def test_the_image_is_built_in_stages_and_runs_as_nobody_special() -> None:
    lines = text("Dockerfile").splitlines()
    stages = [line for line in lines if line.startswith("FROM ")]
    assert len(stages) == 2
    final = lines[lines.index(stages[1]) :]
    assert any(line.startswith("USER ") and "root" not in line for line in final)
    assert any("scripts/npm run build" in line for line in lines), "the page is built in it"
    assert "--require-hashes" in text("Dockerfile")
    for key, service in own():
        assert service["read_only"] is True, key
        assert service["cap_drop"] == ["ALL"], key
    for copied in re.findall(r"^COPY (?!--from)(.+) \S+$", text("Dockerfile"), re.M):
        for name in copied.split():
            assert (ROOT / name).exists(), name


@pytest.mark.skipif(nginx_program() is None, reason="nginx is not installed")
def test_nginx_takes_its_configuration(tmp_path: Any) -> None:
    config = text("deploy/nginx.conf").replace("/var/", f"{tmp_path}/")
    config = re.sub(r"server node\d:", "server 127.0.0.1:", config)
    for folder in ("run", "cache/nginx"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "nginx.conf").write_text(config)
    done = subprocess.run(
        [str(nginx_program()), "-t", "-c", str(tmp_path / "nginx.conf"), "-p", str(tmp_path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
