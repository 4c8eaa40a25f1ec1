"""Finished soil runs: their rows, grouped by zone, field or layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from fastapi import Request

from app import sight
from app.jobs import queue
from app.jobs.found import result_of
from app.params import bad
from app.problems import Problem
from app.state import State
from geo.snapshot.view import View
from geo.soil.results import Results, Summed


def job_of(request: Request, run_id: int) -> queue.Job:
    """A run's job. Raises `Problem` E_NOT_FOUND."""
    return sight.job(request, run_id, "soil.run")


class Finished:
    """A run that is done. Raises `Problem` E_NOT_FOUND, E_STATE."""

    def __init__(self, request: Request, run_id: int) -> None:
        state: State = request.app.state.liangtian
        self.job = job_of(request, run_id)
        self.result = result_of(self.job)
        self._request = request
        self.results = Results(state.settings.blobs.path(self.result["areas"]))
        self.labels: list[str] = self.result["labels"]
        self.reasons: list[str] = self.result["reasons"]

    @property
    def is_pair(self) -> bool:
        return len(self.result["scenes"]) > 1

    def about(self) -> dict[str, Any]:
        """What every answer says of where its figures come from."""
        names = (
            "overlap_removed_m2", "method", "definition", "scene", "scenes", "measure", "grading",
            "layer", "revision", "as_of", "warnings",
        )  # fmt: skip
        return {"unit": "m2", **{name: self.result[name] for name in names}}

    def grouped(self, by: str) -> tuple[list[Any], list[Any] | None, Summed]:
        """Names of groups, what they are called (layers only), and their sums.

        Raises `Problem` E_PARAMETER.
        """
        if by == "zone":
            return self.results.zone_ids, None, self.results.zones()
        if by in self.results.splits:
            members = self.result["members"][by]
            found = self.results.by_member(by, len(members["keys"]))
            some = np.flatnonzero(found.count)
            names = [*members["keys"], None]
            called = [*members["labels"], None]
            return [names[i] for i in some], [called[i] for i in some], found.some(some)
        values = self._values(by)
        encoded = values.dictionary_encode()
        names = encoded.dictionary.to_pylist()
        codes = pc.fill_null(encoded.indices, len(names)).to_numpy(zero_copy_only=False)
        if encoded.null_count:
            names.append(None)
        found = self.results.by_zone_group(codes.astype(np.int64), len(names))
        return names, None, found

    def _values(self, name: str) -> pa.Array:
        """A field's value for each zone, at the revision that the run looked at."""
        if self.result["layer"] is None:
            return self._drawn(name)
        view = sight.view(self._request, self.result["layer"], self.result["as_of"])
        if name not in view.layer.by_name:
            raise self._no_group(name, list(view.layer.by_name))
        return _taken(view, name, np.asarray(self.results.zone_ids, dtype=np.int64))

    def _drawn(self, name: str) -> pa.Array:
        state: State = self._request.app.state.liangtian
        path = state.settings.blobs.path(self.job.args["zones"]["geometries"])
        with pa.memory_map(str(path)) as source:
            texts = pa.ipc.open_file(source).read_all()["properties"].to_pylist()
        found = [orjson.loads(text) for text in texts]
        known = list(dict.fromkeys(key for each in found for key in each))
        if name not in known:
            raise self._no_group(name, known)
        values = [each.get(name) for each in found]
        return pa.array([None if value is None else str(value) for value in values], pa.string())

    def _no_group(self, name: str, fields: list[str]) -> Problem:
        known = ", ".join(["zone", *self.results.splits, *fields])
        return bad(
            "by",
            f"不能按 {name} 分组；图层须在计算时写入 splits",
            f"There is no group {name}; a layer must be in `splits` when the run is started",
            fix=(known, known),
        )


def _taken(view: View, name: str, zones: np.ndarray) -> pa.Array:
    """A column for features by id; null for those that are not there."""
    matches = view.match()
    fids = np.concatenate([s.fid[rows] for s, rows in matches] or [np.empty(0, np.int64)])
    column = pa.chunked_array([_plain(s.column(name, rows)) for s, rows in matches])
    order = np.argsort(fids)
    at = np.searchsorted(fids, zones, sorter=order)
    at = np.minimum(at, len(fids) - 1)
    there = fids[order[at]] == zones
    rows = pa.array(np.where(there, order[at], 0), mask=~there)
    return column.combine_chunks().take(rows)


def _plain(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
