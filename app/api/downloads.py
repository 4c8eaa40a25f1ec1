"""Whole layers as files: `f=` of the items, with the options that offices ask for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Annotated, Literal
from urllib.parse import quote

import anyio
from fastapi import Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from app import downloads, ogc_crs, params
from app.api.encode import csv_rows, rows_bytes
from app.api.links import CSV, GEOJSON, VARY, caching, in_language
from app.downloads import chunks, taken, told
from app.jobs.sandbox import Cancelled, Limits
from app.language import language_of
from app.params import Selection
from app.state import State
from geo.crs import STORAGE
from geo.formats.export import FORMATS
from geo.layers import Layer
from geo.snapshot.view import View

Download = Literal["csv", "xlsx", "gpkg", "fgb", "parquet", "shp", "kml", "landtxt"]
MEDIA_TYPES = tuple(form.media_type for form in FORMATS.values())
_FEATURES = b'{"type":"FeatureCollection","features":['


@dataclass(frozen=True)
class Options:
    """How a file is written; what a format has no use for is ignored."""

    encoding: str | None
    closing: str
    start: str
    zone: int | None
    prefix: bool
    precision: int


async def options_of(
    encoding: Annotated[
        Literal["gbk", "utf-8", "utf-8-sig"] | None,
        Query(description="Text of shp and landtxt; gbk unless told."),
    ] = None,
    closing: Annotated[
        Literal["repeat", "next", "none"],
        Query(description="landtxt: the closing point repeats the first label, takes the next "
              "one, or is left out."),
    ] = "repeat",
    start: Annotated[
        Literal["as_is", "nw"],
        Query(description="landtxt: rings as stored, or clockwise from the north-west."),
    ] = "as_is",
    zone: Annotated[
        int | None,
        Query(ge=13, le=45, description="landtxt: Gauss-Krueger zone; else that of the data."),
    ] = None,
    prefix: Annotated[
        bool, Query(description="landtxt: whether eastings begin with the zone.")
    ] = True,
    precision: Annotated[
        int, Query(ge=0, le=6, description="landtxt: decimals of coordinates.")
    ] = 3,
) -> Options:  # fmt: skip
    return Options(encoding, closing, start, zone, prefix, precision)


Asked = Annotated[Options, Depends(options_of)]


def respond(
    request: Request,
    form: str,
    layer: Layer,
    view: View,
    selected: Selection,
    properties: tuple[str, ...] | None,
    crs: ogc_crs.Crs,
    asked: Options,
    tag: str,
) -> Response:
    """All matching features as a file of format ``form`` (one of `Download`, or geojson)."""
    suffix = {"csv": ".csv", "geojson": ".geojson"}.get(form) or FORMATS[form].suffix
    tag = in_language(request, f'{tag[:-1]}-{form}"')
    headers = {
        "Content-Disposition": disposition(layer, suffix),
        "Cache-Control": caching(request),
        "ETag": tag,
        "Vary": VARY,
    }
    if params.not_modified(request, tag):
        return Response(status_code=304, headers=headers)
    pieces: Iterable[bytes | memoryview]
    if form == "csv":
        pieces = (piece for _, piece in csv_rows(view, selected.filters, selected.box, properties))
        media_type = f"{CSV}; charset=utf-8"
    elif form == "geojson":
        pieces, media_type = _geojson(view, selected, properties, crs), GEOJSON
    else:
        pieces, size = _made(request, form, view, selected, properties, crs, asked)
        headers["Content-Length"] = str(size)
        media_type = FORMATS[form].media_type
    return StreamingResponse(pieces, media_type=media_type, headers=headers)


def disposition(layer: Layer, suffix: str) -> str:
    """A file name that old clients read (the id) and one for people (RFC 6266, RFC 8187)."""
    name = quote(f"{layer.title.zh}{suffix}", safe="")
    return f"attachment; filename=\"{layer.id}{suffix}\"; filename*=UTF-8''{name}"


def _made(
    request: Request,
    form: str,
    view: View,
    selected: Selection,
    properties: tuple[str, ...] | None,
    crs: ogc_crs.Crs,
    asked: Options,
) -> tuple[Iterator[bytes], int]:
    """(contents, bytes) of a file that a child process writes."""
    state: State = request.app.state.liangtian
    settings = state.settings
    limits = Limits(cpu_s=settings.job_seconds, memory_bytes=settings.job_memory_mib * 2**20)
    try:
        with downloads.made(
            form, view, state.catalog.codelists, settings.work_folder, limits,
            filters=selected.filters, box=selected.box, properties=properties,
            cancelled=lambda: anyio.from_thread.run(request.is_disconnected),
            language=language_of(request), about=told(view), options=asdict(asked),
            crs=STORAGE if crs.same_numbers else f"EPSG:{crs.epsg}",
        ) as path:  # fmt: skip
            file = taken(path)
    except Cancelled:
        return iter(()), 0  # nobody is there to read an answer
    return chunks(file), os.fstat(file.fileno()).st_size


def _geojson(
    view: View, selected: Selection, properties: tuple[str, ...] | None, crs: ogc_crs.Crs
) -> Iterator[bytes | memoryview]:
    def features() -> Iterator[bytes | memoryview]:
        begun = False
        for segment, rows in view.batches(selected.filters, selected.box):
            if begun:
                yield b",\n"
            begun = True
            yield rows_bytes(view.layer, segment, rows, crs, properties=properties)

    return chain([_FEATURES], features(), [b"]}\n"])
