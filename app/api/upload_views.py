"""What an upload holds, for people: its rows on the map, its report as tables, its original."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

import orjson
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse
from sqlalchemy import Row

from app import params, sight, uploads
from app.api.links import BINARY, GEOJSON, JSON, XLSX, answer, produces
from app.api.uploads import UploadId
from app.auth import allow
from app.jobs.sandbox import Limits
from app.jobs.sandbox import run as sandboxed
from app.language import language_of
from app.params import bad
from app.problems import Problem, not_found
from app.state import State
from geo.intake import preview as views
from geo.intake import stage, tables

router = APIRouter(tags=["上传 Uploads"])

Statuses = Literal["new", "changed", "unchanged", "valid", "rejected", "deleted", "absent"]
#: A workbook of more rows is made in a process of its own.
_MANY_ROWS = 3000


def _kept(state: State, row: Row[Any]) -> views.Kept:
    store = state.settings.blobs
    files = {name: store.path(s) for name, s in json.loads(row.sides or "{}").items()}
    if row.staged:
        files[stage.FILE] = store.path(row.staged)
    return views.Kept(files)


def _tag(row: Row[Any], *more: object) -> str:
    return params.etag("upload", row.id, row.updated_at, *more)


@router.get("/uploads/{upload_id}/preview", summary="The file's rows on the map")
@allow("field")
@produces(GEOJSON)
def preview(
    request: Request,
    upload_id: UploadId,
    status: Annotated[list[Statuses] | None, Query(description="One or more statuses.")] = None,
    bbox: Annotated[
        str | None, Query(max_length=200, description="west,south,east,north in degrees.")
    ] = None,
    after: Annotated[int, Query(ge=0, le=2**53, description="After this row.")] = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> Response:
    """GeoJSON of what would be stored, and of what was rejected as far as it can be drawn. Each
    feature has its row, its status against the layer, its outcome and its issues; ``absent``
    asks for the stored features that the file has not."""
    state: State = request.app.state.liangtian
    row = uploads.of_request(request, upload_id)
    kept, box = _kept(state, row), _box(bbox)
    if status and "absent" in status:
        if len(status) > 1:
            raise bad("status", "absent 须单独查询", "ask for absent alone")
        view = sight.view(request, row.layer)
        content = views.absent(kept, view, box=box, after=after, limit=limit)
        tag = _tag(row, view.touched, params.digest(request))
    else:
        content = views.preview(
            kept,
            state.catalog.layers[row.layer],
            language_of(request),
            outcome=row.state,
            statuses=tuple(status or ()),
            box=box,
            after=after,
            limit=limit,
        )
        tag = _tag(row, params.digest(request))
    return answer(request, orjson.dumps(content), tag, GEOJSON)


def _box(text: str | None) -> tuple[float, float, float, float] | None:
    if text is None:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        west, south, east, north = 1.0, 0.0, 0.0, 0.0
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise bad("bbox", "bbox 应为 西,南,东,北（度）",
                  "bbox must be west,south,east,north in degrees", "E_BBOX")  # fmt: skip
    return west, south, east, north


@router.get("/uploads/{upload_id}/report", summary="The report: JSON, workbook or map of faults")
@allow("field")
@produces(JSON, XLSX, GEOJSON)
def report(
    request: Request,
    upload_id: UploadId,
    f: Annotated[Literal["json", "xlsx", "geojson"], Query()] = "json",
) -> Response:
    """``xlsx``: summary, fields, every row with its status and issues, all issues; ``geojson``:
    each fault with its code, row and message, where it can be drawn."""
    state: State = request.app.state.liangtian
    row = uploads.of_request(request, upload_id)
    language = language_of(request)
    if row.report is None:
        raise Problem("E_STATE", "报告尚未完成", "The report is not there yet", where="state",
                      extra={"state": row.state})  # fmt: skip
    kept, tag = _kept(state, row), _tag(row, f)
    if f == "json":
        return answer(request, row.report.encode(), tag)
    name = f"upload-{upload_id}-report.{f}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if f == "geojson":
        content = orjson.dumps(views.faults(kept, language))
        return answer(request, content, tag, GEOJSON, headers)
    return answer(request, _workbook(state, row, kept, language), tag, XLSX, headers)


def _workbook(state: State, row: Row[Any], kept: views.Kept, language: str) -> bytes:
    shown, layer = uploads.public(row), state.catalog.layers[row.layer]
    counts = shown["report"].get("counts") or {}
    if counts.get("records", 0) + sum(shown["report"]["issue_counts"].values()) <= _MANY_ROWS:
        return tables.tables(shown, kept, layer, language)
    settings = state.settings
    settings.work_folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="report-", dir=settings.work_folder) as folder:
        out = Path(folder) / "report.xlsx"
        sandboxed(
            "geo.intake.tables:main",
            {
                "upload": shown,
                "files": {name: str(path.resolve()) for name, path in kept.files.items()},
                "layer": layer.model_dump(mode="json"),
                "language": language,
                "out": str(out.resolve()),
            },
            Path(folder),
            Limits(cpu_s=settings.job_seconds, memory_bytes=settings.job_memory_mib * 2**20),
            readable=list(kept.files.values()),
        )
        return out.read_bytes()


@router.get("/uploads/{upload_id}/file", summary="The original file, byte for byte")
@allow("field")
@produces(BINARY)
def original(request: Request, upload_id: UploadId) -> Response:
    """For its owner and for managers; always as an attachment."""
    state: State = request.app.state.liangtian
    row = uploads.of_request(request, upload_id)
    path = state.settings.blobs.path(row.sha256)
    if not path.exists():
        raise not_found(
            f"上传 {upload_id} 的原文件已不在", f"The file of upload {upload_id} is gone"
        )
    tag = f'"{row.sha256}"'
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(row.file_name, safe='')}",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cache-Control": "private, no-cache",
        "ETag": tag,
    }
    if params.not_modified(request, tag):
        return Response(status_code=304, headers=headers)
    return FileResponse(path, media_type=BINARY, headers=headers)
