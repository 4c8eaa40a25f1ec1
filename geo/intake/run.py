"""One upload from file to report: inspect, read, map, convert, locate, check, stage.

`main` is what the sandbox runs; nothing here touches the database.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from geo import crs
from geo.errors import Rejected
from geo.intake import area_units, decide, mapping, measure, merge, region, sides, stage, values
from geo.intake import file_name as naming
from geo.intake.decide import Decisions
from geo.intake.geometry import check, prepare
from geo.intake.inspect import Inspected, SourceLayer, actual, inspect, unpack
from geo.intake.issues import Issues
from geo.intake.locate import Known, locate
from geo.intake.read import Raw, describe_encoding, read
from geo.intake.region import Counties
from geo.intake.report import Counts, CrsChoice, Format, Report
from geo.intake.suggest import middles
from geo.layers import Codelist, Layer

Progress = Callable[[str, float | None], None]
REPORT = "report.json"


def main(arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """The sandbox's target: `run` with JSON in and the report as JSON out.

    ``arguments``: source, file_name, out (paths and text), layer and codelists
    (``model_dump(mode="json")``), decisions.
    """
    layer, counties = Layer.model_validate(arguments["layer"]), arguments.get("counties")
    report = run(
        Path(arguments["source"]),
        layer,
        {name: Codelist.model_validate(c) for name, c in arguments["codelists"].items()},
        Decisions.model_validate(arguments.get("decisions") or {}),
        Path(arguments["out"]),
        progress,
        file_name=arguments.get("file_name"),
        counties=region.read(Path(counties) if counties else None),
        allowed=tuple(arguments.get("allowed") or ()),
    )
    return report.model_dump(mode="json")


def arguments(
    source: Path,
    file_name: str,
    layer: Layer,
    codelists: Mapping[str, Codelist],
    decisions: Decisions,
    out: Path,
    *,
    counties: Path | None = None,
    allowed: tuple[str, ...] = (),
) -> dict[str, Any]:
    """The arguments of `main`, with the code lists that the layer uses."""
    used = {field.codelist for field in layer.fields if field.codelist}
    return {
        "source": str(source),
        "file_name": file_name,
        "layer": layer.model_dump(mode="json"),
        "codelists": {name: codelists[name].model_dump(mode="json") for name in sorted(used)},
        "decisions": decisions.model_dump(mode="json"),
        "out": str(out),
        "counties": None if counties is None else str(counties),
        "allowed": list(allowed),
    }


def run(
    source: Path,
    layer: Layer,
    codelists: Mapping[str, Codelist],
    decisions: Decisions,
    out: Path,
    progress: Progress | None = None,
    *,
    file_name: str | None = None,
    counties: Counties | None = None,
    allowed: tuple[str, ...] = (),
) -> Report:
    """Check a file against a layer; write ``report.json`` and, once located, ``staged.arrow``.

    ``out`` is an existing folder; ``allowed`` are the counties that the person is limited to,
    none for all. Raises `Rejected` for files that no decision can save
    (E_TYPE, E_ZIP..., E_SHP..., E_DBF...); questions and row errors are in the report.
    """
    say = progress or (lambda _stage, _fraction: None)
    issues = Issues()
    report = Report(layer=layer.id)
    report.mode, report.mode_decided_by = decide.mode(decisions, layer)
    say("inspect", 0.0)
    work = Path(tempfile.mkdtemp(prefix="work-", dir=out))
    for name in (stage.FILE, sides.ROWS, sides.ISSUES, sides.FAULTY):
        (out / name).unlink(missing_ok=True)
    try:
        inspected = inspect(source, file_name or source.name, work)
        chosen = _choose(inspected, decisions, issues)
        report.format = _format(inspected, chosen, file_name or source.name)
        names = [layer.name for layer in chosen or inspected.layers[:1]]
        report.file_name = next(filter(None, map(naming.parse, [*names, file_name or ""])), None)
        if chosen:
            raw = _read(chosen, inspected, layer, decisions, report, work, issues, say)
            if raw is not None:
                scope = counties or Counties(), allowed
                _examine(raw, layer, codelists, decisions, scope, out, report, issues, say)
    except Rejected as error:
        error.where = error.where or file_name or source.name
        raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    report.state = issues.state
    report.issues, report.issue_counts = issues.listed, issues.counts
    sides.save_issues(out / sides.ISSUES, issues.kept())
    report.sides.append(sides.ISSUES)
    (out / REPORT).write_text(report.model_dump_json(indent=1), encoding="utf-8")
    say("done", 1.0)
    return report


def _choose(inspected: Inspected, decisions: Decisions, issues: Issues) -> list[SourceLayer]:
    """The layers to read: the only one, the chosen one, or all of them when that was chosen."""
    names = [layer.name for layer in inspected.layers]
    wanted = decisions.source_layer
    if (wanted is None and len(names) == 1) or wanted == merge.ALL:
        return list(inspected.layers)
    if wanted in names:
        return [inspected.layers[names.index(wanted)]]
    issues.add(
        "E_LAYER_CHOICE", "error",
        f"文件中有 {len(names)} 个图层，请选择一个：{'、'.join(names[:20])}",
        f"the file holds {len(names)} layers, choose one: {', '.join(names[:20])}",
        decision="source_layer",
        fix=(f"填写图层名；同类图层可填“{merge.ALL}”合并导入",
             f"name one; {merge.ALL!r} reads all of them as one, where they are of one kind"),
    )  # fmt: skip
    return []


def _format(inspected: Inspected, chosen: list[SourceLayer], file_name: str) -> Format:
    archive = inspected.archive
    return Format(
        id=chosen[0].format if chosen else inspected.format,
        file=file_name,
        layer=chosen[0].name if len(chosen) == 1 else None,
        layers=[layer.name for layer in inspected.layers],
        name_encoding=archive.name_encoding if archive else None,
    )


def _read(
    chosen: list[SourceLayer],
    inspected: Inspected,
    layer: Layer,
    decisions: Decisions,
    report: Report,
    work: Path,
    issues: Issues,
    say: Progress,
) -> Raw | None:
    assert report.format is not None
    raws = []
    for number, source in enumerate(chosen):
        place = work / f"layer{number}"
        place.mkdir()
        files = unpack(source, inspected, place)
        report.format.id = kind = actual(source, files)
        say("read", 0.1)
        name = source.inner or source.name
        try:
            raws.append(read(kind, name, files, decisions.encoding, layer.geometry))
        except Rejected as error:
            if error.code not in ("E_ENCODING", "E_ENCODING_MIXED"):
                raise
            issues.refuse(error, "encoding")
            return None
        if kind == "shapefile" and not raws[-1].records and len(chosen) == 1:
            issues.add(
                "E_EMPTY_PROJECT", "error",
                "空项目：.shp 只有文件头，没有图斑",
                "an empty project: the .shp is a header without shapes",
                where=name,
                fix=("有图斑后重新导出；空项目无需上传", "export it again once there are shapes"),
            )  # fmt: skip
            return None
    if len(raws) == 1:
        return raws[0]
    try:
        raw, report.format.parts = merge.merge([source.name for source in chosen], raws)
    except Rejected as error:
        issues.refuse(error, "source_layer")
        return None
    return raw


def _examine(
    raw: Raw,
    layer: Layer,
    codelists: Mapping[str, Codelist],
    decisions: Decisions,
    scope: tuple[Counties, tuple[str, ...]],
    out: Path,
    report: Report,
    issues: Issues,
    say: Progress,
) -> None:
    issues.over(raw.rows)
    counties, allowed = scope
    for code, zh, en in raw.notes:
        issues.add(code, "warning", zh, en)
    for column in raw.unread:
        issues.add(
            "W_COLUMN_UNREAD", "warning", f"字段“{column}”的类型无法读取",
            f"the type of column {column!r} is not read", where=column,
        )  # fmt: skip
    report.encoding = describe_encoding(raw, issues)
    say("convert", 0.3)
    attributes, given = _attributes(raw, layer, codelists, decisions, report, issues)
    if report.file_name is not None:
        naming.propose(report.file_name, layer, codelists, report.mapping.missing)
    say("locate", 0.5)
    count = len(raw.rows)
    geometry: Any = np.full(count, None, dtype=object)
    sizes = np.full(count, np.nan)
    repaired = np.zeros(count, np.bool_)
    points = np.full((count, 2), np.nan)
    if layer.geometry is not None:
        flat = prepare(raw.geometry, raw.broken, layer.geometry, issues)
        said = region.stated(attributes, layer)
        if said is None and report.file_name is not None and report.file_name.county:
            said = np.full(count, report.file_name.county, object)
        known = Known(said, counties)
        geometry, report.crs = locate(flat, raw, decisions, known, issues)
        say("check", 0.7)
        if geometry is not None:
            points, came = middles(geometry), geometry
            region.check(geometry, points, said, counties, allowed, issues)
            geometry, sizes, repaired = check(
                geometry, layer.geometry, issues, repair=decisions.repair == "structure"
            )
            attributes = measure.settle_unit(attributes, sizes, layer, report.mapping, issues)
            planar = _planar(flat, report.crs, layer)
            report.areas = measure.compare(attributes, sizes, planar, layer, issues)
            if sides.save_faulty(out / sides.FAULTY, raw.rows, came, issues.bad):
                report.sides.append(sides.FAULTY)
    elif any(shape is not None for shape in raw.geometry):
        issues.add("W_GEOMETRY_LEFT", "note", "此图层没有图形，图形未导入",
                   "this layer has no geometry; the shapes are left out")  # fmt: skip
    report.counts = Counts(
        records=raw.records,
        deleted=raw.deleted,
        read=count,
        valid=int((~issues.bad).sum()),
        repaired=int((repaired & ~issues.bad).sum()),
        rejected=int(issues.bad.sum()),
    )
    if raw.deleted:
        issues.add("W_DELETED", "note", f"{raw.deleted} 条记录已标记删除，未导入",
                   f"{raw.deleted} records are marked as deleted and left out")  # fmt: skip
    if not count:
        issues.add("E_EMPTY", "error", "文件中没有记录", "the file holds no records",
                   where=report.format.layer if report.format else None)  # fmt: skip
    issues.locate(points)
    table = sides.rows_table(
        issues, attributes, layer, records=raw.records, repaired=repaired,
        stated=measure.stated_m2(attributes, layer), computed=sizes, points=points,
    )  # fmt: skip
    sides.write(out / sides.ROWS, table)
    report.sides.append(sides.ROWS)
    if geometry is not None:
        say("stage", 0.9)
        stage.save(
            out / stage.FILE, layer, raw.rows, attributes, geometry, sizes,
            mode=str(report.mode), committable=issues.state == "ready", given=given,
        )  # fmt: skip
        report.staged = stage.FILE


def _planar(flat: Any, choice: CrsChoice, layer: Layer) -> Any:
    """Areas in the plane of the file's own system, m²; None where that is no plane."""
    if layer.geometry != "MultiPolygon" or not choice.value or choice.value in crs.SHIFTED:
        return None
    system = crs.resolve(choice.value)
    if not system.is_projected:
        return None
    areas = shapely.area(flat) * system.axis_info[0].unit_conversion_factor ** 2
    return np.where(shapely.is_missing(flat), np.nan, areas)


def _attributes(
    raw: Raw,
    layer: Layer,
    codelists: Mapping[str, Codelist],
    decisions: Decisions,
    report: Report,
    issues: Issues,
) -> tuple[pa.Table, tuple[str, ...]]:
    """(the layer's fields in order, which of them were given)."""
    try:
        columns, report.mapping = mapping.match(raw.attributes, layer, decisions, issues)
    except Rejected as error:
        issues.refuse(error, "mapping")
        columns, report.mapping = mapping.match(raw.attributes, layer, Decisions(), issues)
    result: dict[str, Any] = {}
    units: dict[str, Any] = {f.field: f.unit for f in report.mapping.fields if f.unit}
    for field in layer.fields:
        if field.name in decisions.constants and field.name not in columns:
            column = mapping.constant(decisions.constants[field.name], len(raw.rows))
        elif field.name in columns:
            column = raw.attributes[columns[field.name]]
        else:
            result[field.name] = pa.nulls(len(raw.rows), values.ARROW[field.type])
            continue
        codes = codelists[field.codelist] if field.codelist else None
        scale = None
        if (said := units.get(field.name)) and (own := area_units.field_unit(field)):
            scale = area_units.factor(said, own)
        result[field.name] = values.convert(column, field, codes, issues, scale)
    table = pa.table(result)
    values.check_key(table, layer, issues)
    return table, tuple(f.name for f in layer.fields if f.name not in report.mapping.missing)
