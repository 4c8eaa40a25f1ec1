"""Map tiles of scenes and of runs, with legends: PNG tiles and TileJSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response

from app import params
from app.api.links import JSON, PNG, answer, caching, produces, root
from app.api.soil_runs import RunId
from app.auth import allow
from app.language import text
from app.openapi import VERSION
from app.params import bad
from app.rasters import Rasters, digest
from app.state import State
from geo.layers import Text
from geo.soil import indices
from geo.soil.measure import measure_of
from geo.soil.scene import Scene
from geo.tiles.grid import tile as grid_tile

if TYPE_CHECKING:
    from geo.soil.tiles import Picture

router = APIRouter(tags=["土壤 Soil"])

SceneId = Annotated[str, Path(max_length=120)]
Zoom = Annotated[int, Path(description="Zoom.")]
Column = Annotated[int, Path(description="Column.")]
Row = Annotated[int, Path(description="Row from the top.")]
Index = Annotated[
    str | None, Query(max_length=40, description="Formula id of /soil/indices; else a composite.")
]
Bands = Annotated[
    str | None,
    Query(max_length=40, description="Composite of 1 or 3 bands: R,G,B (default), N,R,G, ..."),
]
Masks = Annotated[
    str | None,
    Query(max_length=120, description="Of /soil/masks, with commas: scl,water,vegetation:0.35."),
]
Range = Annotated[
    str | None, Query(max_length=60, description="low,high of the colour scale of an index.")
]
Size = Annotated[Literal["256", "512"], Query(description="Pixels a side; 512 for fine screens.")]
Version = Annotated[
    str | None, Query(max_length=40, description="From the TileJSON; makes the answer cacheable.")
]
#: A picture, the scene below it, and a name of all that it depends on.
_Made = tuple["Picture", Scene, str]


@router.get("/soil/scenes/{scene_id}/tiles.json", summary="TileJSON and legend of a scene")
@allow("viewer")
async def scene_tilejson(
    request: Request,
    scene_id: SceneId,
    index: Index = None,
    bands: Bands = None,
    mask: Masks = None,
    range: Range = None,
    size: Size = "256",
) -> Response:
    """What a map client needs to show the scene: address, zooms, bounds and the legend."""
    asked = {"index": index, "bands": bands, "mask": mask, "range": range}
    kept = {name: value for name, value in asked.items() if value is not None}
    return await _tilejson(
        request, f"/soil/scenes/{scene_id}/tiles", kept, int(size), _of_scene(scene_id, **asked)
    )


@router.get("/soil/scenes/{scene_id}/tiles/{z}/{x}/{y}.png", summary="A map tile of a scene")
@allow("viewer")
@produces(PNG)
async def scene_tile(
    request: Request,
    scene_id: SceneId,
    z: Zoom,
    x: Column,
    y: Row,
    index: Index = None,
    bands: Bands = None,
    mask: Masks = None,
    range: Range = None,
    size: Size = "256",
    v: Version = None,
) -> Response:
    """An index as a colour scale, or bands as colours; what is not known is transparent."""
    make = _of_scene(scene_id, index=index, bands=bands, mask=mask, range=range)
    return await _tile(request, (z, x, y), int(size), v, make)


@router.get("/soil/runs/{run_id}/tiles.json", summary="TileJSON and legend of a run's grades")
@allow("viewer")
async def run_tilejson(request: Request, run_id: RunId, size: Size = "256") -> Response:
    """What a map client needs to show the grades: address, zooms, bounds and the legend."""
    return await _tilejson(request, f"/soil/runs/{run_id}/tiles", {}, int(size), _of_run(run_id))


@router.get("/soil/runs/{run_id}/tiles/{z}/{x}/{y}.png", summary="A map tile of a run's grades")
@allow("viewer")
@produces(PNG)
async def run_tile(
    request: Request, run_id: RunId, z: Zoom, x: Column, y: Row, size: Size = "256",
    v: Version = None,
) -> Response:  # fmt: skip
    """The grades that the run counted, in the whole scene; masked pixels are transparent."""
    return await _tile(request, (z, x, y), int(size), v, _of_run(run_id))


def _of_scene(
    scene_id: str, *, index: str | None, bands: str | None, mask: str | None, range: str | None
) -> Callable[[Rasters], _Made]:
    def make(rasters: Rasters) -> _Made:
        from geo.soil.pictures import Composite, IndexPicture  # noqa: PLC0415 - loads GDAL

        scene = rasters.scene(scene_id)
        if index is None:
            for name, value in (("mask", mask), ("range", range)):
                if value is not None:
                    raise bad(
                        name, f"{name} 只用于指数", f"{name} goes with an index",
                        fix=("请给出 index", "give an index"),
                    )  # fmt: skip
            shown = tuple((bands or "R,G,B").split(","))
            stretch = rasters.stretch(scene, shown)
            return Composite(scene, shown, stretch), scene, digest(scene, shown, VERSION)
        if bands is not None:
            raise bad("bands", "bands 与 index 只能给一个", "Give bands or an index, not both")
        formula = indices.get(index)
        ramp = rasters.palettes.ramp(formula, _span(range))
        masks = tuple(name for name in (mask or "").split(",") if name)
        source = rasters.palettes.source
        picture = IndexPicture(scene, formula, ramp, masks, source)
        return (
            picture,
            scene,
            digest(
                scene, index, masks, ramp.name, ramp.low, ramp.high, ramp.colours.tobytes(), VERSION
            ),
        )

    return make


def _of_run(run_id: int) -> Callable[[Rasters], _Made]:
    def make(rasters: Rasters) -> _Made:
        from geo.soil.pictures import GradePicture  # noqa: PLC0415 - loads GDAL

        drawn = rasters.drawn(run_id)
        picture = GradePicture(drawn.scene, measure_of(drawn.spec), drawn.grading, drawn.masks)
        return picture, drawn.scene, digest(drawn, VERSION)

    return make


def _span(range: str | None) -> tuple[float, float] | None:
    """``low,high`` as numbers. Raises `Problem` E_PARAMETER."""
    if range is None:
        return None
    try:
        low, high = (float(part) for part in range.split(","))
    except ValueError:
        raise bad(
            "range", "range 须为两个数，如 0.05,0.3", "range must be two numbers, e.g. 0.05,0.3"
        ) from None
    return low, high


async def _tile(
    request: Request,
    where: tuple[int, int, int],
    size: int,
    version: str | None,
    make: Callable[[Rasters], _Made],
) -> Response:
    bounds = grid_tile(*where).bounds
    state: State = request.app.state.liangtian

    def work() -> Response:
        from geo.soil.tiles import draw  # noqa: PLC0415 - loads GDAL

        picture, scene, name = make(state.rasters)
        tag = params.etag(name, *where, size)
        headers = {"ETag": tag, "Vary": "Authorization, Cookie", "Cache-Control": caching(request)}
        if version == name:
            scope = "public" if state.settings.public_read else "private"
            headers["Cache-Control"] = f"{scope}, max-age=31536000, immutable"
        if params.not_modified(request, tag):
            return Response(status_code=304, headers=headers)
        with state.rasters.pyramids.lend(scene) as pyramid:
            body = draw(pyramid, picture, bounds, size)
        return Response(body, headers=headers, media_type=PNG)

    return await state.rasters.run(work)


async def _tilejson(
    request: Request,
    path: str,
    asked: dict[str, str],
    size: int,
    make: Callable[[Rasters], _Made],
) -> Response:
    state: State = request.app.state.liangtian

    def work() -> Response:
        from geo.soil.tiles import zooms  # noqa: PLC0415 - loads GDAL

        picture, scene, name = make(state.rasters)
        with state.rasters.pyramids.lend(scene) as pyramid:
            least, most = zooms(pyramid, picture)
        legend = picture.legend()
        title = Text(**legend["title"]) if "title" in legend else Text(zh="影像", en="Scene")
        when = f"{scene.datetime:%Y-%m-%d}"
        query = urlencode({**asked, **({"size": 512} if size > 256 else {}), "v": name})
        content = {
            "tilejson": "3.0.0",
            "name": f"{text(request, title)} · {scene.id} · {when}",
            "description": legend.get("formula", ",".join(legend.get("bands", ()))),
            "version": "1.0.0",
            "scheme": "xyz",
            "tiles": [f"{root(request)}{path}/{{z}}/{{x}}/{{y}}.png?{query}"],
            "format": "png",
            "tileSize": size,
            # A tile of 512 pixels shows as much detail one zoom earlier.
            "minzoom": least,
            "maxzoom": most,
            "bounds": list(scene.bbox),
            "scene": scene.id,
            "datetime": scene.datetime.isoformat().replace("+00:00", "Z"),
            "legend": legend,
        }
        return answer(request, content, params.etag("tiles", name, size), JSON)

    return await state.rasters.run(work)
