"""``liangtian demo``: demonstration data, people and scenes, written once into a folder."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc
from rich.console import Console
from rich.progress import Progress

from app import scenes as register
from app.commands.opened import Opened, opened
from app.people import People
from geo.record.protocol import Author
from geo.record.tables import ROLES
from geo.snapshot import base
from geo.totals.question import Question
from geo.totals.total import total
from geo.totals.views import At

if TYPE_CHECKING:
    from data.demo.model import Demo
    from data.demo.scenes import Fields

_DONE = "seeded.json"
_SEEDER = Author("演示数据", "liangtian demo", "seed")


def prepare(
    data: Path, parcels: int, console: Console, progress_bar: Callable[[], Progress]
) -> None:
    """Seed ``data`` if that has not been done; a seeding that broke off starts again."""
    if (data / _DONE).exists():
        console.print(f"演示数据已在 {data} / demonstration data is there already")
        return
    if data.exists() and any(data.iterdir()):
        known = {"record.gpkg", "snapshots", "rasters", "blobs", "work", "credentials.json",
                 "worker.lock", "examples", "tiles"}  # fmt: skip
        strange = [p.name for p in data.iterdir() if p.name.split("-")[0] not in known]
        if strange:
            raise SystemExit(
                f"{data} 不是演示数据目录(含 {strange[0]}) / is not a folder of demonstration data"
            )
        shutil.rmtree(data)
    # On the other core: the first map then finds its loops compiled.
    compiling = subprocess.Popen([sys.executable, "-c", "import geo.tiles.draw"])
    try:
        with opened(data) as place, progress_bar() as bar:
            _features(place, parcels, bar)
            _snapshots(place, bar)
            credentials = _people(place)
            # The first total finds its loops compiled, too.
            question = Question("counties", by=("districts",))
            total(At(place.snapshots()), question, place.catalog.layers)
    finally:
        compiling.wait()
    _write_private(data / "credentials.json", credentials)
    (data / _DONE).write_text(json.dumps({"parcels": parcels}))
    for role, entry in credentials.items():
        line = f"{role:11} {entry['user']:11} {entry['password']}  {entry['token']}"
        console.print(line, soft_wrap=True, highlight=False)
    console.print(f"已保存 / kept in {data / 'credentials.json'}")


def _features(place: Opened, parcels: int, bar: Progress) -> None:
    from data.demo import landscape, scenes
    from data.demo.examples import write_shapefile_examples
    from data.demo.generate import generate
    from data.demo.seed import seed

    task = bar.add_task("生成 generate", total=None)
    made = generate(parcels, catalog=place.catalog)
    bar.update(task, total=1, completed=1)
    task = bar.add_task("写入 write", total=None)
    seed(
        place.record, made, lambda done, total, _why: bar.update(task, completed=done, total=total)
    )
    write_shapefile_examples(place.settings.data / "examples")
    task = bar.add_task("影像 scenes", total=None)
    for scene in scenes.write_scenes(place.settings.raster_folder, landscape, _fields(made)):
        register.register(place.record, scene, _SEEDER)
    bar.update(task, total=1, completed=1)


def _fields(made: Demo) -> Fields:
    """What the scenes show on the ground: crops, and where remediation has begun."""
    from data.demo.scenes import Fields

    plots, parcels = made.layers["plots"], made.layers["parcels"]
    assert plots.geometry is not None
    assert parcels.geometry is not None
    begun = pc.fill_null(pc.year(plots.attributes["started_on"]), 0).to_numpy()
    crops = [rows.attributes["crop"].fill_null("").to_pylist() for rows in (parcels, plots)]
    return Fields(
        geometry=np.concatenate([parcels.geometry, plots.geometry]),
        crop=np.array(crops[0] + crops[1]),
        treated=np.concatenate([np.zeros(parcels.attributes.num_rows, np.int64), begun]),
    )


def _snapshots(place: Opened, bar: Progress) -> None:
    layers = list(place.catalog.layers.values())
    task = bar.add_task("快照 snapshots", total=len(layers))
    for layer in layers:
        base.compact(place.record, layer, place.settings.snapshot_folder)
        bar.advance(task)


def _people(place: Opened) -> dict[str, dict[str, str]]:
    people = People(place.record)
    made = {}
    for role in ROLES:
        password = secrets.token_urlsafe(12)
        people.put(role, role, password, _SEEDER)
        token = people.issue_token(role, _SEEDER, label="demo")
        made[role] = {"user": role, "password": password, "token": token}
    return made


def _write_private(path: Path, content: dict[str, dict[str, str]]) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)
