"""A feature over time: its index in every scene, beside the samples that were taken in it."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import orjson
from fastapi import APIRouter, Query, Request, Response

from app import params, scenes, sight
from app.api.links import answer
from app.auth import User, allow
from app.params import PathLayer, bad
from app.rasters import digest
from app.state import State
from geo.layers import Layer
from geo.snapshot import cql
from geo.snapshot.view import View
from geo.soil import indices
from geo.soil.scene import Scene

router = APIRouter(tags=["土壤 Soil"])

#: Scenes of a series, the newest.
MOST_SCENES = 200
_DEFINITION = {
    "zh": "各景影像内未被遮掩部分的面积加权平均（像元按被地块覆盖的精确比例和椭球面积加权）；"
    "observed_share 为看得见的面积比例，未观测时 mean 为空",
    "en": "mean over what was clear in each scene, pixels weighted by the exact fraction that the "
    "feature covers and their ellipsoidal area; observed_share is the share of the area that was "
    "seen; mean is null where nothing was",
}


@router.get(
    "/collections/{layer}/items/{fid}/series", summary="An index of a feature and its samples"
)
@allow("viewer")
async def series(
    request: Request,
    layer: PathLayer,
    fid: int,
    index: Annotated[str, Query(max_length=40, description="Formula id of /soil/indices.")],
    mask: Annotated[
        str | None,
        Query(max_length=120, description="Of /soil/masks, with commas; else what fits the scene."),
    ] = None,
) -> Response:
    """By date: mean, the middle 80 %, and the share that was seen; and the samples taken there."""
    state: State = request.app.state.liangtian
    if layer.geometry != "MultiPolygon":
        raise bad("layer", "只有面图层有序列", "Only polygons have a series", "E_ZONE_TYPE")
    measure = indices.get(index)
    masks = None if mask is None else tuple(name for name in mask.split(",") if name)
    view = sight.view(request, layer.id)
    segment, row = params.feature_of(view, fid)
    where = segment.bounds(np.array([row]))[0]
    chosen = [
        scenes.here(state.settings, each)
        for each in scenes.every(state.record)
        if _meets(each, where.tolist())
    ]
    chosen = sorted(chosen, key=lambda each: each.datetime)[-MOST_SCENES:]
    version = segment.column("version", np.array([row]))[0].as_py()
    user: User = request.state.user
    views = [
        sight.view(request, each)
        for each in _sampled(state.catalog.layers, layer)
        if user.layers is None or each in user.layers
    ]
    tag = params.etag(
        "series", layer.id, fid, version, digest(*chosen, index, masks),
        *(each.touched for each in views),
    )  # fmt: skip
    key = params.digest(request)

    def work() -> bytes:
        from geo.soil import series as found  # noqa: PLC0415 - loads GDAL

        shape = segment.geometries(np.array([row]))[0]
        seen = found.series(state.settings.raster_folder, chosen, measure, shape, masks)
        content: dict[str, Any] = {
            "layer": layer.id,
            "fid": fid,
            "index": {
                name: value
                for name, value in measure.describe().items()
                if name in ("id", "title", "formula", "direction", "citation", "pitfall")
            },
            "definition": _DEFINITION,
            "rows": [
                {
                    "datetime": each.scene.datetime.isoformat().replace("+00:00", "Z"),
                    "scene": each.scene.id,
                    "sensor": each.scene.sensor,
                    "mean": each.mean,
                    "p10": each.low,
                    "p90": each.high,
                    "observed_share": each.observed_share,
                    "status": "not_observed" if each.mean is None else "observed",
                    "masks": list(each.masks),
                }
                for each in seen
            ],
            "samples": [each for other in views for each in _samples(view, segment, row, other)],
        }
        return orjson.dumps(content)

    def once() -> bytes:
        return state.answers.get(f"series {layer.id} {fid} {key} {user.scope}", tag, work)

    return answer(request, await state.rasters.run(once), tag)


def _meets(scene: Scene, box: list[float]) -> bool:
    west, south, east, north = scene.bbox
    return (
        not scene.retired
        and west <= box[2]
        and box[0] <= east
        and south <= box[3]
        and box[1] <= north
    )


def _sampled(layers: dict[str, Layer], layer: Layer) -> list[str]:
    """Layers of dated points that are linked to this one."""
    return [
        each.id
        for each in layers.values()
        if each.geometry == "Point"
        and each.datetime_field is not None
        and any(link.layer == layer.id for link in each.links)
    ]


def _samples(view: View, segment: Any, row: int, samples: View) -> list[dict[str, Any]]:
    """Samples of a feature by date: every number that was measured, and what names the sample."""
    layer = samples.layer
    field = next(link.field for link in layer.links if link.layer == view.layer.id)
    own = segment.column(view.layer.key[0], np.array([row]))[0].as_py()
    if own is None:
        return []
    where = {"op": "=", "args": [{"property": field}, own]}
    matches = samples.match([cql.parse(where, "cql2-json", layer)])
    dated = str(layer.datetime_field)
    names = [each.name for each in layer.fields if each.type in ("number", "integer")]
    shown = [*layer.key, dated, *names]
    found = []
    for part, rows in matches:
        columns = [part.column(name, rows).to_pylist() for name in shown]
        for fid, *values in zip(part.fid[rows].tolist(), *columns, strict=True):
            told = {k: v for k, v in zip(shown, values, strict=True) if v is not None}
            if dated in told:
                told[dated] = told[dated].isoformat()
            found.append({"layer": layer.id, "fid": fid, "date": told.get(dated), **told})
    return sorted(found, key=lambda each: (each["date"] or "", each["fid"]))
