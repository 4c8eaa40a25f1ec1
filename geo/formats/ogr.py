"""GeoPackage and FlatGeobuf by GDAL, fed with Arrow batches as they come.

GDAL brings its own SQLite: call this in a child process, on a path of its own. Titles go
along as aliases, the style as a table that QGIS reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import pyarrow as pa
import shapely

from geo.crs import STORAGE
from geo.formats.source import GEOMETRY, Source, text_of
from geo.live import refuse_live

_ALIAS = b"GDAL:OGR:alternative_name"
_COMMENT = b"GDAL:OGR:comment"


def write_gpkg(path: Path, source: Source) -> None:
    """One layer named as ours, its titles as aliases, and ``layer_styles``."""
    options = {
        "FID": "fid",
        "IDENTIFIER": source.layer.title.zh,
        "DESCRIPTION": "\n".join((source.layer.description.zh, *(zh for zh, _ in source.about))),
    }
    if source.has_geometry:
        options |= {"GEOMETRY_NAME": "geom", "SPATIAL_INDEX": "YES"}
    _write(path, source, "GPKG", options, {"VERSION": "1.4"})
    if source.has_geometry:
        _styles(path, source)


def write_fgb(path: Path, source: Source) -> None:
    """FlatGeobuf with its index, where every row has a shape."""
    missing = any(batch.column(GEOMETRY).null_count for batch in source.batches())
    _write(path, source, "FlatGeobuf", {"SPATIAL_INDEX": "NO" if missing else "YES"}, {})


def _write(
    path: Path,
    source: Source,
    driver: str,
    layer_options: dict[str, str],
    dataset_options: dict[str, str],
) -> None:
    from pyogrio.raw import write_arrow  # noqa: PLC0415

    refuse_live(path)
    schema = _schema(source)
    reader = pa.RecordBatchReader.from_batches(schema, _batches(source, schema))
    geometry: dict[str, Any] = {}
    if source.has_geometry:
        geometry = {
            "geometry_name": GEOMETRY, "geometry_type": source.layer.geometry, "crs": source.crs,
        }  # fmt: skip
    write_arrow(
        reader, path, layer=source.layer.id, driver=driver, layer_options=layer_options,
        dataset_options=dataset_options, **geometry,
    )  # fmt: skip


def _schema(source: Source) -> pa.Schema:
    fields = []
    for found in source.schema:
        kind = found.type.value_type if pa.types.is_dictionary(found.type) else found.type
        about: dict[bytes, bytes] = {}
        if found.name not in ("fid", GEOMETRY):
            about[_ALIAS] = source.title(found.name, "zh").encode()
            about[_COMMENT] = source.title(found.name, "en").encode()
        fields.append(pa.field(found.name, kind, metadata=about))
    return pa.schema(fields)


def _batches(source: Source, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for batch in source.batches():
        columns = {name: text_of(batch, name) for name in schema.names}
        # GDAL writes the ids that it gave into this column; ours lies in a read-only mapping.
        columns["fid"] = pa.array(columns["fid"].to_numpy().copy())
        if source.has_geometry and source.crs != STORAGE:
            wkb = shapely.to_wkb(source.shapes(batch))
            columns[GEOMETRY] = pa.array(wkb, pa.large_binary(), from_pandas=True)
        yield pa.RecordBatch.from_arrays(list(columns.values()), schema=schema)


def _styles(path: Path, source: Source) -> None:
    """The table ``layer_styles`` with one default style, as QGIS keeps it."""
    from pyogrio.raw import write_arrow  # noqa: PLC0415

    row = {
        "f_table_catalog": "", "f_table_schema": "", "f_table_name": source.layer.id,
        "f_geometry_column": "geom", "styleName": source.layer.title.zh, "styleQML": qml(source),
        "styleSLD": "", "useAsDefault": True, "description": source.layer.title.en,
        "owner": "liangtian", "ui": None,
    }  # fmt: skip
    kinds = {name: pa.string() for name in row} | {"useAsDefault": pa.bool_()}
    table = pa.table({name: pa.array([value], kinds[name]) for name, value in row.items()})
    write_arrow(
        table, path, layer="layer_styles", driver="GPKG", append=True,
        layer_options={"FID": "id", "ASPATIAL_VARIANT": "GPKG_ATTRIBUTES"},
    )  # fmt: skip


def qml(source: Source) -> str:
    """A QGIS style: one colour, or one a code of the field that colours the layer."""
    style, layer = source.layer.style, source.layer
    kind = {"Point": "marker", "MultiLineString": "line", "MultiPolygon": "fill"}[
        str(layer.geometry)
    ]
    field = layer.by_name.get(style.by or "")
    codes = source.codelists[field.codelist].codes if field and field.codelist else ()
    named = [(code.code, code.title.get(source.language), code.color) for code in codes]
    entries = [(c, label, color or style.color) for c, label, color in named] or [
        ("", layer.title.zh, style.color)
    ]
    symbols = "".join(
        f'<symbol type="{kind}" name="{i}" alpha="1">{_symbol(kind, color, style.outline)}</symbol>'
        for i, (_, _, color) in enumerate(entries)
    )
    if named and style.by in source.names:
        categories = "".join(
            f'<category symbol="{i}" value={quoteattr(code)} label={quoteattr(label)}'
            ' render="true"/>'
            for i, (code, label, _) in enumerate(entries)
        )
        renderer = (
            f'<renderer-v2 type="categorizedSymbol" attr="{style.by}" symbollevels="0">'
            f"<categories>{categories}</categories><symbols>{symbols}</symbols></renderer-v2>"
        )
    else:
        renderer = f'<renderer-v2 type="singleSymbol"><symbols>{symbols}</symbols></renderer-v2>'
    aliases = "".join(
        f'<alias index="{i}" field="{name}" name={quoteattr(source.title(name))}/>'
        for i, name in enumerate(source.names)
    )
    return (
        '<!DOCTYPE qgis PUBLIC "http://mrcc.com/qgis.dtd" "SYSTEM">'
        f'<qgis version="3.34" styleCategories="Symbology|Fields">{renderer}'
        f"<aliases>{aliases}</aliases></qgis>"
    )


def _symbol(kind: str, color: str, outline: str | None) -> str:
    rgb = ",".join(str(int(color[i : i + 2], 16)) for i in (1, 3, 5)) + ",255"
    edge = outline or color
    border = ",".join(str(int(edge[i : i + 2], 16)) for i in (1, 3, 5)) + ",255"
    cls, values = {
        "marker": ("SimpleMarker", {"color": rgb, "outline_color": border, "size": "2.4"}),
        "line": ("SimpleLine", {"line_color": rgb, "line_width": "0.5"}),
        "fill": ("SimpleFill", {"color": rgb, "outline_color": border, "outline_width": "0.2"}),
    }[kind]
    options = "".join(f'<Option type="QString" name="{k}" value="{v}"/>' for k, v in values.items())
    return (
        f'<layer class="{cls}" enabled="1" pass="0" locked="0">'
        f'<Option type="Map">{options}</Option></layer>'
    )
