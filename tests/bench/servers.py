"""Real servers in processes of their own: ours, and the ones that the benchmarks compare with.

Each is one uvicorn worker with uvloop and httptools on 127.0.0.1, stopped by its own process id.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyogrio

from tests.environment import ROOT, postgres_bin
from tests.postgres import PostgresServer, free_port

TOOLS = ROOT / ".tools/bench/bin"
START_SECONDS = 120.0

POSTGRES_TYPES = {
    pa.string(): "text",
    pa.int16(): "smallint",
    pa.int32(): "integer",
    pa.int64(): "bigint",
    pa.float64(): "double precision",
    pa.bool_(): "boolean",
    pa.date32(): "date",
}

PYGEOAPI = """
server:
  bind: {{host: 127.0.0.1, port: {port}}}
  url: http://127.0.0.1:{port}
  mimetype: application/json; charset=UTF-8
  encoding: utf-8
  languages: [en-US]
  gzip: false
  limits: {{default_items: 10, max_items: 10000}}
  map: {{url: "", attribution: ""}}
logging: {{level: ERROR}}
metadata:
  identification:
    title: {{en: bench}}
    description: {{en: bench}}
    keywords: {{en: [bench]}}
    keywords_type: theme
    terms_of_service: none
    url: http://127.0.0.1:{port}
  license: {{name: none, url: http://127.0.0.1:{port}}}
  provider: {{name: bench, url: http://127.0.0.1:{port}}}
  contact: {{name: bench}}
resources:
  {layer}:
    type: collection
    title: {layer}
    description: {layer}
    keywords: [bench]
    links: []
    extents: {{spatial: {{bbox: [-180, -90, 180, 90]}}}}
    providers:
      - type: feature
        name: SQLiteGPKG
        data: {file}
        id_field: fid
        table: {layer}
"""


def missing() -> str | None:
    """What the compared servers need and this machine has not; None when all is there."""
    if not (TOOLS / "uvicorn").exists():
        return "`make bench` installs them"
    if postgres_bin() is None:
        return "PostgreSQL with PostGIS is not installed"
    return None


@contextmanager
def served(command: list[str], port: int, env: Mapping[str, str], folder: Path) -> Iterator[str]:
    """Run a server until the block ends; gives its address once it answers."""
    log = folder / f"server-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                httpx.get(address, timeout=START_SECONDS)
                break
            except httpx.TransportError:
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(log.read_text(errors="replace")) from None
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def _uvicorn(program: Path | str, application: str, port: int, *options: str) -> list[str]:
    return [
        *(str(program), *options, application, "--port", str(port), "--log-level", "warning"),
        *("--no-access-log", "--loop", "uvloop", "--http", "httptools"),
    ]


def uvicorn(application: str, port: int) -> list[str]:
    """The arguments of `python -m` for one worker of our service."""
    return _uvicorn("uvicorn", application, port, "--factory")


@contextmanager
def ours(data: Path, folder: Path, **settings: str) -> Iterator[str]:
    """Our service over the data folder `data`, readable by everybody and without a rate limit.

    `settings` are further environment variables.
    """
    port = free_port()
    env = {
        "PYTHONPATH": str(ROOT),
        "LIANGTIAN_DATA": str(data),
        "LIANGTIAN_PUBLIC_READ": "true",
        "LIANGTIAN_RATE_PER_MINUTE": "0",
        **settings,
    }
    command = [sys.executable, "-m", *uvicorn("app.served:create_app", port)]
    with served(command, port, env, folder) as address:
        yield address


@contextmanager
def pygeoapi(geopackage: Path, layer: str, folder: Path) -> Iterator[str]:
    """pygeoapi with its GeoPackage provider (SQLiteGPKG on mod_spatialite)."""
    port = free_port()
    config, openapi = folder / "pygeoapi.yml", folder / "pygeoapi-openapi.yml"
    config.write_text(PYGEOAPI.format(port=port, layer=layer, file=geopackage))
    env = {"PYGEOAPI_CONFIG": str(config), "PYGEOAPI_OPENAPI": str(openapi)}
    subprocess.run(
        [TOOLS / "pygeoapi", "openapi", "generate", config, "--output-file", openapi],
        check=True,
        capture_output=True,
        env={**os.environ, **env},
    )
    command = _uvicorn(TOOLS / "uvicorn", "pygeoapi.starlette_app:APP", port)
    with served(command, port, env, folder) as address:
        yield address


@contextmanager
def tipg(server: PostgresServer, database: str, folder: Path) -> Iterator[str]:
    """tipg over the tables of one database."""
    port = free_port()
    env = {"DATABASE_URL": server.url(database), "TIPG_DB_SCHEMAS": '["public"]'}
    command = _uvicorn(TOOLS / "uvicorn", "tipg.main:app", port)
    with served(command, port, env, folder) as address:
        yield address


def load_postgis(server: PostgresServer, database: str, geopackage: Path, layer: str) -> int:
    """Copy one layer of a GeoPackage into PostGIS: same rows, same columns, indexed, analysed.

    The geometry is declared as EPSG:4326 (the same numbers as EPSG:4490), so that the server need
    not transform it for every answer. Gives the number of rows.
    """
    _, table = pyogrio.read_arrow(geopackage, layer=layer, return_fids=True)
    geometry = table.column_names[-1]
    wkb = pc.cast(table[geometry], pa.binary()).to_pylist()
    table = table.set_column(
        table.num_columns - 1, "geom", pa.array([None if w is None else w.hex() for w in wkb])
    )
    columns = []
    for field in table.schema:
        kind = POSTGRES_TYPES.get(field.type)
        if field.name == "geom":
            kind = "geometry(MultiPolygon, 4326)"
        elif field.name == "fid":
            kind = "bigint PRIMARY KEY"
        elif pa.types.is_timestamp(field.type):
            kind = "timestamptz"
        columns.append(f'"{field.name}" {kind or "text"}')
    server.sql(f'CREATE TABLE "{layer}" ({", ".join(columns)})', database)
    sink = pa.BufferOutputStream()
    pyarrow.csv.write_csv(table, sink, pyarrow.csv.WriteOptions(include_header=False))
    server.copy(f'"{layer}"', [sink.getvalue().to_pybytes()], database, "WITH (FORMAT csv)")
    server.sql(f'CREATE INDEX ON "{layer}" USING gist (geom)', database)
    server.sql(f'VACUUM ANALYZE "{layer}"', database)
    return table.num_rows
