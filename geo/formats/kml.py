"""KML for map software: folders by county, one style a class, fields as ExtendedData.

Coordinates are lon, lat of CGCS2000, which agrees with the WGS 84 of KML to decimetres.
Folders are put together from one file each, so that memory does not grow with the rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import isnan
from pathlib import Path
from typing import IO, Any
from xml.sax.saxutils import escape, quoteattr

import pyarrow as pa
import shapely

from geo.formats.source import GEOMETRY, Source, text_of

_DECIMALS = 9
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def write(path: Path, source: Source) -> None:
    """Write the document; a layer without geometry has placemarks without shapes."""
    layer = source.layer
    folder_field = layer.county_field if layer.county_field in source.names else None
    labels = source.labels(folder_field) if folder_field else {}
    opened: dict[str | None, IO[str]] = {}
    try:
        for batch in source.batches():
            keys = text_of(batch, folder_field).to_pylist() if folder_field else [None] * len(batch)
            for key, mark in zip(keys, _placemarks(source, batch), strict=True):
                if key not in opened:
                    place = path.with_name(f"folder{len(opened)}")
                    opened[key] = place.open("w+", encoding="utf-8")
                opened[key].write(mark)
        with path.open("w", encoding="utf-8") as out:
            out.write(_head(source))
            for key in sorted(opened, key=lambda k: (k is None, str(k))):
                if folder_field:
                    name = labels.get(str(key), str(key)) if key is not None else "-"
                    out.write(f"<Folder><name>{_text(name)}</name>\n")
                opened[key].seek(0)
                while piece := opened[key].read(1 << 20):
                    out.write(piece)
                out.write("</Folder>\n" if folder_field else "")
            out.write("</Document></kml>\n")
    finally:
        for number, file in enumerate(opened.values()):
            file.close()
            path.with_name(f"folder{number}").unlink(missing_ok=True)


def _head(source: Source) -> str:
    layer = source.layer
    fields = "".join(
        f'<SimpleField type="{_type(source.schema.field(name).type)}" name={quoteattr(name)}>'
        f"<displayName>{_text(source.title(name))}</displayName></SimpleField>"
        for name in _names(source)
    )
    styles = "".join(
        _style(code, color, layer.style.outline or color) for code, color in _colors(source).items()
    )
    about = "\n".join((layer.description.get(source.language), *(zh for zh, _ in source.about)))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2">'
        f"<Document><name>{_text(layer.title.get(source.language))}</name>"
        f"<description>{_text(about)}</description>\n"
        f'<Schema id="s" name={quoteattr(layer.id)}>{fields}</Schema>\n{styles}'
    )


def _style(code: str, color: str, outline: str) -> str:
    return (
        f"<Style id={quoteattr(f'c{code}')}>"
        f"<LineStyle><color>{_color(outline)}</color><width>1.5</width></LineStyle>"
        f"<PolyStyle><color>{_color(color, '99')}</color></PolyStyle>"
        f"<IconStyle><color>{_color(color)}</color></IconStyle></Style>\n"
    )


def _placemarks(source: Source, batch: pa.RecordBatch) -> Iterator[str]:
    names = _names(source)
    columns = [_shown(text_of(batch, name)) for name in names]
    label = source.layer.label
    titles = text_of(batch, label).to_pylist() if label in names else [None] * len(batch)
    by = source.layer.style.by
    codes = text_of(batch, by).to_pylist() if by in names else [""] * len(batch)
    known = _colors(source)
    shapes = _shapes(source, batch)
    heads = [f"<SimpleData name={quoteattr(name)}>" for name in names]
    for row in range(len(batch)):
        data = "".join(
            f"{head}{column[row]}</SimpleData>"
            for head, column in zip(heads, columns, strict=True)
            if column[row] is not None
        )
        style = codes[row] if codes[row] in known else ""
        yield (
            f"<Placemark><name>{_text(titles[row] or '')}</name>"
            f"<styleUrl>#c{_text(style)}</styleUrl>"
            f'<ExtendedData><SchemaData schemaUrl="#s">{data}</SchemaData></ExtendedData>'
            f"{shapes[row]}</Placemark>\n"
        )


def _shapes(source: Source, batch: pa.RecordBatch) -> list[str]:
    if not source.has_geometry:
        return [""] * len(batch)
    shapes = shapely.from_wkb(batch.column(GEOMETRY).to_numpy(zero_copy_only=False))
    texts = shapely.to_wkt(shapes, rounding_precision=_DECIMALS)
    return [_shape(text) for text in texts]


def _shape(wkt: str | None) -> str:
    """Well-known text -> KML: only the signs between the numbers differ."""
    if not wkt or "EMPTY" in wkt:
        return ""
    kind, _, body = wkt.partition(" (")
    rings = f"({body}".replace(", ", "\n").replace(" ", ",").replace("\n", " ")
    if kind == "POINT":
        return f"<Point><coordinates>{rings.strip('()')}</coordinates></Point>"
    if kind == "MULTILINESTRING":
        lines = rings[2:-2].split(") (")
        line = "<LineString><coordinates>{}</coordinates></LineString>".format
        return _many("".join(map(line, lines)), len(lines))
    parts = rings[3:-3].split(")) ((")
    return _many("".join(_polygon(part) for part in parts), len(parts))


def _many(inside: str, count: int) -> str:
    return inside if count == 1 else f"<MultiGeometry>{inside}</MultiGeometry>"


def _polygon(part: str) -> str:
    ring = "<LinearRing><coordinates>{}</coordinates></LinearRing>".format
    outer, *holes = part.split(") (")
    inner = "".join(f"<innerBoundaryIs>{ring(hole)}</innerBoundaryIs>" for hole in holes)
    return f"<Polygon><outerBoundaryIs>{ring(outer)}</outerBoundaryIs>{inner}</Polygon>"


def _shown(values: pa.Array) -> list[str | None]:
    """Values as XML text."""
    kind = values.type
    if pa.types.is_string(kind):
        coded = values.dictionary_encode()
        words = [_text(text) for text in coded.dictionary.to_pylist()]
        return [None if i is None else words[i] for i in coded.indices.to_pylist()]
    found = values.to_pylist()
    if pa.types.is_boolean(kind):
        return [None if v is None else str(v).lower() for v in found]
    if pa.types.is_temporal(kind):
        return [None if v is None else v.isoformat() for v in found]
    return [None if v is None or isnan(v) else repr(v) for v in found]


def _names(source: Source) -> list[str]:
    return [name for name in source.names if name != "fid"]


def _colors(source: Source) -> dict[str, str]:
    """Colours by the code of the field that colours the layer; '' for all others."""
    style = source.layer.style
    field = source.layer.by_name.get(style.by or "")
    codes = source.codelists[field.codelist].codes if field and field.codelist else ()
    return {"": style.color} | {code.code: code.color or style.color for code in codes}


def _color(rgb: str, alpha: str = "ff") -> str:
    return f"{alpha}{rgb[5:7]}{rgb[3:5]}{rgb[1:3]}"


def _type(kind: pa.DataType) -> str:
    if pa.types.is_integer(kind):
        return "int"
    if pa.types.is_floating(kind):
        return "double"
    return "bool" if pa.types.is_boolean(kind) else "string"


def _text(value: Any) -> str:
    return escape(_ILLEGAL.sub(" ", str(value)))
